//! A server over a made-up Snapshot, and a client that is not ours.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use krscore::expose::{
    self, CheckInFault, CheckInSink, PartitionLag, Phase, Published, Readiness, Server, Token, Written,
    metrics::ServiceMetrics,
};
use krscore::score::CheckIn;
use krscore::snapshot::Snapshot;
use tokio::sync::{oneshot, watch};

use crate::sample;

/// The token of every test server.
pub const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// Keeps check-ins; a note `the store is away` is refused.
#[derive(Default)]
pub struct Notebook(pub Mutex<Vec<CheckIn>>);

impl CheckInSink for Notebook {
    fn write(&self, check_in: CheckIn) -> Written<'_> {
        Box::pin(async move {
            if check_in.note.as_deref() == Some("the store is away") {
                return Err(CheckInFault::Unavailable("connection refused".into()));
            }
            self.0.lock().expect("not poisoned").push(check_in);
            Ok(())
        })
    }
}

/// Runs a future to its end.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    runtime.block_on(future)
}

fn server(
    snapshot: Option<Snapshot>,
    token: Option<Token>,
    notebook: Arc<Notebook>,
) -> (Server, watch::Sender<Option<Arc<Published>>>) {
    let book = Arc::clone(&sample::company().book);
    let at = snapshot.as_ref().map_or(sample::AT, |snapshot| snapshot.at);
    let published = snapshot.map(|snapshot| Arc::new(Published::encode(Arc::new(snapshot), at)));
    let readiness = Readiness::default();
    let lags = [("wms.picks", 0, Some(1_204_331)), ("wms.picks", 1, Some(88)), ("oms.orders", 0, None)];
    let lags = lags.map(|(topic, partition, lag)| PartitionLag { topic: topic.into(), partition, lag });
    readiness.set(match published {
        Some(_) => Phase::Ready,
        None => Phase::CatchingUp { partitions: lags.into() },
    });
    let (sender, readers) = watch::channel(published);
    let metrics = ServiceMetrics::new(readers.clone(), readiness.clone()).expect("names are unique");
    metrics.committed(std::time::Duration::from_millis(7), at);
    metrics.cut(std::time::Duration::from_millis(7));
    metrics.scored(std::time::Duration::from_millis(20));
    metrics.set_store_bytes(4096);
    metrics.stands("oms.orders", 1, "offset_out_of_range");
    metrics.compacted(3, 9_000, 1);
    (Server { readers, metrics, readiness, book, token, check_ins: notebook }, sender)
}

/// Serves a Snapshot until `shutdown`.
pub async fn serve_at(listen: &str, snapshot: Option<Snapshot>, shutdown: impl Future<Output = ()>) {
    let (server, _sender) = server(snapshot, Token::new(TOKEN), Arc::default());
    let listener = expose::bind(listen).await.unwrap_or_else(|error| panic!("{error}"));
    expose::serve(listener, server, shutdown).await;
}

/// A server on a free port, with a thread of its own; it ends when this is dropped.
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    /// What it was told.
    pub notebook: Arc<Notebook>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Running {
    /// Serves a Snapshot; `writable`: with a token.
    pub fn start(snapshot: Option<Snapshot>, writable: bool) -> Running {
        let notebook = Arc::new(Notebook::default());
        let (server, sender) = server(snapshot, Token::new(TOKEN).filter(|_| writable), Arc::clone(&notebook));
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            block_on(async move {
                let listener = expose::bind("127.0.0.1:0").await.expect("a free port");
                tell.send(listener.local_addr().expect("bound")).expect("the test waits");
                expose::serve(listener, server, async { drop(stopped.await) }).await;
                drop(sender);
            });
        });
        Running { address: told.recv().expect("it listens"), notebook, stop: Some(stop), thread: Some(thread) }
    }

    /// An answer, whatever its status.
    pub fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = agent().get(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(request.call().expect("an answer"))
    }

    /// An answer to a body.
    pub fn post(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut request = agent().post(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(request.send(body).expect("an answer"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// What came back.
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: ureq::http::HeaderMap,
    /// The body.
    pub body: String,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// A header's text; empty without it.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).build().into()
}

fn answer(response: ureq::http::Response<ureq::Body>) -> Answer {
    let (parts, mut body) = response.into_parts();
    let body = body.read_to_string().expect("UTF-8");
    Answer { status: parts.status.as_u16(), headers: parts.headers, body }
}
