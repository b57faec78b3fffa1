//! Sends what the company does into Kafka: the history as fast as the service reads it, then each thing at its time.
//!
//! The mock cluster drops a partition's oldest batches past 5 MiB, read or not, so nothing is sent that would make more than
//! [`UNREAD_BYTES_MAX`] unread in a partition. What was read is what the service has committed and published.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use xxhash_rust::xxh3::xxh3_64;

use super::company::{Company, Emission};
use crate::clock;
use crate::expose::Readers;
use crate::time::Timestamp;

/// Partitions of each topic.
pub const PARTITIONS: i32 = 4;

/// Bytes of a partition that were sent and not read yet.
pub const UNREAD_BYTES_MAX: u64 = 2 << 20;

/// What a record takes in a partition besides its key and value.
const RECORD_OVERHEAD_BYTES: u64 = 80;

/// How long the feed waits where it can do nothing.
const IDLE: Duration = Duration::from_millis(20);

/// How long what was handed to the client may take to reach the cluster at the end.
const FLUSH_BUDGET: Duration = Duration::from_secs(2);

/// How far the feed is; shared with whoever shows it.
#[derive(Debug, Default)]
pub struct FeedProgress {
    sent: AtomicU64,
    bytes: AtomicU64,
    sent_until: AtomicI64,
    is_history_read: AtomicBool,
    stopping: AtomicBool,
}

impl FeedProgress {
    /// Records sent so far.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Bytes of keys and values sent so far.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// The instant up to which everything was sent.
    pub fn sent_until(&self) -> Timestamp {
        Timestamp(self.sent_until.load(Ordering::Relaxed))
    }

    /// Whether the service has read and scored the whole history.
    pub fn is_history_read(&self) -> bool {
        self.is_history_read.load(Ordering::Acquire)
    }
}

/// The thread that sends. Dropped, it ends.
pub struct Feed {
    progress: Arc<FeedProgress>,
    thread: Option<JoinHandle<Result<(), String>>>,
}

impl Feed {
    /// Begins to send to `brokers`: everything up to `now` at once, then `rate` events a second.
    ///
    /// # Errors
    /// A producer or a thread that cannot be started.
    pub fn start(
        company: Company,
        brokers: &str,
        readers: Readers,
        (now, rate): (Timestamp, f64),
    ) -> Result<Feed, String> {
        let producer: BaseProducer = ClientConfig::new()
            .set("bootstrap.servers", brokers)
            .set("linger.ms", "20")
            .set("queue.buffering.max.messages", "20000")
            .set("queue.buffering.max.kbytes", "16384")
            // One batch at a time and in order: what is sent is where we think it is.
            .set("enable.idempotence", "true")
            .create()
            .map_err(|error| format!("the demo's producer cannot start: {error}"))?;
        let progress = Arc::new(FeedProgress::default());
        let line = Line { producer, readers, partitions: BTreeMap::new(), progress: Arc::clone(&progress) };
        let sending = move || line.run(company, now, rate);
        let thread = std::thread::Builder::new().name("demo-feed".to_owned()).spawn(sending);
        let thread = thread.map_err(|error| format!("no thread for the demo's feed: {error}"))?;
        Ok(Feed { progress, thread: Some(thread) })
    }

    /// How far it is.
    pub fn progress(&self) -> Arc<FeedProgress> {
        Arc::clone(&self.progress)
    }

    /// Ends it.
    ///
    /// # Errors
    /// Why it could not go on before, if it could not.
    pub fn stop(mut self) -> Result<(), String> {
        self.end()
    }

    /// Whether it has ended by itself, which it only does where it cannot go on.
    pub fn is_finished(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    fn end(&mut self) -> Result<(), String> {
        self.progress.stopping.store(true, Ordering::Relaxed);
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(done)) => done,
            Some(Err(_)) => Err("the demo's feed ended with a panic; this is a fault of krscore".to_owned()),
            None => Ok(()),
        }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        // Whoever wants to know how it went calls `stop`.
        let _ = self.end();
    }
}

/// A partition that is written to.
#[derive(Debug, Default)]
struct Written {
    /// The offset of the next record.
    end: i64,
    /// Sizes of the records that were not read yet, the oldest first.
    unread: VecDeque<u32>,
    unread_bytes: u64,
}

impl Written {
    fn sent(&mut self, bytes: u64) {
        self.end += 1;
        self.unread.push_back(u32::try_from(bytes).unwrap_or(u32::MAX));
        self.unread_bytes += bytes;
    }

    /// Everything before `next_offset` was read.
    fn read_to(&mut self, next_offset: i64) {
        let first_unread = |written: &Written| written.end - written.unread.len() as i64;
        while first_unread(self) < next_offset {
            let Some(bytes) = self.unread.pop_front() else { return };
            self.unread_bytes -= u64::from(bytes);
        }
    }
}

