//! What a large book costs: 100 key results over 10 topics and 3 years of history, `cargo bench --bench large_book [EVENTS]`.
//!
//! The history is generated events through the real core, cut every ten days as a service cuts every second; the facts are what they
//! leave. Then the stored parts are read again as they are, and folded into one chunk a partition as compaction leaves them.

#![allow(unsafe_code, reason = "an allocator that counts")]

// OpsBench's, which has more uses for it.
#[allow(dead_code)]
#[path = "opsbench/src/chance.rs"]
mod chance;

use std::alloc::{GlobalAlloc, Layout, System};
use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use chance::Chance;
use krscore::book::{self, Book, SourceFile};
use krscore::chunk;
use krscore::event::{Partition, Record, TopicIndex};
use krscore::pipeline::{AssignmentEpoch, ClaimedPartition, Effect, Input, LogStart, RestoredChunk, State, step};
use krscore::snapshot::Snapshot;
use krscore::time::{Span, Timestamp};

/// Events where no number is given.
const EVENTS_DEFAULT: u64 = 3_000_000;

const TOPICS: u16 = 10;

/// 2024-01-01T00:00:00Z, and how long the history is: up to 2026-12-11.
const START: i64 = 1_704_067_200_000_000;
const DAYS: i64 = 1_075;

/// Days between cuts.
const CUT_DAYS: i64 = 10;

const EPOCH: AssignmentEpoch = AssignmentEpoch(1);

/// The ten key results that each topic has, by what they read.
const KEY_RESULTS: [&str; 10] = [
    "metric: rows#, baseline: 0, target: 1_000_000, by: [warehouse]",
    "metric: amount#, baseline: 0, target: 1_000_000_000",
    "metric: quality#, baseline: 90%, target: 99%, by: [warehouse], targets: { W01: 98% }",
    "metric: quality#, at_least: 80%, window: { trailing: 7d }, by: [channel]",
    "metric: effort#, stat: mean, baseline: 300, target: 200, window: { to_date: month }",
    "metric: effort#, stat: p90, baseline: 900, target: 500",
    "metric: lead#, stat: mean, baseline: 5d, target: 1d, window: cycle",
    "metric: lead#, stat: { within: 24h }, baseline: 50%, target: 90%, by: [warehouse]",
    "metric: each#, baseline: 0, target: 1_000, window: { to_date: quarter }",
    "metric: rows#, at_least: 1, window: { trailing: 30d }, by: [warehouse, channel]",
];

fn book_text() -> String {
    let mut text = "apiVersion: krscore/v1\ncycles:\n".to_owned();
    for year in 2024..2027 {
        let next = year + 1;
        let _ =
            writeln!(text, "  - {{ id: \"{year}\", start: {year}-01-01, end: {next}-01-01, timezone: Europe/Berlin }}");
    }
    let each = |text: &mut String, lines: &[&str]| {
        for topic in 0..TOPICS {
            lines.iter().for_each(|line| _ = writeln!(text, "  {}", line.replace('#', &topic.to_string())));
        }
    };
    text += "events:\n";
    each(
        &mut text,
        &[
            "done#: { topic: t#, id: id, time: at, where: \"type = 'done'\", dimensions: [warehouse, channel] }",
            "bad#: { topic: t#, id: id, time: at, where: \"type = 'done' AND bad\", dimensions: [warehouse, channel] }",
            "ended#: { topic: t#, id: id, time: at, where: \"type = 'ended'\" }",
        ],
    );
    text += "metrics:\n";
    each(
        &mut text,
        &[
            "rows#: { type: count, event: done# }",
            "bads#: { type: count, event: bad# }",
            "amount#: { type: sum, event: done#, value: amount }",
            "effort#: { type: value, event: done#, value: seconds }",
            "quality#: { type: ratio, bad: bads#, total: rows# }",
            "lead#: { type: duration, from: done#, to: ended#, key: order }",
            "each#: { type: derived, formula: \"amount# / rows#\" }",
        ],
    );
    text += "objectives:\n";
    for topic in 0..TOPICS {
        // Two topics are still scored for each of the years before.
        let year = 2024 + (topic / 2).min(2);
        let _ = writeln!(text, "  - id: o{topic}\n    title: t\n    owner: x\n    cycle: \"{year}\"\n    key_results:");
        for (number, reads) in KEY_RESULTS.iter().enumerate() {
            let reads = reads.replace('#', &topic.to_string());
            let _ = writeln!(text, "      - {{ id: k{number}, title: t, {reads} }}");
        }
    }
    text
}

/// A company's history, topic by topic.
struct History {
    chance: Chance,
    events: u64,
    made: u64,
    state: State,
    offsets: [i64; TOPICS as usize],
    parts: Vec<RestoredChunk>,
}

