//! Chunks: what one partition contributed between two offsets, packed into checksummed bytes. This is the stored format.
//!
//! A chunk only adds: decoding any set of committed chunks and merging them in any order gives the same facts.
//!
//! # The format, version 1
//!
//! A chunk is stored as parts of at most [`PART_BYTES_MAX`]; each part can be read by itself, and its rows add to those of the others.
//! `u16 u32 u64 i64` are little-endian and of fixed width. `varint` is LEB128; `signed` is a varint of the zig-zag (0, −1, 1, −2 … as 0, 1, 2, 3 …);
//! `wide` is a `signed` of 128 bits. `text` is a varint of its length in bytes, then UTF-8. Times are microseconds since 1970-01-01T00:00:00Z.
//! `n × …` stands for a varint n, then n times what follows. A checksum is XXH3-64 with seed 0.
//!
//! | part | |
//! |---|---|
//! | 0 | `KRSC` |
//! | 4 | u16 version. Another version may differ in everything that follows |
//! | 6 | u32 number of this part, from 0; u32 number of parts |
//! | 14 | i64 first offset covered; i64 the offset after the last. The same in all parts |
//! | 30 | u32 number of sections in this part |
//! | 34 | u64 checksum of bytes 0 to 33 |
//! | 42 | the sections, and nothing after them |
//!
//! | section | |
//! |---|---|
//! | name | one byte for its length, then ASCII: `head`, `evaluated`, `floor`, `cells`, `bins`, `distinct`, `halves`, `levels`, `ids/DAY` (DAY: days since 1970-01-01, decimal). A reader refuses any other |
//! | length | u32 length of the body |
//! | body | see below; nothing is left over |
//! | checksum | u64 over name, length and body |
//!
//! `head` is the first section of part 0, and `evaluated` and `floor` follow it if there is anything to say; they stand once in a chunk. The others hold rows, at most
//! [`SECTION_ROWS_MAX`] each, and stand as often as it takes. Rows are sorted, across sections too; deltas and dictionaries begin anew in each section.
//!
//! | body of | |
//! |---|---|
//! | `head` | *times* (last record, complete until); n × (u64 event, *times* (watermark, last event)); n × (text name, varint count). *times*: one byte, bit 0: the first is there, bit 1: the second; then a signed for each that is |
//! | `evaluated` | n × (u64 aggregate, n × (signed from, varint to − from, one byte: 1 if since is there, signed since)) |
//! | `floor` | signed: the floor under which facts were left out |
//! | `cells` | *texts*, then *groups* of rows: one byte (bit 0 sum, bit 1 min, bit 2 max are there), *member*, *bucket*, varint count, wide sum (else 0), wide min, wide max − min (wrapping; max itself if min is not there) |
//! | `bins` | *texts*, then *groups* of rows: *member*, *bucket*, signed bin − bin of the row before, varint count |
//! | `distinct` | *texts*, then *groups* of: *member*, *bucket*, n × varint value − value before, from 0. A row is one value |
//! | `halves` | *texts*, then *groups*, each with one byte for its unit (0: 1 µs, 1: 1 ms, 2: 1 s) and a signed base, of rows: see below |
//! | `levels` | *texts*, then *groups*, each with a unit and a base as those of `halves`, of rows: one byte (bit 0: a value is there; bits 1–7 how many dimensions, 127: a varint says how many beyond 127); varint key − key before; *bucket*; varint time − base; wide value; a varint number for each dimension |
//! | `ids/DAY` | groups of rows without texts: u64 event, n × varint id − id before |
//!
//! *texts* is n × text, sorted; rows name a text by its number from 1, and 0 is NULL. *groups*, up to the end of the body, are u64 aggregate, then n × row.
//! *member* is a varint: number − number of the row before; *bucket* is a signed: bucket − bucket of the row before. The row before a group's first is all zeros.
//!
//! A row of `halves`, its times in units: one byte (bit 0 start, bit 1 deadline, bit 2 ends, bit 3 the last end differs from the first, bit 4 void, bits 5–7 how many
//! dimensions, 7: a varint after the deadline says how many beyond 7); varint key − key before; varint start − base; signed deadline − start; a varint number for each
//! dimension; signed first end − start (− base without a start); varint last end − first end. All differences of 64 bits wrap. Only what the bits name is there.
//!
//! Nothing is compressed. Measured with zstd level 1 (`benches/chunk.rs`): half-pairs shrink by 13 to 25 %, cells by 17 %, ids by 8 % and bins, the fewest bytes, by 60 %, for a bound on
//! what unpacking may allocate and 10 to 220 ns a row when writing; keys and ids are hashes, and deltas have taken most of the rest.

