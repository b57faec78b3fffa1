//! Cuts: what came since the last one is packed, scored, persisted, and published once it is stored.

use std::sync::Arc;

use super::claimed::Claimed;
use super::floor::Floor;
use super::frozen;
use super::ledger::Origin;
use super::message::*;
use super::pack;
use super::state::State;
use crate::aggregate::delta::Delta;
use crate::event::{Offset, Partition};
use crate::score::{self, FrozenBaseline, ScoreInput};
use crate::snapshot::Snapshot;
use crate::time::{Span, Timestamp};

/// How long the first scores wait for the broker to say where the logs of newly claimed partitions end.
const FIRST_ANSWER_WAIT: Span = Span(2 * Span::SECOND.0);

/// A cut that is being persisted.
pub(super) struct OnItsWay {
    pub(super) id: CutId,
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) offsets: Vec<(Partition, Offset)>,
}

impl State {
    pub(super) fn tick(&mut self, now: Timestamp) -> Vec<Effect> {
        if self.on_its_way.is_some() || self.claimed.is_empty() || self.awaits_first_answers(now) {
            return Vec::new();
        }
        if self.ledger.may_fit_above(Floor::of(&self.book, now)) {
            return vec![Effect::Reload { reason: "what is past its budget may fit above the new floor".to_owned() }];
        }
        if self.is_dirty() {
            return self.cut(now);
        }
        let mut snapshot = self.snapshot(now);
        match frozen::freeze(&mut snapshot) {
            frozen if frozen.is_empty() => self.publish(Arc::new(snapshot)),
            frozen => self.persist(Vec::new(), snapshot, frozen),
        }
    }

    /// Whether the broker has still to say for the first time where the log of some partition ends, of which the store knows nothing either.
    /// A partition that never had a record has no watermark before that, and a restart would show its key results without a value for a
    /// moment.
    pub(super) fn awaits_first_answers(&self, now: Timestamp) -> bool {
        self.claimed.iter().any(|(partition, claimed)| {
            let stored = self.ledger.partitions.get(partition).and_then(|known| known.complete_until);
            let waited = claimed.claimed_at.map_or(FIRST_ANSWER_WAIT, |claimed_at| now - claimed_at);
            claimed.newest.is_none() && claimed.complete_until.or(stored).is_none() && waited < FIRST_ANSWER_WAIT
        })
    }

    pub(super) fn publish(&mut self, snapshot: Arc<Snapshot>) -> Vec<Effect> {
        let mut daily = std::mem::take(&mut self.daily);
        let touched = self.ledger.facts.take_touched();
        let facts = daily.facts(&self.score_input(snapshot.at), &snapshot, self.ledger.floor().reach, &touched);
        self.daily = daily;
        let mut effects = vec![Effect::Publish(snapshot)];
        if !facts.is_empty() {
            effects.push(Effect::Record(facts));
        }
        effects
    }

    pub(super) fn is_dirty(&self) -> bool {
        self.claimed.values().any(Claimed::is_dirty)
    }

    pub(super) fn cut(&mut self, now: Timestamp) -> Vec<Effect> {
        let mut dirty = Vec::new();
        for (partition, claimed) in self.claimed.iter_mut().filter(|(_, claimed)| claimed.is_dirty()) {
            claimed.delta.join_halves(&self.ledger.tuples, &self.ledger.facts.members);
            self.ledger.count_keys_again(&mut claimed.delta);
            dirty.push(*partition);
        }
        let left_out_below = self.ledger.floor().at;
        self.raise_floor(now); // before the chunks, as after a restart: what lies below counts for no budget
        let partitions = dirty.into_iter().filter_map(|partition| self.cut_partition(partition, left_out_below, now));
        let partitions = partitions.collect();
        let mut snapshot = self.snapshot(now);
        let frozen = frozen::freeze(&mut snapshot);
        self.persist(partitions, snapshot, frozen)
    }

