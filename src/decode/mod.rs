//! From bytes to a [`Row`]: the whole text is checked as JSON, and only the fields that the book names are kept.
//!
//! One pass checks the bytes as UTF-8 and one as RFC 8259, whatever the book names, so that a record is a dead letter for every book or
//! for none. Nothing is built besides the row, and nothing is allocated once the row has grown.
//!
//! | text | what comes out |
//! |---|---|
//! | `{"a":1,"a":null}` | the last of two equal keys wins: NULL |
//! | `{"\u0074ype":"x"}` | the field `type`: keys are compared unescaped |
//! | `{"a":1e999}` | a number, kept as text; its range is judged when it is needed as a number |
//! | `{"a":"\ud83d"}` | [`MalformedReason::InvalidEscape`]: half a surrogate pair is no character |
//! | `{"a":{"b":1},"a":2}` | `a.b` is NULL: the last of two equal keys wins at every level, and a path leads through objects only |
//! | `[{"a":1}]`, `null` | [`MalformedReason::NotAnObject`] |
//! | a byte order mark, trailing text, `NaN`, a trailing comma | [`MalformedReason::NotJson`] |
//! | 129 levels of arrays and objects | [`MalformedReason::TooDeep`] |
//!
//! [`canonical`] turns values into the text by which keys, ids and members are compared; [`field`] reads times and numbers.

mod canonical;
pub mod field;
mod identity;
mod names;
mod scan;
mod successors;
#[cfg(test)]
mod tests;
mod tree;

use std::fmt::Write as _;

pub use canonical::{CanonicalFault, TEXT_DIGITS_MAX, canonical, fingerprint};
pub use identity::{IdentityFault, identity};

use crate::book::Field;
use crate::event::{ElementRange, Elements, FieldSlot, Record, Row, Slot, SlotKind};
use scan::Scan;
use successors::Successors;
use tree::{Array, Entry, Node, Tree};

/// The longest payload that is decoded, in bytes: 1 MiB and 12 bytes, the largest record batch that a Kafka broker takes unless told
/// otherwise (`message.max.bytes`).
pub const PAYLOAD_BYTES_MAX: usize = 1_048_588;

/// How many arrays and objects may stand in each other, the outermost included.
pub const NESTING_MAX: u32 = 128;

/// How many elements of one array are read as rows. An order has hundreds of lines at most; a record with more than this is refused by
/// the events that read them, for some of its rows are no better than none.
pub const ELEMENTS_MAX: u32 = 10_000;

/// A record that is no JSON object: a dead letter, whatever the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason} at byte {at_byte}")]
pub struct Malformed {
    /// What is wrong.
    pub reason: MalformedReason,
    /// Where, from 0.
    pub at_byte: usize,
}

/// What is wrong with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum MalformedReason {
    /// No bytes, or only white space.
    #[error("empty")]
    Empty,
    /// More than [`PAYLOAD_BYTES_MAX`] bytes.
    #[error("longer than {PAYLOAD_BYTES_MAX} bytes")]
    TooLong,
    /// Not UTF-8.
    #[error("invalid UTF-8")]
    InvalidUtf8,
    /// Against the grammar of RFC 8259.
    #[error("not JSON")]
    NotJson,
    /// JSON so far, but it ends too early.
    #[error("JSON that ends too early")]
    Truncated,
    /// An escape that does not exist, or half a surrogate pair.
    #[error("invalid escape in a string")]
    InvalidEscape,
    /// More than [`NESTING_MAX`] levels.
    #[error("nested deeper than {NESTING_MAX} levels")]
    TooDeep,
    /// Valid JSON, but no object.
    #[error("JSON, but not an object")]
    NotAnObject,
}

impl MalformedReason {
    /// All of them, in a fixed order.
    pub const ALL: [MalformedReason; 8] = [
        MalformedReason::Empty,
        MalformedReason::TooLong,
        MalformedReason::InvalidUtf8,
        MalformedReason::NotJson,
        MalformedReason::Truncated,
        MalformedReason::InvalidEscape,
        MalformedReason::TooDeep,
        MalformedReason::NotAnObject,
    ];

