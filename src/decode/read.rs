//! The walk that fills a row: through the objects that paths lead into, and past all else, which is checked as well.
//!
//! In an object it goes from content to content. What stands between two of them is mostly what stood there the last time, and then
//! compared at once; a text's slot is filled before its closing quote has been seen, which is the first byte of what is compared next.

use super::scan::{Scan, StringRange};
use super::successors::{Key, Place};
use super::tree::{Array, Entry, Node, Tree};
use super::{ELEMENTS_MAX, Malformed, MalformedReason, NESTING_MAX};
use crate::event::{ElementRange, Elements, Row, Slot, SlotKind};

/// What comes behind a content in an object.
enum Next {
    Key(Key),
    /// The object has ended before that place.
    End(usize),
}

/// A text whose closing quote has not been seen yet: where it began, and the slot that it fills.
#[derive(Clone, Copy)]
struct OpenText {
    start: usize,
    slot: usize,
}

impl Tree {
    /// Checks a whole record, and fills its row with what paths lead to.
    ///
    /// # Errors
    /// [`Malformed`] with the first fault.
    pub(super) fn read(&self, scan: &mut Scan<'_>, row: &mut Row) -> Result<(), Malformed> {
        let (at, first) = scan.token(0);
        if at == scan.length() {
            return Err(Malformed { reason: MalformedReason::Empty, at_byte: 0 });
        }
        if first == b'{' {
            let end = self.read_object(self.root().unwrap_or(&self.unread), 0, 1, scan, at, row)?;
            return scan.end(end);
        }
        let (_, end) = self.read_value(scan, at, 0, row)?;
        scan.end(end)?;
        Err(Malformed { reason: MalformedReason::NotAnObject, at_byte: at })
    }

    /// An object that stands within `depth - 1` others, from its brace, and whose slots begin at `base`; the place behind it.
    fn read_object(
        &self,
        node: &Node,
        base: usize,
        depth: u32,
        scan: &mut Scan<'_>,
        brace_at: usize,
        row: &mut Row,
    ) -> Result<usize, Malformed> {
        if depth > NESTING_MAX {
            return Err(too_deep(brace_at));
        }
        let (mut at, mut place, mut text) = (brace_at, Place::at_brace(node.number), None);
        loop {
            let key = match scan.expected_key(at, place) {
                Some(key) => key,
                None => {
                    // Mostly the object's end.
                    let behind = at + usize::from(text.is_some() && scan.peek(at) == b'"');
                    if at != brace_at && scan.peek(behind) == b'}' {
                        return Ok(behind + 1);
                    }
                    match next_key(node, scan, at, (place, text), row)? {
                        Next::Key(key) => key,
                        Next::End(end) => return Ok(end),
                    }
                }
            };
            if key.is_text {
                let (start, slot) = (key.content_at, base + key.entry.slot());
                at = scan.end_of_plain(start);
                row.set_slot(slot, filled(SlotKind::Text, start, at));
                (place, text) = (Place::behind_content(node.number), Some(OpenText { start, slot }));
            } else {
                at = match scan.end_of_short_number(key.content_at).filter(|_| key.entry.is_plain()) {
                    Some(end) => {
                        row.set_slot(base + key.entry.slot(), filled(SlotKind::Number, key.content_at, end));
                        end
                    }
                    None => self.read_member(key, base, depth, scan, row)?,
                };
                (place, text) = (Place::behind_value(node.number), None);
            }
        }
    }

    /// Any value of a key; the place behind it.
    #[inline(never)]
    fn read_member(
        &self,
        key: Key,
        base: usize,
        depth: u32,
        scan: &mut Scan<'_>,
        row: &mut Row,
    ) -> Result<usize, Malformed> {
        if !key.entry.is_plain() {
            return self.read_through(key.entry, base, depth, scan, key.content_at, row);
        }
        let (value, end) = self.read_value(scan, key.content_at, depth, row)?;
        row.set_slot(base + key.entry.slot(), value);
        Ok(end)
    }

