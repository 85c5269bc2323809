"""The first rows of a file as they would be read, and what is wrong with those that would not."""

from collections import Counter
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import polars as pl

from backend.services.imports.plan import Plan, look_at
from backend.services.imports.values import Choices, FileLook, Preview, PreviewRow
from backend.store import import_files, import_json
from backend.store.import_tables import Look
from segments.envelope import FailedEvent
from segments.event_rows import archived
from segments.import_checks import ROW
from segments.import_fields import Kind, guess_mapping
from segments.intake import Reception, read_event
from segments.money import decimals

LOOKED_AT = 20_000
"""Rows that a preview checks."""

SHOWN = 12
SHOWN_WRONG = 8
"""Rows that are shown: the first that fit, and the first that do not."""

_EVENT_FIELDS = ("type", "event", "userId", "timestamp", "properties")
_LONGEST_CELL = 120
_SAMPLED = 100
_SAMPLES = 2


def first_look(kind: Kind, path: Path, choices: Choices) -> FileLook:
    """What a file holds, before anybody says what it means.

    Raises:
        BadInput: it cannot be read so.
    """
    look = look_at(path, choices)
    reading = look.reading
    by_line = kind is Kind.EVENTS and reading.format == "ndjson"
    return FileLook(
        columns=look.columns,
        samples={} if by_line else _samples(path, look),
        guessed={} if by_line else guess_mapping(kind, look.columns),
        by_line=by_line,
        encoding=(reading.encoding or "").removesuffix("-sig") or None,
        delimiter=reading.delimiter,
        sheet=reading.sheet,
        sheets=look.sheets,
    )


def _samples(path: Path, look: Look) -> dict[str, tuple[str, ...]]:
    table = next(import_files.tables(path, look.reading, chunk=_SAMPLED), None)
    if table is None:
        return {}
    rows = table.frame(ROW)[:_SAMPLED]
    plain = [name for name in look.columns if name in rows.columns and not rows.schema[name].is_nested()]
    texts = rows.select(pl.col(plain).cast(pl.String, strict=False))
    found = {name: [value for value in texts[name].unique(maintain_order=True) if value] for name in plain}
    return {name: tuple(_short(value) for value in values[:_SAMPLES]) for name, values in found.items()}


def look_into(plan: Plan) -> Preview:
    """Check the beginning of the file.

    Raises:
        BadInput, BadMapping: the file as a whole cannot be taken.
    """
    seen = _seen_lines(plan) if plan.by_line else _seen_rows(plan)
    reading, looked_at = plan.look.reading, seen.fits + seen.rejected.total()
    return Preview(
        kind=plan.kind,
        columns=plan.look.columns,
        mapping=plan.columns,
        fields=seen.fields,
        rows=tuple(sorted([*seen.rows[:SHOWN], *seen.wrong[:SHOWN_WRONG]], key=lambda row: row.number)),
        looked_at=looked_at,
        fits=seen.fits,
        rejected=dict(seen.rejected.most_common()),
        whole=seen.whole,
        total=looked_at if seen.whole else plan.look.rows,
        encoding=(reading.encoding or "").removesuffix("-sig") or None,
        delimiter=reading.delimiter,
        sheet=reading.sheet,
        sheets=plan.look.sheets,
        currency=plan.currency,
        zone=plan.zone,
    )


class _Seen:
    """What was seen so far."""

    def __init__(self, fields: tuple[str, ...]) -> None:
        self.fields = fields
        self.rows: list[PreviewRow] = []
        self.wrong: list[PreviewRow] = []
        self.rejected: Counter[str] = Counter()
        self.fits = 0
        self.whole = True

    @property
    def enough(self) -> bool:
        return self.fits + self.rejected.total() >= LOOKED_AT


def _seen_rows(plan: Plan) -> _Seen:
    seen = _Seen(tuple(plan.columns))
    for table in plan.tables(chunk=LOOKED_AT):
        if seen.enough:
            seen.whole = False
            break
        rows = plan.frame(table)
        _see_table(plan, seen, rows)
        for reject in table.unread:
            seen.rejected[reject.reason] += 1
            found = dict(zip(plan.look.columns, reject.cells, strict=False))
            cells = tuple(_short(found.get(column, "")) for column in plan.columns.values())
            seen.wrong.append(PreviewRow(reject.row, cells, reject.reason, reject.value))
    return seen


