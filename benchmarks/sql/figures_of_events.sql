-- Retention by launches, repeat purchase and F2 of the members of a segment (table `segment`), from raw events.
CREATE TEMP TABLE retention AS
WITH did AS (
    SELECT DISTINCT customer_id, date_trunc('week', business_day)::date AS week
    FROM events WHERE event = 'Application Opened' AND business_day <= $today
), starts AS (
    SELECT customer_id, date_trunc('week', min(business_day))::date AS cohort
    FROM events SEMI JOIN segment USING (customer_id)
    WHERE event = 'Application Opened' AND business_day <= $today
    GROUP BY customer_id HAVING min(business_day) BETWEEN $first AND $last
), came AS (
    SELECT cohort, (week - cohort) // 7 AS period, count(*) AS came
    FROM starts JOIN did USING (customer_id) WHERE week >= cohort GROUP BY cohort, period
)
SELECT strftime(cohort, '%Y-%m-%d') || ' ' || lpad(period::varchar, 2, '0') AS cell, coalesce(came, 0) AS came, people
FROM (SELECT cohort, count(*) AS people FROM starts GROUP BY cohort)
CROSS JOIN (SELECT unnest(range($weeks + 1)) AS period) LEFT JOIN came USING (cohort, period)
WHERE cohort + 7 * period::integer <= $today;

CREATE TEMP TABLE bought AS
WITH orders AS (
    SELECT customer_id, order_key, arg_min(business_day, seq) AS day, arg_min(coalesce(amount, 0), seq) AS amount
    FROM events WHERE event = 'Order Completed' AND trusted AND business_day <= $today GROUP BY customer_id, order_key
), back AS (
    SELECT customer_id, order_key, sum(coalesce(amount, 0)) AS refunded,
           bool_or(event = 'Order Cancelled' OR amount IS NULL) AS whole
    FROM events WHERE event IN ('Order Refunded', 'Order Cancelled') AND trusted AND business_day <= $today
    GROUP BY customer_id, order_key
)
SELECT DISTINCT customer_id, day
FROM orders LEFT JOIN back USING (customer_id, order_key) SEMI JOIN segment USING (customer_id)
WHERE whole IS NULL OR NOT (whole OR refunded >= amount);

SELECT * FROM retention
UNION ALL
SELECT 'repeat purchase', count(*) FILTER (days >= 2), count(*)
FROM (SELECT count(*) AS days FROM bought WHERE day BETWEEN $first AND $last GROUP BY customer_id)
UNION ALL
SELECT 'second purchase', count(*) FILTER (next <= day + 60), count(*)
FROM (
    SELECT day, lead(day) OVER this AS next, row_number() OVER this AS number
    FROM bought WINDOW this AS (PARTITION BY customer_id ORDER BY day)
)
WHERE number = 1 AND day BETWEEN $first AND $last AND day + 60 < $today;
