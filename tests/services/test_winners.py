"""Tests of variants in the ledger: who waits, who decides once, what the rest is sent, and what stops it; on a real database."""

import asyncio
from collections import Counter
from datetime import time, timedelta
from typing import Any

import asyncpg
import polars as pl
import pytest

from backend.cli.campaign_texts import tell_dry_run
from backend.services.campaign_desk import winners
from backend.services.campaign_desk.winners import CampaignTests
from backend.services.people import People
from backend.store import campaigns
from campaigns.campaign import Content, State, Text, Variant
from campaigns.trigger import Recurring
from campaigns.winner import Otherwise, Why, WinnerRule, in_test
from segments.windows import Window
from tests.fixtures.shop_floor import NOON, ShopFloor, fact_frame
from tests.services.frames import HeldFrame

FOUR = timedelta(hours=4)
TWO = tuple(Variant(name=name, share=50, content=Content(ja=Text(f"{name}です", "どうぞ"))) for name in "AB")
RULE = WinnerRule(test_percent=50, wait=FOUR)


@pytest.fixture
async def floor(pool: asyncpg.Pool) -> ShopFloor:
    floor = ShopFloor(pool)
    await floor.settings()
    return floor


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tens of people stand for thousands: what a small test may say is asked in tests/campaigns/test_winner.py."""
    monkeypatch.setattr("campaigns.winner.SMALLEST_ARM", 1)
    monkeypatch.setattr("campaigns.winner.FEWEST_CONVERSIONS", 0)


def deciding(floor: ShopFloor) -> CampaignTests:
    return CampaignTests(floor.pool, floor.clock, facts=floor.facts)


async def rows(floor: ShopFloor, number: int) -> list[asyncpg.Record]:
    return list(await floor.pool.fetch("SELECT * FROM campaign_people WHERE campaign_id = $1", number))


async def tapped(floor: ShopFloor, number: int, variant: str) -> None:
    """Everybody in the test who got this variant taps it."""
    theirs = [row["customer_id"] for row in await rows(floor, number) if row["variant"] == variant and not row["rest"]]
    always = {"event": "Push Notification Tapped", "occurred_at": floor.clock.now(), "campaign_id": number}
    floor.facts.frame = fact_frame([{"customer_id": one, "delivery_id": 5, **always} for one in theirs])


async def tried_out(floor: ShopFloor, people: int = 60, **changes: Any) -> int:
    """A campaign whose test went out, and everybody of B tapped, at the moment of the decision."""
    await floor.people(people)
    number = await floor.launched(**{"variants": TWO, "winner": RULE, **changes})
    await floor.drain()
    await tapped(floor, number, "B")
    floor.clock.advance(FOUR)
    floor.facts.moment = floor.clock.now()
    return number


def titles(floor: ShopFloor) -> Counter[str]:
    return Counter(message.title for message in floor.sender.sent)


async def test_a_part_is_tested_and_the_rest_gets_what_came_out_best(floor: ShopFloor) -> None:
    await floor.people(60)
    number = await floor.launched(variants=TWO, winner=RULE, holdout_percent=20.0)
    salt = await floor.pool.fetchval("SELECT salt FROM campaigns WHERE campaign_id = $1", number)
    made = await rows(floor, number)
    people = pl.DataFrame({"customer_id": [row["customer_id"] for row in made]})
    drawn = people.select(in_test(salt, test_percent=50)).to_series().to_list()
    assert [not row["rest"] for row in made] == drawn
    assert {row["rest"]: row["planned_at"] for row in made} == {False: NOON, True: NOON + FOUR}
    assert {row["rest"]: row["expires_at"] - NOON for row in made} == {
        False: timedelta(hours=24), True: timedelta(hours=28),
    }  # fmt: skip
    await floor.drain()
    first = titles(floor)
    assert sum(first.values()) == sum(row["arm"] == "treated" and not row["rest"] for row in made)
    await tapped(floor, number, "B")
    floor.clock.advance(FOUR)
    await floor.drain()
    assert titles(floor) == first
    assert await floor.state(number) == "sending"
    assert await deciding(floor).decide_due() == 0  # what people did until now is not known yet
    floor.facts.moment = floor.clock.now()
    assert await deciding(floor).decide_due() == 1
    await floor.drain()
    waited = sum(row["arm"] == "treated" and row["rest"] for row in made)
    assert titles(floor) - first == {"Bです": waited}
    assert await floor.state(number) == "sent"
    assert {row["variant"] for row in await rows(floor, number) if row["rest"] and row["arm"] == "treated"} == {"B"}
    people = (await floor.desk.report(number)).people
    assert (people.targeted, people.accepted + people.control) == (60, 60)


async def test_the_decision_is_kept_with_its_figures_and_told(floor: ShopFloor) -> None:
    number = await tried_out(floor)
    await deciding(floor).decide_due()
    detail, report = await floor.desk.get(number), await floor.desk.report(number)
    assert detail.test == report.test
    assert detail.test is not None
    decision = detail.test.decision
    assert decision is not None
    assert (decision.variant, decision.why, decision.leader, decision.against) == ("B", Why.EVIDENCE, "B", "A")
    counts = {one.name: (one.people, one.successes) for one in decision.tried}
    assert counts["A"][1] == 0
    assert counts["B"][0] == counts["B"][1] > 0
    assert (detail.test.decides_at, detail.test.decided_at) == (NOON + FOUR, floor.clock.now())
    audit = await floor.pool.fetchrow("SELECT actor, detail FROM audit_log WHERE action = 'campaign.winner'")
    assert audit["actor"] == "joren"
    assert audit["detail"]["variant"] == "B"
    assert report.results is not None
    assert report.results.rest is not None
    assert sum(one.arm.customers for one in report.results.variants) + report.results.rest.arm.customers == 60


async def test_any_number_decide_once_and_later_facts_change_nothing(floor: ShopFloor) -> None:
    number = await tried_out(floor)
    assert sum(await asyncio.gather(*(deciding(floor).decide_due() for _ in range(5)))) == 1
    await tapped(floor, number, "A")
    assert await deciding(floor).decide_due() == 0
    await asyncio.gather(*(floor.drain() for _ in range(3)))
    assert len(floor.sender.sent) == len({message.address for message in floor.sender.sent}) == 60
    notices = await floor.pool.fetchval("SELECT count(*) FROM audit_log WHERE action = 'campaign.winner'")
    assert notices == 1


async def test_a_crash_before_the_commit_leaves_it_undecided(floor: ShopFloor, monkeypatch: pytest.MonkeyPatch) -> None:
    number = await tried_out(floor)

    async def killed(*_: object, **__: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as patched:
        patched.setattr(winners.webhooks, "publish", killed)
        with pytest.raises(ConnectionError):
            await deciding(floor).decide_due()
    sent = len(floor.sender.sent)
    await floor.drain()
    assert len(floor.sender.sent) == sent
    assert (await floor.desk.get(number)).test.decided_at is None  # type: ignore[union-attr]
    assert await floor.pool.fetchval("SELECT count(*) FROM audit_log WHERE action = 'campaign.winner'") == 0
    assert await deciding(floor).decide_due() == 1


async def test_a_claim_that_does_not_ask_for_the_decision_sends_the_rest_before(
    floor: ShopFloor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The saboteur: it shows that the tests above would notice."""
    number = await tried_out(floor)
    sent, share, listed = len(floor.sender.sent), campaigns.share, campaigns.list_active

    async def careless(*given: Any, **named: Any) -> dict[str, Any]:
        return {**await share(*given, **named), "decided": True}

    async def all_due(*given: Any, **named: Any) -> list[dict[str, Any]]:
        return [{**row, "due": True} for row in await listed(*given, **named)]

    monkeypatch.setattr(campaigns, "share", careless)
    monkeypatch.setattr(campaigns, "list_active", all_due)
    await floor.drain()
    assert len(floor.sender.sent) == 60 > sent
    assert (await floor.desk.get(number)).test.decided_at is None  # type: ignore[union-attr]


