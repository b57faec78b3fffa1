//! What a start costs, before and after compaction: stored bytes, chunks, seconds to load and to restore, and the longest that a commit
//! would have waited for compaction.
//!
//! `cargo bench --bench restore`, over SQLite in a temporary folder. `KRSCORE_BENCH_HALF_PAIRS` (default 2,000,000) and
//! `KRSCORE_BENCH_CHUNKS` (default 100,000) say how much.

use std::sync::Arc;
use std::time::{Duration, Instant};

use krscore::aggregate::plan::{AggregateId, Facet, Plan};
use krscore::book::{Book, SourceFile, load};
use krscore::chunk::{self, Chunk, Dimensions, HalfRow, StartRow, TextIndex};
use krscore::event::{Partition, TopicIndex};
use krscore::pipeline::floor::{Floor, floor};
use krscore::pipeline::{Input, RestoredChunk, State, step};
use krscore::store::{
    Commit, CommitOutcome, Compaction, FOLDED_KEPT, LIVE_LANE, OpenMode, PartitionCommit, PartitionKey, Store,
    StoreOptions,
};
use krscore::time::{Span, Timestamp};

const BOOK: &str = "
apiVersion: krscore/v1
cycles: [ { id: c, start: 2026-10-01, end: 2027-01-01, timezone: Etc/UTC } ]
events:
  ordered:   { topic: orders, time: at, dimensions: [warehouse] }
  delivered: { topic: orders, time: at }
metrics:
  fulfilment: { type: duration, from: ordered, to: delivered, key: order_id }
objectives:
  - id: o
    title: t
    owner: o
    key_results: [ { id: k, title: t, metric: fulfilment, stat: mean, baseline: 9d, target: 1d, by: [warehouse] } ]
";

/// The start of the cycle and its end, in seconds.
const CYCLE: (u64, u64) = (1_790_812_800, 1_798_761_600);

fn book() -> Arc<Book> {
    match load(&[SourceFile { name: "book.yaml".to_owned(), text: BOOK.to_owned() }]) {
        Ok(loaded) => Arc::new(loaded.book),
        Err(_) => panic!("the book has faults"),
    }
}

