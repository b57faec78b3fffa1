//! What comes in: a record of a partition, and the row that decoding makes of it.
//!
//! Nothing here knows Kafka, files or the book's syntax: a record is bytes at an offset.

use crate::time::Timestamp;

/// Position of a topic in [`crate::book::Book::topics`]. Only valid for that book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicIndex(pub u16);

/// Position of an event in [`crate::book::Book::events`]. Only valid for that book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventIndex(pub u16);

/// Offset of a record in its partition's log.
pub type Offset = i64;

/// One partition of a topic that the book reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition {
    /// The topic, as the book numbers it.
    pub topic: TopicIndex,
    /// Kafka's number of the partition, from 0.
    pub number: i32,
}

/// One record as the log holds it; bytes are borrowed from whoever read them.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Offset in the partition.
    pub offset: Offset,
    /// The record's own timestamp (Kafka's create or append time); `None` in files, where the event time stands in.
    pub timestamp: Option<Timestamp>,
    /// The record's key.
    pub key: Option<&'a [u8]>,
    /// The record's value; `None` is a tombstone.
    pub payload: Option<&'a [u8]>,
    /// The record's headers in order; empty where the book names none of the topic's, for then nobody reads them.
    pub headers: &'a [Header<'a>],
}

/// A header of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// Its name; several may have the same.
    pub name: &'a str,
    /// Its value; `None` is a header without one.
    pub value: Option<&'a [u8]>,
}

/// Position of a field in [`crate::book::Topic::fields`], and so in every [`Row`] of that topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldSlot(pub u16);

/// A field's value as the JSON text gives it. Numbers stay text until something needs them as numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldValue<'a> {
    /// Absent, or JSON `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A JSON number's text, as written.
    Number(&'a str),
    /// A JSON string, unescaped.
    Text(&'a str),
    /// An array or an object: present, but no scalar.
    Composite,
    /// A key or header whose bytes are no UTF-8.
    NotText,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum SlotKind {
    #[default]
    Null,
    True,
    False,
    Number,
    /// A string without escapes: a range of the payload.
    Text,
    /// A string with escapes, or of outside the payload: a range of [`Row::unescaped`].
    Unescaped,
    /// A number of outside the payload, likewise.
    UnescapedNumber,
    Composite,
    NotText,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Slot {
    pub(crate) kind: SlotKind,
    pub(crate) start: u32,
    pub(crate) end: u32,
}

/// The fields of one record that the book names, one slot a field. Reused from record to record: no allocation an event.
#[derive(Debug, Default)]
pub struct Row {
    /// The fields, and behind them those of the elements of each array that is read as rows.
    pub(crate) slots: Vec<Slot>,
    /// Texts that had escapes, one after the other.
    pub(crate) unescaped: String,
    /// What was found where each array is read.
    pub(crate) arrays: Vec<ElementRange>,
}

/// What stands where an array is read as rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Elements {
    /// Nothing, or `null`.
    #[default]
    Missing,
    /// Something else than an array.
    NotAnArray,
    /// More elements than [`crate::decode::ELEMENTS_MAX`].
    TooMany,
    /// So many elements.
    Count(u32),
}

/// Where the elements of an array lie in [`Row::slots`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ElementRange {
    pub(crate) elements: Elements,
    pub(crate) start: u32,
    /// Elements kept so far, those of an equal key before included.
    pub(crate) kept: u32,
}

impl Row {
    /// A row of `fields` slots, all NULL.
    pub fn new(fields: usize) -> Row {
        Row { slots: vec![Slot::default(); fields], ..Row::default() }
    }

    /// Makes every slot NULL, and the row `fields` wide.
    #[inline]
    pub fn clear(&mut self, fields: usize) {
        self.slots.clear();
        self.slots.resize(fields, Slot::default());
        self.unescaped.clear();
        self.arrays.clear();
    }

    /// Fills a slot; one that is none is that of a value that nobody reads.
    #[inline(always)]
    pub(crate) fn set_slot(&mut self, slot: usize, value: Slot) {
        if let Some(slot) = self.slots.get_mut(slot) {
            *slot = value;
        }
    }

    /// The value in `slot`; `payload` is the text that was decoded into this row.
    #[inline(always)] // whoever asks for a text looks at the kinds of texts alone
    pub fn value<'a>(&'a self, payload: &'a str, slot: FieldSlot) -> FieldValue<'a> {
        let Some(slot) = self.slots.get(usize::from(slot.0)) else { return FieldValue::Null };
        let range = slot.start as usize..slot.end as usize;
        match slot.kind {
            SlotKind::Null => FieldValue::Null,
            SlotKind::True => FieldValue::Bool(true),
            SlotKind::False => FieldValue::Bool(false),
            SlotKind::Number => payload.get(range).map_or(FieldValue::Null, FieldValue::Number),
            SlotKind::Text => payload.get(range).map_or(FieldValue::Null, FieldValue::Text),
            SlotKind::Unescaped => self.unescaped.get(range).map_or(FieldValue::Null, FieldValue::Text),
            SlotKind::UnescapedNumber => self.unescaped.get(range).map_or(FieldValue::Null, FieldValue::Number),
            SlotKind::Composite => FieldValue::Composite,
            SlotKind::NotText => FieldValue::NotText,
        }
    }
}

/// A row together with the text it was decoded from: what an expression is evaluated on.
#[derive(Clone, Copy, Debug)]
pub struct RowView<'a> {
    /// The slots.
    pub row: &'a Row,
    /// The record's whole text.
    pub payload: &'a str,
}

impl<'a> RowView<'a> {
    /// The value in `slot`.
    #[inline(always)] // whoever asks for a text looks at the kinds of texts alone
    pub fn value(&self, slot: FieldSlot) -> FieldValue<'a> {
        self.row.value(self.payload, slot)
    }
}
