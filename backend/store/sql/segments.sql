-- name: list_segments
-- Each with its present rule; archived ones only on request ($1).
SELECT s.segment_id, s.name, s.version, s.archived_at, s.created_at, v.rule, v.created_at AS changed_at, v.created_by
FROM segments AS s
JOIN segment_versions AS v USING (segment_id, version)
WHERE $1::boolean OR s.archived_at IS NULL
ORDER BY s.archived_at IS NOT NULL, s.name;

-- name: get_segment
-- A segment with one version of its rule, the present one when $2 is null: campaigns name the version they used.
SELECT s.segment_id, s.name, v.version, s.archived_at, s.created_at, v.rule, v.created_at AS changed_at, v.created_by
FROM segments AS s
JOIN segment_versions AS v ON v.segment_id = s.segment_id AND v.version = coalesce($2, s.version)
WHERE s.segment_id = $1;

-- name: find_segment
-- By its name, which is unique among archived ones too.
SELECT segment_id FROM segments WHERE name = $1;

-- name: lock_segment
-- Two people who edit the same segment do so one after the other.
SELECT segment_id, name, version, archived_at FROM segments WHERE segment_id = $1 FOR UPDATE;

-- name: insert_segment
INSERT INTO segments (name, created_at) VALUES ($1, $2) RETURNING segment_id;

-- name: insert_version
-- Versions are only ever added: what a campaign was sent to can be read years later.
INSERT INTO segment_versions (segment_id, version, rule, created_at, created_by) VALUES ($1, $2, $3, $4, $5);

-- name: set_name_and_version
UPDATE segments SET name = $2, version = $3 WHERE segment_id = $1;

-- name: set_archived
UPDATE segments SET archived_at = $2 WHERE segment_id = $1;

-- name: list_versions
-- Newest first.
SELECT s.segment_id, s.name, v.version, s.archived_at, s.created_at, v.rule, v.created_at AS changed_at, v.created_by
FROM segments AS s
JOIN segment_versions AS v USING (segment_id)
WHERE s.segment_id = $1
ORDER BY v.version DESC;
