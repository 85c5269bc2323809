-- The scalar columns of the customer frame that history decides, computed ranks apart, as of $day.
-- Tables: days (customer_days), coupons (coupon_id, audience, valid_until), verified (event).
WITH facts AS (
    SELECT * FROM days
    WHERE business_day <= $day AND (trusted OR event NOT IN (SELECT event FROM verified))
), simple AS (
    SELECT
        customer_id,
        min(business_day) FILTER (NOT list_contains($not_their_act, event)) AS first_seen,
        max(business_day) FILTER (NOT list_contains($not_their_act, event)) AS last_seen,
        sum(count) FILTER (event = 'Application Opened') AS launches,
        max(business_day) FILTER (event = 'Application Opened') AS last_launch,
        sum(count) FILTER (event = 'Store Visited') AS visits,
        max(business_day) FILTER (event = 'Store Visited') AS last_visit,
        sum(CASE event WHEN 'Points Earned' THEN amount WHEN 'Points Spent' THEN -amount WHEN 'Points Expired' THEN -amount END)
            AS points,
        min(business_day) FILTER (event = 'Membership Joined') AS first_joined,
        max(last_at) FILTER (event = 'Membership Withdrawn') AS left_at,
        max(business_day) FILTER (event = 'Membership Withdrawn') AS left_on,
        arg_max(key, last_at) FILTER (event = 'Membership Rank Changed' AND key <> '') AS rank,
        arg_min(
            CASE event WHEN 'Store Visited' THEN key ELSE detail END,
            (-epoch_us(last_at), CASE event WHEN 'Store Visited' THEN key ELSE detail END)
        ) FILTER (event = 'Store Visited' AND key <> '' OR event = 'Order Completed' AND detail <> '') AS last_store
    FROM facts GROUP BY customer_id
), again AS (
    SELECT customer_id, min(business_day) AS again
    FROM facts JOIN simple USING (customer_id)
    WHERE event = 'Membership Joined' AND last_at > left_at GROUP BY customer_id
), other AS (
    SELECT customer_id, max(last_at) AS other_until
    FROM facts JOIN simple USING (customer_id)
    WHERE event = 'Membership Rank Changed' AND key <> '' AND key <> rank GROUP BY customer_id
), held_rank AS (
    SELECT customer_id, min(business_day) AS rank_since
    FROM facts JOIN simple USING (customer_id) LEFT JOIN other USING (customer_id)
    WHERE event = 'Membership Rank Changed' AND key = rank AND (other_until IS NULL OR last_at >= other_until)
    GROUP BY customer_id
), reported AS (
    SELECT
        customer_id, key, min(first_seq) AS first_seq, arg_min(business_day, first_seq) AS day, arg_min(amount, first_seq) AS amount
    FROM facts WHERE event = 'Order Completed' GROUP BY customer_id, key
), back AS (
    SELECT customer_id, key, sum(amount) AS refunded, bool_or(event = 'Order Cancelled' OR detail = 'whole') AS whole
    FROM facts WHERE event IN ('Order Refunded', 'Order Cancelled') GROUP BY customer_id, key
), orders AS (
    SELECT
        customer_id, key, first_seq, day,
        CASE WHEN whole THEN 0 ELSE amount - coalesce(refunded, 0) END AS net,
        NOT (coalesce(whole, false) OR refunded IS NOT NULL AND refunded >= amount) AS counted
    FROM reported LEFT JOIN back USING (customer_id, key)
), bought AS (
    SELECT
        customer_id, count(*) FILTER (counted) AS orders, count(DISTINCT day) FILTER (counted) AS purchase_days,
        min(day) FILTER (counted) AS first_order, max(day) FILTER (counted) AS last_order
    FROM orders GROUP BY customer_id
), spent AS (
    SELECT customer_id, sum(spend) AS spend FROM (
        SELECT customer_id, net AS spend FROM orders
        UNION ALL
        SELECT customer_id, -refunded FROM back ANTI JOIN orders USING (customer_id, key)
    ) GROUP BY customer_id
), by_category AS (
    SELECT customer_id, detail, sum(count) AS quantity, sum(amount) AS money
    FROM facts JOIN (SELECT customer_id, key, first_seq FROM orders WHERE counted) USING (customer_id, key, first_seq)
    WHERE event = 'Order Line' AND detail <> '' GROUP BY customer_id, detail
), favourite AS (
    SELECT customer_id, arg_min(detail, (-quantity, -money, detail)) AS favorite_category FROM by_category GROUP BY customer_id
), pairs AS (
    SELECT
        customer_id, key,
        bool_or(event = 'Coupon Issued' OR event = 'Coupon Viewed' AND audience = 'public') AS issued,
        bool_or(event IN ('Coupon Redeemed', 'Coupon Expired')) AS gone,
        bool_or(event = 'Coupon Redeemed') AS used,
        CASE WHEN bool_and(detail SIMILAR TO '\d{4}-\d{2}-\d{2}') FILTER (event = 'Coupon Issued')
            THEN max(try_cast(detail AS date)) FILTER (event = 'Coupon Issued') END AS own_end,
        any_value(valid_until) AS valid_until
    FROM facts LEFT JOIN coupons ON coupon_id = key
    WHERE event IN ('Coupon Issued', 'Coupon Viewed', 'Coupon Redeemed', 'Coupon Expired') GROUP BY customer_id, key
), holding AS (
    SELECT
        customer_id, count(*) FILTER (used) AS coupons_used,
        count(*) FILTER (issued AND NOT gone AND coalesce(least(own_end, valid_until) >= $day, true)) AS coupons_held,
        min(least(own_end, valid_until)) FILTER (issued AND NOT gone AND least(own_end, valid_until) >= $day) AS next_coupon_expiry
    FROM pairs GROUP BY customer_id
)
SELECT
    customer_id, first_seen, last_seen, coalesce(again, first_joined) AS joined,
    CASE WHEN again IS NULL THEN left_on END AS withdrawn, rank, rank_since,
    coalesce(points, 0)::bigint AS points, coalesce(orders, 0) AS orders, coalesce(purchase_days, 0) AS purchase_days,
    coalesce(spend, 0)::bigint AS spend, first_order, last_order, favorite_category, last_store,
    coalesce(launches, 0)::bigint AS launches, last_launch, coalesce(visits, 0)::bigint AS visits, last_visit,
    coalesce(coupons_held, 0) AS coupons_held, coalesce(coupons_used, 0) AS coupons_used, next_coupon_expiry
FROM simple
LEFT JOIN again USING (customer_id)
LEFT JOIN held_rank USING (customer_id)
LEFT JOIN bought USING (customer_id)
LEFT JOIN spent USING (customer_id)
LEFT JOIN favourite USING (customer_id)
LEFT JOIN holding USING (customer_id)
