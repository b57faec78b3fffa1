-- The star for BI tools: all of it derived from the book and the scores, so it may be dropped and written again.
-- Plain types only: no json, no enums, no arrays.

CREATE SCHEMA bi;
COMMENT ON SCHEMA bi IS 'krscore: objectives and key results for BI tools';

CREATE TABLE bi.dim_date (
    date         date NOT NULL,
    year         integer NOT NULL,
    quarter      integer NOT NULL,
    month        integer NOT NULL,
    month_name   text NOT NULL,
    day_of_month integer NOT NULL,
    iso_year     integer NOT NULL,
    iso_week     integer NOT NULL,
    day_of_week  integer NOT NULL,
    day_name     text NOT NULL,
    is_weekend   boolean NOT NULL,
    year_quarter text NOT NULL,
    year_month   text NOT NULL,
    year_week    text NOT NULL,
    PRIMARY KEY (date)
);
COMMENT ON TABLE bi.dim_date IS 'Every day of every cycle: join it to show days without facts.';
COMMENT ON COLUMN bi.dim_date.date IS 'The day';
COMMENT ON COLUMN bi.dim_date.year IS 'Calendar year';
COMMENT ON COLUMN bi.dim_date.quarter IS 'Quarter of the year, 1 to 4';
COMMENT ON COLUMN bi.dim_date.month IS 'Month of the year, 1 to 12';
COMMENT ON COLUMN bi.dim_date.month_name IS 'English name of the month';
COMMENT ON COLUMN bi.dim_date.day_of_month IS 'Day of the month, from 1';
COMMENT ON COLUMN bi.dim_date.iso_year IS 'Year of the ISO week';
COMMENT ON COLUMN bi.dim_date.iso_week IS 'ISO week, 1 to 53; weeks begin on Monday';
COMMENT ON COLUMN bi.dim_date.day_of_week IS '1 is Monday, 7 is Sunday';
COMMENT ON COLUMN bi.dim_date.day_name IS 'English name of the day';
COMMENT ON COLUMN bi.dim_date.is_weekend IS 'Whether it is a Saturday or Sunday';
COMMENT ON COLUMN bi.dim_date.year_quarter IS 'Such as 2026-Q4';
COMMENT ON COLUMN bi.dim_date.year_month IS 'Such as 2026-10';
COMMENT ON COLUMN bi.dim_date.year_week IS 'ISO week, such as 2026-W41';

CREATE TABLE bi.dim_cycle (
    cycle_id   text NOT NULL,
    first_date date NOT NULL,
    last_date  date NOT NULL,
    start_at   timestamptz NOT NULL,
    end_at     timestamptz NOT NULL,
    timezone   text NOT NULL,
    days       integer NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (cycle_id)
);
COMMENT ON TABLE bi.dim_cycle IS 'Scoring periods.';
COMMENT ON COLUMN bi.dim_cycle.cycle_id IS 'The cycle, as the book names it';
COMMENT ON COLUMN bi.dim_cycle.first_date IS 'Its first local day';
COMMENT ON COLUMN bi.dim_cycle.last_date IS 'Its last local day, which is in it';
COMMENT ON COLUMN bi.dim_cycle.start_at IS 'The instant it begins';
COMMENT ON COLUMN bi.dim_cycle.end_at IS 'The instant it ends, which is not in it';
COMMENT ON COLUMN bi.dim_cycle.timezone IS 'IANA zone of its days';
COMMENT ON COLUMN bi.dim_cycle.days IS 'How many local days it has';
COMMENT ON COLUMN bi.dim_cycle.updated_at IS 'When this row last changed';

CREATE TABLE bi.dim_team (
    team_id    text NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (team_id)
);
COMMENT ON TABLE bi.dim_team IS 'Teams that the book names.';
COMMENT ON COLUMN bi.dim_team.team_id IS 'The team, as the book names it';
COMMENT ON COLUMN bi.dim_team.updated_at IS 'When this row was written';

