//! Whatever happens between a log and its scores, the scores are those of a quiet run.
//!
//! | varies | stays the same, byte for byte |
//! |---|---|
//! | batches, ticks, answers of the broker, cuts; commits late, lost, fenced; crashes, rebalances, two processes over one store | document, daily facts, counters |
//! | files instead of Kafka (no record timestamps) | document |
//! | the order of events and how many partitions they are spread over, where no ids are removed | document |
//! | a store read again, as it is and with each partition's chunks folded into one | document, counters |
//! | what lies below the floor let go, in memory and in the store, at any time | document |
//! | half-pairs joined in memory, or as stored rows | the same pair |
//!
//! The processes' store is a map that follows the real one's contract: see `world::storage`. `PROPTEST_CASES` says how many stories are told.

#[path = "properties/floor.rs"]
mod floor;
mod world;

use std::sync::Arc;

use krscore::aggregate::budget::Budgets;
use krscore::aggregate::level::{Latest, Observation};
use krscore::aggregate::member::{MemberId, Members};
use krscore::aggregate::pair::{Half, Tuples};
use krscore::aggregate::plan::AggregateId;
use krscore::book::Book;
use krscore::chunk::{HalfRow, LevelRow, StartRow, TextIndex, join_halves, join_levels};
use krscore::event::Partition;
use krscore::fixed::Fixed;
use krscore::score::KeyResultScore;
use krscore::time::{Bucket, Span, Timestamp};
use proptest::prelude::*;
use world::storage::Memory;
use world::{World, at, quiet};

/// When everything is over and scored.
const END: &str = "2026-10-15T00:00";

const BOOK: &str = r#"
apiVersion: krscore/v1
cycles:
  - { id: c, start: 2026-10-01, end: 2026-11-01, timezone: Etc/UTC }
events:
  ordered:   { topic: orders, ID time: at, where: "type = 'created'", dimensions: [warehouse, channel] }
  delivered: { topic: moves, ID time: at, where: "type = 'delivered'" }
  cancelled: { topic: moves, ID time: at, where: "type = 'cancelled'" }
  picked:    { topic: picks, ID time: at, dimensions: [warehouse] }
  mispicked: { topic: picks, ID time: at, where: "bad", dimensions: [warehouse] }
  surveyed:  { topic: surveys, ID time: at }
metrics:
  orders:     { type: count, event: ordered }
  picks:      { type: count, event: picked }
  mispicks:   { type: count, event: mispicked }
  accuracy:   { type: ratio, bad: mispicks, total: picks }
  amount:     { type: sum, event: ordered, value: amount }
  csat:       { type: value, event: surveyed, value: score, unit: points }
  fulfilment: { type: duration, from: ordered, to: { event: delivered, end: last }, key: order_id, deadline: promised_at, void: cancelled }
  first:      { type: duration, from: ordered, to: delivered, key: order_id, end: first, void: cancelled }
  each:       { type: derived, formula: "amount / orders" }
  buyers:     { type: distinct, event: ordered, value: order_id }
  refused:    { type: distinct, event: picked, value: id, where: "bad" }
  ids:        { type: distinct, event: picked, value: id }
  refusal:    { type: ratio, bad: refused, total: ids }
  open:       { type: level, event: ordered, key: order_id, value: amount }
