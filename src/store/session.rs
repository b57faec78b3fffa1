//! The session that runs claims and commits over any backend, and knows what follows from their errors.
//!
//! How a commit ends:
//!
//! | what happens | outcome | in the store |
//! |---|---|---|
//! | no connection, `BEGIN` fails, a statement fails or is late, the call is cancelled | `Failed` | nothing: `COMMIT` was never sent |
//! | a partition's epoch or offset is not the expected one | `Fenced` | nothing |
//! | `COMMIT` is answered | `Committed` | all |
//! | `COMMIT` fails, is late, or its connection dies | `Unknown` | all or nothing: [`Session::resolve_unknown`] tells |
//!
//! An error that `COMMIT` itself gives is `Unknown` in SQLite too: after a failed fsync the log may or may not hold the transaction
//! after a crash. In both databases the next claim writes the same rows, so it waits for, or overwrites, whatever the lost commit left.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};
use tokio::time::timeout;

use super::backend::Backend;
use super::bi::BiUpdate;
use super::error::{StoreError, connection_is_lost, describe};
use super::{
    ChunkSummary, Claim, Commit, CommitOutcome, DEAD_LETTER_SAMPLES_MAX, DeadLetter, DeadLetterFilter, PartitionCommit,
    PartitionKey, Resolved, StoredCheckIn, StoredChunk,
};
use crate::clock;
use crate::event::Offset;
use crate::score::FrozenBaseline;

/// How long the statements before `COMMIT`, or any other write, may take from here; the databases' own limits are shorter.
pub(super) const WORK_TIMEOUT: Duration = Duration::from_secs(60);

/// How long the answer to `COMMIT` is waited for.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a reader's question may take.
pub(super) const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// How long loading all chunks may take.
const LOAD_TIMEOUT: Duration = Duration::from_secs(600);

/// A backend and its one writing connection. The connection is taken out while it works, so that a call that is dropped
/// half-way drops it too, and what was open on it is rolled back.
#[derive(Debug)]
pub(super) struct Session<B: Backend> {
    pub(super) backend: B,
    writer: Mutex<Option<B::Connection>>,
}

/// The writing connection's place, locked, and the connection, with a transaction begun on it.
pub(super) struct Begun<'a, B: Backend> {
    place: MutexGuard<'a, Option<B::Connection>>,
    pub(super) connection: B::Connection,
}

impl<B: Backend> Session<B> {
    pub(super) fn new(backend: B, writer: B::Connection) -> Session<B> {
        Session { backend, writer: Mutex::new(Some(writer)) }
    }

    /// Waits for the writer, and takes its connection away for good.
    pub(super) async fn take_writer(&self) -> Option<B::Connection> {
        self.writer.lock().await.take()
    }

    pub(super) async fn claim(&self, keys: &[PartitionKey]) -> Result<Vec<Claim>, StoreError> {
        let doing = "claim partitions";
        // In key order and each once: so two claimers never wait for each other in a circle.
        let keys: Vec<&PartitionKey> = keys.iter().collect::<BTreeSet<_>>().into_iter().collect();
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let mut begun = self.begin().await?;
        let work = timeout(WORK_TIMEOUT, B::claim(&mut begun.connection, &keys, clock::now().0)).await;
        let (begun, claims) = self.checked(begun, doing, work).await?;
        self.committed(begun, doing).await?;
        Ok(claims)
    }

