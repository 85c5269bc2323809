-- Every table of before that is changed, at once and in the order in which writers of the log take theirs: whoever holds one
-- of them is waited for before anything is changed, and cannot wait for this meanwhile.
LOCK TABLE event_ids, event_log, failed_events, event_counts, sources, api_keys, identities, customers, devices, consents, imports;

-- What a source's owner decided: whether customers' events must carry a signed customer token, and what becomes of an
-- event that breaks the tracking plan. Read by every intake process with the key.
ALTER TABLE sources
    ADD COLUMN token_mode text NOT NULL DEFAULT 'off' CHECK (token_mode IN ('off', 'report', 'enforce')),
    ADD COLUMN on_violation text NOT NULL DEFAULT 'keep' CHECK (on_violation IN ('keep', 'quarantine'));

-- Codes of the tracking plan's rules that a stored event breaks; null for the many that break none.
ALTER TABLE event_log ADD COLUMN violations text[];

-- What a secret key may do, and until when. Keys of before could do everything, and still can until their owner makes
-- narrower ones. hint is the end of the key, by which a person tells two keys apart.
ALTER TABLE api_keys
    ADD COLUMN scopes text[] NOT NULL DEFAULT '{*}',
    ADD COLUMN expires_at timestamptz,
    ADD COLUMN hint text NOT NULL DEFAULT '',
    ADD COLUMN created_by text NOT NULL DEFAULT '';
ALTER TABLE api_keys ALTER COLUMN scopes DROP DEFAULT;

-- Exports: who asked for what, how far it is, and the file it became. The file has a name nobody can guess and goes
-- away when it expires; the row stays as the record of what left the house. leased_until: the worker's; one that died
-- lets go of it and another begins anew. replaced: characters CP932 lacks; cut: texts longer than a cell of Excel.
CREATE TABLE exports (
    export_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    wish jsonb NOT NULL,
    what text NOT NULL,
    personal boolean NOT NULL,
    state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'done', 'failed', 'gone')),
    requested_by text NOT NULL,
    requested_at timestamptz NOT NULL,
    finished_at timestamptz,
    expires_at timestamptz,
    attempt_id uuid,
    attempts integer NOT NULL DEFAULT 0,
    leased_until timestamptz,
    rows_done bigint NOT NULL DEFAULT 0,
    share double precision NOT NULL DEFAULT 0,
    bytes bigint,
    replaced bigint NOT NULL DEFAULT 0,
    cut bigint NOT NULL DEFAULT 0,
    file_name text,
    error text,
    downloads integer NOT NULL DEFAULT 0
);

CREATE INDEX exports_open ON exports (export_id) WHERE state IN ('queued', 'running');

-- Where signed messages about what happened here are sent. The secrets sign, so they cannot be kept as hashes. previous_secret
-- signs beside secret until previous_until. failing_since: no message has been taken since then.
CREATE TABLE webhook_endpoints (
    endpoint_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    url text NOT NULL,
    description text NOT NULL DEFAULT '',
    event_types text[] NOT NULL,
    secret text NOT NULL,
    previous_secret text,
    previous_until timestamptz,
    state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'disabled')),
    disabled_at timestamptz,
    disabled_reason text CHECK (disabled_reason IN ('person', 'failing', 'gone')),
    failing_since timestamptz,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL
);

-- The outbox: written by the transaction of the fact itself. body is what is sent, byte for byte, at every attempt.
CREATE TABLE webhook_messages (
    message_id text PRIMARY KEY,
    type text NOT NULL,
    at timestamptz NOT NULL,
    body text NOT NULL
);

CREATE INDEX webhook_messages_at ON webhook_messages (at);

-- One row a message and endpoint. until: after this it is not tried again by itself.
CREATE TABLE webhook_deliveries (
    delivery_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    endpoint_id integer NOT NULL REFERENCES webhook_endpoints ON DELETE CASCADE,
    message_id text NOT NULL REFERENCES webhook_messages ON DELETE CASCADE,
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'dead')),
    attempts integer NOT NULL DEFAULT 0,
    next_at timestamptz NOT NULL,
    attempt_id uuid,
    leased_until timestamptz,
    changed_at timestamptz NOT NULL,
    UNIQUE (endpoint_id, message_id)
);

CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint_id, next_at) WHERE state = 'waiting';

CREATE INDEX webhook_deliveries_message ON webhook_deliveries (message_id);

-- The delivery log: what each attempt met. response is the beginning of the answer's body.
CREATE TABLE webhook_attempts (
    delivery_id bigint NOT NULL REFERENCES webhook_deliveries ON DELETE CASCADE,
    attempt integer NOT NULL,
    at timestamptz NOT NULL,
    milliseconds integer NOT NULL,
    status integer,
    error text,
    response text NOT NULL DEFAULT '',
    PRIMARY KEY (delivery_id, attempt)
);

-- How far the watch over failed events has looked, and when it last rang.
CREATE TABLE webhook_alarms (
    name text PRIMARY KEY,
    seen_upto bigint NOT NULL,
    rung_at timestamptz
);

-- The tracking plan of a source: which events are expected of it, with which properties. Every version stays, so that
-- an old violation can be understood; plan_version names the one in force, null for none.
CREATE TABLE tracking_plans (
    source_id integer NOT NULL REFERENCES sources,
    version integer NOT NULL CHECK (version > 0),
    document jsonb NOT NULL,
    saved_at timestamptz NOT NULL,
    saved_by text NOT NULL,
    PRIMARY KEY (source_id, version)
);

-- ga4_names: the source sends the names of Google Analytics 4, and the door takes them for Joren's.
ALTER TABLE sources
    ADD COLUMN plan_version integer,
    ADD COLUMN ga4_names boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT sources_plan FOREIGN KEY (source_id, plan_version) REFERENCES tracking_plans (source_id, version);

-- How many of the stored events broke the plan.
ALTER TABLE event_counts ADD COLUMN violated bigint NOT NULL DEFAULT 0;

-- Finds the few events that break their plan without a scan of the log.
CREATE INDEX event_log_violated ON event_log (source_id, event) WHERE violations IS NOT NULL;

-- What a replay needs beside the bytes: what the request said for all its events (type by path, time of sending,
-- context), what the plan found, and what became of the event since. becomes is the id it has once it can be stored;
-- recovered_as the outcome: a row of its own, or known already because the app had sent it again by itself.
ALTER TABLE failed_events
    ADD COLUMN name text NOT NULL DEFAULT '',
    ADD COLUMN violations text[],
    ADD COLUMN envelope bytea,
    ADD COLUMN becomes uuid,
    ADD COLUMN tried_at timestamptz,
    ADD COLUMN recovered_at timestamptz,
    ADD COLUMN recovered_by text,
    ADD COLUMN recovered_as text CHECK (recovered_as IN ('stored', 'repeated'));

CREATE INDEX failed_events_waiting ON failed_events (failed_id) WHERE recovered_at IS NULL;

-- Replays of failed events: which ones (null: any), how far it has come, what became of them. Progress is written in
-- the transaction that recovers, so a replay that dies goes on where it stood.
CREATE TABLE event_replays (
    replay_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source_id integer,
    code text,
    name text,
    failed_id bigint,
    upto bigint NOT NULL,
    reached bigint NOT NULL DEFAULT 0,
    total bigint NOT NULL,
    recovered bigint NOT NULL DEFAULT 0,
    repeated bigint NOT NULL DEFAULT 0,
    failed bigint NOT NULL DEFAULT 0,
    asked_at timestamptz NOT NULL,
    asked_by text NOT NULL,
    finished_at timestamptz
);

CREATE INDEX event_replays_open ON event_replays (replay_id) WHERE finished_at IS NULL;

-- Write keys of sources: several are in force while one takes the other's place. public_key is there for apps, whose key
-- is public; hint is its end. The columns of sources that held the one key of before stay for this release, so that
-- servers of the release before go on through an upgrade: they find the keys that they know.
CREATE TABLE source_keys (
    source_key_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source_id integer NOT NULL REFERENCES sources,
    key_hash bytea NOT NULL UNIQUE,
    public_key text,
    hint text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL,
    created_by text NOT NULL DEFAULT '',
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used timestamptz
);

