//! Stored half-pairs, taken all at once: they are united by key first, and then what they add is derived.

use std::collections::BTreeMap;

use super::derive::derive_all;
use super::ledger::{Ledger, Origin, count_inverted, fell};
use super::restore::{self, Refused};
use crate::aggregate::budget::Budget;
use crate::aggregate::dedup::Ids;
use crate::aggregate::loading::{Loading, Unite};
use crate::aggregate::member::Members;
use crate::aggregate::pair::{Half, Tuples};
use crate::aggregate::plan::{DerivedPlan, Facet, PairsIndex};
use crate::chunk;
use crate::event::Partition;
use crate::pipeline::floor::Floor;
use crate::pipeline::message::RestoredChunk;

/// Half-pairs that are being read, by [`PairsIndex`].
type LoadingHalves = Vec<Loading<Half>>;

/// What is gathered while stored chunks are read.
pub(super) struct Loaded {
    halves: LoadingHalves,
    /// Ids of each partition that has a chunk: the intake gets them.
    pub(super) ids: BTreeMap<Partition, Ids>,
}

/// How two half-pairs of one key become one.
///
/// | one, and the other | become |
/// |---|---|
/// | on the same side of the floor | both, joined |
/// | wholly below the floor, something above it | what lies above: the old pair is over, and may have been let go already |
///
/// So it makes no difference whether a half-pair below the floor was let go, here or in the store.
pub(super) struct UnderFloor<'l> {
    pub(super) floor: Floor,
    pub(super) tuples: &'l Tuples,
    pub(super) members: &'l Members,
}

impl Unite<Half> for UnderFloor<'_> {
    fn unite(&self, known: &mut Half, other: &Half) {
        match (fell(known, self.floor), fell(other, self.floor)) {
            (false, true) if *known != Half::default() => {}
            (true, false) => *known = *other,
            _ => known.join(other, self.tuples, self.members),
        }
    }

    /// Keys that count for the budget: what lies below the floor depends on when it was taken in.
    fn counts(&self, half: &Half) -> bool {
        !fell(half, self.floor)
    }
}

impl Ledger {
    /// Takes in all stored chunks, and gives back the ids of each partition.
    ///
    /// # Errors
    /// A partition whose chunks are not whole, or cannot be read.
    pub(super) fn absorb_stored(&mut self, chunks: &[RestoredChunk]) -> Result<BTreeMap<Partition, Ids>, Refused> {
        restore::check(chunks)?;
        let halves = self.plan.pairs.iter().map(|_| Loading::default()).collect();
        let mut loaded = Loaded { halves, ids: BTreeMap::new() };
        for stored in chunks {
            let chunk = chunk::decode(&stored.bytes).map_err(|fault| (stored.partition, fault.to_string()))?;
            if let Some(range) = self.evaluated_twice(stored.partition, &chunk) {
                return Err((stored.partition, restore::twice(range.from)));
            }
            self.absorb(stored.partition, &chunk, Origin::Stored(&mut loaded));
        }
        self.loaded(loaded.halves);
        Ok(loaded.ids)
    }

    /// Adds a stored half-pair to those that are being read.
    pub(super) fn load(&mut self, index: usize, key: u64, half: Half, loaded: &mut Loaded) {
        if half.latest() < self.floor.halves() {
            return;
        }
        let Some(halves) = loaded.halves.get_mut(index) else { return };
        halves.add(key, half, &self.under_floor());
        if halves.counted() > self.facts.budgets.pairs_max {
            *halves = Loading::default();
            self.let_pairs_go(index);
        }
    }

    /// Takes over what was read; the ledger held no half-pairs.
    fn loaded(&mut self, loading: LoadingHalves) {
        for (index, halves) in loading.into_iter().enumerate() {
            let halves = halves.finish(&self.under_floor());
            self.fallen[index] = halves.values().filter(|half| fell(half, self.floor)).count();
            halves.values().for_each(|half| count_inverted(&mut self.inverted[index], half, 1));
            self.pairs[index] = halves;
            if self.pairs_held(index) > self.facts.budgets.pairs_max {
                self.let_pairs_go(index);
            }
            let Ledger { plan, facts, tuples, floor, pairs, .. } = self;
            derive_all(&plan.pairs[index], facts, tuples, *floor, &pairs[index]);
        }
    }

    /// Lets the half-pairs go that are more than their budget allows, with all that is derived from them.
    pub(super) fn let_pairs_go(&mut self, index: usize) {
        self.pairs[index] = Default::default();
        self.fallen[index] = 0;
        self.inverted[index] = [0; 2];
        self.facts.let_go(Facet::Pairs(PairsIndex(index as u32)), Budget::Pairs);
        let derived = self.plan.pairs[index].derived.iter().flat_map(DerivedPlan::facets);
        derived.for_each(|facet| self.facts.empty(facet));
    }

    pub(super) fn under_floor(&self) -> UnderFloor<'_> {
        UnderFloor { floor: self.floor, tuples: &self.tuples, members: &self.facts.members }
    }
}
