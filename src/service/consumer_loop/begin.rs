//! How the consumer thread begins, and begins again: topics, stored facts, claims, first offsets.

use super::*;
use crate::score::FrozenBaseline;
use crate::service::log_starts::log_starts;

/// Partitions that one line of the log names.
const MISSING_SHOWN_MAX: usize = 10;

impl ConsumerLoop {
    /// Waits until the brokers answer and every topic of the book is there.
    pub(super) fn find_topics(&mut self) -> Result<(), String> {
        let mut said: Option<Phase> = None;
        let mut error = None;
        while !self.is_stopping() {
            for event in self.consumer.poll() {
                match event {
                    ConsumerEvent::AuthenticationFailed { text } | ConsumerEvent::AccessDenied { text } => {
                        return Err(text);
                    }
                    ConsumerEvent::Error { fatal: true, text } => return Err(text),
                    ConsumerEvent::BrokersDown { text } | ConsumerEvent::Error { text, .. } => error = Some(text),
                    // All of these are seen by asking anew.
                    ConsumerEvent::TopicMissing { .. }
                    | ConsumerEvent::TopicRemade { .. }
                    | ConsumerEvent::PartitionsAdded(_)
                    | ConsumerEvent::BrokersUp => {}
                    event => self.deferred.push_back(event),
                }
            }
            let waits_for = match self.consumer.describe_topics(BROKER_TIMEOUT) {
                Ok(cluster) => {
                    self.names = Arc::new(Names::of(&self.book, &cluster));
                    let missing = self.names.missing(&self.book);
                    if missing.is_empty() {
                        info!(cluster = self.names.cluster(), topics = self.book.topics.len(), "topics found");
                        self.wiring.readiness.set(Phase::Assignment { group: self.wiring.group.clone() });
                        return Ok(());
                    }
                    Phase::Topics { missing }
                }
                Err(fault) => {
                    let error = error.clone().unwrap_or_else(|| fault.to_string());
                    Phase::Broker { brokers: self.wiring.brokers.clone(), error: Some(error) }
                }
            };
            if said.as_ref() != Some(&waits_for) {
                match &waits_for {
                    Phase::Topics { missing } => warn!(missing = missing.join(", "), "waiting for topics to be made"),
                    _ => warn!(brokers = self.wiring.brokers, error, "waiting for kafka"),
                }
                self.wiring.readiness.set(waits_for.clone());
                said = Some(waits_for);
            }
            std::thread::park_timeout(Duration::from_millis(200));
        }
        Ok(())
    }

    /// Asks for all stored facts; what is consumed until they are there is dropped.
    pub(super) fn restore(&mut self) {
        self.restored = false;
        self.restoring = None;
        self.unstarted = None;
        // What the store still answers to an earlier claim is of another state.
        self.epoch = AssignmentEpoch(self.epoch.0 + 1);
        self.reads_owed += 1;
        let (cluster, topic_ids) = (self.names.cluster().to_owned(), self.names.topic_ids());
        self.ask(ToStore::Restore { cluster, topic_ids });
    }

    pub(super) fn restored(&mut self, chunks: Vec<StoredChunk>, baselines: Vec<FrozenBaseline>) -> Result<(), String> {
        self.restoring = Some((Instant::now(), chunks.len()));
        let restored = chunks.into_iter().filter_map(|chunk| {
            Some(RestoredChunk {
                partition: self.names.partition(&chunk.key)?,
                lane: chunk.key.lane,
                bytes: chunk.bytes,
            })
        });
        let chunks: Vec<RestoredChunk> = restored.collect();
        self.take(Input::Tick { now: now() })?;
        self.take(Input::Baselines(baselines))?;
        self.take(Input::Restored { chunks })
    }

    /// The scoring thread has read the stored facts.
    pub(super) fn facts_restored(&mut self) -> Result<(), String> {
        let Some((begun, chunks)) = self.restoring.take() else { return Ok(()) };
        info!(chunks, took_ms = begun.elapsed().as_millis() as u64, "facts restored");
        self.restored = true;
        self.take(Input::Exist(self.names.partitions().to_vec()))?;
        self.claim()
    }