def _see_table(plan: Plan, seen: _Seen, rows: pl.DataFrame) -> None:
    checked = plan.check(rows)
    bad = {row: (why, what) for row, why, what in checked.rejected.iter_rows()}
    if plan.kind is Kind.EVENTS:
        bad |= _refused(plan, checked.good)
    good = dict(_read_cells(plan, checked.good.filter(~pl.col("row").is_in(list(bad)))))
    seen.fits += len(good)
    seen.rejected.update(why for why, _ in bad.values())
    raw = rows.select(pl.col(ROW), *(pl.col(column).cast(pl.String, strict=False).alias(f"as {field}") for field, column in plan.columns.items() if not rows.schema[column].is_nested()))  # fmt: skip
    shown = sorted(bad)[:SHOWN_WRONG] if len(seen.wrong) < SHOWN_WRONG else []
    for row in raw.filter((pl.int_range(pl.len()) < SHOWN - len(seen.rows)) | pl.col(ROW).is_in(shown)).iter_rows(
        named=True
    ):
        number = row[ROW]
        if number in good:
            seen.rows.append(PreviewRow(number, good[number]))
        elif number in bad:
            cells = tuple(_short(row.get(f"as {field}") or "") for field in seen.fields)
            seen.wrong.append(PreviewRow(number, cells, *bad[number]))


def _refused(plan: Plan, good: pl.DataFrame) -> dict[int, tuple[str, str]]:
    """Events that intake would not take."""
    reception = Reception(source_id=0, trusted=True, received_at=plan.now)
    read = (
        (row, read_event(payload.encode(), reception)) for row, payload in good.select("row", "payload").iter_rows()
    )
    return {row: (event.code.replace("_", " "), event.reason) for row, event in read if isinstance(event, FailedEvent)}


def _read_cells(plan: Plan, good: pl.DataFrame) -> Any:
    """Number and cells of rows that fit: all numbers, cells of those that are shown."""
    for place, row in enumerate(good.iter_rows(named=True)):
        cells = tuple(_short(_cell(plan, field, row)) for field in plan.columns) if place < SHOWN else ()
        yield row["row"], cells


def _cell(plan: Plan, field: str, row: dict[str, Any]) -> str:
    if plan.kind is Kind.EVENTS:
        return _event_cell(row["payload"], field, plan.zone)
    if plan.kind in (Kind.ORDERS, Kind.PRODUCTS) and field in ("total", "price"):
        minor = row["amount" if field == "total" else "price"]
        return (
            ""
            if minor is None
            else f"{minor / 10 ** decimals(plan.currency):,.{decimals(plan.currency)}f} {plan.currency}"
        )
    return _written(row.get("price" if field == "unit_price" else field), plan.zone)


def _event_cell(payload: str, path: str, zone: str) -> str:
    value: Any = msgspec.json.decode(payload)
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    if path == "timestamp" and isinstance(value, str):
        return _written(datetime.fromisoformat(value), zone)
    return _written(value, zone)


def _written(value: Any, zone: str) -> str:  # noqa: PLR0911 - one line a type
    match value:
        case None:
            return ""
        case datetime():
            return value.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S")
        case date():
            return value.isoformat()
        case bool():
            return "✓" if value else "×"
        case float():
            return f"{value:g}" if abs(value) < 1e15 else str(value)  # noqa: PLR2004 - as many digits as a float has
        case dict() | list():
            return msgspec.json.encode(value).decode()
        case _:
            return str(value)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_CELL else f"{text[:_LONGEST_CELL]}…"


def _seen_lines(plan: Plan) -> _Seen:
    """Lines that are whole events."""
    seen = _Seen(_EVENT_FIELDS)
    reception = Reception(source_id=0, trusted=True, received_at=plan.now)
    for batch, _ in import_json.lines(plan.path, chunk=LOOKED_AT):
        if seen.enough:
            seen.whole = False
            break
        for number, line in batch:
            event = read_event(archived(line), reception)
            if isinstance(event, FailedEvent):
                reason = event.code.replace("_", " ")
                seen.rejected[reason] += 1
                seen.wrong.append(PreviewRow(number, (), reason, _short(event.reason)))
                continue
            seen.fits += 1
            if len(seen.rows) < SHOWN:
                payload = bytes(event.payload).decode()
                seen.rows.append(PreviewRow(number, tuple(_short(_event_cell(payload, path, plan.zone)) for path in _EVENT_FIELDS)))  # fmt: skip
    return seen
