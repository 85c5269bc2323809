"""What a whole request tells about each of its events."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from segments.source_rules import OPEN, SourceRules
from segments.tokens import TokenCheck


@dataclass(frozen=True, slots=True, kw_only=True)
class Reception:
    """What a whole request tells about each of its events.

    Attributes:
        trusted: the source holds a secret.
        call: the type that the path names (``/v1/track``), for calls that do not say it themselves.
        context: merged into each event's own context, which goes first; likewise ``integrations``.
        device_skew: what must be added to the clock of the device that sent all this, where it is known.
        tokens: what the source asks of events that name a customer; None where it asks nothing.
        rules: what the source's owner decided about how its events are read.
    """

    source_id: int
    trusted: bool
    received_at: datetime
    sent_at: datetime | None = None
    call: str | None = None
    context: dict[str, Any] | None = None
    integrations: dict[str, Any] | None = None
    device_skew: timedelta | None = None
    tokens: TokenCheck | None = None
    rules: SourceRules = OPEN

    @property
    def plain(self) -> bool:
        """Whether an event that needs no mending is stored just as it came."""
        return self.tokens is None and self.rules is OPEN and not self.context and not self.integrations
