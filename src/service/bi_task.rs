//! Writes the BI tables: the current rows every few seconds, ended days as they come. Apart from the commits, for all of it can be
//! derived again.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval};
use tracing::warn;

use crate::book::Book;
use crate::pipeline::DailyFact;
use crate::snapshot::Snapshot;
use crate::store::{Store, bi};

/// How often the current rows are written.
const WRITE_INTERVAL: Duration = Duration::from_secs(3);

/// Daily rows of one transaction at most, so that a commit never waits long for its turn.
const DAILY_ROWS_MAX: usize = 2_000;

/// Daily rows that may wait for a store that is away; beyond, no more are taken from the consumer thread.
const DAILY_WAITING_MAX: usize = 100_000;

/// Writes until the consumer thread is gone; what is still waiting then is written last.
pub(super) async fn run(
    store: Arc<Store>,
    snapshots: watch::Receiver<Option<Arc<Snapshot>>>,
    mut days: mpsc::Receiver<(Arc<Book>, Vec<DailyFact>)>,
) {
    // The book whose dimensions are written; an edit writes them anew.
    let mut written = String::new();
    let mut waiting: Vec<bi::KeyResultFact> = Vec::new();
    let mut tick = interval(WRITE_INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut open = true;
    while open {
        tokio::select! {
            facts = days.recv(), if waiting.len() < DAILY_WAITING_MAX => match facts {
                Some((book, facts)) => {
                    waiting.extend(facts.iter().map(|fact| bi::day(&book, fact.objective, fact.key_result, fact.day, &fact.score)));
                    if waiting.len() < DAILY_ROWS_MAX { continue }
                }
                None => open = false,
            },
            _ = tick.tick() => {}
        }
        let Some(snapshot) = snapshots.borrow().clone() else { continue };
        loop {
            let daily: Vec<bi::KeyResultFact> = waiting.drain(..waiting.len().min(DAILY_ROWS_MAX)).collect();
            let update = bi::BiUpdate {
                at: snapshot.at,
                dimensions: (snapshot.book.hash != written).then(|| bi::dimensions(&snapshot.book)),
                daily,
                current: bi::current(&snapshot),
            };
            match store.write_bi(&update).await {
                Ok(()) => written.clone_from(&snapshot.book.hash),
                Err(fault) => {
                    warn!(%fault, "the BI tables could not be written; trying again");
                    waiting.extend(update.daily);
                    break;
                }
            }
            if waiting.is_empty() {
                break;
            }
        }
    }
}
