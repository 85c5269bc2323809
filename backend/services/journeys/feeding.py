"""Reads what happened, in order and once: who enters a campaign by it, who goes on, who has reached the goal.

Two feeds: the log, as far as it is known who is whom, and changes of memberships. Each has one position and one reader at a
time; the position moves in the transaction of all that follows from what was read. So a death at any moment loses
nothing and begins nothing twice. See docs/decisions/0024-triggers-and-journeys.md.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import asyncpg

from backend.clock import Clock
from backend.services.journeys.entering import Cause, let_in
from backend.services.journeys.happenings import Happening, Happenings, understand
from backend.services.journeys.programmes import Programme, Programmes, by_version, names_of
from backend.store import journeys, memberships, refresh
from backend.store import triggers as store
from backend.store.pool import Connection
from campaigns.journey import GOAL
from campaigns.steps import Awaited

AT_ONCE = 2_000
"""Events or changes that are read in one transaction."""
RANGE = 100_000
"""Numbers of a feed that are looked through in one transaction."""


class TriggerFeeds:
    """The reader of the feeds. Any number may exist; one at a time reads each feed.

    Args:
        pool: the database.
        clock: tells now, and so what is too old to begin anything.
        watch: told before every step; for tests.
    """

    def __init__(self, pool: asyncpg.Pool, clock: Clock, *, watch: Callable[[str], None] = lambda _: None) -> None:
        self._pool = pool
        self._clock = clock
        self._watch = watch
        self._programmes = Programmes()

    async def work(self) -> int:
        """Read some of both feeds; gives how many events and changes were taken up."""
        return await self.read_events() + await self.read_changes()

    async def read_events(self) -> int:
        """Read some of the log; gives how many events were taken up, 0 when there is nothing new or another reader is at it."""
        async with self._pool.acquire() as connection, connection.transaction():
            now, newest = self._clock.now(), await refresh.projected_upto(connection)
            position = await store.hold_position(connection, "events", newest=newest, now=now)
            if position is None or position >= newest:
                return 0
            programmes, upto = await self._programmes.read(connection), min(newest, position + RANGE)
            names = names_of(programmes)
            rows: list[asyncpg.Record] = []
            if names:
                rows = await store.read_events(connection, after=position, upto=upto, names=names, limit=AT_ONCE)
            self._watch("read")
            if rows:
                await self._follow(connection, programmes, await understand(connection, rows), now=now)
            reached = rows[-1]["seq"] if len(rows) == AT_ONCE else upto
            await store.set_position(connection, "events", position=reached, now=now)
            self._watch("written")
        self._watch("committed")
        return len(rows) or int(upto < newest)

    async def read_changes(self) -> int:
        """Read some changes of memberships; gives how many were taken up, as `read_events`."""
        async with self._pool.acquire() as connection, connection.transaction():
            now, newest = self._clock.now(), await memberships.last_change(connection)
            position = await store.hold_position(connection, "changes", newest=newest, now=now)
            if position is None or position >= newest:
                return 0
            asked = [one for one in await self._programmes.read(connection) if one.change is not None]
            upto = min(newest, position + RANGE)
            watched = {one.change.segment_id for one in asked if one.change is not None}
            rows: list[asyncpg.Record] = []
            if watched:
                rows = await store.read_changes(
                    connection, after=position, upto=upto, segment_ids=watched, limit=AT_ONCE
                )
            self._watch("read")
            await self._let_in(connection, [(one, _causes(one, rows)) for one in asked], now=now)
            reached = rows[-1]["change_id"] if len(rows) == AT_ONCE else upto
            await store.set_position(connection, "changes", position=reached, now=now)
            self._watch("written")
        self._watch("committed")
        return len(rows) or int(upto < newest)

    async def _follow(
        self, connection: Connection, programmes: Sequence[Programme], happened: Happenings, *, now: datetime
    ) -> None:
        """All that follows from events: people who are inside go on or leave before others enter."""
        await _lead_on(connection, by_version(programmes), happened, now=now)
        self._watch("led on")
        await self._let_in(connection, [(one, _events_for(one, happened)) for one in programmes], now=now)

    async def _let_in(
        self, connection: Connection, causes: Sequence[tuple[Programme, Sequence[Cause]]], *, now: datetime
    ) -> None:
        wanted = [(one, because) for one, because in causes if because]
        if not wanted:
            return
        sending = await store.hold_campaigns(connection, campaign_ids={one.campaign_id for one, _ in wanted})
        for programme, because in wanted:
            if programme.campaign_id in sending:
                await let_in(connection, programme, because, now=now)
                self._watch("entered")


def _events_for(programme: Programme, happened: Happenings) -> list[Cause]:
    trigger = programme.event
    if trigger is None:
        return []
    filters = trigger.filters
    return [
        Cause(one.customer_id, one.occurrence, one.at)
        for one in happened.events
        if one.name == trigger.event and _counts(one, programme) and happened.passes(one, filters)
    ]


def _counts(happening: Happening, programme: Programme) -> bool:
    """Nothing is given away for what a stranger could have made up; else unverified reports step back behind verified ones."""
    return happening.trusted if programme.rewards else happening.stands


def _causes(programme: Programme, rows: Sequence[asyncpg.Record]) -> list[Cause]:
    change = programme.change
    return [
        Cause(row["customer_id"], row["change_id"], row["at"])
        for row in rows
        if change is not None
        and row["segment_id"] == change.segment_id
        and row["entered"] == (change.change == "entered")
    ]


async def _lead_on(
    connection: Connection, programmes: Mapping[tuple[int, int], Programme], happened: Happenings, *, now: datetime
) -> None:
    """Who is inside and did what ends the journey leaves; who waits for what happened is looked at now."""
    of: dict[int, list[Happening]] = defaultdict(list)
    for one in happened.events:
        of[one.customer_id].append(one)
    came: list[tuple[int, datetime]] = []
    reached: list[int] = []
    for entry in await journeys.list_inside(connection, customer_ids=of):
        programme = programmes.get((entry["campaign_id"], entry["version"]))
        if programme is None:
            continue
        own, goal = of[entry["customer_id"]], programme.draft.exits_on
        if goal is not None and first_of(own, happened, goal, after=entry["entered_at"]) is not None:
            reached.append(entry["entry_id"])
        elif found := _came(entry, own, happened, programme):
            came.append((entry["entry_id"], found.at))
    if came:
        await journeys.note_happened(connection, events=came, now=now)
    if reached:
        await journeys.leave(connection, entry_ids=reached, reason=GOAL, now=now)


def _came(
    entry: Mapping[str, Any], own: Sequence[Happening], happened: Happenings, programme: Programme
) -> Happening | None:
    awaited = programme.awaited_at(entry["step"])
    if awaited is None or not entry["waits"] or entry["since"] is None:
        return None
    return first_of(own, happened, awaited, after=entry["since"], upto=entry["until_at"])


def first_of(
    events: Sequence[Happening],
    happened: Happenings,
    sought: Awaited,
    *,
    after: datetime,
    upto: datetime | None = None,
) -> Happening | None:
    """The first of a person's events that is what is asked for, after a moment and not after another."""
    filters = sought.filters
    for one in events:
        timely = one.at > after and (upto is None or one.at <= upto)
        if one.name == sought.event and one.stands and timely and happened.passes(one, filters):
            return one
    return None
