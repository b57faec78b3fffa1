//! Members of a dimension: the same measure, member by member, over the key result's own window.
//!
//! | measure | target | score and status |
//! |---|---|---|
//! | extensive (count, sum, distinct, level, and sums of them) | none: the whole's target says nothing of one member | none |
//! | any other, improve | the key result's | as the key result's |
//! | any other, maintain | the bound, if there is one only | as the key result's |

use std::collections::BTreeSet;

use super::goal::{clamped, rounded};
use super::key_result::{Reading, Scorer};
use super::reason;
use super::result::{MemberScore, Status};
use super::status::Rule;
use super::value::{Reader, each_leaf, is_extensive};
use super::window::Laid;
use crate::aggregate::facts::Facts;
use crate::aggregate::member::MemberId;
use crate::aggregate::plan::{KeyResultPlan, Measure};
use crate::book::Goal;
use crate::fixed::Fixed;
use crate::time::Bucket;

/// All members that have rows in the window: by dimension, then the largest n first, then by name; and why those of a dimension are not
/// shown. `rule` is the key result's.
pub(super) fn scores(
    scorer: &mut Scorer<'_>,
    plan: &KeyResultPlan,
    reading: &Reading,
    expected: Option<Fixed>,
    rule: Rule,
) -> (Vec<MemberScore>, Vec<String>) {
    let (Some(as_of), Some(window)) = (scorer.cut.as_of, &reading.window) else {
        return (Vec::new(), Vec::new());
    };
    let facts = scorer.context.input.facts;
    let (mut scores, mut hidden) = (Vec::new(), Vec::new());
    for (dimension, measure) in &plan.by {
        let covered = scorer.covered(plan, measure);
        if let Some(budget) = covered.passed {
            // Where the whole has no value either, its own reason says why.
            if reading.passed.is_none() {
                hidden.push(format!("members of {dimension} are not shown: {}", reason::past(budget, &facts.budgets)));
            }
            continue;
        }
        let members = members(facts, &scorer.reader, measure, window);
        let covered = Some(covered);
        let mut found: Vec<MemberScore> = Vec::with_capacity(members.len());
        for member in members {
            let days = if is_extensive(measure) { Vec::new() } else { scorer.days(covered, member, as_of) };
            let reading = scorer.read(covered, member, as_of, scorer.cut.open);
            let value = reading.quantity.value.as_ref();
            let mut score = MemberScore {
                dimension: dimension.clone(),
                member: facts.members.name(member).to_owned(),
                value: value.and_then(rounded),
                n: reading.quantity.n,
                target: None,
                score: None,
                status: None,
            };
            if !is_extensive(measure) {
                let attainment = scorer.attainment(value, &days);
                score.target = target(&scorer.key_result.goal);
                score.score = attainment.map(clamped);
                score.status = Some(match rule.status() {
                    // What holds for the key result as a whole holds for each member.
                    whole @ (Status::Pending | Status::Stale) => whole,
                    _ => scorer.evidence(&reading, attainment, expected).rule().status(),
                });
            }
            found.push(score);
        }
        found.sort_by(|a, b| b.n.cmp(&a.n).then_with(|| a.member.cmp(&b.member)));
        scores.append(&mut found);
    }
    (scores, hidden)
}

/// The members with anything in the window; of a level those with a key at its end.
fn members(facts: &Facts, reader: &Reader<'_>, measure: &Measure, window: &Laid) -> BTreeSet<MemberId> {
    let mut members = BTreeSet::new();
    each_leaf(measure, &mut |leaf| match leaf {
        Measure::Count(tally)
        | Measure::Sum(tally)
        | Measure::Mean(tally)
        | Measure::Min(tally)
        | Measure::Max(tally)
        | Measure::Percentile(tally, ..)
        | Measure::Share(tally) => {
            let present = |member: &MemberId| reader.has_rows(*tally, *member, &window.buckets);
            members.extend(facts.tally(*tally).members().filter(present));
        }
        Measure::Level(tally) => {
            let series = facts.tally(*tally);
            let before = Bucket(i32::MIN)..reader.end(&window.buckets);
            members.extend(series.members().filter(|member| !series.total(*member, before.clone()).is_empty()));
        }
        Measure::Distinct(set) => {
            reader.runs(&window.buckets).for_each(|run| members.extend(facts.set(*set).members(&run)))
        }
        Measure::Ratio(..) | Measure::Number(_) | Measure::Negate(_) | Measure::Arithmetic(..) => {}
    });
    members
}

/// What members are held against.
fn target(goal: &Goal) -> Option<Fixed> {
    match goal {
        Goal::Improve { target, .. } => Some(*target),
        Goal::Maintain { at_least, at_most: None, .. } => *at_least,
        Goal::Maintain { at_least: None, at_most, .. } => *at_most,
        Goal::Maintain { .. } | Goal::Milestones => None,
    }
}
