//! One walk over a file's tree that holds it against the tables of [`super::keys`] and reports all that does not fit.
//!
//! After it, a node that was not reported has the form of its table, so what reads values later stays silent where they do not parse.

use super::amounts::{self, TextFault};
use super::fault::{Report, ascii_of, nearest, suggestion};
use super::field;
use super::keys::{Shape, Table};
use super::yaml::{Node, NodeKind, Place};
use crate::time::Zone;

/// Longest free text or expression, in bytes.
pub const TEXT_BYTES_MAX: usize = 4096;
/// Longest id or name, in bytes; Kafka's own limit for topics.
pub const NAME_BYTES_MAX: usize = 249;

/// What messages call something in a list.
const ELEMENT_OF: &str = "an element of ";

/// Holds `node`, which stands under `what`, against `shape`.
pub(super) fn check(node: &Node, shape: &Shape, what: &str, at: Place, report: &mut Report) {
    if node.is_empty() {
        report.mend(at, format!("{} has no value", quoted(what)), "give it one, or remove the key");
        return;
    }
    match (shape, &node.kind) {
        (Shape::OneOf(shapes), _) => one_of(node, shapes, what, at, report),
        (Shape::List(element), NodeKind::List(elements)) => {
            let what = format!("{ELEMENT_OF}{what}");
            for node in elements {
                check(node, element, &what, node.place, report);
            }
        }
        (Shape::Map(value), NodeKind::Map(entries)) => {
            for (key, node) in entries {
                if let Some(fault) = amounts::wide(&key.text).filter(|_| !matches!(value, Shape::Text)) {
                    put(report, key.place.right(fault.at), fault);
                }
                check(node, value, &key.text, key.place, report);
            }
        }
        (Shape::Object(table), NodeKind::Map(_)) => object(node, table, what, report),
        (Shape::Typed(cases), NodeKind::Map(_)) => typed(node, cases, what, report),
        (_, NodeKind::Scalar { text, .. }) if shape.is_scalar() => {
            if let Err(fault) = scalar(text, shape) {
                put(report, node.place_of(fault.at), fault);
            }
        }
        _ => misshapen(node, shape.article(), what, report),
    }
}

fn put(report: &mut Report, place: Place, fault: TextFault) {
    match fault.mend {
        Some(mend) => report.mend(place, fault.message, mend),
        None => report.fault(place, fault.message),
    }
}

/// A key as messages show it: `key`, or an element of `key`.
fn quoted(what: &str) -> String {
    what.strip_prefix(ELEMENT_OF).map_or_else(|| format!("`{what}`"), |list| format!("{ELEMENT_OF}`{list}`"))
}

fn misshapen(node: &Node, expected: &str, what: &str, report: &mut Report) {
    let wide = node.text().and_then(|text| text.chars().enumerate().find(|(_, c)| *c == '：'));
    if let Some((at, _)) = wide {
        report.mend(node.place_of(at), "full-width `：` where `:` is meant", "write `: `, with a space behind it");
        return;
    }
    let message = format!("{} must be {expected}, not {}", quoted(what), node.kind_name());
    if node.elements().is_empty() || expected == "a mapping" {
        report.fault(node.place, message);
        return;
    }
    let mend = "write one of them, without the brackets; where each is meant, repeat what it belongs to";
    report.mend(node.place, message, mend);
}

/// A mapping that has a table of keys.
fn object(node: &Node, table: &Table, what: &str, report: &mut Report) {
    for (key, value) in node.entries() {
        let Some(known) = table.keys.iter().find(|known| known.name == key.text) else {
            unknown_key(&key.text, key.place, table, report);
            continue;
        };
        check(value, &known.shape, &key.text, key.place, report);
        if let Some(until) = known.later {
            report.later(key.place, &format!("`{}`", key.text), until);
        }
    }
    for known in table.keys.iter().filter(|known| known.required) {
        let there = node.entries().iter().any(|(key, _)| key.text == known.name);
        if !there && !misspelt(node, table, known.name) {
            let whose =
                if what == "book" { table.name.to_owned() } else { format!("{} ({})", table.name, quoted(what)) };
            let message =
                format!("{} needs `{}`", if node.get("id").is_some() { named(node, table) } else { whose }, known.name);
            report.mend(node.place, message, format!("`{}`: {}", known.name, known.doc));
        }
    }
}

