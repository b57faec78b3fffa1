//! The service: builds everything, spawns, runs effects, drains.
//!
//! ```text
//! consumer thread ── ToScorer ──▶ scoring thread ── Scored ──▶ consumer thread
//!        ├── ToStore ──▶ store task ── FromStore ──▶ consumer thread
//!        ├── watch<Snapshot> ──▶ publish (encodes) ──▶ HTTP readers
//!        │                    └▶ compaction task (the floor)
//!        ├── days ──▶ BI task
//!        └── Hold, Adopt ◀──▶ editor thread ◀── SIGHUP, files; its own consumer and its own way to the store
//! ```
//!
//! Every queue is bounded: see the constants beside each.

mod bi_task;
mod compaction_task;
mod consumer_loop;
mod edition;
mod editor;
mod log_starts;
mod names;
mod scoring_thread;
mod store_task;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tracing::{info, warn};

use crate::expose::metrics::ServiceMetrics;
use crate::expose::{self, CheckInFault, CheckInSink, Phase, Readers, Readiness, TOKEN_CHARS_MIN, Token, Written};
use crate::ingest::kafka::Consumer;
use crate::pipeline::Scorer;
use crate::score::CheckIn;
use crate::settings::{self, Settings};
use crate::store::{OpenMode, Store, StoreOptions};

use consumer_loop::{ConsumerLoop, ToLive, Wiring};
use editor::Editor;
use log_starts::topics_to_read;
use scoring_thread::ScoringThread;
use store_task::StoreTask;

pub use edition::{BookSource, LoadedBook};
pub use log_starts::cluster_log_starts;

/// Questions to the store that may wait: one cut, one claim and one restore are the most that is ever asked.
const TO_STORE_MAX: usize = 4;

/// Answers that may wait for the consumer thread.
const FROM_STORE_MAX: usize = 64;

/// Batches of daily facts that may wait for the BI task.
const DAYS_MAX: usize = 4;

/// How long the tasks may take to end after the consumer thread has.
const DRAIN_BUDGET: Duration = Duration::from_secs(4);

/// How long a store that is away is waited for before it is asked again.
const STORE_WAIT: Duration = Duration::from_secs(1);

/// How often somebody who waits for the store looks whether to stop.
const STOP_LOOK: Duration = Duration::from_millis(100);

/// Why a service cannot start or go on: one sentence for people.
#[derive(Debug, thiserror::Error)]
#[error("{sentence}")]
pub struct ServiceError {
    sentence: String,
    /// Whether the settings are wrong, as opposed to the world around.
    pub is_wrong_use: bool,
}

fn failed(sentence: impl std::fmt::Display) -> ServiceError {
    ServiceError { sentence: sentence.to_string(), is_wrong_use: false }
}

fn wrong_use(sentence: impl std::fmt::Display) -> ServiceError {
    ServiceError { sentence: sentence.to_string(), is_wrong_use: true }
}

/// A service that listens; [`Running::finished`] says how it ended.
pub struct Running {
    /// Where it listens; the port is the real one where 0 was asked for.
    pub address: SocketAddr,
    /// What it waits for.
    pub readiness: Readiness,
    /// The latest Snapshot, encoded.
    pub readers: Readers,
    stopping: Arc<AtomicBool>,
    rereads: Arc<AtomicBool>,
    finished: oneshot::Receiver<Result<(), ServiceError>>,
}

impl Running {
    /// Asks it to drain and end.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// What [`Running::stop`] does, for those who do not hold the service.
    pub fn stopper(&self) -> impl Fn() + Send + 'static {
        let stopping = Arc::clone(&self.stopping);
        move || stopping.store(true, Ordering::Relaxed)
    }

    /// Has the book read again, for those who do not hold the service. Two calls in a row may be one.
    pub fn rereader(&self) -> impl Fn() + Send + 'static {
        let rereads = Arc::clone(&self.rereads);
        move || rereads.store(true, Ordering::Relaxed)
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    /// Why it could not go on.
    pub async fn finished(&mut self) -> Result<(), ServiceError> {
        let gone = |_| Err(failed("the service ended without a word; this is a fault of krscore"));
        (&mut self.finished).await.unwrap_or_else(gone)
    }
}

