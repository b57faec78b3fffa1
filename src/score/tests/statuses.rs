//! Status, reasons, roll-up.

use super::world::{World, at, fixed, improve, span};
use crate::aggregate::plan::Measure;
use crate::book::{Duration, EndChoice, MetricKind, Placed, RatioSense, Source, Stat, Window};
use crate::event::FieldSlot;
use crate::score::{ScoreInput, Status, score};

/// Pick accuracy from two topics: picks `e` (event 0), mispicks `errors` (event 1).
fn accuracy(world: &mut World, bad: &str, total: &str) -> usize {
    let errors = world.event("mispicked", "wms.errors");
    let (bad, total) = (world.tally(bad), world.tally(total));
    let measure = Measure::Ratio(RatioSense::Bad, Box::new(Measure::Count(bad)), Box::new(Measure::Count(total)));
    world.measured(improve("0.9", "1"), measure, |kr, plan| {
        plan.events.push(errors);
        kr.window = Window::Trailing(span("7d"));
    })
}

#[test]
fn case_13_a_cohort_does_not_fall_while_deliveries_lag() {
    let mut world = World::q4();
    let delivered = world.event("delivered", "deliveries");
    // As the orders of the last three hours look before their deliveries are read: all still open.
    let tally = world.tally("2026-11-01..2026-11-10/1h n=10 sum=9; 2026-11-10..2026-11-10T09/1h n=10 sum=0");
    let kr = world.measured(improve("0", "1"), Measure::Share(tally), |kr, plan| {
        plan.events.push(delivered);
        plan.horizon = Some(span("3h"));
        kr.window = Window::Trailing(span("7d"));
    });
    world.facts.events[1].watermark = Some(at("2026-11-10T03"));
    world.check(kr, "2026-11-10T12", "value=0.9 as_of=2026-11-10T03:00:00Z to=2026-11-10T00:00:00Z");
}

#[test]
fn case_14_accuracy_does_not_rise_while_errors_lag_behind_picks() {
    let mut world = World::q4();
    let kr = accuracy(&mut world, "2026-11-01..2026-11-10/1h n=1", "2026-11-01..2026-11-10T06/1h n=20");
    world.facts.events[1].watermark = Some(at("2026-11-10T00:20"));
    world.check(kr, "2026-11-10T06", "value=0.95 as_of=2026-11-10T00:20:00Z to=2026-11-10T00:00:00Z");
}

#[test]
fn case_21_a_perfect_week_is_judged() {
    let mut world = World::q4();
    let kr = accuracy(&mut world, "", "2026-10-01..2026-10-08/1h n=20");
    world.check(kr, "2026-10-08", "value=1 n=3360 of=3360/3360 score=1 status=on_track");
}

#[test]
fn case_22_a_silent_error_topic_makes_it_stale_and_leaves_the_roll_up() {
    let mut world = World::q4();
    let kr = accuracy(&mut world, "", "2026-10-01..2026-10-12/1h n=20");
    world.facts.events[1].last_record_at = Some(at("2026-10-09"));
    world.check(kr, "2026-10-12", "value=1 status=on_track");
    world.check(kr, "2026-10-12T00:00:01", "value=1 score=1 status=stale");
    let scores = world.score("2026-10-12T00:00:01");
    assert_eq!((scores.objectives[0].score, scores.objectives[0].status), (None, Status::Stale));
    world.facts.events[1].last_record_at = None;
    world.check(kr, "2026-10-04", "status=on_track");
    world.check(kr, "2026-10-05", "status=stale");
    world.book.objectives[0].key_results[kr].silent_after = None;
    world.check(kr, "2026-10-12", "status=on_track");
}

