//! What goes into the pipeline and what comes out: inputs and effects, as plain data.

use std::sync::Arc;

use super::scorer::DailyFact;
use crate::chunk::Encoded;
use crate::event::{Offset, Partition, Record};
use crate::score::{CheckIn, FrozenBaseline};
use crate::snapshot::Snapshot;
use crate::time::Timestamp;

/// Number of one assignment of partitions to this process. A record of an earlier assignment is dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AssignmentEpoch(pub u64);

/// Number of a cut, rising by one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CutId(pub u64);

/// What happened outside.
#[derive(Debug)]
pub enum Input<'a> {
    /// The wall clock, once a second or so. Everything that depends on now happens here.
    Tick {
        /// The wall clock.
        now: Timestamp,
    },
    /// Records of one partition, in order of offset.
    Records {
        /// The partition.
        partition: Partition,
        /// The assignment under which they were fetched.
        epoch: AssignmentEpoch,
        /// The records.
        records: &'a [Record<'a>],
        /// The leader epoch of the last record.
        leader_epoch: Option<i32>,
    },
    /// The broker said where a partition's log ends.
    LogEnd {
        /// The partition.
        partition: Partition,
        /// The offset after the last record (the LSO under read_committed).
        end: Offset,
        /// The consumer's position, which also passes control records; taken after `end`, and after every record before it was stepped.
        position: Option<Offset>,
        /// When the broker answered.
        at: Timestamp,
    },
    /// The log no longer holds what lies between the next offset and `to`: retention passed us. Consumption goes on at `to`.
    Gone {
        /// The partition.
        partition: Partition,
        /// The first offset that the log still has.
        to: Offset,
    },
    /// Something was found beside the log that changes what its facts are worth: told, counted, and kept with the partition's next cut.
    Incident {
        /// The partition.
        partition: Partition,
        /// What.
        kind: IncidentKind,
        /// The words for it.
        detail: String,
    },
    /// The store was read: all chunks, and what people said.
    Restored {
        /// Every stored chunk part of every partition that the book's topics have, each with its partition, in any order.
        chunks: Vec<RestoredChunk>,
    },
    /// Partitions that there are: all after each [`Input::Restored`], and those that are added. While one of them was never read, nothing is known
    /// of its topic's events.
    Exist(Vec<Partition>),
    /// Partitions were claimed in the store and can be consumed.
    Claimed(Vec<ClaimedPartition>),
    /// Partitions went away, cleanly or not: what was not cut is dropped.
    Unassigned(Vec<Partition>),
    /// A cut is in the store.
    Persisted(CutId),
    /// What people said so far, all of it.
    CheckIns(Vec<CheckIn>),
    /// The measured baselines that the store has frozen, all of them; before [`Input::Restored`], so that nothing is scored without.
    Baselines(Vec<FrozenBaseline>),
    /// Cut now, whatever the clock says: before a revoke or a shutdown.
    Flush,
}

/// What can befall a log. Each is counted by topic, and kept among the dead letters with its words.
///
/// | what is found | what is done |
/// |---|---|
/// | retention took offsets that were not read | consumption goes on behind them; coverage begins there, and `data_from` says so |
/// | the topic was deleted and made anew | it is read from its beginning; facts of the old one count no more, for the new one may hold the same events and nobody could tell; coverage begins with its first record |
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum IncidentKind {
    /// Retention took offsets that were not read.
    RetentionPassed,
    /// The topic was deleted and made anew since it was read last.
    TopicRemade,
}

impl IncidentKind {
    /// As counters and metrics have it.
    pub fn as_str(self) -> &'static str {
        match self {
            IncidentKind::RetentionPassed => "retention_passed",
            IncidentKind::TopicRemade => "topic_remade",
        }
    }
}

/// A stored chunk part, its partition as the book numbers it.
#[derive(Clone, Debug)]
pub struct RestoredChunk {
    /// The partition.
    pub partition: Partition,
    /// The lane that wrote it, as the store names it: within one, chunks never overlap.
    pub lane: String,
    /// The codec's bytes.
    pub bytes: Vec<u8>,
}

/// A partition that the store gave to this process.
#[derive(Clone, Debug)]
pub struct ClaimedPartition {
    /// The partition.
    pub partition: Partition,
    /// Where the store stands; `None` if nothing was ever committed.
    pub next_offset: Option<Offset>,
    /// Where to begin if the store has nothing, and since when the log is then known to be complete.
    pub start: LogStart,
    /// The assignment.
    pub epoch: AssignmentEpoch,
}

/// Where a partition that was never consumed begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogStart {
    /// The first offset to consume.
    pub offset: Offset,
    /// The instant from which the log is known to be complete although `offset` > 0: a record before it is older.
    pub complete_since: Option<Timestamp>,
}

/// What shall happen outside.
#[derive(Debug)]
pub enum Effect {
    /// Consume these partitions from these offsets.
    Start(Vec<(Partition, Offset)>),
    /// Commit this cut; the Snapshot is published when it is in the store.
    Persist(Box<Cut>),
    /// Show this Snapshot to readers.
    Publish(Arc<Snapshot>),
    /// Tell Kafka how far the store is; advisory.
    CommitOffsets(Vec<(Partition, Offset)>),
    /// Put these days into the BI tables.
    Record(Vec<DailyFact>),
    /// The store stands elsewhere than the ledger: read all state again.
    Reload {
        /// Why.
        reason: String,
    },
    /// The stored state cannot be read: end, and say why.
    GiveUp {
        /// Why.
        reason: String,
    },
}

/// What all partitions contributed since the last cut.
#[derive(Debug)]
pub struct Cut {
    /// Its number, to be named by [`Input::Persisted`].
    pub id: CutId,
    /// Each partition's part, in order; none where only baselines are frozen.
    pub partitions: Vec<PartitionCut>,
    /// New samples of dead letters.
    pub dead_letters: Vec<DeadLetterSample>,
    /// Measured baselines that are frozen with it.
    pub baselines: Vec<FrozenBaseline>,
    /// Scored at this cut.
    pub snapshot: Arc<Snapshot>,
}

/// What one partition contributed since the last cut.
#[derive(Debug)]
pub struct PartitionCut {
    /// The partition.
    pub partition: Partition,
    /// Where the store must stand; `None` if nothing was ever committed.
    pub from: Option<Offset>,
    /// First offset of the chunk.
    pub chunk_from: Offset,
    /// Where it will stand.
    pub to: Offset,
    /// The leader epoch of the last record.
    pub leader_epoch: Option<i32>,
    /// The chunk; without parts where nothing is stored.
    pub chunk: Encoded,
}

/// A record that could not be counted, or an event of it.
#[derive(Debug)]
pub struct DeadLetterSample {
    /// The partition.
    pub partition: Partition,
    /// Its offset.
    pub offset: Offset,
    /// The event, with the place of the element where its rows are elements (`lines[3]`); empty where the record itself is broken.
    pub event: String,
    /// Why, as the metric's label has it.
    pub reason: String,
    /// What is wrong, with the place in the text.
    pub detail: String,
    /// The record's own timestamp.
    pub record_at: Option<Timestamp>,
    /// The first bytes of the record.
    pub sample: Vec<u8>,
}
