//! Faults that were found and mended, each by the name of what went wrong.

use std::sync::Arc;

use krscore::book::Book;
use krscore::pipeline::Input;

use super::world::storage::{Memory, Sqlite, Storage};
use super::world::{World, at, quiet};
use super::{BOOK, cut, delivery, order, partition};

#[test]
fn while_a_partition_that_there_is_was_never_read_nothing_is_known() {
    // A static member of a group is given what it had, and not what was added while it was away.
    let mut world = super::world("2026-10-05");
    let all = world.read_partitions();
    let added = partition(&mut world, "orders");
    order(&mut world, 0, 1, "2026-10-06T10:00");
    let given: Vec<_> = all.into_iter().filter(|partition| *partition != added).collect();
    let process = world.start_with(&given);
    world.settle(process, "2026-10-07");
    assert!(world.snapshot(process).catching_up);
    assert_eq!(world.shows(process, "o/orders").split(" as_of").next(), Some("value=- n=- status=no_data"));
    assert_eq!(
        world.score(process, "o/orders").reason.to_string(),
        "nothing is known yet: topic orders has a partition that was not read"
    );
    world.assign(process, &[added]);
    world.settle(process, "2026-10-07");
    assert!(!world.snapshot(process).catching_up);
    assert_eq!(world.shows(process, "o/orders").split(" as_of").next(), Some("value=1 n=1 status=at_risk"));

    // One that is added while it runs, and given to somebody else.
    let added = world.partition("orders", 1);
    world.take(process, Input::Exist(vec![added]));
    world.settle(process, "2026-10-08");
    assert!(world.snapshot(process).catching_up);
    assert_eq!(world.shows(process, "o/orders").split(" as_of").next(), Some("value=- n=- status=no_data"));
}

#[test]
fn an_emptied_log_is_covered_from_the_brokers_first_answer() {
    let mut world = super::world("2026-10-05");
    let orders = partition(&mut world, "orders");
    let log = world.logs.get_mut(&orders).expect("a log");
    (log.low, log.end) = (500, 500);
    let process = world.start();
    world.settle(process, "2026-10-06");
    let from = |world: &World<Sqlite>, process| world.score(process, "o/orders").data_from;
    assert_eq!(from(&world, process), Some(at("2026-10-06")));
    world.settle(process, "2026-10-08");
    assert_eq!(from(&world, process), Some(at("2026-10-06")), "not from whenever one asks");
    order(&mut world, 0, 1, "2026-10-09T10:00");
    world.settle(process, "2026-10-10");
    assert_eq!(from(&world, process), Some(at("2026-10-06")));
    let again = world.start();
    world.settle(again, "2026-10-10");
    assert_eq!(from(&world, again), Some(at("2026-10-06")), "stored with the first chunk");
    assert_eq!(world.shows(again, "o/orders").split(" as_of").next(), Some("value=1 n=1 status=insufficient_data"));
}

#[test]
fn a_record_older_than_the_answer_that_nothing_was_there_is_covered() {
    // Found by the simulation: the clock had gone back between the broker's answer and the first record.
    let mut world = super::world("2026-10-06");
    let orders = partition(&mut world, "orders");
    let log = world.logs.get_mut(&orders).expect("a log");
    (log.low, log.end) = (500, 500);
    let process = world.start();
    world.answer_ends(process);
    order(&mut world, 0, 1, "2026-10-05T10:00");
    world.settle(process, "2026-10-08");
    assert_eq!(world.score(process, "o/orders").data_from, Some(at("2026-10-05T10:00")));
}

#[test]
fn a_log_that_begins_later_is_covered_from_its_first_record() {
    let mut world = super::world("2026-10-05");
    let orders = partition(&mut world, "orders");
    let log = world.logs.get_mut(&orders).expect("a log");
    (log.low, log.end) = (500, 500);
    order(&mut world, 0, 1, "2026-10-03T10:00");
    // An old timestamp later in the log claims nothing.
    order(&mut world, 0, 2, "2026-09-03T10:00");
    let process = world.start();
    world.consume(process, orders, 1);
    cut(&mut world, process, "2026-10-05");
    world.settle(process, "2026-10-06");
    assert_eq!(world.score(process, "o/orders").data_from, Some(at("2026-10-03T10:00")));
    // Since the floor, where the broker could tell where that is.
    let mut world = super::world("2026-10-05");
    let orders = partition(&mut world, "orders");
    let log = world.logs.get_mut(&orders).expect("a log");
    (log.low, log.end, log.complete_since) = (500, 500, Some(at("2026-08-01")));
    order(&mut world, 0, 1, "2026-10-03T10:00");
    let process = world.start();
    world.settle(process, "2026-10-06");
    assert_eq!(world.score(process, "o/orders").data_from, None);
}

