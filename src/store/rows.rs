//! Rows of tables as tuples, which both databases decode alike, and the values made of them.

use super::{ChunkSummary, Claim, DeadLetter, PartitionKey, StoredCheckIn, StoredChunk};
use crate::fixed::Fixed;
use crate::score::{BaselineId, FrozenBaseline};
use crate::time::Timestamp;

/// A row of `check_in`: objective, key result, at, recorded at, value, confidence, note, blocker, author.
pub(super) type CheckInRow =
    (String, String, i64, i64, Option<String>, Option<String>, Option<String>, Option<String>, Option<String>);

/// A row of `measured_baseline`: name, objective, key result, from, to, value, n, offsets, frozen at.
pub(super) type BaselineRow = (i64, String, String, i64, i64, String, Option<i64>, String, i64);

/// A partition's key: cluster, topic id, partition, lane, topic.
type KeyRow = (String, String, i32, String, String);

/// A row of `chunk` with its partition's key.
pub(super) type ChunkRow = (String, String, i32, String, String, i64, i64, i32, Vec<u8>);

/// All parts of a chunk with its partition's key: range, parts, bytes, committed at.
pub(super) type SummaryRow = (String, String, i32, String, String, i64, i64, i64, i64, i64);

/// A row of `partition_claim`: key, epoch, next offset, leader epoch.
pub(super) type ClaimRow = (String, String, i32, String, String, i64, Option<i64>, Option<i32>);

/// A row of `dead_letter` with its partition's key: offset, event, reason, detail, record's time, sample.
pub(super) type DeadLetterRow =
    (String, String, i32, String, String, i64, String, String, String, Option<i64>, Vec<u8>);

fn key((cluster, topic_id, partition, lane, topic): KeyRow) -> PartitionKey {
    PartitionKey { cluster, topic_id, topic, partition, lane }
}

pub(super) fn check_in(row: CheckInRow) -> Result<StoredCheckIn, sqlx::Error> {
    let (objective, key_result, at, recorded_at, value, confidence, note, blocker, author) = row;
    Ok(StoredCheckIn {
        objective,
        key_result,
        at: Timestamp(at),
        recorded_at: Timestamp(recorded_at),
        value: number(value)?,
        confidence: number(confidence)?,
        note,
        blocker,
        author,
    })
}

pub(super) fn claim(row: ClaimRow) -> Claim {
    let (cluster, topic_id, partition, lane, topic, epoch, next_offset, leader_epoch) = row;
    Claim { key: key((cluster, topic_id, partition, lane, topic)), epoch, next_offset, leader_epoch }
}

pub(super) fn chunk(row: ChunkRow) -> StoredChunk {
    let (cluster, topic_id, partition, lane, topic, from, to, part, bytes) = row;
    StoredChunk { key: key((cluster, topic_id, partition, lane, topic)), from, to, part, bytes }
}

pub(super) fn summary(row: SummaryRow) -> ChunkSummary {
    let (cluster, topic_id, partition, lane, topic, from, to, parts, bytes, at) = row;
    ChunkSummary {
        key: key((cluster, topic_id, partition, lane, topic)),
        from,
        to,
        parts: parts.unsigned_abs(),
        bytes: bytes.unsigned_abs(),
        written_at: Timestamp(at),
    }
}

pub(super) fn dead_letter(row: DeadLetterRow) -> DeadLetter {
    let (cluster, topic_id, partition, lane, topic, offset, event, reason, detail, record_at, sample) = row;
    DeadLetter {
        key: key((cluster, topic_id, partition, lane, topic)),
        offset,
        event,
        reason,
        detail,
        record_at: record_at.map(Timestamp),
        sample,
    }
}

