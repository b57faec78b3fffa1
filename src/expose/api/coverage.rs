//! `/api/v1/coverage`: over which offsets each stored aggregate was evaluated, so that `krscore check --against` can say what an edit misses.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};

use super::error::ApiError;
use crate::aggregate::plan::Plan;
use crate::event::Offset;
use crate::expose::Server;
use crate::snapshot::Snapshot;

/// What is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// The hash of the book that scores.
    pub book: String,
    /// The aggregates that it needs, by their stored name in hexadecimal.
    pub aggregates: Vec<String>,
    /// Every partition that is known; of one that was never read all offsets are 0.
    pub partitions: Vec<CoveredPartition>,
}

/// A partition that is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoveredPartition {
    /// The topic.
    pub topic: String,
    /// Kafka's number of the partition.
    pub partition: i32,
    /// The first offset that was read.
    pub first_offset: Offset,
    /// The next offset to read.
    pub next_offset: Offset,
    /// For each aggregate: first offset, the offset after the last, and the first record's timestamp in microseconds.
    pub evaluated: BTreeMap<String, Vec<(Offset, Offset, Option<i64>)>>,
}

/// An aggregate's name in JSON.
pub fn aggregate_name(id: crate::aggregate::plan::AggregateId) -> String {
    format!("{:016x}", id.0)
}

impl Coverage {
    /// What a Snapshot was scored from.
    pub fn of(snapshot: &Snapshot) -> Coverage {
        let partition = |progress: &crate::aggregate::facts::PartitionProgress| {
            let topic = snapshot.book.topics.get(usize::from(progress.partition.topic.0))?;
            let evaluated = snapshot.evaluated.get(&progress.partition).into_iter().flatten();
            Some(CoveredPartition {
                topic: topic.name.clone(),
                partition: progress.partition.number,
                first_offset: progress.first_offset,
                next_offset: progress.next_offset,
                evaluated: evaluated
                    .map(|(id, ranges)| {
                        let range =
                            |range: &crate::chunk::EvaluatedRange| (range.from, range.to, range.since.map(|at| at.0));
                        (aggregate_name(*id), ranges.iter().map(range).collect())
                    })
                    .collect(),
            })
        };
        Coverage {
            book: snapshot.book.hash.clone(),
            aggregates: Plan::of(&snapshot.book)
                .aggregates
                .iter()
                .map(|aggregate| aggregate_name(aggregate.id))
                .collect(),
            partitions: snapshot.partitions.iter().filter_map(partition).collect(),
        }
    }
}

/// That of the latest Snapshot.
pub(crate) async fn coverage(State(server): State<Server>) -> Result<Json<Coverage>, ApiError> {
    let published = server.readers.borrow().clone().ok_or_else(ApiError::not_ready)?;
    Ok(Json(Coverage::of(&published.snapshot)))
}
