//! The state of the pipeline, and what each input does to it.
//!
//! | input | does |
//! |---|---|
//! | Restored | forgets everything, then reads all stored chunks |
//! | Claimed | goes on where the store stands; if the ledger stands elsewhere, asks to read the store again |
//! | Records | takes those of the current assignment, in order of offset, into their partition's delta |
//! | LogEnd | remembers how far the broker says the log goes; reached, it completes the partition up to the answer's time |
//! | Incident | counts it, and keeps its words |
//! | Gone | passes over what retention took; what was evaluated is then two ranges, and `data_from` tells |
//! | Tick | publishes if nothing is new, else cuts; nothing while a cut is on its way |
//! | Flush | cuts if anything is new and no cut is on its way |
//! | Persisted | publishes the cut's Snapshot |
//! | Baselines | takes the frozen ones, which then hold whatever the facts become |
//! | Unassigned | drops what was not cut |

use std::collections::BTreeMap;
use std::sync::Arc;

use super::claimed::Claimed;
use super::cut::OnItsWay;
use super::daily::Daily;
use super::floor::Floor;
use super::ledger::{Held, Ledger, Origin};
use super::load::LoadingHalves;
use super::message::*;
use super::pack::{self, Names};
use super::restore;
use crate::aggregate::aggregator::Aggregator;
use crate::aggregate::budget::Budgets;
use crate::aggregate::loading::Loading;
use crate::aggregate::plan::Plan;
use crate::book::Book;
use crate::chunk;
use crate::event::{Offset, Partition};
use crate::score::{CheckIn, FrozenBaseline};
use crate::time::Timestamp;

/// Entries that all deltas together may hold before consumption stops for a cut: about 100 bytes each, so 200 MB. As many
/// again may lie in the cut before, as rows, until the store's task has encoded them.
pub const DELTA_ENTRIES_MAX: usize = 2_000_000;

/// Everything that scoring depends on.
pub struct State {
    pub(super) book: Arc<Book>,
    pub(super) plan: Arc<Plan>,
    pub(super) names: Names,
    pub(super) aggregator: Aggregator,
    pub(super) ledger: Ledger,
    pub(super) claimed: BTreeMap<Partition, Claimed>,
    pub(super) check_ins: Vec<CheckIn>,
    pub(super) baselines: Vec<FrozenBaseline>,
    pub(super) now: Option<Timestamp>,
    pub(super) cuts: u64,
    pub(super) on_its_way: Option<OnItsWay>,
    pub(super) samples: Vec<DeadLetterSample>,
    pub(super) daily: Daily,
}

impl State {
    /// An empty state for `book`. Rows at or after `until` are left out, which is how `replay --at` looks back.
    pub fn new(book: Arc<Book>, until: Option<Timestamp>) -> State {
        let plan = Arc::new(Plan::of(&book));
        State {
            names: Names::of(&plan.aggregates),
            aggregator: Aggregator::new(&book, until),
            ledger: Ledger::new(Arc::clone(&book), Arc::clone(&plan), Budgets::default()),
            claimed: BTreeMap::new(),
            check_ins: Vec::new(),
            baselines: Vec::new(),
            now: None,
            cuts: 0,
            on_its_way: None,
            samples: Vec::new(),
            daily: Daily::default(),
            book,
            plan,
        }
    }

    /// The same, with other budgets.
    pub fn with_budgets(mut self, budgets: Budgets) -> State {
        self.ledger.facts.budgets = budgets;
        self
    }

    /// Whether the deltas are so full that no records should be taken before a cut is persisted.
    pub fn is_saturated(&self) -> bool {
        self.claimed.values().map(|claimed| claimed.delta.entries()).sum::<usize>() >= DELTA_ENTRIES_MAX
    }

    /// The greatest event time of all rows so far.
    pub fn last_event_at(&self) -> Option<Timestamp> {
        let cut = self.ledger.partitions.values().filter_map(|known| known.last_event_at());
        let uncut =
            self.claimed.values().flat_map(|claimed| &claimed.delta.times).filter_map(|times| times.last_event_at);
        cut.chain(uncut).max()
    }

    /// An empty state for another book, which knows what people said and what the clock says.
    pub fn with_book(&self, book: Arc<Book>) -> State {
        let mut state = State::new(book, None).with_budgets(self.ledger.facts.budgets);
        state.check_ins.clone_from(&self.check_ins);
        state.baselines.clone_from(&self.baselines);
        (state.now, state.cuts) = (self.now, self.cuts);
        state
    }

