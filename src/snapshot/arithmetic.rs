//! A score's arithmetic: value, attainment, score and expected score as formulas with their numbers, as data. `Display` says each step in
//! English, the page in other languages.

mod words;

use jiff::civil::Date;

use crate::book::{Book, Cycle, Direction, Goal, Judge, KeyResult, MetricKind, RatioSense, Source, Stat, Target, Unit};
use crate::fixed::{Fixed, SCALE};
use crate::score::{BaselineStage, KeyResultScore, MeasuredBaseline};
use crate::time::{Interval, Span, Timestamp};

pub use words::{at_or_past, between, subtracted};

/// One step, with its numbers and its result. Results come from exact inputs: where an input is shown with nine decimals, the last digit
/// of a result may differ from what those give. Instants are RFC 3339 in the cycle's zone.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is a part of the line that its variant's Display shows")]
pub enum ArithmeticStep {
    /// The value; of the best or the worst interval, where that is what it is.
    Value { of: Option<Quotient>, value: Amount, interval: Option<(String, String)> },
    /// A metric that the value is made of, and its rows where they are not the value.
    Part { metric: String, value: Option<Fixed>, n: Option<i64> },
    /// A measured baseline.
    Baseline { value: Option<Amount>, n: Option<i64>, from: String, to: String, stage: Stage },
    /// A target that is a share of the measured baseline.
    Target { baseline: Fixed, change: Fixed, target: Fixed },
    /// The attainment.
    Attainment { of: Option<Comparison>, attainment: Fixed },
    /// The score; of which attainment, where that was clamped.
    Score { score: Fixed, clamped: Option<Fixed>, success: Fixed },
    /// What it would be against the target before any revision.
    Original { target: Option<Fixed>, attainment: Option<Fixed> },
    /// A revision of the target.
    Revision { target: Fixed, date: Date, why: String, by: Option<String> },
    /// What was expected by now.
    Expected { of: Option<Expectation>, expected: Fixed },
}

/// A value with its unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amount {
    /// In base units.
    pub value: Fixed,
    /// Of what.
    pub unit: Unit,
}

/// A value as a quotient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotient {
    /// The numerator.
    pub numerator: Fixed,
    /// The denominator.
    pub denominator: Fixed,
    /// What they are.
    pub terms: Terms,
}

/// What numerator and denominator are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Terms {
    /// An amount, and hours, days or weeks.
    Rate(Interval),
    /// The weight that is done, and all of it.
    Weights,
    /// The whole without its bad part, and the whole.
    WithoutBad,
    /// Two metrics.
    Parts,
    /// Pairs that are good, and pairs that are judged.
    Judged,
    /// A sum, and how many were added up.
    Mean,
}

/// How an attainment comes of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is a part of the line that its variant's Display shows")]
pub enum Comparison {
    /// A way from baseline to target.
    Way { value: Fixed, baseline: Fixed, target: Fixed },
    /// The baseline is at its target already, and the value is too, or not.
    AtTarget { value: Fixed, baseline: Fixed, target: Fixed, direction: Direction, holds: bool },
    /// Days within the band, of those that are judged.
    Days { in_band: u32, judged: u32 },
    /// The value at the end, within its bounds or not.
    Band { value: Fixed, at_least: Option<Fixed>, at_most: Option<Fixed>, holds: bool },
}

/// How far a measured baseline is settled.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is a part of the line that its variant's Display shows")]
pub enum Stage {
    /// Its range has not ended.
    Measuring,
    /// Late events may change it until then.
    Provisional { until: String },
    /// It stays as it is.
    Frozen { on: String },
    /// It stays as it is, and the facts of today would make it another; `None`: without a value.
    Differs { on: String, now: Option<Amount> },
}

/// What is expected by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is a part of the line that its variant's Display shows")]
pub enum Expectation {
    /// The weight of the milestones that are due, of all weight.
    WeightDue,
    /// As the book's pace has it.
    Pace,
    /// As much of success as the cycle has elapsed.
    Elapsed { success: Fixed, gone: Span, all: Span },
}

