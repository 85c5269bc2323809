-- name: read_ledger_mark
-- Differs once anything that rules read of the ledger may have changed: a campaign changes when it is launched and when it
-- is through, and its deliveries only in between; while one is under way, every few seconds ($1: seconds since 1970).
SELECT
    coalesce(max(changed_at)::text, '') AS changed,
    CASE WHEN coalesce(bool_or(state IN ('sending', 'paused')), false) THEN $1::bigint / 5 ELSE 0 END AS moment
FROM campaigns

-- name: list_received
-- When the first push of each campaign was accepted for each customer, in microseconds since 1970. $1: campaigns, null
-- for all; $2: customers, likewise.
SELECT campaign_id, customer_id, (extract(epoch FROM min(sent_at)) * 1000000)::bigint AS at
FROM deliveries
WHERE
    state = 'accepted' AND ($1::int[] IS NULL OR campaign_id = ANY ($1::int[]))
    AND ($2::bigint[] IS NULL OR customer_id = ANY ($2::bigint[]))
GROUP BY campaign_id, customer_id

-- name: list_last_pushes
-- $1: customers, null for all.
SELECT customer_id, (extract(epoch FROM max(sent_at)) * 1000000)::bigint AS at
FROM deliveries
WHERE state = 'accepted' AND ($1::bigint[] IS NULL OR customer_id = ANY ($1::bigint[]))
GROUP BY customer_id

-- name: list_launched
-- Campaigns that were launched, and what counts as their success. $1: campaigns, null for all.
SELECT campaign_id, conversion_event, conversion_days, planned_at
FROM campaigns
WHERE planned_at IS NOT NULL AND ($1::int[] IS NULL OR campaign_id = ANY ($1::int[]))
ORDER BY campaign_id

-- name: list_campaign_arms
-- $1: campaigns; $2: customers, null for all.
SELECT DISTINCT campaign_id, customer_id, arm
FROM campaign_people
WHERE
    arm IS NOT NULL AND campaign_id = ANY ($1::int[])
    AND ($2::bigint[] IS NULL OR customer_id = ANY ($2::bigint[]))

-- name: list_revisions
-- Of every static list how often it was changed.
SELECT list_id, revision FROM static_lists

-- name: list_on_list
SELECT customer_id FROM static_list_members WHERE list_id = $1

-- name: list_trait
SELECT customer_id, traits -> $1::text AS value
FROM customers
WHERE merged_into IS NULL AND erased_at IS NULL AND traits ? $1::text
