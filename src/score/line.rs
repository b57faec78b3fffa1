//! The line that a value is held against, with its numbers as of one instant: what was measured, revised, or is a member's own.
//!
//! | goal | attainment |
//! |---|---|
//! | a way | (value − baseline) / (target − baseline), not clamped; null while either is not known |
//! | a way whose baseline is at or past its target | 1 if the value is at the target or better, else 0 |
//! | a band, by days | ended days in band / ended days judged |
//! | a band, at the end | 1 in band, else 0 |
//! | milestones | the value itself |
//! | nothing (a KPI) | none |

use super::days::count;
use super::goal::{clamped, improvement, in_band, rounded, share};
use super::key_result::{Covered, Scorer};
use super::result::{MeasuredBaseline, Original};
use crate::book::{Direction, Goal, Judge, MemberGoal};
use crate::fixed::{Fixed, Rational};
use crate::time::Timestamp;

/// What a value is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// From a baseline to a target; `None` while it could not be measured.
    Way { baseline: Option<Fixed>, target: Option<Fixed>, direction: Direction },
    /// Between bounds, which are in.
    Band { at_least: Option<Fixed>, at_most: Option<Fixed>, judge: Judge },
    /// All milestones done.
    Milestones,
    /// Nothing.
    Nothing,
}

impl Line {
    /// A goal's, with its baseline as measured or written, and its target as last revised.
    pub(super) fn of(goal: &Goal, baseline: Option<Fixed>, revised: Option<Fixed>) -> Line {
        match *goal {
            Goal::Improve { target, direction, .. } => {
                Line::Way { baseline, target: revised.or_else(|| target.amount(baseline)), direction }
            }
            Goal::Maintain { at_least, at_most, judge } => Line::Band { at_least, at_most, judge },
            Goal::Milestones => Line::Milestones,
            Goal::Nothing => Line::Nothing,
        }
    }

    /// A member's, where it has something of its own.
    pub(super) fn of_member(self, own: &MemberGoal) -> Line {
        match self {
            Line::Way { baseline, target, direction } => {
                Line::Way { baseline: own.baseline.or(baseline), target: own.target.or(target), direction }
            }
            Line::Band { at_least: Some(at_least), at_most: None, judge } => {
                Line::Band { at_least: own.target.or(Some(at_least)), at_most: None, judge }
            }
            Line::Band { at_least: None, at_most: Some(at_most), judge } => {
                Line::Band { at_least: None, at_most: own.target.or(Some(at_most)), judge }
            }
            other => other,
        }
    }

    /// Where it began, of a way.
    pub(super) fn baseline(&self) -> Option<Fixed> {
        match self {
            Line::Way { baseline, .. } => *baseline,
            _ => None,
        }
    }

    /// Where it shall be: the target, the one bound of a band (two are no single target), all of the milestones.
    pub(super) fn target(&self) -> Option<Fixed> {
        match *self {
            Line::Way { target, .. } => target,
            Line::Band { at_least: Some(bound), at_most: None, .. }
            | Line::Band { at_least: None, at_most: Some(bound), .. } => Some(bound),
            Line::Milestones => Some(Fixed::ONE),
            Line::Band { .. } | Line::Nothing => None,
        }
    }

    /// Not clamped; `None` without a value, while no day can be judged, and while there is no target.
    pub(super) fn attainment(&self, value: Option<&Rational>, days: &[(Timestamp, bool)]) -> Option<Fixed> {
        match *self {
            Line::Way { baseline, target, direction } => improvement(value?, baseline?, target?, direction),
            Line::Band { judge: Judge::Days(_), .. } => {
                let days = count(days);
                let whole = |count: u32| Rational::from(i128::from(count));
                share(&whole(days.in_band), &whole(days.judged)).and_then(|share| rounded(&share))
            }
            Line::Band { at_least, at_most, judge: Judge::AtEnd } => {
                let in_band = in_band(rounded(value?)?, at_least, at_most);
                Some(if in_band { Fixed::ONE } else { Fixed::ZERO })
            }
            Line::Milestones => rounded(value?),
            Line::Nothing => None,
        }
    }
}

/// The line before any revision, while one holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Before {
    line: Line,
    revisions: usize,
}

impl Before {
    /// What the value would be worth by it.
    pub(super) fn original(&self, value: Option<&Rational>, days: &[(Timestamp, bool)]) -> Original {
        let attainment = self.line.attainment(value, days);
        let Before { line, revisions } = self;
        Original { target: line.target(), attainment, score: attainment.map(clamped), revisions: *revisions }
    }
}

impl Scorer<'_> {
    /// The line as of as_of, and what it was before any revision; the baseline measured first, where it is.
    pub(super) fn lines(&mut self, measure: Option<Covered<'_>>) -> (Option<MeasuredBaseline>, Line, Option<Before>) {
        let measured = self.measured_baseline(measure);
        let (goal, all) = (&self.key_result.goal, &self.key_result.revisions);
        let at = self.cut.as_of.unwrap_or(self.cut.now);
        let revisions = all.partition_point(|revision| revision.at <= at);
        let baseline = goal.written_baseline().or(measured.and_then(|measured| measured.value));
        let line = |revised| Line::of(goal, baseline, revised);
        let before = (revisions > 0).then(|| Before { line: line(None), revisions });
        (measured, line(all[..revisions].last().map(|revision| revision.target)), before)
    }
}
