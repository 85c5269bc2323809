-- Every table of before that is changed, before anything is; writers of memberships come to theirs first.
LOCK TABLE membership_writer, segment_changes;

-- The number of the newest change, of those that were forgotten or erased since as well: no number is ever given out twice.
ALTER TABLE membership_writer ADD last_change bigint NOT NULL DEFAULT 0;

UPDATE membership_writer SET last_change = greatest(
    pg_sequence_last_value(pg_get_serial_sequence('segment_changes', 'change_id')::regclass),
    (SELECT max(change_id) FROM segment_changes),
    0
);

-- Who entered and left segments: a row for each customer whom a round moved for one cause, with all segments that he entered or left by it,
-- the version of each, and whether he entered, else he left. change_id is the number of the row's last change; those before it have the
-- numbers before it. cause: facts (something happened), time (a period moved on), rule (a new version, another list, other settings), merge
-- (two customers turned out to be one). Numbers are membership_writer's: whoever has read up to one never misses a lower one. Not
-- partitioned: what is old is taken from the lower end in small pieces. Without foreign keys: neither segments nor customers are ever deleted.
CREATE TABLE customer_turns (
    change_id bigint NOT NULL,
    customer_id bigint NOT NULL,
    at timestamptz NOT NULL,
    cause text NOT NULL CHECK (cause IN ('facts', 'time', 'rule', 'merge')),
    segments integer[] NOT NULL,
    versions integer[] NOT NULL,
    entered boolean[] NOT NULL
);

-- Every change keeps its number, by which readers remember how far they have come: together go those that follow each other.
INSERT INTO customer_turns
SELECT max(change_id), min(customer_id), min(at), min(cause),
    array_agg(segment_id ORDER BY change_id), array_agg(version ORDER BY change_id), array_agg(entered ORDER BY change_id)
FROM (
    SELECT *, count(*) FILTER (WHERE first) OVER (ORDER BY change_id) AS place
    FROM (
        SELECT *, (change_id - 1, customer_id, at, cause) IS DISTINCT FROM lag((change_id, customer_id, at, cause)) OVER (ORDER BY change_id) AS first
        FROM segment_changes
    ) AS told
) AS parted
GROUP BY place
ORDER BY place;

ALTER TABLE customer_turns ADD PRIMARY KEY (change_id);

CREATE INDEX customer_turns_customer ON customer_turns (customer_id);

-- Some 2 bytes a change, where a row a change in an index by segment took forty.
CREATE INDEX customer_turns_segments ON customer_turns USING gin (segments);

DROP TABLE segment_changes;

-- Each change on its own. Who asks for a segment says so of ``segments`` as well, and who asks from a number on, of ``row_id``: that is what
-- is found without reading everything; and ordered by row_id before change_id, it stops as soon as there is enough.
CREATE VIEW segment_changes AS
SELECT
    h.change_id AS row_id, h.change_id - cardinality(h.segments) + t.place AS change_id,
    t.segment_id, t.version, h.customer_id, h.at, t.entered, h.cause, h.segments
FROM customer_turns AS h
CROSS JOIN LATERAL unnest(h.segments, h.versions, h.entered) WITH ORDINALITY AS t (segment_id, version, entered, place);