mod below;
mod decode;
mod encode;
mod fault;
mod merge;
mod order;
mod rows;
#[cfg(test)]
mod tests;
mod wire;

pub use below::{Below, let_go};
pub use decode::{PartHeader, decode, decode_parts, evaluated, part_header};
pub use encode::{Encoded, encode};
pub use fault::{ChunkFault, FoldFault};
pub use merge::{fold, join_halves, join_head, join_levels, unite_ranges};

use std::collections::BTreeMap;

use smallvec::SmallVec;

use crate::aggregate::cell::Cell;
use crate::aggregate::plan::{AggregateId, EventId};
use crate::aggregate::sketch::Bin;
use crate::event::Offset;
use crate::time::{Bucket, Timestamp};

/// The version that is written, and the only one that is read.
pub const VERSION: u16 = 1;

/// The most bytes of a stored part: 8 MiB.
pub const PART_BYTES_MAX: usize = 8 << 20;

/// The most rows of a section: some 1.5 MB, so that parts fill up well and a reader's buffers stay small.
pub const SECTION_ROWS_MAX: usize = 65_536;

/// The largest count that is read: sums of a thousand of them still fit an `i64`, and a `double` holds it exactly.
pub const COUNT_MAX: u64 = 1 << 53;

const MAGIC: [u8; 4] = *b"KRSC";
/// Bytes of a part before its first section.
const HEADER_BYTES: usize = 42;
/// Bytes of a section beside its name and body.
const SECTION_FRAME_BYTES: usize = 1 + 4 + 8;
/// Units of times in microseconds, by their code.
const UNITS: [i64; 3] = [1, 1_000, 1_000_000];

const TIMES_FIRST: u8 = 1;
const TIMES_SECOND: u8 = 1 << 1;

const CELL_SUM: u8 = 1;
const CELL_MIN: u8 = 1 << 1;
const CELL_MAX: u8 = 1 << 2;

const HALF_START: u8 = 1;
const HALF_DEADLINE: u8 = 1 << 1;
const HALF_END: u8 = 1 << 2;
const HALF_LAST_END: u8 = 1 << 3;
const HALF_VOID: u8 = 1 << 4;
const HALF_ARITY_SHIFT: u32 = 5;
/// From this many dimensions on, a number of its own says how many.
const HALF_ARITY_LONG: u64 = 7;

const LEVEL_VALUE: u8 = 1;
const LEVEL_ARITY_SHIFT: u32 = 1;
/// As [`HALF_ARITY_LONG`].
const LEVEL_ARITY_LONG: u64 = 127;

/// Number of a text in [`Chunk::texts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TextIndex(pub u32);

/// A row's members, one for each dimension; two of them take no room elsewhere.
pub type Dimensions = SmallVec<[Option<TextIndex>; 2]>;

/// What one partition contributed over `[from, to)`. Rows may stand in any order; encoding sorts them, so equal facts give equal bytes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chunk {
    /// First offset covered.
    pub from: Offset,
    /// The offset after the last covered.
    pub to: Offset,
    /// The partition's own facts.
    pub head: Head,
    /// For each aggregate the offset ranges over which it was evaluated, those without rows too.
    pub evaluated: Vec<Evaluated>,
    /// The highest floor under which events were not counted, or facts were let go; `None` while nothing ever was.
    pub floor: Option<Timestamp>,
    /// Texts that rows name by [`TextIndex`]: members and dimension values.
    pub texts: Vec<String>,
    /// Cells of tallies.
    pub cells: Vec<CellRow>,
    /// Bins of sketches.
    pub bins: Vec<BinRow>,
    /// Distinct values.
    pub distincts: Vec<DistinctRow>,
    /// Half-pairs.
    pub halves: Vec<HalfRow>,
    /// What was told of levels.
    pub levels: Vec<LevelRow>,
    /// Fingerprints of ids, by event and UTC day (days since 1970-01-01).
    pub ids: BTreeMap<(EventId, i32), Vec<u64>>,
}

