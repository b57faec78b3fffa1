//! Canonical definitions: the texts whose hashes name aggregates and events in the store. Golden-tested, for a changed text
//! loses its history; slots, titles and the order of the book do not occur in them.

use super::plan::{AggregateId, EventId};
use crate::book::expr::{self, Expr};
use crate::book::{Book, Dimension, Duration, Event};
use crate::event::FieldSlot;
use crate::time::{Grain, Span, TimeFormat, TimeUnit};

/// XXH3-64 of a definition; part of the stored format.
fn hash(definition: &str) -> u64 {
    xxhash_rust::xxh3::xxh3_64(definition.as_bytes())
}

/// The name of the aggregate that is defined so.
pub fn aggregate_id(definition: &str) -> AggregateId {
    AggregateId(hash(definition))
}

/// The name of the event that is defined so.
pub fn event_id(definition: &str) -> EventId {
    EventId(hash(definition))
}

/// `event(topic="oms.orders",id="event_id",time="at":rfc3339,where=("type" = 'order.created'))`
pub fn event(book: &Book, event: &Event) -> String {
    let field = |slot| field(book, event, slot);
    let id = event.id.map_or("-".to_owned(), |slot| quoted(field(slot)));
    let time = quoted(field(event.time));
    let format = time_format(event.time_format);
    let topic = quoted(&book.topics[usize::from(event.topic.0)].name);
    let filter = condition(book, event, event.filter.as_ref());
    format!("event(topic={topic},id={id},time={time}:{format},where={filter})")
}

/// `tally(EVENT,where=…,value=…,by="warehouse",grain=3600s)`; a sketch likewise.
pub fn cells(
    facet: &str,
    book: &Book,
    of: &Event,
    (filter, value): (Option<&Expr>, Option<&Expr>),
    dimension: Option<FieldSlot>,
    grain: Grain,
) -> String {
    let by = dimension.map_or("-".to_owned(), |slot| quoted(field(book, of, slot)));
    let filter = condition(book, of, filter);
    let value = condition(book, of, value);
    let secs = grain.0.0 / Span::SECOND.0;
    format!("{facet}({},where={filter},value={value},by={by},grain={secs}s)", event(book, of))
}

/// `pairs(from=EVENT:"order_id",to=EVENT:"so_no",void=…,deadline="promised_at":rfc3339,dimensions=["channel","warehouse"])`
pub fn pairs(book: &Book, duration: &Duration) -> String {
    let of = |index: crate::event::EventIndex| &book.events[usize::from(index.0)];
    let (from, to) = (of(duration.from), of(duration.to));
    let void = duration.void.map_or("-".to_owned(), |(index, key)| {
        format!("{}:{}", event(book, of(index)), quoted(field(book, of(index), key)))
    });
    let deadline = duration.deadline.map_or("-".to_owned(), |(slot, format)| {
        format!("{}:{}", quoted(field(book, from, slot)), time_format(format))
    });
    let dimensions: Vec<String> = dimensions(book, from).iter().map(|d| quoted(field(book, from, d.field))).collect();
    format!(
        "pairs(from={}:{},to={}:{},void={void},deadline={deadline},dimensions=[{}])",
        event(book, from),
        quoted(field(book, from, duration.from_key)),
        event(book, to),
        quoted(field(book, to, duration.to_key)),
        dimensions.join(","),
    )
}

/// An event's dimensions in the order in which tuples hold them: by the text of their fields, for the book's order means nothing.
pub fn dimensions(book: &Book, event: &Event) -> Vec<Dimension> {
    let mut dimensions = event.dimensions.clone();
    dimensions.sort_by(|a, b| (field(book, event, a.field), &a.name).cmp(&(field(book, event, b.field), &b.name)));
    dimensions
}

fn condition(book: &Book, of: &Event, expr: Option<&Expr>) -> String {
    expr.map_or("-".to_owned(), |e| expr::canonical(e, &|slot| field(book, of, slot)))
}

fn field<'b>(book: &'b Book, of: &Event, slot: FieldSlot) -> &'b str {
    &book.topics[usize::from(of.topic.0)].fields[usize::from(slot.0)]
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn time_format(format: TimeFormat) -> &'static str {
    match format {
        TimeFormat::Rfc3339 => "rfc3339",
        TimeFormat::Unix(TimeUnit::Seconds) => "s",
        TimeFormat::Unix(TimeUnit::Millis) => "ms",
        TimeFormat::Unix(TimeUnit::Micros) => "us",
        TimeFormat::Unix(TimeUnit::Nanos) => "ns",
    }
}
