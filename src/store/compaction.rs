//! Compaction: adjacent stored chunks of a partition become one, from what is stored, never from live state, and what lies below the floor is
//! left out. [`super::choice`] says when.
//!
//! | step | in the store | after `kill -9` here |
//! |---|---|---|
//! | the chunks are read and folded in memory | nothing | nothing happened |
//! | the new one's parts are written, [`WRITE_BYTES_MAX`] a transaction, all but the last of them beforehand | parts that are not read | they are deleted before the next fold |
//! | the last transaction: the old ones are marked, if they still are what was read, and the new one is read | either the old ones or the new one | the same |
//! | marked ones are deleted after [`FOLDED_KEPT`], as many bytes a transaction | fewer marked ones | they are deleted later |
//!
//! Between two transactions a commit may go on, so that it waits for the writing of [`WRITE_BYTES_MAX`] at most. Pages that deleting frees are
//! used for what is written next: an SQLite file stays as large as it ever was, and grows no more; PostgreSQL's autovacuum does the same.

use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::backend::Backend;
use super::choice::{Held, choose};
use super::error::StoreError;
use super::open::Store;
use super::session::{Session, WORK_TIMEOUT};
use super::{ChunkSummary, LIVE_LANE, PartitionKey, StoredChunk, rows};
use crate::chunk::{self, Below, Chunk};
use crate::clock;
use crate::event::Offset;
use crate::time::{Span, Timestamp};

/// How long a folded chunk is kept: a reader that began before the fold may still want it.
pub const FOLDED_KEPT: Span = Span::HOUR;

/// The most bytes of a transaction, but for a single part that is longer.
const WRITE_BYTES_MAX: usize = 8 << 20;

/// Bytes that are folded in one turn.
const TURN_BYTES_MAX: u64 = 64 << 20;

/// By what a turn of compaction goes.
#[derive(Clone, Debug)]
pub struct Compaction<F> {
    /// The floor as of an instant, by the book that scores.
    pub floor_at: F,
    /// What lies below the floor now.
    pub below: Below,
    /// The wall clock.
    pub now: Timestamp,
    /// How long folded chunks are kept: [`FOLDED_KEPT`].
    pub kept: Span,
}

/// What a turn did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compacted {
    /// How many chunks were made.
    pub folds: u64,
    /// Chunks that they took the place of.
    pub chunks: u64,
    /// Bytes of those.
    pub bytes_before: u64,
    /// Bytes of the new ones.
    pub bytes_after: u64,
    /// Parts that were deleted, folded long enough ago.
    pub deleted: u64,
    /// The longest that a commit could have had to wait.
    pub longest_transaction: Duration,
    /// Whether more is to do at once.
    pub more: bool,
    /// What could not be folded, and why: nothing of it was changed.
    pub refused: Vec<String>,
}

/// A new chunk, and what it takes the place of.
pub(super) struct Fold {
    key: PartitionKey,
    from: Offset,
    to: Offset,
    parts_before: u64,
    parts: Vec<Vec<u8>>,
}

impl Store {
    /// One turn of compaction over the live lanes of all partitions, as the module's table says. Bounded: see [`Compacted::more`].
    ///
    /// # Errors
    /// The store's; whatever was done until then is whole.
    pub async fn compact<F>(&self, compaction: &Compaction<F>) -> Result<Compacted, StoreError>
    where
        F: Fn(Timestamp) -> Timestamp,
    {
        let mut done = Compacted::default();
        let summaries = self.chunk_summaries(LIVE_LANE).await?;
        for partition in summaries.chunk_by(|a, b| a.key == b.key) {
            if done.bytes_before >= TURN_BYTES_MAX {
                done.more = true;
                break;
            }
            let held: Vec<Held> = partition
                .iter()
                .map(|s| Held { from: s.from, to: s.to, bytes: s.bytes, written_at: s.written_at })
                .collect();
            let Some(range) = choose(&held, compaction.now, &compaction.floor_at) else { continue };
            self.fold_range(&partition[range], &compaction.below, &mut done).await?;
        }
        loop {
            let begun = Instant::now();
            let deleted = self.delete_folded(compaction.now - compaction.kept, WRITE_BYTES_MAX).await?;
            done.deleted += deleted;
            if deleted == 0 {
                return Ok(done);
            }
            done.longest_transaction = done.longest_transaction.max(begun.elapsed());
        }
    }