/// Starts the service. What can be wrong without any partner is found first: the settings, then the port. `source` reads the book again when
/// that is asked for; `None`: it never changes.
///
/// # Errors
/// Settings of Kafka or the store that cannot be used, a port that is taken.
pub async fn start(
    settings: Settings,
    loaded: LoadedBook,
    source: Option<BookSource>,
) -> Result<Running, ServiceError> {
    let book = loaded.book.clone();
    settings.kafka.validate().map_err(wrong_use)?;
    StoreOptions::from(&settings.store).validate().map_err(wrong_use)?;
    let token = settings.http.token.as_ref().map(|token| {
        let short = || wrong_use(format!("http.token_file: the token is shorter than {TOKEN_CHARS_MIN} characters; make one with `openssl rand -hex 32`"));
        Token::new(token.expose()).ok_or_else(short)
    });
    let token = token.transpose()?;
    let listener = expose::bind(&settings.http.listen.to_string()).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let readiness = Readiness::default();
    let (snapshots, snapshots_seen) = watch::channel(None);
    let (published, readers) = watch::channel(None);
    let metrics = ServiceMetrics::new(readers.clone(), readiness.clone()).map_err(failed)?;
    let stopping = Arc::new(AtomicBool::new(false));
    let stored = Arc::new(watch::Sender::new(None));
    let server = expose::Server {
        readers: readers.clone(),
        metrics: metrics.clone(),
        readiness: readiness.clone(),
        book: Arc::clone(&book),
        token,
        check_ins: Arc::new(StoreSink(stored.subscribe())),
    };
    let (close_http, http_closes) = oneshot::channel::<()>();
    let http = tokio::spawn(expose::serve(listener, server, async move {
        // A sender that is gone says the same as one that has spoken.
        let _ = http_closes.await;
    }));
    tokio::spawn(expose::publish(snapshots_seen.clone(), published));
    info!(%address, book = book.hash, "listening");
    let (finish, finished) = oneshot::channel();
    let rereads = Arc::new(AtomicBool::new(false));
    let reload = (source, Arc::clone(&rereads));
    let parts = Parts { settings, loaded, reload, readiness: readiness.clone(), metrics, stored };
    let wires = (snapshots, snapshots_seen, Arc::clone(&stopping));
    tokio::spawn(async move {
        let done = run_until_stopped(parts, wires).await;
        drop(close_http);
        if tokio::time::timeout(DRAIN_BUDGET, http).await.is_err() {
            warn!("requests were still under way at the end");
        }
        // Nobody waits for a service whose `Running` was dropped.
        let _ = finish.send(done);
    });
    Ok(Running { address, readiness, readers, stopping, rereads, finished })
}

/// What the service is built of.
struct Parts {
    settings: Settings,
    loaded: LoadedBook,
    reload: (Option<BookSource>, Arc<AtomicBool>),
    readiness: Readiness,
    metrics: ServiceMetrics,
    stored: Arc<watch::Sender<Option<Arc<Store>>>>,
}

type Snapshots = watch::Sender<Option<Arc<crate::snapshot::Snapshot>>>;
type SnapshotsSeen = watch::Receiver<Option<Arc<crate::snapshot::Snapshot>>>;

