//! Stories of chunks that become fewer: read once, whole, at any moment; marked for a while; then gone.

use std::sync::Arc;

use krscore::aggregate::cell::Cell;
use krscore::aggregate::plan::AggregateId;
use krscore::chunk::{self, Below, CellRow, Chunk, Evaluated, EvaluatedRange, HalfRow, StartRow, TextIndex};
use krscore::event::Offset;
use krscore::store::{
    Commit, CommitOutcome, Compacted, Compaction, FOLDED_KEPT, PartitionCommit, Store, StoreError, StoredChunk,
};
use krscore::time::{Bucket, Span, Timestamp};

use crate::lost::within_polls;
use crate::place::{Place, key};

/// Nothing lies below.
fn nothing_below() -> Below {
    Below { floor: Timestamp(0), halves: Timestamp(0), grains: [].into() }
}

fn compaction(now: Timestamp) -> Compaction<impl Fn(Timestamp) -> Timestamp> {
    Compaction { floor_at: |_| Timestamp(0), below: nothing_below(), now, kept: FOLDED_KEPT }
}

fn now() -> Timestamp {
    krscore::clock::now()
}

/// A chunk over one offset: a row of the cell of its hour, `halves` half-pairs, a counter.
fn chunk_at(offset: Offset, halves: u64) -> Chunk {
    let half = |n: u64| HalfRow {
        aggregate: AggregateId(2),
        key: (offset as u64).wrapping_mul(halves).wrapping_add(n).wrapping_mul(0x9E37_79B9_7F4A_7C15),
        start: Some(StartRow { at: Timestamp(0), deadline: None, dimensions: vec![Some(TextIndex(n as u32))].into() }),
        first_end: Some(Timestamp(offset * 1_000_000)),
        last_end: Some(Timestamp(offset * 1_000_000)),
        void: false,
    };
    let mut chunk = Chunk { from: offset, to: offset + 1, ..Chunk::default() };
    // Where there are many they are long.
    let width = if halves > 100 { 1_000 } else { 2 };
    chunk.texts = (0..halves).map(|n| format!("{:0>width$}", offset as u64 * halves + n)).collect();
    chunk.head.counters.insert("records/orders/read".to_owned(), 1);
    let ranges = vec![EvaluatedRange { from: offset, to: offset + 1, since: None }];
    chunk.evaluated = vec![Evaluated { aggregate: AggregateId(1), ranges }];
    let cell = Cell { count: 1, ..Cell::EMPTY };
    chunk.cells =
        vec![CellRow { aggregate: AggregateId(1), member: None, bucket: Bucket((offset / 3_600) as i32), cell }];
    chunk.halves = (0..halves).map(half).collect();
    chunk
}

async fn commit(store: &Store, number: i32, epoch: i64, offset: Offset, halves: u64) {
    let committed = store
        .commit(&Commit {
            partitions: vec![PartitionCommit {
                key: key(number),
                epoch,
                from: (offset > 0).then_some(offset),
                to: offset + 1,
                leader_epoch: None,
                chunk_from: offset,
                parts: chunk::encode(&chunk_at(offset, halves)),
            }],
            ..Commit::default()
        })
        .await;
    assert_eq!(committed, CommitOutcome::Committed);
}

async fn load(store: &Store) -> Vec<StoredChunk> {
    store.load_chunks("cluster-1", &["id-of-orders".to_owned()], "live").await.expect("chunks load")
}

/// What all stored chunks say together, folded in memory, by partition: equal facts give equal bytes.
pub async fn facts(store: &Store) -> Vec<Vec<Vec<u8>>> {
    let loaded = load(store).await;
    let partitions = loaded.chunk_by(|a, b| a.key == b.key).map(|stored| {
        let chunks = stored.chunk_by(|a, b| (a.from, a.to) == (b.from, b.to)).map(|parts| {
            let parts: Vec<&[u8]> = parts.iter().map(|part| part.bytes.as_slice()).collect();
            chunk::decode_parts(&parts).expect("a whole chunk")
        });
        chunk::encode(&chunk::fold(chunks.collect()).expect("adjacent chunks"))
    });
    partitions.collect()
}

