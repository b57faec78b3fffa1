//! The floor in a living process: what lies below is counted and left out, let go, and seen to be so.

use super::world::storage::{Sqlite, Storage};
use super::world::{World, at, book};
use krscore::chunk;
use krscore::pipeline::{IncidentKind, Input};

/// The old cycle holds the floor until 2026-02-08, the new one from then on at 2025-11-02.
const BOOK: &str = r#"
apiVersion: krscore/v1
cycles:
  - { id: old, start: 2024-01-01, end: 2025-01-01, timezone: Etc/UTC }
  - { id: new, start: 2026-01-01, end: 2027-01-01, timezone: Etc/UTC }
events:
  ordered:   { topic: orders, id: id, time: at }
  delivered: { topic: deliveries, time: at }
metrics:
  orders:     { type: count, event: ordered }
  fulfilment: { type: duration, from: ordered, to: delivered, key: order_id }
objectives:
  - { id: over, cycle: old, title: t, owner: o, key_results: [ { id: orders, title: t, metric: orders, baseline: 0, target: 9, silent_after: never } ] }
  - id: now
    cycle: new
    title: t
    owner: o
    key_results:
      - { id: orders, title: t, metric: orders, baseline: 0, target: 9, silent_after: never }
      - { id: mean, title: t, metric: fulfilment, stat: mean, baseline: 99d, target: 1d, window: cycle, silent_after: never }
"#;

fn world(now: &str) -> World<Sqlite> {
    let mut world = World::new(book(BOOK), Sqlite::new(), now);
    for topic in ["orders", "deliveries"] {
        world.partition(topic, 0);
    }
    world
}

