//! The wall clock: the only place that reads it. The core never does; there time is an argument.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::time::Timestamp;

/// Now, in microseconds.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
