//! `/metrics`, `/healthz`, `/readyz` and `/api/v1/status`: what machines ask about the service itself.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::error::ApiError;
use crate::clock;
use crate::expose::{Published, Server};
use crate::snapshot::{CounterKey, Snapshot};
use crate::time::{Timestamp, Zone};

/// Prometheus' text format 0.0.4: the `okr_*` bytes of the Snapshot, then the registry.
pub(crate) async fn metrics(State(server): State<Server>) -> Result<Response, ApiError> {
    let own = server.metrics.encode().map_err(|error| {
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "metrics", format!("the metrics cannot be encoded: {error}"))
    })?;
    let published = server.readers.borrow().clone();
    let scores = published.as_deref().map_or(&[][..], |published| &published.okr_text);
    let mut body = Vec::with_capacity(scores.len() + own.len());
    body.extend_from_slice(scores);
    body.extend_from_slice(own.as_bytes());
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], body).into_response())
}

/// The process answers: nothing more is asked, so that an orchestrator does not kill it for a broker that is away.
pub(crate) async fn healthz() -> Response {
    json_response(StatusCode::OK, &json!({"status": "ok"}))
}

/// 200 once caught up and a Snapshot is shown, else 503; either way what is awaited.
pub(crate) async fn readyz(State(server): State<Server>) -> Response {
    let has_snapshot = server.readers.borrow().is_some();
    let ready = server.readiness.is_ready(has_snapshot);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let (phase, edit) = (server.readiness.phase(), server.readiness.edit());
    json_response(status, &json!({"ready": ready, "snapshot": has_snapshot, "waiting_for": phase, "edit": edit}))
}

/// Partitions, events and counters of the latest Snapshot, and what is awaited.
pub(crate) async fn status(State(server): State<Server>) -> Response {
    let published = server.readers.borrow().clone();
    let mut body = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "book": published.as_ref().map_or(&server.book, |published| &published.snapshot.book).hash,
        "ready": server.readiness.is_ready(published.is_some()),
        "waiting_for": server.readiness.phase(),
        "edit": server.readiness.edit(),
        "snapshot": Value::Null,
    });
    if let Some(published) = published {
        body["snapshot"] = snapshot_status(&published, clock::now());
    }
    json_response(StatusCode::OK, &body)
}

fn snapshot_status(published: &Published, now: Timestamp) -> Value {
    let snapshot = &*published.snapshot;
    // The default cycle's zone: the one that most readers of this book live in.
    let zone = snapshot.book.cycles.last().map(|cycle| &cycle.zone);
    let age_seconds = (now.0 - snapshot.at.0).max(0) / 1_000_000;
    json!({
        "at": time(zone, Some(snapshot.at)),
        "age_seconds": age_seconds,
        "catching_up": snapshot.catching_up,
        "partitions": partitions(snapshot, zone),
        "events": events(snapshot, zone),
        "counters": snapshot.counters.iter().map(|(key, count)| counter(key, *count)).collect::<Vec<_>>(),
    })
}

fn partitions(snapshot: &Snapshot, zone: Option<&Zone>) -> Vec<Value> {
    let topic = |index: u16| snapshot.book.topics.get(usize::from(index)).map(|topic| topic.name.as_str());
    let row = |progress: &crate::aggregate::facts::PartitionProgress| {
        json!({
            "topic": topic(progress.partition.topic.0),
            "partition": progress.partition.number,
            "first_offset": progress.first_offset,
            "next_offset": progress.next_offset,
            "log_end": progress.log_end,
            "lag": progress.log_end.map(|end| (end - progress.next_offset).max(0)),
            "complete_until": time(zone, progress.complete_until),
            "last_record_at": time(zone, progress.last_record_at),
        })
    };
    snapshot.partitions.iter().map(row).collect()
}

fn events(snapshot: &Snapshot, zone: Option<&Zone>) -> Vec<Value> {
    let pairs = snapshot.book.events.iter().zip(&snapshot.events);
    let row = |(event, progress): (&crate::book::Event, &crate::aggregate::facts::EventProgress)| {
        json!({
            "event": event.name,
            "watermark": time(zone, progress.watermark),
            "last_event_at": time(zone, progress.last_event_at),
            "last_record_at": time(zone, progress.last_record_at),
        })
    };
    pairs.map(row).collect()
}

fn counter(key: &CounterKey, count: u64) -> Value {
    match key {
        CounterKey::Records { topic, result } => {
            json!({"counter": "records", "topic": topic, "result": result, "count": count})
        }
        CounterKey::DeadLetters { topic, reason } => {
            json!({"counter": "dead_letters", "topic": topic, "reason": reason, "count": count})
        }
        CounterKey::ValueFaults { metric, reason } => {
            json!({"counter": "value_faults", "metric": metric, "reason": reason, "count": count})
        }
        CounterKey::Copies { event } => json!({"counter": "copies", "event": event, "count": count}),
        CounterKey::Unchecked { event } => json!({"counter": "unchecked", "event": event, "count": count}),
        CounterKey::Incidents { topic, kind } => {
            json!({"counter": "incidents", "topic": topic, "kind": kind, "count": count})
        }
        CounterKey::BelowFloor { event } => json!({"counter": "below_floor", "event": event, "count": count}),
        CounterKey::KeysAgain { metric } => json!({"counter": "keys_again", "metric": metric, "count": count}),
        CounterKey::SkippedOffsets { topic } => json!({"counter": "skipped_offsets", "topic": topic, "count": count}),
    }
}

fn time(zone: Option<&Zone>, at: Option<Timestamp>) -> Option<String> {
    Some(zone?.format(at?))
}

fn json_response(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
