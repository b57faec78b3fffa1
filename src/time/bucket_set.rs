//! Sets of buckets as runs: what a calendar leaves of a window.

use std::ops::Range;

use super::{Bucket, Grain, Span, Timestamp};

/// Buckets in order of time, as runs of which none touches the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BucketSet {
    runs: Vec<Range<Bucket>>,
}

impl BucketSet {
    /// Adds a run that begins no earlier than the last one does.
    pub(super) fn push(&mut self, run: Range<Bucket>) {
        if run.start >= run.end {
            return;
        }
        match self.runs.last_mut() {
            Some(last) if run.start <= last.end => last.end = last.end.max(run.end),
            _ => self.runs.push(run),
        }
    }

    /// What lies in either.
    pub(super) fn union(&self, other: &BucketSet) -> BucketSet {
        let mut runs: Vec<Range<Bucket>> = self.runs.iter().chain(&other.runs).cloned().collect();
        runs.sort_by_key(|run| run.start);
        let mut union = BucketSet::default();
        runs.into_iter().for_each(|run| union.push(run));
        union
    }

    /// What lies in this one and not in the other.
    pub(super) fn minus(&self, other: &BucketSet) -> BucketSet {
        let mut left = BucketSet::default();
        for run in &self.runs {
            let mut start = run.start;
            for taken in other.within(run) {
                left.push(start..taken.start);
                start = taken.end;
            }
            left.push(start..run.end);
        }
        left
    }

    /// The runs in `range`, cut to it, in order of time.
    pub fn within(&self, range: &Range<Bucket>) -> impl Iterator<Item = Range<Bucket>> + '_ {
        let (start, end) = (range.start, range.end);
        let first = self.runs.partition_point(|run| run.end <= start);
        let runs = self.runs[first..].iter().take_while(move |run| run.start < end && start < end);
        runs.map(move |run| run.start.max(start)..run.end.min(end))
    }

    /// How much of `[from, to)` lies in the set.
    pub fn length(&self, grain: Grain, from: Timestamp, to: Timestamp) -> Span {
        let all = grain.bucket(from)..grain.bucket(grain.ceil(to));
        let lengths = self.within(&all).map(|run| grain.start(run.end).min(to).0 - grain.start(run.start).max(from).0);
        Span(lengths.map(|length| length.max(0)).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(runs: &[(i32, i32)]) -> BucketSet {
        let mut set = BucketSet::default();
        runs.iter().for_each(|(start, end)| set.push(Bucket(*start)..Bucket(*end)));
        set
    }

    fn within(set: &BucketSet, start: i32, end: i32) -> String {
        let runs = set.within(&(Bucket(start)..Bucket(end)));
        runs.map(|run| format!("{}–{}", run.start.0, run.end.0)).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn runs_that_touch_are_one() {
        assert_eq!(set(&[(1, 3), (3, 5), (7, 7), (8, 9)]), set(&[(1, 5), (8, 9)]));
    }

    #[test]
    fn a_range_takes_what_of_the_runs_lies_in_it() {
        let set = set(&[(1, 5), (8, 9), (12, 20)]);
        let table = [
            (0, 30, "1–5 8–9 12–20"),
            (2, 4, "2–4"),
            (4, 13, "4–5 8–9 12–13"),
            (5, 8, ""),
            (20, 30, ""),
            (3, 3, ""),
            (4, 3, ""),
        ];
        for (start, end, expected) in table {
            assert_eq!(within(&set, start, end), expected, "{start}..{end}");
        }
    }

    #[test]
    fn sets_add_and_subtract() {
        let (a, b) = (set(&[(0, 4), (10, 20)]), set(&[(2, 12), (14, 15)]));
        assert_eq!(a.union(&b), set(&[(0, 20)]));
        assert_eq!(a.minus(&b), set(&[(0, 2), (12, 14), (15, 20)]));
        assert_eq!(b.minus(&a), set(&[(4, 10)]));
        assert_eq!(a.minus(&a), BucketSet::default());
        assert_eq!(a.union(&BucketSet::default()), a);
    }

    #[test]
    fn lengths_end_inside_a_bucket() {
        let (set, hour) = (set(&[(1, 3), (5, 6)]), Span::HOUR.0);
        let table =
            [(0, 10 * hour, 3 * hour), (hour * 3 / 2, 10 * hour, hour * 5 / 2), (0, hour * 11 / 2, hour * 5 / 2)];
        for (from, to, expected) in table {
            assert_eq!(set.length(Grain::HOUR, Timestamp(from), Timestamp(to)), Span(expected), "{from}..{to}");
        }
        assert_eq!(set.length(Grain::HOUR, Timestamp(4 * hour), Timestamp(2 * hour)), Span(0));
    }
}
