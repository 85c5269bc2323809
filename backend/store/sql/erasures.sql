-- name: read_key
-- Null while nobody was erased: then nobody is looked for.
SELECT key FROM erasure_key WHERE EXISTS (SELECT FROM erased_ids);

-- name: the_key
SELECT key FROM erasure_key;

-- name: list_digests
SELECT digest FROM erased_ids;

-- name: match_digests
SELECT digest FROM erased_ids WHERE digest = ANY ($1::bytea[]);

-- name: whole_person
-- A person's numbers: the survivor and everyone merged into him, over any number of steps, and the numbers under which his
-- anonymous ids keep what came with them alone.
WITH RECURSIVE own AS (
    SELECT customer_id FROM customers WHERE customer_id = $1
    UNION
    SELECT c.customer_id FROM customers AS c JOIN own AS o ON c.merged_into = o.customer_id
)
SELECT customer_id FROM own
UNION
SELECT i.node_id FROM identities AS i JOIN own AS o USING (customer_id) WHERE i.node_id IS NOT NULL;

-- name: survivor_of
-- The end of the chain of merges that begins with a number.
WITH RECURSIVE chain AS (
    SELECT customer_id, merged_into FROM customers WHERE customer_id = $1
    UNION
    SELECT c.customer_id, c.merged_into FROM customers AS c JOIN chain AS h ON c.customer_id = h.merged_into
)
SELECT customer_id FROM chain WHERE merged_into IS NULL;

-- name: ids_of
SELECT value FROM identities WHERE customer_id = ANY ($1::bigint[])
UNION
SELECT user_id FROM customers WHERE customer_id = ANY ($1::bigint[]) AND user_id IS NOT NULL
UNION
SELECT born_anonymous_id FROM customers WHERE customer_id = ANY ($1::bigint[]) AND born_anonymous_id IS NOT NULL;

-- name: open_for
-- An erasure of this person that was asked for already, finished or not.
SELECT erasure_id FROM erasures WHERE customer_ids && $1::bigint[] ORDER BY erasure_id DESC LIMIT 1;

-- name: list_going
-- The numbers of people whose erasure is not finished, or was not at a moment ($1): a frame made before may still hold them.
SELECT unnest(customer_ids) AS customer_id FROM erasures WHERE finished_at IS NULL OR finished_at > $1;

-- name: insert_erasure
INSERT INTO erasures (customer_ids, asked_at, asked_by, reason) VALUES ($1, $2, $3, $4) RETURNING erasure_id;

-- name: mark_customers
UPDATE customers SET erased_at = $2 WHERE customer_id = ANY ($1::bigint[]);

-- name: insert_digests
INSERT INTO erased_ids (digest, erasure_id)
SELECT digest, $2::int FROM unnest($1::bytea[]) AS given (digest)
ON CONFLICT DO NOTHING;

-- name: list_erasures
SELECT erasure_id, asked_at, asked_by, reason, finished_at, removed::text AS removed, error
FROM erasures ORDER BY erasure_id DESC LIMIT $1;

-- name: get_erasure
SELECT erasure_id, asked_at, asked_by, reason, finished_at, removed::text AS removed, error
FROM erasures WHERE erasure_id = $1;

-- name: next_erasure
-- The oldest that is ripe: intake processes have learned of its ids by then.
SELECT erasure_id, customer_ids FROM erasures
WHERE finished_at IS NULL AND asked_at <= $1
ORDER BY erasure_id
LIMIT 1
FOR UPDATE SKIP LOCKED;

-- name: note_trouble
UPDATE erasures SET error = $2 WHERE erasure_id = $1;

-- name: finish_erasure
UPDATE erasures SET finished_at = $2, removed = $3, error = NULL WHERE erasure_id = $1;

-- name: delete_logged
-- By the timeline, which finds what the refresh has seen, and by the ids, which finds the rest.
DELETE FROM event_log
WHERE user_id = ANY ($2::text[]) OR anonymous_id = ANY ($2::text[]) OR payload ->> 'previousId' = ANY ($2::text[])
   OR (received_day, seq) IN (SELECT received_day, seq FROM customer_timeline WHERE customer_id = ANY ($1::bigint[]));

-- name: delete_events
-- Events of erased persons that came all the same, by their numbers in the log.
DELETE FROM event_log WHERE seq = ANY ($1::bigint[]);

-- name: suspects_failed
-- Failed events whose bytes hold one of the ids, in quotes or stated as a number; the caller looks closer.
SELECT failed_id, raw FROM failed_events
WHERE EXISTS (SELECT FROM unnest($1::bytea[]) AS f (form) WHERE position(form IN raw) > 0) OR encode(raw, 'escape') ~ $2::text;

-- name: delete_failed
DELETE FROM failed_events WHERE failed_id = ANY ($1::bigint[]);

-- name: delete_refused
DELETE FROM refused_requests
WHERE EXISTS (SELECT FROM unnest($1::bytea[]) AS f (form) WHERE position(form IN body) > 0) OR encode(body, 'escape') ~ $2::text;

