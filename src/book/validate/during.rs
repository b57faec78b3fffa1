//! What cuts and divides a key result's window: `during`, `per`, and a `stat` of hours, days or weeks.

use super::find;
use super::key_results::KeyResultReader;
use crate::book::fault::Report;
use crate::book::model::{CalendarIndex, Metric, MetricKind, Stat, Unit, Window};
use crate::book::yaml::Node;
use crate::time::{Interval, Period, Span};

impl KeyResultReader<'_, '_, '_> {
    /// The calendars of `during`, each once.
    pub(super) fn during(&mut self) -> Vec<CalendarIndex> {
        let Some(node) = self.node.get("during") else {
            return Vec::new();
        };
        let names: Vec<&str> = self.known.calendars.names.iter().map(String::as_str).collect();
        let elements: Vec<&Node> = match node.text() {
            Some(_) => vec![&**node],
            None => node.elements().iter().map(|element| &**element).collect(),
        };
        if elements.is_empty() && node.entries().is_empty() {
            self.report.mend(node.place, "`during` without a calendar", "name one, or remove `during`");
        }
        let mut during = Vec::new();
        for element in elements {
            let Some(at) = find(self.report, element, "calendar", &names).and_then(|at| u16::try_from(at).ok()) else {
                continue;
            };
            if during.contains(&CalendarIndex(at)) {
                self.report.mend(element.place, "a calendar is there twice", "keep one of them");
            } else {
                during.push(CalendarIndex(at));
            }
        }
        during
    }

    /// By what a count or a sum is divided.
    pub(super) fn per(&mut self, metric: Option<&Metric>, stat: Option<Stat>) -> Option<Interval> {
        let node = self.node.get("per")?;
        let per = Interval::of(node.text()?)?;
        if let Some(metric) = metric
            && !is_additive(metric)
        {
            let message = format!("`per: {per}` of {}, which is no count or sum", article(metric));
            let mend = "remove `per`: only what adds up over time is divided by it";
            self.report.mend(self.node.key_place("per"), message, mend);
            return None;
        }
        if let Some(Stat::MostIn(interval) | Stat::LeastIn(interval)) = stat {
            let mend = format!("keep one of them: a {interval}'s amount is not divided again");
            self.report.mend(self.node.key_place("per"), "`per` beside a `stat` of one interval", mend);
            return None;
        }
        Some(per)
    }

    /// Advises where a day of a rate is not what it looks like: of office hours it takes two days to make one.
    pub(super) fn rate_of_hours(&mut self, per: Option<Interval>, during: &[CalendarIndex]) {
        let (Some(per @ (Interval::Day | Interval::Week)), Some(node)) = (per, self.node.get("per")) else {
            return;
        };
        let calendars = during.iter().filter_map(|at| self.known.calendars.calendars.get(usize::from(at.0)));
        if let Some(calendar) = calendars.into_iter().find(|calendar| !calendar.hours.is_empty()) {
            let hours = per.span().0 / Span::HOUR.0;
            let message = format!("`per: {per}` during `{}`: {hours} hours of it are a {per}", calendar.name);
            self.report.advise(node.place, message, "write `per: hour`, and the amounts for an hour");
        }
    }

    /// Refuses a window that cannot hold the intervals of the `stat` as a whole.
    pub(super) fn intervals_fit(&mut self, window: Option<Window>, stat: Option<Stat>) {
        let (Some(window), Some(Stat::MostIn(interval) | Stat::LeastIn(interval))) = (window, stat) else {
            return;
        };
        let fits = match window {
            Window::Cycle => true,
            // One that ends anywhere holds a whole interval only if it is twice as long.
            Window::Trailing(span) => span.0 >= 2 * interval.span().0,
            Window::ToDate(Period::Day) => interval < Interval::Day,
            Window::ToDate(Period::Week) => interval < Interval::Week,
            Window::ToDate(Period::Month | Period::Quarter) => true,
        };
        if !fits {
            let place = self.node.get("window").map_or(self.node.place, |node| node.place);
            let least = Span(2 * interval.span().0);
            let mend =
                format!("write a longer one, like {{ trailing: {least} }} or `cycle`: only whole ones are judged");
            self.report.mend(place, format!("a window that holds no whole {interval}"), mend);
        }
    }
}

/// `{ max: day }` or `{ min: day }`; `None` where the mapping is neither.
pub(super) fn interval_stat(node: &Node, metric: &Metric, report: &mut Report) -> Option<Option<Stat>> {
    let (key, written) = ["max", "min"].iter().find_map(|key| Some((*key, node.get(key)?)))?;
    if node.entries().len() > 1 {
        report.mend(node.place, "a stat of several statistics", "keep one of them");
        return Some(None);
    }
    let interval = written.text().and_then(Interval::of);
    if !is_additive(metric) {
        let message = format!("`{{ {key}: … }}` of {}, which is no count or sum", article(metric));
        let mend = "to judge it day by day, write a band (`at_least`, `at_most`) with `window: { to_date: day }`";
        report.mend(node.place, message, mend);
        return Some(None);
    }
    Some(interval.map(|interval| if key == "max" { Stat::MostIn(interval) } else { Stat::LeastIn(interval) }))
}

/// The unit of an amount an hour, day or week: `count/day`. Times and shares stay what they are, so that amounts are written as such.
pub(super) fn unit_per(unit: Unit, per: Option<Interval>) -> Unit {
    match (unit, per) {
        (Unit::Count, Some(per)) => Unit::Named(format!("count/{per}")),
        (Unit::Named(name), Some(per)) if name.is_empty() => Unit::Named(format!("1/{per}")),
        (Unit::Named(name), Some(per)) => Unit::Named(format!("{name}/{per}")),
        (unit, _) => unit,
    }
}

fn is_additive(metric: &Metric) -> bool {
    matches!(metric.kind, MetricKind::Count(_) | MetricKind::Sum(..))
}

fn article(metric: &Metric) -> &'static str {
    match &metric.kind {
        MetricKind::Count(_) => "a count",
        MetricKind::Sum(..) => "a sum",
        MetricKind::Value(..) => "a value",
        MetricKind::Distinct(..) => "a distinct",
        MetricKind::Level { .. } => "a level",
        MetricKind::Ratio { .. } => "a ratio",
        MetricKind::Duration(_) => "a duration",
        MetricKind::Derived { .. } => "a derived metric",
    }
}
