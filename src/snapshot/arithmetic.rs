//! A score's arithmetic in words: value, attainment, score and expected score as formulas with their numbers.

use crate::book::{Book, Cycle, Direction, Goal, Judge, KeyResult, MetricKind, RatioSense, Source, Stat, Target, Unit};
use crate::fixed::{Fixed, SCALE};
use crate::score::{BaselineStage, KeyResultScore, MeasuredBaseline};
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
    if let Some(measured) = &score.measured {
        steps.push(measured_step(kr, measured, cycle));
    }
    if let Some(change) = change_arithmetic(kr, score) {
        steps.push(change);
    }
    if let Some(attainment) = score.attainment {
        let of = attainment_arithmetic(kr, score).map_or_else(String::new, |formula| format!("{formula} = "));
        steps.push(format!("attainment = {of}{attainment}"));
    }
    if let (Some(result), Some(attainment)) = (score.score, score.attainment) {
        let clamped = if result == attainment { String::new() } else { format!(", {attainment} clamped to 0..1") };
        steps.push(format!("score = {result}{clamped}; {} counts as success", score.success));
    }
    if let Some(original) = &score.original {
        let of = |number: Option<Fixed>| number.map_or_else(|| "–".to_owned(), |number| number.to_string());
        let (target, attainment) = (of(original.target), of(original.attainment));
        steps.push(format!("against the original target {target}: attainment = {attainment}"));
        steps.extend(kr.revisions.iter().take(original.revisions).map(|revision| {
            let by = revision.by.as_ref().map_or_else(String::new, |by| format!(", by {by}"));
            format!("target revised to {} on {}: {}{by}", revision.target, revision.date, revision.why)
        }));
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
        Goal::Improve { direction, .. } => {
            let (value, baseline, target) = (score.value?, score.baseline?, score.target?);
            if direction.reaches(baseline, target) {
                let sign = if direction == Direction::Up { "≥" } else { "≤" };
                let holds = if score.attainment == Some(Fixed::ONE) { "holds" } else { "does not hold" };
                return Some(format!(
                    "the baseline {baseline} is at its target already; {value} {sign} {target} {holds}"
                ));
            }
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
        Goal::Milestones | Goal::Nothing => None,
    }
}

/// Where a measured baseline comes from, and what came later.
fn measured_step(kr: &KeyResult, measured: &MeasuredBaseline, cycle: &Cycle) -> String {
    let at = |at: Timestamp| cycle.zone.format(at);
    let value = measured.value.map_or_else(|| "no value".to_owned(), |value| amount(value, &kr.unit));
    let n = measured.n.map_or_else(String::new, |n| format!(", n = {n}"));
    let stage = match measured.stage {
        BaselineStage::Measuring => "still being measured".to_owned(),
        BaselineStage::Provisional | BaselineStage::Settled => format!("provisional until {}", at(measured.settles_at)),
        BaselineStage::Frozen { at: frozen } if measured.now == measured.value => format!("frozen on {}", at(frozen)),
        BaselineStage::Frozen { at: frozen } => {
            let now = measured.now.map_or_else(|| "no value".to_owned(), |now| amount(now, &kr.unit));
            format!("frozen on {}; today's facts would say {now}", at(frozen))
        }
    };
    format!("baseline = {value}{n}, measured from {} to {}, {stage}", at(measured.from), at(measured.to))
}

/// How a change of a measured baseline becomes a target.
fn change_arithmetic(kr: &KeyResult, score: &KeyResultScore) -> Option<String> {
    let Goal::Improve { target: Target::Change(share), .. } = kr.goal else { return None };
    let (baseline, target) = (score.baseline?, Target::Change(share).amount(score.baseline)?);
    let sign = if share < Fixed::ZERO { "−" } else { "+" };
    let percent = Fixed(share.0.saturating_abs().saturating_mul(100));
    Some(format!("target = {baseline} {sign} {percent} % = {target}"))
}

fn expected_arithmetic(kr: &KeyResult, score: &KeyResultScore, start: Timestamp, end: Timestamp) -> Option<String> {
    match (&kr.goal, &kr.source) {
        (_, Source::Milestones(_)) => Some("weight due / all weight".to_owned()),
        (Goal::Maintain { .. }, _) => None,
        _ if !kr.pace.is_empty() => Some("by its pace".to_owned()),
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
