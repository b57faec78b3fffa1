//! Events: which topic, which rows, when, who.

use std::collections::BTreeSet;

use super::{Context, Scope, Sections};
use crate::book::expr::Purpose;
use crate::book::fault::Report;
use crate::book::field::{self, Field};
use crate::book::model::{Dimension, Event};
use crate::book::shape;
use crate::book::yaml::{Key, Node, Place};
use crate::event::{FieldSlot, TopicIndex};
use crate::time::{TimeFormat, TimeUnit};

/// Most fields of an id.
const ID_FIELDS_MAX: usize = 8;

/// An event by its name; what is faulty stays known without its fields.
pub(super) struct NamedEvent {
    pub name: String,
    pub place: Place,
    pub topic: Option<TopicIndex>,
    /// What fields mean in its rows.
    pub scope: Option<Scope>,
    pub event: Option<Event>,
}

/// The topics section, with a fault for each format that is not built.
pub(super) fn topic_formats<'n>(sections: &Sections<'n>, report: &mut Report) -> Vec<(&'n Key, &'n Node)> {
    let topics = sections.entries("topics", report);
    for (_, node) in &topics {
        if let Some(format) = node.get("format")
            && let Some(word) = format.text().filter(|word| *word != "json")
        {
            report.later(format.place, &format!("the format `{word}`"), "the one format is json");
        }
    }
    topics
}

/// The topics that the events read, by name.
pub(super) fn topic_names(entries: &[(&Key, &Node)]) -> BTreeSet<String> {
    entries.iter().filter_map(|(_, node)| node.get("topic")?.text()).map(str::to_owned).collect()
}

pub(super) fn read(entries: &[(&Key, &Node)], context: &mut Context<'_>) -> Vec<NamedEvent> {
    let mut events = Vec::with_capacity(entries.len());
    for (key, node) in entries {
        if let Err(fault) = shape::name(&key.text) {
            context.report.mend(key.place.right(fault.at), fault.message, fault.mend.unwrap_or_default());
        }
        let topic = node.get("topic").and_then(|topic| topic.text());
        let topic = topic.and_then(|name| context.topics.iter().position(|topic| topic.name == name));
        let topic = topic.and_then(|index| u16::try_from(index).ok()).map(TopicIndex);
        let scope = topic.and_then(|topic| scope(topic, node, context));
        let event = scope.and_then(|scope| event(&key.text, scope, node, context));
        events.push(NamedEvent { name: key.text.clone(), place: key.place, topic, scope, event });
    }
    events
}

/// What fields mean in the rows of an event; `None` if its `each` is no path.
fn scope(topic: TopicIndex, node: &Node, context: &mut Context<'_>) -> Option<Scope> {
    let record = Scope { topic, each: None };
    let Some(each) = node.get("each") else { return Some(record) };
    match field::parse(each.text()?).ok()? {
        Field::Path(array) => {
            let element = Field::Element { array, path: Vec::new() };
            Some(Scope { each: Some(context.slot(record, element)), ..record })
        }
        other => {
            let mend = "name the path of an array in the record's value";
            context.report.mend(each.place_of(0), format!("`{other}` is no array"), mend);
            None
        }
    }
}

fn event(name: &str, scope: Scope, node: &Node, context: &mut Context<'_>) -> Option<Event> {
    let id = id(scope, node, context);
    let dimensions = dimensions(scope, node, context);
    let filter = node.get("where").and_then(|filter| context.expression(scope, filter, Purpose::Filter));
    let (filter, filter_text) = filter.unzip();
    let (time, time_format) = time(scope, node.get("time")?, TimeFormat::Rfc3339, context)?;
    let Scope { topic, each } = scope;
    Some(Event { name: name.to_owned(), topic, each, id, time, time_format, dimensions, filter, filter_text })
}

/// The fields of the id, one or several.
fn id(scope: Scope, node: &Node, context: &mut Context<'_>) -> Vec<FieldSlot> {
    let Some(node) = node.get("id") else { return Vec::new() };
    if node.text().is_some() {
        return context.field(scope, node).into_iter().collect();
    }
    if node.elements().is_empty() && node.entries().is_empty() {
        context.report.mend(
            node.place,
            "an id of no field",
            "name the fields, or remove `id`: nothing is removed then",
        );
    }
    let mut id = Vec::new();
    for element in node.elements() {
        let Some(slot) = context.field(scope, element) else { continue };
        if id.contains(&slot) {
            let message = format!("the field `{}` is there twice", element.text().unwrap_or_default());
            context.report.mend(element.place, message, "keep one of them");
        } else if id.len() == ID_FIELDS_MAX {
            context.report.mend(
                element.place,
                format!("an id of more than {ID_FIELDS_MAX} fields"),
                "name those that no two rows share",
            );
            break;
        }
        id.push(slot);
    }
    id
}

fn dimensions(scope: Scope, node: &Node, context: &mut Context<'_>) -> Vec<Dimension> {
    let Some(node) = node.get("dimensions") else {
        return Vec::new();
    };
    let mut dimensions: Vec<Dimension> = Vec::new();
    for element in node.elements() {
        let Some(name) = element.text() else { continue };
        if dimensions.iter().any(|known| known.name == name) {
            context.report.mend(element.place, format!("the dimension `{name}` is there twice"), "keep one of them");
            continue;
        }
        dimensions.push(Dimension { name: name.to_owned(), field: context.slot(scope, Field::named(name)) });
    }
    for (key, field) in node.entries() {
        if let Err(fault) = shape::name(&key.text) {
            context.report.mend(key.place.right(fault.at), fault.message, fault.mend.unwrap_or_default());
        }
        if let Some(field) = context.field(scope, field) {
            dimensions.push(Dimension { name: key.text.clone(), field });
        }
    }
    dimensions
}

/// A time field: `picked_at`, `{ field: picked_ms, unit: ms }`, `{ field: picked_at, zone: Asia/Shanghai }` or `$timestamp`; a bare name is
/// written as `bare` says.
pub(super) fn time(
    scope: Scope,
    node: &Node,
    bare: TimeFormat,
    context: &mut Context<'_>,
) -> Option<(FieldSlot, TimeFormat)> {
    let is_bare = node.text().is_some();
    let slot = context.field(scope, if is_bare { node } else { node.get("field")? })?;
    if context.is_timestamp(scope, slot) {
        for key in ["unit", "zone"].into_iter().filter(|key| node.get(key).is_some()) {
            let message = format!("`$timestamp` with a `{key}`: it is the record's own and needs none");
            context.report.mend(node.key_place(key), message, "write `time: $timestamp`");
        }
        return Some((slot, TimeFormat::Unix(TimeUnit::Millis)));
    }
    if is_bare {
        return Some((slot, bare));
    }
    let unit = match node.get("unit").map(|unit| unit.text()) {
        None => None,
        Some(Some("s")) => Some(TimeUnit::Seconds),
        Some(Some("ms")) => Some(TimeUnit::Millis),
        Some(Some("us")) => Some(TimeUnit::Micros),
        Some(Some("ns")) => Some(TimeUnit::Nanos),
        Some(_) => return None,
    };
    let format = match (unit, node.get("zone")) {
        (None, None) => TimeFormat::Rfc3339,
        (Some(unit), None) => TimeFormat::Unix(unit),
        (None, Some(zone)) => TimeFormat::Local(context.zone(zone.text()?)?),
        (Some(_), Some(_)) => {
            let message = "a `unit` and a `zone`: a number since 1970 is the same in every zone";
            context.report.mend(node.key_place("zone"), message, "remove `zone`; or `unit`, if the field is text");
            return None;
        }
    };
    Some((slot, format))
}
