//! Nodes that have the right form → the domain types, or all that is wrong with what they say.
//!
//! Each part reads what the parts before it have read: cycles, events, metrics, objectives. A part that is faulty stays known by
//! name, so that nothing is reported a second time by those who refer to it.

mod advice;
mod calendars;
mod cycles;
mod during;
mod events;
mod goals;
mod improve;
mod key_results;
mod kpis;
mod members;
mod metrics;
mod numbering;
mod objectives;
mod plans;

use std::collections::BTreeMap;
use std::rc::Rc;

use super::amounts;
use super::expr::{self, Expr, Purpose};
use super::fault::{Report, suggestion};
use super::field::{self, Field};
use super::model::{Book, Thresholds};
use super::yaml::{Key, Node, Place};
use crate::event::{FieldSlot, TopicIndex};
use crate::fixed::Fixed;
use crate::time::{Span, Zone, ZoneIndex};

/// Most entries of one section; indices have 16 bits.
const ENTRIES_MAX: usize = 10_000;
/// Most fields of one topic.
const FIELDS_MAX: usize = 1_000;

/// The files' sections, one after the other.
pub(super) struct Sections<'n> {
    roots: &'n [Rc<Node>],
}

impl<'n> Sections<'n> {
    pub(super) fn new(roots: &'n [Rc<Node>]) -> Sections<'n> {
        Sections { roots }
    }

    /// The entries of a section of names, each name once.
    fn entries(&self, section: &str, report: &mut Report) -> Vec<(&'n Key, &'n Node)> {
        let all = self.roots.iter().filter_map(|root| root.get(section)).flat_map(|section| section.entries());
        let mut seen: BTreeMap<&str, Place> = BTreeMap::new();
        let mut kept = Vec::new();
        for (key, node) in all {
            match seen.get(key.text.as_str()) {
                // Within one file the reader of YAML has said so already.
                Some(first) if first.file == key.place.file => {}
                Some(first) => {
                    let message = format!("`{}` is defined twice: first in {}", key.text, report.at(*first));
                    report.mend(key.place, message, "rename one, or keep one");
                }
                None => {
                    seen.insert(&key.text, key.place);
                    kept.push((key, &**node));
                }
            }
        }
        bound(&mut kept, section, report, |(key, _)| key.place);
        kept
    }

    /// The elements of a section that is a list.
    fn elements(&self, section: &str, report: &mut Report) -> Vec<&'n Node> {
        let all = self.roots.iter().filter_map(|root| root.get(section)).flat_map(|section| section.elements());
        let mut kept: Vec<&Node> = all.map(|node| &**node).collect();
        bound(&mut kept, section, report, |node| node.place);
        kept
    }

    /// A section that only one file may have.
    fn single(&self, section: &str, report: &mut Report) -> Option<&'n Node> {
        let mut found = self.roots.iter().filter(|root| root.get(section).is_some());
        let first = found.next()?;
        for other in found {
            let message = format!("`{section}` is there twice: first in {}", report.at(first.key_place(section)));
            report.mend(other.key_place(section), message, "keep one of them");
        }
        first.get(section).map(|node| &**node)
    }
}

fn bound<T>(kept: &mut Vec<T>, section: &str, report: &mut Report, place: impl Fn(&T) -> Place) {
    if let Some(beyond) = kept.get(ENTRIES_MAX) {
        report.fault(place(beyond), format!("more than {ENTRIES_MAX} {section}"));
        kept.truncate(ENTRIES_MAX);
    }
}

/// What the parts share while a book is read.
pub(super) struct Context<'r> {
    report: &'r mut Report,
    topics: Vec<TopicFields>,
    /// The zones of local times, each once.
    zones: Vec<Zone>,
}

/// A topic and its fields in the order in which they were met; numbered anew at the end.
struct TopicFields {
    name: String,
    fields: Vec<Field>,
    slots: BTreeMap<Field, FieldSlot>,
}

/// What fields mean in the rows of an event: its topic, and the slot of the elements where each of an array's is a row.
#[derive(Clone, Copy)]
pub(super) struct Scope {
    topic: TopicIndex,
    each: Option<FieldSlot>,
}

