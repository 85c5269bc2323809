"""Behaviours of saved segments are kept in the frame by the refresh; a half-made column is never shown."""

import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import polars as pl
import pytest

from backend.lake import frame as frame_module
from backend.lake.frame import CustomerFrame
from backend.services.refresh import watching
from backend.services.refresh.loop import Refresh
from backend.services.segment_runs import SegmentRuns
from segments.rules.behaviour import Behaviour, Match, column_of
from segments.rules.rule import All, Did, Measure, Rule
from tests.services.refreshing import NOW, Shop, identify, order, track

ORDER = "Order Completed"
TEA = Behaviour(ORDER, (Match("category", "in", ("tea",)),))
NO_MILK = Behaviour(ORDER, (Match("store", "in", ("S1", "S2")), Match("category", "not_in", ("milk",))))
VISITED = Behaviour("Store Visited", (Match("store", "in", ("S1",)),))
VIEWED = Behaviour("Product Viewed", (Match("category", "not_in", ("tea",)),))
SPENT = Behaviour(ORDER, (Match("category", "in", ("tea",)),), keeps="amounts")
ALL = (TEA, NO_MILK, VISITED, VIEWED, SPENT)


@pytest.fixture
def shop(pool: asyncpg.Pool, tmp_path: Path) -> Shop:
    return Shop(pool, tmp_path)


def rule_of(*behaviours: Behaviour) -> Rule:
    return All(
        tuple(Measure(one, "sum", ">=", 0) if one.keeps == "amounts" else Did(one, "at_least", 1) for one in behaviours)
    )


async def save(shop: Shop, name: str, *behaviours: Behaviour) -> int:
    runs = SegmentRuns(shop.pool, shop.clock, shop.asked)
    return (await runs.create(name, rule_of(*behaviours), actor="aya")).segment.id


def stored(shop: Shop, *behaviours: Behaviour) -> list[bool]:
    columns = CustomerFrame(shop.frame.path).read().frame.collect_schema()
    return [column_of(one) in columns for one in behaviours]


async def lists_of(shop: Shop, behaviours: tuple[Behaviour, ...], frame: pl.LazyFrame) -> pl.DataFrame:
    return frame.select("customer_id", *map(column_of, behaviours)).sort("customer_id").collect()


def line(category: str) -> dict[str, Any]:
    return {"product_id": "p", "category": category, "quantity": 1, "price": 100}


async def test_a_saved_segments_behaviour_becomes_a_column_of_every_row(shop: Shop) -> None:
    await shop.send("server", *(order(f"o{n}", 100, user=f"u{n}", products=[line("tea")]) for n in range(4)))
    await shop.refresh.run_once()
    assert stored(shop, TEA) == [False]
    await save(shop, "tea", TEA)
    async with shop.pool.acquire() as connection:
        assert await shop.refresh._makers.is_filling(connection)
    await shop.refresh.run_once()
    assert stored(shop, TEA) == [True]
    async with shop.pool.acquire() as connection:
        assert not await shop.refresh._makers.is_filling(connection)


async def _fill_in_pieces(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "FILLED_AT_ONCE", 2)
    await shop.send("server", *(order(f"o{n}", 100, user=f"u{n}", products=[line("tea")]) for n in range(5)))
    await shop.refresh.run_once()
    figures = shop.frame.read().figures
    segment_id = await save(shop, "tea", TEA)
    runs = SegmentRuns(shop.pool, shop.clock, shop.asked)
    seen = []
    for _ in range(3):
        await shop.refresh.run_once()
        seen += stored(shop, TEA)
        assert (await runs.count(segment_id)).size == 5
        assert shop.frame.read().figures == figures != ""
    assert seen == [False, False, True]


