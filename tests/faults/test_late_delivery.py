"""F25: events that come days late, in any order, again and again, in any batches, give the answer of events that came once and in order.

They go the whole way: over HTTP through the intake, by refreshes at any moment, into lake and frame, and from there into every
figure of the catalogue. Customers are born in another order, so they are compared by their ids.
"""

import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import httpx
import polars as pl
import pytest

from backend.asgi import create_app
from backend.services.insights import Insights
from backend.services.refresh import projection
from backend.services.sources import Sources
from backend.settings import Settings
from backend.store import refresh
from backend.store.pool import open_pool
from backend.wiring import open_intake
from segments import intake, plain_event
from segments.history import under_survivors
from segments.metrics.catalog import CATALOG
from tests.api.conftest import client_of, living
from tests.faults.late_story import BEGIN, END, Request, Told, as_networks_do, in_order, story
from tests.fixtures.database import own_database
from tests.services.refreshing import Shop

pytestmark = pytest.mark.fault

FEW, SHORT, LONG = 16, 110, 300
SELDOM = 0.1
"""A refresh costs more than everything else: the ordinary tests have fewer of them than the long form."""
OPTIONS: dict[str, dict[str, object]] = {
    "funnel": {"step1": "Application Opened", "step2": "Coupon Viewed", "step3": "Order Completed"},
    "f2_conversion": {"days": 20},
    "fn_conversion": {"days": 20},
    "retention": {"unit": "day", "horizon": 5},
}
BY = {"repeat_purchase_rate": "store", "launch_rate": "platform", "coupon_uses": "rank"}


@dataclass(frozen=True, slots=True)
class Place:
    """An installation: its intake as clients see it, and what is behind it."""

    shop: Shop
    client: httpx.AsyncClient
    keys: Mapping[str, str]

    async def deliver(self, requests: Sequence[Request], *, pause: random.Random | None, often: float = 0.3) -> None:
        """Send everything at its time, refreshing in between by chance and at the end."""
        for request in requests:
            self.shop.clock.advance(max(request.at - self.shop.clock.now(), timedelta()))
            body = {"batch": request.calls, "sentAt": self.shop.clock.now().isoformat()}
            answer = await self.client.post("/v1/batch", json=body, auth=(self.keys[request.kind], ""))
            assert answer.status_code == 200
            if pause is not None and pause.random() < often:
                await self.shop.refresh.run_until_current()
        self.shop.clock.advance(END - self.shop.clock.now())
        await self.shop.refresh.run_until_current()


@asynccontextmanager
async def opened_at(dsn: str, home: Path) -> AsyncIterator[Place]:
    """A new installation on an empty database."""
    pool = await open_pool(dsn)
    try:
        shop = Shop(pool, home)
        shop.clock.advance(BEGIN - shop.clock.now())
        await pool.execute(
            "INSERT INTO coupons (coupon_id, title, valid_until) VALUES ('c1', '{}', '2026-03-20'), ('c2', '{}', '2026-04-20')"
        )
        sources = Sources(pool, shop.clock)
        keys = {kind: (await sources.create(f"the {kind}", kind=kind)).write_key for kind in ("app", "server")}
        settings = Settings(home=home, database_url=dsn, role="intake")
        async with open_intake(settings, clock=shop.clock) as services:
            server = create_app(services, "intake")
            async with living(server), client_of(server) as client:
                yield Place(shop, client, keys)
    finally:
        await pool.close()


@pytest.fixture
async def other_dsn(server_dsn: str) -> AsyncIterator[str]:
    """A second database, for the delivery that the first is compared with."""
    async with own_database(server_dsn) as address:
        yield address


