//! The ledger: all committed or about-to-be-committed facts, merged. It grows only by chunks, so a restart that reads the stored
//! chunks stands exactly where the live process stood.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::aggregate::dedup::{Ids, PARTITION_IDS_MAX_DEFAULT};
use crate::aggregate::delta::RowTimes;
use crate::aggregate::facts::{Coverage, EventProgress, Facts, PartitionProgress};
use crate::aggregate::member::MemberId;
use crate::aggregate::pair::{Contribution, Half, Halves, PairState, Tuples, contribution};
use crate::aggregate::plan::{AggregateId, AggregateIndex, EventId, Facet, PairsPlan, Plan};
use crate::aggregate::series::Series;
use crate::book::{Book, EndChoice};
use crate::chunk::{Chunk, EvaluatedRange, TextIndex, unite_ranges};
use crate::event::{EventIndex, Offset, Partition};
use crate::snapshot::CounterKey;
use crate::time::Timestamp;

use super::counter;
use super::message::LogStart;

/// The choices of an end, in the order of [`Ledger::inverted`].
const END_CHOICES: [EndChoice; 2] = [EndChoice::First, EndChoice::Last];

/// All facts, merged.
pub(super) struct Ledger {
    book: Arc<Book>,
    plan: Arc<Plan>,
    aggregates: HashMap<AggregateId, AggregateIndex>,
    /// Events that differ in name only share their stored facts.
    events: HashMap<EventId, Vec<EventIndex>>,
    pub(super) facts: Facts,
    pub(super) tuples: Tuples,
    pairs: Vec<Halves>,
    /// Inverted pairs, for each of [`END_CHOICES`]. Derived, never stored.
    inverted: Vec<[i64; 2]>,
    pub(super) partitions: BTreeMap<Partition, Absorbed>,
    pub(super) counters: BTreeMap<CounterKey, u64>,
    floor: Timestamp,
    /// Ids that each partition may hold.
    pub(super) ids_max: usize,
}

/// What is known of one partition, over all its chunks.
pub(super) struct Absorbed {
    pub(super) first_offset: Option<Offset>,
    pub(super) next_offset: Option<Offset>,
    pub(super) start: Option<LogStart>,
    pub(super) last_record_at: Option<Timestamp>,
    pub(super) complete_until: Option<Timestamp>,
    pub(super) log_end: Option<(Offset, Timestamp)>,
    times: Vec<RowTimes>,
    ranges: Vec<Vec<EvaluatedRange>>,
    pub(super) ids: Ids,
}

impl Ledger {
    pub(super) fn new(book: Arc<Book>, plan: Arc<Plan>) -> Ledger {
        let facts = Facts {
            tallies: (0..plan.tallies).map(|_| Series::default()).collect(),
            sketches: (0..plan.sketches).map(|_| Series::default()).collect(),
            ..Facts::default()
        };
        let mut events: HashMap<EventId, Vec<EventIndex>> = HashMap::new();
        for (event, index) in plan.events.iter().zip(0..) {
            events.entry(event.id).or_default().push(EventIndex(index));
        }
        Ledger {
            aggregates: plan.aggregates.iter().zip(0..).map(|(a, i)| (a.id, AggregateIndex(i))).collect(),
            events,
            facts,
            tuples: Tuples::default(),
            pairs: plan.pairs.iter().map(|_| Halves::default()).collect(),
            inverted: vec![[0; 2]; plan.pairs.len()],
            partitions: BTreeMap::new(),
            counters: BTreeMap::new(),
            floor: Timestamp(i64::MIN),
            ids_max: PARTITION_IDS_MAX_DEFAULT,
            book,
            plan,
        }
    }

    /// The partition's entry, made if it was never seen.
    pub(super) fn partition(&mut self, partition: Partition) -> &mut Absorbed {
        let (events, aggregates, ids_max) = (self.plan.events.len(), self.plan.aggregates.len(), self.ids_max);
        self.partitions.entry(partition).or_insert_with(|| Absorbed {
            first_offset: None,
            next_offset: None,
            start: None,
            last_record_at: None,
            complete_until: None,
            log_end: None,
            times: vec![RowTimes::default(); events],
            ranges: vec![Vec::new(); aggregates],
            ids: Ids::new(ids_max),
        })
    }