#[test]
fn a_partition_claimed_again_without_having_gone_away_counts_its_records_once() {
    let mut world = super::world("2026-10-05");
    (0..5).for_each(|number| order(&mut world, 0, number, "2026-10-05T10:00"));
    let orders = partition(&mut world, "orders");
    let process = world.start();
    world.consume(process, orders, 3);
    let this = world.process(process);
    this.forget_positions();
    world.assign(process, &[orders]);
    world.settle(process, "2026-10-06");
    assert_eq!(world.shows(process, "o/orders").split(" status").next(), Some("value=5 n=5"));
    assert_eq!(world.counters(process), "");
}

#[test]
fn ids_let_go_for_records_that_were_dropped_are_read_again() {
    let mut world = World::new(crate::world::book(BOOK), Memory::default(), "2026-10-05");
    world.partition("deliveries", 0);
    world.budgets.dedup_ids_max = 2;
    order(&mut world, 0, 1, "2026-10-05T10:00");
    order(&mut world, 0, 1, "2026-10-05T10:00");
    order(&mut world, 0, 2, "2026-10-06T10:00");
    order(&mut world, 0, 3, "2026-10-07T10:00");
    let orders = partition(&mut world, "orders");
    let process = world.start();
    world.consume(process, orders, 1);
    cut(&mut world, process, "2026-10-05T11:00");
    // All ids of the 5th are let go for the 7th's; then what came after the cut is dropped, and the copy comes again.
    world.consume(process, orders, 3);
    world.unassign(process, &[orders]);
    world.assign(process, &[orders]);
    world.settle(process, "2026-10-08");
    assert_eq!(world.shows(process, "o/orders").split(" status").next(), Some("value=3 n=3"));
    assert_eq!(world.counters(process), "Copies { event: \"ordered\" }=1");
    assert_eq!(world.document(process), quiet(&world, "2026-10-08").document(0));
}

#[test]
fn stored_facts_with_a_missing_part_are_refused() {
    let mut world = World::new(crate::world::book(BOOK), Memory::default(), "2026-10-05");
    order(&mut world, 0, 1, "2026-10-05T10:00");
    let process = world.start();
    world.settle(process, "2026-10-06");
    let mut chunks = world.store.chunks();
    let twice = chunks[0].clone();
    chunks.push(twice);
    world.take(process, krscore::pipeline::Input::Restored { chunks });
    let said = world.process(process).gave_up.take().expect("it gives up");
    assert!(
        said.starts_with("stored facts of orders/0 cannot be read: facts from offset 0 on are stored twice"),
        "{said}"
    );
}

#[test]
fn events_that_differ_in_name_only_are_restored_both() {
    let text = BOOK
        .replace(
            "  delivered:",
            "  again:     { topic: orders, id: id, time: at, dimensions: [warehouse] }\n  delivered:",
        )
        .replace("  amount:     {", "  again:      { type: count, event: again }\n  amount:     {");
    let text = text.replace(
        "      - { id: amount,",
        "      - { id: again, title: t, metric: again, baseline: 0, target: 100, silent_after: never }\n      - { id: amount,",
    );
    let book: Arc<Book> = crate::world::book(&text);
    let mut world = World::new(book, Memory::default(), "2026-10-05");
    for topic in ["orders", "deliveries", "picks", "errors"] {
        world.partition(topic, 0);
    }
    order(&mut world, 0, 1, "2026-10-05T10:00");
    let process = world.start();
    world.settle(process, "2026-10-06");
    let live = world.shows(process, "o/again");
    assert_eq!(live.split(" status").next(), Some("value=1 n=1"));
    let again = world.start();
    // Two seconds are given to the broker to say where the logs end; then the stored facts are shown without it.
    world.tick(again, "2026-10-06T00:00:02Z");
    assert_eq!(world.shows(again, "o/again").split(" status").next(), Some("value=1 n=1"), "before the broker answers");
    order(&mut world, 0, 1, "2026-10-05T11:00");
    world.settle(again, "2026-10-06");
    assert_eq!(world.shows(again, "o/again"), live, "the copy is known");
}

#[test]
fn inverted_pairs_are_counted_and_still_are_after_a_restart() {
    let mut world = super::world("2026-10-05");
    delivery(&mut world, 1, "2026-10-05T09:00");
    order(&mut world, 0, 1, "2026-10-05T10:00");
    let process = world.start();
    world.settle(process, "2026-10-06");
    let counted = "ValueFaults { metric: \"fulfilment\", reason: \"inverted\" }=1";
    assert_eq!(world.counters(process), counted);
    let again = world.start();
    world.settle(again, "2026-10-06");
    assert_eq!(world.counters(again), counted);
}
