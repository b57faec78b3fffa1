//! Status: which rule of DESIGN §3 holds first.
//!
//! | order | holds if | status |
//! |---|---|---|
//! | 1 | closed | `achieved`, `missed`, without a score `no_data` |
//! | 2 | the cycle has not begun | `pending` |
//! | 3 | what it reads is past a budget of memory | `insufficient_data` |
//! | 4 | neither value nor attainment | `no_data` |
//! | 5 | something fell silent | `stale` |
//! | 6 | rows that could not be checked for copies, too few rows, covered too late, a measured baseline that cannot be held against yet, no day judged yet | `insufficient_data` |
//! | 7 | score ≥ s*, or ≥ 0.9 · expected, or expected − score ≤ 0.05 | `on_track` |
//! | 8 | score < 0.6 · expected, expected − score > 0.10, 20 % of the cycle elapsed | `off_track` |
//! | 9 | else | `at_risk` |
//!
//! The numbers are [`Thresholds`], which a book can set.

use super::cut::{Cut, Silence};
use super::goal;
use super::result::{BaselineFault, MeasuredBaseline, Status};
use super::window::Laid;
use crate::aggregate::budget::Budget;
use crate::book::{Cycle, KeyResult};
use crate::fixed::Fixed;
use crate::time::Timestamp;

/// What a status is judged by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Evidence<'a> {
    pub(super) key_result: &'a KeyResult,
    pub(super) cycle: &'a Cycle,
    pub(super) cut: &'a Cut,
    pub(super) silence: Option<&'a Silence>,
    pub(super) window: Option<&'a Laid>,
    pub(super) coverage: WindowCoverage,
    pub(super) passed: Option<Budget>,
    /// Rows of its events that could not be checked for copies.
    pub(super) unchecked: u64,
    pub(super) value: Option<Fixed>,
    pub(super) n: Option<i64>,
    pub(super) score: Option<Fixed>,
    pub(super) success: Fixed,
    pub(super) expected: Option<Fixed>,
    /// How its baseline was measured; `None` where it is written.
    pub(super) measured: Option<&'a MeasuredBaseline>,
}

/// How much of a window the facts cover; less is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum WindowCoverage {
    /// All of it.
    Whole,
    /// From this instant on: inside the window, for a level also before it.
    From(Timestamp),
    /// None of it; it begins only here, or is not there at all.
    Nothing(Option<crate::time::Timestamp>),
}

/// The rule that held first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// Closed with a score that reached success, or did not.
    Closed { reached: bool },
    /// Closed without a score.
    ClosedEmpty,
    /// The cycle has not begun.
    NotBegun,
    /// What it reads is past a budget of memory, so there is no value.
    PastBudget(Budget),
    /// Neither value nor attainment.
    Empty,
    /// Something fell silent.
    Silent,
    /// Rows that could not be checked for copies are among those that count.
    Unchecked { rows: u64 },
    /// Fewer rows than `min_events`.
    TooFew { n: i64, least: u64 },
    /// Covered from later than the window begins.
    CoveredLate,
    /// Nothing can be held against the measured baseline.
    NoBaseline(BaselineFault),
    /// A share of a baseline of 0 is no target.
    NoTarget,
    /// A value, but no day of it to judge yet.
    NoDayYet,
    /// The score reached success.
    Reached,
    /// The score is near what was expected, by its share of that.
    NearByShare,
    /// The score is near what was expected, by the gap.
    NearByGap,
    /// Between.
    Between { too_early: bool },
    /// Well below what was expected.
    WellBelow,
}

impl Rule {
    /// The status that the rule stands for.
    pub(super) fn status(self) -> Status {
        match self {
            Rule::Closed { reached: true } => Status::Achieved,
            Rule::Closed { reached: false } => Status::Missed,
            Rule::ClosedEmpty | Rule::Empty => Status::NoData,
            Rule::NotBegun => Status::Pending,
            Rule::Silent => Status::Stale,
            Rule::PastBudget(_)
            | Rule::Unchecked { .. }
            | Rule::TooFew { .. }
            | Rule::CoveredLate
            | Rule::NoBaseline(_)
            | Rule::NoTarget
            | Rule::NoDayYet => Status::InsufficientData,
            Rule::Reached | Rule::NearByShare | Rule::NearByGap => Status::OnTrack,
            Rule::Between { .. } => Status::AtRisk,
            Rule::WellBelow => Status::OffTrack,
        }
    }
}

impl Evidence<'_> {
    /// The first rule that holds.
    pub(super) fn rule(&self) -> Rule {
        if self.cut.closed {
            return self.score.map_or(Rule::ClosedEmpty, |score| Rule::Closed { reached: score >= self.success });
        }
        if self.cut.now < self.cycle.start {
            return Rule::NotBegun;
        }
        if let Some(budget) = self.passed {
            return Rule::PastBudget(budget);
        }
        if self.value.is_none() && self.score.is_none() {
            return Rule::Empty;
        }
        if self.silence.is_some() {
            return Rule::Silent;
        }
        if self.unchecked > 0 {
            return Rule::Unchecked { rows: self.unchecked };
        }
        if let (Some(n), Some(least)) = (self.n, self.key_result.min_events)
            && i128::from(n) < i128::from(least)
        {
            return Rule::TooFew { n, least };
        }
        if self.coverage != WindowCoverage::Whole && !self.key_result.partial_accepted {
            return Rule::CoveredLate;
        }
        if let Some(fault) = self.measured.and_then(|measured| measured.fault) {
            return Rule::NoBaseline(fault);
        }
        let unscored = if self.measured.is_some() { Rule::NoTarget } else { Rule::NoDayYet };
        self.score.map_or(unscored, |score| self.against_expected(score))
    }

    fn against_expected(&self, score: Fixed) -> Rule {
        let thresholds = &self.key_result.thresholds;
        let expected = self.expected.unwrap_or(Fixed::ZERO);
        if score >= self.success {
            return Rule::Reached;
        }
        if score >= product(thresholds.on_track_ratio, expected) {
            return Rule::NearByShare;
        }
        let gap = Fixed(expected.0 - score.0);
        if gap <= thresholds.on_track_gap {
            return Rule::NearByGap;
        }
        let low = score < product(thresholds.off_track_ratio, expected) && gap > thresholds.off_track_gap;
        let elapsed = self.elapsed() >= thresholds.off_track_elapsed;
        if low && elapsed { Rule::WellBelow } else { Rule::Between { too_early: low && !elapsed } }
    }

    /// The share of the cycle that has elapsed at as_of.
    pub(super) fn elapsed(&self) -> Fixed {
        let share = self.cut.as_of.map(|as_of| goal::elapsed(self.cycle.start, self.cycle.end, as_of));
        share.and_then(|share| goal::rounded(&share)).unwrap_or(Fixed::ZERO)
    }
}

/// The product, half-even to 9 decimals. Scores and thresholds are small: it always fits.
pub(super) fn product(a: Fixed, b: Fixed) -> Fixed {
    goal::rounded(&(a.to_rational() * b.to_rational())).unwrap_or(Fixed(i128::MAX))
}
