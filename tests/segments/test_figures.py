"""Figures stand on their windows, their members and their remarks; the dashboard adds them up."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from segments.errors import BadOption
from segments.figures import Audience, Figures, default_window
from segments.ids import SegmentId
from segments.metrics.facts import Facts
from segments.metrics.result import AsOfRule, SegmentName
from segments.rules.parse import parse
from segments.windows import Window
from tests.segments.history import DAY_ZERO, Happening, days_of, moment

TODAY = DAY_ZERO + timedelta(days=300)
ONE_ORDER = parse({"attribute": "orders", "op": "=", "value": 1})


def launches(who: int, *days: int) -> list[Happening]:
    return [Happening(1000 * who + day, who, "Application Opened", moment(day), device=who) for day in days]


def order(number: int, who: int, day: int) -> Happening:
    return Happening(number, who, "Order Completed", moment(day), order=number, amount=100)


HISTORY = [
    *launches(1, 0, 230, 271),
    *launches(2, 240, 280),
    *launches(3, 0, 285),
    order(1, 1, 200),
    order(2, 1, 220),
    order(3, 2, 280),
    order(4, 2, 285),
    order(5, 3, 281),
]


def figures(history: list[Happening]) -> Figures:
    frame = pl.LazyFrame(
        {
            "customer_id": [1, 2, 3, 4],
            "as_of": [TODAY] * 4,
            "orders": [2, 2, 1, 0],
            "reachable": [True, False, None, True],
            "test_account": [False, False, None, True],
        }
    )
    facts = Facts(days=days_of(history), today=TODAY, verified=frozenset())
    return Figures(facts=facts, frame=frame, as_of=datetime(2026, 12, 27, tzinfo=UTC))


def audience(as_of: AsOfRule) -> Audience:
    return Audience(SegmentName(id=SegmentId(1), name="一度だけ", version=2), ONE_ORDER, as_of)


def test_windows_that_nobody_chose_can_be_complete() -> None:
    facts = figures([]).facts
    last = TODAY - timedelta(days=1)
    assert default_window("launch_rate", facts, {}) == Window(last - timedelta(days=27), last)
    assert default_window("f2_conversion", facts, {"days": 30}).last == TODAY - timedelta(days=31)
    weeks = default_window("retention", facts, {})
    assert (weeks.first.weekday(), weeks.last.weekday(), weeks.days) == (0, 6, 84)
    assert weeks.last < TODAY <= weeks.last + timedelta(days=7)


def test_the_dashboard_of_everyone() -> None:
    board = figures(HISTORY).dashboard(failed_events=7)
    assert (board.members, board.reachable, board.failed_events) == (3, 1, 7)
    launch, coupon, repeat, f2 = board.tiles
    assert (launch.result.measured.numerator, launch.result.measured.denominator) == (2, 3)
    assert (coupon.result.measured.value, coupon.change) == (None, None)
    assert (repeat.result.measured.numerator, repeat.result.measured.denominator) == (1, 2)
    assert (f2.result.measured.numerator, f2.result.measured.denominator) == (0, 0)
    assert [point.window.last for point in launch.spark] == [
        TODAY - timedelta(days=1 + 28 * back) for back in range(7, -1, -1)
    ]
    assert launch.spark[-1].value == launch.result.measured.value
    assert launch.spark[-2].value == launch.previous.value


def test_a_change_is_the_difference_of_two_figures_that_exist() -> None:
    launch = figures(HISTORY).dashboard(failed_events=0).tiles[0]
    assert launch.previous.value is not None
    assert launch.change == pytest.approx(2 / 3 - launch.previous.value)
    assert replace(launch, previous=replace(launch.previous, incomplete=True)).change is None


def test_the_line_is_empty_where_the_history_does_not_reach() -> None:
    recent = [row for row in HISTORY if row.day > TODAY - timedelta(days=62)]
    launch = figures(recent).dashboard(failed_events=0).tiles[0]
    assert [point.value is None for point in launch.spark] == [True] * 6 + [False] * 2


def test_the_heatmap_holds_the_last_twelve_full_weeks() -> None:
    retention = figures(HISTORY).dashboard(failed_events=0).retention.measured
    assert retention.window.days == 84
    assert retention.table is not None
    assert [(cohort.start, cohort.size) for cohort in retention.table.cohorts] == [(DAY_ZERO + timedelta(days=238), 1)]


def test_membership_when_it_mattered_and_today_differ() -> None:
    shop, window = figures(HISTORY), Window(DAY_ZERO + timedelta(days=272), TODAY - timedelta(days=1))
    then = shop.kpi("launch_rate", window, audience=audience("cohort"))
    today = shop.kpi("launch_rate", window, audience=audience("today"))
    assert (then.measured.numerator, then.measured.denominator) == (0, 0)
    assert (today.measured.numerator, today.measured.denominator) == (1, 1)
    assert (then.measured.notes, then.recomputed) == (("members_period", "recomputed", "empty_segment"), True)
    assert (today.measured.notes, today.recomputed) == (("members_today",), False)
    assert today.remarks("ja") == ("セグメント：今日該当する人",)


def test_a_conversion_asks_who_belonged_on_the_day_of_the_first_order() -> None:
    window = Window(DAY_ZERO + timedelta(days=200), DAY_ZERO + timedelta(days=220))
    result = figures(HISTORY).kpi("f2_conversion", window, audience=audience("cohort"))
    assert (result.measured.numerator, result.measured.denominator) == (1, 1)
    assert "members_cohort" in result.measured.notes


def test_everyone_and_a_segment_do_not_mix_in_what_is_kept() -> None:
    shop, window = figures(HISTORY), Window(DAY_ZERO + timedelta(days=272), TODAY - timedelta(days=1))
    everyone = [shop.kpi("launch_rate", window).measured.denominator for _ in range(2)]
    segment = shop.kpi("launch_rate", window, audience=audience("today")).measured.denominator
    assert (everyone, segment) == ([3, 3], 1)


def test_a_bad_option_is_refused() -> None:
    with pytest.raises(BadOption, match="horizon"):
        figures([]).kpi("retention", options={"horizons": 4})
