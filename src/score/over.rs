//! What a key result makes of its measure over a window.
//!
//! | key result | value | null where | n | numerator / denominator |
//! |---|---|---|---|---|
//! | plain | the measure's | the measure's is | the measure's | the measure's |
//! | `per: day` | the amount / the time in the window, in days of 24 hours | there is no time in it | rows | amount / days |
//! | `stat: { max: day }` | the greatest amount of a day that is judged | none is | rows of all days that are judged | – |
//! | `stat: { min: day }` | likewise the least | none is | likewise | – |
//!
//! The time in a window goes from its start, or from where its events begin if that is later, to its end; of it counts what `during`
//! holds. A day (or hour, or week) is judged as a whole or not at all: it lies in that time, has ended, and `during` holds some of it.
//! Where `during` leaves nothing of a window there is no value: no time is no zero. Of equal days the first is shown.

use std::ops::Range;

use super::goal;
use super::value::{Quantity, Reader, Rows};
use super::window::Laid;
use crate::aggregate::member::MemberId;
use crate::aggregate::plan::{KeyResultPlan, Measure, TallyIndex};
use crate::book::{KeyResult, Source, Stat};
use crate::fixed::{Fixed, Rational};
use crate::time::{Interval, Span, Timestamp};

/// A value over a window, and the hour, day or week that it is of where it is one's alone.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Over {
    pub(super) quantity: Quantity,
    pub(super) interval: Option<Range<Timestamp>>,
}

/// Reads `measure` for one member over a window that is covered from `since`.
pub(super) fn over(
    reader: &mut Reader<'_>,
    (key_result, plan): (&KeyResult, &KeyResultPlan),
    measure: &Measure,
    member: MemberId,
    (window, since): (&Laid, Timestamp),
) -> Over {
    if window.is_empty() || reader.is_cut_away(&window.buckets) {
        return Over::default();
    }
    let extreme = match key_result.source {
        Source::Metric { stat: Stat::MostIn(_), .. } => Some(true),
        Source::Metric { stat: Stat::LeastIn(_), .. } => Some(false),
        _ => None,
    };
    if let Some(greatest) = extreme {
        return extreme_of(reader, plan, measure, member, since..window.to, greatest);
    }
    let quantity = reader.read(measure, member, &window.buckets);
    let quantity = match key_result.per {
        Some(per) => rate(quantity, elapsed(plan, since, window.to), per),
        None => quantity,
    };
    Over { quantity, interval: None }
}

/// The time from `since` to `to` that the calendar holds.
fn elapsed(plan: &KeyResultPlan, since: Timestamp, to: Timestamp) -> Span {
    match &plan.windows.during {
        Some(during) => during.length(plan.grain, since, to),
        None => (to - since).max(Span(0)),
    }
}

/// An amount over a length of time, by intervals.
fn rate(amount: Quantity, elapsed: Span, per: Interval) -> Quantity {
    let intervals = Rational::new(i128::from(elapsed.0), i128::from(per.span().0));
    Quantity {
        numerator: amount.value.as_ref().and_then(goal::rounded),
        denominator: intervals.as_ref().and_then(goal::rounded),
        value: amount.value.zip(intervals).and_then(|(amount, intervals)| amount.checked_div(&intervals)),
        n: amount.n,
    }
}

/// The greatest or least amount of a whole interval in `time`.
fn extreme_of(
    reader: &mut Reader<'_>,
    plan: &KeyResultPlan,
    measure: &Measure,
    member: MemberId,
    time: Range<Timestamp>,
    greatest: bool,
) -> Over {
    let (tally, amount): (TallyIndex, fn(Rows) -> i128) = match measure {
        Measure::Count(tally) => (*tally, |rows| i128::from(rows.count) * Fixed::ONE.0),
        Measure::Sum(tally) => (*tally, |rows| rows.sum),
        // Only counts and sums have hours, days and weeks; the book refuses all others.
        _ => return Over::default(),
    };
    let intervals = &plan.windows.intervals;
    let first = intervals.partition_point(|interval| interval.start < time.start);
    let (mut best, mut n): (Option<(i128, &Range<Timestamp>)>, i64) = (None, 0);
    for interval in intervals[first..].iter().take_while(|interval| interval.end <= time.end) {
        let buckets = plan.grain.bucket(interval.start)..plan.grain.bucket(interval.end);
        if reader.is_cut_away(&buckets) {
            continue;
        }
        let rows = reader.of_interval(tally, member, buckets);
        n += rows.count;
        let amount = amount(rows);
        if best.is_none_or(|(best, _)| if greatest { amount > best } else { amount < best }) {
            best = Some((amount, interval));
        }
    }
    let value = best.map(|(amount, _)| Fixed(amount).to_rational());
    Over {
        quantity: Quantity { value, n: Some(n), ..Quantity::default() },
        interval: best.map(|(_, interval)| interval.clone()),
    }
}
