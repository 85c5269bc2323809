"""A refresh whose rows a cluster reduces makes the frame that Polars makes."""

from datetime import timedelta
from pathlib import Path

import asyncpg
import polars as pl
import pytest

from backend.errors import Unavailable
from backend.lake.engine import engine_at
from backend.lake.frame import CustomerFrame
from backend.services.refresh import elsewhere
from backend.services.refresh.loop import Refresh
from backend.services.segment_runs import SegmentRuns
from segments.rules.parse import parse
from segments.watched import is_watched
from tests.fixtures.ports import free_port
from tests.services.refreshing import NOW, Shop, identify, opened, order, track


async def lived_in(pool: asyncpg.Pool, home: Path) -> Shop:
    """A shop with merges, late events, refunds, coupons of its own and events that it made up."""
    shop = Shop(pool, home)
    runs = SegmentRuns(pool, shop.clock, shop.asked)
    await runs.create(
        "tea",
        parse({"event": "Order Completed", "where": {"category": "tea"}, "sum": "amount", "op": ">=", "value": 1}),
        actor="aya",
    )
    await runs.create(
        "c1", parse({"event": "Coupon Viewed", "where": {"coupon": "c1"}, "op": "at_least", "times": 1}), actor="aya"
    )
    await pool.execute(
        "INSERT INTO coupons (coupon_id, title, valid_until, audience) VALUES ('c1', '{}', '2026-04-03', 'public')"
    )
    await shop.send("app", *(opened(anonymous=f"a{n}", token=f"t{n}") for n in range(4)))
    await shop.send("server", *(order(f"o{n}", 100 + n, user=f"u{n % 5}") for n in range(12)))
    await shop.refresh.run_once()
    await shop.send("app", *(identify(user=f"u{n}", anonymous=f"a{n}", token=f"t{n}") for n in range(3)))
    await shop.send("server", track("Order Refunded", user="u1", order_id="o1", total=101), track("Tasting", user="u2"))
    tea = {"product_id": "p1", "category": "tea", "quantity": 2, "price": 38}
    await shop.send("server", order("late", 77, user="u3", products=[tea]), at=NOW - timedelta(days=12))
    await shop.send("app", track("Coupon Viewed", user="u4", coupon_id="c1"))
    await shop.refresh.run_once()
    return shop


def rows(frame: CustomerFrame) -> pl.DataFrame:
    found = frame.read().frame.collect().sort("customer_id")
    return found.select(sorted(found.columns))


async def test_the_frame_is_the_same(
    pool: asyncpg.Pool, tmp_path: Path, cluster: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = await lived_in(pool, tmp_path)
    again = CustomerFrame(tmp_path / "again")
    monkeypatch.setattr(elsewhere, "AT_ONCE", 4)
    result = await Refresh(pool, shop.clock, shop.lake, again, engine=engine_at(cluster)).run_once()
    assert result.customers == shop.frame.read().customers > 4
    assert rows(again).equals(rows(shop.frame))
    assert len([name for name in rows(again).columns if is_watched(name)]) == 3
    assert again.read().seq == shop.frame.read().seq


async def test_without_the_cluster_nothing_is_made_and_nothing_lost(pool: asyncpg.Pool, tmp_path: Path) -> None:
    shop = await lived_in(pool, tmp_path)
    again = CustomerFrame(tmp_path / "again")
    gone = engine_at(f"spark://127.0.0.1:{free_port()}")
    with pytest.raises(Unavailable, match="No cluster answers"):
        await Refresh(pool, shop.clock, shop.lake, again, engine=gone).run_once()
    assert again.read().customers == 0
    await Refresh(pool, shop.clock, shop.lake, again).run_once()
    assert rows(again).equals(rows(shop.frame))
    assert len([name for name in rows(again).columns if is_watched(name)]) == 3


async def test_a_few_customers_need_no_cluster(pool: asyncpg.Pool, tmp_path: Path) -> None:
    shop = await lived_in(pool, tmp_path)
    gone = engine_at(f"spark://127.0.0.1:{free_port()}")
    await shop.send("server", order("o99", 5, user="u1"))
    assert (await Refresh(pool, shop.clock, shop.lake, shop.frame, engine=gone).run_once()).customers == 1
