//! What a measured baseline measures, as one text: its hash is the baseline's name in the store, so that a title or an id of the
//! key result may change, and another metric, statistic, restriction or range is measured anew.
//!
//! `baseline(from=…,to=…,mean(stored-0123456789abcdef))`, instants in microseconds since 1970. Golden-tested.

use super::plan::{
    BaselineId, DerivedKind, DerivedPlan, Facet, Measure, OnlyMember, PairsPlan, Plan, SketchIndex, TallyIndex,
};
use super::window_plan::WindowPlan;
use crate::book::expr::Operator;
use crate::book::{EndChoice, KeyResult, Placed, RatioSense, Source, Stat};
use crate::time::Grain;

/// The name of a key result's measured baseline; `None` where it is written.
pub(super) fn id(
    plan: &Plan,
    key_result: &KeyResult,
    measure: &Measure,
    windows: &WindowPlan,
    grain: Grain,
) -> Option<BaselineId> {
    let definition = definition(plan, key_result, measure, windows, grain)?;
    Some(BaselineId(xxhash_rust::xxh3::xxh3_64(definition.as_bytes())))
}

/// The text whose hash the name is. A calendar stands in it by the time that it leaves of the range, not by its name.
pub(super) fn definition(
    plan: &Plan,
    key_result: &KeyResult,
    measure: &Measure,
    windows: &WindowPlan,
    grain: Grain,
) -> Option<String> {
    let range = key_result.goal.measured()?;
    let mut text = format!("baseline(from={},to={},{}", range.from.0, range.to.0, text(plan, measure));
    match key_result.source {
        Source::Metric { stat: Stat::MostIn(interval), .. } => text.push_str(&format!(",max={interval}")),
        Source::Metric { stat: Stat::LeastIn(interval), .. } => text.push_str(&format!(",min={interval}")),
        _ => {}
    }
    if let Some(per) = key_result.per {
        text.push_str(&format!(",per={per}"));
    }
    if let Some(during) = &windows.during {
        let mut held = String::new();
        for run in during.within(&(grain.bucket(range.from)..grain.bucket(range.to))) {
            held.push_str(&format!("{}-{},", grain.start(run.start).0, grain.start(run.end).0));
        }
        text.push_str(&format!(",during={:016x}", xxhash_rust::xxh3::xxh3_64(held.as_bytes())));
    }
    text.push(')');
    Some(text)
}

fn text(plan: &Plan, measure: &Measure) -> String {
    let of = |name: &str, index: &TallyIndex| format!("{name}({})", tally(plan, *index));
    match measure {
        Measure::Count(index) => of("count", index),
        Measure::Sum(index) => of("sum", index),
        Measure::Level(index) => of("level", index),
        Measure::Distinct(index) => format!("distinct({})", stored(plan, Facet::Set(*index)).unwrap_or_default()),
        Measure::Mean(index) => of("mean", index),
        Measure::Min(index) => of("min", index),
        Measure::Max(index) => of("max", index),
        Measure::Share(index) => of("share", index),
        Measure::Percentile(_, index, rank) => format!("p{rank}({})", sketch(plan, *index)),
        Measure::Ratio(sense, part, total) => {
            let sense = match sense {
                RatioSense::Good => "good",
                RatioSense::Bad => "bad",
                RatioSense::Part => "part",
            };
            format!("{sense}({},{})", text(plan, part), text(plan, total))
        }
        Measure::Number(number) => number.to_string(),
        Measure::Negate(a) => format!("(- {})", text(plan, a)),
        Measure::Arithmetic(operator, a, b) => {
            let symbol = match operator {
                Operator::Add => "+",
                Operator::Subtract => "-",
                Operator::Multiply => "*",
                Operator::Divide => "/",
                Operator::Modulo => "%",
            };
            format!("({} {symbol} {})", text(plan, a), text(plan, b))
        }
    }
}

fn tally(plan: &Plan, index: TallyIndex) -> String {
    let of_pairs = || derived(plan, |derived| derived.tally == index);
    stored(plan, Facet::Tally(index)).or_else(of_pairs).or_else(|| level(plan, index)).unwrap_or_default()
}

fn sketch(plan: &Plan, index: SketchIndex) -> String {
    stored(plan, Facet::Sketch(index))
        .or_else(|| derived(plan, |derived| derived.sketch == Some(index)))
        .unwrap_or_default()
}

/// `stored-0123456789abcdef`, by the aggregate's name.
fn stored(plan: &Plan, facet: Facet) -> Option<String> {
    let aggregate = plan.aggregates.iter().find(|aggregate| aggregate.facet == facet)?;
    Some(format!("stored-{:016x}", aggregate.id.0))
}

/// The changes of levels, of whole keys.
fn level(plan: &Plan, index: TallyIndex) -> Option<String> {
    let mut all = plan.levels.iter().flat_map(|levels| levels.derived.iter().map(move |changes| (levels, changes)));
    let (levels, changes) = all.find(|(_, changes)| changes.tally == index)?;
    let aggregate = &plan.aggregates[levels.aggregate.0 as usize];
    Some(format!("levels-{:016x}{}", aggregate.id.0, only(&changes.only)))
}

/// Dimensions stand in the order of their fields, which the definition of the aggregate names.
fn only(only: &[OnlyMember]) -> String {
    only.iter().map(|only| format!(",{}='{}'", only.dimension, only.member)).collect()
}

fn derived(plan: &Plan, is_meant: impl Fn(&DerivedPlan) -> bool) -> Option<String> {
    let find = |pairs: &PairsPlan| pairs.derived.iter().find(|derived| is_meant(derived)).cloned();
    let (pairs, derived) = plan.pairs.iter().find_map(|pairs| Some((pairs, find(pairs)?)))?;
    let kind = match derived.kind {
        DerivedKind::Finished(Placed::End) => "finished-at-end".to_owned(),
        DerivedKind::Finished(Placed::Start) => "finished-at-start".to_owned(),
        DerivedKind::Within(span) => format!("within-{}", span.0),
        DerivedKind::OnTime => "on-time".to_owned(),
    };
    let end = match derived.end {
        EndChoice::First => "first",
        EndChoice::Last => "last",
    };
    let only = only(&derived.only);
    let aggregate = &plan.aggregates[pairs.aggregate.0 as usize];
    Some(format!("pairs-{:016x}:{kind}:{end}:{}{only}", aggregate.id.0, derived.give_up.0))
}
