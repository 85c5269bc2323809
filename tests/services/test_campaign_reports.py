"""Reports by store, language, platform and segment: everything adds up, and equals plain counting of the ledger."""

import random
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import asyncpg
import polars as pl
import pytest

from backend.errors import BadInput, NotFound
from backend.services.campaign_desk.breakdowns import INSIDE, OUTSIDE, By, CampaignBreakdowns, Labelled
from campaigns.campaign import Content, Text, Variant
from campaigns.effect import Verdict
from campaigns.figures import CampaignBreakdown
from campaigns.report import People
from campaigns.trigger import OnEvent
from tests.fixtures.shop_floor import NOON, ShopFloor, fact_frame

DEVICE_STATES = ("accepted", "accepted", "rejected", "unknown", "planned", "expired", "cancelled", "sending")
STORES = ("S01", "S02", "S03", None)
BOUGHT, TAPPED, REDEEMED = "Order Completed", "Push Notification Tapped", "Coupon Redeemed"


@dataclass
class HeldLabels:
    """Stores of people, in memory; who is even is in the segment."""

    stores: dict[int, str | None]

    async def of(self, by: By, *, day: date, at: datetime, segment_id: int | None, survivors: pl.LazyFrame) -> Labelled:
        if by == "segment":
            even = pl.LazyFrame({"customer_id": [one for one in self.stores if one % 2 == 0]})
            return Labelled(even.with_columns(pl.lit(INSIDE).alias("label")), "launch", rest=OUTSIDE)
        known = {"customer_id": list(self.stores), "label": list(self.stores.values())}
        return Labelled(pl.LazyFrame(known, schema={"customer_id": pl.Int64(), "label": pl.String()}), "today")


@dataclass
class Ledger:
    """A campaign with two variants whose ledger holds a bit of everything."""

    campaign_id: int
    people: dict[int, dict[str, Any]]
    devices: list[tuple[int, str]]
    stores: dict[int, str | None]


@pytest.fixture
async def floor(pool: asyncpg.Pool) -> ShopFloor:
    floor = ShopFloor(pool)
    await floor.settings()
    return floor


def variant(name: str) -> Variant:
    return Variant(name=name, share=50, content=Content(ja=Text(f"{name}です", "お待ちしています"), coupon_id="SPRING"))


async def filled(floor: ShopFloor, *, people: int = 240, **changes: Any) -> Ledger:
    """A ledger written row by row, so that every state is there, with facts of what people did."""
    dice = random.Random(6)
    made = await floor.campaign(holdout_percent=20.0, **{"variants": (variant("A"), variant("B")), **changes})
    number, ids = made.summary.campaign_id, await floor.people(people)
    ledger = Ledger(number, {}, [], {one: dice.choice(STORES) for one in ids})
    for one in ids:
        arm = dice.choice(("treated", "treated", "treated", "control", None))
        state = (
            dice.choice(("planned", "handed", "handed", "handed", "expired", "left_out")) if arm == "treated" else None
        )
        row = {
            "arm": arm,
            "variant": dice.choice("AB") if arm == "treated" else None,
            "left_out": dice.choice(("consent", "address")) if arm is None else None,
            "state": state,
            "reason": "frequency_cap" if state == "left_out" else None,
        }
        ledger.people[one] = row
        await _write(floor, ledger, one, row, dice)
    state = "sending" if changes.get("trigger") else "sent"
    await floor.pool.execute(
        "UPDATE campaigns SET state = $2, planned_at = $3, version = 1 WHERE campaign_id = $1", number, state, NOON
    )
    floor.facts.frame = fact_frame(_facts(ledger, dice))
    return ledger


