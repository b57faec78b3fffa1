//! The statements, and the arrays that they take: many rows in one statement, for a statement a row would be a round trip a row.

use sqlx::PgConnection;

use super::super::{PartitionCommit, PartitionKey};

pub(super) const CLAIM: &str = "
INSERT INTO partition_claim (cluster, topic_id, partition, lane, topic, epoch, claimed_at)
SELECT cluster, topic_id, partition, lane, topic, 1, $6
FROM unnest($1::text[], $2::text[], $3::int[], $4::text[], $5::text[]) AS w (cluster, topic_id, partition, lane, topic)
ORDER BY cluster COLLATE \"C\", topic_id COLLATE \"C\", partition, lane COLLATE \"C\"
ON CONFLICT (cluster, topic_id, partition, lane)
DO UPDATE SET epoch = partition_claim.epoch + 1, topic = excluded.topic, claimed_at = excluded.claimed_at
RETURNING cluster, topic_id, partition, lane, topic, epoch, next_offset, leader_epoch";

pub(super) const FIND_PARTITION: &str = "
SELECT partition_id, epoch, next_offset FROM partition_claim
WHERE cluster = $1 AND topic_id = $2 AND partition = $3 AND lane = $4
FOR UPDATE";

pub(super) const LOCK: &str = "
SELECT w.n, c.partition_id
FROM partition_claim c
JOIN unnest($1::text[], $2::text[], $3::int[], $4::text[]) WITH ORDINALITY AS w (cluster, topic_id, partition, lane, n)
  ON c.cluster = w.cluster AND c.topic_id = w.topic_id AND c.partition = w.partition AND c.lane = w.lane
ORDER BY c.cluster, c.topic_id, c.partition, c.lane
FOR UPDATE OF c";

pub(super) const ADVANCE: &str = "
UPDATE partition_claim c SET next_offset = w.to_offset, leader_epoch = w.leader_epoch, committed_at = $6
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::int[])
  AS w (partition_id, epoch, from_offset, to_offset, leader_epoch)
WHERE c.partition_id = w.partition_id AND c.epoch = w.epoch AND c.next_offset IS NOT DISTINCT FROM w.from_offset
RETURNING c.partition_id";

pub(super) const APPEND_CHUNKS: &str = "
INSERT INTO chunk (partition_id, from_offset, to_offset, part, committed_at, bytes)
SELECT w.partition_id, w.from_offset, w.to_offset, w.part, $6, w.bytes
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::int[], $5::bytea[])
  AS w (partition_id, from_offset, to_offset, part, bytes)";

pub(super) const APPEND_DEAD_LETTERS: &str = "
INSERT INTO dead_letter (partition_id, record_offset, event, reason, detail, record_at, stored_at, sample)
SELECT c.partition_id, w.record_offset, w.event, w.reason, w.detail, w.record_at, $11, w.sample
FROM unnest($1::text[], $2::text[], $3::int[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::text[], $9::bigint[], $10::bytea[])
  AS w (cluster, topic_id, partition, lane, record_offset, event, reason, detail, record_at, sample)
JOIN partition_claim c
  ON c.cluster = w.cluster AND c.topic_id = w.topic_id AND c.partition = w.partition AND c.lane = w.lane
ON CONFLICT DO NOTHING";

pub(super) const LOAD_CHUNKS: &str = "
SELECT cluster, topic_id, partition, lane, topic, from_offset, to_offset, part, bytes
FROM chunk JOIN partition_claim USING (partition_id)
WHERE cluster = $1 AND (lane = $2 OR $2 = 'live' AND lane LIKE 'joined/%') AND topic_id = ANY ($3)
  AND folded_at = 9223372036854775807
ORDER BY topic_id, partition, lane, from_offset, to_offset, part";

pub(super) const DELETE_FOLDED: &str = "
DELETE FROM chunk WHERE ctid IN (
    SELECT ctid FROM (
        SELECT ctid, part_bytes, sum(part_bytes) OVER (ORDER BY folded_at, ctid) AS total_bytes
        FROM (
            SELECT ctid, folded_at, length(bytes) AS part_bytes FROM chunk
            WHERE folded_at < $1 AND folded_at > -9223372036854775807 ORDER BY folded_at LIMIT 1000
        ) AS oldest
    ) AS summed
    WHERE total_bytes - part_bytes < $2
)";

pub(super) const STORE_BYTES: &str = "
SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND (n.nspname = 'bi' OR n.nspname = current_schema()
  AND c.relname IN ('partition_claim', 'chunk', 'dead_letter', 'check_in', 'book_revision'))";

/// How many bytes of chunks go in one statement.
const STATEMENT_BYTES_MAX: usize = 16 << 20;

/// Keys as the arrays that a statement takes.
pub(super) struct Keys<'a> {
    pub(super) clusters: Vec<&'a str>,
    pub(super) topic_ids: Vec<&'a str>,
    pub(super) partitions: Vec<i32>,
    pub(super) lanes: Vec<&'a str>,
    pub(super) topics: Vec<&'a str>,
}

impl<'a> Keys<'a> {
    pub(super) fn of(keys: impl Iterator<Item = &'a PartitionKey> + Clone) -> Keys<'a> {
        Keys {
            clusters: keys.clone().map(|key| key.cluster.as_str()).collect(),
            topic_ids: keys.clone().map(|key| key.topic_id.as_str()).collect(),
            partitions: keys.clone().map(|key| key.partition).collect(),
            lanes: keys.clone().map(|key| key.lane.as_str()).collect(),
            topics: keys.map(|key| key.topic.as_str()).collect(),
        }
    }
}

/// Chunk parts as the arrays that a statement takes.
#[derive(Default)]
pub(super) struct Batch<'a> {
    partition_ids: Vec<i64>,
    from: Vec<i64>,
    to: Vec<i64>,
    part_numbers: Vec<i32>,
    parts: Vec<&'a [u8]>,
    bytes_len: usize,
}

impl<'a> Batch<'a> {
    /// Whether that many bytes more still go in one statement; an empty batch takes any part.
    pub(super) fn has_room(&self, bytes_len: usize) -> bool {
        self.parts.is_empty() || self.bytes_len + bytes_len <= STATEMENT_BYTES_MAX
    }

    pub(super) fn push(&mut self, partition_id: i64, partition: &PartitionCommit, part: i32, bytes: &'a [u8]) {
        self.partition_ids.push(partition_id);
        self.from.push(partition.chunk_from);
        self.to.push(partition.to);
        self.part_numbers.push(part);
        self.parts.push(bytes);
        self.bytes_len += bytes.len();
    }

    /// Inserts the parts, if there are any.
    pub(super) async fn append(self, connection: &mut PgConnection, at: i64) -> Result<(), sqlx::Error> {
        if self.parts.is_empty() {
            return Ok(());
        }
        sqlx::query(APPEND_CHUNKS)
            .bind(self.partition_ids)
            .bind(self.from)
            .bind(self.to)
            .bind(self.part_numbers)
            .bind(self.parts)
            .bind(at)
            .execute(connection)
            .await
            .map(|_| ())
    }
}
