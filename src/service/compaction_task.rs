//! Compaction: turn after turn beside everything else, by the book and the instant of what is published, so that it never leaves out what a
//! score still reads. It uses the store's one writing connection between commits.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{error, info, warn};

use crate::aggregate::plan::Plan;
use crate::clock::now;
use crate::expose::metrics::ServiceMetrics;
use crate::pipeline::floor::{Floor, floor};
use crate::snapshot::Snapshot;
use crate::store::{Compaction, FOLDED_KEPT, Store};

/// How often it is looked whether there is anything to fold: a commit a second makes 10 chunks meanwhile, a third of what is left alone.
const INTERVAL: Duration = Duration::from_secs(10);

/// Folds until nothing is published any more.
pub(super) async fn run(
    store: Arc<Store>,
    mut snapshots: watch::Receiver<Option<Arc<Snapshot>>>,
    metrics: ServiceMetrics,
) {
    let mut turns = interval(INTERVAL);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut refused = Vec::new();
    loop {
        tokio::select! {
            _ = turns.tick() => {}
            ended = ended(&mut snapshots) => return ended,
        }
        // Before the first Snapshot nobody knows whether what is stored can be read at all.
        let Some(snapshot) = snapshots.borrow().clone() else { continue };
        tokio::select! {
            () = turn(&store, &snapshot, &metrics, &mut refused) => {}
            ended = ended(&mut snapshots) => return ended,
        }
    }
}

/// Waits until nobody publishes any more. A turn may be dropped anywhere: see [`Store::compact`].
async fn ended(snapshots: &mut watch::Receiver<Option<Arc<Snapshot>>>) {
    while snapshots.changed().await.is_ok() {}
}

async fn turn(store: &Store, snapshot: &Snapshot, metrics: &ServiceMetrics, refused: &mut Vec<String>) {
    let book = &snapshot.book;
    let plan = Plan::of(book);
    loop {
        let compaction = Compaction {
            floor_at: |at| floor(book, at),
            below: Floor::of(book, snapshot.at).below(&plan),
            now: now(),
            kept: FOLDED_KEPT,
        };
        let done = match store.compact(&compaction).await {
            Ok(done) => done,
            Err(fault) => {
                // Commits say it louder; the next turn begins anew.
                warn!(%fault, "compaction failed, nothing is lost; trying again");
                return;
            }
        };
        metrics.compacted(done.folds, done.bytes_before, done.refused.len());
        if done.folds > 0 || done.deleted > 0 {
            info!(
                folds = done.folds,
                chunks = done.chunks,
                bytes_before = done.bytes_before,
                bytes_after = done.bytes_after,
                deleted = done.deleted,
                longest_transaction_ms = done.longest_transaction.as_millis() as u64,
                "compacted"
            );
        }
        if done.refused != *refused {
            done.refused.iter().for_each(|text| error!("cannot be folded: {text}"));
            *refused = done.refused;
        }
        if !done.more {
            return;
        }
    }
}