/// An order written at `written`, that says it was made at `when`.
fn order(world: &mut World<Sqlite>, number: u32, written: &str, when: &str) {
    let json = format!(r#"{{"id":"{number} {when}","at":"{}","order_id":{number}}}"#, at(when));
    world.produce("orders", 0, written, &json);
}

fn delivery(world: &mut World<Sqlite>, number: u32, when: &str) {
    let json = format!(r#"{{"at":"{}","order_id":{number}}}"#, at(when));
    world.produce("deliveries", 0, when, &json);
}

fn shown(world: &World<Sqlite>, process: usize, key_result: &str) -> String {
    world.shows(process, key_result).split(" status").next().unwrap_or_default().to_owned()
}

fn held(world: &World<Sqlite>, process: usize) -> (usize, usize, usize) {
    let process = world.processes[process].as_ref().expect("it runs");
    let held = process.held();
    (held.buckets, held.half_pairs, process.ids_held())
}

#[test]
fn what_lies_below_the_floor_is_let_go_and_an_event_below_it_is_counted_and_left_out() {
    let mut world = world("2024-06-02");
    order(&mut world, 1, "2024-06-01", "2024-06-01");
    delivery(&mut world, 1, "2024-06-02");
    let process = world.start();
    world.settle(process, "2024-06-03");
    assert_eq!(shown(&world, process, "over/orders"), "value=1 n=1");
    assert_eq!(held(&world, process), (2, 1, 1));
    // The last day on which the old cycle holds the floor, and the next.
    world.settle(process, "2026-02-07");
    assert_eq!((shown(&world, process, "over/orders"), held(&world, process)), ("value=1 n=1".to_owned(), (2, 1, 1)));
    world.settle(process, "2026-02-09");
    assert_eq!(held(&world, process), (0, 0, 0), "all of it lies below");
    // Not 0: it is not known any more.
    assert_eq!(shown(&world, process, "over/orders"), "value=- n=-");
    assert_eq!(shown(&world, process, "now/orders"), "value=0 n=0");

    order(&mut world, 2, "2026-02-10", "2025-11-01T23:59");
    order(&mut world, 3, "2026-02-10", "2025-11-02T00:00");
    order(&mut world, 4, "2026-02-10", "2026-02-10");
    world.settle(process, "2026-02-11");
    assert_eq!(shown(&world, process, "now/orders"), "value=1 n=1");
    assert!(world.counters(process).contains("BelowFloor { event: \"ordered\" }=1"), "{}", world.counters(process));
    assert_eq!(held(&world, process), (2, 2, 2), "one below the window, but above the floor, one in it");
    let again = world.start();
    world.settle(again, "2026-02-11");
    assert_eq!(world.counters(again), world.counters(process), "stored with the facts");
    assert_eq!(held(&world, again), held(&world, process));
}

#[test]
fn a_cut_with_which_the_floor_rises_names_the_one_that_rows_were_left_out_under() {
    let mut world = world("2024-06-02");
    let process = world.start();
    world.settle(process, "2024-06-03");
    order(&mut world, 1, "2024-06-04", "2023-11-01");
    order(&mut world, 2, "2024-06-04", "2024-06-04");
    world.consume_all(process);
    world.tick(process, "2026-02-09");
    world.store_works(process);
    let chunks = world.store.chunks();
    let floors = chunks.iter().map(|stored| chunk::decode_parts(&[&stored.bytes]).expect("a chunk").floor);
    assert_eq!(floors.collect::<Vec<_>>(), [Some(at("2023-11-02"))]);
    world.hear(process);
    assert_eq!(held(&world, process), (0, 0, 0), "the new one rules what is taken in");
}

#[test]
fn a_key_used_again_after_its_pair_fell_below_the_floor_is_a_new_pair_and_counted() {
    let mut world = world("2025-10-21");
    // In the 30 days below the coming floor: kept to be seen. Order 1 long before: let go.
    order(&mut world, 1, "2024-06-01", "2024-06-01");
    order(&mut world, 2, "2025-10-20", "2025-10-20");
    delivery(&mut world, 2, "2025-10-21");
    let process = world.start();
    world.settle(process, "2025-10-22");
    world.settle(process, "2026-02-09");
    assert_eq!(held(&world, process).1, 1);
    for number in [1, 2] {
        order(&mut world, number, "2026-03-01", "2026-03-01");
        delivery(&mut world, number, "2026-03-03");
    }
    world.settle(process, "2026-03-04");
    let expected = "value=172800 n=2";
    assert_eq!(shown(&world, process, "now/mean"), expected, "both pairs are new ones");
    let counted = "KeysAgain { metric: \"fulfilment\" }=1";
    assert!(
        world.counters(process).contains(counted),
        "of the first nobody knows any more: {}",
        world.counters(process)
    );
    let again = world.start();
    world.settle(again, "2026-03-04");
    assert_eq!(shown(&world, again, "now/mean"), expected);
    assert_eq!(world.counters(again), world.counters(process));
}

#[test]
fn a_late_end_of_a_pair_below_the_floor_is_no_key_used_again() {
    let mut world = world("2025-10-21");
    order(&mut world, 1, "2025-10-20", "2025-10-20");
    let process = world.start();
    world.settle(process, "2025-10-22");
    world.settle(process, "2026-02-09");
    delivery(&mut world, 1, "2026-03-03");
    world.settle(process, "2026-03-04");
    assert_eq!(shown(&world, process, "now/mean"), "value=- n=0");
    assert!(!world.counters(process).contains("KeysAgain"), "{}", world.counters(process));
}

/// What is counted of a topic made anew begins with its first record, although that has offset 0.
#[test]
fn a_topic_made_anew_is_counted_and_its_coverage_begins_with_its_first_record() {
    let mut world = world("2026-03-01");
    let orders = world.partition("orders", 0);
    let process = world.start();
    let detail = "topic orders was deleted and made anew".to_owned();
    world.take(process, Input::Incident { partition: orders, kind: IncidentKind::TopicRemade, detail });
    // Nothing comes of it for a while.
    world.answer_ends(process);
    world.tick(process, "2026-03-01T12:00");
    order(&mut world, 1, "2026-03-02", "2026-03-02");
    world.settle(process, "2026-03-04");
    let check = |world: &World<Sqlite>, process| {
        assert_eq!(world.score(process, "now/orders").data_from, Some(at("2026-03-02")));
        let counted = "Incidents { topic: \"orders\", kind: \"topic_remade\" }=1";
        assert!(world.counters(process).contains(counted), "{}", world.counters(process));
    };
    check(&world, process);
    let kept = ("orders".to_owned(), "topic_remade".to_owned(), 0);
    assert_eq!(world.process(process).dead_letters, [kept], "its words are kept with the first cut");
    let again = world.start();
    world.settle(again, "2026-03-04");
    check(&world, again);
}
