//! The ledger: all committed or about-to-be-committed facts, merged. It grows only by chunks, so a restart that reads the stored
//! chunks stands exactly where the live process stood.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;

use crate::aggregate::budget::{Budget, Budgets};
use crate::aggregate::dedup::Ids;
use crate::aggregate::delta::RowTimes;
use crate::aggregate::distinct::Distincts;
use crate::aggregate::facts::{Coverage, EventProgress, Facts, PartitionProgress};
use crate::aggregate::level::{Levels, Observation};
use crate::aggregate::packed::Sharded;
use crate::aggregate::pair::{Half, PairState, Tuples};
use crate::aggregate::plan::{Aggregate, AggregateId, AggregateIndex, EventId, Facet, Grains, LevelsIndex, Plan};
use crate::aggregate::series::Series;
use crate::book::{Book, EndChoice};
use crate::chunk::{Chunk, EvaluatedRange, unite_ranges};
use crate::event::{EventIndex, Offset, Partition};
use crate::fixed::Fixed;
use crate::snapshot::CounterKey;
use crate::time::{Bucket, Timestamp};

use super::chunk_members::ChunkMembers;
use super::load::Loaded;
use crate::pipeline::counter;
use crate::pipeline::floor::Floor;
use crate::pipeline::message::LogStart;

/// The choices of an end, in the order of [`Ledger::inverted`].
const END_CHOICES: [EndChoice; 2] = [EndChoice::First, EndChoice::Last];

/// All facts, merged.
pub(super) struct Ledger {
    pub(super) book: Arc<Book>,
    pub(super) plan: Arc<Plan>,
    aggregates: HashMap<AggregateId, AggregateIndex>,
    /// Events that differ in name only share their stored facts.
    events: HashMap<EventId, Vec<EventIndex>>,
    pub(super) facts: Facts,
    pub(super) tuples: Tuples,
    pub(super) pairs: Vec<Sharded<Half>>,
    pub(super) levels: Vec<Levels>,
    /// Inverted pairs, for each of [`END_CHOICES`]. Derived, never stored.
    pub(super) inverted: Vec<[i64; 2]>,
    pub(super) partitions: BTreeMap<Partition, Absorbed>,
    pub(super) counters: BTreeMap<CounterKey, u64>,
    pub(super) floor: Floor,
    pub(super) grains: Grains,
    /// Half-pairs that lie below the floor and are kept only to see their keys come again.
    pub(super) fallen: Vec<usize>,
}

/// How much is held, in entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Cells and sketches, one a member and bucket.
    pub buckets: usize,
    /// Keys of pairs.
    pub half_pairs: usize,
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
    /// Of every aggregate that any chunk names, those of other books too.
    pub(super) ranges: BTreeMap<AggregateId, Vec<EvaluatedRange>>,
    /// The highest floor under which something of it was left out or let go.
    left_out_below: Option<Timestamp>,
    /// How many of its ids are held, and whether any were let go: the intake has them, and tells.
    pub(super) ids_held: usize,
    pub(super) has_let_ids_go: bool,
}

impl Ledger {
    pub(super) fn new(book: Arc<Book>, plan: Arc<Plan>, budgets: Budgets) -> Ledger {
        let facts = Facts {
            budgets,
            tallies: (0..plan.tallies).map(|_| Series::default()).collect(),
            sketches: (0..plan.sketches).map(|_| Series::default()).collect(),
            sets: (0..plan.sets).map(|_| Distincts::default()).collect(),
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
            pairs: plan.pairs.iter().map(|_| Sharded::default()).collect(),
            levels: plan.levels.iter().map(|_| Levels::default()).collect(),
            inverted: vec![[0; 2]; plan.pairs.len()],
            partitions: BTreeMap::new(),
            counters: BTreeMap::new(),
            floor: Floor::NONE,
            grains: plan.grains(),
            fallen: vec![0; plan.pairs.len()],
            book,
            plan,
        }
    }

    /// The partition's entry, made if it was never seen.
    pub(super) fn partition(&mut self, partition: Partition) -> &mut Absorbed {
        let events = self.plan.events.len();
        self.partitions.entry(partition).or_insert_with(|| Absorbed {
            first_offset: None,
            next_offset: None,
            start: None,
            last_record_at: None,
            complete_until: None,
            log_end: None,
            times: vec![RowTimes::default(); events],
            ranges: BTreeMap::new(),
            left_out_below: None,
            ids_held: 0,
            has_let_ids_go: false,
        })
    }

