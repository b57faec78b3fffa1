//! Key results: where the value comes from, over which window, and who answers for it.

use super::objectives::Known;
use super::{during, find, goals, labels, plans, span, text, thresholds, titles, weight};
use crate::book::amounts;
use crate::book::fault::Report;
use crate::book::keys::KEY_RESULT;
use crate::book::model::{Cycle, KeyResult, Kind, Metric, MetricIndex, MetricKind, Source, Stat, Unit, Window};
use crate::book::shape::{self, misspelt};
use crate::book::yaml::Node;
use crate::book::{Goal, MemberGoal, PacePoint, Revision};
use crate::time::{Period, Span, Timestamp};

const SILENT_AFTER_DEFAULT: Span = Span(3 * Span::DAY.0);
const STALE_AFTER_DEFAULT: Span = Span(14 * Span::DAY.0);
const TRAILING_DEFAULT: Span = Span(7 * Span::DAY.0);
/// Longest trailing window: the floor, and so what must be kept, lies that far back.
const TRAILING_MAX: Span = Span(3_660 * Span::DAY.0);

/// What a key result's keys say it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Improve,
    Maintain,
    Milestone,
    Manual,
    Kpi,
}

impl Type {
    fn name(self) -> &'static str {
        match self {
            Type::Improve => "improve",
            Type::Maintain => "maintain",
            Type::Milestone => "milestone",
            Type::Manual => "manual",
            Type::Kpi => "kpi",
        }
    }

    /// The keys that mean nothing for it.
    fn foreign(self) -> &'static [&'static str] {
        match self {
            Type::Improve => &["at_least", "at_most", "between", "days", "judge", "milestones", "stale_after", "unit"],
            Type::Maintain => &[
                "baseline",
                "target",
                "stretch",
                "change",
                "baselines",
                "pace",
                "revisions",
                "milestones",
                "stale_after",
                "unit",
            ],
            Type::Kpi => &[],
            Type::Milestone => &[
                "metric",
                "stat",
                "unit",
                "baseline",
                "target",
                "stretch",
                "change",
                "at_least",
                "at_most",
                "between",
                "days",
                "judge",
                "direction",
                "window",
                "during",
                "by",
                "only",
                "targets",
                "baselines",
                "per",
                "min_events",
                "partial",
                "silent_after",
                "stale_after",
                "pace",
                "revisions",
            ],
            Type::Manual => &[
                "metric",
                "stat",
                "change",
                "milestones",
                "window",
                "during",
                "by",
                "only",
                "targets",
                "baselines",
                "per",
                "min_events",
                "partial",
                "silent_after",
            ],
        }
    }
}

pub(super) struct KeyResultReader<'a, 'k, 'n> {
    pub known: &'a Known<'k, 'n>,
    /// `None` where the cycle is faulty.
    pub cycle: Option<&'a Cycle>,
    pub node: &'a Node,
    /// Read as one of the book's `kpis`.
    pub is_kpi: bool,
    pub report: &'a mut Report,
}

/// The metric that a key result reads, as far as it is known.
pub(super) struct Read<'a> {
    pub index: MetricIndex,
    pub name: &'a str,
    pub metric: Option<&'a Metric>,
}

impl<'a> KeyResultReader<'a, '_, '_> {
    /// The key result, or `None` after a fault.
    pub(super) fn read(mut self, objective_owner: Option<&str>) -> Option<KeyResult> {
        let node = self.node;
        let (title, titles) = titles(node, self.report);
        let weight = weight(node, self.report);
        let thresholds = thresholds(node.get("thresholds").map(|node| &**node), self.known.thresholds, self.report);
        let due = self.day("due").map(|(_, end)| end);
        let kind = if self.is_kpi { Type::Kpi } else { self.kind()? };
        self.foreign_keys(kind);
        let mut per = None;
        let (source, unit, read) = match kind {
            Type::Milestone => (self.milestones(due).map(Source::Milestones), Some(Unit::Ratio), None),
            Type::Manual => (Some(Source::Manual), Some(goals::manual_unit(node, self.report)), None),
            Type::Improve | Type::Maintain | Type::Kpi => {
                let read = self.metric()?;
                let stat = self.stat(&read);
                per = self.per(read.metric, stat);
                let unit = self.unit(&read, stat).map(|unit| during::unit_per(unit, per));
                (stat.map(|stat| Source::Metric { metric: read.index, stat }), unit, Some(read))
            }
        };
        let stat = match &source {
            Some(Source::Metric { stat, .. }) => Some(*stat),
            _ => None,
        };
        let measure = unit.as_ref().map(|unit| self.measured_in(unit, kind, stat, read.as_ref()));
        let goal = measure.as_ref().and_then(|measure| goals::read(node, kind, measure, self.report));
        let window = self.window(read.as_ref());
        self.intervals_fit(window, stat);
        let during = self.during();
        self.rate_of_hours(per, &during);
        let by = self.by(read.as_ref());
        let only = self.only(read.as_ref());
        let beside = measure.map(|measure| self.beside(kind, goal.as_ref(), &measure, read.as_ref(), due));
        let (members, pace, revisions) = beside.unwrap_or_default();
        let min_events = self.min_events(read.as_ref());
        let silent_after = self.silent_after(kind);
        Some(KeyResult {
            id: text(node, "id")?,
            title,
            titles,
            owner: text(node, "owner").or_else(|| objective_owner.map(str::to_owned)),
            unit: unit?,
            weight,
            kind: if text(node, "kind").as_deref() == Some("aspirational") {
                Kind::Aspirational
            } else {
                Kind::Committed
            },
            source: source?,
            goal: goal?,
            members,
            pace,
            revisions,
            plan: plans::steps(node, self.cycle, self.report),
            window: window?,
            during,
            per,
            by,
            only,
            min_events,
            partial_accepted: node.get("partial").is_some(),
            silent_after,
            due,
            thresholds,
            labels: labels(node),
            notes: text(node, "notes"),
        })
    }

