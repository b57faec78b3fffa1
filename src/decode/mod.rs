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
//! | `[{"a":1}]`, `null` | [`MalformedReason::NotAnObject`] |
//! | a byte order mark, trailing text, `NaN`, a trailing comma | [`MalformedReason::NotJson`] |
//! | 129 levels of arrays and objects | [`MalformedReason::TooDeep`] |
//!
//! [`canonical`] turns values into the text by which keys, ids and members are compared; [`field`] reads times and numbers.

mod canonical;
pub mod field;
mod names;
mod scan;
#[cfg(test)]
mod tests;

pub use canonical::{CanonicalFault, TEXT_DIGITS_MAX, canonical, fingerprint};

use crate::event::{Row, Slot, SlotKind};
use names::Names;
use scan::Scan;

/// The longest payload that is decoded, in bytes: 1 MiB and 12 bytes, the largest record batch that a Kafka broker takes unless told
/// otherwise (`message.max.bytes`).
pub const PAYLOAD_BYTES_MAX: usize = 1_048_588;

/// How many arrays and objects may stand in each other, the outermost included.
pub const NESTING_MAX: u32 = 128;

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
    names: Names,
}

impl Decoder {
    /// A decoder of the fields that the book names, [`crate::book::Topic::fields`]: the row's slots are positions in it. Names are those
    /// of top-level keys, each at most once.
    pub fn new(fields: &[String]) -> Decoder {
        Decoder { names: Names::new(fields) }
    }

    /// Checks all of `payload`, fills `row` with the named fields (NULL where absent) and returns the payload as text, which
    /// [`Row::value`] needs again. After an error every slot is NULL.
    ///
    /// # Errors
    /// [`Malformed`] with the first fault; invalid UTF-8 anywhere comes before faults of the grammar.
    pub fn decode<'a>(&self, payload: &'a [u8], row: &mut Row) -> Result<&'a str, Malformed> {
        row.clear(self.names.len());
        if payload.len() > PAYLOAD_BYTES_MAX {
            return Err(Malformed { reason: MalformedReason::TooLong, at_byte: PAYLOAD_BYTES_MAX });
        }
        let text = std::str::from_utf8(payload)
            .map_err(|fault| Malformed { reason: MalformedReason::InvalidUtf8, at_byte: fault.valid_up_to() })?;
        match self.read(text, row) {
            Ok(()) => Ok(text),
            Err(malformed) => {
                row.clear(self.names.len());
                Err(malformed)
            }
        }
    }

    fn read(&self, text: &str, row: &mut Row) -> Result<(), Malformed> {
        let mut scan = Scan::new(text);
        match scan.next_token() {
            None => {
                return Err(Malformed { reason: MalformedReason::Empty, at_byte: 0 });
            }
            Some(b'{') => self.read_object(&mut scan, row)?,
            Some(_) => {
                let at_byte = scan.at();
                scan.skip_value(0)?;
                scan.end()?;
                return Err(Malformed { reason: MalformedReason::NotAnObject, at_byte });
            }
        }
        scan.end()
    }

    /// The top-level object; `scan` stands on its brace.
    fn read_object(&self, scan: &mut Scan<'_>, row: &mut Row) -> Result<(), Malformed> {
        scan.step();
        if scan.next_token() == Some(b'}') {
            scan.step();
            return Ok(());
        }
        loop {
            let key = scan.key()?;
            let slot = if key.escaped {
                // The end of the row's own buffer serves as scratch: no allocation.
                let kept = row.unescaped.len();
                scan.unescape(key, &mut row.unescaped);
                let slot = self.names.slot(&row.unescaped.as_bytes()[kept..]);
                row.unescaped.truncate(kept);
                slot
            } else {
                self.names.slot(scan.bytes(key))
            };
            match slot.and_then(|slot| row.slots.get_mut(slot)) {
                None => scan.skip_value(1)?,
                Some(slot) => *slot = read_value(scan, &mut row.unescaped)?,
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
}

/// The slot of the value that comes next.
#[inline(always)]
fn read_value(scan: &mut Scan<'_>, unescaped: &mut String) -> Result<Slot, Malformed> {
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
        first => {
            scan.skip_value(1)?;
            let kind = match first {
                Some(b'{' | b'[') => SlotKind::Composite,
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
