//! The store's side of the service: one task that claims, loads and commits in the order in which it is asked, and asks again by itself
//! where the store is away. The consumer thread never waits for a database.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tracing::{error, info, warn};

use crate::clock::now;
use crate::expose::metrics::ServiceMetrics;
use crate::expose::{Phase, Readiness};
use crate::pipeline::{AssignmentEpoch, Cut, CutId};
use crate::score::{CheckIn, FrozenBaseline};
use crate::service::names::Names;
use crate::store::{Claim, Commit, CommitOutcome, LIVE_LANE, PartitionKey, Resolved, Store, StoreError, StoredChunk};

/// How often people's check-ins are looked for, and the store's size asked.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);

/// The first and the longest wait before a store that is away is asked again.
const RETRY_WAIT: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

/// A partition that was never read, and where the one of the same name stands that its topic had before it was made anew.
pub(super) type Earlier = (PartitionKey, Claim);

/// What the consumer thread asks for.
#[derive(Debug)]
pub(super) enum ToStore {
    /// All chunks of these topics.
    Restore {
        /// The cluster's id.
        cluster: String,
        /// The topics' ids.
        topic_ids: Vec<String>,
    },
    /// These partitions, for this assignment.
    Claim {
        /// The assignment.
        epoch: AssignmentEpoch,
        /// The hash of the book by which they are to be scored.
        book: String,
        /// The partitions.
        keys: Vec<PartitionKey>,
    },
    /// A cut. The partitions' epochs are filled in here, from the last claim of each.
    Commit {
        /// The cut.
        cut: Box<Cut>,
        /// What the store calls its partitions.
        names: Arc<Names>,
    },
}

/// What the store answered.
#[derive(Debug)]
pub(super) enum FromStore {
    /// To [`ToStore::Restore`].
    Restored {
        /// All chunks.
        chunks: Vec<StoredChunk>,
        /// All frozen baselines.
        baselines: Vec<FrozenBaseline>,
    },
    /// To [`ToStore::Claim`].
    Claimed {
        /// The assignment.
        epoch: AssignmentEpoch,
        /// The partitions, each with the offset at which it stands.
        claims: Vec<Claim>,
        /// Partitions never read whose topic's name was read under another id: each with where that one stands.
        earlier: Vec<Earlier>,
    },
    /// To [`ToStore::Commit`].
    Committed(CutId),
    /// Another process has claimed partitions of ours: nothing of the commit is in the store.
    Fenced {
        /// Which, for the log.
        partitions: Vec<PartitionKey>,
    },
    /// To [`ToStore::Claim`], where another book has taken effect than the one that claims: nothing may be committed by that one any more.
    Superseded {
        /// The assignment.
        epoch: AssignmentEpoch,
    },
    /// What people said, whenever it has changed.
    CheckIns(Vec<CheckIn>),
    /// The store cannot be used.
    GaveUp(String),
}

/// The store and what the task knows beside it.
pub(super) struct StoreTask {
    pub(super) store: Arc<Store>,
    pub(super) answers: SyncSender<FromStore>,
    pub(super) metrics: ServiceMetrics,
    pub(super) readiness: Readiness,
    pub(super) epochs: BTreeMap<PartitionKey, i64>,
    /// A cluster that may be read although the store holds another's facts.
    pub(super) accept_cluster: Option<String>,
}

impl StoreTask {
    /// Answers until nobody asks any more.
    pub(super) async fn run(mut self, mut asked: Receiver<ToStore>) {
        let mut look = interval(LOOK_INTERVAL);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut seen = None;
        loop {
            tokio::select! {
                biased;
                question = asked.recv() => match question {
                    Some(question) => self.answer(question).await,
                    None => return,
                },
                _ = look.tick() => self.look(&mut seen).await,
            }
        }
    }

    async fn answer(&mut self, question: ToStore) {
        let answer = match question {
            ToStore::Restore { cluster, topic_ids } => self.restore(&cluster, &topic_ids).await,
            ToStore::Claim { epoch, book, keys } => self.claim(epoch, &book, &keys).await,
            ToStore::Commit { cut, names } => self.commit(cut, names).await,
        };
        self.send(answer);
    }

    /// The consumer thread takes answers all the time; if it is gone, the process is about to end.
    fn send(&self, answer: FromStore) {
        if self.answers.try_send(answer).is_err() {
            warn!("nobody takes the store's answer");
        }
    }

