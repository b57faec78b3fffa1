//! Folding: adjacent chunks become one that says the same. This is what "facts only add" means, on the stored rows themselves.
//!
//! | of | two become |
//! |---|---|
//! | cells, bins | one by (aggregate, member, bucket, bin): counts and sums add, least min, greatest max |
//! | distinct | the union |
//! | halves | one by (aggregate, key): least start tuple, earliest first end, latest last end, void if either is |
//! | levels | one by (aggregate, key, bucket): the greatest by time, then by content |
//! | ids | the union |
//! | head | the greatest times; counters add |
//! | floor | the highest |
//! | evaluated | ranges that touch unite and keep the `since` of the lower offsets; none ever widens over what neither covered |
//!
//! Every one of them is commutative and associative, so any grouping gives the same facts and the same bytes.

use std::collections::BTreeMap;

use super::fault::FoldFault;
use super::order::{self, Ranks};
use super::{
    BinRow, COUNT_MAX, CellRow, Chunk, DistinctRow, Evaluated, EvaluatedRange, HalfRow, Head, LevelRow, TextIndex,
};
use crate::aggregate::plan::AggregateId;
use crate::event::Offset;

/// Folds whole chunks of one partition and lane, in any order, into one over all their offsets. A gap between them is refused. So are offsets
/// that two of them cover, unless they evaluated other aggregates over them, as a back-fill does: else facts would be added twice.
pub fn fold(mut chunks: Vec<Chunk>) -> Result<Chunk, FoldFault> {
    chunks.sort_by_key(|chunk| (chunk.from, chunk.to));
    let (Some(first), Some(to)) = (chunks.first(), chunks.iter().map(|chunk| chunk.to).max()) else {
        return Err(FoldFault::Nothing);
    };
    let mut all = Chunk { from: first.from, to, ..Chunk::default() };
    let mut covered = first.from;
    let mut overlaps = false;
    for chunk in &chunks {
        if chunk.from > covered {
            return Err(FoldFault::Gap { to: covered, from: chunk.from });
        }
        overlaps |= chunk.from < covered;
        if chunk.from < covered && chunk.evaluated.is_empty() {
            // It says of no aggregate which offsets count: all may.
            return Err(FoldFault::Overlap { to: covered, from: chunk.from });
        }
        covered = covered.max(chunk.to);
    }
    if overlaps {
        check_disjoint(&chunks)?;
    }
    let mut evaluated = Vec::new();
    let mut texts = Vec::new();
    for mut chunk in chunks {
        join_head(&mut all.head, &chunk.head)?;
        all.floor = all.floor.max(chunk.floor);
        evaluated.append(&mut chunk.evaluated);
        append_rows(&mut all, &mut texts, chunk);
    }
    let ranges = unite_evaluated(&evaluated);
    all.evaluated = ranges.into_iter().map(|(aggregate, ranges)| Evaluated { aggregate, ranges }).collect();
    for ids in all.ids.values_mut() {
        ids.sort_unstable();
        ids.dedup();
    }
    all.ids.retain(|_, ids| !ids.is_empty());
    join_rows(&mut all, &texts)?;
    Ok(all)
}

/// Whether no aggregate was evaluated twice over the same offset.
fn check_disjoint(chunks: &[Chunk]) -> Result<(), FoldFault> {
    let mut by_aggregate: BTreeMap<AggregateId, Vec<(Offset, Offset)>> = BTreeMap::new();
    for entry in chunks.iter().flat_map(|chunk| &chunk.evaluated) {
        by_aggregate
            .entry(entry.aggregate)
            .or_default()
            .extend(entry.ranges.iter().map(|range| (range.from, range.to)));
    }
    for ranges in by_aggregate.values_mut() {
        ranges.sort_unstable();
        for pair in ranges.windows(2) {
            if pair[1].0 < pair[0].1 {
                return Err(FoldFault::Overlap { to: pair[0].1, from: pair[1].0 });
            }
        }
    }
    Ok(())
}

