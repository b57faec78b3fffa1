//! SQLite: the store of one machine, in one file and its write-ahead log.
//!
//! | setting | why |
//! |---|---|
//! | WAL | readers and BI tools read while the service writes, and neither waits for the other |
//! | `synchronous=FULL` | one fsync a commit: without it a power cut may take back commits whose scores were already shown, and check-ins, which no topic can give again |
//! | `BEGIN IMMEDIATE` | the write lock is taken, and waited for, where nothing is done yet; a transaction that begins by reading may fail at its first write without waiting |
//! | one writing connection | SQLite has one writer anyway; a queue in this process is fair, its busy handler is not |
//!
//! Statements go one by one: in this process a prepared statement takes microseconds.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection};

use super::backend::Backend;
use super::bi::{self, BiUpdate};
use super::error::StoreError;
use super::lock::LockFile;
use super::open::OpenMode;
use super::rows::{self, storable};
use super::{
    ChunkSummary, Claim, DEAD_LETTER_SAMPLE_BYTES_MAX, DeadLetter, DeadLetterFilter, PartitionCommit, PartitionKey,
    StoredCheckIn, StoredChunk, schema,
};
use crate::event::Offset;
use crate::score::FrozenBaseline;

/// Readers at once.
const READERS_MAX: u32 = 4;

/// How long a reader waits for its turn.
const READER_TIMEOUT: Duration = Duration::from_secs(10);

/// What a checkpoint leaves of the log file after a burst: 64 MiB.
const LOG_BYTES_MAX: &str = "67108864";

/// One SQLite file.
#[derive(Debug)]
pub(super) struct Sqlite {
    name: String,
    path: PathBuf,
    options: SqliteConnectOptions,
    readers: SqlitePool,
    _role: Option<LockFile>,
}

impl Sqlite {
    /// Opens the file that `options` name; a consumer takes the role first, then creates and migrates.
    pub(super) async fn open(
        options: SqliteConnectOptions,
        mode: OpenMode,
        lock_timeout: Duration,
    ) -> Result<(Sqlite, SqliteConnection), StoreError> {
        let path = options.get_filename().to_owned();
        let name = format!("sqlite store {}", path.display());
        let role = match mode {
            OpenMode::Consumer => Some(LockFile::take(&name, &path)?),
            OpenMode::Reader if path.exists() => None,
            OpenMode::Reader => return Err(StoreError::Absent { store: name }),
        };
        let options = options
            .create_if_missing(mode == OpenMode::Consumer)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(lock_timeout)
            .foreign_keys(true)
            .pragma("journal_size_limit", LOG_BYTES_MAX)
            .disable_statement_logging();
        // Once set it stays in the file; a reader, who may have no right to write, leaves it alone.
        let options = if mode == OpenMode::Consumer { options.journal_mode(SqliteJournalMode::Wal) } else { options };
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS_MAX)
            .acquire_timeout(READER_TIMEOUT)
            .connect_lazy_with(options.clone().pragma("query_only", "ON"));
        let sqlite = Sqlite { name, path, options, readers, _role: role };
        let mut writer = sqlite.connect().await?;
        match mode {
            OpenMode::Consumer => schema::migrate(&sqlite.name, &mut writer, schema::SQLITE).await?,
            OpenMode::Reader => schema::check(&sqlite.name, &mut writer, schema::SQLITE).await?,
        }
        Ok((sqlite, writer))
    }

    /// Closes all connections; the last one folds the log into the file.
    pub(super) async fn close(&self, writer: Option<SqliteConnection>) {
        self.readers.close().await;
        if let Some(writer) = writer {
            // What cannot be closed cleanly is recovered at the next open.
            let _ = writer.close().await;
        }
    }
}

const CLAIM: &str = "
INSERT INTO partition_claim (cluster, topic_id, partition, lane, topic, epoch, claimed_at)
VALUES ($1, $2, $3, $4, $5, 1, $6)
ON CONFLICT (cluster, topic_id, partition, lane)
DO UPDATE SET epoch = epoch + 1, topic = excluded.topic, claimed_at = excluded.claimed_at
RETURNING cluster, topic_id, partition, lane, topic, epoch, next_offset, leader_epoch";

