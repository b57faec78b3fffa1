//! The lines in English, and those of their parts that are the same in every language.

use std::fmt;

use jiff::civil::Date;
use serde::Serialize;

use super::{CalendarDefinition, Definition, DurationDefinition, EventDefinition, MetricDefinition, RowsDefinition};
use crate::book::{Book, EndChoice, KeyResult, Placed, RatioSense, Stat, Window};
use crate::score::calendar_names;
use crate::time::Period;

/// A statistic as text: `mean`, `p50`, `p99.9`, `within 1d`; `None` for the natural one.
pub fn stat_text(stat: Stat) -> Option<String> {
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
pub fn window_text(book: &Book, key_result: &KeyResult) -> String {
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

impl fmt::Display for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Definition::CheckIn => f.write_str("the value of the latest check-in"),
            Definition::Milestones => f.write_str("the weight of the milestones that are done, of all weight"),
            Definition::Milestone { name, weight, done } => {
                let done = if *done { "done" } else { "not done" };
                write!(f, "{name}: weight {weight}, {done}")
            }
            Definition::Statistic { stat, metric } => match stat_text(*stat) {
                Some(stat) => write!(f, "{stat} of {metric}"),
                None => f.write_str(metric),
            },
            Definition::Rate { metric, per } => write!(f, "{metric} per {per}"),
            Definition::Calendar(calendar) => write!(f, "{calendar}"),
            Definition::Only { dimension, member } => write!(f, "only {dimension} = {member}"),
            Definition::Metric { name, is, filter } => {
                write!(f, "{name} = {is}")?;
                filter.as_ref().map_or(Ok(()), |filter| write!(f, ", where {filter}"))
            }
            Definition::Event(event) => write!(f, "{event}"),
        }
    }
}

/// Documents have the English line.
impl Serialize for Definition {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// `weekend = Saturday, Sunday 08:00-12:00, without holidays`
impl fmt::Display for CalendarDefinition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let weekdays = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
        let mut days: Vec<String> =
            weekdays.iter().zip(self.weekdays).filter(|(_, held)| *held).map(|(day, _)| (*day).to_owned()).collect();
        days.extend(dates(&self.dates));
        if days.is_empty() {
            days.push("every day".to_owned());
        }
        write!(f, "{} = {}", self.name, days.join(", "))?;
        if !self.hours.is_empty() {
            write!(f, " {}", self.hours.join(", "))?;
        }
        let except: Vec<String> = dates(&self.except_dates).chain(self.except.iter().cloned()).collect();
        if except.is_empty() { Ok(()) } else { write!(f, ", without {}", except.join(", ")) }
    }
}

fn dates(ranges: &[(Date, Date)]) -> impl Iterator<Item = String> {
    ranges.iter().map(|(first, last)| match first == last {
        true => first.to_string(),
        false => format!("{first} to {last}"),
    })
}

impl fmt::Display for MetricDefinition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MetricDefinition::Count(rows) => write!(f, "number of {rows}"),
            MetricDefinition::Sum { value, rows } => write!(f, "sum of {value} over {rows}"),
            MetricDefinition::Value { value, rows } => write!(f, "{value} over {rows}"),
            MetricDefinition::Distinct { value, rows } => write!(f, "number of different {value} over {rows}"),
            MetricDefinition::Level { value, key, rows } => {
                write!(f, "latest {value} of each {key}, summed, over {rows}")
            }
            MetricDefinition::Ratio { sense: RatioSense::Bad, part, total } => write!(f, "1 − {part} / {total}"),
            MetricDefinition::Ratio { sense: RatioSense::Good | RatioSense::Part, part, total } => {
                write!(f, "{part} / {total}")
            }
            MetricDefinition::Derived(formula) => f.write_str(formula),
            MetricDefinition::Duration(duration) => write!(f, "{duration}"),
        }
    }
}

impl fmt::Display for RowsDefinition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.event)?;
        self.filter.as_ref().map_or(Ok(()), |filter| write!(f, " where {filter}"))
    }
}

impl fmt::Display for DurationDefinition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DurationDefinition { from, to, key, .. } = self;
        let end = match self.end {
            EndChoice::First => "first",
            EndChoice::Last => "last",
        };
        write!(f, "time from {from} to the {end} {to} with the same {key}")?;
        if let Some(deadline) = &self.deadline {
            write!(f, ", due at {deadline}")?;
        }
        if let Some(void) = &self.void {
            write!(f, ", without those that were {void}")?;
        }
        f.write_str(match self.placed {
            Placed::End => ", counted where it ends",
            Placed::Start => ", counted where it starts",
        })
    }
}

impl fmt::Display for EventDefinition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = ", self.name)?;
        match &self.each {
            Some(each) => write!(f, "elements of {each} in records")?,
            None => f.write_str("records")?,
        }
        write!(f, " of topic {}", self.topic)?;
        if let Some(filter) = &self.filter {
            write!(f, " where {filter}")?;
        }
        write!(f, ", timed by {}", self.time)?;
        if let Some(zone) = &self.zone {
            write!(f, " in {zone}")?;
        }
        if self.id.is_empty() {
            return Ok(());
        }
        let place = self.each.as_ref().map(|_| "place");
        let id: Vec<&str> = self.id.iter().map(String::as_str).chain(place).collect();
        write!(f, ", each {} once", id.join(" and "))
    }
}
