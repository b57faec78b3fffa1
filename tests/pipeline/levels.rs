//! Levels in a living process: what was told before the window, and a topic that no longer reaches back to where it was told.

use crate::world::storage::Memory;
use crate::world::{World, at, quiet};

const BOOK: &str = r#"
apiVersion: krscore/v1
cycles:
  - { id: c, start: 2026-10-01, end: 2026-11-01, timezone: Etc/UTC }
events:
  counted: { topic: counts, time: at }
metrics:
  stock: { type: level, event: counted, key: sku, value: quantity }
objectives:
  - id: o
    title: Stock
    owner: somebody
    key_results:
      - { id: stock, title: t, metric: stock, baseline: 0, target: 10, silent_after: never }
      - { id: partial, title: t, metric: stock, baseline: 0, target: 10, partial: accept, silent_after: never }
"#;

fn counted(world: &mut World<Memory>, sku: &str, quantity: u32, when: &str) {
    let json = format!(r#"{{"at":"{}","sku":"{sku}","quantity":{quantity}}}"#, at(when));
    world.produce("counts", 0, when, &json);
}

#[test]
fn a_level_holds_what_was_told_long_before_its_window() {
    let mut world = World::new(crate::world::book(BOOK), Memory::default(), "2026-10-05");
    counted(&mut world, "a", 4, "2025-01-01");
    counted(&mut world, "b", 3, "2026-10-04T10:00");
    let process = world.start();
    let document = world.settle(process, "2026-10-05");
    assert_eq!(world.shows(process, "o/stock"), "value=7 n=2 status=on_track as_of=2026-10-05T00:00:00Z");
    assert_eq!(world.score(process, "o/stock").data_from, None);
    // A week later nothing was told in the window at all, and after a restart nothing else is known.
    world.crash(process, true);
    let again = world.start();
    assert_ne!(world.settle(again, "2026-10-20"), document);
    assert_eq!(world.shows(again, "o/stock"), "value=7 n=2 status=on_track as_of=2026-10-20T00:00:00Z");
    assert_eq!(world.document(again), quiet(&world, "2026-10-20").document(0));
}

#[test]
fn a_level_of_a_topic_that_no_longer_reaches_back_says_so_whatever_its_window() {
    let mut world = World::new(crate::world::book(BOOK), Memory::default(), "2026-10-05");
    let counts = world.partition("counts", 0);
    // Retention took 500 records: what they told of keys that have not changed since, nobody knows.
    let log = world.logs.get_mut(&counts).expect("a log");
    (log.low, log.end) = (500, 500);
    counted(&mut world, "b", 3, "2026-08-04T10:00");
    let process = world.start();
    world.settle(process, "2026-10-05");
    let score = world.score(process, "o/stock");
    assert_eq!(score.data_from, Some(at("2026-08-04T10:00")), "long before the window of seven days");
    assert_eq!(world.shows(process, "o/stock"), "value=3 n=1 status=insufficient_data as_of=2026-10-05T00:00:00Z");
    assert_eq!(
        score.reason.to_string(),
        "the events reach back only to 2026-08-04T10:00:00+00:00, and what has not changed since then is unknown; \
         `partial: accept` judges it all the same"
    );
    assert_eq!(world.shows(process, "o/partial"), "value=3 n=1 status=on_track as_of=2026-10-05T00:00:00Z");
}