    async fn restore(&self, cluster: &str, topic_ids: &[String]) -> FromStore {
        let begun = Instant::now();
        let mut wait = RETRY_WAIT.0;
        loop {
            match self.store.clusters().await {
                Ok(known) => match foreign(&known, cluster, self.accept_cluster.as_deref()) {
                    None => break,
                    Some(reason) => return FromStore::GaveUp(format!("{}: {reason}", self.store.name())),
                },
                Err(fault) => match self.again("asking the store for its clusters", &fault, &mut wait).await {
                    true => continue,
                    false => return FromStore::GaveUp(fault.to_string()),
                },
            }
        }
        loop {
            match self.load(cluster, topic_ids).await {
                Ok((chunks, baselines)) => {
                    let bytes: usize = chunks.iter().map(|chunk| chunk.bytes.len()).sum();
                    let took_ms = begun.elapsed().as_millis() as u64;
                    info!(store = self.store.name(), chunks = chunks.len(), bytes, took_ms, "stored facts loaded");
                    return FromStore::Restored { chunks, baselines };
                }
                Err(fault) => match self.again("loading stored facts", &fault, &mut wait).await {
                    true => continue,
                    false => return FromStore::GaveUp(fault.to_string()),
                },
            }
        }
    }

    async fn load(
        &self,
        cluster: &str,
        topic_ids: &[String],
    ) -> Result<(Vec<StoredChunk>, Vec<FrozenBaseline>), StoreError> {
        Ok((self.store.load_chunks(cluster, topic_ids, LIVE_LANE).await?, self.store.baselines().await?))
    }

    async fn claim(&mut self, epoch: AssignmentEpoch, book: &str, keys: &[PartitionKey]) -> FromStore {
        let mut wait = RETRY_WAIT.0;
        loop {
            match self.claimed(book, keys).await {
                Ok(None) => return FromStore::Superseded { epoch },
                Ok(Some((claims, earlier))) => {
                    self.keep(&claims);
                    info!(partitions = claims.len(), epoch = epoch.0, "claimed");
                    return FromStore::Claimed { epoch, claims, earlier };
                }
                Err(fault) => match self.again("claiming partitions", &fault, &mut wait).await {
                    true => continue,
                    false => return FromStore::GaveUp(fault.to_string()),
                },
            }
        }
    }

    /// The claims, and what is told beside them; `None` if another book has taken effect. Asked after the claim: a join that comes later finds
    /// the partitions claimed, and is fenced.
    async fn claimed(
        &self,
        book: &str,
        keys: &[PartitionKey],
    ) -> Result<Option<(Vec<Claim>, Vec<Earlier>)>, StoreError> {
        let claims = self.store.claim(keys).await?;
        if self.store.active_book().await?.is_some_and(|(hash, _)| hash != book) {
            return Ok(None);
        }
        let earlier = self.earlier(&claims).await?;
        Ok(Some((claims, earlier)))
    }

    /// Where partitions of the same names stand under other topic ids, for those that were never read.
    async fn earlier(&self, claims: &[Claim]) -> Result<Vec<Earlier>, StoreError> {
        let new: Vec<&PartitionKey> = claims.iter().filter(|c| c.next_offset.is_none()).map(|c| &c.key).collect();
        let Some(first) = new.first() else { return Ok(Vec::new()) };
        let known = self.store.partitions(&first.cluster).await?;
        let same_name = |a: &PartitionKey, b: &PartitionKey| {
            (&a.topic, a.partition, &a.lane) == (&b.topic, b.partition, &b.lane) && a.topic_id != b.topic_id
        };
        let earlier = new.into_iter().filter_map(|key| {
            let stood = known.iter().filter(|claim| same_name(&claim.key, key) && claim.next_offset.is_some());
            Some((key.clone(), stood.max_by_key(|claim| claim.next_offset)?.clone()))
        });
        Ok(earlier.collect())
    }

    fn keep(&mut self, claims: &[Claim]) {
        self.epochs.extend(claims.iter().map(|claim| (claim.key.clone(), claim.epoch)));
    }

