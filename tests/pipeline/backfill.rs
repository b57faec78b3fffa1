//! Edits of a book while it scores: what the edit misses is filled by a lane, which joins; CASES 9, 10 and 11, and any edits in any order.

use std::sync::Arc;

use krscore::book::Book;
use krscore::event::{Partition, TopicIndex};
use krscore::time::{Span, Timestamp};
use proptest::prelude::*;

use crate::world::storage::{Memory, Sqlite, Storage};
use crate::world::{self, World, at, quiet};

const EVENTS: &str = r#"
apiVersion: krscore/v1
cycles:
  - { id: c, start: 2026-10-01, end: 2026-11-01, timezone: Etc/UTC }
events:
  ordered:   { topic: orders, id: id, time: at, where: "type = 'created'", dimensions: [warehouse] }
  cancelled: { topic: orders, id: id, time: at, where: "type = 'cancelled'" }
  delivered: { topic: deliveries, time: at }
metrics:
  orders:     { type: count, event: ordered }
  amount:     { type: sum, event: ordered, value: amount }
  ticket:     { type: value, event: ordered, value: amount, unit: CNY }
  delivered:  { type: count, event: delivered }
  buyers:     { type: distinct, event: ordered, value: order_id % 5 }
  stock:      { type: level, event: ordered, key: warehouse, value: amount }
  fulfilment: { type: duration, from: ordered, to: delivered, key: order_id, void: cancelled }
objectives:
  - id: o
    title: Edited
    owner: somebody
    key_results:
      - { id: always, title: t, metric: orders, baseline: 0, target: 100, silent_after: never }
"#;

/// Key results that an edit adds or takes away.
const KEY_RESULTS: [(&str, &str); 9] = [
    ("mean", "metric: ticket, stat: mean, baseline: 0, target: 100, window: cycle"),
    ("p90", "metric: ticket, stat: p90, baseline: 0, target: 100, window: cycle"),
    ("by", "metric: amount, baseline: 0, target: 100, by: [warehouse]"),
    ("amount", "metric: amount, baseline: 0, target: 100"),
    ("delivered", "metric: delivered, baseline: 0, target: 100"),
    ("duration", "metric: fulfilment, stat: mean, baseline: 5d, target: 1h, window: cycle"),
    ("buyers", "metric: buyers, baseline: 0, target: 100, by: [warehouse]"),
    ("stock", "metric: stock, baseline: 0, target: 100, by: [warehouse]"),
    ("within", "metric: fulfilment, stat: { within: 24h }, baseline: 0%, target: 95%, by: [warehouse], window: cycle"),
];

/// The book with these key results, beside the one that is always there.
fn book(ids: &[&str]) -> Arc<Book> {
    let chosen = KEY_RESULTS.iter().filter(|(id, _)| ids.contains(id));
    let lines = chosen.map(|(id, rest)| format!("      - {{ id: {id}, title: t, {rest}, silent_after: never }}\n"));
    world::book(&(EVENTS.trim_end().to_owned() + "\n" + &lines.collect::<String>()))
}

fn world<S: Storage>(store: S, ids: &[&str]) -> World<S> {
    let mut world = World::new(book(ids), store, "2026-10-05");
    for topic in ["orders", "deliveries"] {
        (0..2).for_each(|number| _ = world.partition(topic, number));
    }
    world
}

fn order<S: Storage>(world: &mut World<S>, id: u32, amount: u32, when: &str) {
    let warehouse = ["SH1", "SH2"][id as usize % 2];
    let json = format!(
        r#"{{"id":{id},"type":"created","at":"{}","order_id":{id},"warehouse":"{warehouse}","amount":{amount}}}"#,
        at(when)
    );
    world.produce("orders", id as i32 % 2, when, &json);
}

fn shows<S: Storage>(world: &World<S>, process: usize, key_result: &str) -> String {
    let score = world.score(process, &format!("o/{key_result}"));
    let value = score.value.map_or("-".to_owned(), |value| value.to_string());
    let data_from = score.data_from.map_or("-".to_owned(), |at| at.to_string());
    format!("value={value} n={} data_from={data_from}", score.n.map_or("-".to_owned(), |n| n.to_string()))
}

