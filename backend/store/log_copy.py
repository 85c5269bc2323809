"""Rows of the log in the binary format of COPY, packed by hand: the general encoder takes three times as long.

A row is the number of its columns, then each column as its length in bytes (-1 for null) and the value as the type's
``recv`` function reads it: integers and times in network byte order, texts and ``json`` as they are.
"""

import struct
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import UTC, date, datetime
from uuid import UUID

from segments.envelope import Event

COLUMNS = (
    "received_day",
    "received_at",
    "source_id",
    "trusted",
    "message_id",
    "type",
    "event",
    "user_id",
    "anonymous_id",
    "occurred_at",
    "original_at",
    "sent_at",
    "time_rule",
    "payload",
    "violations",
    "token_verdict",
)
"""Columns of the log in the order in which a row is packed."""

_HEADER = b"PGCOPY\n\xff\r\n\x00" + struct.pack(">ii", 0, 0)
_END = struct.pack(">h", -1)
_NULL = struct.pack(">i", -1)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_FIRST_DAY = date(2000, 1, 1)
_TEXT_TYPE = 25
_LENGTHS = [struct.pack(">i", length) for length in range(2048)]
_WORDS = 4096

_pack_length = struct.Struct(">i").pack
_pack_time = struct.Struct(">iq").pack
_pack_head = struct.Struct(">hiiiqiii?").pack


class LogRows:
    """Packs events that came on one day. Words that repeat (types, names, rules) are packed once."""

    def __init__(self, day: date, received_at: datetime, came: Mapping[UUID, datetime] | None = None) -> None:
        self._day = (day - _FIRST_DAY).days
        self._received_at = received_at
        self._came = came or {}
        self._heads: dict[tuple[int, bool], bytes] = {}
        self._words: dict[str | None, bytes] = {None: _NULL}

    async def pack(self, rows: Iterable[Event]) -> AsyncIterator[bytes]:
        """The whole content of one COPY, in one piece: from a file the driver would read in another thread."""
        pieces = [_HEADER]
        for row in rows:
            pieces += self._row(row)
        pieces.append(_END)
        yield b"".join(pieces)

    def _row(self, row: Event) -> tuple[bytes, ...]:
        occurred, original, sent = row.occurred_at, row.original_at, row.sent_at
        packed = _time(occurred)
        payload = bytes(row.payload)
        return (
            self._head(row),
            _text(row.message_id),
            self._word(row.type),
            self._word(row.event),
            _text(row.user_id),
            _text(row.anonymous_id),
            packed,
            packed if original is occurred else _time(original),
            _NULL if sent is None else _time(sent),
            self._word(row.time_rule),
            _pack_length(len(payload)),
            payload,
            _NULL if row.violations is None else _texts(row.violations),
            self._word(row.token_verdict),
        )

    def _head(self, row: Event) -> bytes:
        """Number of columns and the four columns that a whole request shares."""
        at = self._came.get(row.event_id) if self._came else None
        if at is not None:
            return self._packed_head(row, at)
        key = row.source_id, row.trusted
        if (head := self._heads.get(key)) is None:
            head = self._heads[key] = self._packed_head(row, self._received_at)
        return head

    def _packed_head(self, row: Event, at: datetime) -> bytes:
        return _pack_head(len(COLUMNS), 4, self._day, 8, _microseconds(at), 4, row.source_id, 1, row.trusted)

    def _word(self, text: str | None) -> bytes:
        if (packed := self._words.get(text)) is None:
            packed = _text(text)
            if len(self._words) < _WORDS:
                self._words[text] = packed
        return packed


def _text(text: str | None) -> bytes:
    if text is None:
        return _NULL
    value = text.encode()
    length = len(value)
    return (_LENGTHS[length] if length < len(_LENGTHS) else _pack_length(length)) + value


def _texts(texts: Iterable[str]) -> bytes:
    """An array of texts: dimensions, whether nulls are in it, type of the elements, length and lower bound, elements."""
    elements = [_text(text) for text in texts]
    dimensions = struct.pack(">ii", len(elements), 1) if elements else b""
    value = struct.pack(">iiI", 1 if elements else 0, 0, _TEXT_TYPE) + dimensions + b"".join(elements)
    return _pack_length(len(value)) + value


def _time(moment: datetime | None) -> bytes:
    return _NULL if moment is None else _pack_time(8, _microseconds(moment))


def _microseconds(moment: datetime) -> int:
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