CREATE INDEX source_keys_source ON source_keys (source_id);

INSERT INTO source_keys (source_id, key_hash, public_key, hint, created_at)
SELECT source_id, key_hash, public_key, coalesce(right(public_key, 4), ''), created_at
FROM sources WHERE key_hash IS NOT NULL;

-- What a source may send in a minute: by one key, and from one client address. Null is the installation's default, 0 no limit.
ALTER TABLE sources
    ADD COLUMN key_limit integer CHECK (key_limit >= 0),
    ADD COLUMN address_limit integer CHECK (address_limit >= 0);

ALTER TABLE api_keys ADD COLUMN request_limit integer CHECK (request_limit >= 0);

-- Customer tokens. Public keys by which a shop's server signs who is signed in: several at a time, so that a new one comes
-- in before the old one goes.
CREATE TABLE source_token_keys (
    source_id integer NOT NULL REFERENCES sources,
    kid text NOT NULL CHECK (char_length(kid) BETWEEN 1 AND 100),
    algorithm text NOT NULL CHECK (algorithm IN ('ES256', 'EdDSA', 'RS256')),
    public_key text NOT NULL,
    added_at timestamptz NOT NULL,
    added_by text NOT NULL,
    last_used timestamptz,
    retired_at timestamptz,
    retired_by text,
    PRIMARY KEY (source_id, kid)
);

-- What became of an event that had to prove its customer: 'valid' proves it is his own; null where nothing was asked. The
-- token itself is never stored.
ALTER TABLE event_log ADD COLUMN token_verdict text;

-- How many events had which verdict, per received day and source: added to like event_counts, folded like it.
CREATE TABLE token_counts (
    received_day date NOT NULL,
    source_id integer NOT NULL,
    verdict text NOT NULL,
    events bigint NOT NULL
);

-- What may still be sent now, per key or client address: a bucket that fills by the second. Every process takes its share from
-- here and spends it on its own. Unlogged: after a crash everybody begins with a full bucket. fillfactor: rows change in place.
CREATE UNLOGGED TABLE rate_buckets (
    subject text PRIMARY KEY,
    tokens double precision NOT NULL,
    granted double precision NOT NULL,
    at timestamptz NOT NULL
) WITH (fillfactor = 50);


-- Who is whom, whatever the order in which events come (decision 0012). An anonymous id keeps the history that came with
-- it alone under a number of its own (node_id) and is the user's with the best claim; proven_for: customers who surely
-- used it. Of ids of before, the claim is what the map says.
ALTER TABLE identities
    ADD COLUMN node_id bigint REFERENCES customers,
    ADD COLUMN claim_user text,
    ADD COLUMN claim_at timestamptz,
    ADD COLUMN claim_vouched boolean NOT NULL DEFAULT false,
    ADD COLUMN claim_verified boolean NOT NULL DEFAULT false,
    ADD COLUMN proven_for bigint[] NOT NULL DEFAULT '{}';

UPDATE identities AS i
SET node_id = CASE WHEN c.user_id IS NULL AND c.born_anonymous_id = i.value THEN c.customer_id END,
    claim_user = c.user_id,
    claim_at = CASE WHEN c.user_id IS NOT NULL THEN i.linked_at END,
    proven_for = CASE WHEN i.proven AND c.user_id IS NOT NULL THEN ARRAY[c.customer_id] ELSE '{}' END
FROM customers AS c
WHERE c.customer_id = i.customer_id AND i.kind = 'anonymous';

-- own_traits: what was said under this number where traits, which is what is true of the person, holds more than that.
-- merge_version: when it was last merged; readers of all merges ask only for what is new.
ALTER TABLE customers
    ADD COLUMN own_traits jsonb,
    ADD COLUMN own_trait_times jsonb,
    ADD COLUMN merge_version bigint;

UPDATE customers SET merge_version = 1 WHERE merged_into IS NOT NULL;

CREATE INDEX customers_merge_version ON customers (merge_version) WHERE merge_version IS NOT NULL;

CREATE TABLE merge_versions (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    version bigint NOT NULL
);

INSERT INTO merge_versions (version) VALUES (1);