    pub(super) async fn commit(&self, commit: &Commit) -> CommitOutcome {
        if let Some(error) = fault_of(commit) {
            return CommitOutcome::Failed { error };
        }
        let mut partitions: Vec<&PartitionCommit> = commit.partitions.iter().collect();
        partitions.sort_by(|a, b| a.key.cmp(&b.key));
        let mut begun = match self.begin().await {
            Ok(begun) => begun,
            Err(error) => {
                return CommitOutcome::Failed { error: error.to_string() };
            }
        };
        let beside = (commit.dead_letters.as_slice(), commit.baselines.as_slice());
        let work = timeout(WORK_TIMEOUT, stage::<B>(&mut begun.connection, &partitions, beside)).await;
        let (begun, fenced) = match self.checked(begun, "commit", work).await {
            Ok(staged) => staged,
            Err(error) => {
                return CommitOutcome::Failed { error: error.to_string() };
            }
        };
        if !fenced.is_empty() {
            self.rolled_back(begun).await;
            return CommitOutcome::Fenced { partitions: fenced };
        }
        match self.committed(begun, "commit").await {
            Ok(()) => CommitOutcome::Committed,
            Err(error) => CommitOutcome::Unknown { error: error.to_string() },
        }
    }

    pub(super) async fn resolve_unknown(&self, commit: &Commit) -> Result<Resolved, StoreError> {
        let keys: Vec<PartitionKey> = commit.partitions.iter().map(|partition| partition.key.clone()).collect();
        let claims = self.claim(&keys).await?;
        let found: BTreeMap<&PartitionKey, &Claim> = claims.iter().map(|claim| (&claim.key, claim)).collect();
        let mut elsewhere = Vec::new();
        let (mut moved, mut stayed) = (false, false);
        for partition in commit.partitions.iter().filter(|partition| partition.from != Some(partition.to)) {
            let Some(claim) = found.get(&partition.key) else {
                continue;
            };
            moved |= claim.next_offset == Some(partition.to);
            stayed |= claim.next_offset == partition.from;
            let expected = claim.next_offset == Some(partition.to) || claim.next_offset == partition.from;
            // One claim lies between: this one. With more, someone else may have read the same records.
            if claim.epoch != partition.epoch + 1 || !expected {
                elsewhere.push(partition.key.clone());
            }
        }
        Ok(match (elsewhere.is_empty(), moved, stayed) {
            (true, true, false) => Resolved::Committed(claims),
            (true, false, _) => Resolved::NotCommitted(claims),
            (true, true, true) => Resolved::Elsewhere(keys),
            (false, ..) => Resolved::Elsewhere(elsewhere),
        })
    }

    pub(super) async fn add_check_in(&self, check_in: &StoredCheckIn) -> Result<(), StoreError> {
        let doing = "add a check-in";
        let mut begun = self.begin().await?;
        let work = timeout(WORK_TIMEOUT, B::add_check_in(&mut begun.connection, check_in)).await;
        let (begun, ()) = self.checked(begun, doing, work).await?;
        self.committed(begun, doing).await
    }

    pub(super) async fn record_book_revision(&self, hash: &str, text: &str) -> Result<(), StoreError> {
        let doing = "record the book";
        let mut begun = self.begin().await?;
        let work =
            timeout(WORK_TIMEOUT, B::record_book_revision(&mut begun.connection, hash, text, clock::now().0)).await;
        let (begun, ()) = self.checked(begun, doing, work).await?;
        self.committed(begun, doing).await
    }

    pub(super) async fn write_bi(&self, update: &BiUpdate) -> Result<(), StoreError> {
        let doing = "write the BI tables";
        let mut begun = self.begin().await?;
        let work = timeout(WORK_TIMEOUT, B::write_bi(&mut begun.connection, update)).await;
        let (begun, ()) = self.checked(begun, doing, work).await?;
        self.committed(begun, doing).await
    }

    pub(super) async fn load_chunks(
        &self,
        cluster: &str,
        topic_ids: &[String],
        lane: &str,
    ) -> Result<Vec<StoredChunk>, StoreError> {
        self.read("load chunks", LOAD_TIMEOUT, self.backend.load_chunks(cluster, topic_ids, lane)).await
    }

    pub(super) async fn chunk_summaries(&self, lane: &str) -> Result<Vec<ChunkSummary>, StoreError> {
        self.read("list chunks", READ_TIMEOUT, self.backend.chunk_summaries(lane)).await
    }

    pub(super) async fn load_range(
        &self,
        key: &PartitionKey,
        from: Offset,
        to: Offset,
    ) -> Result<Vec<StoredChunk>, StoreError> {
        self.read("load chunks", WORK_TIMEOUT, self.backend.load_range(key, from, to)).await
    }

