//! Which stored chunks of a partition are folded into one, so that their number and size follow the state, not the history.
//!
//! | adjacent chunks, oldest first | folded |
//! |---|---|
//! | up to [`CHUNKS_MAX`] | none: what is written every second is not written again every second |
//! | more | from the oldest that is less than twice all younger ones together, up to the newest |
//! | of these, beyond [`FOLD_BYTES_MAX`] together | the youngest that stay below |
//! | one of [`FULL_BYTES`] or more | stands by itself: its facts are mostly of its own time, folding them again would save little |
//! | one written when the floor lay [`FLOOR_STEP`] or more below today's | by itself, to leave out what lies below now |
//! | on two sides of a gap, or of a full one | apart |
//! | that overlap, since a back-fill brought other aggregates over the same offsets | together |
//!
//! After a fold each chunk is at least twice as large as all younger ones together, so that they are as many as the logarithm (to the base 3)
//! of the bytes; with those that came since, never more than [`CHUNKS_MAX`] + 1 between two full ones. A byte is written again once each
//! time that its chunk has grown to one and a half, so a logarithmic number of times, too.

use std::ops::Range;

use crate::event::Offset;
use crate::time::{Span, Timestamp};

/// How many adjacent chunks are left alone.
pub const CHUNKS_MAX: usize = 32;

/// The most bytes that are folded at once: decoded, some 7 bytes of memory a byte.
pub const FOLD_BYTES_MAX: u64 = 32 << 20;

/// A chunk of that many bytes is folded with no other.
pub const FULL_BYTES: u64 = 16 << 20;

/// How far the floor must have risen before a chunk is written again for that alone.
pub const FLOOR_STEP: Span = Span(30 * Span::DAY.0);

/// A chunk smaller than that is not worth it.
const FLOOR_BYTES_MIN: u64 = 64 << 10;

/// A stored chunk as the choice sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// First offset covered.
    pub from: Offset,
    /// The offset after the last covered.
    pub to: Offset,
    /// Bytes of all its parts.
    pub bytes: u64,
    /// When it was committed, or folded.
    pub written_at: Timestamp,
}

/// The next fold of one partition's chunks, which are in order of offset; `None` if all is well. `floor_at` is the floor at an instant.
pub fn choose(held: &[Held], now: Timestamp, floor_at: impl Fn(Timestamp) -> Timestamp) -> Option<Range<usize>> {
    let groups = groups(held);
    let bytes = |group: &Range<usize>| held[group.clone()].iter().map(|chunk| chunk.bytes).sum::<u64>();
    let mut from = 0;
    while from < groups.len() {
        let mut to = from + 1;
        while to < groups.len()
            && held[groups[to - 1].clone()].iter().map(|chunk| chunk.to).max() == Some(held[groups[to].start].from)
            && bytes(&groups[to - 1]) < FULL_BYTES
            && bytes(&groups[to]) < FULL_BYTES
        {
            to += 1;
        }
        let sizes: Vec<u64> = groups[from..to].iter().map(bytes).collect();
        if let Some(first) = first_to_fold(&sizes) {
            return Some(groups[from + first].start..groups[to - 1].end);
        }
        from = to;
    }
    let floor = floor_at(now);
    let outdated = |chunk: &Held| {
        chunk.bytes >= FLOOR_BYTES_MIN && floor.0.saturating_sub(floor_at(chunk.written_at).0) >= FLOOR_STEP.0
    };
    groups.into_iter().find(|group| bytes(group) <= 2 * FOLD_BYTES_MAX && held[group.clone()].iter().any(outdated))
}

/// Chunks that overlap are one.
fn groups(held: &[Held]) -> Vec<Range<usize>> {
    let mut groups: Vec<Range<usize>> = Vec::new();
    let mut covered = Offset::MIN;
    for (index, chunk) in held.iter().enumerate() {
        match groups.last_mut() {
            Some(group) if chunk.from < covered => group.end = index + 1,
            _ => groups.push(index..index + 1),
        }
        covered = covered.max(chunk.to);
    }
    groups
}