    async fn commit(&mut self, cut: Box<Cut>, names: Arc<Names>) -> FromStore {
        let id = cut.id;
        let mut commit = names.commit(*cut);
        let mut wait = RETRY_WAIT.0;
        loop {
            for partition in &mut commit.partitions {
                partition.epoch = self.epochs.get(&partition.key).copied().unwrap_or(partition.epoch);
            }
            let begun = Instant::now();
            match self.store.commit(&commit).await {
                CommitOutcome::Committed => {
                    self.metrics.committed(begun.elapsed(), now());
                    return FromStore::Committed(id);
                }
                CommitOutcome::Fenced { partitions } => return self.fenced(partitions),
                CommitOutcome::Failed { error } => {
                    self.metrics.commit_failed();
                    warn!(
                        error,
                        wait_ms = wait.as_millis() as u64,
                        "commit failed, nothing of it is in the store; trying again"
                    );
                    pause(&mut wait).await;
                }
                CommitOutcome::Unknown { error } => {
                    self.metrics.commit_failed();
                    warn!(error, "commit's answer was lost; claiming again to find out");
                    match self.resolve(&commit).await {
                        Ok(Resolved::Committed(claims)) => {
                            self.keep(&claims);
                            self.metrics.committed(begun.elapsed(), now());
                            info!("the lost commit is in the store");
                            return FromStore::Committed(id);
                        }
                        Ok(Resolved::NotCommitted(claims)) => {
                            self.keep(&claims);
                            info!("the lost commit is not in the store; committing it again");
                        }
                        Ok(Resolved::Elsewhere(partitions)) => return self.fenced(partitions),
                        Err(fault) => return FromStore::GaveUp(fault.to_string()),
                    }
                }
            }
        }
    }

    fn fenced(&self, partitions: Vec<PartitionKey>) -> FromStore {
        self.metrics.fenced();
        FromStore::Fenced { partitions }
    }

    async fn resolve(&self, commit: &Commit) -> Result<Resolved, StoreError> {
        let mut wait = RETRY_WAIT.0;
        loop {
            match self.store.resolve_unknown(commit).await {
                Ok(resolved) => return Ok(resolved),
                Err(fault) => match self.again("finding out about a commit", &fault, &mut wait).await {
                    true => continue,
                    false => return Err(fault),
                },
            }
        }
    }

    /// Whether to ask again; if so, after a wait.
    async fn again(&self, what: &str, fault: &StoreError, wait: &mut Duration) -> bool {
        if !fault.is_transient() {
            error!(%fault, "{what} failed");
            return false;
        }
        self.readiness.set(Phase::Store { error: Some(fault.to_string()) });
        warn!(%fault, wait_ms = wait.as_millis() as u64, "{what} failed; trying again");
        pause(wait).await;
        true
    }

    /// Looks for new check-ins and at the store's size. A store that is away is no news here: commits say so.
    async fn look(&self, seen: &mut Option<i64>) {
        if let Ok(version) = self.store.check_ins_version().await
            && *seen != Some(version)
            && let Ok(check_ins) = self.store.check_ins().await
        {
            *seen = Some(version);
            self.send(FromStore::CheckIns(check_ins));
        }
        if let Ok(bytes) = self.store.store_bytes().await {
            self.metrics.set_store_bytes(bytes);
        }
    }
}

/// Why a store with facts of the clusters `known` is not to be used for `ours`.
///
/// | the store holds facts of | ours is | |
/// |---|---|---|
/// | none | any | used |
/// | A, or A and B | A | used |
/// | A | B | refused: most often it is the wrong `kafka.brokers` |
/// | A | B, and `store.accept_cluster` names B | used; A's facts count no more |
fn foreign(known: &[String], ours: &str, accepted: Option<&str>) -> Option<String> {
    if known.is_empty() || known.iter().any(|cluster| cluster == ours) || accepted == Some(ours) {
        return None;
    }
    Some(format!(
        "it holds facts of the kafka cluster {}, and kafka.brokers leads to the cluster {ours}; mend kafka.brokers, or name another \
         store in store.url; to go on in this store with {ours} from its beginning, and without what was counted, set \
         store.accept_cluster = \"{ours}\"",
        known.join(" and ")
    ))
}

/// Waits, and makes the next wait twice as long, up to its limit.
async fn pause(wait: &mut Duration) {
    sleep(*wait).await;
    *wait = (*wait * 2).min(RETRY_WAIT.1);
}

#[cfg(test)]
mod tests {
    use super::foreign;

    #[test]
    fn a_store_of_another_cluster_is_refused_unless_told_otherwise() {
        let check = |known: &[&str], accepted: Option<&str>, expected: &str| {
            let known: Vec<String> = known.iter().map(|id| (*id).to_owned()).collect();
            let said = foreign(&known, "B", accepted).unwrap_or_default();
            assert!(
                said.starts_with(expected) && said.is_empty() == expected.is_empty(),
                "{known:?} {accepted:?}: {said}"
            );
        };
        check(&[], None, "");
        check(&["B"], None, "");
        check(&["A", "B"], None, "");
        check(&["A"], None, "it holds facts of the kafka cluster A, and kafka.brokers leads to the cluster B; mend");
        check(&["A"], Some("A"), "it holds facts");
        check(&["A"], Some("B"), "");
    }
}