/// Claims partition 0 and commits to it so often.
pub async fn with_commits(store: &Store, commits: i64) {
    store.claim(&[key(0)]).await.expect("claims");
    for offset in 0..commits {
        commit(store, 0, 1, offset, 2).await;
    }
}

pub async fn compact_now(store: &Store) -> Result<Compacted, StoreError> {
    store.compact(&compaction(now())).await
}

async fn compact(store: &Store, at: Timestamp) -> Compacted {
    let done = store.compact(&compaction(at)).await.expect("a turn");
    assert_eq!(done.refused, [""; 0]);
    done
}

/// The one test of the aim: the number of chunks follows the state, and what they say is the same before and after.
pub async fn however_many_commits_the_chunks_stay_few_and_say_the_same(place: Arc<Place>) {
    const COMMITS: i64 = 400;
    let store = place.consumer().await;
    store.claim(&[key(0), key(1)]).await.expect("claims");
    let (mut most, mut folds) = (0, 0);
    for offset in 0..COMMITS {
        commit(&store, 0, 1, offset, 3).await;
        if offset % 5 == 0 {
            commit(&store, 1, 1, offset / 5, 1).await;
        }
        if offset % 10 == 9 {
            let before = facts(&store).await;
            let done = compact(&store, now()).await;
            folds += done.folds;
            assert!(facts(&store).await == before, "after {offset}");
        }
        most = most.max(load(&store).await.iter().filter(|chunk| chunk.key.partition == 0).count());
    }
    assert!((10..30).contains(&folds), "{folds} folds");
    assert!(most <= 32 + 10, "{most} chunks at once");
    let counters: Vec<u64> = facts(&store)
        .await
        .iter()
        .map(|parts| chunk::decode_parts(parts).expect("a chunk").head.counters["records/orders/read"])
        .collect();
    assert_eq!(counters, [400, 80], "each commit once");
}

pub async fn folded_chunks_stay_an_hour_unread_and_are_deleted(place: Arc<Place>) {
    let store = place.consumer().await;
    store.claim(&[key(0)]).await.expect("claims");
    for offset in 0..40 {
        commit(&store, 0, 1, offset, 1).await;
    }
    let before = facts(&store).await;
    let done = compact(&store, now()).await;
    assert_eq!((done.folds, done.chunks, done.deleted), (1, 40, 0));
    assert_eq!(load(&store).await.len(), 1);
    assert_eq!(place.rows(&["count(*)"], "chunk").await, ["41"], "the folded ones are still there");
    assert_eq!(compact(&store, now() + Span(59 * Span::MINUTE.0)).await.deleted, 0);
    assert_eq!(compact(&store, now() + Span(61 * Span::MINUTE.0)).await.deleted, 40);
    assert_eq!(place.rows(&["count(*)"], "chunk").await, ["1"]);
    assert!(facts(&store).await == before);
    let next = store.claim(&[key(0)]).await.expect("claims")[0].next_offset;
    assert_eq!(next, Some(40), "offsets are none of folding's business");
}

/// Wherever a fold is cut off, the old chunks are read or the new one, and the next turn ends what was begun.
pub async fn a_fold_cut_off_at_any_point_is_all_or_nothing(place: Arc<Place>) {
    let store = place.consumer().await;
    store.claim(&[key(0)]).await.expect("claims");
    let mut offset = 0;
    for polls in 1_usize.. {
        while load(&store).await.len() < 40 {
            commit(&store, 0, 1, offset, 2).await;
            offset += 1;
        }
        let before = facts(&store).await;
        let compaction = compaction(now());
        let answer = within_polls(polls, store.compact(&compaction)).await;
        // A ghost of the dropped connection may still be at work: the next claim waits for it.
        while store.claim(&[key(0)]).await.is_err() {}
        place.execute("UPDATE partition_claim SET epoch = 1").await;
        assert!(facts(&store).await == before, "after {polls} polls");
        if answer.is_some() {
            println!("{polls} polls");
            return;
        }
    }
}

