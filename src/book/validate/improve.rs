//! Ways from a baseline to a target: both may be written, the baseline measured, the target a change of it.
//!
//! | baseline | target | which way is better |
//! |---|---|---|
//! | written | an amount | as the two say |
//! | written | a change | as its sign says; the amount is known at once |
//! | measured | a change | as its sign says |
//! | measured | an amount | as `direction` says, else as `stretch` lies; one of the two must |

use super::goals::{Measure, direction, quantity};
use crate::book::amounts::{self, Amount};
use crate::book::fault::Report;
use crate::book::goal::changed;
use crate::book::keys::KEY_RESULT;
use crate::book::model::{Cycle, Unit};
use crate::book::shape::misspelt;
use crate::book::yaml::Node;
use crate::book::{Baseline, Direction, Goal, MeasuredRange, Target};
use crate::fixed::Fixed;
use crate::time::Span;

/// How far before its cycle a baseline may be measured: what it reads must be kept that long.
const MEASURED_BACK_MAX: Span = Span(3_660 * Span::DAY.0);

/// The goal, or `None` after a fault.
pub(super) fn improve(node: &Node, measure: &Measure<'_>, report: &mut Report) -> Option<Goal> {
    let id = node.get("id").and_then(|id| id.text()).unwrap_or_default();
    let baseline = baseline(node, id, measure, report);
    let target = target(node, id, measure, report);
    let stretch_node = node.get("stretch");
    let stretch = stretch_node.map(|stretch| quantity(stretch, measure, report));
    let (baseline, (place, target)) = (baseline?, target?);
    let target = match (baseline, target) {
        (Baseline::Written(baseline), Target::Amount(target)) if baseline == target => {
            let mend = "a target differs from where it began; to hold a value, write `at_least` or `at_most`";
            report.mend(place.place, format!("the target of `{id}` equals its baseline"), mend);
            return None;
        }
        (Baseline::Written(baseline), Target::Change(share)) => {
            Target::Amount(written_change(place, baseline, share, measure, report)?)
        }
        (_, target) => target,
    };
    let implied = match (baseline, target) {
        (Baseline::Written(baseline), Target::Amount(target)) => Some(towards(baseline, target)),
        (_, Target::Change(share)) => Some(towards(Fixed::ZERO, share)),
        (Baseline::Measured(_), Target::Amount(target)) => {
            stretch.flatten().filter(|stretch| *stretch != target).map(|stretch| towards(target, stretch))
        }
    };
    let Some(way) = implied.or_else(|| written_direction(node)) else {
        let message =
            format!("the key result `{id}` has a measured baseline, so its target does not say what is better");
        report.mend(place.place, message, "write `direction: up` or `direction: down`");
        return None;
    };
    direction(node, way.as_str(), report);
    if let (Some(stretch_node), Some(Some(stretch)), Target::Amount(target)) = (stretch_node, stretch, target)
        && (stretch == target || !way.reaches(stretch, target))
    {
        let message = format!("the stretch of `{id}` does not lie beyond its target");
        report.mend(stretch_node.place, message, "go further than the target");
    }
    Some(Goal::Improve { baseline, target, stretch: stretch.flatten(), direction: way })
}

/// Which way `to` lies from `from`.
pub(super) fn towards(from: Fixed, to: Fixed) -> Direction {
    if to < from { Direction::Down } else { Direction::Up }
}

fn written_direction(node: &Node) -> Option<Direction> {
    match node.get("direction")?.text()? {
        "up" => Some(Direction::Up),
        "down" => Some(Direction::Down),
        _ => None,
    }
}

fn baseline(node: &Node, id: &str, measure: &Measure<'_>, report: &mut Report) -> Option<Baseline> {
    let Some(written) = node.get("baseline") else {
        if !misspelt(node, &KEY_RESULT, "baseline") {
            let message = format!("the key result `{id}` has no baseline");
            report.mend(node.place, message, "write `baseline`: where it began");
        }
        return None;
    };
    if written.text().is_some() {
        return quantity(written, measure, report).map(Baseline::Written);
    }
    if measure.is_manual {
        let mend = "write it as an amount: what people report cannot be measured afterwards";
        report.mend(written.place, "a measured baseline of a manual key result", mend);
        return None;
    }
    if let Some(what) = measure.sum_of_rows
        && node.get("per").is_none()
        && node.get("change").is_none()
    {
        let mend = "add `per: day`: counts of periods of different length cannot be compared";
        report.mend(written.place, format!("a measured baseline of a {what} without `per`"), mend);
    }
    range(written, measure.cycle?, report).map(Baseline::Measured)
}