    /// The slot of a value that stands within `depth` others, and the place behind it.
    #[inline]
    fn read_value(
        &self,
        scan: &mut Scan<'_>,
        at: usize,
        depth: u32,
        row: &mut Row,
    ) -> Result<(Slot, usize), Malformed> {
        let (start, first) = scan.token(at);
        let (kind, end) = match first {
            b'{' => (SlotKind::Composite, self.read_object(&self.unread, 0, depth + 1, scan, start, row)?),
            b'[' => (SlotKind::Composite, self.skip_array(scan, start, depth + 1, row)?),
            b'"' => return read_text(scan, start, row),
            b't' => (SlotKind::True, scan.skip_plain(start)?),
            b'f' => (SlotKind::False, scan.skip_plain(start)?),
            b'n' => (SlotKind::Null, scan.skip_plain(start)?),
            _ => (SlotKind::Number, scan.skip_plain(start)?),
        };
        Ok((filled(kind, start, end), end))
    }

    /// Passes an array that stands within `depth - 1` others, from its bracket; the place behind it.
    fn skip_array(&self, scan: &mut Scan<'_>, at: usize, depth: u32, row: &mut Row) -> Result<usize, Malformed> {
        if depth > NESTING_MAX {
            return Err(too_deep(at));
        }
        let (mut at, first) = scan.token(at + 1);
        if first == b']' {
            return Ok(at + 1);
        }
        loop {
            let (start, first) = scan.token(at);
            at = match first {
                // Nobody reads it, so it is not unescaped.
                b'"' => scan.string(start)?.1,
                _ => self.read_value(scan, start, depth, row)?.1,
            };
            match scan.token(at) {
                (comma_at, b',') => at = comma_at + 1,
                (bracket_at, b']') => return Ok(bracket_at + 1),
                (other_at, _) => return Err(scan.unexpected(other_at)),
            }
        }
    }

    /// The value of a key that paths go through, or whose array is read as rows; the place behind it.
    #[inline(never)]
    fn read_through(
        &self,
        entry: Entry,
        base: usize,
        depth: u32,
        scan: &mut Scan<'_>,
        at: usize,
        row: &mut Row,
    ) -> Result<usize, Malformed> {
        let Some(inner) = self.inner(entry) else { return Ok(self.read_value(scan, at, depth, row)?.1) };
        for below in &inner.slots {
            row.set_slot(base + *below as usize, Slot::default());
        }
        for below in &inner.arrays {
            if let Some(array) = row.arrays.get_mut(*below as usize) {
                array.elements = Elements::Missing;
            }
        }
        let (start, first) = scan.token(at);
        let composite = |end: usize| (filled(SlotKind::Composite, start, end), end);
        let (value, end) = match (first, self.inner_node(inner), inner.array()) {
            (b'{', Some(node), _) => composite(self.read_object(node, base, depth + 1, scan, start, row)?),
            (b'[', _, Some(array)) => composite(self.read_array(array, depth + 1, scan, start, row)?),
            _ => self.read_value(scan, start, depth, row)?,
        };
        let is_array = first == b'[';
        if let Some(array) = inner.array().and_then(|array| row.arrays.get_mut(array))
            && !is_array
            && value.kind != SlotKind::Null
        {
            array.elements = Elements::NotAnArray;
        }
        row.set_slot(base + entry.slot(), value);
        Ok(end)
    }

    /// An array that stands within `depth - 1` others and is read as rows, from its bracket; the place behind it.
    fn read_array(
        &self,
        number: usize,
        depth: u32,
        scan: &mut Scan<'_>,
        at: usize,
        row: &mut Row,
    ) -> Result<usize, Malformed> {
        let Some(array) = self.arrays.get(number) else { return self.skip_array(scan, at, depth, row) };
        if depth > NESTING_MAX {
            return Err(too_deep(at));
        }
        let start = row.slots.len() as u32;
        // An equal key before does not make room for more: what is kept of a record is bounded.
        let mut kept = row.arrays.get(number).map_or(0, |range| range.kept);
        let (mut count, mut elements) = (0, Elements::Count(0));
        let (mut at, first) = scan.token(at + 1);
        let end = match first {
            b']' => at + 1,
            _ => loop {
                at = if kept < ELEMENTS_MAX {
                    let end = self.read_element(array, depth, scan, at, row)?;
                    (kept, count) = (kept + 1, count + 1);
                    elements = Elements::Count(count);
                    end
                } else {
                    elements = Elements::TooMany;
                    self.read_value(scan, at, depth, row)?.1
                };
                match scan.token(at) {
                    (comma_at, b',') => at = comma_at + 1,
                    (bracket_at, b']') => break bracket_at + 1,
                    (other_at, _) => return Err(scan.unexpected(other_at)),
                }
            },
        };
        if let Some(range) = row.arrays.get_mut(number) {
            *range = ElementRange { elements, start, kept };
        }
        Ok(end)
    }

