//! PostgreSQL: the store of a team.
//!
//! **Order of locks.** Rows of `partition_claim` are locked in key order by claims and commits alike, so two processes never wait in a circle.
//!
//! **Limits.** The server ends a statement after [`STATEMENT_TIMEOUT`], a wait for a lock after the store's `lock_timeout`, and a
//! transaction whose client fell silent after [`IDLE_TIMEOUT`]: so a commit cut off by the network frees its rows and the next claim goes on.
//!
//! The consumer role is in `role`, the statements in `sql`.

mod role;
mod sql;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, Connection};
use tokio::time::timeout;

use super::backend::Backend;
use super::bi::{self, BiUpdate};
use super::error::{StoreError, describe};
use super::open::{OpenMode, shown};
use super::rows::{self, storable};
use super::{
    ChunkSummary, Claim, DEAD_LETTER_SAMPLE_BYTES_MAX, DeadLetter, DeadLetterFilter, PartitionCommit, PartitionKey,
    StoredCheckIn, StoredChunk, schema,
};
use crate::event::Offset;
use crate::score::FrozenBaseline;
use sql::{Batch, Keys};

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The server ends a statement after this.
const STATEMENT_TIMEOUT: &str = "30s";

/// The server ends a transaction whose client says nothing for this long.
const IDLE_TIMEOUT: &str = "10s";

/// Readers at once.
const READERS_MAX: u32 = 4;

/// One database: the schema `bi` is there once, so one krscore a database.
pub(super) struct Postgres {
    name: String,
    options: PgConnectOptions,
    mode: OpenMode,
    session: String,
    role_timeout: Duration,
    readers: PgPool,
}

/// The options have the password in them: only the name is shown.
impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres").field("name", &self.name).field("mode", &self.mode).finish_non_exhaustive()
    }
}

impl Postgres {
    /// Connects; a consumer takes the role first, then migrates, so that it never changes tables under a running one.
    pub(super) async fn open(
        options: PgConnectOptions,
        mode: OpenMode,
        lock_timeout: Duration,
        role_timeout: Duration,
    ) -> Result<(Postgres, PgConnection), StoreError> {
        let name = shown(&options);
        let lock_timeout = format!("{}ms", lock_timeout.as_millis());
        let options = options
            .application_name("krscore")
            .options([
                ("statement_timeout", STATEMENT_TIMEOUT),
                ("idle_in_transaction_session_timeout", IDLE_TIMEOUT),
                ("lock_timeout", &lock_timeout),
            ])
            .options(role::KEEPALIVE)
            .disable_statement_logging();
        let readers = PgPoolOptions::new()
            .max_connections(READERS_MAX)
            .acquire_timeout(CONNECT_TIMEOUT)
            .connect_lazy_with(options.clone().options([("default_transaction_read_only", "on")]));
        let postgres = Postgres { name, options, mode, session: role::session_name(), role_timeout, readers };
        let mut writer = postgres.connect().await?;
        match mode {
            OpenMode::Consumer => {
                let failed = |error| StoreError::of(&postgres.name, "set a migration's limits", error);
                // A migration of large tables may take longer than any statement of a commit.
                Postgres::run(&mut writer, "SET statement_timeout = 0").await.map_err(failed)?;
                schema::migrate(&postgres.name, &mut writer, schema::POSTGRES).await?;
                Postgres::run(&mut writer, "RESET statement_timeout").await.map_err(failed)?;
                let granted = sqlx::raw_sql(bi::POSTGRES_GRANTS).execute(&mut writer).await;
                granted.map_err(|error| StoreError::of(&postgres.name, "grant the BI tables to bi_reader", error))?;
            }
            OpenMode::Reader => schema::check(&postgres.name, &mut writer, schema::POSTGRES).await?,
        }
        Ok((postgres, writer))
    }

    /// Closes all connections, and so lets the role go.
    pub(super) async fn close(&self, writer: Option<PgConnection>) {
        if let Some(writer) = writer {
            // The server sees the socket close in any case.
            let _ = timeout(CONNECT_TIMEOUT, writer.close()).await;
        }
        let _ = timeout(CONNECT_TIMEOUT, self.readers.close()).await;
    }

    fn refused(&self, error: sqlx::Error) -> StoreError {
        let (store, reason) = (self.name.clone(), describe(&error));
        let code = match &error {
            sqlx::Error::Database(database) => database.code().unwrap_or_default().into_owned(),
            _ => String::new(),
        };
        match code.as_str() {
            // A wrong password; a user who may not connect; a database that is not there.
            "28P01" | "28000" | "42501" | "3D000" => StoreError::Refused { store, reason },
            _ => StoreError::of(&store, "connect", error),
        }
    }
}

