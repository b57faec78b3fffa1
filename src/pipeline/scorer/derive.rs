//! What half-pairs add to derived cells and sketches: a move for one that has changed, or all at once where many were read.

use hashbrown::HashMap;

use crate::aggregate::facts::Facts;
use crate::aggregate::member::{MemberId, Members};
use crate::aggregate::packed::Sharded;
use crate::aggregate::pair::{Contribution, Half, Tuples, contribution};
use crate::aggregate::plan::{DerivedPlan, PairsPlan};
use crate::aggregate::sketch::Sketch;
use crate::pipeline::floor::Floor;
use crate::time::{Bucket, Timestamp};

/// Takes back what a pair added before, and adds what it adds now, each under the floor of its time.
pub(super) fn derive(
    plan: &PairsPlan,
    facts: &mut Facts,
    tuples: &Tuples,
    (floor_before, before): (Floor, Option<&Half>),
    (floor_after, after): (Floor, Option<&Half>),
) {
    let (before, after) = (before.filter(|half| half.may_add()), after.filter(|half| half.may_add()));
    for derived in &plan.derived {
        let adds = |floor: Floor, half: Option<&Half>| adds(half?, derived, floor, tuples, &facts.members);
        let (old, new) = (adds(floor_before, before), adds(floor_after, after));
        if old == new {
            continue;
        }
        for (weight, moved) in [(-1, old), (1, new)] {
            let Some(Contribution { member, bucket, sum, bin }) = moved else { continue };
            let sum = i128::from(weight) * sum;
            facts.tallies[derived.tally.0 as usize].change(member, bucket, |cell| cell.shift(weight, sum));
            if let (Some(sketch), Some(bin)) = (derived.sketch, bin) {
                facts.sketches[sketch.0 as usize].change(member, bucket, |sketch| sketch.add(bin, weight));
            }
        }
    }
}

/// Adds what all pairs add, to cells that hold nothing of them yet.
///
/// Pairs are held in the order of their keys, which is none of time; a series to which they were added one by one would make room in its
/// middle for nearly each new bucket. So they are gathered by bucket first, and the buckets added in order.
pub(super) fn derive_all(plan: &PairsPlan, facts: &mut Facts, tuples: &Tuples, floor: Floor, pairs: &Sharded<Half>) {
    for derived in &plan.derived {
        let mut rows: HashMap<(MemberId, Bucket), (i64, i128)> = HashMap::new();
        let mut sketches: HashMap<(MemberId, Bucket), Sketch> = HashMap::new();
        for half in pairs.values() {
            let Some(adds) = adds(half, derived, floor, tuples, &facts.members) else { continue };
            let (count, sum) = rows.entry((adds.member, adds.bucket)).or_default();
            *count += 1;
            // As cells add.
            *sum = sum.wrapping_add(adds.sum);
            if let (Some(_), Some(bin)) = (derived.sketch, adds.bin) {
                sketches.entry((adds.member, adds.bucket)).or_default().add(bin, 1);
            }
        }
        for ((member, bucket), (count, sum)) in in_order(rows) {
            facts.tallies[derived.tally.0 as usize].change(member, bucket, |cell| cell.shift(count, sum));
        }
        let Some(sketch) = derived.sketch else { continue };
        for ((member, bucket), gathered) in in_order(sketches) {
            facts.sketches[sketch.0 as usize].change(member, bucket, |known| known.merge(&gathered));
        }
    }
}

fn in_order<T>(gathered: HashMap<(MemberId, Bucket), T>) -> Vec<((MemberId, Bucket), T)> {
    let mut all: Vec<_> = gathered.into_iter().collect();
    all.sort_unstable_by_key(|(key, _)| *key);
    all
}

fn adds(half: &Half, derived: &DerivedPlan, floor: Floor, tuples: &Tuples, members: &Members) -> Option<Contribution> {
    let masks_below = Timestamp(floor.reach.0.saturating_sub(derived.give_up.0));
    let adds = contribution(half, derived, masks_below, tuples, members)?;
    (adds.bucket >= floor.bucket(derived.grain)).then_some(adds)
}
