"""Whoever is told how many are in a segment, or who, is told when history was dropped that decides it."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from backend.api.membership_answers import history_answer
from backend.api.memberships import KNOWN_SINCE, MembershipController
from backend.api.segment_answers import count_answer, explanation_answer, preview_answer
from backend.cli.segments import lacking
from backend.lake.dropping import drop_before
from backend.lake.schemas import RAW
from backend.services.api_keys import ApiKeys
from backend.services.coupons.book import CouponBook
from backend.services.coupons.issuing import CouponIssues
from backend.services.memberships.keeping import Memberships
from backend.services.memberships.looking import MembershipLedger
from backend.services.people import People
from backend.services.segment_overlaps import SegmentOverlaps
from backend.services.segment_runs import SegmentRuns
from backend.wiring.meetings import SegmentAudiences
from segments.coupon_book import CouponDraft
from segments.rules.parse import parse
from segments.rules.rule import Rule
from tests.api.conftest import client_of
from tests.api.test_segments_and_customers import server
from tests.services.refreshing import NOW, Shop, order

SINCE = date(2026, 3, 1)
TEA = {"event": "Order Completed", "where": {"product": "tea"}, "op": "at_least", "times": 1}
RULES: dict[str, dict[str, Any]] = {
    "tea": TEA,
    "tea of late": TEA | {"days": 20},
    "buyers": {"attribute": "orders", "op": ">=", "value": 1},
    "who is known": {"all": []},
}


@pytest.fixture
async def shop(pool: asyncpg.Pool, tmp_path: Path) -> Shop:
    """Somebody bought tea long ago, somebody else today; then the old day was dropped."""
    shop = Shop(pool, tmp_path)
    tea = [{"product_id": "tea", "category": "c", "quantity": 1, "price": 100}]
    await shop.send("server", order("o1", 100, user="u1", products=tea), at=NOW - timedelta(days=60))
    await shop.send("server", order("o2", 100, user="u2", products=tea))
    await shop.refresh.run_until_current()
    return shop


async def made(shop: Shop) -> tuple[SegmentRuns, dict[str, int]]:
    runs = SegmentRuns(shop.pool, shop.clock, shop.asked)
    numbers = {name: (await runs.create(name, rule_of(name), actor="t")).segment.id for name in RULES}
    asks = {"not": {"segment": numbers["tea"]}}
    numbers["others"] = (await runs.create("others", parse(asks), actor="t")).segment.id
    return runs, numbers


def rule_of(name: str) -> Rule:
    return parse(RULES[name])


async def test_every_answer_says_so_where_it_is_so_and_nowhere_else(shop: Shop) -> None:
    runs, numbers = await made(shop)
    assert {each.count.known_since for each in await runs.list()} == {None}
    assert (await runs.count(numbers["tea"])).size == 2
    for table in RAW:
        assert drop_before(shop.lake, table, SINCE) == 1
    found = {each.stored.segment.name: each.count for each in await runs.list()}
    lacks = {"tea": SINCE, "others": SINCE, "tea of late": None, "buyers": None, "who is known": None}
    assert {name: count.known_since for name, count in found.items()} == lacks
    assert count_answer(await runs.count(numbers["tea"])).known_since == SINCE
    assert preview_answer(await runs.preview(rule_of("tea"))).count.known_since == SINCE
    assert (await runs.preview(rule_of("tea of late"))).count.known_since is None
    customer = await shop.pool.fetchval("SELECT max(customer_id) FROM customers")
    assert explanation_answer(await runs.explain(numbers["tea"], customer_id=customer)).known_since == SINCE
    assert (await runs.explain(numbers["buyers"], customer_id=customer)).known_since is None
    assert (await runs.known_since(numbers["others"]), await runs.known_since(numbers["buyers"])) == (SINCE, None)


async def test_so_do_overlaps_and_what_is_kept_of_memberships(shop: Shop) -> None:
    _, numbers = await made(shop)
    overlaps = SegmentOverlaps(shop.pool, shop.asked)
    ledger = MembershipLedger(shop.pool, shop.clock, raw_since=shop.lake.raw_since)
    both = [(numbers[name], rule_of(name)) for name in ("buyers", "tea")]
    assert (await overlaps.compare(both)).known_since is None
    assert (await ledger.state(numbers["tea"])).known_since is None
    for table in RAW:
        drop_before(shop.lake, table, SINCE)
    assert (await overlaps.compare(both)).known_since == SINCE
    assert (await overlaps.compare(both[:1])).known_since is None
    for name, since in (("tea", SINCE), ("others", SINCE), ("tea of late", None), ("buyers", None)):
        assert (await ledger.state(numbers[name])).known_since == since
        assert history_answer(await ledger.history(numbers[name])).state.known_since == since


async def test_so_does_whatever_is_made_or_listed_of_a_segment(shop: Shop) -> None:
    runs, numbers = await made(shop)
    audiences, people = SegmentAudiences(runs, shop.frame), People(shop.pool, shop.clock, shop.asked)
    issues = CouponIssues(shop.pool, shop.clock, audiences=audiences)
    await CouponBook(shop.pool, shop.clock).create(CouponDraft(coupon_id="tea", title_ja="茶"), actor="t")
    for table in RAW:
        drop_before(shop.lake, table, SINCE)
    for name, since in (("tea", SINCE), ("buyers", None)):
        number = numbers[name]
        assert (await audiences.members(number, columns=())).known_since == since
        assert (await people.walk(segment_id=number)).known_since == since
        assert (await people.list(segment_id=number)).known_since == since
        issue = await issues.to_segment("tea", number, actor="t")
        assert (issue.known_since, (await issues.get(issue.issue_id)).known_since) == (since, since)
        assert issue.target == {"kind": "segment", "segment_id": number, "version": 1}
    assert (await audiences.members(None, columns=())).known_since is None
    assert (await people.list()).known_since is None
    detail = await people.detail(await people.find("u2"))
    lacks = {"tea": SINCE, "others": SINCE, "tea of late": None, "buyers": None, "who is known": None}
    assert {each.name: each.known_since for each in detail.segments} == lacks


async def test_so_do_changes_of_members(shop: Shop) -> None:
    _, numbers = await made(shop)
    await Memberships(shop.pool, shop.clock, shop.asked).work_until_current()
    await shop.send("server", order("o3", 100, user="u3"))
    await shop.refresh.run_until_current()
    await Memberships(shop.pool, shop.clock, shop.asked).work_until_current()
    ledger, keys = (
        MembershipLedger(shop.pool, shop.clock, raw_since=shop.lake.raw_since),
        ApiKeys(shop.pool, shop.clock),
    )
    app = server([MembershipController], membership_ledger=ledger, api_keys=keys)
    async with client_of(app) as client:
        client.headers["Authorization"] = f"Bearer {await keys.create('r', scopes=['segments:read'])}"

        async def said(path: str) -> tuple[int, str | None]:
            answer = await client.get(f"/segments/{path}")
            assert answer.status_code == 200, answer.text
            return len(answer.json()), answer.headers.get(KNOWN_SINCE)

        paths = ["changes", f"changes?segment_id={numbers['buyers']}", f"{numbers['tea']}/changes"]
        before = [await said(path) for path in paths]
        assert before == [(3, None), (1, None), (0, None)]
        for table in RAW:
            drop_before(shop.lake, table, SINCE)
        assert [await said(path) for path in paths] == [(3, "2026-03-01"), (1, None), (0, "2026-03-01")]


def test_the_command_line_says_it_in_a_sentence() -> None:
    assert lacking(None) == []
    assert "before 2026-03-01" in lacking(SINCE)[0]