async def answers(shop: Shop, *, slugs: Iterable[str] = CATALOG) -> dict[str, Any]:
    """Everything that somebody could be shown, with people called by their ids; of the catalogue these figures."""
    names = await _names(shop)
    survivors = dict(await shop.pool.fetch("SELECT customer_id, coalesce(merged_into, customer_id) FROM customers"))
    return {
        "log": await shop.pool.fetchval("SELECT count(*) FROM event_log"),
        "failed": await shop.pool.fetchval("SELECT count(*) FROM failed_events"),
        "people": sorted(names.values()),
        "events": _named(_under(shop.lake.events(), survivors).drop("seq", "received_at"), names),
        "lines": _named(_under(shop.lake.order_lines(), survivors).drop("seq"), names),
        "days": _named(_days(_under(shop.lake.customer_days(), survivors)), names),
        "addresses": await _addresses(shop, names),
        "frame": _named(shop.frame.read().frame.drop("orders:first_seq"), names),
        "figures": await _figures(shop, slugs),
    }


async def _names(shop: Shop) -> dict[int, str]:
    ids: dict[int, list[str]] = {}
    for row in await shop.pool.fetch("SELECT customer_id, kind, value FROM identities ORDER BY kind, value"):
        ids.setdefault(row["customer_id"], []).append(f"{row['kind']} {row['value']}")
    return {number: ", ".join(own) for number, own in ids.items()}


async def _addresses(shop: Shop, names: Mapping[int, str]) -> list[tuple[Any, ...]]:
    rows = await shop.pool.fetch("SELECT address, customer_id, state, last_seen FROM devices ORDER BY address")
    return [(row["address"], names[row["customer_id"]], row["state"], row["last_seen"]) for row in rows]


def _under(rows: pl.LazyFrame, survivors: Mapping[int, int]) -> pl.LazyFrame:
    return under_survivors(rows, {one: other for one, other in survivors.items() if one != other})


def _days(rows: pl.LazyFrame) -> pl.LazyFrame:
    apart = ("customer_id", "business_day", "event", "key", "detail", "trusted")
    return rows.group_by(apart).agg(
        pl.col("count", "amount").sum(), pl.col("first_at").min(), pl.col("last_at").max()
    )  # fmt: skip


def _named(rows: pl.LazyFrame, names: Mapping[int, str]) -> list[dict[str, Any]]:
    found = rows.collect().with_columns(pl.col("customer_id").replace_strict(names, return_dtype=pl.String))
    return sorted(found.select(sorted(found.columns)).to_dicts(), key=repr)


async def _figures(shop: Shop, slugs: Iterable[str]) -> dict[str, Any]:
    insights = Insights(shop.pool, shop.clock, shop.lake, shop.asked)
    found = {}
    for slug in slugs:
        result = await insights.kpi(slug, options=OPTIONS.get(slug), by=BY.get(slug))
        groups = [(one.group, _figure(one.measured)) for one in result.breakdown.groups] if result.breakdown else []
        found[slug] = (_figure(result.measured), groups)
    return found


def _figure(measured: Any) -> tuple[Any, ...]:
    return (
        measured.numerator,
        measured.denominator,
        pytest.approx(measured.value) if isinstance(measured.value, float) else measured.value,
        measured.incomplete,
        measured.notes,
        measured.table,
        measured.sheet,
    )


