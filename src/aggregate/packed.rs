//! A map from fingerprints that is small when it is large: most of it stands packed and sorted, what came lately in a table beside it.
//!
//! A hash table of n entries has room for 8/7 n to 16/7 n, and a byte more for each. Packed, an entry takes what it is; the table holds at
//! most a quarter as many, so that an entry is moved a few times in its life. Fingerprints are spread evenly, so where one stands among
//! the sorted can be guessed, and the search begins there.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::spread::{find_near, find_spread, guess_together};

/// A map by fingerprint.
#[derive(Clone, Debug)]
pub struct Packed<V> {
    /// Rising by key.
    sorted: Vec<(u64, V)>,
    table: HashTable<(u64, V)>,
}

impl<V> Default for Packed<V> {
    fn default() -> Packed<V> {
        Packed { sorted: Vec::new(), table: HashTable::new() }
    }
}

impl<V: Copy + Default> Packed<V> {
    /// Of entries that rise by key.
    pub(super) fn of_sorted(sorted: Vec<(u64, V)>) -> Packed<V> {
        Packed { sorted, table: HashTable::new() }
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.sorted.len() + self.table.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of `key`, made if it was not there; and whether it was made.
    pub fn entry(&mut self, key: u64) -> (&mut V, bool) {
        let packed = self.find(key);
        self.entry_at(key, packed)
    }

    /// The same, where it is known whether the key is packed, and where.
    fn entry_at(&mut self, key: u64, packed: Option<usize>) -> (&mut V, bool) {
        match packed {
            Some(at) => (&mut self.sorted[at].1, false),
            None => match self.table.entry(key, |(known, _)| *known == key, |(known, _)| *known) {
                Entry::Occupied(entry) => (&mut entry.into_mut().1, false),
                Entry::Vacant(entry) => (&mut entry.insert((key, V::default())).into_mut().1, true),
            },
        }
    }

    /// Where a packed key stands.
    fn find(&self, key: u64) -> Option<usize> {
        find_spread(&self.sorted, key, |(known, _)| *known)
    }

    /// Packs what stands in the table, where that is more than `few` and than a quarter of what is packed.
    pub fn pack(&mut self, few: usize) {
        if self.table.len() <= few.max(self.sorted.len() / 4) {
            return;
        }
        self.sorted.reserve_exact(self.table.len());
        // The table gives its room back.
        self.sorted.extend(std::mem::take(&mut self.table));
        // The stable sort finds the run that is sorted already, and merges what is new into it.
        self.sorted.sort_by_key(|(key, _)| *key);
    }

    /// The value of `key`.
    pub fn get(&self, key: u64) -> Option<&V> {
        match self.find(key) {
            Some(at) => Some(&self.sorted[at].1),
            None => self.table.find(key, |(known, _)| *known == key).map(|(_, value)| value),
        }
    }

    /// Keeps the entries that `keep` says, and room for no more than these.
    pub fn retain(&mut self, mut keep: impl FnMut(u64, &mut V) -> bool) {
        let before = self.len();
        self.sorted.retain_mut(|(key, value)| keep(*key, value));
        self.table.retain(|(key, value)| keep(*key, value));
        if self.len() < before {
            self.sorted.shrink_to_fit();
            self.table.shrink_to_fit(|(known, _)| *known);
        }
    }

    /// All values, in no order that means anything.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.sorted.iter().chain(&self.table).map(|(_, value)| value)
    }
}

/// Maps among which the keys of a very large one are divided, so that packing moves little at a time.
const SHARDS: usize = 1 << SHARD_BITS;

/// How many of a key's bits say in which it is.
const SHARD_BITS: u32 = 8;

/// Entries of a shard that are not worth packing.
const SHARD_FEW: usize = 256;

/// A map by fingerprint that may hold millions.
#[derive(Clone, Debug)]
pub struct Sharded<V> {
    shards: Vec<Packed<V>>,
    len: usize,
}

impl<V> Default for Sharded<V> {
    fn default() -> Sharded<V> {
        Sharded { shards: (0..SHARDS).map(|_| Packed::default()).collect(), len: 0 }
    }
}

impl<V> Sharded<V> {
    /// How many shards there are.
    pub(super) const SHARDS: usize = SHARDS;

    /// In which shard a key is, and as what.
    pub(super) fn place(key: u64) -> (usize, u64) {
        (shard(key), within(key))
    }
}

