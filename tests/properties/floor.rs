//! Letting go changes no document: a life of two years with restarts and folds, a quiet run, and a replay that has no floor before its end
//! give the same one.
//!
//! The one exception is a key that is used again after its pair fell below the floor, so keys are used once here; the exception itself is a
//! test in `tests/pipeline/floor.rs`.

use krscore::aggregate::plan::Plan;
use krscore::pipeline::floor::Floor;

use super::*;

/// A cycle that holds the floor until 2025-05-09, one that runs, and one that has not begun.
const BOOK: &str = r#"
apiVersion: krscore/v1
cycles:
  - { id: old, start: 2024-01-01, end: 2024-04-01, timezone: Europe/Berlin }
  - { id: new, start: 2025-04-01, end: 2025-07-01, timezone: Asia/Kolkata }
  - { id: next, start: 2025-07-01, end: 2025-08-01, timezone: Etc/UTC }
events:
  ordered:   { topic: orders, id: id, time: at, where: "type = 'created'", dimensions: [warehouse] }
  delivered: { topic: moves, id: id, time: at, where: "type = 'delivered'" }
  cancelled: { topic: moves, id: id, time: at, where: "type = 'cancelled'" }
metrics:
  orders:     { type: count, event: ordered }
  amount:     { type: value, event: ordered, value: amount }
  fulfilment: { type: duration, from: ordered, to: delivered, key: order_id, end: last, deadline: promised_at, void: cancelled, give_up: 30d }
  first:      { type: duration, from: ordered, to: delivered, key: order_id, end: first, void: cancelled }
  different:  { type: distinct, event: ordered, value: amount % 7 }
  stock:      { type: level, event: ordered, key: warehouse, value: "CASE WHEN amount % 5 > 0 THEN amount END" }
objectives:
  - id: over
    cycle: old
    title: t
    owner: o
    key_results: &all
      - { id: orders, title: t, metric: orders, baseline: 0, target: 100, by: [warehouse], silent_after: never }
      - { id: amount, title: t, metric: amount, stat: p50, baseline: 0, target: 100, window: { trailing: 30d }, silent_after: never }
      - { id: daily, title: t, metric: amount, stat: mean, at_least: 3, window: { trailing: 7d }, silent_after: never }
      - { id: different, title: t, metric: different, baseline: 0, target: 7, by: [warehouse], silent_after: never }
      - { id: month, title: t, metric: different, at_least: 1, window: { trailing: 30d }, silent_after: never }
      - { id: stock, title: t, metric: stock, baseline: 0, target: 100, by: [warehouse], partial: accept, silent_after: never }
      - { id: last, title: t, metric: fulfilment, stat: mean, baseline: 50d, target: 1d, by: [warehouse], silent_after: never }
      - { id: p90, title: t, metric: first, stat: p90, baseline: 50d, target: 1d, window: cycle, silent_after: never }
      - { id: within, title: t, metric: fulfilment, stat: { within: 10d }, baseline: 0%, target: 95%, by: [warehouse], silent_after: never }
      - { id: on-time, title: t, metric: fulfilment, stat: on_time, baseline: 0%, target: 95%, window: { to_date: quarter }, silent_after: never }
"#;

/// An order of a day of the two years, and what becomes of it so many days later.
#[derive(Clone, Debug)]
struct Order {
    day: i64,
    place: u8,
    partition: i32,
    ended: Vec<(i64, bool)>,
    copied: bool,
    late_days: i64,
}

fn order() -> impl Strategy<Value = Order> {
    // Before noon of the same day is before the start: inverted, on one side of the floor.
    let after = prop::sample::select(vec![-1_i64, 1, 3, 9, 11, 40, 100, 400]);
    let ended = prop::collection::vec((after, prop::bool::weighted(0.2)), 0..3);
    let late = prop_oneof![4 => Just(0_i64), 1 => 1..500_i64];
    (0..770_i64, 0..3_u8, 0..2_i32, ended, prop::bool::weighted(0.2), late).prop_map(
        |(day, place, partition, ended, copied, late_days)| Order { day, place, partition, ended, copied, late_days },
    )
}

