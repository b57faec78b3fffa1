//! Explanations: where one score comes from — definition, window, arithmetic with its numbers, offsets, freshness, what went wrong.

use std::fmt;

use serde::Serialize;

use super::arithmetic::{ArithmeticStep, steps};
use super::definition::{Definition, definition, window_text};
use super::document::written;
use super::{CounterKey, Snapshot};
use crate::book::{KeyResult, Source, Step};
use crate::event::EventIndex;
use crate::fixed::Fixed;
use crate::score::{PlanProgress, StepProgress, metric_events, places};
use crate::time::{Span, Timestamp, Zone};

/// Where a score comes from. Times are RFC 3339 in the cycle's zone, numbers in base units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The objective's id.
    pub objective: String,
    /// The key result's id.
    pub key_result: String,
    /// The key result's title.
    pub title: String,
    /// Its status.
    pub status: &'static str,
    /// The rule that made it so, with its numbers.
    pub reason: String,
    /// What the value is: the metric, what it is made of, the events and topics it reads, one line each.
    pub definition: Vec<Definition>,
    /// The window in words, with its bounds; `None` for milestone and manual.
    pub window: Option<String>,
    /// Up to when everything is known.
    pub as_of: Option<String>,
    /// What holds as_of back; `None` where nothing does.
    pub held_back_by: Option<HeldBack>,
    /// Rows behind the value.
    pub n: Option<i64>,
    /// Value, attainment, score and expected score, each as arithmetic with its numbers.
    pub arithmetic: Vec<ArithmeticStep>,
    /// Its plan's steps, one line each: how much is done, and what is late.
    pub plan: Vec<String>,
    /// The events that it reads.
    pub events: Vec<EventExplanation>,
    /// The partitions that it was read from.
    pub partitions: Vec<PartitionExplanation>,
    /// What was counted beside the rows: dead letters, value faults, copies and the like; only those that are not 0.
    pub counters: Vec<CounterExplanation>,
}

/// What holds as_of back: the event that is known least far. In documents one English sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeldBack {
    /// A partition of its topic was not read yet.
    Unread {
        /// The event.
        event: String,
        /// Its topic.
        topic: String,
    },
    /// The partition that is known least far.
    Partition {
        /// The event.
        event: String,
        /// Everything before this instant is known of it.
        known: String,
        /// Its topic.
        topic: String,
        /// Kafka's number of the partition.
        partition: i32,
        /// Records between what was read and the partition's end.
        lag_records: Option<i64>,
    },
}

/// How far one event is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EventExplanation {
    /// The event.
    pub event: String,
    /// Its topic.
    pub topic: String,
    /// Everything before this instant is known.
    pub watermark: Option<String>,
    /// The latest event.
    pub last_event_at: Option<String>,
    /// The topic's last record, before any filter, by its own timestamp.
    pub last_record_at: Option<String>,
    /// Seconds from the watermark to the Snapshot's instant, at least 0.
    pub behind_seconds: Option<Fixed>,
}

/// Which offsets of one partition went in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct OffsetRange {
    /// The first that was evaluated.
    pub first: i64,
    /// The next to consume; not in.
    pub next: i64,
}

/// How far one partition was consumed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PartitionExplanation {
    /// The topic.
    pub topic: String,
    /// Kafka's number of the partition.
    pub partition: i32,
    /// The offsets that went in.
    pub offsets: OffsetRange,
    /// The log's end in the broker's last answer.
    pub log_end: Option<i64>,
    /// Records between the next offset and that end.
    pub lag: Option<i64>,
    /// Everything up to this instant was consumed, by the broker's word.
    pub complete_until: Option<String>,
    /// The last record's own timestamp.
    pub last_record_at: Option<String>,
}

/// Something that was counted beside the rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CounterExplanation {
    /// What was counted; in documents one English line.
    #[serde(serialize_with = "as_text")]
    pub what: CounterKey,
    /// How often, over the partitions' whole history.
    pub count: u64,
}

/// Where the score of `objective/key_result` comes from; `None` if the book has no such key result.
pub fn explain(snapshot: &Snapshot, objective: &str, key_result: &str) -> Option<Explanation> {
    let book = &*snapshot.book;
    let owner_at = book.objectives.iter().position(|candidate| candidate.id == objective)?;
    let owner = &book.objectives[owner_at];
    let at = owner.key_results.iter().position(|candidate| candidate.id == key_result)?;
    let kr = &owner.key_results[at];
    let score = snapshot.scores.objectives.get(owner_at)?.key_results.get(at)?;
    let cycle = &book.cycles[usize::from(owner.cycle.0)];
    let zone = &cycle.zone;
    let mut events = Vec::new();
    if let Source::Metric { metric, .. } = kr.source {
        metric_events(book, &book.metrics[usize::from(metric.0)], &mut events);
    }
    let window = score.window_from.zip(score.window_to).map(|(from, to)| {
        let data =
            score.data_from.map_or_else(String::new, |from| format!(", covered only from {}", zone.format(from)));
        format!("{}: from {} to {}{data}", window_text(book, kr), zone.format(from), zone.format(to))
    });
    Some(Explanation {
        objective: owner.id.clone(),
        key_result: kr.id.clone(),
        title: kr.title.clone(),
        status: score.status.as_str(),
        reason: score.reason.to_string(),
        definition: definition(book, kr),
        window,
        as_of: score.as_of.map(|at| zone.format(at)),
        held_back_by: held_back_by(snapshot, &events, zone),
        n: score.n,
        arithmetic: steps(book, kr, score, cycle),
        plan: score.plan.as_ref().map_or_else(Vec::new, |progress| plan(&kr.plan, progress)),
        events: events.iter().map(|event| event_explanation(snapshot, *event, zone)).collect(),
        partitions: partitions(snapshot, &events, zone),
        counters: counters(snapshot, kr, &events),
    })
}

