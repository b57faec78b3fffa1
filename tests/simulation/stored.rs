//! The real store over SQLite, on a disk that dies on command, driven from one thread: whoever calls it may die before, within or after
//! the call. Dying is an unwinding panic, caught by the story, so that nothing of the process goes on.

use std::panic::resume_unwind;
use std::path::PathBuf;
use std::rc::Rc;

use krscore::aggregate::plan::Plan;
use krscore::book::Book;
use krscore::chunk;
use krscore::event::Partition;
use krscore::pipeline::RestoredChunk;
use krscore::pipeline::floor::{Floor, floor};
use krscore::score::FrozenBaseline;
use krscore::store::{
    Claim, Commit, CommitOutcome, Compaction, DeadLetterFilter, Join, LIVE_LANE, OpenMode, PartitionKey, Resolved,
    Store, StoreOptions,
};
use krscore::time::{Span, Timestamp};

use super::broker::TOPICS;
use super::compare::Ranges;
use super::disk::Disk;
use crate::world::storage::{Answer, Storage, fill, key, partition, restored};

/// How often a commit that failed is made again: the disk fails once.
const TRIES_MAX: usize = 3;

/// Chunks carry the machine's time, whatever the story's: to compaction they are all old.
const YEARS: Span = Span(10 * 365 * Span::DAY.0);

/// What a dying process unwinds with.
pub struct Died;

/// When the next deadly call is, and whether the process dies before or after it.
#[derive(Clone, Copy, Debug)]
pub struct DeadlyCall {
    pub calls: u32,
    pub after: bool,
}

/// The store of one story.
pub struct Stored {
    disk: Rc<Disk>,
    runtime: tokio::runtime::Runtime,
    store: Option<Store>,
    folder: tempfile::TempDir,
    deadly: Option<DeadlyCall>,
    /// Commits whose answer was lost on the disk.
    pub unknown: usize,
    /// Processes that died with the disk.
    pub deaths: usize,
}

impl Stored {
    /// A store in a folder of its own, begun as a copy of `empty`.
    pub fn new(disk: Rc<Disk>, empty: &[u8]) -> Stored {
        let folder = tempfile::tempdir().expect("a folder");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let mut stored = Stored { disk, runtime, store: None, folder, deadly: None, unknown: 0, deaths: 0 };
        std::fs::write(stored.path(), empty).expect("a file");
        stored.open();
        stored
    }

    /// The file of a store that nothing was written to.
    pub fn empty(disk: &Disk) -> Vec<u8> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("krscore.db");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let options = StoreOptions::new(format!("sqlite://{}?vfs={}", path.display(), disk.name()));
        runtime.block_on(async {
            let store = Store::open(&options, OpenMode::Consumer).await.expect("a store");
            store.close().await;
        });
        disk.wait_until_closed(false);
        std::fs::read(path).expect("the file")
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("krscore.db")
    }

    fn open(&mut self) {
        let options = StoreOptions::new(format!("sqlite://{}?vfs={}", self.path().display(), self.disk.name()));
        let store = self.runtime.block_on(Store::open(&options, OpenMode::Consumer)).expect("the store opens");
        // The first question makes a reader's connection: from now on the writer's is never the last to close.
        self.runtime.block_on(store.partitions("")).expect("an answer");
        self.store = Some(store);
    }

    /// The next process finds the store as the last one left it.
    pub fn recover(&mut self) {
        self.close();
        self.open();
    }

    fn close(&mut self) {
        self.deadly = None;
        self.disk.put_out();
        if let Some(store) = self.store.take() {
            self.runtime.block_on(store.close());
        }
        self.disk.wait_until_closed(false);
        self.disk.died();
    }

    /// Whoever makes the call of this number dies.
    pub fn set_deadly(&mut self, call: DeadlyCall) {
        self.deadly = Some(call);
    }

    pub fn disk(&self) -> &Disk {
        &self.disk
    }

    /// One call by a process.
    fn call<T>(&mut self, call: impl AsyncFnOnce(&Store) -> T) -> T {
        let deadly = self.deadly.take_if(|deadly| deadly.calls == 0);
        if let Some(deadly) = &mut self.deadly {
            deadly.calls -= 1;
        }
        if deadly.is_some_and(|deadly| !deadly.after) {
            resume_unwind(Box::new(Died));
        }
        let store = self.store.as_ref().expect("the store is open");
        let answer = self.runtime.block_on(call(store));
        if self.disk.died() {
            self.deaths += 1;
            self.recover();
            resume_unwind(Box::new(Died));
        }
        if deadly.is_some() {
            resume_unwind(Box::new(Died));
        }
        answer
    }

    /// A turn of compaction; how many chunks were folded into others. One that fails begins anew next time.
    pub fn compact(&mut self, book: &Book, at: Timestamp, kept: Span) -> u64 {
        let compaction = Compaction {
            floor_at: |at| floor(book, at),
            below: Floor::of(book, at).below(&Plan::of(book)),
            now: Timestamp(at.0 + YEARS.0),
            kept,
        };
        let compacted = self.call(async |store| store.compact(&compaction).await);
        let Ok(compacted) = compacted else {
            self.forget_writer();
            return 0;
        };
        assert!(compacted.refused.is_empty(), "{:?}", compacted.refused);
        compacted.chunks
    }

    /// A look from outside: nobody dies of it.
    fn look<T>(&mut self, look: impl AsyncFnOnce(&Store) -> T) -> T {
        self.runtime.block_on(look(self.store.as_ref().expect("the store is open")))
    }

    /// The connection whose answer was lost is gone before anything else happens, so that a seed repeats.
    fn forget_writer(&mut self) {
        self.disk.wait_until_closed(true);
    }

    /// Stored dead letters: topic, partition, offset, event, reason; sorted.
    pub fn dead_letters(&mut self) -> Vec<(String, i32, i64, String, String)> {
        let letters = self.look(async |store| store.dead_letters(&DeadLetterFilter::default(), 100_000).await);
        let one = |letter: krscore::store::DeadLetter| {
            (letter.key.topic, letter.key.partition, letter.offset, letter.event, letter.reason)
        };
        let mut letters: Vec<_> = letters.expect("an answer").into_iter().map(one).collect();
        letters.sort();
        letters
    }

    /// What its chunks were evaluated over.
    pub fn ranges(&mut self) -> Ranges {
        let chunks = self.look(async |store| store.load_chunks("world", &topic_ids(), LIVE_LANE).await);
        let mut ranges = Ranges::new();
        for chunk in chunks.expect("chunks") {
            for evaluated in chunk::evaluated(&chunk.bytes).expect("a chunk") {
                let known = ranges.entry((evaluated.aggregate, partition(&chunk.key))).or_default();
                known.extend(&evaluated.ranges);
                *known = chunk::unite_ranges(std::mem::take(known));
            }
        }
        ranges
    }

    /// Where the store stands, by partition.
    pub fn positions(&mut self) -> Vec<(Partition, i64)> {
        let claims = self.look(async |store| store.partitions("world").await).expect("an answer");
        let live = claims.iter().filter(|claim| claim.key.lane == LIVE_LANE);
        live.filter_map(|claim| Some((partition(&claim.key), claim.next_offset?))).collect()
    }
}

