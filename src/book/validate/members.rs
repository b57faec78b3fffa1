//! Members of dimensions in a key result: which are shown, to which it is restricted, and what single ones are held against.

use super::key_results::{KeyResultReader, Read};
use super::texts;
use crate::book::model::{MetricIndex, MetricKind};
use crate::book::yaml::Place;

impl KeyResultReader<'_, '_, '_> {
    /// The dimensions whose members are shown; every event that feeds the metric's value must have them.
    pub(super) fn by(&mut self, read: Option<&Read<'_>>) -> Vec<String> {
        let Some(list) = self.node.get("by") else {
            return Vec::new();
        };
        let mut by: Vec<String> = texts(self.node, "by");
        let Some(read) = read.filter(|read| read.metric.is_some()) else {
            return by;
        };
        for element in list.elements() {
            if let Some(name) = element.text() {
                self.dimension_is_there(read, name, element.place);
            }
        }
        let written = by.len();
        let mut seen = std::collections::BTreeSet::new();
        by.retain(|name| seen.insert(name.clone()));
        if by.len() < written {
            self.report.mend(list.place, "a dimension is there twice", "keep one of them");
        }
        by
    }

    /// The members that it is restricted to, by dimension; every event that feeds the metric's value must have the dimensions.
    pub(super) fn only(&mut self, read: Option<&Read<'_>>) -> Vec<(String, String)> {
        let Some(map) = self.node.get("only") else {
            return Vec::new();
        };
        if map.entries().is_empty() && map.text().is_none() && map.elements().is_empty() {
            self.report.mend(map.place, "`only` names no member", "write { warehouse: SH1 }, or remove it");
        }
        let mut only = Vec::new();
        for (dimension, member) in map.entries() {
            if let Some(read) = read.filter(|read| read.metric.is_some()) {
                self.dimension_is_there(read, &dimension.text, dimension.place);
            }
            only.extend(member.text().map(|member| (dimension.text.clone(), member.to_owned())));
        }
        only.sort();
        only
    }

    fn dimension_is_there(&mut self, read: &Read<'_>, name: &str, place: Place) {
        if let Some(event) = self.event_without(read.index, name) {
            let mend = format!("add `{name}` to the dimensions of the event `{event}`, or remove it here");
            let message = format!("the event `{event}` of `{}` has no dimension `{name}`", read.name);
            self.report.mend(place, message, mend);
        }
    }

    /// An event that feeds the metric and lacks the dimension.
    fn event_without(&self, metric: MetricIndex, dimension: &str) -> Option<&str> {
        let mut open = vec![metric];
        let mut seen = std::collections::BTreeSet::new();
        while let Some(index) = open.pop() {
            if !seen.insert(index) {
                continue;
            }
            let event = match &self.known.metrics.get(usize::from(index.0))?.metric.as_ref()?.kind {
                MetricKind::Count(rows)
                | MetricKind::Sum(rows, _)
                | MetricKind::Value(rows, _)
                | MetricKind::Distinct(rows, _)
                | MetricKind::Level { rows, .. } => rows.event,
                MetricKind::Duration(duration) => duration.from,
                MetricKind::Ratio { part, total, .. } => {
                    open.extend([*part, *total]);
                    continue;
                }
                MetricKind::Derived { formula, .. } => {
                    formula.metrics(&mut |metric| open.push(metric));
                    continue;
                }
            };
            let event = self.known.events.get(usize::from(event.0))?;
            if event.event.as_ref().is_some_and(|event| event.dimensions.iter().all(|known| known.name != dimension)) {
                return Some(&event.name);
            }
        }
        None
    }
}