    /// Whether everything that was consumed is stored.
    pub fn is_stored(&self) -> bool {
        self.on_its_way.is_none() && !self.is_dirty()
    }

    /// How much is held of what is cut.
    pub fn held(&self) -> Held {
        self.ledger.held()
    }

    /// Whether a cut is being persisted.
    pub fn is_persisting(&self) -> bool {
        self.on_its_way.is_some()
    }

    /// The next offset of each claimed partition.
    pub fn next_offsets(&self) -> impl Iterator<Item = (Partition, Offset)> + '_ {
        self.claimed.iter().map(|(partition, claimed)| (*partition, claimed.next_offset))
    }

    pub(super) fn step(&mut self, input: Input<'_>) -> Vec<Effect> {
        match input {
            Input::Tick { now } => {
                self.now = Some(now);
                self.tick(now)
            }
            Input::Records { partition, epoch, records, leader_epoch } => {
                self.take(partition, epoch, records, leader_epoch);
                Vec::new()
            }
            Input::LogEnd { partition, end, position, at } => {
                self.log_end(partition, end, position, at);
                Vec::new()
            }
            Input::Gone { partition, to } => {
                let start = self.ledger.partition(partition).start;
                if let Some(claimed) = self.claimed.get_mut(&partition).filter(|claimed| claimed.next_offset < to) {
                    let detail = format!("offsets {} to {to} were gone before they were read", claimed.next_offset);
                    claimed.pass_over(to, start);
                    self.incident(partition, IncidentKind::RetentionPassed, detail);
                }
                Vec::new()
            }
            Input::Incident { partition, kind, detail } => {
                self.incident(partition, kind, detail);
                Vec::new()
            }
            Input::Restored { chunks } => self.restore(&chunks),
            Input::Claimed(partitions) => self.claim(partitions),
            Input::Unassigned(partitions) => {
                partitions.iter().for_each(|partition| self.drop_uncut(*partition));
                Vec::new()
            }
            Input::Persisted(id) => self.persisted(id),
            Input::CheckIns(check_ins) => {
                self.check_ins = check_ins;
                Vec::new()
            }
            Input::Baselines(baselines) => {
                self.baselines = baselines;
                Vec::new()
            }
            Input::Flush => match self.now {
                Some(now) if self.on_its_way.is_none() && self.is_dirty() => self.cut(now),
                _ => Vec::new(),
            },
        }
    }

    fn incident(&mut self, partition: Partition, kind: IncidentKind, detail: String) {
        let Some(claimed) = self.claimed.get_mut(&partition) else { return };
        *claimed.delta.counts.incidents.entry(kind.as_str()).or_default() += 1;
        claimed.is_remade |= kind == IncidentKind::TopicRemade;
        self.samples.push(pack::incident(partition, claimed.next_offset, kind, detail));
    }

    pub(super) fn raise_floor(&mut self, now: Timestamp) {
        self.ledger.raise_floor(Floor::of(&self.book, now));
        self.aggregator.leave_out_below(self.ledger.floor().at);
    }

    fn restore(&mut self, chunks: &[RestoredChunk]) -> Vec<Effect> {
        self.ledger = Ledger::new(Arc::clone(&self.book), Arc::clone(&self.plan), self.ledger.facts.budgets);
        // Before the chunks: derived cells are then made once, under the right mask.
        self.now.into_iter().for_each(|now| self.raise_floor(now));
        self.claimed.clear();
        self.on_its_way = None;
        self.samples.clear();
        match self.absorb_stored(chunks) {
            Ok(()) => Vec::new(),
            Err((partition, fault)) => {
                let topic = &self.book.topics[usize::from(partition.topic.0)].name;
                let reason = format!("stored facts of {topic}/{} cannot be read: {fault}", partition.number);
                vec![Effect::GiveUp { reason }]
            }
        }
    }

    fn absorb_stored(&mut self, chunks: &[RestoredChunk]) -> Result<(), restore::Refused> {
        restore::check(chunks)?;
        let mut loading: LoadingHalves = self.plan.pairs.iter().map(|_| Loading::default()).collect();
        for stored in chunks {
            let chunk = chunk::decode(&stored.bytes).map_err(|fault| (stored.partition, fault.to_string()))?;
            if let Some(range) = self.ledger.evaluated_twice(stored.partition, &chunk) {
                return Err((stored.partition, restore::twice(range.from)));
            }
            self.ledger.absorb(stored.partition, &chunk, Origin::Stored(&mut loading));
        }
        self.ledger.loaded(loading);
        Ok(())
    }
}