    /// An aggregate of the chunk that was evaluated before over some of the same offsets, if there is one: its facts would count twice.
    pub(super) fn evaluated_twice(&self, partition: Partition, chunk: &Chunk) -> Option<EvaluatedRange> {
        let known = &self.partitions.get(&partition)?.ranges;
        let overlaps = |a: &EvaluatedRange, b: &EvaluatedRange| a.from < b.to && b.from < a.to;
        chunk.evaluated.iter().find_map(|evaluated| {
            let known = known.get(&evaluated.aggregate)?;
            evaluated.ranges.iter().find(|range| known.iter().any(|other| overlaps(range, other))).copied()
        })
    }

    /// Merges one chunk, or one part of one. The half-pairs of stored ones are taken over once all are read: [`Ledger::loaded`].
    pub(super) fn absorb(&mut self, partition: Partition, chunk: &Chunk, mut origin: Origin<'_>) {
        self.absorb_head(partition, chunk);
        if let Origin::Stored(stored) = &mut origin {
            self.read_ids(partition, chunk, &mut stored.ids);
        }
        let mut members = ChunkMembers::of(chunk);
        for row in &chunk.cells {
            if let Some(facet @ Facet::Tally(index)) = self.facet(row.aggregate)
                && row.bucket >= self.floor.bucket(self.grains.tallies[index.0 as usize])
            {
                let member = members.member(row.member, &mut self.facts.members);
                self.facts.tallies[index.0 as usize].entry(member, row.bucket).merge(&row.cell);
                self.facts.hold_to_budget(facet);
            }
        }
        for row in &chunk.bins {
            if let Some(facet @ Facet::Sketch(index)) = self.facet(row.aggregate)
                && row.bucket >= self.floor.bucket(self.grains.sketches[index.0 as usize])
            {
                let member = members.member(row.member, &mut self.facts.members);
                self.facts.sketches[index.0 as usize].entry(member, row.bucket).add(row.bin, row.count);
                self.facts.hold_to_budget(facet);
            }
        }
        for row in &chunk.distincts {
            if let Some(Facet::Set(index)) = self.known_facet(row.aggregate)
                && row.bucket >= self.floor.bucket(self.grains.sets[index.0 as usize])
            {
                let member = members.member(row.member, &mut self.facts.members);
                self.facts.add_distinct(index, member, row.bucket, row.value);
            }
        }
        self.absorb_halves(&chunk.halves, &mut members, &mut origin);
        for row in &chunk.levels {
            let Some(Facet::Levels(index)) = self.facet(row.aggregate) else { continue };
            let tuple = members.tuple(&row.dimensions, &mut self.facts.members, &mut self.tuples);
            let told = Observation { at: row.at, value: row.value.map(Fixed), tuple };
            self.tell(index.0 as usize, row.key, row.bucket, told);
        }
    }

    /// Where an aggregate's rows go; `None` for one that is past its budget.
    pub(super) fn facet(&self, id: AggregateId) -> Option<Facet> {
        self.known_facet(id).filter(|facet| self.facts.passed.of(*facet).is_none())
    }

    /// The same, past its budget or not.
    fn known_facet(&self, id: AggregateId) -> Option<Facet> {
        // An aggregate of an earlier book stays in the store and is none of ours.
        self.aggregates.get(&id).map(|index| self.plan.aggregates[index.0 as usize].facet)
    }

    fn absorb_head(&mut self, partition: Partition, chunk: &Chunk) {
        for (name, count) in &chunk.head.counters {
            if let Some(key) = counter::parse(name) {
                *self.counters.entry(key).or_default() += count;
            }
        }
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
        absorbed.left_out_below = absorbed.left_out_below.max(chunk.floor);
        for (index, times) in times {
            let known = &mut absorbed.times[index];
            known.watermark = known.watermark.max(times.watermark);
            known.last_event_at = known.last_event_at.max(times.last_event_at);
        }
        for evaluated in &chunk.evaluated {
            let known = absorbed.ranges.entry(evaluated.aggregate).or_default();
            known.extend(&evaluated.ranges);
            *known = unite_ranges(std::mem::take(known));
        }
    }

    fn read_ids(&self, partition: Partition, chunk: &Chunk, read: &mut BTreeMap<Partition, Ids>) {
        let below = self.floor.day();
        let ids = read.entry(partition).or_insert_with(|| Ids::new(self.facts.budgets.dedup_ids_max));
        for ((id, day), fingerprints) in chunk.ids.iter().filter(|((_, day), _)| *day >= below) {
            for event in self.events.get(id).into_iter().flatten() {
                fingerprints.iter().for_each(|fingerprint| _ = ids.insert(*event, *day, *fingerprint));
                ids.cut();
            }
        }
    }

