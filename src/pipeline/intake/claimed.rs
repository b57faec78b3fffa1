//! Partitions that this process consumes: claimed, fed with records and with the broker's word on where the log ends, dropped.

use super::*;
use crate::aggregate::aggregator::{Interned, Refusal};
use crate::aggregate::delta::Delta;
use crate::chunk::EvaluatedRange;
use crate::event::Record;
use crate::pipeline::pack::DEAD_LETTER_SAMPLES_MAX;

/// A partition that this process consumes.
pub(super) struct Claimed {
    pub(super) epoch: AssignmentEpoch,
    /// Where the store stands, or will when the cut on its way is persisted.
    pub(super) cut_at: Option<Offset>,
    /// Where this claim began to consume.
    pub(super) begin: Offset,
    /// When it was claimed.
    pub(super) claimed_at: Option<Timestamp>,
    pub(super) next_offset: Offset,
    pub(super) leader_epoch: Option<i32>,
    pub(super) first_record_at: Option<Timestamp>,
    /// What was evaluated since the last cut before records were gone; where that ended, the next range begins at `gone_to`.
    pub(super) evaluated: Vec<EvaluatedRange>,
    pub(super) gone_to: Option<Offset>,
    /// Whether the topic was made anew: offset 0 is no beginning then.
    pub(super) is_remade: bool,
    pub(super) delta: Delta,
    /// The oldest answer about the log's end that was not reached yet, and the newest one.
    pub(super) unreached: Option<(Offset, Timestamp)>,
    pub(super) newest: Option<(Offset, Timestamp)>,
    pub(super) complete_until: Option<Timestamp>,
    pub(super) caught_up: bool,
}

impl Intake {
    pub(super) fn claim(&mut self, partitions: Vec<ClaimedPartition>) -> Vec<Reaction> {
        let mut starts = Vec::new();
        for claim in partitions {
            // One that is claimed again without having gone away is read again from where the store stands.
            self.drop_uncut(claim.partition);
            let (topic, number) =
                (self.book.topics[usize::from(claim.partition.topic.0)].name.clone(), claim.partition.number);
            let known = self.partition(claim.partition);
            if known.ids.is_spent() {
                let reason = format!("ids of {topic}/{number} were let go for records that were never committed");
                return vec![Reaction::Effect(Effect::Reload { reason })];
            }
            if known.next_offset != claim.next_offset {
                let (ours, stored) = (known.next_offset, claim.next_offset);
                let reason = format!("{topic}/{number} stands at {stored:?} in the store, and at {ours:?} here");
                return vec![Reaction::Effect(Effect::Reload { reason })];
            }
            known.start = Some(claim.start);
            let next_offset = claim.next_offset.unwrap_or(claim.start.offset);
            starts.push((claim.partition, next_offset));
            self.claimed.insert(
                claim.partition,
                Claimed {
                    epoch: claim.epoch,
                    cut_at: claim.next_offset,
                    begin: next_offset,
                    claimed_at: self.now,
                    next_offset,
                    leader_epoch: None,
                    first_record_at: None,
                    evaluated: Vec::new(),
                    gone_to: None,
                    is_remade: false,
                    delta: Delta::new(&self.plan),
                    unreached: None,
                    newest: None,
                    complete_until: None,
                    caught_up: false,
                },
            );
        }
        vec![Reaction::Effect(Effect::Start(starts))]
    }

    /// Forgets what a partition contributed since its last cut: whoever claims it next reads it again.
    pub(super) fn drop_uncut(&mut self, partition: Partition) {
        let Some(claimed) = self.claimed.remove(&partition) else { return };
        let ids = &mut self.partition(partition).ids;
        ids.forget(&claimed.delta.ids);
        ids.dropped();
        let cut_at = claimed.cut_at.unwrap_or(Offset::MIN);
        self.samples.retain(|sample| sample.partition != partition || sample.offset < cut_at);
    }

