//! The thin shell between librdkafka and the pipeline: assignment, batches of records, log ends. It owns no thread and decides nothing.
//!
//! What it rests on was seen on Apache Kafka 4.4.0 (one node, KRaft) and on librdkafka's mock cluster, with rdkafka 0.39 and librdkafka
//! 2.12.1, 2026-11-23; most of it is a test in `tests/kafka`.
//!
//! **Assignment.** The group's word is only recorded; `assign` and `unassign` answer it later, while heartbeats go on and the group stands.
//! Explicit offsets are honoured. `cooperative-sticky` only: what is kept is not interrupted, and a single partition can be started again,
//! which librdkafka allows under no eager strategy. A member with another strategy is refused by the broker ("Inconsistent group protocol")
//! and ours goes on. `group.protocol=consumer` (KIP-848) works too; a second member has its share after 5 s, as the broker's heartbeat interval says.
//!
//! | what happens | what is seen |
//! |---|---|
//! | kill -9, start again | the partitions after `session.timeout.ms` (10.0 s with our default of 10 s, librdkafka's is 45 s) |
//! | `close`, start again | close 0.1 s, the partitions 0.1 s later |
//! | away for longer than `max.poll.interval.ms` | `Error` with the words, `Lost`, then `Assigned` again |
//! | another member with our `group.instance.id` | `Error { fatal: true }` |
//! | close with a rebalance that nobody answered | answered by the callback; without that librdkafka waits for ever |
//! | the log does not hold the offset (retention, a shorter topic of that name) | `PartitionFault` (−140) at that offset; only `reassign` helps |
//! | topic deleted | at the next metadata refresh (every 10 s by our default, 0.5 s where it was seen): `TopicMissing` and `Lost`; `Assigned` once there is one again |
//! | topic deleted and made anew between two refreshes | nothing at all, and if it is longer records go on in its middle: hence `ask_topics` |
//! | partition added | `PartitionsAdded` once it was asked for; `Assigned` with it at the next refresh |
//! | partition added while a member with a `group.instance.id` was away for less than its session | `Assigned` without it, for ever; `rejoin` gives all (`tests/run/logs.rs`) |
//! | assigned with a leader epoch that the log never had | no check by librdkafka (its #5158), so `batch` compares |
//! | end of partition with a transaction's control record, or an aborted transaction | `position()` passes them, the log's end is the last stable offset |
//! | `enable.partition.eof=true` | `position()` one past the end for every partition that stands there; refused by the settings |
//!
//! **Questions.** ListOffsets is asynchronous and one request a leader, so log ends need neither a thread nor a second client. A broker answers
//! a connection's requests in turn: the answer waits for a fetch that waits for records, 0.2 s with our `fetch.wait.max.ms`. ListOffsets by time gives
//! the first record at or after it, −1 if there is none.
//!
//! **The mock cluster** knows the group protocol (a first assignment takes 3 s, a join 10 s), transactions (without control records), ListOffsets
//! of beginnings and ends, topic ids and a cluster id of its own. Two things it does not: a search by time (always −1, hence the log's beginning)
//! and a controller, for which librdkafka's DescribeTopics waits in vain unless told a broker. Past 5 MiB a partition it drops its oldest batches.
//!
//! **Speed**, one run: a million records of 207 bytes (lz4, 4 partitions, the broker on the same 2 cores, this crate at `opt-level` 1) came through `batch` in
//! 0.30 s from the assignment on.

mod batch;
mod context;
mod error;
mod event;
mod native;
mod properties;
mod question;

use std::ffi::{CStr, CString};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use rdkafka::consumer::{CommitMode, Consumer as _};
use rdkafka::error::{KafkaError as NativeError, RDKafkaErrorCode};
use rdkafka::message::Message as _;
use rdkafka::topic_partition_list::{Offset as NativeOffset, TopicPartitionList};
use tracing::warn;

use crate::event::{Offset, Partition, TopicIndex};
use crate::pipeline::AssignmentEpoch;
use crate::settings::KafkaSettings;
use crate::time::Timestamp;

use self::context::{Context, Notice, Rebalance};
use self::native::{Client, MessageBuffer, Queue};

pub use self::error::KafkaError;
pub use self::event::{ConsumerEvent, PartitionFault};
pub use self::question::{ClusterDescription, TopicDescription};

