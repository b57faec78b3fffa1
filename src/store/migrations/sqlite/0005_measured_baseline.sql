-- Measured baselines as they were frozen: later changes of their facts are shown, and score nothing. Never updated.
CREATE TABLE measured_baseline (
    baseline_id INTEGER PRIMARY KEY,
    objective   TEXT    NOT NULL,
    key_result  TEXT    NOT NULL,
    from_at     INTEGER NOT NULL,
    to_at       INTEGER NOT NULL,
    value       TEXT    NOT NULL,
    n           INTEGER,
    offsets     TEXT    NOT NULL,
    frozen_at   INTEGER NOT NULL,
    stored_at   INTEGER NOT NULL
) STRICT;