/// Whether the mapping has an unknown key that is probably meant to be `name`: then it is not missing as well.
pub(super) fn misspelt(node: &Node, table: &Table, name: &str) -> bool {
    let known = || table.keys.iter().map(|key| key.name);
    let mut unknown = node.entries().iter().filter(|(key, _)| known().all(|known| known != key.text));
    unknown.any(|(key, _)| {
        let word = key.text.split(|c| ascii_of(c).is_some()).next().unwrap_or_default();
        nearest(word, known()) == Some(name)
    })
}

/// `the key result `aht``, where the node has an id.
fn named(node: &Node, table: &Table) -> String {
    let id = node.get("id").and_then(|id| id.text()).unwrap_or_default();
    let name = table.name.trim_start_matches("an ").trim_start_matches("a ");
    format!("the {name} `{id}`")
}

fn unknown_key(key: &str, place: Place, table: &Table, report: &mut Report) {
    if let Some((at, c)) = key.chars().enumerate().find(|(_, c)| ascii_of(*c).is_some()) {
        let ascii = ascii_of(c).map(String::from).unwrap_or_default();
        let mend = format!("write `{ascii}`{}", if ascii == ":" { ", with a space behind it" } else { "" });
        report.mend(place.right(at), format!("full-width `{c}` where `{ascii}` is meant"), mend);
        return;
    }
    let known: Vec<&str> = table.keys.iter().map(|key| key.name).collect();
    let mend = match nearest(key, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("its keys are: {}", known.join(", ")),
    };
    report.mend(place, format!("`{key}` is not a key of {}", table.name), mend);
}

/// A mapping whose `type` names its table.
fn typed(node: &Node, cases: &[(&str, &Table)], what: &str, report: &mut Report) {
    let names: Vec<&str> = cases.iter().map(|(name, _)| *name).collect();
    let Some(kind) = node.get("type") else {
        report.mend(node.place, format!("{} needs `type`", quoted(what)), format!("one of: {}", names.join(", ")));
        return;
    };
    let Some(word) = kind.text() else {
        report.fault(kind.place, "`type` must be a word");
        return;
    };
    let Some((_, table)) = cases.iter().find(|(name, _)| *name == word) else {
        let mend = suggestion(word, &names).unwrap_or_default();
        report.mend(kind.place, format!("`{word}` is not a type of metric"), mend);
        return;
    };
    object(node, table, what, report);
    if let Some(until) = table.later {
        report.later(kind.place, &format!("`type: {word}`"), until);
    }
}

fn one_of(node: &Node, shapes: &[Shape], what: &str, at: Place, report: &mut Report) {
    let fits = |shape: &&Shape| match &node.kind {
        NodeKind::Scalar { .. } => shape.is_scalar(),
        NodeKind::List(_) => matches!(shape, Shape::List(_)),
        NodeKind::Map(_) => matches!(shape, Shape::Map(_) | Shape::Object(_) | Shape::Typed(_)),
    };
    let mut candidates = shapes.iter().filter(fits);
    let Some(first) = candidates.next() else {
        let expected: Vec<&str> = shapes.iter().map(Shape::article).collect();
        return misshapen(node, &expected.join(" or "), what, report);
    };
    let other_fits = node.text().is_some_and(|text| candidates.any(|shape| scalar(text, shape).is_ok()));
    if !other_fits {
        check(node, first, what, at, report);
    }
}

impl Shape {
    fn is_scalar(&self) -> bool {
        !matches!(self, Shape::List(_) | Shape::Map(_) | Shape::Object(_) | Shape::Typed(_) | Shape::OneOf(_))
    }

    /// What messages call it.
    fn article(&self) -> &'static str {
        match self {
            Shape::Text => "a text",
            Shape::Sql => "an SQL expression",
            Shape::Id => "an id",
            Shape::Alignment => "an objective, or objective/key-result",
            Shape::Name | Shape::Dimension => "a name",
            Shape::Field => "a field",
            Shape::Word(_) => "a word",
            Shape::Stat => "a statistic",
            Shape::Amount => "an amount",
            Shape::Share => "a share",
            Shape::Number | Shape::Count => "a number",
            Shape::Span | Shape::SpanOrNever => "a length of time",
            Shape::Date => "a date",
            Shape::Hours => "hours of the day",
            Shape::Zone => "a time zone",
            Shape::List(_) => "a list",
            Shape::Map(_) | Shape::Object(_) | Shape::Typed(_) | Shape::OneOf(_) => "a mapping",
        }
    }
}

