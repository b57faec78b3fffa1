//! Questions to the brokers: where logs end and begin, which cluster and topics these are.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer as _;
use rdkafka::error::KafkaError as NativeError;
use rdkafka::topic_partition_list::{Offset as NativeOffset, TopicPartitionList};
use tracing::debug;

use crate::event::{Offset, Partition, TopicIndex};
use crate::pipeline::LogStart;
use crate::time::{Span, Timestamp};

use super::native::{Answer, Queue};
use super::{Consumer, ConsumerEvent, KafkaError};

/// How long a question that nobody waits for may be without an answer before it can be asked again.
const ASK_TIMEOUT: Duration = Duration::from_secs(5);
/// An event may be this much later than its record's timestamp (DESIGN §3), so the search for a start goes back as far.
const EVENT_AHEAD_MAX: Span = Span(5 * Span::MINUTE.0);

/// Which cluster answered, and what it has of the subscribed topics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterDescription {
    /// The cluster's id; `None` from brokers before 0.10.1.
    pub cluster_id: Option<String>,
    /// The topics that exist.
    pub topics: BTreeMap<TopicIndex, TopicDescription>,
}

impl ClusterDescription {
    /// All partitions of the topics that exist.
    pub fn partitions(&self) -> impl Iterator<Item = Partition> + '_ {
        self.topics.iter().flat_map(|(topic, description)| {
            (0..description.partitions as i32).map(|number| Partition { topic: *topic, number })
        })
    }
}

/// One topic as the cluster has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicDescription {
    /// Kafka's id of the topic, in its base64 of 22 characters, which differs once a topic is deleted and made anew. The topic's name where
    /// brokers have no ids (before 2.8).
    pub id: String,
    /// How many partitions it has.
    pub partitions: usize,
}

/// What [`Consumer::describe_topics`] saw last.
#[derive(Default)]
pub(super) struct TopicsSeen {
    topics: BTreeMap<TopicIndex, TopicDescription>,
    /// The broker that told, and is asked again.
    broker: Option<i32>,
    asked: bool,
}

impl Consumer {
    /// Asks for the ends of all assigned partitions: one request a leader, on the consumer's own connections. Does not wait; the answer is a
    /// [`ConsumerEvent::LogEnds`] with this `asked_at`, the wall clock before the call. `false` if the last question has no answer yet, which
    /// it has after 5 s at the latest, or nothing is assigned.
    pub fn ask_log_ends(&mut self, asked_at: Timestamp) -> bool {
        if self.asked_at.is_some() || self.slots.is_empty() {
            return false;
        }
        let partitions: Vec<Partition> = self.slots.iter().map(|slot| slot.partition).collect();
        let Ok(list) = self.question(&partitions, NativeOffset::End) else {
            return false;
        };
        self.handle.log_ends.ask_offsets(&list, self.reads_committed, ASK_TIMEOUT);
        self.asked_at = Some(asked_at);
        true
    }

    pub(super) fn log_ends(&mut self, answer: Answer) -> Option<ConsumerEvent> {
        let asked_at = self.asked_at.take()?;
        let offsets = match answer {
            Answer::Offsets(offsets) => offsets,
            Answer::Failed(text) => {
                debug!(text, "the question for the logs' ends failed");
                return None;
            }
            Answer::Topics(_) => return None,
        };
        let end = |(topic, number, offset): (String, i32, Result<Offset, String>)| {
            Some((self.topics.partition(&topic, number)?, offset.ok()?))
        };
        let ends: Vec<_> = offsets.into_iter().filter_map(end).collect();
        (!ends.is_empty()).then_some(ConsumerEvent::LogEnds { asked_at, ends })
    }

