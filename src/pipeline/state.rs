//! The state of the pipeline, and what each input does to it.
//!
//! | input | does |
//! |---|---|
//! | Restored | forgets everything, then reads all stored chunks |
//! | Claimed | goes on where the store stands; if the ledger stands elsewhere, asks to read the store again |
//! | Records | takes those of the current assignment, in order of offset, into their partition's delta |
//! | LogEnd | remembers how far the broker says the log goes; reached, it completes the partition up to the answer's time |
//! | Incident | counts it, and keeps its words |
//! | Gone | passes over what retention took; what was evaluated is then two ranges, and `data_from` tells |
//! | Tick | publishes if nothing is new, else cuts; nothing while a cut is on its way |
//! | Flush | cuts if anything is new and no cut is on its way |
//! | Persisted | publishes the cut's Snapshot |
//! | Unassigned | drops what was not cut |

use std::collections::BTreeMap;
use std::sync::Arc;

use super::daily::Daily;
use super::floor::Floor;
use super::ledger::{Held, Ledger, NewIds};
use super::message::*;
use super::pack::{self, DEAD_LETTER_SAMPLES_MAX, Names};
use super::restore;
use crate::aggregate::aggregator::{Aggregator, Interned, Refusal};
use crate::aggregate::delta::Delta;
use crate::aggregate::plan::Plan;
use crate::book::Book;
use crate::chunk::{self, EvaluatedRange};
use crate::event::{Offset, Partition, Record};
use crate::score::{self, CheckIn, ScoreInput};
use crate::snapshot::{CounterKey, Snapshot};
use crate::time::{Span, Timestamp};

/// Entries that all deltas together may hold before consumption stops for a cut: about 100 bytes each, so 200 MB.
pub const DELTA_ENTRIES_MAX: usize = 2_000_000;

/// How long the first scores wait for the broker to say where the logs of newly claimed partitions end.
const FIRST_ANSWER_WAIT: Span = Span(2 * Span::SECOND.0);

/// Everything that scoring depends on.
pub struct State {
    book: Arc<Book>,
    plan: Arc<Plan>,
    names: Names,
    aggregator: Aggregator,
    ledger: Ledger,
    claimed: BTreeMap<Partition, Claimed>,
    check_ins: Vec<CheckIn>,
    now: Option<Timestamp>,
    cuts: u64,
    on_its_way: Option<OnItsWay>,
    samples: Vec<DeadLetterSample>,
    daily: Daily,
}

/// A partition that this process consumes.
struct Claimed {
    epoch: AssignmentEpoch,
    /// Where the store stands, or will when the cut on its way is persisted.
    cut_at: Option<Offset>,
    /// Where this claim began to consume.
    begin: Offset,
    /// When it was claimed.
    claimed_at: Option<Timestamp>,
    next_offset: Offset,
    leader_epoch: Option<i32>,
    first_record_at: Option<Timestamp>,
    /// What was evaluated since the last cut before records were gone; where that ended, the next range begins at `gone_to`.
    evaluated: Vec<EvaluatedRange>,
    gone_to: Option<Offset>,
    /// Whether the topic was made anew: offset 0 is no beginning then.
    is_remade: bool,
    delta: Delta,
    /// The oldest answer about the log's end that was not reached yet, and the newest one.
    unreached: Option<(Offset, Timestamp)>,
    newest: Option<(Offset, Timestamp)>,
    complete_until: Option<Timestamp>,
    caught_up: bool,
}

/// A cut that is being persisted.
struct OnItsWay {
    id: CutId,
    snapshot: Arc<Snapshot>,
    offsets: Vec<(Partition, Offset)>,
}

impl State {
    /// An empty state for `book`. Rows at or after `until` are left out, which is how `replay --at` looks back.
    pub fn new(book: Arc<Book>, until: Option<Timestamp>) -> State {
        let plan = Arc::new(Plan::of(&book));
        State {
            names: Names::of(&plan.aggregates),
            aggregator: Aggregator::new(&book, until),
            ledger: Ledger::new(Arc::clone(&book), Arc::clone(&plan)),
            claimed: BTreeMap::new(),
            check_ins: Vec::new(),
            now: None,
            cuts: 0,
            on_its_way: None,
            samples: Vec::new(),
            daily: Daily::default(),
            book,
            plan,
        }
    }

    /// The same, where each partition may hold at most `ids_max` ids of copies.
    pub fn with_partition_ids_max(mut self, ids_max: usize) -> State {
        self.ledger.ids_max = ids_max;
        self
    }

    /// Whether the deltas are so full that no records should be taken before a cut is persisted.
    pub fn is_saturated(&self) -> bool {
        self.claimed.values().map(|claimed| claimed.delta.entries()).sum::<usize>() >= DELTA_ENTRIES_MAX
    }

