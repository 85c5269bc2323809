"""Thresholds by version: once a month from history, unless a person set them; figures use the one of their window's start."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from backend.clock import FixedClock
from backend.errors import BadInput
from backend.services.insights import Insights
from backend.services.life_cycle import LifeCycle
from backend.services.shop import Shop as Settings
from segments.metrics.thresholds import Thresholds
from segments.windows import Window
from tests.services.refreshing import NOW, Shop, order

TODAY = date(2026, 4, 1)
"""Also a first of a month: the business day of `NOW`."""


class History:
    """Gives thresholds, and remembers for which days they were asked."""

    def __init__(self) -> None:
        self.asked: list[date] = []
        self.provisional = False

    async def derive(self, since: date) -> Thresholds:
        self.asked.append(since)
        return Thresholds(version=0, since=since, t1=20 + since.month, t2=50, t3=100, provisional=self.provisional)


@pytest.fixture
def history() -> History:
    return History()


def life_cycle(pool: asyncpg.Pool, history: History, *, days: int = 0) -> LifeCycle:
    return LifeCycle(pool, FixedClock(NOW + timedelta(days=days)), derive=history.derive)


async def versions(pool: asyncpg.Pool, history: History) -> list[tuple[int, date, int, bool]]:
    return [
        (one.thresholds.version, one.thresholds.since, one.thresholds.t1, one.derived)
        for one in await life_cycle(pool, history).versions()
    ]


async def test_a_month_has_one_version_from_the_history_before_it(pool: asyncpg.Pool, history: History) -> None:
    done = [await life_cycle(pool, history, days=days).derive_due() for days in (14, 14, 29, 30)]
    assert done == [1, 0, 0, 1]
    assert history.asked == [TODAY, date(2026, 5, 1)]
    assert await versions(pool, history) == [(1, TODAY, 24, True), (2, date(2026, 5, 1), 25, True)]


async def test_workers_that_come_at_once_add_one_version(pool: asyncpg.Pool, history: History) -> None:
    done = await asyncio.gather(*(life_cycle(pool, history).derive_due() for _ in range(4)))
    assert sum(done) == 1
    assert len(await versions(pool, history)) == 1


async def test_the_month_is_that_of_the_business_day(pool: asyncpg.Pool, history: History) -> None:
    settings = Settings(pool, FixedClock(NOW))
    await settings.save(replace(await settings.get(), day_starts=4), actor="test")
    just_before = datetime(2026, 4, 30, 18, 59, tzinfo=UTC)  # 3:59 of 1 May in Tokyo
    await LifeCycle(pool, FixedClock(just_before), derive=history.derive).derive_due()
    assert history.asked == [TODAY]


async def test_provisional_thresholds_are_not_stored(pool: asyncpg.Pool, history: History) -> None:
    history.provisional = True
    assert await life_cycle(pool, history).derive_due() == 0
    assert await versions(pool, history) == []


async def test_what_a_person_set_holds_until_he_lets_it_go(pool: asyncpg.Pool, history: History) -> None:
    await life_cycle(pool, history).derive_due()
    made = await life_cycle(pool, history, days=9).set(45, 90, 180, actor="aya@example.com")
    assert (made.thresholds.version, made.thresholds.since, made.derived) == (2, TODAY + timedelta(days=9), False)
    assert await life_cycle(pool, history, days=40).derive_due() == 0
    await life_cycle(pool, history, days=45).follow_history(actor="ken@example.com")
    assert await life_cycle(pool, history, days=46).derive_due() == 0
    assert await life_cycle(pool, history, days=61).derive_due() == 1
    assert [row[2:] for row in await versions(pool, history)] == [(24, True), (45, False), (25, True), (26, True)]
    written = await pool.fetch("SELECT actor, action, detail FROM audit_log ORDER BY at")
    assert [tuple(row)[:2] for row in written] == [
        ("aya@example.com", "life_cycle.set"),
        ("ken@example.com", "life_cycle.follow"),
    ]
    assert written[0]["detail"] == {"t1": 45, "t2": 90, "t3": 180, "since": "2026-04-10"}


@pytest.mark.parametrize("days", [(0, 1, 2), (5, 5, 9), (9, 5, 20), (1, 2, 3651)])
async def test_thresholds_that_do_not_rise_are_refused(
    pool: asyncpg.Pool, history: History, days: tuple[int, int, int]
) -> None:
    with pytest.raises(BadInput, match="rise"):
        await life_cycle(pool, history).set(*days, actor="test")
    assert await versions(pool, history) == []


async def bought(installation: Shop, days: Sequence[int], people: int) -> None:
    for ago in days:
        calls = [order(f"o{who}-{ago}", 100, user=f"u{who}") for who in range(people)]
        await installation.send("server", *calls, at=NOW - timedelta(days=ago))
    await installation.refresh.run_once()


async def test_figures_use_the_version_in_force_when_their_window_began(pool: asyncpg.Pool, tmp_path: Path) -> None:
    installation = Shop(pool, tmp_path)
    insights = Insights(pool, installation.clock, installation.lake, installation.asked)
    await bought(installation, (400, 90, 60), people=3)
    own = LifeCycle(pool, FixedClock(NOW - timedelta(days=35)), derive=insights.derive_thresholds)
    window = Window(TODAY - timedelta(days=36), TODAY - timedelta(days=10))
    before = (await insights.kpi("churn_rate", window=window)).measured
    assert "thresholds_derived" in before.notes
    await own.set(10, 20, 40, actor="test")
    stored = (await insights.kpi("churn_rate", window=Window(window.first + timedelta(days=1), window.last))).measured
    assert (stored.numerator, stored.denominator) == (3, 3)
    assert stored.sheet is not None
    assert stored.sheet.rows == ((10, 20, 40, 1, window.first + timedelta(days=1), False),)
    assert (await insights.kpi("churn_rate", window=window)).measured == before


async def test_thresholds_come_from_the_lake(pool: asyncpg.Pool, tmp_path: Path) -> None:
    installation = Shop(pool, tmp_path)
    insights = Insights(pool, installation.clock, installation.lake, installation.asked)
    await bought(installation, (400, 300, 270), people=260)
    made = await insights.derive_thresholds(TODAY)
    assert (made.t1, made.t2, made.t3, made.provisional) == (100, 114, 228, False)
    assert (await insights.derive_thresholds(TODAY - timedelta(days=270))).provisional
    assert (await insights.kpi("life_cycle_states")).measured.denominator == 260
