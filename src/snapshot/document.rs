//! The JSON document of all scores: what `replay --format json` and `GET /api/v1/scores` answer, and people compare bit for bit.
//!
//! Keys stand in the order below, times in the zone of the cycle (`at` in the default cycle's), numbers with exactly the decimals they
//! have: base units, seconds and ratios 0..1. What has no value is null, never left out and never 0.
//!
//! Beside the keys of DESIGN §7 a key result has `band` (`[at_least, at_most]` of one that is maintained, either may be null) and `days`
//! (of one that is judged by days), `baseline_measured` (how the baseline came to be, where it is measured; `now` is what today's facts
//! would say) and `plan` (how far it is; an objective has one, too). `original` is the score against the target before any revision that
//! holds by as_of. `restated`, `required`, `allowance` and `forecast` are null until they are built.

use serde::Serialize;

use super::Snapshot;
use super::definition::stat_text;
use crate::book::{Book, Cycle, Direction, Goal, KeyResult, Kind, Kpi, Objective, Revision, Source, Step};
use crate::fixed::Fixed;
use crate::score::{
    Change, CheckIn, CycleScore, KeyResultScore, MeasuredBaseline, MemberScore, ObjectiveScore, Original, PlanProgress,
};
use crate::time::Timestamp;

impl Snapshot {
    /// The document in one line.
    pub fn to_document(&self) -> String {
        written(serde_json::to_string(&Document::of(self)))
    }

    /// The document for people: the same, indented.
    pub fn to_document_pretty(&self) -> String {
        written(serde_json::to_string_pretty(&Document::of(self)))
    }
}

/// Writing into memory fails only on keys that are no text, of which a document has none.
pub(super) fn written(document: serde_json::Result<String>) -> String {
    document.expect("a document has only text for keys")
}

#[derive(Serialize)]
struct Document<'a> {
    at: String,
    book: &'a str,
    catching_up: bool,
    cycles: Vec<CycleDocument<'a>>,
    objectives: Vec<ObjectiveDocument<'a>>,
    kpis: Vec<KpiDocument<'a>>,
}

#[derive(Serialize)]
struct CycleDocument<'a> {
    id: &'a str,
    start: String,
    end: String,
    elapsed: Fixed,
    closed: bool,
}

#[derive(Serialize)]
struct ObjectiveDocument<'a> {
    id: &'a str,
    cycle: &'a str,
    title: &'a str,
    owner: Option<&'a str>,
    team: Option<&'a str>,
    aligns_to: Option<&'a str>,
    score: Option<Fixed>,
    coverage: Fixed,
    status: &'static str,
    plan: Option<PlanDocument<'a>>,
    key_results: Vec<KeyResultDocument<'a>>,
}

/// A metric that is shown and never scored.
#[derive(Serialize)]
struct KpiDocument<'a> {
    id: &'a str,
    cycle: &'a str,
    title: &'a str,
    owner: Option<&'a str>,
    unit: &'a str,
    stat: Option<String>,
    window: Option<WindowDocument>,
    as_of: Option<String>,
    last_event_at: Option<String>,
    value: Option<Fixed>,
    n: Option<i64>,
    numerator: Option<Fixed>,
    denominator: Option<Fixed>,
    change_7d: Option<ChangeDocument>,
}

#[derive(Serialize)]
struct KeyResultDocument<'a> {
    id: &'a str,
    title: &'a str,
    r#type: &'static str,
    kind: &'static str,
    weight: Fixed,
    owner: Option<&'a str>,
    unit: &'a str,
    stat: Option<String>,
    direction: Option<&'static str>,
    window: Option<WindowDocument>,
    as_of: Option<String>,
    last_event_at: Option<String>,
    value: Option<Fixed>,
    n: Option<i64>,
    numerator: Option<Fixed>,
    denominator: Option<Fixed>,
    baseline: Option<Fixed>,
    baseline_measured: Option<MeasuredDocument>,
    target: Option<Fixed>,
    band: Option<[Option<Fixed>; 2]>,
    original: Option<OriginalDocument<'a>>,
    restated: Option<()>,
    attainment: Option<Fixed>,
    days: Option<DaysDocument>,
    score: Option<Fixed>,
    success: Fixed,
    expected: Option<Fixed>,
    status: &'static str,
    reason: String,
    change_7d: Option<ChangeDocument>,
    required: Option<()>,
    allowance: Option<()>,
    forecast: Option<()>,
    check_in: Option<CheckInDocument<'a>>,
    plan: Option<PlanDocument<'a>>,
    members: Vec<MemberDocument<'a>>,
}

