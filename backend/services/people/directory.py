"""The list of members: searched, filtered, in pages for people and in slices for programs."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import asyncpg
import polars as pl

from backend.clock import Clock
from backend.errors import BadInput, NotFound
from backend.store import erasures, shop
from backend.store import people as store
from backend.store import segments as segment_store
from backend.store.rules import resolve_rule
from campaigns.person import PeoplePage, PeopleSlice, PersonLine
from segments.customers import View
from segments.frame import Frame
from segments.membership import members, population
from segments.raw_members import known_since
from segments.rules.parse import parse

MATCHES = 1000
"""How many people a search looks at; more than anyone leafs through."""
LARGEST_PAGE = 200

ORDERS = ("last_seen", "last_order", "orders", "spend", "rank")
"""Columns by which members can be ordered."""

_ERASED_LATELY = timedelta(hours=1)
"""Longer than any process reads a frame that was made before an erasure."""

_LISTED = ("customer_id", "rank", "orders", "spend", "last_order", "last_seen", "reachable", "test_account")


class Directory:
    """Who there is."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock, frame: Frame) -> None:
        self._pool = pool
        self._clock = clock
        self._frame = frame

    async def list(
        self,
        *,
        query: str = "",
        rank: str | None = None,
        segment_id: int | None = None,
        order: str = "last_seen",
        descending: bool = True,
        page: int = 1,
        size: int = 50,
    ) -> PeoplePage:
        """One page of the members who fit, the latest seen first unless another order is asked for.

        Args:
            query: beginning of a member number, a name or a mail address; empty for everyone.
            rank: only members of this rank.
            segment_id: only members of this segment.
            order: one of `ORDERS`; members without a value come last.
            descending: the largest or latest first.
            page: from 1.
            size: members on a page, at most `LARGEST_PAGE`.

        Raises:
            BadInput: a page or size that cannot be, or an order that does not exist.
            NotFound: no such segment.
        """
        if order not in ORDERS:
            raise BadInput(f"Members can be ordered by {', '.join(ORDERS)}.", code="bad_order", field="order")
        if page < 1 or not 1 <= size <= LARGEST_PAGE:
            raise BadInput(f"Pages begin at 1 and hold 1 to {LARGEST_PAGE} members.", code="bad_page", field="page")
        view, everyone, since = await self._of_segment(segment_id)
        frame, found = await self._chosen(everyone, query, rank)
        total, rows = await asyncio.to_thread(
            _page, frame, order=order, descending=descending, offset=(page - 1) * size, size=size
        )
        lines = await self._lines(rows, found or {})
        if found is not None and rank is None and segment_id is None:
            total, lines = await self._with_unseen(view.frame, found, total, lines, page=page, size=size)
        cut = found is not None and len(found) >= MATCHES
        return PeoplePage(
            people=tuple(lines), total=total, page=page, size=size, cut=cut, as_of=view.as_of, known_since=since
        )

    async def walk(
        self,
        *,
        query: str = "",
        rank: str | None = None,
        segment_id: int | None = None,
        cursor: str | None = None,
        size: int = 50,
    ) -> PeopleSlice:
        """The members who fit from one of them on, the latest seen first: for programs that read them all.

        Args:
            query: as in `list`, like the next two.
            rank: only members of this rank.
            segment_id: only members of this segment.
            cursor: ``next`` of the slice before; None for the first.
            size: members of a slice, at most `LARGEST_PAGE`.

        Raises:
            BadInput: ``cursor`` is not what a slice gave, or the size cannot be.
            NotFound: no such segment.
        """
        if not 1 <= size <= LARGEST_PAGE:
            raise BadInput(f"A page holds 1 to {LARGEST_PAGE} members.", code="bad_page", field="size")
        after = _read_cursor(cursor)
        view, everyone, since = await self._of_segment(segment_id)
        frame, found = await self._chosen(everyone, query, rank)
        total, rows = await asyncio.to_thread(_slice, frame, after, size + 1)
        lines = list(await self._lines(rows, found or {}))
        if found is not None and rank is None and segment_id is None:
            unseen = await self._unseen(view.frame, found)
            total += len(unseen)
            lines += [_line(found[number], customer_id=number) for number in unseen if (date.min, number) < after]
        lines.sort(key=_key, reverse=True)
        following = _key(lines[size - 1]) if len(lines) > size else None
        return PeopleSlice(
            people=tuple(lines[:size]),
            next=None if following is None else f"{following[0].isoformat()}_{following[1]}",
            total=total,
            cut=found is not None and len(found) >= MATCHES,
            as_of=view.as_of,
            known_since=since,
        )

    async def ranks(self) -> Sequence[str]:
        """Every rank that somebody holds, for a filter."""
        ranks = self._frame.read().frame.select(pl.col("rank").drop_nulls().unique().sort())
        return (await asyncio.to_thread(ranks.collect))["rank"].to_list()

    async def called(self, customer_ids: Sequence[int]) -> dict[int, str | None]:
        """The shop's member numbers of customers, None where they have none; who is gone or asked to be erased is absent."""
        async with self._pool.acquire() as connection:
            names = await store.names_of(connection, customer_ids=customer_ids)
        return {number: row["user_id"] for number, row in names.items()}

    async def find(self, user_id: str) -> int:
        """The customer whom the shop knows by this member number.

        Raises:
            NotFound: nobody has it.
        """
        async with self._pool.acquire() as connection:
            customer_id = await store.find_by_user_id(connection, user_id=user_id)
        if customer_id is None:
            raise NotFound(f'Nobody has the member number "{user_id}".', code="customer_not_found")
        return customer_id

    async def named(self, *, user_id: str | None, customer_id: int | None) -> int:
        """The customer whom a caller names in one of two ways.

        Raises:
            BadInput: in neither, or in both.
            NotFound: nobody has the member number.
        """
        if (customer_id is None) == (user_id is None):
            raise BadInput("Name the customer by customer_id or by user_id.", field="customer_id")
        return customer_id if customer_id is not None else await self.find(str(user_id))

    async def find_anonymous(self, anonymous_id: str) -> int:
        """The customer to whom an anonymous id of an app belongs.

        Raises:
            NotFound: it was never seen.
        """
        async with self._pool.acquire() as connection:
            customer_id = await store.find_by_anonymous_id(connection, anonymous_id=anonymous_id)
        if customer_id is None:
            raise NotFound(f'Nobody has the anonymous id "{anonymous_id}".', code="customer_not_found")
        return customer_id

    async def _chosen(
        self, everyone: pl.LazyFrame, query: str, rank: str | None
    ) -> tuple[pl.LazyFrame, dict[int, asyncpg.Record] | None]:
        """The rows of those who fit; and who was found where something was searched for. Who is being erased fits nowhere."""
        frame = everyone if rank is None else everyone.filter(pl.col("rank") == rank)
        async with self._pool.acquire() as connection:
            going = await erasures.list_going(connection, since=self._clock.now() - _ERASED_LATELY)
        frame = frame.filter(~pl.col("customer_id").is_in(going)) if going else frame
        if not query.strip():
            return frame, None
        found = await self._search(query)
        return frame.filter(pl.col("customer_id").is_in(list(found))), found

    async def _unseen(self, frame: pl.LazyFrame, found: Mapping[int, asyncpg.Record]) -> Sequence[int]:
        """Who was found but is not in the frame yet."""
        here = frame.filter(pl.col("customer_id").is_in(list(found))).select("customer_id")
        seen = set((await asyncio.to_thread(here.collect))["customer_id"].to_list())
        return [number for number in found if number not in seen]

    async def _of_segment(self, segment_id: int | None) -> tuple[View, pl.LazyFrame, date | None]:
        """The frame, and the rows of a segment's members in it with `known_since` of its rule; of everyone without one."""
        if segment_id is None:
            view = self._frame.read()
            return view, view.frame, None
        async with self._pool.acquire() as connection:
            row = await segment_store.get_segment(connection, segment_id=segment_id)
            settings = await shop.read_settings(connection)
            if row is None:
                raise NotFound(f"There is no segment {segment_id}.", code="segment_not_found")
            rule = await resolve_rule(connection, parse(row["rule"]), segment_id=segment_id)
        view = await self._frame.read_for([rule])
        everyone = population(view.frame, exclude_test_accounts=settings.exclude_test_accounts)
        return view, members(everyone, rule), known_since(rule, view.raw_since, day=view.day)

    async def _search(self, query: str) -> dict[int, asyncpg.Record]:
        async with self._pool.acquire() as connection:
            rows = await store.search_customers(connection, text=query, limit=MATCHES)
        return {row["customer_id"]: row for row in rows}

    async def _lines(self, rows: pl.DataFrame, known: Mapping[int, asyncpg.Record]) -> Sequence[PersonLine]:
        missing = [number for number in rows["customer_id"].to_list() if number not in known]
        async with self._pool.acquire() as connection:
            names = {**known, **await store.names_of(connection, customer_ids=missing)}
        return [_line(names.get(row["customer_id"]), **row) for row in rows.to_dicts()]

    async def _with_unseen(
        self,
        frame: pl.LazyFrame,
        found: Mapping[int, asyncpg.Record],
        total: int,
        lines: Sequence[PersonLine],
        *,
        page: int,
        size: int,
    ) -> tuple[int, Sequence[PersonLine]]:
        """Who was found but is not in the frame yet comes last: a member may be looked up the second he joined."""
        unseen = await self._unseen(frame, found)
        start = max(0, (page - 1) * size - total)
        room = unseen[start : start + size - len(lines)]
        return total + len(unseen), [*lines, *(_line(found[number], customer_id=number) for number in room)]


