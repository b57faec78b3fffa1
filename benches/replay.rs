//! Events a second of `replay` on one core, with the bare scan of the same bytes beside it: `cargo bench --bench replay [EVENTS]`.
//!
//! The same seeded events every time: orders created 30 : shipped 25 : picks 25 : errors 15 : tickets 5, about 300 bytes each.

// OpsBench's, which has more uses for it.
#[allow(dead_code)]
#[path = "opsbench/src/chance.rs"]
mod chance;
#[path = "hot_path/src/events.rs"]
mod events;

use std::hint::black_box;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Instant;

use krscore::book::{self, SourceFile};
use krscore::decode::Decoder;
use krscore::event::{Partition, Record, Row, TopicIndex};
use krscore::ingest::file::EventFile;
use krscore::pipeline::{AssignmentEpoch, ClaimedPartition, Effect, Input, LogStart, State, step};
use krscore::time::{Span, Timestamp};

/// Events where no number is given.
const EVENTS_DEFAULT: u64 = 1_000_000;

const TOPICS: [&str; 4] = ["errors", "orders", "picks", "tickets"];

const BOOK: &str = r#"
apiVersion: krscore/v1
cycles: [ { id: q4, start: 2026-10-01, end: 2027-01-01, timezone: UTC } ]
events:
  created: { topic: orders, time: ts, where: "type = 'created'", dimensions: [warehouse, channel] }
  shipped: { topic: orders, time: ts, where: "type = 'shipped'" }
  picked: { topic: picks, time: ts, dimensions: [warehouse] }
  mispicked: { topic: errors, time: ts, where: "category = 'mispick'", dimensions: [warehouse] }
  closed: { topic: tickets, time: ts, where: "type = 'closed'" }
metrics:
  orders: { type: count, event: created }
  picks: { type: count, event: picked }
  mispicks: { type: count, event: mispicked }
  accuracy: { type: ratio, bad: mispicks, total: picks }
  revenue: { type: sum, event: created, value: amount }
  pick_time: { type: value, event: picked, value: duration_ms }
  lead: { type: duration, from: created, to: shipped, key: order_id }
  csat: { type: value, event: closed, value: csat }
objectives:
  - id: o
    title: o
    owner: x
    key_results:
      - { id: orders, title: t, metric: orders, at_least: 1, by: [warehouse, channel] }
      - { id: accuracy, title: t, metric: accuracy, baseline: 96%, target: 99%, by: [warehouse] }
      - { id: revenue, title: t, metric: revenue, at_least: 1 }
      - { id: pick-mean, title: t, metric: pick_time, stat: mean, at_most: 30_000 }
      - { id: pick-p90, title: t, metric: pick_time, stat: p90, at_most: 60_000 }
      - { id: lead-mean, title: t, metric: lead, stat: mean, at_most: 5d }
      - { id: lead-in-a-day, title: t, metric: lead, stat: { within: 24h }, at_least: 50% }
      - { id: csat, title: t, metric: csat, stat: mean, at_least: 3 }
"#;

fn print(what: &str, events: u64, bytes: usize, run: impl FnOnce()) {
    let begun = Instant::now();
    run();
    let seconds = begun.elapsed().as_secs_f64();
    let (ns, rate) = (seconds * 1e9 / events as f64, events as f64 / seconds / 1e6);
    println!("{what:<44} {ns:>7.0} ns an event {rate:>7.2} M events/s {:>7.0} MB/s", bytes as f64 / seconds / 1e6);
}

fn main() {
    // `cargo bench` adds an argument of its own.
    let count = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(EVENTS_DEFAULT);
    let source = SourceFile { name: "book.yaml".to_owned(), text: BOOK.to_owned() };
    let book = Arc::new(book::load(&[source]).expect("the bench's book").book);
    let folder = tempfile::tempdir().expect("a folder");
    let files = events::events(count);
    let bytes = files.iter().map(String::len).sum();
    for (name, text) in TOPICS.iter().zip(&files) {
        let mut file = std::fs::File::create(folder.path().join(name)).expect("a file");
        file.write_all(text.as_bytes()).expect("a disk with room");
    }
    println!(
        "{count} events, {} bytes each, {} key results",
        bytes as u64 / count,
        book.objectives[0].key_results.len()
    );
    print("lines of the files, read and counted", count, bytes, || {
        for name in TOPICS {
            let mut file = EventFile::open(&folder.path().join(name)).expect("the file");
            while file.batch(|records| _ = black_box(records.len())).expect("the file") {}
        }
    });
    print("the bare JSON scan (validated, no field)", count, bytes, || {
        let (mut decoder, mut row) = (Decoder::new(&[]), Row::default());
        for line in files.iter().flat_map(|text| text.lines()) {
            black_box(decoder.decode(line.as_bytes(), &mut row).is_ok());
        }
    });
    print("the scan with the book's fields", count, bytes, || {
        let mut row = Row::default();
        for (topic, text) in book.topics.iter().zip(&files) {
            let mut decoder = Decoder::new(&topic.fields);
            for line in text.lines() {
                black_box(decoder.decode(line.as_bytes(), &mut row).is_ok());
            }
        }
    });
    print("replay: read, decode, aggregate, cut, score", count, bytes, || replay(&book, folder.path()));
}

fn replay(book: &Arc<book::Book>, folder: &std::path::Path) {
    let epoch = AssignmentEpoch(1);
    let mut state = State::new(Arc::clone(book), None).without_store();
    step(&mut state, Input::Restored { chunks: Vec::new() });
    let partitions = (0..TOPICS.len() as u16).map(|topic| Partition { topic: TopicIndex(topic), number: 0 });
    let start = LogStart { offset: 0, complete_since: None };
    let claim = |partition| ClaimedPartition { partition, next_offset: None, start, epoch };
    step(&mut state, Input::Claimed(partitions.clone().map(claim).collect()));
    let at = Timestamp(events::START + 20 * Span::DAY.0);
    for (partition, name) in partitions.zip(TOPICS) {
        let mut file = EventFile::open(&folder.join(name)).expect("the file");
        let more = |file: &mut EventFile, state: &mut State| {
            let take = |records: &[Record<'_>]| {
                _ = step(state, Input::Records { partition, epoch, records, leader_epoch: None })
            };
            file.batch(take).expect("the file")
        };
        while more(&mut file, &mut state) {}
        let end = file.next_offset();
        step(&mut state, Input::LogEnd { partition, end, position: Some(end), at });
    }
    for effect in step(&mut state, Input::Tick { now: at }) {
        if let Effect::Persist(cut) = effect {
            black_box(cut.snapshot.to_document());
        }
    }
}