    /// The greatest event time of all rows so far.
    pub fn last_event_at(&self) -> Option<Timestamp> {
        let cut = self.ledger.partitions.values().filter_map(|known| known.last_event_at());
        let uncut =
            self.claimed.values().flat_map(|claimed| &claimed.delta.times).filter_map(|times| times.last_event_at);
        cut.chain(uncut).max()
    }

    /// How much is held of what is cut.
    pub fn held(&self) -> Held {
        self.ledger.held()
    }

    /// Whether a cut is being persisted.
    pub fn is_persisting(&self) -> bool {
        self.on_its_way.is_some()
    }

    /// The next offset of each claimed partition.
    pub fn next_offsets(&self) -> impl Iterator<Item = (Partition, Offset)> + '_ {
        self.claimed.iter().map(|(partition, claimed)| (*partition, claimed.next_offset))
    }

    pub(super) fn step(&mut self, input: Input<'_>) -> Vec<Effect> {
        match input {
            Input::Tick { now } => {
                self.now = Some(now);
                self.tick(now)
            }
            Input::Records { partition, epoch, records, leader_epoch } => {
                self.take(partition, epoch, records, leader_epoch);
                Vec::new()
            }
            Input::LogEnd { partition, end, position, at } => {
                self.log_end(partition, end, position, at);
                Vec::new()
            }
            Input::Gone { partition, to } => {
                let start = self.ledger.partition(partition).start;
                if let Some(claimed) = self.claimed.get_mut(&partition).filter(|claimed| claimed.next_offset < to) {
                    let detail = format!("offsets {} to {to} were gone before they were read", claimed.next_offset);
                    claimed.pass_over(to, start);
                    self.incident(partition, IncidentKind::RetentionPassed, detail);
                }
                Vec::new()
            }
            Input::Incident { partition, kind, detail } => {
                self.incident(partition, kind, detail);
                Vec::new()
            }
            Input::Restored { chunks } => self.restore(&chunks),
            Input::Claimed(partitions) => self.claim(partitions),
            Input::Unassigned(partitions) => {
                partitions.iter().for_each(|partition| self.drop_uncut(*partition));
                Vec::new()
            }
            Input::Persisted(id) => self.persisted(id),
            Input::CheckIns(check_ins) => {
                self.check_ins = check_ins;
                Vec::new()
            }
            Input::Flush => match self.now {
                Some(now) if self.on_its_way.is_none() && self.is_dirty() => self.cut(now),
                _ => Vec::new(),
            },
        }
    }

    fn incident(&mut self, partition: Partition, kind: IncidentKind, detail: String) {
        let Some(claimed) = self.claimed.get_mut(&partition) else { return };
        *claimed.delta.counts.incidents.entry(kind.as_str()).or_default() += 1;
        claimed.is_remade |= kind == IncidentKind::TopicRemade;
        self.samples.push(pack::incident(partition, claimed.next_offset, kind, detail));
    }

    fn restore(&mut self, chunks: &[RestoredChunk]) -> Vec<Effect> {
        let ids_max = self.ledger.ids_max;
        self.ledger = Ledger::new(Arc::clone(&self.book), Arc::clone(&self.plan));
        self.ledger.ids_max = ids_max;
        // Before the chunks: derived cells are then made once, under the right mask.
        self.now.into_iter().for_each(|now| self.raise_floor(now));
        self.claimed.clear();
        self.on_its_way = None;
        self.samples.clear();
        match self.absorb_stored(chunks) {
            Ok(()) => Vec::new(),
            Err((partition, fault)) => {
                let topic = &self.book.topics[usize::from(partition.topic.0)].name;
                let reason = format!("stored facts of {topic}/{} cannot be read: {fault}", partition.number);
                vec![Effect::GiveUp { reason }]
            }
        }
    }

    fn absorb_stored(&mut self, chunks: &[RestoredChunk]) -> Result<(), restore::Refused> {
        restore::check(chunks)?;
        for stored in chunks {
            let chunk = chunk::decode(&stored.bytes).map_err(|fault| (stored.partition, fault.to_string()))?;
            self.ledger.absorb(stored.partition, &chunk, NewIds::Yes);
        }
        Ok(())
    }

    fn claim(&mut self, partitions: Vec<ClaimedPartition>) -> Vec<Effect> {
        let mut starts = Vec::new();
        for claim in partitions {
            // One that is claimed again without having gone away is read again from where the store stands.
            self.drop_uncut(claim.partition);
            let known = self.ledger.partition(claim.partition);
            let (topic, number) =
                (&self.book.topics[usize::from(claim.partition.topic.0)].name, claim.partition.number);
            if known.ids.is_spent() {
                let reason = format!("ids of {topic}/{number} were let go for records that were never committed");
                return vec![Effect::Reload { reason }];
            }
            if known.next_offset != claim.next_offset {
                let (ours, stored) = (known.next_offset, claim.next_offset);
                let reason = format!("{topic}/{number} stands at {stored:?} in the store, and at {ours:?} here");
                return vec![Effect::Reload { reason }];
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
        vec![Effect::Start(starts)]
    }

    /// Forgets what a partition contributed since its last cut: whoever claims it next reads it again.
    fn drop_uncut(&mut self, partition: Partition) {
        let Some(claimed) = self.claimed.remove(&partition) else { return };
        let ids = &mut self.ledger.partition(partition).ids;
        for (event, day, fingerprint) in &claimed.delta.ids {
            ids.remove(*event, *day, *fingerprint);
        }
        ids.dropped();
        let cut_at = claimed.cut_at.unwrap_or(Offset::MIN);
        self.samples.retain(|sample| sample.partition != partition || sample.offset < cut_at);
    }

    fn take(
        &mut self,
        partition: Partition,
        epoch: AssignmentEpoch,
        records: &[Record<'_>],
        leader_epoch: Option<i32>,
    ) {
        let Some(claimed) = self.claimed.get_mut(&partition).filter(|claimed| claimed.epoch == epoch) else { return };
        let mut refusals: Vec<Refusal> = Vec::new();
        for record in records {
            if record.offset < claimed.next_offset {
                continue;
            }
            claimed.delta.counts.skipped_offsets += (record.offset - claimed.next_offset) as u64;
            claimed.first_record_at = claimed.first_record_at.or(record.timestamp);
            let Ledger { facts, tuples, partitions, .. } = &mut self.ledger;
            let Some(known) = partitions.get_mut(&partition) else { return };
            let interned = Interned { members: &mut facts.members, tuples };
            let (ids, delta) = (&mut known.ids, &mut claimed.delta);
            let book = (&*self.book, &*self.plan);
            self.aggregator.take(book, partition.topic, record, interned, ids, delta, &mut refusals);
            claimed.next_offset = record.offset + 1;
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
                let before = self.ledger.counters.get(&known).copied().unwrap_or(0);
                if before + uncut.copied().unwrap_or(0) <= DEAD_LETTER_SAMPLES_MAX {
                    self.samples.push(pack::sample(&self.book, partition, record, refusal));
                }
            }
        }
        claimed.leader_epoch = leader_epoch.or(claimed.leader_epoch);
        claimed.reach();
    }

    fn log_end(&mut self, partition: Partition, end: Offset, position: Option<Offset>, at: Timestamp) {
        let Some(claimed) = self.claimed.get_mut(&partition) else { return };
        // The position also passes control records and aborted transactions, which are no records to anyone. They are counted whether
        // the position passes them or the next record shows the gap, so that the counter does not tell when we asked.
        let passed = position.unwrap_or(0).max(claimed.next_offset);
        claimed.delta.counts.skipped_offsets += (passed - claimed.next_offset) as u64;
        claimed.next_offset = passed;
        claimed.unreached = claimed.unreached.or(Some((end, at)));
        claimed.newest = claimed.newest.max(Some((end, at)));
        let known = self.ledger.partition(partition);
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

    fn tick(&mut self, now: Timestamp) -> Vec<Effect> {
        if self.on_its_way.is_some() || self.claimed.is_empty() || self.awaits_first_answers(now) {
            return Vec::new();
        }
        if self.is_dirty() {
            return self.cut(now);
        }
        let snapshot = Arc::new(self.snapshot(now));
        self.publish(snapshot)
    }

    /// Whether the broker has still to say for the first time where the log of some partition ends, of which the store knows nothing either.
    /// A partition that never had a record has no watermark before that, and a restart would show its key results without a value for a
    /// moment.
    fn awaits_first_answers(&self, now: Timestamp) -> bool {
        self.claimed.iter().any(|(partition, claimed)| {
            let stored = self.ledger.partitions.get(partition).and_then(|known| known.complete_until);
            let waited = claimed.claimed_at.map_or(FIRST_ANSWER_WAIT, |claimed_at| now - claimed_at);
            claimed.newest.is_none() && claimed.complete_until.or(stored).is_none() && waited < FIRST_ANSWER_WAIT
        })
    }

    fn publish(&mut self, snapshot: Arc<Snapshot>) -> Vec<Effect> {
        let mut daily = std::mem::take(&mut self.daily);
        let facts = daily.facts(&self.score_input(snapshot.at), &snapshot, self.ledger.floor().reach);
        self.daily = daily;
        let mut effects = vec![Effect::Publish(snapshot)];
        if !facts.is_empty() {
            effects.push(Effect::Record(facts));
        }
        effects
    }

    fn is_dirty(&self) -> bool {
        // A partition that was claimed and gave nothing yet is not committed: there would be an offset without a chunk.
        self.claimed.values().any(|claimed| claimed.cut_at.unwrap_or(claimed.begin) != claimed.next_offset)
    }

    fn cut(&mut self, now: Timestamp) -> Vec<Effect> {
        let mut partitions = Vec::new();
        let mut chunks = Vec::new();
        for (partition, claimed) in &mut self.claimed {
            let from = claimed.cut_at;
            let chunk_from = from.unwrap_or(claimed.begin);
            if chunk_from == claimed.next_offset {
                continue;
            }
            let topic = &self.book.topics[usize::from(partition.topic.0)].name;
            self.ledger.count_keys_again(&mut claimed.delta);
            let context = (&*self.book, &*self.plan, &self.names);
            let range = (chunk_from, claimed.next_offset);
            let texts = (&self.ledger.facts.members, &self.ledger.tuples);
            let mut chunk = pack::pack(context, topic, &claimed.delta, texts, range);
            chunk.head.complete_until = claimed.complete_until;
            chunk.floor = (!claimed.delta.counts.below_floor.is_empty()).then_some(self.ledger.floor().at);
            let start = self.ledger.partitions[partition].start;
            claimed.end_range(chunk_from, start);
            chunk.evaluated = pack::evaluated(&self.book, &self.plan, *partition, &claimed.evaluated);
            if std::mem::take(&mut claimed.is_remade) {
                let first = claimed.evaluated.first().and_then(|range| range.since);
                chunk.floor = chunk.floor.max(first.or(Some(now)));
            }
            claimed.evaluated.clear();
            claimed.gone_to = None;
            partitions.push(PartitionCut {
                partition: *partition,
                from,
                chunk_from,
                to: range.1,
                leader_epoch: claimed.leader_epoch,
                parts: chunk::encode(&chunk),
            });
            claimed.cut_at = Some(claimed.next_offset);
            claimed.delta = Delta::new(&self.plan);
            self.ledger.partitions.entry(*partition).and_modify(|known| known.ids.cut());
            chunks.push((*partition, chunk));
        }
        for (partition, chunk) in &chunks {
            self.ledger.absorb(*partition, chunk, NewIds::No);
        }
        self.cuts += 1;
        let id = CutId(self.cuts);
        let snapshot = Arc::new(self.snapshot(now));
        let offsets = partitions.iter().map(|p| (p.partition, p.to)).collect();
        self.on_its_way = Some(OnItsWay { id, snapshot: Arc::clone(&snapshot), offsets });
        let dead_letters = std::mem::take(&mut self.samples);
        vec![Effect::Persist(Box::new(Cut { id, partitions, dead_letters, snapshot }))]
    }

    fn persisted(&mut self, id: CutId) -> Vec<Effect> {
        let Some(cut) = self.on_its_way.take_if(|cut| cut.id == id) else { return Vec::new() };
        let mut effects = self.publish(cut.snapshot);
        effects.push(Effect::CommitOffsets(cut.offsets));
        effects
    }

    fn score_input(&self, now: Timestamp) -> ScoreInput<'_> {
        ScoreInput { book: &self.book, plan: &self.plan, facts: &self.ledger.facts, check_ins: &self.check_ins, now }
    }

    fn raise_floor(&mut self, now: Timestamp) {
        self.ledger.raise_floor(Floor::of(&self.book, now));
        self.aggregator.leave_out_below(self.ledger.floor().at);
    }

    /// Everything known, scored. Only right where no delta holds anything.
    fn snapshot(&mut self, now: Timestamp) -> Snapshot {
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
            counters: self.ledger.all_counters(),
        }
    }
}

