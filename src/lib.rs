//! krscore: live OKR scores from Kafka events.
//!
//! ```text
//! kafka | file → ingest → [ decode → aggregate (cells, halves, ids) → score ] → Snapshot → /metrics | API | page | BI
//!                           pipeline: Intake → Scorer  ⇒  Effects: Start · Persist · Publish · Record · CommitOffsets
//!                                 └→ store: chunks + next_offset, ONE transaction → Persisted → publish the Snapshot of that cut
//! ```
//!
//! In reading order; a module imports only those above it. Down to [`pipeline`] everything is pure: no clock, no I/O, no async.
//! That is the core; what follows is the shell, which the feature `service` (on by default) brings with its dependencies.

pub mod time;
pub mod fixed;
pub mod event;
pub mod book;
pub mod decode;
pub mod aggregate;
pub mod chunk;
pub mod score;
pub mod snapshot;
pub mod conventions;
pub mod pipeline;

#[cfg(feature = "service")]
pub mod clock;
#[cfg(feature = "service")]
pub mod settings;
#[cfg(feature = "service")]
pub mod telemetry;
#[cfg(feature = "service")]
pub mod ingest;
#[cfg(feature = "service")]
pub mod store;
#[cfg(feature = "service")]
pub mod expose;
#[cfg(feature = "service")]
pub mod service;
#[cfg(feature = "service")]
pub mod demo;
#[cfg(feature = "service")]
pub mod cli;
