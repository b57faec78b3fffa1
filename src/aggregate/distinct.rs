//! Distinct values: which fingerprints each member had in which buckets, and how many of them there are over a run of buckets.
//!
//! Sets are united, never added: a value that occurs in three buckets of a window counts once. It counts where it occurs first, so each
//! occurrence is kept with the bucket of the one before it, and over `[a, b)` those count whose predecessor lies before `a`. What is
//! summed for that is one number a (bucket, bucket before), not one a value, and it does not depend on the order of arrival.
//!
//! | occurrences of one value | over `[1, 9)` | over `[3, 9)` | over `[6, 9)` |
//! |---|---|---|---|
//! | bucket 2 | 1 | 0 | 0 |
//! | buckets 2 and 5 | 1, in bucket 2 | 1, in bucket 5: its predecessor lies before 3 | 0 |
//! | bucket 5, and later 2 comes late | the same | the same | the same |

use std::collections::BTreeMap;
use std::ops::Range;

use hashbrown::HashTable;

use super::member::MemberId;
use crate::time::Bucket;

/// Before every bucket: the predecessor of a value's first occurrence.
const NEVER: Bucket = Bucket::FIRST;

/// The values of all members of one aggregate.
#[derive(Clone, Debug)]
pub struct Distincts {
    members: BTreeMap<MemberId, Occurrences>,
    held: usize,
    touched: Bucket,
}

/// New ones are touched from the beginning of time, as a new series is.
impl Default for Distincts {
    fn default() -> Distincts {
        Distincts { members: BTreeMap::new(), held: 0, touched: Bucket::FIRST }
    }
}

/// The values of one member.
#[derive(Clone, Debug, Default)]
struct Occurrences {
    /// Each value with its buckets.
    values: HashTable<(u64, Buckets)>,
    /// How many occurrences a bucket has, by the bucket of the occurrence before, in order of that.
    firsts: BTreeMap<Bucket, Vec<(Bucket, u32)>>,
}

/// The buckets of one value, rising; most values have one.
#[derive(Clone, Debug)]
enum Buckets {
    One(Bucket),
    Many(Box<[Bucket]>),
}

impl Buckets {
    fn as_slice(&self) -> &[Bucket] {
        match self {
            Buckets::One(bucket) => std::slice::from_ref(bucket),
            Buckets::Many(buckets) => buckets,
        }
    }
}

impl Distincts {
    /// Takes a value of a member in a bucket; once or often, in any order.
    pub fn insert(&mut self, member: MemberId, bucket: Bucket, fingerprint: u64) {
        if self.members.entry(member).or_default().insert(bucket, fingerprint) {
            self.held += 1;
            self.touched = self.touched.min(bucket);
        }
    }

    /// The first bucket that got a value since this was asked last; [`Bucket::NONE`] where none did.
    pub fn take_touched(&mut self) -> Bucket {
        std::mem::replace(&mut self.touched, Bucket::NONE)
    }

    /// How many different values a member has in `range`.
    pub fn count(&self, member: MemberId, range: &Range<Bucket>) -> i64 {
        self.count_more(member, range.start, range)
    }

    /// How many different values a member has in all `runs` together, which rise. Looks at every value.
    pub fn count_in(&self, member: MemberId, runs: &[Range<Bucket>]) -> i64 {
        match (self.members.get(&member), runs) {
            (None, _) | (_, []) => 0,
            (_, [run]) => self.count(member, run),
            (Some(occurrences), _) => {
                let lies_in = |bucket: &Bucket| {
                    let run = runs.get(runs.partition_point(|run| run.end <= *bucket));
                    run.is_some_and(|run| run.start <= *bucket)
                };
                let any = |(_, buckets): &&(u64, Buckets)| buckets.as_slice().iter().any(lies_in);
                occurrences.values.iter().filter(any).count() as i64
            }
        }
    }

    /// How many values a member has in `range` that it does not have in `[start, range.start)`: what those of `[start, range.end)`
    /// are more than those.
    pub fn count_more(&self, member: MemberId, start: Bucket, range: &Range<Bucket>) -> i64 {
        let Some(occurrences) = self.members.get(&member).filter(|_| range.start < range.end) else { return 0 };
        let new = |(_, firsts): (&Bucket, &Vec<(Bucket, u32)>)| {
            firsts.iter().take_while(|(before, _)| *before < start).map(|(_, count)| i64::from(*count)).sum::<i64>()
        };
        occurrences.firsts.range(range.clone()).map(new).sum()
    }

    /// The members that have any value in `range`, in order of their numbers (not of their names).
    pub fn members(&self, range: &Range<Bucket>) -> impl Iterator<Item = MemberId> {
        let any = |occurrences: &Occurrences| {
            range.start < range.end && occurrences.firsts.range(range.clone()).any(|(_, firsts)| !firsts.is_empty())
        };
        self.members.iter().filter(move |(_, occurrences)| any(occurrences)).map(|(member, _)| *member)
    }

    /// Lets all buckets before `bucket` go. What counts from there on stays what it is: a predecessor that is gone lies before any window.
    pub fn let_go_below(&mut self, bucket: Bucket) {
        self.members.retain(|_, occurrences| {
            occurrences.let_go_below(bucket);
            !occurrences.firsts.is_empty()
        });
        self.held = self.members.values().flat_map(|member| &member.values).map(|(_, b)| b.as_slice().len()).sum();
    }

    /// The members that have any value, in order of their numbers.
    pub fn member_ids(&self) -> impl Iterator<Item = MemberId> {
        self.members.keys().copied()
    }

    /// How many members have any value.
    pub fn member_count(&self) -> usize {
        self.members.len()
    }

