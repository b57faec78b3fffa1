//! The page: server-rendered, readable without JavaScript, in English and Chinese. A small script only asks for the same HTML again.

mod beside;
mod edit;
mod explanation;
pub(in crate::expose) mod format;
mod sentence;
pub(in crate::expose) mod text;
pub(in crate::expose) mod view;

use askama::Template;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use serde::Deserialize;
use xxhash_rust::xxh3::xxh3_64;

use super::Server;
use super::api::ApiError;
use crate::clock;
use edit::EditView;
use explanation::Explanation;
use text::{Language, Text};
use view::{Frame, Page, Waiting};

/// The embedded files. Nothing is fetched from anywhere else: fonts are the system's.
const ASSETS: [(&str, &str, &str); 3] = [
    ("app.css", "text/css; charset=utf-8", include_str!("assets/app.css")),
    ("app.js", "text/javascript; charset=utf-8", include_str!("assets/app.js")),
    ("icon.svg", "image/svg+xml", include_str!("assets/icon.svg")),
];

/// The query of a page.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Parameters {
    /// `en` or `zh`; anything else is as if it were not there.
    lang: Option<String>,
    /// Present: only what the script replaces.
    fragment: Option<String>,
}

/// What stands around every page.
struct Shell {
    language: Language,
    switch_href: String,
    version: String,
}

impl Shell {
    fn new(language: Language, path: &str) -> Shell {
        let assets = ASSETS.iter().fold(0, |seen, (_, _, body)| seen ^ xxh3_64(body.as_bytes()));
        Shell {
            language,
            switch_href: format!("{path}?lang={}", language.other().code()),
            version: format!("{assets:016x}"),
        }
    }
}

#[derive(Template)]
#[template(path = "page.html", config = "src/expose/web/askama.toml")]
struct PageTemplate {
    shell: Shell,
    text: &'static Text,
    page: Option<Page>,
    edit: Option<EditView>,
    waiting: Option<Waiting>,
}

#[derive(Template)]
#[template(path = "fragment.html", config = "src/expose/web/askama.toml")]
struct FragmentTemplate {
    text: &'static Text,
    page: Option<Page>,
    edit: Option<EditView>,
    waiting: Option<Waiting>,
}

#[derive(Template)]
#[template(path = "explanation.html", config = "src/expose/web/askama.toml")]
struct ExplanationTemplate {
    shell: Shell,
    text: &'static Text,
    explanation: Explanation,
}

#[derive(Template)]
#[template(path = "missing.html", config = "src/expose/web/askama.toml")]
struct MissingTemplate {
    shell: Shell,
    text: &'static Text,
    asked: String,
}

/// A query that cannot be read is as if it were not there: a page has no use for an error about its language.
fn parameters(query: Result<Query<Parameters>, QueryRejection>) -> Parameters {
    query.map(|Query(parameters)| parameters).unwrap_or_default()
}

fn language(parameters: &Parameters, headers: &HeaderMap) -> Language {
    let accept = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    Language::choose(parameters.lang.as_deref(), accept)
}

/// `/`: all objectives; before the first Snapshot, what is awaited.
pub(crate) async fn page(
    State(server): State<Server>,
    query: Result<Query<Parameters>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let parameters = parameters(query);
    let language = language(&parameters, &headers);
    let (text, frame) = (language.text(), Frame { language, now: clock::now() });
    let published = server.readers.borrow().clone();
    let page = published.as_ref().map(|published| view::page(&published.snapshot, frame));
    let waiting = page.is_none().then(|| view::waiting(&server.readiness.phase(), language));
    let edit = edit::edit(&server.readiness.edit(), text);
    let rendered = if parameters.fragment.is_some() {
        FragmentTemplate { text, page, edit, waiting }.render()
    } else {
        PageTemplate { shell: Shell::new(language, "/"), text, page, edit, waiting }.render()
    };
    html(StatusCode::OK, rendered)
}

/// `/objectives/{objective}/{key_result}`: where one score comes from.
pub(crate) async fn explanation(
    State(server): State<Server>,
    path: Result<Path<(String, String)>, PathRejection>,
    query: Result<Query<Parameters>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let Path((objective, key_result)) = path?;
    let parameters = parameters(query);
    let language = language(&parameters, &headers);
    let (text, frame) = (language.text(), Frame { language, now: clock::now() });
    let Some(published) = server.readers.borrow().clone() else {
        let waiting = Some(view::waiting(&server.readiness.phase(), language));
        let rendered =
            PageTemplate { shell: Shell::new(language, "/"), text, page: None, edit: None, waiting }.render();
        return html(StatusCode::SERVICE_UNAVAILABLE, rendered);
    };
    // The switch stays on this page: a query without a path.
    let shell = Shell::new(language, "");
    match explanation::explanation(&published.snapshot, &objective, &key_result, frame) {
        Some(explanation) => html(StatusCode::OK, ExplanationTemplate { shell, text, explanation }.render()),
        None => {
            let asked = format!("{objective}/{key_result}");
            html(StatusCode::NOT_FOUND, MissingTemplate { shell, text, asked }.render())
        }
    }
}

fn html(status: StatusCode, rendered: askama::Result<String>) -> Result<Response, ApiError> {
    let body = rendered.map_err(|error| {
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "page", format!("the page cannot be rendered: {error}"))
    })?;
    let mut response = (status, Html(body)).into_response();
    // The same address speaks two languages.
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-language"));
    Ok(response)
}

/// `/assets/…`: style, script, icon. Their address carries their content's hash, so they may be kept.
pub(crate) async fn asset(path: Result<Path<String>, PathRejection>) -> Result<Response, ApiError> {
    let Path(name) = path?;
    let found = ASSETS.into_iter().find(|(known, _, _)| *known == name);
    let (_, content_type, body) =
        found.ok_or_else(|| ApiError::new(StatusCode::NOT_FOUND, "not_found", format!("there is no asset {name}")))?;
    let headers = [(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, "public, max-age=86400")];
    Ok((headers, body).into_response())
}
