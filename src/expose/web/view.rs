//! What the page's templates show: every number already a text, every choice already made. Pure: the clock is an argument.

use super::beside::{self, KpiView, PlanView};
use super::format;
use super::text::{Language, Text};
use crate::book::{Book, Cycle, Goal, KeyResult, Kind, Objective, Target, Unit};
use crate::expose::readiness::{PartitionLag, Phase};
use crate::fixed::{Fixed, SCALE};
use crate::score::{KeyResultScore, MemberScore, Status};
use crate::snapshot::Snapshot;
use crate::time::{Span, Timestamp, Zone};

/// The whole page.
pub(crate) struct Page {
    pub(crate) at: Moment,
    pub(crate) catching_up: Option<String>,
    pub(crate) cycles: Vec<CycleView>,
    pub(crate) tally: Vec<(StatusView, usize)>,
    pub(crate) objectives: Vec<ObjectiveView>,
    pub(crate) kpis: Vec<KpiView>,
}

/// An instant: for machines, for people, and how long ago.
pub(crate) struct Moment {
    pub(crate) machine: String,
    pub(crate) human: String,
    pub(crate) age: String,
}

/// A cycle and how far it is.
pub(crate) struct CycleView {
    pub(crate) id: String,
    pub(crate) span: String,
    pub(crate) elapsed: String,
    pub(crate) elapsed_width: String,
    pub(crate) closed: bool,
}

/// A status: its word, its class in the style sheet and a mark, because colour alone says nothing to some.
#[derive(Clone)]
pub(crate) struct StatusView {
    pub(crate) class: &'static str,
    pub(crate) mark: &'static str,
    pub(crate) label: &'static str,
}

/// One objective.
pub(crate) struct ObjectiveView {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) cycle: String,
    pub(crate) owner: Option<String>,
    pub(crate) team: Option<String>,
    pub(crate) aligns_to: Option<(String, String)>,
    pub(crate) score: Option<String>,
    pub(crate) coverage: String,
    pub(crate) status: StatusView,
    pub(crate) plan: Option<PlanView>,
    pub(crate) key_results: Vec<KeyResultView>,
}

/// A bar from 0 to 1: its length and its marks, in percent.
pub(crate) struct Bar {
    pub(crate) class: &'static str,
    pub(crate) score: Option<String>,
    pub(crate) expected: Option<String>,
    pub(crate) success: Option<String>,
}

/// One key result.
pub(crate) struct KeyResultView {
    pub(crate) anchor: String,
    pub(crate) href: String,
    pub(crate) title: String,
    pub(crate) owner: Option<String>,
    pub(crate) aspirational: bool,
    pub(crate) value: Option<String>,
    pub(crate) goal: String,
    pub(crate) score: Option<String>,
    pub(crate) expected: Option<String>,
    pub(crate) success: String,
    pub(crate) bar: Bar,
    pub(crate) status: StatusView,
    pub(crate) trend: Option<Trend>,
    pub(crate) as_of: Option<Moment>,
    pub(crate) is_final: bool,
    pub(crate) late: bool,
    pub(crate) n: Option<String>,
    pub(crate) window: Option<String>,
    pub(crate) data_from: Option<String>,
    pub(crate) reason: String,
    pub(crate) note: Option<String>,
    pub(crate) blocker: Option<String>,
    pub(crate) measured: Option<String>,
    pub(crate) original: Option<String>,
    pub(crate) plan: Option<PlanView>,
    pub(crate) members: Vec<DimensionView>,
}

/// What changed in a week.
pub(crate) struct Trend {
    pub(crate) class: &'static str,
    pub(crate) mark: &'static str,
    pub(crate) meaning: &'static str,
    pub(crate) value: Option<String>,
    pub(crate) score: Option<String>,
}

/// A dimension and its members.
pub(crate) struct DimensionView {
    pub(crate) name: String,
    pub(crate) members: Vec<MemberView>,
    pub(crate) hidden: usize,
}

/// One member.
pub(crate) struct MemberView {
    pub(crate) name: String,
    pub(crate) value: Option<String>,
    pub(crate) target: Option<String>,
    pub(crate) n: Option<String>,
    pub(crate) score: Option<String>,
    pub(crate) bar: Bar,
    pub(crate) status: Option<StatusView>,
}

/// What is awaited before the first Snapshot.
pub(crate) struct Waiting {
    pub(crate) phase: &'static str,
    pub(crate) code: &'static str,
    pub(crate) detail: Option<String>,
    pub(crate) lags: Vec<(String, i32, String)>,
}

