//! Definitions: what a key result computes, from which rows of which topics, as data. `Display` says each line in English, the page in other
//! languages.

mod words;

use std::collections::VecDeque;

use jiff::civil::Date;

use crate::book::{
    Book, CalendarIndex, EndChoice, Event, KeyResult, Metric, MetricIndex, MetricKind, Placed, RatioSense, Rows,
    Source, Stat,
};
use crate::event::{EventIndex, FieldSlot};
use crate::fixed::Fixed;
use crate::score::formula_metrics;
use crate::time::{Calendar, Interval, TimeFormat};

pub use words::stat_text;
pub(super) use words::window_text;

/// One line of a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is a part of the line that its variant's Display shows")]
pub enum Definition {
    /// The latest check-in.
    CheckIn,
    /// The share of milestones that are done, by weight.
    Milestones,
    /// One of them.
    Milestone { name: String, weight: Fixed, done: bool },
    /// A statistic of a metric other than its natural one.
    Statistic { stat: Stat, metric: String },
    /// A metric an hour, a day or a week.
    Rate { metric: String, per: Interval },
    /// The calendar that the window is cut by, or one that it excepts.
    Calendar(CalendarDefinition),
    /// Only one member.
    Only { dimension: String, member: String },
    /// A metric, and which rows of all that it is made of count.
    Metric { name: String, is: MetricDefinition, filter: Option<String> },
    /// An event.
    Event(EventDefinition),
}

/// The days of a calendar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalendarDefinition {
    /// As the book names it.
    pub name: String,
    /// Days of every week, from Monday.
    pub weekdays: [bool; 7],
    /// First and last day of each range, both included. Neither these nor weekdays: every day.
    pub dates: Vec<(Date, Date)>,
    /// Hours of its days; empty: whole days.
    pub hours: Vec<String>,
    /// Days that are not in it.
    pub except_dates: Vec<(Date, Date)>,
    /// Calendars that are not in it.
    pub except: Vec<String>,
}

/// What a metric computes. Expressions stand as the book writes them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is a part of the line that its variant's Display shows")]
pub enum MetricDefinition {
    /// How many rows.
    Count(RowsDefinition),
    /// The sum of a value.
    Sum { value: String, rows: RowsDefinition },
    /// A value of which statistics are taken.
    Value { value: String, rows: RowsDefinition },
    /// How many different values.
    Distinct { value: String, rows: RowsDefinition },
    /// The latest value of each key, summed.
    Level { value: String, key: String, rows: RowsDefinition },
    /// One metric of another, or what it leaves of it.
    Ratio { sense: RatioSense, part: String, total: String },
    /// A formula over metrics.
    Derived(String),
    /// The time from one event to another.
    Duration(DurationDefinition),
}

/// Rows of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowsDefinition {
    /// The event.
    pub event: String,
    /// Which of its rows.
    pub filter: Option<String>,
}

/// A time from one event to another of the same key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DurationDefinition {
    /// The event that starts it.
    pub from: String,
    /// The event that ends it.
    pub to: String,
    /// Which of the ends.
    pub end: EndChoice,
    /// The field that is the same; two where they have different names.
    pub key: String,
    /// The start's field of when it is due.
    pub deadline: Option<String>,
    /// The event that takes a start back.
    pub void: Option<String>,
    /// Where it counts.
    pub placed: Placed,
}

/// Which records are an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventDefinition {
    /// As the book names it.
    pub name: String,
    /// Its topic.
    pub topic: String,
    /// The array whose elements are its rows; `None`: the records are.
    pub each: Option<String>,
    /// Which of the rows.
    pub filter: Option<String>,
    /// The field of its time.
    pub time: String,
    /// The zone of local times.
    pub zone: Option<String>,
    /// The fields by which copies are known; of elements their place in the array as well. None: copies count.
    pub id: Vec<String>,
}