    /// Keys that count for the budget: what lies below the floor depends on when it was taken in.
    pub(super) fn pairs_held(&self, index: usize) -> usize {
        self.pairs[index].len() - self.fallen[index]
    }

    /// Takes what was told of a level's key, and moves the changes that are derived from it.
    fn tell(&mut self, index: usize, key: u64, bucket: Bucket, told: Observation) {
        let Ledger { plan, facts: Facts { members, tallies, .. }, tuples, levels, .. } = self;
        let derived = &plan.levels[index].derived;
        levels[index].join(key, bucket, told, (tuples, members), |bucket, told, weight| {
            let Some(value) = told.value else { return };
            for changes in derived {
                let Some(member) = changes.member(tuples.members(told.tuple), members) else { continue };
                let sum = i128::from(weight).wrapping_mul(value.0);
                tallies[changes.tally.0 as usize].change(member, bucket, |cell| cell.shift(weight, sum));
            }
        });
        if levels[index].held() > self.facts.budgets.levels_max {
            levels[index] = Levels::default();
            self.facts.let_go(Facet::Levels(LevelsIndex(index as u32)), Budget::Levels);
            derived.iter().for_each(|changes| self.facts.empty(Facet::Tally(changes.tally)));
        }
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

    /// How much is held, in entries.
    pub(super) fn held(&self) -> Held {
        let buckets = self.facts.tallies.iter().map(Series::len).chain(self.facts.sketches.iter().map(Series::len));
        Held { buckets: buckets.sum(), half_pairs: self.pairs.iter().map(Sharded::len).sum() }
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
        let unchecked = CounterKey::Unchecked { event: book.events[event].name.clone() };
        let unchecked = self.counters.get(&unchecked).copied().unwrap_or(0);
        let mut progress = EventProgress { unchecked, ..EventProgress::default() };
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
        let Aggregate { id, events, .. } = &self.plan.aggregates[aggregate];
        let reads = |p: &Partition| events.iter().any(|event| book.events[usize::from(event.0)].topic == p.topic);
        let partitions = self.partitions.iter().filter(|(partition, _)| reads(partition));
        // What was told of levels is never left out for the floor.
        let left_out = match self.plan.aggregates[aggregate].facet {
            Facet::Levels(_) => |at: Timestamp, floor: Floor| at > floor.at,
            _ => |_, _| true,
        };
        let coverage = |known: &Absorbed| known.coverage(*id, |at| left_out(at, self.floor));
        let covered = partitions.map(|(_, known)| coverage(known)).max().unwrap_or(Coverage::Nothing);
        // Whatever is held below the floor, nothing there counts: a window that reaches lower, that of a cycle long closed, is not covered.
        let floor = (self.floor != Floor::NONE).then_some(self.floor.at).filter(|at| left_out(*at, self.floor));
        covered.max(floor.map_or(Coverage::Whole, Coverage::From))
    }
}

/// Where a chunk comes from.
pub(super) enum Origin<'l> {
    /// It was just cut: its ids are known already.
    Cut,
    /// It is one of many that are read from the store: its ids are to be remembered.
    Stored(&'l mut Loaded),
}

impl Absorbed {
    /// Since when an aggregate is covered; `left_out` says which floors something of it was left out below.
    fn coverage(&self, aggregate: AggregateId, left_out: impl Fn(Timestamp) -> bool) -> Coverage {
        let since = |from: Offset, since: Option<Timestamp>| match (from, since) {
            (0, _) => Coverage::Whole,
            (_, Some(at)) => Coverage::From(at),
            (_, None) => Coverage::Nothing,
        };
        let covered =
            match (self.ranges.get(&aggregate).and_then(|ranges| ranges.last()), self.next_offset, &self.start) {
                (Some(last), Some(next), _) if last.to == next => since(last.from, last.since),
                (None, None, Some(start)) => since(start.offset, start.complete_since),
                _ => Coverage::Nothing,
            };
        covered.max(self.left_out_below.filter(|at| left_out(*at)).map_or(Coverage::Whole, Coverage::From))
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

/// Whether every instant of a half-pair lies below the floor.
pub(super) fn fell(half: &Half, floor: Floor) -> bool {
    *half != Half::default() && half.latest() < floor.at
}

/// Counts a half-pair, or takes it back, where it is inverted.
pub(super) fn count_inverted(counts: &mut [i64; 2], half: &Half, weight: i64) {
    for (count, choice) in counts.iter_mut().zip(END_CHOICES) {
        *count += weight * i64::from(half.state(choice) == PairState::Inverted);
    }
}