#[test]
fn case_28_the_roll_up_is_over_the_judged_with_its_coverage() {
    let mut world = World::q4();
    let (some, none) = (world.tally("2026-10-02 n=1 v=6"), world.tally(""));
    for (tally, weight) in [(some, "2"), (none, "1"), (none, "1")] {
        world.measured(improve("0", "10"), Measure::Mean(tally), |kr, _| kr.weight = fixed(weight));
    }
    let objective = |world: &World, now: &str| {
        let scores = world.score(now);
        let objective = &scores.objectives[0];
        (objective.score.map(|score| score.to_string()), objective.coverage.to_string(), objective.status)
    };
    let some = Some("0.6".to_owned());
    assert_eq!(objective(&world, "2026-10-20"), (some.clone(), "0.5".to_owned(), Status::OnTrack));
    world.book.objectives[0].key_results[1].weight = fixed("1.5");
    assert_eq!(objective(&world, "2026-10-20"), (some.clone(), "0.444444444".to_owned(), Status::InsufficientData));
    world.book.objectives[0].key_results[1].weight = fixed("1");
    assert_eq!(objective(&world, "2027-01-04"), (some, "0.5".to_owned(), Status::Missed));
    assert_eq!(objective(&world, "2026-09-30"), (None, "0".to_owned(), Status::Pending));
    world.book.objectives[0].key_results.clear();
    assert_eq!(objective(&world, "2026-10-20"), (None, "0".to_owned(), Status::NoData));
}

#[test]
fn a_closed_objective_is_achieved_at_the_weighted_success() {
    let mut world = World::q4();
    let (full, part) = (world.tally("2026-10-02 n=1 v=10"), world.tally("2026-10-02 n=1 v=4"));
    world.measured(improve("0", "10"), Measure::Mean(full), |_, _| {});
    let kr = world.measured(improve("0", "10"), Measure::Mean(part), |kr, _| kr.kind = crate::book::Kind::Aspirational);
    let objective = |world: &World| world.score("2027-01-04").objectives[0].clone();
    assert_eq!((objective(&world).score, objective(&world).status), (Some(fixed("0.7")), Status::Missed));
    // (3 · 1 + 0.4) / 4 = 0.85 of (3 · 1 + 0.7) / 4 = 0.925; with a second at 0.7 both are 0.85.
    world.book.objectives[0].key_results[kr].goal = improve("-2", "6.571428571");
    assert_eq!((objective(&world).score, objective(&world).status), (Some(fixed("0.85")), Status::Achieved));
    assert!(world.score("2027-01-04").cycles[0].closed);
    assert!(!world.score("2027-01-03T23").cycles[0].closed);
}

#[test]
fn case_31_without_data_it_closes_as_no_data() {
    let mut world = World::q4();
    let none = world.tally("");
    let kr = world.measured(improve("0", "10"), Measure::Mean(none), |_, _| {});
    let manual = world.told(Source::Manual, improve("0", "1"), |_| {});
    for kr in [kr, manual] {
        world.check(kr, "2027-01-04", "closed=true value=- score=- status=no_data");
    }
    assert_eq!(world.score("2027-01-04").objectives[0].status, Status::NoData);
}

#[test]
fn case_36_nothing_turns_stale_because_the_cycle_has_ended() {
    let mut world = World::q4();
    world.book.cycles[0].settle = span("20d");
    let delivered = world.event("delivered", "deliveries");
    let tally = world.tally("2026-12-01..2027-01-01/1d n=10 sum=9");
    let count = world.measured(improve("0", "310"), Measure::Count(tally), |_, _| {});
    let duration = Duration {
        from: crate::event::EventIndex(0),
        to: delivered,
        from_key: FieldSlot(0),
        to_key: FieldSlot(0),
        end: EndChoice::First,
        deadline: None,
        void: None,
        placed: Placed::End,
        give_up: span("60d"),
    };
    let metric = world.metric("fulfilment", MetricKind::Duration(duration));
    let cohort = world.measured(improve("0", "1"), Measure::Share(tally), |kr, plan| {
        plan.events.push(delivered);
        plan.horizon = Some(span("5d"));
        kr.source = Source::Metric { metric, stat: Stat::Within(span("5d")) };
    });
    let manual = world.told(Source::Manual, improve("0", "1"), |_| {});
    world.check_in(manual, "2026-12-31", Some("0.99"));
    // The last order of the year, and everything known since.
    world.facts.events[0].last_record_at = Some(at("2026-12-31T20"));
    world.facts.events[1].last_record_at = Some(at("2027-01-05T20"));
    for kr in [count, cohort, manual] {
        world.check(kr, "2027-01-15", "status=on_track closed=false");
    }
    // Deliveries, though, must go on until the last order is judged.
    world.facts.events[1].last_record_at = Some(at("2027-01-01T20"));
    world.check(cohort, "2027-01-05T21", "status=stale");
    // Known up to the end is known, however far it trails now.
    world.facts.events[0].watermark = Some(at("2027-01-01"));
    world.check(count, "2027-01-15", "status=on_track closed=false");
    world.facts.events[0].watermark = Some(at("2026-12-31T23"));
    world.check(count, "2027-01-15", "status=stale closed=false");
    world.check(count, "2027-03-01", "status=stale closed=false");
}

