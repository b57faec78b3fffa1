//! Reasons: one English sentence for the status rule that held, with its numbers.

use super::cut::Silence;
use super::reads::metric_events;
use super::result::{BaselineFault, BaselineStage};
use super::status::{Evidence, Rule, WindowCoverage, product};
use crate::aggregate::budget::{Budget, Budgets};
use crate::aggregate::facts::Facts;
use crate::book::{Book, CalendarIndex, Metric, MetricIndex, MetricKind, Source, Stat};
use crate::fixed::Fixed;
use crate::time::{Span, Timestamp};

/// The sentence, without a full stop; a part that is greater than its whole is remarked upon, and so is a baseline that may still change.
pub(super) fn sentence(book: &Book, facts: &Facts, evidence: &Evidence<'_>, rule: Rule) -> String {
    let sentence = ruled(book, facts, evidence, rule);
    let remarks = [beyond_whole(book, evidence), provisional(evidence, rule)];
    remarks.into_iter().flatten().fold(sentence, |sentence, remark| format!("{sentence}; {remark}"))
}

/// A score that rests on a baseline which may still change.
fn provisional(evidence: &Evidence<'_>, rule: Rule) -> Option<String> {
    let measured = evidence.measured.filter(|_| rule.status().is_judged())?;
    let at = evidence.cycle.zone.format(measured.settles_at);
    (measured.stage == BaselineStage::Provisional).then(|| format!("its measured baseline is provisional until {at}"))
}

/// A ratio outside 0..1 is as exact as any, but not what people mean by one.
fn beyond_whole(book: &Book, evidence: &Evidence<'_>) -> Option<String> {
    let Source::Metric { metric, .. } = evidence.key_result.source else { return None };
    let MetricKind::Ratio { part, total, .. } = book.metrics[usize::from(metric.0)].kind else { return None };
    let inside = (Fixed::ZERO..=Fixed::ONE).contains(&evidence.value?);
    let name = |metric: MetricIndex| &book.metrics[usize::from(metric.0)].name;
    (!inside).then(|| {
        format!("{} does not lie within {}: a part greater than its whole, or one below 0", name(part), name(total))
    })
}

fn ruled(book: &Book, facts: &Facts, evidence: &Evidence<'_>, rule: Rule) -> String {
    let cycle = evidence.cycle;
    match rule {
        Rule::Closed { reached } => {
            let (score, success) = apart(evidence.score.unwrap_or_default(), evidence.success);
            let verb = if reached { "reached" } else { "did not reach" };
            format!("closed: {score} {verb} the {success} that counts as success")
        }
        Rule::ClosedEmpty => format!("closed without a score: {}", emptiness(book, facts, evidence)),
        Rule::NotBegun => format!("the cycle {} begins on {}", cycle.id, cycle.start_date),
        Rule::PastBudget(budget) => format!("there is no value: {}", past(budget, &facts.budgets)),
        Rule::Empty => emptiness(book, facts, evidence),
        Rule::Silent => evidence.silence.map_or_else(String::new, |silence| silent(evidence, silence)),
        Rule::Unchecked { rows } => {
            let (noun, limit) = (plural(i64::try_from(rows).unwrap_or(i64::MAX), "row"), facts.budgets.dedup_ids_max);
            format!(
                "{rows} {noun} could not be checked for copies: there were more than {limit} ids in a partition, and those of the oldest days were let go; raise `dedup_ids_max` in [state]"
            )
        }
        Rule::TooFew { n, least } => {
            format!("{n} {} in the window, fewer than the {least} that it takes (min_events)", plural(n, "event"))
        }
        Rule::CoveredLate => match evidence.coverage {
            WindowCoverage::From(from) | WindowCoverage::Nothing(Some(from)) => {
                let at = |at: Timestamp| cycle.zone.format(at);
                let window = evidence.window.map_or_else(String::new, |window| at(window.from));
                let earlier = evidence.window.is_some_and(|window| from <= window.from);
                let from = at(from);
                if earlier {
                    return format!(
                        "the events reach back only to {from}, and what has not changed since then is unknown; `partial: accept` judges it all the same"
                    );
                }
                format!(
                    "the events reach back only to {from} but the window begins at {window}; `partial: accept` judges it all the same"
                )
            }
            WindowCoverage::Whole | WindowCoverage::Nothing(None) => {
                "the events of the window were not read".to_owned()
            }
        },
        Rule::NoBaseline(fault) => no_baseline(evidence, fault),
        Rule::NoTarget => "the measured baseline is 0, and a share of nothing is no target".to_owned(),
        Rule::NoDayYet => "no day of the cycle has ended with enough events to judge it".to_owned(),
        Rule::Reached => {
            let (score, success) = apart(evidence.score.unwrap_or_default(), evidence.success);
            let verb = if evidence.score == Some(evidence.success) { "meets" } else { "is past" };
            format!("{score} {verb} the {success} that counts as success")
        }
        Rule::NearByShare | Rule::NearByGap | Rule::Between { .. } | Rule::WellBelow => running(evidence, rule),
    }
}

