//! What every event passes through, from its bytes to a persisted cut, as one program to count instructions in: `benches/hot_path/run`.
//!
//! `krscore-hot-path EVENTS [OPEN]` takes the events in batches of 1,000 a partition, as the service does, and cuts every 100,000; without
//! a profiler it prints the time each part took. OPEN pairs are open before they come.

// OpsBench's, which has more uses for it.
#[allow(dead_code)]
#[path = "../../opsbench/src/chance.rs"]
mod chance;
mod events;
mod open_orders;

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use krscore::aggregate::budget::Budgets;
use krscore::book::{self, SourceFile};
use krscore::event::{Partition, Record, TopicIndex};
use krscore::pipeline::{AssignmentEpoch, ClaimedPartition, CutId, Effect, Input, LogStart, State, step};
use krscore::time::{Span, Timestamp};

/// Events where no number is given.
const EVENTS_DEFAULT: u64 = 100_000;

/// Records of a partition that are taken at once.
const BATCH_RECORDS: usize = 1_000;

/// Records between two cuts.
const CUT_RECORDS: usize = 100_000;

const EPOCH: AssignmentEpoch = AssignmentEpoch(1);

fn main() {
    let argument = |at: usize| std::env::args().nth(at).and_then(|count| count.parse().ok());
    let (count, open) = (argument(1).unwrap_or(EVENTS_DEFAULT), argument(2).unwrap_or(0));
    let source = SourceFile { name: "book.yaml".to_owned(), text: include_str!("book.yaml").to_owned() };
    let book = Arc::new(book::load(&[source]).expect("the bench's book").book);
    let files = events::events(count);
    let mut state =
        State::new(Arc::clone(&book), None).with_budgets(Budgets { pairs_max: usize::MAX, ..Budgets::default() });
    step(&mut state, Input::Restored { chunks: Vec::new() });
    let partitions: Vec<Partition> = (0..4).map(|topic| Partition { topic: TopicIndex(topic), number: 0 }).collect();
    let start = LogStart { offset: 0, complete_since: None };
    let claim =
        |partition: &Partition| ClaimedPartition { partition: *partition, next_offset: None, start, epoch: EPOCH };
    step(&mut state, Input::Claimed(partitions.iter().map(claim).collect()));
    for from in (0..open).step_by(CUT_RECORDS) {
        let text = open_orders::open_orders(from, open.min(from + CUT_RECORDS as u64));
        let orders = Partition { topic: TopicIndex(1), number: 0 };
        take(&mut state, orders, &records(&text, from as i64));
        cut(&mut state);
    }
    let records: Vec<Vec<Record<'_>>> =
        files.iter().zip(0..).map(|(text, topic)| records(text, if topic == 1 { open as i64 } else { 0 })).collect();
    let (mut taking, mut cutting, mut uncut) = (Duration::ZERO, Duration::ZERO, 0);
    // As they come: a batch of each partition in turn, as many records of each as its share.
    let turns = records.iter().map(|records| records.len().div_ceil(BATCH_RECORDS)).max().unwrap_or(0);
    for turn in 0..turns {
        for (partition, records) in partitions.iter().zip(&records) {
            let share = |turn: usize| records.len() * turn / turns;
            let begun = Instant::now();
            let batch = &records[share(turn)..share(turn + 1)];
            take(&mut state, *partition, batch);
            taking += begun.elapsed();
            uncut += batch.len();
        }
        if uncut >= CUT_RECORDS || turn + 1 == turns {
            let begun = Instant::now();
            cut(&mut state);
            cutting += begun.elapsed();
            uncut = 0;
        }
    }
    let ns = |time: Duration| time.as_nanos() as u64 / count;
    println!("{count} events: {} ns an event to take them, {} ns to cut, score and publish", ns(taking), ns(cutting));
}

fn records(text: &str, first_offset: i64) -> Vec<Record<'_>> {
    let mut records = Vec::new();
    for (line, offset) in text.lines().zip(first_offset..) {
        records.push(Record { offset, timestamp: None, key: None, payload: Some(line.as_bytes()), headers: &[] });
    }
    records
}

/// A batch into the deltas: decoded, filtered, looked up, added.
#[inline(never)]
fn take(state: &mut State, partition: Partition, records: &[Record<'_>]) {
    step(state, Input::Records { partition, epoch: EPOCH, records, leader_epoch: None });
}

/// The deltas into chunks and the ledger, all scored, and the answer of the store.
#[inline(never)]
fn cut(state: &mut State) {
    let mut effects = step(state, Input::Tick { now: Timestamp(events::START + 20 * Span::DAY.0) });
    while let Some(effect) = effects.pop() {
        if let Effect::Persist(cut) = effect {
            let id: CutId = cut.id;
            black_box(cut.partitions);
            effects.extend(step(state, Input::Persisted(id)));
        }
    }
}
