//! Where windows lie.

use super::world::{HOUR, World, at, improve, maintain, span};
use crate::aggregate::plan::Measure;
use crate::book::{Judge, Window};
use crate::fixed::Fixed;
use crate::score::window::Frame;
use crate::time::Period;

#[test]
fn windows_are_laid_as_the_table_says() {
    let world = World::q4();
    let (cycle, trailing) = (&world.book.cycles[0], Window::Trailing(span("7d")));
    let (month, week) = (Window::ToDate(Period::Month), Window::ToDate(Period::Week));
    let (never, day) = (None, Some(span("24h")));
    let table = [
        // window, horizon, as_of, open, from, to
        (Window::Cycle, never, "2026-11-01T10:30", false, "2026-10-01", "2026-11-01T10"),
        (Window::Cycle, never, "2026-11-01T10:30", true, "2026-10-01", "2026-11-01T10:30"),
        (Window::Cycle, never, "2026-11-01T10", true, "2026-10-01", "2026-11-01T10"),
        (Window::Cycle, never, "2027-02-01", false, "2026-10-01", "2027-01-01"),
        (Window::Cycle, never, "2026-10-01T00:30", false, "2026-10-01", "2026-10-01"),
        (Window::Cycle, never, "2026-09-01", false, "2026-10-01", "2026-10-01"),
        (trailing, never, "2026-11-08T10", false, "2026-11-01T10", "2026-11-08T10"),
        (trailing, never, "2026-11-08T10:30", false, "2026-11-01T11", "2026-11-08T10"),
        (trailing, never, "2026-11-08T10:30", true, "2026-11-01T11", "2026-11-08T10:30"),
        (trailing, never, "2026-10-02", false, "2026-09-25", "2026-10-02"),
        (month, never, "2026-11-08T10:30", false, "2026-11-01", "2026-11-08T10"),
        (month, never, "2026-12-01", false, "2026-11-01", "2026-12-01"),
        (month, never, "2026-12-01", true, "2026-11-01", "2026-12-01"),
        (month, never, "2026-12-01T00:30", true, "2026-12-01", "2026-12-01T00:30"),
        // Thursday: the week began on Monday, before the cycle.
        (week, never, "2026-10-02", false, "2026-10-01", "2026-10-02"),
        (Window::Cycle, day, "2026-11-02T10:30", true, "2026-10-01", "2026-11-01T10"),
        (Window::Cycle, day, "2027-01-02", false, "2026-10-01", "2027-01-01"),
        (Window::Cycle, day, "2026-10-01T12", false, "2026-10-01", "2026-10-01"),
        (trailing, day, "2026-11-09T10:30", true, "2026-11-01T11", "2026-11-08T10"),
        (month, day, "2026-12-02", false, "2026-11-01", "2026-12-01"),
        (Window::Cycle, Some(span("90m")), "2026-11-01T12", true, "2026-10-01", "2026-11-01T10"),
    ];
    for (window, horizon, as_of, open, from, to) in table {
        let laid = Frame { window, cycle, grain: HOUR, horizon }.lay(at(as_of), open);
        let case = format!("{window:?} of horizon {horizon:?} as of {as_of}, open: {open}");
        assert_eq!((laid.from, laid.to), (at(from), at(to)), "{case}");
        let buckets = HOUR.bucket(at(from))..HOUR.bucket(HOUR.ceil(at(to)));
        assert_eq!(laid.buckets, buckets, "{case}");
    }
}

#[test]
fn local_midnights_of_odd_zones_are_edges_of_buckets() {
    for zone in ["Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Chatham", "Asia/Shanghai"] {
        let world = World::new("2026-10-01", "2027-01-01", zone);
        let cycle = &world.book.cycles[0];
        for (_, start, end) in cycle.zone.days(cycle.start_date, cycle.end_date) {
            let window = Window::ToDate(Period::Day);
            let laid = Frame { window, cycle, grain: cycle.grain, horizon: None }.lay(end, false);
            assert_eq!((laid.from, laid.to), (start, end), "{zone}");
            assert_eq!(cycle.grain.start(laid.buckets.start), start, "{zone}");
            assert_eq!(cycle.grain.start(laid.buckets.end), end, "{zone}");
        }
    }
}

