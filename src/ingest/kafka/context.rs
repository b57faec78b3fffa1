//! What librdkafka tells while it is polled: rebalances are only recorded, errors kept, log lines bounded.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError as NativeError, KafkaResult, RDKafkaErrorCode};
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::RDKafkaRespErr;
use tracing::{debug, error, info, warn};

/// Log lines of librdkafka that are passed on in one [`LOG_WINDOW`]; the others are counted. A broker that is away brings several a second.
const LOG_LINES_MAX: u32 = 30;
/// See [`LOG_LINES_MAX`].
const LOG_WINDOW: Duration = Duration::from_secs(10);
/// Notices that wait for the next poll. Rebalances are answered one at a time, so only errors can reach it.
const NOTICES_MAX: usize = 1_000;

/// What librdkafka told, by topic name.
#[derive(Debug)]
pub(super) enum Notice {
    Assigned(Vec<(String, i32)>),
    Revoked { partitions: Vec<(String, i32)>, lost: bool },
    Failed { code: RDKafkaErrorCode, reason: String },
}

/// Receives librdkafka's callbacks, all of them on the thread that polls.
#[derive(Default)]
pub(super) struct Context {
    notices: Mutex<Vec<Notice>>,
    log: Mutex<LogWindow>,
    /// Rises with every callback: `BaseConsumer::poll` does not tell "nothing there" from "handled something".
    served: AtomicU64,
    /// The rebalance that librdkafka waits for an answer to; it sends no other before.
    unanswered: Mutex<Option<Rebalance>>,
    /// From then on a rebalance is answered at once, because closing waits for the answer and the loop no longer polls.
    closing: AtomicBool,
}

/// What the group did.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rebalance {
    Assigned,
    Revoked,
}

#[derive(Default)]
struct LogWindow {
    began: Option<Instant>,
    lines: u32,
    suppressed: u32,
}

impl Context {
    pub(super) fn take_notices(&self) -> Vec<Notice> {
        std::mem::take(&mut *lock(&self.notices))
    }

    pub(super) fn served(&self) -> u64 {
        self.served.load(Ordering::Relaxed)
    }

    pub(super) fn is_unanswered(&self) -> bool {
        lock(&self.unanswered).is_some()
    }

    pub(super) fn answered(&self, rebalance: Rebalance) {
        lock(&self.unanswered).take_if(|unanswered| *unanswered == rebalance);
    }

    /// Answers what is unanswered, and from then on everything at once.
    pub(super) fn begin_closing(&self, client: &BaseConsumer<Context>) {
        self.closing.store(true, Ordering::SeqCst);
        if let Some(rebalance) = lock(&self.unanswered).take() {
            let held = client.assignment().unwrap_or_else(|_| TopicPartitionList::new());
            answer_while_closing(client, rebalance == Rebalance::Assigned, &held);
        }
    }

    fn record(&self, notice: Notice) {
        let mut notices = lock(&self.notices);
        if notices.len() < NOTICES_MAX || !matches!(notice, Notice::Failed { .. }) {
            notices.push(notice);
        }
    }

    fn serve(&self) {
        self.served.fetch_add(1, Ordering::Relaxed);
    }
}

/// A panic elsewhere leaves these values whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        self.serve();
        let suppressed = {
            let mut window = lock(&self.log);
            let now = Instant::now();
            let mut before = 0;
            if window.began.is_none_or(|began| now.duration_since(began) >= LOG_WINDOW) {
                before = window.suppressed;
                *window = LogWindow { began: Some(now), lines: 0, suppressed: 0 };
            }
            window.lines += 1;
            if window.lines > LOG_LINES_MAX {
                window.suppressed += 1;
                return;
            }
            before
        };
        if suppressed > 0 {
            info!(target: "librdkafka", suppressed, "lines of librdkafka's log were left out");
        }
        match level {
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
                error!(target: "librdkafka", facility, "{line}")
            }
            // It retries by itself whatever it calls an error; the event that becomes of it says what krscore waits for.
            RDKafkaLogLevel::Error | RDKafkaLogLevel::Warning => warn!(target: "librdkafka", facility, "{line}"),
            RDKafkaLogLevel::Notice => info!(target: "librdkafka", facility, "{line}"),
            RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug => debug!(target: "librdkafka", facility, "{line}"),
        }
    }

    fn stats_raw(&self, _: &[u8]) {}

    fn error(&self, error: NativeError, reason: &str) {
        self.serve();
        if let Some(code) = error.rdkafka_error_code() {
            self.record(Notice::Failed { code, reason: reason.to_owned() });
        }
    }
}

impl ConsumerContext for Context {
    fn rebalance(&self, client: &BaseConsumer<Self>, err: RDKafkaRespErr, partitions: &mut TopicPartitionList) {
        self.serve();
        let assigned = err == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        if self.closing.load(Ordering::SeqCst) {
            answer_while_closing(client, assigned, partitions);
        } else if assigned && partitions.count() == 0 {
            // A rebalance that brought nothing new: librdkafka wants its answer all the same.
            if let Err(error) = client.incremental_assign(partitions) {
                warn!(%error, "an empty assignment could not be answered");
            }
        } else {
            let partitions = names(partitions);
            *lock(&self.unanswered) = Some(if assigned { Rebalance::Assigned } else { Rebalance::Revoked });
            self.record(if assigned {
                Notice::Assigned(partitions)
            } else {
                Notice::Revoked { partitions, lost: client.assignment_lost() }
            });
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, _: &TopicPartitionList) {
        self.serve();
        if let Err(error) = result {
            info!(%error, "the offsets could not be told to kafka; the store has them");
        }
    }
}

fn answer_while_closing(client: &BaseConsumer<Context>, assigned: bool, partitions: &TopicPartitionList) {
    let answer = if assigned {
        client.incremental_assign(&TopicPartitionList::new())
    } else {
        let held = client.assignment().unwrap_or_else(|_| TopicPartitionList::new());
        let mut leaving = TopicPartitionList::new();
        // Taking away what was never assigned is refused as a whole, and then librdkafka waits for ever.
        for element in partitions.elements() {
            if held.find_partition(element.topic(), element.partition()).is_some() {
                leaving.add_partition(element.topic(), element.partition());
            }
        }
        client.incremental_unassign(&leaving)
    };
    if let Err(error) = answer {
        debug!(%error, "a rebalance could not be answered while closing");
    }
}

fn names(partitions: &TopicPartitionList) -> Vec<(String, i32)> {
    partitions.elements().iter().map(|element| (element.topic().to_owned(), element.partition())).collect()
}