/// Of adjacent chunks, none of them full, the first of those to fold: all from it on.
fn first_to_fold(sizes: &[u64]) -> Option<usize> {
    if sizes.len() <= CHUNKS_MAX {
        return None;
    }
    let mut first = None;
    let mut younger = 0;
    for (index, size) in sizes.iter().enumerate().rev() {
        if younger > 0 && younger + size > FOLD_BYTES_MAX {
            break;
        }
        if *size < 2 * younger {
            first = Some(index);
        }
        younger += size;
    }
    // Two neighbours are always there to fold: of 33 chunks of less than 16 MiB, not each can be twice as large as all younger ones.
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adjacent(sizes: &[u64]) -> Vec<Held> {
        (0..)
            .zip(sizes)
            .map(|(at, bytes)| Held { from: at, to: at + 1, bytes: *bytes, written_at: Timestamp(0) })
            .collect()
    }

    fn chosen(held: &[Held]) -> Option<Range<usize>> {
        choose(held, Timestamp(0), |_| Timestamp(0))
    }

    #[test]
    fn the_choice_is_what_the_table_says() {
        const MIB: u64 = 1 << 20;
        let ones = |count: usize| vec![1_000; count];
        assert_eq!(chosen(&adjacent(&[])), None);
        assert_eq!(chosen(&adjacent(&ones(CHUNKS_MAX))), None);
        assert_eq!(chosen(&adjacent(&ones(CHUNKS_MAX + 1))), Some(0..33));
        // Twice as large as all younger ones together, or nearly.
        assert_eq!(chosen(&adjacent(&[vec![64_000], ones(32)].concat())), Some(1..33));
        assert_eq!(chosen(&adjacent(&[vec![63_999], ones(32)].concat())), Some(0..33));
        // A small one that is older than a large one goes with it.
        assert_eq!(chosen(&adjacent(&[vec![10, 64_000], ones(32)].concat())), Some(0..34));
        // Too much at once: the youngest.
        assert_eq!(chosen(&adjacent(&vec![5 * MIB; 33])), Some(27..33));
        // A full one stands by itself, and so do those on its two sides.
        assert_eq!(chosen(&adjacent(&[vec![FULL_BYTES], ones(32)].concat())), None);
        assert_eq!(chosen(&adjacent(&[ones(20), vec![FULL_BYTES], ones(33)].concat())), Some(21..54));
    }

    #[test]
    fn a_gap_is_not_folded_over_and_overlaps_go_together() {
        let mut gap = adjacent(&vec![10; 40]);
        gap[20..].iter_mut().for_each(|chunk| (chunk.from, chunk.to) = (chunk.from + 5, chunk.to + 5));
        assert_eq!(chosen(&gap), None, "20 on either side");
        let mut overlap = adjacent(&vec![10; 33]);
        overlap.insert(1, Held { from: 0, to: 3, bytes: 10, written_at: Timestamp(0) });
        // The first four are one, so there are 31.
        assert_eq!(chosen(&overlap), None);
        overlap.extend([33, 34].map(|at| Held { from: at, to: at + 1, bytes: 10, written_at: Timestamp(0) }));
        assert_eq!(chosen(&overlap), Some(0..36));
    }

    #[test]
    fn a_chunk_is_written_again_once_the_floor_has_risen_far() {
        let floor_at = |at: Timestamp| Timestamp(at.0 - 100 * Span::DAY.0);
        let held = [Held { from: 0, to: 9, bytes: FULL_BYTES, written_at: Timestamp(0) }];
        assert_eq!(choose(&held, Timestamp(FLOOR_STEP.0 - 1), floor_at), None);
        assert_eq!(choose(&held, Timestamp(FLOOR_STEP.0), floor_at), Some(0..1));
        let small = [Held { bytes: 100, ..held[0] }];
        assert_eq!(choose(&small, Timestamp(FLOOR_STEP.0), floor_at), None);
    }

    #[test]
    fn however_chunks_come_they_stay_few_and_are_seldom_written_again() {
        // Sizes from 100 bytes to 1 MiB in a fixed disorder; folding loses nothing here.
        let size = |n: u64| 100_u64 << (n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 60).min(13);
        for same in [true, false] {
            let (mut held, mut came, mut written): (Vec<Held>, u64, u64) = (Vec::new(), 0, 0);
            for n in 0..20_000_u64 {
                let bytes = if same { 1_000 } else { size(n) };
                came += bytes;
                held.push(Held { from: n as i64, to: n as i64 + 1, bytes, written_at: Timestamp(0) });
                if let Some(range) = chosen(&held) {
                    let folded = &held[range.clone()];
                    let bytes = folded.iter().map(|chunk| chunk.bytes).sum();
                    let one = Held { from: folded[0].from, to: n as i64 + 1, bytes, written_at: Timestamp(0) };
                    written += bytes;
                    held.splice(range, [one]);
                    assert_eq!(chosen(&held), None, "one fold is enough");
                }
                let full = (came / FULL_BYTES) as usize;
                assert!(held.len() <= CHUNKS_MAX * (1 + full), "{} chunks after {n} commits", held.len());
            }
            assert!(held.len() < 2 * CHUNKS_MAX + (came / FULL_BYTES) as usize, "{} chunks", held.len());
            assert!(written < 12 * came, "{written} bytes written for {came}");
        }
    }
}
