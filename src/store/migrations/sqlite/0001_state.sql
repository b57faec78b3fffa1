-- The truth: what was read, and what people said. Instants are microseconds since 1970 in UTC; numbers of people are decimal text, exact.

CREATE TABLE partition_claim (
    partition_id INTEGER PRIMARY KEY,
    cluster      TEXT    NOT NULL,
    topic_id     TEXT    NOT NULL,
    partition    INTEGER NOT NULL,
    lane         TEXT    NOT NULL,
    topic        TEXT    NOT NULL,
    epoch        INTEGER NOT NULL,
    next_offset  INTEGER,
    leader_epoch INTEGER,
    claimed_at   INTEGER NOT NULL,
    committed_at INTEGER,
    UNIQUE (cluster, topic_id, partition, lane)
) STRICT;

-- Two chunks never cover the same offsets: the key refuses what fencing let through.
CREATE TABLE chunk (
    partition_id INTEGER NOT NULL REFERENCES partition_claim (partition_id),
    from_offset  INTEGER NOT NULL,
    to_offset    INTEGER NOT NULL,
    part         INTEGER NOT NULL,
    committed_at INTEGER NOT NULL,
    bytes        BLOB    NOT NULL,
    CHECK (from_offset <= to_offset),
    UNIQUE (partition_id, from_offset, to_offset, part)
) STRICT;

CREATE TABLE dead_letter (
    partition_id  INTEGER NOT NULL REFERENCES partition_claim (partition_id),
    record_offset INTEGER NOT NULL,
    event         TEXT    NOT NULL,
    reason        TEXT    NOT NULL,
    detail        TEXT    NOT NULL,
    record_at     INTEGER,
    stored_at     INTEGER NOT NULL,
    sample        BLOB    NOT NULL,
    PRIMARY KEY (partition_id, record_offset, event)
) STRICT;

-- Only ever appended to: a correction is a new row.
CREATE TABLE check_in (
    check_in_id INTEGER PRIMARY KEY,
    objective   TEXT    NOT NULL,
    key_result  TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    value       TEXT,
    confidence  TEXT,
    note        TEXT,
    blocker     TEXT,
    author      TEXT
) STRICT;

CREATE TABLE book_revision (
    hash        TEXT    PRIMARY KEY,
    first_at    INTEGER NOT NULL,
    last_at     INTEGER NOT NULL,
    text        TEXT    NOT NULL
) STRICT;
