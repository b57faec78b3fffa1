//! Fields: what a slot of a row is read from, and the one way to write it, in keys of the book and in expressions alike.
//!
//! | written | is |
//! |---|---|
//! | `region` | the key of that name at the top of the record's value |
//! | `customer.region` | the key `region` of the object under `customer`, and so on, up to [`PATH_KEYS_MAX`] keys |
//! | `"a.b"`, `customer."a.b"` | a dot outside of quotes parts keys, one within them belongs to the key; `""` is a quote |
//! | `items.sku` of an event with `each: items` | the key `sku` of the one element that the row is made of |
//! | `items` of an event with `each: items` | that element itself |
//! | `$key` | the record's key, as text |
//! | `$header.NAME` | the last header of that name, as text; all behind `$header.` is the name, dots too |
//! | `$timestamp` | the record's own timestamp: a number, milliseconds since 1970 |
//! | `"$key"` | a key of the record's value that begins with `$`; only the first one needs the quotes |
//! | `items[0]`, `items.0` | a fault: an array has no fields; `"0"` is a key |
//!
//! A path through anything else than objects is NULL.

use std::fmt;

use super::amounts::TextFault;

/// The longest path, in keys.
pub const PATH_KEYS_MAX: usize = 16;

/// What a slot of a row is read from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// A value in the record's value: its keys from the outermost in. Never empty.
    Path(Vec<String>),
    /// A value in the elements of an array, each a row of its own.
    Element {
        /// The path of the array.
        array: Vec<String>,
        /// The path from the element on; empty: the element itself.
        path: Vec<String>,
    },
    /// The record's key.
    Key,
    /// The last header of that name.
    Header(String),
    /// The record's own timestamp.
    Timestamp,
}

impl Field {
    /// The top-level key of that name, whatever characters it has.
    pub fn named(name: &str) -> Field {
        Field::Path(vec![name.to_owned()])
    }

    /// The same field in the rows of an event that makes one row of every element of the array `each`.
    pub(super) fn within(self, each: &[String]) -> Field {
        match self {
            Field::Path(mut path) if path.starts_with(each) => {
                let path = path.split_off(each.len());
                Field::Element { array: each.to_vec(), path }
            }
            other => other,
        }
    }

    /// The text by which stored definitions name it: every key in quotes.
    pub fn canonical(&self) -> String {
        let quoted = |keys: &[String]| keys.iter().map(|key| quoted(key)).collect::<Vec<_>>();
        match self {
            Field::Path(path) => quoted(path).join("."),
            Field::Element { array, path } => {
                let array = quoted(array).join(".") + "[]";
                [vec![array], quoted(path)].concat().join(".")
            }
            Field::Key => "$key".to_owned(),
            Field::Header(name) => format!("$header.{}", self::quoted(name)),
            Field::Timestamp => "$timestamp".to_owned(),
        }
    }
}

/// As the book writes it, with no more quotes than it needs.
impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, rest): (&[String], &[String]) = match self {
            Field::Path(path) => (path, &[]),
            Field::Element { array, path } => (array, path),
            Field::Key => return f.write_str("$key"),
            Field::Header(name) => return write!(f, "$header.{name}"),
            Field::Timestamp => return f.write_str("$timestamp"),
        };
        for (at, key) in first.iter().chain(rest).enumerate() {
            if at > 0 {
                f.write_str(".")?;
            }
            let plain = !key.is_empty()
                && !key.contains(['.', '"', '[', ']'])
                && if at == 0 { !key.starts_with('$') } else { !is_index(key) };
            if plain { f.write_str(key)? } else { f.write_str(&quoted(key))? }
        }
        Ok(())
    }
}

fn quoted(key: &str) -> String {
    format!("\"{}\"", key.replace('"', "\"\""))
}

fn is_index(key: &str) -> bool {
    key.bytes().all(|byte| byte.is_ascii_digit())
}

/// A part of a written field, between dots.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub text: String,
    pub quoted: bool,
    /// Characters before it.
    pub at: usize,
}