/// All steps of a score, in the order in which they are taken.
pub(super) fn steps(book: &Book, kr: &KeyResult, score: &KeyResultScore, cycle: &Cycle) -> Vec<ArithmeticStep> {
    let mut steps = Vec::new();
    let at = |at: Timestamp| cycle.zone.format(at);
    let amount = |value: Fixed| Amount { value, unit: kr.unit.clone() };
    if let Some(value) = score.value {
        let interval = score.interval.as_ref().map(|interval| (at(interval.start), at(interval.end)));
        steps.push(ArithmeticStep::Value { of: quotient(book, kr, score), value: amount(value), interval });
    }
    steps.extend(score.parts.iter().map(|part| {
        let n = part.n.filter(|n| part.value != Some(Fixed::from_int(*n)));
        ArithmeticStep::Part { metric: part.metric.clone(), value: part.value, n }
    }));
    steps.extend(score.measured.as_ref().map(|measured| ArithmeticStep::Baseline {
        value: measured.value.map(amount),
        n: measured.n,
        from: at(measured.from),
        to: at(measured.to),
        stage: stage(measured, at, amount),
    }));
    steps.extend(change(kr, score));
    if let Some(attainment) = score.attainment {
        steps.push(ArithmeticStep::Attainment { of: comparison(kr, score), attainment });
    }
    if let (Some(result), Some(attainment)) = (score.score, score.attainment) {
        let clamped = Some(attainment).filter(|attainment| *attainment != result);
        steps.push(ArithmeticStep::Score { score: result, clamped, success: score.success });
    }
    if let Some(original) = &score.original {
        steps.push(ArithmeticStep::Original { target: original.target, attainment: original.attainment });
        steps.extend(kr.revisions.iter().take(original.revisions).map(|revision| ArithmeticStep::Revision {
            target: revision.target,
            date: revision.date,
            why: revision.why.clone(),
            by: revision.by.clone(),
        }));
    }
    if let Some(expected) = score.expected {
        steps.push(ArithmeticStep::Expected { of: expectation(kr, score, cycle), expected });
    }
    steps
}

fn quotient(book: &Book, kr: &KeyResult, score: &KeyResultScore) -> Option<Quotient> {
    let (numerator, denominator) = (score.numerator?, score.denominator?);
    let terms = match (kr.per, &kr.source) {
        (Some(per), _) => Terms::Rate(per),
        (None, Source::Milestones(_) | Source::Manual) => Terms::Weights,
        (None, Source::Metric { metric, stat }) => match (&book.metrics[usize::from(metric.0)].kind, stat) {
            (MetricKind::Ratio { sense: RatioSense::Bad, .. }, _) => Terms::WithoutBad,
            (MetricKind::Ratio { .. }, _) => Terms::Parts,
            (_, Stat::Within(_) | Stat::OnTime) => Terms::Judged,
            _ => Terms::Mean,
        },
    };
    Some(Quotient { numerator, denominator, terms })
}

fn comparison(kr: &KeyResult, score: &KeyResultScore) -> Option<Comparison> {
    let holds = score.attainment == Some(Fixed::ONE);
    match kr.goal {
        Goal::Improve { direction, .. } => {
            let (value, baseline, target) = (score.value?, score.baseline?, score.target?);
            Some(match direction.reaches(baseline, target) {
                true => Comparison::AtTarget { value, baseline, target, direction, holds },
                false => Comparison::Way { value, baseline, target },
            })
        }
        Goal::Maintain { judge: Judge::Days(_), .. } => {
            score.days.map(|days| Comparison::Days { in_band: days.in_band, judged: days.judged })
        }
        Goal::Maintain { at_least, at_most, judge: Judge::AtEnd } => {
            Some(Comparison::Band { value: score.value?, at_least, at_most, holds })
        }
        Goal::Milestones | Goal::Nothing => None,
    }
}

/// How far a measured baseline is settled, and what came later.
fn stage(measured: &MeasuredBaseline, at: impl Fn(Timestamp) -> String, amount: impl Fn(Fixed) -> Amount) -> Stage {
    match measured.stage {
        BaselineStage::Measuring => Stage::Measuring,
        BaselineStage::Provisional | BaselineStage::Settled => Stage::Provisional { until: at(measured.settles_at) },
        BaselineStage::Frozen { at: frozen } if measured.now == measured.value => Stage::Frozen { on: at(frozen) },
        BaselineStage::Frozen { at: frozen } => Stage::Differs { on: at(frozen), now: measured.now.map(amount) },
    }
}

/// How a change of a measured baseline becomes a target.
fn change(kr: &KeyResult, score: &KeyResultScore) -> Option<ArithmeticStep> {
    let Goal::Improve { target: Target::Change(change), .. } = kr.goal else { return None };
    let (baseline, target) = (score.baseline?, Target::Change(change).amount(score.baseline)?);
    Some(ArithmeticStep::Target { baseline, change, target })
}

fn expectation(kr: &KeyResult, score: &KeyResultScore, cycle: &Cycle) -> Option<Expectation> {
    match (&kr.goal, &kr.source) {
        (_, Source::Milestones(_)) => Some(Expectation::WeightDue),
        (Goal::Maintain { .. }, _) => None,
        _ if !kr.pace.is_empty() => Some(Expectation::Pace),
        _ => {
            let (start, end) = (cycle.start, kr.due.unwrap_or(cycle.end));
            let (gone, all) = (score.as_of?.clamp(start, end.max(start)) - start, end - start);
            Some(Expectation::Elapsed { success: score.success, gone, all })
        }
    }
}

impl Quotient {
    /// What is bad of the whole.
    pub fn bad(&self) -> Fixed {
        Fixed(self.denominator.0.saturating_sub(self.numerator.0))
    }
}

impl Amount {
    /// Of a number of seconds, what people say: cut to the second.
    pub fn span(&self) -> Option<Span> {
        let seconds = i64::try_from(self.value.0 / SCALE).ok()?;
        seconds.checked_mul(Span::SECOND.0).map(Span)
    }
}