/// Why nothing can be held against the measured baseline.
fn no_baseline(evidence: &Evidence<'_>, fault: BaselineFault) -> String {
    let Some(measured) = evidence.measured else { return String::new() };
    let at = |at: Timestamp| evidence.cycle.zone.format(at);
    let range = format!("from {} to {}", at(measured.from), at(measured.to));
    match fault {
        BaselineFault::Measuring => format!("the baseline is still being measured {range}"),
        BaselineFault::NoValue => format!("the baseline has no value {range}"),
        BaselineFault::TooFew { n, least } => {
            let noun = plural(n, "event");
            format!("the baseline has {n} {noun} {range}, fewer than the {least} that it takes (min_events)")
        }
        BaselineFault::CoveredLate { from } => {
            let from = at(from);
            format!(
                "the events reach back only to {from} but the baseline is measured {range}; `partial: accept` judges it all the same"
            )
        }
    }
}

/// A score against what was expected by now.
fn running(evidence: &Evidence<'_>, rule: Rule) -> String {
    let thresholds = &evidence.key_result.thresholds;
    let (score, expected) = (evidence.score.unwrap_or_default(), evidence.expected.unwrap_or_default());
    let (score_text, expected_text) = apart(score, expected);
    // A gap so small that two decimals would hide it gets more.
    let gap = apart(Fixed(expected.0 - score.0), Fixed::ZERO).0;
    let short = format!("{score_text} is {gap} short of the {expected_text} expected by now");
    match rule {
        Rule::NearByShare if score > expected => format!("{score_text} is past the {expected_text} expected by now"),
        Rule::NearByShare if score == expected => format!("{score_text} is the {expected_text} expected by now"),
        Rule::NearByShare => {
            format!(
                "{score_text} is at least {} of the {expected_text} expected by now",
                percent(thresholds.on_track_ratio)
            )
        }
        Rule::NearByGap => format!("{short}, within the {} that is allowed", places(thresholds.on_track_gap, 2)),
        Rule::WellBelow => {
            let share = percent(thresholds.off_track_ratio);
            format!("{score_text} is below {share} of the {expected_text} expected by now, and {gap} short of it")
        }
        Rule::Between { too_early: true } => {
            format!("{short}, but only {} of the cycle has elapsed", percent(evidence.elapsed()))
        }
        _ => {
            let least = product(thresholds.on_track_ratio, expected);
            format!("{short}; from {} on it is on track", apart(score, least).1)
        }
    }
}

/// What fell silent, since when, and how long it may.
fn silent(evidence: &Evidence<'_>, silence: &Silence) -> String {
    let zone = &evidence.cycle.zone;
    match silence {
        Silence::Topic { topic, last: Some(last), lasted, allowed } => {
            let (last, lasted) = (zone.format(*last), coarse(*lasted));
            format!(
                "topic {topic} is silent: its last record is of {last}, {lasted} ago, and {allowed} are allowed (silent_after)"
            )
        }
        Silence::Topic { topic, last: None, lasted, allowed } => {
            let lasted = coarse(*lasted);
            format!(
                "topic {topic} never had a record, {lasted} into the cycle, and {allowed} of silence are allowed (silent_after)"
            )
        }
        Silence::Behind { lasted, allowed } => {
            let known = evidence.cut.as_of.map_or_else(String::new, |as_of| zone.format(as_of));
            let lasted = coarse(*lasted);
            format!("everything is known only up to {known}, {lasted} ago, and {allowed} are allowed (silent_after)")
        }
        Silence::CheckIn { last, lasted, allowed } => {
            let (last, lasted) = (zone.format(*last), coarse(*lasted));
            format!("the last check-in is of {last}, {lasted} ago, and {allowed} are allowed (stale_after)")
        }
    }
}

