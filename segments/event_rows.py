"""Rows of an event file as events of the Segment protocol. Pure.

A column is a field of the event (``type``, ``event``, ``userId``, ``timestamp``, …), or a path into it: ``properties.total``.
``properties``, ``traits`` and ``context`` may also hold a JSON object as text. Blank cells are absent.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import msgspec

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
    """A row from which no event can be made; the message says why."""


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
        raise NotAnEvent(f"the column {name} holds no JSON object") from None


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
            raise NotAnEvent(f"the column {column} contradicts another one")
    if path[-1] in inner and path[-1] in _OBJECTS and isinstance(inner[path[-1]], dict) and isinstance(value, dict):
        inner[path[-1]] = value | inner[path[-1]]
    else:
        inner[path[-1]] = value
