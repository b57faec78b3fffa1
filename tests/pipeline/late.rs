//! What was handed over is scored late: records are taken meanwhile, and belong to the next cut.

use krscore::pipeline::Input;

use super::world::storage::Sqlite;
use super::world::{World, at};
use super::{order, partition};

fn shown(world: &World<Sqlite>, process: usize) -> String {
    world.shows(process, "o/orders").split(" status").next().unwrap_or_default().to_owned()
}

/// Everything is consumed at that time, up to the logs' ends.
fn consume(world: &mut World<Sqlite>, process: usize, now: &str) {
    world.now = at(now);
    world.consume_all(process);
    world.answer_ends(process);
}

/// A process that has handed over one order, which is not scored yet.
fn handed_over() -> (World<Sqlite>, usize) {
    let mut world = super::world("2026-10-05");
    let process = world.start();
    world.settle(process, "2026-10-06");
    world.scores_late = true;
    order(&mut world, 0, 1, "2026-10-06T10:00");
    consume(&mut world, process, "2026-10-06T10:01");
    world.tick_now(process);
    (world, process)
}

#[test]
fn while_what_came_is_scored_more_is_taken_and_nothing_more_is_handed_over() {
    let (mut world, process) = handed_over();
    assert_eq!(world.process(process).handed_over(), 1);

    order(&mut world, 0, 2, "2026-10-06T10:02");
    consume(&mut world, process, "2026-10-06T10:03");
    world.tick_now(process);
    world.take(process, Input::Flush);
    assert_eq!(world.process(process).handed_over(), 1, "neither by a tick nor by a flush");
    assert_eq!(shown(&world, process), "value=0 n=0", "nothing is shown that is not stored");

    // Scored, but still on its way to the store.
    assert!(world.score_one(process));
    world.tick(process, "2026-10-06T10:04");
    assert_eq!(world.process(process).handed_over(), 0);
    world.hear(process);
    world.score_all(process);
    assert_eq!(shown(&world, process), "value=1 n=1", "what came meanwhile is of the next cut");

    world.settle(process, "2026-10-06T10:05");
    assert_eq!(shown(&world, process), "value=2 n=2");
    assert_eq!(world.process(process).reloads, 0);
}

#[test]
fn a_partition_lost_while_it_is_scored_is_dropped_from_where_it_was_handed_over() {
    let (mut world, process) = handed_over();
    let orders = partition(&mut world, "orders");
    // Taken after the handover, and gone with the partition: it is read again.
    order(&mut world, 0, 2, "2026-10-06T10:02");
    consume(&mut world, process, "2026-10-06T10:03");
    world.unassign(process, &[orders]);
    world.score_all(process);
    world.hear(process);
    world.score_all(process);
    assert_eq!(shown(&world, process), "value=1 n=1");
    world.assign(process, &[orders]);
    world.settle(process, "2026-10-06T10:05");
    assert_eq!((shown(&world, process), world.process(process).reloads), ("value=2 n=2".to_owned(), 0));
}