-- name: delete_answers
DELETE FROM idempotency_keys WHERE EXISTS (SELECT FROM unnest($1::bytea[]) AS f (form) WHERE position(form IN body) > 0);

-- name: delete_imported
-- What files said of a member, remembered by a digest that anyone could try member numbers against.
DELETE FROM imported_rows WHERE row_key = ANY ($1::uuid[]);

-- name: delete_messages
-- What webhooks were told of the person; deliveries go with it.
DELETE FROM webhook_messages
WHERE EXISTS (SELECT FROM unnest($1::bytea[]) AS f (form) WHERE position(form IN convert_to(body, 'UTF8')) > 0);

-- name: blank_audit
-- The log of who did what keeps its entry, without whom it was done to.
UPDATE audit_log
SET object = CASE WHEN object = ANY ($1::text[]) THEN 'erased' ELSE object END,
    detail = CASE
        WHEN EXISTS (SELECT FROM unnest($2::bytea[]) AS f (form) WHERE position(form IN convert_to(detail::text, 'UTF8')) > 0)
        THEN '{"erased": true}'::jsonb ELSE detail END
WHERE object = ANY ($1::text[])
   OR EXISTS (SELECT FROM unnest($2::bytea[]) AS f (form) WHERE position(form IN convert_to(detail::text, 'UTF8')) > 0);

-- name: delete_timeline
DELETE FROM customer_timeline WHERE customer_id = ANY ($1::bigint[]);

-- name: delete_consents
DELETE FROM consents WHERE customer_id = ANY ($1::bigint[]);

-- name: delete_consent_words
DELETE FROM consent_words WHERE customer_id = ANY ($1::bigint[]);

-- name: delete_identities
DELETE FROM identities WHERE customer_id = ANY ($1::bigint[]) OR node_id = ANY ($1::bigint[]);

-- name: forget_heard
-- A phone that is somebody else's by now remembers who was heard at it before.
UPDATE devices AS d
SET heard = coalesce(
        (SELECT jsonb_agg(h) FROM jsonb_array_elements(d.heard) AS h
         WHERE coalesce((h ->> 'customer_id')::bigint <> ALL ($1::bigint[]), true)
           AND coalesce(h ->> 'anonymous_id' <> ALL ($2::text[]), true)), '[]'),
    heard_ids = ARRAY(
        SELECT id FROM unnest(d.heard_ids) AS id
        WHERE id <> ALL (SELECT 'u' || number FROM unnest($1::bigint[]) AS number)
          AND id <> ALL (SELECT 'a' || value FROM unnest($2::text[]) AS value)),
    anonymous_id = CASE WHEN d.anonymous_id = ANY ($2::text[]) THEN NULL ELSE d.anonymous_id END,
    proven_for = ARRAY(SELECT number FROM unnest(d.proven_for) AS number WHERE number <> ALL ($1::bigint[]))
WHERE d.heard_ids && (
    SELECT array_agg(id) FROM (
        SELECT 'u' || number AS id FROM unnest($1::bigint[]) AS number
        UNION ALL
        SELECT 'a' || value FROM unnest($2::text[]) AS value
    ) AS ids
);

-- name: forget_proofs
UPDATE identities
SET proven_for = ARRAY(SELECT number FROM unnest(proven_for) AS number WHERE number <> ALL ($1::bigint[]))
WHERE kind = 'anonymous' AND proven_for && $1::bigint[];

-- name: blank_devices
-- The ledger of sends points at its devices; nothing of them stays but their number.
UPDATE devices
SET address = 'erased:' || device_id, anonymous_id = NULL, platform = NULL, app_version = NULL, locale = NULL,
    time_zone = NULL, permission = 'unknown', state = 'retired', retired_at = $2, retired_reason = 'erased',
    device_key = NULL, proven_for = '{}', heard = '[]', heard_ids = '{}', told = '{}'
WHERE customer_id = ANY ($1::bigint[]);

-- name: blank_deliveries
UPDATE deliveries SET message_name = NULL WHERE customer_id = ANY ($1::bigint[]) AND message_name IS NOT NULL;

-- name: cancel_deliveries
WITH people AS (
    UPDATE campaign_people SET state = 'cancelled', reason = 'erased', changed_at = $2
    WHERE customer_id = ANY ($1::bigint[]) AND state = 'planned'
)
UPDATE deliveries SET state = 'cancelled', reason = 'erased', retry_at = NULL, changed_at = $2
WHERE customer_id = ANY ($1::bigint[]) AND retry_at IS NOT NULL;

-- name: blank_merge_fields
UPDATE campaign_people SET merge_fields = '{}' WHERE customer_id = ANY ($1::bigint[]);

-- name: delete_waiting_issues
-- Coupons that were to be given out.
DELETE FROM coupon_issue_people WHERE customer_id = ANY ($1::bigint[]);

