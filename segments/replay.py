"""Reads a failed event again: with today's rules, as it was received then. Pure."""

from dataclasses import dataclass
from datetime import datetime

from segments.envelope import Event, FailedEvent
from segments.intake import Reception, read_event
from segments.kept import Kept, read_kept
from segments.salvage import split_elements
from segments.source_rules import SourceRules
from segments.tokens import UNVERIFIED, TokenCheck, TokenMode, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedOne:
    """A failed event as it was kept, and what its source asks today.

    Attributes:
        envelope: see `segments.kept`.
        trusted: the source holds a secret.
        token_mode: of `segments.tokens.TokenMode`.
    """

    source_id: int
    trusted: bool
    received_at: datetime
    code: str
    raw: bytes
    envelope: bytes | None
    token_mode: str
    rules: SourceRules


def read_again(failed: FailedOne) -> list[Event | FailedEvent]:
    """What becomes of it today. One event, or as many as came behind the end of a batch that was too long."""
    reception = _reception(failed)
    if failed.code != "batch_too_long":
        return [read_event(failed.raw, reception)]
    return [read_event(raw, reception) for raw in split_elements(failed.raw) or [failed.raw]]


def _reception(failed: FailedOne) -> Reception:
    kept = read_kept(failed.envelope)
    return Reception(
        source_id=failed.source_id,
        trusted=failed.trusted,
        received_at=failed.received_at,
        sent_at=kept.sent_at,
        call=kept.call,
        context=kept.context,
        integrations=kept.integrations,
        device_skew=kept.device_skew,
        tokens=_token_check(failed, kept),
        rules=failed.rules,
    )


def _token_check(failed: FailedOne, kept: Kept) -> TokenCheck | None:
    """Tokens are never kept, so what the event's proved at the door stands: nothing, where it was not looked at."""
    mode = TokenMode(failed.token_mode)
    if failed.trusted or mode is TokenMode.OFF:
        return None
    word = failed.code.removeprefix(UNVERIFIED) if failed.code.startswith(UNVERIFIED) else kept.verdict
    verdict = Verdict(word) if word else Verdict.MISSING
    return TokenCheck(mode=mode, read=lambda _: verdict, shared="the token of then")
