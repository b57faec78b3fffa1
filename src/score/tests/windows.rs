//! Where windows lie.

use super::world::{HOUR, World, at, improve, maintain, span};
use crate::aggregate::facts::Coverage;
use crate::aggregate::plan::Measure;
use crate::book::{Judge, MetricIndex, Source, Stat, Window};
use crate::fixed::Fixed;
use crate::score::window::Frame;
use crate::time::{Interval, Period};

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

/// A row at the beginning of every hour, from a week before the cycle to its end; 2026-10-01 is a Thursday.
const HOURLY: &str = "2026-09-24..2027-01-01/1h n=1 sum=2";

#[test]
fn during_cuts_every_window() {
    let mut world = World::q4();
    let tally = world.tally(HOURLY);
    let weekend = world.calendar("weekend", &[5, 6], &[]);
    let office = world.calendar("office", &[0, 1, 2, 3, 4], &[(8, 20)]);
    let night = world.calendar("night", &[4], &[(22, 6)]);
    let (trailing, today) = (Window::Trailing(span("7d")), Window::ToDate(Period::Day));
    let table = [
        // calendars, window, as of, n
        (vec![weekend], Window::Cycle, "2026-10-03", "n=- value=-"),
        (vec![weekend], Window::Cycle, "2026-10-03T10", "n=10"),
        (vec![weekend], Window::Cycle, "2026-10-12", "n=96"),
        (vec![weekend], trailing, "2026-10-01", "n=48"),
        (vec![weekend], trailing, "2026-10-03T12:30", "n=48"),
        (vec![weekend], today, "2026-10-02", "n=- value=-"),
        (vec![weekend], today, "2026-10-04", "n=24"),
        (vec![office], Window::Cycle, "2026-10-05", "n=24"),
        (vec![office], Window::Cycle, "2026-10-05T09:30", "n=26"),
        (vec![office, weekend], trailing, "2026-10-08", "n=108"),
        (vec![night], Window::Cycle, "2026-10-05", "n=8"),
        (vec![night], today, "2026-10-04", "n=6"),
    ];
    for (during, window, as_of, expected) in table {
        let kr = world.measured(improve("0", "10000"), Measure::Count(tally), |kr, _| {
            kr.window = window;
            kr.during = during;
        });
        world.check(kr, as_of, expected);
    }
}

#[test]
fn a_cohort_is_cut_where_its_starts_lie() {
    let mut world = World::q4();
    let tally = world.tally("2026-10-01..2026-10-12/1d n=10 sum=5; 2026-10-03..2026-10-05/1d n=0 sum=4");
    let weekend = world.calendar("weekend", &[5, 6], &[]);
    let kr = world.measured(improve("0", "1"), Measure::Share(tally), |kr, plan| {
        kr.during = vec![weekend];
        plan.horizon = Some(span("24h"));
    });
    world.check(kr, "2026-10-04", "value=- n=-");
    world.check(kr, "2026-10-05", "value=0.9 n=10");
    world.check(kr, "2026-10-06", "value=0.9 n=20");
}

#[test]
fn a_rate_is_the_amount_over_the_time_in_the_window() {
    let mut world = World::q4();
    let tally = world.tally(HOURLY);
    let weekend = world.calendar("weekend", &[5, 6], &[]);
    let table = [
        // interval, calendar, window, as of, expected
        (Interval::Day, false, Window::Cycle, "2026-10-04", "value=24 n=72 of=72/3"),
        (Interval::Hour, false, Window::Cycle, "2026-10-04", "value=1 n=72 of=72/72"),
        (Interval::Week, false, Window::Cycle, "2026-10-08T12", "value=168 n=180 of=180/1.071428571"),
        (Interval::Day, false, Window::Cycle, "2026-10-01T00:30", "value=48 n=1 of=1/0.020833333"),
        (Interval::Day, false, Window::Cycle, "2026-10-01", "value=- n=-"),
        (Interval::Day, true, Window::Cycle, "2026-10-12", "value=24 n=96 of=96/4"),
        (Interval::Day, true, Window::Cycle, "2026-10-03T06:30", "value=25.846153846 n=7 of=7/0.270833333"),
        (Interval::Day, true, Window::Cycle, "2026-10-02", "value=- n=-"),
        (Interval::Day, false, Window::Trailing(span("7d")), "2026-10-02", "value=24 n=168 of=168/7"),
    ];
    for (per, cut, window, as_of, expected) in table {
        let kr = world.measured(improve("0", "10000"), Measure::Count(tally), |kr, _| {
            (kr.per, kr.window) = (Some(per), window);
            kr.during = if cut { vec![weekend] } else { Vec::new() };
        });
        world.check(kr, as_of, expected);
    }
    let sum = world.measured(improve("0", "10000"), Measure::Sum(tally), |kr, _| kr.per = Some(Interval::Day));
    world.check(sum, "2026-10-04", "value=48 n=72 of=144/3");
}

