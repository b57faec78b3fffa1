//! Scoring: facts and a book become scores. Exact rationals throughout, rounded half-even to 9 decimals before every comparison and output.
//!
//! ```text
//! events' watermarks ─ cut ─→ as_of ─ window ─→ buckets ─ value ─→ value, n ─ goal ─→ attainment, score, expected ─ status ─→ status
//!                                                                                                            rollup ─→ objectives
//! ```
//! Knows nothing of Kafka, stores or formats, and asks no clock: `now` is an input.

mod baseline;
mod check_in;
mod cut;
mod days;
mod goal;
mod key_result;
mod line;
mod member;
mod over;
mod pace;
mod plan;
mod reads;
mod reason;
mod result;
mod rollup;
mod sentence;
mod status;
#[cfg(test)]
pub(crate) mod tests;
mod value;
mod window;

use std::cell::OnceCell;
use std::collections::BTreeMap;

use crate::aggregate::facts::Facts;
use crate::aggregate::plan::{KeyResultPlan, Plan};
use crate::book::{Book, CycleIndex};
use crate::time::Timestamp;

pub(crate) use reads::{formula_metrics, metric_events};
pub use reason::{Absence, Ground, PassedBudget, Reason, Remark, Shortfall, SilentSource, Stretch};
pub(crate) use reason::{calendar_names, places};
pub use result::*;
pub(crate) use value::each_facet;

/// What is scored: `plan` and `facts` must be those of `book`.
#[derive(Clone, Copy, Debug)]
pub struct ScoreInput<'a> {
    /// The book.
    pub book: &'a Book,
    /// How its key results are measured.
    pub plan: &'a Plan,
    /// What was aggregated.
    pub facts: &'a Facts,
    /// What people said, in any order.
    pub check_ins: &'a [CheckIn],
    /// The measured baselines that are frozen, each definition once.
    pub baselines: &'a [FrozenBaseline],
    /// The wall clock; `--at` of a replay.
    pub now: Timestamp,
}

/// Scores everything in the book.
pub fn score(input: &ScoreInput<'_>) -> Scores {
    let context = Context::new(input);
    let mut objectives = Vec::with_capacity(input.book.objectives.len());
    for (index, objective) in input.book.objectives.iter().enumerate() {
        let key_results = (0..objective.key_results.len()).filter_map(|kr| key_result::score(&context, index, kr));
        objectives.push(rollup::objective(objective, key_results.collect(), input.now));
    }
    let cycles = input.book.cycles.iter().enumerate().map(|(index, cycle)| {
        let theirs = input.book.objectives.iter().zip(&objectives);
        let theirs = theirs.filter(|(objective, _)| usize::from(objective.cycle.0) == index);
        rollup::cycle(cycle, input.now, theirs.flat_map(|(_, score)| &score.key_results))
    });
    let kpis = (0..input.book.kpis.len()).filter_map(|kpi| key_result::kpi(&context, kpi));
    Scores { cycles: cycles.collect(), objectives, kpis: kpis.collect() }
}

/// Scores one key result, by its positions in the book, as it stood at `as_of`, from today's facts: the clock is set back to that
/// instant, and the bucket that holds it is left out, for it holds what came after, too. Without `change_7d`.
/// `None` if the book has no such key result.
pub fn key_result_at(
    input: &ScoreInput<'_>,
    objective: usize,
    key_result: usize,
    as_of: Timestamp,
) -> Option<KeyResultScore> {
    key_result_over(input, objective, key_result, std::iter::once(as_of))?.pop()
}

/// The same as of many past instants, which should rise: each then costs only what is new since the one before it.
pub fn key_result_over(
    input: &ScoreInput<'_>,
    objective: usize,
    key_result: usize,
    instants: impl Iterator<Item = Timestamp>,
) -> Option<Vec<KeyResultScore>> {
    key_result::scores_at(&Context::new(input), objective, key_result, instants)
}

/// What all key results of one run share.
struct Context<'a> {
    input: ScoreInput<'a>,
    /// Check-ins by objective and key result, the latest last.
    check_ins: BTreeMap<(&'a str, &'a str), Vec<&'a CheckIn>>,
    /// The ends of each cycle's local days, once somebody asks.
    day_ends: Vec<OnceCell<Vec<Timestamp>>>,
}

impl<'a> Context<'a> {
    fn new(input: &ScoreInput<'a>) -> Context<'a> {
        let mut check_ins: BTreeMap<(&str, &str), Vec<&CheckIn>> = BTreeMap::new();
        for check_in in input.check_ins {
            check_ins.entry((&check_in.objective, &check_in.key_result)).or_default().push(check_in);
        }
        for list in check_ins.values_mut() {
            list.sort_by_key(|check_in| (check_in.at, check_in.recorded_at));
        }
        Context { input: *input, check_ins, day_ends: vec![OnceCell::new(); input.book.cycles.len()] }
    }

    fn plan(&self, objective: usize, key_result: usize) -> Option<&'a KeyResultPlan> {
        self.input.plan.key_results.get(objective)?.get(key_result)?.as_ref()
    }

    fn day_ends(&self, cycle: CycleIndex) -> &[Timestamp] {
        let index = usize::from(cycle.0);
        self.day_ends[index].get_or_init(|| {
            let cycle = &self.input.book.cycles[index];
            cycle.zone.days(cycle.start_date, cycle.end_date).map(|(_, _, end)| end).collect()
        })
    }
}
