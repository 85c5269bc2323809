"""Reads memberships: who is in a segment and since when, who entered and left, how its size moved."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

import asyncpg
import numpy as np

from backend.clock import Clock
from backend.errors import BadInput, NotFound
from backend.store import erasures, segments, shop
from backend.store import memberships as store
from backend.store.pool import Connection, snapshot
from backend.store.rules import resolve_rule
from segments import bits
from segments.bits import Numbers
from segments.ledger import Change, DaySize, History, Member, MembershipState, carried
from segments.raw_members import known_since
from segments.rules.parse import parse

MOST = 1_000
"""Members or changes in one answer."""

_NEVER = 2**63 - 1


class MembershipLedger:
    """What is kept of memberships; see `Memberships` for how it comes about.

    Args:
        pool: of the database.
        clock: tells now.
        raw_since: the first business day of which raw history is all there; None where it is. May block.
    """

    def __init__(self, pool: asyncpg.Pool, clock: Clock, *, raw_since: Callable[[], date | None]) -> None:
        self._pool = pool
        self._clock = clock
        self._raw_since = raw_since

    async def state(self, segment_id: int) -> MembershipState:
        """How many are in a segment, and up to when that is true.

        Raises:
            NotFound: no such segment.
        """
        async with self._pool.acquire() as connection:
            return await self._told(connection, await _state(connection, segment_id))

    async def _told(self, connection: Connection, state: MembershipState) -> MembershipState:
        """With the word that history was dropped that decides who is in it."""
        since = await asyncio.to_thread(self._raw_since)
        row = (
            None if since is None else await segments.get_segment(connection, segment_id=state.segment_id, version=None)
        )
        if row is None:
            return state
        rule = await resolve_rule(connection, parse(row["rule"]), segment_id=state.segment_id)
        today = (await shop.read_settings(connection)).calendar.business_day(self._clock.now())
        return replace(state, known_since=known_since(rule, since, day=today))

    async def known_since(self, segment_ids: Iterable[int]) -> date | None:
        """See `segments.raw_members`: whether who is in any of these segments hangs on history that was dropped."""
        if await asyncio.to_thread(self._raw_since) is None:
            return None
        for segment_id in segment_ids:
            if (since := (await self.state(segment_id)).known_since) is not None:
                return since
        return None

    async def members(self, segment_id: int, *, after: int = 0, limit: int = MOST) -> list[Member]:
        """Members by their number, those after ``after``, with the moment they entered.

        Raises:
            NotFound: no such segment.
        """
        async with self._pool.acquire() as connection:
            await _state(connection, segment_id)
            customers = await _customers(connection, segment_id)
            going = await erasures.list_going(connection, since=self._clock.now())
            page = np.setdiff1d(customers[customers > after], going)[:limit].tolist()
            entries = await store.list_entries(connection, segment_id=segment_id, customer_ids=page)
            names = await store.name_customers(connection, customer_ids=page)
        return [
            Member(customer_id=one, user_id=names.get(one), entered_at=entries[one]["at"] if one in entries else None)
            for one in page
        ]

    async def members_at(self, segment_id: int, at: datetime | None = None) -> Numbers:
        """The numbers of those who were in a segment at a moment, now by default, ascending.

        Raises:
            NotFound: no such segment.
            BadInput: its members of then are not known.
        """
        async with self._pool.acquire() as connection, snapshot(connection):
            state = await _state(connection, segment_id)
            if state.since is None:
                raise BadInput(
                    "The members of this segment were not counted yet; try again in a minute.", code="not_counted"
                )
            customers = await _customers(connection, segment_id)
            if at is None:
                return customers
            known = max(state.since, await store.changes_since(connection) or state.since)
            if at < known:
                raise BadInput(
                    f"Who was in this segment is known since {known:%Y-%m-%d %H:%M} UTC only.",
                    code="not_known_then",
                    field="at",
                )
            turns = await store.first_turns(connection, segment_id=segment_id, after=at)
        not_yet = bits.numbers(one for one, entered in turns.items() if entered)
        still = bits.numbers(one for one, entered in turns.items() if not entered)
        return np.union1d(np.setdiff1d(customers, not_yet), still)

    async def changes(self, segment_id: int, *, before: int | None = None, limit: int = 100) -> list[Change]:
        """Who entered and left a segment, newest first, those before a number.

        Raises:
            NotFound: no such segment.
        """
        async with self._pool.acquire() as connection:
            await _state(connection, segment_id)
            rows = await store.list_latest_changes(
                connection, segment_id=segment_id, before=_NEVER if before is None else before, limit=limit
            )
        return _changes(rows)

    async def feed(self, *, after: int, segment_id: int | None = None, limit: int = MOST) -> list[Change]:
        """Changes of all segments, or of one, after a number, in their order.

        Numbers rise with commits: whoever asks on from the last number he got misses none and gets none twice.
        """
        async with self._pool.acquire() as connection:
            return _changes(await store.list_changes(connection, after=after, segment_id=segment_id, limit=limit))

    async def newest(self) -> int:
        """The number from which `feed` tells only what is to come."""
        async with self._pool.acquire() as connection:
            return await store.last_change(connection)

    async def sizes_yesterday(self) -> dict[int, int]:
        """Every segment's size at the end of the last business day, by its number; those that were counted by then."""
        async with self._pool.acquire() as connection:
            today = (await shop.read_settings(connection)).calendar.business_day(self._clock.now())
            return await store.list_sizes_before(connection, day=today)

    async def history(self, segment_id: int, *, days: int = 90) -> History:
        """A segment's size at the end of each of the last business days, now on this one, and how many entered and left.

        Days before it was first counted are left out.

        Raises:
            NotFound: no such segment.
        """
        async with self._pool.acquire() as connection:
            last = (await shop.read_settings(connection)).calendar.business_day(self._clock.now())
            first = last - timedelta(days=days - 1)
            state = await self._told(connection, await _state(connection, segment_id))
            rows = await store.list_days(connection, segment_id=segment_id, since=first)
        kept = [
            DaySize(
                day=row["business_day"],
                size=row["size"],
                reachable=row["reachable"],
                entered=row["entered"],
                left=row["departed"],
            )
            for row in rows
        ]
        return History(state=state, days=carried(kept, first=first, last=last))


async def _state(connection: Connection, segment_id: int) -> MembershipState:
    row = await store.read_state(connection, segment_id=segment_id)
    if row is None:
        raise NotFound(f"There is no segment {segment_id}.", code="segment_not_found")
    return MembershipState(
        segment_id=segment_id,
        version=row["kept_version"],
        current=row["kept_version"] == row["version"],
        size=row["size"],
        reachable=row["reachable"],
        since=row["since"],
        changed_at=row["changed_at"],
        as_of=row["as_of"],
        seq=row["seq"],
    )


async def _customers(connection: Connection, segment_id: int) -> Numbers:
    rows = await store.read_blocks(connection, segment_ids=[segment_id])
    blocks = np.unique(bits.numbers(row[1] for row in rows))
    return bits.customers_in(bits.table([(0, row[1], row[2]) for row in rows], lists=1, blocks=blocks))


def _changes(rows: Sequence[asyncpg.Record]) -> list[Change]:
    return [
        Change(
            change_id=row["change_id"],
            segment_id=row["segment_id"],
            version=row["version"],
            customer_id=row["customer_id"],
            user_id=row["user_id"],
            at=row["at"],
            entered=row["entered"],
            cause=row["cause"],
        )
        for row in rows
    ]