impl Context<'_> {
    /// The slot of a field; provisional, until all are known.
    fn slot(&mut self, scope: Scope, field: Field) -> FieldSlot {
        let Some(topic) = self.topics.get_mut(usize::from(scope.topic.0)) else {
            return FieldSlot(0);
        };
        let field = match scope.each.and_then(|each| topic.fields.get(usize::from(each.0))) {
            Some(Field::Element { array, .. }) => field.within(array),
            _ => field,
        };
        if let Some(slot) = topic.slots.get(&field) {
            return *slot;
        }
        let slot = FieldSlot(u16::try_from(topic.fields.len()).unwrap_or(u16::MAX));
        topic.fields.push(field.clone());
        topic.slots.insert(field, slot);
        slot
    }

    /// The field that a node names; one that is misspelt was reported before.
    fn field(&mut self, scope: Scope, node: &Node) -> Option<FieldSlot> {
        let field = field::parse(node.text()?).ok()?;
        Some(self.slot(scope, field))
    }

    /// Whether the slot is the record's own timestamp.
    fn is_timestamp(&self, scope: Scope, slot: FieldSlot) -> bool {
        let topic = self.topics.get(usize::from(scope.topic.0));
        topic.and_then(|topic| topic.fields.get(usize::from(slot.0))) == Some(&Field::Timestamp)
    }

    /// The number of a zone of local times; an unknown one was reported before.
    fn zone(&mut self, name: &str) -> Option<ZoneIndex> {
        let known = self.zones.iter().position(|zone| zone.name == name);
        let at = match known {
            Some(at) => at,
            None => {
                self.zones.push(Zone::named(name)?);
                self.zones.len() - 1
            }
        };
        u16::try_from(at).ok().map(ZoneIndex)
    }

    /// An expression over the rows of an event, and its text.
    fn expression(&mut self, scope: Scope, node: &Node, purpose: Purpose) -> Option<(Expr, String)> {
        let text = node.text()?;
        let parsed = expr::parse(text, purpose, &mut |field| self.slot(scope, field));
        match parsed {
            Ok(expr) => Some((expr, text.to_owned())),
            Err(fault) => {
                put_expression_fault(self.report, node, fault);
                None
            }
        }
    }
}

/// Reports a fault of an expression at its place in the file.
fn put_expression_fault(report: &mut Report, node: &Node, fault: expr::ExprFault) {
    let place = if fault.line == 1 { node.place_of(fault.column.saturating_sub(1) as usize) } else { node.place };
    match fault.mend {
        Some(mend) => report.mend(place, fault.message, mend),
        None => report.fault(place, fault.message),
    }
}

/// Finds `name` in a list of what is defined, or reports that it is not.
fn find(report: &mut Report, node: &Node, what: &str, known: &[&str]) -> Option<usize> {
    let name = node.text()?;
    let found = known.iter().position(|known| *known == name);
    if found.is_none() {
        let mend = suggestion(name, known).unwrap_or_else(|| format!("define it under `{what}s`"));
        report.mend(node.place, format!("there is no {what} `{name}`"), mend);
    }
    found
}

fn text(node: &Node, key: &str) -> Option<String> {
    node.get(key).and_then(|node| node.text()).map(str::to_owned)
}

fn span(node: &Node, key: &str) -> Option<Span> {
    amounts::span(node.get(key)?.text()?).ok()
}

fn share(node: &Node, key: &str) -> Option<Fixed> {
    amounts::share(node.get(key)?.text()?).ok()
}

fn texts(node: &Node, key: &str) -> Vec<String> {
    let elements = node.get(key).map_or(&[][..], |list| list.elements());
    elements.iter().filter_map(|element| element.text()).map(str::to_owned).collect()
}

fn labels(node: &Node) -> Vec<(String, String)> {
    let entries = node.get("labels").map_or(&[][..], |map| map.entries());
    entries.iter().filter_map(|(key, value)| Some((key.text.clone(), value.text()?.to_owned()))).collect()
}

