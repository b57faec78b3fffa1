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

/// Where an entry of `key` stands among those that rise by key. Any keys are found; evenly spread ones fast.
pub fn find_spread<T>(sorted: &[T], key: u64, of: impl Fn(&T) -> u64) -> Option<usize> {
    let count = sorted.len();
    let guess = ((u128::from(key) * count as u128) >> 64) as usize;
    let (mut low, mut step) = (guess, 16);
    while low > 0 && of(&sorted[low - 1]) >= key {
        low = low.saturating_sub(step);
        step *= 2;
    }
    let (mut high, mut step) = (guess, 16);
    while high < count && of(&sorted[high]) < key {
        high = (high + step).min(count);
        step *= 2;
    }
    let near = &sorted[low..(high + 1).min(count)];
    near.binary_search_by_key(&key, of).ok().map(|at| low + at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
    }
}
