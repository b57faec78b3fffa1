//! The wall clock: the only place of the service that reads it.

use std::time::SystemTime;

use crate::time::Timestamp;

/// Now, in microseconds.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
