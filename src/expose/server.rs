//! The HTTP server: one small router behind limits that hold whatever a client does. HTTP/1.1 without TLS, on loopback by default;
//! whoever exposes it puts a proxy in front.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::api::{self, CheckInSink};
use super::metrics::ServiceMetrics;
use super::readiness::Readiness;
use super::token::Token;
use super::{Readers, web};
use crate::book::Book;

/// Connections served at once; the next one waits in the kernel's queue. Enough for a few Prometheus servers and a team's browsers.
pub const CONNECTIONS_MAX: usize = 256;

/// Header lines of a request; beyond, 431.
pub const HEADERS_MAX: usize = 64;

/// Bytes of a request's head; beyond, 431.
pub const HEADER_BYTES_MAX: usize = 16 * 1024;

/// Bytes of a request's body; beyond, 413. A check-in is a few hundred.
pub const BODY_BYTES_MAX: usize = 32 * 1024;

/// How long a request's head may take, and how long a connection may idle: longer than the usual scrape interval of 15 s.
pub const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a request may take, its body included; beyond, 504.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// How long one connection is kept; then it is asked to end, so that a client that never reads its answer cannot hold a place for good.
pub const CONNECTION_LIFETIME_MAX: Duration = Duration::from_secs(600);

/// How long requests under way may take to end at a shutdown, or when a connection is too old.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(3);

/// What the handlers share.
#[derive(Clone)]
pub struct Server {
    /// The latest Snapshot.
    pub readers: Readers,
    /// The service's own metrics.
    pub metrics: ServiceMetrics,
    /// What the service waits for.
    pub readiness: Readiness,
    /// The book that is being scored; what `/api/v1/book` shows before the first Snapshot.
    pub book: Arc<Book>,
    /// Who may write; `None` refuses all writing.
    pub token: Option<Token>,
    /// Where check-ins go.
    pub check_ins: Arc<dyn CheckInSink>,
}

/// Why nothing can listen at `http.listen`.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The port is taken.
    #[error(
        "http.listen: {listen} is in use by another program; stop it, or set http.listen (KRSCORE__HTTP__LISTEN) to a free port"
    )]
    Taken {
        /// The setting's text.
        listen: String,
    },
    /// Anything else.
    #[error("http.listen: cannot listen on {listen}: {error}; write it as ADDRESS:PORT, like 127.0.0.1:9464")]
    Refused {
        /// The setting's text.
        listen: String,
        /// What the system said.
        error: io::Error,
    },
}

/// A listener at the setting `http.listen`; port 0 takes a free one.
///
/// # Errors
/// [`BindError`], one sentence that names the setting.
pub async fn bind(listen: &str) -> Result<TcpListener, BindError> {
    TcpListener::bind(listen).await.map_err(|error| {
        let listen = listen.to_owned();
        match error.kind() {
            io::ErrorKind::AddrInUse => BindError::Taken { listen },
            _ => BindError::Refused { listen, error },
        }
    })
}

/// Every route, with the limits that belong to a request.
pub fn router(server: Server) -> Router {
    let app = Router::new()
        .route("/", routing::get(web::page))
        .route("/objectives/{objective}/{key_result}", routing::get(web::explanation))
        .route("/assets/{name}", routing::get(web::asset))
        .route("/metrics", routing::get(api::metrics))
        .route("/healthz", routing::get(api::healthz))
        .route("/readyz", routing::get(api::readyz))
        .route("/api/v1/scores", routing::get(api::scores))
        .route("/api/v1/key-results/{objective}/{key_result}", routing::get(api::key_result))
        .route("/api/v1/explain/{objective}/{key_result}", routing::get(api::explain))
        .route("/api/v1/book", routing::get(api::book))
        .route("/api/v1/coverage", routing::get(api::coverage))
        .route("/api/v1/status", routing::get(api::status))
        .route("/api/v1/check-ins", routing::post(api::check_in))
        .fallback(api::not_found)
        .method_not_allowed_fallback(api::method_not_allowed)
        .with_state(server);
    app.layer(DefaultBodyLimit::max(BODY_BYTES_MAX)).layer(middleware::from_fn(limit_and_protect))
}

/// Serves until `shutdown` is done, then lets requests under way end for [`DRAIN_TIMEOUT`].
pub async fn serve(listener: TcpListener, server: Server, shutdown: impl Future<Output = ()>) {
    let router = router(server);
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let (closing, closed) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, stream) = tokio::select! {
            () = &mut shutdown => break,
            (place, accepted) = accepted => match accepted {
                Ok((stream, _)) => (place, stream),
                Err(error) => {
                    // Out of file descriptors, or a client that left in the queue: neither ends the server.
                    tracing::warn!(%error, "a connection could not be accepted");
                    sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
        };
        while connections.try_join_next().is_some() {}
        let (router, closed) = (router.clone(), closed.clone());
        connections.spawn(async move {
            serve_connection(stream, router, closed).await;
            drop(place);
        });
    }
    drop(listener);
    drop(closing);
    // Whatever is left when the set is dropped is aborted.
    let _ = timeout(DRAIN_TIMEOUT, async { while connections.join_next().await.is_some() {} }).await;
}

async fn serve_connection(stream: TcpStream, router: Router, mut closed: watch::Receiver<()>) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_READ_TIMEOUT)
        .max_headers(HEADERS_MAX)
        .max_header_size(HEADER_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = pin!(connection);
    tokio::select! {
        // A client that breaks off is its own affair.
        _ = connection.as_mut() => return,
        _ = closed.changed() => {}
        () = sleep(CONNECTION_LIFETIME_MAX) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = timeout(DRAIN_TIMEOUT, connection).await;
}

/// Headers of every answer. Scripts, styles and requests only from here, nothing inline, no frames: a title that carried markup past
/// the escaping would still not run. No CORS header at all: other sites' scripts cannot read an answer.
const PROTECTION: [(HeaderName, &str); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

async fn limit_and_protect(request: Request, next: Next) -> Response {
    let mut response = timeout(REQUEST_TIMEOUT, next.run(request)).await.unwrap_or_else(|_| {
        let message = format!("the request took longer than {} s", REQUEST_TIMEOUT.as_secs());
        api::ApiError::new(StatusCode::GATEWAY_TIMEOUT, "timeout", message).into_response()
    });
    let headers = response.headers_mut();
    for (name, value) in PROTECTION {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // What is live must not come from a cache unasked; assets say otherwise themselves.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache"));
    response
}
