//! A lane: reads partitions of its own accord, evaluates what is missing there, and packs it into chunks as live does.
//!
//! | what comes | does |
//! |---|---|
//! | a record below where the lane stands, or at or beyond where it shall stop | nothing; the latter moves the lane to where it shall stop |
//! | a record | into the delta, by the plan of its segment |
//! | the end of a segment | what came so far becomes a piece of its own, so that its `evaluated` ranges are exact |
//! | offsets that the log no longer has | are passed over: two ranges, and `data_from` tells |
//! | a cut | pieces and deltas become commits, at most one piece of a partition in each |
//!
//! It holds ids and uncut deltas, no merged facts: memory is bounded by the budget of ids and by [`LANE_ENTRIES_MAX`].

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::needs::{Need, Segment};
use crate::aggregate::aggregator::{Aggregator, Interned, Refusal};
use crate::aggregate::budget::Budgets;
use crate::aggregate::dedup::Ids;
use crate::aggregate::delta::Delta;
use crate::aggregate::member::Members;
use crate::aggregate::pair::Tuples;
use crate::aggregate::plan::{EventId, Plan};
use crate::book::Book;
use crate::chunk::{self, ChunkFault, Evaluated, EvaluatedRange};
use crate::event::{EventIndex, Offset, Partition, Record};
use crate::pipeline::message::{DeadLetterSample, PartitionCut};
use crate::pipeline::pack::{self, Names};
use crate::time::Timestamp;

/// Entries that all deltas of a lane together may hold before it must cut: a quarter of live's, about 50 MB.
pub const LANE_ENTRIES_MAX: usize = 500_000;

/// A back-fill under way.
pub struct Lane {
    /// The edited book, without the events that nothing missing reads.
    book: Book,
    plan: Plan,
    names: Names,
    aggregator: Aggregator,
    events: BTreeMap<EventId, Vec<EventIndex>>,
    members: Members,
    tuples: Tuples,
    partitions: BTreeMap<Partition, Filling>,
    samples: Vec<DeadLetterSample>,
    dedup_ids_max: usize,
    floor: Timestamp,
}

/// One commit of a lane: all of it is to be stored in one transaction, and before the next.
#[derive(Debug)]
pub struct LaneCut {
    /// What each partition contributed.
    pub partitions: Vec<PartitionCut>,
    /// Dead letters that live never saw.
    pub dead_letters: Vec<DeadLetterSample>,
}

struct Filling {
    begin: Offset,
    complete_since: Option<Timestamp>,
    segments: VecDeque<(Segment, Arc<Plan>)>,
    next_offset: Offset,
    /// Where the store stands once all pieces are in it; `None` if nothing was ever committed.
    cut_at: Option<Offset>,
    /// Where what is not yet a piece began.
    piece_from: Offset,
    /// Never beyond where live stands: what lies there is still live's to count.
    stop_at: Offset,
    first_record_at: Option<Timestamp>,
    leader_epoch: Option<i32>,
    delta: Delta,
    ids: Ids,
    pieces: VecDeque<PartitionCut>,
}

impl Lane {
    /// A lane that fills `needs` of `book`, whose plan is `plan`. What lies below `floor` is left out, as live leaves it out.
    pub fn new(book: &Book, plan: &Plan, needs: &[Need], floor: Timestamp) -> Lane {
        let missing = super::missing(needs);
        let counts_all: BTreeSet<_> = needs
            .iter()
            .filter(|need| need.segments.iter().any(|segment| segment.counted))
            .map(|need| need.partition.topic)
            .collect();
        let read: BTreeSet<EventIndex> = plan
            .aggregates
            .iter()
            .filter(|aggregate| missing.contains(&aggregate.id))
            .flat_map(|aggregate| aggregate.events.iter().copied())
            .collect();
        let mut lane_book = book.clone();
        for (index, topic) in (0..).zip(&mut lane_book.topics) {
            let whole = counts_all.contains(&crate::event::TopicIndex(index));
            topic.events.retain(|event| whole || read.contains(event));
        }
        let mut events: BTreeMap<EventId, Vec<EventIndex>> = BTreeMap::new();
        for topic in &lane_book.topics {
            for event in &topic.events {
                events.entry(plan.events[usize::from(event.0)].id).or_default().push(*event);
            }
        }
        let mut lane = Lane {
            names: Names::of(&plan.aggregates),
            aggregator: Aggregator::new(book, None),
            plan: plan.clone(),
            book: lane_book,
            events,
            members: Members::default(),
            tuples: Tuples::default(),
            partitions: BTreeMap::new(),
            samples: Vec::new(),
            dedup_ids_max: Budgets::default().dedup_ids_max,
            floor,
        };
        lane.aggregator.leave_out_below(floor);
        lane.partitions = needs.iter().map(|need| (need.partition, lane.filling(need))).collect();
        lane
    }