#[test]
fn case_37_while_the_broker_is_away_nothing_advances_and_no_cohort_fails() {
    let mut world = World::q4();
    // The latest orders have no end yet: judged by the clock they would have failed.
    let tally = world.tally("2026-11-01..2026-11-10/1h n=10 sum=9; 2026-11-10..2026-11-10T12/1h n=10 sum=0");
    let kr = world.measured(improve("0", "1"), Measure::Share(tally), |kr, plan| {
        plan.horizon = Some(span("12h"));
        kr.window = Window::Trailing(span("7d"));
    });
    world.facts.events[0].watermark = Some(at("2026-11-10T12"));
    world.facts.events[0].last_record_at = Some(at("2026-11-10T12"));
    for now in ["2026-11-10T12", "2026-11-11T12", "2026-11-13T12"] {
        world.check(kr, now, "value=0.9 n=1680 as_of=2026-11-10T12:00:00Z status=on_track");
    }
    world.check(kr, "2026-11-13T12:00:01", "value=0.9 n=1680 as_of=2026-11-10T12:00:00Z status=stale");
}

#[test]
fn case_38_as_of_goes_on_from_the_stored_watermarks() {
    let mut world = World::q4();
    let tally = world.tally("2026-11-01..2026-11-10/1d n=1");
    let kr = world.measured(improve("0", "10"), Measure::Count(tally), |_, _| {});
    world.facts.events[0].watermark = Some(at("2026-11-05"));
    world.check(kr, "2026-11-06", "as_of=2026-11-05T00:00:00Z value=4 status=on_track");
    world.facts.events[0].watermark = None;
    world.check(kr, "2026-11-06", "as_of=- value=- expected=- status=no_data closed=false");
    world.check(kr, "2026-09-06", "as_of=- status=pending");
    world.check(kr, "2027-03-06", "as_of=- status=no_data closed=false");
}

#[test]
fn reasons_are_sentences_with_their_numbers() {
    let mut world = World::q4();
    world.book.cycles[0] = World::new("2026-10-01", "2027-01-09", "Etc/UTC").book.cycles.remove(0);
    let manual = world.told(Source::Manual, improve("0", "1"), |_| {});
    let table = [
        // day of 100, value, status, reason
        (50, "1", "on_track", "1.00 meets the 1.00 that counts as success"),
        (50, "0.6", "on_track", "0.60 is past the 0.50 expected by now"),
        (50, "0.5", "on_track", "0.50 is the 0.50 expected by now"),
        (50, "0.499", "on_track", "0.499 is at least 90 % of the 0.500 expected by now"),
        (50, "0.45", "on_track", "0.45 is at least 90 % of the 0.50 expected by now"),
        (10, "0.05", "on_track", "0.05 is 0.05 short of the 0.10 expected by now, within the 0.05 that is allowed"),
        (50, "0.4", "at_risk", "0.40 is 0.10 short of the 0.50 expected by now; from 0.45 on it is on track"),
        (50, "0.3", "at_risk", "0.30 is 0.20 short of the 0.50 expected by now; from 0.45 on it is on track"),
        (50, "0.29", "off_track", "0.29 is below 60 % of the 0.50 expected by now, and 0.21 short of it"),
        (50, "0.4454", "at_risk", "0.445 is 0.055 short of the 0.500 expected by now; from 0.450 on it is on track"),
        (50, "0.4056", "at_risk", "0.41 is 0.09 short of the 0.50 expected by now; from 0.45 on it is on track"),
        (19, "0", "at_risk", "0.00 is 0.19 short of the 0.19 expected by now, but only 19 % of the cycle has elapsed"),
        (20, "0", "off_track", "0.00 is below 60 % of the 0.20 expected by now, and 0.20 short of it"),
        (20, "0.11", "at_risk", "0.11 is 0.09 short of the 0.20 expected by now; from 0.18 on it is on track"),
        (110, "0.99", "missed", "closed: 0.99 did not reach the 1.00 that counts as success"),
        (110, "1.2", "achieved", "closed: 1.00 reached the 1.00 that counts as success"),
    ];
    for (day, value, status, reason) in table {
        let now = at("2026-10-01") + crate::time::Span(day * 86_400_000_000);
        world.check_ins.clear();
        world.check_in(manual, &now.min(at("2027-01-08")).to_string().replace('Z', ""), Some(value));
        let scores = score(&ScoreInput { now, ..world.input("2026-10-01") });
        let found = &scores.objectives[0].key_results[manual];
        assert_eq!((found.status.as_str(), found.reason.to_string().as_str()), (status, reason), "day {day}, {value}");
    }
}

