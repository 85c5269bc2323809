"""Facts answer for several windows what they answer for each."""

import polars as pl
import pytest
from hypothesis import given, settings

from segments.metrics.facts import Facts
from segments.metrics.members import Members
from segments.windows import Window
from tests.segments.history import Happening, days_of, histories, moment
from tests.segments.metrics.members import MEMBERS, after, belongs_frame

MOMENT = moment(2)
WINDOWS = [Window(after(0), after(4)), Window(after(5), after(9)), Window(after(3), after(20))]


def kept(facts: Facts, window: Window) -> list[int]:
    everyone = facts.days.select("customer_id").unique()
    return sorted(facts.keep_members(everyone, window).collect().to_series().to_list())


@settings(max_examples=15, deadline=None)
@given(history=histories())
def test_looking_ahead_changes_no_answer(history: list[Happening]) -> None:
    days = days_of(history).collect().lazy()
    ahead, each = (Facts(days=days, today=after(21), members=MEMBERS) for _ in range(2))
    ahead.look_ahead(WINDOWS)
    assert [kept(ahead, window) for window in WINDOWS] == [kept(each, window) for window in WINDOWS]


@pytest.mark.parametrize("twice", [False, True])
def test_looking_ahead_asks_once(*, twice: bool) -> None:
    asked: list[int] = []

    def belongs(pairs: pl.LazyFrame) -> pl.LazyFrame:
        asked.append(1)
        return belongs_frame(pairs)

    history = [Happening(1, 1, "Application Opened", MOMENT), Happening(2, 2, "Store Visited", MOMENT)]
    facts = Facts(days=days_of(history), today=after(21), members=Members("counted", belongs))
    facts.look_ahead(WINDOWS)
    if twice:
        facts.look_ahead(WINDOWS[:2])
    for window in WINDOWS:
        kept(facts, window)
    assert len(asked) == 1


def test_a_trusted_report_of_a_later_day_makes_earlier_unverified_ones_step_back_too() -> None:
    early = Happening(1, 1, "Order Completed", moment(1), trusted=False, order=1)
    late = Happening(2, 1, "Order Completed", moment(30), order=2)
    facts = Facts(days=days_of([early, late]), today=after(21))
    assert facts.of(["Order Completed"]).collect().is_empty()
