"""What can be exported, and how a wish for an export is checked. Pure."""

from collections.abc import Callable
from datetime import date
from enum import StrEnum
from typing import Annotated, TypeAlias

import msgspec

from segments.breakdown import by_name
from segments.customers import SCHEMA
from segments.errors import FactsError
from segments.metrics.catalog import CATALOG
from segments.metrics.result import AsOfRule
from segments.periods import read_comparison
from segments.snapshots import read_choice

MOST_COLUMNS = 200
MOST_NAMES = 200
MOST_SEGMENTS = 20
FIRST_DAY, LAST_DAY = date(1990, 1, 1), date(2199, 12, 31)

Number: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]


class What(StrEnum):
    """Kinds of exports."""

    EVENTS = "events"
    """Events as they came, as far back as the intake log is kept; can be imported again as they are."""
    HISTORY = "history"
    """Facts of all events that the lake holds, by the customer's number: no names, no ids of other systems, no free text."""
    CUSTOMERS = "customers"
    """Customers, or the members of one segment: who they are (from PostgreSQL) and what is true of them (the frame)."""
    CAMPAIGN = "campaign"
    """One campaign's report as a table."""
    KPI = "kpi"
    """KPIs of the catalogue, for everyone and for segments."""


ABOUT_PERSONS = (What.EVENTS, What.HISTORY, What.CUSTOMERS)
"""Kinds whose rows are about one person, named or by number: erasure removes these files."""


class FileFormat(StrEnum):
    """Formats of the file."""

    CSV = "csv"
    XLSX = "xlsx"
    PARQUET = "parquet"


class Encoding(StrEnum):
    """Encodings of a CSV file."""

    UTF8 = "utf-8"
    UTF8_BOM = "utf-8-sig"
    """UTF-8 with the mark by which Excel knows it."""
    CP932 = "cp932"
    """What Japanese Excel took for granted; characters it lacks become 〓."""


class BadWish(FactsError):
    """A wish that cannot be fulfilled; ``field`` names what is wrong with it, ``code`` how."""

    def __init__(self, message: str, *, field: str, code: str) -> None:
        super().__init__(message)
        self.field = field
        self.code = code


class Wish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What somebody wants to have as a file.

    Attributes:
        first: first business day, included; of events, history and KPIs.
        last: last business day, included.
        names: only events of these names (calls that are no track calls go by their type).
        source: only events of this source, by its name.
        segment_id: only members of this segment.
        columns: columns of customers in this order; ``traits.KEY`` is one trait. Empty for all.
        personal: of customers, also names, mail addresses, member numbers and traits.
        campaign_id: whose report.
        kpis: names of the catalogue, with options as `segments.snapshots.read_choice` reads them
            (``repeat_purchase_rate?n=3``); empty for all.
        segment_ids: whose KPIs, beside everyone's.
        by: of KPIs: broken down by this attribute (`segments.breakdown.BREAKDOWNS`).
        compare: of KPIs: compared with a `segments.periods.Compare`, or ``segment:NAME`` (or its number).
        as_of: of KPIs: as the shop stood at the end of this business day.
        members: of KPIs: when membership, and an attribute's value, is looked at.
    """

    what: What
    format: FileFormat = FileFormat.CSV
    encoding: Encoding = Encoding.UTF8
    first: date | None = None
    last: date | None = None
    names: tuple[str, ...] = ()
    source: str | None = None
    segment_id: Number | None = None
    columns: tuple[str, ...] = ()
    personal: bool = True
    campaign_id: Number | None = None
    kpis: tuple[str, ...] = ()
    segment_ids: tuple[Number, ...] = ()
    by: str | None = None
    compare: str | None = None
    as_of: date | None = None
    members: AsOfRule = "cohort"

    @property
    def holds_people(self) -> bool:
        """Whether the file says who somebody is: such exports are for fewer eyes, and erasure removes them."""
        return self.what is What.EVENTS or (self.what is What.CUSTOMERS and self.personal)


IDENTITY_COLUMNS = ("user_id", "name", "email", "traits")
"""Columns of customers that say who somebody is."""

CUSTOMER_COLUMNS = ("customer_id", *IDENTITY_COLUMNS, "created_at", *(n for n in SCHEMA if n != "customer_id"))
"""All columns of customers in order."""

TRAIT = "traits."
"""Prefix of the column of one trait."""


def columns_of(wish: Wish) -> tuple[str, ...]:
    """The columns of an export of customers."""
    chosen = wish.columns or CUSTOMER_COLUMNS
    return tuple(name for name in chosen if wish.personal or not _personal(name))


def check(wish: Wish) -> Wish:
    """The wish itself, if it can be fulfilled.

    Raises:
        BadWish: a day without the other, a campaign that is not named, an unknown column or KPI, a question that figures
            cannot answer, too much at once.
    """
    if (wish.first is None) != (wish.last is None):
        field = "first" if wish.first is None else "last"
        raise BadWish("Give both days, or neither.", field=field, code="one_day")
    if wish.first is not None and wish.last is not None:
        _check_days(wish.first, wish.last)
    if wish.what is What.CAMPAIGN and wish.campaign_id is None:
        raise BadWish("Name the campaign.", field="campaign_id", code="no_campaign")
    _check_lists(wish)
    _check_question(wish)
    return wish


def _check_days(first: date, last: date) -> None:
    _check_day("first", first)
    _check_day("last", last)
    if last < first:
        raise BadWish("The last day lies before the first.", field="last", code="days_turned_round")


def _check_day(field: str, day: date) -> None:
    if not FIRST_DAY <= day <= LAST_DAY:
        raise BadWish(f"Days are from {FIRST_DAY} to {LAST_DAY}.", field=field, code="day_out_of_range")


def _check_question(wish: Wish) -> None:
    """What is asked of figures; segments are looked up when the file is written."""
    if wish.as_of is not None:
        _check_day("as_of", wish.as_of)
    readers: dict[str, Callable[[str], object]] = {"kpis": read_choice, "by": by_name, "compare": read_comparison}
    texts = [*(("kpis", text) for text in wish.kpis), ("by", wish.by), ("compare", wish.compare)]
    for field, text in texts:
        try:
            if text is not None:
                readers[field](text)
        except FactsError as error:
            raise BadWish(str(error), field=field, code="unknown") from error


def _check_lists(wish: Wish) -> None:
    for field, given, most in (
        ("columns", wish.columns, MOST_COLUMNS),
        ("names", wish.names, MOST_NAMES),
        ("kpis", wish.kpis, len(CATALOG)),
        ("segment_ids", wish.segment_ids, MOST_SEGMENTS),
    ):
        if len(given) > most or len(set(given)) < len(given):
            raise BadWish(f"At most {most} of them, and each once.", field=field, code="too_many")
    single = [("source", wish.source), ("compare", wish.compare)]
    for field, texts in (
        ("columns", wish.columns),
        ("names", wish.names),
        *((name, (text or "",)) for name, text in single),
    ):
        if any("\0" in text for text in texts):
            raise BadWish("A name holds no NUL character.", field=field, code="bad_name")
    for name in wish.columns:
        if name not in CUSTOMER_COLUMNS and not (name.startswith(TRAIT) and len(name) > len(TRAIT)):
            raise BadWish(f"Customers have no column {name}.", field="columns", code="unknown")


def _personal(name: str) -> bool:
    return name in IDENTITY_COLUMNS or name.startswith(TRAIT)