/// Appends a chunk's rows, its texts behind all texts so far.
fn append_rows(all: &mut Chunk, texts: &mut Vec<String>, chunk: Chunk) {
    let shift = texts.len() as u32;
    let shifted = |member: Option<TextIndex>| member.map(|index| TextIndex(index.0 + shift));
    all.cells.extend(chunk.cells.into_iter().map(|row| CellRow { member: shifted(row.member), ..row }));
    all.bins.extend(chunk.bins.into_iter().map(|row| BinRow { member: shifted(row.member), ..row }));
    all.distincts.extend(chunk.distincts.into_iter().map(|row| DistinctRow { member: shifted(row.member), ..row }));
    all.halves.extend(chunk.halves.into_iter().map(|mut row| {
        for member in row.start.iter_mut().flat_map(|start| &mut start.dimensions) {
            *member = shifted(*member);
        }
        row
    }));
    all.levels.extend(chunk.levels.into_iter().map(|mut row| {
        row.dimensions.iter_mut().for_each(|member| *member = shifted(*member));
        row
    }));
    texts.extend(chunk.texts);
    for (key, ids) in chunk.ids {
        all.ids.entry(key).or_default().extend(ids);
    }
}

/// Sorts the rows by content, joins those with the same key, and gives each text one number.
fn join_rows(all: &mut Chunk, texts: &[String]) -> Result<(), FoldFault> {
    let ranks = Ranks::new(texts);
    let mut too_many = None;
    all.cells.sort_unstable_by(|a, b| order::cells(a, b, &ranks));
    all.cells.dedup_by(|row, kept| {
        let key = |row: &CellRow| (row.aggregate, ranks.member(row.member), row.bucket);
        let same = key(row) == key(kept);
        if same {
            match add(kept.cell.count, row.cell.count) {
                Some(_) => kept.cell.merge(&row.cell),
                None => too_many = Some("a cell"),
            }
        }
        same
    });
    all.bins.sort_unstable_by(|a, b| order::bins(a, b, &ranks));
    all.bins.dedup_by(|row, kept| {
        let key = |row: &BinRow| (row.aggregate, ranks.member(row.member), row.bucket, row.bin);
        let same = key(row) == key(kept);
        if same {
            match add(kept.count, row.count) {
                Some(count) => kept.count = count,
                None => too_many = Some("a sketch's bin"),
            }
        }
        same
    });
    all.distincts.sort_unstable_by(|a, b| order::distincts(a, b, &ranks));
    all.distincts.dedup_by(|a, b| order::distincts(a, b, &ranks).is_eq());
    all.halves.sort_unstable_by(|a, b| order::halves(a, b, &ranks));
    all.halves.dedup_by(|row, kept| {
        let same = (row.aggregate, row.key) == (kept.aggregate, kept.key);
        if same {
            join_halves(kept, row, |index| ranks.rank(index));
        }
        same
    });
    all.levels.sort_unstable_by(|a, b| order::levels(a, b, &ranks));
    all.levels.dedup_by(|row, kept| {
        let same = (row.aggregate, row.key, row.bucket) == (kept.aggregate, kept.key, kept.bucket);
        if same {
            join_levels(kept, row, |index| ranks.rank(index));
        }
        same
    });
    let members = all.cells.iter_mut().map(|row| &mut row.member).chain(all.bins.iter_mut().map(|row| &mut row.member));
    let dimensions = all.halves.iter_mut().filter_map(|row| row.start.as_mut()).flat_map(|start| &mut start.dimensions);
    let values = all.distincts.iter_mut().map(|row| &mut row.member);
    let told = all.levels.iter_mut().flat_map(|row| &mut row.dimensions);
    for index in members.chain(values).chain(dimensions).chain(told).flatten() {
        *index = TextIndex(ranks.rank(*index));
    }
    all.texts = ranks.into_texts();
    too_many.map_or(Ok(()), |what| Err(FoldFault::TooMany { what }))
}

fn add(a: i64, b: i64) -> Option<i64> {
    a.checked_add(b).filter(|sum| sum.unsigned_abs() <= COUNT_MAX)
}

/// Joins what two chunks know of one pair. `text` gives what dimensions are compared by: the texts themselves, or numbers in the same order.
pub fn join_halves<K: Ord>(into: &mut HalfRow, other: &HalfRow, text: impl Fn(TextIndex) -> K) {
    if let Some(start) = &other.start {
        let least = into.start.as_ref().is_none_or(|kept| order::starts(start, kept, text).is_lt());
        if least {
            into.start = Some(start.clone());
        }
    }
    into.first_end = into.first_end.into_iter().chain(other.first_end).min();
    into.last_end = into.last_end.max(other.last_end);
    into.void |= other.void;
}