    /// One element, into slots of its own behind all others; the place behind it.
    fn read_element(
        &self,
        array: &Array,
        depth: u32,
        scan: &mut Scan<'_>,
        at: usize,
        row: &mut Row,
    ) -> Result<usize, Malformed> {
        let base = row.slots.len();
        row.slots.resize(base + array.fields.len(), Slot::default());
        let (start, first) = scan.token(at);
        let (value, end) = match (first, self.element_node(array)) {
            (b'{', Some(node)) => {
                let end = self.read_object(node, base, depth + 1, scan, start, row)?;
                (filled(SlotKind::Composite, start, end), end)
            }
            _ => self.read_value(scan, start, depth, row)?,
        };
        if let Some(own) = array.own() {
            row.set_slot(base + own, value);
        }
        Ok(end)
    }
}

#[cold]
fn too_deep(at_byte: usize) -> Malformed {
    Malformed { reason: MalformedReason::TooDeep, at_byte }
}

/// Payloads are at most [`super::PAYLOAD_BYTES_MAX`] long, and unescaping never lengthens a text.
fn filled(kind: SlotKind, start: usize, end: usize) -> Slot {
    Slot { kind, start: start as u32, end: end as u32 }
}

/// What comes at a place where no expected key stands; `at` is the object's brace, or where the last content ends.
#[inline(never)]
fn next_key(
    node: &Node,
    scan: &mut Scan<'_>,
    at: usize,
    (place, text): (Place, Option<OpenText>),
    row: &mut Row,
) -> Result<Next, Malformed> {
    let is_first = place == Place::at_brace(node.number);
    let (mut compared_from, mut behind) = (at, at + usize::from(is_first));
    if let Some(OpenText { start, slot }) = text {
        let (text, end) = scan.rest_of_string(start, at)?;
        (compared_from, behind) = (text.end, end);
        if text.escaped {
            if let Some(slot) = row.slots.get_mut(slot) {
                *slot = unescaped(scan, text, &mut row.unescaped);
            }
            if let Some(key) = scan.expected_key(compared_from, place) {
                return Ok(Next::Key(key));
            }
        }
    }
    let key_at = match scan.token(behind) {
        (brace_at, b'}') => return Ok(Next::End(brace_at + 1)),
        (key_at, _) if is_first => key_at,
        (comma_at, b',') => comma_at + 1,
        (other_at, _) => return Err(scan.unexpected(other_at)),
    };
    let (name, value_at) = scan.key(key_at)?;
    let entry = if name.escaped {
        // The end of the row's own buffer serves as scratch: no allocation.
        let kept = row.unescaped.len();
        scan.unescape(name, &mut row.unescaped);
        let entry = node.entry(&row.unescaped.as_bytes()[kept..]);
        row.unescaped.truncate(kept);
        entry
    } else {
        node.entry(scan.bytes(name))
    };
    let is_text = entry.is_plain() && scan.peek(value_at) == b'"';
    let key = Key { content_at: value_at + usize::from(is_text), entry, is_text };
    scan.expect(compared_from, place, key);
    Ok(Next::Key(key))
}

/// A text, from its quote.
fn read_text(scan: &Scan<'_>, at: usize, row: &mut Row) -> Result<(Slot, usize), Malformed> {
    let (text, end) = scan.string(at)?;
    let slot = if text.escaped {
        unescaped(scan, text, &mut row.unescaped)
    } else {
        filled(SlotKind::Text, text.start, text.end)
    };
    Ok((slot, end))
}

/// The slot of a text with escapes, which is appended to `texts`.
fn unescaped(scan: &Scan<'_>, text: StringRange, texts: &mut String) -> Slot {
    let start = texts.len();
    scan.unescape(text, texts);
    filled(SlotKind::Unescaped, start, texts.len())
}
