"""Activity bitmaps of the customer frame: on which business days and in which weeks a customer did something, a bit each.

A bitmap is cut into words of `WORD` bits, a column each: bit ``n`` of word ``w`` stands for the day, or week, number
``w * WORD + n`` counted from 1970-01-01, or from the week that holds it. A word is a sum of distinct powers of two, so that an
engine without bitwise operations makes it too.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

import narwhals as nw
import numpy as np
import polars as pl

from segments.customers import ON_RECORD, ORDER_LISTS, bitmap_column
from segments.events import EventName
from segments.reduce.days import Frame
from segments.reduce.lists import occurrences
from segments.windows import Window

ACTIVITIES = (
    str(EventName.APPLICATION_OPENED),
    str(EventName.ORDER_COMPLETED),
    str(EventName.STORE_VISITED),
    str(EventName.COUPON_REDEEMED),
)
"""Events that have bitmaps: what shops ask retention of. An order is a counted one."""

WORD = 63
"""Bits of a word: as many as a whole number of 64 bits with a sign holds."""

UNITS = ("day", "week")
_WEEK = 7
_EPOCH = date(1970, 1, 1)


def week_offset(week_starts: int) -> int:
    """Days from the start of the week that holds 1970-01-01 to that day; ``week_starts`` is an ISO weekday."""
    return (_EPOCH.isoweekday() - week_starts) % _WEEK


def numbered_days(first: date | None, last: date, *, week_starts: int) -> pl.DataFrame:
    """For each business day and unit which bit it is: ``business_day``, ``slot`` (word and unit in one number), ``power``.

    No rows where nothing happened by the last day: ``first`` is None or after it.
    """
    days = pl.DataFrame({"business_day": pl.date_range(first or last + timedelta(days=1), last, eager=True)})
    ordinal = pl.col("business_day").to_physical().cast(pl.Int64)
    numbers = {"day": ordinal, "week": (ordinal + week_offset(week_starts)) // _WEEK}
    power = pl.Series("power", [2**bit for bit in range(WORD)], dtype=pl.Int64)
    return pl.concat(
        days.select(
            "business_day",
            slot=number // WORD * len(UNITS) + UNITS.index(unit),
            power=pl.lit(power).gather(number % WORD),
        )
        for unit, number in numbers.items()
    )


def activity_words(facts: Frame, numbered: Frame, *, who: Sequence[str]) -> Frame:
    """Per person, event of `ACTIVITIES` and ``slot`` the ``bits`` of one word; rows without a bit are left out.

    Args:
        facts: customer_days, aggregated or not, the unverified ones left out.
        numbered: `numbered_days` of at least the days that occur.
        who: columns that name the person.
    """
    happened = occurrences(facts, ACTIVITIES, who=who).filter(nw.col("times") > 0)
    active = happened.select(*who, "event", "business_day").unique().join(numbered, on="business_day", how="inner")
    # Two days of a week are one bit of it.
    bits = active.select(*who, "event", "slot", "power").unique()
    return bits.group_by(*who, "event", "slot").agg(nw.col("power").sum().alias("bits"))


def bits_of(happened: pl.DataFrame, numbered: pl.DataFrame) -> pl.DataFrame:
    """What `activity_words` answers, from `segments.reduce.lists.occurrences` that are here: a row a bit, not a row a word."""
    active = happened.filter(pl.col("event").is_in(list(ACTIVITIES)) & (pl.col("times") > 0))
    return active.join(numbered, on="business_day").rename({"power": "bits"})


def pack_words(words: pl.DataFrame, people: pl.DataFrame, slots: Sequence[int]) -> list[pl.Series]:
    """The bitmap columns of everyone in ``people``, 0 where no bit is set.

    Args:
        words: `activity_words` or `bits_of`; who is not in ``people`` is passed over.
        people: whom a row is about, in the order of the columns: columns that ``words`` has too, each row once.
        slots: every slot that ``words`` may have, in order.
    """
    if not slots:
        return []
    rows = words.join(people.with_row_index("_person"), on=people.columns)
    event = rows.get_column("event").cast(pl.Enum(ACTIVITIES)).to_physical().to_numpy().astype(np.int64)
    place = np.searchsorted(np.asarray(slots), rows.get_column("slot").to_numpy())
    packed = np.zeros((len(slots), len(ACTIVITIES), people.height), dtype=np.int64)
    cells = np.ravel_multi_index((place, event, rows.get_column("_person").to_numpy()), packed.shape)
    np.bitwise_or.at(packed.ravel(), cells, rows.get_column("bits").to_numpy())
    return [
        pl.Series(bitmap_column(name, UNITS[slot % len(UNITS)], slot // len(UNITS)), bits)
        for slot, events in zip(slots, packed, strict=True)
        for name, bits in zip(ACTIVITIES, events, strict=True)
    ]


def read_as(week_starts: int) -> str:
    """What figures rely on in a frame, in one text: which columns every row has, and how weeks are numbered."""
    return " ".join([*ON_RECORD, *ORDER_LISTS, *ACTIVITIES, f"weeks from {week_starts}"])


def slots_of(numbered: pl.DataFrame) -> list[int]:
    """Every slot that the days have, in order."""
    return numbered.get_column("slot").unique().sort().to_list()


def words_of(columns: Iterable[str], event: str, unit: str) -> dict[int, str]:
    """The words of an event's bitmap that a frame has: its column, by number."""
    start = bitmap_column(event, unit, 0).removesuffix("0")
    return {int(name.removeprefix(start)): name for name in columns if name.startswith(start)}


def days_within(columns: Iterable[str], event: str, window: Window) -> pl.Expr:
    """On how many business days of a window the event happened."""
    first, last = ((day - _EPOCH).days for day in (window.first, window.last))
    words = words_of(columns, event, "day")
    asked = [
        (pl.col(words[number]) & _mask(first - number * WORD, last - number * WORD)).bitwise_count_ones()
        for number in range(first // WORD, last // WORD + 1)
        if number in words
    ]
    return pl.sum_horizontal(*asked, pl.lit(0, pl.UInt32)).cast(pl.UInt32)


def _mask(first: int, last: int) -> int:
    """Bits of a word from one to another, both included and cut to the word."""
    return (1 << min(last, WORD - 1) + 1) - (1 << max(first, 0))
