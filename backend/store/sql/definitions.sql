-- name: put_coupon
-- The last definition wins: a shop that prolongs a coupon imports it again.
INSERT INTO coupons (coupon_id, title, valid_from, valid_until, audience)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (coupon_id) DO UPDATE SET
    title = excluded.title,
    valid_from = excluded.valid_from,
    valid_until = excluded.valid_until,
    audience = excluded.audience

-- name: put_store
INSERT INTO stores (store_id, name, prefecture)
VALUES ($1, $2, $3)
ON CONFLICT (store_id) DO UPDATE SET name = excluded.name, prefecture = excluded.prefecture
