"""What the ledger and everyone decide is told of a sample's people as it is told of everyone."""

from datetime import timedelta
from typing import Any

import polars as pl
import pytest

from backend.services.segment_runs import SegmentRuns
from segments.membership import members
from segments.metrics import worked_out
from segments.rules.behaviour import Behaviour, Match
from segments.rules.rule import Attribute, Condition, Did, Measure, Within
from tests.services.refreshing import NOW, Shop, identify, order, track
from tests.services.test_asked_frame import launched
from tests.services.test_sample import drawn, history, people, shop, standing

__all__ = ["shop"]  # the fixture


async def compare(shop: Shop, rule: Condition) -> tuple[int, int]:
    """The sample's people of whom a rule holds are those of everyone's; of how many it does, and does not."""
    shop.asked._counting._head_start = 3_600
    shop.asked._kept._held.clear()
    glance = await shop.asked.read_soon([rule])
    assert list(glance.sampled) == [rule], "it was not estimated"
    asked = glance.view.rows.select("customer_id").collect().to_series()[glance.places]
    told = {*asked.filter(glance.sampled[rule].fill_null(value=False))}
    view = await shop.asked.read_for([rule])
    holds = {*members(view.frame, rule).select("customer_id").collect().to_series()}
    assert {*asked} == await people(shop)
    assert told == holds & {*asked}
    return len(told), len(asked) - len(told)


async def test_what_campaigns_did_is_asked_of_the_samples_people_alone(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await history(shop)
    await shop.send("app", *(identify(user=f"u{n}", anonymous=f"a{n}") for n in range(20)))
    await shop.refresh.run_once()
    await drawn(shop)
    treated = {f"u{n}": "control" if n % 5 == 0 else "treated" for n in range(40)}
    first = await launched(shop, "spring", treated, {f"u{n}": timedelta(hours=n) for n in range(0, 40, 2)})
    some = {f"u{n}": treated[f"u{n}"] for n in range(40) if n % 4 < 3}
    second = await launched(shop, "summer", some, dict.fromkeys(some, timedelta(hours=30)))
    taps = (track("Push Notification Tapped", user=f"u{n}", campaign_id=first, delivery_id=7) for n in range(0, 40, 3))
    buys = (order(f"again {n}", 50 * n, user=f"u{n}") for n in range(1, 40, 2))
    await shop.send("app", *taps)
    await shop.send("server", *buys)
    await shop.refresh.run_once()
    own, survivors = await people(shop), (await standing(shop)).survivors
    before = {survivor: number for number, survivor in survivors.items() if survivor in own}
    assert before, "nobody of the sample was ever two"
    for ledger in ("deliveries", "campaign_people"):  # what they got before they were known
        for survivor, number in before.items():
            await shop.pool.execute(
                f"UPDATE {ledger} SET customer_id = $1 WHERE customer_id = $2 AND campaign_id = $3",
                number,
                survivor,
                first,
            )
    asked: list[list[int] | None] = []
    sources = type(shop.asked._sources)
    received, everyones = sources.received, sources.hand_received

    async def of_some(self: Any, campaigns: list[int] | None, customers: list[int]) -> object:
        asked.append(customers)
        return await received(self, campaigns, customers)

    async def of_everyone(self: Any, campaigns: list[int] | None, to: Any) -> None:
        asked.append(None)
        await everyones(self, campaigns, to)

    monkeypatch.setattr(sources, "received", of_some)
    monkeypatch.setattr(sources, "hand_received", of_everyone)
    named, either = (Match("campaign", "in", tuple(map(str, each))) for each in ((first,), (first, second)))
    for rule in (
        Did(Behaviour("Campaign Received", (named,)), "at_least", 1),
        Did(Behaviour("Campaign Received", (either,)), "at_least", 2),
        Did(Behaviour("Campaign Received", minutes=2_000), "at_least", 1, Within(2_000, "minutes")),
        Did(Behaviour("Campaign Opened", (named,)), "at_least", 1),
        Did(Behaviour("Campaign Converted", (either,)), "at_least", 2),
        Measure(Behaviour("Campaign Converted", (named,), keeps="amounts"), "sum", ">=", 700),
        Attribute("days_since_push", "=", 1),
    ):
        holds, fails = await compare(shop, rule)
        assert holds, rule
        assert fails, rule
    numbers = {*own} | {number for number, survivor in survivors.items() if survivor in own}
    assert [None if one is None else {*one} for one in asked] == [numbers, None] * 3


async def test_what_everyone_decides_is_told_of_a_sample(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    await history(shop)
    for days in (400, 100, 70):
        some = (order(f"o{n} {days}", 50, user=f"u{n}") for n in range(40) if (n + days) % 3)
        await shop.send("server", *some, at=NOW - timedelta(days=days))
    await shop.send("server", *(track("Survey Answered", user=f"u{n}", score=n % 11) for n in range(40)))
    await shop.refresh.run_once()
    await drawn(shop)
    told = [await compare(shop, Attribute("life_cycle", "is", state)) for state in ("active", "new", "returned")]
    assert sum(holds for holds, _ in told)
    holds, fails = await compare(shop, Attribute("nps_score", ">=", 5))
    assert holds * fails
    runs = SegmentRuns(shop.pool, shop.clock, shop.asked)
    few = await runs.preview(Attribute("ltv_12m", ">=", 1), soon=True)
    assert (few.about, few.count.size) == (None, 0)  # of these few nothing follows for everyone: everyone is counted
    assert (await runs.preview(Attribute("rfm_group", "is", "new"), soon=True)).about is None
    of_everyone = worked_out.OF_EVERYONE["rfm_group"]
    monkeypatch.setitem(worked_out.OF_SAMPLE, "rfm_group", lambda facts, day: pl.concat(of_everyone(facts, day)))
    shop.asked._kept._held.clear()
    soon = await runs.preview(Attribute("rfm_group", "is_not", "hibernating"), soon=True)
    assert soon.about is not None
    assert soon.about.asked == len(await people(shop))


async def test_rows_that_are_being_made_anew_are_waited_for(shop: Shop) -> None:
    await history(shop)
    await drawn(shop)
    manifest = shop.frame.manifest()
    marks = {name: words for name, words in manifest.marks.items() if name != "figures"}
    view = shop.frame.read()
    rows = view.frame.limit(1).drop("as_of").collect()
    assert rows.height
    shop.frame.write(
        rows.clear(), day=manifest.day, at=manifest.at, seq=manifest.seq, epoch=manifest.epoch, marks=marks
    )
    glance = await shop.asked.read_soon([Attribute("life_cycle", "is", "new")])
    assert not glance.sampled
    assert "life_cycle" in glance.view.frame.collect_schema()