/// SplitMix64.
fn random(n: u64) -> u64 {
    let mut z = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Half-pairs number `from` to `to` of all: starts in one chunk, their ends mostly in another.
fn chunk_of(aggregate: AggregateId, offset: i64, (from, to): (u64, u64), all: u64) -> Chunk {
    let mut chunk = Chunk { from: offset, to: offset + 1, ..Chunk::default() };
    chunk.texts = (0..40).map(|n| format!("WH-{n:03}")).collect();
    chunk.halves = (from..to)
        .map(|n| {
            let at = CYCLE.0 + (CYCLE.1 - CYCLE.0) * n / all;
            let warehouse = Some(TextIndex((random(n) % 40) as u32));
            let start = Some(StartRow {
                at: Timestamp(at as i64 * 1_000_000),
                deadline: None,
                dimensions: Dimensions::from_slice(&[warehouse]),
            });
            let end = Some(Timestamp((at + random(n) % 400_000) as i64 * 1_000_000));
            HalfRow { aggregate, key: random(!n), start, first_end: end, last_end: end, void: false }
        })
        .collect();
    chunk
}

fn key(number: i32) -> PartitionKey {
    let text = |text: &str| text.to_owned();
    PartitionKey {
        cluster: text("c"),
        topic_id: text("t"),
        topic: text("orders"),
        partition: number,
        lane: text(LIVE_LANE),
    }
}

async fn fill(store: &Store, aggregate: AggregateId, partitions: i32, commits: i64, half_pairs: u64) {
    let keys: Vec<PartitionKey> = (0..partitions).map(key).collect();
    store.claim(&keys).await.expect("claims");
    let chunks = commits as u64 * partitions as u64;
    for commit in 0..commits {
        let of = |number: i32| {
            let n = commit as u64 * partitions as u64 + number as u64;
            let range = (half_pairs * n / chunks, half_pairs * (n + 1) / chunks);
            PartitionCommit {
                key: key(number),
                epoch: 1,
                from: (commit > 0).then_some(commit),
                to: commit + 1,
                leader_epoch: None,
                chunk_from: commit,
                parts: chunk::encode(&chunk_of(aggregate, commit, range, half_pairs)),
            }
        };
        let partitions = (0..partitions).map(of).collect();
        let outcome = store.commit(&Commit { partitions, ..Commit::default() }).await;
        assert_eq!(outcome, CommitOutcome::Committed);
    }
}

async fn restore(store: &Store, book: &Arc<Book>, what: &str) {
    let begun = Instant::now();
    let stored = store.load_chunks("c", &["t".to_owned()], LIVE_LANE).await.expect("chunks");
    let loaded = begun.elapsed();
    let (count, bytes) = (stored.len(), stored.iter().map(|chunk| chunk.bytes.len()).sum::<usize>());
    let chunks = stored
        .into_iter()
        .map(|chunk| RestoredChunk {
            lane: "live".to_owned(),
            partition: Partition { topic: TopicIndex(0), number: chunk.key.partition },
            bytes: chunk.bytes,
        })
        .collect();
    let mut state = State::new(Arc::clone(book), None);
    step(&mut state, Input::Tick { now: Timestamp(CYCLE.1 as i64 * 1_000_000) });
    let effects = step(&mut state, Input::Restored { chunks });
    assert!(effects.is_empty(), "{effects:?}");
    println!(
        "{what:>8}: {count:>7} parts, {:>8.1} MB, loaded in {:>6.2} s, restored in {:>6.2} s, {} half-pairs",
        bytes as f64 / 1e6,
        loaded.as_secs_f64(),
        (begun.elapsed() - loaded).as_secs_f64(),
        state.held().half_pairs,
    );
}

async fn measure(name: &str, partitions: i32, commits: i64, half_pairs: u64) {
    let folder = tempfile::tempdir().expect("a folder");
    let options = StoreOptions::new(format!("sqlite://{}", folder.path().join("krscore.db").display()));
    let store = Store::open(&options, OpenMode::Consumer).await.expect("a store");
    let book = book();
    let plan = Plan::of(&book);
    let pairs = plan.aggregates.iter().find(|aggregate| matches!(aggregate.facet, Facet::Pairs(_)));
    println!(
        "{name}: {half_pairs} half-pairs in {} chunks of {partitions} partitions",
        commits * i64::from(partitions)
    );
    fill(&store, pairs.expect("half-pairs").id, partitions, commits, half_pairs).await;
    restore(&store, &book, "before").await;
    let now = Timestamp(CYCLE.1 as i64 * 1_000_000);
    let (begun, mut folds, mut longest, mut written) = (Instant::now(), 0, Duration::ZERO, 0);
    loop {
        let below = Floor::of(&book, now).below(&plan);
        let compaction =
            Compaction { floor_at: |at| floor(&book, at), below, now: krscore::clock::now(), kept: FOLDED_KEPT };
        let done = store.compact(&compaction).await.expect("a turn");
        assert_eq!(done.refused, [""; 0]);
        folds += done.folds;
        written += done.bytes_after;
        longest = longest.max(done.longest_transaction);
        if done.folds == 0 {
            break;
        }
    }
    println!(
        " compact: {folds} folds in {:.2} s, {:.1} MB written, longest transaction {:.0} ms",
        begun.elapsed().as_secs_f64(),
        written as f64 / 1e6,
        longest.as_secs_f64() * 1e3
    );
    restore(&store, &book, "after").await;
    let grown = store.store_bytes().await.expect("a size");
    let later = krscore::clock::now() + Span(2 * Span::HOUR.0);
    let below = Floor::of(&book, now).below(&plan);
    let compaction = Compaction { floor_at: |at| floor(&book, at), below, now: later, kept: FOLDED_KEPT };
    let done = store.compact(&compaction).await.expect("a turn");
    println!(
        "  delete: {} parts, longest transaction {:.0} ms; the file has {:.1} MB, its free pages are used again",
        done.deleted,
        done.longest_transaction.as_secs_f64() * 1e3,
        grown as f64 / 1e6
    );
}

fn main() {
    let number = |name: &str, default: u64| std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(default);
    let (half_pairs, chunks) = (number("KRSCORE_BENCH_HALF_PAIRS", 2_000_000), number("KRSCORE_BENCH_CHUNKS", 100_000));
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(async {
        measure("large", 8, 50, half_pairs).await;
        measure("tiny", 50, chunks as i64 / 50, chunks * 3).await;
    });
}