async def test_without_evidence_the_rest_gets_what_was_said_before(floor: ShopFloor) -> None:
    number = await tried_out(floor, winner=WinnerRule(test_percent=50, wait=FOUR, otherwise=Otherwise.SPLIT))
    floor.facts.frame = fact_frame(())
    drawn = {row["customer_id"]: row["variant"] for row in await rows(floor, number)}
    await deciding(floor).decide_due()
    await floor.drain()
    assert {row["customer_id"]: row["variant"] for row in await rows(floor, number)} == drawn
    assert len(floor.sender.sent) == 60
    assert min(titles(floor).values()) > 15


async def test_a_pause_holds_the_decision_and_a_cancel_ends_the_rest(floor: ShopFloor) -> None:
    number = await tried_out(floor)
    await floor.desk.pause(number, by="test")
    assert await deciding(floor).decide_due() == 0
    await floor.desk.resume(number, by="test")
    await floor.desk.cancel(number, by="test")
    assert await deciding(floor).decide_due() == 0
    sent = len(floor.sender.sent)
    await floor.drain()
    assert len(floor.sender.sent) == sent
    people = (await floor.desk.report(number)).people
    assert (people.accepted, people.cancelled) == (sent, 60 - sent)


async def test_a_person_s_page_says_what_he_waits_for(floor: ShopFloor) -> None:
    number = await tried_out(floor)
    waits = next(row["customer_id"] for row in await rows(floor, number) if row["rest"])
    people = People(floor.pool, floor.clock, HeldFrame([]))

    async def told() -> list[str]:
        return [one.name for one in (await people.timeline(waits)).entries]

    assert await told() == ["awaiting_winner"]
    await floor.desk.pause(number, by="test")
    assert await told() == ["paused"]
    await floor.desk.resume(number, by="test")
    await deciding(floor).decide_due()
    assert await told() == ["planned"]
    await floor.drain()
    assert await told() == ["accepted"]


