//! Daily facts: each key result as of the end of each local day of its cycle, once that day is known, and again when it has changed since.
//!
//! A day is looked at again only where it may have changed:
//!
//! | what changed | days that are scored again |
//! |---|---|
//! | a bucket of a series that the key result reads | those that end after the bucket begins |
//! | the last record of a topic that may fall silent | those that end after the last record before |
//! | what covers its aggregates, what is past a budget, rows not checked for copies, what people said, frozen baselines, its own measured one | all |
//!
//! and of those only the ones whose score is not what was recorded last are recorded. Nothing else enters a past day's score.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};

use jiff::civil::Date;
use xxhash_rust::xxh3::Xxh3Default;

use crate::aggregate::budget::Passed;
use crate::aggregate::facts::{Coverage, Touched};
use crate::aggregate::plan::{Facet, KeyResultPlan};
use crate::book::{CycleIndex, KeyResult};
use crate::score::{self, CheckIn, FrozenBaseline, KeyResultScore, MeasuredBaseline, ScoreInput};
use crate::snapshot::Snapshot;
use crate::time::{Bucket, Timestamp};

/// Days that one publication scores at most, of all key results together: some 50 ms. What is left is done with the next ones.
const DAYS_SCORED_MAX: usize = 2_000;

/// A key result as of the end of a local day.
#[derive(Clone, Debug, PartialEq)]
pub struct DailyFact {
    /// Position of the objective in the book.
    pub objective: usize,
    /// Position of the key result in the objective.
    pub key_result: usize,
    /// The local day in the cycle's zone.
    pub day: Date,
    /// Scored as of the day's end from the facts of this cut.
    pub score: KeyResultScore,
}

/// Which days were recorded.
#[derive(Clone, Debug, Default)]
pub(super) struct Daily {
    /// By objective and key result.
    known: BTreeMap<(usize, usize), Days>,
    /// The key result at which the last publication had no more room; the next one begins there.
    turn: usize,
    seen: Seen,
}

/// The days of one key result.
#[derive(Clone, Debug)]
struct Days {
    /// A hash of what was recorded of each day, members too: a whole score of every day would be held for nothing but this comparison.
    recorded: BTreeMap<Date, u64>,
    /// Days that end by then are recorded as they are now.
    settled: Timestamp,
    own: Own,
}

/// What a key result's past days depend on beside the buckets of its series.
#[derive(Clone, Debug, Default, PartialEq)]
struct Own {
    measured: Option<MeasuredBaseline>,
    past_budget: Vec<Facet>,
    unchecked: u64,
}

/// What all past days depend on beside the facts.
#[derive(Clone, Debug, Default)]
struct Seen {
    coverage: Vec<Coverage>,
    passed: Passed,
    check_ins: Vec<CheckIn>,
    baselines: Vec<FrozenBaseline>,
    /// Of each event's topic.
    last_record_at: Vec<Option<Timestamp>>,
}

impl Seen {
    /// Looks, and gives the first instant from which on days may have changed, for all key results and for those that read an event.
    fn look(&mut self, input: &ScoreInput<'_>) -> (Option<Timestamp>, Vec<Option<Timestamp>>) {
        let facts = input.facts;
        let last_record_at: Vec<_> = facts.events.iter().map(|event| event.last_record_at).collect();
        let same = self.coverage == facts.coverage
            && self.passed == facts.passed
            && self.check_ins == input.check_ins
            && self.baselines == input.baselines
            && self.last_record_at.len() == last_record_at.len();
        if !same {
            *self = Seen {
                coverage: facts.coverage.clone(),
                passed: facts.passed.clone(),
                check_ins: input.check_ins.to_vec(),
                baselines: input.baselines.to_vec(),
                last_record_at,
            };
            return (Some(Timestamp::MIN), Vec::new());
        }
        let moved = self.last_record_at.iter().zip(&last_record_at);
        let moved = moved.map(|(before, now)| (before != now).then_some(before.unwrap_or(Timestamp::MIN))).collect();
        self.last_record_at = last_record_at;
        (None, moved)
    }
}

impl Days {
    fn new() -> Days {
        Days { recorded: BTreeMap::new(), settled: Timestamp::MIN, own: Own::default() }
    }

    fn touch(&mut self, at: Timestamp) {
        self.settled = self.settled.min(at);
    }

    /// What the touched series and events say of a key result.
    fn touch_read(&mut self, plan: &KeyResultPlan, touched: &Touched, moved: &[Option<Timestamp>], silent: bool) {
        let mut first = Bucket::NONE;
        each_read(plan, &mut |facet| first = first.min(touched.of(facet)));
        if first != Bucket::NONE {
            self.touch(plan.grain.start(first));
        }
        if silent {
            let moved = plan.events.iter().filter_map(|event| *moved.get(usize::from(event.0))?);
            moved.for_each(|at| self.touch(at));
        }
    }
}