    pub(super) fn take(
        &mut self,
        partition: Partition,
        epoch: AssignmentEpoch,
        records: &[Record<'_>],
        leader_epoch: Option<i32>,
    ) {
        let Some(claimed) = self.claimed.get_mut(&partition).filter(|claimed| claimed.epoch == epoch) else { return };
        let Some(known) = self.partitions.get_mut(&partition) else { return };
        let mut refusals: Vec<Refusal> = Vec::new();
        for record in records {
            if record.offset < claimed.next_offset {
                continue;
            }
            claimed.delta.counts.skipped_offsets += (record.offset - claimed.next_offset) as u64;
            claimed.first_record_at = claimed.first_record_at.or(record.timestamp);
            let interned = Interned { members: &mut self.members, tuples: &mut self.tuples };
            let (ids, delta) = (&mut known.ids, &mut claimed.delta);
            let book = (&*self.book, &*self.plan);
            self.aggregator.take(book, partition.topic, record, interned, ids, delta, &mut refusals);
            claimed.next_offset = record.offset + 1;
            if refusals.is_empty() {
                continue;
            }
            for refusal in refusals.drain(..) {
                let reason = refusal.reason.to_owned();
                let counts = &claimed.delta.counts;
                let (known, uncut) = match &refusal.metric {
                    Some(metric) => {
                        let uncut = counts.value_faults.get(&(metric.clone(), refusal.reason));
                        (CounterKey::ValueFaults { metric: metric.clone(), reason }, uncut)
                    }
                    None => {
                        let topic = self.book.topics[usize::from(partition.topic.0)].name.clone();
                        (CounterKey::DeadLetters { topic, reason }, counts.dead_letters.get(refusal.reason))
                    }
                };
                let before = self.refused.get(&known).copied().unwrap_or(0);
                if before + uncut.copied().unwrap_or(0) <= DEAD_LETTER_SAMPLES_MAX {
                    self.samples.push(pack::sample(&self.book, partition, record, refusal));
                }
            }
        }
        claimed.leader_epoch = leader_epoch.or(claimed.leader_epoch);
        claimed.reach();
    }

    pub(super) fn log_end(&mut self, partition: Partition, end: Offset, position: Option<Offset>, at: Timestamp) {
        let Some(claimed) = self.claimed.get_mut(&partition) else { return };
        // The position also passes control records and aborted transactions, which are no records to anyone. They are counted whether
        // the position passes them or the next record shows the gap, so that the counter does not tell when we asked.
        let passed = position.unwrap_or(0).max(claimed.next_offset);
        claimed.delta.counts.skipped_offsets += (passed - claimed.next_offset) as u64;
        claimed.next_offset = passed;
        claimed.unreached = claimed.unreached.or(Some((end, at)));
        claimed.newest = claimed.newest.max(Some((end, at)));
        let Some(known) = self.partitions.get_mut(&partition) else { return };
        known.log_end = claimed.newest;
        if let (None, None, Some(start)) = (claimed.cut_at, claimed.first_record_at, &mut known.start)
            && start.offset > 0
            && end <= start.offset
        {
            // Nothing is left of what the log once held: whatever comes from now on will be counted.
            start.complete_since = start.complete_since.or(Some(at));
        }
        claimed.reach();
    }

    /// The log no longer has what lies before `to`.
    pub(super) fn gone(&mut self, partition: Partition, to: Offset) {
        let start = self.partitions.get(&partition).and_then(|known| known.start);
        if let Some(claimed) = self.claimed.get_mut(&partition).filter(|claimed| claimed.next_offset < to) {
            let detail = format!("offsets {} to {to} were gone before they were read", claimed.next_offset);
            claimed.pass_over(to, start);
            self.incident(partition, IncidentKind::RetentionPassed, detail);
        }
    }
}

impl Claimed {
    /// Where the next chunk begins.
    pub(super) fn chunk_from(&self) -> Offset {
        self.cut_at.unwrap_or(self.begin)
    }

    /// Whether anything came since the last cut. One that was claimed and gave nothing yet is not committed: there would be an offset without
    /// a chunk.
    pub(super) fn is_dirty(&self) -> bool {
        self.chunk_from() != self.next_offset
    }

    /// Ends the range that is being evaluated, at the next offset. `chunk_from` is where it began unless records were gone since.
    pub(super) fn end_range(&mut self, chunk_from: Offset, start: Option<LogStart>) {
        let known_since =
            start.and_then(|start| start.complete_since).filter(|_| self.cut_at.is_none() && self.gone_to.is_none());
        let from = self.gone_to.unwrap_or(chunk_from);
        // The earlier: where a clock goes back, a record may be older than the answer that nothing was there.
        let since = [known_since, self.first_record_at.take()].into_iter().flatten().min();
        if from < self.next_offset {
            self.evaluated.push(EvaluatedRange { from, to: self.next_offset, since });
        }
    }

    /// Passes over records that the log no longer holds.
    pub(super) fn pass_over(&mut self, to: Offset, start: Option<LogStart>) {
        self.end_range(self.chunk_from(), start);
        self.delta.counts.skipped_offsets += (to - self.next_offset) as u64;
        self.next_offset = to;
        self.gone_to = Some(to);
    }

    /// Completes the partition up to every answer whose log end was reached.
    pub(super) fn reach(&mut self) {
        while let Some((end, at)) = self.unreached.filter(|(end, _)| self.next_offset >= *end) {
            self.complete_until = self.complete_until.max(Some(at));
            self.caught_up = true;
            self.unreached = self.newest.filter(|newest| *newest != (end, at));
            self.newest = self.unreached;
        }
    }
}