-- heard: who was at an address, when last, and whether he signed out; whose it is follows from it. heard_ids finds the
-- addresses to decide again when an id changes hands. told: when each fact about the device was told.
ALTER TABLE devices
    ADD COLUMN heard jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN heard_ids text[] NOT NULL DEFAULT '{}',
    ADD COLUMN told jsonb NOT NULL DEFAULT '{}';

ALTER TABLE devices DROP CONSTRAINT devices_state_check;

ALTER TABLE devices ADD CONSTRAINT devices_state_check
    CHECK (state IN ('live', 'unproven', 'signed_out', 'replaced', 'retired'));

-- What was proven for a visitor proves nothing for the member he may turn out to be.
UPDATE devices AS d
SET heard = jsonb_build_array(jsonb_strip_nulls(jsonb_build_object(
        'customer_id', CASE WHEN c.user_id IS NOT NULL OR d.anonymous_id IS NULL THEN d.customer_id END,
        'anonymous_id', d.anonymous_id, 'source_id', d.source_id, 'at', d.last_seen, 'out', d.state = 'signed_out'))),
    heard_ids = array_remove(ARRAY[
        CASE WHEN c.user_id IS NOT NULL OR d.anonymous_id IS NULL THEN 'u' || d.customer_id END,
        'a' || d.anonymous_id], NULL),
    proven_for = ARRAY(
        SELECT p.customer_id FROM customers AS p WHERE p.customer_id = ANY (d.proven_for) AND p.user_id IS NOT NULL)
FROM customers AS c
WHERE c.customer_id = d.customer_id;

CREATE INDEX devices_heard ON devices USING gin (heard_ids);

-- What people said of being written to, every word with its time and source: consents holds the one that stands.
-- origin: where it was given, in the words of whoever passed it on.
CREATE TABLE consent_words (
    customer_id bigint NOT NULL REFERENCES customers,
    purpose text NOT NULL,
    channel text NOT NULL,
    granted boolean NOT NULL,
    source_id integer NOT NULL,
    origin text,
    said_at timestamptz NOT NULL,
    seq bigint NOT NULL,
    PRIMARY KEY (customer_id, purpose, channel, seq)
);

ALTER TABLE consents ADD COLUMN origin text;

INSERT INTO consent_words (customer_id, purpose, channel, granted, source_id, said_at, seq)
SELECT customer_id, purpose, channel, granted, source_id, changed_at, 0 FROM consents;

-- Files of customers, products and stores are imports too. rejected_by: rows that did not fit, by reason.
ALTER TABLE imports
    DROP CONSTRAINT imports_kind_check,
    ADD CONSTRAINT imports_kind_check
        CHECK (kind IN ('events', 'orders', 'customers', 'products', 'stores', 'demo')),
    ADD COLUMN rejected_by jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN asked_by text NOT NULL DEFAULT '';

-- What files have said, for ever: the dedupe window of the intake ends, but a till exports the same orders every month.
-- row_key is what a row is about (an event's id, a customer and what is said of him), content a digest of what was said
-- last; null where a thing is said once only.
CREATE TABLE imported_rows (
    row_key uuid PRIMARY KEY,
    content bytea
);

INSERT INTO imported_rows (row_key)
SELECT event_id FROM event_ids JOIN sources USING (source_id) WHERE kind = 'import';

-- Files that were uploaded for an import. stored_as is the random name under JOREN_HOME/imports, null once it is removed;
-- choices: how it is to be read; done of total thousandths of the step that runs; rejects: the file of rejected rows.
CREATE TABLE import_uploads (
    upload_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('events', 'orders', 'customers', 'products', 'stores')),
    file_name text NOT NULL,
    stored_as text,
    bytes bigint NOT NULL,
    uploaded_at timestamptz NOT NULL,
    uploaded_by text NOT NULL,
    state text NOT NULL DEFAULT 'uploaded' CHECK (state IN ('uploaded', 'waiting', 'running', 'done', 'failed')),
    choices jsonb NOT NULL DEFAULT '{}',
    changed_at timestamptz NOT NULL,
    step text NOT NULL DEFAULT '',
    done integer NOT NULL DEFAULT 0,
    import_id integer REFERENCES imports,
    report jsonb,
    error text,
    error_code text,
    rejects text
);