    /// The same, with other budgets: of them a lane, which merges nothing, needs only that of the ids.
    pub fn with_budgets(mut self, budgets: Budgets) -> Lane {
        self.dedup_ids_max = budgets.dedup_ids_max;
        self.partitions.values_mut().for_each(|filling| filling.ids = Ids::new(budgets.dedup_ids_max));
        self
    }

    fn filling(&self, need: &Need) -> Filling {
        let mut plans: BTreeMap<&BTreeSet<_>, Arc<Plan>> = BTreeMap::new();
        let mut segments = VecDeque::new();
        for segment in &need.segments {
            let plan =
                plans.entry(&segment.missing).or_insert_with(|| Arc::new(self.plan.restricted(&segment.missing)));
            segments.push_back((segment.clone(), Arc::clone(plan)));
        }
        Filling {
            begin: need.begin,
            complete_since: need.complete_since,
            next_offset: need.begin,
            cut_at: None,
            piece_from: need.begin,
            stop_at: need.target,
            first_record_at: None,
            leader_epoch: None,
            delta: segments.front().map_or_else(Delta::default, |(_, plan)| Delta::new(plan)),
            ids: Ids::new(self.dedup_ids_max),
            segments,
            pieces: VecDeque::new(),
        }
    }

    /// The partitions that it reads, each with the offset from which on it does.
    pub fn starts(&self) -> impl Iterator<Item = (Partition, Offset)> + '_ {
        self.partitions.iter().map(|(partition, filling)| (*partition, filling.next_offset))
    }

    /// Where the store stands once every cut is in it, by partition; `None` where nothing was ever cut.
    pub fn stored_offsets(&self) -> impl Iterator<Item = (Partition, Option<Offset>)> + '_ {
        self.partitions.iter().map(|(partition, filling)| (*partition, filling.cut_at))
    }

    /// Reads the ids of a stored chunk, or of a part of one: those of live that end where the lane begins, and all of the lane's own.
    ///
    /// # Errors
    /// Bytes that are no chunk.
    pub fn read_ids(&mut self, partition: Partition, own: bool, bytes: &[u8]) -> Result<(), ChunkFault> {
        let Some(filling) = self.partitions.get_mut(&partition) else { return Ok(()) };
        if !own && chunk::part_header(bytes)?.to > filling.begin {
            return Ok(());
        }
        for ((id, day), fingerprints) in chunk::decode(bytes)?.ids {
            for event in self.events.get(&id).into_iter().flatten() {
                fingerprints.iter().for_each(|fingerprint| _ = filling.ids.insert(*event, day, *fingerprint));
            }
        }
        Ok(())
    }

    /// The store gave a partition to this lane, which once came as far as `next_offset`.
    pub fn claimed(&mut self, partition: Partition, next_offset: Option<Offset>) {
        if let Some((filling, next)) = self.partitions.get_mut(&partition).zip(next_offset) {
            filling.cut_at = Some(next);
            // What the log has lost since is passed over.
            let first = filling.segments.front().map_or(next, |(segment, _)| segment.from);
            filling.stand_at(next.max(first));
        }
    }

    /// Takes records of one partition, in order of offset.
    pub fn take(&mut self, partition: Partition, records: &[Record<'_>], leader_epoch: Option<i32>) {
        let Lane { book, names, floor, aggregator, members, tuples, partitions, samples, .. } = self;
        let Some(filling) = partitions.get_mut(&partition) else { return };
        let topic = &book.topics[usize::from(partition.topic.0)].name;
        let mut refusals: Vec<Refusal> = Vec::new();
        for record in records {
            if record.offset < filling.next_offset {
                continue;
            }
            filling.pass(record.offset, &Packing { book, names, floor: *floor, partition, topic, members, tuples });
            if filling.next_offset < record.offset || record.offset >= filling.stop_at {
                return;
            }
            let Some((segment, plan)) = filling.segments.front() else { return };
            filling.first_record_at = filling.first_record_at.or(record.timestamp);
            let interned = Interned { members, tuples };
            let (ids, delta) = (&mut filling.ids, &mut filling.delta);
            aggregator.take((book, plan), partition.topic, record, interned, ids, delta, &mut refusals);
            if segment.counted {
                samples.extend(refusals.drain(..).map(|refusal| pack::sample(book, partition, record, refusal)));
            }
            refusals.clear();
            filling.next_offset = record.offset + 1;
            filling.leader_epoch = leader_epoch.or(filling.leader_epoch);
        }
    }

    /// Passes to `offset`, but not beyond where the lane shall stop: the log has no records in between.
    pub fn pass(&mut self, partition: Partition, offset: Offset) {
        let Lane { book, names, floor, members, tuples, partitions, .. } = self;
        if let Some(filling) = partitions.get_mut(&partition) {
            let topic = &book.topics[usize::from(partition.topic.0)].name;
            filling.pass(offset, &Packing { book, names, floor: *floor, partition, topic, members, tuples });
        }
    }

    /// The log no longer holds what lies before `to`.
    pub fn gone(&mut self, partition: Partition, to: Offset) {
        let Lane { book, names, floor, members, tuples, partitions, .. } = self;
        if let Some(filling) = partitions.get_mut(&partition).filter(|filling| filling.next_offset < to) {
            let topic = &book.topics[usize::from(partition.topic.0)].name;
            filling.finish_piece(&Packing { book, names, floor: *floor, partition, topic, members, tuples });
            filling.stand_at(to);
        }
    }

    /// The offset that a partition shall reach and not pass; it never moves back.
    pub fn stop_at(&mut self, partition: Partition, offset: Offset) {
        if let Some(filling) = self.partitions.get_mut(&partition) {
            filling.stop_at = filling.stop_at.max(offset);
        }
    }

    /// The partitions that do not stand where they shall stop, each with where they stand and where they shall.
    pub fn unreached(&self) -> impl Iterator<Item = (Partition, Offset, Offset)> + '_ {
        let stands = self.partitions.iter().map(|(partition, of)| (*partition, of.next_offset, of.stop_at));
        stands.filter(|(_, next, stop)| next < stop)
    }

    /// Whether so much is uncut that no records should be taken before a cut is stored.
    pub fn is_saturated(&self) -> bool {
        self.partitions.values().map(|filling| filling.delta.entries()).sum::<usize>() >= LANE_ENTRIES_MAX
    }

    /// What has to be stored, in this order; nothing if nothing came.
    pub fn cut(&mut self) -> Vec<LaneCut> {
        let Lane { book, names, floor, members, tuples, partitions, .. } = self;
        for (&partition, filling) in partitions {
            let topic = &book.topics[usize::from(partition.topic.0)].name;
            filling.finish_piece(&Packing { book, names, floor: *floor, partition, topic, members, tuples });
        }
        // No delta names a member any more.
        (self.members, self.tuples) = (Members::default(), Tuples::default());
        let mut cuts = Vec::new();
        loop {
            let pieces = self.partitions.values_mut().filter_map(|filling| filling.pieces.pop_front());
            let partitions: Vec<PartitionCut> = pieces.collect();
            if partitions.is_empty() {
                return cuts;
            }
            cuts.push(LaneCut { partitions, dead_letters: std::mem::take(&mut self.samples) });
        }
    }
}

