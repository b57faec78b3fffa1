//! The rows of CASES.md that need a living process: claims, cuts, crashes, answers that come late or never. The pipeline is the real one, the
//! store too (SQLite in a folder of its own); logs and the group are a tiny world (`world`). Time is an argument: nothing sleeps.

#[path = "pipeline/backfill.rs"]
mod backfill;
#[path = "pipeline/baselines.rs"]
mod baselines;
#[path = "pipeline/budgets.rs"]
mod budgets;
#[path = "pipeline/floor.rs"]
mod floor;
#[path = "pipeline/found.rs"]
mod found;
#[path = "pipeline/late.rs"]
mod late;
#[path = "pipeline/levels.rs"]
mod levels;
mod world;

use krscore::event::Partition;
use world::storage::{Sqlite, Storage};
use world::{World, at, quiet};

const BOOK: &str = r#"
apiVersion: krscore/v1
cycles:
  - { id: c, start: 2026-10-01, end: 2026-11-01, timezone: Etc/UTC }
events:
  ordered:   { topic: orders, id: id, time: at, dimensions: [warehouse] }
  delivered: { topic: deliveries, time: at }
  picked:    { topic: picks, time: at }
  mispicked: { topic: errors, time: at, where: "category = 'mispick'" }
  noted:     { topic: errors, time: noted_at }
metrics:
  orders:     { type: count, event: ordered }
  amount:     { type: sum, event: ordered, value: amount }
  picks:      { type: count, event: picked }
  mispicks:   { type: count, event: mispicked }
  notes:      { type: count, event: noted }
  accuracy:   { type: ratio, bad: mispicks, total: picks }
  fulfilment: { type: duration, from: ordered, to: delivered, key: order_id }
objectives:
  - id: o
    title: Live
    owner: somebody
    key_results:
      - { id: orders, title: t, metric: orders, baseline: 0, target: 100, silent_after: never }
      - { id: amount, title: t, metric: amount, baseline: 0, target: 100, silent_after: never }
      - { id: accuracy, title: t, metric: accuracy, baseline: 50%, target: 99%, window: cycle }
      - { id: mean, title: t, metric: fulfilment, stat: mean, baseline: 5d, target: 1h, window: cycle, silent_after: never }
      - { id: within, title: t, metric: fulfilment, stat: { within: 24h }, baseline: 0%, target: 95%, window: cycle, silent_after: never }
      - { id: mispicks, title: t, metric: mispicks, baseline: 100, target: 0, silent_after: never }
      - { id: notes, title: t, metric: notes, baseline: 0, target: 10, silent_after: never }
"#;

fn world(now: &str) -> World<Sqlite> {
    let mut world = World::new(world::book(BOOK), Sqlite::new(), now);
    for topic in ["orders", "deliveries", "picks", "errors"] {
        world.partition(topic, 0);
    }
    world
}

