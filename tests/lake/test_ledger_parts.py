"""What campaigns did to everyone is the same worked out of some customers at a time as of all of them at once."""

import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import cast

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from backend.lake import parting
from backend.lake.asked_sources import Rows, Sources, Standing
from backend.lake.ledger_parts import WholeLedger
from backend.lake.ledger_rows import Ledger
from backend.lake.parting import PLACE
from backend.lake.tables import Lake
from campaigns.messages import Launched
from segments.calendar import BusinessCalendar
from segments.reduce.days import BUCKETS
from segments.rules.behaviour import Behaviour, Match
from segments.rules.packing import pack_occurrences
from segments.windows import Window

NOW = datetime(2026, 5, 20, tzinfo=UTC)
PEOPLE, ROWS = 70, 500
CAMPAIGNS = [
    Launched(number, goal, NOW - timedelta(days=days), NOW - timedelta(days=days - 7))
    for number, goal, days in ((1, "Order Completed", 30), (2, "Store Visited", 20), (3, "Order Completed", 9))
]
EVENTS = ["Order Completed", "Order Refunded", "Push Notification Tapped", "Store Visited", "Application Opened"]
AMOUNTS = [None, 100, 250]
NAMED = Match("campaign", "in", ("1", "3"))
BEHAVIOURS = [
    Behaviour("Campaign Received", (NAMED,)),
    Behaviour("Campaign Received", (Match("campaign", "not_in", ("2",)),)),
    Behaviour("Campaign Received", minutes=60 * 24 * 20),
    Behaviour("Campaign Opened"),
    Behaviour("Campaign Opened", (NAMED,), until=date(2026, 5, 12)),
    Behaviour("Campaign Converted"),
    Behaviour("Campaign Converted", (Match("campaign", "in", ("2",)),), keeps="amounts"),
    Behaviour("Campaign Converted", (NAMED,), keeps="amounts"),
    Behaviour("Campaign Converted", (Match("campaign", "in", ("9",)),)),
]


@dataclass
class Told:
    """A ledger that tells everyone some rows at a time, and of some customers all their rows."""

    pushes: pl.DataFrame
    people: pl.DataFrame
    piece: int

    async def launched(self, campaigns: list[int] | None) -> list[Launched]:
        return [one for one in CAMPAIGNS if campaigns is None or one.campaign_id in campaigns]

    async def received(self, campaigns: list[int] | None, customers: list[int]) -> pl.DataFrame:
        return self._received(campaigns).filter(pl.col("customer_id").is_in(customers))

    async def hand_received(self, campaigns: list[int] | None, to: Rows) -> None:
        self._hand(self._received(campaigns), to)

    async def last_pushes(self, customers: list[int]) -> pl.DataFrame:
        return self._last().filter(pl.col("customer_id").is_in(customers))

    async def hand_last_pushes(self, to: Rows) -> None:
        self._hand(self._last(), to)

    async def arms(self, campaigns: list[int], customers: list[int]) -> pl.DataFrame:
        return self._arms(campaigns).filter(pl.col("customer_id").is_in(customers))

    async def hand_arms(self, campaigns: list[int], to: Rows) -> None:
        self._hand(self._arms(campaigns), to)

    def _received(self, campaigns: list[int] | None) -> pl.DataFrame:
        chosen = self.pushes if campaigns is None else self.pushes.filter(pl.col("campaign_id").is_in(campaigns))
        return chosen.group_by("campaign_id", "customer_id").agg(pl.col("at").min())

    def _last(self) -> pl.DataFrame:
        return self.pushes.group_by("customer_id").agg(pl.col("at").max())

    def _arms(self, campaigns: list[int]) -> pl.DataFrame:
        return self.people.filter(pl.col("campaign_id").is_in(campaigns)).unique()

    def _hand(self, rows: pl.DataFrame, to: Rows) -> None:
        for piece in rows.iter_slices(self.piece):
            to(piece)


