//! Reasons: the status rule that held, with its numbers, as data. [`super::sentence`] says them in English, the page in other languages.

use super::cut::Silence;
use super::reads::metric_events;
use super::result::{BaselineFault, BaselineStage};
use super::status::{Evidence, Rule, WindowCoverage, product};
use crate::aggregate::budget::{Budget, Budgets};
use crate::aggregate::facts::Facts;
use crate::book::{Book, CalendarIndex, KeyResult, Metric, MetricIndex, MetricKind, Source, Stat};
use crate::fixed::Fixed;
use crate::time::{Interval, Span, Timestamp};

/// Why a status is what it is. `Display` is one English sentence without a full stop.
///
/// Instants are RFC 3339 in the cycle's zone. Scores have two decimals, and more where it takes more to tell two of them apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reason {
    /// The rule that held first.
    pub ground: Ground,
    /// What else is to be known of the score.
    pub remarks: Vec<Remark>,
}

/// A status rule with its numbers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each field is a part of the sentence that its variant's line shows")]
pub enum Ground {
    /// Closed: the score reached success, or did not.
    Closed { score: String, success: String, reached: bool },
    /// Closed without a score.
    ClosedEmpty(Absence),
    /// The cycle begins on that day.
    NotBegun { cycle: String, date: String },
    /// No value: a budget of memory is passed.
    PastBudget(PassedBudget),
    /// Neither value nor attainment.
    Empty(Absence),
    /// Something fell silent, for so long, and for longer than is allowed.
    Silent { source: SilentSource, lasted: Span, allowed: Span },
    /// Rows that could not be checked for copies.
    Unchecked { rows: u64, ids_max: usize },
    /// Fewer rows than `min_events`.
    TooFew { n: i64, least: u64 },
    /// The events reach back only to `from`, which is later than `window`, where the window begins.
    CoveredLate { from: String, window: String },
    /// Those of a level, whose keys may have been told of before.
    ChangedBefore { from: String },
    /// The events of the window were not read.
    NotRead,
    /// The baseline is still being measured.
    BaselineMeasuring { from: String, to: String },
    /// It has no value.
    BaselineEmpty { from: String, to: String },
    /// It has fewer rows than `min_events`.
    BaselineTooFew { n: i64, least: u64, from: String, to: String },
    /// The events begin only inside its range, or after it.
    BaselineCoveredLate { covered: String, from: String, to: String },
    /// A share of a measured baseline of 0 is no target.
    NoTarget,
    /// No day to judge yet.
    NoDayYet,
    /// The score meets success, or is past it.
    Reached { score: String, success: String, exactly: bool },
    /// It is what was expected by now.
    AsExpected { score: String, expected: String },
    /// It is past that.
    PastExpected { score: String, expected: String },
    /// It is at least that share of it.
    NearByShare { score: String, expected: String, share: String },
    /// It is short of it, within the gap that is allowed.
    NearByGap { short: Shortfall, allowed: String },
    /// It is well below, but the cycle has only begun.
    TooEarly { short: Shortfall, elapsed: String },
    /// It is between; from `least` on it is on track.
    Between { short: Shortfall, least: String },
    /// It is below that share of it.
    WellBelow { short: Shortfall, share: String },
}

/// What fell silent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each field is a part of the sentence that its variant's line shows")]
pub enum SilentSource {
    /// A topic, whose last record is of then.
    Topic { topic: String, last: String },
    /// A topic that never had a record.
    NewTopic { topic: String },
    /// All: everything is known only up to there.
    Watermark { known: String },
    /// The check-ins, of which the last is of then.
    CheckIns { last: String },
}

/// Why there is no value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each field is a part of the sentence that its variant's line shows")]
pub enum Absence {
    /// A budget of memory is passed.
    PastBudget(PassedBudget),
    /// A manual one without a check-in.
    NoCheckIn,
    /// No milestones.
    NoMilestones,
    /// Topics with a partition that was not read yet; none where nothing was.
    Unread { topics: Vec<String> },
    /// No start of the window is that old.
    TooYoung { horizon: Span },
    /// No bucket of the window has ended.
    NoBucketYet,
    /// No hour, day or week has ended.
    NoInterval { interval: Interval, stretch: Stretch },
    /// The events begin only after the window.
    BeginsLater { at: String, stretch: Stretch },
    /// The window was not read.
    NotRead { stretch: Stretch },
    /// The whole of a ratio is 0.
    NoTotal { total: String, metric: String, stretch: Stretch },
    /// An input of a formula is missing, or a divisor is 0.
    NoFormula { formula: String, stretch: Stretch },
    /// The calendars leave no time.
    NoTime { stretch: Stretch },
    /// No events.
    NoEvents { metric: String, stretch: Stretch },
}

