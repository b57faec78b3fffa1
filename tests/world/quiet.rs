//! Quiet runs: one process reads the logs in one go. What everything else must be equal to.

use std::collections::BTreeMap;
use std::sync::Arc;

use krscore::event::{Offset, Partition};
use krscore::time::Timestamp;

use super::storage::{Memory, Storage};
use super::{Log, World, at};

/// The offsets of each partition that something is made of; disjoint and rising.
pub type Covered = BTreeMap<Partition, Vec<(Offset, Offset)>>;

/// A world whose logs are those of `world`, consumed by one process.
pub fn quiet<S: Storage>(world: &World<S>, now: &str) -> World<Memory> {
    quiet_over(world, &Covered::new(), at(now))
}

/// The same over these offsets alone, as if retention had taken all others just before they were read; over all of a partition that is not
/// among them.
pub fn quiet_over<S: Storage>(world: &World<S>, covered: &Covered, now: Timestamp) -> World<Memory> {
    let mut quiet = World::new(Arc::clone(&world.book), Memory::default(), "2026-01-01");
    quiet.now = now;
    quiet.budgets = world.budgets;
    let pieces = covered.values().map(Vec::len).max().unwrap_or(0).max(1);
    let mut process = None;
    for piece in 0..pieces {
        for (partition, log) in &world.logs {
            let ranges = covered.get(partition).map_or(&[][..], Vec::as_slice);
            if piece == 0 && ranges.is_empty() {
                quiet.logs.insert(*partition, log.clone());
            }
            if let Some(range) = ranges.get(piece) {
                quiet.logs.insert(*partition, cut_out(log, *range, piece + 1 == ranges.len()));
            }
        }
        let process = *process.get_or_insert_with(|| quiet.start());
        quiet.consume_all(process);
    }
    quiet.settle_at(process.expect("it was started"), now);
    quiet
}

/// What a log holds of a range; its end is the log's if that is the last one.
fn cut_out(log: &Log, (from, to): (Offset, Offset), is_last: bool) -> Log {
    let records = log.records.iter().filter(|logged| from <= logged.offset && logged.offset < to).cloned();
    let complete_since = log.complete_since.filter(|_| from == log.low);
    Log { records: records.collect(), low: from, complete_since, end: if is_last { log.end } else { to } }
}