/// Callbacks served in one [`Consumer::poll`]; the rest waits for the next.
const SERVED_MAX: usize = 200;

/// A member of the consumer group, driven by one thread: `poll`, answer the rebalance if there is one, `batch`, and again.
pub struct Consumer {
    topics: Topics,
    /// What is assigned, in order.
    slots: Vec<Slot>,
    pending: Vec<ConsumerEvent>,
    brokers_down: bool,
    /// The question for the log's ends that has no answer yet.
    asked_at: Option<Timestamp>,
    topics_seen: question::TopicsSeen,
    reads_committed: bool,
    user: Option<String>,
    scratch: batch::Scratch,
    buffer: MessageBuffer,
    handle: Handle,
}

/// What belongs to librdkafka. Dropped in this order: whoever drops it without closing at least does not wait for ever.
struct Handle {
    _closing: Closing,
    records: Queue,
    log_ends: Queue,
    topics: Queue,
    client: Arc<Client>,
}

/// Dropping a librdkafka consumer waits until the rebalances that leaving brings are answered.
struct Closing(Arc<Client>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.client().context().begin_closing(&self.0);
    }
}

/// A topic that is to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicToRead {
    /// The book's number of it.
    pub index: TopicIndex,
    /// Its name.
    pub name: String,
    /// Whether its records come with their headers, which librdkafka else does not even unpack.
    pub reads_headers: bool,
}

/// The subscribed topics.
struct Topics(Vec<Topic>);

struct Topic {
    index: TopicIndex,
    name: String,
    c_name: CString,
    /// Whether its records come with their headers.
    reads_headers: bool,
}

struct Slot {
    partition: Partition,
    epoch: AssignmentEpoch,
    /// The offset before which every record was handed on.
    next: Offset,
    /// The leader epoch of the record before that. In one log it never falls.
    leader_epoch: Option<i32>,
    /// A fault was found in the records themselves: none is handed on until the partition is started again.
    halted: bool,
    /// The last that came was a fault: librdkafka then counts that as a record, and its position lies one too far.
    faulty: bool,
}

impl Consumer {
    /// Makes a client and subscribes it to `topics`. Does not wait: whether the brokers can be reached and the topics exist is told by
    /// [`Consumer::poll`].
    ///
    /// # Errors
    /// [`KafkaError::Property`] for a setting that is wrong, [`KafkaError::Start`] for what librdkafka cannot do (a certificate that is not
    /// there, say).
    pub fn open(settings: &KafkaSettings, topics: &[TopicToRead]) -> Result<Consumer, KafkaError> {
        let consumer = Consumer::open_apart(settings, topics)?;
        consumer.join()?;
        Ok(consumer)
    }

    /// Joins the group, of which a client that was made by [`Consumer::open_apart`] is no member yet.
    ///
    /// # Errors
    /// As [`Consumer::open`].
    pub fn join(&self) -> Result<(), KafkaError> {
        let names: Vec<&str> = self.topics.0.iter().map(|topic| topic.name.as_str()).collect();
        self.handle.client.subscribe(&names).map_err(|error| KafkaError::Start(error.to_string()))
    }

    /// Joins the group anew, so that it divides the partitions anew: what is assigned is revoked first. The classic protocol gives a static
    /// member that comes back what it had (KIP-345), and librdkafka, which has only just come, sees no topic grow. To subscribe again without
    /// a change would be to do nothing (`rd_kafka_cgrp_modify_subscription`). No heartbeat is sent until the revoke is answered, so what is
    /// to be flushed is flushed before.
    ///
    /// # Errors
    /// As [`Consumer::open`].
    pub fn rejoin(&self) -> Result<(), KafkaError> {
        self.handle.client.unsubscribe();
        self.join()
    }

