//! Advice: what a good book would have otherwise, and is read all the same.

use std::collections::BTreeSet;

use super::events::NamedEvent;
use super::metrics::NamedMetric;
use crate::book::fault::Report;
use crate::book::model::{KeyResult, MetricIndex, MetricKind, Objective, Source, Unit, Window};
use crate::book::yaml::{Node, Place};
use crate::book::{Goal, Target};
use crate::fixed::Fixed;

/// What is said about one objective.
pub(super) fn objective(
    place: Place,
    node: &Node,
    objective: &Objective,
    metrics: &[NamedMetric<'_>],
    report: &mut Report,
) {
    let id = &objective.id;
    // Counted as written: a faulty one is there all the same.
    let written = node.get("key_results").map_or(&[][..], |list| list.elements());
    match written.len() {
        0 => {}
        1 => report.advise(place, format!("`{id}` has one key result"), "2 to 4 show whether an objective is reached"),
        2..=4 => {}
        n => report.advise(place, format!("`{id}` has {n} key results"), "2 to 4 keep the focus"),
    }
    if objective.owner.is_none() {
        report.advise(place, format!("`{id}` has no owner"), "name who answers for it: `owner`");
    }
    let planned = |node: &Node| node.get("plan").is_some();
    if !written.is_empty() && !planned(node) && !written.iter().any(|node| planned(node)) {
        report.advise(
            place,
            format!("`{id}` has no plan"),
            "say what is done for it: `plan`, steps with owner and dates",
        );
    }
    for key_result in &objective.key_results {
        let named = |key_result: &KeyResult| {
            let of = |node: &&std::rc::Rc<Node>| node.get("id").and_then(|id| id.text()) == Some(&*key_result.id);
            written.iter().find(of).map_or(place, |node| node.place)
        };
        if let (Goal::Improve { .. }, Window::Cycle, Source::Metric { metric, .. }) =
            (&key_result.goal, key_result.window, &key_result.source)
            && metrics.get(usize::from(metric.0)).is_some_and(|metric| metric.kind == "level")
        {
            let message = format!("`{id}/{}` reads a level over `cycle`", key_result.id);
            report.advise(
                named(key_result),
                message,
                "a level is read at the window's end, whichever it is: remove `window`",
            );
        }
        // Nothing lies beyond the whole of something.
        let is_whole = |target| key_result.unit == Unit::Ratio && target == Fixed::ONE;
        if let Goal::Improve { stretch: None, target, .. } = key_result.goal
            && !matches!(target, Target::Amount(target) if is_whole(target))
        {
            let message = format!("`{id}/{}` has no stretch", key_result.id);
            report.advise(named(key_result), message, "say what would be better still: `stretch`");
        }
    }
}

/// Events and metrics that nothing reads.
pub(super) fn unused<'k>(
    events: &[NamedEvent],
    metrics: &[NamedMetric<'_>],
    key_results: impl Iterator<Item = &'k KeyResult>,
    report: &mut Report,
) {
    let mut read: BTreeSet<MetricIndex> = BTreeSet::new();
    let mut open: Vec<MetricIndex> = key_results
        .filter_map(|key_result| match key_result.source {
            Source::Metric { metric, .. } => Some(metric),
            Source::Milestones(_) | Source::Manual => None,
        })
        .collect();
    let mut used: BTreeSet<u16> = BTreeSet::new();
    while let Some(index) = open.pop() {
        let Some(metric) = metrics.get(usize::from(index.0)).and_then(|metric| metric.metric.as_ref()) else {
            continue;
        };
        if !read.insert(index) {
            continue;
        }
        match &metric.kind {
            MetricKind::Count(rows)
            | MetricKind::Sum(rows, _)
            | MetricKind::Value(rows, _)
            | MetricKind::Distinct(rows, _)
            | MetricKind::Level { rows, .. } => {
                used.insert(rows.event.0);
            }
            MetricKind::Ratio { part, total, .. } => open.extend([*part, *total]),
            MetricKind::Duration(duration) => {
                used.extend([duration.from.0, duration.to.0]);
                used.extend(duration.void.map(|(event, _)| event.0));
            }
            MetricKind::Derived { formula, .. } => formula.metrics(&mut |metric| open.push(metric)),
        }
    }
    for (at, metric) in metrics.iter().enumerate() {
        if u16::try_from(at).is_ok_and(|at| !read.contains(&MetricIndex(at))) {
            report.advise(
                metric.place,
                format!("no key result reads the metric `{}`", metric.name),
                "remove it, or use it",
            );
        }
    }
    for (at, event) in events.iter().enumerate() {
        if u16::try_from(at).is_ok_and(|at| !used.contains(&at)) {
            report.advise(
                event.place,
                format!("no key result reads the event `{}`", event.name),
                "remove it, or use it",
            );
        }
    }
}