CREATE TABLE bi.dim_objective (
    cycle_id             text NOT NULL,
    objective_id         text NOT NULL,
    title                text NOT NULL,
    owner                text,
    team                 text,
    parent_objective_id  text,
    parent_key_result_id text,
    path                 text NOT NULL,
    depth                integer NOT NULL,
    position             integer NOT NULL,
    updated_at           timestamptz NOT NULL,
    PRIMARY KEY (cycle_id, objective_id)
);
COMMENT ON TABLE bi.dim_objective IS 'Objectives as the book has them now; those that left the book stay.';
COMMENT ON COLUMN bi.dim_objective.cycle_id IS 'Its cycle';
COMMENT ON COLUMN bi.dim_objective.objective_id IS 'The objective, as the book names it';
COMMENT ON COLUMN bi.dim_objective.title IS 'Its title';
COMMENT ON COLUMN bi.dim_objective.owner IS 'Who answers for it';
COMMENT ON COLUMN bi.dim_objective.team IS 'Its team, as in dim_team';
COMMENT ON COLUMN bi.dim_objective.parent_objective_id IS 'The objective it aligns to, itself or through a key result of it';
COMMENT ON COLUMN bi.dim_objective.parent_key_result_id IS 'The key result of that objective it aligns to, if it names one';
COMMENT ON COLUMN bi.dim_objective.path IS 'Objective ids from the topmost down to this one, joined by /';
COMMENT ON COLUMN bi.dim_objective.depth IS '0 at the top';
COMMENT ON COLUMN bi.dim_objective.position IS 'Its place in the book, from 1';
COMMENT ON COLUMN bi.dim_objective.updated_at IS 'When this row last changed';

CREATE TABLE bi.dim_key_result (
    key_result_key bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    cycle_id       text NOT NULL,
    objective_id   text NOT NULL,
    key_result_id  text NOT NULL,
    title          text NOT NULL,
    owner          text,
    team           text,
    type           text NOT NULL,
    kind           text NOT NULL,
    unit           text NOT NULL,
    weight         numeric(38,9) NOT NULL,
    baseline       numeric(38,9),
    target         numeric(38,9),
    stretch        numeric(38,9),
    at_least       numeric(38,9),
    at_most        numeric(38,9),
    position       integer NOT NULL,
    content_hash   text NOT NULL,
    valid_from     timestamptz NOT NULL,
    valid_to       timestamptz,
    is_current     boolean NOT NULL
);
CREATE UNIQUE INDEX dim_key_result_current ON bi.dim_key_result (cycle_id, objective_id, key_result_id) WHERE is_current;
COMMENT ON TABLE bi.dim_key_result IS 'Key results, type 2: a new row for each change in the book.';
COMMENT ON COLUMN bi.dim_key_result.key_result_key IS 'This version of the key result';
COMMENT ON COLUMN bi.dim_key_result.cycle_id IS 'Its cycle';
COMMENT ON COLUMN bi.dim_key_result.objective_id IS 'Its objective';
COMMENT ON COLUMN bi.dim_key_result.key_result_id IS 'The key result, as the book names it';
COMMENT ON COLUMN bi.dim_key_result.title IS 'Its title';
COMMENT ON COLUMN bi.dim_key_result.owner IS 'Who answers for it; the objective''s where it names none';
COMMENT ON COLUMN bi.dim_key_result.team IS 'The objective''s team, as in dim_team';
COMMENT ON COLUMN bi.dim_key_result.type IS 'improve, maintain, milestone or manual';
COMMENT ON COLUMN bi.dim_key_result.kind IS 'committed or aspirational';
COMMENT ON COLUMN bi.dim_key_result.unit IS 'Unit of value, baseline and target: seconds, ratio, count or a name; may be empty';
COMMENT ON COLUMN bi.dim_key_result.weight IS 'Weight in the score of its objective';
COMMENT ON COLUMN bi.dim_key_result.baseline IS 'Where it began';
COMMENT ON COLUMN bi.dim_key_result.target IS 'Where it shall be; of a band with one bound, that bound';
COMMENT ON COLUMN bi.dim_key_result.stretch IS 'What lies beyond the target';
COMMENT ON COLUMN bi.dim_key_result.at_least IS 'Lower bound of a band, inclusive';
COMMENT ON COLUMN bi.dim_key_result.at_most IS 'Upper bound of a band, inclusive';
COMMENT ON COLUMN bi.dim_key_result.position IS 'Its place in the objective, from 1';
COMMENT ON COLUMN bi.dim_key_result.content_hash IS 'Hash of what the book says of it: equal hashes are one version';
COMMENT ON COLUMN bi.dim_key_result.valid_from IS 'From when on this version held';
COMMENT ON COLUMN bi.dim_key_result.valid_to IS 'Until when; null while it holds';
COMMENT ON COLUMN bi.dim_key_result.is_current IS 'Whether the book says so now';

