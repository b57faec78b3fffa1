//! What cuts a key result's windows: the calendar of `during` and the intervals of `stat: { max: day }`, laid out once for a book.

use std::ops::Range;

use crate::book::{Book, Cycle, KeyResult, Source, Stat, Window};
use crate::time::{BucketSet, Grain, Span, Timestamp, calendar_buckets, calendar_grain};

/// How long before the earliest window a calendar is laid out: a key result is also scored before its cycle begins, and as of a week ago.
const BEFORE: Span = Span(366 * Span::DAY.0);

/// What cuts a key result's windows.
#[derive(Clone, Debug, Default)]
pub struct WindowPlan {
    /// The buckets that `during` holds, from `BEFORE` the earliest window, or a measured baseline's
    /// beginning, to the cycle's end; `None`: all are in.
    pub during: Option<BucketSet>,
    /// For `stat: { max: day }` and its kin: the hours, days or weeks of the same time, in order.
    pub intervals: Vec<Range<Timestamp>>,
}

impl WindowPlan {
    /// What cuts the windows of a key result of `cycle`, whose buckets have this `grain`.
    pub fn of(book: &Book, cycle: &Cycle, key_result: &KeyResult, grain: Grain) -> WindowPlan {
        let (horizon, interval) = match key_result.source {
            Source::Metric { stat: Stat::Within(span), .. } => (span, None),
            Source::Metric { stat: Stat::MostIn(interval) | Stat::LeastIn(interval), .. } => (Span(0), Some(interval)),
            _ => (Span(0), None),
        };
        let trailing = match key_result.window {
            Window::Trailing(span) => span,
            Window::Cycle | Window::ToDate(_) => Span(0),
        };
        let from = cycle.start - trailing - horizon - BEFORE;
        let from = key_result.goal.measured().map_or(from, |range| from.min(range.from));
        let which = which(key_result);
        WindowPlan {
            during: (!which.is_empty())
                .then(|| calendar_buckets(&book.calendars, &which, &cycle.zone, grain, (from, cycle.end))),
            intervals: interval.map_or_else(Vec::new, |interval| cycle.zone.intervals(interval, from, cycle.end)),
        }
    }
}

/// The width of a key result's buckets: the cycle's, or finer where its calendar has edges between. Only its own aggregates are then
/// defined anew, not those of the whole cycle.
pub(super) fn grain(book: &Book, cycle: &Cycle, key_result: &KeyResult) -> Grain {
    calendar_grain(&book.calendars, &which(key_result), cycle.grain)
}

fn which(key_result: &KeyResult) -> Vec<usize> {
    key_result.during.iter().map(|calendar| usize::from(calendar.0)).collect()
}
