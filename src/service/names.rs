//! Names: the book's numbers of topics and partitions, and what the store calls them.

use std::collections::BTreeMap;

use crate::book::Book;
use crate::event::{Partition, TopicIndex};
use crate::ingest::kafka::ClusterDescription;
use crate::pipeline::backfill::LaneCut;
use crate::pipeline::{Cut, DeadLetterSample, PartitionCut};
use crate::store::{Claim, Commit, DeadLetter, LIVE_LANE, PartitionCommit, PartitionKey};

/// The cluster's and topics' ids.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    cluster: String,
    topics: BTreeMap<TopicIndex, (String, String)>,
    partitions: Vec<Partition>,
}

impl Names {
    /// Those of `cluster`.
    pub(super) fn of(book: &Book, cluster: &ClusterDescription) -> Names {
        let topics = cluster.topics.iter().map(|(index, topic)| {
            let name = book.topics[usize::from(index.0)].name.clone();
            (*index, (topic.id.clone(), name))
        });
        Names {
            cluster: cluster.cluster_id.clone().unwrap_or_default(),
            topics: topics.collect(),
            partitions: cluster.partitions().collect(),
        }
    }

    /// All partitions that the topics had when the cluster was asked, and those that were added since.
    pub(super) fn partitions(&self) -> &[Partition] {
        &self.partitions
    }

    /// The same, with partitions that were added.
    pub(super) fn with(&self, added: &[Partition]) -> Names {
        let mut names = self.clone();
        names.partitions.extend(added);
        names
    }

    /// A partition's name for people: `topic/number`.
    pub(super) fn shown(&self, partition: Partition) -> String {
        let topic = self.topics.get(&partition.topic).map_or("?", |(_, name)| name.as_str());
        format!("{topic}/{}", partition.number)
    }

    /// The cluster's id; empty where it has none.
    pub(super) fn cluster(&self) -> &str {
        &self.cluster
    }

    /// The ids of all topics.
    pub(super) fn topic_ids(&self) -> Vec<String> {
        self.topics.values().map(|(id, _)| id.clone()).collect()
    }

    /// Names of the topics that the book reads and the cluster does not have.
    pub(super) fn missing(&self, book: &Book) -> Vec<String> {
        let topics = book.topics.iter().zip(0..).filter(|(_, index)| !self.topics.contains_key(&TopicIndex(*index)));
        topics.map(|(topic, _)| topic.name.clone()).collect()
    }

    /// What the store calls a partition; `None` for one of a topic that the cluster does not have.
    pub(super) fn key(&self, partition: Partition) -> Option<PartitionKey> {
        let (topic_id, topic) = self.topics.get(&partition.topic)?;
        Some(PartitionKey {
            cluster: self.cluster.clone(),
            topic_id: topic_id.clone(),
            topic: topic.clone(),
            partition: partition.number,
            lane: LIVE_LANE.to_owned(),
        })
    }

    /// The same in a back-fill's lane.
    pub(super) fn key_in(&self, lane: &str, partition: Partition) -> Option<PartitionKey> {
        Some(PartitionKey { lane: lane.to_owned(), ..self.key(partition)? })
    }

    /// A lane's cut in the store's words, under the epochs of its claims.
    pub(super) fn lane_commit(&self, cut: LaneCut, claims: &BTreeMap<Partition, Claim>) -> Commit {
        let lane = |partition: &Partition| claims.get(partition).map(|claim| (claim.key.clone(), claim.epoch));
        let partition = |cut: PartitionCut| {
            let (key, epoch) = lane(&cut.partition)?;
            Some(PartitionCommit::of(cut, key, epoch))
        };
        let letter = |letter: DeadLetterSample| {
            let (key, _) = lane(&letter.partition)?;
            Some(DeadLetter { key, ..self.dead_letter(letter)? })
        };
        Commit {
            partitions: cut.partitions.into_iter().filter_map(partition).collect(),
            dead_letters: cut.dead_letters.into_iter().filter_map(letter).collect(),
            ..Commit::default()
        }
    }

    /// The partition that the store calls so; `None` for one that is none of ours.
    pub(super) fn partition(&self, key: &PartitionKey) -> Option<Partition> {
        let (topic, _) = self.topics.iter().find(|(_, (id, _))| *id == key.topic_id)?;
        Some(Partition { topic: *topic, number: key.partition })
    }

    /// A cut in the store's words; epochs are the store task's to fill in.
    pub(super) fn commit(&self, cut: Cut) -> Commit {
        let partition = |cut: PartitionCut| {
            let key = self.key(cut.partition)?;
            Some(PartitionCommit::of(cut, key, 0))
        };
        let mut partitions: Vec<PartitionCommit> = cut.partitions.into_iter().filter_map(partition).collect();
        partitions.sort_by(|a, b| a.key.cmp(&b.key));
        let dead_letters = cut.dead_letters.into_iter().filter_map(|letter| self.dead_letter(letter)).collect();
        Commit { partitions, dead_letters, baselines: cut.baselines }
    }

    fn dead_letter(&self, letter: DeadLetterSample) -> Option<DeadLetter> {
        Some(DeadLetter {
            key: self.key(letter.partition)?,
            offset: letter.offset,
            event: letter.event,
            reason: letter.reason,
            detail: letter.detail,
            record_at: letter.record_at,
            sample: letter.sample,
        })
    }
}
