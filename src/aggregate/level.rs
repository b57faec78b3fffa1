//! Levels: what was last told of each key, summed over keys at the edge of any bucket.
//!
//! | told of one key | as of 13:00 |
//! |---|---|
//! | 5 at 10:00, 3 at 12:00, in any order | 3 |
//! | 5 at 10:00, whatever the window, the day or the cycle | 5: what was told last holds until something else is told |
//! | 5 at 10:00, 3 at 13:00 | 5: only what lies before an instant is known then |
//! | 5 at 10:00, NULL at 12:00 | nothing: NULL ends the key, until a value is told again |
//! | 5 at 12:00 of SH1, 7 at 12:00 of SH1 | 7: of one instant the greatest value, NULL after all |
//! | 5 at 12:00 of SH1, 5 at 12:00 of SH2 | 5 of SH2: then the greatest members, by content, NULL after all |
//! | 5 at 10:00 of SH1, 4 at 12:00 of SH2 | 4 of SH2: the key has moved |
//!
//! Kept is the greatest of each (key, bucket). What a key changes in a bucket is derived from it: what the key adds from there on, less
//! what it added before. So the sum at an edge is the sum of all changes before it, and a late event moves two buckets only: its
//! own, and the key's next one.

use std::cmp::Ordering;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::member::Members;
use super::pair::{TupleId, Tuples};
use crate::fixed::Fixed;
use crate::time::{Bucket, Timestamp};

/// What was told of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observation {
    /// When.
    pub at: Timestamp,
    /// Its value; `None` ends the key.
    pub value: Option<Fixed>,
    /// The members of its row.
    pub tuple: TupleId,
}

impl Observation {
    /// By time, then by content, NULL after all; never by arrival.
    fn compare(&self, other: &Observation, tuples: &Tuples, members: &Members) -> Ordering {
        let value = |o: &Observation| (o.value.is_none(), o.value);
        let by_value = (self.at, value(self)).cmp(&(other.at, value(other)));
        by_value.then_with(|| tuples.compare(self.tuple, other.tuple, members))
    }
}

/// The greatest observation of each (key, bucket) of a delta.
#[derive(Clone, Debug, Default)]
pub struct Latest {
    table: HashTable<(u64, Bucket, Observation)>,
}

impl Latest {
    /// Takes an observation: one look-up.
    pub fn join(&mut self, key: u64, bucket: Bucket, told: Observation, tuples: &Tuples, members: &Members) {
        let hash = |key: u64, bucket: Bucket| key ^ u64::from(bucket.0 as u32).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let same = |known: &(u64, Bucket, Observation)| (known.0, known.1) == (key, bucket);
        match self.table.entry(hash(key, bucket), same, |known| hash(known.0, known.1)) {
            Entry::Vacant(entry) => _ = entry.insert((key, bucket, told)),
            Entry::Occupied(mut entry) => {
                let known = &mut entry.get_mut().2;
                if told.compare(known, tuples, members).is_gt() {
                    *known = told;
                }
            }
        }
    }

    /// Every key, bucket and observation, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, Bucket, &Observation)> {
        self.table.iter().map(|(key, bucket, told)| (*key, *bucket, told))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }
}

/// An observation and its bucket in 32 bytes.
#[derive(Clone, Copy, Debug)]
struct Kept {
    bucket: Bucket,
    tuple: TupleId,
    at: Timestamp,
    /// The upper and the lower half of the value; [`ENDED`] for NULL.
    value: (i64, u64),
}

/// No value: far beyond any that can be read.
const ENDED: (i64, u64) = (i64::MIN, 0);

impl Kept {
    fn new(bucket: Bucket, told: Observation) -> Kept {
        let value = told.value.map_or(ENDED, |value| ((value.0 >> 64) as i64, value.0 as u64));
        Kept { bucket, tuple: told.tuple, at: told.at, value }
    }

    fn told(&self) -> Observation {
        let (upper, lower) = self.value;
        let value = (self.value != ENDED).then_some(Fixed(i128::from(upper) << 64 | i128::from(lower)));
        Observation { at: self.at, value, tuple: self.tuple }
    }
}

/// The history of each key: the greatest observation of each bucket, rising.
#[derive(Clone, Debug)]
pub struct Levels {
    keys: HashTable<(u64, Vec<Kept>)>,
    held: usize,
    /// All buckets before it are one, that before it: of what was told below the floor the last one is carried.
    floor: Bucket,
}

impl Default for Levels {
    fn default() -> Levels {
        Levels { keys: HashTable::new(), held: 0, floor: Bucket::FIRST }
    }
}

impl Levels {
    /// Takes an observation, in any order, once or often. `moved` is called with what that changes: in a bucket, an observation begins to
    /// count (1) or no longer does (−1).
    pub fn join(
        &mut self,
        key: u64,
        bucket: Bucket,
        told: Observation,
        (tuples, members): (&Tuples, &Members),
        mut moved: impl FnMut(Bucket, &Observation, i64),
    ) {
        let bucket = bucket.max(Bucket(self.floor.0.saturating_sub(1)));
        let entry = self.keys.entry(key, |(known, _)| *known == key, |(known, _)| *known);
        let history = &mut entry.or_insert_with(|| (key, Vec::new())).into_mut().1;
        // What is told is mostly newer than all that was.
        let at = match history.last() {
            Some(last) if last.bucket >= bucket => history.partition_point(|known| known.bucket < bucket),
            _ => history.len(),
        };
        let was = match history.get_mut(at).filter(|known| known.bucket == bucket) {
            Some(known) if told.compare(&known.told(), tuples, members).is_le() => return,
            Some(known) => Some(std::mem::replace(known, Kept::new(bucket, told)).told()),
            None => {
                if history.len() == history.capacity() {
                    // Most keys are told of once or twice: a vector's own first step is room for four.
                    history.reserve_exact(history.len() / 2 + 1);
                }
                history.insert(at, Kept::new(bucket, told));
                self.held += 1;
                at.checked_sub(1).map(|before| history[before].told())
            }
        };
        let next = history.get(at + 1).map(|next| next.bucket);
        for (bucket, weight) in [(Some(bucket), 1), (next, -1)] {
            let Some(bucket) = bucket else { continue };
            moved(bucket, &told, weight);
            if let Some(was) = &was {
                moved(bucket, was, -weight);
            }
        }
    }

    /// Raises the floor: of each key's observations in earlier buckets the last one is carried, in the bucket before it.
    pub fn raise_floor(&mut self, floor: Bucket) {
        self.floor = self.floor.max(floor);
        let carried = Bucket(self.floor.0.saturating_sub(1));
        for (_, history) in &mut self.keys {
            let below = history.partition_point(|kept| kept.bucket < self.floor);
            let Some(last) = below.checked_sub(1) else { continue };
            history[last].bucket = carried;
            if last > 0 {
                history.drain(..last);
                history.shrink_to_fit();
                self.held -= last;
            }
        }
    }

    /// How many (key, bucket) are held.
    pub fn held(&self) -> usize {
        self.held
    }
}
