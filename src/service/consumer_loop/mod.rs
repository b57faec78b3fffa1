//! The consumer thread: urgent answers first, then the group's events, then the clock, then at most one batch, then again. No queue
//! stands between poll and the intake; under pressure the thread stops draining, and librdkafka's own bounded queue holds. What was taken
//! is scored by a thread of its own, and stored by a task; this thread waits for them only where it begins anew or gives partitions back.

mod begin;
mod happen;
mod obey;
mod score;

pub(in crate::service) use obey::ToLive;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, TryRecvError};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tracing::{error, info, warn};

use crate::aggregate::budget::Budgets;
use crate::book::Book;
use crate::clock::now;
use crate::event::{Offset, Partition};
use crate::expose::metrics::ServiceMetrics;
use crate::expose::{PartitionLag, Phase, Readiness};
use crate::ingest::kafka::{Consumer, ConsumerEvent, PartitionFault};
use crate::pipeline::{
    AssignmentEpoch, ClaimedPartition, DailyFact, Effect, IncidentKind, Input, Intake, LogStart, Reaction,
    RestoredChunk, Scored, ToScorer,
};
use crate::service::names::Names;
use crate::service::store_task::{FromStore, ToStore};
use crate::settings::KafkaSettings;
use crate::snapshot::Snapshot;
use crate::store::{Claim, PartitionKey, StoredChunk};

/// Records of a batch at most.
const BATCH_RECORDS_MAX: usize = 1_000;

/// How long a batch is waited for where nothing else is to do.
const BATCH_WAIT: Duration = Duration::from_millis(20);

/// How often the broker is asked where the logs end.
const LOG_ENDS_INTERVAL: Duration = Duration::from_secs(1);

/// How often Kafka is told how far the store is.
const ADVISORY_COMMIT_INTERVAL: Duration = Duration::from_secs(5);

/// How long a question to the brokers may take.
const BROKER_TIMEOUT: Duration = Duration::from_secs(3);

/// How long the group may owe us partitions before it is asked to divide them anew, and how often it is said after that: longer than a rebalance
/// takes, and than it takes librdkafka to see a topic grow (`topic.metadata.refresh.interval.ms`).
const SHORT_MAX: Duration = Duration::from_secs(12);

/// How long a flush may take before partitions are given back uncut; whoever gets them reads that part again.
const FLUSH_BUDGET: Duration = Duration::from_secs(5);

/// How long leaving the group may take.
const CLOSE_BUDGET: Duration = Duration::from_secs(3);

/// Daily facts that may wait for the BI task; beyond, older ones are made again after the next start.
const DAILY_FACTS_MAX: usize = 200_000;

/// What the thread shares with the rest of the service.
pub(in crate::service) struct Wiring {
    pub(super) to_store: mpsc::Sender<ToStore>,
    pub(super) from_store: Receiver<FromStore>,
    pub(super) to_scorer: SyncSender<ToScorer>,
    pub(super) from_scorer: Receiver<Scored>,
    pub(super) snapshots: watch::Sender<Option<Arc<Snapshot>>>,
    pub(super) daily: mpsc::Sender<(Arc<Book>, Vec<DailyFact>)>,
    /// What the editor asks for, and where it hears that nothing is consumed.
    pub(super) orders: Receiver<ToLive>,
    pub(super) held: Sender<()>,
    pub(super) kafka: KafkaSettings,
    pub(super) readiness: Readiness,
    pub(super) metrics: ServiceMetrics,
    pub(super) stopping: Arc<AtomicBool>,
    pub(super) group: String,
    pub(super) brokers: String,
    pub(super) commit_interval: Duration,
    pub(super) budgets: Budgets,
}

/// The thread's own.
pub(in crate::service) struct ConsumerLoop {
    wiring: Wiring,
    book: Arc<Book>,
    consumer: Consumer,
    intake: Intake,
    /// Answers that the scoring thread owes.
    unscored: usize,
    names: Arc<Names>,
    epoch: AssignmentEpoch,
    /// What the group gave us.
    given: BTreeSet<Partition>,
    /// What of it is consumed.
    consumed: BTreeSet<Partition>,
    /// Since when the group has not given us all that there is, and whether it was asked to divide the partitions anew since then.
    short_since: Option<Instant>,
    has_rejoined: bool,
    /// Claims whose beginning the broker has not told yet.
    unstarted: Option<(AssignmentEpoch, Vec<Claim>)>,
    /// Of these, partitions of topics that were made anew, each with where the old one stands.
    earlier: Vec<(PartitionKey, Claim)>,
    /// Since when the scoring thread reads stored facts, and how many chunks.
    restoring: Option<(Instant, usize)>,
    /// Readings of the store that were asked for and have not come: only the last one counts.
    reads_owed: usize,
    restored: bool,
    /// Until then nothing is consumed: a back-fill is about to reach us.
    held_until: Option<Instant>,
    /// Until then an edited book that has taken effect in the store is waited for.
    adopts_until: Option<Instant>,
    leader_epochs: BTreeMap<Partition, i32>,
    deferred: VecDeque<ConsumerEvent>,
    offsets: BTreeMap<Partition, Offset>,
    daily: Vec<DailyFact>,
    tick_due: Instant,
    log_ends_due: Instant,
    advisory_due: Instant,
}

