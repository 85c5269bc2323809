"""What is said of a sample while everyone is counted: the same facts, the same people, and nobody who is gone."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import polars as pl
import pytest

from backend.lake import sample_making
from backend.lake.asked_sources import Standing
from backend.lake.behaviours import Behaviours, sampled_rows
from backend.lake.dropping import drop_before
from backend.lake.forgetting import forget
from backend.lake.sample import FOLDER, Sampled
from backend.lake.sample_files import read_index, read_rows
from backend.lake.schemas import Table
from backend.services.refresh.sampling import Sampling
from backend.services.rule_facts import RuleFacts
from backend.services.segment_runs import SegmentRuns
from segments import sampling
from segments.frame import Progress
from segments.rules.behaviour import Behaviour, Match, Then
from segments.rules.rule import Did
from tests.services.refreshing import NOW, Shop, identify, order, track

ORDER = "Order Completed"
TEA = Behaviour(ORDER, (Match("category", "in", ("tea",)),))
ASKED = (
    TEA,
    Behaviour(ORDER, (Match("product", "in", ("p1",)),), keeps="amounts"),
    Behaviour(ORDER, (Match("amount", ">=", 300),)),
    Behaviour("Store Visited", (Match("store", "in", ("S1",)),)),
    Behaviour("Store Visited", then=Then(ORDER, within_hours=48)),
    Behaviour("Store Visited", minutes=600),
    Behaviour("Product Viewed", (Match("platform", "in", ("ios",)),)),
    Behaviour("Product Viewed", (Match("category", "not_in", ("tea",)),)),
    Behaviour("Product Viewed", (Match("brand", "in", ("ito",)),)),
    Behaviour("Store Visited", (Match("property:seats", ">=", 20_000),), keeps="amounts", measured="property:seats"),
)


@pytest.fixture
def shop(pool: asyncpg.Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setattr(sampling, "PEOPLE", 12)
    monkeypatch.setattr(sample_making, "LEAST", 1)
    return Shop(pool, tmp_path)


def bought(number: int, category: str) -> dict[str, Any]:
    line = {"product_id": f"p{number % 2}", "category": category, "quantity": 1, "price": 100}
    return order(f"o{number}{category}", 100 + 20 * number, user=f"u{number}", products=[line])


async def history(shop: Shop) -> None:
    """Forty members who bought, half of them tea, and looked and visited; some of it two days ago."""
    await shop.send(
        "server",
        *(track("Store Visited", user=f"u{n}", store_id=f"S{n % 2}", seats=n % 4) for n in range(40)),
        at=NOW - timedelta(days=1),
    )
    await shop.send("server", *(bought(n, "tea" if n % 2 else "bread") for n in range(40)))
    await shop.send(
        "app", *(track("Product Viewed", anonymous=f"a{n}", category="bread", brand="ito") for n in range(20))
    )
    await shop.refresh.run_once()


async def drawn(shop: Shop) -> None:
    while shop.refresh._sampling.is_lacking():
        await shop.refresh.run_once()


async def standing(shop: Shop) -> Standing:
    return await RuleFacts(shop.pool, shop.clock).standing()


async def sampled(shop: Shop) -> Sampled:
    found = shop.asked._sample.at((await standing(shop)).survivors)
    assert found is not None
    return found


async def people(shop: Shop) -> set[int]:
    """Who is in the sample."""
    view = shop.frame.read()
    places = shop.asked._sample.places(await sampled(shop), view.rows, view.current)
    return {*view.rows.select("customer_id").collect().to_series()[places]}


async def compare(shop: Shop) -> None:
    """Of its people the sample says what all of history says."""
    who, now = await people(shop), await standing(shop)
    view, found = shop.frame.read(), await sampled(shop)
    own = pl.col("customer_id").is_in(sorted(who))
    told = 0
    for behaviour in ASKED:
        whole, _ = Behaviours(shop.lake, shop.frame.path.parent / "scratch").rows(behaviour, view, now, None)
        part = sampled_rows(behaviour, found, view, now=now.now)
        assert part.filter(own).sort("customer_id").equals(whole.filter(own).sort("customer_id")), behaviour
        told += whole.filter(own).height
    assert told


async def count_of(shop: Shop, user: str) -> int:
    return int(await shop.pool.fetchval("SELECT customer_id FROM identities WHERE kind = 'user' AND value = $1", user))


async def test_the_sample_knows_of_its_people_what_history_knows(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample_making, "ROWS_AT_ONCE", 50)
    await history(shop)
    assert shop.refresh._sampling.is_lacking()  # one piece was drawn, the day before is left
    await drawn(shop)
    assert 4 <= len(await people(shop)) <= 25
    await compare(shop)


async def test_news_and_merges_are_in_it_at_once(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    await history(shop)
    await drawn(shop)
    before = await people(shop)
    await shop.send("server", *(bought(n, "tea") for n in range(40, 60)), *(bought(n, "coffee") for n in range(20)))
    await shop.send("app", *(identify(user=f"u{n}", anonymous=f"a{n}") for n in range(20)))
    await shop.refresh.run_once()
    await compare(shop)
    after, survivors = await people(shop), (await standing(shop)).survivors
    lacking = {survivor for number, survivor in survivors.items() if survivor in before and number not in before}
    assert lacking, "nobody in the sample took over a number whose history was not drawn"
    assert lacking.isdisjoint(after)
    assert after - before, "nobody new is in it"
    monkeypatch.setattr(sample_making, "BEHIND", 0)
    monkeypatch.setattr(sample_making, "BETWEEN_LOOKS", 1)
    upto = (await sampled(shop)).index.upto
    await shop.refresh.run_once()
    assert (await sampled(shop)).index.upto > upto
    assert await people(shop) == after
    await compare(shop)


async def test_an_erased_person_is_in_none_of_its_files(shop: Shop) -> None:
    await history(shop)
    await drawn(shop)
    folder = shop.frame.path / FOLDER
    erased = min(await people(shop))
    index = read_index(folder)
    assert index is not None
    assert any(erased in read_rows(folder, index.tables[what])["customer_id"] for what in ("events", "days"))
    await shop.pool.execute("UPDATE customers SET erased_at = now() WHERE customer_id = $1", erased)
    await shop.refresh.forget([erased])
    index = read_index(folder)
    assert index is not None
    for stored in index.tables.values():
        assert erased not in read_rows(folder, stored)["customer_id"]
    assert {path.name for path in folder.glob("*.arrow")} == {stored.name for stored in index.tables.values()}
    assert erased not in await people(shop)


async def test_a_process_that_has_begun_draws_nobody_whom_another_erased(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Sampling(shop.lake, shop.frame)
    monkeypatch.setattr(sample_making, "ROWS_AT_ONCE", 50)
    await history(shop)
    assert shop.refresh._sampling.is_lacking()  # today was looked through, the day before is left
    folder = shop.frame.path / FOLDER
    everyone = pl.DataFrame({"customer_id": [await count_of(shop, f"u{n}") for n in range(40)]})
    erased = everyone.filter(sampling.drawn() < sampling.limit_for(shop.frame.manifest().customers)).item(0, 0)
    forget(shop.lake, [erased])
    await other.forget([erased])
    async with shop.pool.acquire() as connection:
        while shop.refresh._sampling.is_lacking():
            await shop.refresh._sampling.keep_up(connection)
    index = read_index(folder)
    assert index is not None
    assert [what for what, stored in index.tables.items() if erased in read_rows(folder, stored)["customer_id"]] == []


async def test_what_another_process_has_drawn_is_not_followed_without_its_merges(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample_making, "ROWS_AT_ONCE", 50)
    await history(shop)
    late, other = shop.refresh._sampling, Sampling(shop.lake, shop.frame)
    async with shop.pool.acquire() as connection:
        while other.is_lacking():
            await other.keep_up(connection)
        monkeypatch.setattr(sample_making, "BEHIND", 0)
        monkeypatch.setattr(sample_making, "BETWEEN_LOOKS", 1)
        top = (await sampled(shop)).index.top
        await shop.send("server", *(bought(n, "tea") for n in range(40, 60)))
        await shop.refresh.run_once()
        await late.keep_up(connection)
    assert (await sampled(shop)).index.top >= top > 0
    await compare(shop)


async def test_what_was_dropped_from_the_lake_is_not_in_it_either(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    await history(shop)
    await drawn(shop)
    for table in (Table.ORDER_LINES, Table.EVENTS):
        drop_before(shop.lake, table, NOW.date())
    await compare(shop)
    monkeypatch.setattr(sample_making, "BETWEEN_LOOKS", 1)
    await shop.send("server", bought(99, "tea"))
    await shop.refresh.run_once()
    rows = read_rows(shop.frame.path / FOLDER, (await sampled(shop)).index.tables["events"])
    assert rows.filter(pl.col("business_day") < NOW.date()).is_empty()
    await compare(shop)


async def test_a_preview_estimates_and_then_counts(shop: Shop) -> None:
    runs = SegmentRuns(shop.pool, shop.clock, shop.asked)
    shop.asked._counting._head_start = 0
    rule = Did(TEA, "at_least", 1)
    assert (await runs.preview(rule, soon=True)).about is None  # there is no sample of nobody
    await history(shop)
    await drawn(shop)
    soon = await runs.preview(rule, soon=True)
    assert soon.about is not None
    assert soon.about.size.low <= 20 <= soon.about.size.high
    assert sum(group.size for group in soon.groups) == pytest.approx(soon.count.size, abs=5)
    assert {person.customer_id for person in soon.sample} <= await people(shop)
    for _ in range(200):
        if await runs.progress(rule) is Progress.COUNTED:
            break
        await asyncio.sleep(0.02)
    exact = await runs.preview(rule, soon=True)
    assert exact.about is None
    assert exact.count.size == (await runs.preview(rule)).count.size == 20
    assert {person.customer_id for person in soon.sample} <= {person.customer_id for person in exact.sample}
    whole = Did(Behaviour(ORDER, (Match("category", "in", ("bread",)),)), "at_least", 1)
    (shop.frame.path / FOLDER / (await sampled(shop)).index.tables["events"].name).unlink()
    (shop.frame.path / FOLDER / (await sampled(shop)).index.tables["days"].name).unlink()
    damaged = await runs.preview(whole, soon=True)
    assert (damaged.about, damaged.count.size) == (None, 20)
    await shop.refresh._sampling.forget([1])  # it cannot be read: it is given up, not stumbled over for ever
    assert shop.refresh._sampling.is_lacking()


async def test_a_sample_of_an_earlier_release_is_drawn_anew_and_holds_no_erased_person(shop: Shop) -> None:
    await history(shop)
    await drawn(shop)
    folder = shop.frame.path / FOLDER
    index = folder / "sample.json"
    index.write_bytes(index.read_bytes().replace(b'"layout":2', b'"layout":1'))
    assert shop.asked._sample.at((await standing(shop)).survivors) is None
    before = {path.name for path in folder.glob("*.arrow")}
    sample_making.SampleMaker(shop.lake, folder).forget([1])
    assert before
    assert not [*folder.glob("*.arrow")]
    await drawn(shop)
    await compare(shop)


async def test_a_damaged_sample_is_passed_over(shop: Shop) -> None:
    await history(shop)
    await drawn(shop)
    folder = shop.frame.path / FOLDER
    for path in folder.glob("*.arrow"):
        path.write_bytes(b"x" * 100)
    found = await SegmentRuns(shop.pool, shop.clock, shop.asked).preview(Did(TEA, "at_least", 1), soon=True)
    assert (found.about, found.count.size) == (None, 20)


async def test_what_was_counted_a_moment_ago_answers_as_of_then(shop: Shop) -> None:
    await history(shop)
    await drawn(shop)
    runs = SegmentRuns(shop.pool, shop.clock, shop.asked)
    shop.asked._counting._head_start = 3_600
    rule = Did(TEA, "at_least", 1)
    assert (await runs.preview(rule)).count.size == 20
    await shop.send("server", bought(0, "tea"))
    await shop.refresh.run_once()
    soon = await runs.preview(rule, soon=True)
    assert (soon.about, soon.count.size) == (None, 20)
    assert (await runs.preview(rule)).count.size == 21
    shop.pass_time(timedelta(minutes=3))
    await shop.send("server", bought(2, "tea"))
    await shop.refresh.run_once()
    assert (await runs.preview(rule, soon=True)).about is not None