/// What packing needs beside the delta.
struct Packing<'l> {
    book: &'l Book,
    names: &'l Names,
    floor: Timestamp,
    partition: Partition,
    topic: &'l str,
    members: &'l Members,
    tuples: &'l Tuples,
}

impl Filling {
    /// Goes on at `offset`, with nothing in hand.
    fn stand_at(&mut self, offset: Offset) {
        self.next_offset = offset;
        self.piece_from = offset;
        self.first_record_at = None;
        while self.segments.front().is_some_and(|(segment, _)| segment.to <= offset) {
            self.segments.pop_front();
        }
        self.delta = self.segments.front().map_or_else(Delta::default, |(_, plan)| Delta::new(plan));
    }

    /// Passes to `offset`, or to where it shall stop; segments that end on the way become pieces.
    fn pass(&mut self, offset: Offset, packing: &Packing<'_>) {
        let offset = offset.min(self.stop_at);
        while let Some((segment, _)) = self.segments.front() {
            let to = segment.to.min(offset).max(self.next_offset);
            // Only offsets without a record are passed.
            self.delta.counts.skipped_offsets += (to - self.next_offset) as u64;
            self.next_offset = to;
            if segment.to > to {
                return;
            }
            self.finish_piece(packing);
            self.stand_at(to);
        }
    }

    /// Packs what came since the last piece.
    fn finish_piece(&mut self, packing: &Packing<'_>) {
        let Some((segment, plan)) = self.segments.front() else { return };
        let (from, to) = (self.piece_from, self.next_offset);
        if from == to {
            return;
        }
        let texts = (packing.members, packing.tuples);
        self.delta.join_halves(packing.tuples, packing.members);
        let context = (packing.book, &**plan, packing.names);
        let mut chunk = pack::pack(context, packing.topic, &self.delta, texts, (from, to));
        chunk.floor = (!self.delta.counts.below_floor.is_empty()).then_some(packing.floor);
        if !segment.counted {
            chunk.head.counters.clear();
        }
        let complete_since = self.complete_since.filter(|_| from == self.begin && self.cut_at.is_none());
        let since = complete_since.or(self.first_record_at.take());
        let evaluated = |id: &_| Evaluated { aggregate: *id, ranges: vec![EvaluatedRange { from, to, since }] };
        chunk.evaluated = segment.missing.iter().map(evaluated).collect();
        self.pieces.push_back(PartitionCut {
            partition: packing.partition,
            from: self.cut_at,
            chunk_from: from,
            to,
            leader_epoch: self.leader_epoch,
            // Pieces wait for their cut, and take less memory so.
            chunk: chunk::encode(&chunk),
        });
        self.delta = Delta::new(plan);
        self.ids.cut();
        self.cut_at = Some(to);
        self.piece_from = to;
    }
}