    /// Makes a client that joins no group: it reads what it is told to [`Consumer::assign`], whoever else reads it.
    ///
    /// # Errors
    /// As [`Consumer::open`].
    pub fn open_apart(settings: &KafkaSettings, topics: &[TopicToRead]) -> Result<Consumer, KafkaError> {
        let config = settings.client_config()?;
        let client: Client = config.create_with_context(Context::default()).map_err(error::start_error)?;
        let client = Arc::new(client);
        let queue = || Queue::new(&client).ok_or_else(|| KafkaError::Start("no queue".to_owned()));
        let handle = Handle {
            _closing: Closing(Arc::clone(&client)),
            records: queue()?,
            log_ends: queue()?,
            topics: queue()?,
            client,
        };
        let named = |TopicToRead { index, name, reads_headers }: &TopicToRead| {
            let c_name =
                native::c_name(name).ok_or_else(|| KafkaError::Start(format!("{name:?} cannot be a topic's name")))?;
            Ok(Topic { index: *index, name: name.clone(), c_name, reads_headers: *reads_headers })
        };
        let topics = topics.iter().map(named).collect::<Result<Vec<_>, KafkaError>>()?;
        Ok(Consumer {
            topics: Topics(topics),
            slots: Vec::new(),
            pending: Vec::new(),
            brokers_down: false,
            asked_at: None,
            topics_seen: question::TopicsSeen::default(),
            reads_committed: settings.reads_committed(),
            user: config.get("sasl.username").map(str::to_owned),
            scratch: batch::Scratch::default(),
            buffer: MessageBuffer::default(),
            handle,
        })
    }

    /// What happened since the last call; never waits. To be called at least every `max.poll.interval.ms` (5 minutes by default), or the
    /// group gives our partitions away.
    ///
    /// [`ConsumerEvent::Assigned`] wants [`Consumer::assign`], of all or some of its partitions or of none; [`ConsumerEvent::Revoked`] and
    /// [`ConsumerEvent::Lost`] want [`Consumer::unassign`]. The answer may come calls later; until then the group stands, and heartbeats go on.
    pub fn poll(&mut self) -> Vec<ConsumerEvent> {
        let mut events = std::mem::take(&mut self.pending);
        for _ in 0..SERVED_MAX {
            let before = self.handle.context().served();
            match self.handle.client.poll(Duration::ZERO) {
                None if self.handle.context().served() == before => break,
                None => {}
                Some(Ok(message)) => {
                    let stray = (message.topic().to_owned(), message.partition(), message.offset());
                    drop(message);
                    events.extend(self.stray(&stray.0, stray.1, stray.2));
                }
                // The context has heard it with its reason.
                Some(Err(_)) => {}
            }
        }
        for notice in self.handle.context().take_notices() {
            events.extend(self.understand(notice));
        }
        while let Some(answer) = self.handle.log_ends.answer(Duration::ZERO) {
            events.extend(self.log_ends(answer));
        }
        while let Some(answer) = self.handle.topics.answer(Duration::ZERO) {
            events.extend(self.topics_now(answer));
        }
        self.note_brokers(events)
    }

    /// A record that came by the consumer's own queue: its partition was not forwarded. Seen never, and not to be lost in silence.
    fn stray(&mut self, topic: &str, number: i32, offset: Offset) -> Option<ConsumerEvent> {
        let partition = self.topics.partition(topic, number)?;
        let slot = self.slots.iter_mut().find(|slot| slot.partition == partition)?;
        slot.halted = true;
        let text = format!("a record of {topic}/{number} at offset {offset} came outside of the batches");
        Some(ConsumerEvent::PartitionFault {
            partition: slot.partition,
            epoch: slot.epoch,
            offset: Some(slot.next),
            fault: PartitionFault::Strayed,
            text,
        })
    }

    fn understand(&self, notice: Notice) -> Option<ConsumerEvent> {
        let known = |partitions: Vec<(String, i32)>| {
            partitions.iter().filter_map(|(topic, number)| self.topics.partition(topic, *number)).collect()
        };
        match notice {
            Notice::Assigned(partitions) => Some(ConsumerEvent::Assigned(known(partitions))),
            Notice::Revoked { partitions, lost: false } => Some(ConsumerEvent::Revoked(known(partitions))),
            Notice::Revoked { partitions, lost: true } => Some(ConsumerEvent::Lost(known(partitions))),
            Notice::Failed { code, reason } => {
                let event = self.topics.classify(code, &reason, self.user.as_deref())?;
                // Once one error was fatal, every other is its consequence.
                let fatal = self.handle.client.client().fatal_error().is_some();
                Some(match event {
                    ConsumerEvent::Error { text, .. } if fatal => ConsumerEvent::Error { fatal, text },
                    event => event,
                })
            }
        }
    }