impl Backend for Postgres {
    type Connection = PgConnection;
    const BEGIN: &'static str = "BEGIN";

    fn name(&self) -> &str {
        &self.name
    }

    async fn connect(&self) -> Result<PgConnection, StoreError> {
        let options = match self.mode {
            OpenMode::Consumer => self.options.clone().application_name(&self.session),
            OpenMode::Reader => self.options.clone(),
        };
        let mut connection = match timeout(CONNECT_TIMEOUT, options.connect()).await {
            Ok(connected) => connected.map_err(|error| self.refused(error))?,
            Err(_) => return Err(StoreError::late(&self.name, "connect", CONNECT_TIMEOUT.as_secs())),
        };
        if self.mode == OpenMode::Consumer {
            let _ = Postgres::run(&mut connection, role::WATCH_US).await;
            role::take(&self.name, &self.session, &mut connection, self.role_timeout).await?;
        }
        Ok(connection)
    }

    async fn run(connection: &mut PgConnection, sql: &'static str) -> Result<(), sqlx::Error> {
        sqlx::raw_sql(sql).execute(connection).await.map(|_| ())
    }

    async fn claim(connection: &mut PgConnection, keys: &[&PartitionKey], at: i64) -> Result<Vec<Claim>, sqlx::Error> {
        let keys = Keys::of(keys.iter().copied());
        let found: Vec<rows::ClaimRow> = sqlx::query_as(sql::CLAIM)
            .bind(&keys.clusters)
            .bind(&keys.topic_ids)
            .bind(&keys.partitions)
            .bind(&keys.lanes)
            .bind(&keys.topics)
            .bind(at)
            .fetch_all(connection)
            .await?;
        let mut claims: Vec<Claim> = found.into_iter().map(rows::claim).collect();
        claims.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(claims)
    }

    async fn advance(
        connection: &mut PgConnection,
        partitions: &[&PartitionCommit],
        at: i64,
    ) -> Result<Vec<Option<i64>>, sqlx::Error> {
        let keys = Keys::of(partitions.iter().map(|partition| &partition.key));
        let locked: Vec<(i64, i64)> = sqlx::query_as(sql::LOCK)
            .bind(&keys.clusters)
            .bind(&keys.topic_ids)
            .bind(&keys.partitions)
            .bind(&keys.lanes)
            .fetch_all(&mut *connection)
            .await?;
        // Ordinality counts from 1.
        let ids: HashMap<i64, i64> = locked.into_iter().collect();
        let ids: Vec<Option<i64>> = (1_i64..).take(partitions.len()).map(|n| ids.get(&n).copied()).collect();
        let advanced: Vec<(i64,)> = sqlx::query_as(sql::ADVANCE)
            .bind(&ids)
            .bind(partitions.iter().map(|partition| partition.epoch).collect::<Vec<i64>>())
            .bind(partitions.iter().map(|partition| partition.from).collect::<Vec<Option<i64>>>())
            .bind(partitions.iter().map(|partition| partition.to).collect::<Vec<i64>>())
            .bind(partitions.iter().map(|partition| partition.leader_epoch).collect::<Vec<Option<i32>>>())
            .bind(at)
            .fetch_all(connection)
            .await?;
        let advanced: HashSet<i64> = advanced.into_iter().map(|(id,)| id).collect();
        Ok(ids.into_iter().map(|id| id.filter(|id| advanced.contains(id))).collect())
    }

    async fn append_chunks(
        connection: &mut PgConnection,
        partitions: &[(i64, &PartitionCommit)],
        at: i64,
    ) -> Result<(), sqlx::Error> {
        let mut batch = Batch::default();
        for (partition_id, partition) in partitions {
            for (part, bytes) in (0_i32..).zip(&partition.parts) {
                if !batch.has_room(bytes.len()) {
                    std::mem::take(&mut batch).append(connection, at).await?;
                }
                batch.push(*partition_id, partition, part, bytes);
            }
        }
        batch.append(connection, at).await
    }

