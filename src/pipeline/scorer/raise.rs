//! Raising the floor: what lies below is masked and let go, and what may fit its budget again is read again.

use std::collections::BTreeSet;

use super::derive::derive;
use super::ledger::{Ledger, count_inverted, fell};
use crate::aggregate::delta::Delta;
use crate::aggregate::pair::Half;
use crate::pipeline::floor::Floor;

impl Ledger {
    /// The floor under which nothing counts.
    pub(super) fn floor(&self) -> Floor {
        self.floor
    }

    /// Raises the floor: masks pairs whose start now lies too low, and lets go what lies wholly below. A lower one changes nothing, for what
    /// was let go cannot be had back.
    pub(super) fn raise_floor(&mut self, floor: Floor) {
        let (before, after) = (self.floor, self.floor.max(floor));
        if after == before {
            return;
        }
        self.floor = after;
        let Ledger { plan, facts, tuples, pairs, inverted, fallen, .. } = self;
        for (((pairs_plan, halves), inverted), fallen) in plan.pairs.iter().zip(pairs).zip(inverted).zip(fallen) {
            *fallen = 0;
            halves.retain(|_, half| {
                derive(pairs_plan, facts, tuples, (before, Some(half)), (after, Some(half)));
                let stays = half.latest() >= after.halves();
                if !stays {
                    count_inverted(inverted, half, -1);
                }
                *fallen += usize::from(stays && fell(half, after));
                stays
            });
        }
        let derived = plan.levels.iter().flat_map(|levels| &levels.derived);
        let changes: BTreeSet<usize> = derived.map(|changes| changes.tally.0 as usize).collect();
        for (index, (series, grain)) in facts.tallies.iter_mut().zip(&self.grains.tallies).enumerate() {
            match changes.contains(&index) {
                true => series.gather_below(after.bucket(*grain)),
                false => series.let_go_below(after.bucket(*grain)),
            }
        }
        for (series, grain) in facts.sketches.iter_mut().zip(&self.grains.sketches) {
            series.let_go_below(after.bucket(*grain));
        }
        for (set, grain) in facts.sets.iter_mut().zip(&self.grains.sets) {
            set.let_go_below(after.bucket(*grain));
        }
        for (levels, plan) in self.levels.iter_mut().zip(&plan.levels) {
            levels.raise_floor(after.bucket(plan.grain));
        }
    }

    /// Counts the keys that the delta, whose half-pairs are joined, starts anew after their pair fell below the floor.
    pub(super) fn count_keys_again(&self, delta: &mut Delta) {
        if self.fallen.iter().all(|fallen| *fallen == 0) {
            return;
        }
        let floor = self.floor;
        for ((plan, known), halves) in self.plan.pairs.iter().zip(&self.pairs).zip(&delta.halves) {
            let starts = |half: &Half| half.started().is_some_and(|(at, ..)| at >= floor.at);
            let fell = |key: &u64| known.get(*key).is_some_and(|known| fell(known, floor));
            let again = halves.iter().filter(|(key, half)| starts(half) && fell(key)).count() as u64;
            if let (1.., Some((metric, _))) = (again, plan.metrics.first()) {
                *delta.counts.keys_again.entry(metric.clone()).or_default() += again;
            }
        }
    }
}
