"""Asks history whom a campaign that begins person by person would have begun for: its own filters, trust and conditions, in the past.

Events come from the lake, changes of memberships from where they are kept; both are read as the feeds read them.
"""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable
from datetime import date, datetime, timedelta

import asyncpg
import polars as pl

from backend.clock import Clock
from backend.services.journeys.entering import OLDEST, members_among
from backend.services.journeys.happenings import verified_among
from backend.services.journeys.walking import Holds
from backend.store import campaigns, shop
from backend.store import triggers as store
from backend.store.pool import Connection
from campaigns.campaign import Draft
from campaigns.journey import Known, gives_reward, part_of
from campaigns.rehearsal import CAUSES, Fork, Rehearsal, Way, first_fork, rehearsed, window_before
from campaigns.steps import SplitRule, SplitShare, Step
from campaigns.trigger import OnEvent, OnSegment
from segments.calendar import BusinessCalendar
from segments.events import EventName
from segments.history import History, under_survivors
from segments.reduce.trust import WEIGHTY
from segments.rules.matching import passing
from segments.windows import Window

_TURNS: dict[str, pl.DataType] = {"customer_id": pl.Int64(), "at": CAUSES["at"], "entered": pl.Boolean()}


class Rehearsals:
    """See `campaigns.rehearsal`.

    Args:
        pool: the database.
        clock: tells now.
        history: the lake.
        holds: answers rules.
    """

    def __init__(self, pool: asyncpg.Pool, clock: Clock, *, history: History, holds: Holds) -> None:
        self._pool = pool
        self._clock = clock
        self._history = history
        self._holds = holds

    async def begun(self, draft: Draft) -> tuple[Rehearsal, pl.Series]:
        """What would have begun in the last weeks, and for whom: the numbers of everybody, each once."""
        async with self._pool.acquire() as connection:
            calendar = (await shop.read_settings(connection)).calendar
            window = window_before(calendar.business_day(self._clock.now()))
            causes, known = await self._causes(connection, draft, window, calendar)
            if draft.segment_id is not None:
                known += [await _known_from(connection, draft.segment_id, window, calendar)]
                since = calendar.start_of(window.first)
                causes = await _members_then(connection, draft.segment_id, causes, since=since)
        known_from = max((day for day in known if day is not None), default=None)
        return await asyncio.to_thread(rehearsed, causes, draft=draft, window=window, known_from=known_from)

    async def fork(self, steps: tuple[Step, ...], *, salt: str, customer_ids: Collection[int]) -> Fork | None:
        """How people would part where a journey divides first; None where what happens decides, or nothing divides it."""
        place = first_fork(steps)
        if place is None:
            return None
        step, people = steps[place], [*customer_ids]
        if isinstance(step, SplitShare):
            taken = await asyncio.to_thread(_parted, step, place, salt, people)
            return Fork(place, tuple(Way(str(number), taken[number]) for number in range(len(step.parts))))
        assert isinstance(step, SplitRule)  # noqa: S101 - the only other fork
        yes = len(await self._holds(step.parsed, people)) if people else 0
        return Fork(place, (Way("yes", yes), Way("no", len(people) - yes)))

    async def _causes(
        self, connection: Connection, draft: Draft, window: Window, calendar: BusinessCalendar
    ) -> tuple[pl.DataFrame, list[date | None]]:
        """What could have begun it, and the first days of which that is known."""
        trigger = draft.trigger
        if isinstance(trigger, OnEvent):
            verified = await verified_among(connection, [trigger.event])
            rewarded = gives_reward(draft.steps)
            merged = [tuple(one) for one in await campaigns.list_survivors(connection)]
            trusted_only = trigger.event in verified or (rewarded and trigger.event in WEIGHTY)
            found = await asyncio.to_thread(self._events, trigger, window, merged, trusted_only=trusted_only)
            return found, [await asyncio.to_thread(self._history.raw_since)]
        assert isinstance(trigger, OnSegment)  # noqa: S101 - the others are launched
        since, until = calendar.start_of(window.first), calendar.start_of(window.last + timedelta(days=1))
        rows = await store.read_turns(connection, segment_id=trigger.segment_id, since=since)
        told = [
            (row["customer_id"], row["at"], calendar.business_day(row["at"]), False)
            for row in rows
            if row["cause"] in ("facts", "time")
            and row["entered"] == (trigger.change == "entered")
            and row["at"] < until
        ]
        known = await _known_from(connection, trigger.segment_id, window, calendar)
        return pl.DataFrame(told, schema=CAUSES, orient="row"), [known]

    def _events(
        self, trigger: OnEvent, window: Window, merged: Iterable[tuple[int, int]], *, trusted_only: bool
    ) -> pl.DataFrame:
        lines = self._history.order_lines(window)
        kept = passing(self._history.events(window), lines, event=trigger.event, filters=trigger.filters)
        if trusted_only:
            kept = kept.filter(pl.col("trusted"))
        if trigger.event == EventName.ORDER_COMPLETED:  # however often an order is reported, it begins one thing
            order = pl.coalesce("order_key", "seq")
            kept = kept.sort("seq").with_columns(order.alias("order_key")).unique("order_key", keep="first")
        late = pl.col("occurred_at") < pl.col("received_at") - OLDEST
        told = kept.select(
            "customer_id", pl.col("occurred_at").alias("at"), pl.col("business_day").alias("day"), late.alias("late")
        )
        return under_survivors(told, merged).collect()


async def _known_from(
    connection: Connection, segment_id: int, window: Window, calendar: BusinessCalendar
) -> date | None:
    """The first day of which all changes of a segment are known; that after the window where none is."""
    moment = await store.turns_known_since(connection, segment_id=segment_id)
    if moment is None:
        return window.last + timedelta(days=1)
    day = calendar.business_day(moment)
    return day if calendar.start_of(day) >= moment else day + timedelta(days=1)


async def _members_then(
    connection: Connection, segment_id: int, causes: pl.DataFrame, *, since: datetime
) -> pl.DataFrame:
    """The causes of people who were in a segment at that moment: who left next was in it, who entered next was not."""
    rows = await store.read_turns(connection, segment_id=segment_id, since=since)
    turns = pl.DataFrame([(row["customer_id"], row["at"], row["entered"]) for row in rows], schema=_TURNS, orient="row")
    now = await members_among(connection, segment_id, causes["customer_id"].unique().to_list())
    told = causes.sort("at").join_asof(
        turns.sort("at"), on="at", by="customer_id", strategy="forward", allow_exact_matches=False
    )
    inside = pl.col("customer_id").is_in(sorted(now))
    return told.filter(pl.coalesce(~pl.col("entered"), inside)).drop("entered")


def _parted(step: SplitShare, place: int, salt: str, people: Iterable[int]) -> Counter[int]:
    return Counter(part_of(step, place, Known(customer_id=one, salt=salt))[0] for one in people)