const ADVANCE: &str = "
UPDATE partition_claim SET next_offset = $7, leader_epoch = $8, committed_at = $9
WHERE cluster = $1 AND topic_id = $2 AND partition = $3 AND lane = $4
  AND epoch = $5 AND next_offset IS NOT DISTINCT FROM $6
RETURNING partition_id";

const APPEND_CHUNK: &str = "
INSERT INTO chunk (partition_id, from_offset, to_offset, part, committed_at, bytes) VALUES ($1, $2, $3, $4, $5, $6)";

const APPEND_DEAD_LETTER: &str = "
INSERT INTO dead_letter (partition_id, record_offset, event, reason, detail, record_at, stored_at, sample)
SELECT partition_id, $5, $6, $7, $8, $9, $10, $11 FROM partition_claim
WHERE cluster = $1 AND topic_id = $2 AND partition = $3 AND lane = $4
ON CONFLICT DO NOTHING";

const LOAD_CHUNKS: &str = "
SELECT cluster, topic_id, partition, lane, topic, from_offset, to_offset, part, bytes
FROM chunk JOIN partition_claim USING (partition_id)
WHERE cluster = $1 AND (lane = $2 OR $2 = 'live' AND lane LIKE 'joined/%') AND topic_id IN (SELECT value FROM json_each($3))
  AND folded_at = 9223372036854775807
ORDER BY topic_id, partition, lane, from_offset, to_offset, part";

/// The innermost query sorts lengths, not the bytes themselves: with 154 MB of folded parts (`cargo bench --bench restore`) the write lock is
/// held for 22 ms instead of more than a second.
const DELETE_FOLDED: &str = "
DELETE FROM chunk WHERE rowid IN (
    SELECT rowid FROM (
        SELECT rowid, part_bytes, sum(part_bytes) OVER (ORDER BY folded_at, rowid) AS total_bytes
        FROM (
            SELECT rowid, folded_at, length(bytes) AS part_bytes FROM chunk
            WHERE folded_at < $1 AND folded_at > -9223372036854775807 ORDER BY folded_at LIMIT 1000
        ) AS oldest
    ) AS summed
    WHERE total_bytes - part_bytes < $2
)";

const STORE_BYTES: &str = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()";

impl Backend for Sqlite {
    type Connection = SqliteConnection;
    const BEGIN: &'static str = "BEGIN IMMEDIATE";

    fn name(&self) -> &str {
        &self.name
    }

    async fn connect(&self) -> Result<SqliteConnection, StoreError> {
        self.options.connect().await.map_err(|error| StoreError::of(&self.name, "open the file", error))
    }

    async fn run(connection: &mut SqliteConnection, sql: &'static str) -> Result<(), sqlx::Error> {
        sqlx::raw_sql(sql).execute(connection).await.map(|_| ())
    }

    async fn claim(
        connection: &mut SqliteConnection,
        keys: &[&PartitionKey],
        at: i64,
    ) -> Result<Vec<Claim>, sqlx::Error> {
        let mut claims = Vec::with_capacity(keys.len());
        for key in keys {
            let row: rows::ClaimRow = sqlx::query_as(CLAIM)
                .bind(&key.cluster)
                .bind(&key.topic_id)
                .bind(key.partition)
                .bind(&key.lane)
                .bind(&key.topic)
                .bind(at)
                .fetch_one(&mut *connection)
                .await?;
            claims.push(rows::claim(row));
        }
        Ok(claims)
    }

