//! Many entries at once into a map from fingerprints: what is read from the store at a start.
//!
//! Looking each of ten million keys up where they come in no order waits for memory each time. Here they are only dealt out to the map's
//! shards; a shard that has gathered half as many as it holds is sorted, which puts entries of one key side by side.

use super::packed::{Packed, Sharded};

/// Entries of a shard that are not worth sorting.
const SHARD_FEW: usize = 1_024;

/// What becomes of two values of one key.
pub trait Unite<V> {
    /// Joins `other` into `known`. Commutative and associative, for entries come in any order.
    fn unite(&self, known: &mut V, other: &V);

    /// Whether a united value is one of those that are counted.
    fn counts(&self, value: &V) -> bool;
}

/// A map that is being loaded.
#[derive(Clone, Debug)]
pub struct Loading<V> {
    shards: Vec<Shard<V>>,
    counted: usize,
}

#[derive(Clone, Debug)]
struct Shard<V> {
    entries: Vec<(u64, V)>,
    /// So many of them, the first ones, rise by key.
    united: usize,
    counted: usize,
}

impl<V> Default for Loading<V> {
    fn default() -> Loading<V> {
        let shard = || Shard { entries: Vec::new(), united: 0, counted: 0 };
        Loading { shards: (0..Sharded::<V>::SHARDS).map(|_| shard()).collect(), counted: 0 }
    }
}

impl<V: Copy + Default> Loading<V> {
    /// Adds what is known of a key.
    pub fn add(&mut self, key: u64, value: V, rule: &impl Unite<V>) {
        let (shard, within) = Sharded::<V>::place(key);
        let shard = &mut self.shards[shard];
        shard.entries.push((within, value));
        if shard.entries.len() - shard.united > SHARD_FEW.max(shard.united / 2) {
            self.counted -= shard.counted;
            shard.unite(rule);
            self.counted += shard.counted;
        }
    }

    /// How many keys there are at least that count.
    pub fn counted(&self) -> usize {
        self.counted
    }

    /// The map of all that was added.
    pub fn finish(self, rule: &impl Unite<V>) -> Sharded<V> {
        let united = |mut shard: Shard<V>| {
            shard.unite(rule);
            shard.entries.shrink_to_fit();
            Packed::of_sorted(shard.entries)
        };
        Sharded::of_shards(self.shards.into_iter().map(united).collect())
    }
}

impl<V: Copy> Shard<V> {
    fn unite(&mut self, rule: &impl Unite<V>) {
        if self.united == self.entries.len() {
            return;
        }
        // The stable sort finds the run that is sorted already, and merges what is new into it.
        self.entries.sort_by_key(|(key, _)| *key);
        self.entries.dedup_by(|(key, value), (known_key, known)| {
            let is_same = key == known_key;
            if is_same {
                rule.unite(known, value);
            }
            is_same
        });
        self.united = self.entries.len();
        self.counted = self.entries.iter().filter(|(_, value)| rule.counts(value)).count();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    struct Sum;

    impl Unite<i64> for Sum {
        fn unite(&self, known: &mut i64, other: &i64) {
            *known += other;
        }

        fn counts(&self, value: &i64) -> bool {
            value % 2 == 0
        }
    }

    proptest! {
        #[test]
        fn what_was_loaded_is_what_a_map_holds(
            told in prop::collection::vec((prop_oneof![0..40u64, any::<u64>(), Just(u64::MAX)], 1..9i64), 0..400),
            times in 1..40usize,
        ) {
            let (mut map, mut loading) = (BTreeMap::new(), Loading::default());
            for (key, value) in std::iter::repeat_n(told, times).flatten() {
                *map.entry(key).or_insert(0) += value;
                loading.add(key, value, &Sum);
            }
            let counted = map.values().filter(|value| **value % 2 == 0).count();
            let mut at_the_end = loading.clone();
            at_the_end.shards.iter_mut().for_each(|shard| shard.unite(&Sum));
            prop_assert_eq!(at_the_end.shards.iter().map(|shard| shard.counted).sum::<usize>(), counted);
            let sharded = loading.finish(&Sum);
            prop_assert_eq!(sharded.len(), map.len());
            prop_assert_eq!(sharded.values().count(), map.len());
            for (key, value) in &map {
                prop_assert_eq!(sharded.get(*key), Some(value));
            }
        }
    }
}
