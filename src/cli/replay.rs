//! `krscore replay`: the service's own core over NDJSON files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Failure, Format, book_files, instant, print, progress, say, table};
use crate::book::{Book, Field};
use crate::event::{Partition, TopicIndex};
use crate::expose;
use crate::ingest::file::EventFile;
use crate::pipeline::{AssignmentEpoch, ClaimedPartition, Effect, Input, LogStart, State, step};
use crate::snapshot::Snapshot;
use crate::time::{Span, Timestamp};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The book: a YAML file, or a folder of them
    book: PathBuf,
    #[command(flatten)]
    events: Events,
    /// How the scores are written
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

/// Files of events, and the instant to score them at.
#[derive(Debug, clap::Args)]
pub(super) struct Events {
    /// Events of a topic: NDJSON, .gz, .zst, or - for stdin; several files of one topic are its partitions 0, 1, …
    #[arg(long = "events", value_name = "TOPIC=FILE")]
    pub(super) events: Vec<String>,
    /// The instant to score at, in RFC 3339; events at or after it are left out. Default: the end of the hour of the latest event
    /// that is not in the future
    #[arg(long, value_name = "TIME")]
    pub(super) at: Option<String>,
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    let book = Arc::new(book_files::load(&arguments.book)?.book);
    let snapshot = score(&book, &arguments.events)?;
    if arguments.format != Format::Table {
        // The table has these lines at its foot; a document has no place for them, and a number may look perfect without what was refused.
        snapshot
            .counters
            .iter()
            .filter_map(|(key, count)| expose::people::counter(key, *count))
            .for_each(|line| say(&line));
    }
    match arguments.format {
        Format::Table => print(&table::scores(&snapshot)),
        Format::Json => print(&format!("{}\n", snapshot.to_document())),
        Format::Openmetrics => print(&expose::metrics::openmetrics(&snapshot)),
    }
}

/// Scores files of events.
pub(super) fn score(book: &Arc<Book>, events: &Events) -> Result<Arc<Snapshot>, Failure> {
    let at = events.at.as_deref().map(instant).transpose()?;
    let files = by_partition(book, &events.events)?;
    let clock = crate::clock::now();
    let mut replay = Replay::new(book, at.unwrap_or(clock));
    replay.claim(files.keys().copied().collect())?;
    let mut ends = Vec::new();
    for (partition, path) in &files {
        ends.push((*partition, replay.read(*partition, path)?));
    }
    let at = match (at, replay.state.last_event_at()) {
        (Some(at), _) => at,
        (None, Some(last)) => Timestamp((last.0.div_euclid(Span::HOUR.0) + 1) * Span::HOUR.0),
        (None, None) => clock,
    };
    for (partition, end) in ends {
        replay.take(Input::LogEnd { partition, end, position: Some(end), at })?;
    }
    replay.take(Input::Tick { now: at })?;
    // A tick with something new cut; the cut's Snapshot is published at once, for there is no store to wait for.
    replay.snapshot.ok_or_else(|| Failure::Usage("there is nothing to score: name --events TOPIC=FILE".to_owned()))
}

/// The files in order of partition: several of one topic are 0, 1, … in the order of the arguments.
fn by_partition(book: &Book, events: &[String]) -> Result<BTreeMap<Partition, PathBuf>, Failure> {
    let mut files = BTreeMap::new();
    let mut counts: BTreeMap<u16, i32> = BTreeMap::new();
    for argument in events {
        let (topic, path) = argument
            .split_once('=')
            .ok_or_else(|| Failure::Usage(format!("--events {argument}: write it as TOPIC=FILE")))?;
        let index = book.topics.iter().position(|known| known.name == topic).ok_or_else(|| {
            let names: Vec<&str> = book.topics.iter().map(|topic| topic.name.as_str()).collect();
            Failure::Usage(format!(
                "--events {argument}: the book reads no topic {topic}; it reads {}",
                names.join(", ")
            ))
        })? as u16;
        if let Some(event) = timed_by_record(book, TopicIndex(index)) {
            return Err(Failure::Usage(format!(
                "--events {argument}: the event {event} is timed by $timestamp, which a line of a file does not have; \
                 let its `time` be a field that the lines hold, or score it from Kafka with krscore run"
            )));
        }
        if files.values().any(|known| known == Path::new(path)) {
            return Err(Failure::Usage(format!(
                "--events {argument}: {path} is named already, and can be read only once"
            )));
        }
        let number = counts.entry(index).or_default();
        files.insert(Partition { topic: TopicIndex(index), number: *number }, PathBuf::from(path));
        *number += 1;
    }
    for (topic, _) in book.topics.iter().zip(0u16..).filter(|(_, index)| !counts.contains_key(index)) {
        say(&format!(
            "krscore: no --events for topic {0}: what reads it has no data (an empty file would mean that nothing happened)",
            topic.name
        ));
    }
    Ok(files)
}

