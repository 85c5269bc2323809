"""Writes the blocks that `backend.store.kept_standing` reads: new ones, and those of whom changed.

A round is one transaction that sees one state of the database and holds the blocks from its first statement on: what it takes from the
changes is in the state that it reads, what commits meanwhile stays in them. A round that dies has done nothing.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby, islice
from typing import Any

import asyncpg
import numpy as np
import numpy.typing as npt
import polars as pl
import structlog

from backend.store import queries, standing
from backend.store.binary_copy import PATIENCE
from backend.store.kept_standing import ANEW, BLOCK, KINDS, Kinds, Seconds, read_kinds
from backend.store.pool import Connection
from backend.store.standing import ID, WEEK, Asked, Reader
from campaigns.terms import SendingRules, Terms

_SQL = queries.load("kept_standing")

_ASKED = Asked(language=True, zone=True, family_name=True, given_name=True)
_UNCAPPED = SendingRules(cap_day=0, cap_week=0)
_WORDS = ID | {"purpose": pl.String(), "granted": pl.Int8()}
_PUSH = ["customer_id", "campaign_id", "occurrence", "step"]
_MOMENTS = ID | {
    "campaign_id": pl.Int32(), "occurrence": pl.Int64(), "step": pl.Int16(), "priority": pl.Int16(), "seconds": pl.Int64(),
}  # fmt: skip
_SLACK = timedelta(hours=1)
"""Who reads may have looked at the clock before, and have another one."""

_CLASSES = (1, 2)
_COLUMNS = tuple(f"{window}_{weight}" for weight in _CLASSES for window in ("day", "week"))
_WAYS = [name for name in KINDS if name != "kind"]

_NAMED = ID | {"kind": pl.UInt16()}

_AT_ONCE = 50_000
"""Of so many people what changed is read at once."""

MOST_KINDS = 65_535
LONGEST = 64
"""Whose language or zone is a longer text is read anew: it is nobody's, and need not be kept for everybody."""

log = structlog.get_logger(__name__)


async def hold(connection: Connection) -> bool:
    """Whether this transaction may write blocks until it ends; it is the first that a round asks."""
    try:
        async with connection.transaction():
            await connection.execute(_SQL["hold_blocks"])
    except asyncpg.LockNotAvailableError:
        return False
    return True


