//! Definitions in words: what a metric computes, from which rows of which topics.

use jiff::civil::Date;

use crate::book::{
    Book, CalendarIndex, EndChoice, Event, KeyResult, Metric, MetricIndex, MetricKind, Placed, RatioSense, Rows, Stat,
    Window,
};
use crate::event::{EventIndex, FieldSlot};
use crate::score::{calendar_names, formula_metrics};
use crate::time::{Calendar, Period, TimeFormat};

/// A statistic as text: `mean`, `p50`, `p99.9`, `within 1d`; `None` for the natural one.
pub(super) fn stat_text(stat: Stat) -> Option<String> {
    match stat {
        Stat::Natural => None,
        Stat::Mean => Some("mean".to_owned()),
        Stat::Percentile(rank) => {
            let (whole, rest) = (rank / 100, rank % 100);
            Some(match rest {
                0 => format!("p{whole}"),
                rest if rest % 10 == 0 => format!("p{whole}.{}", rest / 10),
                rest => format!("p{whole}.{rest:02}"),
            })
        }
        Stat::Min => Some("min".to_owned()),
        Stat::Max => Some("max".to_owned()),
        Stat::Within(span) => Some(format!("within {span}")),
        Stat::OnTime => Some("on_time".to_owned()),
        Stat::MostIn(interval) => Some(format!("max {interval}")),
        Stat::LeastIn(interval) => Some(format!("min {interval}")),
    }
}

/// A key result's window as text: `the cycle so far, during weekend or peak`.
pub(super) fn window_text(book: &Book, key_result: &KeyResult) -> String {
    let window = match key_result.window {
        Window::Cycle => "the cycle so far".to_owned(),
        Window::Trailing(span) => format!("the last {span}"),
        Window::ToDate(Period::Day) => "the day to date".to_owned(),
        Window::ToDate(Period::Week) => "the week to date".to_owned(),
        Window::ToDate(Period::Month) => "the month to date".to_owned(),
        Window::ToDate(Period::Quarter) => "the quarter to date".to_owned(),
    };
    match &key_result.during[..] {
        [] => window,
        calendars => format!("{window}, during {}", calendar_names(book, calendars).join(" or ")),
    }
}

/// The calendars and all that they except, one line each, each once: `weekend = saturday, sunday, without holidays`.
pub(super) fn calendars(book: &Book, which: &[CalendarIndex]) -> Vec<String> {
    let mut open: Vec<usize> = which.iter().map(|index| usize::from(index.0)).collect();
    let mut told: Vec<usize> = Vec::new();
    while let Some(at) = open.pop() {
        if !told.contains(&at) {
            told.push(at);
            open.extend(&book.calendars[at].except);
        }
    }
    told.sort_unstable();
    told.into_iter().map(|at| calendar_text(book, &book.calendars[at])).collect()
}

fn calendar_text(book: &Book, calendar: &Calendar) -> String {
    let weekdays = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    let dates = |ranges: &[(Date, Date)]| -> Vec<String> {
        let text = |(first, last): &(Date, Date)| match first == last {
            true => first.to_string(),
            false => format!("{first} to {last}"),
        };
        ranges.iter().map(text).collect()
    };
    let mut days: Vec<String> = (weekdays.iter().zip(calendar.weekdays))
        .filter(|(_, held)| *held)
        .map(|(weekday, _)| (*weekday).to_owned())
        .collect();
    days.extend(dates(&calendar.dates));
    if days.is_empty() {
        days.push("every day".to_owned());
    }
    let mut text = format!("{} = {}", calendar.name, days.join(", "));
    if !calendar.hours.is_empty() {
        let hours: Vec<String> = calendar.hours.iter().map(ToString::to_string).collect();
        text.push_str(&format!(" {}", hours.join(", ")));
    }
    let mut except = dates(&calendar.except_dates);
    except.extend(calendar.except.iter().map(|at| book.calendars[*at].name.clone()));
    if !except.is_empty() {
        text.push_str(&format!(", without {}", except.join(", ")));
    }
    text
}

/// The names of the metric and of all that it is made of.
pub(super) fn reads(book: &Book, metric: MetricIndex) -> Vec<&str> {
    let metric = &book.metrics[usize::from(metric.0)];
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
    let mut names = vec![metric.name.as_str()];
    names.extend(parts.into_iter().flat_map(|part| reads(book, part)));
    names
}