fn partitions() -> impl Iterator<Item = Partition> + Clone {
    (0..TOPICS).map(|topic| Partition { topic: TopicIndex(topic), number: 0 })
}

/// A part as the store gives it back.
fn stored(partition: Partition, bytes: Vec<u8>) -> RestoredChunk {
    RestoredChunk { partition, lane: "live".to_owned(), bytes }
}

/// A state that has read what is stored and consumes all topics.
fn restored(book: &Arc<Book>, chunks: Vec<RestoredChunk>, stands: Option<&[i64; TOPICS as usize]>) -> State {
    let mut state = State::new(Arc::clone(book), None);
    step(&mut state, Input::Restored { chunks });
    let start = LogStart { offset: 0, complete_since: None };
    let claim = |partition: Partition| ClaimedPartition {
        partition,
        next_offset: stands.map(|offsets| offsets[usize::from(partition.topic.0)]),
        start,
        epoch: EPOCH,
    };
    step(&mut state, Input::Claimed(partitions().map(claim).collect()));
    state
}

impl History {
    /// Events of one topic up to the end of a day, as records.
    fn produce(&mut self, topic: u16, day: i64, days: i64, count: u64) {
        let mut texts: Vec<(Timestamp, String)> = Vec::with_capacity(count as usize);
        for _ in 0..count {
            self.made += 1;
            let (warehouse, channel) = (self.chance.below(12), self.chance.below(3));
            // From 6:00 to 22:00.
            let day = day + self.chance.below(days as u64) as i64;
            let second = 21_600 + self.chance.below(57_600) as i64;
            let at = Timestamp(START + day * Span::DAY.0 + second * Span::SECOND.0);
            let id = self.made;
            if !id.is_multiple_of(3) {
                let (amount, seconds, bad) =
                    (self.chance.below(90_000), 30 + self.chance.below(900), self.chance.below(20) == 0);
                let text = format!(
                    r#"{{"id":"e{id}","type":"done","at":"{at}","order":{id},"warehouse":"W{warehouse:02}","channel":"c{channel}","amount":{}.{:02},"seconds":{seconds},"bad":{bad}}}"#,
                    amount / 100,
                    amount % 100
                );
                texts.push((at, text));
            } else {
                let back = 1 + self.chance.below(40) * 3;
                let order = id.saturating_sub(back);
                texts.push((at, format!(r#"{{"id":"e{id}","type":"ended","at":"{at}","order":{order}}}"#)));
            }
        }
        texts.sort();
        let first = self.offsets[usize::from(topic)];
        self.offsets[usize::from(topic)] += texts.len() as i64;
        let records: Vec<Record<'_>> = texts
            .iter()
            .zip(first..)
            .map(|((at, text), offset)| Record {
                offset,
                timestamp: Some(*at),
                key: None,
                payload: Some(text.as_bytes()),
                headers: &[],
            })
            .collect();
        let partition = Partition { topic: TopicIndex(topic), number: 0 };
        step(&mut self.state, Input::Records { partition, epoch: EPOCH, records: &records, leader_epoch: None });
    }

    fn ends(&mut self, now: Timestamp) {
        tell_ends(&mut self.state, &self.offsets, now);
    }

    /// Cuts, and keeps what would be stored.
    fn cut(&mut self, now: Timestamp) {
        for effect in step(&mut self.state, Input::Tick { now }) {
            if let Effect::Persist(cut) = effect {
                let parts = cut
                    .partitions
                    .into_iter()
                    .flat_map(|of| of.chunk.into_iter().map(move |bytes| stored(of.partition, bytes)));
                self.parts.extend(parts);
                step(&mut self.state, Input::Persisted(cut.id));
            }
        }
    }

    fn tell(&mut self) {
        let cuts = (DAYS / CUT_DAYS) as u64;
        for cut in 0..DAYS / CUT_DAYS {
            let now = Timestamp(START + (cut + 1) * CUT_DAYS * Span::DAY.0);
            for topic in 0..TOPICS {
                self.produce(topic, cut * CUT_DAYS, CUT_DAYS, self.events / cuts / u64::from(TOPICS));
            }
            self.ends(now);
            self.cut(now);
        }
    }
}

fn tell_ends(state: &mut State, offsets: &[i64; TOPICS as usize], at: Timestamp) {
    for (partition, end) in partitions().zip(offsets) {
        step(state, Input::LogEnd { partition, end: *end, position: Some(*end), at });
    }
}

/// Bytes that are allocated.
static ALLOCATED: AtomicUsize = AtomicUsize::new(0);

struct Counting;

// SAFETY: all calls go on to the system's allocator; only sizes are added up.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.fetch_add(layout.size(), Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        ALLOCATED.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATED.fetch_add(size, Ordering::Relaxed);
        ALLOCATED.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn allocated_bytes() -> usize {
    ALLOCATED.load(Ordering::Relaxed)
}

fn timed<T>(what: &str, run: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let made = run();
    row(what, begun.elapsed().as_secs_f64() * 1e3);
    made
}

fn row(what: &str, millis: f64) {
    println!("{what:<64} {millis:>10.1} ms");
}

fn published(state: &mut State, now: Timestamp) -> Arc<Snapshot> {
    let effects = step(state, Input::Tick { now });
    let publish = effects.into_iter().find_map(|effect| match effect {
        Effect::Publish(snapshot) => Some(snapshot),
        _ => None,
    });
    publish.expect("nothing is new, so it is published")
}

/// One chunk a partition, as compaction leaves them.
fn folded(parts: &[RestoredChunk]) -> Vec<RestoredChunk> {
    let fold = |partition: Partition| {
        let of = parts.iter().filter(|part| part.partition == partition);
        let chunks = of.map(|part| chunk::decode(&part.bytes).expect("a chunk")).collect();
        let folded = chunk::encode(&chunk::fold(chunks).expect("adjacent chunks"));
        folded.into_iter().map(move |bytes| stored(partition, bytes))
    };
    partitions().flat_map(fold).collect()
}

fn main() {
    // `cargo bench` adds an argument of its own.
    let events = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(EVENTS_DEFAULT);
    let sources = [SourceFile { name: "book.yaml".to_owned(), text: book_text() }];
    let loaded = timed("check: load the book", || book::load(&sources));
    let book = match loaded {
        Ok(loaded) => Arc::new(loaded.book),
        Err(faults) => panic!("{}", book::render(&faults, &sources, false)),
    };
    let key_results: usize = book.objectives.iter().map(|objective| objective.key_results.len()).sum();
    println!("{key_results} key results, {} topics, {} years, {events} events", book.topics.len(), DAYS / 365 + 1);
    let state = restored(&book, Vec::new(), None);
    let mut history = History { chance: Chance::new(7), events, made: 0, state, offsets: [0; 10], parts: Vec::new() };
    timed("make the history: events, cuts, a Snapshot a cut", || history.tell());
    let now = Timestamp(START + DAYS * Span::DAY.0);
    let History { offsets, parts, state, .. } = history;
    drop(state);
    let bytes = |parts: &[RestoredChunk]| parts.iter().map(|part| part.bytes.len()).sum::<usize>() as f64 / 1e6;
    println!("{:<64} {:>10} parts, {:.1} MB", "stored, a cut every ten days", parts.len(), bytes(&parts));
    let compact = timed("fold each partition's chunks into one", || folded(&parts));
    println!("{:<64} {:>10} parts, {:.1} MB", "stored, folded", compact.len(), bytes(&compact));
    let again = timed("restore: all parts", || restored(&book, parts, Some(&offsets)));
    drop(again);
    let before = allocated_bytes() - compact.iter().map(|part| part.bytes.capacity()).sum::<usize>();
    let mut state = timed("restore: the folded parts", || restored(&book, compact, Some(&offsets)));
    let memory = allocated_bytes().saturating_sub(before) as f64 / 1e6;
    println!("{:<64} {memory:>10.1} MB", "memory of the restored state");
    tell_ends(&mut state, &offsets, now);
    let first = timed("the first Snapshot, with the daily facts of all key results", || published(&mut state, now));
    timed("its JSON document", || black_box(first.to_document().len()));
    let mut millis: Vec<f64> = (0..100)
        .map(|tick| {
            let now = Timestamp(now.0 + tick * Span::SECOND.0);
            tell_ends(&mut state, &offsets, now);
            let begun = Instant::now();
            black_box(published(&mut state, now));
            begun.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    millis.sort_by(f64::total_cmp);
    row("a Snapshot, and one key result's past days looked at: median", millis[50]);
    row("the same: slowest of 100", millis[99]);
    let mut history = History { chance: Chance::new(9), events, made: events, state, offsets, parts: Vec::new() };
    let mut millis: Vec<f64> = (0..20)
        .map(|tick| {
            (0..TOPICS).for_each(|topic| history.produce(topic, DAYS - 1, 1, 100));
            let now = Timestamp(now.0 + (200 + tick) * Span::SECOND.0);
            history.ends(now);
            let begun = Instant::now();
            history.cut(now);
            begun.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    millis.sort_by(f64::total_cmp);
    row("a cut of 1,000 new events, its Snapshot and no days: median", millis[10]);
}
