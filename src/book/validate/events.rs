//! Events: which topic, which rows, when, who.

use std::collections::BTreeSet;

use super::{Context, Sections};
use crate::book::expr::Purpose;
use crate::book::fault::Report;
use crate::book::model::{Dimension, Event};
use crate::book::shape;
use crate::book::yaml::{Key, Node, Place};
use crate::event::{FieldSlot, TopicIndex};
use crate::time::{TimeFormat, TimeUnit};

/// An event by its name; what is faulty stays known without its fields.
pub(super) struct NamedEvent {
    pub name: String,
    pub place: Place,
    pub topic: Option<TopicIndex>,
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
        let event = topic.and_then(|topic| event(&key.text, topic, node, context));
        events.push(NamedEvent { name: key.text.clone(), place: key.place, topic, event });
    }
    events
}

fn event(name: &str, topic: TopicIndex, node: &Node, context: &mut Context<'_>) -> Option<Event> {
    let id = node.get("id");
    if let Some(id) = id.filter(|id| !id.elements().is_empty()) {
        context.report.later(id.place, "an id of several fields", "write one field that holds them all");
    }
    let id = id.and_then(|id| context.field(topic, id));
    let dimensions = dimensions(topic, node, context);
    let filter = node.get("where").and_then(|filter| context.expression(topic, filter, Purpose::Filter));
    let (filter, filter_text) = filter.unzip();
    let (time, time_format) = time(topic, node.get("time")?, TimeFormat::Rfc3339, context)?;
    Some(Event { name: name.to_owned(), topic, id, time, time_format, dimensions, filter, filter_text })
}

fn dimensions(topic: TopicIndex, node: &Node, context: &mut Context<'_>) -> Vec<Dimension> {
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
        dimensions.push(Dimension { name: name.to_owned(), field: context.slot(topic, name) });
    }
    for (key, field) in node.entries() {
        if let Err(fault) = shape::name(&key.text) {
            context.report.mend(key.place.right(fault.at), fault.message, fault.mend.unwrap_or_default());
        }
        if let Some(field) = context.field(topic, field) {
            dimensions.push(Dimension { name: key.text.clone(), field });
        }
    }
    dimensions
}

/// A time field: `picked_at`, or `{ field: picked_ms, unit: ms }`; a bare name is written as `bare` says.
pub(super) fn time(
    topic: TopicIndex,
    node: &Node,
    bare: TimeFormat,
    context: &mut Context<'_>,
) -> Option<(FieldSlot, TimeFormat)> {
    if node.text().is_some() {
        return Some((context.field(topic, node)?, bare));
    }
    let format = match node.get("unit").and_then(|unit| unit.text()) {
        None => TimeFormat::Rfc3339,
        Some("s") => TimeFormat::Unix(TimeUnit::Seconds),
        Some("ms") => TimeFormat::Unix(TimeUnit::Millis),
        Some("us") => TimeFormat::Unix(TimeUnit::Micros),
        Some("ns") => TimeFormat::Unix(TimeUnit::Nanos),
        Some(_) => return None,
    };
    Some((context.field(topic, node.get("field")?)?, format))
}