/// A window's time, and the calendars of which any must hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Stretch {
    /// Its start.
    pub from: String,
    /// Its end.
    pub to: String,
    /// The calendars' names.
    pub during: Vec<String>,
}

/// A score, what it lacks, and what was expected.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Shortfall {
    /// The score.
    pub score: String,
    /// How much it is short.
    pub gap: String,
    /// What was expected by now.
    pub expected: String,
}

/// A budget of memory that is passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PassedBudget {
    /// Which.
    pub budget: Budget,
    /// How many there may be.
    pub limit: usize,
}

/// What is to be known of a score beside its rule.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each field is a part of the sentence that its variant's line shows")]
pub enum Remark {
    /// A ratio outside 0..1 is as exact as any, but not what people mean by one.
    BeyondWhole { part: String, total: String },
    /// The score rests on a baseline which may still change.
    ProvisionalBaseline { until: String },
    /// A dimension's members are past their budget.
    MembersHidden { dimension: String, passed: PassedBudget },
}

/// The reason of `rule`.
pub(super) fn reason(book: &Book, facts: &Facts, evidence: &Evidence<'_>, rule: Rule) -> Reason {
    let remarks = [beyond_whole(book, evidence), provisional(evidence, rule)];
    Reason { ground: ground(book, facts, evidence, rule), remarks: remarks.into_iter().flatten().collect() }
}

fn provisional(evidence: &Evidence<'_>, rule: Rule) -> Option<Remark> {
    let measured = evidence.measured.filter(|_| rule.status().is_judged())?;
    let until = evidence.cycle.zone.format(measured.settles_at);
    (measured.stage == BaselineStage::Provisional).then_some(Remark::ProvisionalBaseline { until })
}

fn beyond_whole(book: &Book, evidence: &Evidence<'_>) -> Option<Remark> {
    let Source::Metric { metric, .. } = evidence.key_result.source else { return None };
    let MetricKind::Ratio { part, total, .. } = book.metrics[usize::from(metric.0)].kind else { return None };
    let inside = (Fixed::ZERO..=Fixed::ONE).contains(&evidence.value?);
    let name = |metric: MetricIndex| book.metrics[usize::from(metric.0)].name.clone();
    (!inside).then(|| Remark::BeyondWhole { part: name(part), total: name(total) })
}

fn ground(book: &Book, facts: &Facts, evidence: &Evidence<'_>, rule: Rule) -> Ground {
    let cycle = evidence.cycle;
    match rule {
        Rule::Closed { reached } => {
            let (score, success) = apart(evidence.score.unwrap_or_default(), evidence.success);
            Ground::Closed { score, success, reached }
        }
        Rule::ClosedEmpty => Ground::ClosedEmpty(absence(book, facts, evidence)),
        Rule::NotBegun => Ground::NotBegun { cycle: cycle.id.clone(), date: cycle.start_date.to_string() },
        Rule::PastBudget(budget) => Ground::PastBudget(PassedBudget::of(budget, &facts.budgets)),
        Rule::Silent => match evidence.silence {
            Some(silence) => silent(evidence, silence),
            None => Ground::Empty(absence(book, facts, evidence)),
        },
        Rule::Empty => Ground::Empty(absence(book, facts, evidence)),
        Rule::Unchecked { rows } => Ground::Unchecked { rows, ids_max: facts.budgets.dedup_ids_max },
        Rule::TooFew { n, least } => Ground::TooFew { n, least },
        Rule::CoveredLate => covered_late(evidence),
        Rule::NoBaseline(fault) => no_baseline(evidence, fault),
        Rule::NoTarget => Ground::NoTarget,
        Rule::NoDayYet => Ground::NoDayYet,
        Rule::Reached => {
            let (score, success) = apart(evidence.score.unwrap_or_default(), evidence.success);
            Ground::Reached { score, success, exactly: evidence.score == Some(evidence.success) }
        }
        Rule::NearByShare | Rule::NearByGap | Rule::Between { .. } | Rule::WellBelow => running(evidence, rule),
    }
}

fn covered_late(evidence: &Evidence<'_>) -> Ground {
    let (WindowCoverage::From(from) | WindowCoverage::Nothing(Some(from))) = evidence.coverage else {
        return Ground::NotRead;
    };
    let at = |at: Timestamp| evidence.cycle.zone.format(at);
    let window = evidence.window.map(|window| window.from);
    if window.is_some_and(|window| from <= window) {
        return Ground::ChangedBefore { from: at(from) };
    }
    Ground::CoveredLate { from: at(from), window: window.map_or_else(String::new, at) }
}

