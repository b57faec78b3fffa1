//! The store of a simulated world: the real one over SQLite, or a map that follows the same contract (`krscore::store`) for thousands of
//! short stories. The store is the pipeline's environment, and the map is no mock of it: epochs fence, commits are all or nothing.

use std::collections::BTreeMap;

use krscore::chunk::{self, Below};
use krscore::event::{Offset, Partition, TopicIndex};
use krscore::pipeline::RestoredChunk;
use krscore::store::{
    Claim, Commit, CommitOutcome, LIVE_LANE, OpenMode, PartitionKey, Resolved, Store, StoreOptions, StoredChunk,
};
use krscore::time::Timestamp;

/// What became of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Committed,
    Fenced,
}

/// The part of the store that the consumer role needs.
pub trait Storage {
    /// In the order of the partitions asked for.
    fn claim(&mut self, partitions: &[Partition]) -> Vec<Claim>;
    fn commit(&mut self, commit: &Commit) -> Answer;
    /// What became of a commit whose answer was lost; `None`: nothing, commit it again under the epochs filled in.
    fn resolve(&mut self, commit: &mut Commit, keep: impl FnMut(Partition, i64)) -> Option<Answer>;
    fn chunks(&mut self) -> Vec<RestoredChunk>;
}

/// The partition's name in the store.
pub fn key(partition: Partition) -> PartitionKey {
    PartitionKey {
        cluster: "world".to_owned(),
        topic_id: format!("t{}", partition.topic.0),
        topic: format!("t{}", partition.topic.0),
        partition: partition.number,
        lane: LIVE_LANE.to_owned(),
    }
}

fn partition(key: &PartitionKey) -> Partition {
    let topic = key.topic_id.trim_start_matches('t').parse().expect("a topic's number");
    Partition { topic: TopicIndex(topic), number: key.partition }
}

fn fill(commit: &mut Commit, claims: &[Claim], mut keep: impl FnMut(Partition, i64)) {
    for claim in claims {
        keep(partition(&claim.key), claim.epoch);
        for of in commit.partitions.iter_mut().filter(|of| of.key == claim.key) {
            of.epoch = claim.epoch;
        }
    }
}

/// A partition in the map.
#[derive(Clone, Debug, Default)]
struct Held {
    epoch: i64,
    next_offset: Option<Offset>,
    chunks: Vec<StoredChunk>,
}

/// The map.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    held: BTreeMap<PartitionKey, Held>,
}

impl Memory {
    /// Folds each partition's chunks into one, as compaction does; nothing lies below.
    pub fn fold(&mut self) {
        self.fold_above(&Below { floor: Timestamp(i64::MIN), halves: Timestamp(i64::MIN), grains: BTreeMap::new() });
    }

    /// The same, and leaves out what lies below.
    pub fn fold_above(&mut self, below: &Below) {
        for held in self.held.values_mut().filter(|held| !held.chunks.is_empty()) {
            let whole = |stored: &StoredChunk| {
                let mut chunk = chunk::decode(&stored.bytes).expect("a chunk");
                chunk::let_go(&mut chunk, below);
                chunk
            };
            let chunks = held.chunks.iter().map(whole).collect();
            let folded = chunk::fold(chunks).expect("adjacent chunks");
            let first = held.chunks[0].clone();
            let parts = chunk::encode(&folded).into_iter().zip(0..);
            held.chunks =
                parts.map(|(bytes, part)| StoredChunk { to: folded.to, part, bytes, ..first.clone() }).collect();
        }
    }
}

impl Storage for Memory {
    fn claim(&mut self, partitions: &[Partition]) -> Vec<Claim> {
        let claim = |of: &Partition| {
            let held = self.held.entry(key(*of)).or_default();
            held.epoch += 1;
            Claim { key: key(*of), epoch: held.epoch, next_offset: held.next_offset, leader_epoch: None }
        };
        partitions.iter().map(claim).collect()
    }

