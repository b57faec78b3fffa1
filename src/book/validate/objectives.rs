//! Objectives, their titles, cycles and alignment.

use std::collections::BTreeMap;

use super::calendars::Calendars;
use super::cycles::NamedCycle;
use super::events::NamedEvent;
use super::metrics::NamedMetric;
use super::{Sections, advice, find, key_results, labels, plans, text, texts, titles};
use crate::book::fault::{Report, nearest};
use crate::book::model::{Cycle, CycleIndex, KeyResult, Objective, Thresholds};
use crate::book::yaml::{Node, NodeKind, Place};

/// What objectives may refer to.
pub(super) struct Known<'k, 'n> {
    pub calendars: &'k Calendars,
    pub cycles: &'k [NamedCycle],
    pub events: &'k [NamedEvent],
    pub metrics: &'k [NamedMetric<'n>],
    pub thresholds: Thresholds,
}

/// Where an objective stands and what it refers to, kept for what is checked when all are known.
struct Entry<'n> {
    id: &'n str,
    place: Place,
    node: &'n Node,
    key_results: Vec<&'n str>,
}

pub(super) fn read(sections: &Sections<'_>, known: &Known<'_, '_>, report: &mut Report) -> Vec<Objective> {
    let mut entries: Vec<Entry<'_>> = Vec::new();
    let mut objectives = Vec::new();
    for node in sections.elements("objectives", report) {
        let id = node.get("id");
        let name = id.and_then(|id| id.text()).unwrap_or_default();
        let place = id.map_or(node.place, |id| id.place);
        if let Some(first) = entries.iter().find(|entry| entry.id == name && !name.is_empty()) {
            let message = format!("the objective `{name}` is defined twice: first in {}", report.at(first.place));
            report.mend(place, message, "rename one, or keep one");
        }
        let (objective, key_results) = objective(name, node, known, report);
        advice::objective(place, node, &objective, known.metrics, report);
        objectives.push(objective);
        entries.push(Entry { id: name, place, node, key_results });
    }
    alignment(&entries, report);
    objectives
}

fn objective<'n>(id: &str, node: &'n Node, known: &Known<'_, '_>, report: &mut Report) -> (Objective, Vec<&'n str>) {
    let cycle = match node.get("cycle") {
        None => known.cycles.len().checked_sub(1),
        Some(cycle) => {
            let names: Vec<&str> = known.cycles.iter().map(|cycle| cycle.id.as_str()).collect();
            find(report, cycle, "cycle", &names)
        }
    };
    let domain: Option<&Cycle> = cycle.and_then(|at| known.cycles[at].cycle.as_ref());
    let owner = text(node, "owner");
    let mut places: BTreeMap<&str, Place> = BTreeMap::new();
    let mut key_results: Vec<KeyResult> = Vec::new();
    let list = node.get("key_results").map_or(&[][..], |list| list.elements());
    if let Some(list) = node.get("key_results").filter(|list| list.elements().is_empty() && list.text().is_none()) {
        report.mend(
            list.place,
            format!("the objective `{id}` has no key results"),
            "add what shows that it is reached",
        );
    }
    // What is no mapping is reported as such, and has nothing to be read.
    for node in list.iter().filter(|node| matches!(node.kind, NodeKind::Map(_))) {
        let id_node = node.get("id");
        if let Some(id_node) = id_node
            && let Some(key_result) = id_node.text()
            && let Some(first) = places.insert(key_result, id_node.place)
        {
            let message = format!("the key result `{id}/{key_result}` is defined twice: first in {}", report.at(first));
            report.mend(id_node.place, message, "rename one, or keep one");
        }
        let reader = key_results::KeyResultReader { known, cycle: domain, node, is_kpi: false, report };
        key_results.extend(reader.read(owner.as_deref()));
    }
    let (title, titles) = titles(node, report);
    let objective = Objective {
        id: id.to_owned(),
        cycle: CycleIndex(cycle.and_then(|at| u16::try_from(at).ok()).unwrap_or(0)),
        title,
        titles,
        owner,
        collaborators: texts(node, "collaborators"),
        team: text(node, "team"),
        aligns_to: text(node, "aligns_to"),
        labels: labels(node),
        notes: text(node, "notes"),
        plan: plans::steps(node, domain, report),
        key_results,
    };
    (objective, places.into_keys().collect())
}

/// Alignment that leads nowhere, or round in a circle.
fn alignment(entries: &[Entry<'_>], report: &mut Report) {
    let ids: Vec<&str> = entries.iter().map(|entry| entry.id).collect();
    let index: BTreeMap<&str, usize> = ids.iter().enumerate().rev().map(|(at, id)| (*id, at)).collect();
    let mut parents = vec![None; entries.len()];
    for (at, entry) in entries.iter().enumerate() {
        let Some(target) = entry.node.get("aligns_to") else {
            continue;
        };
        let Some(text) = target.text() else { continue };
        let (objective, key_result) = text.split_once('/').map_or((text, None), |(o, k)| (o, Some(k)));
        let Some(&parent) = index.get(objective) else {
            let near = nearest(objective, ids.iter().copied());
            let mend = near.map_or_else(
                || format!("objectives are: {}", ids.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            report.mend(target.place, format!("`{}` aligns to `{text}`, which does not exist", entry.id), mend);
            continue;
        };
        if let Some(key_result) = key_result
            && !entries[parent].key_results.contains(&key_result)
        {
            let known = &entries[parent].key_results;
            let near = nearest(key_result, known.iter().copied());
            let mend = near.map_or_else(
                || format!("its key results are: {}", known.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            report.mend(target.place, format!("the objective `{objective}` has no key result `{key_result}`"), mend);
        }
        parents[at] = Some(parent);
    }
    circles(entries, &parents, report);
}

/// Each circle once, at its first objective.
fn circles(entries: &[Entry<'_>], parents: &[Option<usize>], report: &mut Report) {
    let mut walked = vec![usize::MAX; entries.len()];
    for start in 0..entries.len() {
        let mut at = start;
        let mut path = Vec::new();
        while walked[at] == usize::MAX {
            walked[at] = start;
            path.push(at);
            match parents[at] {
                Some(parent) => at = parent,
                None => break,
            }
        }
        let Some(begin) = path.iter().position(|on| *on == at).filter(|_| parents[at].is_some()) else {
            continue;
        };
        // The walk stopped where it had been before: on its own path only if that is a circle.
        if walked[at] != start || parents[path[path.len() - 1]] != Some(at) {
            continue;
        }
        let ids: Vec<&str> = path[begin..].iter().chain([&at]).map(|on| entries[*on].id).collect();
        let place = entries[at].node.get("aligns_to").map_or(entries[at].place, |node| node.place);
        report.mend(place, format!("alignment in a circle: {}", ids.join(" → ")), "let one of them align to nothing");
    }
}
