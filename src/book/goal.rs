//! What a value is held against: a way from a baseline to a target, a band, milestones; and what people planned beside it.

use jiff::civil::Date;

use crate::fixed::Fixed;
use crate::time::Timestamp;

/// What a value is held against.
#[derive(Clone, Debug)]
pub enum Goal {
    /// From a baseline to a target.
    Improve {
        /// Where it began.
        baseline: Baseline,
        /// Where it shall be; never equal to a written baseline.
        target: Target,
        /// What lies beyond.
        stretch: Option<Fixed>,
        /// Which way is better; fixed when the book is read.
        direction: Direction,
    },
    /// Within a band.
    Maintain {
        /// Least value in band; inclusive.
        at_least: Option<Fixed>,
        /// Greatest value in band; inclusive.
        at_most: Option<Fixed>,
        /// How it is judged.
        judge: Judge,
    },
    /// All milestones done.
    Milestones,
    /// Nothing: a KPI is shown and never scored.
    Nothing,
}

impl Goal {
    /// The way between two written amounts.
    pub fn way(baseline: Fixed, target: Fixed) -> Goal {
        let direction = if target < baseline { Direction::Down } else { Direction::Up };
        let (baseline, target) = (Baseline::Written(baseline), Target::Amount(target));
        Goal::Improve { baseline, target, stretch: None, direction }
    }

    /// Which way is better; `None` between two bounds, where neither is, and for a KPI.
    pub fn direction(&self) -> Option<Direction> {
        match self {
            Goal::Improve { direction, .. } => Some(*direction),
            Goal::Milestones => Some(Direction::Up),
            Goal::Maintain { at_least: Some(_), at_most: None, .. } => Some(Direction::Up),
            Goal::Maintain { at_least: None, at_most: Some(_), .. } => Some(Direction::Down),
            Goal::Maintain { .. } | Goal::Nothing => None,
        }
    }

    /// The range over which the baseline is measured, if it is.
    pub fn measured(&self) -> Option<MeasuredRange> {
        match self {
            Goal::Improve { baseline: Baseline::Measured(range), .. } => Some(*range),
            _ => None,
        }
    }

    /// The baseline that is written.
    pub fn written_baseline(&self) -> Option<Fixed> {
        match self {
            Goal::Improve { baseline: Baseline::Written(baseline), .. } => Some(*baseline),
            _ => None,
        }
    }
}

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// More is better.
    Up,
    /// Less is better.
    Down,
}

impl Direction {
    /// Its text in the book and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Direction::Up => "up",
            Direction::Down => "down",
        }
    }

    /// Whether `value` is at `line` or better.
    pub fn reaches(self, value: Fixed, line: Fixed) -> bool {
        match self {
            Direction::Up => value >= line,
            Direction::Down => value <= line,
        }
    }
}

/// Where a key result began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Baseline {
    /// As the book writes it.
    Written(Fixed),
    /// The same metric over a range of its own.
    Measured(MeasuredRange),
}

/// `[from, to)` at local midnights of the cycle's zone, over which a baseline is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeasuredRange {
    /// Its first instant.
    pub from: Timestamp,
    /// The instant after its last.
    pub to: Timestamp,
}

/// Where a key result shall be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// An amount.
    Amount(Fixed),
    /// The measured baseline plus this share of its magnitude; of a written one the amount is known when the book is read.
    Change(Fixed),
}

impl Target {
    /// The amount that it comes to from `baseline`; of a share of nothing there is none.
    pub fn amount(self, baseline: Option<Fixed>) -> Option<Fixed> {
        match self {
            Target::Amount(amount) => Some(amount),
            Target::Change(share) => changed(baseline?, share),
        }
    }
}

/// `baseline + share · |baseline|`, half-even: up for a share above 0 whatever the baseline's sign. `None` at 0 and out of range.
pub(super) fn changed(baseline: Fixed, share: Fixed) -> Option<Fixed> {
    let exact = baseline.to_rational();
    let magnitude = Fixed(baseline.0.checked_abs()?).to_rational();
    (baseline != Fixed::ZERO).then(|| Fixed::round(&(exact + magnitude * share.to_rational()))).flatten()
}

/// How a maintain key result is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judge {
    /// By the share of ended days in band; success is this share.
    Days(Fixed),
    /// By its value now: 1 in band, else 0.
    AtEnd,
}

/// What one member of a dimension is held against, where that differs from the whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberGoal {
    /// The member's canonical text.
    pub member: String,
    /// Its own target; of a band with one end, that.
    pub target: Option<Fixed>,
    /// Its own baseline.
    pub baseline: Option<Fixed>,
}

/// A value that is expected by a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacePoint {
    /// The end of the local day.
    pub at: Timestamp,
    /// The value.
    pub value: Fixed,
}

/// A later change of the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// The local day from whose start it holds.
    pub date: Date,
    /// That instant.
    pub at: Timestamp,
    /// The new target.
    pub target: Fixed,
    /// The reason.
    pub why: String,
    /// Who decided.
    pub by: Option<String>,
}

/// A step of a plan: work, which is shown and never scored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What is done.
    pub name: String,
    /// Its first local day.
    pub start: Option<Date>,
    /// Its last local day, and the end of that.
    pub end: Option<(Date, Timestamp)>,
    /// Who does it.
    pub owner: Option<String>,
    /// What it needs.
    pub resources: Option<String>,
    /// What may hinder it.
    pub risk: Option<String>,
    /// How much of it is done.
    pub done: Done,
    /// Its share of the plan, > 0; default 1.
    pub weight: Fixed,
}

/// How much of a step is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// All of it, from the start of this local day.
    On(Date, Timestamp),
    /// This share of it.
    Share(Fixed),
}
