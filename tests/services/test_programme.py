"""The global holdout's report on a real database: who counts, since when, which periods may be told, and what is."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from backend.errors import BadInput
from backend.services.campaign_desk.programme import ProgrammeReports, window_of
from backend.services.shop import Shop
from campaigns.effect import Verdict
from campaigns.experiment import bucket
from campaigns.programme import Measure, Standing
from campaigns.shop import ShopSettings
from campaigns.terms import ConsentRule
from segments.windows import Window
from tests.fixtures.shop_floor import ShopFloor, fact_frame

APRIL = datetime(2026, 4, 10, 3, tzinfo=UTC)
MAY = datetime(2026, 5, 10, 3, tzinfo=UTC)
JUNE = datetime(2026, 6, 10, 3, tzinfo=UTC)


@pytest.fixture
async def floor(pool: asyncpg.Pool) -> ShopFloor:
    """A shop in April, with one in five held out since then."""
    floor = ShopFloor(pool, now=APRIL)
    await floor.settings(global_holdout_percent=20.0, consent_rule=ConsentRule.PERMISSION)
    return floor


def reports(floor: ShopFloor) -> ProgrammeReports:
    return ProgrammeReports(floor.pool, floor.clock, facts=floor.facts, audiences=floor.audience)


def go_to(floor: ShopFloor, moment: datetime) -> None:
    floor.clock.advance(moment - floor.clock.now())
    floor.facts.moment = moment


def bought(people: list[int], at: datetime = MAY) -> Any:
    return fact_frame(
        {"customer_id": one, "event": "Order Completed", "occurred_at": at, "amount": 900, "order_key": one}
        for one in people
    )


async def words(floor: ShopFloor, customer_id: int, *said: tuple[datetime, bool]) -> None:
    for place, (at, granted) in enumerate(said):
        await floor.pool.execute(
            """INSERT INTO consent_words (customer_id, purpose, channel, granted, source_id, said_at, seq)
               VALUES ($1, 'marketing', 'push', $2, 1, $3, $4)""",
            customer_id,
            granted,
            at,
            place,
        )


async def test_a_closed_month_is_told_by_the_draw_of_every_campaign(floor: ShopFloor) -> None:
    ids = await floor.people(300)
    held_out = [one for one in ids if bucket("everyone", one) < 2_000]
    await words(floor, ids[0], (MAY, False))
    go_to(floor, JUNE)
    others = [one for one in ids if one not in held_out]
    floor.facts.frame = bought([*others[:60], *held_out[:3]])
    told = await reports(floor).report()
    assert (told.standing, told.first, told.last) == (Standing.TOLD, date(2026, 5, 1), date(2026, 5, 31))
    assert told.since == APRIL
    assert told.composition is not None
    assert (told.composition.treated, told.composition.held_out) == (len(others), len(held_out))
    assert told.verdict is Verdict.TOO_SMALL
    by_measure = {one.measure: one for one in told.comparisons}
    assert by_measure[Measure.BUYERS].treated == 60 / len(others)
    assert by_measure[Measure.BUYERS].held_out == 3 / len(held_out)
    assert by_measure[Measure.SALES].treated == 60 * 900 / len(others)
    opted = by_measure[Measure.OPT_OUTS]
    assert opted.held_out * len(held_out) + opted.treated * len(others) == pytest.approx(1)


async def test_nothing_is_compared_before_the_end_nor_over_a_change(floor: ShopFloor) -> None:
    await floor.people(50)
    go_to(floor, MAY)
    running = await reports(floor).report("2026-05")
    assert (running.standing, running.verdict, running.comparisons) == (Standing.RUNNING, None, ())
    assert running.composition is not None
    changed = await reports(floor).report("2026-04")
    assert (changed.standing, changed.composition, changed.comparisons) == (Standing.CHANGED, None, ())
    await Shop(floor.pool, floor.clock).change({"cap_24h": 2}, actor="test")
    assert (await reports(floor).report("2026-05")).standing is Standing.RUNNING
    await Shop(floor.pool, floor.clock).change({"global_holdout_percent": 10.0}, actor="test")
    assert (await reports(floor).report("2026-05")).standing is Standing.CHANGED
    go_to(floor, JUNE)
    floor.facts.since = date(2026, 6, 2)
    await floor.pool.execute("UPDATE shop_settings SET changed_at = $1", APRIL)
    dropped = await reports(floor).report("2026-05")
    assert (dropped.standing, dropped.comparisons) == (Standing.DROPPED, ())


async def test_who_counts_is_settled_before_the_period(floor: ShopFloor) -> None:
    await Shop(floor.pool, floor.clock).change({"consent_rule": "explicit"}, actor="test")
    ids = await floor.people(8)
    for one in ids[:5]:
        await words(floor, one, (APRIL, True))
    await words(floor, ids[5], (MAY, True))
    await floor.pool.execute(
        """INSERT INTO consent_words (customer_id, purpose, channel, granted, source_id, said_at, seq)
           VALUES ($1, 'marketing', 'push', false, 1, $2, 9)""",
        ids[0],
        APRIL + timedelta(days=1),
    )
    await floor.pool.execute(
        "UPDATE devices SET state = 'retired', retired_at = $2 WHERE customer_id = $1", ids[1], MAY
    )
    await floor.pool.execute("DELETE FROM devices WHERE customer_id = $1", ids[2])
    await floor.pool.execute("UPDATE customers SET erased_at = $2 WHERE customer_id = $1", ids[3], MAY)
    go_to(floor, JUNE)
    told = await reports(floor).report("2026-05")
    assert told.composition is not None
    assert (
        told.composition.treated + told.composition.held_out == 3
    )  # who took it back or lost the phone since, and one more


async def test_who_was_merged_out_of_both_groups_counts_in_neither(floor: ShopFloor) -> None:
    ids = await floor.people(60)
    inside = next(one for one in ids if bucket("everyone", one) < 2_000)
    outside = next(one for one in ids if bucket("everyone", one) >= 2_000)
    await floor.pool.execute("UPDATE customers SET merged_into = $2 WHERE customer_id = $1", inside, outside)
    go_to(floor, JUNE)
    told = await reports(floor).report("2026-05")
    assert told.left_out_merged == 1
    assert told.composition is not None
    assert told.composition.treated + told.composition.held_out == 58


async def test_groups_that_the_draw_does_not_make_are_not_compared(floor: ShopFloor) -> None:
    ids = await floor.people(400)
    lost = [one for one in ids if bucket("everyone", one) < 2_000][10:]
    await floor.pool.execute("DELETE FROM devices WHERE customer_id = ANY ($1::bigint[])", lost)
    go_to(floor, JUNE)
    told = await reports(floor).report("2026-05")
    assert told.composition is not None
    assert not told.composition.sound
    assert (told.standing, told.verdict, told.comparisons) == (Standing.TOLD, None, ())


async def test_switched_off_it_says_what_a_share_would_show(floor: ShopFloor) -> None:
    ids = await floor.people(40)
    await floor.settings(global_holdout_percent=0.0)
    go_to(floor, JUNE)
    floor.facts.frame = bought(ids[:10])
    told = await reports(floor).report()
    assert (told.standing, told.since, told.composition) == (Standing.OFF, None, None)
    assert [one.percent for one in told.offers] == [1, 2, 5, 10]


def test_a_period_is_a_month_or_a_quarter_of_the_shop() -> None:
    calendar = ShopSettings().calendar
    today = date(2026, 11, 22)
    assert window_of(None, calendar=calendar, today=today) == Window(date(2026, 10, 1), date(2026, 10, 31))
    assert window_of("2026-02", calendar=calendar, today=today) == Window(date(2026, 2, 1), date(2026, 2, 28))
    assert window_of("2026-q3", calendar=calendar, today=today) == Window(date(2026, 7, 1), date(2026, 9, 30))
    for wrong in ("2026", "2026-13", "2026-Q5", "1999-01", "x"):
        with pytest.raises(BadInput):
            window_of(wrong, calendar=calendar, today=today)
