"""A shop whose customers are rows of a frame in memory, and the keeper of memberships over it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg
import numpy as np
import polars as pl

from backend.clock import FixedClock
from backend.services.memberships.keeping import Memberships
from backend.services.memberships.looking import MembershipLedger
from backend.store import memberships as store
from segments import bits
from segments.rules.masks import Masks
from segments.rules.parse import dump
from segments.rules.rule import Rule
from tests.segments.rules.people import TODAY, frame_of, person

NOW = datetime(2026, 6, 30, 3, tzinfo=UTC)
"""Noon of `TODAY` in Tokyo."""


@dataclass
class Seen:
    """One state of the frame."""

    frame: pl.LazyFrame
    as_of: datetime
    day: date
    seq: int
    customers: int
    figures: str = "whole"
    made_at: datetime = NOW
    weighty: frozenset[str] = frozenset()
    verified: frozenset[str] = frozenset()
    current: pl.Expr = field(default_factory=lambda: pl.lit(value=True))
    masks: Masks = field(default_factory=Masks)
    raw_since: date | None = None

    @property
    def rows(self) -> pl.LazyFrame:
        """Every row."""
        return self.frame


async def turned(
    pool: asyncpg.Pool, segment_id: int, who: int, *, at: datetime, entered: bool = True, cause: str = "facts"
) -> None:
    """Note that a customer entered or left a segment, as the keeper does."""
    run = store.Run(segment_id, 1, cause, np.array([who]), np.array([entered]))
    async with pool.acquire() as connection, connection.transaction():
        await store.add_changes(connection, runs=[run], at=at)


class Floor:
    """Customers who come, change and go, and who is told to look at them again."""

    def __init__(self, pool: asyncpg.Pool, **options: Any) -> None:
        self.pool = pool
        self.clock = FixedClock(NOW)
        self.rows: dict[int, dict[str, Any]] = {}
        self.day = TODAY
        self.seq = 1
        self.figures = "whole"
        self.raw_since: date | None = None
        self.asked: list[int] = []
        self.memberships = self.keeper(**options)
        self.ledger = MembershipLedger(pool, self.clock, raw_since=lambda: self.raw_since)

    def keeper(self, watch: Callable[[str], None] = lambda _: None, **options: Any) -> Memberships:
        """Another one beside the first."""
        return Memberships(self.pool, self.clock, self, watch=watch, **options)

    async def read_for(self, rules: Sequence[Rule]) -> Seen:
        """The frame for rules that need no more."""
        self.asked.append(len(rules))
        return self.read()

    def read(self) -> Seen:
        """The frame as it stands."""
        frame = frame_of(self.rows.values()).lazy().with_columns(pl.lit(self.day).alias("as_of"))
        return Seen(frame, self.clock.now(), self.day, self.seq, len(self.rows), self.figures)

    async def put(self, customer_id: int, did: Mapping[str, list[int]] | None = None, **known: Any) -> None:
        """Give a customer another row, as the refresh does."""
        self.rows[customer_id] = person(did, **known) | {"customer_id": customer_id}
        await self.touch([customer_id])

    async def remove(self, customer_id: int) -> None:
        """Take a customer's row away."""
        del self.rows[customer_id]
        await self.touch([customer_id])

    async def touch(self, customer_ids: Iterable[int]) -> None:
        """Have memberships looked at, as the refresh does when rows are in the frame."""
        self.seq += 1
        await self.pool.executemany(
            "INSERT INTO membership_queue VALUES ($1, clock_timestamp()) "
            "ON CONFLICT (customer_id) DO UPDATE SET queued_at = excluded.queued_at",
            [(one,) for one in customer_ids],
        )

    async def person(self, customer_id: int, user_id: str | None = None, *, into: int | None = None) -> None:
        """Know a customer in the database."""
        await self.pool.execute(
            "INSERT INTO customers (customer_id, user_id, created_at, born_source_id, merged_into) OVERRIDING SYSTEM VALUE "
            "VALUES ($1, $2, now(), 1, $3) ON CONFLICT (customer_id) DO UPDATE SET merged_into = $3",
            customer_id,
            user_id,
            into,
        )

    async def segment(self, name: str, rule: Rule) -> int:
        """Keep a segment."""
        number: int = await self.pool.fetchval(
            "INSERT INTO segments (name, created_at) VALUES ($1, $2) RETURNING segment_id", name, NOW
        )
        await self.version(number, 1, rule)
        return number

    async def version(self, segment_id: int, version: int, rule: Rule) -> None:
        """Give a segment another rule."""
        statement = "INSERT INTO segment_versions (segment_id, version, rule, created_at, created_by) VALUES ($1, $2, $3, $4, 't')"
        await self.pool.execute(statement, segment_id, version, dump(rule), NOW)
        await self.pool.execute("UPDATE segments SET version = $2 WHERE segment_id = $1", segment_id, version)

    async def keep(self) -> None:
        """Work until memberships are as true as the frame."""
        await self.memberships.work_until_current()

    async def members(self, segment_id: int) -> set[int]:
        """Whom the bits hold."""
        rows = await self.pool.fetch("SELECT block, bits FROM segment_members WHERE segment_id = $1", segment_id)
        found: set[int] = set()
        for row in rows:
            blocks = bits.numbers([row["block"]])
            found |= set(
                bits.customers_in(bits.table([(0, row["block"], row["bits"])], lists=1, blocks=blocks)).tolist()
            )
        return found

    async def changes(self, segment_id: int) -> list[tuple[int, str, str]]:
        """Customer, what he did, why; in order."""
        rows = await self.pool.fetch(
            "SELECT customer_id, entered, cause FROM segment_changes WHERE segment_id = $1 ORDER BY change_id",
            segment_id,
        )
        return [(row["customer_id"], "in" if row["entered"] else "out", row["cause"]) for row in rows]

    async def sizes(self, segment_id: int) -> tuple[int, int]:
        """Size and reach as the state has them."""
        row = await self.pool.fetchrow("SELECT size, reachable FROM segment_states WHERE segment_id = $1", segment_id)
        return row["size"], row["reachable"]

    def pass_days(self, days: int) -> None:
        """Another business day; the frame says so in every row."""
        self.clock.advance(timedelta(days=days))
        self.day += timedelta(days=days)