/// Facts of the partition itself; joined by the greater time and by adding counters.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Head {
    /// The last record's own timestamp.
    pub last_record_at: Option<Timestamp>,
    /// Everything up to this instant was consumed.
    pub complete_until: Option<Timestamp>,
    /// The greatest event time of each event, and the greatest that may move its watermark.
    pub events: BTreeMap<EventId, EventTimes>,
    /// Counters by name, e.g. `records/read`; they add.
    pub counters: BTreeMap<String, u64>,
}

/// Times of one event's rows in one partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventTimes {
    /// The greatest event time that is not later than its record's timestamp + 5 min.
    pub watermark: Option<Timestamp>,
    /// The greatest event time of all.
    pub last_event_at: Option<Timestamp>,
}

/// The offset ranges over which an aggregate was evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evaluated {
    /// The aggregate.
    pub aggregate: AggregateId,
    /// Disjoint, rising, not touching.
    pub ranges: Vec<EvaluatedRange>,
}

/// `[from, to)`, and since when records in it are known to be complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EvaluatedRange {
    /// First offset.
    pub from: Offset,
    /// The offset after the last.
    pub to: Offset,
    /// The first covered record's timestamp, or the earlier instant from which the log is known to be complete; `None` before any record.
    pub since: Option<Timestamp>,
}

/// One cell of a tally.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CellRow {
    /// The tally.
    pub aggregate: AggregateId,
    /// The member; `None` for a NULL one and for tallies without a dimension.
    pub member: Option<TextIndex>,
    /// The bucket.
    pub bucket: Bucket,
    /// What it holds.
    pub cell: Cell,
}

/// One bin of a sketch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BinRow {
    /// The sketch.
    pub aggregate: AggregateId,
    /// The member, as in [`CellRow`].
    pub member: Option<TextIndex>,
    /// The bucket.
    pub bucket: Bucket,
    /// The bin.
    pub bin: Bin,
    /// How many values.
    pub count: i64,
}

/// One distinct value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DistinctRow {
    /// The series of sets.
    pub aggregate: AggregateId,
    /// The member, as in [`CellRow`].
    pub member: Option<TextIndex>,
    /// The bucket.
    pub bucket: Bucket,
    /// Fingerprint of the value's canonical text.
    pub value: u64,
}

/// What is known of one key's pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HalfRow {
    /// The aggregate of half-pairs.
    pub aggregate: AggregateId,
    /// Fingerprint of the key's canonical text.
    pub key: u64,
    /// The least start.
    pub start: Option<StartRow>,
    /// The earliest end.
    pub first_end: Option<Timestamp>,
    /// The latest end; never earlier than `first_end`, and there with it.
    pub last_end: Option<Timestamp>,
    /// Taken out for good.
    pub void: bool,
}

/// What was told last of a level's key in a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LevelRow {
    /// The aggregate of levels.
    pub aggregate: AggregateId,
    /// Fingerprint of the key's canonical text.
    pub key: u64,
    /// The bucket.
    pub bucket: Bucket,
    /// When it was told.
    pub at: Timestamp,
    /// The value in units of 10⁻⁹; `None` ends the key.
    pub value: Option<i128>,
    /// Its dimensions' members, in the definition's order; `None` is NULL.
    pub dimensions: Dimensions,
}

/// The least start tuple of a pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartRow {
    /// When it began.
    pub at: Timestamp,
    /// Its deadline.
    pub deadline: Option<Timestamp>,
    /// Its dimensions' members, in the definition's order; `None` is NULL.
    pub dimensions: Dimensions,
}
