"""Figures are the same whether they are read from the customer frame or worked out of history."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segments.calendar import BusinessCalendar
from segments.events import EventName
from segments.metrics import catalog
from segments.metrics.compute import compute
from segments.metrics.facts import Facts
from segments.metrics.margin_rates import MarginRates
from segments.rebuilt import members_today
from segments.reduce.anywhere import Rules, reduce_here
from segments.reduce.trust import WEIGHTY
from segments.rules.parse import parse
from segments.windows import Window
from tests.segments.history import Happening, days_of, histories, moment, random_history
from tests.segments.metrics.busy_shop import bought
from tests.segments.metrics.members import MEMBERS, after
from tests.segments.metrics.test_retention import choices
from tests.segments.reference_customers import verified_names

EVENTS = (EventName.APPLICATION_OPENED, EventName.STORE_VISITED, EventName.ORDER_COMPLETED, EventName.ORDER_REFUNDED)
SHOPS = st.one_of(
    histories(names=EVENTS, days=120, customers=4, size=40),
    st.integers(0, 2**32).map(lambda seed: random_history(seed, size=120, customers=6, days=150)),
    bought(tuple(map(str, EVENTS)), days=120),
)
RULE = parse({"attribute": "orders", "op": ">=", "value": 1})
RATES = (MarginRates(version=1, valid_from=after(3), default=2500, categories=(("tea", 6000),)),)


def pair(history: list[Happening], today: date, members: str, **settings: Any) -> tuple[Facts, Facts]:
    """The same facts, without the frame and with it."""
    calendar = BusinessCalendar(**settings)
    days, names = days_of(history), verified_names(history)
    everyone = days.select("customer_id").unique().collect()
    frame = reduce_here(days, everyone, day=today, rules=Rules(verified=names, week_starts=calendar.week_starts)).lazy()
    asked = {"everyone": None, "then": MEMBERS, "today": members_today(RULE, key="buyers", frame=frame)}[members]
    plain = Facts(days=days, today=today, members=asked, calendar=calendar, verified=names, margins=RATES)
    weighty = {*days.collect().get_column("event")} & {*WEIGHTY}
    return plain, replace(plain, frame=frame, weighty=weighty, kept={})


def assert_same(slug: str, facts: tuple[Facts, Facts], window: Window, options: dict[str, Any] | None = None) -> None:
    plain, quick = (compute(slug, each, window, options=options) for each in facts)
    assert quick == replace(plain, value=pytest.approx(plain.value, rel=1e-9) if plain.value is not None else None)


WHO = st.sampled_from(("everyone", "then", "today"))


@settings(max_examples=15, deadline=None)
@given(
    history=SHOPS,
    options=choices(),
    weeks=st.tuples(st.integers(0, 12), st.integers(1, 14)),
    today=st.integers(60, 260),
    starts=st.integers(1, 7),
    who=WHO,
)
def test_retention(
    *, history: list[Happening], options: dict[str, Any], weeks: tuple[int, int], today: int, starts: int, who: str
) -> None:
    facts = pair(history, after(today), who, week_starts=starts)
    first = facts[0].calendar.week_of(after(7 * weeks[0]))
    window = Window(first, first + timedelta(days=7 * weeks[1] - 1))
    assert_same("retention", facts, window, {**options, "k": 1})


@settings(max_examples=8, deadline=None)
@given(
    history=SHOPS,
    span=st.tuples(st.integers(0, 100), st.integers(0, 100)),
    basis=st.sampled_from(("days", "receipts", "store_days")),
    n=st.integers(1, 3),
    today=st.integers(30, 200),
    who=WHO,
)
def test_purchases(
    *, history: list[Happening], span: tuple[int, int], basis: str, n: int, today: int, who: str
) -> None:
    facts, window = pair(history, after(today), who), Window(after(span[0]), after(sum(span)))
    assert_same("fn_conversion", facts, window, {"n": n, "basis": basis, "days": 20})
    assert_same("repeat_purchase_rate", facts, window, {"n": n + 1, "basis": basis})
    for slug in ("average_order_value", "repeat_rate_of_new", "purchase_interval", "life_cycle_states", "rfm"):
        assert_same(slug, facts, window, {"basis": basis})


@settings(max_examples=8, deadline=None)
@given(history=SHOPS, span=st.tuples(st.integers(0, 100), st.integers(0, 100)), today=st.integers(30, 200), who=WHO)
def test_launches(*, history: list[Happening], span: tuple[int, int], today: int, who: str) -> None:
    facts, window = pair(history, after(today), who), Window(after(span[0]), after(sum(span)))
    for slug in ("launch_days", "dau", "wau", "mau", "stickiness", "weekly_stickiness"):
        assert_same(slug, facts, window)


@settings(max_examples=3, deadline=None)
@given(history=SHOPS, first=st.integers(0, 60), who=WHO)
def test_every_figure(history: list[Happening], first: int, who: str) -> None:
    facts = pair(history, after(150), who)
    for slug in catalog.CATALOG:
        assert_same(slug, facts, Window(after(first), after(first + 55)))


def test_a_figure_of_the_frame_looks_into_no_history() -> None:
    history = [Happening(seq, seq % 7, "Order Completed", moment(3 * seq), order=seq, amount=5) for seq in range(1, 40)]
    _, quick = pair(history, after(130), "everyone")
    blind = replace(quick, days=pl.LazyFrame(schema=quick.days.collect_schema()))
    window, by_week = Window(after(0), after(69)), {"start": "Order Completed", "return": "Order Completed", "n": 3}
    for slug, options in (("retention", by_week), ("repeat_purchase_rate", None), ("f2_conversion", None)):
        assert compute(slug, blind, window, options=options).numerator > 0
        assert compute(slug, blind, window, options=options) == compute(slug, quick, window, options=options)