    pub(super) async fn clusters(&self) -> Result<Vec<String>, StoreError> {
        self.read("list clusters", READ_TIMEOUT, self.backend.clusters()).await
    }

    pub(super) async fn partitions(&self, cluster: &str) -> Result<Vec<Claim>, StoreError> {
        self.read("list partitions", READ_TIMEOUT, self.backend.partitions(cluster)).await
    }

    pub(super) async fn baselines(&self) -> Result<Vec<FrozenBaseline>, StoreError> {
        self.read("read measured baselines", READ_TIMEOUT, self.backend.baselines()).await
    }

    pub(super) async fn check_ins(&self) -> Result<Vec<StoredCheckIn>, StoreError> {
        self.read("read check-ins", READ_TIMEOUT, self.backend.check_ins()).await
    }

    pub(super) async fn check_ins_version(&self) -> Result<i64, StoreError> {
        self.read("read check-ins", READ_TIMEOUT, self.backend.check_ins_version()).await
    }

    pub(super) async fn dead_letters(
        &self,
        filter: &DeadLetterFilter,
        limit: u32,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        self.read("list dead letters", READ_TIMEOUT, self.backend.dead_letters(filter, i64::from(limit))).await
    }

    pub(super) async fn store_bytes(&self) -> Result<u64, StoreError> {
        self.read("measure the store", READ_TIMEOUT, self.backend.store_bytes()).await
    }

    pub(super) async fn ping(&self) -> Result<(), StoreError> {
        self.read("ping", READ_TIMEOUT, self.backend.ping()).await
    }

    pub(super) async fn read<T>(
        &self,
        doing: &'static str,
        limit: Duration,
        work: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, StoreError> {
        match timeout(limit, work).await {
            Ok(answer) => answer.map_err(|error| StoreError::of(self.backend.name(), doing, error)),
            Err(_) => Err(StoreError::late(self.backend.name(), doing, limit.as_secs())),
        }
    }

    /// Takes the writing connection and begins. A connection that died since its last use is replaced, once: nothing was sent on it.
    pub(super) async fn begin(&self) -> Result<Begun<'_, B>, StoreError> {
        let begin = "begin a transaction";
        let mut place = self.writer.lock().await;
        if let Some(mut connection) = place.take() {
            match timeout(READ_TIMEOUT, B::run(&mut connection, B::BEGIN)).await {
                Ok(Ok(())) => return Ok(Begun { place, connection }),
                Ok(Err(error)) if !connection_is_lost(&error) => {
                    *place = Some(connection);
                    return Err(StoreError::of(self.backend.name(), begin, error));
                }
                Ok(Err(_)) | Err(_) => {}
            }
        }
        let mut connection = self.backend.connect().await?;
        match timeout(READ_TIMEOUT, B::run(&mut connection, B::BEGIN)).await {
            Ok(Ok(())) => Ok(Begun { place, connection }),
            Ok(Err(error)) => Err(StoreError::of(self.backend.name(), begin, error)),
            Err(_) => Err(StoreError::late(self.backend.name(), begin, READ_TIMEOUT.as_secs())),
        }
    }

