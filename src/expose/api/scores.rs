//! `/api/v1/scores`, one key result of it, and where a score comes from.

use axum::body::Bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::error::ApiError;
use crate::expose::{Published, Server};
use crate::snapshot;

/// The whole document. Its ETag changes with every Snapshot.
pub(crate) async fn scores(State(server): State<Server>, headers: HeaderMap) -> Result<Response, ApiError> {
    let published = server.readers.borrow().clone().ok_or_else(ApiError::not_ready)?;
    let tag = etag(&published);
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let unchanged = known.is_some_and(|known| known.split(',').any(|one| one.trim() == tag));
    let mut response = match unchanged {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => json_bytes(document(&published).await?),
    };
    if let Ok(value) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, value);
    }
    Ok(response)
}

async fn document(published: &Published) -> Result<Bytes, ApiError> {
    published.document().await.map_err(|error| {
        let message = format!("the document cannot be encoded: {error}");
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "document", message)
    })
}

/// Book, instant and moment of encoding name a document.
fn etag(published: &Published) -> String {
    let book = published.snapshot.book.hash.trim_start_matches("sha256:");
    let book = book.get(..12).unwrap_or(book);
    format!("\"{book}-{}-{}\"", published.snapshot.at.0, published.published_at.0)
}

/// The document's parts that the answer for one key result is cut from; numbers stay as they are written.
#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    at: &'a RawValue,
    #[serde(borrow)]
    book: &'a RawValue,
    catching_up: bool,
    #[serde(borrow)]
    objectives: Vec<DocumentObjective<'a>>,
}

#[derive(Deserialize)]
struct DocumentObjective<'a> {
    #[serde(borrow)]
    key_results: Vec<&'a RawValue>,
}

#[derive(Serialize)]
struct OneKeyResult<'a> {
    at: &'a RawValue,
    book: &'a RawValue,
    catching_up: bool,
    cycle: &'a str,
    objective: &'a str,
    key_result: &'a RawValue,
}

/// One key result of the document, with the instant and the book it belongs to.
pub(crate) async fn key_result(
    State(server): State<Server>,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Response, ApiError> {
    let Path((objective, key_result)) = path?;
    let published = server.readers.borrow().clone().ok_or_else(ApiError::not_ready)?;
    let body = cut(&published, &document(&published).await?, &objective, &key_result)?
        .ok_or_else(|| ApiError::unknown_key_result(&objective, &key_result))?;
    Ok(json_bytes(body.into()))
}

/// The document keeps the book's order, so the book says where the key result stands in it.
fn cut(published: &Published, document: &[u8], objective: &str, key_result: &str) -> Result<Option<String>, ApiError> {
    let book = &published.snapshot.book;
    let Some(at) = book.objectives.iter().position(|candidate| candidate.id == objective) else { return Ok(None) };
    let found = &book.objectives[at];
    let Some(within) = found.key_results.iter().position(|candidate| candidate.id == key_result) else {
        return Ok(None);
    };
    let broken = |error: serde_json::Error| {
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "document", format!("the document cannot be cut: {error}"))
    };
    let document: Document = serde_json::from_slice(document).map_err(broken)?;
    let raw = document.objectives.get(at).and_then(|objective| objective.key_results.get(within));
    let Some(raw) = raw else { return Ok(None) };
    let cycle = book.cycles.get(usize::from(found.cycle.0)).map_or("", |cycle| cycle.id.as_str());
    let Document { at, book, catching_up, .. } = document;
    serde_json::to_string(&OneKeyResult { at, book, catching_up, cycle, objective, key_result: raw })
        .map(Some)
        .map_err(broken)
}

/// Where a score comes from.
pub(crate) async fn explain(
    State(server): State<Server>,
    headers: HeaderMap,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Response, ApiError> {
    let Path((objective, key_result)) = path?;
    let published = server.readers.borrow().clone().ok_or_else(ApiError::not_ready)?;
    let explanation = snapshot::explain(&published.snapshot, &objective, &key_result)
        .ok_or_else(|| ApiError::unknown_key_result(&objective, &key_result))?;
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    if accept.starts_with("text/plain") {
        return Ok(explanation.to_string().into_response());
    }
    let body = serde_json::to_vec(&explanation).map_err(|error| {
        ApiError::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "explanation",
            format!("the explanation cannot be written: {error}"),
        )
    })?;
    Ok(json_bytes(body.into()))
}

fn json_bytes(body: Bytes) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}
