-- What a source's owner decided: whether customers' events must carry a signed customer token, and what becomes of an
-- event that breaks the tracking plan. Read by every intake process with the key.
ALTER TABLE sources
    ADD COLUMN token_mode text NOT NULL DEFAULT 'off' CHECK (token_mode IN ('off', 'report', 'enforce')),
    ADD COLUMN on_violation text NOT NULL DEFAULT 'keep' CHECK (on_violation IN ('keep', 'quarantine'));

-- Codes of the tracking plan's rules that a stored event breaks; null for the many that break none.
ALTER TABLE event_log ADD COLUMN violations text[];
