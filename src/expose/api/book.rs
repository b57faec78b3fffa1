//! `/api/v1/book`: what the running book declares, so that a client need not read the YAML.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::book::{Book, CalendarIndex, KeyResult, Kind, MemberGoal, MetricKind, Objective, Source};
use crate::expose::Server;
use crate::fixed::Fixed;

/// The book that is scored, as JSON.
pub(crate) async fn book(State(server): State<Server>) -> Response {
    let published = server.readers.borrow().clone();
    let book = published.map_or(server.book, |published| published.snapshot.book.clone());
    ([(header::CONTENT_TYPE, "application/json")], describe(&book).to_string()).into_response()
}

fn describe(book: &Book) -> Value {
    let cycles = book.cycles.iter().map(|cycle| {
        let (start, end) = (cycle.zone.format(cycle.start), cycle.zone.format(cycle.end));
        json!({"id": cycle.id, "start": start, "end": end, "timezone": cycle.zone.name})
    });
    let events = book.events.iter().map(|event| {
        let dimensions: Vec<&str> = event.dimensions.iter().map(|dimension| dimension.name.as_str()).collect();
        let topic = book.topics.get(usize::from(event.topic.0)).map(|topic| topic.name.as_str());
        json!({"name": event.name, "topic": topic, "where": event.filter_text, "dimensions": dimensions})
    });
    let metrics = book
        .metrics
        .iter()
        .map(|metric| json!({"name": metric.name, "type": metric_type(&metric.kind), "unit": metric.unit.as_str()}));
    json!({
        "book": book.hash,
        "cycles": cycles.collect::<Vec<_>>(),
        "events": events.collect::<Vec<_>>(),
        "metrics": metrics.collect::<Vec<_>>(),
        "kpis": book.kpis.iter().map(|kpi| describe_key_result(book, &kpi.shown)).collect::<Vec<_>>(),
        "objectives": book.objectives.iter().map(|objective| describe_objective(book, objective)).collect::<Vec<_>>(),
    })
}

fn describe_objective(book: &Book, objective: &Objective) -> Value {
    json!({
        "id": objective.id,
        "cycle": book.cycles.get(usize::from(objective.cycle.0)).map(|cycle| cycle.id.as_str()),
        "title": objective.title,
        "owner": objective.owner,
        "collaborators": objective.collaborators,
        "team": objective.team,
        "aligns_to": objective.aligns_to,
        "labels": labels(&objective.labels),
        "notes": objective.notes,
        "key_results": objective.key_results.iter().map(|key_result| describe_key_result(book, key_result)).collect::<Vec<_>>(),
    })
}

fn describe_key_result(book: &Book, key_result: &KeyResult) -> Value {
    let metric = match &key_result.source {
        Source::Metric { metric, .. } => book.metrics.get(usize::from(metric.0)).map(|metric| metric.name.as_str()),
        Source::Milestones(_) | Source::Manual => None,
    };
    let name = |calendar: CalendarIndex| book.calendars.get(usize::from(calendar.0)).map(|calendar| &calendar.name);
    json!({
        "id": key_result.id,
        "title": key_result.title,
        "owner": key_result.owner,
        "type": key_result.type_name(),
        "kind": match key_result.kind { Kind::Committed => "committed", Kind::Aspirational => "aspirational" },
        "metric": metric,
        "unit": key_result.unit.as_str(),
        "during": key_result.during.iter().map(|calendar| name(*calendar)).collect::<Vec<_>>(),
        "per": key_result.per.map(|per| per.to_string()),
        "by": key_result.by,
        "only": labels(&key_result.only),
        "targets": own(key_result, |own| own.target),
        "baselines": own(key_result, |own| own.baseline),
        "labels": labels(&key_result.labels),
        "notes": key_result.notes,
    })
}

/// What members have of their own, by member.
fn own(key_result: &KeyResult, of: impl Fn(&MemberGoal) -> Option<Fixed>) -> Value {
    let own = key_result.members.iter().filter_map(|own| Some((own.member.clone(), json!(of(own)?))));
    own.collect::<serde_json::Map<_, _>>().into()
}

fn labels(pairs: &[(String, String)]) -> Value {
    pairs
        .iter()
        .map(|(name, value)| (name.clone(), Value::String(value.clone())))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn metric_type(kind: &MetricKind) -> &'static str {
    match kind {
        MetricKind::Count(_) => "count",
        MetricKind::Sum(..) => "sum",
        MetricKind::Value(..) => "value",
        MetricKind::Distinct(..) => "distinct",
        MetricKind::Level { .. } => "level",
        MetricKind::Ratio { .. } => "ratio",
        MetricKind::Duration(_) => "duration",
        MetricKind::Derived { .. } => "derived",
    }
}
