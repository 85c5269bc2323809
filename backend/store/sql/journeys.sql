-- name: last_entries
-- When people entered a campaign last, and whether they are in it: under any number they had.
SELECT coalesce(c.merged_into, c.customer_id) AS customer_id, max(e.entered_at) AS entered_at, bool_or(e.state = 'waiting') AS inside
FROM customers AS c
JOIN journey_entries AS e ON e.customer_id = c.customer_id AND e.campaign_id = $1
WHERE c.customer_id = ANY ($2::bigint[]) OR c.merged_into = ANY ($2::bigint[])
GROUP BY coalesce(c.merged_into, c.customer_id)

-- name: enter
-- Each cause once, and nobody who is inside.
INSERT INTO journey_entries (campaign_id, version, customer_id, occurrence, due_at, entered_at, changed_at)
SELECT $1, $2, customer_id, occurrence, due_at, entered_at, $3
FROM unnest($4::bigint[], $5::bigint[], $6::timestamptz[], $7::timestamptz[]) AS given (customer_id, occurrence, due_at, entered_at)
ORDER BY customer_id
ON CONFLICT DO NOTHING
RETURNING entry_id

-- name: enter_all
-- A launch: everybody of an audience at once, but for those who are inside, or entered after a moment; null: who ever did.
INSERT INTO journey_entries (campaign_id, version, customer_id, occurrence, due_at, entered_at, changed_at)
SELECT $1, $2, given.customer_id, $3, $4, $4, $4
FROM unnest($5::bigint[]) AS given (customer_id)
WHERE NOT EXISTS (
    SELECT FROM journey_entries AS e
    WHERE e.campaign_id = $1 AND e.customer_id = given.customer_id AND ($6::timestamptz IS NULL OR e.entered_at > $6)
)
ORDER BY given.customer_id
ON CONFLICT DO NOTHING

-- name: list_inside
-- Where people stand who are under way, held until the transaction ends, always in the same order.
SELECT entry_id, campaign_id, version, customer_id, step, waits, waiting_for, since, until_at, entered_at
FROM journey_entries
WHERE state = 'waiting' AND customer_id = ANY ($1::bigint[])
ORDER BY entry_id
FOR UPDATE

-- name: numbers_of
-- Every number that people have or had, with the one they have now.
SELECT customer_id, coalesce(merged_into, customer_id) AS survivor FROM customers
WHERE customer_id = ANY ($1::bigint[]) OR merged_into = ANY ($1::bigint[])

-- name: note_happened
-- What was waited for came: to be looked at now.
UPDATE journey_entries AS e SET happened_at = given.at, due_at = $3, changed_at = $3
FROM unnest($1::bigint[], $2::timestamptz[]) AS given (entry_id, at)
WHERE e.entry_id = given.entry_id AND e.state = 'waiting' AND e.happened_at IS NULL

-- name: leave
UPDATE journey_entries SET state = 'left', reason = $2, waiting_for = NULL, changed_at = $3
WHERE entry_id = ANY ($1::bigint[]) AND state = 'waiting'

-- name: list_running
-- Campaigns with somebody to look at now.
SELECT c.campaign_id
FROM campaigns AS c
WHERE c.state = 'sending' AND EXISTS (
    SELECT FROM journey_entries AS e WHERE e.campaign_id = c.campaign_id AND e.state = 'waiting' AND e.due_at <= $1
)
ORDER BY c.campaign_id

-- name: claim
-- Some who are due, the longest waiting first, passed over where another worker has them. With the number each has today; gone: she
-- was erased.
WITH due AS (
    SELECT entry_id FROM journey_entries
    WHERE campaign_id = $1 AND state = 'waiting' AND due_at <= $2 AND ($4::bigint[] IS NULL OR entry_id = ANY ($4::bigint[]))
    ORDER BY due_at
    LIMIT $3
    FOR UPDATE SKIP LOCKED
)
SELECT e.entry_id, e.version, coalesce(c.merged_into, c.customer_id) AS customer_id, e.step, e.lap, e.waits, e.waiting_for, e.since,
    e.due_at, e.until_at, e.happened_at, e.entered_at, e.attempts, s.erased_at IS NOT NULL AS gone,
    coalesce(
        (SELECT d.time_zone FROM devices AS d
         WHERE d.customer_id = s.customer_id AND d.state = 'live' AND d.time_zone IS NOT NULL
         ORDER BY d.last_seen DESC LIMIT 1),
        s.traits ->> 'timezone', s.traits ->> 'time_zone') AS time_zone
