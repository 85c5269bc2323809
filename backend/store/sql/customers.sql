-- name: reserve_numbers
-- Numbers for customers to be born; those not used are lost, which harms nothing.
SELECT nextval(pg_get_serial_sequence('customers', 'customer_id')) FROM generate_series(1, $1::int)

-- name: add_customers
INSERT INTO customers (
    customer_id, user_id, created_at, born_source_id, born_anonymous_id, known_to_shop
)
OVERRIDING SYSTEM VALUE
SELECT * FROM unnest($1::bigint[], $2::text[], $3::timestamptz[], $4::int[], $5::text[], $6::boolean[])

-- name: change_customers
UPDATE customers AS c
SET user_id = given.user_id, known_to_shop = given.known_to_shop
FROM unnest($1::bigint[], $2::text[], $3::boolean[]) AS given (customer_id, user_id, known_to_shop)
WHERE c.customer_id = given.customer_id

-- name: merge_customers
-- merged_into always names the last survivor: those merged before follow in the same statement. A number may also go from
-- one survivor to another, when an anonymous id turns out to be someone else's.
UPDATE customers AS c
SET merged_into = given.survivor, merge_version = $3
FROM unnest($1::bigint[], $2::bigint[]) AS given (gone, survivor)
WHERE c.customer_id = given.gone OR c.merged_into = given.gone

-- name: read_own_traits
-- What was said under each number itself, of some customers and of everyone merged into them.
SELECT
    customer_id, merged_into,
    traits AS shown,
    coalesce(own_traits, traits) AS traits,
    coalesce(own_trait_times, trait_times) AS trait_times
FROM customers
WHERE customer_id = ANY ($1::bigint[]) OR merged_into = ANY ($1::bigint[])

-- name: write_traits
-- traits is what is true of the person; own_traits what was said under this number, null where that is the same.
UPDATE customers AS c
SET
    traits = given.traits,
    trait_times = given.trait_times,
    own_traits = given.own_traits,
    own_trait_times = given.own_trait_times,
    traits_at = greatest(c.traits_at, given.traits_at)
FROM unnest($1::bigint[], $2::jsonb[], $3::jsonb[], $4::jsonb[], $5::jsonb[], $6::timestamptz[])
    AS given (customer_id, traits, trait_times, own_traits, own_trait_times, traits_at)
WHERE c.customer_id = given.customer_id

-- name: read_survivors
-- Who each customer is today; those that nobody merged are themselves, those who were erased are nobody.
SELECT customer_id, coalesce(merged_into, customer_id) AS survivor
FROM customers
WHERE customer_id = ANY ($1::bigint[]) AND erased_at IS NULL

-- name: read_absorbed
-- Everyone who was merged into one of these.
SELECT customer_id, merged_into AS survivor FROM customers WHERE merged_into = ANY ($1::bigint[])

-- name: next_merge_version
UPDATE merge_versions SET version = version + 1 RETURNING version

-- name: merge_version
SELECT version FROM merge_versions

-- name: list_merges
-- Merges, as reduce applies them to history, that are later than a version.
SELECT customer_id, merged_into AS survivor FROM customers WHERE merge_version > $1

-- name: read_private
-- The columns of the frame that history does not know: profile, consent, reach. $2: what silence counts as; $3: traits that
-- the shop uses in segments.
SELECT
    c.customer_id,
    c.traits ->> 'gender' AS gender,
    c.traits ->> 'birthday' AS birthday,
    c.traits ->> 'prefecture' AS prefecture,
    coalesce(c.traits ->> 'language', reach.locale) AS language,
    reach.platform,
    reach.app_version,
    coalesce(consent.granted, $2::boolean) AS consented,
    coalesce(reach.live, false) AS has_address,
    coalesce(reach.allowed, false) AS allowed,
    c.test_account,
    CASE WHEN cardinality($3::text[]) > 0 THEN (
        SELECT jsonb_object_agg(t.key, t.value) FROM jsonb_each(c.traits) AS t WHERE t.key = ANY ($3::text[])
    ) END AS shop_traits
FROM customers AS c
LEFT JOIN consents AS consent
    ON consent.customer_id = c.customer_id AND consent.purpose = 'marketing' AND consent.channel = 'push'
LEFT JOIN (
    SELECT
        customer_id,
        bool_or(state = 'live') AS live,
        bool_or(state = 'live' AND permission <> 'denied') AS allowed,
        (array_agg(platform ORDER BY state = 'live' DESC, last_seen DESC) FILTER (WHERE platform IS NOT NULL))[1] AS platform,
        (array_agg(locale ORDER BY state = 'live' DESC, last_seen DESC) FILTER (WHERE locale IS NOT NULL))[1] AS locale,
        (array_agg(app_version ORDER BY last_seen DESC, device_id DESC) FILTER (WHERE app_version IS NOT NULL))[1] AS app_version
    FROM devices
    WHERE customer_id = ANY ($1::bigint[])
    GROUP BY customer_id
) AS reach ON reach.customer_id = c.customer_id
WHERE c.customer_id = ANY ($1::bigint[]) AND c.merged_into IS NULL

-- name: list_test_accounts
-- Who is left out of figures where the shop wants test accounts out.
SELECT customer_id FROM customers WHERE test_account AND merged_into IS NULL ORDER BY customer_id

-- name: list_coupons
SELECT coupon_id, audience, valid_until FROM coupons ORDER BY coupon_id
