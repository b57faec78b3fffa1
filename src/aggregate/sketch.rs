//! A log-linear sketch: 64 bins an octave from the integer's leading bits, mirrored for negatives, never collapsed.
//!
//! | magnitude in units of 10⁻⁹ | bin |
//! |---|---|
//! | 0 … 63 | itself, exact |
//! | 64 … 127 | itself, exact |
//! | 128 … 255 | 128 + (m − 128) / 2 |
//! | [2ᵉ, 2ᵉ⁺¹), e ≥ 6 | 64 · (e − 6) + (m >> (e − 6)) |
//!
//! A bin is at most 1/64 of its lower edge wide, so its midpoint is off by at most 1/128 ≈ 0.8 %. Negative values have the
//! negative of their magnitude's bin, less one, so that −0 does not exist and order is kept.

use crate::fixed::{Fixed, Rational};

/// Bins an octave, as a power of two.
const OCTAVE_BITS: u32 = 6;

/// Number of a bin; grows with the value. At most ±(64 · 122 + 64).
pub type Bin = i32;

/// The bin of a value.
pub fn bin_of(value: Fixed) -> Bin {
    let magnitude = value.0.unsigned_abs();
    let bin = if magnitude < 1 << OCTAVE_BITS {
        magnitude as Bin
    } else {
        let shift = 127 - magnitude.leading_zeros() - OCTAVE_BITS;
        ((shift << OCTAVE_BITS) as Bin) + (magnitude >> shift) as Bin
    };
    if value.0 < 0 { -bin - 1 } else { bin }
}

/// The least and greatest magnitude in a bin of non-negative values.
fn edges(bin: Bin) -> (u128, u128) {
    let bin = bin as u128;
    if bin < 1 << (OCTAVE_BITS + 1) {
        return (bin, bin);
    }
    let shift = (bin >> OCTAVE_BITS) - 1;
    let leading = bin - (shift << OCTAVE_BITS);
    (leading << shift, ((leading + 1) << shift) - 1)
}

/// The middle of a bin, exactly.
pub fn midpoint(bin: Bin) -> Rational {
    let negative = bin < 0;
    let (low, high) = edges(if negative { -bin - 1 } else { bin });
    let middle = (Rational::from(low) + Rational::from(high)).half() * Fixed(1).to_rational();
    if negative { -middle } else { middle }
}

/// Counts by bin: a dense run of bins from `first` on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sketch {
    first: Bin,
    counts: Vec<i64>,
}

impl Sketch {
    /// Adds `weight` values in `bin`; a negative weight takes back what was added.
    pub fn add(&mut self, bin: Bin, weight: i64) {
        if self.counts.is_empty() {
            self.first = bin;
        } else if bin < self.first {
            let missing = (self.first - bin) as usize;
            self.counts.splice(0..0, std::iter::repeat_n(0, missing));
            self.first = bin;
        }
        let index = (bin - self.first) as usize;
        if index >= self.counts.len() {
            self.counts.resize(index + 1, 0);
        }
        self.counts[index] += weight;
    }

    /// Adds another sketch. Commutative and associative.
    pub fn merge(&mut self, other: &Sketch) {
        for (bin, count) in other.bins() {
            self.add(bin, count);
        }
    }

    /// The bins that hold something, in rising order, each with its count.
    pub fn bins(&self) -> impl Iterator<Item = (Bin, i64)> + '_ {
        self.counts
            .iter()
            .enumerate()
            .filter(|(_, count)| **count != 0)
            .map(|(i, count)| (self.first + i as Bin, *count))
    }

    /// How many values it holds.
    pub fn count(&self) -> i64 {
        self.counts.iter().sum()
    }

    /// The midpoint of the bin that holds rank ⌈p·n⌉, where `basis_points` is p in 1/10,000; `None` when empty.
    pub fn percentile(&self, basis_points: u16) -> Option<Rational> {
        let n = self.count();
        let rank = (i128::from(n) * i128::from(basis_points) + 9_999) / 10_000;
        let rank = rank.clamp(1, i128::from(n.max(1)));
        let mut seen = 0i128;
        for (bin, count) in self.bins() {
            seen += i128::from(count);
            if seen >= rank {
                return Some(midpoint(bin));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_are_contiguous_ordered_and_narrow() {
        let mut previous = None;
        for value in (0..100_000i128).chain((17..120).map(|e| 1 << e)) {
            for value in [value, -value] {
                let bin = bin_of(Fixed(value));
                let (low, high) = edges(if bin < 0 { -bin - 1 } else { bin });
                assert!(
                    low <= value.unsigned_abs() && value.unsigned_abs() <= high,
                    "{value} in bin {bin} [{low}, {high}]"
                );
                assert!((high - low) * 64 <= low.max(64), "bin {bin} [{low}, {high}] is too wide");
            }
            let bin = bin_of(Fixed(value));
            assert!(previous.is_none_or(|p| p <= bin), "bins fall at {value}");
            previous = Some(bin);
        }
        for bin in 0..7_000 {
            assert_eq!(edges(bin).1 + 1, edges(bin + 1).0, "a hole after bin {bin}");
        }
    }

    #[test]
    fn percentiles_take_the_bin_of_the_rank() {
        let mut sketch = Sketch::default();
        assert_eq!(sketch.percentile(5_000), None);
        for value in [30, 10, 20, 40, -5] {
            sketch.add(bin_of(Fixed(value)), 1);
        }
        let at = |p: u16| sketch.percentile(p).and_then(|middle| Fixed::round(&middle));
        for (p, expected) in [(0, -5), (2_000, -5), (2_001, 10), (5_000, 20), (8_000, 30), (10_000, 40)] {
            assert_eq!(at(p), Some(Fixed(expected)), "p{p}");
        }
    }
}
