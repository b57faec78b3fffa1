//! The immutable view of everything a reader may ask: one cut, scored. Readers share it and never see anything newer or older mixed in.

pub mod arithmetic;
pub mod definition;
mod document;
mod explain;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::aggregate::budget::BudgetUse;
use crate::aggregate::facts::{EventProgress, PartitionProgress};
use crate::aggregate::plan::AggregateId;
use crate::book::Book;
use crate::chunk::EvaluatedRange;
use crate::event::Partition;
use crate::score::Scores;
use crate::time::Timestamp;

pub use explain::{
    CounterExplanation, EventExplanation, Explanation, HeldBack, OffsetRange, PartitionExplanation, explain,
};

/// One cut, scored.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The instant it was scored for.
    pub at: Timestamp,
    /// The book it was scored by.
    pub book: Arc<Book>,
    /// Whether any partition has not reached its log's end since the process began.
    pub catching_up: bool,
    /// The scores, parallel to the book's lists.
    pub scores: Scores,
    /// How far each event is known, by event index.
    pub events: Vec<EventProgress>,
    /// Each partition's offsets, in order.
    pub partitions: Vec<PartitionProgress>,
    /// The offset ranges over which each stored aggregate was evaluated, of other books too, by partition.
    pub evaluated: BTreeMap<Partition, BTreeMap<AggregateId, Vec<EvaluatedRange>>>,
    /// Counters over all partitions' history, by name: see [`crate::conventions`].
    pub counters: BTreeMap<CounterKey, u64>,
    /// How much of each budget of memory is used.
    pub budgets: Vec<BudgetUse>,
}

/// A counter that is stored with the facts, so that it survives a restart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CounterKey {
    /// Records of a topic by what became of them: `read`, `dead_letter`, `tombstone`.
    Records {
        /// The topic.
        topic: String,
        /// What became of them.
        result: String,
    },
    /// Dead letters of a topic by reason.
    DeadLetters {
        /// The topic.
        topic: String,
        /// Why.
        reason: String,
    },
    /// Values that a metric could not take.
    ValueFaults {
        /// The metric, or `event/NAME` for an event's own filter and dimensions.
        metric: String,
        /// Why.
        reason: String,
    },
    /// Copies that were removed.
    Copies {
        /// The event.
        event: String,
    },
    /// Rows counted although their day's ids had been let go.
    Unchecked {
        /// The event.
        event: String,
    },
    /// What befell a topic's logs.
    Incidents {
        /// The topic.
        topic: String,
        /// What: `retention_passed`, `topic_remade`.
        kind: String,
    },
    /// Rows left out because no window, baseline or cohort reaches back to them.
    BelowFloor {
        /// The event.
        event: String,
    },
    /// Keys that were used again after their pair fell below the floor: the new pair counts, where a longer memory would have joined both.
    KeysAgain {
        /// The metric.
        metric: String,
    },
    /// Offsets that the log did not give: control records, compacted or aborted ones, or a loss.
    SkippedOffsets {
        /// The topic.
        topic: String,
    },
}