def _page(frame: pl.LazyFrame, *, order: str, descending: bool, offset: int, size: int) -> tuple[int, pl.DataFrame]:
    """How many rows there are, and those of one page; only the rows up to the page are put in order."""
    keys = [pl.col(order).is_not_null().cast(pl.Int8).alias("valued"), pl.col(order).alias("key")]
    by, ways = ["valued", "key", "customer_id"], [True, descending, True]
    listed = frame.select(*_LISTED, *keys)
    first = listed.top_k(offset + size, by=by, reverse=[not way for way in ways])
    top = first.sort(by, descending=ways, nulls_last=True)
    total, rows = pl.collect_all([frame.select(pl.len()), top.slice(offset, size).drop("valued", "key")])
    return int(total.item()), rows


def _slice(frame: pl.LazyFrame, after: tuple[date, int], size: int) -> tuple[int, pl.DataFrame]:
    """How many rows there are, and the first behind a place, the latest seen first; never seen ones last."""
    day, number = after
    listed = frame.select(*_LISTED, seen=pl.col("last_seen").fill_null(date.min))
    behind = (pl.col("seen") < day) | ((pl.col("seen") == day) & (pl.col("customer_id") < number))
    first = listed.filter(behind).top_k(size, by=["seen", "customer_id"])
    total, rows = pl.collect_all([frame.select(pl.len()), first.drop("seen")])
    return int(total.item()), rows


def _key(line: PersonLine) -> tuple[date, int]:
    return line.last_seen or date.min, line.customer_id


def _read_cursor(cursor: str | None) -> tuple[date, int]:
    if cursor is None:
        return date.max, 0
    try:
        day, number = cursor.split("_")
        place = date.fromisoformat(day), int(number)
    except ValueError as error:
        raise BadInput("This is not the end of a page of customers.", code="bad_page", field="cursor") from error
    if not 0 <= place[1] < 2**63:
        raise BadInput("This is not the end of a page of customers.", code="bad_page", field="cursor")
    return place


def _line(known: asyncpg.Record | None, **row: Any) -> PersonLine:
    return PersonLine(
        **row,
        user_id=known["user_id"] if known else None,
        name=known["display_name"] if known else None,
        email=known["email"] if known else None,
    )
