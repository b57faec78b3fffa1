//! Back-fill: what an edited book needs and was never evaluated is computed from the log by a lane of its own, while live scoring goes on
//! with the book before the edit. The edit takes effect as a whole, when nothing is missing any more.
//!
//! ```text
//! edit ─ needs ─▶ nothing missing ─────────────────────────────────┐
//!           └──▶ lane: own consumer, ids, offsets, chunks ─ near ─▶ live holds at X ─ the lane reaches X ─ join ─▶ live adopts the book
//! ```
//!
//! | at the moment of a crash, the store has | the next start |
//! |---|---|
//! | the old book active, nothing of the lane | scores by the old book, begins the lane |
//! | the old book active, chunks of the lane | scores by the old book, goes on where the lane's `next_offset` stands |
//! | the join's transaction, not answered | finds it done or not done: one transaction renames the lane's partitions and makes the new book active |
//! | the new book active | scores by the new book from X on; the lane's chunks are facts like any other |
//!
//! **The join renames, it does not copy.** A lane's partition becomes `joined/N`, and restoring reads `live` and all of these: gigabytes of chunks
//! change hands by an update of a few rows, and chunks of two lanes may have equal offsets. What a chunk counts for is told by its
//! `evaluated` ranges alone; an aggregate that is evaluated twice over one offset is refused when state is restored.
//!
//! **What is counted.** Live counted every record up to its offset: the lane's chunks carry neither counters nor dead letters below that, but where live does not read the
//! topic at all (the edit brings it) the lane stands for live, counts as it would, and the join moves live's offset to the lane's.
//!
//! **Copies.** The lane judges copies by its own ids: those of stored chunks that end where it begins, then those of each record that it reads, also over
//! offsets that were evaluated already. So a copy is counted once, whichever side of a seam it lies on. One exception: where the hole lies *below* what was
//! evaluated (the floor has moved down), a copy above the seam was judged before its first was known, and both count.

mod lane;
mod needs;
mod view;

pub use lane::{LANE_ENTRIES_MAX, Lane, LaneCut};
pub use needs::{Need, PartitionView, Segment, missing, needs};
pub use view::lane_name;
