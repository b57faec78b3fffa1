//! What values come out of cells.

use super::world::{World, fixed, improve, sketch_of, span};
use crate::aggregate::facts::Coverage;
use crate::aggregate::plan::{Aggregate, AggregateId, AggregateIndex, Facet, Measure};
use crate::book::expr::Operator;
use crate::book::{RatioSense, Window};
use crate::score::Status;

fn ratio(sense: RatioSense, part: Measure, total: Measure) -> Measure {
    Measure::Ratio(sense, Box::new(part), Box::new(total))
}

fn arithmetic(operator: Operator, a: Measure, b: Measure) -> Measure {
    Measure::Arithmetic(operator, Box::new(a), Box::new(b))
}

#[test]
fn values_are_as_the_table_says() {
    let mut world = World::q4();
    let some = world.tally("2026-10-02 n=2 v=1.5; 2026-10-03 n=1 v=-4; 2026-09-30T23 n=100 v=100");
    let none = world.tally("2026-09-30T23 n=1 v=1");
    let bad = world.tally("2026-10-02 n=1");
    use Measure::{Count, Max, Mean, Min, Number, Percentile, Share, Sum};
    let table = [
        (Count(some), "value=3 n=3 of=-/-"),
        (Count(none), "value=0 n=0 of=-/-"),
        (Sum(some), "value=-1 n=3 of=-/-"),
        (Sum(none), "value=0 n=0 of=-/-"),
        (Mean(some), "value=-0.333333333 n=3 of=-1/3"),
        (Mean(none), "value=- n=0 of=0/0"),
        (Min(some), "value=-4 n=3 of=-/-"),
        (Max(some), "value=1.5 n=3 of=-/-"),
        (Max(none), "value=- n=0 of=-/-"),
        // The midpoint of the bin that holds 1.5 is 1.501560832, and that of -4 is -4.009754624: nothing was so great, or so small.
        (Percentile(some, sketch_of(some), 5_000), "value=1.5 n=3 of=-/-"),
        (Percentile(some, sketch_of(some), 1_000), "value=-4 n=3 of=-/-"),
        (Percentile(none, sketch_of(none), 5_000), "value=- n=0 of=-/-"),
        (Share(none), "value=- n=0 of=0/0"),
        (ratio(RatioSense::Bad, Count(bad), Count(some)), "value=0.666666667 n=3 of=2/3"),
        (ratio(RatioSense::Good, Count(bad), Count(some)), "value=0.333333333 n=3 of=1/3"),
        (ratio(RatioSense::Part, Count(none), Count(some)), "value=0 n=3 of=0/3"),
        // n is the rows of the denominator, not its sum.
        (ratio(RatioSense::Part, Count(bad), Sum(some)), "value=-1 n=3 of=1/-1"),
        (ratio(RatioSense::Part, Count(bad), Count(none)), "value=- n=0 of=1/0"),
        (arithmetic(Operator::Multiply, Number(fixed("1000")), Count(bad)), "value=1000 n=- of=-/-"),
        (arithmetic(Operator::Divide, Count(bad), Count(none)), "value=- n=-"),
        (arithmetic(Operator::Add, Mean(none), Count(bad)), "value=- n=-"),
        (Measure::Negate(Box::new(arithmetic(Operator::Subtract, Count(some), Count(bad)))), "value=-2"),
    ];
    for (measure, expected) in table {
        let kr = world.measured(improve("0", "10"), measure, |kr, _| kr.min_events = None);
        world.check(kr, "2026-10-05", expected);
    }
}

#[test]
fn rows_that_could_not_be_checked_for_copies_make_a_score_that_says_so() {
    let mut world = World::q4();
    let tally = world.tally("2026-10-02 n=9");
    let kr = world.measured(improve("0", "10"), Measure::Count(tally), |_, _| ());
    world.check(kr, "2026-10-05", "value=9 score=0.9 status=on_track");
    world.facts.events.iter_mut().for_each(|event| event.unchecked = 2);
    world.check(kr, "2026-10-05", "value=9 score=0.9 status=insufficient_data");
    let reason = world.score("2026-10-05").objectives[0].key_results[kr].reason.to_string();
    assert!(
        reason.contains("2 rows could not be checked for copies") && reason.contains("`dedup_ids_max`"),
        "{reason}"
    );
}

