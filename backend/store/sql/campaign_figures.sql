-- name: list_people
-- Everyone of a campaign as the ledger has them, one row a person, occurrence and step. Plain rows: a million are put together
-- with those of their devices outside, in a fraction of the time of a join with aggregates here.
SELECT
    customer_id, occurrence, step, arm, variant, left_out, state, reason,
    (extract(epoch FROM planned_at) * 1000000)::bigint AS planned_at, rest::int AS rest
FROM campaign_people
WHERE campaign_id = $1

-- name: list_devices
SELECT customer_id, occurrence, step, state, CASE WHEN state = 'left_out' THEN reason END AS reason
FROM deliveries
WHERE campaign_id = $1

-- name: list_sent_days
-- What went out on which day of the shop: launches of an audience by their own rows, entries of triggers and journeys counted by day.
-- The launch of a journey lets people in and sends nothing itself: its pushes are counted like other entries.
-- $3: the zone; $4: hours after midnight at which a business day begins.
SELECT
    o.campaign_id, o.occurrence, o.step, o.planned_at,
    ((o.planned_at AT TIME ZONE $3) - make_interval(hours => $4))::date AS day, o.targeted, o.control
FROM campaign_occurrences AS o
WHERE o.planned_at >= $1 AND o.planned_at < $2
    AND NOT EXISTS (SELECT FROM campaigns AS k WHERE k.campaign_id = o.campaign_id AND k.kind = 'journey')
UNION ALL
SELECT
    p.campaign_id, NULL, NULL, min(p.planned_at), ((p.planned_at AT TIME ZONE $3) - make_interval(hours => $4))::date,
    count(*), count(*) FILTER (WHERE p.arm = 'control')
FROM campaign_people AS p
WHERE p.planned_at >= $1 AND p.planned_at < $2 AND NOT EXISTS (
    SELECT FROM campaign_occurrences AS o
    WHERE o.campaign_id = p.campaign_id AND o.occurrence = p.occurrence AND o.step = p.step
)
GROUP BY p.campaign_id, 5
ORDER BY 5, 4, 1

-- name: count_pushes_by_week
-- How many people got how many pushes in each of the last weeks of seven days; week 0 ends at $2. Two devices are one push.
SELECT week, pushes, count(*) AS people
FROM (
    SELECT
        customer_id, floor(extract(epoch FROM $2 - sent_at) / 604800)::int AS week,
        count(DISTINCT (campaign_id, occurrence, step))::int AS pushes
    FROM deliveries
    WHERE sent_at > $1 AND sent_at <= $2 AND state IN ('accepted', 'unknown')
    GROUP BY customer_id, 2
) AS each
GROUP BY week, pushes
ORDER BY week, pushes

-- name: count_optouts_by_week
-- Who took back the yes to marketing pushes in each of these weeks, and how many of them had got a push in the seven days before.
SELECT
    floor(extract(epoch FROM $2 - w.said_at) / 604800)::int AS week, count(DISTINCT w.customer_id) AS people,
    count(DISTINCT w.customer_id) FILTER (WHERE EXISTS (
        SELECT FROM deliveries AS d
        WHERE d.customer_id = w.customer_id AND d.state IN ('accepted', 'unknown')
            AND d.sent_at > w.said_at - interval '7 days' AND d.sent_at <= w.said_at
    )) AS after_push
FROM consent_words AS w
WHERE w.purpose = 'marketing' AND w.channel = 'push' AND NOT w.granted AND w.said_at > $1 AND w.said_at <= $2
GROUP BY 1
ORDER BY 1

-- name: count_optouts_by_campaign
-- Per campaign and arm of those planned in this time: people, and those who took back the yes within seven days of it.
SELECT
    p.campaign_id, c.name, p.arm, count(DISTINCT p.customer_id) AS people,
    count(DISTINCT p.customer_id) FILTER (WHERE EXISTS (
        SELECT FROM consent_words AS w
        WHERE w.customer_id = p.customer_id AND w.purpose = 'marketing' AND w.channel = 'push' AND NOT w.granted
            AND w.said_at > p.planned_at AND w.said_at <= p.planned_at + interval '7 days'
    )) AS opted_out
FROM campaign_people AS p
JOIN campaigns AS c USING (campaign_id)
WHERE p.planned_at >= $1 AND p.planned_at < $2 AND p.arm IS NOT NULL
GROUP BY p.campaign_id, c.name, p.arm
ORDER BY p.campaign_id DESC, p.arm

-- name: count_reachable
-- Who may get pushes at all, beside whom the frequency of pushes is looked at. $1: what silence counts as.
SELECT count(DISTINCT d.customer_id)
FROM devices AS d
LEFT JOIN consents AS c ON c.customer_id = d.customer_id AND c.purpose = 'marketing' AND c.channel = 'push'
WHERE d.state = 'live' AND d.permission <> 'denied' AND coalesce(c.granted, $1::boolean)

-- name: list_accepted
-- Messages of a campaign that FCM took since $2, with the shop's own number of the person: who simulates the app answers them.
SELECT k.user_id, d.campaign_id, d.delivery_id, d.sent_at
FROM deliveries AS d
JOIN customers AS k USING (customer_id)
WHERE d.campaign_id = $1 AND d.state = 'accepted' AND d.sent_at >= $2 AND k.user_id IS NOT NULL
ORDER BY d.delivery_id