async fn run_until_stopped(
    parts: Parts,
    (snapshots, snapshots_seen, stopping): (Snapshots, SnapshotsSeen, Arc<AtomicBool>),
) -> Result<(), ServiceError> {
    let Parts { settings, loaded, reload, readiness, metrics, stored } = parts;
    let Some(store) = open_store(&settings.store, &readiness, &stopping).await? else { return Ok(()) };
    let (active, pending) = active_book(&store, loaded).await?;
    // Only who has the store joins the group: a second process, or one whose store is away, would take partitions that it cannot read.
    let consumer = Consumer::open(&settings.kafka, &topics_to_read(&active.book)).map_err(failed)?;
    stored.send_replace(Some(Arc::clone(&store)));
    let (orders, obeyed) = std::sync::mpsc::channel::<ToLive>();
    let (held, hears) = std::sync::mpsc::channel();
    let shared = (Arc::clone(&store), readiness.clone(), Arc::clone(&stopping));
    let editor = editor(&settings, &active, reload, (orders, hears), shared);
    let (to_store, asked) = mpsc::channel(TO_STORE_MAX);
    let (answers, from_store) = std::sync::mpsc::sync_channel(FROM_STORE_MAX);
    let (daily, days) = mpsc::channel(DAYS_MAX);
    let task = StoreTask {
        store: Arc::clone(&store),
        answers,
        metrics: metrics.clone(),
        readiness: readiness.clone(),
        epochs: BTreeMap::new(),
        accept_cluster: settings.store.accept_cluster.clone(),
    };
    let store_task = tokio::spawn(task.run(asked));
    let compaction = compaction_task::run(Arc::clone(&store), snapshots_seen.clone(), metrics.clone());
    let compaction_task = tokio::spawn(compaction);
    let bi_task = tokio::spawn(bi_task::run(Arc::clone(&store), snapshots_seen, days));
    let scorer = Scorer::new(Arc::clone(&active.book)).with_budgets(settings.state);
    let (scoring, to_scorer, from_scorer) = ScoringThread::new(scorer, metrics.clone());
    let wiring = Wiring {
        to_store,
        from_store,
        to_scorer,
        from_scorer,
        snapshots,
        daily,
        readiness: readiness.clone(),
        metrics,
        stopping: Arc::clone(&stopping),
        orders: obeyed,
        held,
        kafka: settings.kafka.clone(),
        group: settings.kafka.group.clone(),
        brokers: settings.kafka.brokers.clone(),
        commit_interval: commit_interval(&settings),
        budgets: settings.state,
    };
    let editor = spawn("editor", move || editor.run(pending))?;
    let scoring = spawn("scorer", move || scoring.run())?;
    let (finish, finished) = oneshot::channel();
    spawn("consumer", move || {
        let done = ConsumerLoop::new(active.book, consumer, wiring).run();
        // The waiting side is this function, which waits.
        let _ = finish.send(done);
    })?;
    let done = finished
        .await
        .unwrap_or_else(|_| Err("the consumer thread ended with a panic; this is a fault of krscore".to_owned()));
    readiness.set(Phase::Draining);
    stored.send_replace(None);
    // The editor ends by itself when the consumer thread has.
    stopping.store(true, Ordering::Relaxed);
    let threads = tokio::spawn(async move { drop((editor.await, scoring.await)) });
    end(store, [threads, store_task, bi_task, compaction_task]).await;
    done.map_err(failed)
}

/// The editor's thread, before it runs.
fn editor(
    settings: &Settings,
    active: &LoadedBook,
    (source, rereads): (Option<BookSource>, Arc<AtomicBool>),
    (orders, held): (std::sync::mpsc::Sender<ToLive>, std::sync::mpsc::Receiver<()>),
    (store, readiness, stopping): (Arc<Store>, Readiness, Arc<AtomicBool>),
) -> Editor {
    Editor {
        store,
        runtime: tokio::runtime::Handle::current(),
        kafka: settings.kafka.clone(),
        orders,
        held,
        source,
        rereads,
        watches: settings.book_reload == settings::BookReload::Watch,
        readiness,
        stopping,
        active: active.clone(),
        commit_interval: commit_interval(settings),
        budgets: settings.state,
    }
}

/// Waits for what still writes into the store, then closes it.
async fn end(store: Arc<Store>, tasks: [tokio::task::JoinHandle<()>; 4]) {
    for task in tasks {
        if tokio::time::timeout(DRAIN_BUDGET, task).await.is_err() {
            warn!("a task took too long to end");
        }
    }
    if let Some(store) = Arc::into_inner(store) {
        store.close().await;
    }
}