impl Explanation {
    /// As one line of JSON.
    pub fn to_json(&self) -> String {
        written(serde_json::to_string(self))
    }
}

fn plan(steps: &[Step], progress: &PlanProgress) -> Vec<String> {
    let step = |(step, progress): (&Step, &StepProgress)| {
        let percent = places(progress.done.percent(), 0);
        let end = step.end.map_or_else(String::new, |(end, _)| format!(", by {end}"));
        let owner = step.owner.as_ref().map_or_else(String::new, |owner| format!(", {owner}"));
        let late = if progress.late { ", late" } else { "" };
        format!("{}: {percent} % done{owner}{end}{late}", step.name)
    };
    steps.iter().zip(&progress.steps).map(step).collect()
}

/// The event with the least watermark, and which partition of its topic is known least far.
fn held_back_by(snapshot: &Snapshot, events: &[EventIndex], zone: &Zone) -> Option<HeldBack> {
    let book = &*snapshot.book;
    let progress = |event: &EventIndex| snapshot.events.get(usize::from(event.0)).copied().unwrap_or_default();
    let slowest = events.iter().min_by_key(|event| progress(event).watermark)?;
    let event = &book.events[usize::from(slowest.0)];
    let (event_name, topic) = (event.name.clone(), book.topics[usize::from(event.topic.0)].name.clone());
    let theirs = snapshot.partitions.iter().filter(|progress| progress.partition.topic == event.topic);
    let Some(watermark) = progress(slowest).watermark else {
        return Some(HeldBack::Unread { event: event_name, topic });
    };
    if watermark >= snapshot.at {
        return None;
    }
    // Of a partition only the broker's word is known here; a watermark may be further by its events.
    let last = theirs.min_by_key(|progress| (progress.complete_until, progress.last_record_at))?;
    Some(HeldBack::Partition {
        event: event_name,
        known: zone.format(watermark),
        topic,
        partition: last.partition.number,
        lag_records: last.log_end.map(|end| end.saturating_sub(last.next_offset).max(0)),
    })
}

impl fmt::Display for HeldBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HeldBack::Unread { event, topic } => write!(f, "{event}: a partition of topic {topic} was not read yet"),
            HeldBack::Partition { event, known, topic, partition, lag_records } => {
                write!(f, "{event}, known up to {known}: partition {partition} of topic {topic}")?;
                lag_records.map_or(Ok(()), |lag| write!(f, ", {} behind its end", records(lag)))
            }
        }
    }
}

