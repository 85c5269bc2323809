-- name: hold_position
-- The one reader of a feed until the transaction ends; no row while another reads, or before anybody ever did.
SELECT position FROM trigger_positions WHERE feed = $1 FOR UPDATE SKIP LOCKED

-- name: begin_feed
-- The first reader begins where the feed ends: what happened before nobody listened begins nothing.
INSERT INTO trigger_positions (feed, position, read_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING

-- name: has_feed
SELECT EXISTS (SELECT FROM trigger_positions WHERE feed = $1)

-- name: set_position
UPDATE trigger_positions SET position = $2, read_at = $3 WHERE feed = $1

-- name: list_listening
-- Campaigns that may let people in, or have people under way: every version of theirs, and which one is published. Asked several
-- times a second, so without what they say.
SELECT c.campaign_id, c.state, c.version AS published, c.planned_at, c.salt, v.version,
    coalesce(c.next_at, (SELECT min(w.expires_at) FROM waiting_launches AS w WHERE w.campaign_id = c.campaign_id)) AS next_at
FROM campaigns AS c
JOIN campaign_versions AS v USING (campaign_id)
WHERE c.state IN ('sending', 'paused') AND c.kind IN ('event', 'segment', 'journey')
ORDER BY c.campaign_id, v.version

-- name: read_definitions
SELECT v.campaign_id, v.version, v.definition
FROM campaign_versions AS v
JOIN unnest($1::int[], $2::int[]) AS asked (campaign_id, version) USING (campaign_id, version)

-- name: hold_campaigns
-- Their states stand still until the transaction ends: who pauses or cancels waits these few milliseconds.
SELECT campaign_id FROM campaigns WHERE campaign_id = ANY ($1::int[]) AND state = 'sending' ORDER BY campaign_id FOR SHARE

-- name: read_events
-- Of the next so many numbers of the log those of some names, with who it was: an event is read once that is known.
SELECT l.seq, l.received_day, l.received_at, l.source_id, l.trusted, l.token_verdict, l.type, l.event, l.user_id, l.anonymous_id,
    l.occurred_at, l.payload::text AS payload, coalesce(c.merged_into, c.customer_id) AS customer_id
FROM event_log AS l
JOIN identities AS i
    ON i.kind = CASE WHEN l.user_id IS NULL THEN 'anonymous' ELSE 'user' END AND i.value = coalesce(l.user_id, l.anonymous_id)
JOIN customers AS c ON c.customer_id = i.customer_id
WHERE l.seq > $1 AND l.seq <= $2 AND CASE WHEN l.type = 'track' THEN coalesce(l.event, l.type) ELSE l.type END = ANY ($3::text[]) AND c.erased_at IS NULL
ORDER BY l.seq
LIMIT $4

-- name: read_events_of
-- Of some people what happened after a moment of each, as far as it is known who it was. Theirs are also the events of those
-- merged into them.
SELECT l.seq, l.received_day, l.received_at, l.source_id, l.trusted, l.token_verdict, l.type, l.event, l.user_id, l.anonymous_id,
    l.occurred_at, l.payload::text AS payload, given.customer_id
FROM unnest($1::bigint[], $2::timestamptz[]) AS given (customer_id, since)
CROSS JOIN LATERAL (
    SELECT given.customer_id AS number
    UNION ALL
    SELECT m.customer_id FROM customers AS m WHERE m.merged_into = given.customer_id
) AS own
JOIN customer_timeline AS t ON t.customer_id = own.number AND t.occurred_at > given.since
JOIN event_log AS l ON l.received_day = t.received_day AND l.seq = t.seq
WHERE CASE WHEN l.type = 'track' THEN coalesce(l.event, l.type) ELSE l.type END = ANY ($3::text[])
ORDER BY l.seq

-- name: read_changes
-- Who entered or left some segments after a number, not because somebody wrote the rule anew or two became one.
SELECT h.change_id, h.segment_id, h.entered, h.at, coalesce(c.merged_into, c.customer_id) AS customer_id
FROM segment_changes AS h
JOIN customers AS c USING (customer_id)
WHERE h.row_id > $1 AND h.change_id > $1 AND h.change_id <= $2
    AND h.row_id <= coalesce((SELECT min(change_id) FROM customer_turns WHERE change_id >= $2), $2)
    AND h.segment_id = ANY ($3::int[]) AND h.cause IN ('facts', 'time') AND c.erased_at IS NULL
ORDER BY h.row_id, h.change_id
LIMIT $4

-- name: find_verified
-- Of some events those that a trusted source has ever reported.
SELECT given.name
FROM unnest($1::text[]) AS given (name)
WHERE EXISTS (
    SELECT FROM event_counts AS n JOIN sources AS s USING (source_id)
    WHERE n.name = given.name AND s.kind <> 'app' AND n.stored > 0
)

-- name: read_turns
-- Who entered and left a segment from a moment on, in order, why, and under the number each has now.
SELECT coalesce(c.merged_into, c.customer_id) AS customer_id, h.at, h.entered, h.cause
FROM segment_changes AS h
JOIN customers AS c USING (customer_id)
WHERE h.segments @> ARRAY[$1::int] AND h.segment_id = $1 AND h.at >= $2 AND c.erased_at IS NULL
ORDER BY h.change_id

-- name: turns_known_since
-- Since when it is known who entered and left a segment by the rule that it has now; null before anybody ever counted it.
SELECT CASE WHEN t.since IS NOT NULL THEN greatest(t.since, w.changes_since, v.created_at) END
FROM segments AS s
JOIN segment_versions AS v USING (segment_id, version)
LEFT JOIN segment_states AS t USING (segment_id)
CROSS JOIN membership_writer AS w
WHERE s.segment_id = $1
