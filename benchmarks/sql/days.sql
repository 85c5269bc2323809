-- Raw events and order lines as rows of customer_days, not added up: what `customers.sql` asks of both is the same.
CREATE VIEW days AS
SELECT
    customer_id, business_day, event,
    coalesce(CASE
        WHEN event IN ('Order Completed', 'Order Refunded', 'Order Cancelled') THEN order_key::varchar
        WHEN starts_with(event, 'Coupon ') THEN coupon_id
        WHEN event = 'Store Visited' THEN store
        WHEN event = 'Membership Rank Changed' THEN rank
    END, '') AS key,
    coalesce(CASE
        WHEN event = 'Coupon Issued' THEN valid_until::varchar
        WHEN event = 'Order Completed' OR starts_with(event, 'Coupon ') THEN store
        WHEN event = 'Order Refunded' AND amount IS NULL THEN 'whole'
    END, '') AS detail,
    1 AS count, coalesce(amount, 0) AS amount, occurred_at AS first_at, occurred_at AS last_at, seq AS first_seq, trusted
FROM events
UNION ALL
SELECT
    l.customer_id, l.business_day, 'Order Line', l.order_key::varchar, coalesce(l.category, ''), l.quantity, l.amount,
    e.occurred_at, e.occurred_at, l.seq, e.trusted
FROM order_lines AS l JOIN events AS e USING (seq) WHERE e.event = 'Order Completed'