/// Runs `work` on a thread of its own; the answer comes when it has ended.
fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<oneshot::Receiver<()>, ServiceError> {
    let (ends, ended) = oneshot::channel();
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        work();
        // Whoever does not wait needs no word.
        let _ = ends.send(());
    });
    thread.map(|_| ended).map_err(|fault| failed(format!("no thread for the {name}: {fault}")))
}

fn commit_interval(settings: &Settings) -> Duration {
    Duration::from_micros(u64::try_from(settings.store.commit_interval.0).unwrap_or(1_000_000))
}

/// The book that scores from now on, and the one that shall: `loaded`, if the store's active one is another. A store that has none is new, and
/// one that this version cannot read any more is left: then `loaded` scores at once, and what it misses is filled.
async fn active_book(store: &Store, loaded: LoadedBook) -> Result<(LoadedBook, Option<LoadedBook>), ServiceError> {
    let (active, pending) = match store.active_book().await.map_err(failed)? {
        None => (loaded, None),
        Some((hash, _)) if hash == loaded.book.hash => (loaded, None),
        Some((hash, text)) => match LoadedBook::stored(&text) {
            Ok(active) if active.book.hash == hash => {
                info!(
                    active = hash,
                    edited = loaded.book.hash,
                    "the book was edited: the one before it scores until nothing is missing"
                );
                (active, Some(loaded))
            }
            Ok(_) => (loaded.clone(), Some(loaded)),
            Err(faults) => {
                warn!(
                    hash,
                    faults, "the book that scored last cannot be read any more: the one on disk scores at once"
                );
                (loaded.clone(), Some(loaded))
            }
        },
    };
    // Partitions are claimed by the active book only.
    store.record_book_revision(&active.book.hash, &active.text).await.map_err(failed)?;
    Ok((active, pending))
}

/// Opens the store; one that is away is waited for, one that cannot be used is an error. `None`: told to stop while waiting.
async fn open_store(
    settings: &settings::Store,
    readiness: &Readiness,
    stopping: &AtomicBool,
) -> Result<Option<Arc<Store>>, ServiceError> {
    let options = StoreOptions::from(settings);
    let mut said = None;
    while !stopping.load(Ordering::Relaxed) {
        let opened = tokio::select! {
            opened = Store::open(&options, OpenMode::Consumer) => opened,
            // It may be waiting for the one that has the consumer role.
            () = told_to_stop(stopping) => return Ok(None),
        };
        match opened {
            Ok(store) => {
                info!(store = store.name(), "store open");
                return Ok(Some(Arc::new(store)));
            }
            Err(fault) if fault.is_transient() => {
                let text = fault.to_string();
                if said.as_ref() != Some(&text) {
                    warn!(fault = text, "waiting for the store");
                }
                readiness.set(Phase::Store { error: Some(text.clone()) });
                said = Some(text);
                tokio::time::sleep(STORE_WAIT).await;
            }
            Err(fault) => return Err(failed(fault)),
        }
    }
    Ok(None)
}

async fn told_to_stop(stopping: &AtomicBool) {
    while !stopping.load(Ordering::Relaxed) {
        tokio::time::sleep(STOP_LOOK).await;
    }
}

/// Check-ins over HTTP go into the store, once it is open.
struct StoreSink(watch::Receiver<Option<Arc<Store>>>);

impl CheckInSink for StoreSink {
    fn write(&self, check_in: CheckIn) -> Written<'_> {
        let store = self.0.borrow().clone();
        Box::pin(async move {
            let away = |text: String| CheckInFault::Unavailable(text);
            let store = store.ok_or_else(|| away("it is not open yet".to_owned()))?;
            store.add_check_in(&check_in).await.map_err(|fault| away(fault.to_string()))
        })
    }
}
