//! Packs a partition's delta into a chunk: numbers of this process become names that outlive it.

use std::collections::BTreeMap;

use hashbrown::HashMap;

use crate::aggregate::aggregator::Refusal;
use crate::aggregate::dedup::UtcDay;
use crate::aggregate::delta::{Counts, Delta, DeltaRow};
use crate::aggregate::member::{MemberId, Members};
use crate::aggregate::pair::{Half, Tuples};
use crate::aggregate::plan::{
    Aggregate, AggregateId, EventId, Facet, LevelsIndex, PairsIndex, Plan, SetIndex, SketchIndex, TallyIndex,
};
use crate::book::Book;
use crate::chunk::{
    BinRow, CellRow, Chunk, DistinctRow, Evaluated, EvaluatedRange, EventTimes, HalfRow, Head, LevelRow, StartRow,
    TextIndex,
};
use crate::event::{EventIndex, Offset, Partition, Record};

use super::counter;
use super::message::{DeadLetterSample, IncidentKind};

/// How many bytes of a dead letter's record are kept.
pub const DEAD_LETTER_SAMPLE_BYTES_MAX: usize = 1_024;

/// How many dead letters a topic and reason are kept; all are counted.
pub const DEAD_LETTER_SAMPLES_MAX: u64 = 1_000;

/// Texts of a chunk, each once, in the order of their first use.
#[derive(Default)]
struct Texts {
    numbers: HashMap<MemberId, TextIndex>,
    texts: Vec<String>,
}

impl Texts {
    fn number(&mut self, member: MemberId, members: &Members) -> Option<TextIndex> {
        if member == MemberId::NONE {
            return None;
        }
        let texts = &mut self.texts;
        Some(*self.numbers.entry(member).or_insert_with(|| {
            texts.push(members.name(member).to_owned());
            TextIndex(texts.len() as u32 - 1)
        }))
    }
}

/// Names of the aggregates, by where their facts are held.
#[derive(Default)]
pub(super) struct Names {
    tallies: BTreeMap<TallyIndex, AggregateId>,
    sketches: BTreeMap<SketchIndex, AggregateId>,
    sets: BTreeMap<SetIndex, AggregateId>,
    pairs: BTreeMap<PairsIndex, AggregateId>,
    levels: BTreeMap<LevelsIndex, AggregateId>,
}

impl Names {
    pub(super) fn of(aggregates: &[Aggregate]) -> Names {
        let mut names = Names::default();
        for aggregate in aggregates {
            match aggregate.facet {
                Facet::Tally(index) => _ = names.tallies.insert(index, aggregate.id),
                Facet::Sketch(index) => _ = names.sketches.insert(index, aggregate.id),
                Facet::Set(index) => _ = names.sets.insert(index, aggregate.id),
                Facet::Pairs(index) => _ = names.pairs.insert(index, aggregate.id),
                Facet::Levels(index) => _ = names.levels.insert(index, aggregate.id),
            }
        }
        names
    }
}

/// The chunk over `[from, to)` that holds all of `delta`, whose half-pairs are joined, but for `evaluated` and `complete_until`, which the caller knows.
pub(super) fn pack(
    (book, plan, names): (&Book, &Plan, &Names),
    topic: &str,
    delta: &Delta,
    (members, tuples): (&Members, &Tuples),
    (from, to): (Offset, Offset),
) -> Chunk {
    let mut texts = Texts::default();
    let mut chunk = Chunk { from, to, head: head((book, plan), topic, delta), ..Chunk::default() };
    for (table, table_plan) in delta.tables.iter().zip(&plan.tables) {
        for DeltaRow { member, bucket, cells, sketches, sets } in table.rows() {
            let member = texts.number(member, members);
            for ((_, index), cell) in table_plan.tallies.iter().zip(cells).filter(|(_, cell)| !cell.is_empty()) {
                chunk.cells.push(CellRow { aggregate: names.tallies[index], member, bucket, cell: *cell });
            }
            for ((_, index), sketch) in table_plan.sketches.iter().zip(sketches) {
                let aggregate = names.sketches[index];
                chunk.bins.extend(sketch.bins().map(|(bin, count)| BinRow { aggregate, member, bucket, bin, count }));
            }
            for ((_, index), values) in table_plan.sets.iter().zip(sets) {
                let aggregate = names.sets[index];
                let row = |value: &u64| DistinctRow { aggregate, member, bucket, value: *value };
                chunk.distincts.extend(values.iter().map(row));
            }
        }
    }
    for (position, halves) in delta.halves.iter().enumerate().filter(|(_, halves)| !halves.is_empty()) {
        let aggregate = names.pairs[&PairsIndex(position as u32)];
        // In the order in which they are stored: the ledger then walks through its tables, too, instead of jumping about in them.
        chunk
            .halves
            .extend(halves.iter().map(|(key, half)| half_row(aggregate, *key, half, (members, tuples), &mut texts)));
    }
    for (latest, position) in delta.levels.iter().zip(0..).filter(|(latest, _)| !latest.is_empty()) {
        let aggregate = names.levels[&LevelsIndex(position)];
        chunk.levels.extend(latest.iter().map(|(key, bucket, told)| LevelRow {
            aggregate,
            key,
            bucket,
            at: told.at,
            value: told.value.map(|value| value.0),
            dimensions: tuples.members(told.tuple).iter().map(|member| texts.number(*member, members)).collect(),
        }));
    }
    chunk.ids = ids(plan, delta);
    chunk.texts = texts.texts;
    chunk
}

