//! One batch of librdkafka's messages as runs of records, one a partition.

use std::time::Duration;

use crate::event::{Header, Partition, Record};
use crate::pipeline::AssignmentEpoch;
use crate::time::Timestamp;

use super::native::{Message, Messages};
use super::{Consumer, ConsumerEvent, PartitionFault, Slot, Topics};

/// Memory kept from batch to batch.
#[derive(Default)]
pub(super) struct Scratch {
    /// Slot and index of each message that is a record.
    order: Vec<(u32, u32)>,
    /// Empty; its capacity is what is kept. So for the headers.
    records: Vec<Record<'static>>,
    headers: Vec<Header<'static>>,
    ends: Vec<usize>,
    /// Records that came a second time, or of partitions that are gone, since the consumer was opened.
    stale: u64,
}

/// The headers of a batch's records, one record's after the other's.
struct Headers<'a> {
    all: Vec<Header<'a>>,
    /// Where each record's end; empty where no topic's headers are read.
    ends: Vec<usize>,
}

impl<'a> Headers<'a> {
    /// Those of the messages in `order`, where their topic's are wanted, into the memory of the last batch's.
    fn read(
        (all, ends): (&mut Vec<Header<'static>>, &mut Vec<usize>),
        topics: &Topics,
        slots: &[Slot],
        order: &[(u32, u32)],
        messages: &'a Messages<'a>,
    ) -> Headers<'a> {
        let mut headers = Headers { all: recycle(std::mem::take(all)), ends: std::mem::take(ends) };
        headers.ends.clear();
        if !topics.0.iter().any(|topic| topic.reads_headers) {
            return headers;
        }
        let is_wanted = |slot: u32| {
            let topic = slots.get(slot as usize).map(|slot| slot.partition.topic);
            topics.0.iter().any(|known| known.reads_headers && Some(known.index) == topic)
        };
        for (slot, index) in order {
            if let Some(message) = messages.message(*index as usize).filter(|_| is_wanted(*slot)) {
                message.headers(&mut headers.all);
            }
            headers.ends.push(headers.all.len());
        }
        headers
    }

    /// Those of the record at that place of the order.
    fn of(&self, place: usize) -> &[Header<'a>] {
        let end = |place: Option<usize>| place.and_then(|place| self.ends.get(place)).copied().unwrap_or(0);
        self.all.get(end(place.checked_sub(1))..end(Some(place))).unwrap_or_default()
    }
}