#[test]
fn case_09_a_key_result_put_back_nine_days_later_has_only_its_gap_filled() {
    let mut world = world(Sqlite::new(), &["amount", "delivered"]);
    (0..10).for_each(|id| order(&mut world, id, 10, "2026-10-05T10:00"));
    let process = world.start();
    world.settle(process, "2026-10-06");
    // It is removed, and with it nothing else changes.
    let before = (shows(&world, process, "always"), shows(&world, process, "delivered"));
    world.edit(book(&["delivered"]));
    assert!(world.join(process), "nothing is missing");
    world.settle(process, "2026-10-06");
    assert_eq!((shows(&world, process, "always"), shows(&world, process, "delivered")), before);
    (0..10).for_each(|id| order(&mut world, 100 + id, 7, "2026-10-10T10:00"));
    world.settle(process, "2026-10-15");
    let before = (shows(&world, process, "always"), shows(&world, process, "delivered"));
    // Nine days later it is back: the lane begins where it was removed, five offsets into each partition.
    world.edit(book(&["amount", "delivered"]));
    assert!(world.begin_lane());
    assert_eq!(world.editor.starts().iter().map(|(_, next)| *next).collect::<Vec<_>>(), [5, 5]);
    world.fill(3, true);
    assert!(world.join(process));
    let document = world.settle(process, "2026-10-15");
    assert_eq!(shows(&world, process, "amount"), "value=170 n=20 data_from=-");
    assert_eq!((shows(&world, process, "always"), shows(&world, process, "delivered")), before);
    assert_eq!(document, quiet(&world, "2026-10-15").document(0));
}

#[test]
fn case_09_where_the_gap_is_gone_from_the_log_data_from_tells() {
    let mut world = world(Sqlite::new(), &["amount"]);
    (0..10).for_each(|id| order(&mut world, id, 10, "2026-10-05T10:00"));
    let process = world.start();
    world.settle(process, "2026-10-06");
    world.edit(book(&[]));
    assert!(world.join(process));
    (0..10).for_each(|id| order(&mut world, 100 + id, 7, &format!("2026-10-{:02}T10:00", 7 + id / 2)));
    world.settle(process, "2026-10-15");
    // Retention has taken the first two days of the gap.
    lose_below(&mut world, "orders", 7);
    world.edit(book(&["amount"]));
    assert!(world.join(process));
    world.settle(process, "2026-10-15");
    assert_eq!(shows(&world, process, "amount"), "value=142 n=16 data_from=2026-10-09T10:00:00Z");
    assert_eq!(shows(&world, process, "always").split(' ').next(), Some("value=20"));
}

fn lose_below<S: Storage>(world: &mut World<S>, topic: &str, offset: i64) {
    for number in 0..2 {
        let partition = world.partition(topic, number);
        let log = world.logs.get_mut(&partition).expect("a log");
        log.low = offset;
        log.records.retain(|logged| logged.offset >= offset);
    }
}

#[test]
fn case_10_a_p90_is_added_40_days_into_a_topic_of_7_and_the_mean_keeps_its_40() {
    let mut world = world(Sqlite::new(), &["mean"]);
    (0..40).for_each(|day| {
        let when = Timestamp(at("2026-10-01T10:00").0 + day * 12 * Span::HOUR.0).to_string();
        order(&mut world, 2 * day as u32, day as u32, &when);
        order(&mut world, 2 * day as u32 + 1, day as u32, &when);
    });
    let process = world.start();
    world.settle(process, "2026-10-22");
    let mean = shows(&world, process, "mean");
    assert_eq!(mean, "value=19.5 n=80 data_from=-");
    lose_below(&mut world, "orders", 33);
    world.edit(book(&["mean", "p90"]));
    world.fill(2, true);
    // Until the lane has joined, the book before the edit is scored.
    world.settle(process, "2026-10-22");
    assert_eq!(world.snapshot(process).book.hash, book(&["mean"]).hash);
    assert!(world.join(process));
    world.settle(process, "2026-10-22");
    assert_eq!(shows(&world, process, "mean"), mean);
    let p90 = world.score(process, "o/p90");
    assert_eq!(p90.data_from.map(|at| at.to_string()).as_deref(), Some("2026-10-17T22:00:00Z"));
    assert_eq!(p90.status.as_str(), "insufficient_data");
}

