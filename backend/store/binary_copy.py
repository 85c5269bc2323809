"""Columns as PostgreSQL's COPY reads them in binary: the server parses no text, which for rows full of moments is half of its work.

The format is of the manual's page on COPY, "Binary Format": big-endian, a count of fields a row, a length before each field.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from enum import Enum

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from backend.store.pool import Connection

_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TAIL = b"\xff\xff"
_EPOCH = 946_684_800_000_000
"""Microseconds from 1970 to 2000, where PostgreSQL begins to count."""

_AT_ONCE = 50_000
"""Rows made in one piece: a few megabytes, so that memory does not grow with the rows, and the next is made while one is sent."""

PATIENCE = 1800.0
"""Seconds that a statement about everybody may take: the sessions' own limit is meant for questions of pages."""

Block = list[tuple[str, str, npt.NDArray[np.generic] | int]]
"""Fields of equal width in every row: name, numpy's type, values."""


class Kind(Enum):
    """A column's type, as it is sent: numpy's type, and the bytes before the text of one that is as long as it is; of a list its elements'."""

    SMALLINT = ">i2"
    INTEGER = ">i4"
    BIGINT = ">i8"
    BOOLEAN = "u1"
    MOMENT = ">M8"
    TEXT = ""
    JSONB = "\x01"
    INTEGERS = ">i4[]"
    BOOLEANS = "u1[]"


_ELEMENTS = {Kind.INTEGERS: (">i4", 23), Kind.BOOLEANS: ("u1", 16)}
"""Of a list's elements numpy's type, and the number that PostgreSQL has for its own."""


async def copy_rows(connection: Connection, table: str, rows: pl.DataFrame, *, kinds: Mapping[str, Kind]) -> None:
    """Write rows; only texts may be null.

    Args:
        connection: in a transaction, or not.
        table: that has the columns.
        rows: numbers, truth values, moments (``Datetime("us")``), texts, and lists of numbers or truth values; JSON as a text.
        kinds: of every column.

    Raises:
        ValueError: something else is null; before anything was sent.
    """
    chosen = {name: kinds[name] for name in rows.columns}
    for name, kind in chosen.items():
        values = rows[name].explode(empty_as_null=False) if kind in _ELEMENTS else rows[name]
        if kind is not Kind.TEXT and values.null_count():
            raise ValueError(f"Column {name} must not be null.")
    await connection.copy_to_table(
        table, source=_stream(rows, chosen), columns=rows.columns, format="binary", timeout=PATIENCE
    )


async def _stream(rows: pl.DataFrame, kinds: Mapping[str, Kind]) -> AsyncIterator[bytes]:
    yield _HEAD
    coming: asyncio.Task[bytes] | None = None
    for piece in rows.iter_slices(_AT_ONCE):
        made, coming = coming, asyncio.create_task(asyncio.to_thread(encoded, piece, kinds))
        if made is not None:
            yield await made
    if coming is not None:
        yield await coming
    yield _TAIL


def encoded(rows: pl.DataFrame, kinds: Mapping[str, Kind]) -> bytes:
    """The rows without what comes before and after all of them."""
    parts: list[pa.Array] = []
    block: Block = [("fields", ">i2", len(kinds))]
    for name, kind in kinds.items():
        if kind in (Kind.TEXT, Kind.JSONB):
            parts += [_packed(block + _length(rows[name], kind), rows.height), _texts(rows[name])]
            block = []
        elif kind in _ELEMENTS:
            parts += [_packed([*block, *_list_head(rows[name], kind)], rows.height), _elements(rows[name], kind)]
            block = []
        else:
            block = [*block, *_field(rows[name], kind)]
    parts.append(_packed(block, rows.height))
    return _data(pc.binary_join_element_wise(*parts, _NOTHING))


def _field(column: pl.Series, kind: Kind) -> Block:
    if kind is Kind.MOMENT:
        values = column.cast(pl.Datetime("us", "UTC")).to_physical().to_numpy() - _EPOCH
        return _sized(column.name, ">i8", values)
    return _sized(column.name, kind.value, column.to_numpy())


def _sized(name: str, kind: str, values: npt.NDArray[np.generic]) -> Block:
    return [(f"{name} length", ">i4", np.dtype(kind).itemsize), (name, kind, values)]


def _length(column: pl.Series, kind: Kind) -> Block:
    """What comes before a text: its length, -1 where there is none; before JSON also the format's number."""
    lengths = column.cast(pl.String).str.len_bytes().cast(pl.Int64) + len(kind.value)
    before: Block = [(f"{column.name} length", ">i4", lengths.fill_null(-1).to_numpy())]
    if kind is Kind.JSONB:
        before.append((f"{column.name} version", "u1", 1))
    return before


def _texts(column: pl.Series) -> pa.Array:
    filled = column.cast(pl.String).fill_null("")
    return filled.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(pa.large_binary())


def _list_head(column: pl.Series, kind: Kind) -> Block:
    """What comes before a list's elements: bytes, one dimension without nulls, the elements' type, how many, from 1 on."""
    name, (dtype, number), lengths = column.name, _ELEMENTS[kind], column.list.len().cast(pl.Int64).to_numpy()
    head: dict[str, npt.NDArray[np.generic] | int] = {
        "dimensions": 1,
        "nulls": 0,
        "type": number,
        "count": lengths,
        "from": 1,
    }
    size = 4 * len(head) + lengths * (4 + np.dtype(dtype).itemsize)
    return [(f"{name} {field}", ">i4", value) for field, value in {"length": size, **head}.items()]


def _elements(column: pl.Series, kind: Kind) -> pa.Array:
    """A list's elements, each behind its length, as one value of bytes."""
    values = column.explode(empty_as_null=False).to_numpy()
    dtype = np.dtype([("length", ">i4"), ("value", _ELEMENTS[kind][0])])
    rows = np.empty(len(values), dtype)
    rows["length"], rows["value"] = dtype["value"].itemsize, values
    ends = np.cumsum(column.list.len().cast(pl.Int64).to_numpy())
    return _bytes_of(rows, np.concatenate([np.zeros(1, np.int64), ends]) * dtype.itemsize)


def _packed(block: Block, height: int) -> pa.Array:
    """Fields side by side, a row after the other, as values of bytes."""
    rows = np.empty(height, dtype=[(name, kind) for name, kind, _ in block])
    for name, _, values in block:
        rows[name] = values
    return _bytes_of(rows, np.arange(height + 1, dtype=np.int64) * rows.dtype.itemsize)


def _bytes_of(rows: npt.NDArray[np.void], offsets: npt.NDArray[np.int64]) -> pa.Array:
    """Values of bytes: those of the rows between one offset and the next."""
    return pa.LargeBinaryArray.from_buffers(
        pa.large_binary(), len(offsets) - 1, [None, pa.py_buffer(offsets), pa.py_buffer(rows.view(np.uint8))]
    )


_NOTHING = _bytes_of(np.zeros(0, np.void), np.zeros(2, np.int64))[0]
"""Between the parts of a row. Made this way since ``pyarrow.scalar`` loads pandas, a second of the first round of a process."""


def _data(values: pa.Array) -> bytes:
    """The bytes of all values, one after the other."""
    _, offsets, data = values.buffers()
    ends = np.frombuffer(offsets, dtype=np.int64)[values.offset : values.offset + len(values) + 1]
    return data.to_pybytes()[ends[0] : ends[-1]] if len(values) else b""
