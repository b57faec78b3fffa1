//! Names of the counters that are stored with the facts. Part of the stored format.
//!
//! | name | counter |
//! |---|---|
//! | `records/TOPIC/RESULT` | records by what became of them |
//! | `dead/TOPIC/REASON` | dead letters |
//! | `fault/METRIC/REASON` | value faults; a metric `event/NAME` is an event's own |
//! | `copies/EVENT` | copies that were removed |
//! | `unchecked/EVENT` | rows counted although their day's ids had been let go |
//! | `below/EVENT` | rows left out because they lie below the floor |
//! | `again/METRIC` | keys used again after their pair fell below the floor |
//! | `incident/TOPIC/KIND` | what befell the log |
//! | `skipped/TOPIC` | offsets that the log did not give |
//!
//! The last part never holds a `/`, so the middle one may.

use crate::snapshot::CounterKey;

/// The stored name of a counter.
pub fn name(key: &CounterKey) -> String {
    match key {
        CounterKey::Records { topic, result } => format!("records/{topic}/{result}"),
        CounterKey::DeadLetters { topic, reason } => format!("dead/{topic}/{reason}"),
        CounterKey::ValueFaults { metric, reason } => format!("fault/{metric}/{reason}"),
        CounterKey::Copies { event } => format!("copies/{event}"),
        CounterKey::Unchecked { event } => format!("unchecked/{event}"),
        CounterKey::Incidents { topic, kind } => format!("incident/{topic}/{kind}"),
        CounterKey::BelowFloor { event } => format!("below/{event}"),
        CounterKey::KeysAgain { metric } => format!("again/{metric}"),
        CounterKey::SkippedOffsets { topic } => format!("skipped/{topic}"),
    }
}

/// The counter of a stored name; `None` for one that a newer version may have written.
pub fn parse(name: &str) -> Option<CounterKey> {
    let (kind, rest) = name.split_once('/')?;
    let two = || rest.rsplit_once('/').map(|(a, b)| (a.to_owned(), b.to_owned()));
    let one = || rest.to_owned();
    Some(match kind {
        "records" => two().map(|(topic, result)| CounterKey::Records { topic, result })?,
        "dead" => two().map(|(topic, reason)| CounterKey::DeadLetters { topic, reason })?,
        "fault" => two().map(|(metric, reason)| CounterKey::ValueFaults { metric, reason })?,
        "copies" => CounterKey::Copies { event: one() },
        "unchecked" => CounterKey::Unchecked { event: one() },
        "incident" => two().map(|(topic, kind)| CounterKey::Incidents { topic, kind })?,
        "below" => CounterKey::BelowFloor { event: one() },
        "again" => CounterKey::KeysAgain { metric: one() },
        "skipped" => CounterKey::SkippedOffsets { topic: one() },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for text in [
            "records/wms.picks/read",
            "dead/t/not_json",
            "fault/event/picked/wrong_type",
            "copies/a",
            "unchecked/a",
            "incident/t/topic_remade",
            "below/a",
            "again/m",
            "skipped/t",
        ] {
            assert_eq!(parse(text).as_ref().map(name).as_deref(), Some(text));
        }
        assert_eq!(parse("later/a"), None);
    }
}