    async fn write_folded(
        connection: &mut PgConnection,
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
        connection: &mut PgConnection,
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

    async fn delete_folded(connection: &mut PgConnection, before: i64, bytes_max: i64) -> Result<u64, sqlx::Error> {
        let deleted = sqlx::query(sql::DELETE_FOLDED).bind(before).bind(bytes_max).execute(connection).await?;
        Ok(deleted.rows_affected())
    }

    async fn dead_letter_counts(connection: &mut PgConnection) -> Result<Vec<(String, String, i64)>, sqlx::Error> {
        sqlx::query_as(rows::DEAD_LETTER_COUNTS).fetch_all(connection).await
    }

    async fn append_dead_letters(
        connection: &mut PgConnection,
        letters: &[&DeadLetter],
        at: i64,
    ) -> Result<(), sqlx::Error> {
        let keys = Keys::of(letters.iter().map(|letter| &letter.key));
        let text = |of: fn(&DeadLetter) -> &str| letters.iter().map(|letter| storable(of(letter))).collect::<Vec<_>>();
        let sample =
            |letter: &&DeadLetter| letter.sample[..letter.sample.len().min(DEAD_LETTER_SAMPLE_BYTES_MAX)].to_vec();
        sqlx::query(sql::APPEND_DEAD_LETTERS)
            .bind(&keys.clusters)
            .bind(&keys.topic_ids)
            .bind(&keys.partitions)
            .bind(&keys.lanes)
            .bind(letters.iter().map(|letter| letter.offset).collect::<Vec<i64>>())
            .bind(text(|letter| &letter.event))
            .bind(text(|letter| &letter.reason))
            .bind(text(|letter| &letter.detail))
            .bind(letters.iter().map(|letter| letter.record_at.map(|at| at.0)).collect::<Vec<Option<i64>>>())
            .bind(letters.iter().map(sample).collect::<Vec<Vec<u8>>>())
            .bind(at)
            .execute(connection)
            .await
            .map(|_| ())
    }

    async fn append_baselines(
        connection: &mut PgConnection,
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

    async fn add_check_in(connection: &mut PgConnection, check_in: &StoredCheckIn) -> Result<(), sqlx::Error> {
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
        connection: &mut PgConnection,
        hash: &str,
        text: &str,
        at: i64,
    ) -> Result<(), sqlx::Error> {
        sqlx::query(rows::RECORD_BOOK).bind(hash).bind(storable(text)).bind(at).execute(connection).await.map(|_| ())
    }

    async fn find(
        connection: &mut PgConnection,
        keys: &[&PartitionKey],
    ) -> Result<Vec<Option<(i64, i64, Option<i64>)>>, sqlx::Error> {
        let mut found = Vec::with_capacity(keys.len());
        for key in keys {
            let row: Option<(i64, i64, Option<i64>)> = sqlx::query_as(sql::FIND_PARTITION)
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

    async fn join_lane(connection: &mut PgConnection, partition_ids: &[i64]) -> Result<(), sqlx::Error> {
        for partition_id in partition_ids {
            sqlx::query(rows::JOIN_LANE).bind(partition_id).execute(&mut *connection).await?;
        }
        Ok(())
    }

    async fn move_partition(connection: &mut PgConnection, key: &PartitionKey, to: i64) -> Result<(), sqlx::Error> {
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

    async fn drop_lanes(connection: &mut PgConnection, keep: &str) -> Result<(), sqlx::Error> {
        for statement in rows::DROP_LANES {
            sqlx::query(statement).bind(keep).execute(&mut *connection).await?;
        }
        Ok(())
    }

    async fn active_book(connection: &mut PgConnection) -> Result<Option<(String, String)>, sqlx::Error> {
        sqlx::query_as(rows::ACTIVE_BOOK).fetch_optional(connection).await
    }

    async fn write_bi(connection: &mut PgConnection, update: &BiUpdate) -> Result<(), sqlx::Error> {
        for (sql, json) in update.statements(&bi::POSTGRES)? {
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
        let mut reading = self.readers.begin().await?;
        // The session's limit is for a commit's statements; this one reads all there is.
        sqlx::query("SET LOCAL statement_timeout = '600s'").execute(&mut *reading).await?;
        let loaded: Vec<rows::ChunkRow> =
            sqlx::query_as(sql::LOAD_CHUNKS).bind(cluster).bind(lane).bind(topic_ids).fetch_all(&mut *reading).await?;
        reading.commit().await?;
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
        let (bytes,): (i64,) = sqlx::query_as(sql::STORE_BYTES).fetch_one(&self.readers).await?;
        Ok(bytes.unsigned_abs())
    }

    async fn ping(&self) -> Result<(), sqlx::Error> {
        sqlx::query(rows::PING).execute(&self.readers).await.map(|_| ())
    }
}