#[test]
fn case_18_to_date_on_the_first_instant_of_a_month_is_the_month_that_has_just_ended() {
    let mut world = World::q4();
    let tally = world.tally("2026-10-31T23 n=1; 2026-11-01..2026-12-01/1d n=1; 2026-12-01 n=7");
    let kr =
        world.measured(improve("0", "60"), Measure::Count(tally), |kr, _| kr.window = Window::ToDate(Period::Month));
    world.check(kr, "2026-12-01", "n=30 from=2026-11-01T00:00:00Z to=2026-12-01T00:00:00Z");
    world.check(kr, "2026-12-01T00:00:01", "n=7 from=2026-12-01T00:00:00Z to=2026-12-01T00:00:01Z");
}

#[test]
fn case_19_the_last_days_orders_are_judged_before_the_cycle_closes() {
    let mut world = World::q4();
    // Judged orders: on the last day none was good.
    let tally = world.tally("2026-12-30T12 n=3 sum=3; 2026-12-31T23 n=1 sum=0");
    let kr = world.measured(improve("0", "1"), Measure::Share(tally), |_, plan| plan.horizon = Some(span("30d")));
    world.check(kr, "2027-01-30T23:59", "value=1 n=3 closed=false status=on_track");
    world.check(kr, "2027-01-31", "value=0.75 n=4 closed=false as_of=2027-01-31T00:00:00Z");
    world.check(kr, "2027-02-02T23", "value=0.75 closed=false");
    world.check(kr, "2027-02-03", "value=0.75 of=3/4 closed=true status=missed as_of=2027-01-31T00:00:00Z");
}

#[test]
fn case_35_a_trailing_cohort_shows_the_last_days_that_are_judged() {
    let mut world = World::q4();
    let tally = world.tally("2026-10-01..2026-12-01/1d n=10 sum=9");
    let kr = world.measured(improve("0", "1"), Measure::Share(tally), |kr, plan| {
        kr.window = Window::Trailing(span("7d"));
        plan.horizon = Some(span("30d"));
    });
    world.check(kr, "2026-11-20", "value=0.9 n=70 from=2026-10-14T00:00:00Z to=2026-10-21T00:00:00Z");
}

#[test]
fn the_bucket_of_as_of_counts_only_while_it_is_near_to_now() {
    let mut world = World::q4();
    let tally = world.tally("2026-11-01T09 n=1; 2026-11-01T10 n=10");
    let kr = world.measured(improve("0", "100"), Measure::Count(tally), |_, _| {});
    for (watermark, n) in [("2026-11-01T10:29:00", 11), ("2026-11-01T10:28:59", 1), ("2026-11-01T09:59:59", 0)] {
        world.facts.events[0].watermark = Some(at(watermark));
        world.check(kr, "2026-11-01T10:30", &format!("n={n}"));
    }
}

#[test]
fn days_of_a_cohort_are_judged_when_their_last_start_is() {
    let mut world = World::q4();
    let tally = world.tally("2026-10-01..2027-01-01/1d n=10 sum=10; 2026-12-31 n=0 sum=-5");
    let goal = maintain(Some("0.9"), None, Judge::Days(Fixed(900_000_000)));
    let kr = world.measured(goal, Measure::Share(tally), |kr, plan| {
        kr.window = Window::ToDate(Period::Day);
        plan.horizon = Some(span("24h"));
    });
    world.check(kr, "2026-10-02T23", "days=0/0");
    world.check(kr, "2026-10-03", "days=1/1");
    world.check(kr, "2027-01-01", "days=91/91");
    world.check(kr, "2027-01-02", "days=91/92");
}