class Happened:
    """A lake of these events."""

    def __init__(self, events: pl.DataFrame) -> None:
        self._events = events.lazy()

    def events(self, window: Window) -> pl.LazyFrame:
        return self._events.filter(pl.col("business_day").is_between(window.first, window.last))

    def rows_in(self, *_: object) -> pl.LazyFrame:
        return self._events.head(0)


def world(dice: random.Random) -> tuple[Told, pl.DataFrame, dict[int, int]]:
    """A ledger, what everyone did, and who was merged with whom."""

    def whom() -> int:
        return dice.randrange(1, PEOPLE)

    def moment() -> datetime:
        return NOW - timedelta(minutes=dice.randrange(60 * 24 * 35))

    at = pl.Datetime("us", "UTC")
    pushes = [(dice.randrange(1, 4), whom(), moment()) for _ in range(ROWS)]
    people = [(dice.randrange(1, 4), whom(), dice.choice(["treated", "treated", "control"])) for _ in range(ROWS // 3)]
    did = [
        (
            whom(),
            dice.choice(EVENTS),
            moment(),
            dice.random() < 0.8,
            *map(dice.choice, (AMOUNTS, [None, 1, 2, 3], [None, 0, 7])),
        )
        for _ in range(3 * ROWS)
    ]
    columns = {
        "customer_id": pl.Int64,
        "event": pl.String,
        "occurred_at": at,
        "trusted": pl.Boolean,
        "amount": pl.Int64,
    }
    events = pl.DataFrame(did, schema=columns | {"campaign_id": pl.Int32, "delivery_id": pl.Int64}, orient="row")
    days = events.with_columns(pl.col("occurred_at").dt.date().alias("business_day"))
    told = Told(
        pl.DataFrame(pushes, schema={"campaign_id": pl.Int32, "customer_id": pl.Int64, "at": at}, orient="row"),
        pl.DataFrame(people, schema={"campaign_id": pl.Int32, "customer_id": pl.Int64, "arm": pl.String}, orient="row"),
        piece=dice.choice([1, 17, ROWS]),
    )
    absorbed = dice.sample(range(1, PEOPLE), 20)
    return told, days, {one: dice.choice([n for n in range(1, PEOPLE) if n not in absorbed]) for one in absorbed}


@pytest.mark.parametrize("size", [1, 2, 40, 10_000])
async def test_parts_tell_what_the_whole_does(size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parting, "STEP", 2 * BUCKETS)
    monkeypatch.setattr(parting, "ROWS", size)
    told, events, survivors = world(random.Random(size))
    standing = Standing(
        now=NOW,
        calendar=BusinessCalendar("UTC"),
        exclude_test_accounts=True,
        thresholds=(),
        traits={},
        merge_version=1,
        survivors=survivors,
        ledger=0,
        lists={},
    )
    sources, verified = cast("Sources", told), frozenset({"Order Completed"})
    merged = events.with_columns(pl.col("customer_id").replace(survivors))
    once = Ledger(sources, standing, verified, lambda _: merged.lazy(), [*range(1, PEOPLE)])
    whole = WholeLedger(sources, cast("Lake", Happened(events)), standing, verified, tmp_path)
    for behaviour in BEHAVIOURS:
        expected = pack_occurrences((await once.rows(behaviour)).lazy(), behaviour).sort(PLACE).collect()
        found = await whole.behaviour(behaviour)
        same(found, expected)
        assert found.is_empty() == (behaviour == BEHAVIOURS[-1])
    same(await whole.days_since_push(NOW.date()), (await once.days_since_push(NOW.date())).sort(PLACE))
    assert empty(tmp_path)


def empty(folder: Path) -> bool:
    return not any(folder.iterdir())


def same(found: pl.DataFrame, expected: pl.DataFrame) -> None:
    """The same rows in order; of one day amounts stand in any."""
    lists = [name for name, dtype in expected.schema.items() if dtype == pl.List(pl.Int64)]
    inside = [pl.col(name).list.sort() for name in lists]
    assert_frame_equal(found.with_columns(inside), expected.with_columns(inside))
    places = found.select(PLACE).to_series().to_list()
    assert all(one < other for one, other in pairwise(places))
