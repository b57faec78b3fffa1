-- Measured baselines as they were frozen: later changes of their facts are shown, and score nothing. Never updated.
CREATE TABLE measured_baseline (
    baseline_id BIGINT PRIMARY KEY,
    objective   TEXT   COLLATE "C" NOT NULL,
    key_result  TEXT   COLLATE "C" NOT NULL,
    from_at     BIGINT NOT NULL,
    to_at       BIGINT NOT NULL,
    value       TEXT   NOT NULL,
    n           BIGINT,
    offsets     TEXT   NOT NULL,
    frozen_at   BIGINT NOT NULL,
    stored_at   BIGINT NOT NULL
);