    /// The text of metric labels and dead letters.
    pub const fn as_str(self) -> &'static str {
        match self {
            MalformedReason::Empty => "empty",
            MalformedReason::TooLong => "too_long",
            MalformedReason::InvalidUtf8 => "invalid_utf8",
            MalformedReason::NotJson => "not_json",
            MalformedReason::Truncated => "truncated",
            MalformedReason::InvalidEscape => "invalid_escape",
            MalformedReason::TooDeep => "too_deep",
            MalformedReason::NotAnObject => "not_an_object",
        }
    }
}

/// Decodes the records of one topic.
#[derive(Clone, Debug)]
pub struct Decoder {
    fields: usize,
    tree: Tree,
    successors: Successors,
    /// Fields of outside the record's value.
    outside: Vec<(FieldSlot, Field)>,
}

impl Decoder {
    /// A decoder of the fields that the book names, [`crate::book::Topic::fields`], each at most once: the row's slots are positions in it.
    pub fn new(fields: &[Field]) -> Decoder {
        let is_outside = |field: &Field| matches!(field, Field::Key | Field::Header(_) | Field::Timestamp);
        let numbered = fields.iter().zip(0u16..).filter(|(field, _)| is_outside(field));
        let outside = numbered.map(|(field, slot)| (FieldSlot(slot), field.clone())).collect();
        Decoder { fields: fields.len(), tree: Tree::new(fields), successors: Successors::default(), outside }
    }