/// Members shown per dimension; the API has them all.
pub(crate) const MEMBERS_SHOWN_MAX: usize = 20;

/// What every part of a page is built with.
#[derive(Clone, Copy)]
pub(crate) struct Frame {
    pub(crate) language: Language,
    pub(crate) now: Timestamp,
}

/// The page of a Snapshot.
pub(crate) fn page(snapshot: &Snapshot, frame: Frame) -> Page {
    let book = &*snapshot.book;
    let cycles = (book.cycles.iter().zip(&snapshot.scores.cycles)).map(|(cycle, score)| CycleView {
        id: cycle.id.clone(),
        // The last day that belongs to it, not the first that does not.
        span: format!("{} – {}", cycle.start_date, cycle.end_date.yesterday().unwrap_or(cycle.end_date)),
        elapsed: format::percent(Fixed(score.elapsed.0 / 10_000_000 * 10_000_000), frame.language.text()),
        elapsed_width: width(score.elapsed),
        closed: score.closed,
    });
    let objectives: Vec<ObjectiveView> = (0..book.objectives.len().min(snapshot.scores.objectives.len()))
        .filter_map(|index| objective(snapshot, index, frame))
        .collect();
    let scores = snapshot.scores.objectives.iter().flat_map(|objective| &objective.key_results);
    let statuses: Vec<Status> = scores.map(|score| score.status).collect();
    let tally = Status::ALL.into_iter().rev().filter_map(|status| {
        let count = statuses.iter().filter(|candidate| **candidate == status).count();
        (count > 0).then(|| (status_view(status, frame.language.text()), count))
    });
    Page {
        at: moment(snapshot.at, book.cycles.last().map(|cycle| &cycle.zone), frame),
        catching_up: snapshot.catching_up.then(|| behind(snapshot, frame.language)),
        cycles: cycles.collect(),
        tally: tally.collect(),
        objectives,
        kpis: beside::kpis(snapshot, frame),
    }
}

/// How much is still to be read: records, or partitions of which nobody knows how many they have.
fn behind(snapshot: &Snapshot, language: Language) -> String {
    let (text, partitions) = (language.text(), &snapshot.partitions);
    let unread = partitions.iter().filter(|known| known.log_end.is_none() && known.complete_until.is_none()).count();
    if unread > 0 {
        return format!("{} {}", format::whole(unread as u64), text.partitions_unread);
    }
    let lags = partitions.iter().filter_map(|partition| Some((partition.log_end? - partition.next_offset).max(0)));
    format!("{} {}", format::decimal(Fixed::from_int(lags.sum()), 0), text.records_behind)
}

fn cycle_of<'a>(book: &'a Book, objective: &Objective) -> Option<&'a Cycle> {
    book.cycles.get(usize::from(objective.cycle.0))
}

fn objective(snapshot: &Snapshot, index: usize, frame: Frame) -> Option<ObjectiveView> {
    let book = &*snapshot.book;
    let (objective, score) = (book.objectives.get(index)?, snapshot.scores.objectives.get(index)?);
    let cycle = cycle_of(book, objective)?;
    let text = frame.language.text();
    let status = status_view(score.status, text);
    let pairs = objective.key_results.iter().zip(&score.key_results);
    Some(ObjectiveView {
        id: objective.id.clone(),
        title: frame.language.title(&objective.title, &objective.titles).to_owned(),
        cycle: cycle.id.clone(),
        owner: objective.owner.clone(),
        team: objective.team.clone(),
        aligns_to: objective.aligns_to.as_deref().map(|target| alignment(book, target, frame.language)),
        score: score.score.map(format::score),
        coverage: format::percent(score.coverage, text),
        status,
        plan: beside::plan(&objective.plan, score.plan.as_ref(), text),
        key_results: pairs
            .map(|(key_result, score)| self::key_result(objective, key_result, score, cycle, frame))
            .collect(),
    })
}

/// Where an alignment leads on this page, and the title that stands there.
fn alignment(book: &Book, target: &str, language: Language) -> (String, String) {
    let (objective_id, key_result_id) =
        target.split_once('/').map_or((target, None), |(objective, rest)| (objective, Some(rest)));
    let objective = book.objectives.iter().find(|objective| objective.id == objective_id);
    let key_result = objective.and_then(|objective| {
        objective.key_results.iter().find(|candidate| Some(candidate.id.as_str()) == key_result_id)
    });
    let of_key_result = key_result.map(|key_result| language.title(&key_result.title, &key_result.titles));
    let title = of_key_result.or(objective.map(|objective| language.title(&objective.title, &objective.titles)));
    (format!("#{}", anchor(target)), title.unwrap_or(target).to_owned())
}

