"""A segment by what people did, as of a past day: the same people as history told then, read event by event."""

from datetime import date, timedelta
from random import Random
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segments.rebuilt import history_for, members_then, of_now
from segments.rules.parse import parse
from tests.segments.history import Happening, days_of, frames, moment
from tests.segments.reference_customers import verified_names
from tests.segments.rules.behaviour_documents import draw_condition
from tests.segments.rules.happened import CUSTOMERS, EVENTS, NOW, draw_history
from tests.segments.rules.reference_behaviour import behaved

FRAME = pl.LazyFrame({"customer_id": CUSTOMERS, "birth_month": [4, None, 5], "birth_day": [11, None, 1]})


def then(document: dict[str, Any], history: list[Happening], days: list[date], frame: pl.LazyFrame = FRAME) -> set[Any]:
    rule, (events, lines) = parse(document), frames(history)
    known = members_then(
        rule,
        key="rule",
        days=history_for(rule, days_of(history)),
        frame=frame,
        verified=verified_names(history),
        coupons=None,
        events=events,
        lines=lines,
    )
    pairs = [(who, day) for who in CUSTOMERS for day in days]
    asked = pl.LazyFrame(pairs, schema={"customer_id": pl.Int64, "as_of": pl.Date}, orient="row")
    return {*known.belongs(asked).collect().rows()}


def check(seed: int) -> None:
    draw = Random(seed)
    events = draw.sample(EVENTS, k=2)
    history = draw_history(draw, events)
    days = [moment(day).date() for day in draw.sample(range(30, 42), k=3)]
    documents = [draw_condition(draw, events) for _ in range(3)]
    documents = [one for one in documents if "hours" not in one and "minutes" not in one]
    documents.append({"event": "Order Completed", "op": "at_least", "times": 3, "days": 5})
    expected = {
        (who, day)
        for who in CUSTOMERS
        for day in days
        if any(behaved(one, history, who, day, NOW) for one in documents)
    }
    assert then({"any": documents}, history, days) == expected


@settings(max_examples=8)
@given(seed=st.integers(0, 2**32))
def test_members_then_are_those_of_whom_it_was_true_then(seed: int) -> None:
    check(seed)


@pytest.mark.prove
@settings(max_examples=1000)
@given(seed=st.integers(0, 2**32))
def test_members_then_are_those_of_very_many_histories(seed: int) -> None:
    check(seed)


def test_every_order_and_its_amount_may_be_asked_in_one_rule() -> None:
    history = [Happening(seq, 1, "Order Completed", moment(seq), order=seq, amount=5) for seq in (10, 20, 21, 39)]
    document = {
        "all": [
            {"event": "Order Completed", "sum": "amount", "op": ">=", "value": 15},
            {"event": "Order Completed", "when": "first", "op": "before_days", "value": 12},
            {"event": "Order Completed", "in_periods": 2, "of_last": 3, "unit": "day"},
        ]
    }
    days = [moment(day).date() for day in (21, 22, 23, 39)]
    assert then(document, history, days) == {(1, moment(22).date())}


def test_a_number_of_an_order_counts_once_on_every_day_that_is_asked_for() -> None:
    told = (("minutes", 20),)
    history = [
        Happening(10, 1, "Order Completed", moment(10), order=10, amount=5, own=told),
        Happening(16, 1, "Order Completed", moment(16), order=16, amount=5),
    ]
    document = {"event": "Order Completed", "sum": "property:minutes", "op": "between", "value": [15, 25]}
    days = [moment(day).date() for day in (9, 12, 17, 39)]
    assert then(document, history, days) == {(1, day) for day in days[1:]}


def test_birthdays_are_worked_out_on_the_day_that_is_asked_for() -> None:
    days = [date(2026, 4, 1) + timedelta(days=number) for number in range(12)]
    document = {"attribute": "birthday_in", "op": "<=", "value": 3}
    assert then(document, [], days) == {(1, day) for day in days if 8 <= day.day <= 11}


def test_what_is_known_of_now_only_is_asked_as_of_now() -> None:
    document = {"any": [{"list": 4}, {"event": "Application Opened", "op": "at_least", "times": 1, "hours": 1}]}
    needed = of_now(parse(document))
    (minutes,) = (name for name in needed if name.startswith("days:"))
    today = FRAME.with_columns(
        pl.Series("list:4", [True, False, False]), pl.Series(minutes, [[], [moment(40).date()], []], pl.List(pl.Date))
    )
    days = [moment(3).date(), moment(9).date()]
    assert then(document, [], days, today) == {(who, day) for who in (1, 2) for day in days}
    assert of_now(parse({"event": "Store Visited", "op": "at_least", "times": 1, "where": {"store": "S1"}})) == set()
