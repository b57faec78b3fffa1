//! What the process waits for before its scores can be believed: the service says it, `/readyz`, the page and a metric show it.

use std::sync::Arc;

use serde::Serialize;
use tokio::sync::watch;

/// What is awaited. The service passes through them in this order; after a loss it goes back.
///
/// | phase | ends when |
/// |---|---|
/// | `starting` | settings and book are read |
/// | `store` | the store is open and its schema fits |
/// | `broker` | a broker answers |
/// | `topics` | every topic of the book exists |
/// | `assignment` | the group gave this process its partitions |
/// | `claim` | the store gave them too, and the stored facts are loaded |
/// | `catching_up` | every partition has reached its log's end once |
/// | `first_commit` | a first Snapshot is in the store |
/// | `ready` | the service loses one of the above |
/// | `draining` | never: the process is about to end |
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub enum Phase {
    /// Settings and book are being read.
    Starting,
    /// The store is being opened.
    Store {
        /// What it said last, if it failed.
        error: Option<String>,
    },
    /// No broker has answered yet.
    Broker {
        /// The setting `kafka.brokers`.
        brokers: String,
        /// What the client said last.
        error: Option<String>,
    },
    /// Topics that the book reads do not exist.
    Topics {
        /// Their names.
        missing: Vec<String>,
    },
    /// The group has not given out the partitions.
    Assignment {
        /// The setting `kafka.group`.
        group: String,
    },
    /// Partitions are being claimed and stored facts loaded.
    Claim {
        /// How many.
        partitions: usize,
        /// What the store said last, if it failed.
        error: Option<String>,
    },
    /// Partitions are behind the log's end.
    CatchingUp {
        /// Those that are, in order.
        partitions: Vec<PartitionLag>,
    },
    /// Nothing has been committed yet.
    FirstCommit,
    /// Nothing is awaited.
    Ready,
    /// The process drains and ends.
    Draining,
}

/// How far a partition is behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PartitionLag {
    /// The topic.
    pub topic: String,
    /// Kafka's number of the partition.
    pub partition: i32,
    /// Records up to the log's end; `None` while the broker has not said where that is.
    pub lag: Option<u64>,
}

impl Phase {
    /// The text in JSON and in the metric's label.
    pub fn as_str(&self) -> &'static str {
        match self {
            Phase::Starting => "starting",
            Phase::Store { .. } => "store",
            Phase::Broker { .. } => "broker",
            Phase::Topics { .. } => "topics",
            Phase::Assignment { .. } => "assignment",
            Phase::Claim { .. } => "claim",
            Phase::CatchingUp { .. } => "catching_up",
            Phase::FirstCommit => "first_commit",
            Phase::Ready => "ready",
            Phase::Draining => "draining",
        }
    }
}

/// An edited book that does not score yet; the one before it does. It is no phase: the service stays ready.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Edit {
    /// The book on disk is the one that scores.
    #[default]
    None,
    /// It cannot begin yet.
    Waiting {
        /// Its hash.
        book: String,
        /// For what.
        reason: String,
    },
    /// What it needs and was never evaluated is computed from the log.
    Filling {
        /// Its hash.
        book: String,
        /// How many aggregates are missing.
        aggregates: u64,
        /// The key results that wait for them, as `objective/key_result`.
        key_results: Vec<String>,
        /// Offsets that are still to be read until live is reached.
        records_left: u64,
        /// Records that were read since the back-fill began or went on.
        records_read: u64,
    },
    /// It has faults, and is not used.
    Faulty {
        /// Each with its place, and how to mend it.
        faults: Vec<String>,
    },
}

/// The phase, shared between the service that sets it and the readers that show it.
#[derive(Clone, Debug)]
pub struct Readiness {
    state: Arc<watch::Sender<State>>,
    edit: Arc<watch::Sender<Edit>>,
}

#[derive(Clone, Debug)]
struct State {
    phase: Phase,
    /// Whether [`Phase::Ready`] was ever reached: a consumer that lags later still shows true scores with their `as_of`.
    was_ready: bool,
}

impl Default for Readiness {
    fn default() -> Readiness {
        let state = State { phase: Phase::Starting, was_ready: false };
        Readiness { state: Arc::new(watch::Sender::new(state)), edit: Arc::new(watch::Sender::new(Edit::None)) }
    }
}

impl Readiness {
    /// What is awaited from now on.
    pub fn set(&self, phase: Phase) {
        self.state.send_if_modified(|state| {
            let changed = state.phase != phase;
            state.was_ready |= phase == Phase::Ready;
            state.phase = phase;
            changed
        });
    }

    /// What became of the book on disk.
    pub fn set_edit(&self, edit: Edit) {
        self.edit.send_replace(edit);
    }

    /// What became of the book on disk.
    pub fn edit(&self) -> Edit {
        self.edit.borrow().clone()
    }

    /// What is awaited.
    pub fn phase(&self) -> Phase {
        self.state.borrow().phase.clone()
    }

    /// Whether `/readyz` says 200: caught up once, a Snapshot to show, and not about to end.
    pub fn is_ready(&self, has_snapshot: bool) -> bool {
        let state = self.state.borrow();
        state.was_ready && has_snapshot && state.phase != Phase::Draining
    }

    /// Returns when the phase is one for which `wanted` holds: tests and the demo wait for it.
    pub async fn until(&self, wanted: impl FnMut(&Phase) -> bool) {
        let mut wanted = wanted;
        // The sender lives in `self`, so the wait cannot fail.
        let _ = self.state.subscribe().wait_for(|state| wanted(&state.phase)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_once_stays_ready_until_draining() {
        let readiness = Readiness::default();
        assert!(!readiness.is_ready(true));
        readiness.set(Phase::CatchingUp { partitions: Vec::new() });
        assert!(!readiness.is_ready(true));
        readiness.set(Phase::Ready);
        assert!(readiness.is_ready(true) && !readiness.is_ready(false));
        readiness.set(Phase::Broker { brokers: "b:9092".into(), error: None });
        assert!(readiness.is_ready(true));
        readiness.set(Phase::Draining);
        assert!(!readiness.is_ready(true));
    }

    #[test]
    fn label_and_json_name_a_phase_alike() {
        let phases = [
            Phase::Starting,
            Phase::Store { error: None },
            Phase::Broker { brokers: String::new(), error: None },
            Phase::Topics { missing: Vec::new() },
            Phase::Assignment { group: String::new() },
            Phase::Claim { partitions: 0, error: None },
            Phase::CatchingUp { partitions: Vec::new() },
            Phase::FirstCommit,
            Phase::Ready,
            Phase::Draining,
        ];
        for phase in phases {
            let json = serde_json::to_value(&phase).expect("serializes");
            assert_eq!(json["phase"], phase.as_str());
        }
    }
}