    /// Merges one chunk, or one part of one. `ids` says whether its ids are news: those of a live cut are known already.
    pub(super) fn absorb(&mut self, partition: Partition, chunk: &Chunk, ids: NewIds) {
        self.absorb_head(partition, chunk);
        if ids == NewIds::Yes {
            self.absorb_ids(partition, chunk);
        }
        let members: Vec<MemberId> = chunk.texts.iter().map(|text| self.facts.members.intern(text)).collect();
        let member = |text: Option<TextIndex>| {
            text.and_then(|text| members.get(text.0 as usize)).copied().unwrap_or(MemberId::NONE)
        };
        for row in &chunk.cells {
            if let Some(Facet::Tally(index)) = self.facet(row.aggregate) {
                self.facts.tallies[index.0 as usize].entry(member(row.member), row.bucket).merge(&row.cell);
            }
        }
        for row in &chunk.bins {
            if let Some(Facet::Sketch(index)) = self.facet(row.aggregate) {
                self.facts.sketches[index.0 as usize].entry(member(row.member), row.bucket).add(row.bin, row.count);
            }
        }
        let mut tuple: Vec<MemberId> = Vec::new();
        for row in &chunk.halves {
            let Some(Facet::Pairs(index)) = self.facet(row.aggregate) else { continue };
            let start = row.start.as_ref().map(|start| {
                tuple.clear();
                tuple.extend(start.dimensions.iter().map(|text| member(*text)));
                Half::start(start.at, start.deadline, self.tuples.intern(&tuple))
            });
            let half = Half::stored(start, row.first_end, row.last_end, row.void);
            self.join(index.0 as usize, row.key, &half);
        }
    }

    fn facet(&self, id: AggregateId) -> Option<Facet> {
        // An aggregate of an earlier book stays in the store and is none of ours.
        self.aggregates.get(&id).map(|index| self.plan.aggregates[index.0 as usize].facet)
    }

    fn absorb_head(&mut self, partition: Partition, chunk: &Chunk) {
        for (name, count) in &chunk.head.counters {
            if let Some(key) = counter::parse(name) {
                *self.counters.entry(key).or_default() += count;
            }
        }
        let ranges: Vec<_> = chunk
            .evaluated
            .iter()
            .filter_map(|e| self.aggregates.get(&e.aggregate).map(|index| (index.0 as usize, e.ranges.clone())))
            .collect();
        let times: Vec<_> = chunk
            .head
            .events
            .iter()
            .filter_map(|(id, times)| self.events.get(id).map(|indices| (indices, times)))
            .flat_map(|(indices, times)| indices.iter().map(|index| (usize::from(index.0), *times)))
            .collect();
        let absorbed = self.partition(partition);
        absorbed.first_offset = Some(absorbed.first_offset.map_or(chunk.from, |first| first.min(chunk.from)));
        absorbed.next_offset = absorbed.next_offset.max(Some(chunk.to));
        absorbed.last_record_at = absorbed.last_record_at.max(chunk.head.last_record_at);
        absorbed.complete_until = absorbed.complete_until.max(chunk.head.complete_until);
        for (index, times) in times {
            let known = &mut absorbed.times[index];
            known.watermark = known.watermark.max(times.watermark);
            known.last_event_at = known.last_event_at.max(times.last_event_at);
        }
        for (index, ranges) in ranges {
            let known = &mut absorbed.ranges[index];
            known.extend(ranges);
            *known = unite_ranges(std::mem::take(known));
        }
    }

    fn absorb_ids(&mut self, partition: Partition, chunk: &Chunk) {
        for ((id, day), fingerprints) in &chunk.ids {
            for event in self.events.get(id).cloned().unwrap_or_default() {
                let ids = &mut self.partition(partition).ids;
                for fingerprint in fingerprints {
                    ids.insert(event, *day, *fingerprint);
                }
                ids.cut();
            }
        }
    }

    /// Joins one key's half into its pair, and moves what the pair adds to derived cells.
    fn join(&mut self, index: usize, key: u64, half: &Half) {
        let known = self.pairs[index].entry(key).or_default();
        let before = *known;
        known.join(half, &self.tuples, &self.facts.members);
        let after = *known;
        if before == after {
            return;
        }
        for (count, choice) in self.inverted[index].iter_mut().zip(END_CHOICES) {
            let inverted = |half: &Half| i64::from(half.state(choice) == PairState::Inverted);
            *count += inverted(&after) - inverted(&before);
        }
        let Ledger { plan, facts, tuples, floor, .. } = self;
        derive(&plan.pairs[index], facts, tuples, *floor, Some(&before), Some(&after));
    }

    /// The stored counters, and beside them the inverted pairs of each metric as value faults: what is known now, so with `end: last` a
    /// later end takes one back.
    pub(super) fn all_counters(&self) -> BTreeMap<CounterKey, u64> {
        let mut all = self.counters.clone();
        for (plan, counts) in self.plan.pairs.iter().zip(&self.inverted) {
            for (metric, end) in &plan.metrics {
                let count =
                    counts.iter().zip(END_CHOICES).find(|(_, choice)| choice == end).map_or(0, |(count, _)| *count);
                if let Ok(count @ 1..) = u64::try_from(count) {
                    all.insert(
                        CounterKey::ValueFaults { metric: metric.clone(), reason: "inverted".to_owned() },
                        count,
                    );
                }
            }
        }
        all
    }

