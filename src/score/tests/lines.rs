//! Lines that are measured, revised, paced, or a member's own; plans beside them.

use super::world::{World, at, fixed, improve, span};
use crate::aggregate::facts::Coverage;
use crate::aggregate::plan::{BaselineId, Measure};
use crate::book::{
    Baseline, Direction, Done, Goal, MeasuredRange, MemberGoal, PacePoint, Revision, Source, Step, Target,
};
use crate::fixed::Fixed;
use crate::score::{FrozenBaseline, Status};

/// A key result over the mean of a tally, its baseline measured in September.
fn september(world: &mut World, cells: &str, target: Target) -> usize {
    let range = MeasuredRange { from: at("2026-09-01"), to: at("2026-10-01") };
    let goal = Goal::Improve { baseline: Baseline::Measured(range), target, stretch: None, direction: Direction::Up };
    let tally = world.tally(cells);
    world.measured(goal, Measure::Mean(tally), |_, plan| plan.baseline = Some(BaselineId(1)))
}

#[test]
fn a_measured_baseline_goes_its_stages() {
    let mut world = World::q4();
    let cells = "2026-08-31T23 n=9 v=1; 2026-09-10 n=2 v=4.6; 2026-10-02..2026-11-01/1d n=1 v=4.7";
    let kr = september(&mut world, cells, Target::Amount(fixed("4.5")));
    world.check(kr, "2026-09-20", "baseline=4.6 state=measuring status=pending");
    world.check(kr, "2026-10-03", "baseline=4.6 state=provisional attainment=1 status=on_track");
    let score = &world.score("2026-10-03").objectives[0].key_results[kr];
    assert_eq!(
        score.reason.to_string(),
        "1.00 meets the 1.00 that counts as success; its measured baseline is provisional until 2026-10-04T00:00:00+00:00"
    );
    let due = |world: &World, now: &str| {
        world.score(now).objectives[0].key_results[kr].measured.is_some_and(|measured| measured.is_due())
    };
    assert!(!due(&world, "2026-10-03T23:59"));
    assert!(due(&world, "2026-10-04"));
    world.baselines.push(FrozenBaseline {
        id: BaselineId(1),
        objective: "o".to_owned(),
        key_result: "another".to_owned(),
        from: at("2026-09-01"),
        to: at("2026-10-01"),
        value: fixed("4.4"),
        n: Some(1),
        frozen_at: at("2026-10-04"),
        offsets: Vec::new(),
    });
    world.check(kr, "2026-10-05", "baseline=4.4 now=4.6 state=frozen attainment=3 status=on_track");
    assert!(!due(&world, "2026-10-05"));
    let past = crate::score::key_result_at(&world.input("2026-10-20"), 0, kr, at("2026-10-03")).expect("a key result");
    assert_eq!(past.baseline, Some(fixed("4.4")), "the line is today's, whatever day is looked at");
}

#[test]
fn while_the_range_runs_nothing_is_judged() {
    let mut world = World::q4();
    let tally = world.tally("2026-10-02 n=2 v=4; 2026-10-12 n=2 v=5");
    let range = MeasuredRange { from: at("2026-10-01"), to: at("2026-10-11") };
    let (baseline, direction) = (Baseline::Measured(range), Direction::Up);
    let goal = Goal::Improve { baseline, target: Target::Amount(fixed("6")), stretch: None, direction };
    let kr = world.measured(goal, Measure::Mean(tally), |_, plan| plan.baseline = Some(BaselineId(1)));
    world.check(kr, "2026-10-05", "value=4 baseline=4 score=0 status=insufficient_data");
    world.check(kr, "2026-10-13", "value=4.5 baseline=4 score=0.25 status=on_track");
}