    async fn advance(
        connection: &mut SqliteConnection,
        partitions: &[&PartitionCommit],
        at: i64,
    ) -> Result<Vec<Option<i64>>, sqlx::Error> {
        let mut moved = Vec::with_capacity(partitions.len());
        for partition in partitions {
            let row: Option<(i64,)> = sqlx::query_as(ADVANCE)
                .bind(&partition.key.cluster)
                .bind(&partition.key.topic_id)
                .bind(partition.key.partition)
                .bind(&partition.key.lane)
                .bind(partition.epoch)
                .bind(partition.from)
                .bind(partition.to)
                .bind(partition.leader_epoch)
                .bind(at)
                .fetch_optional(&mut *connection)
                .await?;
            moved.push(row.map(|(partition_id,)| partition_id));
        }
        Ok(moved)
    }

    async fn append_chunks(
        connection: &mut SqliteConnection,
        partitions: &[(i64, &PartitionCommit)],
        at: i64,
    ) -> Result<(), sqlx::Error> {
        for (partition_id, partition) in partitions {
            for (part, bytes) in (0_i32..).zip(&partition.parts) {
                sqlx::query(APPEND_CHUNK)
                    .bind(partition_id)
                    .bind(partition.chunk_from)
                    .bind(partition.to)
                    .bind(part)
                    .bind(at)
                    .bind(bytes.as_slice())
                    .execute(&mut *connection)
                    .await?;
            }
        }
        Ok(())
    }

    async fn write_folded(
        connection: &mut SqliteConnection,
        (key, from, to): (&PartitionKey, Offset, Offset),
        (first, parts): (i32, &[Vec<u8>]),
        at: i64,
    ) -> Result<(), sqlx::Error> {
        for (part, bytes) in (first..).zip(parts) {
            sqlx::query(rows::WRITE_FOLDED)
                .bind(&key.cluster)
                .bind(&key.topic_id)
                .bind(key.partition)
                .bind(&key.lane)
                .bind(from)
                .bind(to)
                .bind(part)
                .bind(at)
                .bind(bytes.as_slice())
                .execute(&mut *connection)
                .await?;
        }
        Ok(())
    }

    async fn mark_folded(
        connection: &mut SqliteConnection,
        (key, from, to): (&PartitionKey, Offset, Offset),
        at: i64,
    ) -> Result<u64, sqlx::Error> {
        let marked = sqlx::query(rows::MARK_FOLDED)
            .bind(&key.cluster)
            .bind(&key.topic_id)
            .bind(key.partition)
            .bind(&key.lane)
            .bind(from)
            .bind(to)
            .bind(at)
            .execute(connection)
            .await?;
        Ok(marked.rows_affected())
    }

    async fn delete_folded(connection: &mut SqliteConnection, before: i64, bytes_max: i64) -> Result<u64, sqlx::Error> {
        let deleted = sqlx::query(DELETE_FOLDED).bind(before).bind(bytes_max).execute(connection).await?;
        Ok(deleted.rows_affected())
    }

    async fn dead_letter_counts(connection: &mut SqliteConnection) -> Result<Vec<(String, String, i64)>, sqlx::Error> {
        sqlx::query_as(rows::DEAD_LETTER_COUNTS).fetch_all(connection).await
    }

    async fn append_dead_letters(
        connection: &mut SqliteConnection,
        letters: &[&DeadLetter],
        at: i64,
    ) -> Result<(), sqlx::Error> {
        for letter in letters {
            sqlx::query(APPEND_DEAD_LETTER)
                .bind(&letter.key.cluster)
                .bind(&letter.key.topic_id)
                .bind(letter.key.partition)
                .bind(&letter.key.lane)
                .bind(letter.offset)
                .bind(storable(&letter.event))
                .bind(storable(&letter.reason))
                .bind(storable(&letter.detail))
                .bind(letter.record_at.map(|at| at.0))
                .bind(at)
                .bind(&letter.sample[..letter.sample.len().min(DEAD_LETTER_SAMPLE_BYTES_MAX)])
                .execute(&mut *connection)
                .await?;
        }
        Ok(())
    }

