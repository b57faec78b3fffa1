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
                self.claim()
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
                if fault.stands_still() {
                    self.wiring.metrics.stands(topic, partition.number, fault.as_str());
                }
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
            ConsumerEvent::PartitionsAdded(added) => {
                let names: Vec<String> = added.iter().map(|partition| self.names.shown(*partition)).collect();
                info!(partitions = names.join(", "), "partitions were added");
                self.names = Arc::new(self.names.with(&added));
                self.take(Input::Exist(added))
            }
            ConsumerEvent::TopicMissing { text, .. } => {
                // The group takes what is gone from us; that is no reason to ask it again. Told again as long as it lasts.
                self.short_since = None;
                warn!("{text}");
                Ok(())
            }
            ConsumerEvent::AuthenticationFailed { text }
            | ConsumerEvent::AccessDenied { text }
            | ConsumerEvent::Error { text, .. } => {
                warn!("{text}");
                Ok(())
            }
        }
    }

    pub(super) fn log_ends(&mut self, at: crate::time::Timestamp, ends: &[(Partition, Offset)]) -> Result<(), String> {
        if self.held_until.is_some() {
            // What the position passes now would be committed by the book before the edit, or fence the join. It is asked again in a moment.
            return Ok(());
        }
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
        let next = self.intake.next_offsets().find(|(known, _)| *known == partition).map(|(_, next)| next);
        // No event is older than this instant, so the answer is where the log begins.
        let begins = self.consumer.log_starts(&[partition], crate::time::Timestamp::MIN, BROKER_TIMEOUT);
        let (Some(next), Ok(begins)) = (next, begins) else { return Ok(()) };
        let topic = &self.book.topics[usize::from(partition.topic.0)].name;
        let Some((_, start)) = begins.first().filter(|(_, start)| start.offset > next) else {
            error!(
                topic,
                partition = partition.number,
                next,
                "the log ends before what was read of it: it was cut, or its files were lost. The partition stands, for what comes at these \
                 offsets would be counted beside what was; make the topic anew, or begin with another store"
            );
            return Ok(());
        };
        warn!(
            topic,
            partition = partition.number,
            from = next,
            to = start.offset,
            "retention has taken records that were not read"
        );
        self.consumer.reassign(&[(partition, start.offset, None)], epoch).map_err(|fault| fault.to_string())?;
        self.wiring.metrics.begun_anew();
        let to = start.offset;
        self.take(Input::Gone { partition, to })
    }

    /// Says which of the partitions just claimed are of topics that were made anew since they were read last.
    pub(super) fn tell_of_remade(&mut self) -> Result<(), String> {
        for (key, earlier) in std::mem::take(&mut self.earlier) {
            let Some(partition) = self.names.partition(&key) else { continue };
            let stood = earlier.next_offset.unwrap_or(0);
            let detail = format!(
                "topic {} was deleted and made anew: it was read up to offset {stood} under the id {}, and has the id {} now; what was counted \
                 of the old one counts no more, since the new one may hold the same events",
                key.topic, earlier.key.topic_id, key.topic_id
            );
            warn!(topic = key.topic, partition = key.partition, "{detail}");
            self.take(Input::Incident { partition, kind: IncidentKind::TopicRemade, detail })?;
        }
        Ok(())
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