/// The row of a frozen baseline: as [`BaselineRow`].
pub(super) fn baseline_row(baseline: &FrozenBaseline) -> Result<BaselineRow, sqlx::Error> {
    let offsets = serde_json::to_string(&baseline.offsets).map_err(|error| sqlx::Error::Encode(error.into()))?;
    Ok((
        baseline.id.0.cast_signed(),
        baseline.objective.clone(),
        baseline.key_result.clone(),
        baseline.from.0,
        baseline.to.0,
        baseline.value.to_string(),
        baseline.n,
        offsets,
        baseline.frozen_at.0,
    ))
}

pub(super) fn baseline(row: BaselineRow) -> Result<FrozenBaseline, sqlx::Error> {
    let (id, objective, key_result, from, to, value, n, offsets, frozen_at) = row;
    Ok(FrozenBaseline {
        id: BaselineId(id.cast_unsigned()),
        objective,
        key_result,
        from: Timestamp(from),
        to: Timestamp(to),
        value: Fixed::parse(&value).map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
        n,
        frozen_at: Timestamp(frozen_at),
        offsets: serde_json::from_str(&offsets).map_err(|error| sqlx::Error::Decode(error.into()))?,
    })
}

fn number(text: Option<String>) -> Result<Option<Fixed>, sqlx::Error> {
    text.map(|text| Fixed::parse(&text).map_err(|error| sqlx::Error::Decode(Box::new(error)))).transpose()
}

/// Text that both databases take: PostgreSQL has no NUL in a text, and a record may well have one.
pub(super) fn storable(text: &str) -> std::borrow::Cow<'_, str> {
    if text.contains('\0') { text.replace('\0', "\u{2400}").into() } else { text.into() }
}

// The statements that both databases read alike.

pub(super) const DEAD_LETTER_COUNTS: &str = "
SELECT topic, reason, count(*) FROM dead_letter JOIN partition_claim USING (partition_id) GROUP BY topic, reason";

pub(super) const ADD_CHECK_IN: &str = "
INSERT INTO check_in (objective, key_result, at, recorded_at, value, confidence, note, blocker, author)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";

