//! krscore: live OKR scores from Kafka events.
//!
//! ```text
//! kafka | file → ingest → [ decode → aggregate (cells, halves, ids) → score ] → Snapshot → /metrics | API | page | BI
//!                           pipeline::step  ⇒  Effects: Start · Persist · Publish · Record · CommitOffsets
//!                                 └→ store: chunks + next_offset, ONE transaction → Persisted → publish the Snapshot of that cut
//! ```
//!
//! In reading order; a module imports only those above it. Down to [`pipeline`] everything is pure: no clock, no I/O, no async.

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

pub mod clock;
pub mod settings;
pub mod telemetry;
pub mod ingest;
pub mod store;
pub mod expose;
pub mod service;
pub mod demo;
pub mod cli;
