//! One batch of librdkafka's messages as runs of records, one a partition.

use std::time::Duration;

use crate::event::{Partition, Record};
use crate::pipeline::AssignmentEpoch;
use crate::time::Timestamp;

use super::native::Message;
use super::{Consumer, ConsumerEvent, PartitionFault, Slot, Topics};

/// Memory kept from batch to batch.
#[derive(Default)]
pub(super) struct Scratch {
    /// Slot and index of each message that is a record.
    order: Vec<(u32, u32)>,
    /// Empty; its capacity is what is kept.
    records: Vec<Record<'static>>,
    /// Records that came a second time, or of partitions that are gone, since the consumer was opened.
    stale: u64,
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
            let Some(message) = messages.message(index) else {
                continue;
            };
            let key = (message.topic_address(), message.partition());
            let slot = match run {
                Some((same, slot)) if same == key => slot,
                _ => find(&self.topics, &self.slots, message),
            };
            run = Some((key, slot));
            if let Some((code, text)) = message.error() {
                let event = match slot.and_then(|slot| self.slots.get_mut(slot)) {
                    Some(slot) => {
                        slot.faulty = true;
                        Some(fault(slot, message, PartitionFault::of(code), text))
                    }
                    // Not of a partition at all; of one that is gone it would be no news.
                    None if message.partition() < 0 => self.topics.classify(code, &text, self.user.as_deref()),
                    None => None,
                };
                self.pending.extend(event);
            } else if let Some(slot) = slot {
                // A batch is far shorter than 2^32.
                order.push((slot as u32, index as u32));
            } else {
                self.scratch.stale += 1;
            }
        }
        // By slot, and within it as they came, which is by offset.
        order.sort_unstable();
        let mut records = recycle(std::mem::take(&mut self.scratch.records));
        let mut count = 0;
        for group in order.chunk_by(|one, other| one.0 == other.0) {
            let slot = group.first().and_then(|(slot, _)| self.slots.get_mut(*slot as usize));
            let Some(slot) = slot else { continue };
            let mut leader_epoch = None;
            for message in group.iter().filter_map(|(_, index)| messages.message(*index as usize)) {
                match slot.admit(message) {
                    Admission::Next => {
                        leader_epoch = message.leader_epoch().or(leader_epoch);
                        records.push(record(message));
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
        drop(messages);
        if count > 0
            && let Some(event) = self.brokers_answer()
        {
            self.pending.push(event);
        }
        count
    }

    /// How many records were left out since the consumer was opened, because they came a second time or their partition is gone.
    pub fn stale_records(&self) -> u64 {
        self.scratch.stale
    }
}

/// What to do with a record.
enum Admission {
    Next,
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
        Admission::Next
    }
}

/// The index of the message's partition among what is assigned.
fn find(topics: &Topics, slots: &[Slot], message: Message<'_>) -> Option<usize> {
    let partition = topics.partition(message.topic(), message.partition())?;
    slots.binary_search_by_key(&partition, |slot| slot.partition).ok()
}

fn record(message: Message<'_>) -> Record<'_> {
    Record {
        offset: message.offset(),
        timestamp: message.timestamp().map(|millis| Timestamp(millis.saturating_mul(1_000))),
        key: message.key(),
        payload: message.payload(),
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

/// The same memory for records of another lifetime: collecting an emptied vector keeps its allocation.
fn recycle<'a>(mut records: Vec<Record<'_>>) -> Vec<Record<'a>> {
    records.clear();
    records.into_iter().map_while(|_| None).collect()
}