#[derive(Serialize)]
struct WindowDocument {
    from: String,
    to: String,
    data_from: Option<String>,
}

#[derive(Serialize)]
struct MeasuredDocument {
    from: String,
    to: String,
    n: Option<i64>,
    state: &'static str,
    settles_at: String,
    now: Option<Fixed>,
}

#[derive(Serialize)]
struct OriginalDocument<'a> {
    target: Option<Fixed>,
    attainment: Option<Fixed>,
    score: Option<Fixed>,
    revisions: Vec<RevisionDocument<'a>>,
}

#[derive(Serialize)]
struct RevisionDocument<'a> {
    date: String,
    target: Fixed,
    why: &'a str,
    by: Option<&'a str>,
}

#[derive(Serialize)]
struct PlanDocument<'a> {
    done: Fixed,
    steps: Vec<StepDocument<'a>>,
}

#[derive(Serialize)]
struct StepDocument<'a> {
    name: &'a str,
    start: Option<String>,
    end: Option<String>,
    owner: Option<&'a str>,
    resources: Option<&'a str>,
    risk: Option<&'a str>,
    weight: Fixed,
    done: Fixed,
    late: bool,
}

#[derive(Serialize)]
struct DaysDocument {
    in_band: u32,
    judged: u32,
}

#[derive(Serialize)]
struct ChangeDocument {
    value: Option<Fixed>,
    score: Option<Fixed>,
}

#[derive(Serialize)]
struct CheckInDocument<'a> {
    at: String,
    recorded_at: String,
    value: Option<Fixed>,
    confidence: Option<Fixed>,
    note: Option<&'a str>,
    blocker: Option<&'a str>,
    author: Option<&'a str>,
}

#[derive(Serialize)]
struct MemberDocument<'a> {
    dimension: &'a str,
    member: &'a str,
    value: Option<Fixed>,
    n: Option<i64>,
    target: Option<Fixed>,
    score: Option<Fixed>,
    status: Option<&'static str>,
}

