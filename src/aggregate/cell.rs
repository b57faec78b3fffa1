//! A cell: what rows of one bucket and member add up to. Cells merge in any order and any grouping.

use crate::fixed::Fixed;

/// Count, exact sum, least and greatest. The empty cell is the neutral element of [`Cell::merge`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Rows; for a cohort: pairs judged.
    pub count: i64,
    /// Exact sum of the values, in units of 10⁻⁹; for a cohort: good pairs.
    pub sum: i128,
    /// Least value; [`i128::MAX`] where there is none.
    pub min: i128,
    /// Greatest value; [`i128::MIN`] where there is none.
    pub max: i128,
}

impl Default for Cell {
    fn default() -> Cell {
        Cell::EMPTY
    }
}

impl Cell {
    /// No rows at all.
    pub const EMPTY: Cell = Cell { count: 0, sum: 0, min: i128::MAX, max: i128::MIN };

    /// One row without a value.
    pub fn add_row(&mut self) {
        self.count += 1;
    }

    /// One row with a value.
    pub fn add(&mut self, value: Fixed) {
        self.count += 1;
        self.sum += value.0;
        // Branches, for after a few values neither is taken.
        if value.0 < self.min {
            self.min = value.0;
        }
        if value.0 > self.max {
            self.max = value.0;
        }
    }

    /// Adds `weight` rows (−1 takes one back) whose values sum to `sum`; leaves min and max alone, which cannot be taken back.
    pub fn shift(&mut self, weight: i64, sum: i128) {
        self.count += weight;
        // As in merge.
        self.sum = self.sum.wrapping_add(sum);
    }

    /// Adds another cell. Commutative and associative.
    pub fn merge(&mut self, other: &Cell) {
        self.count += other.count;
        // 1.7e11 rows of the largest value fit; wrapping keeps the merge associative even past that.
        self.sum = self.sum.wrapping_add(other.sum);
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.count == 0 && self.sum == 0
    }
}