#[test]
fn a_baseline_that_cannot_be_told_judges_nothing() {
    let mut world = World::q4();
    let now = "2026-10-10";
    let empty = september(&mut world, "2026-10-02 n=1 v=4.7", Target::Amount(fixed("4.5")));
    let few = september(&mut world, "2026-09-02 n=1 v=4; 2026-10-02 n=5 v=4.7", Target::Amount(fixed("4.5")));
    world.book.objectives[0].key_results[few].min_events = Some(2);
    let late = september(&mut world, "2026-09-12 n=2 v=4; 2026-10-02 n=2 v=4.2", Target::Amount(fixed("4.5")));
    world.facts.coverage[2] = Coverage::From(at("2026-09-10"));
    let nothing = september(&mut world, "2026-09-02 n=1 v=0; 2026-10-02 n=1 v=1", Target::Change(fixed("0.2")));
    for (kr, expected, reason) in [
        (empty, "baseline=- score=-", "the baseline has no value from 2026-09-01"),
        (few, "baseline=4 score=1", "the baseline has 1 event from 2026-09-01"),
        (late, "baseline=4 score=0.4", "the events reach back only to 2026-09-10"),
        (nothing, "baseline=0 target=- score=-", "the measured baseline is 0"),
    ] {
        world.check(kr, now, &format!("{expected} status=insufficient_data"));
        let score = &world.score(now).objectives[0].key_results[kr];
        assert!(score.reason.to_string().starts_with(reason), "{}", score.reason);
        let is_due = score.measured.is_some_and(|measured| measured.is_due());
        assert_eq!(is_due, kr == nothing, "{reason}");
    }
    world.book.objectives[0].key_results[late].partial_accepted = true;
    world.check(late, now, "baseline=4 score=0.4 status=on_track");
}

#[test]
fn a_change_is_of_the_baselines_magnitude() {
    let table = [("100", "0.2", "120"), ("100", "-0.35", "65"), ("-10", "0.2", "-8"), ("-10", "-1", "-20")];
    for (baseline, share, target) in table {
        assert_eq!(
            Target::Change(fixed(share)).amount(Some(fixed(baseline))),
            Some(fixed(target)),
            "{baseline} {share}"
        );
    }
    assert_eq!(Target::Change(fixed("0.2")).amount(Some(Fixed::ZERO)), None);
    let mut world = World::q4();
    let kr = september(&mut world, "2026-09-02 n=1 v=10; 2026-10-02 n=1 v=11", Target::Change(fixed("0.2")));
    world.check(kr, "2026-10-05", "baseline=10 target=12 attainment=0.5");
}

#[test]
fn a_revision_holds_from_its_day_and_the_original_stays_beside_it() {
    let mut world = World::q4();
    let tally = world.tally("2026-10-02 n=5");
    let kr = world.measured(improve("0", "10"), Measure::Count(tally), |kr, _| {
        let revision = |day: &str, target: &str| Revision {
            date: day.parse().expect("a date"),
            at: at(day),
            target: fixed(target),
            why: "why".to_owned(),
            by: None,
        };
        kr.revisions = vec![revision("2026-10-10", "20"), revision("2026-10-20", "5")];
    });
    world.check(kr, "2026-10-09T23:59", "target=10 score=0.5 original=-");
    world.check(kr, "2026-10-10", "target=20 score=0.25 original=10/0.5");
    world.check(kr, "2026-10-25", "target=5 score=1 original=10/0.5 change=0/0");
    world.check(kr, "2027-01-04", "target=5 score=1 original=10/0.5 status=achieved");
}