impl ConsumerLoop {
    pub(super) fn new(book: Arc<Book>, consumer: Consumer, wiring: Wiring) -> ConsumerLoop {
        let due = Instant::now();
        ConsumerLoop {
            intake: Intake::new(Arc::clone(&book), None).with_budgets(wiring.budgets),
            unscored: 0,
            names: Arc::default(),
            epoch: AssignmentEpoch(0),
            given: BTreeSet::new(),
            consumed: BTreeSet::new(),
            short_since: None,
            has_rejoined: false,
            unstarted: None,
            earlier: Vec::new(),
            restoring: None,
            reads_owed: 0,
            restored: false,
            held_until: None,
            adopts_until: None,
            leader_epochs: BTreeMap::new(),
            deferred: VecDeque::new(),
            offsets: BTreeMap::new(),
            daily: Vec::new(),
            tick_due: due,
            log_ends_due: due,
            advisory_due: due,
            wiring,
            book,
            consumer,
        }
    }

    /// Runs until told to stop, or until it cannot go on.
    ///
    /// # Errors
    /// One sentence why it cannot go on.
    pub(super) fn run(mut self) -> Result<(), String> {
        let done = self.consume();
        self.wiring.readiness.set(Phase::Draining);
        if done.is_ok() {
            self.drain();
        }
        if let Err(fault) = self.consumer.close(CLOSE_BUDGET) {
            warn!(%fault, "leaving the group took too long");
        }
        done
    }

    fn consume(&mut self) -> Result<(), String> {
        self.find_topics()?;
        self.restore();
        while !self.is_stopping() {
            while let Ok(answer) = self.wiring.from_store.try_recv() {
                self.answered(answer)?;
            }
            self.hear_scorer()?;
            let mut events = std::mem::take(&mut self.deferred);
            events.extend(self.consumer.poll());
            for event in events {
                self.happened(event)?;
            }
            self.start_claimed()?;
            self.keep_time()?;
            self.obey()?;
            if self.is_held()? {
                self.wait_for_answer(BATCH_WAIT)?;
                continue;
            }
            if self.intake.is_saturated() {
                self.cut(Input::Flush)?;
                self.wait_for_answer(BATCH_WAIT)?;
                continue;
            }
            let wait = BATCH_WAIT.min(self.tick_due.saturating_duration_since(Instant::now()));
            let intake = &mut self.intake;
            self.consumer.batch(wait, BATCH_RECORDS_MAX, |partition, epoch, records, leader_epoch| {
                // Records alone bring no reaction.
                intake.step(Input::Records { partition, epoch, records, leader_epoch });
            });
        }
        Ok(())
    }

    fn is_stopping(&self) -> bool {
        self.wiring.stopping.load(Ordering::Relaxed)
    }

    fn ask(&mut self, question: ToStore) {
        if self.wiring.to_store.blocking_send(question).is_err() {
            error!("the store's task has ended");
        }
    }

    fn answered(&mut self, answer: FromStore) -> Result<(), String> {
        match answer {
            FromStore::Restored { chunks, baselines } => {
                self.reads_owed = self.reads_owed.saturating_sub(1);
                if self.reads_owed == 0 { self.restored(chunks, baselines) } else { Ok(()) }
            }
            FromStore::Claimed { epoch, claims, earlier } => {
                if epoch == self.epoch {
                    self.unstarted = Some((epoch, claims));
                    self.earlier = earlier;
                }
                Ok(())
            }
            FromStore::Committed(id) => self.take(Input::Persisted(id)),
            FromStore::Fenced { partitions } => {
                let names: Vec<String> =
                    partitions.iter().map(|key| format!("{}/{}", key.topic, key.partition)).collect();
                warn!(
                    partitions = names.join(", "),
                    "fenced: another process has claimed these; reading all state again"
                );
                self.reload()
            }
            FromStore::Superseded { epoch } => {
                if epoch == self.epoch {
                    self.superseded();
                }
                Ok(())
            }
            FromStore::CheckIns(check_ins) => self.take(Input::CheckIns(check_ins)),
            FromStore::GaveUp(text) => Err(text),
        }
    }

    fn keep_time(&mut self) -> Result<(), String> {
        let at = Instant::now();
        if at >= self.log_ends_due {
            self.log_ends_due = at + LOG_ENDS_INTERVAL;
            self.consumer.ask_log_ends(now());
            self.consumer.ask_topics();
            self.want_all()?;
        }
        if at >= self.advisory_due {
            self.advisory_due = at + ADVISORY_COMMIT_INTERVAL;
            self.commit_offsets();
        }
        if at >= self.tick_due {
            self.tick_due = at + self.wiring.commit_interval;
            self.record_daily();
            self.cut(Input::Tick { now: now() })?;
        }
        Ok(())
    }

