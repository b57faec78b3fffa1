//! What was taken since the last cut goes to the scorer, and empty deltas take its place.

use super::*;
use crate::aggregate::delta::{Counts, Delta};
use crate::time::Span;

/// How long the first scores wait for the broker to say where the logs of newly claimed partitions end.
const FIRST_ANSWER_WAIT: Span = Span(2 * Span::SECOND.0);

/// What was handed over and is not done with.
pub(super) struct OnItsWay {
    /// Once it was scored, and has something for the store.
    pub(super) cut: Option<CutId>,
    /// Where the store stands then.
    offsets: Vec<(Partition, Offset)>,
}

impl OnItsWay {
    /// Whether any partition brought something.
    pub(super) fn is_cut(&self) -> bool {
        !self.offsets.is_empty()
    }
}

impl Intake {
    pub(super) fn tick(&mut self, now: Timestamp) -> Vec<Reaction> {
        if self.on_its_way.is_some() || self.claimed.is_empty() || self.awaits_first_answers(now) {
            return Vec::new();
        }
        if self.is_past_budget && self.floor.max(Floor::of(&self.book, now)) != self.floor {
            // Then all is to be read again, as it would be after a restart.
            let reason = "what is past its budget may fit above the new floor".to_owned();
            return vec![Reaction::Effect(Effect::Reload { reason })];
        }
        vec![self.hand_over(now)]
    }

    /// Whether the broker has still to say for the first time where the log of some partition ends, of which the store knows nothing either.
    /// A partition that never had a record has no watermark before that, and a restart would show its key results without a value for a
    /// moment.
    fn awaits_first_answers(&self, now: Timestamp) -> bool {
        self.claimed.iter().any(|(partition, claimed)| {
            let stored = self.partitions.get(partition).and_then(|known| known.complete_until);
            let waited = claimed.claimed_at.map_or(FIRST_ANSWER_WAIT, |claimed_at| now - claimed_at);
            claimed.newest.is_none() && claimed.complete_until.or(stored).is_none() && waited < FIRST_ANSWER_WAIT
        })
    }

    /// Whether a claimed partition has not reached its log's end yet, or one that there is was never read at all.
    fn is_catching_up(&self) -> bool {
        let is_unread = |(partition, known): (&Partition, &Known)| {
            known.next_offset.is_none() && known.complete_until.is_none() && !self.claimed.contains_key(partition)
        };
        self.claimed.values().any(|claimed| !claimed.caught_up) || self.partitions.iter().any(is_unread)
    }

    pub(super) fn is_dirty(&self) -> bool {
        self.claimed.values().any(Claimed::is_dirty)
    }

    /// Hands everything over. What lies below the floor of `now` counts for no budget there, as after a restart.
    pub(super) fn hand_over(&mut self, now: Timestamp) -> Reaction {
        let left_out_below = self.floor.at;
        self.raise_floor(now);
        let mut uncut = Vec::new();
        for (&partition, claimed) in &mut self.claimed {
            let Some(known) = self.partitions.get_mut(&partition) else { continue };
            known.complete_until = known.complete_until.max(claimed.complete_until);
            if claimed.is_dirty() {
                let topic = &self.book.topics[usize::from(partition.topic.0)].name;
                count(&mut self.refused, topic, &claimed.delta.counts);
                uncut.push(claimed.cut(&self.plan, partition, known, left_out_below, now));
            }
        }
        self.on_its_way =
            Some(OnItsWay { cut: None, offsets: uncut.iter().map(|uncut| (uncut.partition, uncut.to)).collect() });
        // What was found beside the records of a partition that brought none waits for the next cut.
        let samples = if uncut.is_empty() { Vec::new() } else { std::mem::take(&mut self.samples) };
        Reaction::Score(ToScorer::Handover(Box::new(Handover {
            now,
            floor: self.floor,
            told: std::mem::take(&mut self.told),
            progress: self.partitions.iter().map(|(partition, known)| known.progress(*partition)).collect(),
            catching_up: self.is_catching_up(),
            uncut,
            // No delta that is left names a member.
            members: std::mem::take(&mut self.members),
            tuples: std::mem::take(&mut self.tuples),
            samples,
        })))
    }

    pub(super) fn persisted(&mut self, id: CutId) -> Vec<Reaction> {
        let Some(cut) = self.on_its_way.take_if(|on_its_way| on_its_way.cut == Some(id)) else { return Vec::new() };
        vec![Reaction::Score(ToScorer::Persisted(id)), Reaction::Effect(Effect::CommitOffsets(cut.offsets))]
    }
}

impl Known {
    fn progress(&self, partition: Partition) -> Progress {
        Progress {
            partition,
            start: self.start,
            log_end: self.log_end,
            complete_until: self.complete_until,
            ids_held: self.ids.held(),
            has_let_ids_go: self.ids.has_let_go(),
        }
    }
}

impl Claimed {
    /// What came since the last cut, which this is then.
    fn cut(
        &mut self,
        plan: &Plan,
        partition: Partition,
        known: &mut Known,
        left_out_below: Timestamp,
        now: Timestamp,
    ) -> Uncut {
        let (from, chunk_from) = (self.cut_at, self.chunk_from());
        self.end_range(chunk_from, known.start);
        let delta = std::mem::replace(&mut self.delta, Delta::new(plan));
        let evaluated = std::mem::take(&mut self.evaluated);
        let mut floor = (!delta.counts.below_floor.is_empty()).then_some(left_out_below);
        if std::mem::take(&mut self.is_remade) {
            floor = floor.max(evaluated.first().and_then(|range| range.since).or(Some(now)));
        }
        known.ids.cut();
        known.next_offset = known.next_offset.max(Some(self.next_offset));
        self.gone_to = None;
        self.cut_at = Some(self.next_offset);
        Uncut {
            partition,
            from,
            chunk_from,
            to: self.next_offset,
            leader_epoch: self.leader_epoch,
            complete_until: self.complete_until,
            evaluated,
            floor,
            delta,
        }
    }
}

/// Adds a delta's dead letters and value faults, whose first ones are kept.
fn count(counted: &mut BTreeMap<CounterKey, u64>, topic: &str, counts: &Counts) {
    for (reason, n) in &counts.dead_letters {
        let key = CounterKey::DeadLetters { topic: topic.to_owned(), reason: (*reason).to_owned() };
        *counted.entry(key).or_default() += n;
    }
    for ((metric, reason), n) in &counts.value_faults {
        let key = CounterKey::ValueFaults { metric: metric.clone(), reason: (*reason).to_owned() };
        *counted.entry(key).or_default() += n;
    }
}