fn scalar(text: &str, shape: &Shape) -> Result<(), TextFault> {
    let limit = if matches!(shape, Shape::Text | Shape::Sql) { TEXT_BYTES_MAX } else { NAME_BYTES_MAX };
    if text.len() > limit {
        return Err(TextFault::new(format!("longer than {limit} bytes"), "shorten it"));
    }
    if !matches!(shape, Shape::Text | Shape::Sql)
        && let Some(fault) = amounts::wide(text)
    {
        return Err(fault);
    }
    match shape {
        Shape::Text | Shape::Sql if text.trim().is_empty() => Err(TextFault::new("an empty text", "write one")),
        Shape::Id => id(text),
        Shape::Alignment => text.splitn(2, '/').try_for_each(id),
        Shape::Name => name(text),
        Shape::Field => field::parse(text).map(drop),
        Shape::Dimension => name(text).map_err(|fault| TextFault {
            mend: Some(format!("give the field a name of letters, digits and `_`: {{ name: {text} }}")),
            ..fault
        }),
        Shape::Word(words) => word(text, words),
        Shape::Stat if text.starts_with('p') && text[1..].starts_with(|c: char| c.is_ascii_digit()) => {
            percentile(text).map(drop)
        }
        Shape::Stat => word(text, &["mean", "min", "max", "on_time", "p50", "p90", "p99"]),
        Shape::Amount => amounts::read(text).map(drop),
        Shape::Share => amounts::share(text).map(drop),
        Shape::Number => amounts::number(text).map(drop),
        Shape::Count => amounts::count(text).map(drop),
        Shape::SpanOrNever if text == "never" => Ok(()),
        Shape::Span | Shape::SpanOrNever => amounts::span(text).map(drop),
        Shape::Date => amounts::date(text).map(drop),
        Shape::Hours => amounts::hours(text).map(drop),
        Shape::Zone if Zone::named(text).is_none() => Err(TextFault::new(
            format!("unknown time zone `{text}`"),
            "use its IANA name, like `Asia/Shanghai` or `UTC`",
        )),
        _ => Ok(()),
    }
}

/// Reads `p50`, `p99.9` as basis points of the rank.
pub(super) fn percentile(text: &str) -> Result<u16, TextFault> {
    let wrong = |why: &str| Err(TextFault::new(format!("`{text}` {why}"), "write it like `p50`, `p90` or `p99.9`"));
    let Ok(rank) = amounts::number(text.trim_start_matches('p')) else {
        return wrong("is not a percentile");
    };
    let (least, most) = (10_000_000, 99_990_000_000);
    if rank.0 < least || rank.0 > most {
        return wrong("is out of range: percentiles go from p0.01 to p99.99");
    }
    match u16::try_from(rank.0 / least) {
        Ok(basis_points) if rank.0 % least == 0 => Ok(basis_points),
        _ => wrong("has more than 2 decimals"),
    }
}

fn word(text: &str, words: &[&str]) -> Result<(), TextFault> {
    if words.contains(&text) {
        return Ok(());
    }
    Err(TextFault { message: format!("`{text}` is not known here"), mend: suggestion(text, words), at: 0 })
}

pub(super) fn id(text: &str) -> Result<(), TextFault> {
    let wrong = text.chars().enumerate().find(|(_, c)| !(c.is_ascii_alphanumeric() || ".-_".contains(*c)));
    match wrong {
        None if text.is_empty() => {
            Err(TextFault::new("an empty id", "ids are made of A-Z, a-z, 0-9, `.`, `_` and `-`"))
        }
        None => Ok(()),
        Some((at, c)) => Err(TextFault {
            message: format!("`{c}` in the id `{text}`"),
            mend: Some("ids are made of A-Z, a-z, 0-9, `.`, `_` and `-`; any script goes into `title`".to_owned()),
            at,
        }),
    }
}

/// A name of an event, metric or dimension: what a formula can say without quotes.
pub(super) fn name(text: &str) -> Result<(), TextFault> {
    let wrong = text
        .chars()
        .enumerate()
        .find(|(at, c)| !(c.is_ascii_alphabetic() || *c == '_' || (*at > 0 && c.is_ascii_digit())));
    match wrong {
        None if text.is_empty() => Err(TextFault::new("an empty name", "names begin with a letter")),
        None => Ok(()),
        Some((at, c)) => Err(TextFault {
            message: format!("`{c}` in the name `{text}`"),
            mend: Some("names are made of A-Z, a-z, 0-9 and `_`, and begin with a letter".to_owned()),
            at,
        }),
    }
}