FROM due
JOIN journey_entries AS e USING (entry_id)
JOIN customers AS c ON c.customer_id = e.customer_id
JOIN customers AS s ON s.customer_id = coalesce(c.merged_into, c.customer_id)
ORDER BY e.entry_id

-- name: inside_besides
-- Of some entries those whose person stands in the same campaign by an older entry too: two who became one.
SELECT e.entry_id
FROM unnest($2::bigint[], $3::bigint[]) AS e (entry_id, customer_id)
WHERE EXISTS (
    SELECT FROM journey_entries AS o
    JOIN customers AS c ON c.customer_id = o.customer_id
    WHERE o.campaign_id = $1 AND o.state = 'waiting' AND o.entry_id < e.entry_id
        AND coalesce(c.merged_into, c.customer_id) = e.customer_id
        AND o.customer_id IN (
            SELECT e.customer_id UNION ALL SELECT m.customer_id FROM customers AS m WHERE m.merged_into = e.customer_id
        )
)

-- name: stand
-- Where people stand now.
UPDATE journey_entries AS e SET
    step = given.step, lap = given.lap, waits = given.waits, since = given.since, due_at = given.due_at, until_at = given.until_at,
    waiting_for = given.waiting_for, state = given.state, reason = given.reason, happened_at = NULL, attempts = 0, changed_at = $1
FROM unnest(
    $2::bigint[], $3::smallint[], $4::smallint[], $5::boolean[], $6::timestamptz[], $7::timestamptz[], $8::timestamptz[], $9::text[],
    $10::text[], $11::text[]
) AS given (entry_id, step, lap, waits, since, due_at, until_at, waiting_for, state, reason)
WHERE e.entry_id = given.entry_id

-- name: add_visits
INSERT INTO journey_visits (entry_id, lap, step, version, campaign_id, at, way, outcome)
SELECT entry_id, lap, step, version, $1, $2, way, outcome
FROM unnest($3::bigint[], $4::smallint[], $5::smallint[], $6::int[], $7::text[], $8::text[])
    AS given (entry_id, lap, step, version, way, outcome)

-- name: postpone
-- Nothing is wrong with her: what is needed to go on cannot be asked now.
UPDATE journey_entries SET due_at = $2, changed_at = $3 WHERE entry_id = ANY ($1::bigint[]) AND state = 'waiting'

-- name: count_attempts
SELECT attempts FROM journey_entries WHERE entry_id = $1

-- name: note_failure
-- A step failed once more: later again, or put aside, with the reason.
UPDATE journey_entries SET
    attempts = attempts + 1, reason = $2, due_at = $3, state = CASE WHEN attempts + 1 >= $4 THEN 'aside' ELSE state END, changed_at = $5
WHERE entry_id = $1 AND state = 'waiting'
RETURNING attempts, state

-- name: take_back
-- Those put aside go on where they stood, each person by the newest entry of hers.
UPDATE journey_entries AS e SET state = 'waiting', reason = NULL, attempts = 0, due_at = $2, changed_at = $2
WHERE e.campaign_id = $1 AND e.state = 'aside' AND ($3::bigint IS NULL OR e.entry_id = $3)
    AND NOT EXISTS (
        SELECT FROM journey_entries AS o
        WHERE o.campaign_id = e.campaign_id AND o.customer_id = e.customer_id
            AND (o.state = 'waiting' OR (o.state = 'aside' AND o.entry_id > e.entry_id))
    )

-- name: close_ended
-- A piece of those who are still under way in campaigns that ended.
WITH ended AS (
    SELECT e.entry_id, c.state
    FROM journey_entries AS e JOIN campaigns AS c USING (campaign_id)
    WHERE e.state = 'waiting' AND c.state IN ('cancelled', 'failed', 'sent')
    LIMIT $1
    FOR UPDATE OF e SKIP LOCKED
)
UPDATE journey_entries AS e SET state = 'left', reason = 'cancelled', waiting_for = NULL, changed_at = $2
FROM ended WHERE ended.entry_id = e.entry_id

