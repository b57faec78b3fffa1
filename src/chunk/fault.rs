//! Why bytes are no chunk, or chunks cannot be folded: each fault by name and place.

use crate::event::Offset;

/// What a reader of a damaged or foreign chunk can do about it.
const MEND: &str = "the bytes were changed after they were written, restore the store from a backup";

/// Why bytes are no chunk part. `at` is always the byte position in the part, from 0.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChunkFault {
    /// The first bytes are not `KRSC`.
    #[error("no chunk: the first bytes are not \"KRSC\"; the row was not written by krscore")]
    Magic,
    /// Written in a format version that this program does not read.
    #[error(
        "chunk format version {found} at byte {at}, this krscore reads version {known}: use the krscore that wrote it or a newer one"
    )]
    Version {
        /// Where.
        at: usize,
        /// The version that the part names.
        found: u16,
        /// The version that this program reads.
        known: u16,
    },
    /// The bytes end in the middle of something.
    #[error("chunk truncated at byte {at}: {needed} more bytes are needed, {left} are left; {MEND}")]
    Truncated {
        /// Where.
        at: usize,
        /// How many bytes should follow.
        needed: u64,
        /// How many bytes follow.
        left: usize,
    },
    /// The header or a section is not what was written.
    #[error("checksum of chunk {what} at byte {at} differs: stored {stored:016x}, computed {computed:016x}; {MEND}")]
    Checksum {
        /// Where the header or section begins.
        at: usize,
        /// `header`, or the section's name as it stands there.
        what: String,
        /// The checksum that was written.
        stored: u64,
        /// The checksum of the bytes.
        computed: u64,
    },
    /// A section that this program does not know: leaving it out would lose facts.
    #[error("unknown chunk section \"{name}\" at byte {at}: use the krscore that wrote it or a newer one")]
    UnknownSection {
        /// Where the section begins.
        at: usize,
        /// Its name.
        name: String,
    },
    /// A section that may stand once stands twice.
    #[error("chunk section \"{name}\" at byte {at} stands a second time; it was not written by krscore")]
    RepeatedSection {
        /// Where the second begins.
        at: usize,
        /// Its name.
        name: String,
    },
    /// More rows or bytes are announced than the section has room for. Nothing was allocated for them.
    #[error("count {count} at byte {at} of a chunk is larger than the {left} bytes left in the section can hold")]
    Count {
        /// Where the count stands.
        at: usize,
        /// What is announced.
        count: u64,
        /// Bytes left in the section.
        left: usize,
    },
    /// A row names a text that is not in its section's dictionary.
    #[error("text {index} at byte {at} of a chunk is not in the section's dictionary of {texts}")]
    Index {
        /// Where the row names it.
        at: usize,
        /// The text's number, from 1.
        index: u64,
        /// How many texts there are.
        texts: usize,
    },
    /// A text is no UTF-8.
    #[error("text at byte {at} of a chunk is not UTF-8")]
    Utf8 {
        /// The first byte that is wrong.
        at: usize,
    },
    /// A number that what it stands for cannot have.
    #[error("{what} at byte {at} of a chunk is out of range")]
    Range {
        /// Where it ends.
        at: usize,
        /// What it stands for.
        what: &'static str,
    },
    /// Bytes follow where a section or the part should end.
    #[error("{bytes} bytes too many at byte {at} of a chunk")]
    Trailing {
        /// The first of them.
        at: usize,
        /// How many.
        bytes: usize,
    },
    /// The last parts of a chunk are missing.
    #[error("chunk part {wanted} of {wanted_parts} is missing; restore the store from a backup")]
    Missing {
        /// The number of the first that is missing, from 0.
        wanted: u32,
        /// How many parts the first part says there are.
        wanted_parts: u32,
    },
    /// A part stands twice, out of order, or belongs to another chunk.
    #[error(
        "chunk part {found} of {parts} over [{from}, {to}) stands where part {wanted} of {wanted_parts} is wanted: read all parts of one chunk, in order"
    )]
    Part {
        /// The part's number, from 0.
        found: u32,
        /// How many parts it says there are.
        parts: u32,
        /// First offset that it says it covers.
        from: Offset,
        /// The offset after the last.
        to: Offset,
        /// The number wanted.
        wanted: u32,
        /// How many parts the first part says there are.
        wanted_parts: u32,
    },
}

/// Why chunks cannot be folded into one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FoldFault {
    /// There is nothing to fold.
    #[error("no chunk to fold")]
    Nothing,
    /// Offsets between two chunks are in neither: one chunk over both would claim them.
    #[error("chunks end at offset {to} and go on at {from}: the gap cannot be folded over, fold each side by itself")]
    Gap {
        /// Where the earlier one ends.
        to: Offset,
        /// Where the later one begins.
        from: Offset,
    },
    /// Two chunks cover the same offsets: their facts would be added twice.
    #[error("a chunk begins at offset {from} before the one before it ends at {to}: its facts would be added twice")]
    Overlap {
        /// Where the earlier one ends.
        to: Offset,
        /// Where the later one begins.
        from: Offset,
    },
    /// A count beyond [`super::COUNT_MAX`].
    #[error("the counts of {what} add up to more than 2^53")]
    TooMany {
        /// Of what.
        what: &'static str,
    },
}
