//! Which key comes next: records of one topic have mostly the same keys in the same order, so the bytes from a key's quote to its colon can
//! be compared with those that followed last time, instead of being read and looked up.
//!
//! What is found by comparison is what reading would find: only what was once read without a fault is remembered, with all its bytes. It
//! is a matter of speed alone, and so is when nothing more is remembered: [`KEYS_MAX`], [`NEXT_MAX`], [`LEARNT_MAX`].

use super::tree::Entry;

/// Keys of a topic that are remembered, with the object that they stand in.
const KEYS_MAX: usize = 512;

/// Keys that are remembered to follow one key: a topic has several types of events, and some fields are optional.
const NEXT_MAX: usize = 6;

/// The longest key that is remembered, in bytes, with its quotes and colon.
const KEY_BYTES_MAX: usize = 80;

/// How often something is remembered at most: where keys are data, each is new, and to look for it among the known would be dear.
const LEARNT_MAX: u32 = 20_000;

/// Bytes that are compared at once.
const HEAD_BYTES: usize = 16;

/// The number of an object that nothing is read of.
pub(super) const UNREAD: u32 = u32::MAX;

/// The keys that were seen, and which followed which.
#[derive(Clone, Debug, Default)]
pub(super) struct Successors {
    /// The first is the beginning of a record.
    keys: Vec<Known>,
    last: u16,
    learnt: u32,
}

#[derive(Clone, Debug)]
struct Known {
    /// The first bytes, and which of them are the key's.
    head: u128,
    mask: u128,
    /// From the quote to the colon, both included.
    bytes: Box<[u8]>,
    node: u32,
    entry: Option<Entry>,
    /// Numbers of keys; 0, which follows nothing, where there are no more.
    next: [u16; NEXT_MAX],
}

impl Successors {
    /// A record begins.
    pub(super) fn begin(&mut self) {
        self.last = 0;
        if self.keys.is_empty() {
            let (bytes, next) = (Box::default(), [0; NEXT_MAX]);
            self.keys.push(Known { head: 0, mask: 0, bytes, node: UNREAD, entry: None, next });
        }
    }

    /// The key that `rest` begins with, if it is one of those expected in that object: how many bytes it takes up to behind its colon, and
    /// what it fills.
    #[inline(always)]
    pub(super) fn expected(&mut self, rest: &[u8], node: u32) -> Option<(usize, Option<Entry>)> {
        let word = match rest.first_chunk::<HEAD_BYTES>() {
            Some(head) => u128::from_le_bytes(*head),
            None => padded(rest),
        };
        for &next in &self.keys.get(usize::from(self.last))?.next {
            if next == 0 {
                return None;
            }
            let known = self.keys.get(usize::from(next))?;
            let is_it = (word ^ known.head) & known.mask == 0
                && known.node == node
                && (known.bytes.len() <= HEAD_BYTES || rest.starts_with(&known.bytes));
            if is_it {
                self.last = next;
                return Some((known.bytes.len(), known.entry));
            }
        }
        None
    }

    /// Another key came: `bytes` from its quote to its colon.
    #[cold]
    pub(super) fn learn(&mut self, bytes: &[u8], node: u32, entry: Option<Entry>) {
        if bytes.len() > KEY_BYTES_MAX || self.learnt == LEARNT_MAX {
            self.last = 0;
            return;
        }
        self.learnt += 1;
        let is_it = |known: &Known| known.node == node && *known.bytes == *bytes;
        let number = match self.keys.iter().skip(1).position(is_it) {
            Some(position) => position + 1,
            None if self.keys.len() == KEYS_MAX => {
                self.last = 0;
                return;
            }
            None => {
                let length = bytes.len().min(HEAD_BYTES);
                let (head, mask) = (padded(&bytes[..length]), u128::MAX >> ((HEAD_BYTES - length) * 8));
                self.keys.push(Known { head, mask, bytes: bytes.into(), node, entry, next: [0; NEXT_MAX] });
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

/// At most [`HEAD_BYTES`] bytes as a number; what is not there is 0, as no byte of a key is.
fn padded(bytes: &[u8]) -> u128 {
    let mut head = [0; HEAD_BYTES];
    head.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    u128::from_le_bytes(head)
}