/// Why nothing can be held against the measured baseline.
fn no_baseline(evidence: &Evidence<'_>, fault: BaselineFault) -> Ground {
    let at = |at: Timestamp| evidence.cycle.zone.format(at);
    let (from, to) = evidence.measured.map_or_else(Default::default, |measured| (at(measured.from), at(measured.to)));
    match fault {
        BaselineFault::Measuring => Ground::BaselineMeasuring { from, to },
        BaselineFault::NoValue => Ground::BaselineEmpty { from, to },
        BaselineFault::TooFew { n, least } => Ground::BaselineTooFew { n, least, from, to },
        BaselineFault::CoveredLate { from: covered } => Ground::BaselineCoveredLate { covered: at(covered), from, to },
    }
}

/// A score against what was expected by now.
fn running(evidence: &Evidence<'_>, rule: Rule) -> Ground {
    let thresholds = &evidence.key_result.thresholds;
    let (score, expected) = (evidence.score.unwrap_or_default(), evidence.expected.unwrap_or_default());
    let (score_text, expected_text) = apart(score, expected);
    let short = || Shortfall::of(score, expected, None).0;
    match rule {
        Rule::NearByShare if score > expected => Ground::PastExpected { score: score_text, expected: expected_text },
        Rule::NearByShare if score == expected => Ground::AsExpected { score: score_text, expected: expected_text },
        Rule::NearByShare => {
            let share = percent(thresholds.on_track_ratio);
            Ground::NearByShare { score: score_text, expected: expected_text, share }
        }
        Rule::NearByGap => Ground::NearByGap { short: short(), allowed: places(thresholds.on_track_gap, 2) },
        Rule::WellBelow => Ground::WellBelow { short: short(), share: percent(thresholds.off_track_ratio) },
        Rule::Between { too_early: true } => Ground::TooEarly { short: short(), elapsed: percent(evidence.elapsed()) },
        _ => {
            let least = product(thresholds.on_track_ratio, expected);
            let (short, decimals) = Shortfall::of(score, expected, Some(least));
            Ground::Between { short, least: places(least, decimals) }
        }
    }
}

/// What fell silent, since when, and how long it may.
fn silent(evidence: &Evidence<'_>, silence: &Silence) -> Ground {
    let at = |at: Timestamp| evidence.cycle.zone.format(at);
    let (source, lasted, allowed) = match silence {
        Silence::Topic { topic, last, lasted, allowed } => {
            let topic = topic.clone();
            let source = match last {
                Some(last) => SilentSource::Topic { topic, last: at(*last) },
                None => SilentSource::NewTopic { topic },
            };
            (source, lasted, allowed)
        }
        Silence::Behind { lasted, allowed } => {
            let known = evidence.cut.as_of.map_or_else(String::new, at);
            (SilentSource::Watermark { known }, lasted, allowed)
        }
        Silence::CheckIn { last, lasted, allowed } => (SilentSource::CheckIns { last: at(*last) }, lasted, allowed),
    };
    Ground::Silent { source, lasted: coarse(*lasted), allowed: *allowed }
}

/// Why there is no value.
fn absence(book: &Book, facts: &Facts, evidence: &Evidence<'_>) -> Absence {
    let key_result = evidence.key_result;
    if let Some(budget) = evidence.passed {
        return Absence::PastBudget(PassedBudget::of(budget, &facts.budgets));
    }
    let (metric, stat) = match key_result.source {
        Source::Metric { metric, stat } => (&book.metrics[usize::from(metric.0)], stat),
        Source::Manual => return Absence::NoCheckIn,
        Source::Milestones(_) => return Absence::NoMilestones,
    };
    let Some(window) = evidence.window else {
        return Absence::Unread { topics: unread(book, facts, metric) };
    };
    if window.is_empty() {
        return match stat {
            Stat::Within(horizon) => Absence::TooYoung { horizon },
            _ => Absence::NoBucketYet,
        };
    }
    let at = |at: Timestamp| evidence.cycle.zone.format(at);
    let during = calendar_names(book, &key_result.during);
    let stretch = Stretch { from: at(window.from), to: at(window.to), during };
    match (stat, evidence.coverage) {
        (Stat::MostIn(interval) | Stat::LeastIn(interval), WindowCoverage::Whole | WindowCoverage::From(_)) => {
            Absence::NoInterval { interval, stretch }
        }
        (_, WindowCoverage::Nothing(Some(from))) => Absence::BeginsLater { at: at(from), stretch },
        (_, WindowCoverage::Nothing(None)) => Absence::NotRead { stretch },
        (_, WindowCoverage::Whole | WindowCoverage::From(_)) => unmeasured(book, key_result, metric, stretch),
    }
}