/// The metric, the metrics it is made of and the events that they read, one line each, each once.
pub(super) fn lines(book: &Book, metric: MetricIndex) -> Vec<String> {
    let (mut lines, mut events) = (Vec::new(), Vec::new());
    let mut waiting = std::collections::VecDeque::from([metric]);
    let mut seen = Vec::new();
    while let Some(index) = waiting.pop_front() {
        if seen.contains(&index) {
            continue;
        }
        seen.push(index);
        let metric = &book.metrics[usize::from(index.0)];
        let filter = metric.filter.as_ref().map_or_else(String::new, |filter| format!(", where {}", filter.text));
        lines.push(format!("{} = {}{filter}", metric.name, metric_text(book, metric, &mut waiting, &mut events)));
    }
    let mut told = Vec::new();
    for event in events {
        if !told.contains(&event) {
            told.push(event);
            lines.push(event_text(book, event));
        }
    }
    lines
}

fn metric_text(
    book: &Book,
    metric: &Metric,
    parts: &mut std::collections::VecDeque<MetricIndex>,
    events: &mut Vec<EventIndex>,
) -> String {
    let mut rows_of = |rows: &Rows| {
        events.push(rows.event);
        let name = &event(book, rows.event).name;
        rows.filter_text.as_ref().map_or_else(|| name.clone(), |filter| format!("{name} where {filter}"))
    };
    let value = |rows: &Rows| rows.value_text.clone().unwrap_or_else(|| "value".to_owned());
    match &metric.kind {
        MetricKind::Count(rows) => format!("number of {}", rows_of(rows)),
        MetricKind::Sum(rows, _) => format!("sum of {} over {}", value(rows), rows_of(rows)),
        MetricKind::Value(rows, _) => format!("{} over {}", value(rows), rows_of(rows)),
        MetricKind::Distinct(rows, _) => format!("number of different {} over {}", value(rows), rows_of(rows)),
        MetricKind::Level { rows, key, .. } => {
            let key = field(book, event(book, rows.event), *key);
            format!("latest {} of each {key}, summed, over {}", value(rows), rows_of(rows))
        }
        MetricKind::Ratio { sense, part, total } => {
            parts.extend([*part, *total]);
            let name = |index: &MetricIndex| book.metrics[usize::from(index.0)].name.as_str();
            let one = if *sense == RatioSense::Bad { "1 − " } else { "" };
            format!("{one}{} / {}", name(part), name(total))
        }
        MetricKind::Derived { formula, text } => {
            let mut found = Vec::new();
            formula_metrics(formula, &mut found);
            parts.extend(found);
            text.clone()
        }
        MetricKind::Duration(duration) => {
            events.extend([duration.from, duration.to]);
            events.extend(duration.void.iter().map(|(event, _)| *event));
            let end = match duration.end {
                EndChoice::First => "first",
                EndChoice::Last => "last",
            };
            let (from, to) = (event(book, duration.from), event(book, duration.to));
            let from_key = field(book, from, duration.from_key);
            let to_key = field(book, to, duration.to_key);
            let key = if from_key == to_key { from_key } else { format!("{from_key} = {to_key}") };
            let mut text = format!("time from {} to the {end} {} with the same {key}", from.name, to.name);
            if let Some((slot, _)) = duration.deadline {
                text.push_str(&format!(", due at {}", field(book, from, slot)));
            }
            if let Some((void, _)) = duration.void {
                text.push_str(&format!(", without those that were {}", event(book, void).name));
            }
            text.push_str(match duration.placed {
                Placed::End => ", counted where it ends",
                Placed::Start => ", counted where it starts",
            });
            text
        }
    }
}

fn event_text(book: &Book, index: EventIndex) -> String {
    let event = event(book, index);
    let topic = &book.topics[usize::from(event.topic.0)].name;
    let filter = event.filter_text.as_ref().map_or_else(String::new, |filter| format!(" where {filter}"));
    let copies = match event.id.as_slice() {
        [] => String::new(),
        id => {
            let mut names: Vec<String> = id.iter().map(|slot| field(book, event, *slot)).collect();
            names.extend(event.each.map(|_| "place".to_owned()));
            format!(", each {} once", names.join(" and "))
        }
    };
    let rows = match event.each {
        Some(each) => format!("elements of {} in records", field(book, event, each)),
        None => "records".to_owned(),
    };
    let zone = match event.time_format {
        TimeFormat::Local(zone) => book.zones.get(usize::from(zone.0)).map_or("", |zone| &zone.name),
        TimeFormat::Rfc3339 | TimeFormat::Unix(_) => "",
    };
    let zone = if zone.is_empty() { String::new() } else { format!(" in {zone}") };
    let time = field(book, event, event.time);
    format!("{} = {rows} of topic {topic}{filter}, timed by {time}{zone}{copies}", event.name)
}

fn event(book: &Book, index: EventIndex) -> &Event {
    &book.events[usize::from(index.0)]
}

fn field(book: &Book, event: &Event, slot: FieldSlot) -> String {
    book.topics[usize::from(event.topic.0)].field(slot).map_or("?".to_owned(), ToString::to_string)
}
