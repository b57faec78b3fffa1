//! A delta: what one partition contributed since its last cut. It is only ever added to, packed into a chunk, or dropped whole.

use std::collections::BTreeMap;

use hashbrown::HashTable;

use super::cell::Cell;
use super::dedup::UtcDay;
use super::level::Latest;
use super::member::{MemberId, Members};
use super::pair::{Halves, Tuples};
use super::plan::{Plan, TablePlan};
use super::sketch::Sketch;
use crate::event::EventIndex;
use crate::time::{Bucket, Timestamp};

/// What one partition contributed since its last cut.
#[derive(Clone, Debug, Default)]
pub struct Delta {
    /// Cells and sketches, by position in [`Plan::tables`].
    pub tables: Vec<DeltaTable>,
    /// Half-pairs, by [`super::plan::PairsIndex`].
    pub halves: Vec<Halves>,
    /// What was told of levels, by [`super::plan::LevelsIndex`].
    pub levels: Vec<Latest>,
    /// Ids that were seen for the first time.
    pub ids: Vec<(EventIndex, UtcDay, u64)>,
    /// Times of each event's rows, by [`EventIndex`].
    pub times: Vec<RowTimes>,
    /// The last record's own timestamp; in files the greatest event time.
    pub last_record_at: Option<Timestamp>,
    /// What became of records and values.
    pub counts: Counts,
}

/// Times of one event's rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowTimes {
    /// The greatest event time that may move the watermark.
    pub watermark: Option<Timestamp>,
    /// The greatest event time of all.
    pub last_event_at: Option<Timestamp>,
}

/// What became of records and values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records whose JSON was read.
    pub read: u64,
    /// Records without a value.
    pub tombstones: u64,
    /// Records that are no JSON object.
    pub dead_records: u64,
    /// Offsets that the log did not give.
    pub skipped_offsets: u64,
    /// Dead letters by reason, of records and of (record, event).
    pub dead_letters: BTreeMap<&'static str, u64>,
    /// Value faults by (metric, reason).
    pub value_faults: BTreeMap<(String, &'static str), u64>,
    /// Copies that were removed, by event.
    pub copies: BTreeMap<EventIndex, u64>,
    /// Rows counted although their day's ids had been let go, by event.
    pub unchecked: BTreeMap<EventIndex, u64>,
    /// What befell the log, by kind.
    pub incidents: BTreeMap<&'static str, u64>,
    /// Rows left out because they lie below the floor, by event.
    pub below_floor: BTreeMap<EventIndex, u64>,
    /// Keys used again after their pair fell below the floor, by metric.
    pub keys_again: BTreeMap<String, u64>,
}

impl Delta {
    /// An empty delta for `plan`.
    pub fn new(plan: &Plan) -> Delta {
        Delta {
            tables: plan.tables.iter().map(DeltaTable::new).collect(),
            halves: plan.pairs.iter().map(|_| Halves::default()).collect(),
            levels: plan.levels.iter().map(|_| Latest::default()).collect(),
            times: vec![RowTimes::default(); plan.events.len()],
            ..Delta::default()
        }
    }

    /// Joins the half-pairs of one key, as is to be done before it is packed.
    pub fn join_halves(&mut self, tuples: &Tuples, members: &Members) {
        self.halves.iter_mut().for_each(|halves| halves.join(tuples, members));
    }

    /// How much it holds: table rows, distinct values, halves, levels and ids. Bounds memory between cuts.
    pub fn entries(&self) -> usize {
        let rows: usize = self.tables.iter().map(|table| table.rows.len() + table.distincts).sum();
        let halves: usize = self.halves.iter().map(Halves::len).sum();
        let levels: usize = self.levels.iter().map(Latest::len).sum();
        rows + halves + levels + self.ids.len()
    }
}