/// A key result's definition: what is computed, over which days and members, its metric with all that it is made of, and the events that
/// these read; each once.
pub(super) fn definition(book: &Book, key_result: &KeyResult) -> Vec<Definition> {
    match &key_result.source {
        Source::Manual => vec![Definition::CheckIn],
        Source::Milestones(milestones) => {
            let own = milestones.iter().map(|milestone| Definition::Milestone {
                name: milestone.name.clone(),
                weight: milestone.weight,
                done: milestone.done.is_some(),
            });
            std::iter::once(Definition::Milestones).chain(own).collect()
        }
        Source::Metric { metric, stat } => {
            let name = || book.metrics[usize::from(metric.0)].name.clone();
            let mut lines = Vec::new();
            match (*stat, key_result.per) {
                (Stat::Natural, None) => {}
                (Stat::Natural, Some(per)) => lines.push(Definition::Rate { metric: name(), per }),
                (stat, _) => lines.push(Definition::Statistic { stat, metric: name() }),
            }
            lines.extend(calendars(book, &key_result.during));
            lines.extend(
                key_result.only.iter().map(|(dimension, member)| Definition::Only {
                    dimension: dimension.clone(),
                    member: member.clone(),
                }),
            );
            lines.extend(metrics(book, *metric));
            lines
        }
    }
}

/// The calendars and all that they except, each once.
fn calendars(book: &Book, which: &[CalendarIndex]) -> Vec<Definition> {
    let mut open: Vec<usize> = which.iter().map(|index| usize::from(index.0)).collect();
    let mut told: Vec<usize> = Vec::new();
    while let Some(at) = open.pop() {
        if !told.contains(&at) {
            told.push(at);
            open.extend(&book.calendars[at].except);
        }
    }
    told.sort_unstable();
    told.into_iter().map(|at| Definition::Calendar(calendar(book, &book.calendars[at]))).collect()
}

fn calendar(book: &Book, calendar: &Calendar) -> CalendarDefinition {
    CalendarDefinition {
        name: calendar.name.clone(),
        weekdays: calendar.weekdays,
        dates: calendar.dates.clone(),
        hours: calendar.hours.iter().map(ToString::to_string).collect(),
        except_dates: calendar.except_dates.clone(),
        except: calendar.except.iter().map(|at| book.calendars[*at].name.clone()).collect(),
    }
}

/// The names of the metric and of all that it is made of.
pub(super) fn reads(book: &Book, metric: MetricIndex) -> Vec<&str> {
    let metric = &book.metrics[usize::from(metric.0)];
    let mut names = vec![metric.name.as_str()];
    names.extend(parts(metric).into_iter().flat_map(|part| reads(book, part)));
    names
}

/// The metrics that one is made of.
fn parts(metric: &Metric) -> Vec<MetricIndex> {
    let mut parts = Vec::new();
    match &metric.kind {
        MetricKind::Ratio { part, total, .. } => parts.extend([*part, *total]),
        MetricKind::Derived { formula, .. } => formula_metrics(formula, &mut parts),
        MetricKind::Count(_)
        | MetricKind::Sum(..)
        | MetricKind::Value(..)
        | MetricKind::Distinct(..)
        | MetricKind::Level { .. }
        | MetricKind::Duration(_) => {}
    }
    parts
}

/// The events that a metric reads itself.
fn own_events(metric: &Metric) -> Vec<EventIndex> {
    match &metric.kind {
        MetricKind::Count(rows)
        | MetricKind::Sum(rows, _)
        | MetricKind::Value(rows, _)
        | MetricKind::Distinct(rows, _)
        | MetricKind::Level { rows, .. } => vec![rows.event],
        MetricKind::Duration(duration) => {
            let void = duration.void.iter().map(|(event, _)| *event);
            [duration.from, duration.to].into_iter().chain(void).collect()
        }
        MetricKind::Ratio { .. } | MetricKind::Derived { .. } => Vec::new(),
    }
}