    /// Asks whether the topics are still those that [`Consumer::describe_topics`] saw last. Does not wait; the answer is a
    /// [`ConsumerEvent::TopicRemade`], [`ConsumerEvent::TopicMissing`] or [`ConsumerEvent::PartitionsAdded`], or nothing. `false` if the last
    /// question has no answer yet.
    ///
    /// librdkafka goes by the topic's name: where one was deleted and made anew and its logs are longer than our offsets, it reads on in the
    /// middle of them without a word (a FIXME of `rdkafka_topic.c` in 2.12.1).
    pub fn ask_topics(&mut self) -> bool {
        let Some(broker) = self.topics_seen.broker.filter(|_| !self.topics_seen.asked) else {
            return false;
        };
        let names = self.topics.c_names();
        self.handle.topics.ask_topics(&names, broker, ASK_TIMEOUT);
        self.topics_seen.asked = true;
        true
    }

    pub(super) fn topics_now(&mut self, answer: Answer) -> Vec<ConsumerEvent> {
        self.topics_seen.asked = false;
        let Answer::Topics(answers) = answer else {
            return Vec::new();
        };
        let mut events = Vec::new();
        for answer in answers {
            let Some(topic) = self.topics.named(&answer.name) else {
                continue;
            };
            let seen = self.topics_seen.topics.get_mut(&topic.index);
            match (answer.error, answer.id, seen) {
                (Some(error), _, Some(_)) => {
                    let text = format!("topic {:?} is not there any more: {error}", topic.name);
                    events.push(ConsumerEvent::TopicMissing { topic: topic.index, text });
                }
                (None, Some(id), Some(TopicDescription { id: seen, .. })) if id != *seen => {
                    let text =
                        format!("topic {:?} was deleted and made anew: its id was {seen} and is {id}", topic.name);
                    events.push(ConsumerEvent::TopicRemade { topic: topic.index, text });
                }
                (None, _, Some(seen)) if answer.partitions > seen.partitions => {
                    let numbers = seen.partitions as i32..answer.partitions as i32;
                    let added = numbers.map(|number| Partition { topic: topic.index, number }).collect();
                    seen.partitions = answer.partitions;
                    events.push(ConsumerEvent::PartitionsAdded(added));
                }
                _ => {}
            }
        }
        events
    }

    /// Where partitions that were never consumed begin, if no event before `floor` can count. Waits at most twice `timeout`.
    ///
    /// | the first record at or after `floor` − 5 min | offset | complete_since |
    /// |---|---|---|
    /// | lies behind older ones | its offset | that instant: all that is older lies before |
    /// | is the first of the log, which begins at 0 | 0 | none: the log is whole |
    /// | is the first of the log, which retention has cut | its offset | none: newer ones may be gone |
    /// | is not there, or the broker cannot search by time (librdkafka's mock cluster) | the log's beginning | none |
    ///
    /// # Errors
    /// [`KafkaError::NoAnswer`], and [`KafkaError::Refused`] with the first partition that could not be answered.
    pub fn log_starts(
        &self,
        partitions: &[Partition],
        floor: Timestamp,
        timeout: Duration,
    ) -> Result<Vec<(Partition, LogStart)>, KafkaError> {
        let since = floor.0.saturating_sub(EVENT_AHEAD_MAX.0).div_euclid(1_000);
        let times = if since > 0 {
            self.list_offsets(partitions, NativeOffset::Offset(since), timeout)?
        } else {
            BTreeMap::new()
        };
        // Asked second: if retention cuts in between, the greater one is right.
        let lows = self.list_offsets(partitions, NativeOffset::Beginning, timeout)?;
        let start = |partition: &Partition| {
            let low = lows.get(partition).copied().unwrap_or(0);
            let found = times.get(partition).copied().filter(|offset| *offset > low);
            let complete_since = found.map(|_| Timestamp(since.saturating_mul(1_000)));
            (*partition, LogStart { offset: found.unwrap_or(low), complete_since })
        };
        Ok(partitions.iter().map(start).collect())
    }

    /// Where these partitions' logs end now. Waits at most `timeout`.
    ///
    /// # Errors
    /// As [`Consumer::log_starts`].
    pub fn log_ends_now(
        &self,
        partitions: &[Partition],
        timeout: Duration,
    ) -> Result<BTreeMap<Partition, Offset>, KafkaError> {
        if partitions.is_empty() {
            return Ok(BTreeMap::new());
        }
        self.list_offsets(partitions, NativeOffset::End, timeout)
    }

