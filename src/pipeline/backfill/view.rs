//! What the store knows of a partition, and what a lane has to do there, put together.

use std::collections::BTreeMap;

use super::needs::{Need, PartitionView};
use crate::chunk::{self, ChunkFault, unite_ranges};
use crate::event::{Offset, Partition};
use crate::pipeline::message::LogStart;

impl PartitionView {
    /// A partition that can be read from `start` on, of which nothing is stored.
    pub fn new(partition: Partition, start: LogStart) -> PartitionView {
        PartitionView { partition, start, live: None, unread_to: None, chunks: Vec::new(), ranges: BTreeMap::new() }
    }

    /// Adds a stored chunk, or a part of one.
    ///
    /// # Errors
    /// Bytes that are no chunk.
    pub fn add(&mut self, bytes: &[u8]) -> Result<(), ChunkFault> {
        let header = chunk::part_header(bytes)?;
        if header.part == 0 {
            self.chunks.push((header.from, header.to));
        }
        for evaluated in chunk::evaluated(bytes)? {
            let known = self.ranges.entry(evaluated.aggregate).or_default();
            known.extend(&evaluated.ranges);
            *known = unite_ranges(std::mem::take(known));
        }
        Ok(())
    }
}

impl Need {
    /// Whether a lane that once began at `own_begin` can go on: ids of stored chunks must be told apart there as they were then.
    ///
    /// | the lane began | then |
    /// |---|---|
    /// | where it would begin now | goes on |
    /// | lower, for the log has lost its first records since | goes on, unless a chunk that was folded since lies across |
    /// | higher | begins anew: the edit reaches further back than the one before |
    pub fn resume(&mut self, own_begin: Offset, view: &PartitionView) -> bool {
        let lies_across = |(from, to): &(Offset, Offset)| *from < own_begin && own_begin < *to;
        let goes_on = own_begin == self.begin || own_begin < self.begin && !view.chunks.iter().any(lies_across);
        if goes_on {
            self.begin = own_begin;
        }
        goes_on
    }
}

/// The lane that fills these needs, as the store names it: by what is missing, so that an edit of a title does not begin it anew.
pub fn lane_name(needs: &[Need]) -> String {
    let ids: Vec<u8> = super::missing(needs).iter().flat_map(|id| id.0.to_le_bytes()).collect();
    format!("fill/{:016x}", xxhash_rust::xxh3::xxh3_64(&ids))
}
