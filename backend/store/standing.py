"""What the gates need of a segment's members, read from PostgreSQL as a few narrow sets and put side by side here.

Customers are numbered one after the other, so a set is an array with a place for each number: putting together what four tables say of a million
people takes no join, and a few bytes a person. Only what differs from the usual is read.
"""

import asyncio
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from backend.store import queries
from backend.store.binary_copy import PATIENCE
from backend.store.deliveries import consent_without_word, purpose
from backend.store.pool import Connection, snapshot
from campaigns.terms import SendingRules, Terms

_SQL = queries.load("standing")

FEW = 8
"""Of less than every eighth customer only the own rows are looked up; of more, whole tables are read at once."""

DAY, WEEK = timedelta(hours=24), timedelta(days=7)
"""The windows of the frequency cap."""

ID, _LABELS = {"customer_id": pl.Int64()}, {"language": pl.String(), "zone": pl.String()}
_PEOPLE = ID | {"gone": pl.Int8()} | _LABELS | {"no_family_name": pl.Int8(), "no_given_name": pl.Int8()}
_SENT = ID | {"campaign_id": pl.Int32(), "occurrence": pl.Int64(), "step": pl.Int16(), "today": pl.Int8()}

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What of a person the texts and the moment ask for, beside what every gate needs."""

    language: bool
    zone: bool
    family_name: bool
    given_name: bool


async def read(
    connection: Connection,
    customer_ids: pl.Series,
    *,
    asked: Asked,
    rules: SendingRules,
    terms: Terms,
    now: datetime,
    excluding: bool = True,
) -> pl.DataFrame:
    """The standing of each, in the order given: the gates' inputs but ``missing_field``, ``language``, ``has_family_name``, ``has_given_name``.

    Args:
        connection: any; nothing is written. All sets are of one moment, unless it is in a transaction that is not.
        customer_ids: numbers of customers; of one that nobody has there is no row.
        asked: what else is wanted; the rest is null, and names are not there.
        rules: say what counts as consent.
        terms: say to what, and which pushes count for the cap.
        now: the end of the windows of the cap.
        excluding: whether exclusion lists are asked; without, nobody is on one.
    """
    async with snapshot(connection):
        await connection.execute(_SQL["settle_in"])
        last = await last_customer(connection)
        numbers = customer_ids.filter(customer_ids <= last)
        among = numbers.to_list() if numbers.len() * FEW < last else None
        reader = Reader(connection, among, last)
        people = await reader.rows("read_people", asked.language, asked.zone, asked.family_name, asked.given_name, schema=_PEOPLE)  # fmt: skip
        words = await reader.rows(
            "read_words", purpose(terms), silence := consent_without_word(rules, terms), schema=ID
        )
        excluded = (
            await reader.rows("read_excluded", schema=ID, everybody=True) if excluding else pl.DataFrame(schema=ID)
        )
        devices = await reader.rows("read_devices", asked.language, asked.zone, schema=ID | _LABELS)
        told = await _newest(reader, devices, asked)
        sent = await _sent(reader, rules, terms, now)
    sets = _Sets(numbers, last, people=people, words=words, excluded=excluded, devices=devices, told=told, sent=sent)
    return await asyncio.to_thread(sets.together if among is None else sets.of_few, asked, silence=silence)


async def last_customer(connection: Connection) -> int:
    """The highest number that anybody has; 0 where there is nobody."""
    return int(await connection.fetchval(_SQL["last_customer"]))


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads sets as text, which the server writes and Polars reads far faster than rows become objects.

    Attributes:
        among: whose rows; None for everybody's.
        last: the highest number that is of interest.
    """

    connection: Connection
    among: list[int] | None
    last: int

    async def rows(
        self,
        name: str,
        *given: Any,
        schema: dict[str, Any],
        among: Iterable[int] | None = None,
        everybody: bool = False,
        sql: Mapping[str, str] = _SQL,
    ) -> pl.DataFrame:
        """The rows of a statement of ``sql``; those of numbers that were given since are left out."""
        written = io.BytesIO()

        async def keep(data: bytes) -> None:
            written.write(data)

        people = [] if everybody else [self.among if among is None else list(among)]
        await self.connection.copy_from_query(sql[name], *people, *given, output=keep, format="csv", timeout=PATIENCE)
        if not written.tell():
            return pl.DataFrame(schema=schema)
        return await asyncio.to_thread(_parsed, written, schema, last=self.last)


def _parsed(written: io.BytesIO, schema: dict[str, Any], *, last: int) -> pl.DataFrame:
    written.seek(0)
    return pl.read_csv(written, has_header=False, schema=schema).filter(pl.col("customer_id") <= last)


