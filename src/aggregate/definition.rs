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
///
/// | only where it is used | is printed |
/// |---|---|
/// | a dotted path; a header; a field of an element | `"customer"."region"`; `$header."NAME"`; `"items"[]."sku"` |
/// | several fields of an id | `id=["order_id","line_no"]` |
/// | a zone of local times | `time="at":local("Asia/Shanghai")` |
/// | an array whose elements are the rows | `,each="items"` at the end |
pub fn event(book: &Book, event: &Event) -> String {
    let field = |slot| field(book, event, slot);
    let id = match event.id.as_slice() {
        [] => "-".to_owned(),
        [only] => field(*only),
        several => format!("[{}]", several.iter().map(|slot| field(*slot)).collect::<Vec<_>>().join(",")),
    };
    let time = field(event.time);
    let format = time_format(book, event.time_format);
    let topic = quoted(&book.topics[usize::from(event.topic.0)].name);
    let filter = condition(book, event, event.filter.as_ref());
    let each = event.each.map_or(String::new(), |slot| format!(",each={}", field(slot).trim_end_matches("[]")));
    format!("event(topic={topic},id={id},time={time}:{format},where={filter}{each})")
}

/// How cells are cut by dimensions: by the members of one, and to single members of others.
#[derive(Clone, Debug, Default)]
pub struct Cut<'a> {
    /// The field of the dimension by which they are kept apart.
    pub dimension: Option<FieldSlot>,
    /// Fields of dimensions, and the one member of each that is taken.
    pub only: Vec<(FieldSlot, &'a str)>,
}

/// `tally(EVENT,where=…,value=…,by="warehouse",grain=3600s)`; a sketch and a distinct likewise. What is restricted to members says so at the end:
/// `,only=["channel"='web']`.
pub fn cells(
    facet: &str,
    book: &Book,
    of: &Event,
    (filter, value): (Option<&Expr>, Option<&Expr>),
    cut: &Cut<'_>,
    grain: Grain,
) -> String {
    let by = cut.dimension.map_or("-".to_owned(), |slot| field(book, of, slot));
    let filter = condition(book, of, filter);
    let value = condition(book, of, value);
    let secs = grain.0.0 / Span::SECOND.0;
    let mut only: Vec<(String, &str)> =
        cut.only.iter().map(|(slot, member)| (field(book, of, *slot), *member)).collect();
    only.sort_unstable();
    let only: Vec<String> =
        only.iter().map(|(field, member)| format!("{field}='{}'", member.replace('\'', "''"))).collect();
    let only = if only.is_empty() { String::new() } else { format!(",only=[{}]", only.join(",")) };
    format!("{facet}({},where={filter},value={value},by={by},grain={secs}s{only})", event(book, of))
}

/// `pairs(from=EVENT:"order_id",to=EVENT:"so_no",void=…,deadline="promised_at":rfc3339,dimensions=["channel","warehouse"])`.
/// Where not every start is taken, `,where=…` stands at the end.
pub fn pairs(book: &Book, duration: &Duration, filter: Option<&Expr>) -> String {
    let of = |index: crate::event::EventIndex| &book.events[usize::from(index.0)];
    let (from, to) = (of(duration.from), of(duration.to));
    let void = duration
        .void
        .map_or("-".to_owned(), |(index, key)| format!("{}:{}", event(book, of(index)), field(book, of(index), key)));
    let deadline = duration
        .deadline
        .map_or("-".to_owned(), |(slot, format)| format!("{}:{}", field(book, from, slot), time_format(book, format)));
    let dimensions: Vec<String> = dimensions(book, from).iter().map(|d| field(book, from, d.field)).collect();
    let filter = filter.map_or_else(String::new, |filter| format!(",where={}", condition(book, from, Some(filter))));
    format!(
        "pairs(from={}:{},to={}:{},void={void},deadline={deadline},dimensions=[{}]{filter})",
        event(book, from),
        field(book, from, duration.from_key),
        event(book, to),
        field(book, to, duration.to_key),
        dimensions.join(","),
    )
}

/// `levels(EVENT,where=…,value=…,key="sku",dimensions=["channel","warehouse"],grain=3600s)`
pub fn levels(
    book: &Book,
    of: &Event,
    filter: Option<&Expr>,
    (key, value): (FieldSlot, &Expr),
    grain: Grain,
) -> String {
    let dimensions: Vec<String> = dimensions(book, of).iter().map(|d| field(book, of, d.field)).collect();
    format!(
        "levels({},where={},value={},key={},dimensions=[{}],grain={}s)",
        event(book, of),
        condition(book, of, filter),
        condition(book, of, Some(value)),
        field(book, of, key),
        dimensions.join(","),
        grain.0.0 / Span::SECOND.0,
    )
}

/// An event's dimensions in the order in which tuples hold them: by the text of their fields, for the book's order means nothing.
pub fn dimensions(book: &Book, event: &Event) -> Vec<Dimension> {
    let mut dimensions = event.dimensions.clone();
    let text = |dimension: &Dimension| {
        book.topics[usize::from(event.topic.0)].fields[usize::from(dimension.field.0)].to_string()
    };
    dimensions.sort_by_cached_key(|dimension| (text(dimension), dimension.name.clone()));
    dimensions
}

fn condition(book: &Book, of: &Event, expr: Option<&Expr>) -> String {
    expr.map_or("-".to_owned(), |e| expr::canonical(e, &|slot| field(book, of, slot)))
}

/// The canonical text of a field.
fn field(book: &Book, of: &Event, slot: FieldSlot) -> String {
    book.topics[usize::from(of.topic.0)].fields[usize::from(slot.0)].canonical()
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn time_format(book: &Book, format: TimeFormat) -> String {
    match format {
        TimeFormat::Rfc3339 => "rfc3339".to_owned(),
        TimeFormat::Unix(TimeUnit::Seconds) => "s".to_owned(),
        TimeFormat::Unix(TimeUnit::Millis) => "ms".to_owned(),
        TimeFormat::Unix(TimeUnit::Micros) => "us".to_owned(),
        TimeFormat::Unix(TimeUnit::Nanos) => "ns".to_owned(),
        TimeFormat::Local(zone) => format!("local({})", quoted(&book.zones[usize::from(zone.0)].name)),
    }
}