fn each_read(plan: &KeyResultPlan, each: &mut impl FnMut(Facet)) {
    score::each_facet(&plan.measure, each);
    plan.by.iter().for_each(|(_, measure)| score::each_facet(measure, each));
}

/// The latest event of all moves with every record and tells nothing of that day.
fn hash(score: &KeyResultScore) -> u64 {
    let mut hasher = Xxh3Default::new();
    KeyResultScore { last_event_at: None, ..score.clone() }.hash(&mut hasher);
    hasher.finish()
}

impl Daily {
    /// The facts to record with `snapshot`: days newly known, and days that have changed. Days of a cycle that began below `reach` are over:
    /// their facts are let go, and what was recorded of them stays. `touched` is what changed since the last call.
    pub(super) fn facts(
        &mut self,
        input: &ScoreInput<'_>,
        snapshot: &Snapshot,
        reach: Timestamp,
        touched: &Touched,
    ) -> Vec<DailyFact> {
        let all: Vec<(usize, usize)> = (input.book.objectives.iter().enumerate())
            .flat_map(|(o, objective)| (0..objective.key_results.len()).map(move |k| (o, k)))
            .collect();
        self.touch(input, snapshot, &all, touched);
        let (mut facts, mut room) = (Vec::new(), DAYS_SCORED_MAX);
        let begin = std::mem::take(&mut self.turn).min(all.len());
        for (position, place) in all.iter().enumerate().skip(begin).chain(all.iter().enumerate().take(begin)) {
            let objective = &input.book.objectives[place.0];
            let as_of = snapshot.scores.objectives[place.0].key_results[place.1].as_of;
            let cycle = &input.book.cycles[usize::from(objective.cycle.0)];
            let (Some(as_of), true) = (as_of, cycle.start >= reach) else { continue };
            let days = self.known.entry(*place).or_insert_with(Days::new);
            facts.extend(record(input, *place, objective.cycle, days, as_of, &mut room));
            if room == 0 {
                self.turn = position;
                break;
            }
        }
        facts
    }

    fn touch(&mut self, input: &ScoreInput<'_>, snapshot: &Snapshot, all: &[(usize, usize)], touched: &Touched) {
        let (everything, moved) = self.seen.look(input);
        for (o, k) in all {
            let key_result: &KeyResult = &input.book.objectives[*o].key_results[*k];
            let days = self.known.entry((*o, *k)).or_insert_with(Days::new);
            everything.into_iter().for_each(|at| days.touch(at));
            let mut own = Own { measured: snapshot.scores.objectives[*o].key_results[*k].measured, ..Own::default() };
            if let Some(plan) = input.plan.key_results.get(*o).and_then(|plans| plans.get(*k)?.as_ref()) {
                days.touch_read(plan, touched, &moved, key_result.silent_after.is_some());
                own.unchecked = plan.events.iter().map(|event| input.facts.event(*event).unchecked).sum();
                each_read(plan, &mut |facet| own.past_budget.extend(input.facts.past_budget(facet).map(|_| facet)));
            }
            if days.own != own {
                days.own = own;
                days.touch(Timestamp::MIN);
            }
        }
    }
}

/// Scores the days of a key result that are known and may have changed, as many as there is room for.
fn record(
    input: &ScoreInput<'_>,
    (objective, key_result): (usize, usize),
    cycle: CycleIndex,
    days: &mut Days,
    as_of: Timestamp,
    room: &mut usize,
) -> Vec<DailyFact> {
    let cycle = &input.book.cycles[usize::from(cycle.0)];
    let settled = days.settled.max(cycle.start);
    let first = cycle.zone.date_of(settled).max(cycle.start_date);
    let due = cycle.zone.days(first, cycle.end_date).filter(|(_, _, end)| *end > settled);
    let due: Vec<(Date, Timestamp)> =
        due.map(|(day, _, end)| (day, end)).take_while(|(_, end)| *end <= as_of).take(*room).collect();
    let Some((_, last)) = due.last().copied() else { return Vec::new() };
    *room -= due.len();
    days.settled = last;
    let ends = due.iter().map(|(_, end)| *end);
    let scores = score::key_result_over(input, objective, key_result, ends).unwrap_or_default();
    let mut facts = Vec::new();
    for ((day, _), score) in due.into_iter().zip(scores) {
        let now = hash(&score);
        if days.recorded.insert(day, now) != Some(now) {
            facts.push(DailyFact { objective, key_result, day, score });
        }
    }
    facts
}
