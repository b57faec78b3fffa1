//! What lies below the floor is left out where chunks are folded; the chunk then names the floor, so that its coverage stays true.
//!
//! | of | left out |
//! |---|---|
//! | cells, bins, distinct values | whose bucket ends at the floor or before; buckets of an aggregate that is not in the book are taken for hours: finer ones then look later than they are, and stay |
//! | half-pairs | whose every instant lies below the instant for half-pairs; a void without one stays |
//! | levels | whose bucket does so, but for the last of each key: what was told last holds until something else is told. So nothing is missing, and no floor named |
//! | ids | of UTC days before the floor's |
//! | head, evaluated | nothing |

use std::collections::BTreeMap;

use super::{Chunk, HalfRow};
use crate::aggregate::dedup::utc_day;
use crate::aggregate::plan::AggregateId;
use crate::time::{Bucket, Grain, Timestamp};

/// The floor by which facts are let go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Below {
    /// The beginning of a UTC day. Cells, bins and ids below it go.
    pub floor: Timestamp,
    /// Half-pairs below it go; at most `floor`.
    pub halves: Timestamp,
    /// The width of each known aggregate's buckets.
    pub grains: BTreeMap<AggregateId, Grain>,
}

impl Below {
    fn bucket(&self, aggregate: AggregateId) -> Bucket {
        let grain = self.grains.get(&aggregate).copied().unwrap_or(Grain::HOUR);
        Bucket(i32::try_from(self.floor.0.div_euclid(grain.0.0)).unwrap_or(i32::MIN))
    }
}

/// Leaves out of `chunk` what lies below. The same again leaves out nothing more.
pub fn let_go(chunk: &mut Chunk, below: &Below) {
    let rows = |chunk: &Chunk| {
        chunk.cells.len() + chunk.bins.len() + chunk.distincts.len() + chunk.halves.len() + chunk.ids.len()
    };
    let before = rows(chunk);
    chunk.cells.retain(|row| row.bucket >= below.bucket(row.aggregate));
    chunk.bins.retain(|row| row.bucket >= below.bucket(row.aggregate));
    chunk.distincts.retain(|row| row.bucket >= below.bucket(row.aggregate));
    carry_levels(chunk, below);
    chunk.halves.retain(|row| latest(row).is_none_or(|at| at >= below.halves));
    let day = utc_day(below.floor);
    chunk.ids.retain(|(_, known), _| *known >= day);
    if rows(chunk) < before {
        chunk.floor = chunk.floor.max(Some(below.floor));
    }
}

/// Of each key's rows below the floor only the last one stays.
fn carry_levels(chunk: &mut Chunk, below: &Below) {
    let mut last: BTreeMap<(AggregateId, u64), Bucket> = BTreeMap::new();
    for row in chunk.levels.iter().filter(|row| row.bucket < below.bucket(row.aggregate)) {
        let known = last.entry((row.aggregate, row.key)).or_insert(row.bucket);
        *known = row.bucket.max(*known);
    }
    chunk.levels.retain(|row| last.get(&(row.aggregate, row.key)).is_none_or(|last| row.bucket >= *last));
}

/// The latest instant that a row knows of.
fn latest(row: &HalfRow) -> Option<Timestamp> {
    row.start.as_ref().map(|start| start.at).max(row.last_end)
}

#[cfg(test)]
mod tests {
    use super::super::{BinRow, CellRow, Dimensions, DistinctRow, LevelRow, StartRow};
    use super::*;
    use crate::aggregate::cell::Cell;
    use crate::aggregate::plan::EventId;
    use crate::time::Span;

    const DAY: i64 = Span::DAY.0;

    fn below() -> Below {
        Below {
            floor: Timestamp(10 * DAY),
            halves: Timestamp(8 * DAY),
            grains: BTreeMap::from([(AggregateId(2), Grain::QUARTER_HOUR)]),
        }
    }

    #[test]
    fn cells_bins_and_ids_below_the_floor_go() {
        let cell = |aggregate, bucket| CellRow {
            aggregate: AggregateId(aggregate),
            member: None,
            bucket: Bucket(bucket),
            cell: Cell::EMPTY,
        };
        let bin = |bucket| BinRow { aggregate: AggregateId(1), member: None, bucket: Bucket(bucket), bin: 1, count: 1 };
        let distinct = |aggregate, bucket| DistinctRow {
            aggregate: AggregateId(aggregate),
            member: None,
            bucket: Bucket(bucket),
            value: 1,
        };
        let mut chunk = Chunk {
            // Ten days are 240 hours, 960 quarters of an hour. Aggregate 1 is in no book.
            cells: vec![cell(1, 239), cell(1, 240), cell(2, 959), cell(2, 960)],
            bins: vec![bin(239), bin(240)],
            distincts: vec![distinct(1, 239), distinct(1, 240), distinct(2, 959)],
            ids: BTreeMap::from([((EventId(1), 9), vec![1]), ((EventId(1), 10), vec![2])]),
            ..Chunk::default()
        };
        let_go(&mut chunk, &below());
        assert_eq!(chunk.cells, [cell(1, 240), cell(2, 960)]);
        assert_eq!(chunk.bins, [bin(240)]);
        assert_eq!(chunk.distincts, [distinct(1, 240)]);
        assert_eq!(chunk.ids.keys().map(|(_, day)| *day).collect::<Vec<_>>(), [10]);
        assert_eq!(chunk.floor, Some(Timestamp(10 * DAY)));
    }

    #[test]
    fn of_a_level_the_last_one_below_the_floor_is_carried() {
        let row = |key, bucket, value| LevelRow {
            aggregate: AggregateId(1),
            key,
            bucket: Bucket(bucket),
            at: Timestamp(i64::from(bucket) * Span::HOUR.0),
            value,
            dimensions: Dimensions::new(),
        };
        let all = [
            row(1, 3, Some(1)),
            row(1, 200, Some(2)),
            row(1, 240, Some(3)),
            row(2, 5, Some(4)),
            row(2, 9, None),
            row(3, 300, Some(5)),
        ];
        let mut chunk = Chunk { levels: all.to_vec(), ..Chunk::default() };
        let_go(&mut chunk, &below());
        assert_eq!(chunk.levels, [all[1].clone(), all[2].clone(), all[4].clone(), all[5].clone()]);
        assert_eq!(chunk.floor, None, "nothing that counts was left out");
    }

    #[test]
    fn a_half_pair_goes_once_its_every_instant_lies_below() {
        let check = |start: Option<i64>, end: Option<i64>, void: bool, stays: bool| {
            let day = |day: i64| Timestamp(day * DAY);
            let start = start.map(|at| StartRow { at: day(at), deadline: None, dimensions: Dimensions::new() });
            let ends = end.map(day);
            let row = HalfRow { aggregate: AggregateId(3), key: 1, start, first_end: ends, last_end: ends, void };
            let mut chunk = Chunk { halves: vec![row], ..Chunk::default() };
            let_go(&mut chunk, &below());
            assert_eq!(!chunk.halves.is_empty(), stays, "{start:?} {end:?} {void}", start = chunk.halves.first());
            assert_eq!(chunk.floor.is_none(), stays, "a chunk that lost nothing names no floor");
        };
        check(Some(7), None, false, false);
        check(Some(7), Some(7), false, false);
        check(Some(7), Some(8), false, true);
        check(None, Some(7), true, false);
        check(Some(8), None, false, true);
        check(None, None, true, true);
    }
}
