//! Text → book: never a panic, every fault has its place, and a book that was read can be scored.
#![no_main]

use std::sync::Arc;

use krscore::book::{Book, SourceFile, load, render, render_advice};
use krscore::event::{Partition, TopicIndex};
use krscore::pipeline::{AssignmentEpoch, ClaimedPartition, Effect, Input, LogStart, State, step};
use krscore::time::{Span, Timestamp};
use libfuzzer_sys::fuzz_target;

/// 2026-10-05T10:00:00Z, in the cycle of most seeds.
const NOW: Timestamp = Timestamp(1_791_194_400_000_000);

/// Days of all cycles together, up to which a book is scored as well: each is scored day by day.
const DAYS_MAX: i64 = 800;

fuzz_target!(|text: &str| {
    let sources = [SourceFile { name: "book.yaml".to_owned(), text: text.to_owned() }];
    match load(&sources) {
        Ok(loaded) => {
            render_advice(&loaded.advice, &sources, false);
            let days: i64 = loaded.book.cycles.iter().map(|cycle| (cycle.end.0 - cycle.start.0) / Span::DAY.0).sum();
            if days <= DAYS_MAX {
                score(Arc::new(loaded.book));
            }
        }
        Err(faults) => {
            assert!(!faults.is_empty(), "refused without a word");
            // YAML breaks a line at a lone \r too.
            let lines = text.split(['\n', '\r']).count() as u32 + 1;
            for fault in &faults {
                assert_eq!(fault.file, "book.yaml");
                assert!((1..=lines).contains(&fault.line) && fault.column >= 1, "no place: {fault}");
                assert!(!fault.message.is_empty());
            }
            render(&faults, &sources, false);
        }
    }
});

/// A book over empty topics has a document.
fn score(book: Arc<Book>) {
    let (topics, epoch) = (book.topics.len() as u16, AssignmentEpoch(1));
    let mut state = State::new(book, None);
    step(&mut state, Input::Tick { now: NOW });
    step(&mut state, Input::Restored { chunks: Vec::new() });
    let start = LogStart { offset: 0, complete_since: None };
    let partitions = (0..topics).map(|topic| Partition { topic: TopicIndex(topic), number: 0 });
    let claim = |partition| ClaimedPartition { partition, next_offset: None, start, epoch };
    step(&mut state, Input::Claimed(partitions.clone().map(claim).collect()));
    for partition in partitions {
        step(&mut state, Input::LogEnd { partition, end: 0, position: Some(0), at: NOW });
    }
    let effects = step(&mut state, Input::Tick { now: NOW });
    let published = effects.iter().find_map(|effect| match effect {
        Effect::Publish(snapshot) => Some(snapshot.to_document()),
        _ => None,
    });
    assert_eq!(published.is_some(), topics > 0, "nothing was published");
}
