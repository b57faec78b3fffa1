//! What the consumer thread does for an edited book: holds where it stands while a back-fill reaches it, and goes on by the new book.

use super::*;
use crate::service::edition::LoadedBook;
use crate::service::log_starts::topics_to_read;

/// What the editor's thread asks for.
#[derive(Debug)]
pub(in crate::service) enum ToLive {
    /// Store what was consumed, say so, and consume nothing for a while.
    Hold,
    /// Go on with the same book.
    GoOn,
    /// Go on with this one, whose facts are in the store.
    Adopt(LoadedBook),
}

/// How long nothing is consumed at most: an editor that does not come back by then has to ask again, and the store refuses its join.
const HOLD_MAX: Duration = Duration::from_secs(30);

impl ConsumerLoop {
    pub(super) fn obey(&mut self) -> Result<(), String> {
        while let Ok(order) = self.wiring.orders.try_recv() {
            match order {
                ToLive::Hold => self.hold()?,
                ToLive::GoOn => self.held_until = None,
                ToLive::Adopt(edited) => self.adopt(edited)?,
            }
        }
        Ok(())
    }

    /// The store scores by an edited book already: nothing is consumed by the one before it until the editor brings the edited one.
    pub(super) fn superseded(&mut self) {
        info!(book = self.book.hash, "an edited book has taken effect in the store: waiting for it");
        self.adopts_until = Some(Instant::now() + HOLD_MAX);
    }

    /// Whether nothing may be consumed now.
    ///
    /// # Errors
    /// An edited book has taken effect, and is not brought: a new start scores by it.
    pub(super) fn is_held(&mut self) -> Result<bool, String> {
        if self.adopts_until.is_some_and(|until| Instant::now() >= until) {
            return Err(
                "the store scores by an edited book that did not come to be adopted here; start again to score by it"
                    .to_owned(),
            );
        }
        if self.held_until.is_some_and(|until| Instant::now() >= until) {
            warn!("held for a back-fill for too long: going on with the book before the edit");
            self.held_until = None;
        }
        Ok(self.held_until.is_some() || self.adopts_until.is_some())
    }

    /// No word is a word too: the editor asks again.
    fn hold(&mut self) -> Result<(), String> {
        if !self.restored || self.unstarted.is_some() || self.given != self.consumed {
            return Ok(());
        }
        self.flush()?;
        if self.restored && self.intake.is_stored() {
            self.held_until = Some(Instant::now() + HOLD_MAX);
            // An editor that is gone needs no answer.
            let _ = self.wiring.held.send(());
        }
        Ok(())
    }

    fn adopt(&mut self, edited: LoadedBook) -> Result<(), String> {
        // What was scored by the book before is still that one's.
        self.wait_for_scorer()?;
        info!(book = edited.book.hash, before = self.book.hash, "the edited book takes effect");
        (self.held_until, self.adopts_until) = (None, None);
        self.record_daily();
        self.daily.clear();
        let topics = topics_to_read(&edited.book);
        let same_topics = topics == topics_to_read(&self.book);
        self.book = Arc::clone(&edited.book);
        let work = self.intake.adopt(edited.book);
        self.score(work)?;
        if same_topics {
            return self.reload();
        }
        // Other topics, other numbers, or headers that nobody read: another consumer. The old one leaves first, for the new one may have its name.
        let new = Consumer::open_apart(&self.wiring.kafka, &topics).map_err(|fault| fault.to_string())?;
        let old = std::mem::replace(&mut self.consumer, new);
        if let Err(fault) = old.close(CLOSE_BUDGET) {
            warn!(%fault, "leaving the group took too long");
        }
        self.consumer.join().map_err(|fault| fault.to_string())?;
        self.given.clear();
        (self.short_since, self.has_rejoined) = (None, false);
        self.consumed.clear();
        self.leader_epochs.clear();
        self.deferred.clear();
        self.offsets.clear();
        self.find_topics()?;
        self.restore();
        Ok(())
    }
}