    /// Packs what came of a partition, whose half-pairs are joined, and takes it in while it is still near the processor.
    fn cut_partition(
        &mut self,
        partition: Partition,
        left_out_below: Timestamp,
        now: Timestamp,
    ) -> Option<PartitionCut> {
        let claimed = self.claimed.get_mut(&partition)?;
        let (from, chunk_from) = (claimed.cut_at, claimed.chunk_from());
        let topic = &self.book.topics[usize::from(partition.topic.0)].name;
        let context = (&*self.book, &*self.plan, &self.names);
        let range = (chunk_from, claimed.next_offset);
        let texts = (&self.ledger.facts.members, &self.ledger.tuples);
        let mut chunk = pack::pack(context, topic, &claimed.delta, texts, range);
        let has_left_out = !claimed.delta.counts.below_floor.is_empty();
        claimed.delta = Delta::new(&self.plan);
        chunk.head.complete_until = claimed.complete_until;
        chunk.floor = has_left_out.then_some(left_out_below);
        let known = self.ledger.partition(partition);
        known.ids.cut();
        claimed.end_range(chunk_from, known.start);
        chunk.evaluated = pack::evaluated(&self.book, &self.plan, partition, &claimed.evaluated);
        if std::mem::take(&mut claimed.is_remade) {
            let first = claimed.evaluated.first().and_then(|range| range.since);
            chunk.floor = chunk.floor.max(first.or(Some(now)));
        }
        claimed.evaluated.clear();
        claimed.gone_to = None;
        claimed.cut_at = Some(claimed.next_offset);
        let leader_epoch = claimed.leader_epoch;
        self.ledger.absorb(partition, &chunk, Origin::Cut);
        Some(PartitionCut { partition, from, chunk_from, to: range.1, leader_epoch, chunk })
    }

    /// Sends a cut on its way; one without partitions only freezes baselines.
    fn persist(
        &mut self,
        partitions: Vec<PartitionCut>,
        snapshot: Snapshot,
        baselines: Vec<FrozenBaseline>,
    ) -> Vec<Effect> {
        self.cuts += 1;
        let (id, snapshot) = (CutId(self.cuts), Arc::new(snapshot));
        let offsets = partitions.iter().map(|p| (p.partition, p.to)).collect();
        self.on_its_way = Some(OnItsWay { id, snapshot: Arc::clone(&snapshot), offsets });
        let dead_letters = std::mem::take(&mut self.samples);
        self.baselines.extend(baselines.iter().cloned());
        vec![Effect::Persist(Box::new(Cut { id, partitions, dead_letters, baselines, snapshot }))]
    }

    pub(super) fn persisted(&mut self, id: CutId) -> Vec<Effect> {
        let Some(cut) = self.on_its_way.take_if(|cut| cut.id == id) else { return Vec::new() };
        let mut effects = self.publish(cut.snapshot);
        effects.push(Effect::CommitOffsets(cut.offsets));
        effects
    }

    pub(super) fn score_input(&self, now: Timestamp) -> ScoreInput<'_> {
        let State { book, plan, ledger, check_ins, baselines, .. } = self;
        ScoreInput { book, plan, facts: &ledger.facts, check_ins, baselines, now }
    }

    /// Everything known, scored. Only right where no delta holds anything.
    pub(super) fn snapshot(&mut self, now: Timestamp) -> Snapshot {
        for (partition, claimed) in &self.claimed {
            let known = self.ledger.partition(*partition);
            known.complete_until = known.complete_until.max(claimed.complete_until);
        }
        self.raise_floor(now);
        self.ledger.refresh_progress();
        Snapshot {
            at: now,
            book: Arc::clone(&self.book),
            catching_up: self.claimed.values().any(|claimed| !claimed.caught_up),
            scores: score::score(&self.score_input(now)),
            events: self.ledger.facts.events.clone(),
            partitions: self.ledger.facts.partitions.clone(),
            evaluated: self.ledger.partitions.iter().map(|(of, known)| (*of, known.ranges.clone())).collect(),
            counters: self.ledger.all_counters(),
            budgets: self.ledger.budget_uses(),
        }
    }
}