    /// librdkafka says when all brokers are away and never that one is back: whatever comes from one says so.
    fn note_brokers(&mut self, events: Vec<ConsumerEvent>) -> Vec<ConsumerEvent> {
        let mut told = Vec::with_capacity(events.len());
        for event in events {
            match &event {
                ConsumerEvent::BrokersDown { .. } if self.brokers_down => continue,
                ConsumerEvent::BrokersDown { .. } => self.brokers_down = true,
                ConsumerEvent::Assigned(_) | ConsumerEvent::LogEnds { .. } | ConsumerEvent::TopicMissing { .. } => {
                    told.extend(self.brokers_answer());
                }
                _ => {}
            }
            told.push(event);
        }
        told
    }

    fn brokers_answer(&mut self) -> Option<ConsumerEvent> {
        std::mem::take(&mut self.brokers_down).then_some(ConsumerEvent::BrokersUp)
    }

    /// Consumes these partitions from these offsets on, and answers an [`ConsumerEvent::Assigned`]. The third of a triple is the leader
    /// epoch of the record before the offset, where it is known: a record with a lesser one is a [`PartitionFault::LogTruncated`].
    /// Records come with `epoch`.
    ///
    /// # Errors
    /// [`KafkaError::Refused`], and then none of them is consumed.
    pub fn assign(
        &mut self,
        starts: &[(Partition, Offset, Option<i32>)],
        epoch: AssignmentEpoch,
    ) -> Result<(), KafkaError> {
        let mut list = TopicPartitionList::with_capacity(starts.len());
        let refused = |text: String| KafkaError::Refused { what: "assigning partitions", text };
        for (partition, offset, _) in starts {
            let topic =
                self.topic(*partition).ok_or_else(|| refused(format!("{partition:?} is of no subscribed topic")))?;
            let offset = NativeOffset::Offset((*offset).max(0));
            list.add_partition_offset(&topic.name, partition.number, offset)
                .map_err(|error| refused(error.to_string()))?;
            // Before assigning: what is fetched in between would come by the consumer's own queue.
            if !self.handle.records.forward(&topic.c_name, partition.number) {
                return Err(refused(format!("no queue for {}/{}", topic.name, partition.number)));
            }
        }
        native::set_leader_epochs(&mut list, starts.iter().map(|(_, _, leader_epoch)| *leader_epoch));
        self.handle.client.incremental_assign(&list).map_err(|error| refused(error.to_string()))?;
        self.handle.context().answered(Rebalance::Assigned);
        self.slots.extend(starts.iter().map(|(partition, offset, leader_epoch)| Slot {
            partition: *partition,
            epoch,
            next: (*offset).max(0),
            leader_epoch: *leader_epoch,
            halted: false,
            faulty: false,
        }));
        self.slots.sort_unstable_by_key(|slot| slot.partition);
        Ok(())
    }

    /// Consumes these partitions no more, and answers a [`ConsumerEvent::Revoked`] or [`ConsumerEvent::Lost`]. Partitions that are not
    /// assigned are passed over. No record of them comes after this call.
    ///
    /// # Errors
    /// [`KafkaError::Refused`].
    pub fn unassign(&mut self, partitions: &[Partition]) -> Result<(), KafkaError> {
        let refused =
            |error: NativeError| KafkaError::Refused { what: "giving partitions back", text: error.to_string() };
        let mut list = TopicPartitionList::new();
        for partition in partitions {
            if let (Some(_), Some(topic)) = (self.slot(*partition), self.topic(*partition)) {
                list.add_partition(&topic.name, partition.number);
            }
        }
        self.slots.retain(|slot| !partitions.contains(&slot.partition));
        self.handle.client.incremental_unassign(&list).map_err(refused)?;
        self.handle.context().answered(Rebalance::Revoked);
        // librdkafka undoes the forwarding of a partition's queue when its main thread stops the partition, which is after the call above has
        // returned. This question is answered by the same thread in turn: without it the next assign's forwarding would be undone.
        self.handle.client.assignment().map_err(refused)?;
        Ok(())
    }

