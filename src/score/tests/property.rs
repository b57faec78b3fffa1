//! Whatever the facts are: scores lie in 0..1, nothing panics, and nothing depends on how a window was reached.

use proptest::prelude::*;

use super::world::{World, fixed, improve, maintain, sketch_of, span};
use crate::aggregate::facts::Coverage;
use crate::aggregate::member::MemberId;
use crate::aggregate::plan::{Measure, TallyIndex};
use crate::book::expr::Operator;
use crate::book::{Judge, RatioSense, Window};
use crate::fixed::{Fixed, VALUE_MAX};
use crate::score::value::Reader;
use crate::score::{ScoreInput, score};
use crate::time::{Bucket, BucketSet, Calendar, ClockHours, Period, Span, calendar_buckets};

/// Rows: bucket since the cycle's start (before it, too), count, value.
fn rows() -> impl Strategy<Value = Vec<(i32, i64, i128)>> {
    let value = prop_oneof![-10..10_i128, -VALUE_MAX.0..=VALUE_MAX.0, Just(VALUE_MAX.0)];
    prop::collection::vec((-400..2_600_i32, 0..4_i64, value), 0..40)
}

fn fill(world: &mut World, rows: &[(i32, i64, i128)], member: MemberId) -> TallyIndex {
    let tally = world.tally("");
    let start = world.book.cycles[0].grain.bucket(world.book.cycles[0].start);
    for (bucket, count, value) in rows {
        let bucket = Bucket(start.0 + bucket);
        for _ in 0..*count {
            world.facts.tallies[tally.0 as usize].entry(member, bucket).add(Fixed(*value));
            world.facts.sketches[tally.0 as usize]
                .entry(member, bucket)
                .add(crate::aggregate::sketch::bin_of(Fixed(*value)), 1);
        }
    }
    tally
}

fn measures(a: TallyIndex, b: TallyIndex) -> Vec<Measure> {
    use Measure::{Arithmetic, Count, Max, Mean, Min, Negate, Percentile, Ratio, Share, Sum};
    let boxed = |measure: Measure| Box::new(measure);
    vec![
        Count(a),
        Sum(a),
        Mean(a),
        Min(a),
        Max(a),
        Share(a),
        Percentile(a, sketch_of(a), 9_000),
        Ratio(RatioSense::Bad, boxed(Count(b)), boxed(Count(a))),
        Ratio(RatioSense::Part, boxed(Sum(b)), boxed(Sum(a))),
        Arithmetic(Operator::Divide, boxed(Mean(a)), boxed(Negate(boxed(Sum(b))))),
        Arithmetic(Operator::Multiply, boxed(Sum(a)), boxed(Sum(b))),
    ]
}

/// Any weekdays, any hours on the half hour, nights too.
fn calendar() -> impl Strategy<Value = Calendar> {
    let hours = prop::collection::vec((0..48_u16, 0..=48_u16), 0..3);
    (any::<[bool; 7]>(), hours).prop_map(|(weekdays, hours)| {
        let hours = hours.into_iter().map(|(from, to)| ClockHours { from: from * 30, to: to * 30 });
        Calendar { weekdays, hours: hours.collect(), ..Calendar::default() }
    })
}

