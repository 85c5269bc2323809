"""A shop's own events and properties, from the door to the answer; lakes of earlier releases among them."""

from datetime import timedelta
from pathlib import Path

import asyncpg
import polars as pl
import pytest

from backend.lake import schemas
from backend.lake.compaction import compact
from backend.lake.schemas import Table
from segments.rules.parse import parse
from tests.services.refreshing import NOW, Shop, order, track
from tests.services.test_asked_frame import who

RECIPE = "Recipe Viewed"


@pytest.fixture
def shop(pool: asyncpg.Pool, tmp_path: Path) -> Shop:
    return Shop(pool, tmp_path)


def asks(event: str = RECIPE, **where: object) -> object:
    own = {f"property:{name}": value for name, value in where.items()}
    return parse({"event": event, "op": "at_least", "times": 1, "where": own})


async def cook(shop: Shop) -> None:
    await shop.send(
        "app",
        track(RECIPE, user="a1", recipe_id="R1", tags=["tea", "hot"], minutes=25, email="a@example.com"),
        track(RECIPE, user="a2", recipe_id="R2", tags=["hot"], minutes="10", saved=True),
        track("Product Viewed", user="a1", product_id="P1", category="tea", brand="ito", price=180),
    )
    await shop.send("server", order("o1", 500, user="u1", gift=True))
    await shop.refresh.run_once()


async def test_each_kind_of_filter_answers(shop: Shop) -> None:
    await cook(shop)
    first, second = "a1", "a2"
    assert await who(shop, asks(recipe_id="R1")) == {first}
    assert await who(shop, asks(tags="hot")) == {first, second}
    assert await who(shop, asks(tags={"not_in": ["tea"]})) == {second}
    assert await who(shop, asks(minutes={"<": 20})) == {second}
    assert await who(shop, asks(saved=True)) == {second}
    assert await who(shop, asks(saved={"is_set": False})) == {first}
    assert await who(shop, asks("Order Completed", gift=True)) == {"u1"}
    assert await who(shop, asks("Product Viewed", price={">=": 180})) == {first}
    viewed = {"event": "Product Viewed", "op": "at_least", "times": 1}
    assert await who(shop, parse(viewed | {"where": {"product": "P1", "brand": "ito"}})) == {first}
    assert await who(shop, parse(viewed | {"where": {"brand": {"not_in": ["ito"]}}})) == set()
    assert await who(shop, parse({"event": RECIPE, "sum": "property:minutes", "op": ">=", "value": 20})) == {first}


async def test_what_says_who_somebody_is_never_reaches_the_lake(shop: Shop) -> None:
    await cook(shop)
    kept = shop.lake.events().select("properties").collect().get_column("properties")
    assert "recipe_id=R1" in kept.explode().to_list()
    assert not [entry for entry in kept.explode().drop_nulls() if "example" in entry]


async def test_a_lake_of_an_earlier_release_goes_on(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    old = {name: dtype for name, dtype in schemas.EVENTS_SCHEMA.items() if name != "properties"}
    with monkeypatch.context() as before:
        layout = schemas.Layout(old, "business_day", ("business_day", "customer_id", "seq"))
        before.setitem(schemas.LAYOUTS, Table.EVENTS, layout)
        await shop.send("app", track(RECIPE, user="a0", recipe_id="R1"), at=NOW - timedelta(minutes=9))
        await shop.refresh.run_once()
    assert "properties" not in shop.lake.open(Table.EVENTS).schema().to_arrow().names
    assert await who(shop, asks(recipe_id="R1")) == set()
    await cook(shop)
    assert await who(shop, asks(recipe_id="R1")) == {"a1"}
    assert await who(shop, asks(recipe_id={"is_set": False})) == {"a0"}
    before_it = shop.lake.events().sort("seq").collect()
    compact(shop.lake)
    after = shop.lake.events().sort("seq").collect()
    assert len({*shop.lake.files(Table.EVENTS)}) < before_it.height
    assert after.equals(before_it)
    assert after.schema["properties"] == pl.List(pl.String)
