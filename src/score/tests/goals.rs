//! Attainment, success and expectation.

use super::world::{World, at, fixed, improve, maintain, span};
use crate::aggregate::plan::Measure;
use crate::book::Direction;
use crate::book::{Goal, Judge, Kind, Milestone, Source, Window};
use crate::fixed::Fixed;
use crate::score::goal::improvement;
use crate::score::key_result_at;
use crate::time::Period;

const NINETY: Judge = Judge::Days(Fixed(900_000_000));

#[test]
fn case_23_decreasing_target_goes_the_same_formula() {
    let table = [("720", "-0.384615385"), ("570", "0"), ("360", "0.538461538"), ("180", "1"), ("120", "1.153846154")];
    for (value, attainment) in table {
        let found = improvement(&fixed(value).to_rational(), fixed("570"), fixed("180"), Direction::Down);
        assert_eq!(found, Some(fixed(attainment)), "{value}");
        let mut world = World::q4();
        let tally = world.tally(&format!("2026-10-02 n=1 v={value}"));
        let kr = world.measured(improve("570", "180"), Measure::Mean(tally), |_, _| {});
        let score = fixed(attainment).clamp(Fixed::ZERO, Fixed::ONE);
        world.check(kr, "2026-10-03", &format!("value={value} attainment={attainment} score={score}"));
    }
}

#[test]
fn case_24_a_measured_baseline_past_its_target_becomes_a_line_to_hold() {
    for (value, direction, attainment) in [
        ("4.7", Direction::Up, "1"),
        ("4.5", Direction::Up, "1"),
        ("4.4", Direction::Up, "0"),
        ("4.55", Direction::Down, "0.5"),
    ] {
        let found = improvement(&fixed(value).to_rational(), fixed("4.6"), fixed("4.5"), direction);
        assert_eq!(found, Some(fixed(attainment)), "{value} {direction:?}");
    }
    let level = improvement(&fixed("4.5").to_rational(), fixed("4.5"), fixed("4.5"), Direction::Down);
    assert_eq!(level, Some(Fixed::ONE));
}

#[test]
fn case_29_an_aspirational_key_result_exactly_on_its_way_is_on_track_throughout() {
    let mut world = World::new("2026-10-01", "2027-01-09", "Etc/UTC");
    // A hundred days; 0.7 a day towards 100.
    let tally = world.tally("2026-10-01..2027-01-09/1d n=1 sum=0.7");
    let kr = world.measured(improve("0", "100"), Measure::Sum(tally), |kr, _| kr.kind = Kind::Aspirational);
    for (_, _, end) in world.book.cycles[0].zone.days(world.book.cycles[0].start_date, world.book.cycles[0].end_date) {
        let score = key_result_at(&world.input("2027-02-01"), 0, kr, end).expect("a key result");
        assert_eq!((score.status.as_str(), score.score), ("on_track", score.expected), "{end}");
    }
    world.check(kr, "2027-01-12", "value=70 score=0.7 status=achieved closed=true");
}

#[test]
fn case_30_a_milestone_key_result_exactly_on_plan_is_on_track_throughout() {
    let mut world = World::q4();
    let milestone = |weight: &str, due: Option<&str>, done: &str| Milestone {
        name: "m".to_owned(),
        weight: fixed(weight),
        due: due.map(at),
        done: Some(at(done)),
    };
    // Due at the end of a day, done at the start of that day; the last one is due when the key result is.
    let milestones = vec![
        milestone("0.4", Some("2026-10-26"), "2026-10-25"),
        milestone("1", Some("2026-11-20"), "2026-11-19"),
        milestone("0.6", None, "2026-11-30"),
    ];
    let kr = world.told(Source::Milestones(milestones), Goal::Milestones, |kr| kr.due = Some(at("2026-12-01")));
    for (now, score) in [("2026-10-25", "0.2"), ("2026-11-19", "0.7"), ("2026-11-30", "1"), ("2026-12-31", "1")] {
        world.check(kr, now, &format!("value={score} score={score} n=- status=on_track"));
    }
    for day in 1..92 {
        let now = at("2026-10-01") + crate::time::Span(day * 86_400_000_000);
        let score = key_result_at(&world.input("2027-02-01"), 0, kr, now).expect("a key result");
        assert_eq!(score.status.as_str(), "on_track", "{now}: {}", score.reason);
        assert!(score.score >= score.expected, "{now}: {}", score.reason);
    }
    world.check(kr, "2026-10-26", "expected=0.2 of=0.4/2");
    world.check(kr, "2026-12-01", "expected=1");
    world.check(kr, "2027-01-04", "status=achieved");
}