    /// Hands the work's result on with its transaction still open; on an error, ends it.
    pub(super) async fn checked<'a, T>(
        &self,
        begun: Begun<'a, B>,
        doing: &'static str,
        work: Result<Result<T, sqlx::Error>, tokio::time::error::Elapsed>,
    ) -> Result<(Begun<'a, B>, T), StoreError> {
        match work {
            Ok(Ok(result)) => Ok((begun, result)),
            Ok(Err(error)) => {
                if !connection_is_lost(&error) {
                    self.rolled_back(begun).await;
                }
                Err(StoreError::of(self.backend.name(), doing, error))
            }
            // The connection goes with `begun`.
            Err(_) => Err(StoreError::late(self.backend.name(), doing, WORK_TIMEOUT.as_secs())),
        }
    }

    /// Commits, and puts the connection back. After an error nobody knows whether it is committed, and the connection is gone.
    pub(super) async fn committed(&self, begun: Begun<'_, B>, doing: &'static str) -> Result<(), StoreError> {
        let Begun { mut place, mut connection } = begun;
        match timeout(COMMIT_TIMEOUT, B::run(&mut connection, "COMMIT")).await {
            Ok(Ok(())) => {
                *place = Some(connection);
                Ok(())
            }
            Ok(Err(error)) => Err(StoreError::Unreachable {
                store: self.backend.name().to_owned(),
                reason: format!("the answer to COMMIT was lost ({doing}): {}", describe(&error)),
            }),
            Err(_) => Err(StoreError::late(self.backend.name(), "COMMIT", COMMIT_TIMEOUT.as_secs())),
        }
    }

    /// Rolls back, and puts the connection back if that worked; if not, it is dropped, which rolls back too.
    pub(super) async fn rolled_back(&self, begun: Begun<'_, B>) {
        let Begun { mut place, mut connection } = begun;
        if let Ok(Ok(())) = timeout(READ_TIMEOUT, B::run(&mut connection, "ROLLBACK")).await {
            *place = Some(connection);
        }
    }
}

/// All of a commit up to, but not including, `COMMIT`. Answers with the fenced partitions; if there are any, the rest was not done.
async fn stage<B: Backend>(
    connection: &mut B::Connection,
    partitions: &[&PartitionCommit],
    (dead_letters, baselines): (&[DeadLetter], &[FrozenBaseline]),
) -> Result<Vec<PartitionKey>, sqlx::Error> {
    let at = clock::now().0;
    let moved = B::advance(connection, partitions, at).await?;
    let mut fenced = Vec::new();
    let mut rows = Vec::with_capacity(partitions.len());
    for (partition, row) in partitions.iter().zip(moved) {
        match row {
            Some(row) => rows.push((row, *partition)),
            None => fenced.push(partition.key.clone()),
        }
    }
    if !fenced.is_empty() {
        return Ok(fenced);
    }
    B::append_chunks(connection, &rows, at).await?;
    if !dead_letters.is_empty() {
        let counts = B::dead_letter_counts(connection).await?;
        B::append_dead_letters(connection, &with_room(dead_letters, counts), at).await?;
    }
    B::append_baselines(connection, baselines, at).await?;
    Ok(fenced)
}

/// Those dead letters that [`DEAD_LETTER_SAMPLES_MAX`] leaves room for, in their order.
fn with_room(letters: &[DeadLetter], counts: Vec<(String, String, i64)>) -> Vec<&DeadLetter> {
    let mut counts: BTreeMap<(String, String), u64> =
        counts.into_iter().map(|(topic, reason, count)| ((topic, reason), count.unsigned_abs())).collect();
    let has_room = |letter: &&DeadLetter| {
        let count = counts.entry((letter.key.topic.clone(), letter.reason.clone())).or_default();
        *count += 1;
        *count <= DEAD_LETTER_SAMPLES_MAX
    };
    letters.iter().filter(has_room).collect()
}

/// Why a commit can never be right, whatever the store holds; no state of a correct pipeline leads there.
fn fault_of(commit: &Commit) -> Option<String> {
    let mut keys = BTreeSet::new();
    for PartitionCommit { key, from, to, chunk_from, parts, .. } in &commit.partitions {
        let place = format!("{}/{} of lane {}", key.topic, key.partition, key.lane);
        if !keys.insert(key) {
            return Some(format!("{place}: in the commit twice"));
        }
        // Were it allowed, no claim could tell whether such a commit is in the store.
        if *from == Some(*to) && !parts.is_empty() {
            return Some(format!("{place}: a chunk that does not move the offset from {to}"));
        }
        if from.is_some_and(|from| from > *to) || (!parts.is_empty() && chunk_from > to) {
            return Some(format!("{place}: goes backwards to {to}"));
        }
    }
    None
}
