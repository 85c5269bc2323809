"""When did it happen? Four times of an event: what the client said, when it sent it, when we got it, what we take.

| rule           | occurred_at                                | when                                                   |
| -------------- | ------------------------------------------ | ------------------------------------------------------ |
| `received`     | received_at                                | the client gave no time                                |
| `as_sent`      | what the client said                       | no time of sending, or client and server clocks agree  |
| `skew`         | said + (received_at - sent_at)             | the clocks differ                                      |
| `device_skew`  | said + what is known of the device's clock | the SDK stamps sending when it closes its file; see    |
|                |                                            | `segments.device_clock`                                |
| `device_clock` | what the client said                       | such an SDK, and nothing is known: the difference may  |
|                |                                            | be hours offline and tells no skew                     |
| `clamped`      | received_at                                | any of these is more than a day in the future          |
"""

from datetime import UTC, datetime, timedelta

from segments.failures import EventFailure

STAMPED_ON_CLOSING = frozenset({"analytics-swift", "analytics-kotlin"})
"""Libraries whose ``sentAt`` is when their batch file was closed, which may be long before it was sent."""

OLDEST = datetime(2000, 1, 1, tzinfo=UTC)
"""History is kept without end, and no shop's events are older: a time before this is a device that lost its clock."""

LONGEST_OFFLINE = timedelta(days=365)
"""What differs by more was not offline for so long: its clock is wrong."""

_TRAVEL = timedelta(seconds=1)
_JITTER = timedelta(milliseconds=100)
_FUTURE = timedelta(hours=24)


def parse_time(value: object) -> datetime:
    """An ISO-8601 time as an aware UTC moment; one without an offset is taken as UTC.

    Raises:
        EventFailure: ``bad_timestamp``.
    """
    if not isinstance(value, str):
        raise EventFailure("bad_timestamp", "A time is a text in the form 2026-04-01T09:30:00Z.")
    try:
        moment = datetime.fromisoformat(value.strip())
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise EventFailure("bad_timestamp", f"{value[:40]!r} is not a time like 2026-04-01T09:30:00Z.") from None


def agree(offset: timedelta) -> bool:
    """Whether ``received_at - sent_at`` is a request's travel and not a difference of clocks."""
    return -_JITTER <= offset <= _TRAVEL


def occurred_at(
    original: datetime | None,
    *,
    sent_at: datetime | None,
    received_at: datetime,
    library: str | None = None,
    device_skew: timedelta | None = None,
) -> tuple[datetime, str]:
    """The corrected time and the rule that gave it; all times aware.

    Args:
        original: what the client said.
        sent_at: when it says it sent it.
        received_at: when we got it.
        library: the SDK's name for itself.
        device_skew: what must be added to this device's clock, where it is known; for `STAMPED_ON_CLOSING` only.

    Raises:
        EventFailure: ``bad_timestamp`` for a time before the year 2000.
    """
    moment, rule = _correct(
        original, sent_at=sent_at, received_at=received_at, library=library, device_skew=device_skew
    )
    if moment - received_at > _FUTURE:
        return received_at, "clamped"
    if moment < OLDEST:
        raise EventFailure("bad_timestamp", f"{moment:%Y-%m-%d} is before the year 2000.")
    return moment, rule


def _correct(
    original: datetime | None,
    *,
    sent_at: datetime | None,
    received_at: datetime,
    library: str | None,
    device_skew: timedelta | None,
) -> tuple[datetime, str]:
    if original is None:
        return received_at, "received"
    if sent_at is None or agree(received_at - sent_at):
        return original, "as_sent"
    offset, rule = received_at - sent_at, "skew"
    if library in STAMPED_ON_CLOSING:
        if device_skew is not None:
            offset, rule = device_skew, "device_skew"
        elif timedelta(0) < offset <= LONGEST_OFFLINE:
            return original, "device_clock"
    try:
        return original + offset, rule
    except OverflowError:
        return received_at, "clamped"
