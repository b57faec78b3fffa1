//! What the editor knows of the world: the topics of the edited book, what the store has of them, and from where they can be read.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Editor;
use super::lane::Running;
use crate::aggregate::plan::{AggregateId, Plan};
use crate::chunk::{EvaluatedRange, unite_ranges};
use crate::clock::now;
use crate::event::{Offset, Partition, TopicIndex};
use crate::ingest::kafka::Consumer;
use crate::pipeline::LogStart;
use crate::pipeline::backfill::PartitionView;
use crate::service::edition::LoadedBook;
use crate::service::log_starts::{log_starts, topics_to_read};
use crate::service::names::Names;
use crate::store::{Claim, JoinPartition, LIVE_LANE, PartitionKey, StoredChunk};

/// How long a question to the brokers may take.
pub(super) const BROKER_TIMEOUT: Duration = Duration::from_secs(5);

/// A client of its own, and the names by which the edited book's partitions are known.
pub(super) struct Reader {
    pub(super) consumer: Consumer,
    pub(super) names: Names,
    /// Topics of the edited book that the active one does not read.
    pub(super) unread: BTreeSet<TopicIndex>,
    /// What live evaluates, in the topics that it reads.
    pub(super) active: BTreeSet<AggregateId>,
}

/// What the store and the brokers said.
pub(super) struct Stored {
    pub(super) views: Vec<PartitionView>,
    pub(super) chunks: Vec<(Partition, StoredChunk)>,
}

impl Reader {
    pub(super) fn open(editor: &Editor, edited: &LoadedBook) -> Result<Reader, String> {
        let book = &edited.book;
        let topics = topics_to_read(book);
        let mut consumer = Consumer::open_apart(&editor.kafka, &topics).map_err(|fault| fault.to_string())?;
        let cluster = consumer.describe_topics(BROKER_TIMEOUT).map_err(|fault| fault.to_string())?;
        let names = Names::of(book, &cluster);
        let missing = names.missing(book);
        if !missing.is_empty() {
            return Err(format!("kafka has no topic {}", missing.join(", ")));
        }
        let is_read = |name: &String| editor.active.book.topics.iter().any(|topic| topic.name == *name);
        let unread = topics.iter().filter(|topic| !is_read(&topic.name)).map(|topic| topic.index).collect();
        let active = Plan::of(&editor.active.book).aggregates.iter().map(|aggregate| aggregate.id).collect();
        Ok(Reader { consumer, names, unread, active })
    }

    pub(super) fn stored(&mut self, editor: &Editor, edited: &LoadedBook) -> Result<Stored, String> {
        let partitions = self.names.partitions().iter().copied();
        let starts = log_starts(&self.consumer, &edited.book, partitions, now(), BROKER_TIMEOUT);
        let starts = starts.map_err(|fault| fault.to_string())?;
        let ends = self.unread_ends()?;
        let claims = self.claims(editor)?;
        let chunks = self.chunks(editor, LIVE_LANE)?;
        let view = |(partition, start): (Partition, LogStart)| {
            let mut view = PartitionView::new(partition, start);
            view.live = self.names.key(partition).and_then(|key| claims.get(&key)?.next_offset);
            if self.unread.contains(&partition.topic) {
                view.unread_to = Some(ends.get(&partition).copied().unwrap_or(start.offset));
            }
            (partition, view)
        };
        let mut views: BTreeMap<Partition, PartitionView> = starts.into_iter().map(view).collect();
        for (partition, chunk) in &chunks {
            if let Some(view) = views.get_mut(partition) {
                view.add(&chunk.bytes).map_err(|fault| fault.to_string())?;
            }
        }
        Ok(Stored { views: views.into_values().collect(), chunks })
    }

    /// Where the logs end now that live does not read.
    pub(super) fn unread_ends(&self) -> Result<BTreeMap<Partition, Offset>, String> {
        let unread: Vec<Partition> = self
            .names
            .partitions()
            .iter()
            .copied()
            .filter(|partition| self.unread.contains(&partition.topic))
            .collect();
        self.consumer.log_ends_now(&unread, BROKER_TIMEOUT).map_err(|fault| fault.to_string())
    }

    /// Where every partition of every lane stands.
    pub(super) fn claims(&self, editor: &Editor) -> Result<BTreeMap<PartitionKey, Claim>, String> {
        let claims = editor.runtime.block_on(editor.store.partitions(self.names.cluster()));
        Ok(claims.map_err(|fault| fault.to_string())?.into_iter().map(|claim| (claim.key.clone(), claim)).collect())
    }

    pub(super) fn chunks(&self, editor: &Editor, lane: &str) -> Result<Vec<(Partition, StoredChunk)>, String> {
        let topic_ids = self.names.topic_ids();
        let loaded = editor.store.load_chunks(self.names.cluster(), &topic_ids, lane);
        let chunks = editor.runtime.block_on(loaded).map_err(|fault| fault.to_string())?;
        Ok(chunks.into_iter().filter_map(|chunk| Some((self.names.partition(&chunk.key)?, chunk))).collect())
    }

    /// The partitions of a join, with live where `claims` say; `views` are moved there. `None`: live has begun a
    /// partition since.
    pub(super) fn joined(
        &self,
        claims: &BTreeMap<PartitionKey, Claim>,
        views: &mut [PartitionView],
        lane: Option<&Running>,
    ) -> Option<Vec<JoinPartition>> {
        let is_new = |key: &PartitionKey| {
            let partition = self.names.partition(key).filter(|_| key.lane == LIVE_LANE);
            partition.is_some_and(|partition| !self.names.partitions().contains(&partition))
        };
        if claims.keys().any(is_new) {
            return None;
        }
        let reached: BTreeMap<Partition, _> = lane.map(|lane| lane.lane.stored_offsets().collect()).unwrap_or_default();
        let mut partitions = Vec::new();
        for view in views {
            let key = self.names.key(view.partition)?;
            let live = claims.get(&key).cloned();
            let own = reached.get(&view.partition).copied();
            let moves_to = own.flatten().filter(|_| self.unread.contains(&view.partition.topic));
            match (moves_to, live.as_ref().and_then(|claim| claim.next_offset)) {
                // Where the lane stands for live, what comes after is live's.
                (Some(to), _) => (view.live, view.unread_to) = (Some(to), Some(to)),
                // Where it began is not known here.
                (None, Some(_)) if view.unread_to.is_none() && view.live.is_none() => return None,
                (None, Some(to)) if view.unread_to.is_none() => self.advance(view, to),
                (None, _) => {}
            }
            let claim = lane.and_then(|lane| lane.claims.get(&view.partition));
            let lane = claim.map(|claim| Claim { next_offset: own.flatten(), ..claim.clone() });
            partitions.push(JoinPartition { key, live, moves_to, lane });
        }
        Some(partitions)
    }

    /// Live came on from where it stood in the view, and evaluated what it has.
    fn advance(&self, view: &mut PartitionView, to: Offset) {
        let from = view.live.unwrap_or(view.start.offset);
        if from < to {
            for id in &self.active {
                let known = view.ranges.entry(*id).or_default();
                known.push(EvaluatedRange { from, to, since: None });
                *known = unite_ranges(std::mem::take(known));
            }
        }
        view.live = Some(to);
    }
}