struct Line {
    producer: BaseProducer,
    readers: Readers,
    partitions: BTreeMap<(&'static str, i32), Written>,
    progress: Arc<FeedProgress>,
}

impl Line {
    fn run(mut self, mut company: Company, now: Timestamp, rate: f64) -> Result<(), String> {
        while let Some(emission) = company.next_until(now) {
            self.send(&emission)?;
            if self.is_stopping() {
                return Ok(());
            }
        }
        self.progress.sent_until.store(now.0, Ordering::Relaxed);
        company.hasten(now, rate);
        let history: Vec<(&str, i32, i64)> =
            self.partitions.iter().map(|((t, p), written)| (*t, *p, written.end)).collect();
        while !self.is_stopping() {
            let until = clock::now();
            while let Some(emission) = company.next_until(until) {
                self.send(&emission)?;
                if self.is_stopping() {
                    return Ok(());
                }
            }
            self.progress.sent_until.store(until.0, Ordering::Relaxed);
            self.producer.poll(IDLE);
            if !self.progress.is_history_read() && self.has_read(&history) {
                self.progress.is_history_read.store(true, Ordering::Release);
            }
        }
        // The service is told to end too: what does not arrive any more is missed by nobody.
        let _ = self.producer.flush(FLUSH_BUDGET);
        Ok(())
    }

    fn is_stopping(&self) -> bool {
        self.progress.stopping.load(Ordering::Relaxed)
    }

    fn send(&mut self, emission: &Emission) -> Result<(), String> {
        let number = (xxh3_64(emission.key.as_bytes()) % PARTITIONS as u64) as i32;
        let bytes = (emission.key.len() + emission.value.len()) as u64 + RECORD_OVERHEAD_BYTES;
        while self.unread_bytes(emission.topic, number) + bytes > UNREAD_BYTES_MAX {
            if self.is_stopping() {
                return Ok(());
            }
            self.producer.poll(IDLE);
            self.read();
        }
        let mut record = BaseRecord::to(emission.topic)
            .partition(number)
            .key(&emission.key)
            .payload(&emission.value)
            .timestamp(emission.sent_at.0.div_euclid(1_000));
        while let Err((error, unsent)) = self.producer.send(record) {
            if !matches!(error, KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull)) {
                return Err(format!("the demo's company cannot send to {}: {error}", emission.topic));
            }
            if self.is_stopping() {
                return Ok(());
            }
            self.producer.poll(IDLE);
            record = unsent;
        }
        self.partitions.entry((emission.topic, number)).or_default().sent(bytes);
        let sent = self.progress.sent.fetch_add(1, Ordering::Relaxed) + 1;
        self.progress.bytes.fetch_add(bytes - RECORD_OVERHEAD_BYTES, Ordering::Relaxed);
        self.progress.sent_until.store(emission.sent_at.0, Ordering::Relaxed);
        if sent.is_multiple_of(1_000) {
            self.producer.poll(Duration::ZERO);
        }
        Ok(())
    }

    fn unread_bytes(&self, topic: &'static str, number: i32) -> u64 {
        self.partitions.get(&(topic, number)).map_or(0, |written| written.unread_bytes)
    }

    /// Looks at what the service has read.
    fn read(&mut self) {
        let Some(published) = self.readers.borrow_and_update().clone() else { return };
        let snapshot = &published.snapshot;
        for progress in &snapshot.partitions {
            let topic = &snapshot.book.topics[usize::from(progress.partition.topic.0)].name;
            let known = super::TOPICS.into_iter().find(|known| known == topic);
            if let Some(written) = known.and_then(|topic| self.partitions.get_mut(&(topic, progress.partition.number)))
            {
                written.read_to(progress.next_offset);
            }
        }
    }

    /// Whether the service has read each of these partitions to there, and scored it as caught up.
    fn has_read(&mut self, ends: &[(&'static str, i32, i64)]) -> bool {
        self.read();
        let caught_up = self.readers.borrow().as_ref().is_some_and(|published| !published.snapshot.catching_up);
        let is_read = |(topic, number, end): &(&'static str, i32, i64)| {
            self.partitions
                .get(&(*topic, *number))
                .is_some_and(|written| written.end - written.unread.len() as i64 >= *end)
        };
        caught_up && ends.iter().all(is_read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_is_no_longer_unread() {
        let mut written = Written::default();
        for bytes in [100, 200, 300] {
            written.sent(bytes);
        }
        for (next_offset, unread_bytes) in [(0, 600), (1, 500), (1, 500), (3, 0), (9, 0)] {
            written.read_to(next_offset);
            assert_eq!(written.unread_bytes, unread_bytes, "read to {next_offset}");
        }
        written.sent(50);
        assert_eq!((written.end, written.unread_bytes), (4, 50));
    }
}