/// The records in the order in which they were written; all before `end`.
fn told(orders: &[Order], end: Timestamp) -> Vec<(i64, Told)> {
    let mut all = Vec::new();
    for (number, order) in orders.iter().enumerate() {
        let noon = at("2023-06-01T12:00").0 + order.day * Span::DAY.0;
        let warehouse = ["\"SH1\"", "\"SH2\"", "null"][usize::from(order.place)];
        let mut tell = |topic, instant: i64, id: String, rest: String| {
            let instant = Timestamp(instant);
            if instant < end {
                let json = format!("{{\"id\":\"{id}\",\"at\":\"{instant}\",\"order_id\":{number},{rest}}}");
                let told = Told { topic, partition: order.partition, json, at: instant };
                let written = instant.0 + order.late_days * Span::DAY.0;
                all.extend(std::iter::repeat_n((written, told), 1 + usize::from(order.copied)));
            }
        };
        let promised = Timestamp(noon + (5 + 20 * i64::from(order.place)) * Span::DAY.0);
        let rest = format!(
            "\"type\":\"created\",\"warehouse\":{warehouse},\"amount\":{number},\"promised_at\":\"{promised}\""
        );
        tell("orders", noon, format!("s{number}"), rest);
        for (nth, (after, void)) in order.ended.iter().enumerate() {
            let instant = if *after < 0 { noon - 2 * Span::HOUR.0 } else { noon + after * Span::DAY.0 };
            let kind = if *void { "cancelled" } else { "delivered" };
            tell("moves", instant, format!("{number}/{nth}"), format!("\"type\":\"{kind}\""));
        }
    }
    all.sort_by_key(|(written, _)| *written);
    all
}

fn book() -> Arc<Book> {
    let (head, key_results) = BOOK.split_once(" &all\n").expect("the anchor");
    let more = |id: &str, cycle: &str| {
        format!("  - id: {id}\n    cycle: {cycle}\n    title: t\n    owner: o\n    key_results:\n{key_results}")
    };
    world::book(&format!("{head}\n{key_results}{}{}", more("now", "new"), more("then", "next")))
}

/// A book, and the logs of what was written.
fn written(orders: &[Order], end: Timestamp) -> World<Memory> {
    let mut world = World::new(book(), Memory::default(), "2024-01-10");
    for topic in ["orders", "moves"] {
        (0..2).for_each(|number| _ = world.partition(topic, number));
    }
    for (_, event) in told(orders, end) {
        let partition = world.partition(event.topic, event.partition);
        world.append(partition, Some(event.at), Some(event.json));
    }
    world
}

fn fold(world: &mut World<Memory>) {
    let below = Floor::of(&world.book, world.now).below(&Plan::of(&world.book));
    world.store.fold_above(&below);
}

/// What a life consists of: records of all partitions up to an instant, days that pass, a restart, a fold.
#[derive(Clone, Debug)]
enum Step {
    Days(i64),
    Consume(usize),
    Commit,
    Crash(bool),
    Fold,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..90_i64).prop_map(Step::Days),
        4 => (1..30_usize).prop_map(Step::Consume),
        4 => Just(Step::Commit),
        1 => any::<bool>().prop_map(Step::Crash),
        2 => Just(Step::Fold),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn letting_go_changes_no_document(
        orders in prop::collection::vec(order(), 0..120), steps in prop::collection::vec(step(), 10..60), last in 0..60_i64,
        budget in 0..40_usize,
    ) {
        let end = Timestamp(at("2025-05-01").0 + last * Span::DAY.0);
        let mut world = written(&orders, end);
        if budget > 20 {
            // Passed now and then, and no longer when the floor has risen.
            world.budgets =
                Budgets { pairs_max: budget - 10, distinct_max: budget - 10, levels_max: budget / 2, members_max: 2, ..world.budgets };
        }
        let mut process = world.start();
        for step in &steps {
            match step {
                Step::Days(days) => world.now = Timestamp((world.now.0 + days * Span::DAY.0).min(end.0)),
                Step::Consume(records) => {
                    for partition in world.logs.keys().copied().collect::<Vec<_>>() {
                        world.consume(process, partition, *records);
                    }
                }
                Step::Commit => {
                    world.answer_ends(process);
                    world.tick_now(process);
                    world.hear(process);
                }
                Step::Crash(reached) => {
                    world.crash(process, *reached);
                    process = world.start();
                }
                Step::Fold => fold(&mut world),
            }
        }
        let when = end.to_string();
        let document = world.settle(process, &when);
        let quiet = quiet(&world, &when);
        prop_assert_eq!(&document, &quiet.document(0), "a quiet run");

        // Replay has no clock before its end: everything is taken in, then the floor falls on it.
        let mut replay = written(&orders, end);
        replay.now = at("1990-01-01");
        replay.budgets = world.budgets;
        let replayed = replay.start();
        prop_assert_eq!(&replay.settle(replayed, &when), &document, "a replay");
        // Ids have no other reason to be there. (Half-pairs are watched below the floor for a while where they were taken in before it rose, and
        // pairs that are taken back leave empty cells: nothing that a score sees.)
        let ids = |world: &World<Memory>, process: usize| {
            world.processes[process].as_ref().expect("it runs").ids_held()
        };
        let live = ids(&world, process);
        prop_assert_eq!((ids(&replay, replayed), ids(&quiet, 0)), (live, live), "the same ids are held");

        fold(&mut world);
        let again = world.start();
        prop_assert_eq!(&world.settle(again, &when), &document, "from folded chunks");
        prop_assert_eq!(ids(&world, again), live, "from folded chunks");
    }
}
