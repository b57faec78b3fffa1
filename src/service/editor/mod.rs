//! The editor: a thread that reads an edited book, has a lane fill what it misses, and lets live adopt it. Live goes on meanwhile by the
//! book before the edit.
//!
//! | the book on disk | then |
//! |---|---|
//! | has faults | all are in the log, on the page and in `/readyz`; the book before it goes on, and an edit that was under way ends |
//! | is the one that scores | nothing; an edit that was under way ends |
//! | misses nothing | live holds for a moment and adopts it |
//! | misses aggregates | a lane fills them, live holds while the lane comes the last steps, both are joined, live adopts it |
//! | reads a topic that does not exist, or anything that was asked fails | it waits, and begins again from what the store has |

mod lane;
mod look;
mod view;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant};

use tracing::{info, warn};

use super::consumer_loop::ToLive;
use super::edition::{BookSource, LoadedBook};
use crate::aggregate::budget::Budgets;
use crate::aggregate::plan::Plan;
use crate::expose::{Edit, Readiness};
use crate::pipeline::backfill::{PartitionView, needs};
use crate::settings::KafkaSettings;
use crate::store::{CommitOutcome, Join, Store};

use look::Look;
use view::Reader;

/// How long is waited before what failed is tried again.
const RETRY_WAIT: Duration = Duration::from_secs(2);

/// How long live may take to hold: its flush, and whatever it is doing.
const HOLD_WAIT: Duration = Duration::from_secs(10);

/// How long the thread sleeps where nothing is to do.
const IDLE_WAIT: Duration = Duration::from_millis(200);

/// The thread's own.
pub(super) struct Editor {
    pub(super) store: Arc<Store>,
    pub(super) runtime: tokio::runtime::Handle,
    pub(super) kafka: KafkaSettings,
    pub(super) orders: Sender<ToLive>,
    pub(super) held: Receiver<()>,
    pub(super) source: Option<BookSource>,
    /// Set whenever the book shall be read again.
    pub(super) rereads: Arc<AtomicBool>,
    /// Whether it is read again by itself.
    pub(super) watches: bool,
    pub(super) readiness: Readiness,
    pub(super) stopping: Arc<AtomicBool>,
    /// The book that scores.
    pub(super) active: LoadedBook,
    pub(super) commit_interval: Duration,
    pub(super) budgets: Budgets,
}

/// How an edit ended, or why it did not go on.
enum Outcome {
    /// It scores.
    Done,
    /// From the beginning: what is known of the store or of live has changed.
    Again,
    /// There is another book on disk, or none that would be an edit.
    Instead(Option<LoadedBook>),
    /// The service ends.
    Stopped,
}

