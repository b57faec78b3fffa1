//! What people plan beside a goal: expected values, later targets, steps of work.

use super::goals::{Measure, quantity};
use super::improve::towards;
use super::key_results::KeyResultReader;
use super::{text, weight};
use crate::book::amounts;
use crate::book::fault::Report;
use crate::book::model::{Cycle, Milestone};
use crate::book::yaml::Node;
use crate::book::{Done, Goal, PacePoint, Revision, Step};
use crate::fixed::Fixed;
use crate::time::Timestamp;

/// Most steps of one plan, and most points or revisions of one key result.
const ENTRIES_MAX: usize = 1_000;

impl KeyResultReader<'_, '_, '_> {
    /// The steps that a milestone key result is scored by.
    pub(super) fn milestones(&mut self, due: Option<Timestamp>) -> Option<Vec<Milestone>> {
        let list = self.node.get("milestones").map_or(&[][..], |list| list.elements());
        if list.is_empty() {
            let mend = "add `milestones: [{ name: …, due: …, weight: … }]`";
            self.report.mend(self.node.place, format!("{} has no milestones", self.who()), mend);
            return None;
        }
        let mut milestones: Vec<Milestone> = Vec::new();
        for node in list {
            let Some(name) = text(node, "name") else { continue };
            if milestones.iter().any(|known| known.name == name) {
                self.report.mend(
                    node.place,
                    format!("the milestone `{name}` is there twice"),
                    "rename one, or keep one",
                );
            }
            let own = self.day_of(node, "due", true).map(|(_, end)| end);
            if let (Some(own), Some(due)) = (own, due)
                && own > due
            {
                let place = node.get("due").map_or(node.place, |node| node.place);
                self.report.mend(place, format!("`{name}` is due after its key result"), "move one of the two dates");
            }
            let done = self.day_of(node, "done", false).map(|(start, _)| start);
            milestones.push(Milestone { name, weight: weight(node, self.report), due: own, done });
        }
        Some(milestones)
    }

    /// The expected values, by day.
    pub(super) fn pace(&mut self, measure: &Measure<'_>, due: Option<Timestamp>) -> Vec<PacePoint> {
        let mut points: Vec<PacePoint> = Vec::new();
        let node = self.node;
        for node in bounded(node, "pace", self.report) {
            let value = node.get("value").and_then(|value| quantity(value, measure, self.report));
            let Some((_, at)) = self.day_of(node, "date", true) else { continue };
            let place = node.get("date").map_or(node.place, |date| date.place);
            if points.last().is_some_and(|last| last.at >= at) {
                self.report.mend(place, "the pace does not go on in time", "write its days from the first to the last");
            }
            if due.is_some_and(|due| at > due) {
                self.report.mend(place, "a pace after the key result is due", "move one of the two dates");
            }
            points.extend(value.map(|value| PacePoint { at, value }));
        }
        points
    }

    /// The later targets, by day.
    pub(super) fn revisions(&mut self, goal: Option<&Goal>, measure: &Measure<'_>) -> Vec<Revision> {
        let mut revisions: Vec<Revision> = Vec::new();
        let node = self.node;
        for node in bounded(node, "revisions", self.report) {
            let value = node.get("value");
            let target = value.and_then(|value| quantity(value, measure, self.report));
            if let (Some(value), Some(target), Some(goal)) = (value, target, goal) {
                self.revised_target(value, target, goal);
            }
            let Some((at, _)) = self.day_of(node, "date", true) else { continue };
            let (date_node, why) = (node.get("date"), text(node, "why"));
            let Some(date) = date_node.and_then(|date| amounts::date(date.text()?).ok()) else { continue };
            if revisions.last().is_some_and(|last| last.at >= at) {
                let place = date_node.map_or(node.place, |date| date.place);
                let mend = "write them from the first to the last, one a day";
                self.report.mend(place, "the revisions do not go on in time", mend);
            }
            let by = text(node, "by");
            revisions.extend(target.zip(why).map(|(target, why)| Revision { date, at, target, why, by }));
        }
        revisions
    }

    /// A revision moves the target, it does not turn the key result round.
    fn revised_target(&mut self, node: &Node, target: Fixed, goal: &Goal) {
        let (Some(baseline), Some(direction)) = (goal.written_baseline(), goal.direction()) else { return };
        if baseline == target {
            let mend = "a target differs from where it began; to hold a value, write another key result";
            self.report.mend(node.place, format!("the revised target equals the baseline {baseline}"), mend);
        } else if towards(baseline, target) != direction {
            let message = format!("direction {}, but the revised target says otherwise", direction.as_str());
            self.report.mend(node.place, message, "write another key result for the other way");
        }
    }
}

/// The steps of an objective or key result.
pub(super) fn steps(node: &Node, cycle: Option<&Cycle>, report: &mut Report) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let list = bounded(node, "plan", report);
    for node in list {
        let Some(name) = text(node, "name") else { continue };
        if steps.iter().any(|known| known.name == name) {
            report.mend(node.place, format!("the step `{name}` is there twice"), "rename one, or keep one");
        }
        let date = |key: &str| Some((node.get(key)?, amounts::date(node.get(key)?.text()?).ok()?));
        let (start, end) = (date("start"), date("end"));
        if let (Some((_, start)), Some((place, end))) = (start, end)
            && end < start
        {
            let message = format!("the step `{name}` ends {end}, but begins {start}");
            report.mend(place.place, message, "`end` is its last day");
        }
        let end = end.and_then(|(_, end)| Some((end, cycle?.zone.midnight(end.tomorrow().ok()?)?)));
        steps.push(Step {
            start: start.map(|(_, start)| start),
            end,
            owner: text(node, "owner"),
            resources: text(node, "resources"),
            risk: text(node, "risk"),
            done: done(node, cycle).unwrap_or(Done::Share(Fixed::ZERO)),
            weight: weight(node, report),
            name,
        });
    }
    steps
}

fn done(node: &Node, cycle: Option<&Cycle>) -> Option<Done> {
    let text = node.get("done")?.text()?;
    match amounts::date(text) {
        Ok(date) => Some(Done::On(date, cycle?.zone.midnight(date)?)),
        Err(_) => amounts::share(text).ok().map(Done::Share),
    }
}

/// The elements of a list, as many as may be.
pub(super) fn bounded<'n>(node: &'n Node, key: &str, report: &mut Report) -> Vec<&'n Node> {
    let list = node.get(key).map_or(&[][..], |list| list.elements());
    if let Some(beyond) = list.get(ENTRIES_MAX) {
        report.mend(beyond.place, format!("more than {ENTRIES_MAX} entries of `{key}`"), "write fewer");
    }
    list.iter().take(ENTRIES_MAX).map(|node| &**node).collect()
}
