//! The statements of the BI star in SQLite: each takes one JSON document, `{"at", "rows"}`, so that any number of rows is one statement.

use super::Statements;

pub(crate) const SQLITE: Statements = Statements {
    dates: "
INSERT INTO bi_dim_date AS t (
  date, year, quarter, month, month_name, day_of_month, iso_year, iso_week, day_of_week, day_name, is_weekend,
  year_quarter, year_month, year_week
)
SELECT
  r.value ->> 'date', r.value ->> 'year', r.value ->> 'quarter', r.value ->> 'month', r.value ->> 'month_name',
  r.value ->> 'day_of_month', r.value ->> 'iso_year', r.value ->> 'iso_week', r.value ->> 'day_of_week',
  r.value ->> 'day_name', r.value ->> 'is_weekend', r.value ->> 'year_quarter', r.value ->> 'year_month',
  r.value ->> 'year_week'
FROM json_each($1, '$.rows') AS r
WHERE true
ON CONFLICT (date) DO UPDATE SET
  year = excluded.year, quarter = excluded.quarter, month = excluded.month, month_name = excluded.month_name,
  day_of_month = excluded.day_of_month, iso_year = excluded.iso_year, iso_week = excluded.iso_week,
  day_of_week = excluded.day_of_week, day_name = excluded.day_name, is_weekend = excluded.is_weekend,
  year_quarter = excluded.year_quarter, year_month = excluded.year_month, year_week = excluded.year_week
WHERE (
  t.year, t.quarter, t.month, t.month_name, t.day_of_month, t.iso_year, t.iso_week, t.day_of_week, t.day_name,
  t.is_weekend, t.year_quarter, t.year_month, t.year_week
) IS NOT (
  excluded.year, excluded.quarter, excluded.month, excluded.month_name, excluded.day_of_month, excluded.iso_year,
  excluded.iso_week, excluded.day_of_week, excluded.day_name, excluded.is_weekend, excluded.year_quarter,
  excluded.year_month, excluded.year_week
)",
    cycles: "
INSERT INTO bi_dim_cycle AS t (
  cycle_id, first_date, last_date, start_at, end_at, timezone, days, updated_at
)
SELECT
  r.value ->> 'cycle_id', r.value ->> 'first_date', r.value ->> 'last_date', r.value ->> 'start_at',
  r.value ->> 'end_at', r.value ->> 'timezone', r.value ->> 'days', $1 ->> 'at'
FROM json_each($1, '$.rows') AS r
WHERE true
ON CONFLICT (cycle_id) DO UPDATE SET
  first_date = excluded.first_date, last_date = excluded.last_date, start_at = excluded.start_at,
  end_at = excluded.end_at, timezone = excluded.timezone, days = excluded.days, updated_at = excluded.updated_at
WHERE (
  t.first_date, t.last_date, t.start_at, t.end_at, t.timezone, t.days
) IS NOT (
  excluded.first_date, excluded.last_date, excluded.start_at, excluded.end_at, excluded.timezone, excluded.days
)",
    teams: "
INSERT INTO bi_dim_team AS t (
  team_id, updated_at
)
SELECT
  r.value ->> 'team_id', $1 ->> 'at'
FROM json_each($1, '$.rows') AS r
WHERE true
ON CONFLICT DO NOTHING",
    objectives: "
INSERT INTO bi_dim_objective AS t (
  cycle_id, objective_id, title, owner, team, parent_objective_id, parent_key_result_id, path, depth, position,
  updated_at
)
SELECT
  r.value ->> 'cycle_id', r.value ->> 'objective_id', r.value ->> 'title', r.value ->> 'owner', r.value ->> 'team',
  r.value ->> 'parent_objective_id', r.value ->> 'parent_key_result_id', r.value ->> 'path', r.value ->> 'depth',
  r.value ->> 'position', $1 ->> 'at'
FROM json_each($1, '$.rows') AS r
WHERE true
ON CONFLICT (cycle_id, objective_id) DO UPDATE SET
  title = excluded.title, owner = excluded.owner, team = excluded.team,
  parent_objective_id = excluded.parent_objective_id, parent_key_result_id = excluded.parent_key_result_id,
  path = excluded.path, depth = excluded.depth, position = excluded.position, updated_at = excluded.updated_at
WHERE (
  t.title, t.owner, t.team, t.parent_objective_id, t.parent_key_result_id, t.path, t.depth, t.position
) IS NOT (
  excluded.title, excluded.owner, excluded.team, excluded.parent_objective_id, excluded.parent_key_result_id,
  excluded.path, excluded.depth, excluded.position
)",
    key_results_close: "
UPDATE bi_dim_key_result AS t SET is_current = 0, valid_to = max(valid_from, $1 ->> 'at')
WHERE is_current = 1 AND NOT EXISTS (
  SELECT 1 FROM json_each($1, '$.rows') AS r
  WHERE r.value ->> 'cycle_id' = t.cycle_id
    AND r.value ->> 'objective_id' = t.objective_id
    AND r.value ->> 'key_result_id' = t.key_result_id
    AND r.value ->> 'content_hash' = t.content_hash
)",
    key_results_open: "
INSERT INTO bi_dim_key_result (
  cycle_id, objective_id, key_result_id, title, owner, team, type, kind, unit, weight, baseline, target, stretch,
  at_least, at_most, position, content_hash, valid_from, is_current
)
SELECT
  r.value ->> 'cycle_id', r.value ->> 'objective_id', r.value ->> 'key_result_id', r.value ->> 'title',
  r.value ->> 'owner', r.value ->> 'team', r.value ->> 'type', r.value ->> 'kind', r.value ->> 'unit',
  CAST(r.value ->> 'weight' AS REAL), CAST(r.value ->> 'baseline' AS REAL), CAST(r.value ->> 'target' AS REAL),
  CAST(r.value ->> 'stretch' AS REAL), CAST(r.value ->> 'at_least' AS REAL), CAST(r.value ->> 'at_most' AS REAL),
  r.value ->> 'position', r.value ->> 'content_hash', $1 ->> 'at', 1
FROM json_each($1, '$.rows') AS r
WHERE NOT EXISTS (
  SELECT 1 FROM bi_dim_key_result AS t WHERE t.is_current = 1 AND t.cycle_id = r.value ->> 'cycle_id'
    AND t.objective_id = r.value ->> 'objective_id'
    AND t.key_result_id = r.value ->> 'key_result_id'
)",
    daily: "
INSERT INTO bi_fact_key_result_daily AS t (
  date, cycle_id, objective_id, key_result_id, key_result_key,
  as_known_at, restated_at, updated_at,
  as_known_as_of, as_known_value, as_known_n, as_known_numerator, as_known_denominator, as_known_baseline,
  as_known_target, as_known_attainment, as_known_score, as_known_expected_score, as_known_status, as_known_status_order,
  restated_as_of, restated_value, restated_n, restated_numerator, restated_denominator, restated_baseline,
  restated_target, restated_attainment, restated_score, restated_expected_score, restated_status, restated_status_order
)
SELECT
  r.value ->> 'date', r.value ->> 'cycle_id', r.value ->> 'objective_id', r.value ->> 'key_result_id',
  (SELECT k.key_result_key FROM bi_dim_key_result k WHERE k.cycle_id = r.value ->> 'cycle_id'
     AND k.objective_id = r.value ->> 'objective_id'
     AND k.key_result_id = r.value ->> 'key_result_id' ORDER BY k.key_result_key DESC LIMIT 1),
  $1 ->> 'at', $1 ->> 'at', $1 ->> 'at',
  r.value ->> 'as_of', CAST(r.value ->> 'value' AS REAL), r.value ->> 'n', CAST(r.value ->> 'numerator' AS REAL),
  CAST(r.value ->> 'denominator' AS REAL), CAST(r.value ->> 'baseline' AS REAL), CAST(r.value ->> 'target' AS REAL),
  CAST(r.value ->> 'attainment' AS REAL), CAST(r.value ->> 'score' AS REAL),
  CAST(r.value ->> 'expected_score' AS REAL), r.value ->> 'status', r.value ->> 'status_order',
  r.value ->> 'as_of', CAST(r.value ->> 'value' AS REAL), r.value ->> 'n', CAST(r.value ->> 'numerator' AS REAL),
  CAST(r.value ->> 'denominator' AS REAL), CAST(r.value ->> 'baseline' AS REAL), CAST(r.value ->> 'target' AS REAL),
  CAST(r.value ->> 'attainment' AS REAL), CAST(r.value ->> 'score' AS REAL),
  CAST(r.value ->> 'expected_score' AS REAL), r.value ->> 'status', r.value ->> 'status_order'
FROM json_each($1, '$.rows') AS r
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
) IS NOT (
  excluded.restated_as_of, excluded.restated_value, excluded.restated_n, excluded.restated_numerator,
  excluded.restated_denominator, excluded.restated_baseline, excluded.restated_target, excluded.restated_attainment,
  excluded.restated_score, excluded.restated_expected_score, excluded.restated_status, excluded.restated_status_order
)",
    latest_gone: "