#[test]
fn reasons_for_not_judging_say_what_is_missing() {
    let mut world = World::q4();
    let tally = world.tally("2026-10-02 n=2 v=1");
    let kr = world.measured(improve("0", "1"), Measure::Mean(tally), |kr, _| kr.min_events = Some(3));
    let manual = world.told(Source::Manual, improve("0", "1"), |kr| kr.silent_after = Some(span("14d")));
    world.check_in(manual, "2026-10-02", Some("0.5"));
    let empty = world.told(Source::Manual, improve("0", "1"), |_| {});
    world.facts.events[0].last_record_at = Some(at("2026-10-08T07:30"));
    let reason =
        |world: &World, kr: usize, now: &str| world.score(now).objectives[0].key_results[kr].reason.to_string();
    for (kr, now, expected) in [
        (kr, "2026-09-30", "the cycle c begins on 2026-10-01"),
        (kr, "2026-10-01", "no bucket of the window has ended yet"),
        (kr, "2026-10-02", "m has no events from 2026-10-01T00:00:00+00:00 to 2026-10-02T00:00:00+00:00"),
        (kr, "2026-10-03", "2 events in the window, fewer than the 3 that it takes (min_events)"),
        (
            kr,
            "2026-10-12",
            "topic t is silent: its last record is of 2026-10-08T07:30:00+00:00, 3d16h ago, and 3d are allowed (silent_after)",
        ),
        (
            manual,
            "2026-10-17",
            "the last check-in is of 2026-10-02T00:00:00+00:00, 15d ago, and 14d are allowed (stale_after)",
        ),
        (empty, "2026-10-17", "nobody has checked in a value"),
    ] {
        assert_eq!(reason(&world, kr, now), expected);
    }
    world.facts.events[0].watermark = Some(at("2026-10-08T09"));
    world.facts.events[0].last_record_at = Some(at("2026-10-12"));
    let behind =
        "everything is known only up to 2026-10-08T09:00:00+00:00, 3d15h ago, and 3d are allowed (silent_after)";
    assert_eq!(reason(&world, kr, "2026-10-12"), behind);
    world.facts.events[0].watermark = None;
    assert_eq!(reason(&world, kr, "2026-10-12"), "nothing is known yet: topic t has a partition that was not read");
}

#[test]
fn check_ins_hold_from_their_own_instant_and_the_later_written_one_wins() {
    let mut world = World::q4();
    let kr = world.told(Source::Manual, improve("0", "1"), |kr| kr.silent_after = Some(span("14d")));
    world.check_in(kr, "2026-10-20", Some("0.4"));
    world.check_in(kr, "2026-10-05", Some("0.1"));
    world.check_in(kr, "2026-10-05", Some("0.2"));
    world.check_ins[1].recorded_at = at("2026-10-06");
    world.check(kr, "2026-10-04", "value=- status=no_data");
    world.check(kr, "2026-10-10", "value=0.1 status=on_track check_in=2026-10-05T00:00:00Z");
    world.check(kr, "2026-10-21", "value=0.4 change=0.3/0.3");
    // A note alone keeps the value, and shows that somebody looked.
    world.check_in(kr, "2026-11-10", None);
    world.check(kr, "2026-11-20", "value=0.4 status=at_risk");
    world.check(kr, "2026-11-25", "value=0.4 status=stale");
}