objectives:
  - id: o
    title: All kinds of values
    owner: somebody
    key_results:
      - { id: orders, title: t, metric: orders, baseline: 0, target: 100, by: [warehouse], silent_after: never }
      - { id: amount, title: t, metric: amount, baseline: 0, target: 100, by: [channel], silent_after: never }
      - { id: each, title: t, metric: each, baseline: 0, target: 100, silent_after: never }
      - { id: accuracy, title: t, metric: accuracy, baseline: 50%, target: 99%, by: [warehouse], silent_after: never }
      - { id: csat, title: t, metric: csat, stat: mean, at_least: 4.5, window: cycle, silent_after: never }
      - { id: csat-p90, title: t, metric: csat, stat: p90, baseline: 1, target: 5, silent_after: never }
      - { id: csat-max, title: t, metric: csat, stat: max, baseline: 1, target: 5, window: { to_date: month }, silent_after: never }
      - { id: last, title: t, metric: fulfilment, stat: mean, baseline: 5d, target: 1d, by: [warehouse], window: cycle, silent_after: never }
      - { id: last-p50, title: t, metric: fulfilment, stat: p50, baseline: 5d, target: 1d, by: [channel], window: cycle, silent_after: never }
      - { id: first, title: t, metric: first, stat: mean, baseline: 5d, target: 1d, window: cycle, silent_after: never }
      - { id: within, title: t, metric: fulfilment, stat: { within: 36h }, baseline: 0%, target: 95%, by: [warehouse], window: cycle, silent_after: never }
      - { id: buyers, title: t, metric: buyers, baseline: 0, target: 100, by: [warehouse], silent_after: never }
      - { id: buyers-3d, title: t, metric: buyers, at_least: 2, window: { trailing: 3d }, silent_after: never }
      - { id: refusal, title: t, metric: refusal, baseline: 50%, target: 99%, by: [warehouse], silent_after: never }
      - { id: open, title: t, metric: open, baseline: 0, target: 100, by: [channel], silent_after: never }
      - { id: open-days, title: t, metric: open, at_most: 3, window: { to_date: week }, silent_after: never }
      - { id: on-time, title: t, metric: fulfilment, stat: on_time, baseline: 0%, target: 95%, window: cycle, silent_after: never }
"#;

fn book(ids: bool) -> Arc<Book> {
    let text = BOOK.replace("to: { event: delivered, end: last }", "to: delivered, end: last");
    world::book(&text.replace("ID ", if ids { "id: id, " } else { "" }))
}

/// One event: of which topic, what it says, and in which partition it lies.
#[derive(Clone, Debug)]
struct Told {
    topic: &'static str,
    partition: i32,
    json: String,
    at: Timestamp,
}

/// An event at a noon or midnight of the cycle or of the week before, or soon after; small ranges, so that keys meet, ids repeat and times tie.
fn told() -> impl Strategy<Value = Told> {
    let amount = prop_oneof![
        Just("1.5"),
        Just("0.1"),
        Just("1000000"),
        Just("\"7\""),
        Just("null"),
        Just("\"abc\""),
        Just("1e999")
    ];
    (0..7_u8, -14..28_i64, 0..3_i64, 0..6_u8, 0..4_u8, amount, 0..12_u8, 0..3_i32).prop_map(
        |(kind, half_day, third, order, place, amount, id, partition)| {
            let instant = Timestamp(at("2026-10-01").0 + half_day * 12 * Span::HOUR.0 + third * 20 * Span::MINUTE.0);
            let warehouse = ["\"SH1\"", "\"SH2\"", "\"a\"", "null"][usize::from(place)];
            let channel = ["\"web\"", "\"app\"", "7"][usize::from(place % 3)];
            let promised = Timestamp(instant.0 + (24 + 24 * i64::from(place)) * Span::HOUR.0);
            let start = format!("\"id\":{id},\"at\":\"{instant}\",\"order_id\":\"{order}\"");
            let (topic, json) = match kind {
                0 | 1 => {
                    let deadline = if place == 0 { "null".to_owned() } else { format!("\"{promised}\"") };
                    ("orders", format!("{start},\"type\":\"created\",\"warehouse\":{warehouse},\"channel\":{channel},\"amount\":{amount},\"promised_at\":{deadline}"))
                }
                2 | 3 => ("moves", format!("{start},\"type\":\"delivered\"")),
                4 => ("moves", format!("{start},\"type\":\"{}\"", if place == 0 { "cancelled" } else { "delivered" })),
                5 => ("picks", format!("{start},\"warehouse\":{warehouse},\"bad\":{}", ["true", "false", "null", "3"][usize::from(place)])),
                _ => ("surveys", format!("{start},\"score\":{amount}")),
            };
            let json = if half_day == 13 && third == 1 { "{broken".to_owned() } else { format!("{{{json}}}") };
            Told { topic, partition, json, at: instant }
        },
    )
}

