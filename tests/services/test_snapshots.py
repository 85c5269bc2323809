"""Figures of every day: no day missing, none twice, each as it was, whatever dies on the way."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg
import polars as pl
import pytest

from backend.clock import FixedClock
from backend.errors import BadInput
from backend.services import snapshots as snapshots_module
from backend.services.snapshots import FIRST_DAYS, LEASE, Snapshots, _Lost
from backend.store import segments as segment_store
from backend.store import shop
from backend.store import snapshots as store
from campaigns.shop import ShopSettings, problems
from segments.errors import BadOption
from segments.metrics import catalog
from segments.metrics.compute import compute
from segments.metrics.facts import Facts
from segments.metrics.metric import Measured, Option
from segments.snapshots import Choice, choose, read_choice, trend
from segments.windows import Window
from tests.faults.steps import Died, dies_after, steps_named

NOW = datetime(2026, 4, 1, 3, tzinfo=UTC)
"""Noon in Tokyo."""
YESTERDAY = date(2026, 3, 31)
KPIS = ("launch_rate", "repeat_purchase_rate?n=3")


class Figures:
    """Answers with the day's number, and remembers what it was asked."""

    def __init__(self) -> None:
        self.known = NOW
        self.asked: list[tuple[date, int | None, int | None]] = []
        self.broken: str | None = None

    async def measure(
        self, choices: Sequence[Choice], day: date, segment_id: int | None, version: int | None
    ) -> list[Measured | None]:
        self.asked.append((day, segment_id, version))
        return [None if each.slug == self.broken else _measured(each, day, segment_id or 0) for each in choices]

    async def known_until(self) -> datetime:
        return self.known


def _measured(choice: Choice, day: date, number: int) -> Measured:
    return Measured(
        slug=choice.slug,
        numerator=day.toordinal() % 100,
        denominator=100 + number,
        value=day.toordinal() % 100 / (100 + number),
        window=Window(day - timedelta(days=27), day),
        incomplete=False,
        notes=("as_of_day",),
    )


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def figures() -> Figures:
    return Figures()


@pytest.fixture
async def snapshots(pool: asyncpg.Pool, clock: FixedClock, figures: Figures) -> Snapshots:
    async with pool.acquire() as connection:
        await shop.put_settings(connection, {"snapshot_kpis": KPIS}, now=NOW, actor="test")
    return made(pool, clock, figures)


def made(pool: asyncpg.Pool, clock: FixedClock, figures: Figures, **more: Any) -> Snapshots:
    return Snapshots(pool, clock, measure=figures.measure, known_until=figures.known_until, **more)


async def segment(pool: asyncpg.Pool, *born: datetime) -> int:
    """A segment with a version for each moment."""
    async with pool.acquire() as connection, connection.transaction():
        number = await segment_store.insert_segment(connection, name=f"S {born[0]:%H%M} {len(born)}", now=born[0])
        for version, moment in enumerate(born, start=1):
            await segment_store.insert_version(
                connection, segment_id=number, version=version, rule={"all": []}, now=moment, actor="test"
            )
    return number


async def until_current(snapshots: Snapshots) -> int:
    days = 0
    while await snapshots.work():
        days += 1
    return days


async def kept(pool: asyncpg.Pool) -> list[tuple[date, int, str]]:
    rows = await pool.fetch("SELECT * FROM kpi_snapshots ORDER BY business_day, segment_id, choice")
    return [(row["business_day"], row["segment_id"], row["choice"]) for row in rows]


def whole(days: Sequence[date], numbers: Sequence[int]) -> list[tuple[date, int, str]]:
    keys = sorted(read_choice(kpi).key for kpi in KPIS)
    return [(day, number, key) for day in days for number in numbers for key in keys]


def last_days(count: int, last: date = YESTERDAY) -> list[date]:
    return [last - timedelta(days=back) for back in range(count - 1, -1, -1)]


async def test_the_first_run_keeps_the_last_two_weeks_and_then_every_day(
    pool: asyncpg.Pool, snapshots: Snapshots, figures: Figures, clock: FixedClock
) -> None:
    assert await until_current(snapshots) == FIRST_DAYS
    assert await kept(pool) == whole(last_days(FIRST_DAYS), [0])
    clock.advance(timedelta(days=5))
    assert await until_current(snapshots) == 0
    figures.known = clock.now()
    assert await until_current(snapshots) == 5
    assert await kept(pool) == whole(last_days(FIRST_DAYS + 5, YESTERDAY + timedelta(days=5)), [0])
    assert [day for day, *_ in figures.asked] == last_days(FIRST_DAYS + 5, YESTERDAY + timedelta(days=5))


