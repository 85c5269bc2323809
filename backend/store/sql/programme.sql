-- name: list_eligible
-- Who counts in the report of the global holdout over a period that begins at $1: by what was known before it, and so by nothing that a
-- push of the period can change. Known, with a phone that was seen, and (unless silence counts as consent, $2) with a yes to
-- marketing that was given at some time, taken back since or not. Merged ones are told apart: each was drawn by its own number.
SELECT c.customer_id
FROM customers AS c
WHERE c.erased_at IS NULL AND c.created_at < $1
    AND EXISTS (
        SELECT FROM devices AS d
        WHERE d.customer_id = coalesce(c.merged_into, c.customer_id) AND d.first_seen < $1
    )
    AND ($2::boolean OR EXISTS (
        SELECT FROM consent_words AS w
        WHERE w.customer_id = c.customer_id AND w.purpose = 'marketing' AND w.channel = 'push' AND w.granted AND w.said_at < $1
    ))

-- name: list_opted_out
-- Who took back the yes to marketing pushes from $1 up to $2.
SELECT DISTINCT customer_id
FROM consent_words
WHERE purpose = 'marketing' AND channel = 'push' AND NOT granted AND said_at >= $1 AND said_at < $2

-- name: held_out_since
-- Since when the group is what it is.
SELECT max(changed_at) FROM shop_settings WHERE key IN ('global_holdout_percent', 'global_holdout_salt')
