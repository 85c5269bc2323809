"""What is asked of an import, and what is told of one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

Progress: TypeAlias = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and of how much. May be called from another thread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """How a file is to be read; what is left open is found out.

    Attributes:
        mapping: pairs of column and field (`segments.import_fields`); an empty field leaves the column out.
        guess: whether columns that no pair names may be recognised by their headers.
        encoding: of a CSV file; likewise ``delimiter``.
        sheet: of a workbook; its first one otherwise.
        currency: ISO 4217 code of all amounts; the shop's where it is not named.
        zone: of times that name none; the shop's where it is not named.
    """

    mapping: tuple[tuple[str, str], ...] = ()
    guess: bool = True
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    currency: str | None = None
    zone: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What became of a file.

    Attributes:
        kind: orders, customers, events, products or stores.
        read: rows of the file.
        events: what was made of them; one order is one event, a customer's row one to three.
        stored: new ones, by this run or by an earlier one that stopped; `repeated` said nothing new.
        rejected: rows that do not fit, by reason; `rejects_file` holds them.
        again: the file had been imported completely before.
        currency: of the amounts of an order file; `shop_currency` is the shop's.
        mapping: field → column, as the file was read.
    """

    kind: str
    file: str
    read: int
    events: int
    stored: int
    repeated: int
    rejected: dict[str, int]
    rejects_file: str | None
    again: bool = False
    currency: str | None = None
    shop_currency: str | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLook:
    """What a file holds, before anybody says what it means.

    Attributes:
        samples: the first values of each column.
        guessed: field → column, by the headers.
        by_line: each line is a whole event: there is nothing to map.
        encoding, delimiter, sheet, sheets: how it is read.
    """

    columns: tuple[str, ...]
    samples: Mapping[str, tuple[str, ...]]
    guessed: Mapping[str, str]
    by_line: bool
    encoding: str | None
    delimiter: str | None
    sheet: str | None
    sheets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PreviewRow:
    """One row as it will be read: a cell for each field; ``problem`` says why it will be rejected."""

    number: int
    cells: tuple[str, ...]
    problem: str | None = None
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What an import of a file would do, before it does anything.

    Attributes:
        columns: of the file.
        mapping: field → column.
        fields: what the cells of ``rows`` are.
        looked_at: rows that were checked, from the beginning; ``whole``: all of them.
        fits: how many of those fit; ``rejected``: the others, by reason.
        total: rows of the file, where that is known.
        encoding, delimiter, sheet, sheets: how it is read.
        currency, zone: of amounts and times that name none.
    """

    kind: str
    columns: tuple[str, ...]
    mapping: Mapping[str, str]
    fields: tuple[str, ...]
    rows: tuple[PreviewRow, ...]
    looked_at: int
    fits: int
    rejected: Mapping[str, int]
    whole: bool
    total: int | None
    encoding: str | None
    delimiter: str | None
    sheet: str | None
    sheets: tuple[str, ...]
    currency: str
    zone: str