async def test_nothing_is_kept_before_anything_is_known(snapshots: Snapshots, figures: Figures) -> None:
    figures.known = datetime(1970, 1, 1, tzinfo=UTC)
    assert await snapshots.work() == 0
    assert (await snapshots.status()).first is None


async def test_each_day_has_the_segments_of_that_day_in_their_versions_of_then(
    pool: asyncpg.Pool, snapshots: Snapshots, figures: Figures
) -> None:
    changed = await segment(pool, datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 3, 30, 16, tzinfo=UTC))
    young = await segment(pool, datetime(2026, 3, 31, 3, tzinfo=UTC))
    gone = await segment(pool, datetime(2026, 1, 1, 5, tzinfo=UTC))
    await pool.execute(
        "UPDATE segments SET archived_at = $2 WHERE segment_id = $1", gone, datetime(2026, 3, 30, 3, tzinfo=UTC)
    )
    await until_current(snapshots)
    asked = {(day, number): version for day, number, version in figures.asked}
    assert asked[date(2026, 3, 30), changed] == 1
    assert asked[YESTERDAY, changed] == 2
    assert (YESTERDAY - timedelta(days=1), young) not in asked
    assert asked[YESTERDAY, young] == 1
    assert ((date(2026, 3, 29), gone) in asked, (date(2026, 3, 30), gone) in asked) == (True, False)
    line = await snapshots.trend("launch_rate", segment_id=changed)
    assert [point.snapshot.segment_version for point in line[-2:]] == [1, 2]
    assert [point.changed for point in line] == [False] * (FIRST_DAYS - 1) + [True]


async def test_dying_at_every_step_loses_and_doubles_nothing(
    pool: asyncpg.Pool, clock: FixedClock, figures: Figures, snapshots: Snapshots
) -> None:
    number = await segment(pool, datetime(2026, 1, 1, tzinfo=UTC))
    deaths: list[str] = []
    for nth in range(1, 200):
        try:
            await until_current(made(pool, clock, figures, watch=dies_after(nth)))
        except Died as death:
            deaths.append(str(death))
            clock.advance(LEASE)
            continue
        break
    assert len(deaths) > 20
    assert {*deaths} == steps_named(snapshots_module)
    assert await kept(pool) == whole(last_days(FIRST_DAYS), [0, number])
    status = await snapshots.status(limit=100)
    assert (status.done, status.open) == (FIRST_DAYS, 0)
    assert {run.figures for run in status.runs} == {4}


