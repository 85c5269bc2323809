"""What a request said beside an event's own bytes, kept with a failed event so that it can be read again as it was meant."""

from datetime import datetime, timedelta
from typing import Any

import msgspec


class Kept(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The part of a request that belongs to each of its events; see `segments.intake.Reception`.

    Attributes:
        call: the type that the path named.
        device_skew: what must be added to its device's clock.
        verdict: what the event's customer token proved; the token itself is never kept.
    """

    call: str | None = None
    sent_at: datetime | None = None
    context: dict[str, Any] | None = None
    integrations: dict[str, Any] | None = None
    device_skew: timedelta | None = None
    verdict: str | None = None


_NOTHING = Kept()
_DECODER = msgspec.json.Decoder(Kept)


def write_kept(kept: Kept) -> bytes | None:
    """As bytes for the database; None where there is nothing to keep."""
    return None if kept == _NOTHING else msgspec.json.encode(kept)


def read_kept(envelope: bytes | None) -> Kept:
    """From the database's bytes."""
    return _NOTHING if envelope is None else _DECODER.decode(envelope)
