//! Cuts: what was handed over is packed, merged, scored, persisted, and published once it is stored.

use std::sync::Arc;

use super::Scorer;
use super::frozen;
use super::ledger::Origin;
use crate::aggregate::member::Members;
use crate::aggregate::pair::Tuples;
use crate::chunk::{Chunk, Encoded, encode};
use crate::pipeline::handover::{Handover, News, Progress, Scored, Uncut};
use crate::pipeline::message::{Cut, CutId, DeadLetterSample, Effect, PartitionCut};
use crate::pipeline::pack;
use crate::score::{self, FrozenBaseline, ScoreInput};
use crate::snapshot::Snapshot;
use crate::time::Timestamp;

/// A cut that is being persisted.
pub(super) struct OnItsWay {
    id: CutId,
    snapshot: Arc<Snapshot>,
}

impl Scorer {
    /// Merges and scores. What has to be stored is sent on its way, and shown once it is there; else it is shown at once.
    pub(super) fn take(&mut self, handover: Handover) -> Scored {
        let Handover { now, floor, told, progress, catching_up, mut uncut, members, tuples, samples } = handover;
        self.hear(told);
        for uncut in &mut uncut {
            uncut.delta.join_halves(&tuples, &members);
            self.ledger.count_keys_again(&mut uncut.delta);
        }
        // Before the chunks, as after a restart: what lies below counts for no budget.
        self.ledger.raise_floor(floor);
        self.progress(&progress);
        let texts = (&members, &tuples);
        let partitions: Vec<PartitionCut> = uncut.into_iter().map(|uncut| self.cut_partition(uncut, texts)).collect();
        let mut snapshot = self.snapshot(now, catching_up);
        let frozen = frozen::freeze(&mut snapshot);
        let (cut, effects) = match partitions.is_empty() && frozen.is_empty() {
            true => (None, self.publish(Arc::new(snapshot))),
            false => {
                let (id, effect) = self.persist(partitions, samples, snapshot, frozen);
                (Some(id), vec![effect])
            }
        };
        Scored { effects, news: News::Taken { cut, is_past_budget: !self.ledger.facts.passed.is_empty() } }
    }

    fn progress(&mut self, progress: &[Progress]) {
        for progress in progress {
            let known = self.ledger.partition(progress.partition);
            known.start = progress.start;
            known.log_end = progress.log_end;
            known.complete_until = known.complete_until.max(progress.complete_until);
            (known.ids_held, known.has_let_ids_go) = (progress.ids_held, progress.has_let_ids_go);
        }
    }

    /// Packs what a partition brought, whose half-pairs are joined, and takes it in and encodes it while it is still near the processor.
    fn cut_partition(&mut self, uncut: Uncut, texts: (&Members, &Tuples)) -> PartitionCut {
        let Uncut { partition, from, chunk_from, to, leader_epoch, complete_until, evaluated, floor, delta } = uncut;
        let context = (&*self.book, &*self.plan, &self.names);
        let topic = &self.book.topics[usize::from(partition.topic.0)].name;
        let mut chunk: Chunk = pack::pack(context, topic, &delta, texts, (chunk_from, to));
        chunk.head.complete_until = complete_until;
        chunk.floor = floor;
        chunk.evaluated = pack::evaluated(&self.book, &self.plan, partition, &evaluated);
        self.ledger.absorb(partition, &chunk, Origin::Cut);
        // At once: the rows are near, and take several times the memory.
        let chunk = if self.stores { encode(&chunk) } else { Encoded::new() };
        PartitionCut { partition, from, chunk_from, to, leader_epoch, chunk }
    }

    /// A cut on its way; one without partitions only freezes baselines.
    fn persist(
        &mut self,
        partitions: Vec<PartitionCut>,
        dead_letters: Vec<DeadLetterSample>,
        snapshot: Snapshot,
        baselines: Vec<FrozenBaseline>,
    ) -> (CutId, Effect) {
        self.cuts += 1;
        let (id, snapshot) = (CutId(self.cuts), Arc::new(snapshot));
        self.on_its_way = Some(OnItsWay { id, snapshot: Arc::clone(&snapshot) });
        self.baselines.extend(baselines.iter().cloned());
        (id, Effect::Persist(Box::new(Cut { id, partitions, dead_letters, baselines, snapshot })))
    }

    pub(super) fn persisted(&mut self, id: CutId) -> Vec<Effect> {
        match self.on_its_way.take_if(|cut| cut.id == id) {
            Some(cut) => self.publish(cut.snapshot),
            None => Vec::new(),
        }
    }

    fn publish(&mut self, snapshot: Arc<Snapshot>) -> Vec<Effect> {
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

    fn score_input(&self, now: Timestamp) -> ScoreInput<'_> {
        let Scorer { book, plan, ledger, check_ins, baselines, .. } = self;
        ScoreInput { book, plan, facts: &ledger.facts, check_ins, baselines, now }
    }

    /// Everything that was merged, scored.
    fn snapshot(&mut self, now: Timestamp, catching_up: bool) -> Snapshot {
        self.ledger.refresh_progress();
        Snapshot {
            at: now,
            book: Arc::clone(&self.book),
            catching_up,
            scores: score::score(&self.score_input(now)),
            events: self.ledger.facts.events.clone(),
            partitions: self.ledger.facts.partitions.clone(),
            evaluated: self.ledger.partitions.iter().map(|(of, known)| (*of, known.ranges.clone())).collect(),
            counters: self.ledger.all_counters(),
            budgets: self.ledger.budget_uses(),
        }
    }
}