async def blocks_to_build(connection: Connection, rules: SendingRules) -> list[int]:
    """Blocks that are not there, or were written for other caps."""
    last = await standing.last_customer(connection)
    fitting = {row["block"] for row in await connection.fetch(_SQL["list_blocks"])
               if (row["cap_day"], row["cap_week"]) == (rules.cap_day, rules.cap_week)}  # fmt: skip
    return [block for block in range(last // BLOCK + 1) if block not in fitting]


async def count_changes(connection: Connection, *, most: int) -> int:
    """How many wait, counted up to ``most``."""
    return int(await connection.fetchval(_SQL["count_changes"], most))


async def take_changes(connection: Connection) -> dict[int, bool]:
    """Who changed, and whether by pushes alone; they wait no longer."""
    return {row["customer_id"]: row["pushes"] for row in await connection.fetch(_SQL["take_changes"])}


async def drop(connection: Connection) -> None:
    """Begin anew: nothing is kept of anybody, and no change waits."""
    await connection.execute(_SQL["drop_changes"], timeout=PATIENCE)
    await connection.execute(_SQL["drop_blocks"])


@dataclass(frozen=True, slots=True)
class Round:
    """What one round does.

    Attributes:
        rules: the shop's, of which the caps are kept.
        now: the end of the week whose pushes are looked at.
    """

    connection: Connection
    rules: SendingRules
    now: datetime

    @property
    def since(self) -> datetime:
        """Older pushes are nobody's any more."""
        return self.now - WEEK - _SLACK

    async def build(self, blocks: Iterable[int]) -> None:
        """Write whole blocks."""
        for block in blocks:
            here = list(range(block * BLOCK, (block + 1) * BLOCK))
            written = _Block(block, self.rules, self.since)
            await self._write(written, here, await self._facts(here, here))

    async def apply(self, changes: Mapping[int, bool]) -> None:
        """Write the blocks of whom changed: customers, and whether it was by a push alone."""
        for some in _batched(sorted(changes)):
            facts = await self._facts([who for who in some if not changes[who]], list(some))
            for block, people in groupby(some, key=lambda who: who // BLOCK):
                row = await self.connection.fetchrow(_SQL["read_block"], block)
                if row is not None:  # else nobody of it is kept
                    await self._write(_Block.of(block, row, self.rules, self.since), list(people), facts)

    async def _write(self, block: "_Block", people: list[int], facts: "_Facts") -> None:
        await asyncio.to_thread(block.put, np.array(people), facts)
        await self.connection.execute(_SQL["write_block"], block.number, *block.values(), timeout=PATIENCE)

    async def _facts(self, people: list[int], pushed: list[int]) -> "_Facts":
        """What is written of these people, and of those who were sent something."""
        named = await self._named(await self._ways(people)) if people else pl.DataFrame(schema=_NAMED)
        rows = await Reader(self.connection, pushed, pushed[-1]).rows(
            "read_moments", self.since, schema=_MOMENTS, sql=_SQL
        )
        return await asyncio.to_thread(_Facts.of, named, rows, self.rules)

    async def _ways(self, people: list[int]) -> pl.DataFrame:
        """``customer_id`` and how each stands, in the columns of `KINDS`."""
        numbers = pl.Series("customer_id", people)
        found = await standing.read(
            self.connection, numbers, asked=_ASKED, rules=_UNCAPPED, terms=Terms(), now=self.now, excluding=False
        )
        words = await Reader(self.connection, people, max(people)).rows("read_every_word", schema=_WORDS, sql=_SQL)
        for purpose in ("marketing", "service"):
            said = words.filter(pl.col("purpose") == purpose).select("customer_id", pl.col("granted").alias(purpose))
            found = found.join(said, on="customer_id", how="left", maintain_order="left")
        return found.select("customer_id", *(pl.col(name).cast(KINDS[name]) for name in _WAYS))

    async def _named(self, found: pl.DataFrame) -> pl.DataFrame:
        """Give each the number of the way in which she stands; a way that nobody stood in before gets a new one."""
        kinds = await read_kinds(self.connection)
        named = await asyncio.to_thread(_with_kinds, found, kinds)
        new = named.filter(pl.col("kind").is_null() & _is_short()).select(_WAYS).unique(maintain_order=True)
        room = MOST_KINDS - int(kinds["kind"].max() or 0)  # type: ignore[arg-type]  # numbers
        if new.height > room:
            log.warning("standing_kinds_full", more=new.height - room)
            new = new.head(room)
        if new.height:
            first = MOST_KINDS - room + 1
            new = new.select(pl.int_range(first, first + pl.len(), dtype=pl.UInt16()).alias("kind"), *_WAYS)
            await self._add(new)
            named = await asyncio.to_thread(_with_kinds, found, pl.concat([kinds, new]))
        return named.select("customer_id", pl.col("kind").fill_null(ANEW))

    async def _add(self, new: pl.DataFrame) -> None:
        truths = {name for name, kind in KINDS.items() if kind == pl.Int8()}
        columns = [new[name].cast(pl.Boolean) if name in truths else new[name] for name in KINDS]
        await self.connection.execute(_SQL["add_kinds"], *(column.to_list() for column in columns))


def _batched(people: Iterable[int]) -> Iterator[tuple[int, ...]]:
    rest = iter(people)
    while some := tuple(islice(rest, _AT_ONCE)):
        yield some


def _with_kinds(found: pl.DataFrame, kinds: pl.DataFrame) -> pl.DataFrame:
    return found.join(kinds, on=_WAYS, how="left", nulls_equal=True, maintain_order="left")


def _is_short() -> pl.Expr:
    return pl.all_horizontal(pl.col(name).str.len_chars().fill_null(0) <= LONGEST for name in ("language", "zone"))


@dataclass(frozen=True, slots=True)
class _Facts:
    """What is written of people.

    Attributes:
        named: of those who may stand otherwise the kind; `ANEW` of who is read anew.
        moments: by column the push that fills the cap, of those who have it.
    """

    named: pl.DataFrame
    moments: dict[str, pl.DataFrame]

    @classmethod
    def of(cls, named: pl.DataFrame, rows: pl.DataFrame, rules: SendingRules) -> "_Facts":
        """Out of rows of `_MOMENTS`."""
        moments = {}
        for weight in _CLASSES:
            pushes = rows.filter(pl.col("priority") >= weight).group_by(_PUSH).agg(pl.col("seconds").max())
            for window, cap in (("day", rules.cap_day), ("week", rules.cap_week)):
                moments[f"{window}_{weight}"] = _filling(pushes, cap)
        return cls(named, moments)


@dataclass(slots=True)
class _Block:
    """One block while it is written.

    Attributes:
        moments: by column; none where there is no such moment.
    """

    number: int
    rules: SendingRules
    since: datetime
    kinds: Kinds = field(default_factory=lambda: np.zeros(BLOCK, dtype="<u2"))
    moments: dict[str, Seconds] = field(default_factory=dict)

    @classmethod
    def of(cls, number: int, row: asyncpg.Record, rules: SendingRules, since: datetime) -> "_Block":
        """As it stands."""
        if (row["cap_day"], row["cap_week"]) != (rules.cap_day, rules.cap_week):
            message = f"Block {number} was written for other caps: it is built, and not changed."
            raise ValueError(message)
        found = cls(number, rules, max(since, row["pushes_since"]), np.frombuffer(row["kinds"], dtype="<u2").copy())
        found.moments = {name: np.frombuffer(row[name], dtype="<u4").copy() for name in _COLUMNS if row[name] is not None}  # fmt: skip
        return found

    def put(self, people: npt.NDArray[np.int64], facts: _Facts) -> None:
        """What is to be said of these people, who are of this block; of the others it stays."""
        mine = self._mine(facts.named)
        self.kinds[mine["customer_id"].to_numpy() % BLOCK] = mine["kind"].to_numpy()
        for name, filling in facts.moments.items():
            held, theirs = self.moments.get(name, np.zeros(BLOCK, dtype="<u4")), self._mine(filling)
            held[people % BLOCK] = 0
            held[theirs["customer_id"].to_numpy() % BLOCK] = theirs["seconds"].to_numpy()
            self.moments[name] = held

    def _mine(self, rows: pl.DataFrame) -> pl.DataFrame:
        return rows.filter(pl.col("customer_id") // BLOCK == self.number)

    def values(self) -> Iterator[Any]:
        """What `write_block` writes."""
        yield self.kinds.tobytes()
        yield from (self.rules.cap_day, self.rules.cap_week, self.since)
        yield from (self.moments[name].tobytes() if self.moments[name].any() else None for name in _COLUMNS)


def _filling(pushes: pl.DataFrame, cap: int) -> pl.DataFrame:
    """Of everyone who has as many pushes as a cap allows the moment of that which fills it."""
    if not cap:
        return pushes.clear().select("customer_id", "seconds")
    newest = pl.col("seconds").top_k(cap)
    enough = pushes.group_by("customer_id").agg(newest.min(), pl.len().alias("pushes"))
    return enough.filter(pl.col("pushes") >= cap).select("customer_id", "seconds")
