-- The peers' job in Flink SQL: one statement set, whose sources are shared. OPTIONS stands for what all have in common (Job.java). Watermarks wait for the latest event (120 s) and a little.
CREATE TABLE orders (type STRING, ts TIMESTAMP_LTZ(3), order_id STRING, warehouse STRING, channel STRING, amount DOUBLE, WATERMARK FOR ts AS ts - INTERVAL '125' SECOND(3))
 WITH ('connector'='kafka','topic'='orders','properties.group.id'='orders','properties.client.id.prefix'='orders',OPTIONS);
CREATE TABLE picks (ts TIMESTAMP_LTZ(3), warehouse STRING, duration_ms BIGINT, WATERMARK FOR ts AS ts - INTERVAL '125' SECOND(3))
 WITH ('connector'='kafka','topic'='picks','properties.group.id'='picks','properties.client.id.prefix'='picks',OPTIONS);
CREATE TABLE errors (ts TIMESTAMP_LTZ(3), warehouse STRING, category STRING, WATERMARK FOR ts AS ts - INTERVAL '125' SECOND(3))
 WITH ('connector'='kafka','topic'='errors','properties.group.id'='errors','properties.client.id.prefix'='errors',OPTIONS);
CREATE TABLE tickets (ts TIMESTAMP_LTZ(3), handle_s BIGINT, csat BIGINT)
 WITH ('connector'='kafka','topic'='tickets','properties.group.id'='tickets','properties.client.id.prefix'='tickets',OPTIONS);
CREATE TABLE of_hour (name STRING, h TIMESTAMP(3), warehouse STRING, n BIGINT) WITH ('connector'='print','print-identifier'='HOUR');
CREATE TABLE of_orders (warehouse STRING, channel STRING, n BIGINT, amount DOUBLE) WITH ('connector'='print','print-identifier'='ORDERS');
CREATE TABLE of_all (name STRING, n BIGINT, mean DOUBLE) WITH ('connector'='print','print-identifier'='MEAN');
INSERT INTO of_hour SELECT 'picks', CAST(window_start AS TIMESTAMP(3)), warehouse, COUNT(*) FROM TABLE(TUMBLE(TABLE picks, DESCRIPTOR(ts), INTERVAL '1' HOUR)) GROUP BY window_start, window_end, warehouse;
INSERT INTO of_hour SELECT 'mispicks', CAST(window_start AS TIMESTAMP(3)), warehouse, COUNT(*) FROM TABLE(TUMBLE(TABLE errors, DESCRIPTOR(ts), INTERVAL '1' HOUR)) WHERE category = 'mispick' GROUP BY window_start, window_end, warehouse;
INSERT INTO of_orders SELECT warehouse, channel, COUNT(*), SUM(amount) FROM orders WHERE type = 'created' GROUP BY warehouse, channel;
INSERT INTO of_all SELECT 'pick', COUNT(duration_ms), AVG(CAST(duration_ms AS DOUBLE)) FROM picks;
INSERT INTO of_all SELECT 'joined', COUNT(d), AVG(CAST(d AS DOUBLE)) * 1000 FROM (SELECT CAST(TIMESTAMPDIFF(SECOND, CAST(c.ts AS TIMESTAMP(3)), CAST(s.ts AS TIMESTAMP(3))) AS BIGINT) AS d FROM (SELECT order_id, ts FROM orders WHERE type = 'created') c, (SELECT order_id, ts FROM orders WHERE type = 'shipped') s WHERE c.order_id = s.order_id AND s.ts BETWEEN c.ts AND c.ts + INTERVAL '30' DAY) j;
INSERT INTO of_all SELECT 'handle', COUNT(handle_s), AVG(CAST(handle_s AS DOUBLE)) FROM tickets;
INSERT INTO of_all SELECT 'csat', COUNT(csat), AVG(CAST(csat AS DOUBLE)) FROM tickets;