async def test_until_every_row_has_it_a_column_is_not_shown_and_the_answer_is_right(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _fill_in_pieces(shop, monkeypatch)


async def test_a_column_that_is_shown_while_it_is_made_is_found_out(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frame_module, "is_watched", lambda _: False)
    with pytest.raises(AssertionError):
        await _fill_in_pieces(shop, monkeypatch)


async def _ask_leave_and_ask_again(shop: Shop) -> None:
    segment_id = await save(shop, "tea", TEA)
    await shop.send("server", order("o1", 100, user="u1", products=[line("tea")]))
    await shop.refresh.run_once()
    assert stored(shop, TEA) == [True]
    runs = SegmentRuns(shop.pool, shop.clock, shop.asked)
    await runs.archive(segment_id, actor="aya")
    await shop.send("server", order("o2", 100, user="u2", products=[line("tea")]))
    await shop.refresh.run_once()
    assert stored(shop, TEA) == [False]
    await runs.restore(segment_id, actor="aya")
    assert (await runs.count(segment_id)).size == 2
    await shop.refresh.run_once()
    assert stored(shop, TEA) == [True]
    assert (await runs.count(segment_id)).size == 2


async def test_a_behaviour_that_nobody_asked_for_meanwhile_is_made_whole_again(shop: Shop) -> None:
    await _ask_leave_and_ask_again(shop)


async def test_a_column_that_rows_lack_and_that_stays_is_found_out(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "marks_of_rows", lambda before, _: {"watched": before.get("watched", [])})
    with pytest.raises(AssertionError):
        await _ask_leave_and_ask_again(shop)


async def test_a_fill_that_died_goes_on(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "FILLED_AT_ONCE", 2)
    await shop.send("server", *(order(f"o{n}", 100, user=f"u{n}", products=[line("tea")]) for n in range(5)))
    await shop.refresh.run_once()
    await save(shop, "tea", TEA)

    def die(step: str) -> None:
        if step == "frame":
            raise OSError(step)

    dying = Refresh(shop.pool, shop.clock, shop.lake, shop.frame, watch=die)
    for _ in range(2):
        with pytest.raises(OSError, match="frame"):
            await dying.run_once()
    assert stored(shop, TEA) == [False]
    await shop.refresh.run_once()
    assert stored(shop, TEA) == [True]


async def _random_shop(shop: Shop, seed: int, rounds: int, each: int) -> None:
    """Watched, asked for, and made anew: the same after every refresh of a random history."""
    dice = random.Random(seed)
    await save(shop, "all", *ALL)
    numbers = iter(range(10**6))
    for _ in range(rounds):
        calls: list[tuple[str, dict[str, Any]]] = []
        for _ in range(each):
            user, number = f"u{dice.randrange(6)}", next(numbers)
            category, store = dice.choice(["tea", "milk", "bread"]), dice.choice(["S1", "S2", "S3"])
            calls.append(
                dice.choice(
                    [
                        (
                            "server",
                            order(
                                f"o{number % 17}",
                                dice.randrange(500),
                                user=user,
                                store_id=store,
                                products=[line(category)],
                            ),
                        ),
                        ("app", order(f"a{number % 5}", 100, user=user, products=[line(category)])),
                        ("server", track("Order Cancelled", user=user, order_id=f"o{number % 11}")),
                        ("server", track("Store Visited", user=user, store_id=store)),
                        ("app", track("Product Viewed", anonymous=f"d{number % 4}", category=category)),
                        ("app", identify(user=user, anonymous=f"d{number % 4}")),
                    ]
                )
            )
        for kind, call in calls:
            await shop.send(kind, call, at=NOW - timedelta(days=dice.randrange(20)))
        await shop.refresh.run_until_current()
        whole = await shop.asked.read_for([rule_of(*ALL)])
        assert stored(shop, *ALL) == [True] * len(ALL)
        bare = shop.frame.read().frame.drop([column_of(one) for one in ALL])
        asked = bare.select("customer_id")
        standing = await shop.asked._sources.standing()
        for behaviour in ALL:
            rows, _ = shop.asked._behaviours.rows(behaviour, shop.frame.read(), standing, None)
            asked = asked.join(rows.lazy(), on="customer_id", how="left").with_columns(
                pl.col(column_of(behaviour)).fill_null(pl.lit([], dtype=pl.List(pl.Date)))
            )
        assert (await lists_of(shop, ALL, whole.frame)).equals(await lists_of(shop, ALL, asked))
    anew = CustomerFrame(shop.frame.path.parent / "anew")
    again = Refresh(shop.pool, shop.clock, shop.lake, anew)
    await shop.pool.execute(
        "INSERT INTO touched_customers SELECT customer_id, now() FROM customers ON CONFLICT DO NOTHING"
    )
    await again.run_once()
    assert (await lists_of(shop, ALL, anew.read().frame)).equals(await lists_of(shop, ALL, shop.frame.read().frame))


async def test_watched_and_asked_for_are_the_same_after_each_refresh(shop: Shop) -> None:
    await _random_shop(shop, 1, rounds=2, each=20)


@pytest.mark.prove
@pytest.mark.parametrize("seed", range(10, 16))
async def test_watched_and_asked_for_are_the_same_in_long_histories(shop: Shop, seed: int) -> None:
    await _random_shop(shop, seed, rounds=8, each=40)