/// What a calendar holds of a year before the cycle and after it, and all the rest.
fn held(world: &World, calendar: Calendar) -> (BucketSet, BucketSet) {
    let cycle = &world.book.cycles[0];
    let rest = Calendar { except: vec![0], ..Calendar::default() };
    let range = (cycle.start - Span(366 * Span::DAY.0), cycle.end + Span(366 * Span::DAY.0));
    let lay =
        |which: usize| calendar_buckets(&[calendar.clone(), rest.clone()], &[which], &cycle.zone, cycle.grain, range);
    (lay(0), lay(1))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn scores_lie_between_0_and_1_whatever_the_facts(
        a in rows(), b in rows(), hours in -500..3_000_i64, lag in 0..200_i64, window in 0..5_usize, horizon in 0..4_usize,
        coverage in 0..4_usize,
    ) {
        let mut world = World::new("2026-10-01", "2027-01-01", "Australia/Lord_Howe");
        let (a, b) = (fill(&mut world, &a, MemberId::NONE), fill(&mut world, &b, MemberId::NONE));
        let goals = [
            improve("0", "1"),
            improve("3", "-0.000000001"),
            maintain(Some("1"), None, Judge::Days(fixed("0.9"))),
            maintain(Some("-1"), Some("1"), Judge::AtEnd),
        ];
        let start = world.book.cycles[0].start;
        for measure in measures(a, b) {
            for goal in &goals {
                let measure = measure.clone();
                world.measured(goal.clone(), measure.clone(), |kr, plan| {
                    kr.window = [
                        Window::Cycle,
                        Window::Trailing(span("7d")),
                        Window::ToDate(Period::Week),
                        Window::ToDate(Period::Quarter),
                        Window::ToDate(Period::Day),
                    ][window];
                    plan.horizon = [None, None, Some(Span(0)), Some(span("36h"))][horizon];
                    plan.by = vec![("d".to_owned(), measure)];
                });
            }
        }
        let from = start + Span(hours * Span::HOUR.0 / 2);
        let coverage = [Coverage::Whole, Coverage::Whole, Coverage::From(from), Coverage::Nothing][coverage];
        world.facts.coverage.iter_mut().for_each(|known| *known = coverage);
        let now = start + Span(hours * Span::HOUR.0);
        world.facts.events[0].watermark = (lag != 199).then_some(now - Span(lag * Span::MINUTE.0));
        let scores = score(&ScoreInput { now, ..world.input("2026-10-01") });
        for key_result in &scores.objectives[0].key_results {
            let members = key_result.members.iter().map(|member| member.score);
            for score in members.chain([key_result.score, key_result.expected, Some(key_result.success)]).flatten() {
                prop_assert!((Fixed::ZERO..=Fixed::ONE).contains(&score), "{key_result:?}");
            }
            prop_assert_eq!(key_result.score.is_some(), key_result.attainment.is_some());
            prop_assert!(!key_result.reason.to_string().is_empty());
            prop_assert!(key_result.score.is_some() || !key_result.status.is_judged());
        }
        prop_assert!(scores.objectives[0].score.is_none_or(|score| (Fixed::ZERO..=Fixed::ONE).contains(&score)));
    }

    #[test]
    fn a_reader_finds_the_same_however_it_got_there(
        a in rows(), b in rows(), calendar in prop::option::of(calendar()),
        steps in prop::collection::vec((-500..2_700_i32, 0..700_i32), 1..20),
    ) {
        let mut world = World::q4();
        let (a, b) = (fill(&mut world, &a, MemberId::NONE), fill(&mut world, &b, MemberId::NONE));
        let start = world.book.cycles[0].grain.bucket(world.book.cycles[0].start).0;
        let during = calendar.map(|calendar| held(&world, calendar).0);
        let mut moved = Reader::new(&world.facts, during.as_ref());
        for measure in measures(a, b) {
            for (from, width) in &steps {
                // Neighbouring runs and leaps alike.
                for shift in [0, 24, -3] {
                    let run = Bucket(start + from + shift)..Bucket(start + from + width);
                    let fresh = Reader::new(&world.facts, during.as_ref()).read(&measure, MemberId::NONE, &run);
                    prop_assert_eq!(moved.read(&measure, MemberId::NONE, &run), fresh);
                }
            }
        }
    }

    #[test]
    fn what_a_calendar_holds_and_what_it_leaves_out_add_up(
        a in rows(), calendar in calendar(), steps in prop::collection::vec((-500..2_700_i32, 0..700_i32), 1..20),
    ) {
        let mut world = World::new("2026-10-01", "2027-01-01", "Australia/Lord_Howe");
        let a = fill(&mut world, &a, MemberId::NONE);
        let grain = world.book.cycles[0].grain;
        let start = grain.bucket(world.book.cycles[0].start).0;
        let (held, left) = held(&world, calendar);
        let mut readers = [None, Some(&held), Some(&left)].map(|during| Reader::new(&world.facts, during));
        for (from, width) in &steps {
            let run = Bucket(start + from)..Bucket(start + from + width);
            let lengths = [&held, &left].map(|set| set.length(grain, grain.start(run.start), grain.start(run.end)));
            prop_assert_eq!(lengths[0].0 + lengths[1].0, (grain.start(run.end) - grain.start(run.start)).0);
            for measure in [Measure::Count(a), Measure::Sum(a)] {
                let [whole, held, left] = readers.each_mut().map(|reader| reader.read(&measure, MemberId::NONE, &run));
                prop_assert_eq!(held.n.zip(left.n).map(|(held, left)| held + left), whole.n);
                prop_assert_eq!(held.value.zip(left.value).map(|(held, left)| held + left), whole.value);
            }
        }
    }
}
