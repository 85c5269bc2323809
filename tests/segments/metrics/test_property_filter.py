"""Filters on properties: what they keep, and what they say where they cannot be read."""

import pytest

from segments.errors import BadOption
from segments.metrics.compute import compute
from segments.metrics.facts import Facts
from segments.metrics.free_texts import read_conditions
from segments.windows import Window
from tests.segments.history import Happening, days_of, frames, moment
from tests.segments.metrics.members import after

HISTORY = [
    Happening(1, 1, "Application Opened", moment(0), device=1),
    Happening(2, 1, "Store Visited", moment(8), store="S1"),
    Happening(3, 2, "Application Opened", moment(1), device=2),
    Happening(4, 2, "Store Visited", moment(8), store="S2"),
    Happening(5, 3, "Application Opened", moment(1), device=3),
    Happening(6, 3, "Order Completed", moment(9), order=1, amount=500, lines=(("tea", 1, 500),)),
    Happening(7, 3, "Order Completed", moment(9), order=2, amount=2000, lines=(("milk", 1, 2000),)),
    Happening(8, 2, "Order Completed", moment(9), order=3, amount=900, lines=(("tea", 1, 900),)),
    Happening(9, 2, "Order Cancelled", moment(10), order=3),
]
FACTS = Facts(days=days_of(HISTORY), events=frames(HISTORY)[0], lines=frames(HISTORY)[1], today=after(60))


@pytest.mark.parametrize(
    ("event", "where", "came"),
    [
        ("Store Visited", "", 2),
        ("Store Visited", "store=S1", 1),
        ("Store Visited", "store != S1", 1),
        ("Store Visited", "store=S9", 0),
        ("Order Completed", "", 1),
        ("Order Completed", "amount>=500", 1),
        ("Order Completed", "amount > 2000", 0),
        ("Order Completed", "category=tea", 1),
        ("Order Completed", "category=tea, amount>=600", 0),
        ("Order Completed", "category=milk", 1),
    ],
)
def test_retention_counts_the_returns_that_match(event: str, where: str, came: int) -> None:
    options = {"return": event, "return_where": where, "n": 1, "horizon": 1}
    measured = compute("retention", FACTS, Window(after(0), after(6)), options=options)
    assert (measured.numerator, measured.denominator) == (came, 3)


BASKETS = [
    *(Happening(n, n, "Application Opened", moment(0), device=n) for n in range(1, 6)),
    Happening(11, 1, "Order Completed", moment(9), order=1, amount=500, lines=(("tea", 1, 500),)),
    Happening(12, 2, "Order Completed", moment(9), order=2, amount=700, lines=(("tea", 1, 500), ("milk", 1, 200))),
    Happening(13, 3, "Order Completed", moment(9), order=3, amount=200, lines=(("milk", 1, 200), ("", 1, 0))),
    Happening(14, 4, "Order Completed", moment(9), order=4, amount=100),
    Happening(15, 5, "Order Completed", moment(9), order=5, amount=100, category="milk", lines=(("tea", 1, 100),)),
]


@pytest.mark.parametrize(
    ("where", "came"), [("category=tea", 3), ("category!=tea", 1), ("category=milk", 3), ("category!=milk", 1)]
)
def test_an_order_holds_a_category_or_does_not(where: str, came: int) -> None:
    """A mixed basket holds tea, so it is none without tea; one that names no category is neither."""
    events, lines = frames(BASKETS)
    facts = Facts(days=days_of(BASKETS), events=events, lines=lines, today=after(60))
    options = {"return": "Order Completed", "return_where": where, "n": 1, "horizon": 1}
    measured = compute("retention", facts, Window(after(0), after(6)), options=options)
    assert (measured.numerator, measured.denominator) == (came, 5)


VIEWED = [
    *(Happening(n, n, "Application Opened", moment(0), device=n) for n in range(1, 5)),
    Happening(11, 1, "Recipe Viewed", moment(9), own=(("recipe_id", "R1"), ("minutes", 20), ("tags", ["tea", "hot"]))),
    Happening(12, 2, "Recipe Viewed", moment(9), own=(("recipe_id", "R2"), ("minutes", "7.5"), ("tags", "hot"))),
    Happening(13, 3, "Recipe Viewed", moment(9)),
    Happening(14, 4, "Order Completed", moment(9), order=1, amount=500, own=(("gift", True),)),
]


@pytest.mark.parametrize(
    ("event", "where", "came"),
    [
        ("Recipe Viewed", "", 3),
        ("Recipe Viewed", "property:recipe_id=R1", 1),
        ("Recipe Viewed", "property:recipe_id!=R1", 1),
        ("Recipe Viewed", "property:tags=hot, property:minutes < 7.6", 1),
        ("Recipe Viewed", "property:minutes>=7.5", 2),
        ("Recipe Viewed", "property:minutes=20", 1),
        ("Recipe Viewed", "property:recipe_id>1", 0),
        ("Order Completed", "property:gift=true, amount>=500", 1),
        ("Order Completed", "property:gift=false", 0),
    ],
)
def test_a_shops_own_properties_are_asked_as_in_rules(event: str, where: str, came: int) -> None:
    events, lines = frames(VIEWED)
    facts = Facts(days=days_of(VIEWED), events=events, lines=lines, today=after(60))
    options = {"return": event, "return_where": where, "n": 1, "horizon": 1}
    measured = compute("retention", facts, Window(after(0), after(6)), options=options)
    assert (measured.numerator, measured.denominator) == (came, 4)


def test_the_first_start_is_the_first_that_matches() -> None:
    options = {"start": "Store Visited", "start_where": "store=S2", "return": "Application Opened"}
    measured = compute("retention", FACTS, Window(after(7), after(13)), options=options)
    assert measured.denominator == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("shop=S1", "no property shop; there are store, category"),
        ("stor=S1", "no property stor; the nearest are store, score, platform"),
        ("store>S1", "compared by = or !="),
        ("amount>=much", "whole number"),
        ("store", "reads like"),
        ("property:=x", "reads like"),
        ("property:email=x", "not kept for figures"),
        ("property:minutes>=long", "at most 4 decimals"),
        ("property:minutes>1.23456", "at most 4 decimals"),
        ("store=S1,,", "reads like"),
    ],
)
def test_a_filter_that_cannot_be_read_says_why(text: str, says: str) -> None:
    with pytest.raises(BadOption, match=says):
        read_conditions(text)
