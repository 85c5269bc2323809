"""The frame of a past day is the frame that stood then; the frame of today, made bit by bit, is the one made at once."""

import random
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import asyncpg
import polars as pl
import pytest

from backend.clock import FixedClock
from backend.errors import BadInput
from backend.lake.engine import PolarsEngine, engine_at
from backend.lake.frame import CustomerFrame
from backend.services.refresh import past
from backend.services.refresh.loop import Refresh
from backend.services.refresh.past import PastFrames
from segments.customers import DAYS_PREFIX
from segments.reduce.customers import REDUCED
from tests.services.refreshing import NOW, Shop, identify, opened, order, track

TODAY = date(2026, 4, 1)


async def live(shop: Shop, draw: random.Random, *, events: int, late: bool = True) -> None:
    """Random people do random things, some of them late, and turn out to be one another."""
    for _ in range(events):
        user, anonymous, number = f"u{draw.randint(0, 4)}", f"a{draw.randint(0, 4)}", f"o{draw.randint(0, 15)}"
        coupon = {"user": user, "coupon_id": draw.choice(("c1", "c2"))}
        kind, call = draw.choice(
            [
                ("app", opened(anonymous=anonymous)),
                ("app", identify(user=user, anonymous=anonymous)),
                ("app", track("Tasting", user=user)),
                ("app", order(number, draw.randint(1, 99), user=user)),
                ("server", order(number, draw.randint(1, 99), user=user)),
                ("server", track("Order Refunded", user=user, order_id=number, total=draw.randint(1, 99))),
                ("server", track("Order Cancelled", user=user, order_id=number)),
                ("server", track("Coupon Issued", **coupon)),
                ("server", track("Coupon Redeemed", **coupon)),
                ("app", track("Coupon Viewed", **coupon)),
                ("server", track("Membership Joined", user=user)),
                ("server", track("Membership Withdrawn", user=user)),
                ("server", track("Membership Rank Changed", user=user, rank=draw.choice(("gold", "silver")))),
            ]
        )
        back = timedelta(days=draw.randint(1, 20)) if late and draw.random() < 0.3 else timedelta()
        await shop.send(kind, call, at=shop.clock.now() - back)


async def with_coupons(pool: asyncpg.Pool) -> None:
    await pool.execute(
        "INSERT INTO coupons (coupon_id, title, valid_until, audience) "
        "VALUES ('c1', '{}', '2026-04-03', 'public'), ('c2', '{}', '2026-04-09', 'issued')"
    )


def rows(frame: pl.DataFrame, columns: Sequence[str] = ()) -> pl.DataFrame:
    found = frame.sort("customer_id")
    return found.select(columns or sorted(found.columns))


def pasts(shop: Shop, engine: str = "polars") -> PastFrames:
    return PastFrames(shop.pool, shop.clock, shop.lake, shop.frame, engine_at(engine))


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.prove)])
async def test_bit_by_bit_is_as_at_once(pool: asyncpg.Pool, tmp_path: Path, seed: int) -> None:
    shop, draw = Shop(pool, tmp_path), random.Random(seed)
    await with_coupons(pool)
    for turn in range(6):
        await live(shop, draw, events=12)
        await shop.refresh.run_once()
        if turn % 2:
            whole = CustomerFrame(tmp_path / f"whole{turn}")
            await Refresh(pool, shop.clock, shop.lake, whole).run_once()
            assert rows(whole.read().frame.collect()).equals(rows(shop.frame.read().frame.collect()))
        shop.pass_time(timedelta(days=draw.choice((0, 1, 3))))
    assert await pool.fetchval("SELECT count(*) FROM customers WHERE merged_into IS NOT NULL") > 0


async def test_a_past_day_is_as_it_stood(
    pool: asyncpg.Pool, tmp_path: Path, cluster: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, draw = Shop(pool, tmp_path), random.Random(3)
    await with_coupons(pool)
    await shop.send("server", *(order(f"x{n}", 5, user=f"u{n}") for n in range(5)))
    await shop.send("app", *(identify(user=f"u{n}", anonymous=f"a{n}") for n in range(5)))
    await live(shop, draw, events=30)
    await shop.refresh.run_once()
    stood = shop.frame.read().frame.collect()
    shop.pass_time(timedelta(days=5))
    await live(shop, draw, events=30, late=False)
    await shop.refresh.run_once()
    monkeypatch.setattr(past, "AT_ONCE", 2)
    assert await pasts(shop).write(TODAY, tmp_path / "then.parquet") == stood.height
    then = pl.read_parquet(tmp_path / "then.parquet")
    columns = [name for name in then.columns if name in stood.columns]
    assert {*columns} >= {*REDUCED}
    assert rows(then, columns).equals(rows(stood, columns))
    assert all(then.get_column(name).list.len().sum() == 0 for name in then.columns if name not in columns)
    await pasts(shop, cluster).write(TODAY, tmp_path / "there.parquet")
    assert rows(pl.read_parquet(tmp_path / "there.parquet")).equals(rows(then))


async def test_what_came_late_is_in_it_and_who_came_later_is_not(pool: asyncpg.Pool, tmp_path: Path) -> None:
    shop = Shop(pool, tmp_path)
    await shop.send("server", order("o1", 100, user="u1"))
    shop.pass_time(timedelta(days=9))
    await shop.send("server", order("o2", 50, user="u1"), at=NOW)
    await shop.send("server", order("o3", 70, user="u2"))
    await shop.refresh.run_once()
    assert await pasts(shop).write(TODAY, tmp_path / "then.parquet") == 1
    then = pl.read_parquet(tmp_path / "then.parquet")
    assert then.select("as_of", "orders", "spend").rows() == [(TODAY, 2, 150)]
    assert then.get_column(f"{DAYS_PREFIX}Order Completed").to_list() == [[TODAY, TODAY]]


async def test_before_everything_there_is_nobody(pool: asyncpg.Pool, tmp_path: Path) -> None:
    shop = Shop(pool, tmp_path)
    await shop.send("server", order("o1", 100, user="u1"))
    await shop.refresh.run_once()
    assert await pasts(shop).write(date(2020, 1, 1), tmp_path / "then.parquet") == 0
    assert {*pl.read_parquet_schema(tmp_path / "then.parquet")} >= {*REDUCED}


async def test_a_day_to_come_and_a_file_that_is_there_are_refused(pool: asyncpg.Pool, tmp_path: Path) -> None:
    past_frames = PastFrames(
        pool, FixedClock(NOW), Shop(pool, tmp_path).lake, CustomerFrame(tmp_path / "f"), PolarsEngine()
    )
    with pytest.raises(BadInput, match="has not come yet"):
        await past_frames.write(TODAY + timedelta(days=1), tmp_path / "x.parquet")
    (tmp_path / "there.parquet").write_bytes(b"mine")
    for file in (tmp_path / "there.parquet", tmp_path / "nowhere" / "x.parquet"):
        with pytest.raises(BadInput, match="name a new file"):
            await past_frames.write(TODAY, file)
    assert (tmp_path / "there.parquet").read_bytes() == b"mine"