async def _write(floor: ShopFloor, ledger: Ledger, one: int, row: dict[str, Any], dice: random.Random) -> None:
    await floor.pool.execute(
        """INSERT INTO campaign_people (customer_id, campaign_id, arm, variant, left_out, state, reason,
               planned_at, not_before, expires_at, changed_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $8, $8)""",
        one,
        ledger.campaign_id,
        *row.values(),
        NOON,
    )
    for number in range(dice.choice((1, 1, 2)) if row["state"] == "handed" else 0):
        state = dice.choice(DEVICE_STATES)
        ledger.devices.append((one, state))
        await floor.pool.execute(
            """INSERT INTO deliveries (campaign_id, customer_id, device_id, state, expires_at, changed_at, sent_at, retry_at)
               VALUES ($1, $2, $3, $4, $5, $5, $6, $7)""",
            ledger.campaign_id,
            one,
            one * 10 + number,
            state,
            NOON,
            NOON if state in ("accepted", "unknown") else None,
            NOON if state == "planned" else None,
        )


def _facts(ledger: Ledger, dice: random.Random) -> list[dict[str, Any]]:
    always = {"campaign_id": ledger.campaign_id, "delivery_id": 5, "coupon_id": "SPRING"}
    return [
        {
            "customer_id": one,
            "event": event,
            "occurred_at": NOON + timedelta(hours=dice.randint(1, 9 * 24)),
            "amount": dice.randint(100, 9_000),
            "order_key": one,
            **always,
        }
        for one in ledger.people
        for event in dice.sample((BOUGHT, TAPPED, REDEEMED), dice.randint(0, 3))
    ]


def breakdowns(floor: ShopFloor, ledger: Ledger) -> CampaignBreakdowns:
    return CampaignBreakdowns(floor.pool, facts=floor.facts, labels=HeldLabels(ledger.stores))


def whole(people: People) -> int:
    parts = (people.control, people.waiting, people.in_flight, people.accepted, people.failed, people.unknown)
    return sum(parts) + people.cancelled + people.expired + people.left_out_total


def in_window(floor: ShopFloor, event: str, people: set[int]) -> set[int]:
    ends = NOON + timedelta(days=7)
    rows = floor.facts.frame.filter((pl.col("event") == event) & (pl.col("occurred_at") < ends))
    return {one for one in rows.get_column("customer_id") if one in people}


async def test_every_slice_adds_up_and_equals_plain_counting(floor: ShopFloor) -> None:
    ledger = await filled(floor)
    floor.facts.moment = NOON + timedelta(days=30)
    found = await breakdowns(floor, ledger).report(ledger.campaign_id, "store")
    assert [each.label for each in found.slices][-1] is None
    assert {each.label for each in found.slices} == set(STORES)
    sizes = [each.people.targeted for each in found.slices[:-1]]
    assert sizes == sorted(sizes, reverse=True)
    for each in found.slices:
        mine = {one for one, store in ledger.stores.items() if store == each.label}
        assert each.people.targeted == len(mine) == whole(each.people)
        assert each.people.control == sum(ledger.people[one]["arm"] == "control" for one in mine)
        assert dict(each.devices) == Counter(state for one, state in ledger.devices if one in mine)
        for result in (*each.results.variants, each.results.control):
            arm = "control" if result.name == "control" else "treated"
            people = {one for one in mine if ledger.people[one]["arm"] == arm}
            people = {one for one in people if arm == "control" or ledger.people[one]["variant"] == result.name}
            assert result.arm.customers == len(people)
            assert result.arm.conversions == result.buyers == len(in_window(floor, BOUGHT, people))
            assert result.coupon_users == len(in_window(floor, REDEEMED, people))
            assert result.direct == len(in_window(floor, TAPPED, people))
    await _equals_the_report(floor, ledger, found)


async def _equals_the_report(floor: ShopFloor, ledger: Ledger, found: CampaignBreakdown) -> None:
    report = await floor.desk.report(ledger.campaign_id)
    assert report.results is not None
    assert sum(each.people.targeted for each in found.slices) == report.people.targeted == 240
    for name in ("control", "waiting", "accepted", "failed", "unknown", "expired", "left_out_total"):
        assert sum(getattr(each.people, name) for each in found.slices) == getattr(report.people, name)
    assert sum(Counter(each.devices).total() for each in found.slices) == sum(report.devices.values())
    for place in range(2):
        parts = [each.results.variants[place] for each in found.slices]
        assert sum(part.arm.amount for part in parts) == report.results.variants[place].arm.amount
    interval = found.slices[0].results.comparisons[0].effect.interval
    assert interval is not None
    assert interval.level == pytest.approx(1 - 0.05 / 4 / 2)


