//! The store: the truth about offsets, and the chunks that led there, committed together. One trait, two backends, the same tests.
//!
//! [`Store`] is the door; behind it one `Session` (claims, commits, their outcomes) runs over either `Backend`. Whatever is written
//! goes through the store's one writing connection; a connection whose answer did not come is dropped, never used again, so a
//! cancelled call leaves nothing half done. Readers have connections of their own and never wait for the writer.
//!
//! | table | a row is |
//! |---|---|
//! | `partition_claim` | a partition of a cluster's topic in a lane: epoch, next offset, leader epoch |
//! | `chunk` | one packed part of what a partition contributed over `[from, to)`; folded ones stay an hour, marked: see [`Store::compact`] |
//! | `check_in` | a person's word on a key result |
//! | `dead_letter` | a sampled record that could not be counted |
//! | `measured_baseline` | a measured baseline as it was frozen, with its n and offsets |
//! | `book_revision` | a book that scored, by its hash; the one activated last is the active one |
//! | `bi.*`, `bi_*` | the star for BI tools: derived, see [`bi`] |

mod backend;
pub mod bi;
pub mod choice;
mod compaction;
mod error;
mod lanes;
mod lock;
mod open;
mod postgres;
mod rows;
mod schema;
mod session;
mod sqlite;

pub use compaction::{Compacted, Compaction, FOLDED_KEPT};
pub use error::StoreError;
pub use lanes::{Join, JoinPartition};
pub use open::{OpenMode, Store, StoreOptions};

use crate::event::Offset;
use crate::pipeline::PartitionCut;
pub use crate::pipeline::{DEAD_LETTER_SAMPLE_BYTES_MAX, DEAD_LETTER_SAMPLES_MAX};
use crate::score::{CheckIn, FrozenBaseline};
use crate::time::Timestamp;

/// The lane of live scoring; back-fills have lanes of their own, `fill/…`, which become `joined/…` and then belong to live.
pub const LIVE_LANE: &str = "live";

/// A partition as the store names it: stable over books, renamings of nothing, and re-created topics.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionKey {
    /// Kafka's cluster id; empty where the broker gives none.
    pub cluster: String,
    /// Kafka's topic id, or the topic's name where the broker gives none.
    pub topic_id: String,
    /// The topic's name, for people.
    pub topic: String,
    /// Kafka's number of the partition.
    pub partition: i32,
    /// [`LIVE_LANE`] or a back-fill's.
    pub lane: String,
}

/// A partition held by this process: whoever claims it next gets a greater epoch, and this one's commits fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The partition.
    pub key: PartitionKey,
    /// This claim's epoch.
    pub epoch: i64,
    /// Where to go on; `None` where nothing was ever committed.
    pub next_offset: Option<Offset>,
    /// The leader epoch of the record before `next_offset`.
    pub leader_epoch: Option<i32>,
}

/// One packed part of a chunk, as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredChunk {
    /// The partition.
    pub key: PartitionKey,
    /// First offset covered.
    pub from: Offset,
    /// The offset after the last covered.
    pub to: Offset,
    /// Which of the chunk's parts, from 0.
    pub part: i32,
    /// The codec's bytes.
    pub bytes: Vec<u8>,
}

/// A chunk that is read, without its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChunkSummary {
    /// The partition.
    pub key: PartitionKey,
    /// First offset covered.
    pub from: Offset,
    /// The offset after the last covered.
    pub to: Offset,
    /// How many parts it has.
    pub parts: u64,
    /// Bytes of all its parts.
    pub bytes: u64,
    /// When it was committed, or folded.
    pub written_at: Timestamp,
}

/// What one partition commits: its offset moves from `from` to `to`, and the chunk's parts are appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionCommit {
    /// The partition.
    pub key: PartitionKey,
    /// The claim's epoch; another one in the store means fenced.
    pub epoch: i64,
    /// Where the store must stand; `None` for a first commit.
    pub from: Option<Offset>,
    /// Where it will stand.
    pub to: Offset,
    /// The leader epoch of the last record.
    pub leader_epoch: Option<i32>,
    /// First offset of the chunk; differs from `from` only for a first commit, or over a recorded gap.
    pub chunk_from: Offset,
    /// The packed parts; empty where only the offset moves.
    pub parts: Vec<Vec<u8>>,
}

impl PartitionCommit {
    /// What a cut contributed, under the epoch of a claim.
    pub fn of(cut: PartitionCut, key: PartitionKey, epoch: i64) -> PartitionCommit {
        let PartitionCut { partition: _, from, chunk_from, to, leader_epoch, chunk: parts } = cut;
        PartitionCommit { key, epoch, from, to, leader_epoch, chunk_from, parts }
    }
}

/// A record that could not be counted, or an event of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Where it is.
    pub key: PartitionKey,
    /// Its offset.
    pub offset: Offset,
    /// The event that could not take it; empty where the record itself is broken.
    pub event: String,
    /// Why, as the metric's label has it.
    pub reason: String,
    /// What is wrong, with the place in the text.
    pub detail: String,
    /// The record's own timestamp.
    pub record_at: Option<Timestamp>,
    /// The first bytes of the record, at most [`DEAD_LETTER_SAMPLE_BYTES_MAX`].
    pub sample: Vec<u8>,
}

/// Everything that one transaction commits: all or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commit {
    /// All partitions of the process, in key order.
    pub partitions: Vec<PartitionCommit>,
    /// New samples; one that is there already is left as it is.
    pub dead_letters: Vec<DeadLetter>,
    /// Measured baselines that are frozen; one that is there already is left as it is.
    pub baselines: Vec<FrozenBaseline>,
}

/// How a commit ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommitOutcome {
    /// It is in the store.
    Committed,
    /// Another claim, or another offset, was found: nothing of it is in the store.
    Fenced {
        /// The partitions that another process claimed or moved.
        partitions: Vec<PartitionKey>,
    },
    /// The answer was lost: it may or may not be in the store. Claim again: the row lock makes that answer final.
    Unknown {
        /// What happened, for the log.
        error: String,
    },
    /// The store refused or is away, and nothing was committed: try again.
    Failed {
        /// What happened, for the log.
        error: String,
    },
}

/// A person's word on a key result, as the store keeps it.
pub type StoredCheckIn = CheckIn;

/// What became of a commit whose answer was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// It is in the store; go on under these claims.
    Committed(Vec<Claim>),
    /// Nothing of it is in the store; commit it again under these claims' epochs.
    NotCommitted(Vec<Claim>),
    /// Another process claimed or moved these in between: read all state again.
    Elsewhere(Vec<PartitionKey>),
}

/// Which dead letters to list; `None` takes all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadLetterFilter {
    /// Of this topic, by name.
    pub topic: Option<String>,
    /// Of this event; the empty text is for records broken as a whole.
    pub event: Option<String>,
    /// Of this reason.
    pub reason: Option<String>,
}