/// An order of that number at that time: its record has the same time.
fn order<S: Storage>(world: &mut World<S>, partition: i32, number: u32, when: &str) {
    let json = format!(r#"{{"id":{number},"at":"{}","order_id":{number},"warehouse":"SH1","amount":1.5}}"#, at(when));
    world.produce("orders", partition, when, &json);
}

fn delivery<S: Storage>(world: &mut World<S>, number: u32, when: &str) {
    let json = format!(r#"{{"at":"{}","order_id":"{number}"}}"#, at(when));
    world.produce("deliveries", 0, when, &json);
}

fn pick<S: Storage>(world: &mut World<S>, when: &str) {
    world.produce("picks", 0, when, &format!(r#"{{"at":"{}"}}"#, at(when)));
}

fn mispick<S: Storage>(world: &mut World<S>, when: &str) {
    let when_text = at(when);
    world.produce(
        "errors",
        0,
        when,
        &format!(r#"{{"at":"{when_text}","noted_at":"{when_text}","category":"mispick"}}"#),
    );
}

fn partition<S: Storage>(world: &mut World<S>, topic: &str) -> Partition {
    world.partition(topic, 0)
}

/// A cut is made, stored, and its answer heard.
fn cut<S: Storage>(world: &mut World<S>, process: usize, now: &str) {
    world.tick(process, now);
    world.hear(process);
}

#[test]
fn case_02_a_pair_over_two_processes_counts_once_though_one_is_fenced() {
    let mut world = world("2026-10-05");
    order(&mut world, 0, 1, "2026-10-05T10:00");
    delivery(&mut world, 1, "2026-10-05T12:00");
    let (orders, deliveries) = (partition(&mut world, "orders"), partition(&mut world, "deliveries"));
    let (one, other) = (world.start_with(&[orders]), world.start_with(&[deliveries]));
    world.consume_all(one);
    world.consume_all(other);
    cut(&mut world, other, "2026-10-05T13:00");
    world.tick(one, "2026-10-05T13:00");
    // Somebody else claims orders/0 while the start's cut is on its way.
    let third = world.start();
    world.hear(one);
    assert_eq!(world.process(one).reloads, 1, "the first is fenced");
    world.crash(one, true);
    world.crash(other, true);
    world.settle(third, "2026-10-06");
    assert_eq!(world.shows(third, "o/mean"), "value=7200 n=1 status=on_track as_of=2026-10-06T00:00:00Z");
    assert_eq!(world.shows(third, "o/orders").split(" status").next(), Some("value=1 n=1"));
}

#[test]
fn case_03_after_a_crash_and_a_dropped_partition_the_document_is_that_of_a_quiet_run() {
    // The thousands of random stories are in tests/properties.rs; this one runs over the real store.
    let mut world = world("2026-10-05");
    for number in 0..20 {
        order(&mut world, number as i32 % 2, number / 2, "2026-10-05T10:00");
        delivery(&mut world, number, "2026-10-05T16:00");
        mispick(&mut world, "2026-10-05T11:00");
        pick(&mut world, "2026-10-05T11:00");
    }
    let one = world.start();
    let (orders, picks) = (partition(&mut world, "orders"), partition(&mut world, "picks"));
    world.consume(one, orders, 7);
    world.consume(one, picks, 20);
    cut(&mut world, one, "2026-10-05T12:00");
    world.consume(one, orders, 2);
    world.unassign(one, &[orders]);
    world.assign(one, &[orders]);
    world.consume(one, orders, 9);
    world.tick(one, "2026-10-05T13:00");
    world.crash(one, false);
    let two = world.start();
    let document = world.settle(two, "2026-10-08");
    assert_eq!(document, quiet(&world, "2026-10-08").document(0));
}

#[test]
fn case_08_the_first_copy_by_offset_wins_wherever_the_batch_edge_falls() {
    for edge in 0..=4 {
        for crash in [false, true] {
            let mut world = world("2026-10-05");
            for amount in ["10", "99", "98", "97"] {
                let json = format!(r#"{{"id":"a","at":"2026-10-05T10:00:00Z","order_id":1,"amount":{amount}}}"#);
                world.produce("orders", 0, "2026-10-05T10:00", &json);
            }
            let orders = partition(&mut world, "orders");
            let mut process = world.start();
            world.consume(process, orders, edge);
            cut(&mut world, process, "2026-10-05T11:00");
            if crash {
                world.crash(process, true);
                process = world.start();
            }
            world.settle(process, "2026-10-06");
            assert_eq!(
                world.shows(process, "o/amount").split(" status").next(),
                Some("value=10 n=1"),
                "cut after {edge}"
            );
            assert_eq!(world.counters(process), "Copies { event: \"ordered\" }=3", "cut after {edge}");
        }
    }
}

#[test]
fn case_12_a_commit_whose_answer_is_lost_is_neither_lost_nor_counted_twice() {
    for reached in [true, false] {
        let mut world = world("2026-10-05");
        (0..5).for_each(|number| order(&mut world, 0, number, "2026-10-05T10:00"));
        let orders = partition(&mut world, "orders");
        let process = world.start();
        world.consume(process, orders, 3);
        world.tick(process, "2026-10-05T11:00");
        world.lose_commit(process, reached);
        assert_eq!(world.process(process).publications, 1, "published once it is known to be stored");
        world.settle(process, "2026-10-06");
        assert_eq!(world.shows(process, "o/orders").split(" status").next(), Some("value=5 n=5"), "reached: {reached}");
        let again = world.start();
        world.settle(again, "2026-10-06");
        assert_eq!(world.document(again), world.document(process));
    }
}

#[test]
fn case_13_no_cohort_falls_while_deliveries_drain_after_orders() {
    let mut world = world("2026-10-05");
    for number in 0..10 {
        order(&mut world, 0, number, &format!("2026-10-0{}T10:00", 1 + number / 2));
        delivery(&mut world, number, &format!("2026-10-0{}T20:00", 1 + number / 2));
    }
    let (orders, deliveries) = (partition(&mut world, "orders"), partition(&mut world, "deliveries"));
    let process = world.start();
    world.consume(process, orders, usize::MAX);
    world.consume(process, deliveries, 4);
    world.answer_end(process, orders, at("2026-10-08"));
    cut(&mut world, process, "2026-10-08");
    // The orders are known to the last; the deliveries to those of the 2nd, and only what they can judge is judged.
    assert_eq!(world.shows(process, "o/within"), "value=1 n=2 status=on_track as_of=2026-10-02T20:00:00Z");
    world.tick(process, "2026-10-08T00:01");
    assert_eq!(
        world.shows(process, "o/within"),
        "value=1 n=2 status=on_track as_of=2026-10-02T20:00:00Z",
        "time alone tells nothing"
    );
    let document = world.settle(process, "2026-10-08");
    assert_eq!(world.shows(process, "o/within"), "value=1 n=10 status=on_track as_of=2026-10-08T00:00:00Z");
    assert_eq!(document, quiet(&world, "2026-10-08").document(0));
}

#[test]
fn case_14_accuracy_does_not_rise_while_errors_lag_behind_picks() {
    let mut world = world("2026-10-05");
    for hour in 10..20 {
        pick(&mut world, &format!("2026-10-05T{hour}:00"));
        mispick(&mut world, &format!("2026-10-05T{hour}:00"));
    }
    let (picks, errors) = (partition(&mut world, "picks"), partition(&mut world, "errors"));
    let process = world.start();
    world.consume(process, picks, usize::MAX);
    world.consume(process, errors, 4);
    world.answer_end(process, picks, at("2026-10-06"));
    cut(&mut world, process, "2026-10-06");
    assert_eq!(world.shows(process, "o/accuracy"), "value=0 n=3 status=at_risk as_of=2026-10-05T13:00:00Z");
}

#[test]
fn the_partition_that_is_least_far_holds_as_of_back() {
    let mut world = world("2026-10-05");
    (0..10)
        .for_each(|number| order(&mut world, number as i32 % 2, number, &format!("2026-10-05T{:02}:00", 10 + number)));
    let (slow, fast) = (world.partition("orders", 0), world.partition("orders", 1));
    let process = world.start();
    world.consume(process, fast, usize::MAX);
    world.answer_end(process, fast, at("2026-10-06"));
    cut(&mut world, process, "2026-10-06");
    assert_eq!(
        world.shows(process, "o/orders"),
        "value=- n=- status=no_data as_of=-",
        "nothing is known of the other partition"
    );
    world.consume(process, slow, 2);
    cut(&mut world, process, "2026-10-06");
    assert_eq!(world.shows(process, "o/orders"), "value=2 n=2 status=at_risk as_of=2026-10-05T12:00:00Z");
}

#[test]
fn case_15_a_log_that_ends_in_control_records_is_caught_up() {
    let mut world = world("2026-10-05");
    order(&mut world, 0, 1, "2026-10-05T10:00");
    world.control("orders", 0);
    order(&mut world, 0, 2, "2026-10-05T11:00");
    world.control("orders", 0);
    world.control("orders", 0);
    let process = world.start();
    world.settle(process, "2026-10-06");
    assert_eq!(world.shows(process, "o/orders"), "value=2 n=2 status=at_risk as_of=2026-10-06T00:00:00Z");
    assert!(!world.snapshot(process).catching_up);
    assert_eq!(world.counters(process), "SkippedOffsets { topic: \"orders\" }=3");
    // A log of nothing but control records, too; and its offsets are stored.
    let mut world = self::world("2026-10-05");
    world.control("orders", 0);
    let process = world.start();
    world.settle(process, "2026-10-06");
    assert!(!world.snapshot(process).catching_up);
    let again = world.start();
    assert_eq!(world.settle(again, "2026-10-06"), world.document(process));
    assert_eq!(world.process(again).reloads, 0);
}

#[test]
fn skipped_offsets_are_counted_whenever_the_position_is_asked() {
    let counters = |asked: bool| {
        let mut world = world("2026-10-05");
        order(&mut world, 0, 1, "2026-10-05T10:00");
        world.control("orders", 0);
        let orders = partition(&mut world, "orders");
        let process = world.start();
        world.consume_all(process);
        if asked {
            world.answer_end(process, orders, at("2026-10-05T10:30"));
        }
        order(&mut world, 0, 2, "2026-10-05T11:00");
        world.settle(process, "2026-10-06");
        world.counters(process)
    };
    assert_eq!(counters(true), counters(false));
}

#[test]
fn case_16_an_event_dated_2099_moves_no_watermark_and_closes_nothing() {
    let mut world = world("2026-10-05");
    order(&mut world, 0, 1, "2026-10-05T10:00");
    let json = r#"{"id":2,"at":"2099-01-01T00:00:00Z","order_id":2,"amount":1}"#;
    world.produce("orders", 0, "2026-10-05T10:01", json);
    world.produce("deliveries", 0, "2026-10-05T12:00", r#"{"at":"2099-01-01T00:00:00Z","order_id":1}"#);
    let process = world.start();
    world.consume_all(process);
    cut(&mut world, process, "2026-10-05T13:00");
    // The watermark stands where the last believable event was; the strange one counts in its own bucket, beyond the window.
    assert_eq!(world.shows(process, "o/orders"), "value=0 n=0 status=at_risk as_of=2026-10-05T10:00:00Z");
    world.settle(process, "2026-10-05T13:00");
    assert_eq!(world.shows(process, "o/orders"), "value=1 n=1 status=at_risk as_of=2026-10-05T13:00:00Z");
    let faults = ["event/delivered", "event/ordered", "fulfilment"];
    let faults = faults.map(|metric| format!("ValueFaults {{ metric: {metric:?}, reason: \"future\" }}=1"));
    assert_eq!(world.counters(process), faults.join("\n"));
    assert!(!world.score(process, "o/orders").closed);
    assert_eq!(world.shows(process, "o/mean").split(" as_of").next(), Some("value=- n=0 status=no_data"));
}

#[test]
fn case_20_replay_at_an_instant_and_a_live_service_then_show_the_same() {
    let mut world = world("2026-10-05");
    for number in 0..12 {
        order(&mut world, 0, number, &format!("2026-10-05T{:02}:30", number + 4));
        delivery(&mut world, number, &format!("2026-10-05T{:02}:45", number + 4));
        pick(&mut world, "2026-10-05T11:00");
        mispick(&mut world, "2026-10-05T12:00");
    }
    let process = world.start();
    let live = world.settle(process, "2026-10-05T16:00");
    // A file has no record timestamps; what comes at or after the instant is left out.
    let folder = tempfile::tempdir().expect("a folder");
    let book = folder.path().join("book.yaml");
    std::fs::write(&book, BOOK).expect("a file");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_krscore"));
    command.args(["replay", &book.to_string_lossy(), "--format", "json", "--at", "2026-10-05T16:00:00Z"]);
    order(&mut world, 0, 99, "2026-10-05T16:00");
    for (partition, log) in &world.logs {
        let topic = &world.book.topics[usize::from(partition.topic.0)].name;
        let path = folder.path().join(format!("{topic}.ndjson"));
        let lines: Vec<String> = log.records.iter().filter_map(|logged| logged.payload.clone()).collect();
        std::fs::write(&path, lines.join("\n")).expect("a file");
        command.arg("--events").arg(format!("{topic}={}", path.display()));
    }
    let output = command.output().expect("krscore runs");
    let replayed: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a document");
    let live: serde_json::Value = serde_json::from_str(&live).expect("a document");
    assert_eq!(without_book(replayed), without_book(live));
}

/// The hash covers the book's file name, which differs here.
fn without_book(mut document: serde_json::Value) -> serde_json::Value {
    document["book"] = serde_json::Value::Null;
    document
}

#[test]
fn case_22_a_silent_error_topic_turns_stale_and_leaves_the_roll_up() {
    let mut world = world("2026-10-05");
    mispick(&mut world, "2026-10-05T09:00");
    for day in 5..10 {
        pick(&mut world, &format!("2026-10-{day:02}T10:00"));
    }
    let process = world.start();
    let status = |world: &World<Sqlite>| world.score(process, "o/accuracy").status.as_str();
    world.settle(process, "2026-10-08T09:00");
    assert_eq!(status(&world), "on_track");
    world.settle(process, "2026-10-08T10:00");
    assert_eq!(status(&world), "stale");
    assert_eq!(
        world.shows(process, "o/accuracy").split(" status").next(),
        Some("value=0.666666667 n=3"),
        "it keeps its value"
    );
    assert_eq!(world.snapshot(process).scores.objectives[0].coverage.to_string(), "0.571428571", "4 of 7 are judged");
}

#[test]
fn case_36_after_the_cycle_nothing_turns_stale_before_it_settles() {
    let mut world = world("2026-10-05");
    for day in 1..=31 {
        pick(&mut world, &format!("2026-10-{day:02}T23:00"));
        mispick(&mut world, &format!("2026-10-{day:02}T23:00"));
    }
    let process = world.start();
    for (now, closed) in
        [("2026-11-01", false), ("2026-11-03T23:59", false), ("2026-11-04", true), ("2026-12-31", true)]
    {
        world.settle(process, now);
        let score = world.score(process, "o/accuracy");
        assert_eq!((score.closed, score.status.as_str() == "stale"), (closed, false), "{now}");
    }
}

#[test]
fn case_37_while_the_broker_and_then_the_store_is_away_nothing_advances() {
    let mut world = world("2026-10-05");
    order(&mut world, 0, 1, "2026-10-05T10:00");
    let process = world.start();
    world.settle(process, "2026-10-05T12:00");
    let before = world.shows(process, "o/within");
    // The broker gives no answer for a day: ticks publish, as_of stands, and the order that nobody delivered is not judged.
    for hour in 13..24 {
        world.tick(process, &format!("2026-10-05T{hour}:00"));
    }
    world.tick(process, "2026-10-06T12:00");
    assert_eq!(world.shows(process, "o/within"), before);
    assert_eq!(world.snapshot(process).at, at("2026-10-06T12:00"));
    // Then it answers, and the store is away: the Snapshot's age says so.
    order(&mut world, 0, 2, "2026-10-06T13:00");
    world.now = at("2026-10-06T14:00");
    world.consume_all(process);
    world.answer_ends(process);
    for hour in 14..24 {
        world.tick(process, &format!("2026-10-06T{hour}:00"));
    }
    assert_eq!(world.snapshot(process).at, at("2026-10-06T12:00"));
    assert_eq!(world.shows(process, "o/within"), before);
    world.hear(process);
    assert_eq!(world.snapshot(process).at, at("2026-10-06T14:00"));
    assert_eq!(world.shows(process, "o/within"), "value=0 n=1 status=at_risk as_of=2026-10-06T14:00:00Z");
}

#[test]
fn case_38_a_restart_in_a_backlog_goes_on_from_the_stored_watermarks() {
    let mut world = world("2026-10-05");
    (0..10).for_each(|number| order(&mut world, 0, number, &format!("2026-10-0{}T10:00", 1 + number / 2)));
    delivery(&mut world, 0, "2026-10-01T11:00");
    let (orders, deliveries) = (partition(&mut world, "orders"), partition(&mut world, "deliveries"));
    let process = world.start();
    world.consume(process, orders, 4);
    world.consume(process, deliveries, 1);
    world.answer_end(process, deliveries, at("2026-10-08"));
    cut(&mut world, process, "2026-10-08");
    let before = world.shows(process, "o/within");
    assert_eq!(before.split("as_of=").nth(1), Some("2026-10-02T10:00:00Z"), "{before}");
    world.crash(process, true);
    let process = world.start_with(&[orders]);
    world.tick(process, "2026-10-09");
    assert_eq!(world.shows(process, "o/within"), before, "the deliveries' end was stored with the facts");
    assert!(world.snapshot(process).catching_up);
    world.consume(process, orders, 2);
    cut(&mut world, process, "2026-10-09T00:01");
    assert_eq!(world.shows(process, "o/within").split("as_of=").nth(1), Some("2026-10-03T10:00:00Z"));
}

#[test]
fn case_39_of_two_events_of_a_record_the_one_with_a_readable_time_counts() {
    let mut world = world("2026-10-05");
    world.produce(
        "errors",
        0,
        "2026-10-05T10:00",
        r#"{"at":"yesterday","noted_at":"2026-10-05T10:00:00Z","category":"mispick"}"#,
    );
    world.produce(
        "errors",
        0,
        "2026-10-05T10:00",
        r#"{"at":"2026-10-05T10:00:00Z","noted_at":null,"category":"mispick"}"#,
    );
    // What `where` does not accept is no dead letter.
    world.produce(
        "errors",
        0,
        "2026-10-05T10:00",
        r#"{"at":"yesterday","noted_at":"2026-10-05T10:00:00Z","category":"other"}"#,
    );
    let process = world.start();
    world.settle(process, "2026-10-06");
    let value = |name: &str| world.shows(process, name).split(" status").next().map(str::to_owned);
    assert_eq!(value("o/notes").as_deref(), Some("value=2 n=2"));
    assert_eq!(value("o/mispicks").as_deref(), Some("value=1 n=1"));
    let dead = &world.processes[process].as_ref().expect("it runs").dead_letters;
    let offsets: Vec<i64> = dead.iter().map(|(_, _, offset)| *offset).collect();
    assert_eq!(offsets, [0, 1], "{dead:?}");
}
