"""Traits that a shop uses in segments: chosen in its settings, columns for rules, never what says who somebody is."""

from pathlib import Path

import asyncpg
import pytest

from backend.errors import BadInput
from backend.services.refresh import watching
from backend.services.segment_runs import SegmentRuns
from backend.services.shop import Shop as Settings
from segments.rules.parse import parse
from segments.shop_traits import refused_names, refused_values
from tests.services.refreshing import Shop, identify


@pytest.fixture
def shop(pool: asyncpg.Pool, tmp_path: Path) -> Shop:
    return Shop(pool, tmp_path)


async def use(shop: Shop, *names: str) -> tuple[str, ...]:
    settings = await Settings(shop.pool, shop.clock).change({"segment_traits": list(names)}, actor="aya")
    return settings.segment_traits


async def size(shop: Shop, name: str, op: str, value: object) -> int:
    runs = SegmentRuns(shop.pool, shop.clock, shop.asked)
    return (await runs.preview(parse({"attribute": f"trait:{name}", "op": op, "value": value}))).count.size


@pytest.fixture
async def people(shop: Shop) -> Shop:
    await shop.send(
        "app", identify(user="u1", anonymous="a1", plan="pro", visits=12, interests=["tea", "bread"], vip=True)
    )
    await shop.send(
        "app", identify(user="u2", anonymous="a2", plan="free", visits=3, interests=["milk"], since="2026-03-02")
    )
    await shop.send("app", identify(user="u3", anonymous="a3", plan="x" * 101, contact="u3@example.com"))
    await shop.refresh.run_once()
    return shop


async def test_rules_ask_traits_as_what_they_hold(people: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await size(people, "visits", ">=", 10) == 0
    assert await use(people, "visits", "interests", "vip", "since") == ("visits", "interests[]", "vip", "since")
    monkeypatch.setattr(watching, "FILLED_AT_ONCE", 2)
    seen = []
    for _ in range(3):
        seen.append("trait:visits" in people.frame.read().frame.collect_schema())
        assert await size(people, "visits", ">=", 10) == 1
        assert await size(people, "interests", "has_any", ["tea", "milk"]) == 2
        assert await size(people, "interests", "has_all", ["tea", "bread"]) == 1
        assert await size(people, "since", "on_or_after", "2026-03-01") == 1
        await people.refresh.run_once()
    assert seen == [False, False, True]
    await people.send("app", identify(user="u2", anonymous="a2", visits=50))
    await people.refresh.run_once()
    assert await size(people, "visits", ">=", 10) == 2


async def test_what_says_who_somebody_is_is_refused(people: Shop) -> None:
    for names in (["contact"], ["plan"], ["phoneNumber"], ["a", "a"], [f"t{n}" for n in range(31)]):
        with pytest.raises(BadInput) as refusal:
            await use(people, *names)
        assert refusal.value.field == "segment_traits"
    assert (await Settings(people.pool, people.clock).get()).segment_traits == ()


@pytest.mark.parametrize(
    "name", ["email", "Mail", "first_name", "firstName", "postal_code", "自宅住所", "電話", "zip", "phone_number"]
)
def test_names_that_look_personal_are_refused(name: str) -> None:
    assert refused_names([name]) is not None


@pytest.mark.parametrize("name", ["plan", "favourite_store", "利用目的", "tenant", "addressable"])
def test_other_names_are_taken(name: str) -> None:
    assert refused_names([name]) is None


@pytest.mark.parametrize(
    "value", ["a@b.jp", "090-1234-5678", "+81 90 1234 5678", "東京都渋谷区道玄坂1-2-3", "x" * 101, ["ok", "a@b.jp"]]
)
def test_values_that_look_personal_are_refused(value: object) -> None:
    assert refused_values("plan", [value]) is not None


@pytest.mark.parametrize("value", ["pro", 12, True, "東京都", "2026-01-01", 4_000_000_000, ["tea"]])
def test_other_values_are_taken(value: object) -> None:
    assert refused_values("plan", [value]) is None
