-- All that the builder shows of them: by rank how many and how many of these can be reached, and ten of them.
WITH members AS (
    SELECT customer_id, rank, orders, last_order, last_seen, reachable
    FROM frame
    WHERE launches >= 10
        AND visits >= 2
        AND points >= 50
        AND (
            "latest:Coupon Viewed:1" > as_of - DATE '1969-12-31' - 60
            OR "latest:Coupon Redeemed:1" > as_of - DATE '1969-12-31' - 90
        )
        AND "latest:Application Opened:2" > as_of - DATE '1969-12-31' - 30
        AND "times:Order Cancelled" = 0
        AND coalesce(last_visit > as_of - 30, false)
)

SELECT
    (SELECT list(groups) FROM (SELECT rank, count(*) AS size, count_if(reachable) AS reach FROM members GROUP BY rank) AS groups) AS groups,
    (SELECT list(few) FROM (FROM members ORDER BY hash(customer_id) LIMIT 10) AS few) AS few
