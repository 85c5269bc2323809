-- name: list_stores
-- What the builder offers by name where a rule asks for a store.
SELECT store_id AS value, name AS label FROM stores ORDER BY store_id LIMIT $1

-- name: list_products
SELECT product_id AS value, name AS label FROM products ORDER BY product_id LIMIT $1

-- name: list_categories
SELECT category AS value, NULL::jsonb AS label FROM products WHERE category IS NOT NULL
GROUP BY category ORDER BY count(*) DESC, category LIMIT $1

-- name: list_coupons
-- The newest first: those are asked for.
SELECT coupon_id AS value, title AS label FROM coupons ORDER BY valid_until DESC NULLS FIRST, coupon_id LIMIT $1

-- name: list_campaigns
SELECT campaign_id::text AS value, jsonb_build_object('ja', name, 'en', name) AS label FROM campaigns
ORDER BY campaign_id DESC LIMIT $1

-- name: list_segments
SELECT segment_id::text AS value, jsonb_build_object('ja', name, 'en', name) AS label FROM segments
WHERE archived_at IS NULL ORDER BY name LIMIT $1

-- name: list_lists
SELECT list_id::text AS value, jsonb_build_object('ja', name, 'en', name) AS label FROM static_lists
WHERE archived_at IS NULL ORDER BY name LIMIT $1
