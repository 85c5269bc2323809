-- name: list_waiting_campaigns
-- Campaigns that would still read one of these segments: as their audience, for what begins them, or in a step.
SELECT campaign_id, name FROM campaigns AS c
WHERE state IN ('awaiting_approval', 'scheduled', 'sending', 'paused')
    AND EXISTS (
        SELECT FROM unnest($1::int[]) AS asked (id)
        WHERE c.segment_id = asked.id
            OR jsonb_path_exists(c.more, '$.trigger.segment_id ? (@ == $id)', jsonb_build_object('id', asked.id))
            OR jsonb_path_exists(c.more, '$.steps[*].rule.**.segment ? (@ == $id)', jsonb_build_object('id', asked.id))
    )
ORDER BY campaign_id;

-- name: list_drafts
SELECT d.segment_id, d.rule FROM segment_drafts AS d JOIN segments AS s USING (segment_id) WHERE s.archived_at IS NULL;

-- name: lock_references
-- Until the transaction ends.
SELECT pg_advisory_xact_lock(7236844);

-- name: share_lists
-- Those of these lists that are live; none of them is archived before the transaction ends.
SELECT list_id FROM static_lists WHERE list_id = ANY ($1::int[]) AND archived_at IS NULL FOR SHARE;

-- name: list_names
SELECT 'segment' AS kind, segment_id AS number, name FROM segments
UNION ALL
SELECT 'list', list_id, name FROM static_lists;
