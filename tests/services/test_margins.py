"""Margin rates by version: figures go by the one in force on an order's day."""

import asyncio
from datetime import date, timedelta
from pathlib import Path

import asyncpg
import pytest

from backend.clock import FixedClock
from backend.errors import BadInput
from backend.services.insights import Insights
from backend.services.margins import MOST, Margins
from segments.windows import Window
from tests.services.refreshing import NOW, Shop, order

TODAY = date(2026, 4, 1)
"""The business day of `NOW`."""


def margins(pool: asyncpg.Pool) -> Margins:
    return Margins(pool, FixedClock(NOW))


async def test_a_version_is_in_force_from_its_day_until_the_next_begins(pool: asyncpg.Pool) -> None:
    for default, begins in (
        (100, TODAY),
        (200, TODAY + timedelta(days=1)),
        (300, TODAY - timedelta(days=9)),
        (400, None),
    ):
        await margins(pool).add(default=default, categories={}, valid_from=begins, actor="aya@example.com")
    listed = [(one.rates.version, one.rates.default) for one in await margins(pool).versions()]
    assert listed == [(3, 300), (1, 100), (4, 400), (2, 200)]
    held = await margins(pool).in_force()
    assert held is not None
    assert held.rates.version == 4
    written = await pool.fetch("SELECT actor, action, object, detail FROM audit_log ORDER BY audit_id")
    assert tuple(written[0]) == (
        "aya@example.com",
        "margin_rates.add",
        "version 1",
        {"default": 100, "categories": {}, "valid_from": "2026-04-01"},
    )


async def test_people_who_save_at_once_are_numbered_one_after_the_other(pool: asyncpg.Pool) -> None:
    made = await asyncio.gather(*(margins(pool).add(default=n, categories={}, actor="x") for n in range(4)))
    assert sorted(one.rates.version for one in made) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("default", "categories", "begins"),
    [
        (10_001, {}, None),
        (-1, {}, None),
        (None, {"tea": 10_001}, None),
        (None, {"": 5}, None),
        (None, {" tea": 5}, None),
        (None, {"x" * 201: 5}, None),
        (None, {str(n): 5 for n in range(MOST + 1)}, None),
        (5, {}, date(1989, 12, 31)),
        (5, {}, TODAY + timedelta(days=367)),
    ],
)
async def test_what_cannot_be_is_refused(
    pool: asyncpg.Pool, default: int | None, categories: dict[str, int], begins: date | None
) -> None:
    with pytest.raises(BadInput):
        await margins(pool).add(default=default, categories=categories, valid_from=begins, actor="x")
    assert await margins(pool).versions() == ()


async def test_a_new_version_changes_the_figure_at_once(pool: asyncpg.Pool, tmp_path: Path) -> None:
    shop = Shop(pool, tmp_path)
    insights = Insights(pool, shop.clock, shop.lake, shop.asked)
    await shop.send("server", order("o1", 1000, user="u1"), at=NOW - timedelta(days=3))
    await shop.refresh.run_once()
    window = Window(TODAY, TODAY)
    before = (await insights.kpi("ltv_margin", window=window)).measured
    assert (before.value, before.notes) == (None, ("margin_unknown",))
    await margins(pool).add(default=2500, categories={}, valid_from=TODAY - timedelta(days=3), actor="x")
    after = (await insights.kpi("ltv_margin", window=window)).measured
    assert (after.numerator, after.denominator, after.notes) == (250, 1, ())
