//! Cycles.

use std::rc::Rc;

use super::{Sections, span};
use crate::book::amounts;
use crate::book::fault::Report;
use crate::book::model::Cycle;
use crate::book::yaml::{Node, NodeKind};
use crate::time::{Grain, Span, Timestamp, Zone};

/// How long late events are waited for where a cycle does not say.
const SETTLE_DEFAULT: Span = Span(3 * Span::DAY.0);
/// Longest cycle, in days: a bound for all that walks a cycle's days.
const CYCLE_DAYS_MAX: i32 = 3_660;

/// A cycle by its name; what is faulty stays known without its times.
pub(super) struct NamedCycle {
    pub id: String,
    pub cycle: Option<Cycle>,
}

pub(super) fn read(sections: &Sections<'_>, report: &mut Report) -> Vec<NamedCycle> {
    let mut cycles: Vec<NamedCycle> = Vec::new();
    let mut places = Vec::new();
    for node in sections.elements("cycles", report) {
        let Some(id) = node.get("id").filter(|id| id.text().is_some()) else {
            continue;
        };
        let name = id.text().unwrap_or_default();
        if let Some(first) = cycles.iter().position(|known| known.id == name) {
            let message = format!("the cycle `{name}` is defined twice: first in {}", report.at(places[first]));
            report.mend(id.place, message, "rename one, or keep one");
            continue;
        }
        places.push(id.place);
        cycles.push(NamedCycle { id: name.to_owned(), cycle: cycle(name, node, report) });
    }
    let none_written = |root: &Rc<Node>| match root.get("cycles").map(|cycles| &cycles.kind) {
        None => true,
        Some(NodeKind::List(cycles)) => cycles.is_empty(),
        // Something else than a list is a fault already.
        Some(_) => false,
    };
    if sections.roots.iter().all(none_written)
        && let Some(root) = sections.roots.first()
    {
        let mend = "add `cycles: [{ id: 2026-Q4, start: 2026-10-01, end: 2027-01-01, timezone: Asia/Shanghai }]`";
        report.mend(root.place, "a book needs at least one cycle", mend);
    }
    cycles
}

fn cycle(id: &str, node: &Node, report: &mut Report) -> Option<Cycle> {
    let date = |key| amounts::date(node.get(key)?.text()?).ok();
    let settle = span(node, "settle").unwrap_or(SETTLE_DEFAULT);
    let (start_date, end_date) = (date("start")?, date("end")?);
    if end_date <= start_date {
        let message = format!("the cycle `{id}` ends {end_date}, but begins {start_date}");
        report.mend(node.get("end")?.place, message, "`end` is the day after the last one");
        return None;
    }
    if (end_date - start_date).get_days() > CYCLE_DAYS_MAX {
        report.fault(node.get("end")?.place, format!("the cycle `{id}` is longer than {CYCLE_DAYS_MAX} days"));
        return None;
    }
    let zone = Zone::named(node.get("timezone")?.text()?)?;
    let (Some(start), Some(end)) = (zone.midnight(start_date), zone.midnight(end_date)) else {
        report.fault(node.get("start")?.place, format!("the cycle `{id}` lies outside the years 0 to 9999"));
        return None;
    };
    let grain = grain(&zone, start, end);
    Some(Cycle { id: id.to_owned(), start_date, end_date, start, end, zone, settle, grain })
}

/// The grain of a cycle's buckets. Windows reach back before its start and cohorts past its end, so a year on each side counts too.
fn grain(zone: &Zone, start: Timestamp, end: Timestamp) -> Grain {
    let year = Span(366 * Span::DAY.0);
    let from = start.checked_sub(year).unwrap_or(start);
    zone.grain(from, end.checked_add(year).unwrap_or(end))
}
