//! The steps in English, and those of their parts that are the same in every language.

use std::fmt;

use serde::Serialize;

use super::{Amount, ArithmeticStep, Comparison, Expectation, Quotient, Stage, Terms};
use crate::book::{Direction, Unit};
use crate::fixed::Fixed;

/// A number as it stands behind a minus sign.
pub fn subtracted(number: Fixed) -> String {
    if number < Fixed::ZERO { format!("({number})") } else { number.to_string() }
}

/// `text` behind a formula's equals sign, if there is a formula.
fn equals(formula: Option<&impl fmt::Display>) -> String {
    formula.map_or_else(String::new, |formula| format!("{formula} = "))
}

fn or_dash(number: Option<Fixed>) -> String {
    number.map_or_else(|| "–".to_owned(), |number| number.to_string())
}

fn or_no_value(value: Option<&impl fmt::Display>) -> String {
    value.map_or_else(|| "no value".to_owned(), ToString::to_string)
}

fn rows(n: Option<i64>) -> String {
    n.map_or_else(String::new, |n| format!(", n = {n}"))
}

impl fmt::Display for ArithmeticStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ArithmeticStep::Value { of, value, interval } => {
                write!(f, "value = {}{value}", equals(of.as_ref()))?;
                interval.as_ref().map_or(Ok(()), |(from, to)| write!(f, ", from {from} to {to}"))
            }
            ArithmeticStep::Part { metric, value, n } => {
                write!(f, "{metric} = {}{}", or_no_value(value.as_ref()), rows(*n))
            }
            ArithmeticStep::Baseline { value, n, from, to, stage } => {
                let value = or_no_value(value.as_ref());
                write!(f, "baseline = {value}{}, measured from {from} to {to}, {stage}", rows(*n))
            }
            ArithmeticStep::Target { baseline, change, target } => {
                let sign = if *change < Fixed::ZERO { "−" } else { "+" };
                write!(f, "target = {baseline} {sign} {} % = {target}", Fixed(change.0.saturating_abs()).percent())
            }
            ArithmeticStep::Attainment { of, attainment } => {
                write!(f, "attainment = {}{attainment}", equals(of.as_ref()))
            }
            ArithmeticStep::Score { score, clamped, success } => {
                let clamped = clamped.map_or_else(String::new, |attainment| format!(", {attainment} clamped to 0..1"));
                write!(f, "score = {score}{clamped}; {success} counts as success")
            }
            ArithmeticStep::Original { target, attainment } => {
                let (target, attainment) = (or_dash(*target), or_dash(*attainment));
                write!(f, "against the original target {target}: attainment = {attainment}")
            }
            ArithmeticStep::Revision { target, date, why, by } => {
                let by = by.as_ref().map_or_else(String::new, |by| format!(", by {by}"));
                write!(f, "target revised to {target} on {date}: {why}{by}")
            }
            ArithmeticStep::Expected { of, expected } => write!(f, "expected = {}{expected}", equals(of.as_ref())),
        }
    }
}

/// Documents have the English line.
impl Serialize for ArithmeticStep {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for Quotient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Quotient { numerator, denominator, terms } = self;
        match terms {
            Terms::Rate(interval) => write!(f, "{numerator} / {denominator} (amount / {interval}s)"),
            Terms::Weights => write!(f, "{numerator} / {denominator} (weight done / all weight)"),
            Terms::WithoutBad => write!(f, "1 − {} / {denominator} = {numerator} / {denominator}", self.bad()),
            Terms::Parts => write!(f, "{numerator} / {denominator}"),
            Terms::Judged => write!(f, "{numerator} / {denominator} (good / judged)"),
            Terms::Mean => write!(f, "{numerator} / {denominator} (sum / n)"),
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = |holds: bool| if holds { "holds" } else { "does not hold" };
        match *self {
            Comparison::Way { value, baseline, target } => {
                let minus = subtracted(baseline);
                write!(f, "({value} − {minus}) / ({target} − {minus})")
            }
            Comparison::AtTarget { value, baseline, target, direction, holds } => {
                let sign = at_or_past(direction);
                let holds = words(holds);
                write!(f, "the baseline {baseline} is at its target already; {value} {sign} {target} {holds}")
            }
            Comparison::Days { in_band, judged } => write!(f, "{in_band} / {judged} (days in band / days judged)"),
            Comparison::Band { value, at_least, at_most, holds } => {
                write!(f, "{} {}", between(value, at_least, at_most), words(holds))
            }
        }
    }
}

/// How a value that has reached its target stands to it.
pub fn at_or_past(direction: Direction) -> &'static str {
    if direction == Direction::Up { "≥" } else { "≤" }
}

/// A value between its bounds: `0.9 ≤ 0.95 ≤ 1`.
pub fn between(value: Fixed, at_least: Option<Fixed>, at_most: Option<Fixed>) -> String {
    let low = at_least.map_or_else(String::new, |least| format!("{least} ≤ "));
    let high = at_most.map_or_else(String::new, |most| format!(" ≤ {most}"));
    format!("{low}{value}{high}")
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stage::Measuring => f.write_str("still being measured"),
            Stage::Provisional { until } => write!(f, "provisional until {until}"),
            Stage::Frozen { on } => write!(f, "frozen on {on}"),
            Stage::Differs { on, now } => {
                write!(f, "frozen on {on}; today's facts would say {}", or_no_value(now.as_ref()))
            }
        }
    }
}

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Expectation::WeightDue => f.write_str("weight due / all weight"),
            Expectation::Pace => f.write_str("by its pace"),
            Expectation::Elapsed { success, gone, all } => write!(f, "{success} · {gone} / {all}"),
        }
    }
}

/// With its unit, and as people say it.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.value;
        match &self.unit {
            Unit::Ratio => write!(f, "{value} ({} %)", value.percent()),
            // Spans are cut to the second: the exact value stands before it.
            Unit::Seconds => match self.span() {
                Some(span) => write!(f, "{value} s ({span})"),
                None => write!(f, "{value} s"),
            },
            Unit::Count => write!(f, "{value}"),
            Unit::Named(name) if name.is_empty() => write!(f, "{value}"),
            Unit::Named(name) => write!(f, "{value} {name}"),
        }
    }
}
