//! Series: cells or sketches by member and bucket, in order of time.

use std::collections::BTreeMap;
use std::ops::Range;

use super::cell::Cell;
use super::member::MemberId;
use super::sketch::Sketch;
use crate::time::Bucket;

/// What a series holds a bucket: it merges, and starts empty.
pub trait Mergeable: Clone + Default {
    /// Adds another of its kind. Commutative and associative.
    fn merge(&mut self, other: &Self);

    /// Whether it holds nothing.
    fn is_empty(&self) -> bool;
}

impl Mergeable for Cell {
    fn merge(&mut self, other: &Cell) {
        Cell::merge(self, other);
    }

    fn is_empty(&self) -> bool {
        Cell::is_empty(self)
    }
}

impl Mergeable for Sketch {
    fn merge(&mut self, other: &Sketch) {
        Sketch::merge(self, other);
    }

    fn is_empty(&self) -> bool {
        self.bins().next().is_none()
    }
}

/// Buckets of each member, in order of time.
#[derive(Clone, Debug)]
pub struct Series<T> {
    members: BTreeMap<MemberId, Vec<(Bucket, T)>>,
    touched: Bucket,
}

/// A new series is touched from the beginning of time: what it replaces may have had anything.
impl<T> Default for Series<T> {
    fn default() -> Series<T> {
        Series { members: BTreeMap::new(), touched: Bucket::FIRST }
    }
}

/// How many buckets lie before `bucket`. Looked for from the end on, for events come mostly in order of time: of a long series the other
/// end lies in no cache.
fn place<T>(buckets: &[(Bucket, T)], bucket: Bucket) -> usize {
    let (mut low, mut high, mut step) = (buckets.len(), buckets.len(), 1);
    while low > 0 && buckets[low - 1].0 >= bucket {
        high = low - 1;
        low = low.saturating_sub(step);
        step *= 2;
    }
    low + buckets[low..high].partition_point(|(known, _)| *known < bucket)
}

impl<T: Mergeable> Series<T> {
    /// The bucket's value to change, empty if it was not there.
    pub fn entry(&mut self, member: MemberId, bucket: Bucket) -> &mut T {
        self.touched = self.touched.min(bucket);
        let buckets = self.members.entry(member).or_default();
        let index = place(buckets, bucket);
        if buckets.get(index).is_none_or(|(known, _)| *known != bucket) {
            buckets.insert(index, (bucket, T::default()));
        }
        &mut buckets[index].1
    }

    /// Changes a bucket's value, and keeps none that is empty then: what is there follows from what holds now, not from what once did.
    pub fn change(&mut self, member: MemberId, bucket: Bucket, change: impl FnOnce(&mut T)) {
        let value = self.entry(member, bucket);
        change(value);
        if !value.is_empty() {
            return;
        }
        let Some(buckets) = self.members.get_mut(&member) else { return };
        if let Ok(index) = buckets.binary_search_by_key(&bucket, |(b, _)| *b) {
            buckets.remove(index);
        }
        if buckets.is_empty() {
            self.members.remove(&member);
        }
    }

    /// The first bucket that was changed since this was asked last; [`Bucket::NONE`] where none was. What was let go below a floor or
    /// gathered there is no change: what is read from the floor on stays what it was.
    pub fn take_touched(&mut self) -> Bucket {
        std::mem::replace(&mut self.touched, Bucket::NONE)
    }

    /// All of one member's buckets in `range`, merged.
    pub fn total(&self, member: MemberId, range: Range<Bucket>) -> T {
        let mut total = T::default();
        for (_, value) in self.buckets(member, range) {
            total.merge(value);
        }
        total
    }

    /// One member's buckets in `range`, in order of time.
    pub fn buckets(&self, member: MemberId, range: Range<Bucket>) -> &[(Bucket, T)] {
        let Some(buckets) = self.members.get(&member) else { return &[] };
        let from = buckets.partition_point(|(b, _)| *b < range.start);
        let to = buckets.partition_point(|(b, _)| *b < range.end).max(from);
        &buckets[from..to]
    }

    /// How many buckets there are, of all members.
    pub fn len(&self) -> usize {
        self.members.values().map(Vec::len).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// How many members have any bucket.
    pub fn member_count(&self) -> usize {
        self.members.len()
    }

    /// Merges all buckets before `bucket` into the one before it, so that sums from the beginning on stay what they are.
    pub fn gather_below(&mut self, bucket: Bucket) {
        let last = Bucket(bucket.0.saturating_sub(1));
        self.members.retain(|_, buckets| {
            let below = buckets.partition_point(|(b, _)| *b < bucket);
            let mut gathered = T::default();
            buckets.drain(..below).for_each(|(_, value)| gathered.merge(&value));
            if !gathered.is_empty() {
                buckets.insert(0, (last, gathered));
            }
            !buckets.is_empty()
        });
    }

    /// Lets all buckets before `bucket` go, and members without any left.
    pub fn let_go_below(&mut self, bucket: Bucket) {
        self.members.retain(|_, buckets| {
            let below = buckets.partition_point(|(b, _)| *b < bucket);
            if below > 0 {
                buckets.drain(..below);
                buckets.shrink_to_fit();
            }
            !buckets.is_empty()
        });
    }

    /// The members that have any bucket, in order of their numbers (not of their names).
    pub fn members(&self) -> impl Iterator<Item = MemberId> + '_ {
        self.members.keys().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_placed_wherever_it_lies() {
        for count in 0..40 {
            let buckets: Vec<(Bucket, ())> = (0..count).map(|number| (Bucket(2 * number), ())).collect();
            for bucket in (-1..=2 * count).map(Bucket) {
                let expected = buckets.iter().filter(|(known, ())| *known < bucket).count();
                assert_eq!(place(&buckets, bucket), expected, "{bucket:?} of {count}");
            }
        }
    }
}
