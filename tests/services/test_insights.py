"""Figures on a real database, lake and frame: what was sent in is what is answered."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from backend.errors import NotFound
from backend.services.insights import Insights
from backend.services.refresh.loop import Refresh
from backend.store import segments, shop
from segments.errors import BadOption, UnknownMetric
from segments.windows import Window
from tests.services.refreshing import NOW, Shop, identify, opened, order, track

TODAY = date(2026, 4, 1)


@pytest.fixture
def installation(pool: asyncpg.Pool, tmp_path: Path) -> Shop:
    return Shop(pool, tmp_path)


@pytest.fixture
def insights(installation: Shop) -> Insights:
    return Insights(installation.pool, installation.clock, installation.lake, installation.asked)


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


async def send(installation: Shop, days_ago: int, *calls: dict[str, Any], kind: str = "server") -> None:
    await installation.send(kind, *calls, at=NOW - timedelta(days=days_ago))


async def segment(pool: asyncpg.Pool, rule: dict[str, Any]) -> int:
    async with pool.acquire() as connection, connection.transaction():
        number = await segments.insert_segment(connection, name="一度だけ購入", now=NOW)
        await segments.insert_version(connection, segment_id=number, version=1, rule=rule, now=NOW, actor="test")
    return number


async def test_orders_become_a_repeat_rate_with_all_that_stands_beside_it(
    installation: Shop, insights: Insights
) -> None:
    await send(installation, 20, order("o1", 1200, user="u1"), order("o2", 800, user="u2"))
    await send(installation, 10, order("o3", 500, user="u1"), order("o3", 500, user="u1"))
    await installation.refresh.run_once()
    result = await insights.kpi("repeat_purchase_rate", window=Window(ago(28), ago(1)))
    assert (result.measured.numerator, result.measured.denominator, result.measured.value) == (1, 2, 0.5)
    assert (result.as_of, result.today, result.currency) == (NOW, TODAY, "JPY")
    assert (result.measured.window, result.measured.incomplete) == (Window(ago(28), ago(1)), False)
    assert result.remarks("ja") == ("同じ営業日の購入は1回と数えます",)
    assert result.metric.title["ja"] == "リピート購入率"


async def test_an_empty_shop_has_figures_without_values(insights: Insights) -> None:
    board = await insights.dashboard()
    assert (board.members, [tile.result.measured.value for tile in board.tiles]) == (0, [None] * 4)


async def test_what_arrives_later_is_in_the_next_answer(installation: Shop, insights: Insights) -> None:
    window = Window(ago(27), TODAY)
    assert (await insights.kpi("launch_rate", window=window)).measured.denominator == 0
    await send(installation, 0, opened(user="u1", anonymous="a1"), kind="app")
    await installation.refresh.run_once()
    measured = (await insights.kpi("launch_rate", window=window)).measured
    assert (measured.numerator, measured.denominator, measured.incomplete) == (1, 1, True)


async def test_merged_customers_are_one(installation: Shop, insights: Insights) -> None:
    await send(installation, 9, order("o1", 100, user="u1"), order("o2", 100, user="u2"))
    await installation.refresh.run_once()
    await send(installation, 1, {"type": "alias", "previousId": "u1", "userId": "u2"})
    await installation.refresh.run_once()
    measured = (await insights.kpi("repeat_purchase_rate", options={"basis": "receipts"})).measured
    assert (measured.numerator, measured.denominator) == (1, 1)


async def test_events_are_read_one_by_one_where_days_are_not_enough(installation: Shop, insights: Insights) -> None:
    await send(
        installation, 9, track("Survey Answered", user="u1", score=3), track("Store Visited", user="u2", store_id="S1")
    )
    await send(installation, 8, track("Survey Answered", user="u2", score=10))
    await installation.refresh.run_once()
    await send(installation, 1, {"type": "alias", "previousId": "u1", "userId": "u2"})
    await installation.refresh.run_once()
    score = (await insights.kpi("nps")).measured
    assert (score.value, score.denominator) == (100, 1)  # merged: the latest answer of the one customer
    steps = {"step1": "Store Visited", "step2": "Survey Answered"}
    assert (await insights.kpi("funnel", options=steps)).measured.value == 1
    where = {"start": "Store Visited", "return": "Store Visited", "unit": "day", "n": 0, "horizon": 0}
    sizes = [
        (
            await insights.kpi(
                "retention", window=Window(ago(28), ago(1)), options={**where, "start_where": f"store={store}"}
            )
        ).measured.denominator
        for store in ("S1", "S2")
    ]
    assert sizes == [1, 0]


async def test_reach_is_what_the_frame_says(installation: Shop, insights: Insights) -> None:
    people = [identify(user="u1", anonymous="a1", token="t1", push_consent=True), opened(user="u1", anonymous="a1")]
    await send(installation, 2, *people, opened(user="u2", anonymous="a2"), kind="app")
    await installation.refresh.run_once()
    reach = (await insights.kpi("push_reach_rate")).measured
    assert (reach.numerator, reach.denominator) == (1, 2)


async def test_coupon_definitions_decide_what_is_public_and_what_still_runs(
    installation: Shop, insights: Insights
) -> None:
    statement = "INSERT INTO coupons (coupon_id, title, valid_until) VALUES ('c1', '{}', $1)"
    await installation.pool.execute(statement, ago(-5))
    await send(installation, 3, track("Coupon Viewed", user="u1", coupon_id="c1"))
    await send(installation, 2, track("Coupon Presented", user="u1", coupon_id="c1"))
    await installation.refresh.run_once()
    measured = (await insights.kpi("coupon_use_rate")).measured
    assert (measured.numerator, measured.denominator, measured.incomplete) == (1, 1, True)
    assert measured.notes == ("no_till",)
    await installation.pool.execute("UPDATE coupons SET valid_until = $1", ago(1))
    assert not (await insights.kpi("coupon_use_rate")).measured.incomplete


async def test_test_accounts_count_only_where_the_shop_wants_them(installation: Shop, insights: Insights) -> None:
    await send(installation, 3, order("o1", 100, user="u1"), order("o2", 100, user="test"))
    await installation.refresh.run_once()
    await installation.pool.execute("UPDATE customers SET test_account = true WHERE user_id = 'test'")
    await installation.pool.execute("INSERT INTO touched_customers SELECT customer_id, now() FROM customers")
    installation.pass_time(timedelta(seconds=1))
    await installation.refresh.run_once()
    assert (await insights.kpi("orders_per_customer")).measured.denominator == 1
    assert (await insights.dashboard()).members == 1
    async with installation.pool.acquire() as connection:
        await shop.put_settings(connection, {"exclude_test_accounts": False}, now=NOW, actor="test")
    assert (await insights.kpi("orders_per_customer")).measured.denominator == 2
    assert (await insights.dashboard()).members == 2


async def test_a_segment_is_looked_at_when_it_mattered_or_today(installation: Shop, insights: Insights) -> None:
    number = await segment(installation.pool, {"attribute": "orders", "op": "=", "value": 1})
    await send(installation, 60, order("o1", 100, user="u1"))
    await send(installation, 10, order("o2", 100, user="u1"), order("o3", 100, user="u2"))
    await installation.refresh.run_once()
    window = Window(ago(28), ago(1))
    then = await insights.kpi("orders_per_customer", window=window, segment_id=number)
    today = await insights.kpi("orders_per_customer", window=window, segment_id=number, as_of_rule="today")
    assert (then.measured.numerator, then.measured.denominator, then.recomputed) == (2, 2, True)
    assert (today.measured.numerator, today.measured.denominator, today.recomputed) == (1, 1, False)
    assert then.segment is not None
    assert (then.segment.name, then.segment.version, then.rule) == ("一度だけ購入", 1, "cohort")


async def test_the_dashboard_has_its_figures_for_a_segment_too(installation: Shop, insights: Insights) -> None:
    number = await segment(installation.pool, {"attribute": "orders", "op": ">=", "value": 1})
    await send(installation, 5, order("o1", 100, user="u1"), track("Store Visited", user="u2", store_id="S1"))
    await installation.refresh.run_once()
    everyone, buyers = await insights.dashboard(), await insights.dashboard(days=7, segment_id=number)
    assert [tile.result.metric.slug for tile in everyone.tiles] == [
        "launch_rate",
        "coupon_use_rate",
        "repeat_purchase_rate",
        "f2_conversion",
    ]
    assert (everyone.members, buyers.members, buyers.days) == (2, 1, 7)
    assert (everyone.failed_events, everyone.as_of) == (0, NOW)
    assert buyers.tiles[2].result.measured.window == Window(ago(7), ago(1))


async def test_what_does_not_exist_is_said(insights: Insights) -> None:
    with pytest.raises(NotFound, match="segment 77"):
        await insights.dashboard(segment_id=77)
    with pytest.raises(UnknownMetric):
        await insights.kpi("happiness")
    with pytest.raises(BadOption):
        await insights.kpi("launch_rate", options={"n": 2})


async def test_figures_say_until_when_there_was_nothing_new(installation: Shop, insights: Insights) -> None:
    await send(installation, 3, order("o1", 100, user="u1"))
    await installation.refresh.run_once()
    first = await insights.kpi("orders_per_customer")
    installation.frame.confirm(installation.frame.manifest(), at=NOW + timedelta(hours=3))
    again = await insights.kpi("orders_per_customer")
    assert (first.as_of, again.as_of) == (NOW, NOW + timedelta(hours=3))
    assert again.measured is first.measured


async def test_first_orders_are_doubted_until_the_shop_says_that_its_past_is_in(
    installation: Shop, insights: Insights
) -> None:
    await send(installation, 100, order("o1", 100, user="u1"))
    await installation.refresh.run_once()
    window = Window(ago(110), ago(90))
    assert "short_history" in (await insights.kpi("f2_conversion", window=window)).measured.notes
    async with installation.pool.acquire() as connection:
        await shop.put_settings(connection, {"history_complete": True}, now=NOW, actor="test")
    assert "short_history" not in (await insights.kpi("f2_conversion", window=window)).measured.notes


async def test_a_frame_of_which_only_some_rows_are_made_anew_is_not_read_for_figures(
    installation: Shop, insights: Insights, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A Sunday and the Monday after it: two weeks where weeks begin on Monday, one where they begin on Sunday.
    sunday = 24
    assert ago(sunday).isoweekday() == 7
    for who in ("u1", "u2", "u3"):
        for days in (sunday, sunday - 1):
            await send(installation, days, order(f"{who} {days}", 100, user=who))
    await installation.refresh.run_once()
    options = {"start": "Order Completed", "return": "Order Completed", "horizon": 1, "periods": 1}

    async def came_back_next_week() -> tuple[float, int | None]:
        window = Window(ago(sunday), ago(sunday - 20))
        measured = (await insights.kpi("retention", window=window, options=options)).measured
        return measured.numerator, measured.denominator

    async with installation.pool.acquire() as connection:
        await shop.put_settings(connection, {"week_starts": 7}, now=NOW, actor="test")
    monkeypatch.setattr("backend.services.refresh.frame.AT_ONCE", 1)
    made: list[str] = []

    def die_after_one(step: str) -> None:
        made.append(step)
        if made.count("cleared") == 1:
            raise ConnectionResetError("killed")

    half = Refresh(installation.pool, installation.clock, installation.lake, installation.frame, watch=die_after_one)
    with pytest.raises(ConnectionResetError):
        await half.run_once()
    assert await came_back_next_week() == (0, 3)
    assert installation.frame.read().figures == ""
    await installation.refresh.run_once()
    assert await came_back_next_week() == (0, 3)
    assert "weeks from 7" in installation.frame.read().figures