    /// Moves the floor that masks starts; derived cells are made anew where it moved.
    pub(super) fn raise_floor(&mut self, floor: Timestamp) {
        if floor == self.floor {
            return;
        }
        self.floor = floor;
        let Ledger { plan, facts, tuples, pairs, .. } = self;
        for (pairs_plan, halves) in plan.pairs.iter().zip(pairs) {
            for derived in &pairs_plan.derived {
                facts.tallies[derived.tally.0 as usize] = Series::default();
                if let Some(sketch) = derived.sketch {
                    facts.sketches[sketch.0 as usize] = Series::default();
                }
            }
            for half in halves.values() {
                derive(pairs_plan, facts, tuples, floor, None, Some(half));
            }
        }
    }

    /// Brings the facts' progress up to date: watermarks, coverage, offsets.
    pub(super) fn refresh_progress(&mut self) {
        let book = Arc::clone(&self.book);
        self.facts.events = (0..book.events.len()).map(|event| self.event_progress(&book, event)).collect();
        let aggregates = 0..self.plan.aggregates.len();
        self.facts.coverage = aggregates.map(|index| self.coverage(&book, index)).collect();
        self.facts.partitions = self.partitions.iter().map(|(partition, known)| known.progress(*partition)).collect();
    }

    fn event_progress(&self, book: &Book, event: usize) -> EventProgress {
        let topic = book.events[event].topic;
        let mut progress = EventProgress::default();
        let mut watermarks = Vec::new();
        for (_, known) in self.partitions.iter().filter(|(partition, _)| partition.topic == topic) {
            let times = &known.times[event];
            watermarks.push(times.watermark.max(known.complete_until));
            progress.last_event_at = progress.last_event_at.max(times.last_event_at);
            progress.last_record_at = progress.last_record_at.max(known.last_record_at);
        }
        // `None` is less than any time: one partition without a watermark leaves the event without one.
        progress.watermark = watermarks.into_iter().min().flatten();
        progress
    }

    fn coverage(&self, book: &Book, aggregate: usize) -> Coverage {
        let events = &self.plan.aggregates[aggregate].events;
        let reads = |p: &Partition| events.iter().any(|event| book.events[usize::from(event.0)].topic == p.topic);
        let partitions = self.partitions.iter().filter(|(partition, _)| reads(partition));
        partitions.map(|(_, known)| known.coverage(aggregate)).max().unwrap_or(Coverage::Nothing)
    }
}

/// Whether a chunk's ids are still to be remembered.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum NewIds {
    Yes,
    No,
}

impl Absorbed {
    fn coverage(&self, aggregate: usize) -> Coverage {
        let since = |from: Offset, since: Option<Timestamp>| match (from, since) {
            (0, _) => Coverage::Whole,
            (_, Some(at)) => Coverage::From(at),
            (_, None) => Coverage::Nothing,
        };
        match (self.ranges[aggregate].last(), self.next_offset, &self.start) {
            (Some(last), Some(next), _) if last.to == next => since(last.from, last.since),
            (None, None, Some(start)) => since(start.offset, start.complete_since),
            _ => Coverage::Nothing,
        }
    }

    /// The greatest event time of any event's rows.
    pub(super) fn last_event_at(&self) -> Option<Timestamp> {
        self.times.iter().filter_map(|times| times.last_event_at).max()
    }

    fn progress(&self, partition: Partition) -> PartitionProgress {
        let start = self.start.map_or(0, |start| start.offset);
        PartitionProgress {
            partition,
            first_offset: self.first_offset.unwrap_or(start),
            next_offset: self.next_offset.unwrap_or(start),
            log_end: self.log_end.map(|(end, _)| end),
            log_end_at: self.log_end.map(|(_, at)| at),
            complete_until: self.complete_until,
            last_record_at: self.last_record_at,
        }
    }
}

/// Takes back what a pair added before, and adds what it adds now.
fn derive(
    plan: &PairsPlan,
    facts: &mut Facts,
    tuples: &Tuples,
    floor: Timestamp,
    before: Option<&Half>,
    after: Option<&Half>,
) {
    for derived in &plan.derived {
        let floor = Timestamp(floor.0.saturating_sub(derived.give_up.0));
        let adds = |half: Option<&Half>| half.and_then(|half| contribution(half, derived, floor, tuples));
        let (old, new) = (adds(before), adds(after));
        if old == new {
            continue;
        }
        for (weight, moved) in [(-1, old), (1, new)] {
            let Some(Contribution { member, bucket, sum, bin }) = moved else { continue };
            let sum = i128::from(weight) * sum;
            facts.tallies[derived.tally.0 as usize].entry(member, bucket).shift(weight, sum);
            if let (Some(sketch), Some(bin)) = (derived.sketch, bin) {
                facts.sketches[sketch.0 as usize].entry(member, bucket).add(bin, weight);
            }
        }
    }
}
