//! Measured baselines over a life: provisional, frozen with the facts, unmoved by what comes later, the same after a restart.

use crate::world::storage::{Sqlite, Storage};
use crate::world::{self, World, at};

const BOOK: &str = r#"
apiVersion: krscore/v1
cycles:
  - { id: c, start: 2026-10-01, end: 2026-11-01, timezone: Etc/UTC }
events:
  surveyed: { topic: surveys, time: at }
metrics:
  stars: { type: value, event: surveyed, value: stars, unit: points }
objectives:
  - id: o
    title: Live
    owner: somebody
    key_results:
      - { id: stars, title: t, metric: stars, stat: mean, window: cycle, baseline: { from: 2026-09-01, to: 2026-10-01 }, target: 4.5, direction: up, silent_after: never }
"#;

fn world(now: &str) -> World<Sqlite> {
    let mut world = World::new(world::book(BOOK), Sqlite::new(), now);
    world.partition("surveys", 0);
    world.partition("surveys", 1);
    world
}

fn survey<S: Storage>(world: &mut World<S>, partition: i32, when: &str, stars: &str, recorded: &str) {
    world.produce("surveys", partition, recorded, &format!(r#"{{"at":"{}","stars":{stars}}}"#, at(when)));
}

/// The key result's document, and what is stored.
fn shown<S: Storage>(world: &mut World<S>, document: &str) -> String {
    let document: serde_json::Value = serde_json::from_str(document).expect("a document");
    let kr = &document["objectives"][0]["key_results"][0];
    let measured = &kr["baseline_measured"];
    let stored = world.store.baselines();
    let stored: Vec<String> = stored
        .iter()
        .map(|b| {
            let offsets: Vec<String> = b.offsets.iter().map(|o| format!("{}/{}", o.partition, o.next)).collect();
            format!("{} n={} at {}", b.value, b.n.unwrap_or(-1), offsets.join(" "))
        })
        .collect();
    format!(
        "baseline={} {} n={} now={} score={} {} stored={stored:?}",
        kr["baseline"],
        measured["state"].as_str().unwrap_or("-"),
        measured["n"],
        measured["now"],
        kr["score"],
        kr["status"].as_str().unwrap_or("-"),
    )
}

#[test]
fn a_baseline_is_frozen_when_its_range_has_settled_and_holds_whatever_comes_later() {
    let mut world = world("2026-09-20");
    survey(&mut world, 0, "2026-09-10", "4.6", "2026-09-10");
    survey(&mut world, 1, "2026-09-11", "4.0", "2026-09-11");
    let process = world.start();
    let at = |world: &mut World<Sqlite>, process, now: &str| {
        let document = world.settle(process, now);
        shown(world, &document)
    };
    assert_eq!(
        at(&mut world, process, "2026-09-20"),
        "baseline=4.3 measuring n=2 now=4.3 score=null pending stored=[]"
    );
    survey(&mut world, 0, "2026-10-02", "4.4", "2026-10-02");
    let provisional = "baseline=4.3 provisional n=2 now=4.3 score=0.5 on_track stored=[]";
    assert_eq!(at(&mut world, process, "2026-10-03"), provisional);
    // Late, but before the range has settled: it is in.
    survey(&mut world, 1, "2026-09-30", "4.0", "2026-10-03T12:00");
    let frozen = r#"baseline=4.2 frozen n=3 now=4.2 score=0.666666667 on_track stored=["4.2 n=3 at 0/2 1/2"]"#;
    assert_eq!(at(&mut world, process, "2026-10-04"), frozen);
    // Later still: shown, and scores nothing.
    survey(&mut world, 0, "2026-09-30", "3.0", "2026-10-05");
    let moved = r#"baseline=4.2 frozen n=3 now=3.9 score=0.666666667 on_track stored=["4.2 n=3 at 0/2 1/2"]"#;
    assert_eq!(at(&mut world, process, "2026-10-05"), moved);
    world.crash(process, true);
    let process = world.start();
    assert_eq!(at(&mut world, process, "2026-10-05"), moved, "a restart reads what is frozen");
}

#[test]
fn nothing_is_frozen_while_a_partition_catches_up() {
    let mut world = world("2026-10-10");
    for day in 10..20 {
        survey(&mut world, 0, &format!("2026-09-{day}"), "4.0", &format!("2026-09-{day}"));
        survey(&mut world, 1, &format!("2026-10-0{}", day - 10 + 1 - (day == 19) as i32), "4.5", "2026-10-09");
    }
    survey(&mut world, 0, "2026-09-20", "1.0", "2026-10-09");
    let process = world.start();
    let partition = world.partition("surveys", 0);
    world.consume(process, partition, 10);
    let other = world.partition("surveys", 1);
    world.consume(process, other, usize::MAX);
    world.tick(process, "2026-10-10");
    world.hear(process);
    assert_eq!(world.store.baselines(), []);
    let document = world.settle(process, "2026-10-10");
    assert!(
        shown(&mut world, &document).starts_with("baseline=3.727272727 frozen n=11"),
        "the late one of the log is in"
    );
}

#[test]
fn a_commit_that_only_freezes_may_lose_its_answer() {
    for reached in [true, false] {
        let mut world = world("2026-10-03");
        survey(&mut world, 0, "2026-09-10", "4.0", "2026-09-10");
        let process = world.start();
        world.settle(process, "2026-10-03");
        assert_eq!(world.store.baselines(), []);
        // Nothing new but the time: the cut has no partition.
        world.now = at("2026-10-04");
        world.answer_ends(process);
        world.tick(process, "2026-10-04");
        world.lose_commit(process, reached);
        let document = world.document(process);
        assert_eq!(
            shown(&mut world, &document),
            r#"baseline=4 frozen n=1 now=4 score=null no_data stored=["4 n=1 at 0/1 1/0"]"#
        );
    }
}
