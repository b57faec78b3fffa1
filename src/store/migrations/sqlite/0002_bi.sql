-- The star for BI tools: all of it derived from the book and the scores, so it may be dropped and written again.
-- Plain types only: days and instants are ISO 8601 text (UTC), numbers are doubles, flags 0 or 1.

-- Every day of every cycle: join it to show days without facts.
CREATE TABLE bi_dim_date (
    date         TEXT NOT NULL,
    year         INTEGER NOT NULL,
    quarter      INTEGER NOT NULL,
    month        INTEGER NOT NULL,
    month_name   TEXT NOT NULL,
    day_of_month INTEGER NOT NULL,
    iso_year     INTEGER NOT NULL,
    iso_week     INTEGER NOT NULL,
    day_of_week  INTEGER NOT NULL,
    day_name     TEXT NOT NULL,
    is_weekend   INTEGER NOT NULL,
    year_quarter TEXT NOT NULL,
    year_month   TEXT NOT NULL,
    year_week    TEXT NOT NULL,
    PRIMARY KEY (date)
) STRICT;

-- Scoring periods.
CREATE TABLE bi_dim_cycle (
    cycle_id   TEXT NOT NULL,
    first_date TEXT NOT NULL,
    last_date  TEXT NOT NULL,
    start_at   TEXT NOT NULL,
    end_at     TEXT NOT NULL,
    timezone   TEXT NOT NULL,
    days       INTEGER NOT NULL,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (cycle_id)
) STRICT;

-- Teams that the book names.
CREATE TABLE bi_dim_team (
    team_id    TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (team_id)
) STRICT;

-- Objectives as the book has them now; those that left the book stay.
CREATE TABLE bi_dim_objective (
    cycle_id             TEXT NOT NULL,
    objective_id         TEXT NOT NULL,
    title                TEXT NOT NULL,
    owner                TEXT,
    team                 TEXT,
    parent_objective_id  TEXT,
    parent_key_result_id TEXT,
    path                 TEXT NOT NULL,
    depth                INTEGER NOT NULL,
    position             INTEGER NOT NULL,
    updated_at           TEXT NOT NULL,
    PRIMARY KEY (cycle_id, objective_id)
) STRICT;