    fn commit(&mut self, commit: &Commit) -> Answer {
        let stands = |of: &krscore::store::PartitionCommit| {
            let held = &self.held[&of.key];
            held.epoch == of.epoch && held.next_offset == of.from
        };
        if !commit.partitions.iter().all(stands) {
            return Answer::Fenced;
        }
        for of in &commit.partitions {
            let held = self.held.entry(of.key.clone()).or_default();
            held.next_offset = Some(of.to);
            held.chunks.extend(of.parts.iter().zip(0..).map(|(bytes, part)| StoredChunk {
                key: of.key.clone(),
                from: of.chunk_from,
                to: of.to,
                part,
                bytes: bytes.clone(),
            }));
        }
        Answer::Committed
    }

    fn resolve(&mut self, commit: &mut Commit, keep: impl FnMut(Partition, i64)) -> Option<Answer> {
        if commit.partitions.iter().any(|of| self.held[&of.key].epoch != of.epoch) {
            return Some(Answer::Fenced);
        }
        let all: Vec<Partition> = commit.partitions.iter().map(|of| partition(&of.key)).collect();
        let claims = self.claim(&all);
        fill(commit, &claims, keep);
        let at = |to: fn(&krscore::store::PartitionCommit) -> Option<Offset>| {
            commit.partitions.iter().all(|of| self.held[&of.key].next_offset == to(of))
        };
        match (at(|of| Some(of.to)), at(|of| of.from)) {
            (true, _) => Some(Answer::Committed),
            (_, true) => None,
            _ => Some(Answer::Fenced),
        }
    }

    fn chunks(&mut self) -> Vec<RestoredChunk> {
        let stored = self.held.values().flat_map(|held| &held.chunks);
        stored.map(|chunk| RestoredChunk { partition: partition(&chunk.key), bytes: chunk.bytes.clone() }).collect()
    }
}

/// The real store over SQLite in a folder of its own.
pub struct Sqlite {
    runtime: tokio::runtime::Runtime,
    store: Store,
    _folder: tempfile::TempDir,
}

impl Sqlite {
    pub fn new() -> Sqlite {
        let folder = tempfile::tempdir().expect("a folder");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let options = StoreOptions::new(format!("sqlite://{}", folder.path().join("krscore.db").display()));
        let store = runtime.block_on(Store::open(&options, OpenMode::Consumer)).expect("a store");
        Sqlite { runtime, store, _folder: folder }
    }
}

impl Storage for Sqlite {
    fn claim(&mut self, partitions: &[Partition]) -> Vec<Claim> {
        let keys: Vec<PartitionKey> = partitions.iter().map(|of| key(*of)).collect();
        let claims = self.runtime.block_on(self.store.claim(&keys)).expect("claims");
        let of = |key: &PartitionKey| claims.iter().find(|claim| claim.key == *key).expect("a claim").clone();
        keys.iter().map(of).collect()
    }

    fn commit(&mut self, commit: &Commit) -> Answer {
        match self.runtime.block_on(self.store.commit(commit)) {
            CommitOutcome::Committed => Answer::Committed,
            CommitOutcome::Fenced { .. } => Answer::Fenced,
            other => panic!("{other:?}"),
        }
    }

    fn resolve(&mut self, commit: &mut Commit, mut keep: impl FnMut(Partition, i64)) -> Option<Answer> {
        match self.runtime.block_on(self.store.resolve_unknown(commit)).expect("an answer") {
            Resolved::Committed(claims) => {
                fill(commit, &claims, &mut keep);
                Some(Answer::Committed)
            }
            Resolved::NotCommitted(claims) => {
                fill(commit, &claims, &mut keep);
                None
            }
            Resolved::Elsewhere(_) => Some(Answer::Fenced),
        }
    }

    fn chunks(&mut self) -> Vec<RestoredChunk> {
        let topics: Vec<String> = (0..100).map(|index| format!("t{index}")).collect();
        let stored = self.runtime.block_on(self.store.load_chunks("world", &topics, LIVE_LANE)).expect("chunks");
        stored.into_iter().map(|chunk| RestoredChunk { partition: partition(&chunk.key), bytes: chunk.bytes }).collect()
    }
}
