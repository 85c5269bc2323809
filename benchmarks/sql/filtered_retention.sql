-- Weekly retention of those who first did something with a property, by doing it again; a row a cohort and week that has begun.
WITH did AS (
    SELECT DISTINCT customer_id, date_trunc('week', business_day)::date AS week
    FROM events WHERE event = 'Product Viewed' AND category = $category AND business_day <= $today
), starts AS (
    SELECT customer_id, date_trunc('week', min(business_day))::date AS cohort
    FROM events WHERE event = 'Product Viewed' AND category = $category AND business_day <= $today
    GROUP BY customer_id HAVING min(business_day) BETWEEN $first AND $last
), sizes AS (
    SELECT cohort, count(*) AS denominator FROM starts GROUP BY cohort
), came AS (
    SELECT cohort, (week - cohort) // 7 AS period, count(*) AS numerator
    FROM starts JOIN did USING (customer_id) WHERE week >= cohort GROUP BY cohort, period
)
SELECT cohort, period, coalesce(numerator, 0) AS numerator, denominator
FROM sizes CROSS JOIN (SELECT unnest(range($weeks + 1)) AS period) LEFT JOIN came USING (cohort, period)
WHERE cohort + 7 * period::integer <= $today
ORDER BY cohort, period
