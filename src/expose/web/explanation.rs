//! The page of one key result: the numbers behind its score, and the events, topics and offsets behind the numbers.

use super::format;
use super::text::Language;
use super::view::{self, Frame, KeyResultView};
use crate::aggregate::facts::PartitionProgress;
use crate::book::{Book, Goal, KeyResult, Kind, Source};
use crate::event::EventIndex;
use crate::score::{KeyResultScore, calendar_names, metric_events};
use crate::snapshot::{self, Snapshot};
use crate::time::{Timestamp, Zone};

/// The page.
pub(crate) struct Explanation {
    pub(crate) objective_title: String,
    pub(crate) objective_href: String,
    pub(crate) row: KeyResultView,
    pub(crate) facts: Vec<(&'static str, String)>,
    pub(crate) events: Vec<EventView>,
    pub(crate) partitions: Vec<PartitionView>,
    pub(crate) definition: Vec<String>,
    pub(crate) arithmetic: Vec<String>,
    pub(crate) held_back_by: Option<String>,
    pub(crate) counters: Vec<(String, String)>,
}

/// An event that the key result reads.
pub(crate) struct EventView {
    pub(crate) name: String,
    pub(crate) topic: String,
    pub(crate) filter: Option<String>,
    pub(crate) last_event_at: Option<String>,
    pub(crate) known_until: Option<String>,
}

/// A partition of a topic that the key result reads.
pub(crate) struct PartitionView {
    pub(crate) topic: String,
    pub(crate) number: i32,
    pub(crate) offsets: String,
    pub(crate) lag: Option<String>,
}

/// The explanation of a key result; `None` if the book has no such.
pub(crate) fn explanation(snapshot: &Snapshot, objective: &str, key_result: &str, frame: Frame) -> Option<Explanation> {
    let book = &*snapshot.book;
    let at = book.objectives.iter().position(|candidate| candidate.id == objective)?;
    let objective = &book.objectives[at];
    let within = objective.key_results.iter().position(|candidate| candidate.id == key_result)?;
    let key_result = &objective.key_results[within];
    let score = snapshot.scores.objectives.get(at)?.key_results.get(within)?;
    let cycle = book.cycles.get(usize::from(objective.cycle.0))?;
    let told = snapshot::explain(snapshot, &objective.id, &key_result.id)?;
    let mut events = Vec::new();
    if let Source::Metric { metric, .. } = &key_result.source {
        metric_events(book, book.metrics.get(usize::from(metric.0))?, &mut events);
    }
    let row = view::key_result(objective, key_result, score, cycle, frame);
    Some(Explanation {
        objective_title: frame.language.title(&objective.title, &objective.titles).to_owned(),
        objective_href: format!("/?lang={}#{}", frame.language.code(), objective.id),
        facts: facts(book, key_result, score, &row, &cycle.zone, frame.language),
        row,
        events: events.iter().filter_map(|event| event_view(snapshot, *event, &cycle.zone)).collect(),
        partitions: snapshot.partitions.iter().filter_map(|progress| partition_view(book, &events, progress)).collect(),
        definition: told.definition.iter().map(|line| frame.language.definition(line)).collect(),
        arithmetic: told.arithmetic.iter().map(|step| frame.language.arithmetic(step)).collect(),
        held_back_by: told.held_back_by.map(|held| frame.language.held_back(&held)),
        counters: told
            .counters
            .iter()
            .map(|counter| (frame.language.counter(&counter.what), format::whole(counter.count)))
            .collect(),
    })
}

fn facts(
    book: &Book,
    key_result: &KeyResult,
    score: &KeyResultScore,
    row: &view::KeyResultView,
    zone: &Zone,
    language: Language,
) -> Vec<(&'static str, String)> {
    let text = language.text();
    let shown = |value| format::value(value, &key_result.unit, language);
    let instant = |at: Timestamp| format::instant(at, zone);
    let goal = match &key_result.goal {
        Goal::Improve { .. } => vec![
            (text.baseline, score.baseline.map(shown)),
            (text.baseline_source, row.measured.clone()),
            (text.target, score.target.map(shown)),
            (text.original_target, row.original.clone()),
        ],
        Goal::Maintain { .. } | Goal::Milestones | Goal::Nothing => vec![(text.target, Some(row.goal.clone()))],
    };
    let division = score.numerator.zip(score.denominator);
    let kind = match key_result.kind {
        Kind::Aspirational => text.aspirational,
        Kind::Committed => text.committed,
    };
    let confidence = score.check_in.as_ref().and_then(|check_in| check_in.confidence);
    let mut rows = vec![(text.value, score.value.map(shown))];
    rows.extend(goal);
    rows.extend([
        (text.attainment, score.attainment.map(|attainment| format::percent(attainment, text))),
        (text.score, score.score.map(|score| score.to_string())),
        (text.expected, score.expected.map(|expected| expected.to_string())),
        (text.success, Some(score.success.to_string())),
        (
            text.window,
            score.window_from.zip(score.window_to).map(|(from, to)| format!("{} – {}", instant(from), instant(to))),
        ),
        (text.during, Some(calendar_names(book, &key_result.during).join(text.or)).filter(|names| !names.is_empty())),
        (
            text.interval,
            score.interval.as_ref().map(|interval| format!("{} – {}", instant(interval.start), instant(interval.end))),
        ),
        (text.data_from, score.data_from.map(instant)),
        (text.freshness, score.as_of.map(instant)),
        (text.last_event, score.last_event_at.map(instant)),
        (text.rows, score.n.map(|n| format::decimal(crate::fixed::Fixed::from_int(n), 0))),
        (
            text.division,
            division.map(|(part, whole)| format!("{} / {}", format::decimal(part, 9), format::decimal(whole, 9))),
        ),
        (text.kind, Some(kind.to_owned())),
        (text.weight, Some(key_result.weight.to_string())),
        (text.confidence, confidence.map(|confidence| format::percent(confidence, text))),
    ]);
    rows.into_iter().filter_map(|(label, value)| Some((label, value?))).collect()
}

fn event_view(snapshot: &Snapshot, index: EventIndex, zone: &Zone) -> Option<EventView> {
    let event = snapshot.book.events.get(usize::from(index.0))?;
    let progress = snapshot.events.get(usize::from(index.0)).copied().unwrap_or_default();
    let instant = |at: Timestamp| format::instant(at, zone);
    Some(EventView {
        name: event.name.clone(),
        topic: snapshot.book.topics.get(usize::from(event.topic.0))?.name.clone(),
        filter: event.filter_text.clone(),
        last_event_at: progress.last_event_at.map(instant),
        known_until: progress.watermark.map(instant),
    })
}

fn partition_view(book: &Book, events: &[EventIndex], progress: &PartitionProgress) -> Option<PartitionView> {
    let topic = progress.partition.topic;
    let read =
        events.iter().any(|event| book.events.get(usize::from(event.0)).is_some_and(|event| event.topic == topic));
    if !read {
        return None;
    }
    Some(PartitionView {
        topic: book.topics.get(usize::from(topic.0))?.name.clone(),
        number: progress.partition.number,
        offsets: format!("[{}, {})", progress.first_offset, progress.next_offset),
        lag: progress
            .log_end
            .map(|end| format::decimal(crate::fixed::Fixed::from_int((end - progress.next_offset).max(0)), 0)),
    })
}
