"""A batch of the intake log, read: every payload decoded once, what is alike told once, the rest as columns.

Most events of a batch come from few senders: the same ids over the same source from the same phone. What follows from
those alone (customer, device, platform) is worked out once for each of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

import msgspec
import polars as pl

from backend.lake.payload import Context, Payload, platform_of, properties_of, read_context, read_payload, text, whole
from segments.ids import key64
from segments.reduce.days import DERIVED
from segments.tokens import Verdict

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOMENT = pl.Datetime("us", "UTC")
_LARGEST_KEY = 2**63 - 1
_NO_PAYLOAD = Payload()


class Sender(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Who sent an event, over which source and from which device.

    Attributes:
        kind: of the source: app, server, import or system.
        trusted: a secret key, or a customer's token for what he may state himself, stands behind it.
        verified: a customer's token proves that ``user_id`` himself sent it.
        device_key: of the device that the event came from.
    """

    source_id: int
    kind: str
    trusted: bool
    verified: bool
    user_id: str | None
    anonymous_id: str | None
    context: Context | None
    device_key: int | None
    platform: str | None


class Logged(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One event of the log.

    Attributes:
        name: the event of a track call, else the type of the call.
        said_at: when it was said, for what the later word decides: a phone whose clock is ahead gets no last word.
    """

    seq: int
    type: str
    name: str
    said_at: datetime
    payload: Payload
    sender: Sender


@dataclass(frozen=True, slots=True)
class Log:
    """A batch, in the order of the log.

    Attributes:
        heads: a row an event: seq, received_day, received_at, source_id, trusted, type, name, occurred_at, said_at, and
            its ``sender`` as a place in `senders`.
        payloads: of each event.
        senders: each once.
    """

    heads: pl.DataFrame
    payloads: Sequence[Payload]
    senders: Sequence[Sender]

    def __len__(self) -> int:
        """How many events."""
        return len(self.payloads)

    def places(self, wanted: pl.Expr) -> list[int]:
        """Where the events stand that answer to a condition on `heads`."""
        return self.heads.select(wanted.arg_true()).to_series().to_list()

    def at(self, places: Sequence[int]) -> list[Logged]:
        """Some of its events."""
        heads = self.heads.select(pl.col("seq", "type", "name", "said_at", "sender").gather(places))
        columns = zip(places, *(column.to_list() for column in heads), strict=True)
        return [
            Logged(
                seq=seq,
                type=type_,
                name=name,
                said_at=said_at,
                payload=self.payloads[place],
                sender=self.senders[sender],
            )
            for place, seq, type_, name, said_at, sender in columns
        ]


def read_log(rows: Sequence[Mapping[str, Any]], kinds: Mapping[int, str]) -> Log:
    """Read rows of the log; ``kinds`` is the kind of each source."""
    reader = _Reader(kinds)
    senders = [reader.read(row) for row in rows]
    return Log(_heads(rows, senders), reader.payloads, reader.senders)


@dataclass(slots=True)
class _Reader:
    kinds: Mapping[int, str]
    payloads: list[Payload] = field(default_factory=list)
    senders: list[Sender] = field(default_factory=list)
    _known: dict[tuple[object, ...], int] = field(default_factory=dict)
    _spelled: dict[bytes, int | None] = field(default_factory=dict)
    _contexts: list[Context | None] = field(default_factory=lambda: [None])
    _numbers: dict[bytes, int] = field(default_factory=lambda: {b"null": 0})

    def read(self, row: Mapping[str, Any]) -> int:
        """Keep a row's payload; gives the place of its sender."""
        payload = read_payload(row["payload"])
        spelling = bytes(payload.context)
        number = self._spelled[spelling] if spelling in self._spelled else self._meet(spelling)
        if number is None:  # a context that is none: nothing else in there is believed
            payload, number = _NO_PAYLOAD, 0
        self.payloads.append(payload)
        source_id = row["source_id"]
        device_key = _named_device(payload) if self.kinds.get(source_id) == "system" else None
        key = (source_id, row["trusted"], row["token_verdict"], row["user_id"], row["anonymous_id"], number, device_key)
        place = self._known.get(key)
        if place is None:
            place = self._known[key] = len(self.senders)
            self.senders.append(self._sender(row, self._contexts[number], device_key))
        return place

    def _meet(self, spelling: bytes) -> int | None:
        """The number of a context, however it is spelled and whatever else stands in it; None where it is no context."""
        try:
            context = read_context(spelling)
        except msgspec.MsgspecError:
            return self._spelled.setdefault(spelling, None)
        number = self._numbers.setdefault(msgspec.json.encode(context), len(self._contexts))
        if number == len(self._contexts):
            self._contexts.append(context)
        self._spelled[spelling] = number
        return number

    def _sender(self, row: Mapping[str, Any], context: Context | None, device_key: int | None) -> Sender:
        source_id, anonymous_id = row["source_id"], row["anonymous_id"]
        kind = self.kinds.get(source_id, "app")
        return Sender(
            source_id=source_id,
            kind=kind,
            trusted=row["trusted"],
            verified=row["token_verdict"] == Verdict.VALID,
            user_id=row["user_id"],
            anonymous_id=anonymous_id,
            context=context,
            device_key=device_key if kind == "system" else _device_key(context, kind, source_id, anonymous_id),
            platform=platform_of(context),
        )


def _named_device(payload: Payload) -> int | None:
    """Joren's own events name the device that they are about."""
    return whole(properties_of(payload).get("device_key"), largest=_LARGEST_KEY)


def _device_key(context: Context | None, kind: str, source_id: int, anonymous_id: str | None) -> int | None:
    """The device an event came from: its own id, else the anonymous id of that installation of the app."""
    device = context.device if context is not None else None
    name = text(device.id) if device is not None else None
    if name is None and (kind == "app" or device is not None):
        name = anonymous_id
    return _key(str(source_id), name) if name is not None else None


@lru_cache(maxsize=200_000)
def _key(source: str, name: str) -> int:
    return key64(source, name)


def _heads(rows: Sequence[Mapping[str, Any]], senders: list[int]) -> pl.DataFrame:
    moments = {name: _microseconds(row[name] for row in rows) for name in ("received_at", "occurred_at")}
    columns = {
        "seq": ([row["seq"] for row in rows], pl.Int64),
        "received_day": (_days([row["received_day"] for row in rows]), pl.Int32),
        "received_at": (moments["received_at"], pl.Int64),
        "source_id": ([row["source_id"] for row in rows], pl.Int32),
        "trusted": ([row["trusted"] for row in rows], pl.Boolean),
        "type": ([row["type"] for row in rows], pl.String),
        "event": ([row["event"] for row in rows], pl.String),
        "occurred_at": (moments["occurred_at"], pl.Int64),
        "sender": (senders, pl.UInt32),
    }
    read = pl.DataFrame([pl.Series(name, values, dtype) for name, (values, dtype) in columns.items()])
    return read.with_columns(
        pl.col("received_day").cast(pl.Date),
        pl.col("received_at", "occurred_at").cast(_MOMENT),
        pl.min_horizontal("received_at", "occurred_at").cast(_MOMENT).alias("said_at"),
        _name().alias("name"),
    ).drop("event")


def _microseconds(moments: Iterable[datetime]) -> list[int]:
    """Moments as whole microseconds go into a column ten times quicker than as Python's datetimes."""
    since = [moment - _EPOCH for moment in moments]
    return [(one.days * 86_400 + one.seconds) * 1_000_000 + one.microseconds for one in since]


def _days(days: Iterable[date]) -> list[int]:
    first = _EPOCH.toordinal()
    return [day.toordinal() - first for day in days]


def _name() -> pl.Expr:
    """A screen called "Order Completed" is no order, and an event called "Order Line" is no line."""
    kind, event = pl.col("type"), pl.col("event")
    return (
        pl.when((kind != "track") | event.is_null() | (event == ""))
        .then(kind)
        .when(event.is_in(DERIVED))
        .then(pl.lit("custom ") + event)
        .otherwise(event)
    )
