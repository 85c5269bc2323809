"""The report of the global holdout: whether all campaigns together help, month by month or by quarter."""

import asyncio
import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import asyncpg
import polars as pl

from backend.clock import Clock
from backend.errors import BadInput
from backend.services.campaign_desk.reports import Facts, proven
from backend.store import campaigns as campaign_store
from backend.store import programme as store
from backend.store import shop as shop_store
from campaigns.attribution import weighty_events
from campaigns.audience import Audiences
from campaigns.programme import Measure, Programme, Standing, compared, composition, did, drawn, offers
from campaigns.shop import ShopSettings
from segments.calendar import BusinessCalendar
from segments.events import EventName
from segments.history import MERGES
from segments.windows import Window

_MONTH = re.compile(r"(?P<year>\d{4})-(?P<month>0[1-9]|1[0-2])")
_QUARTER = re.compile(r"(?P<year>\d{4})-[Qq](?P<quarter>[1-4])")
_EVENTS = (EventName.ORDER_COMPLETED, EventName.ORDER_REFUNDED, EventName.APPLICATION_OPENED)
_FIRST_YEAR = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """One period of a shop, with what the database says about it."""

    window: Window
    begins: datetime
    ends: datetime
    settings: ShopSettings
    since: datetime | None
    as_of: datetime
    survivors: pl.LazyFrame
    people: pl.DataFrame
    opted_out: pl.DataFrame


class ProgrammeReports:
    """Tells what the programme of all campaigns does."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock, *, facts: Facts, audiences: Audiences) -> None:
        """Report over these facts.

        Args:
            pool: to PostgreSQL.
            clock: tells now, for the period that is meant where none is named.
            facts: what happened.
            audiences: say who is a customer at all: test accounts and staff may be no part of it.
        """
        self._pool = pool
        self._clock = clock
        self._facts = facts
        self._audiences = audiences

    async def report(self, period: str | None = None) -> Programme:
        """The report of a month (``2026-10``) or a quarter (``2026-Q3``); without one, of the last closed month.

        Raises:
            BadInput: no such period.
        """
        as_of = await asyncio.to_thread(self._facts.as_of)
        asked = await self._ask(period, as_of)
        return await asyncio.to_thread(_report, asked, self._facts)

    async def _ask(self, period: str | None, as_of: datetime) -> _Asked:
        async with self._pool.acquire() as connection:
            settings = await shop_store.read_settings(connection)
            calendar = settings.calendar
            window = window_of(period, calendar=calendar, today=calendar.business_day(self._clock.now()))
            begins, ends = (
                calendar.start_of(day).astimezone(UTC) for day in (window.first, window.last + timedelta(days=1))
            )
            eligible = await store.list_eligible(connection, begins=begins, rule=settings.consent_rule)
            opted_out = await store.list_opted_out(connection, begins=begins, ends=ends)
            merged = await campaign_store.list_survivors(connection)
            since = await store.held_out_since(connection) if settings.global_holdout_percent else None
        survivors = pl.LazyFrame([tuple(one) for one in merged], schema=MERGES, orient="row")
        customers = (await self._audiences.members(None, columns=())).frame.select("customer_id").lazy()
        known = drawn(
            eligible.lazy(),
            survivors=survivors,
            percent=settings.global_holdout_percent,
            salt=settings.global_holdout_salt,
        ).join(customers, on="customer_id", how="semi")
        return _Asked(
            window=window,
            begins=begins,
            ends=ends,
            settings=settings,
            since=since,
            as_of=as_of,
            survivors=survivors,
            people=await asyncio.to_thread(known.collect),
            opted_out=opted_out,
        )


def window_of(period: str | None, *, calendar: BusinessCalendar, today: date) -> Window:
    """The business days of a month or quarter by the shop's calendar; without one, of the last month that is over.

    Raises:
        BadInput: it is neither.
    """
    if period is None:
        return calendar.month(calendar.month(today).first - timedelta(days=1))
    month, quarter = _MONTH.fullmatch(period), _QUARTER.fullmatch(period)
    found = month or quarter
    if found is None or int(found["year"]) < _FIRST_YEAR:
        raise BadInput("Write a month as 2026-10, or a quarter as 2026-Q3.", code="bad_period", field="period")
    year = int(found["year"])
    if month:
        return calendar.month(date(year, int(month["month"]), 1))
    first = calendar.month(date(year, 3 * int(found["quarter"]) - 2, 1)).first
    return Window(first, calendar.month(date(year, 3 * int(found["quarter"]), 1)).last)


def _report(asked: _Asked, facts: Facts) -> Programme:
    percent = asked.settings.global_holdout_percent
    said = Programme(
        first=asked.window.first,
        last=asked.window.last,
        standing=_standing(asked, facts),
        percent=percent,
        since=asked.since,
        as_of=asked.as_of,
        left_out_merged=asked.people["held_out"].null_count(),
    )
    return _with_offers(said, asked, facts) if said.standing is Standing.OFF else _with_figures(said, asked, facts)


def _standing(asked: _Asked, facts: Facts) -> Standing:
    if not asked.settings.global_holdout_percent:
        return Standing.OFF
    if asked.since is not None and asked.since > asked.begins:
        return Standing.CHANGED
    if asked.as_of < asked.ends:
        return Standing.RUNNING
    dropped = facts.raw_since()
    return Standing.DROPPED if dropped is not None and dropped > asked.window.first else Standing.TOLD


def _with_offers(said: Programme, asked: _Asked, facts: Facts) -> Programme:
    """What there would be to see, if somebody were held out."""
    closed = asked.as_of >= asked.ends
    done = _done(asked, facts) if closed and asked.people.height else None
    rate = int(done[Measure.BUYERS].sum()) / done.height if done is not None else None
    return replace(said, offers=offers(asked.people.height, rate=rate))


def _with_figures(said: Programme, asked: _Asked, facts: Facts) -> Programme:
    """The composition as soon as the group stands; figures at the end alone, and only of groups that may be compared."""
    if said.standing is Standing.CHANGED:
        return said
    found = composition(asked.people, percent=said.percent)
    if said.standing is not Standing.TOLD or not found.sound:
        return replace(said, composition=found)
    verdict, comparisons = compared(_done(asked, facts), as_of=asked.as_of)
    return replace(said, composition=found, verdict=verdict, comparisons=comparisons)


def _done(asked: _Asked, facts: Facts) -> pl.DataFrame:
    events = facts.events(asked.window).filter(
        pl.col("event").is_in([str(name) for name in _EVENTS])
        & pl.col("occurred_at").is_between(asked.begins, asked.ends, closed="left")
    )
    told = did(
        asked.people.lazy(),
        events,
        opted_out=asked.opted_out.lazy(),
        survivors=asked.survivors,
        proven=proven(facts, weighty_events(str(EventName.ORDER_COMPLETED))),
    )
    return told.collect()
