-- name: read_people
-- What is known of the members of a segment ($1; null: of everybody), only of those of whom there is anything to say: who is gone, what
-- traits say of the language ($2) and the time zone ($3), whose family name ($4) or given name ($5) is missing, where that is asked.
WITH said AS (
    SELECT
        customer_id,
        merged_into IS NOT NULL OR erased_at IS NOT NULL AS gone,
        CASE WHEN $2::boolean THEN coalesce(traits ->> 'language', traits ->> 'locale') END AS language,
        CASE WHEN $3::boolean THEN coalesce(traits ->> 'timezone', traits ->> 'time_zone') END AS zone,
        $4::boolean AND coalesce(traits ->> 'family_name', traits ->> 'last_name', traits ->> 'lastName', '') = '' AS no_family_name,
        $5::boolean AND coalesce(traits ->> 'given_name', traits ->> 'first_name', traits ->> 'firstName', '') = '' AS no_given_name
    FROM customers
    WHERE $1::bigint[] IS NULL OR customer_id = ANY ($1::bigint[])
)
SELECT customer_id, gone::int, language, zone, no_family_name::int, no_given_name::int
FROM said
WHERE gone OR language IS NOT NULL OR zone IS NOT NULL OR no_family_name OR no_given_name

-- name: read_words
-- Whose word on a purpose ($2) is another than what silence counts as ($3).
SELECT customer_id FROM consents
WHERE purpose = $2::text AND channel = 'push' AND granted <> $3::boolean
    AND ($1::bigint[] IS NULL OR customer_id = ANY ($1::bigint[]))

-- name: read_excluded
-- Who stands on an exclusion list, by whatever number; of those who were merged the survivor.
SELECT m.customer_id FROM static_lists AS l JOIN static_list_members AS m USING (list_id) WHERE l.exclusion AND l.archived_at IS NULL
UNION
SELECT k.merged_into
FROM static_lists AS l
JOIN static_list_members AS m USING (list_id)
JOIN customers AS k USING (customer_id)
WHERE l.exclusion AND l.archived_at IS NULL AND k.merged_into IS NOT NULL

-- name: read_devices
-- Devices that can be sent to, with language ($2) and time zone ($3) where they are asked.
SELECT customer_id, CASE WHEN $2::boolean THEN locale END, CASE WHEN $3::boolean THEN time_zone END
FROM devices
WHERE state = 'live' AND permission <> 'denied' AND ($1::bigint[] IS NULL OR customer_id = ANY ($1::bigint[]))

-- name: read_newest
-- The same of the newest device of each of some people.
SELECT DISTINCT ON (customer_id) customer_id, CASE WHEN $2::boolean THEN locale END, CASE WHEN $3::boolean THEN time_zone END
FROM devices
WHERE state = 'live' AND permission <> 'denied' AND customer_id = ANY ($1::bigint[])
ORDER BY customer_id, last_seen DESC, device_id DESC

-- name: read_sent
-- Pushes since a moment ($2) of a class ($3) and above that went out or may have: a row a device. Two devices that got the same, by campaign,
-- occurrence and step, are one push to the person. Whether it was since the later moment ($4).
SELECT customer_id, campaign_id, occurrence, step, (sent_at > $4::timestamptz)::int
FROM deliveries
WHERE sent_at > $2::timestamptz AND priority >= $3::smallint AND ($1::bigint[] IS NULL OR customer_id = ANY ($1::bigint[]))

-- name: last_customer
-- Customers are numbered one after the other.
SELECT coalesce(max(customer_id), 0) FROM customers

-- name: settle_in
-- For the transaction: room for sorting, and no time lost on compiling what runs once.
SELECT set_config('work_mem', '128MB', true), set_config('jit', 'off', true)
