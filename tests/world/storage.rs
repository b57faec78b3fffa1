//! The store of a simulated world: the real one over SQLite, or a map that follows the same contract (`krscore::store`) for thousands of
//! short stories. The store is the pipeline's environment, and the map is no mock of it: epochs fence, commits are all or nothing.

use std::collections::BTreeMap;

use krscore::chunk::{self, Below};
use krscore::event::{Offset, Partition, TopicIndex};
use krscore::pipeline::{DeadLetterSample, RestoredChunk};
use krscore::score::{BaselineId, FrozenBaseline};
use krscore::store::{
    Claim, Commit, CommitOutcome, DeadLetter, Join, LIVE_LANE, OpenMode, PartitionKey, Resolved, Store, StoreOptions,
    StoredChunk,
};
use krscore::time::Timestamp;

/// What became of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Committed,
    Fenced,
    /// The answer was lost: it is in the store, or not.
    Unknown,
}

/// The part of the store that the consumer role needs.
pub trait Storage {
    /// In the order of the partitions asked for.
    fn claim(&mut self, partitions: &[Partition]) -> Vec<Claim>;
    fn commit(&mut self, commit: &Commit) -> Answer;
    /// What became of a commit whose answer was lost; `None`: nothing, commit it again under the epochs filled in.
    fn resolve(&mut self, commit: &mut Commit, keep: impl FnMut(Partition, i64)) -> Option<Answer>;
    /// Live's, with those of the lanes that were joined.
    fn chunks(&mut self) -> Vec<RestoredChunk> {
        self.chunks_of(LIVE_LANE)
    }
    fn chunks_of(&mut self, lane: &str) -> Vec<RestoredChunk>;
    /// Where a partition stands, without claiming it.
    fn find(&mut self, key: &PartitionKey) -> Option<Claim>;
    fn claim_keys(&mut self, keys: &[PartitionKey]) -> Vec<Claim>;
    fn join(&mut self, join: &Join) -> Answer;
    fn drop_lanes(&mut self, keep: &str);
    /// The hash of the book that was joined last.
    fn active_book(&mut self) -> Option<String>;
    fn baselines(&mut self) -> Vec<FrozenBaseline>;
}

/// The partition's name in the store.
pub fn key(partition: Partition) -> PartitionKey {
    key_in(LIVE_LANE, partition)
}

/// The same in a lane.
pub fn key_in(lane: &str, partition: Partition) -> PartitionKey {
    PartitionKey {
        cluster: "world".to_owned(),
        topic_id: format!("t{}", partition.topic.0),
        topic: format!("t{}", partition.topic.0),
        partition: partition.number,
        lane: lane.to_owned(),
    }
}

/// The partition of that name.
pub fn partition(key: &PartitionKey) -> Partition {
    let topic = key.topic_id.trim_start_matches('t').parse().expect("a topic's number");
    Partition { topic: TopicIndex(topic), number: key.partition }
}

/// A sample as the store takes it.
pub fn dead_letter(sample: DeadLetterSample) -> DeadLetter {
    DeadLetter {
        key: key(sample.partition),
        offset: sample.offset,
        event: sample.event,
        reason: sample.reason,
        detail: sample.detail,
        record_at: sample.record_at,
        sample: sample.sample,
    }
}

/// Puts the claims' epochs into a commit that is made again.
pub fn fill(commit: &mut Commit, claims: &[Claim], mut keep: impl FnMut(Partition, i64)) {
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
    joined: usize,
    active: Option<String>,
    letters: BTreeMap<(PartitionKey, Offset, String), DeadLetter>,
    baselines: BTreeMap<BaselineId, FrozenBaseline>,
}

