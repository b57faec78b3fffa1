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
mod read;
mod scan;
mod successors;
#[cfg(test)]
mod tests;
mod tree;

use std::fmt::Write as _;

pub use canonical::{CanonicalFault, TEXT_DIGITS_MAX, canonical, canonical_text, fingerprint};
pub use identity::{IdentityFault, identity};

use crate::book::Field;
use crate::event::{ElementRange, Elements, FieldSlot, Record, Row, Slot, SlotKind};
use scan::Scan;
use successors::Successors;
use tree::Tree;

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
        let text = simdutf8::basic::from_utf8(payload).map_err(|_| invalid_utf8(payload))?;
        match self.tree.read(&mut Scan::new(text, &mut self.successors), row) {
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
            row.set_slot(usize::from(slot.0), filled);
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
            row.set_slot(usize::from(field.0), value);
        }
    }
}

/// Where the first fault lies, which the fast check does not tell.
#[cold]
fn invalid_utf8(payload: &[u8]) -> Malformed {
    let at_byte = std::str::from_utf8(payload).map_or_else(|fault| fault.valid_up_to(), str::len);
    Malformed { reason: MalformedReason::InvalidUtf8, at_byte }
}

/// Bytes of outside the value as text; a copy, for the row holds texts of its own.
fn outside_text(bytes: Option<&[u8]>, texts: &mut String) -> Slot {
    let Some(bytes) = bytes else { return Slot::default() };
    let Ok(text) = std::str::from_utf8(bytes) else { return Slot { kind: SlotKind::NotText, ..Slot::default() } };
    let start = texts.len() as u32;
    texts.push_str(text);
    Slot { kind: SlotKind::Unescaped, start, end: texts.len() as u32 }
}
