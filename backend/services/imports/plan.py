"""How one file is read: its format, its columns' fields, the currency and zone of what names none."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from zoneinfo import available_timezones

import polars as pl

from backend.errors import BadInput
from backend.services.imports.values import Choices
from backend.store import import_files
from backend.store.import_tables import Look, Reading, Table
from campaigns.shop import ShopSettings
from segments.customer_rows import CustomerFile, check_customers
from segments.definition_rows import DefinitionFile, check_products, check_stores
from segments.event_rows import EventFile, check_events
from segments.import_checks import ROW, Checked
from segments.import_fields import Kind, read_mapping
from segments.imports import OrderFile, check_rows

_CURRENCY_LETTERS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How one file is read.

    Attributes:
        look: what the file is.
        columns: field → column.
        by_line: each line is a whole event, so there are no columns.
        named: whether the currency was named for this file.
        now: when the import began; ``today`` is the shop's day then.
    """

    kind: Kind
    path: Path
    look: Look
    columns: dict[str, str]
    by_line: bool
    currency: str
    shop_currency: str
    named: bool
    zone: str
    now: datetime
    today: date

    @property
    def signature(self) -> tuple[str, ...]:
        """Everything beside the content that decides what is read."""
        reading = self.look.reading
        how = (reading.encoding, reading.delimiter, reading.sheet, self.currency, self.zone)
        return (*(part or "" for part in how), *sorted(f"{field}={column}" for field, column in self.columns.items()))

    def tables(self, *, chunk: int) -> Iterator[Table]:
        """The file's rows."""
        return import_files.tables(self.path, self.look.reading, chunk=chunk)

    def frame(self, table: Table) -> pl.DataFrame:
        """A table's rows with every column that the plan names."""
        rows = table.frame(ROW)
        missing = [column for column in self.columns.values() if column not in rows.columns]
        return rows.with_columns(pl.lit(None, pl.String).alias(name) for name in missing)

    def check(self, rows: pl.DataFrame) -> Checked:
        """Rows told apart, the good ones typed.

        Raises:
            BadMapping: see `segments.imports.check_rows`.
        """
        match self.kind:
            case Kind.ORDERS:
                return check_rows(rows, OrderFile(columns=self.columns, currency=self.currency, named=self.named, zone=self.zone, now=self.now))  # fmt: skip
            case Kind.CUSTOMERS:
                return check_customers(rows, CustomerFile(columns=self.columns, zone=self.zone, today=self.today, now=self.now))  # fmt: skip
            case Kind.PRODUCTS:
                return check_products(rows, DefinitionFile(columns=self.columns, currency=self.currency))
            case Kind.STORES:
                return check_stores(rows, DefinitionFile(columns=self.columns, currency=self.currency))
            case Kind.EVENTS:
                text = self.look.reading.format in ("csv", "excel")
                return check_events(rows, EventFile(columns=self.columns, zone=self.zone, now=self.now, text=text))


def make_plan(kind: Kind, path: Path, choices: Choices, settings: ShopSettings, now: datetime) -> Plan:
    """Look at the file and settle what the choices leave open.

    Raises:
        BadInput: file, currency, zone, encoding or sheet cannot be used.
        BadMapping: the mapping cannot be used.
    """
    look = look_at(path, choices)
    by_line = kind is Kind.EVENTS and look.reading.format == "ndjson" and not choices.mapping
    return Plan(
        kind=kind,
        path=path,
        look=look,
        columns={} if by_line else read_mapping(kind, choices.mapping, look.columns, guess=choices.guess),
        by_line=by_line,
        currency=settings.currency if choices.currency is None else _checked_currency(choices.currency),
        shop_currency=settings.currency,
        named=choices.currency is not None,
        zone=settings.zone if choices.zone is None else _checked_zone(choices.zone),
        now=now,
        today=settings.calendar.business_day(now),
    )


def look_at(path: Path, choices: Choices) -> Look:
    """What the file holds.

    Raises:
        BadInput: it cannot be used.
    """
    wish = Reading(encoding=choices.encoding, delimiter=choices.delimiter, sheet=choices.sheet)
    return import_files.look(path, wish)


def _checked_currency(currency: str) -> str:
    code = currency.strip().upper()
    if len(code) != _CURRENCY_LETTERS or not code.isascii() or not code.isalpha():
        raise BadInput(
            f"{currency} is not a currency: use the three letters, such as JPY, GBP or USD.",
            code="no_currency",
            field="currency",
        )
    return code


def _checked_zone(zone: str) -> str:
    if zone not in available_timezones():
        raise BadInput(
            f"{zone} is not a time zone: use a name such as Asia/Tokyo or Europe/London.",
            code="no_zone",
            field="time-zone",
        )
    return zone
