//! The scorer: merges what the intake hands over into the ledger, scores it, and says what is to be stored and shown.

mod budget_use;
mod chunk_members;
mod cut;
mod daily;
mod derive;
mod frozen;
mod join;
mod ledger;
mod load;
mod raise;
mod restore;

pub use daily::DailyFact;
pub use ledger::Held;

use std::sync::Arc;

use super::floor::Floor;
use super::handover::*;
use super::message::*;
use super::pack::Names;
use crate::aggregate::budget::Budgets;
use crate::aggregate::dedup::Ids;
use crate::aggregate::plan::Plan;
use crate::book::Book;
use crate::event::Partition;
use crate::score::{CheckIn, FrozenBaseline};
use crate::snapshot::CounterKey;
use crate::time::Timestamp;
use cut::OnItsWay;
use daily::Daily;
use ledger::Ledger;

/// Everything that scoring depends on.
pub struct Scorer {
    book: Arc<Book>,
    plan: Arc<Plan>,
    names: Names,
    ledger: Ledger,
    check_ins: Vec<CheckIn>,
    baselines: Vec<FrozenBaseline>,
    cuts: u64,
    on_its_way: Option<OnItsWay>,
    daily: Daily,
    stores: bool,
}

impl Scorer {
    /// One that knows no facts of `book`.
    pub fn new(book: Arc<Book>) -> Scorer {
        let plan = Arc::new(Plan::of(&book));
        Scorer {
            names: Names::of(&plan.aggregates),
            ledger: Ledger::new(Arc::clone(&book), Arc::clone(&plan), Budgets::default()),
            check_ins: Vec::new(),
            baselines: Vec::new(),
            cuts: 0,
            on_its_way: None,
            daily: Daily::default(),
            stores: true,
            book,
            plan,
        }
    }

    /// The same, with other budgets.
    pub fn with_budgets(mut self, budgets: Budgets) -> Scorer {
        self.ledger.facts.budgets = budgets;
        self
    }

    /// The same, for nobody who stores anything: cuts are not encoded.
    pub fn without_store(mut self) -> Scorer {
        self.stores = false;
        self
    }

    /// The greatest event time of what was merged.
    pub fn last_event_at(&self) -> Option<Timestamp> {
        self.ledger.partitions.values().filter_map(|known| known.last_event_at()).max()
    }

    /// How much is held of what was merged.
    pub fn held(&self) -> Held {
        self.ledger.held()
    }

    /// Does one piece of work.
    pub fn step(&mut self, work: ToScorer) -> Scored {
        match work {
            ToScorer::Restored { floor, told, chunks } => {
                self.hear(told);
                self.restore(floor, &chunks)
            }
            ToScorer::Handover(handover) => self.take(*handover),
            ToScorer::Persisted(id) => Scored::of(self.persisted(id)),
            ToScorer::Adopt(book) => {
                self.adopt(book);
                Scored::of(Vec::new())
            }
        }
    }

    fn hear(&mut self, told: Told) {
        told.check_ins.into_iter().for_each(|check_ins| self.check_ins = check_ins);
        told.baselines.into_iter().for_each(|baselines| self.baselines = baselines);
    }

    /// Begins anew for another book, knowing what people said.
    fn adopt(&mut self, book: Arc<Book>) {
        *self = Scorer {
            check_ins: std::mem::take(&mut self.check_ins),
            baselines: std::mem::take(&mut self.baselines),
            cuts: self.cuts,
            stores: self.stores,
            ..Scorer::new(book).with_budgets(self.ledger.facts.budgets)
        };
    }

    fn restore(&mut self, floor: Floor, chunks: &[RestoredChunk]) -> Scored {
        self.ledger = Ledger::new(Arc::clone(&self.book), Arc::clone(&self.plan), self.ledger.facts.budgets);
        // Before the chunks: derived cells are then made once, under the right mask.
        self.ledger.raise_floor(floor);
        self.on_its_way = None;
        match self.ledger.absorb_stored(chunks) {
            Ok(ids) => {
                let is_past_budget = !self.ledger.facts.passed.is_empty();
                let partitions = ids.into_iter().map(|(partition, ids)| (partition, self.known(partition, ids)));
                let is_refused =
                    |key: &CounterKey| matches!(key, CounterKey::DeadLetters { .. } | CounterKey::ValueFaults { .. });
                let refused = self.ledger.counters.iter().filter(|(key, _)| is_refused(key));
                let news = News::Restored {
                    partitions: partitions.collect(),
                    refused: refused.map(|(key, count)| (key.clone(), *count)).collect(),
                    is_past_budget,
                };
                Scored { effects: Vec::new(), news }
            }
            Err((partition, fault)) => {
                let topic = &self.book.topics[usize::from(partition.topic.0)].name;
                let reason = format!("stored facts of {topic}/{} cannot be read: {fault}", partition.number);
                Scored::of(vec![Effect::GiveUp { reason }])
            }
        }
    }

    /// What the intake has to know of a partition.
    fn known(&self, partition: Partition, ids: Ids) -> Known {
        let absorbed = self.ledger.partitions.get(&partition);
        Known {
            start: None,
            next_offset: absorbed.and_then(|absorbed| absorbed.next_offset),
            complete_until: absorbed.and_then(|absorbed| absorbed.complete_until),
            log_end: None,
            ids,
        }
    }
}