/// What happens to a process.
#[derive(Clone, Debug)]
enum Turn {
    Consume(usize, usize),
    Answer(usize),
    Tick(i64),
    StoreWorks,
    Hear,
    Lose(bool),
    Crash(bool),
    Unassign(u16),
    Assign(u16),
    Control(usize),
}

fn turn() -> impl Strategy<Value = (usize, Turn)> {
    let turn = prop_oneof![
        8 => (any::<usize>(), 1..9_usize).prop_map(|(partition, records)| Turn::Consume(partition, records)),
        3 => any::<usize>().prop_map(Turn::Answer),
        4 => (0..300_i64).prop_map(Turn::Tick),
        2 => Just(Turn::StoreWorks),
        4 => Just(Turn::Hear),
        1 => any::<bool>().prop_map(Turn::Lose),
        1 => any::<bool>().prop_map(Turn::Crash),
        1 => any::<u16>().prop_map(Turn::Unassign),
        1 => any::<u16>().prop_map(Turn::Assign),
        1 => any::<usize>().prop_map(Turn::Control),
    ];
    (0..2_usize, turn)
}

fn of_mask(world: &World<Memory>, mask: u16) -> Vec<Partition> {
    world.logs.keys().enumerate().filter(|(bit, _)| mask >> bit & 1 == 1).map(|(_, partition)| *partition).collect()
}

fn happen(world: &mut World<Memory>, process: usize, turn: &Turn) {
    let nth = |world: &World<Memory>, n: usize| *world.logs.keys().nth(n % world.logs.len()).expect("a partition");
    match turn {
        Turn::Consume(partition, records) => world.consume(process, nth(world, *partition), *records),
        Turn::Answer(partition) => {
            let now = world.now;
            world.answer_end(process, nth(world, *partition), now);
        }
        Turn::Tick(minutes) => {
            world.now = Timestamp((world.now.0 + minutes * Span::MINUTE.0).min(at(END).0));
            world.tick_now(process);
        }
        Turn::StoreWorks => world.store_works(process),
        Turn::Hear => world.hear(process),
        Turn::Lose(reached) => world.lose_commit(process, *reached),
        Turn::Crash(reached) => world.crash(process, *reached),
        Turn::Unassign(mask) => world.unassign(process, &of_mask(world, *mask)),
        Turn::Assign(mask) => world.assign(process, &of_mask(world, *mask)),
        Turn::Control(partition) => {
            let log = nth(world, *partition);
            world.logs.get_mut(&log).expect("a log").end += 1;
        }
    }
}

/// The logs of what was told; every topic has three partitions, whatever came.
fn logs(book: Arc<Book>, told: &[Told]) -> World<Memory> {
    let mut world = World::new(book, Memory::default(), "2026-10-05");
    for topic in ["orders", "moves", "picks", "surveys"] {
        (0..3).for_each(|number| _ = world.partition(topic, number));
    }
    for event in told {
        let partition = world.partition(event.topic, event.partition);
        world.append(partition, Some(event.at), Some(event.json.clone()));
    }
    world
}

fn daily(world: &World<Memory>) -> Vec<String> {
    // The latest event of all is no fact of a day.
    let fact = |score: &KeyResultScore| KeyResultScore { last_event_at: None, ..score.clone() };
    world.daily.iter().map(|(key, score)| format!("{key:?} {:?}", fact(score))).collect()
}

