-- The rule of benchmarks/segments.py asked of raw events, in one pass.
SELECT count(*)
FROM (
    SELECT customer_id
    FROM events
    WHERE business_day <= $today AND event IN (
        'Application Opened', 'Store Visited', 'Points Earned', 'Points Spent', 'Points Expired', 'Coupon Viewed',
        'Coupon Redeemed', 'Order Cancelled'
    )
    GROUP BY customer_id
    HAVING count(*) FILTER (event = 'Application Opened') >= 10
        AND count(*) FILTER (event = 'Store Visited') >= 2
        AND coalesce(sum(CASE
            WHEN event = 'Points Earned' THEN amount WHEN event IN ('Points Spent', 'Points Expired') THEN -amount
        END), 0) >= 50
        AND (
            count(*) FILTER (event = 'Coupon Viewed' AND business_day > $today - 60) >= 1
            OR count(*) FILTER (event = 'Coupon Redeemed' AND business_day > $today - 90) >= 1
        )
        AND count(*) FILTER (event = 'Application Opened' AND business_day > $today - 30) >= 2
        AND count(*) FILTER (event = 'Order Cancelled') = 0
        AND max(business_day) FILTER (event = 'Store Visited') > $today - 30
)