    /// Asks the group to divide the partitions anew, where it has given us some and not all for [`SHORT_MAX`]: one process reads them all. Once; if
    /// that does not help, somebody else is in the group, and it is said again and again.
    pub(super) fn want_all(&mut self) -> Result<(), String> {
        let missing = self.names.partitions().iter().filter(|partition| !self.given.contains(partition));
        let missing: Vec<Partition> = missing.copied().collect();
        if missing.is_empty() || self.given.is_empty() || self.given != self.consumed || self.held_until.is_some() {
            self.short_since = None;
            self.has_rejoined &= !missing.is_empty();
            return Ok(());
        }
        if self.short_since.get_or_insert_with(Instant::now).elapsed() < SHORT_MAX {
            return Ok(());
        }
        self.short_since = None;
        let count = missing.len();
        let first: Vec<String> =
            missing.iter().take(MISSING_SHOWN_MAX).map(|missing| self.names.shown(*missing)).collect();
        let missing = first.join(", ");
        if std::mem::replace(&mut self.has_rejoined, true) {
            let group = &self.wiring.group;
            warn!(count, missing, group, "not all partitions are read here: another member of the group has them");
            return Ok(());
        }
        warn!(count, missing, "the group did not give us all partitions: asking it to divide them anew");
        self.flush()?;
        self.consumer.rejoin().map_err(|fault| fault.to_string())
    }

    /// Claims what the group gave us and we do not consume yet.
    pub(super) fn claim(&mut self) -> Result<(), String> {
        if !self.restored {
            return Ok(());
        }
        let wanted: Vec<Partition> = self.given.difference(&self.consumed).copied().collect();
        if wanted.is_empty() {
            return Ok(());
        }
        // A cut of theirs from before goes to the store first, so that the claim finds them where it ended.
        self.wait_for_scorer()?;
        self.epoch = AssignmentEpoch(self.epoch.0 + 1);
        self.wiring.readiness.set(Phase::Claim { partitions: wanted.len(), error: None });
        let keys = wanted.iter().filter_map(|partition| self.names.key(*partition)).collect();
        self.ask(ToStore::Claim { epoch: self.epoch, book: self.book.hash.clone(), keys });
        Ok(())
    }

    /// Begins to consume what was claimed, once the broker has told where partitions begin that were never consumed.
    pub(super) fn start_claimed(&mut self) -> Result<(), String> {
        let Some((epoch, claims)) = self.unstarted.take() else { return Ok(()) };
        let named = claims.iter().filter_map(|claim| Some((self.names.partition(&claim.key)?, claim)));
        let named: Vec<(Partition, &Claim)> = named.filter(|(partition, _)| self.given.contains(partition)).collect();
        let new = named.iter().filter(|(_, c)| c.next_offset.is_none()).map(|(p, _)| *p);
        let starts = match log_starts(&self.consumer, &self.book, new, now(), BROKER_TIMEOUT) {
            Ok(starts) => starts,
            Err(fault) => {
                warn!(%fault, "waiting for kafka to say where partitions begin");
                self.unstarted = Some((epoch, claims));
                return Ok(());
            }
        };
        let mut claimed = Vec::new();
        for (partition, claim) in named {
            let known = LogStart { offset: claim.next_offset.unwrap_or(0), complete_since: None };
            let start = starts.get(&partition).copied().unwrap_or(known);
            if let Some(leader_epoch) = claim.leader_epoch {
                self.leader_epochs.insert(partition, leader_epoch);
            }
            claimed.push(ClaimedPartition { partition, next_offset: claim.next_offset, start, epoch });
        }
        if claimed.is_empty() {
            return Ok(());
        }
        self.take(Input::Claimed(claimed))?;
        self.tell_of_remade()
    }

    /// Stops consuming, and begins again from what is stored.
    pub(super) fn reload(&mut self) -> Result<(), String> {
        self.wait_for_scorer()?;
        let consumed: Vec<Partition> = std::mem::take(&mut self.consumed).into_iter().collect();
        if !consumed.is_empty() {
            self.consumer.unassign(&consumed).map_err(|fault| fault.to_string())?;
            self.take(Input::Unassigned(consumed))?;
        }
        self.restore();
        Ok(())
    }
}