    /// Starts partitions again from other offsets, under another epoch: what gets a partition going that stands after a fault. (A seek
    /// does not: librdkafka #2961.)
    ///
    /// # Errors
    /// [`KafkaError::RebalanceUnanswered`], or as [`Consumer::assign`].
    pub fn reassign(
        &mut self,
        starts: &[(Partition, Offset, Option<i32>)],
        epoch: AssignmentEpoch,
    ) -> Result<(), KafkaError> {
        if self.handle.context().is_unanswered() {
            // librdkafka would take this for the answer.
            return Err(KafkaError::RebalanceUnanswered);
        }
        let partitions: Vec<Partition> = starts.iter().map(|(partition, _, _)| *partition).collect();
        self.unassign(&partitions)?;
        self.assign(starts, epoch)
    }

    /// Each assigned partition's position: one past the last record or control record that came; `None` until something came, and for a
    /// partition that stands after a fault in its records. Asks nobody.
    ///
    /// # Errors
    /// [`KafkaError::Refused`].
    pub fn positions(&self) -> Result<Vec<(Partition, Option<Offset>)>, KafkaError> {
        let refused = |error: NativeError| KafkaError::Refused { what: "the position", text: error.to_string() };
        let list = self.handle.client.position().map_err(refused)?;
        let position = |slot: &Slot| {
            if slot.halted || slot.faulty {
                return None;
            }
            let element = list.find_partition(&self.topic(slot.partition)?.name, slot.partition.number)?;
            match element.offset() {
                NativeOffset::Offset(offset) => Some(offset),
                _ => None,
            }
        };
        Ok(self.slots.iter().map(|slot| (slot.partition, position(slot))).collect())
    }

    /// Tells Kafka how far the store is, for whoever looks at the group's lag. Nothing depends on it: an error is only logged.
    pub fn commit_offsets_async(&self, offsets: &[(Partition, Offset)]) {
        let mut list = TopicPartitionList::with_capacity(offsets.len());
        for (partition, offset) in offsets {
            if let Some(topic) = self.topic(*partition)
                && let Err(error) =
                    list.add_partition_offset(&topic.name, partition.number, NativeOffset::Offset(*offset))
            {
                warn!(%error, topic = topic.name, partition = partition.number, offset, "no offset that kafka could be told");
            }
        }
        if list.count() > 0
            && let Err(error) = self.handle.client.commit(&list, CommitMode::Async)
        {
            warn!(%error, "the offsets could not be told to kafka; the store has them");
        }
    }

    /// Leaves the group and lets go of everything, within `budget`.
    ///
    /// # Errors
    /// [`KafkaError::NoAnswer`]: a thread that still waits for librdkafka is left behind. The group then misses this member after its session
    /// timeout.
    pub fn close(self, budget: Duration) -> Result<(), KafkaError> {
        let Consumer { handle, .. } = self;
        let (closed, done) = mpsc::channel();
        // Dropping a consumer has no time limit in librdkafka (its #4884 hangs there), and only another thread can bound it.
        let closer = std::thread::Builder::new().name("kafka-close".to_owned()).spawn(move || {
            drop(handle);
            // Nobody listens any more if it took too long.
            let _ = closed.send(());
        });
        let no_answer = || KafkaError::NoAnswer { what: "closing the consumer", waited: budget };
        closer.map_err(|_| no_answer())?;
        done.recv_timeout(budget).map_err(|_| no_answer())
    }

    fn topic(&self, partition: Partition) -> Option<&Topic> {
        self.topics.0.iter().find(|topic| topic.index == partition.topic)
    }

    fn slot(&self, partition: Partition) -> Option<&Slot> {
        self.slots.binary_search_by_key(&partition, |slot| slot.partition).ok().and_then(|index| self.slots.get(index))
    }
}

impl Topics {
    fn named(&self, name: &str) -> Option<&Topic> {
        self.0.iter().find(|topic| topic.name == name)
    }

    fn partition(&self, topic: &str, number: i32) -> Option<Partition> {
        Some(Partition { topic: self.named(topic)?.index, number })
    }

    fn c_names(&self) -> Vec<&CStr> {
        self.0.iter().map(|topic| topic.c_name.as_c_str()).collect()
    }

    fn classify(&self, code: RDKafkaErrorCode, reason: &str, user: Option<&str>) -> Option<ConsumerEvent> {
        let names: Vec<_> = self.0.iter().map(|topic| (topic.index, topic.name.clone())).collect();
        event::classify(code, reason, &names, user)
    }
}

impl Handle {
    fn context(&self) -> &Context {
        self.client.client().context()
    }
}
