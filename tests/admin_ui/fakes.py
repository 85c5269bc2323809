"""A small shop for the pages: a customer frame in memory, the same every time."""

import random
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg
import polars as pl

from backend.lake.manifest import Manifest
from backend.lake.schemas import EVENTS_SCHEMA, ORDER_LINES_SCHEMA
from backend.services.campaign_desk.breakdowns import INSIDE, OUTSIDE, By, Labelled
from segments.customers import SCHEMA, days_column
from segments.events import EventName
from segments.frame import Glance, Progress
from segments.reduce.days import DAYS_SCHEMA
from segments.rules.masks import Masks
from segments.rules.rule import Did, Rule, conditions_of
from segments.windows import Window

TODAY = date(2026, 11, 21)
AS_OF = datetime(2026, 11, 22, 0, 30, tzinfo=UTC)
RANKS = ("レギュラー", "シルバー", "ゴールド", "プラチナ")
FAMILY = ("佐藤", "鈴木", "高橋", "田中", "伊藤", "渡辺", "山本", "中村", "小林", "加藤")
GIVEN = ("花子", "太郎", "美咲", "翔太", "陽菜", "蓮", "結衣", "大輔", "葵", "悠人")
CATEGORIES = ("食パン", "菓子パン", "サンドイッチ", "焼き菓子", "コーヒー")


@dataclass(frozen=True, slots=True)
class FakeView:
    """The customer frame at one moment."""

    frame: pl.LazyFrame
    as_of: datetime = AS_OF
    made_at: datetime = AS_OF
    seq: int = 1
    customers: int = 0
    day: date = TODAY
    figures: str = ""
    current: pl.Expr = field(default_factory=lambda: pl.lit(value=True))
    masks: Masks = field(default_factory=Masks)
    raw_since: date | None = None

    @property
    def rows(self) -> pl.LazyFrame:
        """Every row."""
        return self.frame


class FakeFrame:
    """A customer frame that stands still."""

    def __init__(self, customers: int = 400, today: date = TODAY) -> None:
        rows = [_row(number, today) for number in range(1, customers + 1)]
        lists = {days_column(str(event)): pl.List(pl.Date()) for event in EventName}
        self._frame = pl.DataFrame(rows, schema={**SCHEMA, **lists}).lazy()
        self.counting = False
        self.failing = False
        self.raw_since: date | None = None

    def empty(self) -> None:
        """Forget everyone."""
        self._frame = self._frame.clear()

    def read(self) -> FakeView:
        """The frame."""
        return FakeView(self._frame)

    async def read_for(self, _: Collection[Rule]) -> FakeView:
        """The frame."""
        return FakeView(self._frame, raw_since=self.raw_since)

    async def read_soon(self, rules: Collection[Rule]) -> Glance:
        """The frame; while ``counting``, every second one of the first hundred has done what a filter asks for."""
        view = await self.read_for(rules)
        asked = {one for rule in rules for one in conditions_of(rule) if isinstance(one, Did) and one.behaviour.where}
        if not (self.counting and asked):
            return Glance(view)
        every_second = pl.Series([place % 2 == 0 for place in range(100)])
        return Glance(view, pl.Series(range(100), dtype=pl.UInt32), dict.fromkeys(asked, every_second))

    async def progress(self, _: Collection[Rule]) -> Progress:
        """Not counted while ``counting``."""
        if self.counting:
            return Progress.FAILED if self.failing else Progress.COUNTING
        return Progress.COUNTED

    def manifest(self) -> Manifest:
        """Nothing is marked."""
        return Manifest()


