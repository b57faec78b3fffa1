"""The 8 results of OpsBench's peers' job by DuckDB, from the NDJSON files in the folder that is given: see `run` beside this file."""

import sys

import duckdb

COLUMNS = {
    "orders": "type: 'VARCHAR', ts: 'TIMESTAMP', order_id: 'VARCHAR', warehouse: 'VARCHAR', channel: 'VARCHAR', amount: 'DECIMAL(18,2)'",
    "picks": "ts: 'TIMESTAMP', warehouse: 'VARCHAR', duration_ms: 'BIGINT'",
    "errors": "ts: 'TIMESTAMP', warehouse: 'VARCHAR', category: 'VARCHAR'",
    "tickets": "type: 'VARCHAR', handle_s: 'BIGINT', csat: 'BIGINT'",
}
QUERIES = [
    "SELECT date_trunc('hour', ts), warehouse, count(*) FROM picks GROUP BY ALL",
    "SELECT date_trunc('hour', ts), warehouse, count(*) FROM errors WHERE category = 'mispick' GROUP BY ALL",
    "SELECT warehouse, channel, count(*), sum(amount) FROM orders WHERE type = 'created' GROUP BY ALL",
    "SELECT avg(duration_ms) FROM picks",
    "SELECT avg(epoch_ms(s.ts) - epoch_ms(o.ts)) FROM orders o JOIN orders s USING (order_id) WHERE o.type = 'created' AND s.type = 'shipped'",
    "SELECT avg(handle_s), avg(csat) FROM tickets WHERE type = 'closed'",
]

connection = duckdb.connect()
connection.execute("SET threads = 2")
# Read once, as krscore reads each record once.
for table, columns in COLUMNS.items():
    source = f"read_ndjson('{sys.argv[1]}/{table}.ndjson', columns = {{{columns}}}, ignore_errors = true)"
    connection.execute(f"CREATE TABLE {table} AS SELECT * FROM {source}")
for query in QUERIES:
    print(len(connection.execute(query).fetchall()))
