//! KPIs: metrics that are shown and never scored.

use std::collections::BTreeMap;

use super::key_results::KeyResultReader;
use super::objectives::Known;
use super::{Sections, find};
use crate::book::fault::Report;
use crate::book::model::{CycleIndex, Kpi};

pub(super) fn read(sections: &Sections<'_>, known: &Known<'_, '_>, report: &mut Report) -> Vec<Kpi> {
    let mut places = BTreeMap::new();
    let mut kpis = Vec::new();
    for node in sections.elements("kpis", report) {
        if let Some(id) = node.get("id")
            && let Some(name) = id.text()
            && let Some(first) = places.insert(name, id.place)
        {
            let message = format!("the kpi `{name}` is defined twice: first in {}", report.at(first));
            report.mend(id.place, message, "rename one, or keep one");
        }
        let cycle = match node.get("cycle") {
            None => known.cycles.len().checked_sub(1),
            Some(cycle) => {
                let names: Vec<&str> = known.cycles.iter().map(|cycle| cycle.id.as_str()).collect();
                find(report, cycle, "cycle", &names)
            }
        };
        let domain = cycle.and_then(|at| known.cycles[at].cycle.as_ref());
        let reader = KeyResultReader { known, cycle: domain, node, is_kpi: true, report };
        let cycle = CycleIndex(cycle.and_then(|at| u16::try_from(at).ok()).unwrap_or(0));
        kpis.extend(reader.read(None).map(|shown| Kpi { cycle, shown }));
    }
    kpis
}