impl Consumer {
    /// Takes at most `max_records` that are there, or waits `timeout` for the first, and hands them on: one call a partition, in order of
    /// offset, with the epoch of the assignment and the leader epoch of the last record. Gives the number of records handed on.
    ///
    /// The records lie in librdkafka's memory and are given back when this returns, or the callback panics. A fault in a record's place
    /// becomes an event of the next [`Consumer::poll`].
    pub fn batch<F>(&mut self, timeout: Duration, max_records: usize, mut hand_on: F) -> usize
    where
        F: FnMut(Partition, AssignmentEpoch, &[Record<'_>], Option<i32>),
    {
        let messages = self.handle.records.batch(timeout, max_records, &mut self.buffer);
        let order = &mut self.scratch.order;
        order.clear();
        let mut run = None;
        for index in 0..messages.len() {
            let Some(message) = messages.message(index) else { continue };
            let key = (message.topic_address(), message.partition());
            let slot = match run {
                Some((same, slot)) if same == key => slot,
                _ => find(&self.topics, &self.slots, message),
            };
            run = Some((key, slot));
            if let Some((code, text)) = message.error() {
                self.pending.extend(match slot.and_then(|slot| self.slots.get_mut(slot)) {
                    Some(slot) => {
                        slot.faulty = true;
                        Some(fault(slot, message, PartitionFault::of(code), text))
                    }
                    // Not of a partition at all; of one that is gone it would be no news.
                    None if message.partition() < 0 => self.topics.classify(code, &text, self.user.as_deref()),
                    None => None,
                });
            } else if let Some(slot) = slot {
                // A batch is far shorter than 2^32.
                order.push((slot as u32, index as u32));
            } else {
                self.scratch.stale += 1;
            }
        }
        // By slot, and within it as they came, which is by offset.
        order.sort_unstable();
        // All headers before the first record, which borrows its own of them.
        let memory = (&mut self.scratch.headers, &mut self.scratch.ends);
        let headers = Headers::read(memory, &self.topics, &self.slots, order, &messages);
        let mut records = recycle(std::mem::take(&mut self.scratch.records));
        let (mut count, mut place) = (0, 0);
        for group in order.chunk_by(|one, other| one.0 == other.0) {
            let first = place;
            place += group.len();
            let Some(slot) = group.first().and_then(|(slot, _)| self.slots.get_mut(*slot as usize)) else { continue };
            let mut leader_epoch = None;
            let indices = group.iter().map(|(_, index)| messages.message(*index as usize));
            for (place, message) in (first..).zip(indices).filter_map(|(place, message)| Some((place, message?))) {
                match slot.admit(message) {
                    Admission::Next(epoch) => {
                        leader_epoch = epoch.or(leader_epoch);
                        records.push(record(message, headers.of(place)));
                    }
                    Admission::Stale => self.scratch.stale += 1,
                    Admission::Truncated => self.pending.push(truncated(slot, message)),
                }
            }
            if !records.is_empty() {
                count += records.len();
                hand_on(slot.partition, slot.epoch, &records, leader_epoch);
                records.clear();
            }
        }
        self.scratch.records = recycle(records);
        self.scratch.headers = recycle(headers.all);
        self.scratch.ends = headers.ends;
        drop(messages);
        let answered = if count > 0 { self.brokers_answer() } else { None };
        self.pending.extend(answered);
        count
    }

    /// How many records were left out since the consumer was opened, because they came a second time or their partition is gone.
    pub fn stale_records(&self) -> u64 {
        self.scratch.stale
    }
}

/// What to do with a record.
enum Admission {
    /// The next one, with its leader epoch.
    Next(Option<i32>),
    Stale,
    Truncated,
}

impl Slot {
    fn admit(&mut self, message: Message<'_>) -> Admission {
        if message.offset() < self.next || self.halted {
            return Admission::Stale;
        }
        let leader_epoch = message.leader_epoch();
        if leader_epoch.is_some_and(|epoch| Some(epoch) < self.leader_epoch) {
            self.halted = true;
            return Admission::Truncated;
        }
        self.next = message.offset() + 1;
        self.faulty = false;
        self.leader_epoch = leader_epoch.or(self.leader_epoch);
        Admission::Next(leader_epoch)
    }
}

/// The index of the message's partition among what is assigned.
fn find(topics: &Topics, slots: &[Slot], message: Message<'_>) -> Option<usize> {
    let partition = topics.partition(message.topic(), message.partition())?;
    slots.binary_search_by_key(&partition, |slot| slot.partition).ok()
}

fn record<'a>(message: Message<'a>, headers: &'a [Header<'a>]) -> Record<'a> {
    Record {
        offset: message.offset(),
        timestamp: message.timestamp().map(|millis| Timestamp(millis.saturating_mul(1_000))),
        key: message.key(),
        payload: message.payload(),
        headers,
    }
}

fn fault(slot: &Slot, message: Message<'_>, fault: PartitionFault, text: String) -> ConsumerEvent {
    let offset = (message.offset() >= 0).then_some(message.offset());
    ConsumerEvent::PartitionFault { partition: slot.partition, epoch: slot.epoch, offset, fault, text }
}

/// librdkafka 2.12.1 checks a leader epoch when the leader changes, not when a partition is assigned (its #5158): what was lost by an unclean
/// election while we were away shows only here, as do the logs of a topic that was made anew.
fn truncated(slot: &Slot, message: Message<'_>) -> ConsumerEvent {
    let text = format!(
        "the record at offset {} is of leader epoch {}, the one before it of {}: the log was truncated and written anew",
        message.offset(),
        message.leader_epoch().unwrap_or(-1),
        slot.leader_epoch.unwrap_or(-1)
    );
    fault(slot, message, PartitionFault::LogTruncated, text)
}

/// The same memory for records or headers of another lifetime: collecting an emptied vector keeps its allocation.
fn recycle<Before, After>(mut kept: Vec<Before>) -> Vec<After> {
    kept.clear();
    kept.into_iter().map_while(|_| None).collect()
}
