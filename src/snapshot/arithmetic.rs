//! A score's arithmetic in words: value, attainment, score and expected score as formulas with their numbers.

use crate::book::{Book, Cycle, Goal, Judge, KeyResult, MetricKind, RatioSense, Source, Stat, Unit};
use crate::fixed::{Fixed, SCALE};
use crate::score::KeyResultScore;
use crate::time::{Span, Timestamp};

/// Each step as a formula with its numbers and its result. Results come from exact inputs: where an input is shown with nine decimals,
/// the last digit of a result may differ from what those give.
pub(super) fn steps(book: &Book, kr: &KeyResult, score: &KeyResultScore, cycle: &Cycle) -> Vec<String> {
    let mut steps = Vec::new();
    if let Some(value) = score.value {
        let of = value_arithmetic(book, kr, score).map_or_else(String::new, |formula| format!("{formula} = "));
        let interval = score.interval.as_ref().map_or_else(String::new, |interval| {
            format!(", from {} to {}", cycle.zone.format(interval.start), cycle.zone.format(interval.end))
        });
        steps.push(format!("value = {of}{}{interval}", amount(value, &kr.unit)));
    }
    for part in &score.parts {
        // A count's rows are its value.
        let n = part.n.filter(|n| part.value != Some(Fixed::from_int(*n)));
        let n = n.map_or_else(String::new, |n| format!(", n = {n}"));
        let value = part.value.map_or_else(|| "no value".to_owned(), |value| value.to_string());
        steps.push(format!("{} = {value}{n}", part.metric));
    }
    if let Some(attainment) = score.attainment {
        let of = attainment_arithmetic(kr, score).map_or_else(String::new, |formula| format!("{formula} = "));
        steps.push(format!("attainment = {of}{attainment}"));
    }
    if let (Some(result), Some(attainment)) = (score.score, score.attainment) {
        let clamped = if result == attainment { String::new() } else { format!(", {attainment} clamped to 0..1") };
        steps.push(format!("score = {result}{clamped}; {} counts as success", score.success));
    }
    if let Some(expected) = score.expected {
        let of = expected_arithmetic(kr, score, cycle.start, kr.due.unwrap_or(cycle.end))
            .map_or_else(String::new, |of| format!("{of} = "));
        steps.push(format!("expected = {of}{expected}"));
    }
    steps
}

fn value_arithmetic(book: &Book, kr: &KeyResult, score: &KeyResultScore) -> Option<String> {
    let (numerator, denominator) = (score.numerator?, score.denominator?);
    let quotient = format!("{numerator} / {denominator}");
    if let Some(per) = kr.per {
        return Some(format!("{quotient} (amount / {per}s)"));
    }
    let Source::Metric { metric, stat } = kr.source else {
        return Some(format!("{quotient} (weight done / all weight)"));
    };
    match (&book.metrics[usize::from(metric.0)].kind, stat) {
        (MetricKind::Ratio { sense: RatioSense::Bad, .. }, _) => {
            Some(format!("1 − {} / {denominator} = {quotient}", Fixed(denominator.0.saturating_sub(numerator.0))))
        }
        (MetricKind::Ratio { .. }, _) => Some(quotient),
        (_, Stat::Within(_) | Stat::OnTime) => Some(format!("{quotient} (good / judged)")),
        _ => Some(format!("{quotient} (sum / n)")),
    }
}

fn attainment_arithmetic(kr: &KeyResult, score: &KeyResultScore) -> Option<String> {
    match kr.goal {
        Goal::Improve { baseline, target, .. } => {
            let (value, baseline) = (score.value?, baseline);
            let minus = |number: Fixed| {
                if number < Fixed::ZERO { format!("({number})") } else { number.to_string() }
            };
            Some(format!("({value} − {}) / ({target} − {})", minus(baseline), minus(baseline)))
        }
        Goal::Maintain { judge: Judge::Days(_), .. } => {
            let days = score.days?;
            Some(format!("{} / {} (days in band / days judged)", days.in_band, days.judged))
        }
        Goal::Maintain { at_least, at_most, judge: Judge::AtEnd } => {
            let value = score.value?;
            let low = at_least.map_or_else(String::new, |least| format!("{least} ≤ "));
            let high = at_most.map_or_else(String::new, |most| format!(" ≤ {most}"));
            let holds = if score.attainment == Some(Fixed::ONE) { "holds" } else { "does not hold" };
            Some(format!("{low}{value}{high} {holds}"))
        }
        Goal::Milestones => None,
    }
}

fn expected_arithmetic(kr: &KeyResult, score: &KeyResultScore, start: Timestamp, end: Timestamp) -> Option<String> {
    match (&kr.goal, &kr.source) {
        (_, Source::Milestones(_)) => Some("weight due / all weight".to_owned()),
        (Goal::Maintain { .. }, _) => None,
        _ => {
            let (gone, all) = (score.as_of?.clamp(start, end.max(start)) - start, end - start);
            Some(format!("{} · {gone} / {all}", score.success))
        }
    }
}

/// A value with its unit, and as people say it.
fn amount(value: Fixed, unit: &Unit) -> String {
    match unit {
        Unit::Ratio => format!("{value} ({} %)", Fixed(value.0.saturating_mul(100))),
        Unit::Seconds => {
            // Spans are cut to the second: the exact value stands before it.
            let whole = i64::try_from(value.0 / SCALE).ok().and_then(|seconds| seconds.checked_mul(1_000_000));
            whole.map_or_else(|| format!("{value} s"), |micros| format!("{value} s ({})", Span(micros)))
        }
        Unit::Count => value.to_string(),
        Unit::Named(name) if name.is_empty() => value.to_string(),
        Unit::Named(name) => format!("{value} {name}"),
    }
}