impl Editor {
    /// Runs until the service ends. `pending` is a book that shall score and does not yet.
    pub(super) fn run(mut self, pending: Option<LoadedBook>) {
        let mut look = Look::new(&self.active, pending.as_ref());
        let mut edited = pending;
        if edited.is_none() && self.has_lanes() {
            // A back-fill of the very book that scores was under way.
            edited = Some(self.active.clone());
        }
        while !self.is_stopping() {
            let Some(book) = edited.take() else {
                match look.look(&self) {
                    Some(news) => edited = news,
                    None => std::thread::park_timeout(IDLE_WAIT),
                }
                continue;
            };
            match self.apply(&book, &mut look) {
                Ok(Outcome::Done) => self.readiness.set_edit(Edit::None),
                Ok(Outcome::Again) => edited = self.wait(&mut look, book, IDLE_WAIT),
                Ok(Outcome::Instead(instead)) => edited = instead,
                Ok(Outcome::Stopped) => return,
                Err(reason) => {
                    warn!(reason, "the edited book waits");
                    self.readiness.set_edit(Edit::Waiting { book: book.book.hash.clone(), reason });
                    edited = self.wait(&mut look, book, RETRY_WAIT);
                }
            }
        }
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Waits a while; the book to go on with.
    fn wait(&self, look: &mut Look, book: LoadedBook, wait: Duration) -> Option<LoadedBook> {
        let until = Instant::now() + wait;
        while Instant::now() < until && !self.is_stopping() {
            if let Some(news) = look.look(self) {
                return news;
            }
            std::thread::park_timeout(IDLE_WAIT);
        }
        Some(book)
    }

    /// Whether the store holds a lane that was not joined. What cannot be asked is asked again at the next start.
    fn has_lanes(&self) -> bool {
        self.runtime.block_on(self.store.has_lanes()).unwrap_or(false)
    }

    fn apply(&mut self, edited: &LoadedBook, look: &mut Look) -> Result<Outcome, String> {
        let mut reader = Reader::open(self, edited)?;
        let plan = Plan::of(&edited.book);
        let stored = reader.stored(self, edited)?;
        let missing = needs(&edited.book, &plan, &reader.active, &stored.views);
        if !missing.is_empty() {
            return self.fill((edited, &plan), look, reader, stored, missing);
        }
        if edited.book.hash == self.active.book.hash {
            self.runtime.block_on(self.store.drop_lanes("")).map_err(|fault| fault.to_string())?;
            return Ok(Outcome::Done);
        }
        info!(book = edited.book.hash, "the edited book misses nothing");
        if !self.hold() {
            return Err("live scoring is not at a point where it can hold".to_owned());
        }
        let joined = self.join((edited, &plan), &reader, stored.views, None);
        self.go_on_unless(joined)
    }

    /// Has live store what it consumed, and hold. `false`: it cannot now.
    fn hold(&self) -> bool {
        while self.held.try_recv().is_ok() {}
        if self.orders.send(ToLive::Hold).is_ok() && self.held.recv_timeout(HOLD_WAIT).is_ok() {
            return true;
        }
        // It may come to hold after all.
        let _ = self.orders.send(ToLive::GoOn);
        false
    }

    /// Lets live go on with the book before the edit, unless it has adopted the edited one.
    fn go_on_unless(&self, joined: Result<Outcome, String>) -> Result<Outcome, String> {
        if !matches!(joined, Ok(Outcome::Done)) {
            // If nobody takes it, the service is about to end.
            let _ = self.orders.send(ToLive::GoOn);
        }
        joined
    }

    /// While live holds: looks whether anything is still missing, makes the lane part of live, and has live adopt the book.
    fn join(
        &mut self,
        (edited, plan): (&LoadedBook, &Plan),
        reader: &Reader,
        mut views: Vec<PartitionView>,
        lane: Option<&lane::Running>,
    ) -> Result<Outcome, String> {
        let claims = reader.claims(self)?;
        let Some(partitions) = reader.joined(&claims, &mut views, lane) else { return Ok(Outcome::Again) };
        if !needs(&edited.book, plan, &reader.active, &views).is_empty() {
            return Ok(Outcome::Again);
        }
        let join = Join { partitions, book_hash: edited.book.hash.clone(), book_text: edited.text.clone() };
        match self.runtime.block_on(self.store.join(&join)) {
            CommitOutcome::Committed => {}
            CommitOutcome::Fenced { .. } => return Ok(Outcome::Again),
            CommitOutcome::Failed { error } => return Err(error),
            CommitOutcome::Unknown { error } => {
                warn!(error, "the join's answer was lost; looking whether it is in the store");
                if !self.is_joined(&join)? {
                    return Err(error);
                }
            }
        }
        info!(book = edited.book.hash, before = self.active.book.hash, "joined");
        self.active = edited.clone();
        // If nobody takes it, the service is about to end, and the next start scores by it.
        let _ = self.orders.send(ToLive::Adopt(edited.clone()));
        Ok(Outcome::Done)
    }

    /// Asked until there is an answer: without one neither book can be gone on with.
    fn is_joined(&self, join: &Join) -> Result<bool, String> {
        loop {
            match self.runtime.block_on(self.store.is_joined(join)) {
                Ok(joined) => return Ok(joined),
                Err(fault) if fault.is_transient() && !self.is_stopping() => {
                    warn!(%fault, "finding out about the join failed; trying again");
                    std::thread::park_timeout(RETRY_WAIT);
                }
                Err(fault) => return Err(fault.to_string()),
            }
        }
    }
}
