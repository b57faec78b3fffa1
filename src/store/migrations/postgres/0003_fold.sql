-- Folding. folded_at tells whether a chunk is read: the greatest number: it is; the least: it is still being written;
-- else: when another took its place.

ALTER TABLE chunk ADD COLUMN folded_at BIGINT NOT NULL DEFAULT 9223372036854775807;

-- Two chunks that are read never cover the same offsets: the key refuses what fencing let through.
ALTER TABLE chunk DROP CONSTRAINT chunk_partition_id_from_offset_to_offset_part_key;
CREATE UNIQUE INDEX chunk_read ON chunk (partition_id, from_offset, to_offset, part) WHERE folded_at = 9223372036854775807;
CREATE INDEX chunk_folded ON chunk (folded_at) WHERE folded_at < 9223372036854775807;