    /// Checks all of `payload`, fills `row` with the named fields (NULL where absent) and returns the payload as text, which
    /// [`Row::value`] needs again. After an error every slot is NULL.
    ///
    /// Fields of outside the value are NULL until [`Decoder::fill`], and those of elements until [`Decoder::load_element`].
    ///
    /// # Errors
    /// [`Malformed`] with the first fault; invalid UTF-8 anywhere comes before faults of the grammar.
    pub fn decode<'a>(&mut self, payload: &'a [u8], row: &mut Row) -> Result<&'a str, Malformed> {
        self.clear(row);
        if payload.len() > PAYLOAD_BYTES_MAX {
            return Err(Malformed { reason: MalformedReason::TooLong, at_byte: PAYLOAD_BYTES_MAX });
        }
        let text = std::str::from_utf8(payload)
            .map_err(|fault| Malformed { reason: MalformedReason::InvalidUtf8, at_byte: fault.valid_up_to() })?;
        let mut marks = std::mem::take(&mut row.marks);
        let mut successors = std::mem::take(&mut self.successors);
        let of_payload = scan::mark(payload, &mut marks);
        let read = self.read(Scan::new(text, of_payload, &mut successors), row);
        (row.marks, self.successors) = (marks, successors);
        match read {
            Ok(()) => Ok(text),
            Err(malformed) => {
                self.clear(row);
                Err(malformed)
            }
        }
    }

    fn clear(&self, row: &mut Row) {
        row.clear(self.fields);
        row.arrays.resize(self.tree.arrays.len(), ElementRange::default());
    }

    /// Fills the fields of outside the value: `$key`, `$header.NAME`, `$timestamp`. NULL where the record has none.
    pub fn fill(&self, record: &Record<'_>, row: &mut Row) {
        for (slot, field) in &self.outside {
            let filled = match field {
                Field::Key => outside_text(record.key, &mut row.unescaped),
                Field::Header(name) => {
                    let last = record.headers.iter().rev().find(|header| header.name == name);
                    outside_text(last.and_then(|header| header.value), &mut row.unescaped)
                }
                _ => record.timestamp.map_or(Slot::default(), |at| {
                    let start = row.unescaped.len() as u32;
                    // Kafka's timestamps are whole milliseconds. Writing to a String does not fail.
                    let _ = write!(row.unescaped, "{}", at.0.div_euclid(1_000));
                    Slot { kind: SlotKind::UnescapedNumber, start, end: row.unescaped.len() as u32 }
                }),
            };
            if let Some(slot) = row.slots.get_mut(usize::from(slot.0)) {
                *slot = filled;
            }
        }
    }

    /// The number of the array whose elements fill the slot `each`.
    pub fn array(&self, each: FieldSlot) -> Option<usize> {
        self.tree.arrays.iter().position(|array| array.fields.contains(&each))
    }

    /// What stands where that array is read.
    pub fn elements(&self, array: usize, row: &Row) -> Elements {
        row.arrays.get(array).map_or(Elements::Missing, |range| range.elements)
    }

    /// Fills the fields of the array's elements with those of one; with NULL past the last.
    pub fn load_element(&self, array: usize, index: u32, row: &mut Row) {
        let (Some(fields), Some(range)) = (self.tree.arrays.get(array), row.arrays.get(array).copied()) else { return };
        let there = matches!(range.elements, Elements::Count(count) if index < count);
        let start = range.start as usize + index as usize * fields.fields.len();
        for (offset, field) in fields.fields.iter().enumerate() {
            let value =
                if there { row.slots.get(start + offset).copied().unwrap_or_default() } else { Slot::default() };
            if let Some(slot) = row.slots.get_mut(usize::from(field.0)) {
                *slot = value;
            }
        }
    }

    fn read(&self, mut scan: Scan<'_>, row: &mut Row) -> Result<(), Malformed> {
        match scan.next_token() {
            None => {
                return Err(Malformed { reason: MalformedReason::Empty, at_byte: 0 });
            }
            Some(b'{') => match self.tree.root() {
                Some(root) => self.read_object(root, 0, 1, &mut scan, row)?,
                None => scan.skip_value(0)?,
            },
            Some(_) => {
                let at_byte = scan.at();
                scan.skip_value(0)?;
                scan.end()?;
                return Err(Malformed { reason: MalformedReason::NotAnObject, at_byte });
            }
        }
        scan.end()
    }

    /// An object that stands within `depth - 1` others; `scan` stands on its brace. Its slots begin at `base`.
    fn read_object(
        &self,
        node: &Node,
        base: usize,
        depth: u32,
        scan: &mut Scan<'_>,
        row: &mut Row,
    ) -> Result<(), Malformed> {
        scan.step();
        if scan.next_token() == Some(b'}') {
            scan.step();
            return Ok(());
        }
        loop {
            scan.next_token();
            let entry = match scan.expected_key(node.number) {
                Some(entry) => entry,
                None => read_key(node, scan, row)?,
            };
            match entry {
                None => scan.skip_value(depth)?,
                Some(entry) if entry.is_plain() => {
                    let value = read_value(scan, depth, &mut row.unescaped)?;
                    if let Some(slot) = row.slots.get_mut(base + entry.slot()) {
                        *slot = value;
                    }
                }
                Some(entry) => self.read_through(entry, base, depth, scan, row)?,
            }
            match scan.next_token() {
                Some(b',') => scan.step(),
                Some(b'}') => {
                    scan.step();
                    return Ok(());
                }
                _ => return Err(scan.unexpected()),
            }
        }
    }

    /// The value of a key that paths go through, or whose array is read as rows.
    #[inline(never)]
    fn read_through(
        &self,
        entry: Entry,
        base: usize,
        depth: u32,
        scan: &mut Scan<'_>,
        row: &mut Row,
    ) -> Result<(), Malformed> {
        let Some(inner) = self.tree.inner(entry) else { return scan.skip_value(depth) };
        for below in &inner.slots {
            if let Some(slot) = row.slots.get_mut(base + *below as usize) {
                *slot = Slot::default();
            }
        }
        for below in &inner.arrays {
            if let Some(array) = row.arrays.get_mut(*below as usize) {
                array.elements = Elements::Missing;
            }
        }
        let first = scan.next_token();
        let start = scan.at() as u32;
        let composite = |scan: &Scan<'_>| Slot { kind: SlotKind::Composite, start, end: scan.at() as u32 };
        let value = match (first, self.tree.inner_node(inner), inner.array()) {
            (Some(b'{'), Some(node), _) => {
                self.read_object(node, base, depth + 1, scan, row)?;
                composite(scan)
            }
            (Some(b'['), _, Some(array)) => {
                self.read_array(array, depth + 1, scan, row)?;
                composite(scan)
            }
            _ => read_value(scan, depth, &mut row.unescaped)?,
        };
        let is_array = first == Some(b'[');
        if let Some(array) = inner.array().and_then(|array| row.arrays.get_mut(array))
            && !is_array
            && value.kind != SlotKind::Null
        {
            array.elements = Elements::NotAnArray;
        }
        if let Some(slot) = row.slots.get_mut(base + entry.slot()) {
            *slot = value;
        }
        Ok(())
    }

    /// An array that stands within `depth - 1` others and is read as rows; `scan` stands on its bracket.
    fn read_array(&self, number: usize, depth: u32, scan: &mut Scan<'_>, row: &mut Row) -> Result<(), Malformed> {
        let Some(array) = self.tree.arrays.get(number) else { return scan.skip_value(depth - 1) };
        scan.step();
        let start = row.slots.len() as u32;
        // An equal key before does not make room for more: what is kept of a record is bounded.
        let mut kept = row.arrays.get(number).map_or(0, |range| range.kept);
        let (mut count, mut elements) = (0, Elements::Count(0));
        if scan.next_token() == Some(b']') {
            scan.step();
        } else {
            loop {
                if kept < ELEMENTS_MAX {
                    self.read_element(array, depth, scan, row)?;
                    (kept, count) = (kept + 1, count + 1);
                    elements = Elements::Count(count);
                } else {
                    scan.skip_value(depth)?;
                    elements = Elements::TooMany;
                }
                match scan.next_token() {
                    Some(b',') => scan.step(),
                    Some(b']') => break scan.step(),
                    _ => return Err(scan.unexpected()),
                }
            }
        }
        if let Some(range) = row.arrays.get_mut(number) {
            *range = ElementRange { elements, start, kept };
        }
        Ok(())
    }

    /// One element, into slots of its own behind all others.
    fn read_element(&self, array: &Array, depth: u32, scan: &mut Scan<'_>, row: &mut Row) -> Result<(), Malformed> {
        let base = row.slots.len();
        row.slots.resize(base + array.fields.len(), Slot::default());
        let first = scan.next_token();
        let start = scan.at() as u32;
        let value = match (first, self.tree.element_node(array)) {
            (Some(b'{'), Some(node)) => {
                self.read_object(node, base, depth + 1, scan, row)?;
                Slot { kind: SlotKind::Composite, start, end: scan.at() as u32 }
            }
            _ => read_value(scan, depth, &mut row.unescaped)?,
        };
        if let Some(slot) = array.own().and_then(|own| row.slots.get_mut(base + own)) {
            *slot = value;
        }
        Ok(())
    }
}

