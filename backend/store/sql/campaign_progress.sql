-- name: list_launches
-- The last launches of a campaign that repeats, the newest first.
SELECT planned_at, version, targeted, control FROM campaign_occurrences
WHERE campaign_id = $1 AND step = 0
ORDER BY launched_at DESC LIMIT $2;

-- name: count_launches
-- How often it was launched, and how many people it was planned for since a moment, the control group apart.
SELECT count(*) AS launches,
    coalesce(sum(targeted - control) FILTER (WHERE launched_at >= $2), 0)::bigint AS people_since
FROM campaign_occurrences WHERE campaign_id = $1 AND step = 0;
