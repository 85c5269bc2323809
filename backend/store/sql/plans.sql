-- name: read_rules
-- What the door needs; the document only where its version is not the one that the reader holds already.
SELECT
    s.plan_version,
    s.on_violation,
    s.ga4_names,
    CASE WHEN s.plan_version IS DISTINCT FROM $2::int THEN p.document END AS document
FROM sources AS s
LEFT JOIN tracking_plans AS p ON p.source_id = s.source_id AND p.version = s.plan_version
WHERE s.source_id = $1

-- name: list_plans
SELECT
    s.source_id, s.name, s.kind, s.revoked_at, s.on_violation, s.ga4_names, s.plan_version AS version,
    p.document, p.saved_at, p.saved_by
FROM sources AS s
LEFT JOIN tracking_plans AS p ON p.source_id = s.source_id AND p.version = s.plan_version
WHERE $1::int IS NULL OR s.source_id = $1
ORDER BY s.source_id

-- name: lock_source
-- Two who save at once take turns, and the second one sees what the first one saved.
SELECT plan_version, on_violation, ga4_names FROM sources WHERE source_id = $1 FOR NO KEY UPDATE

-- name: add_version
INSERT INTO tracking_plans (source_id, version, document, saved_at, saved_by)
SELECT $1, coalesce(max(version), 0) + 1, $2, $3, $4 FROM tracking_plans WHERE source_id = $1
RETURNING version

-- name: enforce_version
UPDATE sources SET plan_version = $2 WHERE source_id = $1

-- name: decide
UPDATE sources SET on_violation = $2, ga4_names = $3 WHERE source_id = $1

-- name: list_versions
SELECT version, saved_at, saved_by FROM tracking_plans WHERE source_id = $1 ORDER BY version DESC LIMIT $2

-- name: get_version
SELECT document FROM tracking_plans WHERE source_id = $1 AND version = $2
