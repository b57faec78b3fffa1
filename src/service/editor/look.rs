//! Looks at the book on disk: when asked, or every few seconds, and tells only what is news.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tracing::{error, info};

use super::Editor;
use crate::expose::Edit;
use crate::service::edition::LoadedBook;

/// How often the files are looked at where they are watched. What is seen twice in a row is taken: a file may be half written.
const WATCH_INTERVAL: Duration = Duration::from_secs(2);

/// What was seen last.
pub(super) struct Look {
    /// The hash of the book that was taken last, or its faults.
    taken: Result<String, Vec<String>>,
    /// What was seen at the last look, if it was not taken.
    seen: Option<Result<String, Vec<String>>>,
    due: Instant,
}

impl Look {
    pub(super) fn new(active: &LoadedBook, pending: Option<&LoadedBook>) -> Look {
        let on_disk = pending.unwrap_or(active).book.hash.clone();
        Look { taken: Ok(on_disk), seen: None, due: Instant::now() + WATCH_INTERVAL }
    }

    /// `None`: no news. `Some(None)`: there is nothing to edit (any more): the book that scores is on disk again, or one with faults.
    pub(super) fn look(&mut self, editor: &Editor) -> Option<Option<LoadedBook>> {
        let source = editor.source.as_ref()?;
        let asked = editor.rereads.swap(false, Ordering::Relaxed);
        let is_due = editor.watches && Instant::now() >= self.due;
        if !asked && !is_due {
            return None;
        }
        self.due = Instant::now() + WATCH_INTERVAL;
        let read = source();
        let seen = read.as_ref().map(|loaded| loaded.book.hash.clone()).map_err(Clone::clone);
        if !asked && (seen == self.taken || self.seen.replace(seen.clone()) != Some(seen.clone())) {
            return None;
        }
        let is_news = seen != self.taken;
        (self.taken, self.seen) = (seen, None);
        match read {
            Err(faults) => {
                for fault in &faults {
                    error!("{fault}");
                }
                error!(faults = faults.len(), "the book on disk has faults: the one before it goes on scoring");
                editor.readiness.set_edit(Edit::Faulty { faults });
                Some(None)
            }
            Ok(loaded) if loaded.book.hash == editor.active.book.hash => {
                info!(book = loaded.book.hash, "the book was read again: it is the one that scores");
                editor.readiness.set_edit(Edit::None);
                Some(None)
            }
            // The edit is under way already.
            Ok(_) if !is_news && editor.is_editing() => None,
            Ok(loaded) => {
                info!(book = loaded.book.hash, before = editor.active.book.hash, "the book was edited");
                Some(Some(loaded))
            }
        }
    }
}

impl Editor {
    fn is_editing(&self) -> bool {
        matches!(self.readiness.edit(), Edit::Waiting { .. } | Edit::Filling { .. })
    }
}
