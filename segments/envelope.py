"""Values of the intake: an event that can be stored, and one that cannot."""

import hashlib
from datetime import datetime
from uuid import UUID

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One event as the log keeps it.

    Attributes:
        event_id: `event_id_of` source and message id; the key of the dedupe.
        trusted: the source holds a secret (server, import, system).
        type: track, identify, screen, page, group or alias.
        event: the name of a track call, of a screen or of a page.
        occurred_at: corrected time; `original_at` is what the client said, `sent_at` when it says it sent it.
        time_rule: how `occurred_at` came about, see `segments.intake`.
        token_verdict: of `segments.tokens.Verdict` where the source asks for customer tokens and the event had to prove
            its customer; ``valid`` proves that the event is the customer's own.
        payload: the event's JSON object without keys and secrets.
        violations: what it breaks of its source's tracking plan, as `segments.violations` writes it; None for nothing.
    """

    event_id: UUID
    source_id: int
    trusted: bool
    message_id: str
    type: str
    event: str | None = None
    user_id: str | None = None
    anonymous_id: str | None = None
    occurred_at: datetime
    original_at: datetime | None = None
    sent_at: datetime | None = None
    time_rule: str
    token_verdict: str | None = None
    payload: msgspec.Raw
    violations: tuple[str, ...] | None = None

    @property
    def name(self) -> str:
        """What counts and lists call it: the event of a track call, else the type."""
        return self.event if self.type == "track" and self.event else self.type


class FailedEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What was acknowledged and could not become an event: kept with its reason, for repair.

    Attributes:
        name: event or type as far as it could be read, else an empty text.
        code: stable word for machines; `reason` is one sentence for people.
        raw: the bytes as they came.
        violations: what it breaks of its source's tracking plan.
        envelope: what its request said for all its events, see `segments.kept`; None for nothing.
        becomes: the id that the event has once it can be stored, where that is known.
    """

    event_id: UUID
    source_id: int
    name: str
    code: str
    reason: str
    raw: bytes
    violations: tuple[str, ...] | None = None
    envelope: bytes | None = None
    becomes: UUID | None = None


def event_id_of(source_id: int, message_id: str) -> UUID:
    """The 128-bit id of a message of a source: no source can suppress another's events by guessing their ids."""
    text = f"{source_id}\x1f{message_id}".encode("utf-8", "surrogatepass")
    return UUID(int=int.from_bytes(hashlib.blake2b(text, digest_size=16).digest()))