impl<V: Copy + Default> Sharded<V> {
    /// Of all shards, in their order.
    pub(super) fn of_shards(shards: Vec<Packed<V>>) -> Sharded<V> {
        let len = shards.iter().map(Packed::len).sum();
        Sharded { shards, len }
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Where each of some keys may stand, for [`Sharded::entry`]: `key(i)` is that of `guesses[i]`. Many at once, for it is memory that each
    /// waits for: see [`guess_together`].
    pub fn guess(&self, key: impl Fn(usize) -> u64, guesses: &mut [usize]) {
        let place = |at: usize| (&*self.shards[shard(key(at))].sorted, within(key(at)));
        guess_together(guesses, place, |(known, _)| *known);
    }

    /// The value of `key`, made if it was not there; looked for from `guess` on, which may be any.
    pub fn entry(&mut self, key: u64, guess: usize) -> &mut V {
        let shard = &mut self.shards[shard(key)];
        shard.pack(SHARD_FEW);
        let packed = find_near(&shard.sorted, within(key), guess, |(known, _)| *known);
        let (value, is_new) = shard.entry_at(within(key), packed);
        self.len += usize::from(is_new);
        value
    }

    /// The value of `key`.
    pub fn get(&self, key: u64) -> Option<&V> {
        self.shards[shard(key)].get(within(key))
    }

    /// Keeps the entries that `keep` says.
    pub fn retain(&mut self, mut keep: impl FnMut(u64, &mut V) -> bool) {
        for (shard, entries) in self.shards.iter_mut().enumerate() {
            entries.retain(|within, value| keep(of_shard(shard, within), value));
        }
        self.len = self.shards.iter().map(Packed::len).sum();
    }

    /// All values, in no order that means anything.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.shards.iter().flat_map(Packed::values)
    }
}

/// By the leading bits of a key, so that keys in order come shard by shard.
fn shard(key: u64) -> usize {
    (key >> (u64::BITS - SHARD_BITS)) as usize
}

/// A key as its shard knows it, in the order of the keys: the bits that are the same for all of a shard are gone, what follows leads, and
/// the last byte is there a second time. A table tells entries apart by the first bits and the last ones, so neither may be alike.
fn within(key: u64) -> u64 {
    key << SHARD_BITS | key >> SHARD_BITS & (SHARDS as u64 - 1)
}

/// The key that a shard knows so.
fn of_shard(shard: usize, within: u64) -> u64 {
    (shard as u64) << (u64::BITS - SHARD_BITS) | within >> SHARD_BITS
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn it_holds_what_a_map_holds(
            told in prop::collection::vec((prop_oneof![0..40u64, any::<u64>(), Just(u64::MAX)], 1..9i64), 0..400), few in 0..20usize,
        ) {
            let (mut map, mut packed, mut sharded) = (BTreeMap::new(), Packed::<i64>::default(), Sharded::<i64>::default());
            for (key, value) in &told {
                let is_new = map.insert(*key, map.get(key).unwrap_or(&0) + value).is_none();
                packed.pack(few);
                let (known, was_made) = packed.entry(*key);
                *known += value;
                prop_assert_eq!(was_made, is_new);
            }
            for together in told.chunks(30) {
                let mut guesses = vec![0; together.len()];
                sharded.guess(|at| together[at].0, &mut guesses);
                together.iter().zip(guesses).for_each(|((key, value), guess)| *sharded.entry(*key, guess) += value);
            }
            prop_assert_eq!((packed.len(), sharded.len()), (map.len(), map.len()));
            for (key, value) in &map {
                prop_assert_eq!(packed.entry(*key), (&mut value.clone(), false));
                prop_assert_eq!(*sharded.entry(*key, *value as usize), *value);
                prop_assert_eq!((packed.get(*key), sharded.get(*key)), (Some(value), Some(value)));
            }
            prop_assert_eq!(sharded.values().sum::<i64>(), map.values().sum::<i64>());
            packed.retain(|key, _| key % 2 == 0);
            sharded.retain(|key, _| key % 2 == 0);
            map.retain(|key, _| key % 2 == 0);
            prop_assert_eq!((packed.len(), sharded.len()), (map.len(), map.len()));
            prop_assert!(told.iter().all(|(key, _)| packed.get(*key) == map.get(key) && sharded.get(*key) == map.get(key)));
            let mut left: Vec<i64> = packed.values().copied().collect();
            let mut wanted: Vec<i64> = map.values().copied().collect();
            left.sort_unstable();
            wanted.sort_unstable();
            prop_assert_eq!(left, wanted);
        }
    }
}