/// An event of the topic whose time is the record's own timestamp.
fn timed_by_record(book: &Book, topic: TopicIndex) -> Option<&str> {
    let of_topic = &book.topics[usize::from(topic.0)];
    let events = of_topic.events.iter().map(|index| &book.events[usize::from(index.0)]);
    let mut timed = events.filter(|event| of_topic.field(event.time) == Some(&Field::Timestamp));
    timed.next().map(|event| event.name.as_str())
}

/// The pipeline with nobody around it: what it asks to persist is persisted at once.
struct Replay {
    state: State,
    snapshot: Option<Arc<Snapshot>>,
}

impl Replay {
    fn new(book: &Arc<Book>, until: Timestamp) -> Replay {
        Replay { state: State::new(Arc::clone(book), Some(until)).without_store(), snapshot: None }
    }

    fn claim(&mut self, partitions: Vec<Partition>) -> Result<(), Failure> {
        self.take(Input::Restored { chunks: Vec::new() })?;
        let start = LogStart { offset: 0, complete_since: None };
        let claimed = partitions.into_iter().map(|partition| ClaimedPartition {
            partition,
            next_offset: None,
            start,
            epoch: AssignmentEpoch(1),
        });
        self.take(Input::Claimed(claimed.collect()))
    }

    fn read(&mut self, partition: Partition, path: &std::path::Path) -> Result<i64, Failure> {
        let wrong = |error: std::io::Error| Failure::Usage(format!("events {}: {error}", path.display()));
        let mut file = EventFile::open(path).map_err(wrong)?;
        let bar = progress::bytes(&path.display().to_string(), file.length_bytes());
        loop {
            let state = &mut self.state;
            let more = file.batch(|records| {
                step(state, Input::Records { partition, epoch: AssignmentEpoch(1), records, leader_epoch: None });
            });
            if !more.map_err(wrong)? {
                break;
            }
            bar.set_position(file.read_bytes());
            if self.state.is_saturated() {
                self.take(Input::Flush)?;
            }
        }
        bar.finish_and_clear();
        Ok(file.next_offset())
    }

    fn take(&mut self, input: Input<'_>) -> Result<(), Failure> {
        let mut effects = step(&mut self.state, input);
        while !effects.is_empty() {
            let mut following = Vec::new();
            for effect in effects {
                match effect {
                    Effect::Persist(cut) => following.extend(step(&mut self.state, Input::Persisted(cut.id))),
                    Effect::Publish(snapshot) => self.snapshot = Some(snapshot),
                    Effect::GiveUp { reason } | Effect::Reload { reason } => return Err(Failure::Because(reason)),
                    Effect::Start(_) | Effect::CommitOffsets(_) | Effect::Record(_) => {}
                }
            }
            effects = following;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::{SourceFile, load};

    #[test]
    fn an_event_that_is_timed_by_the_record_itself_is_refused_over_a_file() {
        let text = "apiVersion: krscore/v1\n\
            cycles: [{ id: c, start: 2026-10-01, end: 2026-11-01, timezone: UTC }]\n\
            events:\n  sold: { topic: sales, time: at }\n  noted: { topic: notes, time: $timestamp }\n";
        let sources = [SourceFile { name: "book.yaml".to_owned(), text: text.to_owned() }];
        let book = load(&sources).expect("a book").book;
        let refused = |events: &str| match by_partition(&book, &[events.to_owned()]) {
            Ok(files) => format!("{} files", files.len()),
            Err(Failure::Usage(words)) => words,
            Err(_) => "another failure".to_owned(),
        };
        assert_eq!(refused("sales=sales.ndjson"), "1 files");
        assert_eq!(
            refused("notes=notes.ndjson"),
            "--events notes=notes.ndjson: the event noted is timed by $timestamp, which a line of a file does not have; \
             let its `time` be a field that the lines hold, or score it from Kafka with krscore run"
        );
    }
}