async def test_the_check_finds_figures_that_are_stored_twice_or_not_at_all(
    pool: asyncpg.Pool, clock: FixedClock, figures: Figures, snapshots: Snapshots, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The saboteur: a day is done before its figures are stored."""

    async def done_first(self: Snapshots, claim: Any, rows: Any, now: datetime) -> None:
        async with self._pool.acquire() as connection:
            await store.finish_day(connection, day=claim.day, attempt_id=claim.attempt_id, now=now, failed=0)
            self._watch("storing")
            await store.insert_snapshots(connection, rows)

    monkeypatch.setattr(Snapshots, "_store", done_first)
    for nth in range(1, 40):
        try:
            await until_current(made(pool, clock, figures, watch=dies_after(nth)))
        except Died:
            clock.advance(LEASE)
    assert await kept(pool) != whole(last_days(FIRST_DAYS), [0])


async def test_an_undone_day_is_said_and_waits_for_its_lease(
    pool: asyncpg.Pool, clock: FixedClock, figures: Figures, snapshots: Snapshots
) -> None:
    with pytest.raises(Died):
        await made(pool, clock, figures, watch=dies_after(4)).work()
    assert (await snapshots.status()).runs[-1].state == "started"
    assert await snapshots.work() == 0
    clock.advance(LEASE)
    assert (await snapshots.status()).runs[-1].state == "undone"
    assert await snapshots.work() == 1
    first = (await snapshots.status()).runs[-1]
    assert (first.state, first.attempts, first.figures) == ("done", 2, 2)


async def test_two_workers_do_each_day_once(
    pool: asyncpg.Pool, clock: FixedClock, figures: Figures, snapshots: Snapshots
) -> None:
    other = made(pool, clock, figures)
    for _ in range(FIRST_DAYS + 2):
        await asyncio.gather(snapshots.work(), other.work())
    assert await kept(pool) == whole(last_days(FIRST_DAYS), [0])
    assert [day for day, *_ in figures.asked] == last_days(FIRST_DAYS)


async def test_one_who_comes_back_too_late_writes_nothing(
    pool: asyncpg.Pool, clock: FixedClock, figures: Figures, snapshots: Snapshots
) -> None:
    late = made(pool, clock, figures)
    claim = await late._claim(YESTERDAY)
    assert claim is not None
    clock.advance(LEASE)
    assert await snapshots.work() == 1
    before = await kept(pool)
    monday = [read_choice("dau")]
    with pytest.raises(_Lost):
        await late._keep_one(claim, monday, 0, None)
    assert await kept(pool) == before


async def test_earlier_days_can_be_asked_for(
    pool: asyncpg.Pool, clock: FixedClock, figures: Figures, snapshots: Snapshots
) -> None:
    await snapshots.plan(YESTERDAY - timedelta(days=20))
    assert await until_current(snapshots) == 21
    assert await kept(pool) == whole(last_days(21), [0])
    with pytest.raises(BadInput, match="2026-03-31"):
        await snapshots.plan(YESTERDAY + timedelta(days=1))
    with pytest.raises(BadInput, match="days back"):
        await snapshots.plan(date(1999, 1, 1))


async def test_a_figure_that_fails_stops_no_other(pool: asyncpg.Pool, figures: Figures, snapshots: Snapshots) -> None:
    figures.broken = "launch_rate"
    await until_current(snapshots)
    assert {choice for _, _, choice in await kept(pool)} == {read_choice("repeat_purchase_rate?n=3").key}
    assert {run.failed for run in (await snapshots.status()).runs} == {1}


async def test_a_trend_is_of_one_choice_with_its_options(snapshots: Snapshots) -> None:
    await until_current(snapshots)
    assert len(await snapshots.trend("launch_rate")) == FIRST_DAYS
    assert len(await snapshots.trend("repeat_purchase_rate", options={"n": "3"})) == FIRST_DAYS
    assert await snapshots.trend("repeat_purchase_rate") == ()
    assert len(await snapshots.trend("launch_rate", since=YESTERDAY)) == 1


def test_a_choice_has_one_name() -> None:
    assert read_choice("repeat_purchase_rate?n=3") == choose("repeat_purchase_rate", {"n": "3", "basis": "days"})
    assert read_choice("repeat_purchase_rate?n=3").key == "repeat_purchase_rate?n=3"
    assert read_choice(read_choice("retention?start=Store Visited").key).options["start"] == "Store Visited"
    assert read_choice("launch_rate").definition != read_choice("dau").definition
    assert read_choice("repeat_purchase_rate?n=2&basis=days").key == "repeat_purchase_rate"
    assert trend([]) == ()


def test_an_option_of_a_later_release_changes_no_definition(monkeypatch: pytest.MonkeyPatch) -> None:
    before = [read_choice(text).definition for text in KPIS]
    for slug in ("launch_rate", "repeat_purchase_rate"):
        metric = catalog.get(slug)
        newer = replace(metric, options=(*metric.options, Option("later", "新", "New", "a", choices=("a", "b"))))
        monkeypatch.setitem(catalog.CATALOG, slug, newer)
    assert [read_choice(text).definition for text in KPIS] == before
    assert read_choice("launch_rate?later=b").definition not in before


@pytest.mark.parametrize(
    "text",
    ["retention?start_where=shop=S1", "retention?return_where=amount>=much", "rfm?money=1,2", "rfm?recency=9,8,7,6"],
)
def test_what_cannot_be_read_is_refused_when_chosen_as_when_asked(text: str) -> None:
    slug, _, given = text.partition("?")
    name, _, value = given.partition("=")
    facts = Facts(days=pl.LazyFrame(schema={}), today=YESTERDAY)
    with pytest.raises(BadOption) as asked:
        compute(slug, facts, Window(YESTERDAY, YESTERDAY), options={name: value})
    with pytest.raises(BadOption) as chosen:
        read_choice(text)
    assert str(chosen.value) == str(asked.value)
    assert "snapshot_kpis" in problems(ShopSettings(snapshot_kpis=(text,)))
