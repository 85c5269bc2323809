"""When did it happen? Four times of an event: what the client said, when it sent it, when we got it, what we take.

| rule           | occurred_at                                | when                                                   |
| -------------- | ------------------------------------------ | ------------------------------------------------------ |
| `received`     | received_at                                | the client gave no time                                |
| `as_sent`      | what the client said                       | no time of sending, or client and server clocks agree  |
| `skew`         | said + (received_at - sent_at)             | the clocks differ by more than a second                |
| `device_clock` | what the client said                       | the SDK stamps sending when it closes its file: a      |
|                |                                            | difference may be hours offline and tells no skew      |
| `clamped`      | received_at                                | any of these is more than a day in the future          |
"""

from datetime import UTC, datetime, timedelta

from segments.failures import EventFailure

STAMPED_ON_CLOSING = frozenset({"analytics-swift", "analytics-kotlin"})
"""Libraries whose ``sentAt`` is when their batch file was closed, which may be long before it was sent."""

OLDEST = datetime(2000, 1, 1, tzinfo=UTC)
"""No shop's events are older; a time before this is a device that lost its clock."""

_TRAVEL = timedelta(seconds=1)
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


def occurred_at(
    original: datetime | None, *, sent_at: datetime | None, received_at: datetime, library: str | None = None
) -> tuple[datetime, str]:
    """The corrected time and the rule that gave it; all times aware.

    Raises:
        EventFailure: ``bad_timestamp`` for a time before the year 2000.
    """
    moment, rule = _correct(original, sent_at=sent_at, received_at=received_at, library=library)
    if moment - received_at > _FUTURE:
        return received_at, "clamped"
    if moment < OLDEST:
        raise EventFailure("bad_timestamp", f"{moment:%Y-%m-%d} is before the year 2000.")
    return moment, rule


def _correct(
    original: datetime | None, *, sent_at: datetime | None, received_at: datetime, library: str | None
) -> tuple[datetime, str]:
    if original is None:
        return received_at, "received"
    if sent_at is None or abs(received_at - sent_at) <= _TRAVEL:
        return original, "as_sent"
    if library in STAMPED_ON_CLOSING and sent_at < received_at:
        return original, "device_clock"
    try:
        return original + (received_at - sent_at), "skew"
    except OverflowError:
        return received_at, "clamped"
