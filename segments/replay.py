"""Reads a failed event again: with today's rules, as it was received then. Pure.

What is kept of a batch that was too long is a list of events in one failed event, and may be very long. It is read piece
by piece: each event becomes an event or a failed event of its own, and what is none, of which nobody could tell one from
the other, stays together in one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from segments.envelope import Event, FailedEvent
from segments.failing import fail_event, refuse_event
from segments.failures import EventFailure
from segments.intake import read_event
from segments.kept import Kept, read_kept
from segments.reception import Reception
from segments.salvage import first_elements
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadAgain:
    """What becomes of a failed event today.

    Attributes:
        results: its event, or why it still is none. Of a list: its events, and those that fail as events of their own.
        rubbish: elements of a list that do not even say what they are, together.
        rest: of a list, what was not read yet, a list itself.
    """

    results: tuple[Event | FailedEvent, ...]
    rubbish: FailedEvent | None = None
    rest: bytes | None = None

    @property
    def fails(self) -> FailedEvent | None:
        """Why the failed event stays what it is: nothing in it can be told from it. None where something came of it."""
        parts = [*self.results, *([self.rubbish] if self.rubbish else [])]
        only = parts[0] if len(parts) == 1 and self.rest is None else None
        return only if isinstance(only, FailedEvent) else None

    def without(self, refused: Mapping[UUID, object], *, received_at: datetime) -> "ReadAgain":
        """With failed events in the places of those that the database refuses, by their ids with its errors."""
        results = tuple(
            refuse_event(each, received_at=received_at, error=refused[each.event_id])
            if isinstance(each, Event) and each.event_id in refused
            else each
            for each in self.results
        )
        return replace(self, results=results)


def read_again(failed: FailedOne, *, most: int) -> ReadAgain:
    """What becomes of it today; of a list, of its first ``most`` events. The bytes tell whether it is one."""
    reception = _reception(failed)
    first = first_elements(failed.raw, most=most)
    if first is None or not first[0]:
        return ReadAgain(results=(read_event(failed.raw, reception),))
    elements, rest = first
    read = [(raw, read_event(raw, reception)) for raw in elements if raw.startswith(b"{")]
    results = tuple(each for _, each in read if isinstance(each, Event) or each.name)
    rubbish = [raw for raw in elements if not raw.startswith(b"{")]
    rubbish += [raw for raw, each in read if isinstance(each, FailedEvent) and not each.name]
    return ReadAgain(results=results, rubbish=_together(rubbish, reception), rest=rest)


def _together(rubbish: Sequence[bytes], reception: Reception) -> FailedEvent | None:
    """One failed event of all of them, under the reason of the first."""
    first = [each for each in (read_event(raw, reception) for raw in rubbish[:1]) if isinstance(each, FailedEvent)]
    if len(rubbish) == len(first):
        return first[0] if first else None
    reason = f"{len(rubbish)} parts of a batch are no events. The first one: {first[0].reason}"
    return fail_event(b"[" + b",".join(rubbish) + b"]", reception, EventFailure(first[0].code, reason))


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
