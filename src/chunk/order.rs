//! The one order of texts and rows: by content, never by the numbers that texts happen to have.

use std::cmp::Ordering;

use super::{BinRow, CellRow, DistinctRow, HalfRow, LevelRow, StartRow, TextIndex};

/// Each text's place among the texts in byte order; equal texts have the same place.
#[derive(Debug)]
pub(super) struct Ranks<'t> {
    by_index: Vec<u32>,
    sorted: Vec<&'t str>,
}

impl<'t> Ranks<'t> {
    /// Ranks `texts`.
    pub(super) fn new(texts: &'t [String]) -> Ranks<'t> {
        let mut in_order: Vec<(&str, usize)> = texts.iter().map(String::as_str).zip(0..).collect();
        in_order.sort_unstable();
        let (mut by_index, mut sorted) = (vec![0; texts.len()], Vec::with_capacity(texts.len()));
        for (text, index) in in_order {
            if sorted.last() != Some(&text) {
                sorted.push(text);
            }
            by_index[index] = sorted.len() as u32 - 1;
        }
        Ranks { by_index, sorted }
    }

    /// How many texts there are.
    pub(super) fn len(&self) -> usize {
        self.sorted.len()
    }

    /// The place of a text. A row that names a text its chunk does not have is a fault of the program, and panics.
    pub(super) fn rank(&self, index: TextIndex) -> u32 {
        self.by_index[index.0 as usize]
    }

    /// The text at a place.
    pub(super) fn text(&self, rank: u32) -> &'t str {
        self.sorted[rank as usize]
    }

    /// All texts, each at its place.
    pub(super) fn into_texts(self) -> Vec<String> {
        self.sorted.into_iter().map(str::to_owned).collect()
    }

    /// The place of a member; `None` is NULL and comes first.
    pub(super) fn member(&self, member: Option<TextIndex>) -> Option<u32> {
        member.map(|index| self.rank(index))
    }
}

/// Cells by aggregate, member, bucket, content.
pub(super) fn cells(a: &CellRow, b: &CellRow, ranks: &Ranks) -> Ordering {
    let key = |row: &CellRow| (row.aggregate, ranks.member(row.member), row.bucket);
    let content = |row: &CellRow| (row.cell.count, row.cell.sum, row.cell.min, row.cell.max);
    key(a).cmp(&key(b)).then_with(|| content(a).cmp(&content(b)))
}

/// Bins by aggregate, member, bucket, bin, count.
pub(super) fn bins(a: &BinRow, b: &BinRow, ranks: &Ranks) -> Ordering {
    let key = |row: &BinRow| (row.aggregate, ranks.member(row.member), row.bucket, row.bin, row.count);
    key(a).cmp(&key(b))
}

/// Distinct values by aggregate, member, bucket, value.
pub(super) fn distincts(a: &DistinctRow, b: &DistinctRow, ranks: &Ranks) -> Ordering {
    let key = |row: &DistinctRow| (row.aggregate, ranks.member(row.member), row.bucket, row.value);
    key(a).cmp(&key(b))
}

/// Half-pairs by aggregate, key, content.
pub(super) fn halves(a: &HalfRow, b: &HalfRow, ranks: &Ranks) -> Ordering {
    (a.aggregate, a.key).cmp(&(b.aggregate, b.key)).then_with(|| {
        let ends = |row: &HalfRow| (row.first_end, row.last_end, row.void);
        let start = match (&a.start, &b.start) {
            (Some(a), Some(b)) => starts(a, b, |index| ranks.rank(index)),
            (a, b) => a.is_some().cmp(&b.is_some()),
        };
        start.then_with(|| ends(a).cmp(&ends(b)))
    })
}

/// Levels by aggregate, key, bucket, content.
pub(super) fn levels(a: &LevelRow, b: &LevelRow, ranks: &Ranks) -> Ordering {
    let key = |row: &LevelRow| (row.aggregate, row.key, row.bucket);
    key(a).cmp(&key(b)).then_with(|| told(a, b, |index| ranks.rank(index)))
}

/// What was told by time, value, then member by member, `None` always last. `text` gives what texts are compared by.
pub(super) fn told<K: Ord>(a: &LevelRow, b: &LevelRow, text: impl Fn(TextIndex) -> K) -> Ordering {
    let value = |row: &LevelRow| (row.at, row.value.is_none(), row.value);
    let member = |m: &Option<TextIndex>| (m.is_none(), m.map(&text));
    value(a).cmp(&value(b)).then_with(|| a.dimensions.iter().map(member).cmp(b.dimensions.iter().map(member)))
}

/// Start tuples by time, deadline, then member by member, `None` always last. `text` gives what texts are compared by.
pub(super) fn starts<K: Ord>(a: &StartRow, b: &StartRow, text: impl Fn(TextIndex) -> K) -> Ordering {
    let deadline = |row: &StartRow| (row.deadline.is_none(), row.deadline);
    let member = |m: &Option<TextIndex>| (m.is_none(), m.map(&text));
    a.at.cmp(&b.at)
        .then_with(|| deadline(a).cmp(&deadline(b)))
        .then_with(|| a.dimensions.iter().map(member).cmp(b.dimensions.iter().map(member)))
}