    async fn append_baselines(
        connection: &mut SqliteConnection,
        baselines: &[FrozenBaseline],
        at: i64,
    ) -> Result<(), sqlx::Error> {
        for baseline in baselines {
            let (id, objective, key_result, from, to, value, n, offsets, frozen_at) = rows::baseline_row(baseline)?;
            sqlx::query(rows::APPEND_BASELINE)
                .bind(id)
                .bind(objective)
                .bind(key_result)
                .bind(from)
                .bind(to)
                .bind(value)
                .bind(n)
                .bind(offsets)
                .bind(frozen_at)
                .bind(at)
                .execute(&mut *connection)
                .await?;
        }
        Ok(())
    }

    async fn add_check_in(connection: &mut SqliteConnection, check_in: &StoredCheckIn) -> Result<(), sqlx::Error> {
        sqlx::query(rows::ADD_CHECK_IN)
            .bind(&check_in.objective)
            .bind(&check_in.key_result)
            .bind(check_in.at.0)
            .bind(check_in.recorded_at.0)
            .bind(check_in.value.map(|value| value.to_string()))
            .bind(check_in.confidence.map(|confidence| confidence.to_string()))
            .bind(check_in.note.as_deref().map(storable))
            .bind(check_in.blocker.as_deref().map(storable))
            .bind(check_in.author.as_deref().map(storable))
            .execute(connection)
            .await
            .map(|_| ())
    }

    async fn record_book_revision(
        connection: &mut SqliteConnection,
        hash: &str,
        text: &str,
        at: i64,
    ) -> Result<(), sqlx::Error> {
        sqlx::query(rows::RECORD_BOOK).bind(hash).bind(storable(text)).bind(at).execute(connection).await.map(|_| ())
    }

    async fn find(
        connection: &mut SqliteConnection,
        keys: &[&PartitionKey],
    ) -> Result<Vec<Option<(i64, i64, Option<i64>)>>, sqlx::Error> {
        let mut found = Vec::with_capacity(keys.len());
        for key in keys {
            let row: Option<(i64, i64, Option<i64>)> = sqlx::query_as(rows::FIND_PARTITION)
                .bind(&key.cluster)
                .bind(&key.topic_id)
                .bind(key.partition)
                .bind(&key.lane)
                .fetch_optional(&mut *connection)
                .await?;
            found.push(row);
        }
        Ok(found)
    }

    async fn join_lane(connection: &mut SqliteConnection, partition_ids: &[i64]) -> Result<(), sqlx::Error> {
        for partition_id in partition_ids {
            sqlx::query(rows::JOIN_LANE).bind(partition_id).execute(&mut *connection).await?;
        }
        Ok(())
    }

    async fn move_partition(connection: &mut SqliteConnection, key: &PartitionKey, to: i64) -> Result<(), sqlx::Error> {
        sqlx::query(rows::MOVE_PARTITION)
            .bind(&key.cluster)
            .bind(&key.topic_id)
            .bind(key.partition)
            .bind(&key.lane)
            .bind(to)
            .execute(connection)
            .await
            .map(|_| ())
    }

    async fn drop_lanes(connection: &mut SqliteConnection, keep: &str) -> Result<(), sqlx::Error> {
        for statement in rows::DROP_LANES {
            sqlx::query(statement).bind(keep).execute(&mut *connection).await?;
        }
        Ok(())
    }

    async fn active_book(connection: &mut SqliteConnection) -> Result<Option<(String, String)>, sqlx::Error> {
        sqlx::query_as(rows::ACTIVE_BOOK).fetch_optional(connection).await
    }

    async fn write_bi(connection: &mut SqliteConnection, update: &BiUpdate) -> Result<(), sqlx::Error> {
        for (sql, json) in update.statements(&bi::SQLITE)? {
            sqlx::query(sql).bind(json).execute(&mut *connection).await?;
        }
        Ok(())
    }

