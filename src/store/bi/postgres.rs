//! The statements of the BI star in PostgreSQL: each takes one JSON document, `{"at", "rows"}`, so that any number of rows is one statement.

use super::Statements;

pub(crate) const POSTGRES: Statements = Statements {
    dates: "
INSERT INTO bi.dim_date AS t (
  date, year, quarter, month, month_name, day_of_month, iso_year, iso_week, day_of_week, day_name, is_weekend,
  year_quarter, year_month, year_week
)
SELECT
  r.date, r.year, r.quarter, r.month, r.month_name, r.day_of_month, r.iso_year, r.iso_week, r.day_of_week, r.day_name,
  r.is_weekend, r.year_quarter, r.year_month, r.year_week
FROM json_to_recordset($1::json -> 'rows') AS r (
  date date, year integer, quarter integer, month integer, month_name text, day_of_month integer, iso_year integer,
  iso_week integer, day_of_week integer, day_name text, is_weekend boolean, year_quarter text, year_month text,
  year_week text
)
WHERE true
ON CONFLICT (date) DO UPDATE SET
  year = excluded.year, quarter = excluded.quarter, month = excluded.month, month_name = excluded.month_name,
  day_of_month = excluded.day_of_month, iso_year = excluded.iso_year, iso_week = excluded.iso_week,
  day_of_week = excluded.day_of_week, day_name = excluded.day_name, is_weekend = excluded.is_weekend,
  year_quarter = excluded.year_quarter, year_month = excluded.year_month, year_week = excluded.year_week
WHERE (
  t.year, t.quarter, t.month, t.month_name, t.day_of_month, t.iso_year, t.iso_week, t.day_of_week, t.day_name,
  t.is_weekend, t.year_quarter, t.year_month, t.year_week
) IS DISTINCT FROM (
  excluded.year, excluded.quarter, excluded.month, excluded.month_name, excluded.day_of_month, excluded.iso_year,
  excluded.iso_week, excluded.day_of_week, excluded.day_name, excluded.is_weekend, excluded.year_quarter,
  excluded.year_month, excluded.year_week
)",
    cycles: "
INSERT INTO bi.dim_cycle AS t (
  cycle_id, first_date, last_date, start_at, end_at, timezone, days, updated_at
)
SELECT
  r.cycle_id, r.first_date, r.last_date, r.start_at, r.end_at, r.timezone, r.days, ($1::json ->> 'at')::timestamptz
FROM json_to_recordset($1::json -> 'rows') AS r (
  cycle_id text, first_date date, last_date date, start_at timestamptz, end_at timestamptz, timezone text, days integer
)
WHERE true
ON CONFLICT (cycle_id) DO UPDATE SET
  first_date = excluded.first_date, last_date = excluded.last_date, start_at = excluded.start_at,
  end_at = excluded.end_at, timezone = excluded.timezone, days = excluded.days, updated_at = excluded.updated_at
WHERE (
  t.first_date, t.last_date, t.start_at, t.end_at, t.timezone, t.days
) IS DISTINCT FROM (
  excluded.first_date, excluded.last_date, excluded.start_at, excluded.end_at, excluded.timezone, excluded.days
)",
    teams: "
INSERT INTO bi.dim_team AS t (
  team_id, updated_at
)
SELECT
  r.team_id, ($1::json ->> 'at')::timestamptz
FROM json_to_recordset($1::json -> 'rows') AS r (
  team_id text
)
WHERE true
ON CONFLICT DO NOTHING",
    objectives: "
INSERT INTO bi.dim_objective AS t (
  cycle_id, objective_id, title, owner, team, parent_objective_id, parent_key_result_id, path, depth, position,
  updated_at
)
SELECT
  r.cycle_id, r.objective_id, r.title, r.owner, r.team, r.parent_objective_id, r.parent_key_result_id, r.path, r.depth,
  r.position, ($1::json ->> 'at')::timestamptz
FROM json_to_recordset($1::json -> 'rows') AS r (
  cycle_id text, objective_id text, title text, owner text, team text, parent_objective_id text,
  parent_key_result_id text, path text, depth integer, position integer
)
WHERE true
ON CONFLICT (cycle_id, objective_id) DO UPDATE SET
  title = excluded.title, owner = excluded.owner, team = excluded.team,
  parent_objective_id = excluded.parent_objective_id, parent_key_result_id = excluded.parent_key_result_id,
  path = excluded.path, depth = excluded.depth, position = excluded.position, updated_at = excluded.updated_at
WHERE (
  t.title, t.owner, t.team, t.parent_objective_id, t.parent_key_result_id, t.path, t.depth, t.position
) IS DISTINCT FROM (
  excluded.title, excluded.owner, excluded.team, excluded.parent_objective_id, excluded.parent_key_result_id,
  excluded.path, excluded.depth, excluded.position
)",
    key_results_close: "
UPDATE bi.dim_key_result AS t SET is_current = false, valid_to = greatest(valid_from, ($1::json ->> 'at')::timestamptz)
WHERE is_current AND NOT EXISTS (
  SELECT 1 FROM json_to_recordset($1::json -> 'rows') AS r (
  cycle_id text, objective_id text, key_result_id text, content_hash text
)
  WHERE r.cycle_id = t.cycle_id
    AND r.objective_id = t.objective_id
    AND r.key_result_id = t.key_result_id
    AND r.content_hash = t.content_hash
)",
    key_results_open: "
INSERT INTO bi.dim_key_result (
  cycle_id, objective_id, key_result_id, title, owner, team, type, kind, unit, weight, baseline, target, stretch,
  at_least, at_most, position, content_hash, valid_from, is_current
)
SELECT
  r.cycle_id, r.objective_id, r.key_result_id, r.title, r.owner, r.team, r.type, r.kind, r.unit, r.weight, r.baseline,
  r.target, r.stretch, r.at_least, r.at_most, r.position, r.content_hash, ($1::json ->> 'at')::timestamptz, true
FROM json_to_recordset($1::json -> 'rows') AS r (
  cycle_id text, objective_id text, key_result_id text, title text, owner text, team text, type text, kind text,
  unit text, weight numeric, baseline numeric, target numeric, stretch numeric, at_least numeric, at_most numeric,
  position integer, content_hash text
)
WHERE NOT EXISTS (
  SELECT 1 FROM bi.dim_key_result AS t WHERE t.is_current AND t.cycle_id = r.cycle_id
    AND t.objective_id = r.objective_id
    AND t.key_result_id = r.key_result_id
)",
    daily: "
INSERT INTO bi.fact_key_result_daily AS t (
  date, cycle_id, objective_id, key_result_id, key_result_key,
  as_known_at, restated_at, updated_at,
  as_known_as_of, as_known_value, as_known_n, as_known_numerator, as_known_denominator, as_known_baseline,
  as_known_target, as_known_attainment, as_known_score, as_known_expected_score, as_known_status, as_known_status_order,
  restated_as_of, restated_value, restated_n, restated_numerator, restated_denominator, restated_baseline,
  restated_target, restated_attainment, restated_score, restated_expected_score, restated_status, restated_status_order
)
SELECT
  r.date, r.cycle_id, r.objective_id, r.key_result_id,
  (SELECT k.key_result_key FROM bi.dim_key_result k WHERE k.cycle_id = r.cycle_id
     AND k.objective_id = r.objective_id
     AND k.key_result_id = r.key_result_id ORDER BY k.key_result_key DESC LIMIT 1),
  ($1::json ->> 'at')::timestamptz, ($1::json ->> 'at')::timestamptz, ($1::json ->> 'at')::timestamptz,
  r.as_of, r.value, r.n, r.numerator, r.denominator, r.baseline, r.target, r.attainment, r.score, r.expected_score,
  r.status, r.status_order,
  r.as_of, r.value, r.n, r.numerator, r.denominator, r.baseline, r.target, r.attainment, r.score, r.expected_score,
  r.status, r.status_order
FROM json_to_recordset($1::json -> 'rows') AS r (
  date date, cycle_id text, objective_id text, key_result_id text, as_of timestamptz, value numeric, n bigint,
  numerator numeric, denominator numeric, baseline numeric, target numeric, attainment numeric, score numeric,
  expected_score numeric, status text, status_order integer
)
WHERE true
ON CONFLICT (cycle_id, objective_id, key_result_id, date) DO UPDATE SET
  restated_at = excluded.restated_at, updated_at = excluded.updated_at,
  restated_as_of = excluded.restated_as_of, restated_value = excluded.restated_value, restated_n = excluded.restated_n,
  restated_numerator = excluded.restated_numerator, restated_denominator = excluded.restated_denominator,
  restated_baseline = excluded.restated_baseline, restated_target = excluded.restated_target,
  restated_attainment = excluded.restated_attainment, restated_score = excluded.restated_score,
  restated_expected_score = excluded.restated_expected_score, restated_status = excluded.restated_status,
  restated_status_order = excluded.restated_status_order
WHERE (
  t.restated_as_of, t.restated_value, t.restated_n, t.restated_numerator, t.restated_denominator, t.restated_baseline,
  t.restated_target, t.restated_attainment, t.restated_score, t.restated_expected_score, t.restated_status,
  t.restated_status_order
) IS DISTINCT FROM (
  excluded.restated_as_of, excluded.restated_value, excluded.restated_n, excluded.restated_numerator,
  excluded.restated_denominator, excluded.restated_baseline, excluded.restated_target, excluded.restated_attainment,
  excluded.restated_score, excluded.restated_expected_score, excluded.restated_status, excluded.restated_status_order
)",
    latest_gone: "
DELETE FROM bi.fact_key_result_latest AS t WHERE NOT EXISTS (
  SELECT 1 FROM json_to_recordset($1::json -> 'rows') AS r (
  cycle_id text, objective_id text, key_result_id text
)
  WHERE r.cycle_id = t.cycle_id
    AND r.objective_id = t.objective_id
    AND r.key_result_id = t.key_result_id
)",
    latest: "
INSERT INTO bi.fact_key_result_latest AS t (
  date, cycle_id, objective_id, key_result_id, key_result_key, updated_at,
  as_of, value, n, numerator, denominator, baseline, target, attainment, score, expected_score, status, status_order
)
SELECT
  r.date, r.cycle_id, r.objective_id, r.key_result_id,
  (SELECT k.key_result_key FROM bi.dim_key_result k WHERE k.cycle_id = r.cycle_id
     AND k.objective_id = r.objective_id
     AND k.key_result_id = r.key_result_id ORDER BY k.key_result_key DESC LIMIT 1),
  ($1::json ->> 'at')::timestamptz,
  r.as_of, r.value, r.n, r.numerator, r.denominator, r.baseline, r.target, r.attainment, r.score, r.expected_score,
  r.status, r.status_order
FROM json_to_recordset($1::json -> 'rows') AS r (
  date date, cycle_id text, objective_id text, key_result_id text, as_of timestamptz, value numeric, n bigint,
  numerator numeric, denominator numeric, baseline numeric, target numeric, attainment numeric, score numeric,
  expected_score numeric, status text, status_order integer
)
WHERE true
ON CONFLICT (cycle_id, objective_id, key_result_id) DO UPDATE SET
  date = excluded.date, key_result_key = excluded.key_result_key, updated_at = excluded.updated_at,
  as_of = excluded.as_of, value = excluded.value, n = excluded.n, numerator = excluded.numerator,
  denominator = excluded.denominator, baseline = excluded.baseline, target = excluded.target,
  attainment = excluded.attainment, score = excluded.score, expected_score = excluded.expected_score,
  status = excluded.status, status_order = excluded.status_order",
};

/// Lets `bi_reader` read. The role is made if this user may; an administrator's own, made later, is granted at the next start.
pub(crate) const POSTGRES_GRANTS: &str = "
DO $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'bi_reader') THEN
    BEGIN
      CREATE ROLE bi_reader NOLOGIN;
    EXCEPTION WHEN insufficient_privilege OR duplicate_object OR unique_violation THEN
      NULL;
    END;
  END IF;
  IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'bi_reader') THEN
    GRANT USAGE ON SCHEMA bi TO bi_reader;
    GRANT SELECT ON ALL TABLES IN SCHEMA bi TO bi_reader;
  END IF;
END
$$";
