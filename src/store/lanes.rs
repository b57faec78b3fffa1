//! Lanes in the store: what a join checks and changes in one transaction, and what is left of lanes that nobody goes on with.
//!
//! | a join wants | else |
//! |---|---|
//! | each of its partitions in live under the epoch and at the offset that the joining process saw, or not there at all | fenced |
//! | each of its partitions in the lane under its own epoch, at its own offset | fenced |
//!
//! Then the lane's partitions become `joined/N` with all that they hold, live's offsets move where the lane stood for live, the edited book
//! is the active one, and live's partitions are claimed: a commit by the book before it that is still on its way, or that a process which
//! does not know of the join makes later, is fenced. It would leave a hole where the edited book evaluated nothing. All of it, or nothing.

use std::collections::BTreeSet;

use tokio::time::timeout;

use super::backend::Backend;
use super::error::StoreError;
use super::session::{READ_TIMEOUT, Session, WORK_TIMEOUT};
use super::{Claim, CommitOutcome, PartitionKey};
use crate::clock;
use crate::event::Offset;

/// A back-fill that is done, and the book that takes effect with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Join {
    /// All partitions of the edited book's topics.
    pub partitions: Vec<JoinPartition>,
    /// The edited book's hash.
    pub book_hash: String,
    /// Its text, as [`crate::store::Store::record_book_revision`] takes it.
    pub book_text: String,
}

/// A partition of a [`Join`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinPartition {
    /// Its key in live.
    pub key: PartitionKey,
    /// Live's claim, as it was seen last; `None` if there was none.
    pub live: Option<Claim>,
    /// Where live goes on, if the lane stood for it.
    pub moves_to: Option<Offset>,
    /// The lane's claim with the offset that it has reached; `None` if the lane does not read the partition.
    pub lane: Option<Claim>,
}

impl<B: Backend> Session<B> {
    pub(super) async fn join(&self, join: &Join) -> CommitOutcome {
        let failed = |error: StoreError| CommitOutcome::Failed { error: error.to_string() };
        let mut begun = match self.begin().await {
            Ok(begun) => begun,
            Err(error) => return failed(error),
        };
        let work = timeout(WORK_TIMEOUT, stage::<B>(&mut begun.connection, join)).await;
        let (begun, fenced) = match self.checked(begun, "join a back-fill", work).await {
            Ok(staged) => staged,
            Err(error) => return failed(error),
        };
        if !fenced.is_empty() {
            self.rolled_back(begun).await;
            return CommitOutcome::Fenced { partitions: fenced };
        }
        match self.committed(begun, "join a back-fill").await {
            Ok(()) => CommitOutcome::Committed,
            Err(error) => CommitOutcome::Unknown { error: error.to_string() },
        }
    }

    /// Whether a join whose answer was lost is in the store. The locks make the answer final: a transaction that still runs holds them.
    ///
    /// The book alone does not tell: where a lane fills holes of the very book that scores, it is the active one before and after.
    pub(super) async fn is_joined(&self, join: &Join) -> Result<bool, StoreError> {
        let doing = "find out about a join";
        let lanes = join.partitions.iter().filter_map(|partition| partition.lane.as_ref().map(|lane| &lane.key));
        let lanes: BTreeSet<&PartitionKey> = lanes.collect();
        let live = join.partitions.iter().map(|partition| &partition.key);
        let keys: BTreeSet<&PartitionKey> = live.chain(lanes.iter().copied()).collect();
        let keys: Vec<&PartitionKey> = keys.into_iter().collect();
        let mut begun = self.begin().await?;
        let work = async {
            let found = B::find(&mut begun.connection, &keys).await?;
            Ok((found, B::active_book(&mut begun.connection).await?))
        };
        let work = timeout(WORK_TIMEOUT, work).await;
        let (begun, (found, active)) = self.checked(begun, doing, work).await?;
        self.rolled_back(begun).await;
        let is_left = keys.iter().zip(found).any(|(key, row)| lanes.contains(key) && row.is_some());
        Ok(!is_left && active.is_some_and(|(hash, _)| hash == join.book_hash))
    }

    pub(super) async fn drop_lanes(&self, keep: &str) -> Result<(), StoreError> {
        let doing = "drop back-fills that are over";
        let mut begun = self.begin().await?;
        let work = timeout(WORK_TIMEOUT, B::drop_lanes(&mut begun.connection, keep)).await;
        let (begun, ()) = self.checked(begun, doing, work).await?;
        self.committed(begun, doing).await
    }

    pub(super) async fn has_lanes(&self) -> Result<bool, StoreError> {
        Ok(self.read("look for back-fills", READ_TIMEOUT, self.backend.lanes()).await? > 0)
    }

    pub(super) async fn active_book(&self) -> Result<Option<(String, String)>, StoreError> {
        let mut begun = self.begin().await?;
        let work = timeout(WORK_TIMEOUT, B::active_book(&mut begun.connection)).await;
        let (begun, active) = self.checked(begun, "read the active book", work).await?;
        self.rolled_back(begun).await;
        Ok(active)
    }
}

/// All of a join up to, but not including, `COMMIT`. Answers with the fenced partitions; if there are any, the rest was not done.
async fn stage<B: Backend>(connection: &mut B::Connection, join: &Join) -> Result<Vec<PartitionKey>, sqlx::Error> {
    let mut expected: Vec<(&PartitionKey, Option<&Claim>)> = Vec::new();
    for partition in &join.partitions {
        expected.push((&partition.key, partition.live.as_ref()));
        expected.extend(partition.lane.as_ref().map(|claim| (&claim.key, Some(claim))));
    }
    expected.sort_by_key(|(key, _)| *key);
    let keys: Vec<&PartitionKey> = expected.iter().map(|(key, _)| *key).collect();
    let found = B::find(connection, &keys).await?;
    let mut fenced = Vec::new();
    let mut joined = Vec::new();
    for ((key, claim), row) in expected.iter().zip(found) {
        let wanted = claim.map(|claim| (claim.epoch, claim.next_offset));
        if row.map(|(_, epoch, next_offset)| (epoch, next_offset)) != wanted {
            fenced.push((*key).clone());
        }
        if join.partitions.iter().any(|partition| partition.lane.as_ref().is_some_and(|lane| lane.key == **key)) {
            joined.extend(row.map(|(partition_id, ..)| partition_id));
        }
    }
    if !fenced.is_empty() {
        return Ok(fenced);
    }
    B::join_lane(connection, &joined).await?;
    let at = clock::now().0;
    let live = join.partitions.iter().filter(|partition| partition.live.is_some() || partition.moves_to.is_some());
    let live: Vec<&PartitionKey> = live.map(|partition| &partition.key).collect();
    B::claim(connection, &live, at).await?;
    for partition in &join.partitions {
        if let Some(to) = partition.moves_to {
            B::move_partition(connection, &partition.key, to).await?;
        }
    }
    B::record_book_revision(connection, &join.book_hash, &join.book_text, at).await?;
    Ok(fenced)
}