async def test_a_decision_waits_for_facts_and_not_for_ever(floor: ShopFloor) -> None:
    number = await tried_out(floor)
    floor.facts.moment = NOON
    floor.clock.advance(winners.PATIENCE - timedelta(seconds=1))
    assert await deciding(floor).decide_due() == 0
    floor.clock.advance(timedelta(seconds=1))
    assert await deciding(floor).decide_due() == 1
    test = (await floor.desk.get(number)).test
    assert test is not None
    assert test.decision is not None
    assert (test.decision.variant, test.decision.why) == ("A", Why.NO_FACTS)


async def test_days_that_cannot_be_read_hold_up_no_other_test_and_not_for_ever(
    floor: ShopFloor, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged, events = await tried_out(floor, people=4, conversion_days=30), floor.facts.events

    def read(window: Window | None = None) -> pl.LazyFrame:
        if window is not None and window.days > 30:
            raise pl.exceptions.ComputeError("parquet: the footer is not there")
        return events(window)

    monkeypatch.setattr(floor.facts, "events", read)
    assert await deciding(floor).decide_due() == 0
    sound = await floor.launched("Other", variants=TWO, winner=RULE)
    await floor.drain()
    floor.clock.advance(FOUR)
    floor.facts.moment = floor.clock.now()
    assert await deciding(floor).decide_due() == 2
    made = [(await floor.desk.get(number)).test for number in (damaged, sound)]
    assert [test.decision.why is Why.NO_FACTS for test in made if test and test.decision] == [True, False]


async def test_quiet_hours_move_test_and_decision(pool: asyncpg.Pool) -> None:
    floor = ShopFloor(pool)
    await floor.settings(quiet_from=time(11), quiet_until=time(18))  # 18:00 in Tokyo is six hours after noon
    await floor.people(20)
    number = await floor.launched(variants=TWO, winner=WinnerRule(test_percent=50, wait=timedelta(hours=18)))
    test = (await floor.desk.get(number)).test
    assert test is not None
    assert test.decides_at == NOON + timedelta(hours=24)
    planned = {row["rest"]: row["planned_at"] for row in await rows(floor, number)}
    assert planned == {False: NOON + timedelta(hours=6), True: NOON + timedelta(hours=30)}


async def test_consent_taken_back_while_waiting_wins(floor: ShopFloor) -> None:
    number = await tried_out(floor)
    waiting = [row["customer_id"] for row in await rows(floor, number) if row["rest"]]
    await floor.consent(waiting[:3], granted=False)
    await deciding(floor).decide_due()
    await floor.drain()
    assert len(floor.sender.sent) == 57
    assert (await floor.desk.report(number)).people.left_out == {"consent": 3}


async def test_one_that_repeats_tests_with_everybody_and_then_sends_the_winner(floor: ShopFloor) -> None:
    await floor.people(40)
    daily = Recurring(rrule="FREQ=DAILY", starts_at=NOON)
    rule = WinnerRule(test_percent=100, wait=timedelta(hours=30))
    number = await floor.launched(variants=TWO, trigger=daily, winner=rule)
    for day in range(3):
        await floor.drain()
        assert len(floor.sender.sent) == 40 * (day + 1)
        if day == 1:
            await tapped(floor, number, "B")
            floor.clock.advance(timedelta(hours=6))
            floor.facts.moment = floor.clock.now()
            assert await deciding(floor).decide_due() == 1
            floor.clock.advance(timedelta(hours=18))
        else:
            assert await deciding(floor).decide_due() == 0
            floor.clock.advance(timedelta(days=1))
        await floor.runs.launch_due()
    kept = await rows(floor, number)
    by_day = [
        Counter(row["variant"] for row in kept if row["planned_at"] == NOON + timedelta(days=day)) for day in range(3)
    ]
    assert by_day[0] == by_day[1]
    assert by_day[2] == {"B": 40}
    seen = await floor.desk.dry_run(number)
    assert (seen.treated, seen.test) == (40, None), "nobody tests any more"
    assert seen.decision is not None
    assert seen.decision.variant == "B"
    assert {one.title for one in seen.samples} == {message.title for message in floor.sender.sent[-40:]}
    assert "Its test is decided: everyone gets version B." in tell_dry_run(seen)
    report = await floor.desk.report(number)
    assert report.results is not None
    assert {one.name: one.arm.customers for one in report.results.variants} == by_day[0]
    assert await floor.state(number) == State.SENDING


async def test_a_dry_run_says_who_tests_and_who_waits(floor: ShopFloor) -> None:
    await floor.people(60)
    made = await floor.campaign(variants=TWO, winner=RULE)
    seen = await floor.desk.dry_run(made.summary.campaign_id)
    assert seen.test is not None
    assert (seen.treated, seen.test.people + seen.test.rest) == (60, 60)
    assert sum(seen.test.by_variant.values()) == seen.test.people
    assert seen.test.decides_at == NOON + FOUR
