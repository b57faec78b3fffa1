-- The truth: what was read, and what people said. Instants are microseconds since 1970 in UTC; numbers of people are decimal text, exact.
-- Texts that take part in an order are compared by bytes (COLLATE "C"), so that the order is the same in every database.

CREATE TABLE partition_claim (
    partition_id BIGINT  PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    cluster      TEXT    COLLATE "C" NOT NULL,
    topic_id     TEXT    COLLATE "C" NOT NULL,
    partition    INTEGER NOT NULL,
    lane         TEXT    COLLATE "C" NOT NULL,
    topic        TEXT    COLLATE "C" NOT NULL,
    epoch        BIGINT  NOT NULL,
    next_offset  BIGINT,
    leader_epoch INTEGER,
    claimed_at   BIGINT  NOT NULL,
    committed_at BIGINT,
    UNIQUE (cluster, topic_id, partition, lane)
);
-- One row a partition, rewritten every second: room on the page keeps the updates in place.
ALTER TABLE partition_claim SET (fillfactor = 50);

-- Two chunks never cover the same offsets: the key refuses what fencing let through.
CREATE TABLE chunk (
    partition_id BIGINT  NOT NULL REFERENCES partition_claim (partition_id),
    from_offset  BIGINT  NOT NULL,
    to_offset    BIGINT  NOT NULL,
    part         INTEGER NOT NULL,
    committed_at BIGINT  NOT NULL,
    bytes        BYTEA   NOT NULL,
    CHECK (from_offset <= to_offset),
    UNIQUE (partition_id, from_offset, to_offset, part)
);
-- The codec has packed them: pglz would burn a core for nothing.
ALTER TABLE chunk ALTER COLUMN bytes SET STORAGE EXTERNAL;

CREATE TABLE dead_letter (
    partition_id  BIGINT NOT NULL REFERENCES partition_claim (partition_id),
    record_offset BIGINT NOT NULL,
    event         TEXT   COLLATE "C" NOT NULL,
    reason        TEXT   COLLATE "C" NOT NULL,
    detail        TEXT   NOT NULL,
    record_at     BIGINT,
    stored_at     BIGINT NOT NULL,
    sample        BYTEA  NOT NULL,
    PRIMARY KEY (partition_id, record_offset, event)
);

-- Only ever appended to: a correction is a new row.
CREATE TABLE check_in (
    check_in_id BIGINT PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    objective   TEXT   COLLATE "C" NOT NULL,
    key_result  TEXT   COLLATE "C" NOT NULL,
    at          BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    value       TEXT,
    confidence  TEXT,
    note        TEXT,
    blocker     TEXT,
    author      TEXT
);

CREATE TABLE book_revision (
    hash     TEXT   PRIMARY KEY,
    first_at BIGINT NOT NULL,
    last_at  BIGINT NOT NULL,
    text     TEXT   NOT NULL
);
