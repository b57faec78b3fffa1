//! What two runs show, as lines, and where they differ.

use std::collections::{BTreeMap, BTreeSet};

use krscore::aggregate::plan::AggregateId;
use krscore::chunk::EvaluatedRange;
use krscore::event::{Offset, Partition, TopicIndex};
use krscore::score::KeyResultScore;

use crate::world::storage::Memory;
use crate::world::{Covered, Log, World};

/// The offsets over which each aggregate was evaluated, as the stored chunks say.
pub type Ranges = BTreeMap<(AggregateId, Partition), Vec<EvaluatedRange>>;

pub fn counters(quiet: &World<Memory>) -> String {
    lines(quiet.snapshot(0).counters.iter())
}

pub fn lines(all: impl IntoIterator<Item = impl std::fmt::Debug>) -> String {
    all.into_iter().map(|one| format!("{one:?}\n")).collect()
}

pub fn daily(all: &BTreeMap<(usize, usize, String), KeyResultScore>) -> Vec<String> {
    // The latest event of all is no fact of a day.
    all.iter().map(|(key, score)| format!("{key:?} {}", fact(score))).collect()
}

/// All of a score but its latest event, which is known of offsets too that its value is not computed from.
pub fn fact(score: &KeyResultScore) -> String {
    format!("{:?}", KeyResultScore { last_event_at: None, ..score.clone() })
}

pub fn is_covered(ranges: &[EvaluatedRange], offset: Offset) -> bool {
    ranges.iter().any(|range| range.from <= offset && offset < range.to)
}

/// What was `known` and is no longer held.
pub fn lacking(held: &Ranges, known: &Ranges) -> impl Iterator<Item = String> {
    let is_held = |key: &(AggregateId, Partition), range: &EvaluatedRange| {
        let ranges = held.get(key).map_or(&[][..], Vec::as_slice);
        ranges.iter().any(|held| held.from <= range.from && range.to <= held.to)
    };
    let all = known.iter().flat_map(|(key, ranges)| ranges.iter().map(move |range| (key, range)));
    all.filter(move |(key, range)| !is_held(key, range)).map(|(key, range)| format!("{key:?} {range:?}"))
}

/// The offsets that aggregates are made of, each with the topics that it reads. `None` if they are made of different ones, or
/// if their beginning is known from nothing but when the broker was asked.
pub fn covered(
    aggregates: Vec<(AggregateId, BTreeSet<TopicIndex>)>,
    held: &Ranges,
    logs: &BTreeMap<Partition, Log>,
) -> Option<Covered> {
    let mut covered: BTreeMap<Partition, Option<Vec<(Offset, Offset)>>> = BTreeMap::new();
    for (id, topics) in aggregates {
        for (partition, log) in logs.iter().filter(|(partition, _)| topics.contains(&partition.topic)) {
            let ranges = held.get(&(id, *partition)).filter(|ranges| !ranges.is_empty());
            let is_unknown = |range: &EvaluatedRange| range.from > 0 && range.since.is_none();
            if ranges.map_or(log.low > 0, |ranges| ranges.last().is_some_and(is_unknown)) {
                return None;
            }
            let ranges: Option<Vec<_>> = ranges.map(|ranges| ranges.iter().map(|of| (of.from, of.to)).collect());
            if covered.entry(*partition).or_insert_with(|| ranges.clone()) != &ranges {
                return None;
            }
        }
    }
    Some(covered.into_iter().filter_map(|(partition, ranges)| Some((partition, ranges?))).collect())
}

/// The first lines that differ, and their number.
pub fn differ(faults: &mut Vec<String>, what: &str, found: &str, expected: &str) {
    if found == expected {
        return;
    }
    let pairs: Vec<_> = found.lines().zip(expected.lines()).filter(|(a, b)| a != b).collect();
    let shown: Vec<String> = pairs.iter().take(3).map(|(a, b)| format!("  is     {a}\n  should {b}")).collect();
    let (has, should) = (found.lines().count(), expected.lines().count());
    faults.push(format!("{what}: {} lines differ, {has} instead of {should}\n{}", pairs.len(), shown.join("\n")));
}
