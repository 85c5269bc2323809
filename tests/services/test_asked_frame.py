"""Rules find every column that they need beside the frame's own, as of what was refreshed last."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from backend.lake import everyone
from backend.lake.behaviours import Behaviours
from backend.services.insights import Insights
from backend.services.people import People
from backend.services.segment_runs import SegmentRuns
from backend.services.shop import Shop as Settings
from segments.membership import members
from segments.metrics.lifecycle import STATES, states_on, thresholds_for
from segments.reduce.days import BUCKETS
from segments.rules.behaviour import Behaviour, Match, Then, column_of
from segments.rules.parse import parse
from segments.rules.rule import Attribute, Did, InList, Measure, Rule, Within
from segments.windows import Window
from tests.services.refreshing import NOW, Shop, identify, opened, order, track

ORDER = "Order Completed"


@pytest.fixture
def shop(pool: asyncpg.Pool, tmp_path: Path) -> Shop:
    return Shop(pool, tmp_path)


def did(event: str, *where: Match, times: int = 1, **more: Any) -> Did:
    window = Within(more["minutes"], "minutes") if "minutes" in more else None
    return Did(Behaviour(event, where, **more), "at_least", times, window)


def line(category: str, product: str = "p") -> dict[str, Any]:
    return {"product_id": product, "category": category, "quantity": 1, "price": 100}


TEA = did(ORDER, Match("category", "in", ("tea",)))


async def who(shop: Shop, rule: Rule) -> set[str]:
    """Member numbers of those who meet a rule, and that counting them says the same."""
    runs = SegmentRuns(shop.pool, shop.clock, shop.asked)
    count = (await runs.preview(rule)).count.size
    view = await shop.asked.read_for([rule])
    ids = members(view.frame, rule).select("customer_id").collect().get_column("customer_id").to_list()
    assert len(ids) == count
    rows = await shop.pool.fetch("SELECT user_id FROM customers WHERE customer_id = ANY ($1::bigint[])", ids)
    return {row["user_id"] for row in rows}


async def _orders_of_tea(shop: Shop) -> None:
    runs = SegmentRuns(shop.pool, shop.clock, shop.asked)
    assert (await runs.preview(TEA)).count.size == 0
    await shop.send("server", order("o1", 100, user="u1", products=[line("bread")]))
    await shop.refresh.run_once()
    assert await who(shop, TEA) == set()
    await shop.send("server", order("o2", 100, user="u1", products=[line("tea")]), order("o3", 9, user="u2"))
    await shop.refresh.run_once()
    assert await who(shop, TEA) == {"u1"}
    await shop.send("server", track("Order Cancelled", user="u1", order_id="o2"))
    await shop.refresh.run_once()
    assert await who(shop, TEA) == set()


@pytest.fixture(autouse=True)
def _parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everyone is counted in parts of a few rows."""
    monkeypatch.setattr("backend.lake.parting.STEP", 2 * BUCKETS)
    monkeypatch.setattr("backend.lake.parting.ROWS", 3)


async def test_an_order_changes_the_count_of_a_rule_about_a_category(shop: Shop) -> None:
    await _orders_of_tea(shop)


async def test_news_that_nobody_looks_at_is_found_out(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Behaviours, "_changed", lambda *_: frozenset())
    with pytest.raises(AssertionError):
        await _orders_of_tea(shop)


async def test_each_source_answers(shop: Shop) -> None:
    await shop.send(
        "server",
        order("o1", 500, user="u1", store_id="S1", products=[line("tea", "p1")]),
        order("o2", 900, user="u2", store_id="S2", products=[line("tea", "p2")]),
        track("Store Visited", user="u3", store_id="S1"),
        track("Survey Answered", user="u3", score=3),
        track("Points Earned", user="u2", points=70),
    )
    await shop.send("server", track("Store Visited", user="u2", store_id="S2"), at=NOW - timedelta(hours=5))
    await shop.refresh.run_once()
    assert await who(shop, did(ORDER, Match("store", "in", ("S1",)))) == {"u1"}
    assert await who(shop, did(ORDER, Match("product", "not_in", ("p1",)))) == {"u2"}
    assert await who(shop, did("Survey Answered", Match("score", "<=", 6))) == {"u3"}
    assert await who(shop, did("Store Visited", minutes=60)) == {"u3"}
    assert await who(shop, did("Store Visited", then=Then(ORDER))) == {"u2"}
    assert await who(shop, did(ORDER, minutes=60)) == {"u1", "u2"}
    sums = Measure(Behaviour("Points Earned", keeps="amounts"), "sum", ">=", 70)
    assert await who(shop, sums) == {"u2"}