fn anchor(path: &str) -> String {
    path.replace('/', ".")
}

/// One key result, as a row of the page and as the head of its own.
pub(crate) fn key_result(
    objective: &Objective,
    key_result: &KeyResult,
    score: &KeyResultScore,
    cycle: &Cycle,
    frame: Frame,
) -> KeyResultView {
    let (language, text) = (frame.language, frame.language.text());
    let status = status_view(score.status, text);
    let is_final = matches!(score.status, Status::Achieved | Status::Missed);
    let check_in = score.check_in.as_ref();
    KeyResultView {
        anchor: format!("{}.{}", objective.id, key_result.id),
        href: format!(
            "/objectives/{}/{}?lang={}",
            path_segment(&objective.id),
            path_segment(&key_result.id),
            language.code()
        ),
        title: language.title(&key_result.title, &key_result.titles).to_owned(),
        owner: key_result.owner.clone().filter(|owner| objective.owner.as_ref() != Some(owner)),
        aspirational: key_result.kind == Kind::Aspirational,
        value: score.value.map(|value| format::value(value, &key_result.unit, language)),
        goal: goal(key_result, score, language),
        score: score.score.map(format::score),
        expected: score.expected.map(format::score),
        success: format::score(score.success),
        bar: Bar {
            class: status.class,
            score: score.score.map(width),
            expected: score.expected.map(width),
            success: Some(width(score.success)).filter(|_| score.success < Fixed::ONE),
        },
        status,
        trend: score.change_7d.and_then(|change| trend(change, &key_result.unit, frame)),
        as_of: score.as_of.map(|at| moment(at, Some(&cycle.zone), frame)),
        is_final,
        late: !is_final
            && (score.status == Status::Stale || score.as_of.is_some_and(|at| at.0 < frame.now.0 - Span::HOUR.0)),
        n: score.n.map(|n| format::decimal(Fixed::from_int(n), 0)),
        window: window(score, &cycle.zone),
        data_from: score.data_from.map(|at| format::instant(at, &cycle.zone)),
        reason: language.reason(&score.reason),
        note: check_in.and_then(|check_in| check_in.note.clone()),
        blocker: check_in.and_then(|check_in| check_in.blocker.clone()),
        measured: beside::measured(score, &key_result.unit, cycle, language),
        original: beside::original(key_result, score, language),
        plan: beside::plan(&key_result.plan, score.plan.as_ref(), text),
        members: dimensions(&score.members, &key_result.unit, frame),
    }
}

