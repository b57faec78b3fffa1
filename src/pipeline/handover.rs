//! What passes between the halves of the pipeline. All of it is handed over, nothing is shared: so the scorer may work on what came before while
//! the intake takes what comes after, and neither can tell when the other does.
//!
//! | the intake hands over | and hears |
//! |---|---|
//! | stored chunks | what of them it needs itself: where partitions stand, their ids, what was counted |
//! | deltas, with the members they name | whether they are on their way to the store, and as which cut |
//! | that a cut is in the store | nothing |
//! | another book | nothing |

use std::collections::BTreeMap;
use std::sync::Arc;

use super::floor::Floor;
use super::message::{CutId, DeadLetterSample, Effect, LogStart, RestoredChunk};
use crate::aggregate::dedup::Ids;
use crate::aggregate::delta::Delta;
use crate::aggregate::member::Members;
use crate::aggregate::pair::Tuples;
use crate::book::Book;
use crate::chunk::EvaluatedRange;
use crate::event::{Offset, Partition};
use crate::score::{CheckIn, FrozenBaseline};
use crate::snapshot::CounterKey;
use crate::time::Timestamp;

/// What the intake answers to an input.
#[derive(Debug)]
pub enum Reaction {
    /// Something shall happen outside.
    Effect(Effect),
    /// The scorer shall do this; its answer goes to [`super::Intake::hear`].
    Score(ToScorer),
}

/// Work of the scorer, to be done in the order in which it is handed over.
#[derive(Debug)]
pub enum ToScorer {
    /// The store was read.
    Restored {
        /// The floor under which it is read.
        floor: Floor,
        /// What people said since the last work.
        told: Told,
        /// All chunks.
        chunks: Vec<RestoredChunk>,
    },
    /// What came since the last cut, to be merged and scored. Nothing is handed over after it before its answer has come, and before what it
    /// may send to the store is there.
    Handover(Box<Handover>),
    /// A cut is in the store: its Snapshot is shown.
    Persisted(CutId),
    /// Another book scores from now on, of whose facts nothing is known yet.
    Adopt(Arc<Book>),
}

/// What people said, and what the store has frozen: each as a whole, if it has changed.
#[derive(Clone, Debug, Default)]
pub struct Told {
    pub(super) check_ins: Option<Vec<CheckIn>>,
    pub(super) baselines: Option<Vec<FrozenBaseline>>,
}

/// What came since the last cut, and how far it is known.
#[derive(Debug)]
pub struct Handover {
    pub(super) now: Timestamp,
    /// The floor of `now`, or a higher one from before.
    pub(super) floor: Floor,
    pub(super) told: Told,
    /// Of every partition that is known, claimed or not.
    pub(super) progress: Vec<Progress>,
    /// Whether a claimed one has not reached its log's end yet, or one was never read at all.
    pub(super) catching_up: bool,
    /// Of every partition that brought something.
    pub(super) uncut: Vec<Uncut>,
    /// The members that the deltas name, and nobody else.
    pub(super) members: Members,
    pub(super) tuples: Tuples,
    pub(super) samples: Vec<DeadLetterSample>,
}

/// How far a partition is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Progress {
    pub(super) partition: Partition,
    pub(super) start: Option<LogStart>,
    pub(super) log_end: Option<(Offset, Timestamp)>,
    pub(super) complete_until: Option<Timestamp>,
    pub(super) ids_held: usize,
    pub(super) has_let_ids_go: bool,
}

/// What one partition brought since its last cut.
#[derive(Debug)]
pub(super) struct Uncut {
    pub(super) partition: Partition,
    /// Where the store stands; `None` if nothing was ever committed.
    pub(super) from: Option<Offset>,
    pub(super) chunk_from: Offset,
    pub(super) to: Offset,
    pub(super) leader_epoch: Option<i32>,
    pub(super) complete_until: Option<Timestamp>,
    pub(super) evaluated: Vec<EvaluatedRange>,
    /// The floor under which something of it was left out.
    pub(super) floor: Option<Timestamp>,
    pub(super) delta: Delta,
}

/// The scorer's answer to one piece of work.
#[derive(Debug)]
pub struct Scored {
    pub(super) effects: Vec<Effect>,
    pub(super) news: News,
}

/// What the intake hears.
#[derive(Debug)]
pub(super) enum News {
    None,
    /// The answer to [`ToScorer::Restored`], unless the chunks cannot be read.
    Restored {
        partitions: BTreeMap<Partition, Known>,
        /// Dead letters and value faults so far.
        refused: BTreeMap<CounterKey, u64>,
        is_past_budget: bool,
    },
    /// The answer to [`ToScorer::Handover`].
    Taken {
        /// The cut that is on its way to the store.
        cut: Option<CutId>,
        is_past_budget: bool,
    },
}

/// What the intake knows of a partition, claimed or not.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) start: Option<LogStart>,
    /// Where the store stands, or will when the cut on its way is there.
    pub(super) next_offset: Option<Offset>,
    pub(super) complete_until: Option<Timestamp>,
    pub(super) log_end: Option<(Offset, Timestamp)>,
    pub(super) ids: Ids,
}

impl Known {
    /// A partition of which nothing is known, and whose ids have room for `ids_max`.
    pub(super) fn new(ids_max: usize) -> Known {
        Known { start: None, next_offset: None, complete_until: None, log_end: None, ids: Ids::new(ids_max) }
    }
}

impl Scored {
    /// An answer that says nothing beside what shall happen.
    pub(super) fn of(effects: Vec<Effect>) -> Scored {
        Scored { effects, news: News::None }
    }

    /// Whether stored facts were read.
    pub fn is_restored(&self) -> bool {
        matches!(self.news, News::Restored { .. })
    }

    /// Whether records were merged, or only what was known scored anew.
    pub fn is_cut(&self) -> bool {
        matches!(self.news, News::Taken { cut: Some(_), .. })
    }
}