/// A weight above zero; 1 where none is written.
fn weight(node: &Node, report: &mut Report) -> Fixed {
    let Some(written) = node.get("weight") else {
        return Fixed::ONE;
    };
    match written.text().map(amounts::number) {
        Some(Ok(weight)) if weight > Fixed::ZERO => weight,
        Some(Ok(weight)) => {
            report.mend(
                written.place,
                format!("a weight of {weight}"),
                "weights are above zero; remove what shall not count",
            );
            Fixed::ONE
        }
        _ => Fixed::ONE,
    }
}

/// The title, and all of them where there is one a language.
fn titles(node: &Node, report: &mut Report) -> (String, Vec<(String, String)>) {
    let Some(title) = node.get("title") else {
        return (String::new(), Vec::new());
    };
    if let Some(text) = title.text() {
        return (text.to_owned(), Vec::new());
    }
    let titles: Vec<(String, String)> =
        title.entries().iter().filter_map(|(key, text)| Some((key.text.clone(), text.text()?.to_owned()))).collect();
    if title.entries().is_empty() && title.elements().is_empty() {
        report.mend(title.place, "a title in no language", "write a text, or { zh: …, en: … }");
    }
    for (key, _) in title.entries() {
        if key.text.is_empty() || !key.text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
            report.mend(
                key.place,
                format!("`{}` is not a language", key.text),
                "write language tags like `zh`, `en` or `pt-BR`",
            );
        }
    }
    (titles.first().map(|(_, text)| text.clone()).unwrap_or_default(), titles)
}

/// The thresholds of `node`; what it does not say is as in `default`.
fn thresholds(node: Option<&Node>, default: Thresholds, report: &mut Report) -> Thresholds {
    let Some(node) = node else { return default };
    let read = |key, default| share(node, key).unwrap_or(default);
    let read = Thresholds {
        on_track_ratio: read("on_track_ratio", default.on_track_ratio),
        on_track_gap: read("on_track_gap", default.on_track_gap),
        off_track_ratio: read("off_track_ratio", default.off_track_ratio),
        off_track_gap: read("off_track_gap", default.off_track_gap),
        off_track_elapsed: read("off_track_elapsed", default.off_track_elapsed),
    };
    if read.off_track_ratio > read.on_track_ratio {
        let message = format!("off_track_ratio {} above on_track_ratio {}", read.off_track_ratio, read.on_track_ratio);
        report.mend(node.place, message, "off track lies below on track");
    }
    if read.off_track_gap < read.on_track_gap {
        let message = format!("off_track_gap {} below on_track_gap {}", read.off_track_gap, read.on_track_gap);
        report.mend(node.place, message, "a gap that is off track is wider than one that is on track");
    }
    read
}

/// Reads the sections into a book; `None` if anything is wrong.
pub(super) fn book(sections: &Sections<'_>, hash: String, report: &mut Report) -> Option<Book> {
    let calendars = calendars::read(sections, report);
    let cycles = cycles::read(sections, report);
    let formats = events::topic_formats(sections, report);
    let entries = sections.entries("events", report);
    let topics = events::topic_names(&entries);
    for (key, _) in formats.iter().filter(|(key, _)| !topics.contains(&key.text)) {
        report.advise(key.place, format!("no event reads the topic `{}`", key.text), "remove it, or check its name");
    }
    let topics =
        topics.into_iter().map(|name| TopicFields { name, fields: Vec::new(), slots: BTreeMap::new() }).collect();
    let mut context = Context { report, topics, zones: Vec::new() };
    let events = events::read(&entries, &mut context);
    let metrics = metrics::read(sections, &events, &mut context);
    let thresholds = {
        let node = sections.single("thresholds", context.report);
        thresholds(node, Thresholds::default(), context.report)
    };
    let known =
        objectives::Known { calendars: &calendars, cycles: &cycles, events: &events, metrics: &metrics, thresholds };
    let objectives = objectives::read(sections, &known, context.report);
    let kpis = kpis::read(sections, &known, context.report);
    advice::unused(
        &events,
        &metrics,
        objectives.iter().flat_map(|o| &o.key_results).chain(kpis.iter().map(|kpi| &kpi.shown)),
        context.report,
    );
    numbering::finish(hash, calendars.calendars, cycles, events, metrics, (objectives, kpis), context)
}