-- name: is_empty
-- Whether nobody is under way in a campaign, nor waits for a push of it.
SELECT NOT EXISTS (SELECT FROM journey_entries WHERE campaign_id = $1 AND state = 'waiting')
    AND NOT EXISTS (SELECT FROM campaign_people WHERE campaign_id = $1 AND state = 'planned')
    AND NOT EXISTS (SELECT FROM deliveries WHERE campaign_id = $1 AND state IN ('planned', 'sending'))

-- name: count_standing
-- People under way and aside by version and step; those who left by reason.
SELECT version, step, state, CASE WHEN state = 'left' THEN reason END AS reason, count(*) AS people
FROM journey_entries WHERE campaign_id = $1
GROUP BY 1, 2, 3, 4

-- name: count_visits
-- Those that are told one by one, and those of long ago.
SELECT version, step, way, outcome, sum(visits)::bigint AS visits
FROM (
    SELECT version, step, way, outcome, count(*) AS visits FROM journey_visits WHERE campaign_id = $1 GROUP BY 1, 2, 3, 4
    UNION ALL
    SELECT version, step, way, outcome, visits FROM journey_counts WHERE campaign_id = $1
) AS every
GROUP BY 1, 2, 3, 4

-- name: forget_ways
-- A piece of those who left before a moment: the steps they passed are counted and go; that they entered, when and why they left
-- stays, for re-entry and for a person's history.
WITH old AS (
    SELECT entry_id FROM journey_entries
    WHERE state = 'left' AND way_kept AND changed_at < $1
    ORDER BY changed_at
    LIMIT $2
    FOR UPDATE SKIP LOCKED
), marked AS (
    UPDATE journey_entries AS e SET way_kept = false FROM old WHERE e.entry_id = old.entry_id RETURNING 1
), gone AS (
    DELETE FROM journey_visits WHERE entry_id IN (SELECT entry_id FROM old) RETURNING campaign_id, version, step, way, outcome
), counted AS (
    INSERT INTO journey_counts (campaign_id, version, step, way, outcome, visits)
    SELECT campaign_id, version, step, way, outcome, count(*) FROM gone GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
    ON CONFLICT (campaign_id, version, step, way, outcome) DO UPDATE SET visits = journey_counts.visits + excluded.visits
)
SELECT count(*) FROM marked

-- name: list_entries
-- Newest first, before a number; without those who asked to be erased.
SELECT e.entry_id, e.campaign_id, e.version, coalesce(c.merged_into, c.customer_id) AS customer_id, s.user_id, e.occurrence, e.step, e.lap,
    e.waits, e.state, e.reason, e.waiting_for, e.due_at, e.until_at, e.entered_at, e.changed_at, e.attempts, e.way_kept
FROM journey_entries AS e
JOIN customers AS c ON c.customer_id = e.customer_id
JOIN customers AS s ON s.customer_id = coalesce(c.merged_into, c.customer_id)
WHERE e.campaign_id = $1 AND c.erased_at IS NULL AND ($2::bigint IS NULL OR e.entry_id < $2)
    AND ($3::text IS NULL OR e.state = $3) AND ($4::smallint IS NULL OR e.step = $4) AND ($5::text IS NULL OR s.user_id = $5)
ORDER BY e.entry_id DESC
LIMIT $6

-- name: get_entry
SELECT e.entry_id, e.campaign_id, e.version, coalesce(c.merged_into, c.customer_id) AS customer_id, s.user_id, e.occurrence, e.step, e.lap,
    e.waits, e.state, e.reason, e.waiting_for, e.due_at, e.until_at, e.entered_at, e.changed_at, e.attempts, e.way_kept
FROM journey_entries AS e
JOIN customers AS c ON c.customer_id = e.customer_id
JOIN customers AS s ON s.customer_id = coalesce(c.merged_into, c.customer_id)
WHERE e.campaign_id = $1 AND e.entry_id = $2 AND c.erased_at IS NULL

-- name: list_visits
SELECT lap, step, way, outcome, at FROM journey_visits WHERE entry_id = $1 ORDER BY lap, step
