//! Half-pairs of a chunk into the ledger: each is joined with what is known of its key, and what the pair adds then is derived.

use super::chunk_members::ChunkMembers;
use super::derive::derive;
use super::ledger::{Ledger, Origin, count_inverted, fell};
use super::load::UnderFloor;
use crate::aggregate::loading::Unite;
use crate::aggregate::pair::Half;
use crate::aggregate::plan::Facet;
use crate::chunk::HalfRow;

/// Keys that are looked up together: several times the ten places or so in memory that a processor waits for at once, and few enough that what
/// was found is still in its first cache when it is used.
const LOOKED_UP_TOGETHER: usize = 64;

impl Ledger {
    /// Takes in a chunk's half-pairs, which lie together by aggregate.
    pub(super) fn absorb_halves(&mut self, rows: &[HalfRow], members: &mut ChunkMembers<'_>, origin: &mut Origin<'_>) {
        let mut guesses = [0; LOOKED_UP_TOGETHER];
        let of_one_aggregate = rows.chunk_by(|a, b| a.aggregate == b.aggregate);
        for rows in of_one_aggregate.flat_map(|rows| rows.chunks(LOOKED_UP_TOGETHER)) {
            let Some(facet @ Facet::Pairs(index)) = self.facet(rows[0].aggregate) else { continue };
            let index = index.0 as usize;
            let guesses = &mut guesses[..rows.len()];
            if matches!(origin, Origin::Cut) {
                self.pairs[index].guess(|at| rows[at].key, guesses);
            }
            for (row, guess) in rows.iter().zip(guesses) {
                let half = self.half(row, members);
                match origin {
                    Origin::Cut => self.join(index, row.key, *guess, &half),
                    Origin::Stored(loading) => self.load(index, row.key, half, loading),
                }
                if self.facts.passed.of(facet).is_some() {
                    break;
                }
            }
        }
    }

    fn half(&mut self, row: &HalfRow, members: &mut ChunkMembers<'_>) -> Half {
        let start = row.start.as_ref().map(|start| {
            let tuple = members.tuple(&start.dimensions, &mut self.facts.members, &mut self.tuples);
            Half::start(start.at, start.deadline, tuple)
        });
        Half::stored(start, row.first_end, row.last_end, row.void)
    }

    /// Joins one key's half into its pair, and moves what the pair adds to derived cells.
    fn join(&mut self, index: usize, key: u64, guess: usize, half: &Half) {
        if half.latest() < self.floor.halves() {
            return;
        }
        let rule = UnderFloor { floor: self.floor, tuples: &self.tuples, members: &self.facts.members };
        let known = self.pairs[index].entry(key, guess);
        let before = *known;
        rule.unite(known, half);
        let after = *known;
        let fallen = &mut self.fallen[index];
        *fallen = *fallen + usize::from(fell(&after, self.floor)) - usize::from(fell(&before, self.floor));
        if before == after {
            return;
        }
        count_inverted(&mut self.inverted[index], &after, 1);
        count_inverted(&mut self.inverted[index], &before, -1);
        let Ledger { plan, facts, tuples, floor, .. } = self;
        derive(&plan.pairs[index], facts, tuples, (*floor, Some(&before)), (*floor, Some(&after)));
        if self.pairs_held(index) > self.facts.budgets.pairs_max {
            self.let_pairs_go(index);
        }
    }
}