    async fn fold_range(&self, chosen: &[ChunkSummary], below: &Below, done: &mut Compacted) -> Result<(), StoreError> {
        let (Some(first), Some(to)) = (chosen.first(), chosen.iter().map(|chunk| chunk.to).max()) else {
            return Ok(());
        };
        let (key, from) = (first.key.clone(), first.from);
        let stored = self.load_range(&key, from, to).await?;
        let place = format!("{}/{} [{from}, {to})", key.topic, key.partition);
        let parts_before = chosen.iter().map(|chunk| chunk.parts).sum();
        if stored.len() as u64 != parts_before {
            done.refused.push(format!("{place}: {parts_before} parts were listed, {} found", stored.len()));
            return Ok(());
        }
        let below = below.clone();
        // Decoding and packing are seconds of work for the largest: not on a thread that answers.
        let folded = tokio::task::spawn_blocking(move || fold(&stored, &below)).await;
        let folded =
            folded.unwrap_or_else(|_| Err("folding ended with a panic; this is a fault of krscore".to_owned()));
        let parts = match folded {
            Ok(parts) => parts,
            Err(reason) => {
                done.refused.push(format!("{place}: {reason}"));
                return Ok(());
            }
        };
        let bytes_after = parts.iter().map(|part| part.len() as u64).sum::<u64>();
        let fold = Fold { key, from, to, parts_before, parts };
        if self.swap(&fold, &mut done.longest_transaction).await? {
            done.folds += 1;
            done.chunks += chosen.len() as u64;
            done.bytes_before += chosen.iter().map(|chunk| chunk.bytes).sum::<u64>();
            done.bytes_after += bytes_after;
        } else {
            done.refused.push(format!("{place}: the store holds other chunks than were read"));
        }
        Ok(())
    }
}

/// All parts of adjacent chunks, in order, become the parts of one.
fn fold(stored: &[StoredChunk], below: &Below) -> Result<Vec<Vec<u8>>, String> {
    let mut chunks: Vec<Chunk> = Vec::new();
    for parts in stored.chunk_by(|a, b| (a.from, a.to) == (b.from, b.to)) {
        let bytes: Vec<&[u8]> = parts.iter().map(|part| part.bytes.as_slice()).collect();
        let mut chunk = chunk::decode_parts(&bytes).map_err(|fault| fault.to_string())?;
        if (chunk.from, chunk.to) != (parts[0].from, parts[0].to) {
            return Err(format!(
                "its row says [{}, {}), its bytes [{}, {})",
                parts[0].from, parts[0].to, chunk.from, chunk.to
            ));
        }
        chunk::let_go(&mut chunk, below);
        chunks.push(chunk);
    }
    let folded = chunk::fold(chunks).map_err(|fault| fault.to_string())?;
    Ok(chunk::encode(&folded))
}

impl<B: Backend> Session<B> {
    /// Writes the new chunk and puts it in the place of the old ones; `false` if they are not there as they were read, and nothing is changed.
    pub(super) async fn swap(&self, fold: &Fold, longest: &mut Duration) -> Result<bool, StoreError> {
        let doing = "fold chunks";
        let place = (&fold.key, fold.from, fold.to);
        let mut unwritten = (0, fold.parts.as_slice());
        let mut first = true;
        loop {
            let count = fitting(unwritten.1);
            let (now, later) = unwritten.1.split_at(count);
            let is_last = later.is_empty();
            let mut begun = self.begin().await?;
            let since = Instant::now();
            let connection = &mut begun.connection;
            let work = timeout(WORK_TIMEOUT, async {
                let at = clock::now().0;
                if first {
                    B::run(connection, rows::DROP_UNFINISHED).await?;
                }
                B::write_folded(connection, place, (unwritten.0, now), at).await?;
                if !is_last {
                    return Ok(true);
                }
                let marked = B::mark_folded(connection, place, at).await?;
                if marked == fold.parts_before {
                    B::run(connection, rows::READ_FOLDED).await?;
                }
                Ok(marked == fold.parts_before)
            });
            let work = work.await;
            let (begun, is_whole) = self.checked(begun, doing, work).await?;
            if !is_whole {
                self.rolled_back(begun).await;
                return Ok(false);
            }
            self.committed(begun, doing).await?;
            *longest = (*longest).max(since.elapsed());
            if is_last {
                return Ok(true);
            }
            first = false;
            unwritten = (unwritten.0 + count as i32, later);
        }
    }

    /// Deletes chunks that were folded before `before`, some of them.
    pub(super) async fn delete_folded(&self, before: Timestamp, bytes_max: usize) -> Result<u64, StoreError> {
        let doing = "delete folded chunks";
        let mut begun = self.begin().await?;
        let bytes_max = i64::try_from(bytes_max).unwrap_or(i64::MAX);
        let work = timeout(WORK_TIMEOUT, B::delete_folded(&mut begun.connection, before.0, bytes_max)).await;
        let (begun, deleted) = self.checked(begun, doing, work).await?;
        self.committed(begun, doing).await?;
        Ok(deleted)
    }
}

/// How many parts go in one transaction: at least one.
fn fitting(parts: &[Vec<u8>]) -> usize {
    let mut bytes = 0;
    let more = parts.iter().take_while(|part| {
        bytes += part.len();
        bytes <= WRITE_BYTES_MAX
    });
    more.count().max(1).min(parts.len())
}