pub async fn a_chunk_in_several_parts_is_written_beforehand_and_read_only_when_it_is_whole(place: Arc<Place>) {
    let store = place.consumer().await;
    store.claim(&[key(0)]).await.expect("claims");
    for offset in 0..33 {
        // 33 of 300 half-pairs of 1,000 bytes: two parts.
        commit(&store, 0, 1, offset, 300).await;
    }
    // What a fold that was killed has left.
    let left = "INSERT INTO chunk (partition_id, from_offset, to_offset, part, committed_at, folded_at, bytes) \
                SELECT partition_id, 0, 33, 0, 0, -9223372036854775807, bytes FROM chunk WHERE from_offset = 0";
    place.execute(left).await;
    assert_eq!(load(&store).await.len(), 33, "what is being written is not read");
    let before = facts(&store).await;
    let done = compact(&store, now()).await;
    assert_eq!((done.folds, done.chunks), (1, 33));
    println!("{} MB in transactions of at most {:?}", done.bytes_after >> 20, done.longest_transaction);
    let loaded = load(&store).await;
    assert_eq!(loaded.iter().map(|chunk| chunk.part).collect::<Vec<_>>(), [0, 1]);
    assert!(facts(&store).await == before);
    assert_eq!(place.rows(&["count(*)"], "chunk").await, ["35"], "two new parts, 33 marked, none left");
}

pub async fn what_cannot_be_folded_stays_and_is_said(place: Arc<Place>) {
    let store = place.consumer().await;
    store.claim(&[key(0), key(1)]).await.expect("claims");
    for offset in 0..40 {
        commit(&store, 0, 1, offset, 1).await;
        commit(&store, 1, 1, offset, 1).await;
    }
    let damage = if place.postgres {
        "UPDATE chunk SET bytes = overlay(bytes PLACING '\\x00'::bytea FROM 60 FOR 1) WHERE from_offset = 7 AND partition_id = 1"
    } else {
        "UPDATE chunk SET bytes = CAST(substr(bytes, 1, 59) || x'00' || substr(bytes, 61) AS BLOB) WHERE from_offset = 7 AND partition_id = 1"
    };
    place.execute(damage).await;
    let done = store.compact(&compaction(now())).await.expect("a turn");
    assert_eq!(done.folds, 1, "the other partition is folded all the same");
    let said = done.refused.join("; ");
    assert!(said.starts_with("orders/0 [0, 40): checksum of chunk section"), "{said}");
    assert_eq!(load(&store).await.len(), 40 + 1);
}

pub async fn what_lies_below_the_floor_is_left_out(place: Arc<Place>) {
    let store = place.consumer().await;
    store.claim(&[key(0)]).await.expect("claims");
    for offset in 0..40 {
        commit(&store, 0, 1, offset, 1).await;
    }
    // Every half-pair ends in the first minute of 1970, every cell in its first hour.
    let below = Below { floor: Timestamp(Span::DAY.0), halves: Timestamp(20 * Span::SECOND.0), grains: [].into() };
    let compaction = Compaction { below, ..compaction(now()) };
    assert_eq!(store.compact(&compaction).await.expect("a turn").folds, 1);
    let parts = facts(&store).await.remove(0);
    let folded = chunk::decode_parts(&parts).expect("a chunk");
    assert_eq!((folded.cells.len(), folded.halves.len()), (0, 20));
    assert_eq!(folded.floor, Some(Timestamp(Span::DAY.0)), "the chunk says so");
    assert_eq!(folded.evaluated[0].ranges.len(), 1, "what was evaluated stays");
    assert_eq!(folded.head.counters["records/orders/read"], 40, "and what was counted");
}
