//! `POST /api/v1/check-ins`: a person's word on a key result, checked here, kept by whoever the service puts behind [`CheckInSink`].

use std::future::Future;
use std::pin::Pin;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::error::ApiError;
use crate::book::Book;
use crate::clock;
use crate::expose::Server;
use crate::expose::server::BODY_BYTES_MAX;
use crate::fixed::Fixed;
use crate::score::CheckIn;
use crate::time::Timestamp;

/// Characters of a note, a blocker or an author; beyond, 422.
pub const TEXT_CHARS_MAX: usize = 4_000;

/// What a sink answers, boxed so that the server can hold any sink.
pub type Written<'a> = Pin<Box<dyn Future<Output = Result<(), CheckInFault>> + Send + 'a>>;

/// Where check-ins go: the service puts its store behind it.
pub trait CheckInSink: Send + Sync + 'static {
    /// Keeps a check-in, valid for the book that is scored; done when it is stored.
    fn write(&self, check_in: CheckIn) -> Written<'_>;
}

/// Why a check-in could not be kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckInFault {
    /// The store is away: the same request may succeed later.
    #[error("the store cannot take it now: {0}")]
    Unavailable(String),
}

/// The body. Amounts are in base units, as a JSON number or its text, so that all nine decimals arrive.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    objective: String,
    key_result: String,
    value: Option<Box<RawValue>>,
    confidence: Option<Box<RawValue>>,
    note: Option<String>,
    blocker: Option<String>,
    author: Option<String>,
    at: Option<String>,
}

/// 201 with the check-in as it was kept.
pub(crate) async fn check_in(
    State(server): State<Server>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    authorize(&server, &headers)?;
    let body = body.map_err(|rejection| {
        let message = format!("the body cannot be read, or is longer than {BODY_BYTES_MAX} bytes");
        ApiError::new(rejection.status(), "body", message)
    })?;
    let published = server.readers.borrow().clone();
    let book = published.as_ref().map_or(&server.book, |published| &published.snapshot.book);
    let check_in = validate(&body, book, clock::now())?;
    server.check_ins.write(check_in.clone()).await.map_err(|fault| match fault {
        CheckInFault::Unavailable(_) => {
            ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "store_unavailable", fault.to_string())
        }
    })?;
    let kept = json!({
        "objective": check_in.objective,
        "key_result": check_in.key_result,
        "at": check_in.at.to_string(),
        "recorded_at": check_in.recorded_at.to_string(),
    });
    Ok((StatusCode::CREATED, [(header::CONTENT_TYPE, "application/json")], kept.to_string()).into_response())
}

/// Nothing is read of a body whose sender may not write.
fn authorize(server: &Server, headers: &HeaderMap) -> Result<(), ApiError> {
    let Some(token) = &server.token else {
        let message = "writing is off: set http.token_file to a file that holds a token";
        return Err(ApiError::new(StatusCode::FORBIDDEN, "writing_off", message));
    };
    let sent =
        headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|text| text.split_once(' '));
    match sent {
        Some((scheme, sent)) if scheme.eq_ignore_ascii_case("bearer") && token.admits(sent.trim()) => Ok(()),
        _ => {
            let message = "send the token of http.token_file as `authorization: Bearer TOKEN`";
            Err(ApiError::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
                .with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")))
        }
    }
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", message)
}

/// The check-in that a body stands for.
///
/// | body | answer |
/// |---|---|
/// | no JSON object, an unknown key, a missing id | 400 |
/// | a key result that the book has not | 404 |
/// | neither value, confidence, note nor blocker | 422 |
/// | a value for a key result that is computed | 422 |
/// | a value beyond 10¹⁸, a confidence outside 0..1, `at` in the future, a text too long | 422 |
fn validate(body: &[u8], book: &Book, now: Timestamp) -> Result<CheckIn, ApiError> {
    let body: Body = serde_json::from_slice(body).map_err(|error| {
        ApiError::new(StatusCode::BAD_REQUEST, "malformed", format!("the body is no check-in: {error}"))
    })?;
    let objective = book.objectives.iter().find(|objective| objective.id == body.objective);
    let key_result = objective
        .and_then(|objective| objective.key_results.iter().find(|key_result| key_result.id == body.key_result));
    if key_result.is_none() {
        return Err(ApiError::unknown_key_result(&body.objective, &body.key_result));
    }
    let value = amount("value", body.value.as_deref())?;
    let confidence = amount("confidence", body.confidence.as_deref())?;
    let (note, blocker) = (prose("note", body.note)?, prose("blocker", body.blocker)?);
    let author = prose("author", body.author)?;
    let at = match &body.at {
        None => now,
        Some(text) => Timestamp::parse_rfc3339(text).ok_or_else(|| {
            invalid(format!("at: {text:?} is no RFC 3339 time; write it like 2026-12-01T09:00:00+08:00"))
        })?,
    };
    let check_in = CheckIn {
        objective: body.objective,
        key_result: body.key_result,
        at,
        recorded_at: now,
        value,
        confidence,
        note,
        blocker,
        author,
    };
    check_in.fits(book).map_err(invalid)?;
    Ok(check_in)
}

/// A JSON number, or a string that holds one, exactly.
fn amount(name: &str, raw: Option<&RawValue>) -> Result<Option<Fixed>, ApiError> {
    let Some(raw) = raw.map(RawValue::get) else { return Ok(None) };
    let text = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(raw);
    let number = Fixed::parse(text)
        .map_err(|fault| invalid(format!("{name}: {fault}; write base units, like 0.45 for 45 %")))?;
    Ok(Some(number))
}

/// A text with something in it, not too long.
fn prose(name: &str, text: Option<String>) -> Result<Option<String>, ApiError> {
    let Some(text) = text.filter(|text| !text.trim().is_empty()) else { return Ok(None) };
    if text.chars().count() > TEXT_CHARS_MAX {
        return Err(invalid(format!("{name} is longer than {TEXT_CHARS_MAX} characters")));
    }
    Ok(Some(text))
}
