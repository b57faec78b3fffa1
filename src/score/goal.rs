//! Goals: attainment, success and what was to be expected by now.
//!
//! | goal | attainment | success s* | expected |
//! |---|---|---|---|
//! | improve | (value − baseline) / (target − baseline), not clamped; baseline at or past the target: 1 at or past the target, else 0 | committed 1, aspirational 0.7 | s* × elapsed share to `due`; by its `pace`, see [`super::pace`] |
//! | maintain, days | ended days in band / ended days judged | `days` | s* |
//! | maintain, at_end | 1 in band, else 0 | 1 | s* |
//! | milestones | Σ weight done / Σ weight | committed 1, aspirational 0.7 | Σ weight due / Σ weight |
//!
//! All in exact rationals; [`rounded`] is the one way out.

use super::line::Line;
use super::pace;
use crate::book::{Cycle, Direction, Goal, Judge, KeyResult, Kind, Milestone, Source};
use crate::fixed::{Fixed, Rational};
use crate::time::Timestamp;

/// Nine decimals, half-even; `None` beyond what 128 bits hold.
pub(super) fn rounded(exact: &Rational) -> Option<Fixed> {
    Fixed::round(exact)
}

/// Attainment clamped to 0..1.
pub(super) fn clamped(attainment: Fixed) -> Fixed {
    attainment.clamp(Fixed::ZERO, Fixed::ONE)
}

/// How much of the way from baseline to target the value has gone.
pub(super) fn improvement(value: &Rational, baseline: Fixed, target: Fixed, direction: Direction) -> Option<Fixed> {
    if is_past(baseline, target, direction) {
        // A baseline that was measured may turn out to be there already: then there is no way to go, only a line to hold.
        let value = rounded(value)?;
        return Some(if direction.reaches(value, target) { Fixed::ONE } else { Fixed::ZERO });
    }
    let baseline = baseline.to_rational();
    let (gone, way) = (value.clone() - baseline.clone(), target.to_rational() - baseline);
    rounded(&gone.checked_div(&way)?)
}

/// Whether a baseline is at its target or past it.
pub(super) fn is_past(baseline: Fixed, target: Fixed, direction: Direction) -> bool {
    direction.reaches(baseline, target)
}

/// Whether a value lies within its bounds, which are in.
pub(super) fn in_band(value: Fixed, at_least: Option<Fixed>, at_most: Option<Fixed>) -> bool {
    at_least.is_none_or(|least| value >= least) && at_most.is_none_or(|most| value <= most)
}

/// s*: the score that counts as success.
pub(super) fn success(key_result: &KeyResult) -> Fixed {
    match (&key_result.goal, key_result.kind) {
        (Goal::Maintain { judge: Judge::Days(share), .. }, _) => *share,
        // In band or not: anything below 1 is not.
        (Goal::Maintain { judge: Judge::AtEnd, .. }, _) | (_, Kind::Committed) => Fixed::ONE,
        (_, Kind::Aspirational) => Fixed(700_000_000),
    }
}

/// The share of `[from, to)` that lies before `at`, 0..1.
pub(super) fn elapsed(from: Timestamp, to: Timestamp, at: Timestamp) -> Rational {
    if at >= to {
        return Rational::ONE;
    }
    if at <= from {
        return Rational::ZERO;
    }
    // Here from < at < to, so that there is a share.
    Rational::new(i128::from((at - from).0), i128::from((to - from).0)).unwrap_or(Rational::ONE)
}

/// The score that was to be expected by `as_of`.
pub(super) fn expected(key_result: &KeyResult, line: &Line, cycle: &Cycle, as_of: Timestamp) -> Option<Fixed> {
    let success = success(key_result);
    let end = key_result.due.unwrap_or(cycle.end);
    match (&key_result.goal, &key_result.source) {
        (_, Source::Milestones(milestones)) => {
            let (due, all) = weights(milestones, |milestone| milestone.due.unwrap_or(end) <= as_of);
            share(&due, &all).and_then(|share| rounded(&share))
        }
        (Goal::Maintain { .. }, _) => Some(success),
        (Goal::Nothing, _) => None,
        _ => {
            let even = || rounded(&(success.to_rational() * elapsed(cycle.start, end, as_of)));
            pace::expected(key_result, line, cycle, success, as_of).or_else(even)
        }
    }
}

/// The weight of the milestones done by `as_of`, and of all.
pub(super) fn milestones_done(milestones: &[Milestone], as_of: Timestamp) -> (Rational, Rational) {
    weights(milestones, |milestone| milestone.done.is_some_and(|done| done <= as_of))
}

/// `part / all`, where there is anything.
pub(super) fn share(part: &Rational, all: &Rational) -> Option<Rational> {
    part.checked_div(all)
}

fn weights(milestones: &[Milestone], counts: impl Fn(&Milestone) -> bool) -> (Rational, Rational) {
    let sum = |milestones: &mut dyn Iterator<Item = &Milestone>| {
        milestones.fold(Rational::ZERO, |sum, milestone| sum + milestone.weight.to_rational())
    };
    (sum(&mut milestones.iter().filter(|milestone| counts(milestone))), sum(&mut milestones.iter()))
}
