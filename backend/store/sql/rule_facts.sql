-- name: read_ledger_mark
-- Differs once anything that rules read of the ledger may have changed: a campaign changes when it is launched and when it
-- is through, and its deliveries only in between; while one is under way, every few seconds ($1: seconds since 1970).
SELECT
    coalesce(max(changed_at)::text, '') AS changed,
    CASE WHEN coalesce(bool_or(state IN ('sending', 'paused')), false) THEN $1::bigint / 5 ELSE 0 END AS moment
FROM campaigns

-- name: list_received
-- When the first push of each campaign was accepted for each customer, in microseconds since 1970. $1: campaigns, null for all.
SELECT campaign_id, customer_id, (extract(epoch FROM min(sent_at)) * 1000000)::bigint AS at
FROM deliveries
WHERE state = 'accepted' AND ($1::int[] IS NULL OR campaign_id = ANY ($1::int[]))
GROUP BY campaign_id, customer_id

-- name: list_received_by
-- The same for some customers ($2, in order: then neighbours are found on pages that were just read), a list a column, one row.
SELECT array_agg(campaign_id) AS campaign_id, array_agg(customer_id) AS customer_id, array_agg(at) AS at
FROM (
    SELECT campaign_id, customer_id, (extract(epoch FROM min(sent_at)) * 1000000)::bigint AS at
    FROM unnest($2::bigint[]) AS asked (customer_id)
    JOIN deliveries USING (customer_id)
    WHERE state = 'accepted' AND ($1::int[] IS NULL OR campaign_id = ANY ($1::int[]))
    GROUP BY campaign_id, customer_id
) AS first_pushes

-- name: list_last_pushes
SELECT customer_id, (extract(epoch FROM max(sent_at)) * 1000000)::bigint AS at
FROM deliveries
WHERE state = 'accepted'
GROUP BY customer_id

-- name: list_last_pushes_to
-- As list_received_by. $1: customers.
SELECT array_agg(customer_id) AS customer_id, array_agg(at) AS at
FROM (
    SELECT customer_id, (extract(epoch FROM max(sent_at)) * 1000000)::bigint AS at
    FROM unnest($1::bigint[]) AS asked (customer_id)
    JOIN deliveries USING (customer_id)
    WHERE state = 'accepted'
    GROUP BY customer_id
) AS last_pushes

-- name: list_launched
-- Campaigns that were launched, and what counts as their success. $1: campaigns, null for all.
SELECT campaign_id, conversion_event, conversion_days, planned_at
FROM campaigns
WHERE planned_at IS NOT NULL AND ($1::int[] IS NULL OR campaign_id = ANY ($1::int[]))
ORDER BY campaign_id

-- name: list_campaign_arms
-- $1: campaigns.
SELECT DISTINCT campaign_id, customer_id, arm
FROM campaign_people
WHERE arm IS NOT NULL AND campaign_id = ANY ($1::int[])

-- name: list_campaign_arms_of
-- As list_received_by. Joined, because an array of customers in the condition is taken for the key, which begins with campaigns:
-- of twelve campaigns seven times as much work.
SELECT array_agg(campaign_id) AS campaign_id, array_agg(customer_id) AS customer_id, array_agg(arm) AS arm
FROM (
    SELECT DISTINCT campaign_id, customer_id, arm
    FROM unnest($2::bigint[]) AS asked (customer_id)
    JOIN campaign_people USING (customer_id)
    WHERE arm IS NOT NULL AND campaign_id = ANY ($1::int[])
) AS asked_arms

-- name: list_revisions
-- Of every static list how often it was changed.
SELECT list_id, revision FROM static_lists

-- name: list_on_list
SELECT customer_id FROM static_list_members WHERE list_id = $1

-- name: list_trait
SELECT customer_id, traits -> $1::text AS value
FROM customers
WHERE merged_into IS NULL AND erased_at IS NULL AND traits ? $1::text
