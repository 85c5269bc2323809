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