CREATE TABLE bi.fact_key_result_daily (
    date                    date NOT NULL,
    cycle_id                text NOT NULL,
    objective_id            text NOT NULL,
    key_result_id           text NOT NULL,
    key_result_key          bigint NOT NULL REFERENCES bi.dim_key_result (key_result_key),
    as_known_at             timestamptz NOT NULL,
    as_known_as_of          timestamptz,
    as_known_value          numeric(38,9),
    as_known_n              bigint,
    as_known_numerator      numeric(38,9),
    as_known_denominator    numeric(38,9),
    as_known_baseline       numeric(38,9),
    as_known_target         numeric(38,9),
    as_known_attainment     numeric(38,9),
    as_known_score          numeric(38,9),
    as_known_expected_score numeric(38,9),
    as_known_status         text NOT NULL,
    as_known_status_order   integer NOT NULL,
    restated_at             timestamptz NOT NULL,
    restated_as_of          timestamptz,
    restated_value          numeric(38,9),
    restated_n              bigint,
    restated_numerator      numeric(38,9),
    restated_denominator    numeric(38,9),
    restated_baseline       numeric(38,9),
    restated_target         numeric(38,9),
    restated_attainment     numeric(38,9),
    restated_score          numeric(38,9),
    restated_expected_score numeric(38,9),
    restated_status         text NOT NULL,
    restated_status_order   integer NOT NULL,
    updated_at              timestamptz NOT NULL,
    PRIMARY KEY (cycle_id, objective_id, key_result_id, date)
);
CREATE INDEX fact_key_result_daily_date ON bi.fact_key_result_daily (date);
COMMENT ON TABLE bi.fact_key_result_daily IS 'One row a key result and day that has ended.';
COMMENT ON COLUMN bi.fact_key_result_daily.date IS 'The local day of the cycle';
COMMENT ON COLUMN bi.fact_key_result_daily.cycle_id IS 'The cycle';
COMMENT ON COLUMN bi.fact_key_result_daily.objective_id IS 'The objective';
COMMENT ON COLUMN bi.fact_key_result_daily.key_result_id IS 'The key result';
COMMENT ON COLUMN bi.fact_key_result_daily.key_result_key IS 'The version of the key result when the row was written, in dim_key_result';
COMMENT ON COLUMN bi.fact_key_result_daily.as_known_at IS 'When the day was first recorded; the as_known columns never change';
COMMENT ON COLUMN bi.fact_key_result_daily.as_known_as_of IS 'As first recorded: the instant up to which everything was known';
COMMENT ON COLUMN bi.fact_key_result_daily.as_known_value IS 'As first recorded: the value, in base units; null without data';
COMMENT ON COLUMN bi.fact_key_result_daily.as_known_n IS 'As first recorded: rows behind the value';
COMMENT ON COLUMN bi.fact_key_result_daily.as_known_numerator IS 'As first recorded: what is divided: good events, a sum, good pairs';
COMMENT ON COLUMN bi.fact_key_result_daily.as_known_denominator IS 'As first recorded: what it is divided by; sum both before dividing';
COMMENT ON COLUMN bi.fact_key_result_daily.as_known_baseline IS 'As first recorded: the baseline it was held against';
COMMENT ON COLUMN bi.fact_key_result_daily.as_known_target IS 'As first recorded: the target it was held against';
COMMENT ON COLUMN bi.fact_key_result_daily.as_known_attainment IS 'As first recorded: the way from baseline to target, not clamped';
COMMENT ON COLUMN bi.fact_key_result_daily.as_known_score IS 'As first recorded: attainment clamped to 0..1';
COMMENT ON COLUMN bi.fact_key_result_daily.as_known_expected_score IS 'As first recorded: the score expected by then';
COMMENT ON COLUMN bi.fact_key_result_daily.as_known_status IS 'As first recorded: achieved, missed, pending, no_data, stale, insufficient_data, on_track, at_risk or off_track';
COMMENT ON COLUMN bi.fact_key_result_daily.as_known_status_order IS 'As first recorded: sorts statuses, the worst first: 1 missed to 9 achieved';
COMMENT ON COLUMN bi.fact_key_result_daily.restated_at IS 'When the restated columns last changed';
COMMENT ON COLUMN bi.fact_key_result_daily.restated_as_of IS 'By what is known now: the instant up to which everything was known';
COMMENT ON COLUMN bi.fact_key_result_daily.restated_value IS 'By what is known now: the value, in base units; null without data';
COMMENT ON COLUMN bi.fact_key_result_daily.restated_n IS 'By what is known now: rows behind the value';
COMMENT ON COLUMN bi.fact_key_result_daily.restated_numerator IS 'By what is known now: what is divided: good events, a sum, good pairs';
COMMENT ON COLUMN bi.fact_key_result_daily.restated_denominator IS 'By what is known now: what it is divided by; sum both before dividing';
COMMENT ON COLUMN bi.fact_key_result_daily.restated_baseline IS 'By what is known now: the baseline it was held against';
COMMENT ON COLUMN bi.fact_key_result_daily.restated_target IS 'By what is known now: the target it was held against';
COMMENT ON COLUMN bi.fact_key_result_daily.restated_attainment IS 'By what is known now: the way from baseline to target, not clamped';
COMMENT ON COLUMN bi.fact_key_result_daily.restated_score IS 'By what is known now: attainment clamped to 0..1';
COMMENT ON COLUMN bi.fact_key_result_daily.restated_expected_score IS 'By what is known now: the score expected by then';
COMMENT ON COLUMN bi.fact_key_result_daily.restated_status IS 'By what is known now: achieved, missed, pending, no_data, stale, insufficient_data, on_track, at_risk or off_track';
COMMENT ON COLUMN bi.fact_key_result_daily.restated_status_order IS 'By what is known now: sorts statuses, the worst first: 1 missed to 9 achieved';
COMMENT ON COLUMN bi.fact_key_result_daily.updated_at IS 'When anything of this row last changed';