/// The range, which ends in the cycle at the latest.
fn range(node: &Node, cycle: &Cycle, report: &mut Report) -> Option<MeasuredRange> {
    let date = |key: &str| Some((node.get(key)?, amounts::date(node.get(key)?.text()?).ok()?));
    let ((from_node, from_date), (to_node, to_date)) = (date("from")?, date("to")?);
    if to_date <= from_date {
        let message = format!("the baseline's range ends {to_date}, but begins {from_date}");
        report.mend(to_node.place, message, "`to` is the day after the last one");
        return None;
    }
    if to_date > cycle.end_date {
        let message = format!("the baseline's range ends {to_date}, after the cycle `{}`", cycle.id);
        report.mend(to_node.place, message, format!("end it on {} at the latest", cycle.end_date));
        return None;
    }
    let (Some(from), Some(to)) = (cycle.zone.midnight(from_date), cycle.zone.midnight(to_date)) else {
        report.fault(from_node.place, "the baseline's range lies outside the years 0 to 9999");
        return None;
    };
    if cycle.start - from > MEASURED_BACK_MAX {
        let message = format!("the baseline's range begins {from_date}, more than 3660 days before its cycle");
        report.mend(from_node.place, message, "measure a later range, or write the baseline as an amount");
        return None;
    }
    if cycle.grain.floor(from) != from || cycle.grain.floor(to) != to {
        // A zone may have changed its offset by minutes since: then its days do not begin where today's buckets do.
        let message = "the baseline's range does not begin and end with the buckets of its cycle";
        report.mend(node.place, message, "measure a later range, or write the baseline as an amount");
        return None;
    }
    Some(MeasuredRange { from, to })
}

/// What is written as the target, and where.
fn target<'n>(node: &'n Node, id: &str, measure: &Measure<'_>, report: &mut Report) -> Option<(&'n Node, Target)> {
    match (node.get("target"), node.get("change")) {
        (Some(_), Some(_)) => {
            report.mend(node.key_place("change"), "both a target and a change", "keep one of them");
            None
        }
        (None, Some(change)) => Some((change, Target::Change(share(node, change, measure, report)?))),
        (Some(target), None) => Some((target, Target::Amount(quantity(target, measure, report)?))),
        (None, None) => {
            if !misspelt(node, &KEY_RESULT, "target") {
                let message = format!("the key result `{id}` has no target");
                report.mend(node.place, message, "write `target`: where it shall be");
            }
            None
        }
    }
}

/// The share by which the baseline shall change.
fn share(node: &Node, change: &Node, measure: &Measure<'_>, report: &mut Report) -> Option<Fixed> {
    if let Some(what) = measure.sum_of_rows
        && node.get("per").is_none()
    {
        let mend = "add `per: day`: counts of periods of different length cannot be compared";
        report.mend(node.key_place("change"), format!("a change of a {what} without `per`"), mend);
    }
    let text = change.text()?;
    let Amount::Percent(share) = amounts::read(text).ok()? else {
        report.mend(change.place, "a change is a percentage of the baseline", "write it like `+20%` or `-35%`");
        return None;
    };
    let named = matches!(measure.unit, Unit::Named(_));
    match share {
        _ if !text.starts_with(['+', '-']) || share == Fixed::ZERO => {
            let message = format!("a change of `{text}` does not say which way");
            report.mend(change.place, message, "write it like `+20%` or `-35%`");
            None
        }
        share if share < Fixed(-Fixed::ONE.0) && !named => {
            let message = format!("a change of `{text}` leads below zero");
            report.mend(change.place, message, "write at least `-100%`");
            None
        }
        share => Some(share),
    }
}

/// The amount that a change of a written baseline comes to.
fn written_change(
    place: &Node,
    baseline: Fixed,
    share: Fixed,
    measure: &Measure<'_>,
    report: &mut Report,
) -> Option<Fixed> {
    let Some(target) = changed(baseline, share) else {
        report.mend(place.place, format!("a change of a baseline of {baseline}"), "write the `target` as an amount");
        return None;
    };
    if measure.bounded && !(Fixed::ZERO..=Fixed::ONE).contains(&target) {
        let message = format!("the change leads to {target}, beyond what a ratio can be");
        report.mend(place.place, message, "a ratio lies between 0% and 100%: write a smaller change");
        return None;
    }
    Some(target)
}