/// Reads a field as a key of the book names it.
pub(super) fn parse(text: &str) -> Result<Field, TextFault> {
    if text.trim().is_empty() {
        return Err(TextFault::new("an empty field name", "name a field of the records"));
    }
    field(&split(text)?)
}

fn split(text: &str) -> Result<Vec<Part>, TextFault> {
    let mut parts = Vec::new();
    let mut rest = text.chars().enumerate().peekable();
    loop {
        let at = rest.peek().map_or(text.chars().count(), |(at, _)| *at);
        let mut part = Part { text: String::new(), quoted: false, at };
        if rest.next_if(|(_, c)| *c == '"').is_some() {
            part.quoted = true;
            loop {
                match rest.next() {
                    Some((_, '"')) if rest.next_if(|(_, c)| *c == '"').is_some() => part.text.push('"'),
                    Some((_, '"')) => break,
                    Some((_, c)) => part.text.push(c),
                    None => return Err(fault(at, "a quote that does not end", "close it with `\"`")),
                }
            }
        }
        while let Some((at, c)) = rest.next_if(|(_, c)| *c != '.') {
            match c {
                '[' | ']' => return Err(no_index(at, &c.to_string())),
                _ if c == '"' || part.quoted => {
                    let message = format!("`{c}` beside a quote in the field `{text}`");
                    return Err(fault(at, message, "quotes stand around a whole key: `customer.\"a.b\"`"));
                }
                _ => part.text.push(c),
            }
        }
        parts.push(part);
        if rest.next().is_none() {
            return Ok(parts);
        }
    }
}

/// The field that parts between dots name.
pub(super) fn field(parts: &[Part]) -> Result<Field, TextFault> {
    let Some((first, rest)) = parts.split_first() else {
        return Err(TextFault::new("an empty field name", "name a field of the records"));
    };
    if !first.quoted && first.text.starts_with('$') {
        return special(first, rest);
    }
    for (number, part) in parts.iter().enumerate().filter(|(_, part)| !part.quoted) {
        if part.text.trim().is_empty() {
            return Err(fault(part.at, "an empty key in a path", "write keys with single dots between them"));
        }
        if number > 0 && is_index(&part.text) {
            return Err(no_index(part.at, &part.text));
        }
    }
    if parts.len() > PATH_KEYS_MAX {
        let message = format!("a path of {} keys", parts.len());
        return Err(fault(parts[PATH_KEYS_MAX].at, message, format!("a path has at most {PATH_KEYS_MAX}")));
    }
    Ok(Field::Path(parts.iter().map(|part| part.text.clone()).collect()))
}

fn special(first: &Part, rest: &[Part]) -> Result<Field, TextFault> {
    let known = "`$key`, `$header.NAME` and `$timestamp` belong to the record; quote a key of its value: `\"$id\"`";
    match (first.text.as_str(), rest) {
        ("$key", []) => Ok(Field::Key),
        ("$timestamp", []) => Ok(Field::Timestamp),
        ("$key" | "$timestamp", [part, ..]) => {
            let message = format!("`{}` is one value and has no fields", first.text);
            Err(fault(part.at, message, format!("write `{}` alone", first.text)))
        }
        ("$header", rest) => {
            let name = rest.iter().map(|part| part.text.as_str()).collect::<Vec<_>>().join(".");
            if name.is_empty() {
                return Err(fault(first.at, "`$header` without a name", "write `$header.NAME`"));
            }
            Ok(Field::Header(name))
        }
        (name, _) => Err(fault(first.at, format!("there is no `{name}`"), known)),
    }
}

fn no_index(at: usize, index: &str) -> TextFault {
    let mend = "`each: PATH` makes a row of every element of an array; a key of an object that is so written is quoted";
    fault(at, format!("`{index}` in a path: an array has no fields"), mend)
}

fn fault(at: usize, message: impl Into<String>, mend: impl Into<String>) -> TextFault {
    TextFault { message: message.into(), mend: Some(mend.into()), at }
}
