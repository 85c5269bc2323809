-- restore: the right to send

-- Which database may send pushes. A restored backup has another identity, or an older log than a worker has seen, and must not
-- send again what went out meanwhile: it waits until a person arms it. The newest row holds.
CREATE TABLE sending_rights (
    right_id uuid PRIMARY KEY,
    system_identifier bigint NOT NULL,
    timeline integer NOT NULL,
    database_oid oid NOT NULL,
    armed_at timestamptz NOT NULL,
    armed_by text NOT NULL
);

-- definition

-- ledger

-- triggers and journeys

-- inbox