impl Serialize for HeldBack {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

fn records(count: i64) -> String {
    match count {
        1 => "1 record".to_owned(),
        _ => format!("{count} records"),
    }
}

fn event_explanation(snapshot: &Snapshot, index: EventIndex, zone: &Zone) -> EventExplanation {
    let book = &*snapshot.book;
    let event = &book.events[usize::from(index.0)];
    let progress = snapshot.events.get(usize::from(index.0)).copied().unwrap_or_default();
    let time = |at: Option<Timestamp>| at.map(|at| zone.format(at));
    EventExplanation {
        event: event.name.clone(),
        topic: book.topics[usize::from(event.topic.0)].name.clone(),
        watermark: time(progress.watermark),
        last_event_at: time(progress.last_event_at),
        last_record_at: time(progress.last_record_at),
        behind_seconds: progress.watermark.map(|at| Fixed::from_seconds((snapshot.at - at).max(Span(0)))),
    }
}

fn partitions(snapshot: &Snapshot, events: &[EventIndex], zone: &Zone) -> Vec<PartitionExplanation> {
    let book = &*snapshot.book;
    let read = |topic| events.iter().any(|event| book.events[usize::from(event.0)].topic == topic);
    let theirs = snapshot.partitions.iter().filter(|progress| read(progress.partition.topic));
    let explained = theirs.map(|progress| PartitionExplanation {
        topic: book.topics[usize::from(progress.partition.topic.0)].name.clone(),
        partition: progress.partition.number,
        offsets: OffsetRange { first: progress.first_offset, next: progress.next_offset },
        log_end: progress.log_end,
        lag: progress.log_end.map(|end| end.saturating_sub(progress.next_offset).max(0)),
        complete_until: progress.complete_until.map(|at| zone.format(at)),
        last_record_at: progress.last_record_at.map(|at| zone.format(at)),
    });
    explained.collect()
}

/// The counters of the key result's topics, events and metrics.
fn counters(snapshot: &Snapshot, key_result: &KeyResult, events: &[EventIndex]) -> Vec<CounterExplanation> {
    let book = &*snapshot.book;
    let Source::Metric { metric, .. } = key_result.source else {
        return Vec::new();
    };
    let events: Vec<_> = events.iter().map(|index| &book.events[usize::from(index.0)]).collect();
    let topic = |name: &str| events.iter().any(|event| book.topics[usize::from(event.topic.0)].name == name);
    let event = |name: &str| events.iter().any(|event| event.name == name);
    let metrics = super::definition::reads(book, metric);
    let of_metric = |name: &str| match name.strip_prefix("event/") {
        Some(name) => event(name),
        None => metrics.contains(&name),
    };
    let concerned = |key: &CounterKey| match key {
        CounterKey::Records { topic: name, .. }
        | CounterKey::DeadLetters { topic: name, .. }
        | CounterKey::Incidents { topic: name, .. }
        | CounterKey::SkippedOffsets { topic: name } => topic(name),
        CounterKey::Copies { event: name }
        | CounterKey::Unchecked { event: name }
        | CounterKey::BelowFloor { event: name } => event(name),
        CounterKey::ValueFaults { metric, .. } | CounterKey::KeysAgain { metric } => of_metric(metric),
    };
    let told = snapshot.counters.iter().filter(|(key, count)| **count > 0 && concerned(key));
    told.map(|(key, count)| CounterExplanation { what: key.clone(), count: *count }).collect()
}

fn as_text<S: serde::Serializer>(value: &impl fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

impl fmt::Display for CounterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CounterKey::Records { topic, result } => write!(f, "records of {topic}: {result}"),
            CounterKey::DeadLetters { topic, reason } => write!(f, "dead letters of {topic}: {reason}"),
            CounterKey::ValueFaults { metric, reason } => write!(f, "value faults of {metric}: {reason}"),
            CounterKey::Copies { event } => write!(f, "copies of {event} removed"),
            CounterKey::Unchecked { event } => write!(f, "{event} counted without looking for copies"),
            CounterKey::Incidents { topic, kind } => write!(f, "incidents of {topic}: {kind}"),
            CounterKey::BelowFloor { event } => write!(f, "{event} left out: older than anything that a score reads"),
            CounterKey::KeysAgain { metric } => write!(f, "keys of {metric} used again long after their pair"),
            CounterKey::SkippedOffsets { topic } => write!(f, "offsets of {topic} that the log did not give"),
        }
    }
}

/// The whole explanation as text, one fact a line.
impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "–".to_owned());
        writeln!(f, "{}/{}  {}", self.objective, self.key_result, self.title)?;
        writeln!(f, "  {}: {}", self.status, self.reason)?;
        writeln!(f, "what")?;
        self.definition.iter().try_for_each(|line| writeln!(f, "  {line}"))?;
        writeln!(f, "when")?;
        if let Some(window) = &self.window {
            writeln!(f, "  window  {window}")?;
        }
        let held = self.held_back_by.as_ref().map_or_else(String::new, |held| format!(", held back by {held}"));
        writeln!(f, "  as of   {}{held}", dash(&self.as_of))?;
        writeln!(f, "how")?;
        if let Some(n) = self.n {
            writeln!(f, "  n = {n}")?;
        }
        self.arithmetic.iter().try_for_each(|line| writeln!(f, "  {line}"))?;
        if !self.plan.is_empty() {
            writeln!(f, "plan")?;
        }
        self.plan.iter().try_for_each(|line| writeln!(f, "  {line}"))?;
        if !self.events.is_empty() {
            writeln!(f, "events")?;
        }
        for event in &self.events {
            let (watermark, last) = (dash(&event.watermark), dash(&event.last_event_at));
            writeln!(f, "  {}: known up to {watermark}, latest {last}", event.event)?;
            writeln!(f, "    topic {}: last record {}", event.topic, dash(&event.last_record_at))?;
        }
        if !self.partitions.is_empty() {
            writeln!(f, "offsets")?;
        }
        for partition in &self.partitions {
            let lag = partition.lag.map_or_else(String::new, |lag| format!(", lag {lag}"));
            let OffsetRange { first, next } = partition.offsets;
            writeln!(f, "  {}/{}: [{first}, {next}){lag}", partition.topic, partition.partition)?;
        }
        if !self.counters.is_empty() {
            writeln!(f, "counted beside")?;
        }
        self.counters.iter().try_for_each(|counter| writeln!(f, "  {}: {}", counter.what, counter.count))
    }
}