-- Key results, type 2: a new row for each change in the book.
CREATE TABLE bi_dim_key_result (
    key_result_key INTEGER PRIMARY KEY,
    cycle_id       TEXT NOT NULL,
    objective_id   TEXT NOT NULL,
    key_result_id  TEXT NOT NULL,
    title          TEXT NOT NULL,
    owner          TEXT,
    team           TEXT,
    type           TEXT NOT NULL,
    kind           TEXT NOT NULL,
    unit           TEXT NOT NULL,
    weight         REAL NOT NULL,
    baseline       REAL,
    target         REAL,
    stretch        REAL,
    at_least       REAL,
    at_most        REAL,
    position       INTEGER NOT NULL,
    content_hash   TEXT NOT NULL,
    valid_from     TEXT NOT NULL,
    valid_to       TEXT,
    is_current     INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX bi_dim_key_result_current ON bi_dim_key_result (cycle_id, objective_id, key_result_id) WHERE is_current = 1;

-- One row a key result and day that has ended.
CREATE TABLE bi_fact_key_result_daily (
    date                    TEXT NOT NULL,
    cycle_id                TEXT NOT NULL,
    objective_id            TEXT NOT NULL,
    key_result_id           TEXT NOT NULL,
    key_result_key          INTEGER NOT NULL REFERENCES bi_dim_key_result (key_result_key),
    as_known_at             TEXT NOT NULL,
    as_known_as_of          TEXT,
    as_known_value          REAL,
    as_known_n              INTEGER,
    as_known_numerator      REAL,
    as_known_denominator    REAL,
    as_known_baseline       REAL,
    as_known_target         REAL,
    as_known_attainment     REAL,
    as_known_score          REAL,
    as_known_expected_score REAL,
    as_known_status         TEXT NOT NULL,
    as_known_status_order   INTEGER NOT NULL,
    restated_at             TEXT NOT NULL,
    restated_as_of          TEXT,
    restated_value          REAL,
    restated_n              INTEGER,
    restated_numerator      REAL,
    restated_denominator    REAL,
    restated_baseline       REAL,
    restated_target         REAL,
    restated_attainment     REAL,
    restated_score          REAL,
    restated_expected_score REAL,
    restated_status         TEXT NOT NULL,
    restated_status_order   INTEGER NOT NULL,
    updated_at              TEXT NOT NULL,
    PRIMARY KEY (cycle_id, objective_id, key_result_id, date)
) STRICT;
CREATE INDEX bi_fact_key_result_daily_date ON bi_fact_key_result_daily (date);

-- The running day: one row a key result, replaced at every write.
CREATE TABLE bi_fact_key_result_latest (
    date           TEXT NOT NULL,
    cycle_id       TEXT NOT NULL,
    objective_id   TEXT NOT NULL,
    key_result_id  TEXT NOT NULL,
    key_result_key INTEGER NOT NULL REFERENCES bi_dim_key_result (key_result_key),
    as_of          TEXT,
    value          REAL,
    n              INTEGER,
    numerator      REAL,
    denominator    REAL,
    baseline       REAL,
    target         REAL,
    attainment     REAL,
    score          REAL,
    expected_score REAL,
    status         TEXT NOT NULL,
    status_order   INTEGER NOT NULL,
    updated_at     TEXT NOT NULL,
    PRIMARY KEY (cycle_id, objective_id, key_result_id)
) STRICT;

-- Flat: one row a key result and day, the running day included; what is known now, and beside it what was first recorded.
CREATE VIEW v_key_result_progress AS
SELECT f.date, f.is_running,
       f.cycle_id, c.first_date AS cycle_first_date, c.last_date AS cycle_last_date,
       f.objective_id, o.title AS objective_title, o.path AS objective_path,
       f.key_result_id, k.title AS key_result_title, k.owner, k.team, k.type, k.kind, k.unit, k.weight, k.is_current AS is_in_book,
       f.baseline, f.target, f.value, f.n, f.numerator, f.denominator, f.attainment, f.score, f.expected_score, f.status, f.status_order,
       f.as_known_value, f.as_known_score, f.as_known_status, f.as_of, f.updated_at
FROM (
    SELECT date, 0 AS is_running, cycle_id, objective_id, key_result_id,
           restated_as_of AS as_of, restated_value AS value, restated_n AS n, restated_numerator AS numerator, restated_denominator AS denominator, restated_baseline AS baseline, restated_target AS target, restated_attainment AS attainment, restated_score AS score, restated_expected_score AS expected_score, restated_status AS status, restated_status_order AS status_order,
           as_known_value, as_known_score, as_known_status, updated_at
    FROM bi_fact_key_result_daily
    UNION ALL
    SELECT l.date, 1, l.cycle_id, l.objective_id, l.key_result_id,
           l.as_of, l.value, l.n, l.numerator, l.denominator, l.baseline, l.target, l.attainment, l.score, l.expected_score, l.status, l.status_order,
           NULL, NULL, NULL, l.updated_at
    FROM bi_fact_key_result_latest l
    WHERE NOT EXISTS (
        SELECT 1 FROM bi_fact_key_result_daily d
        WHERE d.cycle_id = l.cycle_id AND d.objective_id = l.objective_id AND d.key_result_id = l.key_result_id AND d.date = l.date
    )
) f
JOIN (
    SELECT cycle_id, objective_id, key_result_id, max(key_result_key) AS key_result_key
    FROM bi_dim_key_result GROUP BY cycle_id, objective_id, key_result_id
) v ON v.cycle_id = f.cycle_id AND v.objective_id = f.objective_id AND v.key_result_id = f.key_result_id
JOIN bi_dim_key_result k ON k.key_result_key = v.key_result_key
JOIN bi_dim_objective o ON o.cycle_id = f.cycle_id AND o.objective_id = f.objective_id
JOIN bi_dim_cycle c ON c.cycle_id = f.cycle_id;
