//! What a database must be able to do to be a store: statements only.

use super::bi::BiUpdate;
use super::error::StoreError;
use super::{
    ChunkSummary, Claim, DeadLetter, DeadLetterFilter, PartitionCommit, PartitionKey, StoredCheckIn, StoredChunk,
};
use crate::event::Offset;
use crate::score::FrozenBaseline;

/// A database: statements only. When they begin, commit, and what follows from their errors is [`super::session::Session`]'s.
pub(super) trait Backend {
    /// The writing connection. Dropping it rolls back whatever is open on it.
    type Connection;
    /// Begins a writing transaction.
    const BEGIN: &'static str;

    /// The store for people, without secrets.
    fn name(&self) -> &str;
    /// A writing connection; in a consumer, one that holds the consumer role.
    async fn connect(&self) -> Result<Self::Connection, StoreError>;
    /// Runs a statement without rows.
    async fn run(connection: &mut Self::Connection, sql: &'static str) -> Result<(), sqlx::Error>;
    /// Gives each key (sorted, each once) the next epoch, in key order.
    async fn claim(
        connection: &mut Self::Connection,
        keys: &[&PartitionKey],
        at: i64,
    ) -> Result<Vec<Claim>, sqlx::Error>;
    /// Moves the offsets of those partitions (sorted, each once) that stand where expected; answers with the row ids of the moved,
    /// `None` for the others.
    async fn advance(
        connection: &mut Self::Connection,
        partitions: &[&PartitionCommit],
        at: i64,
    ) -> Result<Vec<Option<i64>>, sqlx::Error>;
    /// Appends each partition's parts under its row id.
    async fn append_chunks(
        connection: &mut Self::Connection,
        partitions: &[(i64, &PartitionCommit)],
        at: i64,
    ) -> Result<(), sqlx::Error>;
    /// Writes parts of a chunk over `[from, to)`, the first with this number; they are not read yet.
    async fn write_folded(
        connection: &mut Self::Connection,
        place: (&PartitionKey, Offset, Offset),
        parts: (i32, &[Vec<u8>]),
        at: i64,
    ) -> Result<(), sqlx::Error>;
    /// Marks every chunk that lies in `[from, to)` as folded at `at`; answers with the number of their parts.
    async fn mark_folded(
        connection: &mut Self::Connection,
        place: (&PartitionKey, Offset, Offset),
        at: i64,
    ) -> Result<u64, sqlx::Error>;
    /// Deletes parts that were folded before `before`, the oldest first, until `bytes_max` are; answers with how many.
    async fn delete_folded(connection: &mut Self::Connection, before: i64, bytes_max: i64) -> Result<u64, sqlx::Error>;
    /// How many dead letters each (topic, reason) has.
    async fn dead_letter_counts(connection: &mut Self::Connection) -> Result<Vec<(String, String, i64)>, sqlx::Error>;
    /// Inserts those that are not there.
    async fn append_dead_letters(
        connection: &mut Self::Connection,
        letters: &[&DeadLetter],
        at: i64,
    ) -> Result<(), sqlx::Error>;
    /// Inserts those that are not there.
    async fn append_baselines(
        connection: &mut Self::Connection,
        baselines: &[FrozenBaseline],
        at: i64,
    ) -> Result<(), sqlx::Error>;
    /// Appends a check-in.
    async fn add_check_in(connection: &mut Self::Connection, check_in: &StoredCheckIn) -> Result<(), sqlx::Error>;
    /// Records that the book of this hash scores from `at` on.
    async fn record_book_revision(
        connection: &mut Self::Connection,
        hash: &str,
        text: &str,
        at: i64,
    ) -> Result<(), sqlx::Error>;
    /// Row id, epoch and next offset of each key (sorted, each once), locked until the transaction ends.
    async fn find(
        connection: &mut Self::Connection,
        keys: &[&PartitionKey],
    ) -> Result<Vec<Option<(i64, i64, Option<Offset>)>>, sqlx::Error>;
    /// Makes a lane's partitions, by row id, part of live.
    async fn join_lane(connection: &mut Self::Connection, partition_ids: &[i64]) -> Result<(), sqlx::Error>;
    /// Moves a partition's offset, whatever it was.
    async fn move_partition(
        connection: &mut Self::Connection,
        key: &PartitionKey,
        to: Offset,
    ) -> Result<(), sqlx::Error>;
    /// Deletes all back-fill lanes but `keep`, with what they hold.
    async fn drop_lanes(connection: &mut Self::Connection, keep: &str) -> Result<(), sqlx::Error>;
    /// How many partitions back-fill lanes have.
    async fn lanes(&self) -> Result<i64, sqlx::Error>;
    /// Hash and text of the book that was activated last.
    async fn active_book(connection: &mut Self::Connection) -> Result<Option<(String, String)>, sqlx::Error>;
    /// Runs [`BiUpdate::statements`].
    async fn write_bi(connection: &mut Self::Connection, update: &BiUpdate) -> Result<(), sqlx::Error>;

    /// All chunk parts of these topics, by key, then range, then part.
    async fn load_chunks(
        &self,
        cluster: &str,
        topic_ids: &[String],
        lane: &str,
    ) -> Result<Vec<StoredChunk>, sqlx::Error>;
    /// All chunks of the lane that are read, without their bytes, by key, then range.
    async fn chunk_summaries(&self, lane: &str) -> Result<Vec<ChunkSummary>, sqlx::Error>;
    /// The chunk parts of a partition that lie in `[from, to)`, by range, then part.
    async fn load_range(&self, key: &PartitionKey, from: Offset, to: Offset) -> Result<Vec<StoredChunk>, sqlx::Error>;
    /// The clusters of which anything was committed.
    async fn clusters(&self) -> Result<Vec<String>, sqlx::Error>;
    /// Where every partition of the cluster stands, by key.
    async fn partitions(&self, cluster: &str) -> Result<Vec<Claim>, sqlx::Error>;
    /// All frozen baselines, by name.
    async fn baselines(&self) -> Result<Vec<FrozenBaseline>, sqlx::Error>;
    /// All check-ins, by what they speak of, then as recorded.
    async fn check_ins(&self) -> Result<Vec<StoredCheckIn>, sqlx::Error>;
    /// A number that changes whenever a check-in is added.
    async fn check_ins_version(&self) -> Result<i64, sqlx::Error>;
    /// The newest dead letters first.
    async fn dead_letters(&self, filter: &DeadLetterFilter, limit: i64) -> Result<Vec<DeadLetter>, sqlx::Error>;
    /// The bytes that the store takes.
    async fn store_bytes(&self) -> Result<u64, sqlx::Error>;
    /// Asks for an answer.
    async fn ping(&self) -> Result<(), sqlx::Error>;
}
