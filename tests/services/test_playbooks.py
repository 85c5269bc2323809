"""A playbook in a running shop: what it lacks, what it suggests, and the segment and draft that it makes."""

from dataclasses import dataclass
from datetime import date
from typing import Any, cast

import asyncpg
import polars as pl
import pytest

from backend.errors import BadInput, NotFound
from backend.services.playbooks import Playbooks
from backend.services.segment_runs import SegmentRuns
from campaigns.campaign import State
from campaigns.playbooks.library import PLAYBOOKS
from campaigns.playbooks.playbook import Need
from campaigns.trigger import OnEvent, OnSegment
from segments.customers import SCHEMA
from tests.fixtures.shop_floor import ShopFloor
from tests.services.frames import HeldFrame

TODAY = date(2026, 6, 30)
BUYER = {"customer_id": 1, "orders": 2, "favorite_category": "tea", "last_store": "S01"}


@dataclass
class HeldDay:
    frame: pl.LazyFrame
    day: date = TODAY


@dataclass
class HeldShop:
    """Frame and order lines of a shop, in memory."""

    rows: list[dict[str, Any]]
    lines: pl.LazyFrame

    def read(self) -> HeldDay:
        known = [{name: row.get(name) for name in SCHEMA} for row in self.rows]
        return HeldDay(pl.LazyFrame(known, schema=SCHEMA))

    def order_lines(self) -> pl.LazyFrame:
        return self.lines


def lines(*rows: tuple[int, date, str]) -> pl.LazyFrame:
    schema = {"customer_id": pl.Int64(), "business_day": pl.Date(), "category": pl.String()}
    return pl.LazyFrame(list(rows), schema=schema, orient="row")


def library(pool: asyncpg.Pool, floor: ShopFloor, shop: HeldShop, pair: tuple[str, str] | None = None) -> Playbooks:
    async def bought_together() -> tuple[str, str] | None:
        return pair

    return Playbooks(
        cast("Any", shop),
        cast("Any", shop),
        segments=SegmentRuns(pool, floor.clock, HeldFrame([])),
        campaigns=floor.desk,
        pair=bought_together,
    )


@pytest.fixture
async def floor(pool: asyncpg.Pool) -> ShopFloor:
    floor = ShopFloor(pool)
    await floor.settings()
    return floor


@pytest.fixture
def books(pool: asyncpg.Pool, floor: ShopFloor) -> Playbooks:
    return library(pool, floor, HeldShop([BUYER], lines()), ("tea", "cups"))


async def test_the_library_says_what_the_shop_lacks(books: Playbooks) -> None:
    listed = await books.list()
    assert [each.playbook for each in listed] == list(PLAYBOOKS)
    missing = {each.playbook.slug: each.missing for each in listed}
    assert missing["cross-sell"] == missing["lapsing"] == missing["feedback"] == ()
    assert missing["rank-up-near"] == (Need.RANKS, Need.NEXT_RANK)
    assert missing["coupon-expiring"] == (Need.COUPONS, Need.COUPON_EXPIRY)
    assert missing["onboarding"] == (Need.JOINS,)


async def test_every_playbook_makes_its_segment_and_a_draft(books: Playbooks, pool: asyncpg.Pool) -> None:
    for each in await books.list():
        answers = {"what": "秋の催し"} if each.playbook.slug == "store-event" else {}
        answers |= {"category": "tea"} if each.playbook.slug == "up-sell" else {}
        made = await books.make(each.playbook.slug, answers, by="aya")
        campaign, draft = made.campaign, made.campaign.draft
        assert campaign.summary.state is State.DRAFT
        assert draft.tags == (each.playbook.tag("ja"),)
        if made.segment is None:
            assert isinstance(draft.trigger, OnEvent)
        elif isinstance(draft.trigger, OnSegment):
            assert draft.trigger.segment_id == made.segment.segment.id
        else:
            assert draft.segment_id == made.segment.segment.id
    assert await pool.fetchval("SELECT count(*) FROM campaign_people") == 0
    names = await pool.fetch("SELECT action FROM audit_log WHERE actor = 'aya'")
    assert {row["action"] for row in names} == {"segment.create", "campaign.create"}


async def test_made_twice_it_uses_its_segment_again_and_numbers_the_draft(books: Playbooks) -> None:
    first, again = [await books.make("win-back", by="aya") for _ in range(2)]
    assert first.segment is not None
    assert again.segment is not None
    assert again.segment.segment.id == first.segment.segment.id
    assert again.campaign.summary.name == f"{first.campaign.summary.name} (2)"
    other = await books.make("second-purchase", {"days": 20}, by="aya")
    third = await books.make("second-purchase", {"days": 40}, by="aya")
    assert other.segment is not None
    assert third.segment is not None
    assert other.segment.segment.id != third.segment.segment.id


async def test_it_speaks_the_language_that_is_asked_for(books: Playbooks) -> None:
    made = await books.make("birthday", {"days": 0}, language="en", by="aya")
    assert made.campaign.summary.name == "Birthday"
    assert made.campaign.draft.content.ja is not None
    assert made.segment is not None
    assert made.segment.segment.name == "Members with a birthday soon"


async def test_the_interval_of_a_category_is_its_own(pool: asyncpg.Pool, floor: ShopFloor) -> None:
    bought = [(who, day, "tea") for who in range(40) for day in (date(2026, 3, 1), date(2026, 4, 15))]
    books = library(pool, floor, HeldShop([BUYER], lines(*bought)))
    assert (await books.get("second-purchase", {"category": "tea"})).suggested == {"days": 45}
    assert (await books.get("second-purchase", {"category": "cups"})).suggested == {}
    made = await books.make("second-purchase", {"category": "tea"}, by="aya")
    assert made.segment is not None
    assert "45" in made.segment.sentence_ja


async def test_what_has_to_be_answered_is_asked_for_by_name(pool: asyncpg.Pool, floor: ShopFloor) -> None:
    books = library(pool, floor, HeldShop([], lines()))
    shelved = await books.get("cross-sell")
    assert (shelved.plan, shelved.suggested) == (None, {})
    for slug, answers, field in (
        ("cross-sell", {}, "category"),
        ("cross-sell", {"category": "tea", "goes_with": "cups", "days": 0}, "days"),
        ("store-event", {"store": "S01", "what": "{{ x }}"}, "content.ja.title"),
        ("store-event", {"store": "S01", "what": "{{ 姓 }}"}, "content.ja.title"),
        ("lapsing", {"discount": 10}, "discount"),
    ):
        with pytest.raises(BadInput) as caught:
            await books.make(slug, answers, by="aya")
        assert caught.value.field == field
    assert await pool.fetchval("SELECT count(*) FROM segments") == 0
    with pytest.raises(NotFound):
        await books.get("spam")