    /// An input after which there may be something to commit. Neither the scorer nor the store is waited for; handing over is what consumption
    /// waits for.
    fn cut(&mut self, input: Input<'_>) -> Result<(), String> {
        let (begun, was_persisting) = (Instant::now(), self.intake.is_persisting());
        self.take(input)?;
        if self.intake.is_cutting() && !was_persisting {
            self.wiring.metrics.cut(begun.elapsed());
        }
        Ok(())
    }

    fn commit_offsets(&mut self) {
        let offsets: Vec<(Partition, Offset)> = std::mem::take(&mut self.offsets).into_iter().collect();
        if !offsets.is_empty() {
            self.consumer.commit_offsets_async(&offsets);
        }
    }

    /// One input, and what follows.
    fn take(&mut self, input: Input<'_>) -> Result<(), String> {
        for reaction in self.intake.step(input) {
            match reaction {
                Reaction::Effect(effect) => self.happen(effect)?,
                Reaction::Score(work) => self.score(work)?,
            }
        }
        Ok(())
    }

    fn happen(&mut self, effect: Effect) -> Result<(), String> {
        match effect {
            Effect::Start(starts) => {
                let starts: Vec<_> =
                    starts.into_iter().map(|(p, offset)| (p, offset, self.leader_epochs.get(&p).copied())).collect();
                self.consumer.assign(&starts, self.epoch).map_err(|fault| fault.to_string())?;
                self.wiring.metrics.begun_anew();
                self.consumed.extend(starts.iter().map(|(partition, ..)| *partition));
                // Nothing can be caught up before the broker has said where these logs end.
                self.log_ends_due = Instant::now();
                info!(partitions = starts.len(), epoch = self.epoch.0, "consuming");
            }
            Effect::Persist(cut) => self.ask(ToStore::Commit { cut, names: Arc::clone(&self.names) }),
            Effect::Publish(snapshot) => self.publish(snapshot),
            Effect::Record(facts) => {
                self.daily.extend(facts);
                self.daily.truncate(DAILY_FACTS_MAX);
            }
            Effect::CommitOffsets(offsets) => self.offsets.extend(offsets),
            Effect::Reload { reason } => {
                warn!(reason, "reading all state again");
                self.reload()?;
            }
            Effect::GiveUp { reason } => return Err(reason),
        }
        Ok(())
    }

    fn publish(&mut self, snapshot: Arc<Snapshot>) {
        let behind = snapshot.partitions.iter().filter(|p| p.complete_until.is_none()).map(|p| PartitionLag {
            topic: self.book.topics[usize::from(p.partition.topic.0)].name.clone(),
            partition: p.partition.number,
            lag: p.log_end.map(|end| u64::try_from(end - p.next_offset).unwrap_or(0)),
        });
        let was_ready = self.wiring.readiness.phase() == Phase::Ready;
        let phase = match snapshot.catching_up {
            true if !was_ready => Phase::CatchingUp { partitions: behind.collect() },
            _ => Phase::Ready,
        };
        if phase == Phase::Ready && !was_ready {
            info!("caught up: every partition has reached its log's end once");
        }
        self.wiring.readiness.set(phase);
        self.wiring.snapshots.send_replace(Some(snapshot));
    }

    /// Hands daily facts to the BI task as far as it takes them; the others wait for the next tick.
    fn record_daily(&mut self) {
        if self.daily.is_empty() {
            return;
        }
        if let Ok(place) = self.wiring.daily.try_reserve() {
            place.send((Arc::clone(&self.book), std::mem::take(&mut self.daily)));
        }
    }

    /// Cuts what is uncut and waits until it is stored, for at most [`FLUSH_BUDGET`].
    fn flush(&mut self) -> Result<(), String> {
        let until = Instant::now() + FLUSH_BUDGET;
        let mut flushed = false;
        while Instant::now() < until {
            if !self.intake.is_persisting() && (self.unscored == 0 || self.restoring.is_some()) {
                if flushed {
                    return Ok(());
                }
                self.take(Input::Flush)?;
                flushed = true;
                continue;
            }
            // Polling keeps the membership; what happens meanwhile is looked at after the flush.
            let events = self.consumer.poll();
            self.deferred.extend(events);
            self.wait_for_answer(Duration::from_millis(5))?;
        }
        warn!("the flush took too long: what is not committed will be read again");
        Ok(())
    }

    /// Cuts, persists, tells Kafka, and gives the partitions back.
    fn drain(&mut self) {
        let begun = Instant::now();
        if let Err(text) = self.flush() {
            error!(text, "the last flush failed");
        }
        self.commit_offsets();
        let given: Vec<Partition> = std::mem::take(&mut self.given).into_iter().collect();
        if let Err(fault) = self.consumer.unassign(&given) {
            warn!(%fault, "giving the partitions back failed");
        }
        info!(took_ms = begun.elapsed().as_millis() as u64, "drained");
    }
}
