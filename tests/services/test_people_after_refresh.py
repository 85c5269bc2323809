"""From events to what marketers see: segment sizes, a person's page, the timeline, on the real refresh and frame."""

from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from backend.services.people import People
from backend.services.segment_runs import SegmentRuns
from segments.coupons import CouponState
from segments.rules.parse import parse
from tests.services.refreshing import NOW, Shop, identify, opened, order, track

LAPSED = {
    "all": [
        {"attribute": "orders", "op": "=", "value": 1},
        {"event": "Order Completed", "op": "at_most", "times": 0, "days": 30},
        {"attribute": "reachable", "op": "is_true"},
    ]
}


@pytest.fixture
def shop(pool: asyncpg.Pool, tmp_path: Path) -> Shop:
    return Shop(pool, tmp_path)


async def test_a_segment_follows_what_happens_and_the_passing_of_days(shop: Shop) -> None:
    runs = SegmentRuns(shop.pool, shop.clock, shop.asked)
    assert (await runs.preview(parse(LAPSED))).count.total == 0
    await shop.send("app", identify(user="u1", anonymous="a1", token="t1", push_consent=True))
    await shop.send("server", order("o1", 1280, user="u1"), at=NOW - timedelta(days=29))
    await shop.refresh.run_once()
    made = await runs.create("休眠", parse(LAPSED), actor="aya")
    assert (await runs.count(made.segment.id)).size == 0
    shop.pass_time(timedelta(days=1))
    await shop.refresh.run_once()
    assert (await runs.count(made.segment.id)).size == 1
    await shop.send("server", order("o2", 500, user="u1"))
    await shop.refresh.run_once()
    assert (await runs.count(made.segment.id)).size == 0


async def test_a_persons_page_tells_what_was_sent(shop: Shop) -> None:
    people = People(shop.pool, shop.clock, shop.asked)
    await shop.send(
        "app", identify(user="M-1", anonymous="a1", token="t1", lastName="佐藤", firstName="花子", push_consent=True)
    )
    await shop.send("server", order("o1", 1280, user="M-1", currency="JPY"))
    await shop.refresh.run_once()
    number = await people.find("M-1")
    assert [line.name for line in (await people.list(query="佐藤花")).people] == ["佐藤 花子"]
    detail = await people.detail(number)
    assert detail.facts is not None
    assert (detail.facts["orders"], detail.facts["spend"], detail.facts["reachable"]) == (1, 1280, True)
    assert [(device.platform, device.state) for device in detail.devices] == [("android", "live")]
    assert [(consent.purpose, consent.granted) for consent in detail.consents] == [("marketing", True)]
    entries = (await people.timeline(number)).entries
    assert {entry.ja for entry in entries} == {"プロフィールの更新", "購入"}
    bought = next(entry for entry in entries if entry.name == "Order Completed")
    assert {(prop.ja, prop.value) for prop in bought.properties} >= {("注文番号", "o1"), ("金額", "1280")}


async def test_the_coupons_listed_are_the_coupons_counted(shop: Shop) -> None:
    people = People(shop.pool, shop.clock, shop.asked)
    today = shop.clock.now().date()
    await shop.pool.executemany(
        "INSERT INTO coupons (coupon_id, title, valid_until, audience) VALUES ($1, '{}', $2, $3)",
        [("c-late", today - timedelta(days=1), "issued"), ("c-public", None, "public"), ("c-today", today, "issued")],
    )
    for event, coupon in [
        ("Issued", "c-plain"),
        ("Issued", "c-today"),
        ("Issued", "c-late"),
        ("Viewed", "c-public"),
        ("Viewed", "c-seen"),
        ("Issued", "c-used"),
        ("Redeemed", "c-used"),
        ("Issued", "c-over"),
        ("Expired", "c-over"),
    ]:
        await shop.send("server", track(f"Coupon {event}", user="u1", coupon_id=coupon))
    await shop.refresh.run_once()
    detail = await people.detail(await people.find("u1"))
    held = sorted(coupon.coupon_id for coupon in detail.coupons if coupon.state is CouponState.HELD)
    assert held == ["c-plain", "c-public", "c-today"]
    assert detail.facts is not None
    assert (detail.facts["coupons_held"], detail.facts["coupons_used"]) == (len(held), 1)


async def test_what_was_done_before_signing_in_is_on_the_members_timeline(shop: Shop) -> None:
    people = People(shop.pool, shop.clock, shop.asked)
    await shop.send("app", opened(anonymous="a1", token="t1"))
    await shop.refresh.run_once()
    await shop.send("server", identify(user="u1"))
    await shop.refresh.run_once()
    await shop.send("app", identify(user="u1", anonymous="a1"))
    await shop.refresh.run_once()
    number = await people.find("u1")
    names = [entry.name for entry in (await people.timeline(number)).entries]
    assert sorted(names) == ["Application Opened", "identify", "identify"]
    assert (await people.list(query="u1")).total == 1