    /// How many (member, bucket, value) are held.
    pub fn held(&self) -> usize {
        self.held
    }
}

impl Occurrences {
    /// Whether it was news.
    fn insert(&mut self, bucket: Bucket, fingerprint: u64) -> bool {
        let entry = self.values.entry(fingerprint, |(known, _)| *known == fingerprint, |(known, _)| *known);
        let (before, after) = match entry {
            hashbrown::hash_table::Entry::Vacant(vacant) => {
                vacant.insert((fingerprint, Buckets::One(bucket)));
                (NEVER, None)
            }
            hashbrown::hash_table::Entry::Occupied(mut occupied) => {
                let buckets = &mut occupied.get_mut().1;
                let known = buckets.as_slice();
                let Err(at) = known.binary_search(&bucket) else { return false };
                let before = at.checked_sub(1).map_or(NEVER, |before| known[before]);
                let after = known.get(at).copied();
                *buckets = Buckets::Many([&known[..at], &[bucket], &known[at..]].concat().into());
                (before, after)
            }
        };
        self.shift(bucket, before, 1);
        if let Some(after) = after {
            self.shift(after, before, -1);
            self.shift(after, bucket, 1);
        }
        true
    }

    fn let_go_below(&mut self, bucket: Bucket) {
        if self.firsts.first_key_value().is_none_or(|(first, _)| *first >= bucket) {
            return;
        }
        self.firsts = self.firsts.split_off(&bucket);
        for firsts in self.firsts.values_mut() {
            let gone = firsts.partition_point(|(before, _)| *before < bucket);
            let count: u32 = firsts.drain(..gone).map(|(_, count)| count).sum();
            if count > 0 {
                firsts.insert(0, (NEVER, count));
            }
        }
        self.values.retain(|(_, buckets)| {
            let known = buckets.as_slice();
            let left = &known[known.partition_point(|known| *known < bucket)..];
            match left {
                [] => return false,
                [one] => *buckets = Buckets::One(*one),
                left => *buckets = Buckets::Many(left.into()),
            }
            true
        });
        self.values.shrink_to_fit(|(known, _)| *known);
    }

    fn shift(&mut self, bucket: Bucket, before: Bucket, by: i32) {
        let firsts = self.firsts.entry(bucket).or_default();
        let at = firsts.partition_point(|(known, _)| *known < before);
        match firsts.get_mut(at).filter(|(known, _)| *known == before) {
            Some((_, count)) => *count = count.wrapping_add_signed(by),
            None => firsts.insert(at, (before, by.unsigned_abs())),
        }
        if firsts[at].1 == 0 {
            firsts.remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_count_is_the_size_of_the_union_in_any_order_and_however_it_is_reached(
            (told, turned) in prop::collection::vec((0..12_i32, 0..9_u64), 0..60).prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
        ) {
            let (mut one, mut other) = (Distincts::default(), Distincts::default());
            told.iter().for_each(|(bucket, value)| one.insert(MemberId::NONE, Bucket(*bucket), *value));
            turned.iter().chain(&told).for_each(|(bucket, value)| other.insert(MemberId::NONE, Bucket(*bucket), *value));
            prop_assert_eq!(format!("{:?}", one.members.values().map(|o| &o.firsts).collect::<Vec<_>>()),
                format!("{:?}", other.members.values().map(|o| &o.firsts).collect::<Vec<_>>()));
            let pairs: std::collections::BTreeSet<_> = told.iter().collect();
            prop_assert_eq!((one.held(), other.held()), (pairs.len(), pairs.len()));
            // Without what lies below a floor the rest is what it would be had that never come.
            let (mut lower, mut above) = (one.clone(), Distincts::default());
            lower.let_go_below(Bucket(5));
            told.iter().filter(|(bucket, _)| *bucket >= 5).for_each(|(bucket, value)| above.insert(MemberId::NONE, Bucket(*bucket), *value));
            prop_assert_eq!(lower.held(), above.held());
            let firsts = |all: &Distincts| all.members.values().map(|o| format!("{:?}", o.firsts)).collect::<Vec<_>>();
            prop_assert_eq!(firsts(&lower), firsts(&above));
            for start in -1..13 {
                for end in -1..14 {
                    let union: std::collections::BTreeSet<u64> =
                        told.iter().filter(|(bucket, _)| (start..end).contains(bucket)).map(|(_, value)| *value).collect();
                    let range = Bucket(start)..Bucket(end);
                    prop_assert_eq!(one.count(MemberId::NONE, &range), union.len() as i64, "{:?}", range);
                    prop_assert_eq!(one.members(&range).count(), usize::from(!union.is_empty()));
                    let (left, right) = (Bucket(start)..Bucket(start + 2), Bucket(start + 4)..Bucket(end.max(start + 5)));
                    let apart: std::collections::BTreeSet<u64> = (told.iter())
                        .filter(|(bucket, _)| left.contains(&Bucket(*bucket)) || right.contains(&Bucket(*bucket)))
                        .map(|(_, value)| *value)
                        .collect();
                    prop_assert_eq!(one.count_in(MemberId::NONE, &[left, right]), apart.len() as i64);
                    let middle = Bucket((start + end).div_euclid(2).clamp(start.min(end), end));
                    let grown = one.count(MemberId::NONE, &(Bucket(start)..middle))
                        + one.count_more(MemberId::NONE, Bucket(start), &(middle.max(Bucket(start))..Bucket(end)));
                    prop_assert_eq!(grown, union.len() as i64, "{:?} by way of {:?}", range, middle);
                }
            }
        }
    }
}