#[test]
fn a_rate_counts_time_only_from_where_its_events_begin() {
    let mut world = World::q4();
    let tally = world.tally("2026-10-05T12..2027-01-01/1h n=1");
    let rate = |kr: &mut crate::book::KeyResult| (kr.per, kr.partial_accepted) = (Some(Interval::Day), true);
    let kr = world.measured(improve("0", "48"), Measure::Count(tally), |kr, _| rate(kr));
    world.facts.coverage[0] = Coverage::From(at("2026-10-05T12"));
    world.check(kr, "2026-10-07", "value=24 n=36 of=36/1.5 data_from=2026-10-05T12:00:00Z");
    world.check(kr, "2026-10-05", "value=- n=- of=-/-");
    let weekend = world.calendar("weekend", &[5, 6], &[]);
    let cut = world.measured(improve("0", "48"), Measure::Count(tally), |kr, _| {
        rate(kr);
        kr.during = vec![weekend];
    });
    world.facts.coverage[1] = Coverage::From(at("2026-10-05T12"));
    // The weekend of before lies in the window, but nobody saw it.
    world.check(cut, "2026-10-07", "value=- n=0 of=0/0");
    world.check(cut, "2026-10-12", "value=24 n=48 of=48/2");
}

#[test]
fn the_best_day_is_one_that_has_ended_and_lies_in_the_window() {
    let mut world = World::q4();
    let tally = world.tally("2026-10-01..2026-10-20/1d n=10 sum=1; 2026-09-30 n=99; 2026-10-06T03 n=5; 2026-10-10 n=0 sum=-7; 2026-10-20 n=50");
    let weekend = world.calendar("weekend", &[5, 6], &[]);
    let trailing = Window::Trailing(span("4d"));
    let (most, least) = (Stat::MostIn, Stat::LeastIn);
    let (hour, day, week) = (Interval::Hour, Interval::Day, Interval::Week);
    let table = [
        // stat, calendar, window, as of, expected
        (most(day), false, Window::Cycle, "2026-10-01T23", "value=- n=0 interval=-"),
        (most(day), false, Window::Cycle, "2026-10-06T23", "value=10 n=50 interval=2026-10-01T00:00:00Z"),
        (most(day), false, Window::Cycle, "2026-10-09", "value=15 n=85 interval=2026-10-06T00:00:00Z"),
        // Neither the day that runs nor the one that the window cuts.
        (most(day), false, Window::Cycle, "2026-10-20T23", "value=15 n=195"),
        (most(day), false, trailing, "2026-10-02T12", "value=99 n=109 interval=2026-09-30T00:00:00Z"),
        (most(day), false, trailing, "2026-10-10T12", "value=10 n=30 interval=2026-10-07T00:00:00Z"),
        (least(day), false, trailing, "2026-10-03", "value=0 n=119 interval=2026-09-29T00:00:00Z"),
        (most(day), true, Window::Cycle, "2026-10-19", "value=10 n=60 interval=2026-10-03T00:00:00Z"),
        (most(hour), false, Window::Cycle, "2026-10-08", "value=10 n=75 interval=2026-10-01T00:00:00Z"),
        (least(hour), false, Window::Cycle, "2026-10-08", "value=0 n=75 interval=2026-10-01T01:00:00Z"),
        (most(week), false, Window::Cycle, "2026-10-19", "value=75 n=145 interval=2026-10-05T00:00:00Z"),
        (least(week), false, Window::Cycle, "2026-10-19", "value=70 n=145 interval=2026-10-12T00:00:00Z"),
    ];
    for (stat, cut, window, as_of, expected) in table {
        let kr = world.measured(improve("0", "10000"), Measure::Count(tally), |kr, _| {
            kr.source = Source::Metric { metric: MetricIndex(0), stat };
            (kr.window, kr.min_events) = (window, Some(0));
            kr.during = if cut { vec![weekend] } else { Vec::new() };
        });
        world.check(kr, as_of, expected);
    }
    let sum = world.measured(improve("0", "10000"), Measure::Sum(tally), |kr, _| {
        kr.source = Source::Metric { metric: MetricIndex(0), stat: least(day) };
    });
    world.check(sum, "2026-10-19", "value=-6 interval=2026-10-10T00:00:00Z");
}

#[test]
fn days_are_judged_by_the_best_day_so_far() {
    let mut world = World::q4();
    let tally = world.tally("2026-10-01..2026-10-11/1d n=10; 2026-10-03 n=5");
    let goal = maintain(Some("15"), None, Judge::Days(Fixed(900_000_000)));
    let kr = world.measured(goal, Measure::Count(tally), |kr, _| {
        kr.source = Source::Metric { metric: MetricIndex(0), stat: Stat::MostIn(Interval::Day) };
    });
    world.check(kr, "2026-10-11", "value=15 days=8/10");
}

#[test]
fn the_first_days_not_seen_are_no_worst_days() {
    let mut world = World::q4();
    let tally = world.tally("2026-10-05T12..2026-10-20/1h n=1");
    let kr = world.measured(improve("0", "48"), Measure::Count(tally), |kr, _| {
        kr.source = Source::Metric { metric: MetricIndex(0), stat: Stat::LeastIn(Interval::Day) };
        kr.partial_accepted = true;
    });
    world.facts.coverage[0] = Coverage::From(at("2026-10-05T12"));
    world.check(kr, "2026-10-08", "value=24 n=48 interval=2026-10-06T00:00:00Z");
}

#[test]
fn what_changed_in_a_week_is_cut_and_divided_alike() {
    let mut world = World::q4();
    let tally =
        world.tally("2026-10-03..2026-10-05/1h n=1; 2026-10-10..2026-10-12/1h n=2; 2026-10-06..2026-10-09/1h n=9");
    let weekend = world.calendar("weekend", &[5, 6], &[]);
    let kr = world.measured(improve("0", "48"), Measure::Count(tally), |kr, _| {
        (kr.per, kr.window, kr.during) = (Some(Interval::Day), Window::Trailing(span("7d")), vec![weekend]);
    });
    world.check(kr, "2026-10-12", "value=48 score=1 change=24/0.5");
}