#[test]
fn case_25_members_of_additive_metrics_have_values_but_no_score() {
    let mut world = World::q4();
    let all = world.tally("2026-10-02..2026-10-05/1d n=300");
    let by = world.tally(
        "2026-10-02..2026-10-05/1d n=100 @SH1; 2026-10-02..2026-10-05/1d n=100 @BJ2; 2026-10-02..2026-10-05/1d n=100; 2026-09-01 n=5 @GONE",
    );
    let kr = world.measured(improve("0", "900"), Measure::Count(all), |_, plan| {
        plan.by = vec![("warehouse".to_owned(), Measure::Count(by))];
    });
    let score = world.score("2026-10-05").objectives[0].key_results[kr].clone();
    assert_eq!(score.n, Some(900));
    let found: Vec<_> = score.members.iter().map(|m| (m.member.as_str(), m.n, m.target, m.score, m.status)).collect();
    let value = Some(300);
    let expected = ["(none)", "BJ2", "SH1"].map(|name| (name, value, None, None, None));
    assert_eq!(found, expected);
}

#[test]
fn members_of_ratios_are_held_against_the_same_target_the_largest_first() {
    let mut world = World::q4();
    let bad = world.tally("2026-10-02 n=1 @A; 2026-10-02 n=10 @B");
    let total = world.tally("2026-10-02 n=10 @A; 2026-10-02 n=100 @B; 2026-10-02 n=2 @C; 2026-10-02 n=10 @AA");
    let (all_bad, all) = (world.tally("2026-10-02 n=11"), world.tally("2026-10-02 n=122"));
    let measure = |bad, total| ratio(RatioSense::Bad, Measure::Count(bad), Measure::Count(total));
    let kr = world.measured(improve("0", "1"), measure(all_bad, all), |kr, plan| {
        kr.min_events = Some(3);
        plan.by = vec![("d".to_owned(), measure(bad, total))];
    });
    let score = world.score("2026-10-05").objectives[0].key_results[kr].clone();
    let found: Vec<_> = score.members.iter().map(|m| (m.member.as_str(), m.n, m.score, m.status)).collect();
    let (on_track, few) = (Some(Status::OnTrack), Some(Status::InsufficientData));
    let expected = [
        ("B", Some(100), Some(fixed("0.9")), on_track),
        ("A", Some(10), Some(fixed("0.9")), on_track),
        ("AA", Some(10), Some(fixed("1")), on_track),
        ("C", Some(2), Some(fixed("1")), few),
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_window_that_is_not_covered_has_no_value() {
    let mut world = World::q4();
    let tally = world.tally("2026-11-01..2026-11-10/1d n=1");
    let kr = world.measured(improve("0", "10"), Measure::Count(tally), |_, _| {});
    let table = [
        (Coverage::Whole, false, "value=9 data_from=- status=on_track"),
        (Coverage::From(super::world::at("2026-10-01")), false, "value=9 data_from=- status=on_track"),
        (
            Coverage::From(super::world::at("2026-10-05")),
            false,
            "value=9 data_from=2026-10-05T00:00:00Z status=insufficient_data",
        ),
        (
            Coverage::From(super::world::at("2026-10-05")),
            true,
            "value=9 data_from=2026-10-05T00:00:00Z status=on_track",
        ),
        (Coverage::From(super::world::at("2026-11-10")), true, "value=- data_from=2026-11-10T00:00:00Z status=no_data"),
        (Coverage::Nothing, true, "value=- n=- data_from=- status=no_data"),
    ];
    for (coverage, accepted, expected) in table {
        world.facts.coverage[0] = coverage;
        world.book.objectives[0].key_results[kr].partial_accepted = accepted;
        world.check(kr, "2026-11-10", expected);
    }
}

#[test]
fn a_dimension_that_was_added_late_makes_its_members_partial_not_the_whole() {
    let mut world = World::q4();
    let (all, by) =
        (world.tally("2026-10-01..2026-11-01/1d n=1 v=5"), world.tally("2026-10-20..2026-11-01/1d n=1 v=5 @A"));
    let kr = world.measured(improve("0", "5"), Measure::Mean(all), |_, plan| {
        plan.by = vec![("d".to_owned(), Measure::Mean(by))];
        plan.aggregates.push(AggregateIndex(1));
    });
    for tally in [all, by] {
        world.plan.aggregates.push(Aggregate {
            id: AggregateId(0),
            definition: String::new(),
            events: Vec::new(),
            metric: "m".to_owned(),
            facet: Facet::Tally(tally),
        });
    }
    world.facts.coverage = vec![Coverage::Whole, Coverage::From(super::world::at("2026-10-20"))];
    world.check(kr, "2026-11-01", "value=5 n=31 data_from=- status=on_track");
    let member = |world: &World| world.score("2026-11-01").objectives[0].key_results[kr].members[0].clone();
    assert_eq!((member(&world).n, member(&world).status), (Some(12), Some(Status::InsufficientData)));
    world.facts.coverage.reverse();
    world.check(kr, "2026-11-01", "value=5 data_from=2026-10-20T00:00:00Z status=insufficient_data");
}

#[test]
fn what_changed_in_a_week_is_recomputed_from_todays_facts() {
    let mut world = World::q4();
    let tally = world.tally("2026-10-01..2026-12-01/1d n=1 v=2; 2026-10-20 n=10 v=4");
    let count = world.measured(improve("0", "100"), Measure::Count(tally), |_, _| {});
    let mean =
        world.measured(improve("0", "8"), Measure::Mean(tally), |kr, _| kr.window = Window::Trailing(span("7d")));
    world.check(count, "2026-10-22", "value=31 change=17/0.17");
    world.check(count, "2026-10-05", "value=4 change=-");
    // 7 days of 2 and one hour of ten 4s: 54 / 17; a week before: 2.
    world.check(mean, "2026-10-22", "value=3.176470588 change=1.176470588/0.147058824");
    // As of half past, the bucket that holds as_of − 7d is left out.
    world.check(count, "2026-10-22T00:30", "value=32 change=18/0.18");
}

#[test]
fn a_ratio_shows_its_parts() {
    let mut world = World::q4();
    let (bad, total) = (world.tally("2026-10-02 n=1"), world.tally("2026-10-02 n=4"));
    let rows = |world: &World| world.book.metrics[0].kind.clone();
    let kind = rows(&world);
    let (part, whole) = (world.metric("bad", kind.clone()), world.metric("all", kind));
    world.book.metrics[0].kind = crate::book::MetricKind::Ratio { sense: RatioSense::Bad, part, total: whole };
    let measure = ratio(RatioSense::Bad, Measure::Count(bad), Measure::Count(total));
    let kr = world.measured(improve("0", "1"), measure, |_, _| {});
    let score = &world.score("2026-10-05").objectives[0].key_results[kr];
    let parts: Vec<_> = score.parts.iter().map(|p| (p.metric.as_str(), p.value, p.n)).collect();
    assert_eq!(parts, [("bad", Some(fixed("1")), Some(1)), ("all", Some(fixed("4")), Some(4))]);
}

#[test]
fn a_part_greater_than_its_whole_is_remarked_upon() {
    for (rows, expected) in [("2026-10-02 n=4", None), ("2026-10-02 n=5", Some("bad does not lie within all"))] {
        let mut world = World::q4();
        let (bad, total) = (world.tally(rows), world.tally("2026-10-02 n=4"));
        let kind = world.book.metrics[0].kind.clone();
        let (part, whole) = (world.metric("bad", kind.clone()), world.metric("all", kind));
        world.book.metrics[0].kind = crate::book::MetricKind::Ratio { sense: RatioSense::Bad, part, total: whole };
        let measure = ratio(RatioSense::Bad, Measure::Count(bad), Measure::Count(total));
        let kr = world.measured(improve("0", "1"), measure, |_, _| {});
        let reason = world.score("2026-10-05").objectives[0].key_results[kr].reason.to_string();
        assert_eq!(reason.contains("does not lie within"), expected.is_some(), "{reason}");
        assert!(expected.is_none_or(|expected| reason.contains(expected)), "{reason}");
    }
}