pub(super) const APPEND_BASELINE: &str = "
INSERT INTO measured_baseline
  (baseline_id, objective, key_result, from_at, to_at, value, n, offsets, frozen_at, stored_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT DO NOTHING";

pub(super) const BASELINES: &str = "
SELECT baseline_id, objective, key_result, from_at, to_at, value, n, offsets, frozen_at
FROM measured_baseline ORDER BY baseline_id";

pub(super) const CHECK_INS: &str = "
SELECT objective, key_result, at, recorded_at, value, confidence, note, blocker, author
FROM check_in ORDER BY at, recorded_at, check_in_id";

/// Rows are only ever added, so their number changes with each. The greatest id would not do: PostgreSQL gives ids before commits,
/// and a smaller one may appear after a greater one was seen.
pub(super) const CHECK_INS_VERSION: &str = "SELECT count(*) FROM check_in";

/// The last activation is the greatest, whatever the clock says.
pub(super) const RECORD_BOOK: &str = "
INSERT INTO book_revision (hash, text, first_at, last_at, activated_at)
SELECT $1, $2, $3, $3, CASE WHEN $3 > known.last THEN $3 ELSE known.last + 1 END
FROM (SELECT coalesce(max(activated_at), 0) AS last FROM book_revision) AS known WHERE true
ON CONFLICT (hash) DO UPDATE
SET last_at = excluded.last_at, activated_at = excluded.activated_at";

pub(super) const ACTIVE_BOOK: &str = "
SELECT hash, text FROM book_revision WHERE activated_at IS NOT NULL ORDER BY activated_at DESC LIMIT 1";

/// SQLite's writer is alone; PostgreSQL has one of its own that locks.
pub(super) const FIND_PARTITION: &str = "
SELECT partition_id, epoch, next_offset FROM partition_claim
WHERE cluster = $1 AND topic_id = $2 AND partition = $3 AND lane = $4";

/// By the row's own number: the same aggregates may be filled again, years later.
pub(super) const JOIN_LANE: &str = "
UPDATE partition_claim SET lane = 'joined/' || partition_id WHERE partition_id = $1";

pub(super) const MOVE_PARTITION: &str = "
UPDATE partition_claim SET next_offset = $5
WHERE cluster = $1 AND topic_id = $2 AND partition = $3 AND lane = $4";

pub(super) const LANES: &str = "SELECT count(*) FROM partition_claim WHERE lane LIKE 'fill/%'";

/// Chunks and dead letters name the partition, which goes last.
pub(super) const DROP_LANES: [&str; 3] = [
    "DELETE FROM chunk WHERE partition_id IN (SELECT partition_id FROM partition_claim WHERE lane LIKE 'fill/%' AND lane <> $1)",
    "DELETE FROM dead_letter WHERE partition_id IN (SELECT partition_id FROM partition_claim WHERE lane LIKE 'fill/%' AND lane <> $1)",
    "DELETE FROM partition_claim WHERE lane LIKE 'fill/%' AND lane <> $1",
];

pub(super) const CLUSTERS: &str = "
SELECT DISTINCT cluster FROM partition_claim WHERE next_offset IS NOT NULL ORDER BY cluster";

pub(super) const PARTITIONS: &str = "
SELECT cluster, topic_id, partition, lane, topic, epoch, next_offset, leader_epoch
FROM partition_claim WHERE cluster = $1 ORDER BY topic_id, partition, lane";

pub(super) const DEAD_LETTERS: &str = "
SELECT cluster, topic_id, partition, lane, topic, record_offset, event, reason, detail, record_at, sample
FROM dead_letter JOIN partition_claim USING (partition_id)
WHERE ($1 IS NULL OR topic = $1) AND ($2 IS NULL OR event = $2) AND ($3 IS NULL OR reason = $3)
ORDER BY stored_at DESC, topic, partition, lane, record_offset DESC, event LIMIT $4";

// Chunks that are read have the greatest number for `folded_at`, chunks that are being written its negative: see the migration.

pub(super) const CHUNK_SUMMARIES: &str = "
SELECT cluster, topic_id, partition, lane, topic, from_offset, to_offset, count(*), sum(length(bytes)), max(chunk.committed_at)
FROM chunk JOIN partition_claim USING (partition_id)
WHERE (lane = $1 OR $1 = 'live' AND lane LIKE 'joined/%') AND folded_at = 9223372036854775807
GROUP BY cluster, topic_id, partition, lane, topic, from_offset, to_offset
ORDER BY cluster, topic_id, partition, from_offset, to_offset";

pub(super) const LOAD_RANGE: &str = "
SELECT cluster, topic_id, partition, lane, topic, from_offset, to_offset, part, bytes
FROM chunk JOIN partition_claim USING (partition_id)
WHERE cluster = $1 AND topic_id = $2 AND partition = $3 AND lane = $4 AND from_offset >= $5 AND to_offset <= $6
  AND folded_at = 9223372036854775807
ORDER BY from_offset, to_offset, part";

pub(super) const WRITE_FOLDED: &str = "
INSERT INTO chunk (partition_id, from_offset, to_offset, part, committed_at, folded_at, bytes)
SELECT partition_id, $5, $6, $7, $8, -9223372036854775807, $9 FROM partition_claim
WHERE cluster = $1 AND topic_id = $2 AND partition = $3 AND lane = $4";

pub(super) const MARK_FOLDED: &str = "
UPDATE chunk SET folded_at = $7
WHERE partition_id = (SELECT partition_id FROM partition_claim WHERE cluster = $1 AND topic_id = $2 AND partition = $3 AND lane = $4)
  AND from_offset >= $5 AND to_offset <= $6 AND folded_at = 9223372036854775807";

pub(super) const READ_FOLDED: &str = "
UPDATE chunk SET folded_at = 9223372036854775807 WHERE folded_at = -9223372036854775807";

pub(super) const DROP_UNFINISHED: &str = "DELETE FROM chunk WHERE folded_at = -9223372036854775807";

pub(super) const PING: &str = "SELECT 1";