CREATE TABLE bi.fact_key_result_latest (
    date           date NOT NULL,
    cycle_id       text NOT NULL,
    objective_id   text NOT NULL,
    key_result_id  text NOT NULL,
    key_result_key bigint NOT NULL REFERENCES bi.dim_key_result (key_result_key),
    as_of          timestamptz,
    value          numeric(38,9),
    n              bigint,
    numerator      numeric(38,9),
    denominator    numeric(38,9),
    baseline       numeric(38,9),
    target         numeric(38,9),
    attainment     numeric(38,9),
    score          numeric(38,9),
    expected_score numeric(38,9),
    status         text NOT NULL,
    status_order   integer NOT NULL,
    updated_at     timestamptz NOT NULL,
    PRIMARY KEY (cycle_id, objective_id, key_result_id)
);
COMMENT ON TABLE bi.fact_key_result_latest IS 'The running day: one row a key result, replaced at every write.';
COMMENT ON COLUMN bi.fact_key_result_latest.date IS 'The local day of the cycle';
COMMENT ON COLUMN bi.fact_key_result_latest.cycle_id IS 'The cycle';
COMMENT ON COLUMN bi.fact_key_result_latest.objective_id IS 'The objective';
COMMENT ON COLUMN bi.fact_key_result_latest.key_result_id IS 'The key result';
COMMENT ON COLUMN bi.fact_key_result_latest.key_result_key IS 'The version of the key result when the row was written, in dim_key_result';
COMMENT ON COLUMN bi.fact_key_result_latest.as_of IS 'Now: the instant up to which everything was known';
COMMENT ON COLUMN bi.fact_key_result_latest.value IS 'Now: the value, in base units; null without data';
COMMENT ON COLUMN bi.fact_key_result_latest.n IS 'Now: rows behind the value';
COMMENT ON COLUMN bi.fact_key_result_latest.numerator IS 'Now: what is divided: good events, a sum, good pairs';
COMMENT ON COLUMN bi.fact_key_result_latest.denominator IS 'Now: what it is divided by; sum both before dividing';
COMMENT ON COLUMN bi.fact_key_result_latest.baseline IS 'Now: the baseline it was held against';
COMMENT ON COLUMN bi.fact_key_result_latest.target IS 'Now: the target it was held against';
COMMENT ON COLUMN bi.fact_key_result_latest.attainment IS 'Now: the way from baseline to target, not clamped';
COMMENT ON COLUMN bi.fact_key_result_latest.score IS 'Now: attainment clamped to 0..1';
COMMENT ON COLUMN bi.fact_key_result_latest.expected_score IS 'Now: the score expected by then';
COMMENT ON COLUMN bi.fact_key_result_latest.status IS 'Now: achieved, missed, pending, no_data, stale, insufficient_data, on_track, at_risk or off_track';
COMMENT ON COLUMN bi.fact_key_result_latest.status_order IS 'Now: sorts statuses, the worst first: 1 missed to 9 achieved';
COMMENT ON COLUMN bi.fact_key_result_latest.updated_at IS 'When this row was written';

