//! What readers see of a Snapshot: metrics, the API and the page, over HTTP. Knows nothing of Kafka and nothing of the store:
//! Snapshots come in by a watch, check-ins go out by a trait.
//!
//! ```text
//! Snapshot ──watch──▶ publish (encodes for scrapes) ──watch──▶ Readers ──▶ /metrics, /api/v1/…, /
//! check-in ◀── CheckInSink ◀── POST /api/v1/check-ins
//! ```

mod api;
pub mod generate;
mod goal;
pub mod metrics;
mod readiness;
mod server;
mod token;
pub(crate) mod people;
mod web;

use std::sync::Arc;

use axum::body::Bytes;
use tokio::sync::{OnceCell, watch};
use tokio::task::JoinError;

use crate::clock;
use crate::snapshot::Snapshot;
use crate::time::Timestamp;

pub use api::{CheckInFault, CheckInSink, Coverage, CoveredPartition, Written, aggregate_name};
pub use readiness::{Edit, PartitionLag, Phase, Readiness};
pub use server::{
    BODY_BYTES_MAX, BindError, CONNECTION_LIFETIME_MAX, CONNECTIONS_MAX, DRAIN_TIMEOUT, HEADER_BYTES_MAX,
    HEADER_READ_TIMEOUT, HEADERS_MAX, REQUEST_TIMEOUT, Server, bind, router, serve,
};
pub use token::{TOKEN_CHARS_MIN, Token};

/// A Snapshot with what every scrape would otherwise encode again.
#[derive(Debug)]
pub struct Published {
    /// The Snapshot.
    pub snapshot: Arc<Snapshot>,
    /// Its `okr_*` families in Prometheus' text format.
    pub okr_text: Bytes,
    document: OnceCell<Bytes>,
    /// When it was encoded, by the wall clock.
    pub published_at: Timestamp,
}

/// What readers hold: the latest Snapshot; `None` before the first.
pub type Readers = watch::Receiver<Option<Arc<Published>>>;

/// Encodes each Snapshot that comes, off the threads that consume or serve, until the sender is gone or the task is dropped. A Snapshot that is
/// overtaken while an older one is encoded is never encoded at all.
pub async fn publish(
    mut snapshots: watch::Receiver<Option<Arc<Snapshot>>>,
    published: watch::Sender<Option<Arc<Published>>>,
) {
    loop {
        let latest = snapshots.borrow_and_update().clone();
        if let Some(snapshot) = latest {
            match tokio::task::spawn_blocking(move || Published::encode(snapshot, clock::now())).await {
                Ok(encoded) => drop(published.send_replace(Some(Arc::new(encoded)))),
                // Only a panic in the encoder or the runtime's end comes here; the last good one stays, and its age grows.
                Err(error) => tracing::error!(%error, "a snapshot could not be encoded"),
            }
        }
        if snapshots.changed().await.is_err() {
            return;
        }
    }
}

impl Published {
    /// A Snapshot, encoded.
    pub fn encode(snapshot: Arc<Snapshot>, published_at: Timestamp) -> Published {
        let okr_text = Bytes::from(metrics::encode_scores(&snapshot));
        Published { snapshot, okr_text, document: OnceCell::new(), published_at }
    }

    /// Its JSON document (DESIGN §7), encoded off the threads that serve when it is asked for first. A scrape is there for every Snapshot;
    /// the document of most is asked for by nobody, and is the larger by far: it names all members.
    ///
    /// # Errors
    /// Only a panic in the encoder or the runtime's end; the next one who asks tries again.
    pub async fn document(&self) -> Result<Bytes, JoinError> {
        let encode = || {
            let snapshot = Arc::clone(&self.snapshot);
            tokio::task::spawn_blocking(move || Bytes::from(snapshot.to_document()))
        };
        self.document.get_or_try_init(encode).await.cloned()
    }
}
