"""Rows of an event file as events of the Segment protocol. Pure.

A field is one of the event (``type``, ``event``, ``userId``, ``timestamp``, …), or a path into it: ``properties.total``.
``properties``, ``traits`` and ``context`` may also hold a JSON object as text. Blank cells are absent.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import polars as pl

from segments.import_cells import Cells
from segments.import_checks import ROW, Checked, judge, time_checks
from segments.import_fields import OWN_COLUMNS

_OBJECTS = frozenset({"properties", "traits", "context", "integrations"})
_ALIASES = {
    "message_id": "messageId",
    "user_id": "userId",
    "anonymous_id": "anonymousId",
    "previous_id": "previousId",
    "sent_at": "sentAt",
    "original_timestamp": "originalTimestamp",
    "occurred_at": "timestamp",
    "name": "name",
}


class NotAnEvent(ValueError):
    """A row from which no event can be made: why, and the column at fault."""

    def __init__(self, reason: str, column: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.column = column


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFile:
    """How to read an event file.

    Attributes:
        columns: field or path → column of the file.
        zone: time zone of times that name none.
        now: no event is later than a day after.
        text: cells are text (CSV, Excel): numbers, true and false in paths are read as such.
    """

    columns: Mapping[str, str]
    zone: str
    now: datetime
    text: bool


def check_events(rows: pl.DataFrame, file: EventFile) -> Checked:
    """Rows as events: ``payload`` is the event's JSON text. What only intake can judge is not judged here.

    Args:
        rows: the file's columns and `ROW`.
        file: how to read them.
    """
    cells = Cells(rows, file.columns)
    paths = [path for path in file.columns if path != "timestamp"]
    typed = rows.select(
        pl.col(ROW).alias("row"),
        cells.given("timestamp").alias("timestamp given"),
        cells.moment("timestamp", file.zone).alias("timestamp"),
        *(_cell(cells, path).alias(f"cell {path}") for path in paths),
    )
    who = pl.lit("")
    timed = judge(typed, time_checks("timestamp", file.now, about=who, required=False))
    made = list(_made(timed.good.drop("timestamp given"), text=file.text))
    good = [(row, payload) for row, payload, error in made if error is None]
    bad = [(row, error.reason, error.column) for row, _, error in made if error is not None]
    return Checked(
        pl.DataFrame(good, {"row": pl.Int64, "payload": pl.String}, orient="row"),
        pl.concat([timed.rejected, pl.DataFrame(bad, dict(timed.rejected.schema), orient="row")]),
    )


def _cell(cells: Cells, path: str) -> pl.Expr:
    return cells.id(path) if path.lower().endswith("id") else cells.column(path)


def _made(rows: pl.DataFrame, *, text: bool) -> Iterator[tuple[int, str, NotAnEvent | None]]:
    names = [name.removeprefix("cell ") for name in rows.columns]
    for values in rows.iter_rows():
        row = dict(zip(names, values, strict=True))
        number = row.pop("row")
        try:
            yield number, event_of(row, text=text).decode(), None
        except NotAnEvent as error:
            yield number, "", error


def archived(line: bytes) -> bytes:
    """A line of an event archive as it is to be read: without our own words on why it was rejected before.

    An archive's ``timestamp`` is right already: ``sentAt`` and, beside it, ``originalTimestamp`` would correct it a second
    time, by all the time since.
    """
    if b'"sentAt"' not in line and b'"originalTimestamp"' not in line and OWN_COLUMNS.encode() not in line:
        return line
    try:
        event = msgspec.json.decode(line, type=dict[str, Any])
    except msgspec.MsgspecError:
        return line
    kept = {name: value for name, value in event.items() if name != "sentAt" and not name.startswith(OWN_COLUMNS)}
    if kept.get("timestamp"):
        kept.pop("originalTimestamp", None)
    return line if kept == event else msgspec.json.encode(kept)


def event_of(row: Mapping[str, Any], *, text: bool) -> bytes:
    """One event's JSON from the cells of a row.

    Args:
        row: column → cell.
        text: cells are text (CSV): numbers, true and false in paths are read as such; ids and times stay text.

    Raises:
        NotAnEvent: a JSON column that does not parse, or two columns that contradict each other.
    """
    event: dict[str, Any] = {}
    for column, cell in row.items():
        if cell is None or cell == "":
            continue
        path = column.split(".")
        path[0] = _ALIASES.get(path[0], path[0])
        _place(event, path, _value(path, cell, text=text), column)
    if "type" not in event and "event" in event:
        event["type"] = "track"
    return msgspec.json.encode(event)


def _value(path: list[str], cell: Any, *, text: bool) -> Any:
    if isinstance(cell, datetime):
        return (cell if cell.tzinfo else cell.replace(tzinfo=UTC)).isoformat()
    if isinstance(cell, date):
        return cell.isoformat()
    if not isinstance(cell, str):
        return _without_nulls(cell)
    if len(path) == 1 and path[0] in _OBJECTS:
        return _json_object(path[0], cell)
    if text and len(path) > 1 and not path[-1].endswith(("id", "Id")):
        return _scalar(cell)
    return cell


def _without_nulls(value: Any) -> Any:
    """Columns of structs hold a null for every key that a row does not have."""
    if isinstance(value, dict):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_without_nulls(inner) for inner in value]
    return _value([], value, text=False) if isinstance(value, date) else value


def _json_object(name: str, cell: str) -> Any:
    try:
        return msgspec.json.decode(cell, type=dict[str, Any])
    except msgspec.MsgspecError:
        raise NotAnEvent("a JSON column holds no JSON object", name) from None


def _scalar(cell: str) -> Any:
    """A cell as JSON where it is a number, true, false, an object or a list; else the text that it is."""
    try:
        return msgspec.json.decode(cell)
    except msgspec.MsgspecError:
        return cell


def _place(event: dict[str, Any], path: list[str], value: Any, column: str) -> None:
    inner = event
    for key in path[:-1]:
        inner = inner.setdefault(key, {})
        if not isinstance(inner, dict):
            raise NotAnEvent("a column contradicts another one", column)
    if path[-1] in inner and path[-1] in _OBJECTS and isinstance(inner[path[-1]], dict) and isinstance(value, dict):
        inner[path[-1]] = value | inner[path[-1]]
    else:
        inner[path[-1]] = value