/// Cells, sketches and sets of one [`TablePlan`], a row for each (member, bucket).
#[derive(Clone, Debug, Default)]
pub struct DeltaTable {
    /// Where the row of a member and bucket is.
    index: HashTable<(MemberId, Bucket, u32)>,
    rows: Vec<(MemberId, Bucket)>,
    cells: Vec<Cell>,
    sketches: Vec<Sketch>,
    sets: Vec<HashTable<u64>>,
    /// Values in all sets together.
    distincts: usize,
    cell_columns: usize,
    sketch_columns: usize,
    set_columns: usize,
}

/// A row of a [`DeltaTable`]: of whom and when, and its columns.
#[derive(Clone, Copy, Debug)]
pub struct DeltaRow<'d> {
    /// The member.
    pub member: MemberId,
    /// The bucket.
    pub bucket: Bucket,
    /// Cells, by position in [`TablePlan::tallies`].
    pub cells: &'d [Cell],
    /// Sketches, by position in [`TablePlan::sketches`].
    pub sketches: &'d [Sketch],
    /// Sets of fingerprints, by position in [`TablePlan::sets`].
    pub sets: &'d [HashTable<u64>],
}

impl DeltaTable {
    fn new(plan: &TablePlan) -> DeltaTable {
        DeltaTable {
            cell_columns: plan.tallies.len(),
            sketch_columns: plan.sketches.len(),
            set_columns: plan.sets.len(),
            ..DeltaTable::default()
        }
    }

    /// The row of (member, bucket): one look-up.
    #[inline]
    pub fn row(&mut self, member: MemberId, bucket: Bucket) -> usize {
        let is_it = |(m, b, _): &(MemberId, Bucket, u32)| (*m, *b) == (member, bucket);
        if let Some((_, _, row)) = self.index.find(hash(member, bucket), is_it) {
            return *row as usize;
        }
        self.add_row(member, bucket)
    }

    #[inline(never)]
    fn add_row(&mut self, member: MemberId, bucket: Bucket) -> usize {
        let row = self.rows.len();
        self.index.insert_unique(hash(member, bucket), (member, bucket, row as u32), |(m, b, _)| hash(*m, *b));
        self.rows.push((member, bucket));
        self.cells.resize(self.cells.len() + self.cell_columns, Cell::EMPTY);
        self.sketches.resize(self.sketches.len() + self.sketch_columns, Sketch::default());
        self.sets.resize(self.sets.len() + self.set_columns, HashTable::new());
        row
    }

    /// The cell of a row, by position in [`TablePlan::tallies`].
    pub fn cell(&mut self, row: usize, column: usize) -> &mut Cell {
        &mut self.cells[row * self.cell_columns + column]
    }

    /// The sketch of a row, by position in [`TablePlan::sketches`].
    pub fn sketch(&mut self, row: usize, column: usize) -> &mut Sketch {
        &mut self.sketches[row * self.sketch_columns + column]
    }

    /// Adds a value to the set of a row, by position in [`TablePlan::sets`].
    pub fn insert(&mut self, row: usize, column: usize, fingerprint: u64) {
        let set = &mut self.sets[row * self.set_columns + column];
        let entry = set.entry(fingerprint, |known| *known == fingerprint, |known| *known);
        if let hashbrown::hash_table::Entry::Vacant(entry) = entry {
            entry.insert(fingerprint);
            self.distincts += 1;
        }
    }

    /// Every row, in the order of their coming.
    pub fn rows(&self) -> impl Iterator<Item = DeltaRow<'_>> {
        let columns = |row: usize, count: usize| row * count..(row + 1) * count;
        self.rows.iter().enumerate().map(move |(row, (member, bucket))| DeltaRow {
            member: *member,
            bucket: *bucket,
            cells: &self.cells[columns(row, self.cell_columns)],
            sketches: &self.sketches[columns(row, self.sketch_columns)],
            sets: &self.sets[columns(row, self.set_columns)],
        })
    }
}

/// Mixes member and bucket: a multiplication by an odd number spreads the low bits over the high ones, which the table reads.
fn hash(member: MemberId, bucket: Bucket) -> u64 {
    let key = u64::from(member.0) << 32 | u64::from(bucket.0 as u32);
    let spread = key.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    spread ^ (spread >> 32)
}