def _row(number: int, today: date) -> dict[str, Any]:
    dice = random.Random(number)
    orders = dice.choice([0, 1, 1, 1, 2, 3, 5, 8, 13])
    days = sorted((today - timedelta(days=dice.randrange(0, 280)) for _ in range(orders)), reverse=True)
    joined = min([*days, today - timedelta(days=dice.randrange(0, 290))])
    launches = [today - timedelta(days=dice.randrange(0, 90)) for _ in range(dice.randrange(0, 20))]
    consented, address = dice.random() < 0.7, dice.random() < 0.8
    return {
        "customer_id": number,
        "as_of": today,
        "first_seen": joined,
        "last_seen": max([joined, *days, *launches]),
        "joined": joined,
        "rank": RANKS[min(3, orders // 3)],
        "points": orders * 128,
        "orders": orders,
        "purchase_days": len(set(days)),
        "spend": orders * dice.randrange(600, 2400),
        "first_order": days[-1] if days else None,
        "last_order": days[0] if days else None,
        "favorite_category": dice.choice(CATEGORIES) if days else None,
        "last_store": "shibuya" if days else None,
        "launches": len(launches),
        "last_launch": max(launches, default=None),
        "visits": orders,
        "coupons_held": dice.randrange(3),
        "coupons_used": dice.randrange(3),
        "gender": dice.choice(["female", "male", None]),
        "language": "ja",
        "consented": consented,
        "has_address": address,
        "reachable": consented and address,
        "test_account": False,
        days_column(str(EventName.ORDER_COMPLETED)): days,
        days_column(str(EventName.APPLICATION_OPENED)): sorted(launches, reverse=True),
    }


async def put_members(pool: asyncpg.Pool, customers: int = 400) -> None:
    """Names and devices for the rows of the frame, once."""
    if await pool.fetchval("SELECT count(*) FROM customers"):
        return
    people = [
        (
            f"M{number:06d}",
            AS_OF,
            1,
            {
                "family_name": FAMILY[number % 10],
                "given_name": GIVEN[number // 10 % 10],
                "email": f"m{number}@example.jp",
                "prefecture": "東京都",
            },
        )
        for number in range(1, customers + 1)
    ]
    await pool.executemany(
        "INSERT INTO customers (user_id, created_at, born_source_id, known_to_shop, traits)"
        " VALUES ($1, $2, $3, true, $4)",
        people,
    )
    await pool.execute(
        "INSERT INTO identities (kind, value, customer_id, proven, linked_at)"
        " SELECT 'user', user_id, customer_id, true, created_at FROM customers"
    )
    await pool.execute(
        "INSERT INTO devices (address, address_kind, customer_id, source_id, platform, permission, state, first_seen, last_seen)"
        " SELECT 'token-' || customer_id, 'token', customer_id, 1, 'android', 'granted', 'live', created_at, created_at"
        " FROM customers WHERE customer_id % 2 = 0"
    )


class FakeLabels:
    """Everybody's store by number."""

    async def of(self, by: By, *, day: date, at: datetime, segment_id: int | None, survivors: pl.LazyFrame) -> Labelled:
        if segment_id is not None:
            few = pl.LazyFrame({"customer_id": range(1, 40)}).with_columns(pl.lit(INSIDE).alias("label"))
            return Labelled(few, "launch", rest=OUTSIDE)
        stores = {"store": ("S01", "S02"), "language": ("ja", "en"), "platform": ("ios", "android")}[by]
        known = {"customer_id": range(1, 100), "label": [stores[number % 2] for number in range(1, 100)]}
        return Labelled(pl.LazyFrame(known), "today")


class FakeLake:
    """History that says what the frame says: launches and orders."""

    def __init__(self, customers: int = 120, today: date = TODAY) -> None:
        rows = [row for number in range(1, customers + 1) for row in _history(_row(number, today))]
        self._days = pl.DataFrame(rows, schema=dict(DAYS_SCHEMA), orient="row").lazy()

    def customer_days(self, buckets: Collection[int] | None = None) -> pl.LazyFrame:
        """Rows of customer_days."""
        return self._days if buckets is None else self._days.filter(pl.col("bucket").is_in(sorted(buckets)))

    def events(self, window: Window | None = None) -> pl.LazyFrame:
        """No events after the launch of a campaign."""
        return pl.LazyFrame(schema=EVENTS_SCHEMA)

    def order_lines(self, window: Window | None = None) -> pl.LazyFrame:
        """No order names its lines."""
        return pl.LazyFrame(schema=ORDER_LINES_SCHEMA)

    def raw_since(self) -> date | None:
        """Nothing was ever dropped."""
        return None

    def as_of(self) -> datetime:
        """Up to when facts are there."""
        return AS_OF


def _history(row: dict[str, Any]) -> list[dict[str, Any]]:
    orders = [("Order Completed", day, str(n)) for n, day in enumerate(row[days_column("Order Completed")])]
    launches = [("Application Opened", day, "") for day in row[days_column("Application Opened")]]
    devices = [("Device Seen", day, str(row["customer_id"])) for _, day, _ in launches]
    return [_fact(row["customer_id"], *each) for each in (*orders, *launches, *devices)]


def _fact(customer_id: int, event: str, day: date, key: str) -> dict[str, Any]:
    at = datetime(day.year, day.month, day.day, 3, tzinfo=UTC)
    known = {
        "bucket": customer_id % 16,
        "customer_id": customer_id,
        "business_day": day,
        "event": event,
        "key": f"{customer_id}{key}" if event == "Order Completed" else key,
        "detail": "shibuya" if event == "Order Completed" else "",
        "count": 1,
        "amount": 1000,
        "first_at": at,
        "last_at": at,
        "first_seq": customer_id,
        "trusted": True,
    }
    return {name: known.get(name) for name in DAYS_SCHEMA}
