//! `/metrics`: the `okr_*` families from a Snapshot, the `krscore_*` families from the service's registry.

mod scores;
mod service;

pub use scores::{encode_scores, openmetrics};
pub use service::ServiceMetrics;