/// Joins what two chunks know of one level's key in one bucket: the greater is kept. `text` as for [`join_halves`].
pub fn join_levels<K: Ord>(into: &mut LevelRow, other: &LevelRow, text: impl Fn(TextIndex) -> K) {
    if order::told(other, into, text).is_gt() {
        *into = other.clone();
    }
}

/// Joins what two chunks of one partition know of it.
pub fn join_head(into: &mut Head, other: &Head) -> Result<(), FoldFault> {
    into.last_record_at = into.last_record_at.max(other.last_record_at);
    into.complete_until = into.complete_until.max(other.complete_until);
    for (event, times) in &other.events {
        let kept = into.events.entry(*event).or_default();
        kept.watermark = kept.watermark.max(times.watermark);
        kept.last_event_at = kept.last_event_at.max(times.last_event_at);
    }
    for (name, count) in &other.counters {
        let kept = into.counters.entry(name.clone()).or_default();
        let sum = kept.checked_add(*count).filter(|sum| *sum <= COUNT_MAX);
        *kept = sum.ok_or(FoldFault::TooMany { what: "a counter" })?;
    }
    Ok(())
}

/// Unites ranges that touch or overlap; the result is disjoint, rising and not touching. The instant of the lower offsets is kept, and any
/// before none: that of the *first* covered record. The least would let one record with an old timestamp claim all that lies between.
pub fn unite_ranges(mut ranges: Vec<EvaluatedRange>) -> Vec<EvaluatedRange> {
    ranges.sort_unstable_by_key(|range| (range.from, range.to, range.since));
    ranges.dedup_by(|range, kept| {
        let touches = range.from <= kept.to;
        if touches {
            kept.to = kept.to.max(range.to);
            kept.since = kept.since.or(range.since);
        }
        touches
    });
    ranges
}

