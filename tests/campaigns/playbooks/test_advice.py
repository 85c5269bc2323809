"""What a shop's own data says about a playbook, against plain counting."""

from datetime import date, timedelta
from statistics import median
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.playbooks.advice import FEWEST_GAPS, LONGEST_LOOK, Shop, look, repeat_interval, suggest
from campaigns.playbooks.library import BY_SLUG, PLAYBOOKS
from campaigns.playbooks.playbook import Need, read_answers
from segments.customers import SCHEMA

TODAY = date(2026, 6, 30)
ORDERS = {"orders": 3, "first_order": TODAY - timedelta(50), "second_order": TODAY - timedelta(20)}


def frame(*rows: dict[str, Any]) -> pl.LazyFrame:
    return pl.LazyFrame([{name: row.get(name) for name in SCHEMA} for row in rows], schema=SCHEMA)


def test_an_empty_shop_knows_nothing_and_every_playbook_says_so() -> None:
    for empty in (frame(), frame({"customer_id": 1})):
        shop = look(empty, today=TODAY)
        assert shop == Shop()
        assert all(need not in shop.there for playbook in PLAYBOOKS for need in playbook.needs)


@pytest.mark.parametrize(
    ("known", "need"),
    [
        ({"joined": TODAY}, Need.JOINS),
        ({"orders": 1}, Need.ORDERS),
        ({"favorite_category": "tea"}, Need.CATEGORIES),
        ({"coupons_used": 1}, Need.COUPONS),
        ({"coupons_held": 1}, Need.COUPONS),
        ({"next_coupon_expiry": TODAY}, Need.COUPON_EXPIRY),
        ({"computed_rank": "gold"}, Need.RANKS),
        ({"to_next_rank": 0}, Need.NEXT_RANK),
        ({"rank_review": TODAY}, Need.RANK_REVIEW),
        ({"birth_month": 3, "birth_day": 1}, Need.BIRTHDAYS),
        ({"visits": 1}, Need.VISITS),
        ({"orders": 1}, Need.VISITS),
    ],
)
def test_one_person_is_enough_for_something_to_be_known(known: dict[str, Any], need: Need) -> None:
    shop = look(frame({"customer_id": 1}, {"customer_id": 2, **known}), today=TODAY)
    assert need in shop.there
    without = look(frame({"customer_id": 1}, {"customer_id": 2, "orders": 0, "coupons_used": 0}), today=TODAY)
    assert not without.there


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.integers(0, 500), st.integers(0, LONGEST_LOOK + 50), st.booleans()), max_size=FEWEST_GAPS * 2)
)
def test_the_interval_is_the_middle_of_the_gaps_of_the_last_year(people: list[tuple[int, int, bool]]) -> None:
    rows, gaps = [], []
    for gap, ago, came_back in people:
        second = TODAY - timedelta(ago)
        rows.append(
            {"first_order": second - timedelta(gap), "second_order": second if came_back else None, "orders": 1}
        )
        if came_back and ago <= LONGEST_LOOK:
            gaps.append(gap)
    shop = look(frame(*rows), today=TODAY)
    assert shop.interval == (max(2, round(median(gaps))) if len(gaps) >= FEWEST_GAPS else None)


def test_the_interval_of_a_category_is_between_its_own_first_two_days() -> None:
    rows = []
    for person in range(FEWEST_GAPS):
        first = TODAY - timedelta(100)
        days = [first, first, first + timedelta(20 + person % 3), first + timedelta(90)]
        rows += [(person, day, "tea") for day in days] + [(person, first + timedelta(1), "cups")]
    lines = pl.LazyFrame(rows, schema=["customer_id", "business_day", "category"], orient="row")
    assert repeat_interval(lines, "tea") == 21
    assert repeat_interval(lines, "cups") is None
    assert repeat_interval(lines.filter(pl.col("customer_id") > 0), "tea") is None


def test_suggestions_come_from_the_shop_and_are_answers_that_can_be() -> None:
    row = {**ORDERS, "favorite_category": "tea", "spend": 9_450, "last_store": "S02", "to_next_rank": 1_234}
    shop = look(frame(*([{**row, "customer_id": number} for number in range(FEWEST_GAPS)])), today=TODAY)
    assert (shop.interval, shop.basket, shop.store) == (30, 3_150, "S02")
    suggested = {
        playbook.slug: {
            ask.name: answer
            for ask in playbook.asks
            if (answer := suggest(ask, shop, slug=playbook.slug, pair=("tea", "cups"))) is not None
        }
        for playbook in PLAYBOOKS
    }
    assert suggested["second-purchase"] == {"days": 30}
    assert suggested["cross-sell"] == {"category": "tea", "goes_with": "cups"}
    assert suggested["up-sell"] == {"category": "tea", "amount": 4_700}
    assert suggested["rank-up-near"] == {"missing": 1_200}
    assert suggested["store-event"] == {"store": "S02", "goal": "Order Completed"}
    assert suggested["feedback"] == {"begins_with": "Order Completed"}
    for slug, answers in suggested.items():
        read_answers(BY_SLUG[slug], {**answers, **({"what": "Fair"} if slug == "store-event" else {})})
