"""Coupon rates equal counting on fingers, pair by pair."""

from collections import Counter
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from segments.events import EventName
from segments.metrics.compute import compute
from segments.metrics.facts import Facts
from segments.windows import Window
from tests.segments.history import Happening, days_of, histories, moment
from tests.segments.metrics.members import MEMBERS, after, belongs
from tests.segments.metrics.reference import Shop

NAMES = (
    EventName.COUPON_ISSUED,
    EventName.COUPON_ISSUED,
    EventName.COUPON_VIEWED,
    EventName.COUPON_PRESENTED,
    EventName.COUPON_REDEEMED,
    EventName.COUPON_EXPIRED,
)
COUPONS = pl.LazyFrame(
    {"coupon_id": ["spring", "tea"], "audience": ["public", "issued"], "valid_until": [after(15), None]},
    schema={"coupon_id": pl.String, "audience": pl.String, "valid_until": pl.Date},
)


@settings(max_examples=30, deadline=None)
@given(
    history=histories(names=NAMES, size=40),
    first=st.integers(0, 20),
    length=st.integers(0, 20),
    today=st.integers(10, 60),
    segment=st.booleans(),
)
def test_coupon_rates_equal_the_reference(
    history: list[Happening], first: int, length: int, today: int, *, segment: bool
) -> None:
    window = Window(after(first), after(first + length))
    facts = Facts(days=days_of(history), today=after(today), coupons=COUPONS, members=MEMBERS if segment else None)
    shop = Shop(history, after(today), belongs if segment else None)
    pairs = shop.coupon_pairs(window.first, window.last, {"spring"}, {"spring": after(15)})
    till = any(row.event == "Coupon Redeemed" for row in shop.rows)
    used = "Coupon Redeemed" if till else "Coupon Presented"
    expected = {
        "coupon_view_rate": (sum("Coupon Viewed" in pair for pair in pairs), len(pairs)),
        "coupon_presentation_rate": (sum("Coupon Presented" in pair for pair in pairs), len(pairs)),
        "coupon_use_rate": (sum(used in pair for pair in pairs), len(pairs)),
        "coupon_redemption_rate": (
            sum({"Coupon Presented", "Coupon Redeemed"} <= pair for pair in pairs),
            sum("Coupon Presented" in pair for pair in pairs),
        ),
    }
    running = any("open" in pair for pair in pairs)
    for slug, figures in expected.items():
        measured = compute(slug, facts, window)
        assert (measured.numerator, measured.denominator) == figures, slug
        assert measured.incomplete == (running or window.last >= after(today))
        assert ("no_till" in measured.notes) == (slug == "coupon_use_rate" and not till and bool(pairs))
        assert ("validity_unknown" in measured.notes) == any("told" not in pair for pair in pairs)
        assert measured.sheet is not None
        by_coupon = {row[0]: (row[1], row[2]) for row in measured.sheet.rows}
        assert tuple(map(sum, zip(*by_coupon.values(), strict=True))) == (figures if pairs else ())
    assert {row[0]: row[2] for row in sheet_of("coupon_view_rate", facts, window)} == Counter(
        coupon for pair in pairs for coupon in ("spring", "tea", "late") if coupon in pair
    )
    uses = [row for row in shop.rows if row.event == used and window.first <= row.day <= window.last]
    mine = [row for row in uses if shop.in_period(row.customer, window.first)]
    assert compute("coupon_uses", facts, window).numerator == len({row.customer for row in mine})
    stores = Counter(row.store or "" for row in mine)
    assert {row[0]: row[1] for row in sheet_of("coupon_uses", facts, window)} == stores


def sheet_of(slug: str, facts: Facts, window: Window) -> tuple[tuple[Any, ...], ...]:
    """The rows that come with a figure."""
    sheet = compute(slug, facts, window).sheet
    assert sheet is not None
    return sheet.rows


def test_a_public_coupon_is_issued_when_first_viewed() -> None:
    history = [
        Happening(1, 1, "Coupon Viewed", moment(3), coupon="spring"),
        Happening(2, 1, "Coupon Viewed", moment(9), coupon="spring"),
    ]
    facts = Facts(days=days_of(history), today=after(30), coupons=COUPONS)
    denominators = [
        compute("coupon_view_rate", facts, Window(after(first), after(first + 4))).denominator for first in (0, 6)
    ]
    assert denominators == [1, 0]


def test_a_coupon_without_definitions_still_counts() -> None:
    history = [
        Happening(1, 1, "Coupon Issued", moment(0), coupon="spring"),
        Happening(2, 1, "Coupon Presented", moment(1), coupon="spring"),
    ]
    measured = compute("coupon_use_rate", Facts(days=days_of(history), today=after(30)), Window(after(0), after(0)))
    assert (measured.numerator, measured.denominator) == (1, 1)
    assert measured.notes == ("no_till", "validity_unknown")