def different(found: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    """Names of what is not the same; of figures each by its own."""
    parts = [name for name in expected if name != "figures" and found[name] != expected[name]]
    figures = [slug for slug, figure in found["figures"].items() if figure != expected["figures"][slug]]
    return [*parts, *figures]


async def both(dsn: str, other_dsn: str, home: Path, told: list[Told], seed: int) -> tuple[Any, Any]:
    """The answers of the untidy delivery and of the tidy one."""
    chance = random.Random(seed)
    async with opened_at(dsn, home / "late") as late:
        await late.deliver(as_networks_do(told, chance), pause=chance)
        found = await answers(late.shop)
    async with opened_at(other_dsn, home / "tidy") as tidy:
        await tidy.deliver(in_order(told), pause=None)
        return found, await answers(tidy.shop)


async def _touch_the_punctual(connection: Any, *, customer_ids: set[int]) -> None:
    """Only those of whom something came on the day on which it happened."""
    today = """SELECT DISTINCT customer_id FROM customer_timeline
               WHERE received_day = (SELECT max(received_day) FROM customer_timeline) AND occurred_at::date = received_day"""
    punctual = {row[0] for row in await connection.fetch(today)}
    await refresh.touch(connection, customer_ids=customer_ids & punctual)


_TIDY: dict[tuple[int, int, tuple[str, ...]], dict[str, Any]] = {}


@pytest.fixture
async def tidily(other_dsn: str, tmp_path: Path) -> Callable[..., Awaitable[dict[str, Any]]]:
    """The answers of the tidy delivery of a story (seed, size, figures); worked out once for all tests of it."""

    async def ask(seed: int, size: int, slugs: Iterable[str] = CATALOG) -> dict[str, Any]:
        key = (seed, size, tuple(slugs))
        if key not in _TIDY:
            async with opened_at(other_dsn, tmp_path / "tidy") as tidy:
                await tidy.deliver(in_order(story(seed, size=size)), pause=None)
                _TIDY[key] = await answers(tidy.shop, slugs=key[-1])
        return _TIDY[key]

    return ask


async def untidily(
    dsn: str, home: Path, told: list[Told], seed: int, *, often: float = 0.3, **asked: Any
) -> dict[str, Any]:
    """The answers of the untidy delivery, with refreshes at any moment."""
    chance = random.Random(seed)
    async with opened_at(dsn, home / "late") as late:
        await late.deliver(as_networks_do(told, chance), pause=chance, often=often)
        return await answers(late.shop, **asked)


async def test_late_shuffled_and_repeated_is_as_once_and_in_order(dsn: str, tmp_path: Path, tidily: Any) -> None:
    told, expected = story(7, size=SHORT), await tidily(7, SHORT)
    found = await untidily(dsn, tmp_path, told, 1, often=SELDOM)
    assert different(found, expected) == []
    assert (found["log"], found["failed"], len(found["events"])) == (len(told), 0, len(told))
    happened = Counter(one.call.get("event", one.call["type"]) for one in told)
    assert Counter(row["event"] for row in found["events"]) == happened
    assert sum(row["launches"] for row in found["frame"]) == happened["Application Opened"]
    answered = [slug for slug, (figure, _) in expected["figures"].items() if figure[0]]
    assert len(answered) >= 25, "figures of nothing are equal whatever comes"


@pytest.mark.prove
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(24))
async def test_late_shuffled_and_repeated_at_length(dsn: str, tmp_path: Path, tidily: Any, seed: int) -> None:
    expected = await tidily(100 + seed, LONG)
    assert different(await untidily(dsn, tmp_path, story(100 + seed, size=LONG), seed), expected) == []


async def test_saboteur_ids_forgotten(dsn: str, tmp_path: Path, tidily: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """No event is one that was seen before: what comes again is counted again, in lake, frame and figures."""
    expected = await tidily(37, FEW, ["coupon_uses"])
    for reader in (intake, plain_event):
        monkeypatch.setattr(reader, "event_id_of", lambda *_: uuid4())
    found = await untidily(dsn, tmp_path, story(37, size=FEW), 1, often=SELDOM, slugs=["coupon_uses"])
    wrong = {*different(found, expected)}
    assert wrong >= {"log", "events", "days", "frame", "coupon_uses"}


@pytest.mark.prove
async def test_saboteur_rows_of_late_days_left_as_they_are(
    dsn: str, tmp_path: Path, tidily: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever did something only on a day that is over keeps his row: history is whole, the frame is not."""
    expected = await tidily(7, SHORT)
    monkeypatch.setattr(projection, "refresh", SimpleNamespace(**{**vars(refresh), "touch": _touch_the_punctual}))
    found = await untidily(dsn, tmp_path, story(7, size=SHORT), 1, slugs=[])
    wrong = {*different(found, expected)}
    assert "frame" in wrong
    assert wrong.isdisjoint({"log", "events", "days"})
