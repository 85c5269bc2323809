"""Raw events and lines of old days are dropped: every figure is what it was, or says that it lacks them."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from unittest.mock import patch

import polars as pl
import pytest

from segments.errors import HistoryDropped
from segments.events import EventName
from segments.figures import Figures
from segments.metrics import catalog, raw
from segments.metrics.compute import compute
from segments.metrics.facts import Facts
from segments.metrics.metric import Measured
from segments.metrics.raw import DROPPED, reaches_back
from segments.raw_members import looks_behind
from segments.rules.parse import parse
from segments.windows import Window
from tests.segments.history import Happening, days_of, frames, moment, random_history
from tests.segments.metrics.busy_shop import busy
from tests.segments.metrics.members import MEMBERS, after

SINCE = after(30)
"""The first day whose raw history is there."""
WINDOWS = {
    "dropped": Window(after(5), after(25)),
    "cut": Window(after(20), after(45)),
    "kept": Window(after(32), after(50)),
}
OTHERWISE: tuple[tuple[str, dict[str, Any]], ...] = (
    ("retention", {"start_where": "store=S1", "unit": "day"}),
    ("retention", {"start_where": "store=S1", "starts": "every", "unit": "day"}),
    ("retention", {"return_where": "category=tea", "unit": "week"}),
    ("retention", {"return_where": "amount>=5", "starts": "every", "unit": "month"}),
    ("retention", {"type": "range", "count_by": "days", "unit": "day"}),
    ("product_affinity", {"level": "product", "min_support": 1}),
    ("product_affinity", {"level": "product", "baskets": "customers", "min_support": 1}),
    ("cross_sell_rate", {"level": "product"}),
    ("up_sell_rate", {"level": "product"}),
    ("launch_at_visit_rate", {"visit": "receipts"}),
    ("funnel", {"step1": "Order Completed", "step2": "Order Completed", "step3": "", "within": 20}),
    ("funnel", {"step1": "Store Visited", "step2": "Order Completed", "step3": ""}),
)
ASKED = [*((slug, {}) for slug in catalog.CATALOG), *OTHERWISE]
ASKS_RAW = {
    *("launch_at_visit_rate", "nps", "funnel", "retention", "product_affinity", "cross_sell_rate", "up_sell_rate"),
}
"""KPIs that read raw history by some of their options."""


def told() -> list[Happening]:
    """Much is bought, visited, launched and answered over two months."""
    rows = [*busy(7, days=60, customers=6, orders=160), *random_history(3, size=400, customers=6, days=60)]
    for number in range(240):
        name = (EventName.APPLICATION_OPENED, EventName.STORE_VISITED, EventName.SURVEY_ANSWERED)[number % 3]
        at = moment(number % 60, 600 + number % 7)
        rows.append(Happening(0, number % 6 + 1, str(name), at, score=number % 11, store="S1", trusted=True))
    rows = [replace(row, products=tuple(line[0] or None for line in row.lines)) for row in rows]
    return [replace(row, seq=seq + 1) for seq, row in enumerate(rows)]


@pytest.fixture(scope="module")
def whole() -> Facts:
    history = told()
    events, lines = (frame.collect().lazy() for frame in frames(history))
    return Facts(days=days_of(history).collect().lazy(), events=events, lines=lines, today=after(61))


def dropped(facts: Facts, since: date = SINCE) -> Facts:
    """The same after old days were dropped."""
    stays = pl.col("business_day") >= since
    assert facts.events is not None
    assert facts.lines is not None
    left = {"events": facts.events.filter(stays), "lines": facts.lines.filter(stays)}
    return replace(facts, **left, raw_since=since, kept={})


@pytest.fixture(scope="module")
def old(whole: Facts) -> Facts:
    return dropped(whole)


def both(asked: tuple[Facts, Facts], slug: str, options: dict[str, Any], window: Window) -> tuple[Measured, Measured]:
    before, now = (compute(slug, facts, window, options=options) for facts in asked)
    return before, now


@pytest.mark.parametrize("span", WINDOWS)
@pytest.mark.parametrize(("slug", "options"), ASKED, ids=lambda each: str(each or "usual"))
def test_a_figure_is_what_it_was_or_says_what_it_lacks(
    whole: Facts, old: Facts, slug: str, options: dict[str, Any], span: str
) -> None:
    before, now = both((whole, old), slug, options, WINDOWS[span])
    if DROPPED not in now.notes:
        assert now == before
        return
    assert slug in ASKS_RAW
    if span == "kept":  # it looks back at all there ever was: a value, with the note
        assert reaches_back(slug, WINDOWS[span], now.options) == date.min or slug == "retention"
    else:
        assert (now.value, now.interval, now.numerator, now.denominator or 0) == (None, None, 0, 0)
        assert not (now.sheet and now.sheet.rows)
        assert not (now.table and now.table.cohorts)


@pytest.mark.parametrize("slug", sorted(ASKS_RAW))
def test_a_saboteur_who_says_nothing_gives_a_smaller_number(
    whole: Facts, old: Facts, slug: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raw, "reaches_back", lambda *_: None)
    asked = [options for name, options in ASKED if name == slug]
    pairs = [both((whole, old), slug, options, WINDOWS["dropped"]) for options in asked]
    assert any(before != now and DROPPED not in now.notes for before, now in pairs)


def test_a_segment_s_figures_are_what_they_were(whole: Facts) -> None:
    mine = replace(whole, members=MEMBERS, kept={})
    for slug in ("repeat_purchase_rate", "retention", "f2_conversion"):
        before, now = both((mine, dropped(mine)), slug, {}, WINDOWS["dropped"])
        assert now == before
        assert before.denominator or slug != "repeat_purchase_rate"


def test_what_was_known_is_told_of_moments_whose_events_are_there(whole: Facts) -> None:
    now = dropped(whole)
    moment_after, moment_before = moment(40), moment(29)
    with pytest.raises(HistoryDropped, match=str(SINCE)):
        now.knew(moment_before)
    for window in (WINDOWS["dropped"], WINDOWS["cut"]):
        asked = [compute("repeat_purchase_rate", facts.knew(moment_after), window) for facts in (whole, now)]
        assert asked[0] == asked[1]
        assert asked[0].numerator
    known = Figures(
        facts=now, frame=pl.LazyFrame(schema={"customer_id": pl.Int64, "test_account": pl.Boolean}), as_of=moment(60)
    )
    notes = known.knew(moment_after).kpi("repeat_purchase_rate", WINDOWS["cut"]).measured.notes
    assert {"known_at", "known_late"} <= {*notes}


def test_nothing_to_count_is_not_nobody_where_it_was_dropped(whole: Facts) -> None:
    figures = Figures(
        facts=dropped(whole),
        frame=pl.LazyFrame(schema={"customer_id": pl.Int64, "test_account": pl.Boolean}),
        as_of=moment(60),
    )
    assert figures.kpi("nps", WINDOWS["dropped"]).measured.notes == (DROPPED,)
    with patch.object(raw, "reaches_back", lambda *_: None):
        assert "nobody" in replace(figures, kept={}).kpi("nps", WINDOWS["dropped"]).measured.notes


def test_who_only_looks_back_keeps_a_value_by_the_history_that_there_is(old: Facts) -> None:
    now = compute("cross_sell_rate", old, WINDOWS["kept"], options={"level": "product"})
    assert DROPPED in now.notes
    assert now.value is not None
    day = WINDOWS["kept"].first - timedelta(days=1)
    assert reaches_back("launch_at_visit_rate", WINDOWS["kept"], {}) == day


@pytest.mark.parametrize(
    ("rule", "day", "lacks"),
    [
        ({"attribute": "orders", "op": ">=", "value": 1}, 31, False),
        ({"attribute": "nps_score", "op": ">=", "value": 9}, 50, True),
        ({"event": "Store Visited", "op": "at_least", "times": 1}, 31, False),
        ({"event": "Order Completed", "where": {"product": "tea"}, "op": "at_least", "times": 1}, 50, True),
        (
            {"event": "Order Completed", "where": {"product": "tea"}, "op": "at_least", "times": 1, "days": 10},
            50,
            False,
        ),
        ({"event": "Order Completed", "where": {"product": "tea"}, "op": "at_least", "times": 1, "days": 30}, 50, True),
        (
            {
                "event": "Order Completed",
                "where": {"product": "tea"},
                "op": "at_least",
                "times": 1,
                "from": "2026-04-01",
            },
            50,
            False,
        ),
        (
            {
                "event": "Order Completed",
                "where": {"product": "tea"},
                "op": "at_least",
                "times": 1,
                "from": "2026-03-31",
            },
            50,
            True,
        ),
    ],
)
def test_a_rule_that_looks_at_what_was_dropped_is_told(rule: dict[str, Any], day: int, *, lacks: bool) -> None:
    assert looks_behind(parse(rule), SINCE, day=after(day)) is lacks
    assert not looks_behind(parse(rule), None, day=after(day))