/// Why a window that is covered has no value.
fn unmeasured(book: &Book, key_result: &KeyResult, metric: &Metric, stretch: Stretch) -> Absence {
    let name = metric.name.clone();
    match &metric.kind {
        MetricKind::Ratio { total, .. } => {
            Absence::NoTotal { total: book.metrics[usize::from(total.0)].name.clone(), metric: name, stretch }
        }
        MetricKind::Derived { text, .. } => Absence::NoFormula { formula: text.to_string(), stretch },
        MetricKind::Count(_) | MetricKind::Sum(..) if key_result.per.is_some() || !stretch.during.is_empty() => {
            Absence::NoTime { stretch }
        }
        _ => Absence::NoEvents { metric: name, stretch },
    }
}

/// The names of calendars, in the key result's order.
pub(crate) fn calendar_names(book: &Book, calendars: &[CalendarIndex]) -> Vec<String> {
    let found = calendars.iter().filter_map(|index| book.calendars.get(usize::from(index.0)));
    found.map(|calendar| calendar.name.clone()).collect()
}

impl Shortfall {
    /// With as many decimals, at least two, as it takes for the three to add up as they are shown, and for the score to differ from `least`
    /// where that is named beside it; and those decimals.
    fn of(score: Fixed, expected: Fixed, least: Option<Fixed>) -> (Shortfall, u32) {
        let gap = Fixed(expected.0 - score.0);
        let tells = |decimals: &u32| {
            let shown = |number: Fixed| number.units_to(*decimals);
            let adds_up = shown(gap) != 0 && shown(score) + shown(gap) == shown(expected);
            adds_up && least.is_none_or(|least| shown(least) != shown(score))
        };
        let told = (2..=9).find(tells).unwrap_or(9);
        (Shortfall { score: places(score, told), gap: places(gap, told), expected: places(expected, told) }, told)
    }
}

impl PassedBudget {
    pub(super) fn of(budget: Budget, budgets: &Budgets) -> PassedBudget {
        PassedBudget { budget, limit: budget.limit(budgets) }
    }
}

/// Which topics hold as_of back altogether.
fn unread(book: &Book, facts: &Facts, metric: &Metric) -> Vec<String> {
    let mut events = Vec::new();
    metric_events(book, metric, &mut events);
    let unread = events.iter().filter(|event| facts.event(**event).watermark.is_none());
    let mut topics: Vec<String> =
        unread.map(|event| book.topics[usize::from(book.events[usize::from(event.0)].topic.0)].name.clone()).collect();
    topics.sort_unstable();
    topics.dedup();
    topics
}

/// A number with that many decimals, half-even.
pub(crate) fn places(number: Fixed, places: u32) -> String {
    let rounded = number.units_to(places);
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
    let text = places(share.percent(), 1);
    format!("{} %", text.strip_suffix(".0").unwrap_or(&text))
}

/// A span in whole minutes, past a day in whole hours.
fn coarse(span: Span) -> Span {
    let unit = if span >= Span::DAY { Span::HOUR } else { Span::MINUTE };
    Span(span.0 / unit.0 * unit.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_its_gap_and_what_was_expected_add_up_as_they_are_shown() {
        for (score, expected, least, shown) in [
            ("0.4", "0.5", None, "0.40 + 0.10 = 0.50"),
            ("0.404", "0.457", None, "0.404 + 0.053 = 0.457"),
            ("0.402", "0.457", None, "0.40 + 0.06 = 0.46"),
            ("0.456168831", "0.456693523", None, "0.456 + 0.001 = 0.457"),
            ("0.4454", "0.5", None, "0.45 + 0.05 = 0.50"),
            ("0.4454", "0.5", Some("0.45"), "0.445 + 0.055 = 0.500"),
            ("-0.5", "0.25", None, "-0.50 + 0.75 = 0.25"),
        ] {
            let fixed = |text| Fixed::parse(text).expect("a number");
            let (short, _) = Shortfall::of(fixed(score), fixed(expected), least.map(fixed));
            assert_eq!(format!("{} + {} = {}", short.score, short.gap, short.expected), shown);
        }
    }
}
