//! A set of fingerprints that takes little more than their eight bytes each, and mostly knows a new one without looking at the others.
//!
//! | part | holds |
//! |---|---|
//! | the filter | of each fingerprint four bits of one word; one whose four are not all set is new. About one new one in fifty has to be looked for all the same |
//! | runs | fingerprints, sorted, each run at least twice as long as the one behind it |
//! | the latest | at most [`LATEST_MAX`] fingerprints as they came |
//! | of a day that is over | one run alone |
//!
//! A hash table takes 10 to 19 bytes for each, and memory is waited for at nearly every look-up, since a table of a hundred thousand in each
//! of many partitions stands in no cache. A filter is an eighth of that, and what is new is put behind what came last.
//!
//! Sources: the filter is the blocked Bloom filter of Putze, Sanders and Singler, "Cache-, Hash- and Space-Efficient Bloom Filters" (2007),
//! with one word a block; runs of rising length are the logarithmic method of Bentley and Saxe, "Decomposable Searching Problems" (1980).

use std::collections::BTreeSet;

use super::spread::find_spread;

/// How many may stand unsorted behind the runs: what a search looks through one by one.
const LATEST_MAX: usize = 256;

/// Fingerprints a word of the filter, at most and on average: with more, it is made anew with room for twice as many as there are.
const FINGERPRINTS_A_WORD: usize = 8;

/// A set so small is left as it is when its day is over.
const SETTLED_FEW: usize = 1_024;

/// A set of fingerprints.
#[derive(Clone, Debug, Default)]
pub struct FingerprintSet {
    /// Run after run, then the latest.
    all: Vec<u64>,
    /// Where each run ends.
    run_ends: Vec<usize>,
    filter: Filter,
    /// With more than so many, the filter is made anew, for twice as many.
    room: usize,
}

/// Four bits of one word for each fingerprint. Without words, everything may be in it.
#[derive(Clone, Debug, Default)]
struct Filter {
    words: Vec<u64>,
}

impl FingerprintSet {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Adds one; whether it is new.
    #[inline]
    pub fn insert(&mut self, fingerprint: u64) -> bool {
        if self.filter.insert(fingerprint) && self.contains(fingerprint) {
            return false;
        }
        if self.all.len() == self.all.capacity() {
            // By an eighth, not to twice as much: what is moved for it is moved in one piece.
            self.all.reserve_exact((self.all.len() / 8).max(16));
        }
        self.all.push(fingerprint);
        if self.all.len() > self.room {
            self.room = (self.all.len() * 2).max(4 * FINGERPRINTS_A_WORD);
            self.filter = Filter::of(&self.all, self.room);
        }
        if self.all.len() - self.sorted() > LATEST_MAX {
            self.sort_latest();
        }
        true
    }

    /// Whether it is one of them.
    pub fn contains(&self, fingerprint: u64) -> bool {
        let mut begin = 0;
        for end in &self.run_ends {
            if find_spread(&self.all[begin..*end], fingerprint, |known| *known).is_some() {
                return true;
            }
            begin = *end;
        }
        self.all[begin..].contains(&fingerprint)
    }

    /// Forgets some, and gives their room back.
    pub fn remove(&mut self, fingerprints: &BTreeSet<u64>) {
        self.all.retain(|known| !fingerprints.contains(known));
        self.pack();
        self.filter = Filter::of(&self.all, self.room);
    }

    /// Makes it small, for hardly any will come from now on; each that does is looked for.
    pub fn settle(&mut self) {
        if self.filter.words.is_empty() || self.all.len() < SETTLED_FEW {
            return;
        }
        self.pack();
        self.filter = Filter::default();
        self.room = self.all.len() + (self.all.len() / 8).max(SETTLED_FEW);
    }

    /// One run, and no more room than it takes.
    fn pack(&mut self) {
        // The stable sort finds runs that are sorted already, and merges them.
        self.all.sort();
        self.all.shrink_to_fit();
        self.run_ends.clear();
        self.run_ends.push(self.all.len());
    }

    /// How many stand in runs.
    fn sorted(&self) -> usize {
        self.run_ends.last().copied().unwrap_or(0)
    }

    /// Makes a run of the latest, together with the runs before that would not be twice as long as it.
    #[inline(never)]
    fn sort_latest(&mut self) {
        let (all, mut begin) = (self.all.len(), self.sorted());
        self.all[begin..].sort_unstable();
        while let Some(end) = self.run_ends.pop() {
            let before = self.sorted();
            if end - before >= 2 * (all - begin) {
                self.run_ends.push(end);
                break;
            }
            begin = before;
        }
        self.all[begin..].sort();
        self.run_ends.push(all);
    }
}