fn counters(world: &World<Memory>, process: usize) -> String {
    format!("{:?}", world.snapshot(process).counters)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 250, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_document_is_that_of_a_quiet_run(
        told in prop::collection::vec(told(), 0..90), turns in prop::collection::vec(turn(), 0..120), budget in 0..40_usize,
        alone in any::<bool>(),
    ) {
        let turns: Vec<(usize, Turn)> = turns.into_iter().map(|(which, turn)| (if alone { 0 } else { which }, turn)).collect();
        let mut world = logs(book(true), &told);
        // Budgets so small that they are passed in one story out of two.
        if budget > 20 {
            let dedup_ids_max = budget / 6;
            world.budgets = Budgets { pairs_max: budget / 7, distinct_max: budget, levels_max: budget / 4, members_max: 3, dedup_ids_max };
        }
        let mut processes = [world.start(), world.start_with(&[])];
        for (which, turn) in &turns {
            if world.processes[processes[*which]].is_none() {
                processes[*which] = world.start();
            }
            happen(&mut world, processes[*which], turn);
        }
        if world.processes[processes[0]].is_none() {
            processes[0] = world.start();
        }
        let survivor = processes[0];
        let all: Vec<Partition> = world.logs.keys().copied().collect();
        world.assign(survivor, &all);
        let document = world.settle(survivor, END);
        let quiet = quiet(&world, END);
        prop_assert_eq!(&document, &quiet.document(0));
        prop_assert_eq!(counters(&world, survivor), counters(&quiet, 0));
        if turns.iter().all(|(which, _)| *which == 0) {
            // What was recorded before a crash is restated by whoever comes after.
            prop_assert_eq!(daily(&world), daily(&quiet));
        }

        let again = world.start();
        prop_assert_eq!(&world.settle(again, END), &document, "from the store");
        prop_assert_eq!(counters(&world, again), counters(&quiet, 0), "from the store");
        world.crash(again, true);
        world.store.fold();
        let folded = world.start();
        prop_assert_eq!(&world.settle(folded, END), &document, "folded");
        prop_assert_eq!(counters(&world, folded), counters(&quiet, 0), "folded");
        // A process that will be fenced may have recorded days as it saw them; the next start sets them right.
        prop_assert_eq!(daily(&world), daily(&quiet), "from the store");
    }

    #[test]
    fn the_order_and_the_number_of_partitions_change_nothing_where_no_ids_are_removed(
        (told, shuffled) in prop::collection::vec(told(), 0..90).prop_flat_map(|told| (Just(told.clone()), Just(told).prop_shuffle())),
        partitions in prop::collection::vec(0..3_i32, 90),
    ) {
        let book = book(false);
        let one: Vec<Told> = told.iter().map(|told| Told { partition: 0, ..told.clone() }).collect();
        let spread: Vec<Told> =
            shuffled.iter().zip(partitions).map(|(told, partition)| Told { partition, ..told.clone() }).collect();
        let (one, spread) = (logs(Arc::clone(&book), &one), logs(book, &spread));
        prop_assert_eq!(quiet(&one, END).document(0), quiet(&spread, END).document(0));
    }

    #[test]
    fn a_file_without_record_timestamps_gives_the_same_document(told in prop::collection::vec(told(), 0..60)) {
        let live = logs(book(true), &told);
        let mut file = logs(book(true), &told);
        file.logs.values_mut().flat_map(|log| &mut log.records).for_each(|logged| logged.at = None);
        prop_assert_eq!(quiet(&live, END).document(0), quiet(&file, END).document(0));
    }

    #[test]
    fn half_pairs_join_the_same_in_memory_and_as_stored_rows(known in prop::collection::vec(known(), 1..8)) {
        let (mut members, mut tuples) = (Members::default(), Tuples::default());
        let mut in_memory = Half::default();
        let mut texts: Vec<String> = Vec::new();
        let mut stored = HalfRow { aggregate: AggregateId(1), key: 1, start: None, first_end: None, last_end: None, void: false };
        for (start, end, void) in &known {
            let half = start.as_ref().map(|(at, deadline, dimensions)| {
                let tuple: Vec<MemberId> = dimensions.iter().map(|text| text.map_or(MemberId::NONE, |text| members.intern(text))).collect();
                Half::start(Timestamp(*at), deadline.map(Timestamp), tuples.intern(&tuple))
            });
            let ends = end.map(Timestamp);
            in_memory.join(&Half::stored(half, ends, ends, *void), &tuples, &members);
            let start = start.as_ref().map(|(at, deadline, dimensions)| StartRow {
                at: Timestamp(*at),
                deadline: deadline.map(Timestamp),
                dimensions: dimensions.iter().map(|text| text.map(|text| {
                    texts.push(text.to_owned());
                    TextIndex(texts.len() as u32 - 1)
                })).collect(),
            });
            let row = HalfRow { start, first_end: ends, last_end: ends, void: *void, ..stored.clone() };
            join_halves(&mut stored, &row, |index| texts[index.0 as usize].as_str());
        }
        let in_memory_start = in_memory.started().map(|(at, deadline, tuple)| {
            let name = |member: &MemberId| (*member != MemberId::NONE).then(|| members.name(*member).to_owned());
            (at, deadline, tuples.members(tuple).iter().map(name).collect::<Vec<_>>())
        });
        let stored_start = stored.start.as_ref().map(|start| {
            let name = |index: &Option<TextIndex>| index.map(|index| texts[index.0 as usize].clone());
            (start.at, start.deadline, start.dimensions.iter().map(name).collect::<Vec<_>>())
        });
        prop_assert_eq!(in_memory_start, stored_start);
        prop_assert_eq!(in_memory.ended(), stored.first_end.zip(stored.last_end));
        prop_assert_eq!(in_memory.is_void(), stored.void);
    }

    #[test]
    fn what_is_told_of_levels_joins_the_same_in_memory_and_as_stored_rows(told in prop::collection::vec(told_of_a_level(), 1..8)) {
        let (mut members, mut tuples) = (Members::default(), Tuples::default());
        let mut in_memory = Latest::default();
        let mut texts: Vec<String> = Vec::new();
        let mut stored: Option<LevelRow> = None;
        for (at, value, dimensions) in &told {
            let tuple: Vec<MemberId> = dimensions.iter().map(|text| text.map_or(MemberId::NONE, |text| members.intern(text))).collect();
            let observation = Observation { at: Timestamp(*at), value: value.map(Fixed), tuple: tuples.intern(&tuple) };
            in_memory.join(1, Bucket(0), observation, &tuples, &members);
            let row = LevelRow {
                aggregate: AggregateId(1),
                key: 1,
                bucket: Bucket(0),
                at: Timestamp(*at),
                value: *value,
                dimensions: dimensions.iter().map(|text| text.map(|text| {
                    texts.push(text.to_owned());
                    TextIndex(texts.len() as u32 - 1)
                })).collect(),
            };
            join_levels(stored.get_or_insert_with(|| row.clone()), &row, |index| texts[index.0 as usize].as_str());
        }
        let in_memory: Vec<_> = in_memory.iter().map(|(_, _, told)| {
            let name = |member: &MemberId| (*member != MemberId::NONE).then(|| members.name(*member).to_owned());
            (told.at, told.value.map(|value| value.0), tuples.members(told.tuple).iter().map(name).collect::<Vec<_>>())
        }).collect();
        let stored: Vec<_> = stored.into_iter().map(|row| {
            let name = |index: &Option<TextIndex>| index.map(|index| texts[index.0 as usize].clone());
            (row.at, row.value, row.dimensions.iter().map(name).collect::<Vec<_>>())
        }).collect();
        prop_assert_eq!(in_memory, stored);
    }
}

/// What one row tells of a level's key: at, value, two dimensions; ties are common.
type ToldOfALevel = (i64, Option<i128>, [Option<&'static str>; 2]);

fn told_of_a_level() -> impl Strategy<Value = ToldOfALevel> {
    let text = || prop::option::of(prop::sample::select(vec!["a", "b", "é", ""]));
    (0..3_i64, prop::option::of(-1..2_i128), text(), text()).prop_map(|(at, value, a, b)| (at, value, [a, b]))
}

/// What one source knows of a pair: start (at, deadline, two dimensions), end, void; ties are common.
type Known = (Option<(i64, Option<i64>, [Option<&'static str>; 2])>, Option<i64>, bool);

fn known() -> impl Strategy<Value = Known> {
    let text = || prop::option::of(prop::sample::select(vec!["a", "b", "é", ""]));
    let start = (0..3_i64, prop::option::of(0..3_i64), text(), text());
    let start = start.prop_map(|(at, deadline, a, b)| (at, deadline, [a, b]));
    (prop::option::of(start), prop::option::of(0..5_i64), prop::bool::weighted(0.1))
}