    /// Which cluster this is and what it has of the subscribed topics; one that does not exist is left out. Waits at most three times `timeout`.
    ///
    /// # Errors
    /// [`KafkaError::NoAnswer`], [`KafkaError::Refused`].
    pub fn describe_topics(&mut self, timeout: Duration) -> Result<ClusterDescription, KafkaError> {
        const WHAT: &str = "describing the topics";
        let queue = self.queue(WHAT)?;
        let names = self.topics.c_names();
        let first = self.topics.0.first().map(|topic| topic.name.as_str());
        let refused = |error: NativeError| KafkaError::Refused { what: WHAT, text: error.to_string() };
        let broker = self.handle.client.fetch_metadata(first, timeout).map_err(refused)?.orig_broker_id();
        queue.ask_topics(&names, broker, timeout);
        let Answer::Topics(answers) = wait(&queue, WHAT, timeout)? else {
            return Err(KafkaError::Refused { what: WHAT, text: "another question's answer came".to_owned() });
        };
        let mut topics: BTreeMap<TopicIndex, TopicDescription> = BTreeMap::new();
        for answer in answers {
            if let Some(text) = answer.error {
                debug!(topic = answer.name, text, "a topic has no description");
            } else if let Some(topic) = self.topics.named(&answer.name) {
                topics.insert(
                    topic.index,
                    TopicDescription { id: answer.id.unwrap_or(answer.name), partitions: answer.partitions },
                );
            }
        }
        self.topics_seen.broker = Some(broker);
        self.topics_seen.topics.clone_from(&topics);
        Ok(ClusterDescription { cluster_id: queue.cluster_id(timeout), topics })
    }

    /// One offset a partition; a partition without a record that fits (−1) is left out.
    fn list_offsets(
        &self,
        partitions: &[Partition],
        which: NativeOffset,
        timeout: Duration,
    ) -> Result<BTreeMap<Partition, Offset>, KafkaError> {
        const WHAT: &str = "the question for offsets";
        let queue = self.queue(WHAT)?;
        queue.ask_offsets(&self.question(partitions, which)?, self.reads_committed, timeout);
        let Answer::Offsets(answers) = wait(&queue, WHAT, timeout)? else {
            return Err(KafkaError::Refused { what: WHAT, text: "another question's answer came".to_owned() });
        };
        let mut offsets = BTreeMap::new();
        for (topic, number, offset) in answers {
            let offset =
                offset.map_err(|text| KafkaError::Refused { what: WHAT, text: format!("{topic}/{number}: {text}") })?;
            if let Some(partition) = self.topics.partition(&topic, number)
                && offset >= 0
            {
                offsets.insert(partition, offset);
            }
        }
        Ok(offsets)
    }

    fn question(&self, partitions: &[Partition], which: NativeOffset) -> Result<TopicPartitionList, KafkaError> {
        let refused = |text: String| KafkaError::Refused { what: "the question for offsets", text };
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for partition in partitions {
            let topic =
                self.topic(*partition).ok_or_else(|| refused(format!("{partition:?} is of no subscribed topic")))?;
            list.add_partition_offset(&topic.name, partition.number, which)
                .map_err(|error| refused(error.to_string()))?;
        }
        Ok(list)
    }

    fn queue(&self, what: &'static str) -> Result<Queue, KafkaError> {
        Queue::new(&self.handle.client).ok_or_else(|| KafkaError::Refused { what, text: "no queue".to_owned() })
    }
}

fn wait(queue: &Queue, what: &'static str, timeout: Duration) -> Result<Answer, KafkaError> {
    // librdkafka itself answers "timed out" at `timeout`; the second more is for its words.
    let begun = Instant::now();
    match queue.answer(timeout + Duration::from_secs(1)) {
        Some(Answer::Failed(text)) => Err(KafkaError::Refused { what, text }),
        Some(answer) => Ok(answer),
        None => Err(KafkaError::NoAnswer { what, waited: begun.elapsed() }),
    }
}