#[test]
fn case_11_a_crash_in_a_back_fill_and_a_copy_across_each_seam_count_once() {
    for (first, crash, copy_live) in [(3, true, true), (5, false, true), (4, true, false), (0, false, false)] {
        let mut world = world(Sqlite::new(), &[]);
        for id in 0..5 {
            order(&mut world, 2 * id, 10, "2026-10-05T10:00");
        }
        // A copy of the first within the lane, with another amount: the first by offset holds.
        order(&mut world, 0, 99, "2026-10-05T10:00");
        let process = world.start();
        world.settle(process, "2026-10-06");
        world.edit(book(&["amount", "p90", "duration"]));
        world.fill(first, true);
        if crash {
            // What was read and not stored is read again.
            world.fill(1, false);
            world.editor.forget();
        }
        if copy_live {
            // A copy that live reads while the lane is not there yet.
            order(&mut world, 2, 99, "2026-10-05T10:00");
        }
        world.consume_all(process);
        assert!(world.join(process));
        // And one that only the joined lane's ids can know, for live's next records.
        order(&mut world, 4, 99, "2026-10-05T10:00");
        let document = world.settle(process, "2026-10-07");
        assert_eq!(shows(&world, process, "amount"), "value=50 n=5 data_from=-", "after {first}, crash {crash}");
        assert_eq!(document, quiet(&world, "2026-10-07").document(0));
        // And from the store.
        world.crash(process, true);
        let again = world.start();
        assert_eq!(world.settle(again, "2026-10-07"), document);
    }
}