/// All ranges of each aggregate, united.
pub(super) fn unite_evaluated(evaluated: &[Evaluated]) -> BTreeMap<AggregateId, Vec<EvaluatedRange>> {
    let mut by_aggregate: BTreeMap<AggregateId, Vec<EvaluatedRange>> = BTreeMap::new();
    for entry in evaluated {
        by_aggregate.entry(entry.aggregate).or_default().extend(&entry.ranges);
    }
    by_aggregate.into_iter().map(|(aggregate, ranges)| (aggregate, unite_ranges(ranges))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::StartRow;
    use super::*;
    use crate::time::Timestamp;

    /// A half-pair: start at, deadline, warehouse; first and last end; void.
    type Half<'t> = (Option<(i64, Option<i64>, Option<&'t str>)>, Option<(i64, i64)>, bool);

    fn row(half: Half, texts: &mut Vec<String>) -> HalfRow {
        let mut index = |text: &str| {
            texts.push(text.to_owned());
            TextIndex(texts.len() as u32 - 1)
        };
        let start = half.0.map(|(at, deadline, warehouse)| StartRow {
            at: Timestamp(at),
            deadline: deadline.map(Timestamp),
            dimensions: vec![warehouse.map(&mut index)].into(),
        });
        let (first_end, last_end) = half.1.map(|(a, b)| (Timestamp(a), Timestamp(b))).unzip();
        HalfRow { aggregate: AggregateId(1), key: 7, start, first_end, last_end, void: half.2 }
    }

    #[test]
    fn halves_join_to_the_least_start_the_earliest_and_latest_end_and_a_sticky_void() {
        let start = |at, deadline, warehouse| (Some((at, deadline, warehouse)), None, false);
        let end = |at| (None, Some((at, at)), false);
        for (a, b, expected) in [
            (start(5, None, None), end(9), (Some((5, None, None)), Some((9, 9)), false)),
            (start(5, None, Some("a")), start(4, None, Some("z")), start(4, None, Some("z"))),
            (start(5, Some(8), Some("z")), start(5, Some(9), Some("a")), start(5, Some(8), Some("z"))),
            (start(5, None, Some("a")), start(5, Some(9), Some("z")), start(5, Some(9), Some("z"))),
            (start(5, None, Some("b")), start(5, None, Some("a")), start(5, None, Some("a"))),
            (start(5, None, None), start(5, None, Some("z")), start(5, None, Some("z"))),
            (end(9), end(15), (None, Some((9, 15)), false)),
            ((None, Some((12, 15)), false), (None, Some((9, 13)), false), (None, Some((9, 15)), false)),
            ((None, None, true), start(5, None, None), (Some((5, None, None)), None, true)),
        ] {
            for (a, b) in [(a, b), (b, a)] {
                let mut texts = Vec::new();
                let (mut joined, other) = (row(a, &mut texts), row(b, &mut texts));
                join_halves(&mut joined, &other, |index| texts[index.0 as usize].clone());
                let chunk = |row: HalfRow, texts| Chunk { halves: vec![row], texts, ..Chunk::default() };
                let mut wanted = Vec::new();
                let wanted_row = row(expected, &mut wanted);
                // Encoding compares by content.
                let wanted = crate::chunk::encode(&chunk(wanted_row, wanted));
                assert_eq!(crate::chunk::encode(&chunk(joined, texts)), wanted, "{a:?} with {b:?}");
            }
        }
    }

    /// Ranges as `from-to@since`, `-` for none.
    fn check_ranges(given: &[(i64, i64, Option<i64>)], expected: &str) {
        let ranges =
            given.iter().map(|(from, to, since)| EvaluatedRange { from: *from, to: *to, since: since.map(Timestamp) });
        let text = |range: &EvaluatedRange| {
            format!("{}-{}@{}", range.from, range.to, range.since.map_or("-".to_owned(), |s| s.0.to_string()))
        };
        for ranges in [ranges.clone().collect::<Vec<_>>(), ranges.rev().collect()] {
            let united: Vec<String> = unite_ranges(ranges).iter().map(text).collect();
            assert_eq!(united.join(" "), expected, "{given:?}");
        }
    }

    #[test]
    fn ranges_unite_where_they_touch_and_never_widen() {
        check_ranges(&[], "");
        check_ranges(&[(0, 5, Some(10)), (5, 9, Some(20))], "0-9@10");
        check_ranges(&[(0, 5, Some(20)), (5, 9, Some(10))], "0-9@20");
        check_ranges(&[(0, 5, Some(10)), (6, 9, Some(20))], "0-5@10 6-9@20");
        check_ranges(&[(0, 0, None), (0, 9, Some(20))], "0-9@20");
        check_ranges(&[(0, 9, None), (2, 3, None), (4, 6, Some(1))], "0-9@1");
        check_ranges(&[(0, 2, None), (4, 6, None), (2, 4, None)], "0-6@-");
    }

    #[test]
    fn what_cannot_be_folded_is_said() {
        let over = |from, to| Chunk { from, to, ..Chunk::default() };
        let check = |chunks: Vec<Chunk>, expected: &str| {
            let said = fold(chunks).map_or_else(|f| f.to_string(), |c| format!("[{}, {})", c.from, c.to));
            assert_eq!(said, expected);
        };
        check(vec![], "no chunk to fold");
        check(vec![over(5, 9), over(0, 5), over(5, 5)], "[0, 9)");
        check(
            vec![over(6, 9), over(0, 5)],
            "chunks end at offset 5 and go on at 6: the gap cannot be folded over, fold each side by itself",
        );
        check(
            vec![over(0, 5), over(0, 5)],
            "a chunk begins at offset 0 before the one before it ends at 5: its facts would be added twice",
        );
        let of = |aggregate, from, to| {
            let ranges = vec![EvaluatedRange { from, to, since: None }];
            Chunk { evaluated: vec![Evaluated { aggregate: AggregateId(aggregate), ranges }], ..over(from, to) }
        };
        // A back-fill's aggregate beside the live one; the same aggregate twice.
        check(vec![of(1, 0, 5), of(1, 5, 9), of(2, 0, 7), of(2, 7, 9)], "[0, 9)");
        check(
            vec![of(1, 0, 5), of(2, 0, 7), of(1, 4, 9)],
            "a chunk begins at offset 4 before the one before it ends at 5: its facts would be added twice",
        );
        let bin = BinRow {
            aggregate: AggregateId(1),
            member: None,
            bucket: crate::time::Bucket(0),
            bin: 3,
            count: COUNT_MAX as i64,
        };
        let full = |from, to| Chunk { bins: vec![bin], ..over(from, to) };
        check(vec![full(0, 5), full(5, 9)], "the counts of a sketch's bin add up to more than 2^53");
    }
}