/// A key that was not expected, and what it fills.
fn read_key(node: &Node, scan: &mut Scan<'_>, row: &mut Row) -> Result<Option<Entry>, Malformed> {
    let start = scan.at();
    let key = scan.key()?;
    let entry = if key.escaped {
        // The end of the row's own buffer serves as scratch: no allocation.
        let kept = row.unescaped.len();
        scan.unescape(key, &mut row.unescaped);
        let entry = node.entry(&row.unescaped.as_bytes()[kept..]);
        row.unescaped.truncate(kept);
        entry
    } else {
        node.entry(scan.bytes(key))
    };
    scan.expect(start, node.number, entry);
    Ok(entry)
}

/// Bytes of outside the value as text; a copy, for the row holds texts of its own.
fn outside_text(bytes: Option<&[u8]>, texts: &mut String) -> Slot {
    let Some(bytes) = bytes else { return Slot::default() };
    let Ok(text) = std::str::from_utf8(bytes) else { return Slot { kind: SlotKind::NotText, ..Slot::default() } };
    let start = texts.len() as u32;
    texts.push_str(text);
    Slot { kind: SlotKind::Unescaped, start, end: texts.len() as u32 }
}

/// The slot of the value that comes next, which stands within `depth` others.
#[inline(always)]
fn read_value(scan: &mut Scan<'_>, depth: u32, unescaped: &mut String) -> Result<Slot, Malformed> {
    let first = scan.next_token();
    let start = scan.at();
    let (kind, start, end) = match first {
        Some(b'"') => {
            let string = scan.string()?;
            if string.escaped {
                let start = unescaped.len();
                scan.unescape(string, unescaped);
                (SlotKind::Unescaped, start, unescaped.len())
            } else {
                (SlotKind::Text, string.start, string.end)
            }
        }
        Some(b'{' | b'[') => {
            scan.skip_composite(depth)?;
            (SlotKind::Composite, start, scan.at())
        }
        first => {
            scan.skip_plain()?;
            let kind = match first {
                Some(b't') => SlotKind::True,
                Some(b'f') => SlotKind::False,
                Some(b'n') => SlotKind::Null,
                _ => SlotKind::Number,
            };
            (kind, start, scan.at())
        }
    };
    // Payloads are at most PAYLOAD_BYTES_MAX long, and unescaping never lengthens a text.
    Ok(Slot { kind, start: start as u32, end: end as u32 })
}