/// All topics that a book may have.
fn topic_ids() -> Vec<String> {
    (0..TOPICS.len()).map(|index| format!("t{index}")).collect()
}

impl Drop for Stored {
    fn drop(&mut self) {
        self.close();
    }
}

impl Storage for Stored {
    fn claim(&mut self, partitions: &[Partition]) -> Vec<Claim> {
        let keys: Vec<PartitionKey> = partitions.iter().map(|of| key(*of)).collect();
        let claims = self.claim_keys(&keys);
        let of = |key: &PartitionKey| claims.iter().find(|claim| claim.key == *key).expect("a claim").clone();
        keys.iter().map(of).collect()
    }

    fn claim_keys(&mut self, keys: &[PartitionKey]) -> Vec<Claim> {
        loop {
            match self.call(async |store| store.claim(keys).await) {
                Ok(claims) => return claims,
                Err(fault) if fault.is_transient() => self.forget_writer(),
                Err(fault) => panic!("{fault}"),
            }
        }
    }

    fn find(&mut self, key: &PartitionKey) -> Option<Claim> {
        let claims = self.call(async |store| store.partitions("world").await).expect("an answer");
        claims.into_iter().find(|claim| claim.key == *key)
    }

    fn join(&mut self, join: &Join) -> Answer {
        match self.call(async |store| store.join(join).await) {
            CommitOutcome::Committed => Answer::Committed,
            CommitOutcome::Unknown { .. } => {
                self.unknown += 1;
                self.forget_writer();
                loop {
                    match self.call(async |store| store.is_joined(join).await) {
                        Ok(true) => return Answer::Committed,
                        Ok(false) => return Answer::Fenced,
                        Err(fault) if fault.is_transient() => self.forget_writer(),
                        Err(fault) => panic!("{fault}"),
                    }
                }
            }
            CommitOutcome::Fenced { .. } | CommitOutcome::Failed { .. } => Answer::Fenced,
        }
    }

    fn drop_lanes(&mut self, keep: &str) {
        while let Err(fault) = self.call(async |store| store.drop_lanes(keep).await) {
            assert!(fault.is_transient(), "{fault}");
            self.forget_writer();
        }
    }

    /// Looked at from outside, to know which book its processes score by.
    fn active_book(&mut self) -> Option<String> {
        self.look(async |store| store.active_book().await).expect("an answer").map(|(hash, _)| hash)
    }

    fn commit(&mut self, commit: &Commit) -> Answer {
        let mut said = String::new();
        for _ in 0..TRIES_MAX {
            match self.call(async |store| store.commit(commit).await) {
                CommitOutcome::Committed => return Answer::Committed,
                CommitOutcome::Fenced { .. } => return Answer::Fenced,
                CommitOutcome::Unknown { .. } => {
                    self.unknown += 1;
                    self.forget_writer();
                    return Answer::Unknown;
                }
                // Nothing of it is in the store: again, as the service does.
                CommitOutcome::Failed { error } => said = error,
            }
        }
        panic!("a commit fails for good: {said}")
    }

    fn resolve(&mut self, commit: &mut Commit, mut keep: impl FnMut(Partition, i64)) -> Option<Answer> {
        let resolved = loop {
            match self.call(async |store| store.resolve_unknown(commit).await) {
                Ok(resolved) => break resolved,
                Err(fault) if fault.is_transient() => self.forget_writer(),
                Err(fault) => panic!("{fault}"),
            }
        };
        match resolved {
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
        let stored = self.call(async |store| store.load_chunks("world", &topic_ids(), lane).await).expect("chunks");
        stored.into_iter().map(restored).collect()
    }

    fn baselines(&mut self) -> Vec<FrozenBaseline> {
        self.call(async |store| store.baselines().await).expect("baselines")
    }
}
