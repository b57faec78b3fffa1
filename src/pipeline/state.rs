//! Both halves of the pipeline as one: what the intake hands over is scored at once. For everybody who does not need them on two threads.
//!
//! | input | does |
//! |---|---|
//! | Restored | forgets everything, then reads all stored chunks |
//! | Exist | knows that these are there: their topics' events are not known while one was never read |
//! | Claimed | goes on where the store stands; if the ledger stands elsewhere, asks to read the store again |
//! | Records | takes those of the current assignment, in order of offset, into their partition's delta |
//! | LogEnd | remembers how far the broker says the log goes; reached, it completes the partition up to the answer's time |
//! | Incident | counts it, and keeps its words |
//! | Gone | passes over what retention took; what was evaluated is then two ranges, and `data_from` tells |
//! | Tick | publishes if nothing is new, else cuts; nothing while a cut is on its way |
//! | Flush | cuts if anything is new and no cut is on its way |
//! | Persisted | publishes the cut's Snapshot |
//! | CheckIns, Baselines | takes them, from the next score on; frozen baselines then hold whatever the facts become |
//! | Unassigned | drops what was not cut |

use std::sync::Arc;

use super::handover::Reaction;
use super::intake::Intake;
use super::message::*;
use super::scorer::{Held, Scorer};
use crate::aggregate::budget::Budgets;
use crate::book::Book;
use crate::time::Timestamp;

/// An intake and its scorer.
pub struct State {
    intake: Intake,
    scorer: Scorer,
}

impl State {
    /// An empty state for `book`. Rows at or after `until` are left out, which is how `replay --at` looks back.
    pub fn new(book: Arc<Book>, until: Option<Timestamp>) -> State {
        State { intake: Intake::new(Arc::clone(&book), until), scorer: Scorer::new(book) }
    }

    /// The same, with other budgets.
    pub fn with_budgets(self, budgets: Budgets) -> State {
        State { intake: self.intake.with_budgets(budgets), scorer: self.scorer.with_budgets(budgets) }
    }

    /// The same, for nobody who stores anything: cuts are not encoded.
    pub fn without_store(self) -> State {
        State { scorer: self.scorer.without_store(), ..self }
    }

    /// Whether the deltas are so full that no records should be taken before a cut is persisted.
    pub fn is_saturated(&self) -> bool {
        self.intake.is_saturated()
    }

    /// The greatest event time of all rows so far.
    pub fn last_event_at(&self) -> Option<Timestamp> {
        self.intake.last_event_at().max(self.scorer.last_event_at())
    }

    /// How much is held of what is cut.
    pub fn held(&self) -> Held {
        self.scorer.held()
    }

    pub(super) fn step(&mut self, input: Input<'_>) -> Vec<Effect> {
        let mut effects = Vec::new();
        for reaction in self.intake.step(input) {
            match reaction {
                Reaction::Effect(effect) => effects.push(effect),
                Reaction::Score(work) => {
                    effects.extend(self.intake.hear(self.scorer.step(work)));
                }
            }
        }
        effects
    }
}
