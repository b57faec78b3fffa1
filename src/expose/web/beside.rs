//! What the page shows beside a score: where a measured baseline comes from, the original target, plans, KPIs.

use super::format;
use super::text::{Language, Text};
use super::view::{Frame, Moment, Trend, moment, trend};
use crate::book::{Cycle, KeyResult, Kpi, Step, Unit};
use crate::score::{BaselineStage, KeyResultScore, PlanProgress};
use crate::snapshot::Snapshot;
use crate::time::Timestamp;

/// A plan and how far it is.
pub(crate) struct PlanView {
    pub(crate) done: String,
    pub(crate) steps: Vec<StepView>,
}

/// A step of a plan.
pub(crate) struct StepView {
    pub(crate) name: String,
    pub(crate) owner: Option<String>,
    pub(crate) days: Option<String>,
    pub(crate) done: String,
    pub(crate) late: bool,
    pub(crate) resources: Option<String>,
    pub(crate) risk: Option<String>,
}

/// A metric that is shown and never scored.
pub(crate) struct KpiView {
    pub(crate) title: String,
    pub(crate) owner: Option<String>,
    pub(crate) value: Option<String>,
    pub(crate) trend: Option<Trend>,
    pub(crate) as_of: Option<Moment>,
    pub(crate) n: Option<String>,
}

pub(crate) fn plan(steps: &[Step], progress: Option<&PlanProgress>, text: &Text) -> Option<PlanView> {
    let progress = progress?;
    let step = |(step, progress): (&Step, &crate::score::StepProgress)| StepView {
        name: step.name.clone(),
        owner: step.owner.clone(),
        days: match (step.start, step.end) {
            (None, None) => None,
            (start, end) => {
                let day = |day: Option<jiff::civil::Date>| day.map_or_else(String::new, |day| day.to_string());
                Some(format!("{} – {}", day(start), day(end.map(|(end, _)| end))))
            }
        },
        done: format::percent(progress.done, text),
        late: progress.late,
        resources: step.resources.clone(),
        risk: step.risk.clone(),
    };
    let steps = steps.iter().zip(&progress.steps).map(step).collect();
    Some(PlanView { done: format::percent(progress.done, text), steps })
}

/// The KPIs, in the book's order.
pub(crate) fn kpis(snapshot: &Snapshot, frame: Frame) -> Vec<KpiView> {
    let book = &*snapshot.book;
    let kpi = |(kpi, score): (&Kpi, &KeyResultScore)| {
        let cycle = book.cycles.get(usize::from(kpi.cycle.0));
        let shown = &kpi.shown;
        let change = score.change_7d.filter(|change| change.value.is_some());
        KpiView {
            title: frame.language.title(&shown.title, &shown.titles).to_owned(),
            owner: shown.owner.clone(),
            value: score.value.map(|value| format::value(value, &shown.unit, frame.language)),
            trend: change.and_then(|change| trend(change, &shown.unit, frame)),
            as_of: score.as_of.map(|at| moment(at, cycle.map(|cycle| &cycle.zone), frame)),
            n: score.n.map(|n| format::decimal(crate::fixed::Fixed::from_int(n), 0)),
        }
    };
    book.kpis.iter().zip(&snapshot.scores.kpis).map(kpi).collect()
}

/// Where a measured baseline comes from: `measured 2026-07-01 – 2026-10-01, frozen; by today's facts 4.58`.
pub(crate) fn measured(score: &KeyResultScore, unit: &Unit, cycle: &Cycle, language: Language) -> Option<String> {
    let measured = score.measured?;
    let text = language.text();
    let at = |at: Timestamp| format::instant(at, &cycle.zone);
    let stage = match measured.stage {
        BaselineStage::Measuring => text.baseline_measuring,
        BaselineStage::Provisional | BaselineStage::Settled => text.baseline_provisional,
        BaselineStage::Frozen { .. } => text.baseline_frozen,
    };
    let rows = measured.n.map_or_else(String::new, |n| {
        format!(", {} {}", format::decimal(crate::fixed::Fixed::from_int(n), 0), text.events)
    });
    let now = measured.now.filter(|now| Some(*now) != measured.value);
    let now =
        now.map_or_else(String::new, |now| format!("; {} {}", text.baseline_today, format::value(now, unit, language)));
    let (from, to) = (at(measured.from), at(measured.to));
    Some(format!("{} {from} – {to}{rows}, {stage}{now}", text.baseline_measured))
}

/// What the score would be against the target as it was, and why that was revised.
pub(crate) fn original(key_result: &KeyResult, score: &KeyResultScore, language: Language) -> Option<String> {
    let (original, text) = (score.original?, language.text());
    let target = original
        .target
        .map_or_else(|| text.unknown.to_owned(), |target| format::value(target, &key_result.unit, language));
    let score = original.score.map_or_else(|| "–".to_owned(), format::score);
    let why = key_result.revisions.iter().take(original.revisions).map(|revision| {
        let by = revision.by.as_ref().map_or_else(String::new, |by| format!(", {by}"));
        let target = format::value(revision.target, &key_result.unit, language);
        format!("{} → {target}: {}{by}", revision.date, revision.why)
    });
    Some(format!("{target}, {} {score}; {}", text.score, why.collect::<Vec<_>>().join("; ")))
}