impl<'a> Document<'a> {
    fn of(snapshot: &'a Snapshot) -> Document<'a> {
        let book = &*snapshot.book;
        let cycle_of = |objective: &Objective| &book.cycles[usize::from(objective.cycle.0)];
        let objectives = book.objectives.iter().zip(&snapshot.scores.objectives);
        let cycles = book.cycles.iter().zip(&snapshot.scores.cycles);
        let kpis = book.kpis.iter().zip(&snapshot.scores.kpis);
        Document {
            at: book.cycles.last().map_or_else(|| snapshot.at.to_string(), |cycle| cycle.zone.format(snapshot.at)),
            book: &book.hash,
            catching_up: snapshot.catching_up,
            cycles: cycles.map(|(cycle, score)| CycleDocument::of(cycle, score)).collect(),
            objectives: objectives
                .map(|(objective, score)| ObjectiveDocument::of(objective, cycle_of(objective), score))
                .collect(),
            kpis: kpis.map(|(kpi, score)| KpiDocument::of(book, kpi, score)).collect(),
        }
    }
}

impl<'a> CycleDocument<'a> {
    fn of(cycle: &'a Cycle, score: &CycleScore) -> CycleDocument<'a> {
        CycleDocument {
            id: &cycle.id,
            start: cycle.zone.format(cycle.start),
            end: cycle.zone.format(cycle.end),
            elapsed: score.elapsed,
            closed: score.closed,
        }
    }
}

impl<'a> ObjectiveDocument<'a> {
    fn of(objective: &'a Objective, cycle: &'a Cycle, score: &'a ObjectiveScore) -> ObjectiveDocument<'a> {
        let key_results = objective.key_results.iter().zip(&score.key_results);
        ObjectiveDocument {
            id: &objective.id,
            cycle: &cycle.id,
            title: &objective.title,
            owner: objective.owner.as_deref(),
            team: objective.team.as_deref(),
            aligns_to: objective.aligns_to.as_deref(),
            score: score.score,
            coverage: score.coverage,
            status: score.status.as_str(),
            plan: PlanDocument::of(&objective.plan, score.plan.as_ref()),
            key_results: key_results.map(|(kr, score)| KeyResultDocument::of(objective, kr, cycle, score)).collect(),
        }
    }
}

impl<'a> KeyResultDocument<'a> {
    fn of(
        objective: &'a Objective,
        key_result: &'a KeyResult,
        cycle: &Cycle,
        score: &'a KeyResultScore,
    ) -> KeyResultDocument<'a> {
        let time = |at: Timestamp| cycle.zone.format(at);
        let band = match key_result.goal {
            Goal::Maintain { at_least, at_most, .. } => Some([at_least, at_most]),
            Goal::Improve { .. } | Goal::Milestones | Goal::Nothing => None,
        };
        KeyResultDocument {
            id: &key_result.id,
            title: &key_result.title,
            r#type: type_of(key_result),
            kind: match key_result.kind {
                Kind::Committed => "committed",
                Kind::Aspirational => "aspirational",
            },
            weight: key_result.weight,
            owner: key_result.owner.as_deref().or(objective.owner.as_deref()),
            unit: key_result.unit.as_str(),
            stat: stat_of(key_result),
            direction: key_result.goal.direction().map(Direction::as_str),
            window: WindowDocument::of(score, cycle),
            as_of: score.as_of.map(time),
            last_event_at: score.last_event_at.map(time),
            value: score.value,
            n: score.n,
            numerator: score.numerator,
            denominator: score.denominator,
            baseline: score.baseline,
            baseline_measured: score.measured.map(|measured| MeasuredDocument::of(&measured, cycle)),
            // The bound of a band is told by `band`, and what milestones are held against by their weights.
            target: score.target.filter(|_| matches!(key_result.goal, Goal::Improve { .. })),
            band,
            original: score.original.map(|original| OriginalDocument::of(original, &key_result.revisions)),
            restated: None,
            attainment: score.attainment,
            days: score.days.map(|days| DaysDocument { in_band: days.in_band, judged: days.judged }),
            score: score.score,
            success: score.success,
            expected: score.expected,
            status: score.status.as_str(),
            reason: score.reason.to_string(),
            change_7d: score.change_7d.map(ChangeDocument::of),
            required: None,
            allowance: None,
            forecast: None,
            check_in: score.check_in.as_ref().map(|check_in| CheckInDocument::of(check_in, cycle)),
            plan: PlanDocument::of(&key_result.plan, score.plan.as_ref()),
            members: score.members.iter().map(MemberDocument::of).collect(),
        }
    }
}

impl<'a> KpiDocument<'a> {
    fn of(book: &'a Book, kpi: &'a Kpi, score: &KeyResultScore) -> KpiDocument<'a> {
        let cycle = &book.cycles[usize::from(kpi.cycle.0)];
        let time = |at: Timestamp| cycle.zone.format(at);
        let shown = &kpi.shown;
        KpiDocument {
            id: &shown.id,
            cycle: &cycle.id,
            title: &shown.title,
            owner: shown.owner.as_deref(),
            unit: shown.unit.as_str(),
            stat: stat_of(shown),
            window: WindowDocument::of(score, cycle),
            as_of: score.as_of.map(time),
            last_event_at: score.last_event_at.map(time),
            value: score.value,
            n: score.n,
            numerator: score.numerator,
            denominator: score.denominator,
            change_7d: score.change_7d.map(ChangeDocument::of),
        }
    }
}

impl WindowDocument {
    fn of(score: &KeyResultScore, cycle: &Cycle) -> Option<WindowDocument> {
        let time = |at: Timestamp| cycle.zone.format(at);
        let (from, to) = score.window_from.zip(score.window_to)?;
        Some(WindowDocument { from: time(from), to: time(to), data_from: score.data_from.map(time) })
    }
}

impl ChangeDocument {
    fn of(change: Change) -> ChangeDocument {
        ChangeDocument { value: change.value, score: change.score }
    }
}

impl MeasuredDocument {
    fn of(measured: &MeasuredBaseline, cycle: &Cycle) -> MeasuredDocument {
        let time = |at: Timestamp| cycle.zone.format(at);
        MeasuredDocument {
            from: time(measured.from),
            to: time(measured.to),
            n: measured.n,
            state: measured.stage.as_str(),
            settles_at: time(measured.settles_at),
            now: measured.now,
        }
    }
}

impl<'a> OriginalDocument<'a> {
    fn of(original: Original, revisions: &'a [Revision]) -> OriginalDocument<'a> {
        let Original { target, attainment, score, revisions: held } = original;
        let revisions = revisions.iter().take(held).map(|revision| RevisionDocument {
            date: revision.date.to_string(),
            target: revision.target,
            why: &revision.why,
            by: revision.by.as_deref(),
        });
        OriginalDocument { target, attainment, score, revisions: revisions.collect() }
    }
}

impl<'a> PlanDocument<'a> {
    fn of(plan: &'a [Step], progress: Option<&PlanProgress>) -> Option<PlanDocument<'a>> {
        let progress = progress?;
        let steps = plan.iter().zip(&progress.steps).map(|(step, progress)| StepDocument {
            name: &step.name,
            start: step.start.map(|start| start.to_string()),
            end: step.end.map(|(end, _)| end.to_string()),
            owner: step.owner.as_deref(),
            resources: step.resources.as_deref(),
            risk: step.risk.as_deref(),
            weight: step.weight,
            done: progress.done,
            late: progress.late,
        });
        Some(PlanDocument { done: progress.done, steps: steps.collect() })
    }
}

impl<'a> CheckInDocument<'a> {
    fn of(check_in: &'a CheckIn, cycle: &Cycle) -> CheckInDocument<'a> {
        CheckInDocument {
            at: cycle.zone.format(check_in.at),
            recorded_at: cycle.zone.format(check_in.recorded_at),
            value: check_in.value,
            confidence: check_in.confidence,
            note: check_in.note.as_deref(),
            blocker: check_in.blocker.as_deref(),
            author: check_in.author.as_deref(),
        }
    }
}

impl<'a> MemberDocument<'a> {
    fn of(member: &'a MemberScore) -> MemberDocument<'a> {
        MemberDocument {
            dimension: &member.dimension,
            member: &member.member,
            value: member.value,
            n: member.n,
            target: member.target,
            score: member.score,
            status: member.status.map(|status| status.as_str()),
        }
    }
}

fn stat_of(key_result: &KeyResult) -> Option<String> {
    match key_result.source {
        Source::Metric { stat, .. } => stat_text(stat),
        Source::Milestones(_) | Source::Manual => None,
    }
}

/// What kind of key result it is, as the book's `type` and keys say.
fn type_of(key_result: &KeyResult) -> &'static str {
    match (&key_result.source, &key_result.goal) {
        (Source::Manual, _) => "manual",
        (Source::Milestones(_), _) | (_, Goal::Milestones) => "milestone",
        (_, Goal::Improve { .. }) => "improve",
        (_, Goal::Maintain { .. }) => "maintain",
        (_, Goal::Nothing) => "kpi",
    }
}