impl Claimed {
    /// Ends the range that is being evaluated, at the next offset. `chunk_from` is where it began unless records were gone since.
    fn end_range(&mut self, chunk_from: Offset, start: Option<LogStart>) {
        let known_since =
            start.and_then(|start| start.complete_since).filter(|_| self.cut_at.is_none() && self.gone_to.is_none());
        let from = self.gone_to.unwrap_or(chunk_from);
        let since = known_since.or(self.first_record_at.take());
        if from < self.next_offset {
            self.evaluated.push(EvaluatedRange { from, to: self.next_offset, since });
        }
    }

    /// Passes over records that the log no longer holds.
    fn pass_over(&mut self, to: Offset, start: Option<LogStart>) {
        self.end_range(self.cut_at.unwrap_or(self.begin), start);
        self.delta.counts.skipped_offsets += (to - self.next_offset) as u64;
        self.next_offset = to;
        self.gone_to = Some(to);
    }

    /// Completes the partition up to every answer whose log end was reached.
    fn reach(&mut self) {
        while let Some((end, at)) = self.unreached.filter(|(end, _)| self.next_offset >= *end) {
            self.complete_until = self.complete_until.max(Some(at));
            self.caught_up = true;
            self.unreached = self.newest.filter(|newest| *newest != (end, at));
            self.newest = self.unreached;
        }
    }
}
