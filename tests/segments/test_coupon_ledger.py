"""The ledger of everybody equals what is said of each person, and its numbers add up."""

from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segments.calendar import BusinessCalendar
from segments.coupon_ledger import COUPON_EVENTS, DEFINITIONS, CouponNumbers, ledger, numbers
from segments.coupons import CouponFact, CouponState, Definition, Flag, last_day, personal_coupons
from tests.segments.history import DAY_ZERO, Happening, days_of, histories, moment

UTC = BusinessCalendar("UTC")
COUPONS = ("spring", "tea", "late")


@st.composite
def _definitions(draw: st.DrawFn) -> dict[str, Definition]:
    """Some of the coupons, defined somehow."""
    day = st.none() | st.integers(0, 20).map(lambda offset: DAY_ZERO + timedelta(days=offset))
    return {
        coupon_id: Definition(
            coupon_id=coupon_id,
            title={},
            valid_from=draw(day),
            valid_until=draw(day),
            stores=draw(st.frozensets(st.sampled_from(("S1", "S9")))),
            uses_per_person=draw(st.none() | st.integers(1, 2)),
            public=draw(st.booleans()),
        )
        for coupon_id in draw(st.sets(st.sampled_from(COUPONS)))
    }


def defined(definitions: dict[str, Definition]) -> pl.LazyFrame:
    rows = [
        (
            one.coupon_id,
            "public" if one.public else "issued",
            one.valid_from,
            one.valid_until,
            sorted(one.stores),
            one.uses_per_person,
        )
        for one in definitions.values()
    ]
    return pl.LazyFrame(rows, schema=DEFINITIONS, orient="row")


def facts_of(history: list[Happening]) -> pl.LazyFrame:
    return days_of(history).filter(pl.col("event").is_in(COUPON_EVENTS))


@settings(max_examples=25, deadline=None)
@given(history=histories(names=COUPON_EVENTS, size=30), definitions=_definitions(), offset=st.integers(0, 25))
def test_the_ledger_says_of_each_pair_what_is_said_of_the_person(
    history: list[Happening], definitions: dict[str, Definition], offset: int
) -> None:
    today = DAY_ZERO + timedelta(days=offset)
    found = ledger(facts_of(history), defined(definitions), today=today).collect()
    told = {(row["customer_id"], row["key"]): row for row in found.to_dicts()}
    assert len(told) == found.height
    for who in (1, 2, 3):
        own = [
            CouponFact(coupon_id=row.coupon or "", event=row.event, at=row.at, store=row.store, valid_until=row.until)
            for row in history
            if row.customer == who
        ]
        for coupon in personal_coupons(own, definitions, today=today, calendar=UTC):
            row = told.pop((who, coupon.coupon_id))
            assert row["state"] == coupon.state
            assert row["ends"] == coupon.valid_until
            assert (row["uses"], tuple(row["stores"])) == (coupon.uses, tuple(sorted(coupon.stores)))
            assert tuple(row["flags"]) == coupon.flags
            assert row["issued_at"] == coupon.issued_at
            assert (row["viewed_at"], row["presented_at"]) == (coupon.viewed_at, coupon.presented_at)
            assert (row["used_at"], row["expired_at"]) == (coupon.redeemed_at, coupon.expired_at)
    assert told == {}


@settings(max_examples=15, deadline=None)
@given(history=histories(names=COUPON_EVENTS, size=40), definitions=_definitions(), offset=st.integers(0, 25))
def test_the_numbers_add_up(history: list[Happening], definitions: dict[str, Definition], offset: int) -> None:
    facts = facts_of(history)
    pairs = ledger(facts, defined(definitions), today=DAY_ZERO + timedelta(days=offset))
    for each in numbers(pairs, facts, COUPONS):
        assert each.issued == each.used + each.open + each.expired
        assert max(each.viewed, each.presented) <= each.issued
        assert each.uses == sum(store.uses for store in each.stores)
        assert each.uses == sum(row.event == "Coupon Redeemed" and row.coupon == each.coupon_id for row in history)
        assert each.flagged.get(Flag.NOT_ISSUED, 0) == each.not_issued


def test_a_coupon_that_nobody_has_has_zeros() -> None:
    pairs = ledger(facts_of([]), defined({}), today=DAY_ZERO)
    assert numbers(pairs, facts_of([]), ["spring"]) == (CouponNumbers(coupon_id="spring", flagged={}),)


def test_odd_uses_are_uses_and_say_why_they_are_odd() -> None:
    spring = Definition(
        coupon_id="spring", title={}, valid_from=DAY_ZERO, stores=frozenset({"S1"}), uses_per_person=1
    )  # fmt: skip
    history = [
        Happening(1, 1, "Coupon Issued", moment(0), coupon="spring", until=DAY_ZERO + timedelta(days=2)),
        Happening(2, 1, "Coupon Redeemed", moment(2), coupon="spring", store="S1"),
        Happening(3, 1, "Coupon Redeemed", moment(3), coupon="spring", store="S2"),
        Happening(4, 2, "Coupon Redeemed", moment(-1), coupon="spring", store="S1"),
    ]
    rows = ledger(facts_of(history), defined({"spring": spring}), today=DAY_ZERO).sort("customer_id").collect()
    assert rows["state"].to_list() == [CouponState.USED, CouponState.USED]
    assert rows["flags"].to_list() == [[Flag.OVER_LIMIT, Flag.LATE, Flag.WRONG_STORE], [Flag.EARLY, Flag.NOT_ISSUED]]
    (told,) = numbers(rows.lazy(), facts_of(history), ["spring"])
    assert (told.issued, told.used, told.uses, told.not_issued) == (1, 1, 3, 1)
    assert [(store.store_id, store.uses, store.people) for store in told.stores] == [("S1", 2, 2), ("S2", 1, 1)]


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("2026-04-30", date(2026, 4, 30)),
        ("2026-04-30T23:59:59+09:00", date(2026, 4, 30)),
        ("2026-05-01T00:00:00+09:00", date(2026, 4, 30)),
        ("2026-04-30T15:00:00Z", date(2026, 4, 30)),
        ("2026-04-30T12:00:00", date(2026, 4, 30)),
        ("tomorrow", None),
        ("2026-13-01", None),
        ("9999-12-31T23:59:59Z", None),
        ("0001-01-01T00:00:00", None),
        (20260430, None),
        (None, None),
    ],
)
def test_a_validity_is_read_as_its_last_business_day(written: object, day: date | None) -> None:
    assert last_day(written, BusinessCalendar()) == day
