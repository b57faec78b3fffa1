//! Errors as JSON: `{"error":{"code":"…","message":"…"}}`.

use axum::extract::Request;
use axum::extract::rejection::PathRejection;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// What a request gets instead of an answer.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    header: Option<(HeaderName, HeaderValue)>,
}

impl ApiError {
    /// `code` is for programs and never changes; `message` is for people: what, where, how to mend it.
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> ApiError {
        ApiError { status, code, message: message.into(), header: None }
    }

    /// No Snapshot yet.
    pub(crate) fn not_ready() -> ApiError {
        let message = "nothing is scored yet; GET /readyz says what is awaited";
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "not_ready", message)
            .with_header(header::RETRY_AFTER, HeaderValue::from_static("2"))
    }

    /// The book has no such key result.
    pub(crate) fn unknown_key_result(objective: &str, key_result: &str) -> ApiError {
        let message = format!("the book has no key result {objective}/{key_result}; GET /api/v1/book lists them");
        ApiError::new(StatusCode::NOT_FOUND, "unknown_key_result", message)
    }

    /// The same error with a header.
    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> ApiError {
        self.header = Some((name, value));
        self
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = json!({"error": {"code": self.code, "message": self.message}}).to_string();
        let mut response = (self.status, [(header::CONTENT_TYPE, "application/json")], body).into_response();
        if let Some((name, value)) = self.header {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

impl From<PathRejection> for ApiError {
    fn from(rejection: PathRejection) -> ApiError {
        ApiError::new(rejection.status(), "malformed", format!("the address cannot be read: {}", rejection.body_text()))
    }
}

/// Any path that is not a route.
pub(crate) async fn not_found(request: Request) -> ApiError {
    let message =
        format!("there is nothing at {}; the API begins at /api/v1/scores, the page is /", request.uri().path());
    ApiError::new(StatusCode::NOT_FOUND, "not_found", message)
}

/// A route, but not with that method. (The router adds the header `allow`.)
pub(crate) async fn method_not_allowed(request: Request) -> ApiError {
    let message = format!("{} does not take {}", request.uri().path(), request.method());
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)
}