async def test_the_report_compares_each_variant_with_the_control(floor: ShopFloor) -> None:
    ledger = await filled(floor)
    floor.facts.moment = NOON + timedelta(days=30)
    report = await floor.desk.report(ledger.campaign_id)
    assert report.results is not None
    assert [one.name for one in report.results.variants] == ["A", "B"]
    assert [(one.name, one.against) for one in report.results.comparisons] == [("A", "control"), ("B", "control")]
    assert {one.effect.verdict for one in report.results.comparisons} == {Verdict.TOO_SMALL}
    assert sum(one.arm.customers for one in report.results.variants) == report.results.treated.arm.customers
    assert report.effect is not None
    assert report.effect.treated == report.results.treated.arm


async def test_by_segment_there_are_those_inside_and_the_others(floor: ShopFloor) -> None:
    ledger = await filled(floor, people=40)
    found = await breakdowns(floor, ledger).report(ledger.campaign_id, "segment", segment_id=3)
    assert {each.label: each.people.targeted for each in found.slices} == {INSIDE: 20, OUTSIDE: 20}
    assert found.basis == "launch"


async def test_who_was_merged_is_counted_under_the_survivors_label(floor: ShopFloor) -> None:
    ledger = await filled(floor, people=40)
    first, second = list(ledger.people)[:2]
    await floor.pool.execute("UPDATE customers SET merged_into = $1 WHERE customer_id = $2", first, second)
    ledger.stores |= {first: "S09"}
    del ledger.stores[second]
    found = await breakdowns(floor, ledger).report(ledger.campaign_id, "store")
    assert {each.label: each.people.targeted for each in found.slices}["S09"] == 2
    assert sum(each.people.targeted for each in found.slices) == 40


async def test_a_campaign_that_runs_on_shows_no_interval_before_its_end(floor: ShopFloor) -> None:
    ledger = await filled(
        floor, people=40, trigger=OnEvent(event="Store Visited"), hypothesis="近い方が来る", goal_target=10.0
    )
    floor.facts.moment = NOON + timedelta(days=30)
    report = await floor.desk.report(ledger.campaign_id)
    assert report.effect is not None
    assert (report.effect.interval, report.effect.ends_at) == (None, None)
    assert report.effect.difference is not None
    assert (report.goal.hypothesis, report.goal.target, report.goal.reached) == ("近い方が来る", 10.0, True)
    await floor.pool.execute("UPDATE campaigns SET state = 'sent' WHERE campaign_id = $1", ledger.campaign_id)
    ended = await floor.desk.report(ledger.campaign_id)
    assert ended.effect is not None
    assert ended.effect.interval is not None
    assert ended.effect.ends_at == NOON + timedelta(days=7)


async def test_what_cannot_be_parted_is_refused_and_what_was_dropped_is_said(floor: ShopFloor) -> None:
    ledger = await filled(floor, people=40)
    parted = breakdowns(floor, ledger)
    for by, segment_id in (("segment", None), ("store", 3), ("rank", None)):
        with pytest.raises(BadInput):
            await parted.report(ledger.campaign_id, by, segment_id=segment_id)  # type: ignore[arg-type]
    with pytest.raises(NotFound):
        await parted.report(99, "store")
    floor.facts.since = NOON.date() + timedelta(days=1)
    dropped = await parted.report(ledger.campaign_id, "store")
    assert (dropped.dropped, dropped.slices) == (True, ())
    draft = (await floor.campaign("Not yet")).summary.campaign_id
    assert (await parted.report(draft, "store")).slices == ()
