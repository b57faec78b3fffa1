//! What a value is held against: baseline and target, or a band, in the metric's own unit.

use super::improve::improve;
use super::key_results::Type;
use super::share;
use crate::book::amounts::{self, Amount};
use crate::book::fault::Report;
use crate::book::model::{Cycle, Unit};
use crate::book::yaml::Node;
use crate::book::{Goal, Judge};
use crate::fixed::Fixed;

/// The share of days in band that counts as success where the book does not say.
const DAYS_DEFAULT: Fixed = Fixed(900_000_000);

/// What the amounts of a key result measure.
pub(super) struct Measure<'u> {
    pub unit: &'u Unit,
    /// A ratio that cannot leave 0..1.
    pub bounded: bool,
    /// `count` or `sum`, of which a longer window has more.
    pub sum_of_rows: Option<&'static str>,
    /// The value is what people report.
    pub is_manual: bool,
    /// `None` where the cycle is faulty.
    pub cycle: Option<&'u Cycle>,
}

/// The goal, or `None` after a fault.
pub(super) fn read(node: &Node, kind: Type, measure: &Measure<'_>, report: &mut Report) -> Option<Goal> {
    let band = ["at_least", "at_most", "between"].iter().any(|key| node.get(key).is_some());
    let targeted = ["baseline", "target"].iter().any(|key| node.get(key).is_some());
    match kind {
        Type::Milestone => Some(Goal::Milestones),
        Type::Kpi => Some(Goal::Nothing),
        Type::Improve => improve(node, measure, report),
        Type::Maintain => maintain(node, measure, report),
        Type::Manual if band && targeted => {
            report.mend(node.place, "both a target and a band", "keep either `baseline` and `target`, or the band");
            None
        }
        Type::Manual if band => maintain(node, measure, report),
        Type::Manual => improve(node, measure, report),
    }
}

/// The unit that the amounts of a manual key result imply, else the one that is written.
pub(super) fn manual_unit(node: &Node, report: &mut Report) -> Unit {
    let unit = implied_unit(node);
    if let Some(written) = node.get("unit")
        && written.text().is_some_and(|written| written != unit.as_str())
    {
        let message = format!("its amounts are written in {}", unit.as_str());
        report.mend(written.place, message, "remove `unit`, or write plain numbers");
    }
    unit
}

fn implied_unit(node: &Node) -> Unit {
    let keys = ["baseline", "target", "stretch", "at_least", "at_most"];
    let single = keys.iter().filter_map(|key| node.get(key)?.text());
    let between = node.get("between").map_or(&[][..], |list| list.elements()).iter().filter_map(|bound| bound.text());
    let amounts: Vec<Amount> = single.chain(between).filter_map(|text| amounts::read(text).ok()).collect();
    if amounts.iter().any(|amount| matches!(amount, Amount::Percent(_))) {
        return Unit::Ratio;
    }
    if amounts.iter().any(|amount| matches!(amount, Amount::Span(_))) {
        return Unit::Seconds;
    }
    match node.get("unit").and_then(|unit| unit.text()) {
        Some("ratio") => Unit::Ratio,
        Some("seconds") => Unit::Seconds,
        Some("count") => Unit::Count,
        named => Unit::Named(named.unwrap_or_default().to_owned()),
    }
}

fn maintain(node: &Node, measure: &Measure<'_>, report: &mut Report) -> Option<Goal> {
    let id = node.get("id").and_then(|id| id.text()).unwrap_or_default();
    let bound = |key: &str, report: &mut Report| node.get(key).map(|bound| quantity(bound, measure, report));
    let (mut at_least, mut at_most) = (bound("at_least", report), bound("at_most", report));
    if let Some(between) = node.get("between") {
        if at_least.is_some() || at_most.is_some() {
            report.mend(between.place, "both `between` and another bound", "keep one of them");
        }
        let [low, high] = between.elements() else {
            report.mend(between.place, "`between` takes two amounts", "write it like `between: [3, 5]`");
            return None;
        };
        (at_least, at_most) = (Some(quantity(low, measure, report)), Some(quantity(high, measure, report)));
    }
    if at_least.is_none() && at_most.is_none() {
        let mend = "write `at_least`, `at_most` or `between`";
        report.mend(node.place, format!("the key result `{id}` has no band"), mend);
        return None;
    }
    let judge = match (node.get("judge"), share(node, "days")) {
        (Some(judge), Some(_)) => {
            report.mend(judge.place, "judged at the end and by days", "keep one of `judge` and `days`");
            return None;
        }
        (Some(_), None) => Judge::AtEnd,
        (None, days) => Judge::Days(days.unwrap_or(DAYS_DEFAULT)),
    };
    if judge == Judge::Days(Fixed::ZERO) {
        let place = node.get("days").map_or(node.place, |days| days.place);
        report.mend(place, "no day at all would count as success", "write a share above zero, like `90%`");
    }
    match (&at_least, &at_most) {
        (Some(_), None) => direction(node, "up", report),
        (None, Some(_)) => direction(node, "down", report),
        _ => {
            if let Some(written) = node.get("direction") {
                report.mend(written.place, "a band with two ends has no direction", "remove it");
            }
        }
    }
    let (at_least, at_most) = (flat(at_least)?, flat(at_most)?);
    if let (Some(low), Some(high)) = (at_least, at_most)
        && low > high
    {
        report.mend(node.place, format!("the band of `{id}` is empty: {low} is above {high}"), "swap the two bounds");
        return None;
    }
    Some(Goal::Maintain { at_least, at_most, judge })
}

/// A bound that is written must have been readable.
fn flat(bound: Option<Option<Fixed>>) -> Option<Option<Fixed>> {
    match bound {
        None => Some(None),
        Some(None) => None,
        Some(Some(bound)) => Some(Some(bound)),
    }
}

pub(super) fn direction(node: &Node, implied: &str, report: &mut Report) {
    if let Some(written) = node.get("direction")
        && let Some(word) = written.text().filter(|word| ["up", "down"].contains(word) && *word != implied)
    {
        let message = format!("direction `{word}`, but its amounts say {implied}");
        report.mend(written.place, message, "swap the amounts, or remove `direction`");
    }
}

/// An amount in the unit of what is measured; where a share of one cannot leave 0..1, neither can its goal.
pub(super) fn quantity(node: &Node, measure: &Measure<'_>, report: &mut Report) -> Option<Fixed> {
    let text = node.text()?;
    // What is no amount at all has been reported where the form was checked.
    amounts::read(text).ok()?;
    match amounts::amount(text, measure.unit) {
        Ok(value) if measure.bounded && !(Fixed::ZERO..=Fixed::ONE).contains(&value) => {
            let mend = "a ratio lies between 0% and 100%: write it like `96%` or `0.96`";
            report.mend(node.place, format!("`{text}` is beyond what a ratio can be"), mend);
            None
        }
        Ok(value) => Some(value),
        Err(fault) => {
            report.mend(node.place, fault.message, fault.mend.unwrap_or_default());
            None
        }
    }
}