#[test]
fn case_32_87_of_92_days_in_band_is_achieved() {
    let mut world = World::q4();
    // Five days below, four days without a survey would be left out: here every day has some.
    let tally = world.tally("2026-10-01T12..2027-01-01/1d n=10 v=4.6; 2026-10-03T12..2026-10-08/1d n=90 v=4");
    let kr = world.measured(maintain(Some("4.5"), None, NINETY), Measure::Mean(tally), |kr, _| {
        kr.window = Window::ToDate(Period::Day);
    });
    world.check(kr, "2026-10-01T13", "value=4.6 days=0/0 score=- status=insufficient_data");
    world.check(kr, "2026-10-09", "days=3/8 score=0.375 status=at_risk");
    world.check(kr, "2027-01-01", "days=87/92 score=0.945652174 expected=0.9 status=on_track");
    world.check(kr, "2027-01-04", "days=87/92 score=0.945652174 status=achieved");
}

#[test]
fn days_without_enough_events_are_left_out() {
    let mut world = World::q4();
    let tally = world.tally("2026-10-01T12..2026-10-05/1d n=10 v=5; 2026-10-05T12 n=2 v=1; 2026-10-07T12 n=10 v=1");
    let kr = world.measured(maintain(Some("4.5"), None, NINETY), Measure::Mean(tally), |kr, _| {
        kr.window = Window::ToDate(Period::Day);
        kr.min_events = Some(5);
    });
    world.check(kr, "2026-10-08", "days=4/5 score=0.8 change=-");
}

#[test]
fn days_that_are_not_covered_are_left_out_unless_that_is_accepted() {
    let mut world = World::q4();
    let tally = world.tally("2026-10-05T12 n=1 v=1; 2026-10-06T12..2026-10-11/1d n=10 v=5");
    let kr = world.measured(maintain(Some("4.5"), None, NINETY), Measure::Mean(tally), |kr, _| {
        kr.window = Window::ToDate(Period::Day);
    });
    world.facts.coverage[0] = crate::aggregate::facts::Coverage::From(at("2026-10-05T11"));
    world.check(kr, "2026-10-11", "days=5/5 status=on_track");
    world.book.objectives[0].key_results[kr].partial_accepted = true;
    world.check(kr, "2026-10-11", "days=5/6");
}

#[test]
fn what_changed_in_a_week_of_days_is_the_share_of_those_ended_then() {
    let mut world = World::q4();
    let tally = world.tally("2026-10-01T12..2026-10-05/1d n=1 v=5; 2026-10-05T12..2026-11-01/1d n=1 v=1");
    let kr = world.measured(maintain(Some("4.5"), None, NINETY), Measure::Mean(tally), |kr, _| {
        kr.window = Window::ToDate(Period::Day);
    });
    // 4 of 8 now; by the first instant of 2 October one of one.
    world.check(kr, "2026-10-09", "days=4/8 score=0.5 change=-4/-0.5");
    world.check(kr, "2026-10-08T23", "days=4/7 change=-4/-");
}

#[test]
fn days_are_judged_by_the_key_results_own_window() {
    let mut world = World::q4();
    let tally = world.tally("2026-09-01T12..2026-10-05/1d n=1 v=5; 2026-10-05T12..2027-01-01/1d n=1 v=1");
    for measure in [Measure::Mean(tally), Measure::Percentile(tally, super::world::sketch_of(tally), 4_000)] {
        let kr = world.measured(maintain(Some("3"), None, NINETY), measure, |kr, _| {
            kr.window = Window::Trailing(span("7d"));
        });
        // Of 1 1 1 5 5 5 5 the mean is in band; the third rank, p40, is not.
        let expected = if kr == 0 { "days=7/20" } else { "days=6/20" };
        world.check(kr, "2026-10-21", expected);
    }
}

#[test]
fn case_33_exactly_seven_tenths_is_achieved() {
    let mut world = World::q4();
    let tally = world.tally("2026-10-02 n=1 v=4.35");
    let kr = world.measured(improve("4.0", "4.5"), Measure::Mean(tally), |kr, _| kr.kind = Kind::Aspirational);
    world.check(kr, "2026-10-03", "attainment=0.7 status=on_track");
    world.check(kr, "2027-01-04", "attainment=0.7 status=achieved");
}

#[test]
fn case_34_no_complaints_at_all_is_in_band() {
    let mut world = World::q4();
    let tally = world.tally("");
    let now = |kr: usize, world: &World| world.check(kr, "2026-10-11", "value=0 n=0 score=1 status=on_track");
    for judge in [Judge::AtEnd, NINETY] {
        let kr =
            world.measured(maintain(None, Some("0"), judge), Measure::Count(tally), |kr, _| kr.min_events = Some(0));
        now(kr, &world);
        world.check(kr, "2027-01-04", "score=1 status=achieved");
    }
}

#[test]
fn expectation_rises_to_the_due_day() {
    let mut world = World::new("2026-10-01", "2027-01-09", "Etc/UTC");
    let kr = world.told(Source::Manual, improve("0", "1"), |kr| kr.due = Some(at("2026-11-20")));
    world.check_in(kr, "2026-10-01", Some("0.2"));
    world.book.objectives[0].key_results[kr].silent_after = None;
    world.check(kr, "2026-10-11", "expected=0.2 status=on_track");
    world.check(kr, "2026-10-26", "expected=0.5 status=off_track");
    world.check(kr, "2026-12-01", "expected=1");
}
