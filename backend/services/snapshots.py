"""Figures kept every day: after a business day has ended, the chosen KPIs of everyone and of each segment, as they stood then.

The ledger `snapshot_runs` has a row for every day, without gaps: planned, started, done. A day is worked on by one attempt at a
time; its figures are stored segment by segment, each in one transaction that checks that the day is still this attempt's.
So whatever dies leaves a day that the next attempt completes: what is kept stays, what is missing is added, nothing is there
twice. A worker that was away for days catches up day by day, each as of its own end and with the segments as they were then.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import structlog

from backend.clock import Clock
from backend.errors import BadInput, NotFound
from backend.store import shop
from backend.store import snapshots as store
from campaigns.shop import ShopSettings
from segments.errors import FactsError
from segments.metrics.metric import Measured
from segments.snapshots import (
    EVERYONE,
    Choice,
    Kept,
    Snapshot,
    TrendPoint,
    beside_everyone,
    choose,
    read_choice,
    snapshot,
    trend,
)

LEASE = timedelta(minutes=5)
"""How long a day stays with a worker that says nothing."""

FIRST_DAYS = 14
"""Days before the first run that are kept as well, so that a trend does not begin with a dot."""

LONGEST_PAST = 3660
_FIRST = date(1990, 1, 1)

Measure = Callable[[Sequence[Choice], date, int | None, int | None], Awaitable[list[Measured | None]]]
"""Figures of choices at the end of a day, of a segment in one of its versions or of everyone; None where one failed."""

KnownUntil = Callable[[], Awaitable[datetime]]
"""Up to when facts are known."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One day of the ledger. ``state``: planned, started, undone (started by one who died), done."""

    business_day: date
    state: str
    attempts: int
    started_at: datetime | None
    finished_at: datetime | None
    figures: int
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The ledger at a glance: its ends, how many days are not done, what is kept, and the newest days."""

    first: date | None
    last: date | None
    done: int
    open: int
    choices: tuple[str, ...]
    runs: tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class _Claim:
    day: date
    attempt_id: UUID


class _Lost(Exception):
    """Another attempt has the day by now."""


class Snapshots:
    """Daily figures.

    Args:
        pool: the database: the ledger and the figures.
        clock: decides which days have ended.
        measure: asks for figures.
        known_until: up to when facts are known: a day is ripe when they reach beyond its end.
        watch: told before every step; for tests.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        clock: Clock,
        *,
        measure: Measure,
        known_until: KnownUntil,
        watch: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._measure = measure
        self._known_until = known_until
        self._watch = watch

    async def work(self) -> int:
        """Keep the figures of one day, the oldest that is ripe and not done; gives how many days that were."""
        settings, last = await self._ripe()
        claim = await self._claim(last)
        if claim is None:
            return 0
        try:
            await self._keep(claim, settings)
        except _Lost:
            log.warning("snapshot_lost", day=claim.day)
            return 0
        return 1

    async def plan(self, first: date) -> None:
        """Keep also the days since ``first``, as far as they are not in the ledger.

        Raises:
            BadInput: a day that has not ended, or one more than ten years ago.
        """
        _, last = await self._ripe()
        if first > last:
            raise BadInput(f"The last day that has ended is {last}.", field="from")
        if (last - first).days > LONGEST_PAST:
            raise BadInput(f"At most {LONGEST_PAST} days back.", field="from")
        async with self._pool.acquire() as connection, connection.transaction():
            await store.lock_plan(connection)
            newest = await store.last_planned(connection)
            await store.plan_days(connection, first=first, last=newest or last, now=self._clock.now())

    async def status(self, *, limit: int = 30) -> Status:
        """The ledger."""
        async with self._pool.acquire() as connection:
            counts = await store.count_runs(connection)
            rows = await store.list_runs(connection, limit=limit)
            settings = await shop.read_settings(connection)
        days = [day for row in counts for day in (row["first"], row["last"])]
        return Status(
            first=min(days, default=None),
            last=max(days, default=None),
            done=sum(row["days"] for row in counts if row["state"] == "done"),
            open=sum(row["days"] for row in counts if row["state"] != "done"),
            choices=tuple(choice.key for choice in choices_of(settings)),
            runs=tuple(self._run(row) for row in rows),
        )

    async def trend(
        self,
        slug: str,
        *,
        options: Mapping[str, object] | None = None,
        segment_id: int | None = None,
        since: date = _FIRST,
    ) -> tuple[TrendPoint, ...]:
        """The kept figures of a KPI with these options, oldest first; empty where they are not kept.

        Raises:
            UnknownMetric: the catalogue has no such KPI.
            BadOption: an option is unknown or out of range.
        """
        choice = choose(slug, options)
        async with self._pool.acquire() as connection:
            kept = await store.list_trend(connection, choice=choice.key, segment_id=segment_id or EVERYONE, since=since)
        return trend(kept)

    async def of_segment(self, segment_id: int, *, days: int) -> tuple[Kept, ...]:
        """All that is kept of a segment's last days, beside everyone; without what has no figure yet."""
        async with self._pool.acquire() as connection:
            settings = await shop.read_settings(connection)
            choices = choices_of(settings)
            since = settings.calendar.business_day(self._clock.now()) - timedelta(days=days)
            keys = [choice.key for choice in choices]
            kept = await store.list_beside_everyone(connection, choices=keys, segment_id=segment_id, since=since)
        return beside_everyone(choices, kept)

    async def _ripe(self) -> tuple[ShopSettings, date]:
        """The settings, and the last day that has ended and whose facts are in."""
        async with self._pool.acquire() as connection:
            settings = await shop.read_settings(connection)
        known = min(self._clock.now(), await self._known_until())
        return settings, settings.calendar.business_day(known) - timedelta(days=1)

    async def _claim(self, last: date) -> _Claim | None:
        self._watch("claim")
        if last < _FIRST:  # nothing is known yet
            return None
        now = self._clock.now()
        async with self._pool.acquire() as connection, connection.transaction():
            await store.lock_plan(connection)
            newest = await store.last_planned(connection)
            begins = last - timedelta(days=FIRST_DAYS - 1) if newest is None else newest + timedelta(days=1)
            if begins <= last:
                await store.plan_days(connection, first=begins, last=last, now=now)
            row = await store.next_open(connection)
            if row is None or (row["leased_until"] and row["leased_until"] > now):
                return None
            claim = _Claim(row["business_day"], uuid4())
            await store.claim_day(connection, day=claim.day, attempt_id=claim.attempt_id, now=now, until=now + LEASE)
        self._watch("claimed")
        return claim

    async def _keep(self, claim: _Claim, settings: ShopSettings) -> None:
        choices = choices_of(settings)
        end = settings.calendar.start_of(claim.day + timedelta(days=1))
        async with self._pool.acquire() as connection:
            segments: list[tuple[int, int | None]] = [*await store.segments_at(connection, moment=end)]
            kept = await store.list_kept(connection, day=claim.day)
        failed = 0
        for number, version in [(EVERYONE, None), *segments]:
            missing = [choice for choice in choices if (choice.key, number) not in kept]
            failed += await self._keep_one(claim, missing, number, version)
        self._watch("finish")
        async with self._pool.acquire() as connection, connection.transaction():
            now = self._clock.now()
            if not await store.finish_day(
                connection, day=claim.day, attempt_id=claim.attempt_id, now=now, failed=failed
            ):
                raise _Lost
            self._watch("finishing")
        self._watch("finished")

    async def _keep_one(self, claim: _Claim, choices: Sequence[Choice], number: int, version: int | None) -> int:
        """Keep the figures of one segment; gives how many could not be worked out."""
        self._watch("measure")
        try:
            measured = await self._measure(choices, claim.day, number or None, version)
        except NotFound:
            return 0
        now = self._clock.now()
        rows = [
            snapshot(choice, one, day=claim.day, segment_id=number, version=version, now=now)
            for choice, one in zip(choices, measured, strict=True)
            if one is not None
        ]
        self._watch("store")
        await self._store(claim, rows, now)
        self._watch("stored")
        return len(choices) - len(rows)

    async def _store(self, claim: _Claim, rows: Sequence[Snapshot], now: datetime) -> None:
        async with self._pool.acquire() as connection, connection.transaction():
            if not await store.hold_day(connection, day=claim.day, attempt_id=claim.attempt_id, until=now + LEASE):
                raise _Lost
            await store.insert_snapshots(connection, rows)
            self._watch("storing")

    def _run(self, row: asyncpg.Record) -> Run:
        died = row["state"] == "started" and row["leased_until"] <= self._clock.now()
        return Run(
            business_day=row["business_day"],
            state="undone" if died else row["state"],
            attempts=row["attempts"],
            started_at=row["started_at"],
            finished_at=row["finished_at"],
            figures=row["figures"],
            failed=row["failed"],
        )


def choices_of(settings: ShopSettings) -> list[Choice]:
    """What the shop keeps, each once."""
    found: dict[str, Choice] = {}
    for text in settings.snapshot_kpis:
        try:
            choice = read_choice(text)
        except FactsError as error:  # another release wrote it
            log.warning("snapshot_choice_unknown", choice=text, error=str(error))
            continue
        found[choice.key] = choice
    return list(found.values())