/// Ids by event and day. Those of several events come mixed, but each event's mostly of one day: gathered until that changes, for the map would
/// be searched once an id.
fn ids(plan: &Plan, delta: &Delta) -> BTreeMap<(EventId, UtcDay), Vec<u64>> {
    let mut by_day: BTreeMap<(EventId, UtcDay), Vec<u64>> = BTreeMap::new();
    let mut put = |event: usize, day: UtcDay, ids: &mut Vec<u64>| {
        if !ids.is_empty() {
            by_day.entry((plan.events[event].id, day)).or_default().append(ids);
        }
    };
    // By event: the day of its last id, and the ids of that day since it was another.
    let mut last: Vec<(UtcDay, Vec<u64>)> = vec![Default::default(); plan.events.len()];
    for (event, day, fingerprint) in &delta.ids {
        let event = usize::from(event.0);
        let (known, ids) = &mut last[event];
        if known != day {
            put(event, *known, ids);
            *known = *day;
        }
        ids.push(*fingerprint);
    }
    last.iter_mut().enumerate().for_each(|(event, (day, ids))| put(event, *day, ids));
    by_day
}

fn half_row(
    aggregate: AggregateId,
    key: u64,
    half: &Half,
    (members, tuples): (&Members, &Tuples),
    texts: &mut Texts,
) -> HalfRow {
    let start = half.started().map(|(at, deadline, tuple)| StartRow {
        at,
        deadline,
        dimensions: tuples.members(tuple).iter().map(|member| texts.number(*member, members)).collect(),
    });
    let ended = half.ended();
    HalfRow {
        aggregate,
        key,
        start,
        first_end: ended.map(|(first, _)| first),
        last_end: ended.map(|(_, last)| last),
        void: half.is_void(),
    }
}

fn head((book, plan): (&Book, &Plan), topic: &str, delta: &Delta) -> Head {
    let mut head = Head { last_record_at: delta.last_record_at, ..Head::default() };
    for (times, event_plan) in delta.times.iter().zip(&plan.events) {
        if times.last_event_at.is_some() {
            let times = EventTimes { watermark: times.watermark, last_event_at: times.last_event_at };
            head.events.insert(event_plan.id, times);
        }
    }
    for (key, count) in counts(book, topic, &delta.counts) {
        *head.counters.entry(counter::name(&key)).or_default() += count;
    }
    head
}

/// The counters of a delta that are not 0.
fn counts(book: &Book, topic: &str, counts: &Counts) -> Vec<(crate::snapshot::CounterKey, u64)> {
    use crate::snapshot::CounterKey::*;
    let topic = || topic.to_owned();
    let event = |index: &EventIndex| book.events[usize::from(index.0)].name.clone();
    let records = [("read", counts.read), ("tombstone", counts.tombstones), ("dead_letter", counts.dead_records)];
    let mut all: Vec<_> =
        records.into_iter().map(|(result, n)| (Records { topic: topic(), result: result.to_owned() }, n)).collect();
    all.push((SkippedOffsets { topic: topic() }, counts.skipped_offsets));
    for (reason, n) in &counts.dead_letters {
        all.push((DeadLetters { topic: topic(), reason: (*reason).to_owned() }, *n));
    }
    for ((metric, reason), n) in &counts.value_faults {
        all.push((ValueFaults { metric: metric.clone(), reason: (*reason).to_owned() }, *n));
    }
    for (kind, n) in &counts.incidents {
        all.push((Incidents { topic: topic(), kind: (*kind).to_owned() }, *n));
    }
    all.extend(counts.copies.iter().map(|(index, n)| (Copies { event: event(index) }, *n)));
    all.extend(counts.unchecked.iter().map(|(index, n)| (Unchecked { event: event(index) }, *n)));
    all.extend(counts.below_floor.iter().map(|(index, n)| (BelowFloor { event: event(index) }, *n)));
    all.extend(counts.keys_again.iter().map(|(metric, n)| (KeysAgain { metric: metric.clone() }, *n)));
    all.retain(|(_, n)| *n > 0);
    all
}

/// Every aggregate that the partition's topic feeds, evaluated over `ranges`.
pub(super) fn evaluated(book: &Book, plan: &Plan, partition: Partition, ranges: &[EvaluatedRange]) -> Vec<Evaluated> {
    let reads = |event: &EventIndex| book.events[usize::from(event.0)].topic == partition.topic;
    let fed = plan.aggregates.iter().filter(|aggregate| aggregate.events.iter().any(reads));
    fed.map(|aggregate| Evaluated { aggregate: aggregate.id, ranges: ranges.to_vec() }).collect()
}

/// What is kept of an incident that was found at `offset`.
pub(super) fn incident(partition: Partition, offset: Offset, kind: IncidentKind, detail: String) -> DeadLetterSample {
    DeadLetterSample {
        partition,
        offset,
        // A record at that offset may be a dead letter, too.
        event: format!("incident/{}", kind.as_str()),
        reason: kind.as_str().to_owned(),
        detail,
        record_at: None,
        sample: Vec::new(),
    }
}

/// What is kept of a record that could not be counted.
pub(super) fn sample(book: &Book, partition: Partition, record: &Record<'_>, refusal: Refusal) -> DeadLetterSample {
    let payload = record.payload.unwrap_or_default();
    let element = refusal.element.map_or(String::new(), |element| format!("[{element}]"));
    let event = match (&refusal.metric, refusal.event) {
        (Some(metric), _) => format!("metric/{metric}{element}"),
        (None, Some(event)) => book.events[usize::from(event.0)].name.clone() + &element,
        (None, None) => String::new(),
    };
    DeadLetterSample {
        partition,
        offset: record.offset,
        event,
        reason: refusal.metric.map_or("", |_| "value_fault/").to_owned() + refusal.reason,
        detail: refusal.detail,
        record_at: record.timestamp,
        sample: payload[..payload.len().min(DEAD_LETTER_SAMPLE_BYTES_MAX)].to_vec(),
    }
}