DELETE FROM bi_fact_key_result_latest AS t WHERE NOT EXISTS (
  SELECT 1 FROM json_each($1, '$.rows') AS r
  WHERE r.value ->> 'cycle_id' = t.cycle_id
    AND r.value ->> 'objective_id' = t.objective_id
    AND r.value ->> 'key_result_id' = t.key_result_id
)",
    latest: "
INSERT INTO bi_fact_key_result_latest AS t (
  date, cycle_id, objective_id, key_result_id, key_result_key, updated_at,
  as_of, value, n, numerator, denominator, baseline, target, attainment, score, expected_score, status, status_order
)
SELECT
  r.value ->> 'date', r.value ->> 'cycle_id', r.value ->> 'objective_id', r.value ->> 'key_result_id',
  (SELECT k.key_result_key FROM bi_dim_key_result k WHERE k.cycle_id = r.value ->> 'cycle_id'
     AND k.objective_id = r.value ->> 'objective_id'
     AND k.key_result_id = r.value ->> 'key_result_id' ORDER BY k.key_result_key DESC LIMIT 1),
  $1 ->> 'at',
  r.value ->> 'as_of', CAST(r.value ->> 'value' AS REAL), r.value ->> 'n', CAST(r.value ->> 'numerator' AS REAL),
  CAST(r.value ->> 'denominator' AS REAL), CAST(r.value ->> 'baseline' AS REAL), CAST(r.value ->> 'target' AS REAL),
  CAST(r.value ->> 'attainment' AS REAL), CAST(r.value ->> 'score' AS REAL),
  CAST(r.value ->> 'expected_score' AS REAL), r.value ->> 'status', r.value ->> 'status_order'
FROM json_each($1, '$.rows') AS r
WHERE true
ON CONFLICT (cycle_id, objective_id, key_result_id) DO UPDATE SET
  date = excluded.date, key_result_key = excluded.key_result_key, updated_at = excluded.updated_at,
  as_of = excluded.as_of, value = excluded.value, n = excluded.n, numerator = excluded.numerator,
  denominator = excluded.denominator, baseline = excluded.baseline, target = excluded.target,
  attainment = excluded.attainment, score = excluded.score, expected_score = excluded.expected_score,
  status = excluded.status, status_order = excluded.status_order",
};