    /// What the amounts of a key result measure.
    fn measured_in<'u>(
        &self,
        unit: &'u Unit,
        kind: Type,
        stat: Option<Stat>,
        read: Option<&Read<'_>>,
    ) -> goals::Measure<'u>
    where
        'a: 'u,
    {
        goals::Measure {
            unit,
            bounded: read.is_some_and(|read| is_share(read.metric, stat)),
            sum_of_rows: read.and_then(|read| sum_of_rows(&read.metric?.kind, stat)),
            is_manual: kind == Type::Manual,
            cycle: self.cycle,
        }
    }

    fn silent_after(&self, kind: Type) -> Option<Span> {
        match kind {
            Type::Milestone => None,
            Type::Manual => self.silence("stale_after", STALE_AFTER_DEFAULT),
            Type::Improve | Type::Maintain | Type::Kpi => self.silence("silent_after", SILENT_AFTER_DEFAULT),
        }
    }

    /// What members are held against, and the way between baseline and target.
    fn beside(
        &mut self,
        kind: Type,
        goal: Option<&Goal>,
        measure: &goals::Measure<'_>,
        read: Option<&Read<'_>>,
        due: Option<Timestamp>,
    ) -> (Vec<MemberGoal>, Vec<PacePoint>, Vec<Revision>) {
        let members = match kind {
            Type::Improve | Type::Maintain => self.member_goals(goal, kind, measure, read),
            Type::Milestone | Type::Manual | Type::Kpi => Vec::new(),
        };
        match kind {
            Type::Improve | Type::Manual => (members, self.pace(measure, due), self.revisions(goal, measure)),
            Type::Maintain | Type::Milestone | Type::Kpi => (members, Vec::new(), Vec::new()),
        }
    }

    /// The type that is written, or that the other keys imply.
    fn kind(&mut self) -> Option<Type> {
        let has = |key: &str| self.node.get(key).is_some();
        let band = has("at_least") || has("at_most") || has("between");
        match self.node.get("type").map(|kind| kind.text().unwrap_or_default()) {
            Some("improve") => Some(Type::Improve),
            Some("maintain") => Some(Type::Maintain),
            Some("milestone") => Some(Type::Milestone),
            Some("manual") => Some(Type::Manual),
            Some(_) => None,
            None if has("milestones") && !has("metric") => Some(Type::Milestone),
            None if misspelt(self.node, &KEY_RESULT, "metric") || misspelt(self.node, &KEY_RESULT, "type") => None,
            None if !has("metric") => {
                let mend = "name a `metric`, or write `type: manual` or `type: milestone`";
                self.report.mend(self.node.place, format!("{} has no metric", self.who()), mend);
                None
            }
            None if band && !has("target") => Some(Type::Maintain),
            None if has("target") || has("baseline") || has("change") => Some(Type::Improve),
            None => {
                let mend = "write `baseline` and `target`, or a band: `at_least`, `at_most` or `between`";
                self.report.mend(self.node.place, format!("{} has no target", self.who()), mend);
                None
            }
        }
    }

    pub(super) fn who(&self) -> String {
        let what = if self.is_kpi { "the kpi" } else { "the key result" };
        text(self.node, "id").map_or_else(|| what.to_owned(), |id| format!("{what} `{id}`"))
    }

    fn foreign_keys(&mut self, kind: Type) {
        for key in kind.foreign().iter().filter(|key| self.node.get(key).is_some()) {
            let mend = match (kind, *key) {
                (Type::Improve, "at_least" | "at_most" | "between") => "keep either `target` or the band",
                (Type::Improve | Type::Maintain, "stale_after") => "write `silent_after`",
                (Type::Improve | Type::Maintain, "unit") => "the unit is the metric's: write it there",
                (Type::Manual, "silent_after") => "write `stale_after`",
                _ => "remove it",
            };
            let message = format!("`{key}` does not go with type {}", kind.name());
            self.report.mend(self.node.key_place(key), message, mend);
        }
    }

    fn metric(&mut self) -> Option<Read<'a>> {
        let known = self.known;
        let Some(node) = self.node.get("metric") else {
            self.report.mend(self.node.place, format!("{} has no metric", self.who()), "name a `metric`");
            return None;
        };
        let names: Vec<&str> = known.metrics.iter().map(|metric| metric.name).collect();
        let at = find(self.report, node, "metric", &names)?;
        let index = MetricIndex(u16::try_from(at).ok()?);
        Some(Read { index, name: known.metrics[at].name, metric: known.metrics[at].metric.as_ref() })
    }

    /// The statistic, checked against what the metric has.
    fn stat(&mut self, read: &Read<'_>) -> Option<Stat> {
        let metric = read.metric?;
        let (article, known) = match &metric.kind {
            MetricKind::Value(..) => ("a value", "mean, min, max or a percentile like p90"),
            MetricKind::Duration(_) => ("a duration", "mean, a percentile like p90, on_time or { within: 24h }"),
            MetricKind::Count(_) => ("a count", ""),
            MetricKind::Sum(..) => ("a sum", ""),
            MetricKind::Distinct(..) => ("a distinct", ""),
            MetricKind::Level { .. } => ("a level", ""),
            MetricKind::Ratio { .. } => ("a ratio", ""),
            MetricKind::Derived { .. } => ("a derived metric", ""),
        };
        let Some(node) = self.node.get("stat") else {
            if known.is_empty() {
                return Some(Stat::Natural);
            }
            if misspelt(self.node, &KEY_RESULT, "stat") {
                return None;
            }
            let message = format!("{} needs `stat`: `{}` is {article}", self.who(), read.name);
            let mend = format!("write `stat: mean`; its statistics are {known}");
            self.report.mend(self.node.place, message, mend);
            return None;
        };
        if let Some(stat) = during::interval_stat(node, metric, self.report) {
            return stat;
        }
        if known.is_empty() {
            let message = format!("`{}` is {article}, which has no statistics", read.name);
            let mend = match &metric.kind {
                MetricKind::Count(_) | MetricKind::Sum(..) => "remove `stat`, or write it like { max: day }",
                _ => "remove `stat`",
            };
            self.report.mend(node.place, message, mend);
            return None;
        }
        let stat = parse_stat(node, self.report)?;
        let fits = match &metric.kind {
            MetricKind::Value(..) => matches!(stat, Stat::Mean | Stat::Percentile(_) | Stat::Min | Stat::Max),
            _ => matches!(stat, Stat::Mean | Stat::Percentile(_) | Stat::Within(_) | Stat::OnTime),
        };
        if !fits {
            let word = node.text().unwrap_or("within");
            let mend = format!("its statistics are {known}");
            self.report.mend(node.place, format!("`{}` is {article}, which has no `{word}`", read.name), mend);
            return None;
        }
        if let (Stat::OnTime, MetricKind::Duration(duration)) = (stat, &metric.kind)
            && duration.deadline.is_none()
        {
            let mend = format!("add `deadline: field` to the metric `{}`", read.name);
            self.report.mend(node.place, format!("on_time needs a deadline, and `{}` has none", read.name), mend);
            return None;
        }
        Some(stat)
    }

    fn unit(&self, read: &Read<'_>, stat: Option<Stat>) -> Option<Unit> {
        match stat {
            Some(Stat::Within(_) | Stat::OnTime) => Some(Unit::Ratio),
            Some(_) => read.metric.map(|metric| metric.unit.clone()),
            None => None,
        }
    }

    fn window(&mut self, read: Option<&Read<'_>>) -> Option<Window> {
        let additive = read
            .and_then(|read| read.metric)
            .is_some_and(|m| matches!(m.kind, MetricKind::Count(_) | MetricKind::Sum(..) | MetricKind::Distinct(..)));
        let Some(node) = self.node.get("window") else {
            let cycle = additive || read.is_none();
            return Some(if cycle { Window::Cycle } else { Window::Trailing(TRAILING_DEFAULT) });
        };
        if node.text().is_some() {
            return (node.text() == Some("cycle")).then_some(Window::Cycle);
        }
        match (node.get("trailing"), node.get("to_date").and_then(|period| period.text())) {
            (Some(trailing), None) => {
                let span = amounts::span(trailing.text()?).ok()?;
                let grain = self.cycle?.grain.0;
                if span.0 % grain.0 != 0 || span > TRAILING_MAX {
                    let message = format!("a trailing window of `{}`", trailing.text().unwrap_or_default());
                    let mend = format!(
                        "write a multiple of {} minutes, up to 3660d: facts are kept in buckets of that width",
                        grain.0 / Span::MINUTE.0
                    );
                    self.report.mend(trailing.place, message, mend);
                    return None;
                }
                Some(Window::Trailing(span))
            }
            (None, Some("day")) => Some(Window::ToDate(Period::Day)),
            (None, Some("week")) => Some(Window::ToDate(Period::Week)),
            (None, Some("month")) => Some(Window::ToDate(Period::Month)),
            (None, Some("quarter")) => Some(Window::ToDate(Period::Quarter)),
            (None, Some(_)) => None,
            _ => {
                let mend = "write `cycle`, { trailing: 7d } or { to_date: month }";
                self.report.mend(node.place, "a window is one of trailing and to_date", mend);
                None
            }
        }
    }

    fn min_events(&mut self, read: Option<&Read<'_>>) -> Option<u64> {
        let metric = read?.metric?;
        let written =
            self.node.get("min_events").and_then(|node| Some((node.place, amounts::count(node.text()?).ok()?)));
        let default = match &metric.kind {
            MetricKind::Count(_) | MetricKind::Sum(..) | MetricKind::Distinct(..) | MetricKind::Level { .. } => 0,
            MetricKind::Value(..) | MetricKind::Duration(_) | MetricKind::Ratio { .. } => 1,
            MetricKind::Derived { .. } => {
                if let Some((place, _)) = written {
                    self.report.mend(place, "a derived metric has no number of events", "remove `min_events`");
                }
                return None;
            }
        };
        Some(written.map_or(default, |(_, count)| count))
    }

    fn silence(&self, key: &str, default: Span) -> Option<Span> {
        match text(self.node, key).as_deref() {
            None => Some(default),
            Some("never") => None,
            Some(_) => span(self.node, key),
        }
    }

    /// Start and end of the local day that `key` names, which lies in the cycle.
    fn day(&mut self, key: &str) -> Option<(Timestamp, Timestamp)> {
        self.day_of(self.node, key, true)
    }

    pub(super) fn day_of(&mut self, node: &Node, key: &str, in_cycle: bool) -> Option<(Timestamp, Timestamp)> {
        let written = node.get(key)?;
        let date = amounts::date(written.text()?).ok()?;
        let cycle = self.cycle?;
        let (start, end) = (cycle.zone.midnight(date)?, cycle.zone.midnight(date.tomorrow().ok()?)?);
        if in_cycle && (start < cycle.start || end > cycle.end) {
            let message = format!("`{key}: {date}` lies outside the cycle `{}`", cycle.id);
            let last = cycle.end_date.yesterday().unwrap_or(cycle.end_date);
            self.report.mend(written.place, message, format!("write a day from {} to {last}", cycle.start_date));
            return None;
        }
        Some((start, end))
    }
}