CREATE INDEX import_uploads_open ON import_uploads (upload_id) WHERE state IN ('waiting', 'running');

-- What a shop sells. price is in minor units of the shop's currency. Order lines without a category take it from here.
CREATE TABLE products (
    product_id text PRIMARY KEY,
    name jsonb NOT NULL,
    category text,
    price bigint
);

-- How wrong a phone's clock is, for SDKs whose time of sending is that of closing their file. device_key is a digest of
-- source and device id. doubt: a larger difference that one batch had since.
CREATE TABLE device_clocks (
    device_key uuid PRIMARY KEY,
    skew interval NOT NULL,
    doubt interval,
    learned_at timestamptz NOT NULL
);

-- Answers to requests that came with an Idempotency-Key: the same key gets the same answer, and nothing is done twice. The row
-- of a request is written in the transaction that does its work. status is null only where the work cannot be in one
-- transaction (a test push): then the row says that it began.
CREATE TABLE idempotency_keys (
    api_key_id integer NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    status smallint,
    headers jsonb,
    body bytea,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (api_key_id, key)
);

CREATE INDEX idempotency_keys_created ON idempotency_keys (created_at);

-- The first requests of an hour that were refused for good, with their bytes: their senders have thrown them away.
CREATE TABLE refused_requests (
    refused_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    refused_at timestamptz NOT NULL,
    path text NOT NULL,
    status integer NOT NULL,
    code text NOT NULL,
    message text NOT NULL,
    size bigint NOT NULL,
    body bytea NOT NULL
);

CREATE INDEX refused_requests_at ON refused_requests (refused_at);

-- Days of the log that were dropped after everything of them was in the lake. upto_seq: the last number among them.
CREATE TABLE dropped_days (
    received_day date PRIMARY KEY,
    upto_seq bigint NOT NULL,
    events bigint NOT NULL,
    dropped_at timestamptz NOT NULL
);

-- The dedupe window moves on by a sweep over the table's pages, in the order in which they were filled: no index by day
-- is needed, which every event would have to pay for. next_page: where the sweep for days before cutoff goes on;
-- null once it has come to the end.
CREATE TABLE id_sweep (
    cutoff date NOT NULL,
    next_page bigint
);

INSERT INTO id_sweep (cutoff) VALUES ('2000-01-01');

DROP INDEX event_ids_received_day;

-- A day's ids leave every day: vacuum follows when a twentieth is gone, so that their room is used again.
ALTER TABLE event_ids SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 1);

-- Erasure of a person. The row of customers stays as a number without a person, so that campaigns still add up; everything
-- that says who it was goes. steps: what was removed, in counts.
ALTER TABLE customers ADD COLUMN erased_at timestamptz;

CREATE TABLE erasures (
    erasure_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_ids bigint[] NOT NULL,
    asked_at timestamptz NOT NULL,
    asked_by text NOT NULL,
    reason text NOT NULL DEFAULT '',
    finished_at timestamptz,
    removed jsonb NOT NULL DEFAULT '{}',
    error text
);

CREATE INDEX erasures_open ON erasures (erasure_id) WHERE finished_at IS NULL;

-- What the ids of erased persons hash to under a key of this installation: an SDK that replays an old batch does not bring
-- them back, and nobody can read from here who they were.
CREATE TABLE erased_ids (
    digest bytea PRIMARY KEY,
    erasure_id integer NOT NULL REFERENCES erasures
);

CREATE TABLE erasure_key (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    key bytea NOT NULL
);

INSERT INTO erasure_key (key)
VALUES (decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex'));

-- Whether a secret key or the person's own customer token stands behind a word on consent; with the app's public key alone
-- anybody could have said it.
ALTER TABLE consent_words ADD COLUMN verified boolean NOT NULL DEFAULT false;

ALTER TABLE consents ADD COLUMN verified boolean NOT NULL DEFAULT false;

UPDATE consent_words AS w SET verified = true FROM sources AS s WHERE s.source_id = w.source_id AND s.kind <> 'app';

UPDATE consents AS c SET verified = true FROM sources AS s WHERE s.source_id = c.source_id AND s.kind <> 'app';