/// Why there is no value.
fn emptiness(book: &Book, facts: &Facts, evidence: &Evidence<'_>) -> String {
    let key_result = evidence.key_result;
    if let Some(budget) = evidence.passed {
        return past(budget, &facts.budgets);
    }
    let Source::Metric { metric, stat } = key_result.source else {
        return match key_result.source {
            Source::Manual => "nobody has checked in a value".to_owned(),
            _ => "there are no milestones".to_owned(),
        };
    };
    let metric = &book.metrics[usize::from(metric.0)];
    let Some(window) = evidence.window else {
        return unread(book, facts, metric);
    };
    if window.is_empty() {
        let horizon = match stat {
            Stat::Within(span) => Some(span),
            _ => None,
        };
        return match horizon {
            Some(span) => format!("no start of the window is {span} old yet, so none is judged"),
            None => "no bucket of the window has ended yet".to_owned(),
        };
    }
    let cut = match &key_result.during[..] {
        [] => String::new(),
        calendars => format!(" during {}", calendar_names(book, calendars)),
    };
    let span =
        format!("from {} to {}{cut}", evidence.cycle.zone.format(window.from), evidence.cycle.zone.format(window.to));
    if let Stat::MostIn(interval) | Stat::LeastIn(interval) = stat
        && !matches!(evidence.coverage, WindowCoverage::Nothing(_))
    {
        return format!("no whole {interval} has ended {span}");
    }
    match evidence.coverage {
        WindowCoverage::Nothing(Some(from)) => {
            format!("the events begin only at {}, after the window {span}", evidence.cycle.zone.format(from))
        }
        WindowCoverage::Nothing(None) => format!("the events of the window {span} were not read"),
        WindowCoverage::Whole | WindowCoverage::From(_) => match &metric.kind {
            MetricKind::Ratio { total, .. } => {
                let total = &book.metrics[usize::from(total.0)].name;
                format!("{total} is 0 {span}, so {} has no value", metric.name)
            }
            MetricKind::Derived { text, .. } => {
                format!("`{text}` has no value {span}: an input is missing or a divisor is 0")
            }
            MetricKind::Count(_) | MetricKind::Sum(..) if key_result.per.is_some() || !cut.is_empty() => {
                format!("there is no time {span}")
            }
            _ => format!("{} has no events {span}", metric.name),
        },
    }
}

/// `weekend or peak`.
pub(crate) fn calendar_names(book: &Book, calendars: &[CalendarIndex]) -> String {
    let names = calendars.iter().filter_map(|index| book.calendars.get(usize::from(index.0)));
    names.map(|calendar| calendar.name.as_str()).collect::<Vec<_>>().join(" or ")
}

/// Which budget was passed, and what to do about it.
pub(super) fn past(budget: Budget, budgets: &Budgets) -> String {
    let (noun, limit, setting) = (budget.noun(), budget.limit(budgets), budget.as_str());
    format!(
        "there are more than {limit} {noun}, which is all that may be held; raise `{setting}` in [state] and restart"
    )
}

/// Which topics hold as_of back altogether.
fn unread(book: &Book, facts: &Facts, metric: &Metric) -> String {
    let mut events = Vec::new();
    metric_events(book, metric, &mut events);
    let unread = events.iter().filter(|event| facts.event(**event).watermark.is_none());
    let mut topics: Vec<&str> =
        unread.map(|event| book.topics[usize::from(book.events[usize::from(event.0)].topic.0)].name.as_str()).collect();
    topics.sort_unstable();
    topics.dedup();
    match topics[..] {
        [] => "nothing was read yet".to_owned(),
        [topic] => format!("nothing is known yet: topic {topic} has a partition that was not read"),
        _ => format!("nothing is known yet: topics {} have partitions that were not read", topics.join(", ")),
    }
}

/// A number with that many decimals, half-even.
pub(crate) fn places(number: Fixed, places: u32) -> String {
    let unit = 10_i128.pow(9 - places.min(9));
    let (floor, rest) = (number.0.div_euclid(unit), number.0.rem_euclid(unit));
    let up = rest * 2 > unit || rest * 2 == unit && floor % 2 != 0;
    let rounded = floor + i128::from(up);
    let (sign, magnitude) = (if rounded < 0 { "-" } else { "" }, rounded.unsigned_abs());
    let one = 10_u128.pow(places.min(9));
    match places {
        0 => format!("{sign}{magnitude}"),
        _ => format!("{sign}{}.{:0width$}", magnitude / one, magnitude % one, width = places as usize),
    }
}

/// Two numbers with as many decimals, at least two, as it takes to tell them apart.
fn apart(a: Fixed, b: Fixed) -> (String, String) {
    let told = (2..=9).find(|decimals| a == b || places(a, *decimals) != places(b, *decimals)).unwrap_or(9);
    (places(a, told), places(b, told))
}

/// A share in per cent, with as many decimals as it has, at most one.
fn percent(share: Fixed) -> String {
    let text = places(Fixed(share.0.saturating_mul(100)), 1);
    format!("{} %", text.strip_suffix(".0").unwrap_or(&text))
}

/// A span in whole minutes, past a day in whole hours.
fn coarse(span: Span) -> Span {
    let unit = if span >= Span::DAY { Span::HOUR } else { Span::MINUTE };
    Span(span.0 / unit.0 * unit.0)
}

fn plural(n: i64, noun: &str) -> String {
    if n == 1 { noun.to_owned() } else { format!("{noun}s") }
}