#[test]
fn a_pace_is_interpolated_between_its_days() {
    let mut world = World::new("2026-10-01", "2027-01-09", "Etc/UTC");
    let kr = world.told(Source::Manual, improve("0", "10"), |kr| {
        let point = |day: &str, value: &str| PacePoint { at: at(day), value: fixed(value) };
        kr.pace = vec![point("2026-10-11", "1"), point("2026-10-21", "6"), point("2026-10-31", "5")];
        kr.silent_after = None;
    });
    world.check_in(kr, "2026-10-01", Some("1"));
    for (now, expected) in [
        ("2026-10-01", "0"),
        ("2026-10-06", "0.05"),
        ("2026-10-11", "0.1"),
        ("2026-10-16", "0.35"),
        ("2026-10-21", "0.6"),
        ("2026-10-26", "0.55"),
        ("2026-10-31", "0.5"),
        // The rest of the way goes evenly to success.
        ("2026-12-05", "0.75"),
        ("2027-01-09", "1"),
    ] {
        world.check(kr, now, &format!("expected={expected}"));
    }
    world.book.objectives[0].key_results[kr].due = Some(at("2026-10-31"));
    world.check(kr, "2026-12-05", "expected=0.5");
    world.book.objectives[0].key_results[kr].kind = crate::book::Kind::Aspirational;
    world.book.objectives[0].key_results[kr].pace.truncate(2);
    world.book.objectives[0].key_results[kr].due = Some(at("2026-11-10"));
    world.check(kr, "2026-10-31", "expected=0.65");
    world.check(kr, "2026-11-20", "expected=0.7");
}

#[test]
fn members_are_held_against_their_own() {
    let mut world = World::q4();
    let tally = world.tally("2026-10-02 n=3 @SH1; 2026-10-02 n=2 @SH2");
    let own = |member: &str, target: Option<&str>, baseline: Option<&str>| MemberGoal {
        member: member.to_owned(),
        target: target.map(fixed),
        baseline: baseline.map(fixed),
    };
    let measure = Measure::Count(tally);
    let kr = world.measured(improve("0", "100"), measure.clone(), |kr, plan| {
        kr.members = vec![own("SH1", Some("4"), Some("2")), own("SH9", Some("1"), Some("0"))];
        kr.min_events = Some(0);
        plan.by = vec![("warehouse".to_owned(), measure)];
    });
    let members = world.score("2026-10-03").objectives[0].key_results[kr].members.clone();
    let told: Vec<_> = members.iter().map(|m| (m.member.as_str(), m.value, m.target, m.score, m.status)).collect();
    let whole = |number: i64| Some(Fixed::from_int(number));
    assert_eq!(
        told,
        [
            ("SH1", whole(3), whole(4), Some(fixed("0.5")), Some(Status::OnTrack)),
            ("SH2", whole(2), None, None, None),
            ("SH9", whole(0), whole(1), whole(0), Some(Status::OnTrack)),
        ]
    );
}

#[test]
fn a_plan_is_as_far_as_its_steps() {
    let step = |done: Done, weight: &str, end: Option<&str>| Step {
        name: "s".to_owned(),
        start: None,
        end: end.map(|day| (day.parse().expect("a date"), at(day) + span("1d"))),
        owner: None,
        resources: None,
        risk: None,
        done,
        weight: fixed(weight),
    };
    let on = |day: &str| Done::On(day.parse().expect("a date"), at(day));
    let plan = [
        step(on("2026-10-10"), "2", Some("2026-10-05")),
        step(Done::Share(fixed("0.4")), "1", Some("2026-10-20")),
        step(Done::Share(Fixed::ZERO), "1", None),
    ];
    let told = |now: &str| {
        let progress = crate::score::plan::progress(&plan, at(now)).expect("a plan");
        let late: Vec<bool> = progress.steps.iter().map(|step| step.late).collect();
        (progress.done.to_string(), late)
    };
    assert_eq!(told("2026-10-05"), ("0.1".to_owned(), vec![false, false, false]));
    assert_eq!(told("2026-10-06"), ("0.1".to_owned(), vec![true, false, false]));
    assert_eq!(told("2026-10-10"), ("0.6".to_owned(), vec![false, false, false]));
    assert_eq!(told("2026-10-21"), ("0.6".to_owned(), vec![false, true, false]));
    assert!(crate::score::plan::progress(&[], at("2026-10-05")).is_none());
}