#[test]
fn an_edit_that_brings_a_topic_reads_it_in_the_lane_and_live_goes_on_there() {
    let mut world = world(Sqlite::new(), &["amount"]);
    (0..6).for_each(|id| order(&mut world, id, 10, "2026-10-05T10:00"));
    let process = world.start();
    world.settle(process, "2026-10-06");
    let text = EVENTS.replace(
        "metrics:\n",
        "  shipped: { topic: shipments, id: id, time: at }\nmetrics:\n  shipped: { type: count, event: shipped }\n",
    );
    let edited = world::book(
        &(text.trim_end().to_owned()
            + "\n      - { id: shipped, title: t, metric: shipped, baseline: 0, target: 9, silent_after: never }\n"),
    );
    // Topics are numbered by name: this one comes last, so that the others keep their numbers.
    let shipments = Partition { topic: TopicIndex(2), number: 0 };
    let ship = |world: &mut World<Sqlite>, id: u32| {
        let json = format!(r#"{{"id":{id},"at":"{}"}}"#, at("2026-10-05T12:00"));
        world.append(shipments, Some(at("2026-10-05T12:00")), Some(json));
    };
    for id in [1, 2, 3, 1] {
        ship(&mut world, id);
    }
    world.append(shipments, Some(at("2026-10-05T12:00")), Some("{broken".to_owned()));
    world.edit(edited);
    world.fill(2, true);
    assert!(world.join(process));
    ship(&mut world, 2);
    ship(&mut world, 4);
    let document = world.settle(process, "2026-10-07");
    assert_eq!(shows(&world, process, "shipped"), "value=4 n=4 data_from=-");
    let quiet = quiet(&world, "2026-10-07");
    assert_eq!(document, quiet.document(0));
    // Nobody else read these records, so the lane has counted them.
    assert_eq!(world.counters(process), quiet.counters(0));
}

#[test]
fn facts_that_are_evaluated_twice_over_an_offset_are_refused() {
    let mut world = world(Memory::default(), &["amount"]);
    (0..4).for_each(|id| order(&mut world, id, 10, "2026-10-05T10:00"));
    let process = world.start();
    world.settle(process, "2026-10-06");
    let mut chunks = world.store.chunks();
    let mut again = chunks[0].clone();
    again.lane = "joined/1".to_owned();
    chunks.push(again);
    let now = world.now;
    world.take(process, krscore::pipeline::Input::Tick { now });
    world.take(process, krscore::pipeline::Input::Restored { chunks });
    let said = world.process(process).gave_up.clone().expect("it gives up");
    assert!(said.contains("facts from offset 0 on are stored twice"), "{said}");
}

/// What happens while books are edited.
#[derive(Clone, Debug)]
enum Turn {
    Produce(u32, u32, u8),
    Consume,
    Tick,
    Edit(u16),
    Fill(usize, bool),
    Join,
    Crash(bool),
    Fold,
}

fn turn() -> impl Strategy<Value = Turn> {
    prop_oneof![
        6 => (0..30_u32, 0..50_u32, 0..4_u8).prop_map(|(id, amount, kind)| Turn::Produce(id, amount, kind)),
        3 => Just(Turn::Consume),
        2 => Just(Turn::Tick),
        2 => any::<u16>().prop_map(Turn::Edit),
        4 => (1..6_usize, any::<bool>()).prop_map(|(records, cut)| Turn::Fill(records, cut)),
        2 => Just(Turn::Join),
        1 => any::<bool>().prop_map(Turn::Crash),
        1 => Just(Turn::Fold),
    ]
}

fn happen(world: &mut World<Memory>, process: &mut usize, turn: &Turn) {
    match turn {
        Turn::Produce(id, amount, kind) => {
            let instant = at("2026-10-02T10:00").0 + i64::from(id / 3) * 7 * Span::HOUR.0;
            let when = Timestamp(instant).to_string();
            match kind {
                0 | 1 => order(world, *id, *amount, &when),
                2 => {
                    let json = format!(r#"{{"id":"c{id}","type":"cancelled","at":"{when}","order_id":{id}}}"#);
                    world.produce("orders", *id as i32 % 2, &when, &json);
                }
                _ => {
                    let ended = Timestamp(instant + i64::from(*amount) * Span::HOUR.0).to_string();
                    let json = format!(r#"{{"at":"{ended}","order_id":{id}}}"#);
                    world.produce("deliveries", *id as i32 % 2, &ended, &json);
                }
            }
        }
        Turn::Consume => world.consume_all(*process),
        Turn::Tick => {
            world.now = Timestamp(world.now.0 + Span::MINUTE.0);
            world.answer_ends(*process);
            world.tick_now(*process);
            world.hear(*process);
        }
        Turn::Edit(mask) => {
            let chosen = KEY_RESULTS.iter().enumerate().filter(|(bit, _)| mask >> bit & 1 == 1).map(|(_, (id, _))| *id);
            world.edit(book(&chosen.collect::<Vec<_>>()));
        }
        Turn::Fill(records, cut) => world.fill(*records, *cut),
        Turn::Join => _ = world.join(*process),
        Turn::Crash(reached) => {
            world.crash(*process, *reached);
            *process = world.start();
        }
        // Compaction does not wait for lanes.
        Turn::Fold => world.store.fold(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_edited_and_crashes_the_document_is_that_of_a_quiet_run_of_the_last_book(
        turns in prop::collection::vec(turn(), 0..90),
    ) {
        let mut world = world(Memory::default(), &["mean"]);
        let mut process = world.start();
        for turn in &turns {
            happen(&mut world, &mut process, turn);
        }
        for _ in 0..3 {
            if world.join(process) {
                break;
            }
        }
        prop_assert!(world.editor.book.is_none(), "the edit takes effect");
        let document = world.settle(process, "2026-10-15");
        prop_assert_eq!(&document, &quiet(&world, "2026-10-15").document(0));
        world.crash(process, true);
        let again = world.start();
        prop_assert_eq!(world.settle(again, "2026-10-15"), document, "from the store");
    }
}