impl Filter {
    /// A filter of `known` that is good for `room` fingerprints.
    fn of(known: &[u64], room: usize) -> Filter {
        let mut filter = Filter { words: vec![0; room.div_ceil(FINGERPRINTS_A_WORD).max(1)] };
        for fingerprint in known {
            filter.insert(*fingerprint);
        }
        filter
    }

    /// Adds a fingerprint; whether it may have been there.
    #[inline]
    fn insert(&mut self, fingerprint: u64) -> bool {
        let (word, bits) = self.place(fingerprint);
        let Some(word) = self.words.get_mut(word) else { return true };
        let may_be_there = *word & bits == bits;
        *word |= bits;
        may_be_there
    }

    /// Its word, and its bits of it: by the leading bits, so that a sorted run walks through the words in order, and by the last ones.
    #[inline]
    fn place(&self, fingerprint: u64) -> (usize, u64) {
        let word = ((u128::from(fingerprint) * self.words.len() as u128) >> 64) as usize;
        (word, (0..4).fold(0, |bits, n| bits | 1 << (fingerprint >> (6 * n) & 63)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Step {
        Insert(Vec<u64>),
        Settle,
        Remove(Vec<u64>),
    }

    fn fingerprints() -> impl Strategy<Value = Vec<u64>> {
        let any_of_them = prop_oneof![4 => any::<u64>(), 2 => 0..3_000u64, 1 => Just(u64::MAX)];
        (prop::collection::vec(any_of_them, 0..400), 0..1_500u64).prop_map(|(mut told, more)| {
            // Many that are spread evenly, the same ones in each step.
            told.extend((0..more).map(|n| n.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
            told
        })
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            5 => fingerprints().prop_map(Step::Insert),
            1 => Just(Step::Settle),
            1 => fingerprints().prop_map(Step::Remove),
        ];
        prop::collection::vec(step, 0..12)
    }

    proptest! {
        #[test]
        fn it_holds_what_a_set_holds(steps in steps()) {
            let (mut set, mut known) = (BTreeSet::new(), FingerprintSet::default());
            for step in steps {
                match step {
                    Step::Insert(told) => {
                        for fingerprint in told {
                            prop_assert_eq!(known.insert(fingerprint), set.insert(fingerprint));
                        }
                    }
                    Step::Settle => known.settle(),
                    Step::Remove(told) => {
                        let told: BTreeSet<u64> = told.into_iter().collect();
                        known.remove(&told);
                        set.retain(|fingerprint| !told.contains(fingerprint));
                    }
                }
                prop_assert_eq!(known.len(), set.len());
                prop_assert!(set.iter().all(|fingerprint| known.contains(*fingerprint)));
            }
        }
    }

    /// Bytes that `count` evenly spread ones take each, of the set's own room; before they have settled and after.
    fn bytes_each(count: u64) -> (f64, f64) {
        let mut known = FingerprintSet::default();
        let bytes =
            |known: &FingerprintSet| (8 * (known.all.capacity() + known.filter.words.len())) as f64 / count as f64;
        for n in 0..count {
            assert!(known.insert(n.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
        }
        let before = bytes(&known);
        known.settle();
        (before, bytes(&known))
    }

    #[test]
    fn one_takes_at_most_eleven_bytes_and_settled_eight() {
        for count in [10_000, 12_345, 33_000, 65_537, 100_000, 200_001] {
            let (before, after) = bytes_each(count);
            assert!((9.0..=11.1).contains(&before) && after == 8.0, "{count}: {before} {after}");
        }
    }

    #[test]
    fn few_new_ones_have_to_be_looked_for() {
        // Fibonacci hashing spreads too evenly; SplitMix64's output is as random as a fingerprint.
        let random = |n: u64| {
            let z = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            z ^ (z >> 31)
        };
        let known: Vec<u64> = (0..100_000).map(random).collect();
        for (room, percent_max) in [(100_000, 5), (200_000, 1)] {
            let filter = Filter::of(&known, room);
            let may_be_there = |fingerprint: &u64| {
                let (word, bits) = filter.place(*fingerprint);
                filter.words[word] & bits == bits
            };
            assert!(known.iter().all(may_be_there));
            let percent = (100_000..200_000).map(random).filter(may_be_there).count() / 1_000;
            assert!(percent < percent_max, "room {room}: {percent} %");
        }
    }
}