    async fn load_chunks(
        &self,
        cluster: &str,
        topic_ids: &[String],
        lane: &str,
    ) -> Result<Vec<StoredChunk>, sqlx::Error> {
        let topic_ids = serde_json::to_string(topic_ids).map_err(|error| sqlx::Error::Encode(error.into()))?;
        let loaded: Vec<rows::ChunkRow> =
            sqlx::query_as(LOAD_CHUNKS).bind(cluster).bind(lane).bind(topic_ids).fetch_all(&self.readers).await?;
        Ok(loaded.into_iter().map(rows::chunk).collect())
    }

    async fn chunk_summaries(&self, lane: &str) -> Result<Vec<ChunkSummary>, sqlx::Error> {
        let found: Vec<rows::SummaryRow> =
            sqlx::query_as(rows::CHUNK_SUMMARIES).bind(lane).fetch_all(&self.readers).await?;
        Ok(found.into_iter().map(rows::summary).collect())
    }

    async fn load_range(&self, key: &PartitionKey, from: Offset, to: Offset) -> Result<Vec<StoredChunk>, sqlx::Error> {
        let loaded: Vec<rows::ChunkRow> = sqlx::query_as(rows::LOAD_RANGE)
            .bind(&key.cluster)
            .bind(&key.topic_id)
            .bind(key.partition)
            .bind(&key.lane)
            .bind(from)
            .bind(to)
            .fetch_all(&self.readers)
            .await?;
        Ok(loaded.into_iter().map(rows::chunk).collect())
    }

    async fn clusters(&self) -> Result<Vec<String>, sqlx::Error> {
        sqlx::query_scalar(rows::CLUSTERS).fetch_all(&self.readers).await
    }

    async fn partitions(&self, cluster: &str) -> Result<Vec<Claim>, sqlx::Error> {
        let found: Vec<rows::ClaimRow> =
            sqlx::query_as(rows::PARTITIONS).bind(cluster).fetch_all(&self.readers).await?;
        Ok(found.into_iter().map(rows::claim).collect())
    }

    async fn baselines(&self) -> Result<Vec<FrozenBaseline>, sqlx::Error> {
        let found: Vec<rows::BaselineRow> = sqlx::query_as(rows::BASELINES).fetch_all(&self.readers).await?;
        found.into_iter().map(rows::baseline).collect()
    }

    async fn check_ins(&self) -> Result<Vec<StoredCheckIn>, sqlx::Error> {
        let found: Vec<rows::CheckInRow> = sqlx::query_as(rows::CHECK_INS).fetch_all(&self.readers).await?;
        found.into_iter().map(rows::check_in).collect()
    }

    async fn lanes(&self) -> Result<i64, sqlx::Error> {
        let (count,): (i64,) = sqlx::query_as(rows::LANES).fetch_one(&self.readers).await?;
        Ok(count)
    }

    async fn check_ins_version(&self) -> Result<i64, sqlx::Error> {
        let (count,): (i64,) = sqlx::query_as(rows::CHECK_INS_VERSION).fetch_one(&self.readers).await?;
        Ok(count)
    }

    async fn dead_letters(&self, filter: &DeadLetterFilter, limit: i64) -> Result<Vec<DeadLetter>, sqlx::Error> {
        let found: Vec<rows::DeadLetterRow> = sqlx::query_as(rows::DEAD_LETTERS)
            .bind(filter.topic.as_deref())
            .bind(filter.event.as_deref())
            .bind(filter.reason.as_deref())
            .bind(limit)
            .fetch_all(&self.readers)
            .await?;
        Ok(found.into_iter().map(rows::dead_letter).collect())
    }

    async fn store_bytes(&self) -> Result<u64, sqlx::Error> {
        let (pages,): (i64,) = sqlx::query_as(STORE_BYTES).fetch_one(&self.readers).await?;
        Ok(pages.unsigned_abs() + log_bytes(&self.path))
    }

    async fn ping(&self) -> Result<(), sqlx::Error> {
        sqlx::query(rows::PING).execute(&self.readers).await.map(|_| ())
    }
}

/// The bytes of the write-ahead log; 0 where there is none.
fn log_bytes(path: &Path) -> u64 {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    std::fs::metadata(log).map_or(0, |metadata| metadata.len())
}
