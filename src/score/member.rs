//! Members of a dimension: the same measure, member by member, over the key result's own window.
//!
//! | measure | target | score and status |
//! |---|---|---|
//! | any, with a target of the member's own | that one, from its own baseline if it has one | by these |
//! | extensive (count, sum, distinct, level, and sums of them) | none: the whole's target says nothing of one member | none |
//! | any other, improve | the key result's | as the key result's |
//! | any other, maintain | the bound, if there is one only | as the key result's |
//!
//! A member is shown if it has rows in the window, or a target of its own: then its absence is a value, too.

use std::collections::BTreeSet;

use super::goal::{clamped, rounded};
use super::key_result::{Reading, Scorer};
use super::reason::{PassedBudget, Remark};
use super::result::MemberScore;
use super::status::Rule;
use super::value::{Reader, each_leaf, is_extensive};
use super::window::Laid;
use crate::aggregate::facts::Facts;
use crate::aggregate::member::MemberId;
use crate::aggregate::plan::{KeyResultPlan, Measure};
use crate::book::MemberGoal;
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
) -> (Vec<MemberScore>, Vec<Remark>) {
    let (Some(as_of), Some(window)) = (scorer.cut.as_of, &reading.window) else {
        return (Vec::new(), Vec::new());
    };
    let facts = scorer.context.input.facts;
    let (mut scores, mut hidden) = (Vec::new(), Vec::new());
    let own = &scorer.key_result.members;
    for (dimension, measure) in &plan.by {
        let covered = scorer.covered(plan, measure);
        if let Some(budget) = covered.passed {
            // Where the whole has no value either, its own reason says why.
            if reading.passed.is_none() {
                let passed = PassedBudget::of(budget, &facts.budgets);
                hidden.push(Remark::MembersHidden { dimension: dimension.clone(), passed });
            }
            continue;
        }
        let members = members(facts, &scorer.reader, measure, window);
        let covered = Some(covered);
        let mut found: Vec<MemberScore> = Vec::with_capacity(members.len());
        for (member, name) in named(facts, &members, own) {
            let own = own.iter().find(|own| own.member == name);
            let line = own.map_or(scorer.line, |own| scorer.line.of_member(own));
            let is_held = !is_extensive(measure) || own.is_some_and(|own| own.target.is_some());
            let days = if is_held { scorer.days(covered, member, as_of, &line) } else { Vec::new() };
            let reading = scorer.read(covered, member, as_of, scorer.cut.open);
            let value = reading.quantity.value.as_ref();
            let mut score = MemberScore {
                dimension: dimension.clone(),
                member: name.to_owned(),
                value: value.and_then(rounded),
                n: reading.quantity.n,
                target: None,
                score: None,
                status: None,
            };
            if is_held {
                let attainment = line.attainment(value, &days);
                score.target = line.target();
                score.score = attainment.map(clamped);
                score.status = Some(match rule {
                    // What holds for the key result as a whole holds for each member.
                    Rule::NotBegun | Rule::Silent => rule.status(),
                    Rule::NoBaseline(_) if own.is_none_or(|own| own.baseline.is_none()) => rule.status(),
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
            let before = Bucket::FIRST..reader.end(&window.buckets);
            members.extend(series.members().filter(|member| !series.total(*member, before.clone()).is_empty()));
        }
        Measure::Distinct(set) => {
            reader.runs(&window.buckets).for_each(|run| members.extend(facts.set(*set).members(&run)))
        }
        Measure::Ratio(..) | Measure::Number(_) | Measure::Negate(_) | Measure::Arithmetic(..) => {}
    });
    members
}

/// Each member with its name: those in the window, and those that have something of their own, whether they ever came or not.
fn named<'a>(facts: &'a Facts, present: &BTreeSet<MemberId>, own: &'a [MemberGoal]) -> Vec<(MemberId, &'a str)> {
    let mut all: Vec<(MemberId, &str)> = present.iter().map(|member| (*member, facts.members.name(*member))).collect();
    for own in own {
        let member = facts.members.find(&own.member).unwrap_or(MemberId::NEVER);
        if !present.contains(&member) {
            all.push((member, &own.member));
        }
    }
    all
}
