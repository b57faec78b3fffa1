-- Folding. folded_at tells whether a chunk is read: the greatest number: it is; the least: it is still being written;
-- else: when another took its place. All three take 8 bytes, so that marking a chunk does not write its bytes again.

CREATE TABLE chunk_with_mark (
    partition_id INTEGER NOT NULL REFERENCES partition_claim (partition_id),
    from_offset  INTEGER NOT NULL,
    to_offset    INTEGER NOT NULL,
    part         INTEGER NOT NULL,
    committed_at INTEGER NOT NULL,
    folded_at    INTEGER NOT NULL DEFAULT 9223372036854775807,
    bytes        BLOB    NOT NULL,
    CHECK (from_offset <= to_offset)
) STRICT;
INSERT INTO chunk_with_mark (partition_id, from_offset, to_offset, part, committed_at, bytes)
SELECT partition_id, from_offset, to_offset, part, committed_at, bytes FROM chunk;
DROP TABLE chunk;
ALTER TABLE chunk_with_mark RENAME TO chunk;

-- Two chunks that are read never cover the same offsets: the key refuses what fencing let through.
CREATE UNIQUE INDEX chunk_read ON chunk (partition_id, from_offset, to_offset, part) WHERE folded_at = 9223372036854775807;
CREATE INDEX chunk_folded ON chunk (folded_at) WHERE folded_at < 9223372036854775807;