/// The metric, the metrics it is made of and the events that they read, each once.
fn metrics(book: &Book, metric: MetricIndex) -> Vec<Definition> {
    let (mut lines, mut events): (_, Vec<EventIndex>) = (Vec::new(), Vec::new());
    let (mut waiting, mut seen) = (VecDeque::from([metric]), Vec::new());
    while let Some(index) = waiting.pop_front() {
        if seen.contains(&index) {
            continue;
        }
        seen.push(index);
        let metric = &book.metrics[usize::from(index.0)];
        waiting.extend(parts(metric));
        events.extend(own_events(metric));
        let filter = metric.filter.as_ref().map(|filter| filter.text.clone());
        lines.push(Definition::Metric { name: metric.name.clone(), is: what(book, metric), filter });
    }
    let mut told = Vec::new();
    for event in events {
        if !told.contains(&event) {
            told.push(event);
            lines.push(Definition::Event(event_definition(book, event)));
        }
    }
    lines
}

fn what(book: &Book, metric: &Metric) -> MetricDefinition {
    let of =
        |rows: &Rows| RowsDefinition { event: event(book, rows.event).name.clone(), filter: rows.filter_text.clone() };
    let value = |rows: &Rows| rows.value_text.clone().unwrap_or_else(|| "value".to_owned());
    match &metric.kind {
        MetricKind::Count(rows) => MetricDefinition::Count(of(rows)),
        MetricKind::Sum(rows, _) => MetricDefinition::Sum { value: value(rows), rows: of(rows) },
        MetricKind::Value(rows, _) => MetricDefinition::Value { value: value(rows), rows: of(rows) },
        MetricKind::Distinct(rows, _) => MetricDefinition::Distinct { value: value(rows), rows: of(rows) },
        MetricKind::Level { rows, key, .. } => {
            let key = field(book, event(book, rows.event), *key);
            MetricDefinition::Level { value: value(rows), key, rows: of(rows) }
        }
        MetricKind::Ratio { sense, part, total } => {
            let name = |index: &MetricIndex| book.metrics[usize::from(index.0)].name.clone();
            MetricDefinition::Ratio { sense: *sense, part: name(part), total: name(total) }
        }
        MetricKind::Derived { text, .. } => MetricDefinition::Derived(text.clone()),
        MetricKind::Duration(duration) => {
            let (from, to) = (event(book, duration.from), event(book, duration.to));
            let from_key = field(book, from, duration.from_key);
            let to_key = field(book, to, duration.to_key);
            MetricDefinition::Duration(DurationDefinition {
                from: from.name.clone(),
                to: to.name.clone(),
                end: duration.end,
                key: if from_key == to_key { from_key } else { format!("{from_key} = {to_key}") },
                deadline: duration.deadline.map(|(slot, _)| field(book, from, slot)),
                void: duration.void.as_ref().map(|(void, _)| event(book, *void).name.clone()),
                placed: duration.placed,
            })
        }
    }
}

fn event_definition(book: &Book, index: EventIndex) -> EventDefinition {
    let event = event(book, index);
    let zone = match event.time_format {
        TimeFormat::Local(zone) => book.zones.get(usize::from(zone.0)).map(|zone| zone.name.clone()),
        TimeFormat::Rfc3339 | TimeFormat::Unix(_) => None,
    };
    EventDefinition {
        name: event.name.clone(),
        topic: book.topics[usize::from(event.topic.0)].name.clone(),
        each: event.each.map(|each| field(book, event, each)),
        filter: event.filter_text.clone(),
        time: field(book, event, event.time),
        zone,
        id: event.id.iter().map(|slot| field(book, event, *slot)).collect(),
    }
}

fn event(book: &Book, index: EventIndex) -> &Event {
    &book.events[usize::from(index.0)]
}

fn field(book: &Book, event: &Event, slot: FieldSlot) -> String {
    book.topics[usize::from(event.topic.0)].field(slot).map_or("?".to_owned(), ToString::to_string)
}