-- name: delete_inbox_reads
-- What the person read in the app.
DELETE FROM inbox_reads WHERE customer_id = ANY ($1::bigint[]);

-- name: delete_memberships
-- When the person entered and left segments; the bits follow when the frame has lost his row.
DELETE FROM customer_turns WHERE customer_id = ANY ($1::bigint[]);

-- name: delete_visits
-- The way the person went through journeys, and what let him in.
WITH entries AS (DELETE FROM journey_entries WHERE customer_id = ANY ($1::bigint[]) RETURNING entry_id)
DELETE FROM journey_visits AS v USING entries WHERE v.entry_id = entries.entry_id;

-- name: list_person_journeys
-- Campaigns that a person was under way in, and how that ended.
SELECT c.name AS campaign, e.entered_at, e.state, e.reason, e.step + 1 AS step, e.changed_at
FROM journey_entries AS e JOIN campaigns AS c USING (campaign_id)
WHERE e.customer_id = ANY ($1::bigint[]) ORDER BY e.entered_at;

-- name: delete_list_members
DELETE FROM static_list_members WHERE customer_id = ANY ($1::bigint[]);

-- name: delete_test_sends
DELETE FROM test_sends WHERE customer_id = ANY ($1::bigint[]);

-- name: forget_standing
-- What is kept of how a person stands (docs/decisions/0030): she is read anew from now on.
UPDATE standing_blocks SET
    kinds = overlay(kinds PLACING '\x0000'::bytea FROM 2 * ($1::bigint % 65536)::int + 1),
    day_1 = overlay(day_1 PLACING '\x00000000'::bytea FROM 4 * ($1::bigint % 65536)::int + 1),
    week_1 = overlay(week_1 PLACING '\x00000000'::bytea FROM 4 * ($1::bigint % 65536)::int + 1),
    day_2 = overlay(day_2 PLACING '\x00000000'::bytea FROM 4 * ($1::bigint % 65536)::int + 1),
    week_2 = overlay(week_2 PLACING '\x00000000'::bytea FROM 4 * ($1::bigint % 65536)::int + 1)
WHERE block = $1::bigint / 65536

-- name: blank_customers
UPDATE customers
SET user_id = NULL, born_anonymous_id = NULL, known_to_shop = false, traits = '{}', traits_at = NULL, trait_times = '{}',
    own_traits = NULL, own_trait_times = NULL, erased_at = $2
WHERE customer_id = ANY ($1::bigint[]);

-- name: list_logged
-- Everything of a person that the log still holds, for disclosure; oldest first.
SELECT e.occurred_at, e.received_at, s.name AS source, e.type, e.event, e.trusted, e.payload::text AS payload
FROM customer_timeline AS t
JOIN event_log AS e ON e.seq = t.seq AND e.received_day = t.received_day
JOIN sources AS s USING (source_id)
WHERE t.customer_id = ANY ($1::bigint[])
ORDER BY e.occurred_at, e.seq
LIMIT $2;

-- name: list_messages
-- What was sent to a person, or would have been.
SELECT
    c.name AS campaign, p.arm, p.left_out, p.planned_at, p.merge_fields::text AS merge_fields,
    coalesce(d.state, p.state) AS state, coalesce(d.reason, p.reason) AS reason, d.sent_at
FROM campaign_people AS p
JOIN campaigns AS c USING (campaign_id)
LEFT JOIN deliveries AS d USING (customer_id, campaign_id, occurrence, step)
WHERE p.customer_id = ANY ($1::bigint[])
ORDER BY p.planned_at;

-- name: list_person_devices
-- With the address: it is the person's own.
SELECT address, address_kind, platform, app_version, locale, time_zone, permission, state, first_seen, last_seen
FROM devices WHERE customer_id = ANY ($1::bigint[]) ORDER BY first_seen;

-- name: list_person_ids
SELECT kind, value, linked_at FROM identities WHERE customer_id = ANY ($1::bigint[]) ORDER BY kind, value;

-- name: list_person_words
SELECT w.purpose, w.channel, w.granted, w.said_at, s.name AS source, w.origin
FROM consent_words AS w JOIN sources AS s USING (source_id)
WHERE w.customer_id = ANY ($1::bigint[]) ORDER BY w.said_at, w.seq;

-- name: list_person_changes
-- Which segments a person entered and left when.
SELECT s.name AS segment, h.entered, h.at
FROM segment_changes AS h JOIN segments AS s USING (segment_id)
WHERE h.customer_id = ANY ($1::bigint[]) ORDER BY h.change_id;

-- name: list_person_lists
SELECT DISTINCT l.name, l.exclusion
FROM static_list_members AS m JOIN static_lists AS l USING (list_id)
WHERE m.customer_id = ANY ($1::bigint[]) ORDER BY l.name;

-- name: read_person
SELECT user_id, created_at, traits::text AS traits, test_account FROM customers WHERE customer_id = $1;
