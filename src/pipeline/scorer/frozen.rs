//! Measured baselines: which of a Snapshot's are frozen with its cut, so that the store has what readers are shown.

use crate::book::Book;
use crate::event::TopicIndex;
use crate::score::{BaselineStage, FrozenBaseline, FrozenOffsets, metric_events};
use crate::snapshot::Snapshot;

/// Freezes every baseline of the Snapshot that has settled, and gives them back for the store. Nothing is frozen while any partition
/// is catching up: what the log still holds of the range would otherwise depend on where a batch ended.
pub(super) fn freeze(snapshot: &mut Snapshot) -> Vec<FrozenBaseline> {
    if snapshot.catching_up {
        return Vec::new();
    }
    let mut frozen: Vec<FrozenBaseline> = Vec::new();
    let book = &*snapshot.book;
    for (objective, scores) in book.objectives.iter().zip(&mut snapshot.scores.objectives) {
        for (key_result, score) in objective.key_results.iter().zip(&mut scores.key_results) {
            let Some(measured) = score.measured.as_mut().filter(|measured| measured.is_due()) else { continue };
            let Some(value) = measured.value else { continue };
            measured.stage = BaselineStage::Frozen { at: snapshot.at };
            if frozen.iter().any(|known| known.id == measured.id) {
                continue;
            }
            frozen.push(FrozenBaseline {
                id: measured.id,
                objective: objective.id.clone(),
                key_result: key_result.id.clone(),
                from: measured.from,
                to: measured.to,
                value,
                n: measured.n,
                frozen_at: snapshot.at,
                offsets: Vec::new(),
            });
        }
    }
    for baseline in &mut frozen {
        baseline.offsets = offsets(snapshot, baseline);
    }
    frozen
}

/// Where the partitions stand that a baseline was measured from.
fn offsets(snapshot: &Snapshot, baseline: &FrozenBaseline) -> Vec<FrozenOffsets> {
    let book = &*snapshot.book;
    let topics = topics(book, baseline);
    let theirs = snapshot.partitions.iter().filter(|progress| topics.contains(&progress.partition.topic));
    let offsets = theirs.map(|progress| FrozenOffsets {
        topic: book.topics[usize::from(progress.partition.topic.0)].name.clone(),
        partition: progress.partition.number,
        first: progress.first_offset,
        next: progress.next_offset,
    });
    offsets.collect()
}

fn topics(book: &Book, baseline: &FrozenBaseline) -> Vec<TopicIndex> {
    let objective = book.objectives.iter().find(|objective| objective.id == baseline.objective);
    let key_result =
        objective.and_then(|objective| objective.key_results.iter().find(|kr| kr.id == baseline.key_result));
    let mut events = Vec::new();
    if let Some(crate::book::Source::Metric { metric, .. }) = key_result.map(|kr| &kr.source) {
        metric_events(book, &book.metrics[usize::from(metric.0)], &mut events);
    }
    events.iter().map(|event| book.events[usize::from(event.0)].topic).collect()
}