-- Flat: one row a key result and day, the running day included; what is known now, and beside it what was first recorded.
CREATE VIEW bi.v_key_result_progress AS
SELECT f.date, f.is_running,
       f.cycle_id, c.first_date AS cycle_first_date, c.last_date AS cycle_last_date,
       f.objective_id, o.title AS objective_title, o.path AS objective_path,
       f.key_result_id, k.title AS key_result_title, k.owner, k.team, k.type, k.kind, k.unit, k.weight, k.is_current AS is_in_book,
       f.baseline, f.target, f.value, f.n, f.numerator, f.denominator, f.attainment, f.score, f.expected_score, f.status, f.status_order,
       f.as_known_value, f.as_known_score, f.as_known_status, f.as_of, f.updated_at
FROM (
    SELECT date, false AS is_running, cycle_id, objective_id, key_result_id,
           restated_as_of AS as_of, restated_value AS value, restated_n AS n, restated_numerator AS numerator, restated_denominator AS denominator, restated_baseline AS baseline, restated_target AS target, restated_attainment AS attainment, restated_score AS score, restated_expected_score AS expected_score, restated_status AS status, restated_status_order AS status_order,
           as_known_value, as_known_score, as_known_status, updated_at
    FROM bi.fact_key_result_daily
    UNION ALL
    SELECT l.date, true, l.cycle_id, l.objective_id, l.key_result_id,
           l.as_of, l.value, l.n, l.numerator, l.denominator, l.baseline, l.target, l.attainment, l.score, l.expected_score, l.status, l.status_order,
           NULL::numeric, NULL::numeric, NULL::text, l.updated_at
    FROM bi.fact_key_result_latest l
    WHERE NOT EXISTS (
        SELECT 1 FROM bi.fact_key_result_daily d
        WHERE d.cycle_id = l.cycle_id AND d.objective_id = l.objective_id AND d.key_result_id = l.key_result_id AND d.date = l.date
    )
) f
JOIN (
    SELECT cycle_id, objective_id, key_result_id, max(key_result_key) AS key_result_key
    FROM bi.dim_key_result GROUP BY cycle_id, objective_id, key_result_id
) v ON v.cycle_id = f.cycle_id AND v.objective_id = f.objective_id AND v.key_result_id = f.key_result_id
JOIN bi.dim_key_result k ON k.key_result_key = v.key_result_key
JOIN bi.dim_objective o ON o.cycle_id = f.cycle_id AND o.objective_id = f.objective_id
JOIN bi.dim_cycle c ON c.cycle_id = f.cycle_id;
COMMENT ON VIEW bi.v_key_result_progress IS 'Flat: one row a key result and day, the running day included';
COMMENT ON COLUMN bi.v_key_result_progress.date IS 'The local day';
COMMENT ON COLUMN bi.v_key_result_progress.is_running IS 'Whether the day is still running: its numbers move';
COMMENT ON COLUMN bi.v_key_result_progress.cycle_id IS 'The cycle';
COMMENT ON COLUMN bi.v_key_result_progress.cycle_first_date IS 'First local day of the cycle';
COMMENT ON COLUMN bi.v_key_result_progress.cycle_last_date IS 'Last local day of the cycle';
COMMENT ON COLUMN bi.v_key_result_progress.objective_id IS 'The objective';
COMMENT ON COLUMN bi.v_key_result_progress.objective_title IS 'Title of the objective';
COMMENT ON COLUMN bi.v_key_result_progress.objective_path IS 'Objective ids from the topmost down, joined by /';
COMMENT ON COLUMN bi.v_key_result_progress.key_result_id IS 'The key result';
COMMENT ON COLUMN bi.v_key_result_progress.key_result_title IS 'Title of the key result, as the book last had it';
COMMENT ON COLUMN bi.v_key_result_progress.owner IS 'Who answers for it';
COMMENT ON COLUMN bi.v_key_result_progress.team IS 'Its team';
COMMENT ON COLUMN bi.v_key_result_progress.type IS 'improve, maintain, milestone or manual';
COMMENT ON COLUMN bi.v_key_result_progress.kind IS 'committed or aspirational';
COMMENT ON COLUMN bi.v_key_result_progress.unit IS 'Unit of value, baseline and target';
COMMENT ON COLUMN bi.v_key_result_progress.weight IS 'Weight in the score of its objective';
COMMENT ON COLUMN bi.v_key_result_progress.is_in_book IS 'Whether the book still has it';
COMMENT ON COLUMN bi.v_key_result_progress.baseline IS 'The baseline it is held against';
COMMENT ON COLUMN bi.v_key_result_progress.target IS 'The target it is held against';
COMMENT ON COLUMN bi.v_key_result_progress.value IS 'The value by what is known now, in base units; null without data';
COMMENT ON COLUMN bi.v_key_result_progress.n IS 'Rows behind the value';
COMMENT ON COLUMN bi.v_key_result_progress.numerator IS 'What is divided';
COMMENT ON COLUMN bi.v_key_result_progress.denominator IS 'What it is divided by; sum both before dividing';
COMMENT ON COLUMN bi.v_key_result_progress.attainment IS 'The way from baseline to target, not clamped';
COMMENT ON COLUMN bi.v_key_result_progress.score IS 'Attainment clamped to 0..1';
COMMENT ON COLUMN bi.v_key_result_progress.expected_score IS 'The score expected by then';
COMMENT ON COLUMN bi.v_key_result_progress.status IS 'The status by what is known now';
COMMENT ON COLUMN bi.v_key_result_progress.status_order IS 'Sorts statuses, the worst first';
COMMENT ON COLUMN bi.v_key_result_progress.as_known_value IS 'The value when the day was first recorded; null for the running day';
COMMENT ON COLUMN bi.v_key_result_progress.as_known_score IS 'The score when the day was first recorded';
COMMENT ON COLUMN bi.v_key_result_progress.as_known_status IS 'The status when the day was first recorded';
COMMENT ON COLUMN bi.v_key_result_progress.as_of IS 'The instant up to which everything is known';
COMMENT ON COLUMN bi.v_key_result_progress.updated_at IS 'When the row last changed';
