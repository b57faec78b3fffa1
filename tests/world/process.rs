//! A process: both halves of the pipeline, what it does about their effects, and when what was handed over is scored.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use krscore::event::{Offset, Partition};
use krscore::pipeline::{
    AssignmentEpoch, Cut, CutId, DailyFact, Effect, Held, Input, Intake, PartitionCut, Reaction, Scorer, ToScorer,
};
use krscore::snapshot::Snapshot;
use krscore::store::{Commit, PartitionCommit};

use super::World;
use super::storage::{Answer, Storage, dead_letter, key};

/// A process that consumes some partitions.
pub struct Process {
    pub(super) intake: Intake,
    pub(super) scorer: Scorer,
    /// What was handed over and is not scored yet.
    pub(super) work: VecDeque<ToScorer>,
    pub(super) epoch: AssignmentEpoch,
    /// The assignment under which each partition is fetched.
    pub(super) fetched_under: BTreeMap<Partition, AssignmentEpoch>,
    /// The epochs that the store gave.
    pub(super) epochs: BTreeMap<Partition, i64>,
    /// What the group gave it.
    pub(super) given: BTreeSet<Partition>,
    /// Where the consumer stands.
    pub(super) positions: BTreeMap<Partition, Offset>,
    pub(super) cut: Option<(CutId, Commit)>,
    /// The store's answer on its way.
    pub(super) answer: Option<(CutId, Answer)>,
    pub snapshot: Option<Arc<Snapshot>>,
    pub publications: usize,
    pub reloads: usize,
    pub gave_up: Option<String>,
    pub dead_letters: Vec<(String, String, Offset)>,
}

impl Process {
    /// What the group gave it, as far as it has noticed.
    pub fn given(&self) -> &BTreeSet<Partition> {
        &self.given
    }

    /// How much was handed over and is not scored yet.
    pub fn handed_over(&self) -> usize {
        self.work.len()
    }

    /// How much it holds of what was merged.
    pub fn held(&self) -> Held {
        self.scorer.held()
    }

    /// How many ids it holds by which copies are found.
    pub fn ids_held(&self) -> usize {
        self.intake.ids_held()
    }

    /// As if the consumer had forgotten what it consumes.
    pub fn forget_positions(&mut self) {
        self.positions.clear();
    }
}

impl<S: Storage> World<S> {
    pub fn take(&mut self, process: usize, input: Input<'_>) {
        for reaction in self.process(process).intake.step(input) {
            match reaction {
                Reaction::Effect(effect) => self.happen(process, [effect]),
                Reaction::Score(work) => self.process(process).work.push_back(work),
            }
        }
        if !self.scores_late {
            self.score_all(process);
        }
    }

    /// Cuts what is uncut, and waits until it is stored and shown.
    pub fn flush(&mut self, process: usize) {
        self.score_all(process);
        self.take(process, Input::Flush);
        self.score_all(process);
        self.hear(process);
        self.score_all(process);
    }

    /// Scores everything that was handed over.
    pub fn score_all(&mut self, process: usize) {
        while self.score_one(process) {}
    }

    /// Scores what was handed over first; whether there was anything.
    pub fn score_one(&mut self, process: usize) -> bool {
        let this = self.process(process);
        let Some(work) = this.work.pop_front() else { return false };
        let scored = this.scorer.step(work);
        let effects = this.intake.hear(scored);
        self.happen(process, effects);
        true
    }

    fn happen(&mut self, process: usize, effects: impl IntoIterator<Item = Effect>) {
        let mut reload = false;
        for effect in effects {
            match effect {
                Effect::Start(starts) => self.process(process).positions.extend(starts),
                Effect::Persist(cut) => self.persist(process, *cut),
                Effect::Publish(snapshot) => {
                    let this = self.process(process);
                    this.snapshot = Some(snapshot);
                    this.publications += 1;
                }
                Effect::Record(facts) => self.record(facts),
                Effect::CommitOffsets(_) => {}
                Effect::Reload { .. } => reload = true,
                Effect::GiveUp { reason } => self.process(process).gave_up = Some(reason),
            }
        }
        if reload {
            self.fenced(process);
        }
    }

    fn record(&mut self, facts: Vec<DailyFact>) {
        for fact in facts {
            self.daily.insert((fact.objective, fact.key_result, fact.day.to_string()), fact.score);
        }
    }

    fn persist(&mut self, process: usize, cut: Cut) {
        let this = self.processes[process].as_mut().expect("the process runs");
        let topics = &self.book.topics;
        this.dead_letters.extend(cut.dead_letters.iter().map(|letter| {
            (topics[usize::from(letter.partition.topic.0)].name.clone(), letter.reason.clone(), letter.offset)
        }));
        let commit = |cut: PartitionCut| {
            let (key, epoch) = (key(cut.partition), this.epochs[&cut.partition]);
            PartitionCommit::of(cut, key, epoch)
        };
        let partitions = cut.partitions.into_iter().map(commit).collect();
        let dead_letters = cut.dead_letters.into_iter().map(dead_letter).collect();
        this.cut = Some((cut.id, Commit { partitions, dead_letters, baselines: cut.baselines }));
    }
}
