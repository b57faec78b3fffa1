//! Numbers, instants and counters as people read them, for the page and the terminal alike.

pub(crate) use super::web::format::{instant, score, value};
pub(crate) use super::web::text::Language;
pub(crate) use super::web::view::goal;
use crate::snapshot::CounterKey;

/// A counter as a line worth reading; `None` for those that say nothing is wrong.
pub(crate) fn counter(key: &CounterKey, count: u64) -> Option<String> {
    match key {
        CounterKey::DeadLetters { topic, reason } => Some(format!("{topic}: {count} dead letters: {reason}")),
        CounterKey::ValueFaults { metric, reason } => Some(format!("{metric}: {count} value faults: {reason}")),
        CounterKey::Copies { event } => Some(format!("{event}: {count} copies removed")),
        CounterKey::Unchecked { event } => Some(format!("{event}: {count} rows not checked for copies")),
        CounterKey::Incidents { topic, kind } => Some(format!("{topic}: {count} incidents: {kind}")),
        CounterKey::BelowFloor { event } => {
            Some(format!("{event}: {count} rows left out, older than anything that a score reads"))
        }
        CounterKey::KeysAgain { metric } => Some(format!("{metric}: {count} keys used again long after their pair")),
        CounterKey::SkippedOffsets { topic } => Some(format!("{topic}: {count} offsets that the log did not give")),
        CounterKey::Records { .. } => None,
    }
}