/// An id as a segment of a path: ids are plain by the book's rules, and whatever is not is escaped.
fn path_segment(id: &str) -> String {
    let mut out = String::with_capacity(id.len());
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn window(score: &KeyResultScore, zone: &Zone) -> Option<String> {
    Some(format!("{} – {}", format::instant(score.window_from?, zone), format::instant(score.window_to?, zone)))
}

/// What a value is held against, as people say it.
pub(crate) fn goal(key_result: &KeyResult, score: &KeyResultScore, language: Language) -> String {
    let text = language.text();
    let shown = |value: Fixed| format::value(value, &key_result.unit, language);
    match &key_result.goal {
        Goal::Improve { target, .. } => {
            let baseline = score.baseline.map_or_else(|| "–".to_owned(), shown);
            let target = match (score.target, target) {
                (Some(target), _) => shown(target),
                (None, Target::Change(share)) => format::change(*share, &Unit::Ratio, language),
                (None, Target::Amount(_)) => "–".to_owned(),
            };
            format!("{baseline} → {target}")
        }
        Goal::Maintain { at_least: Some(least), at_most: Some(most), .. } => {
            format!("{} {} {}", shown(*least), text.between_and, shown(*most))
        }
        Goal::Maintain { at_least: Some(least), .. } => format!("{} {}", text.at_least, shown(*least)),
        Goal::Maintain { at_most: Some(most), .. } => format!("{} {}", text.at_most, shown(*most)),
        Goal::Maintain { .. } | Goal::Nothing => String::new(),
        Goal::Milestones => text.all_milestones.to_owned(),
    }
}

pub(crate) fn trend(change: crate::score::Change, unit: &Unit, frame: Frame) -> Option<Trend> {
    let text = frame.language.text();
    // Whether it is for the better is the score's to say: of some values less is better.
    let (class, mark, meaning) = match change.score.map(|score| score.0.signum()) {
        Some(1) => ("better", "▲", text.improved),
        Some(-1) => ("worse", "▼", text.worsened),
        Some(_) => ("same", "", text.unchanged),
        None => ("same", "", ""),
    };
    let value = change.value.map(|value| format::change(value, unit, frame.language));
    let score = change.score.map(format::score_change);
    (value.is_some() || score.is_some()).then_some(Trend { class, mark, meaning, value, score })
}

fn dimensions(members: &[MemberScore], unit: &Unit, frame: Frame) -> Vec<DimensionView> {
    let mut views: Vec<DimensionView> = Vec::new();
    for member in members {
        if views.last().is_none_or(|view| view.name != member.dimension) {
            views.push(DimensionView { name: member.dimension.clone(), members: Vec::new(), hidden: 0 });
        }
        let Some(view) = views.last_mut() else { continue };
        if view.members.len() == MEMBERS_SHOWN_MAX {
            view.hidden += 1;
        } else {
            view.members.push(member_view(member, unit, frame));
        }
    }
    views
}

fn member_view(member: &MemberScore, unit: &Unit, frame: Frame) -> MemberView {
    let status = member.status.map(|status| status_view(status, frame.language.text()));
    MemberView {
        name: member.member.clone(),
        value: member.value.map(|value| format::value(value, unit, frame.language)),
        target: member.target.map(|target| format::value(target, unit, frame.language)),
        n: member.n.map(|n| format::decimal(Fixed::from_int(n), 0)),
        score: member.score.map(format::score),
        bar: Bar {
            class: status.as_ref().map_or("none", |status| status.class),
            score: member.score.map(width),
            expected: None,
            success: None,
        },
        status,
    }
}

/// A status as the page shows it.
pub(crate) fn status_view(status: Status, text: &Text) -> StatusView {
    let (class, mark) = match status {
        Status::Achieved => ("good", "✓"),
        Status::OnTrack => ("good", "●"),
        Status::AtRisk => ("warn", "▲"),
        Status::OffTrack => ("bad", "◆"),
        Status::Missed => ("bad", "✕"),
        Status::Pending | Status::NoData | Status::Stale | Status::InsufficientData => ("none", "○"),
    };
    StatusView { class, mark, label: text.status(status) }
}

/// A share of 0..1 as a percentage for SVG's attributes, to a tenth.
fn width(share: Fixed) -> String {
    let tenths = (share.0.clamp(0, SCALE) * 1_000 + SCALE / 2) / SCALE;
    format!("{}.{}%", tenths / 10, tenths % 10)
}

/// An instant in the zone of whom it concerns.
pub(crate) fn moment(at: Timestamp, zone: Option<&Zone>, frame: Frame) -> Moment {
    let age = format::age(Span(frame.now.0.saturating_sub(at.0)), frame.language) + frame.language.text().ago;
    match zone {
        Some(zone) => Moment { machine: zone.format(at), human: format::instant(at, zone), age },
        None => Moment { machine: String::new(), human: String::new(), age },
    }
}

/// What is awaited, in words.
pub(crate) fn waiting(phase: &Phase, language: Language) -> Waiting {
    let text = language.text();
    let detail = match phase {
        Phase::Store { error } | Phase::Claim { error, .. } => error.clone(),
        Phase::Broker { brokers, error } => {
            Some(error.as_ref().map_or_else(|| brokers.clone(), |error| format!("{brokers}: {error}")))
        }
        Phase::Topics { missing } => Some(missing.join(", ")),
        Phase::Assignment { group } => Some(group.clone()),
        _ => None,
    };
    let row = |partition: &PartitionLag| {
        let lag = partition.lag.and_then(|lag| i64::try_from(lag).ok());
        let lag = lag.map_or_else(|| text.unknown.to_owned(), |lag| format::decimal(Fixed::from_int(lag), 0));
        (partition.topic.clone(), partition.partition, lag)
    };
    let lags = match phase {
        Phase::CatchingUp { partitions } => partitions.iter().map(row).collect(),
        _ => Vec::new(),
    };
    Waiting { phase: text.phase(phase), code: phase.as_str(), detail, lags }
}