/// `count` or `sum`, of which a longer window has more; a best day has not.
fn sum_of_rows(kind: &MetricKind, stat: Option<Stat>) -> Option<&'static str> {
    match (kind, stat) {
        (_, Some(Stat::MostIn(_) | Stat::LeastIn(_))) => None,
        (MetricKind::Count(_), _) => Some("count"),
        (MetricKind::Sum(..), _) => Some("sum"),
        _ => None,
    }
}

/// Whether the value is a share of one by its nature: what lies beyond can never be reached.
fn is_share(metric: Option<&Metric>, stat: Option<Stat>) -> bool {
    use crate::book::model::RatioSense;
    match (stat, metric.map(|metric| &metric.kind)) {
        (Some(Stat::Within(_) | Stat::OnTime), _) => true,
        (_, Some(MetricKind::Ratio { sense, .. })) => *sense != RatioSense::Part,
        _ => false,
    }
}

fn parse_stat(node: &Node, report: &mut Report) -> Option<Stat> {
    let Some(word) = node.text() else {
        let Some(within) = node.get("within") else {
            report.mend(node.place, "a stat without a statistic", "write { within: 24h }, or a word like mean");
            return None;
        };
        return amounts::span(within.text()?).ok().map(Stat::Within);
    };
    match word {
        "mean" => Some(Stat::Mean),
        "min" => Some(Stat::Min),
        "max" => Some(Stat::Max),
        "on_time" => Some(Stat::OnTime),
        rank => shape::percentile(rank).ok().map(Stat::Percentile),
    }
}