async def _newest(reader: Reader, devices: pl.DataFrame, asked: Asked) -> pl.DataFrame:
    """What the newest device of each says: only whose devices differ are looked at closer."""
    differing = await asyncio.to_thread(_differing, devices)
    if differing.is_empty():
        return devices
    newest = await reader.rows("read_newest", asked.language, asked.zone, schema=ID | _LABELS, among=differing)
    return pl.concat([devices.filter(~pl.col("customer_id").is_in(differing.implode())), newest])


def _differing(devices: pl.DataFrame) -> pl.Series:
    several = devices.filter(pl.col("customer_id").is_duplicated())
    words = pl.struct("language", "zone").n_unique()
    return several.group_by("customer_id").agg(words.alias("words")).filter(pl.col("words") > 1)["customer_id"]


async def _sent(reader: Reader, rules: SendingRules, terms: Terms, now: datetime) -> pl.DataFrame:
    """A row a push to a person, where a cap holds; ``today``: in the last day."""
    if not (terms.capped and (rules.cap_day or rules.cap_week)):
        return pl.DataFrame(schema=_SENT)
    rows = await reader.rows("read_sent", now - WEEK, terms.counts_from, now - DAY, schema=_SENT)
    return await asyncio.to_thread(_pushes, rows)


def _pushes(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.group_by("customer_id", "campaign_id", "occurrence", "step").agg(pl.col("today").max())


def _having(rows: pl.DataFrame, flag: str) -> pl.DataFrame:
    return rows.filter(pl.col(flag) > 0)


@dataclass(frozen=True, slots=True)
class _Sets:
    """What was read, to be put side by side.

    Attributes:
        numbers: the wanted ones.
        last: the highest that anybody has.
        told: of devices what the newest of each person says.
    """

    numbers: pl.Series
    last: int
    people: pl.DataFrame
    words: pl.DataFrame
    excluded: pl.DataFrame
    devices: pl.DataFrame
    told: pl.DataFrame
    sent: pl.DataFrame

    def of_few(self, asked: Asked, *, silence: bool) -> pl.DataFrame:
        """The same, numbered among themselves: no array is as long as there are customers."""
        few = pl.DataFrame({"customer_id": self.numbers}).with_row_index("place")
        names = ("people", "words", "excluded", "devices", "told", "sent")
        sets = {name: _placed(getattr(self, name), few) for name in names}
        found = _Sets(few["place"].cast(pl.Int64), few.height - 1, **sets).together(asked, silence=silence)
        return found.with_columns(customer_id=self.numbers)

    def together(self, asked: Asked, *, silence: bool) -> pl.DataFrame:
        """See `read`."""
        at = _Places(self.numbers.to_numpy(), self.last)
        found: dict[str, Any] = {
            "customer_id": self.numbers,
            "gone": at.of(_having(self.people, "gone")),
            "consented": at.of(self.words) != silence,
            "excluded": at.of(self.excluded),
            "devices": at.counts(self.devices),
            "sent_day": at.counts(_having(self.sent, "today")),
            "sent_week": at.counts(self.sent),
            "language": at.labels("language", self.people, self.told),
            "has_family_name": ~at.of(_having(self.people, "no_family_name")) & asked.family_name,
            "has_given_name": ~at.of(_having(self.people, "no_given_name")) & asked.given_name,
            "zone": at.labels("zone", self.told, self.people),
        }
        return pl.DataFrame(found)


def _placed(rows: pl.DataFrame, few: pl.DataFrame) -> pl.DataFrame:
    """Rows of a few people by their places instead of their numbers; others' rows are left out."""
    placed = rows.join(few, on="customer_id")
    return placed.with_columns(pl.col("place").cast(pl.Int64).alias("customer_id")).drop("place")


@dataclass(frozen=True, slots=True)
class _Places:
    """Sets as arrays with a place for each number up to the last one, looked at where the wanted numbers are."""

    numbers: npt.NDArray[np.int64]
    last: int

    def of(self, rows: pl.DataFrame) -> Flags:
        """Whether each is among them."""
        there = np.zeros(self.last + 1, dtype=np.bool_)
        there[rows["customer_id"].to_numpy()] = True
        return there[self.numbers]

    def counts(self, rows: pl.DataFrame) -> npt.NDArray[np.int64]:
        """How many of them are each one's."""
        return np.bincount(rows["customer_id"].to_numpy(), minlength=self.last + 1)[self.numbers].astype(np.int64)

    def labels(self, column: str, *said: pl.DataFrame) -> pl.Series:
        """A text of each, from the first rows that have one."""
        known = [rows.select("customer_id", column).drop_nulls() for rows in said]
        words = pl.concat([rows[column] for rows in known]).unique()
        held = np.zeros(self.last + 1, dtype=np.uint32)
        for rows in reversed(known):
            held[rows["customer_id"].to_numpy()] = rows[column].cast(pl.Enum(words)).to_physical().to_numpy() + 1
        return pl.concat([pl.Series(column, [None], pl.String), words]).gather(held[self.numbers])
