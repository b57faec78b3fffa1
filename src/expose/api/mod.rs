//! The REST API: what the page shows, for programs. Reading is open to whoever reaches the port; writing needs the token.

mod book;
mod check_in;
mod coverage;
mod error;
mod probes;
mod scores;

pub use check_in::{CheckInFault, CheckInSink, Written};
pub use coverage::{Coverage, CoveredPartition, aggregate_name};

pub(super) use book::book;
pub(super) use check_in::check_in;
pub(super) use coverage::coverage;
pub(super) use error::{ApiError, method_not_allowed, not_found};
pub(super) use probes::{healthz, metrics, readyz, status};
pub(super) use scores::{explain, key_result, scores};
