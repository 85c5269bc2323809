-- name: put_coupon
-- The last definition wins: a shop that prolongs a coupon imports it again.
INSERT INTO coupons AS known (coupon_id, title, valid_from, valid_until, audience, valid_days, stores, uses_per_person)
VALUES ($1, $2, $3, $4, $5, $6, coalesce($7::text[], '{}'), $8)
ON CONFLICT (coupon_id) DO UPDATE SET
    title = excluded.title,
    valid_from = excluded.valid_from,
    valid_until = excluded.valid_until,
    audience = excluded.audience,
    valid_days = coalesce(excluded.valid_days, known.valid_days),
    stores = coalesce($7::text[], known.stores),
    uses_per_person = coalesce(excluded.uses_per_person, known.uses_per_person),
    changed_at = now()

-- name: put_store
INSERT INTO stores (store_id, name, prefecture)
VALUES ($1, $2, $3)
ON CONFLICT (store_id) DO UPDATE SET name = excluded.name, prefecture = excluded.prefecture

-- name: define_stores
-- A blank cell leaves what was defined before; the answer tells only of what is new or different.
WITH given AS (
    SELECT g.store_id,
           coalesce(g.name, k.name ->> 'ja', g.store_id) AS ja,
           coalesce(g.name_en, CASE WHEN g.name IS NULL THEN k.name ->> 'en' END, g.name, k.name ->> 'ja', g.store_id) AS en,
           coalesce(g.prefecture, k.prefecture) AS prefecture
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS g (store_id, name, name_en, prefecture)
    LEFT JOIN stores AS k USING (store_id)
)
INSERT INTO stores AS known (store_id, name, prefecture)
SELECT store_id, jsonb_build_object('ja', ja, 'en', en), prefecture FROM given
ON CONFLICT (store_id) DO UPDATE SET name = excluded.name, prefecture = excluded.prefecture
WHERE (known.name, known.prefecture) IS DISTINCT FROM (excluded.name, excluded.prefecture)
RETURNING store_id

-- name: define_products
-- As define_stores.
WITH given AS (
    SELECT g.product_id,
           coalesce(g.name, k.name ->> 'ja', g.product_id) AS ja,
           coalesce(g.name_en, CASE WHEN g.name IS NULL THEN k.name ->> 'en' END, g.name, k.name ->> 'ja', g.product_id) AS en,
           coalesce(g.category, k.category) AS category,
           coalesce(g.price, k.price) AS price
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[]) AS g (product_id, name, name_en, category, price)
    LEFT JOIN products AS k USING (product_id)
)
INSERT INTO products AS known (product_id, name, category, price)
SELECT product_id, jsonb_build_object('ja', ja, 'en', en), category, price FROM given
ON CONFLICT (product_id) DO UPDATE SET name = excluded.name, category = excluded.category, price = excluded.price
WHERE (known.name, known.category, known.price) IS DISTINCT FROM (excluded.name, excluded.category, excluded.price)
RETURNING product_id

-- name: store_names
SELECT store_id, name FROM stores WHERE store_id = ANY ($1::text[])

-- name: product_names
SELECT product_id, name FROM products WHERE product_id = ANY ($1::text[])

-- name: product_categories
-- Categories of products that order lines name without one.
SELECT product_id, category FROM products WHERE product_id = ANY ($1::text[]) AND category IS NOT NULL