impl Memory {
    /// Stored dead letters: topic, partition, offset, event, reason; sorted.
    pub fn dead_letters(&self) -> Vec<(String, i32, Offset, String, String)> {
        let one = |letter: &DeadLetter| {
            let key = &letter.key;
            (key.topic.clone(), key.partition, letter.offset, letter.event.clone(), letter.reason.clone())
        };
        self.letters.values().map(one).collect()
    }

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
        self.claim_keys(&partitions.iter().map(|of| key(*of)).collect::<Vec<_>>())
    }

    fn claim_keys(&mut self, keys: &[PartitionKey]) -> Vec<Claim> {
        let claim = |key: &PartitionKey| {
            let held = self.held.entry(key.clone()).or_default();
            held.epoch += 1;
            Claim { key: key.clone(), epoch: held.epoch, next_offset: held.next_offset, leader_epoch: None }
        };
        keys.iter().map(claim).collect()
    }

    fn find(&mut self, key: &PartitionKey) -> Option<Claim> {
        let held = self.held.get(key)?;
        Some(Claim { key: key.clone(), epoch: held.epoch, next_offset: held.next_offset, leader_epoch: None })
    }

    fn join(&mut self, join: &Join) -> Answer {
        let stands = |map: &Memory, key: &PartitionKey, claim: &Option<Claim>| {
            map.held.get(key).map(|held| (held.epoch, held.next_offset))
                == claim.as_ref().map(|claim| (claim.epoch, claim.next_offset))
        };
        for of in &join.partitions {
            let lane_stands = of.lane.as_ref().is_none_or(|lane| stands(self, &lane.key, &of.lane));
            if !stands(self, &of.key, &of.live) || !lane_stands {
                return Answer::Fenced;
            }
        }
        for of in &join.partitions {
            if let Some(mut held) = of.lane.as_ref().and_then(|lane| self.held.remove(&lane.key)) {
                self.joined += 1;
                let key = PartitionKey { lane: format!("joined/{}", self.joined), ..of.key.clone() };
                held.chunks.iter_mut().for_each(|chunk| chunk.key = key.clone());
                self.held.insert(key, held);
            }
            if of.live.is_some() || of.moves_to.is_some() {
                let live = self.held.entry(of.key.clone()).or_default();
                live.epoch += 1;
                live.next_offset = of.moves_to.or(live.next_offset);
            }
        }
        self.active = Some(join.book_hash.clone());
        Answer::Committed
    }

    fn active_book(&mut self) -> Option<String> {
        self.active.clone()
    }

    fn drop_lanes(&mut self, keep: &str) {
        self.held.retain(|key, _| !key.lane.starts_with("fill/") || key.lane == keep);
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
        for letter in &commit.dead_letters {
            let place = (letter.key.clone(), letter.offset, letter.event.clone());
            self.letters.entry(place).or_insert_with(|| letter.clone());
        }
        for baseline in &commit.baselines {
            self.baselines.entry(baseline.id).or_insert_with(|| baseline.clone());
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
        if commit.partitions.is_empty() {
            return None; // only baselines: committing them again changes nothing
        }
        let at = |to: fn(&krscore::store::PartitionCommit) -> Option<Offset>| {
            commit.partitions.iter().all(|of| self.held[&of.key].next_offset == to(of))
        };
        match (at(|of| Some(of.to)), at(|of| of.from)) {
            (true, _) => Some(Answer::Committed),
            (_, true) => None,
            _ => Some(Answer::Fenced),
        }
    }

    fn chunks_of(&mut self, lane: &str) -> Vec<RestoredChunk> {
        let is_in = |key: &PartitionKey| key.lane == lane || lane == LIVE_LANE && key.lane.starts_with("joined/");
        let stored = self.held.iter().filter(|(key, _)| is_in(key)).flat_map(|(_, held)| &held.chunks);
        stored.cloned().map(restored).collect()
    }

    fn baselines(&mut self) -> Vec<FrozenBaseline> {
        self.baselines.values().cloned().collect()
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

    fn chunks_of(&mut self, lane: &str) -> Vec<RestoredChunk> {
        let topics: Vec<String> = (0..100).map(|index| format!("t{index}")).collect();
        let stored = self.runtime.block_on(self.store.load_chunks("world", &topics, lane)).expect("chunks");
        stored.into_iter().map(restored).collect()
    }

    fn find(&mut self, key: &PartitionKey) -> Option<Claim> {
        let claims = self.runtime.block_on(self.store.partitions("world")).expect("partitions");
        claims.into_iter().find(|claim| claim.key == *key)
    }

    fn claim_keys(&mut self, keys: &[PartitionKey]) -> Vec<Claim> {
        self.runtime.block_on(self.store.claim(keys)).expect("claims")
    }

    fn join(&mut self, join: &Join) -> Answer {
        match self.runtime.block_on(self.store.join(join)) {
            CommitOutcome::Committed => Answer::Committed,
            CommitOutcome::Fenced { .. } => Answer::Fenced,
            other => panic!("{other:?}"),
        }
    }

    fn drop_lanes(&mut self, keep: &str) {
        self.runtime.block_on(self.store.drop_lanes(keep)).expect("dropped");
    }

    fn active_book(&mut self) -> Option<String> {
        self.runtime.block_on(self.store.active_book()).expect("an answer").map(|(hash, _)| hash)
    }

    fn baselines(&mut self) -> Vec<FrozenBaseline> {
        self.runtime.block_on(self.store.baselines()).expect("baselines")
    }
}

/// A stored chunk as the pipeline takes it.
pub fn restored(chunk: StoredChunk) -> RestoredChunk {
    RestoredChunk { partition: partition(&chunk.key), lane: chunk.key.lane, bytes: chunk.bytes }
}
