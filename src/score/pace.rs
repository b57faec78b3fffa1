//! Pace: the score expected by now where people wrote values by days, instead of an even way to success.
//!
//! ```text
//! score    s* ┄┄┄┄┄┄┄┄┄┄┄┄┄╭─●      the cycle's start expects 0, each point the score of its value at the end of its day,
//!                      ╭──●╯          the end (`due`) s*, or the last point if that expects more; linear between
//!          0  ●────●──╯
//! ```
//!
//! A way that has no length (its measured baseline is at its target already) expects s* all along; one that is not known, an even way.

use super::goal::{clamped, elapsed, improvement, is_past, rounded};
use super::line::Line;
use crate::book::{Cycle, KeyResult};
use crate::fixed::{Fixed, Rational};
use crate::time::Timestamp;

/// The score expected at `as_of`; `None` where no pace is written, or none can be told.
pub(super) fn expected(
    key_result: &KeyResult,
    line: &Line,
    cycle: &Cycle,
    success: Fixed,
    as_of: Timestamp,
) -> Option<Fixed> {
    let Line::Way { baseline: Some(baseline), target: Some(target), direction } = *line else { return None };
    if key_result.pace.is_empty() {
        return None;
    }
    if is_past(baseline, target, direction) {
        return Some(success);
    }
    let mut points: Vec<(Timestamp, Rational)> = vec![(cycle.start, Rational::ZERO)];
    for point in &key_result.pace {
        let score = clamped(improvement(&point.value.to_rational(), baseline, target, direction)?);
        points.push((point.at, score.to_rational()));
    }
    let end = key_result.due.unwrap_or(cycle.end);
    if let Some((last, score)) = points.last().cloned()
        && last < end
    {
        points.push((end, score.max(success.to_rational())));
    }
    let next = points.partition_point(|(at, _)| *at <= as_of);
    let (Some(before), Some(after)) = (next.checked_sub(1).and_then(|at| points.get(at)), points.get(next)) else {
        // Before the first point nothing is expected, after the last what that expects.
        return rounded(&points[if next == 0 { 0 } else { points.len() - 1 }].1);
    };
    let share = elapsed(before.0, after.0, as_of);
    rounded(&(before.1.clone() + (after.1.clone() - before.1.clone()) * share))
}
