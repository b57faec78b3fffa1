//! Each budget of memory, passed: said in the score and in the state, the same for every order of arrival, and not at all with more room.

use krscore::aggregate::budget::{Budget, Budgets};

use crate::world::storage::Memory;
use crate::world::{World, at, quiet};

const BOOK: &str = r#"
apiVersion: krscore/v1
cycles:
  - { id: c, start: 2026-10-01, end: 2026-11-01, timezone: Etc/UTC }
events:
  ordered:   { topic: orders, id: id, time: at, dimensions: [warehouse] }
  delivered: { topic: deliveries, time: at }
metrics:
  orders:     { type: count, event: ordered }
  buyers:     { type: distinct, event: ordered, value: buyer }
  open:       { type: level, event: ordered, key: order_id, value: amount }
  fulfilment: { type: duration, from: ordered, to: delivered, key: order_id }
objectives:
  - id: o
    title: Bounded
    owner: somebody
    key_results:
      - { id: orders, title: t, metric: orders, baseline: 0, target: 100, by: [warehouse], silent_after: never }
      - { id: buyers, title: t, metric: buyers, baseline: 0, target: 100, silent_after: never }
      - { id: open, title: t, metric: open, baseline: 0, target: 100, by: [warehouse], silent_after: never }
      - { id: mean, title: t, metric: fulfilment, stat: mean, baseline: 5d, target: 1h, by: [warehouse], window: cycle, silent_after: never }
"#;

/// Six orders of five buyers in four warehouses over three days, three of them delivered; their logs in one order or the other.
fn told(budgets: Budgets, reversed: bool) -> World<Memory> {
    let mut world = World::new(crate::world::book(BOOK), Memory::default(), "2026-10-05");
    world.budgets = budgets;
    let mut numbers: Vec<u32> = (0..6).collect();
    if reversed {
        numbers.reverse();
    }
    world.partition("deliveries", 0);
    for number in numbers {
        let (day, buyer, warehouse) = (5 + number / 2, number % 5, number % 4);
        let when = format!("2026-10-0{day}T10:00");
        let json = format!(
            r#"{{"id":{number},"at":"{}","order_id":{number},"buyer":{buyer},"warehouse":"W{warehouse}","amount":2}}"#,
            at(&when)
        );
        world.produce("orders", number as i32 % 2, &when, &json);
        if number % 2 == 0 {
            let when = format!("2026-10-0{day}T14:00");
            world.produce("deliveries", 0, &when, &format!(r#"{{"at":"{}","order_id":{number}}}"#, at(&when)));
        }
    }
    world
}

/// What is said with these budgets: of each key result, and which budgets are passed.
fn check(budget: Budget, limit: usize, key_result: &str, expected: &str, passed: &[&str]) {
    let mut budgets = Budgets::default();
    *budget.limit_mut(&mut budgets) = limit;
    let mut documents = Vec::new();
    for reversed in [false, true] {
        let mut world = told(budgets, reversed);
        // A record at a time with a cut after each, then all again from the store.
        let process = world.start();
        let partitions: Vec<_> = world.logs.keys().copied().collect();
        for _ in 0..4 {
            for partition in &partitions {
                world.consume(process, *partition, 1);
                world.tick(process, "2026-10-08");
                world.hear(process);
            }
        }
        documents.push(world.settle(process, "2026-10-09"));
        world.crash(process, true);
        let again = world.start();
        documents.push(world.settle(again, "2026-10-09"));
        documents.push(quiet(&world, "2026-10-09").document(0));
        let score = world.score(again, key_result);
        let members: Vec<&str> = score.members.iter().map(|member| member.member.as_str()).collect();
        let said = format!("{} {} {members:?}", score.status.as_str(), score.reason);
        assert!(said.contains(expected), "{budget:?} {limit}: {said}");
        let snapshot = world.snapshot(again);
        let found: Vec<String> = (snapshot.budgets.iter().filter(|used| used.passed))
            .map(|used| format!("{} of {} at {}", used.budget.as_str(), used.of, used.limit))
            .collect();
        assert_eq!(found, passed, "{budget:?} {limit}");
    }
    assert!(documents.windows(2).all(|pair| pair[0] == pair[1]), "{budget:?} {limit}: {documents:#?}");
}

#[test]
fn a_budget_that_is_passed_is_said_and_changes_no_number_silently() {
    let pairs = "insufficient_data there is no value: there are more than 5 pairs, which is all that may be held; \
                 raise `pairs_max` in [state] and restart []";
    check(Budget::Pairs, 5, "o/mean", pairs, &["pairs_max of fulfilment at 5"]);
    check(Budget::Pairs, 6, "o/mean", r#"["W0", "W2"]"#, &[]);
    let values = "insufficient_data there is no value: there are more than 5 distinct values";
    check(Budget::Distinct, 5, "o/buyers", values, &["distinct_max of buyers at 5"]);
    check(Budget::Distinct, 6, "o/buyers", "off_track 0.05", &[]);
    let keys = "insufficient_data there is no value: there are more than 5 keys of a level";
    check(Budget::Levels, 5, "o/open", keys, &["levels_max of open at 5"]);
    check(Budget::Levels, 6, "o/open", r#"["W0", "W1", "W2", "W3"]"#, &[]);
}

#[test]
fn past_members_max_the_whole_is_judged_and_its_members_are_not_shown() {
    let hidden = "; members of warehouse are not shown: there are more than 3 members, which is all that may be held; \
                  raise `members_max` in [state] and restart []";
    // Only two of the four warehouses have a finished pair, but the half-pairs of all are there for a cohort.
    let passed = ["members_max of open at 3", "members_max of orders at 3"];
    check(Budget::Members, 3, "o/orders", hidden, &passed);
    check(Budget::Members, 3, "o/orders", "off_track 0.06", &passed);
    check(Budget::Members, 3, "o/open", hidden, &passed);
    check(Budget::Members, 3, "o/mean", r#"["W0", "W2"]"#, &passed);
    check(Budget::Members, 4, "o/orders", r#"["W0", "W1", "W2", "W3"]"#, &[]);
}

#[test]
fn past_dedup_ids_max_what_is_unchecked_is_counted_and_the_state_says_so() {
    // Two days of three ids each a partition would need three: the oldest are let go.
    check(Budget::DedupIds, 2, "o/orders", "off_track 0.06", &["dedup_ids_max of orders at 2"]);
    check(Budget::DedupIds, 3, "o/orders", "off_track 0.06", &[]);
}

#[test]
fn what_passes_its_budget_in_the_midst_of_a_cut_is_held_no_further() {
    // Three keys in each partition of the orders: the second one passes the budget, the third comes after it.
    let mut world = told(Budgets { pairs_max: 1, ..Budgets::default() }, false);
    let process = world.start();
    world.settle(process, "2026-10-09");
    let process = &world.processes[process].as_ref().expect("it runs");
    assert_eq!(process.held().half_pairs, 0);
}