async def test_what_was_found_is_brought_up_to_date_by_news_alone(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[int | None] = []
    behaviours = shop.asked._behaviours
    everyone, some = behaviours._everyone, behaviours._some

    def watched(*asked: Any) -> Any:
        looked_at.append(len(asked[3]) if len(asked) > 3 else None)
        return (some if len(asked) > 3 else everyone)(*asked)

    monkeypatch.setattr(behaviours, "_everyone", watched)
    monkeypatch.setattr(behaviours, "_some", watched)
    await shop.send("server", *(order(f"o{n}", 100, user=f"u{n}", products=[line("tea")]) for n in range(5)))
    await shop.refresh.run_once()
    assert len(await who(shop, TEA)) == 5
    await shop.send("server", order("o9", 100, user="u9", products=[line("tea")]))
    await shop.refresh.run_once()
    assert len(await who(shop, TEA)) == 6
    assert looked_at == [None, 1]


async def test_a_merge_brings_what_both_did_together(shop: Shop) -> None:
    await shop.send("app", track("Product Viewed", anonymous="a1", category="tea"))
    await shop.send("server", track("Product Viewed", user="u1", category="tea"))
    await shop.refresh.run_once()
    viewed = did("Product Viewed", Match("category", "in", ("tea",)), times=2)
    assert await who(shop, viewed) == set()
    await shop.send("app", identify(user="u1", anonymous="a1"))
    await shop.refresh.run_once()
    assert await who(shop, viewed) == {"u1"}


async def test_minutes_pass_without_a_refresh(shop: Shop) -> None:
    await shop.send("server", track("Store Visited", user="u1", store_id="S1"))
    await shop.refresh.run_once()
    rule = did("Store Visited", minutes=30)
    assert await who(shop, rule) == {"u1"}
    shop.pass_time(timedelta(minutes=31))
    assert await who(shop, rule) == set()


async def test_those_who_ask_at_once_wait_for_one_answer(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    await shop.send("server", order("o1", 100, user="u1", products=[line("tea")]))
    await shop.refresh.run_once()
    calls = 0
    rows = shop.asked._behaviours.rows

    def counted(*asked: Any) -> Any:
        nonlocal calls
        calls += 1
        return rows(*asked)

    monkeypatch.setattr(shop.asked._behaviours, "rows", counted)
    await asyncio.gather(*(shop.asked.read_for([TEA]) for _ in range(8)))
    assert calls == 1


async def test_a_static_list_is_a_column(shop: Shop) -> None:
    await shop.send("server", order("o1", 100, user="u1"), order("o2", 100, user="u2"))
    await shop.refresh.run_once()
    number = await shop.pool.fetchval(
        "INSERT INTO static_lists (name, origin, created_at, created_by, changed_at) VALUES ('l', 'file', $1, 'a', $1)"
        " RETURNING list_id",
        NOW,
    )
    assert await who(shop, InList(number)) == set()
    await shop.pool.execute(
        "INSERT INTO static_list_members SELECT $1, customer_id FROM customers WHERE user_id = 'u2'", number
    )
    await shop.pool.execute("UPDATE static_lists SET revision = revision + 1")
    assert await who(shop, InList(number)) == {"u2"}


@pytest.mark.parametrize("few", [everyone.FEW, 1], ids=["few people", "many"])
async def test_facts_that_depend_on_everyone_say_what_their_kpi_counts(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(everyone, "FEW", few)
    for number in range(12):
        await shop.send(
            "server", order(f"a{number}", 100 + number, user=f"u{number}"), at=NOW - timedelta(days=number * 15)
        )
        if number % 3 == 0:
            await shop.send(
                "server", order(f"b{number}", 10, user=f"u{number}"), at=NOW - timedelta(days=number * 15 + 3)
            )
    await shop.send("server", track("Survey Answered", user="u1", score=9), at=NOW - timedelta(days=3))
    await shop.send("server", track("Survey Answered", user="u1", score=4))
    await shop.send("app", opened(user="x", anonymous="x"))
    await shop.refresh.run_once()
    insights = Insights(shop.pool, shop.clock, shop.lake, shop.asked)
    counted = {state: len(await who(shop, Attribute("life_cycle", "is", state))) for state in STATES}
    figures = await insights._state_now()
    today = figures.facts.today
    told = states_on(figures.facts, today, thresholds_for(figures.facts, Window(today, today))).collect()
    assert counted == {**dict.fromkeys(counted, 0), **dict(told.get_column("state").value_counts().iter_rows())}
    assert sum(counted.values()) == 13
    groups = [await who(shop, Attribute("rfm_group", "is", name)) for name in ("champions", "hibernating", "new")]
    assert any(groups)
    assert await who(shop, Attribute("nps_score", "=", 4)) == {"u1"}
    assert await who(shop, Attribute("ltv_12m", ">=", 0)) == set()
    assert len(await who(shop, Attribute("days_since_push", "<=", 1))) == 0


async def test_segments_that_ask_for_each_other_are_asked_everywhere(shop: Shop) -> None:
    runs = SegmentRuns(shop.pool, shop.clock, shop.asked)
    people = People(shop.pool, shop.clock, shop.asked)
    insights = Insights(shop.pool, shop.clock, shop.lake, shop.asked)
    await shop.send("server", order("o1", 700, user="u1", products=[line("tea")]), order("o2", 1, user="u2"))
    await shop.refresh.run_once()
    inner = await runs.create("tea", TEA, actor="aya")
    outer = await runs.create("not tea", parse({"not": {"segment": inner.segment.id}}), actor="aya")
    assert (await runs.count(outer.segment.id)).size == 1
    assert [one.count.size for one in await runs.list()] == [1, 1]
    assert (await people.list(segment_id=inner.segment.id)).total == 1
    number = await people.find("u1")
    assert (await runs.explain(inner.segment.id, customer_id=number)).member
    assert not (await runs.explain(outer.segment.id, customer_id=number)).member
    told = await insights.kpi("repeat_purchase_rate", segment_id=inner.segment.id, as_of_rule="today")
    assert told.segment is not None
    board = await insights.dashboard(segment_id=outer.segment.id, as_of_rule="today")
    assert board.members == 1


async def test_what_is_kept_stays_within_its_room(shop: Shop) -> None:
    await shop.send("server", order("o1", 100, user="u1", products=[line("tea")]))
    await shop.refresh.run_once()
    shop.asked._kept._room = 1
    for category in ("tea", "bread", "milk"):
        rule = did(ORDER, Match("category", "in", (category,)))
        view = await shop.asked.read_for([rule])
        assert column_of(rule.behaviour) in view.frame.collect_schema()
    assert len(shop.asked._kept._held) == 1


async def launched(shop: Shop, name: str, people: dict[str, str], accepted: dict[str, timedelta]) -> int:
    """A campaign launched yesterday: arms of members, and how long ago a push was accepted for some of them."""
    planned = NOW - timedelta(days=1)
    segment = await shop.pool.fetchval(
        "INSERT INTO segments (name, created_at) VALUES ($1, $2) RETURNING segment_id", name, NOW
    )
    campaign: int = await shop.pool.fetchval(
        "INSERT INTO campaigns (name, state, segment_id, content, salt, conversion_event, conversion_days, planned_at,"
        " created_at, created_by, changed_at) VALUES ($1, 'sent', $2, '{}', 's', 'Order Completed', 7, $3, $3, 'aya', $4)"
        " RETURNING campaign_id",
        name,
        segment,
        planned,
        NOW - timedelta(minutes=len(people)),
    )
    for user, arm in people.items():
        customer = await shop.pool.fetchval("SELECT customer_id FROM customers WHERE user_id = $1", user)
        await shop.pool.execute(
            "INSERT INTO campaign_people (campaign_id, customer_id, arm, planned_at, not_before, expires_at, changed_at)"
            " VALUES ($1, $2, $3, $4, $4, $4, $4)",
            campaign,
            customer,
            arm,
            planned,
        )
        if user in accepted:
            await shop.pool.execute(
                "WITH d AS (INSERT INTO devices (address, address_kind, customer_id, source_id, state, first_seen, last_seen)"
                " VALUES ($1, 'token', $2, 1, 'live', $5, $5) RETURNING device_id)"
                " INSERT INTO deliveries (campaign_id, customer_id, device_id, state, expires_at, sent_at, changed_at)"
                " SELECT $3, $2, device_id, 'accepted', $5, $4, $5 FROM d",
                f"{name} {user}",
                customer,
                campaign,
                NOW - accepted[user],
                NOW,
            )
    return campaign


async def test_the_ledger_answers_who_received_opened_and_converted(shop: Shop) -> None:
    await shop.send("app", *(identify(user=f"u{n}", anonymous=f"a{n}") for n in range(5)))
    await shop.refresh.run_once()
    first = await launched(
        shop,
        "spring",
        {"u0": "treated", "u1": "treated", "u2": "control", "u3": "treated"},
        {"u0": timedelta(days=1), "u1": timedelta(hours=2)},
    )
    await shop.send("app", track("Push Notification Tapped", user="u1", campaign_id=first, delivery_id=7))
    await shop.send("app", track("Push Notification Tapped", user="u4", campaign_id=first, delivery_id=0))
    await shop.send("server", order("o1", 700, user="u1"), order("o2", 50, user="u2"), order("o3", 5, user="u3"))
    await shop.send("server", track("Order Refunded", user="u1", order_id="o1", total=100))
    await shop.refresh.run_once()
    named = Match("campaign", "in", (str(first),))
    assert await who(shop, did("Campaign Received", named)) == {"u0", "u1"}
    assert await who(shop, did("Campaign Received", Match("campaign", "not_in", (str(first),)))) == set()
    assert await who(shop, did("Campaign Received", minutes=180)) == {"u1"}
    assert await who(shop, did("Campaign Opened", named)) == {"u1"}
    assert await who(shop, did("Campaign Converted", named)) == {"u1", "u3"}
    spent = Behaviour("Campaign Converted", (named,), keeps="amounts")
    assert await who(shop, Measure(spent, "sum", ">=", 600)) == {"u1"}
    assert await who(shop, Measure(spent, "sum", ">=", 601)) == set()
    assert await who(shop, Attribute("days_since_push", "=", 1)) == {"u0"}
    assert await who(shop, Attribute("days_since_push", "=", 0)) == {"u1"}
    await launched(shop, "summer", {"u4": "treated"}, {"u4": timedelta(hours=1)})
    assert await who(shop, did("Campaign Received")) == {"u0", "u1", "u4"}


async def test_figures_of_a_past_day_ask_the_same_rules(shop: Shop) -> None:
    runs = SegmentRuns(shop.pool, shop.clock, shop.asked)
    insights = Insights(shop.pool, shop.clock, shop.lake, shop.asked)
    await Settings(shop.pool, shop.clock).change({"segment_traits": ["plan"]}, actor="aya")
    await shop.send("app", identify(user="u1", anonymous="a1", plan="pro"))
    for days in (40, 20, 10):
        at = NOW - timedelta(days=days)
        await shop.send("server", order(f"o{days}", 700, user="u1", products=[line("tea")]), at=at)
    await shop.refresh.run_once()
    rules: dict[str, dict[str, Any]] = {
        "tea": {"event": ORDER, "where": {"category": "tea"}, "op": "at_least", "times": 1},
        "state": {"attribute": "life_cycle", "op": "is_not", "value": "churned"},
        "plan": {"attribute": "trait:plan", "op": "is", "value": "pro"},
        "pushed": {"not": {"event": "Campaign Received", "op": "at_least", "times": 1}},
    }
    for name, rule in rules.items():
        made = await runs.create(name, parse(rule), actor="aya")
        for members_by in ("cohort", "today"):
            told = await insights.kpi("repeat_purchase_rate", segment_id=made.segment.id, as_of_rule=members_by)
            assert (told.measured.numerator, told.measured.denominator) == (1, 1), (name, members_by)
