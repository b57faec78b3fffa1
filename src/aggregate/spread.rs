//! Sorting and searching by keys that are spread evenly, as fingerprints are.
//!
//! Sorted they are dealt out by their leading bits first, a few to a pile, then each pile by itself: for a million entries that is two passes
//! instead of twenty. Where one stands among the sorted can be guessed, and the search begins there.

use std::cmp::Ordering;

/// Entries of a pile, on average.
const PILE: usize = 8;

/// Sorts by key, entries of one key by `tie`. Any keys are sorted; evenly spread ones fast, and those in order already at once.
pub fn sort_spread<T: Copy>(entries: &mut Vec<T>, key: impl Fn(&T) -> u64, tie: impl Fn(&T, &T) -> Ordering) {
    let order = |a: &T, b: &T| key(a).cmp(&key(b)).then_with(|| tie(a, b));
    if entries.is_sorted_by(|a, b| order(a, b).is_le()) {
        return;
    }
    let bits = (entries.len() / PILE).max(1).ilog2();
    if bits == 0 {
        entries.sort_unstable_by(order);
        return;
    }
    let pile = |entry: &T| (key(entry) >> (u64::BITS - bits)) as usize;
    let mut begins = vec![0; (1 << bits) + 1];
    entries.iter().for_each(|entry| begins[pile(entry) + 1] += 1);
    (1..begins.len()).for_each(|at| begins[at] += begins[at - 1]);
    let (mut next, mut dealt) = (begins.clone(), entries.clone());
    for entry in entries.iter() {
        let place = &mut next[pile(entry)];
        dealt[*place] = *entry;
        *place += 1;
    }
    begins.windows(2).for_each(|pile| dealt[pile[0]..pile[1]].sort_unstable_by(order));
    *entries = dealt;
}

/// How often a guess of where a key stands is bettered. The first is off by √n entries or so, each better one by the root of that.
const BETTERED: usize = 4;

/// Where an entry of `key` stands among those that rise by key. Any keys are found; evenly spread ones fast: of a million entries some
/// nine are looked at, most of them side by side.
pub fn find_spread<T>(sorted: &[T], key: u64, of: impl Fn(&T) -> u64) -> Option<usize> {
    let guess = (0..BETTERED).fold(entries_among(sorted.len(), key), |guess, _| better_guess(sorted, key, guess, &of));
    find_near(sorted, key, guess, of)
}

/// Where each of some keys may stand, for [`find_near`]: of place i, `place(i)` says the key and among which entries. Where the entries lie in
/// no cache, a processor waits for those of many keys at once, instead of one key after the other.
pub fn guess_together<'s, T: 's>(
    guesses: &mut [usize],
    place: impl Fn(usize) -> (&'s [T], u64),
    of: impl Fn(&T) -> u64,
) {
    for (at, guess) in guesses.iter_mut().enumerate() {
        let (sorted, key) = place(at);
        *guess = entries_among(sorted.len(), key);
    }
    for _ in 0..BETTERED {
        for (at, guess) in guesses.iter_mut().enumerate() {
            let (sorted, key) = place(at);
            *guess = better_guess(sorted, key, *guess, &of);
        }
    }
}

/// Where an entry of `key` stands, looked for from `guess` on, which may be any.
pub fn find_near<T>(sorted: &[T], key: u64, guess: usize, of: impl Fn(&T) -> u64) -> Option<usize> {
    let last = sorted.len().checked_sub(1)?;
    let (mut low, mut high) = (guess.min(last), guess.min(last));
    let mut step = 1;
    while low > 0 && of(&sorted[low - 1]) >= key {
        low = low.saturating_sub(step);
        step *= 2;
    }
    step = 1;
    while high < last && of(&sorted[high]) < key {
        high = (high + step).min(last);
        step *= 2;
    }
    sorted[low..=high].binary_search_by_key(&key, of).ok().map(|at| low + at)
}

/// From what stands at one guess to the next.
#[inline]
fn better_guess<T>(sorted: &[T], key: u64, guess: usize, of: impl Fn(&T) -> u64) -> usize {
    let Some(known) = sorted.get(guess).map(of) else { return guess };
    let better = match known <= key {
        true => guess + entries_among(sorted.len(), key - known),
        false => guess.saturating_sub(entries_among(sorted.len(), known - key)),
    };
    better.min(sorted.len() - 1)
}

/// How many of `count` evenly spread entries lie among so many keys: among those below a key, the first guess of where it stands.
#[inline]
fn entries_among(count: usize, keys: u64) -> usize {
    ((u128::from(keys) * count as u128) >> u64::BITS) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::cell::Cell;

    proptest! {
        #[test]
        fn it_sorts_whatever_the_keys(
            mut entries in prop::collection::vec((prop_oneof![any::<u64>(), 0..9u64, Just(u64::MAX)], 0..9u8), 0..600),
        ) {
            let mut sorted = entries.clone();
            sorted.sort_unstable();
            sort_spread(&mut entries, |entry| entry.0, |a, b| a.1.cmp(&b.1));
            prop_assert_eq!(entries, sorted);
        }

        #[test]
        fn it_finds_whatever_the_keys(
            keys in prop::collection::btree_set(prop_oneof![any::<u64>(), 0..40u64, Just(u64::MAX), u64::MAX - 40..], 0..400),
            others in prop::collection::vec(prop_oneof![any::<u64>(), 0..40u64, Just(u64::MAX)], 40),
        ) {
            let keys: Vec<u64> = keys.into_iter().collect();
            for key in keys.iter().chain(&others) {
                prop_assert_eq!(find_spread(&keys, *key, |key| *key), keys.binary_search(key).ok());
            }
        }
    }

    #[test]
    fn it_looks_at_few_of_many() {
        // Evenly spread, but not as evenly as multiples would be.
        let mixed = |i: u64| {
            (i ^ i << 21).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(31).wrapping_mul(0xBF58_476D_1CE4_E5B9)
        };
        let mut keys: Vec<u64> = (0..100_000).map(mixed).collect();
        keys.sort_unstable();
        let looks = Cell::new(0);
        for (at, key) in keys.iter().enumerate() {
            let found = find_spread(&keys, *key, |key| {
                looks.set(looks.get() + 1);
                *key
            });
            assert_eq!(found, Some(at));
        }
        assert!(looks.get() / keys.len() <= 10, "{} looks a key", looks.get() / keys.len());
    }
}
