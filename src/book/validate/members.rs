//! Members of dimensions in a key result: which are shown, to which it is restricted, and what single ones are held against.

use std::collections::BTreeMap;

use super::goals::{Measure, quantity};
use super::improve::towards;
use super::key_results::{KeyResultReader, Read, Type};
use super::texts;
use crate::book::expr::Operator;
use crate::book::model::{Formula, MetricIndex, MetricKind};
use crate::book::yaml::{Node, Place};
use crate::book::{Baseline, Goal, MemberGoal};
use crate::fixed::Fixed;

/// A member's own amount, and where it stands.
type Own<'n> = (&'n Node, Fixed);

impl<'a> KeyResultReader<'a, '_, '_> {
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

    /// What single members are held against: `targets` and `baselines`, whose names are members of the one dimension in `by`.
    pub(super) fn member_goals(
        &mut self,
        goal: Option<&Goal>,
        kind: Type,
        measure: &Measure<'_>,
        read: Option<&Read<'_>>,
    ) -> Vec<MemberGoal> {
        let targets = self.own_amounts("targets", measure);
        let baselines = match kind {
            Type::Improve => self.own_amounts("baselines", measure),
            _ => BTreeMap::new(),
        };
        let (Some(goal), Some(read)) = (goal, read) else { return Vec::new() };
        if let Goal::Maintain { at_least: Some(_), at_most: Some(_), .. } = goal
            && self.node.get("targets").is_some()
        {
            let place = self.node.key_place("targets");
            self.report.mend(place, "a band with two ends has no target", "keep one of `at_least` and `at_most`");
        }
        let additive = self.is_additive(read.index);
        let mut members: Vec<&str> = targets.keys().chain(baselines.keys()).copied().collect();
        members.sort_unstable();
        members.dedup();
        let own = members.into_iter().map(|member| {
            let (target, baseline) = (targets.get(member), baselines.get(member));
            if matches!(goal, Goal::Improve { .. }) {
                self.member_way(member, goal, target, baseline, additive);
            }
            let (target, baseline) = (target.map(|(_, target)| *target), baseline.map(|(_, baseline)| *baseline));
            // A whole that began at nothing had no member that did not.
            let nothing = (additive && goal.written_baseline() == Some(Fixed::ZERO)).then_some(Fixed::ZERO);
            MemberGoal { member: member.to_owned(), target, baseline: baseline.or(nothing) }
        });
        own.collect()
    }

    /// The amounts under `targets` or `baselines`, by member.
    fn own_amounts(&mut self, key: &str, measure: &Measure<'_>) -> BTreeMap<&'a str, Own<'a>> {
        let node: &'a Node = self.node;
        let Some(map) = node.get(key) else { return BTreeMap::new() };
        let by = texts(node, "by");
        if by.len() != 1 {
            let message = format!("`{key}` names members of one dimension, but `by` has {}", by.len());
            let mend = match by.len() {
                0 => "add the dimension, like `by: [warehouse]`",
                _ => "keep one dimension in `by`, and write another key result for the other",
            };
            self.report.mend(node.key_place(key), message, mend);
        }
        let own = map.entries().iter().map(|(member, amount)| (member.text.as_str(), &**amount));
        own.filter_map(|(member, amount)| Some((member, (amount, quantity(amount, measure, self.report)?)))).collect()
    }

    /// A member's way from its baseline to its target must go where the whole's goes.
    fn member_way(
        &mut self,
        member: &str,
        goal: &Goal,
        target: Option<&Own<'_>>,
        baseline: Option<&Own<'_>>,
        additive: bool,
    ) {
        let Goal::Improve { baseline: whole, direction, .. } = goal else { return };
        let shared = match whole {
            Baseline::Written(whole) if !additive || *whole == Fixed::ZERO => Some(*whole),
            _ => None,
        };
        let (place, target) = match (target, baseline) {
            (Some((node, target)), _) => (node.place, *target),
            (None, Some((node, _))) if additive => {
                let message = format!("`{member}` has a baseline and no target, so no score: members' values add up");
                let mend = format!("add `targets: {{ {member}: … }}`, or remove it");
                return self.report.mend(node.place, message, mend);
            }
            // Held against the whole's target, it may be there already.
            (None, _) => return,
        };
        if additive && baseline.is_none() && shared.is_none() {
            let message = format!("the target of `{member}` needs a baseline of its own: the whole's is all members'");
            return self.report.mend(place, message, format!("add `baselines: {{ {member}: … }}`"));
        }
        let Some(from) = baseline.map(|(_, baseline)| *baseline).or(shared) else { return };
        if from == target {
            let mend = "a target differs from where it began";
            self.report.mend(place, format!("the target of `{member}` equals its baseline"), mend);
        } else if towards(from, target) != *direction {
            let message = format!("direction {}, but the target of `{member}` says otherwise", direction.as_str());
            self.report.mend(place, message, "write a key result of its own for it");
        }
    }

    /// Whether members' values add up to the whole's.
    fn is_additive(&self, metric: MetricIndex) -> bool {
        match self.known.metrics.get(usize::from(metric.0)).and_then(|named| Some(&named.metric.as_ref()?.kind)) {
            Some(MetricKind::Count(_) | MetricKind::Sum(..) | MetricKind::Distinct(..) | MetricKind::Level { .. }) => {
                true
            }
            Some(MetricKind::Derived { formula, .. }) => self.adds_up(formula),
            _ => false,
        }
    }

    fn adds_up(&self, formula: &Formula) -> bool {
        let is_number = |formula: &Formula| matches!(formula, Formula::Number(_));
        match formula {
            Formula::Metric(metric) => self.is_additive(*metric),
            Formula::Number(_) => false,
            Formula::Negate(a) => self.adds_up(a),
            Formula::Arithmetic(Operator::Add | Operator::Subtract, a, b) => self.adds_up(a) && self.adds_up(b),
            Formula::Arithmetic(Operator::Multiply, a, b) => {
                self.adds_up(a) && is_number(b) || is_number(a) && self.adds_up(b)
            }
            Formula::Arithmetic(Operator::Divide, a, b) => self.adds_up(a) && is_number(b),
            Formula::Arithmetic(Operator::Modulo, ..) => false,
        }
    }
}
