"""What is known about the clock of a phone whose SDK says when it closed its batch file, not when it sent it. Pure.

Such a batch's offset, ``received_at - sent_at``, is the skew of the device's clock plus the time that the file waited.
Waiting is never negative, so of two offsets the smaller one is nearer to the skew. What teaches a skew is a first try
of a file that was closed right after its newest event; what was learned corrects the device's other batches. A batch
whose clock agrees with ours settles it at once. A larger offset than the known one is most likely a file that
waited: it is believed when a second batch says the same, for waiting times do not agree and clocks do.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from segments.failures import EventFailure
from segments.occurrence import LONGEST_OFFLINE, STAMPED_ON_CLOSING, agree, parse_time

CLOSED_AT_ONCE = timedelta(seconds=60)
"""From the newest event to the closing of the file: a file that lay open for longer tells nothing."""

SAME = timedelta(seconds=5)
"""Offsets of two batches that differ by less come from one and the same skew."""

LONGEST_DEVICE = 255

_MARKS = tuple(name.encode() for name in sorted(STAMPED_ON_CLOSING))
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneBatch:
    """A batch from one phone whose SDK stamps its file on closing.

    Attributes:
        device: the id by which its clock is remembered.
        offset: ``received_at - sent_at``.
        telling: the offset is likely to be the clock's skew alone.
    """

    device: str
    offset: timedelta
    telling: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceClock:
    """What is remembered of one device.

    Attributes:
        skew: what must be added to its clock.
        doubt: a larger offset that one batch had since.
    """

    skew: timedelta
    doubt: timedelta | None = None


class _Library(msgspec.Struct):
    name: Any = None


class _Device(msgspec.Struct):
    id: Any = None


class _Context(msgspec.Struct):
    library: _Library | None = None
    device: _Device | None = None


class _Sketch(msgspec.Struct):
    """As much of an event as its clock asks for."""

    timestamp: Any = None
    original: Any = msgspec.field(default=None, name="originalTimestamp")
    anonymous_id: Any = msgspec.field(default=None, name="anonymousId")
    context: _Context | None = None

    @property
    def device(self) -> str | None:
        """The phone's own id, or the installation's."""
        named = self.context.device.id if self.context and self.context.device else None
        given = named or self.anonymous_id
        return given if isinstance(given, str) and 0 < len(given) <= LONGEST_DEVICE else None

    @property
    def library(self) -> object:
        """Which SDK wrote it."""
        return self.context.library.name if self.context and self.context.library else None


_SKETCH = msgspec.json.Decoder(_Sketch)


def read_phone_batch(
    events: Sequence[bytes], *, sent_at: datetime | None, received_at: datetime, retried: bool
) -> PhoneBatch | None:
    """What a batch says about its phone's clock; None for other SDKs, for mixed batches, or without a time of sending.

    Args:
        events: the events as bytes; one that cannot be read is passed over.
        sent_at: what the batch says.
        received_at: when it came.
        retried: the request said that it was sent before.
    """
    if sent_at is None or not events or not any(mark in events[0] for mark in _MARKS):
        return None
    sketches = [sketch for sketch in map(_sketch, events) if sketch is not None]
    devices = {sketch.device for sketch in sketches if sketch.library in STAMPED_ON_CLOSING}
    device = devices.pop() if len(devices) == 1 else None
    if device is None:
        return None
    moments = [moment for moment in map(_moment, sketches) if moment is not None]
    at_once = bool(moments) and abs(sent_at - max(moments)) <= CLOSED_AT_ONCE
    return PhoneBatch(device=device, offset=received_at - sent_at, telling=at_once and not retried)


def _sketch(raw: bytes) -> _Sketch | None:
    try:
        return _SKETCH.decode(raw)
    except _UNREADABLE:
        return None


def _moment(sketch: _Sketch) -> datetime | None:
    try:
        return parse_time(sketch.original or sketch.timestamp)
    except EventFailure:
        return None


def skew_of(known: DeviceClock | None, batch: PhoneBatch) -> timedelta | None:
    """What to add to the times of a batch; None where nothing is known about its clock.

    Args:
        known: what is remembered after `learn` saw this batch.
        batch: the batch.
    """
    return None if known is None else min(known.skew, batch.offset)


def learn(known: DeviceClock | None, batch: PhoneBatch) -> DeviceClock | None:
    """What is known after a batch; the very same object where it taught nothing."""
    certain = _certain_skew(known, batch)
    if certain is not None:
        learned = DeviceClock(skew=certain)
    elif known is None or not batch.telling:
        return known
    elif known.doubt is not None and abs(batch.offset - known.doubt) <= SAME:
        learned = DeviceClock(skew=min(batch.offset, known.doubt))
    else:
        learned = DeviceClock(skew=known.skew, doubt=batch.offset)
    return known if known == learned else learned


def _certain_skew(known: DeviceClock | None, batch: PhoneBatch) -> timedelta | None:
    """The skew where a batch leaves no doubt about it."""
    if agree(batch.offset):
        return timedelta(0)
    if batch.offset - (known.skew if known else timedelta(0)) > LONGEST_OFFLINE:
        return batch.offset
    if known is None:
        return batch.offset if batch.telling else None
    if batch.offset < known.skew - SAME:
        return batch.offset
    same = batch.telling and abs(batch.offset - known.skew) <= SAME
    return min(known.skew, batch.offset) if same else None
