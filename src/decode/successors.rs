//! Which key comes next: records of one topic have mostly the same keys in the same order. So all that stands between two values (the quote
//! that ends the one, comma, key, colon, white space, and the quote that begins the other) can be compared at once with what followed last
//! time, instead of being read and looked up.
//!
//! What is found by comparison is what reading would find: only what was once read without a fault is remembered, with all its bytes. It
//! is a matter of speed alone, and so is when nothing more is remembered: [`KEYS_MAX`], [`NEXT_MAX`], [`LEARNT_MAX`].

use wide::u8x16;

use super::tree::Entry;

/// Keys of a topic that are remembered, with the object that they stand in.
const KEYS_MAX: usize = 512;

/// Keys that are remembered to follow one key: a topic has several types of events, and some fields are optional, or NULL at times.
const NEXT_MAX: usize = 6;

/// The longest key that is remembered, in bytes, with all that stands between the values.
const KEY_BYTES_MAX: usize = 80;

/// How often something is remembered at most: where keys are data, each is new, and to look for it among the known would be dear.
const LEARNT_MAX: u32 = 20_000;

/// Bytes that are compared at once.
const HEAD_BYTES: usize = 16;

/// The number of an object that nothing is read of.
pub(super) const UNREAD: u32 = u32::MAX >> 2;

/// Where a key stands: in which object, by its number, and behind what. The same bytes elsewhere are another key, or none at all: what
/// follows a text begins with a quote, and behind a number that quote would be a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(u32);

impl Place {
    /// At the object's own brace.
    pub(super) fn at_brace(object: u32) -> Place {
        Place(object << 2)
    }

    /// Behind a value that is no text.
    pub(super) fn behind_value(object: u32) -> Place {
        Place(object << 2 | 1)
    }

    /// Behind the content of a text, before its quote.
    pub(super) fn behind_content(object: u32) -> Place {
        Place(object << 2 | 2)
    }
}

/// The keys that were seen, and which followed which.
#[derive(Clone, Debug, Default)]
pub(super) struct Successors {
    /// The first is the beginning of a record.
    keys: Vec<Known>,
    /// Of each key all that is compared: from the end of the content of the value before, or from the brace, to the content of its own.
    texts: Vec<Box<[u8]>>,
    last: u16,
    learnt: u32,
}

/// A key that was read: what it fills, and where its value's content begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    /// Of a text the byte behind its quote, else the first byte of the value or of white space before it.
    pub(super) content_at: usize,
    pub(super) entry: Entry,
    /// Whether the value is a text, and nothing but its content is read of it.
    pub(super) is_text: bool,
}

/// What is looked at for each key, in one line of the cache.
#[derive(Clone, Debug)]
#[repr(align(64))]
struct Known {
    /// The first bytes, and which of them are compared.
    head: u8x16,
    mask: u8x16,
    place: Place,
    entry: Entry,
    length: u8,
    is_text: bool,
    /// Numbers of keys; 0, which follows nothing, where there are no more.
    next: [u16; NEXT_MAX],
}

impl Known {
    fn new(bytes: &[u8], place: Place, entry: Entry, is_text: bool) -> Known {
        let (mut head, mut mask) = ([0; HEAD_BYTES], [0; HEAD_BYTES]);
        for ((head, mask), byte) in head.iter_mut().zip(&mut mask).zip(bytes) {
            (*head, *mask) = (*byte, u8::MAX);
        }
        Known {
            head: u8x16::new(head),
            mask: u8x16::new(mask),
            place,
            entry,
            // At most KEY_BYTES_MAX.
            length: bytes.len() as u8,
            is_text,
            next: [0; NEXT_MAX],
        }
    }

    #[inline(always)]
    fn is_alike(&self, head: &[u8; HEAD_BYTES]) -> bool {
        (u8x16::new(*head) ^ self.head) & self.mask == u8x16::ZERO
    }
}

impl Successors {
    /// A record begins.
    pub(super) fn begin(&mut self) {
        self.last = 0;
        if self.keys.is_empty() {
            self.add(b"", Known::new(b"", Place::at_brace(UNREAD), Entry::UNREAD, false));
        }
    }

    /// The key that stands at `at`, if it is one of those expected there.
    #[inline(always)]
    pub(super) fn expected(&mut self, bytes: &[u8], at: usize, place: Place) -> Option<Key> {
        for &next in &self.keys.get(usize::from(self.last))?.next {
            if next == 0 {
                return None;
            }
            let known = self.keys.get(usize::from(next))?;
            if known.place == place && self.begins(bytes.get(at..)?, known, next) {
                self.last = next;
                let (entry, is_text) = (known.entry, known.is_text);
                return Some(Key { content_at: at + usize::from(known.length), entry, is_text });
            }
        }
        None
    }

    /// Whether `rest` begins with that key, of that number.
    #[inline(always)]
    fn begins(&self, rest: &[u8], known: &Known, key: u16) -> bool {
        match rest.first_chunk() {
            Some(head) if usize::from(known.length) <= HEAD_BYTES => known.is_alike(head),
            Some(head) => known.is_alike(head) && self.begins_with_all(rest, key),
            None => self.begins_with_all(rest, key),
        }
    }

    #[inline(never)]
    fn begins_with_all(&self, rest: &[u8], key: u16) -> bool {
        self.texts.get(usize::from(key)).is_some_and(|text| rest.starts_with(text))
    }

    fn add(&mut self, bytes: &[u8], known: Known) {
        self.keys.push(known);
        self.texts.push(bytes.into());
    }

    /// Another key came: `bytes` are all between the contents of the value before it and of its own.
    #[cold]
    pub(super) fn learn(&mut self, bytes: &[u8], place: Place, entry: Entry, is_text: bool) {
        if bytes.len() > KEY_BYTES_MAX || self.learnt == LEARNT_MAX {
            self.last = 0;
            return;
        }
        self.learnt += 1;
        let is_it = |(known, text): (&Known, &[u8])| known.place == place && text == bytes;
        let texts = self.texts.iter().map(|text| &**text);
        let number = match self.keys.iter().zip(texts).skip(1).position(is_it) {
            Some(position) => position + 1,
            None if self.keys.len() == KEYS_MAX => {
                self.last = 0;
                return;
            }
            None => {
                self.add(bytes, Known::new(bytes, place, entry, is_text));
                self.keys.len() - 1
            }
        } as u16;
        let before = &mut self.keys[usize::from(self.last)].next;
        if !before.contains(&number)
            && let Some(free) = before.iter_mut().find(|next| **next == 0)
        {
            *free = number;
        }
        self.last = number;
    }
}
