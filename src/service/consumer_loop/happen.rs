//! What the consumer thread does about each thing that happens to it in the group and at the brokers.

use super::*;

impl ConsumerLoop {
    pub(super) fn happened(&mut self, event: ConsumerEvent) -> Result<(), String> {
        match event {
            ConsumerEvent::Assigned(partitions) => {
                info!(partitions = partitions.len(), "assigned");
                self.wiring.metrics.rebalanced();
                self.given.extend(&partitions);
                if partitions.is_empty() {
                    // An empty share is an answer too: the group waits for it.
                    self.consumer.assign(&[], self.epoch).map_err(|fault| fault.to_string())?;
                }
                self.claim();
                Ok(())
            }
            ConsumerEvent::Revoked(partitions) => {
                info!(partitions = partitions.len(), "revoked: flushing");
                self.flush()?;
                self.let_go(&partitions)
            }
            ConsumerEvent::Lost(partitions) => {
                warn!(partitions = partitions.len(), "lost: what was not committed is dropped");
                self.let_go(&partitions)
            }
            ConsumerEvent::LogEnds { asked_at, ends } => self.log_ends(asked_at, &ends),
            ConsumerEvent::PartitionFault { partition, epoch, offset, fault, text } => {
                let topic = &self.book.topics[usize::from(partition.topic.0)].name;
                error!(topic, partition = partition.number, offset, ?fault, text, "a partition brings nothing");
                match fault {
                    PartitionFault::OffsetOutOfRange => self.pass_retention(partition, epoch),
                    _ => Ok(()),
                }
            }
            ConsumerEvent::BrokersDown { text } => {
                warn!(text, "no broker can be reached; going on when one can");
                Ok(())
            }
            ConsumerEvent::BrokersUp => {
                info!("a broker answers again");
                Ok(())
            }
            // What is read now may be the middle of other logs: nothing of it may be stored under the old id. A restart reads the new one.
            ConsumerEvent::TopicRemade { text, .. } | ConsumerEvent::Error { fatal: true, text } => Err(text),
            ConsumerEvent::AuthenticationFailed { text }
            | ConsumerEvent::TopicMissing { text, .. }
            | ConsumerEvent::AccessDenied { text }
            | ConsumerEvent::Error { text, .. } => {
                warn!("{text}");
                Ok(())
            }
        }
    }

    pub(super) fn log_ends(&mut self, at: crate::time::Timestamp, ends: &[(Partition, Offset)]) -> Result<(), String> {
        // Every record that came was stepped already, so the position speaks of nothing that is still to be counted.
        let positions: BTreeMap<Partition, Option<Offset>> = match self.consumer.positions() {
            Ok(positions) => positions.into_iter().collect(),
            Err(_) => BTreeMap::new(),
        };
        for (partition, end) in ends {
            let position = positions.get(partition).copied().flatten();
            self.take(Input::LogEnd { partition: *partition, end: *end, position, at })?;
        }
        Ok(())
    }

    /// Goes on at the log's beginning where retention has passed our offset. An offset beyond the log's end is none of that: nothing
    /// there can be read without counting twice, so the partition stands, and the log and its lag say so.
    pub(super) fn pass_retention(&mut self, partition: Partition, epoch: AssignmentEpoch) -> Result<(), String> {
        let next = self.state.next_offsets().find(|(known, _)| *known == partition).map(|(_, next)| next);
        // No event is older than this instant, so the answer is where the log begins.
        let begins = self.consumer.log_starts(&[partition], crate::time::Timestamp::MIN, BROKER_TIMEOUT);
        let (Some(next), Ok(begins)) = (next, begins) else { return Ok(()) };
        let Some((_, start)) = begins.first().filter(|(_, start)| start.offset > next) else { return Ok(()) };
        let topic = &self.book.topics[usize::from(partition.topic.0)].name;
        warn!(
            topic,
            partition = partition.number,
            from = next,
            to = start.offset,
            "retention has taken records that were not read"
        );
        self.consumer.reassign(&[(partition, start.offset, None)], epoch).map_err(|fault| fault.to_string())?;
        let to = start.offset;
        self.take(Input::Gone { partition, to })
    }

    pub(super) fn let_go(&mut self, partitions: &[Partition]) -> Result<(), String> {
        self.wiring.metrics.rebalanced();
        for partition in partitions {
            self.given.remove(partition);
            self.consumed.remove(partition);
        }
        self.take(Input::Unassigned(partitions.to_vec()))?;
        self.consumer.unassign(partitions).map_err(|fault| fault.to_string())
    }
}
