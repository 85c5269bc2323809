"""Clocks of phones whose SDK says when it closed its file: learned from files sent at once, used for files that waited."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from segments.device_clock import SAME, DeviceClock, PhoneBatch, learn, read_phone_batch, skew_of
from segments.occurrence import agree, occurred_at
from tests.fixtures.phone_uploads import kotlin_event, swift_event

NOW = datetime(2026, 4, 1, 3, tzinfo=UTC)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
YEAR = 365 * DAY


def at_once(offset: timedelta) -> PhoneBatch:
    return PhoneBatch(device="d", offset=offset, telling=True)


def later(offset: timedelta) -> PhoneBatch:
    return PhoneBatch(device="d", offset=offset, telling=False)


def after(*batches: PhoneBatch) -> DeviceClock | None:
    known = None
    for batch in batches:
        known = learn(known, batch)
    return known


@pytest.mark.parametrize(
    ("batches", "skew", "doubt"),
    [
        ([at_once(DAY)], DAY, None),
        ([at_once(-DAY)], -DAY, None),
        ([at_once(DAY), later(9 * DAY)], DAY, None),
        ([at_once(9 * DAY), later(DAY)], DAY, None),
        ([at_once(DAY), at_once(9 * DAY)], DAY, 9 * DAY),
        ([at_once(DAY), at_once(9 * DAY), at_once(9 * DAY - SECOND)], 9 * DAY - SECOND, None),
        ([at_once(DAY), at_once(9 * DAY), at_once(5 * DAY)], DAY, 5 * DAY),
        ([at_once(DAY), at_once(9 * DAY), at_once(DAY + SECOND)], DAY, None),
        ([at_once(-DAY), later(SECOND / 2)], timedelta(0), None),
        ([at_once(timedelta(0)), later(20 * YEAR)], 20 * YEAR, None),
    ],
)
def test_what_batches_teach(batches: list[PhoneBatch], skew: timedelta, doubt: timedelta | None) -> None:
    assert after(*batches) == DeviceClock(skew=skew, doubt=doubt)


def test_a_batch_that_waited_teaches_nothing_by_itself() -> None:
    assert after(later(DAY)) is None
    assert skew_of(None, later(DAY)) is None


def test_a_batch_that_says_what_is_known_gives_back_the_very_same() -> None:
    known = DeviceClock(skew=DAY)
    assert learn(known, at_once(DAY)) is known
    assert learn(known, later(3 * DAY)) is known


class Phone:
    """A phone whose clock is wrong by ``error`` and does not change."""

    def __init__(self, error: timedelta) -> None:
        self.error = error
        self.known: DeviceClock | None = None

    def send(self, closed: datetime, wait: timedelta, *, telling: bool) -> timedelta:
        """How far from the truth an event is dated that happened when the file was closed."""
        batch = PhoneBatch(device="d", offset=wait - self.error, telling=telling)
        self.known = learn(self.known, batch)
        stamp = closed + self.error
        moment, _ = occurred_at(
            stamp,
            sent_at=stamp,
            received_at=closed + wait,
            library="analytics-swift",
            device_skew=skew_of(self.known, batch),
        )
        return abs(moment - closed)


TRAVELS = st.timedeltas(timedelta(0), timedelta(milliseconds=800))
WAITS = st.timedeltas(2 * SECOND, 60 * DAY)


@given(
    error=st.timedeltas(-10 * YEAR, 10 * YEAR),
    first=TRAVELS,
    waits=st.lists(st.tuples(TRAVELS | WAITS, st.booleans()), max_size=12),
)
def test_once_a_phone_was_online_every_event_is_dated_to_a_second(
    error: timedelta, first: timedelta, waits: Sequence[tuple[timedelta, bool]]
) -> None:
    late = [wait for wait, _ in waits if wait > SECOND]
    assume(all(abs(one - other) > 2 * SAME for n, one in enumerate(late) for other in late[:n]))
    assume(not any(agree(wait - error) for wait in late))  # clock and waiting that cancel out to the second
    phone = Phone(error)
    assert phone.send(NOW, first, telling=True) <= SECOND
    for wait, telling in waits:
        assert phone.send(NOW, wait, telling=telling) <= SECOND, (wait, telling)


@given(error=st.timedeltas(-10 * YEAR, 10 * YEAR), moved=st.timedeltas(-YEAR, YEAR))
def test_a_clock_that_is_set_anew_is_followed_from_the_second_batch_on(error: timedelta, moved: timedelta) -> None:
    assume(abs(moved) > 2 * SAME)
    phone = Phone(error)
    phone.send(NOW, timedelta(0), telling=True)
    phone.error -= moved
    phone.send(NOW, timedelta(0), telling=True)
    assert phone.send(NOW, timedelta(0), telling=True) <= SECOND


def test_a_phone_that_was_never_online_is_taken_at_its_word_or_at_arrival() -> None:
    assert Phone(timedelta(0)).send(NOW, 3 * DAY, telling=False) == timedelta(0)
    assert Phone(-10 * YEAR).send(NOW, 3 * DAY, telling=False) <= 3 * DAY
    assert Phone(10 * YEAR).send(NOW, 3 * DAY, telling=False) <= 3 * DAY


def raw(*events: Any) -> list[bytes]:
    return [event if isinstance(event, bytes) else msgspec.json.encode(event) for event in events]


def stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read(events: list[bytes], *, sent: timedelta | None = timedelta(0), retried: bool = False) -> PhoneBatch | None:
    sent_at = None if sent is None else NOW - sent
    return read_phone_batch(events, sent_at=sent_at, received_at=NOW, retried=retried)


def test_a_batch_of_swift_and_of_kotlin_is_read() -> None:
    for event, device in ((swift_event, "E621E1F8-C36C-495A-93FC-0C247A3E6E5F"), (kotlin_event, "8f14e45fceea167a")):
        events = raw(event(1, stamp(NOW - DAY)), event(2, stamp(NOW - timedelta(seconds=50))))
        assert read(events) == PhoneBatch(device=device, offset=timedelta(0), telling=True)


@pytest.mark.parametrize(
    ("changed", "sent", "retried", "telling"),
    [
        (timedelta(seconds=59), timedelta(0), False, True),
        (timedelta(seconds=61), timedelta(0), False, False),
        (timedelta(seconds=-61), timedelta(0), False, False),
        (timedelta(0), timedelta(0), True, False),
    ],
)
def test_a_file_tells_the_clock_if_it_was_closed_at_once_and_sent_for_the_first_time(
    changed: timedelta, sent: timedelta, retried: bool, telling: bool
) -> None:
    batch = read(raw(swift_event(1, stamp(NOW - changed))), sent=sent, retried=retried)
    assert batch is not None
    assert batch.telling is telling


def test_other_sdks_mixed_batches_and_rubbish_are_no_phone_batch() -> None:
    swift = swift_event(1, stamp(NOW))
    other = swift | {"context": swift["context"] | {"device": {"id": "another"}}}
    python = {"type": "track", "userId": "u", "context": {"library": {"name": "analytics-python"}}}
    named = {"type": "track", "userId": "u", "event": "analytics-swift"}
    for events in ([], raw(python), raw(named), raw(swift, other), raw(b'{"analytics-swift'), raw(b"[]")):
        assert read(events) is None
    assert read(raw(swift), sent=None) is None
    numbered = swift | {"anonymousId": 5, "context": swift["context"] | {"device": {"id": 7}}}
    assert read(raw(numbered)) is None


def test_a_phone_without_an_id_of_its_own_is_known_by_its_installation() -> None:
    swift = swift_event(1, stamp(NOW))
    batch = read(raw(swift | {"context": swift["context"] | {"device": None}}, b"not JSON"))
    assert batch is not None
    assert batch.device == swift["anonymousId"]
