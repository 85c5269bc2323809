"""Which figures read raw events and order lines, and of which days: once those were dropped, they must say so."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta

from segments.events import EventName
from segments.metrics.facts import Facts
from segments.metrics.funnels import STEPS
from segments.metrics.metric import Measured, Options, Triangle
from segments.windows import Window

DROPPED = "raw_dropped"
"""The note of a figure that needs raw history which is no longer there."""

_ALWAYS = date.min
_ORDER = str(EventName.ORDER_COMPLETED)
_UNIT_DAYS = {"day": 1, "week": 7, "month": 31}

Reach = Callable[[Window, Options], date | None]


def reaches_back(slug: str, window: Window, options: Options) -> date | None:
    """The first business day whose raw history a figure needs; None where it needs none, `date.min` for all there ever was."""
    return _REACH[slug](window, options) if slug in _REACH else None


def noted(measured: Measured, facts: Facts) -> Measured:
    """The figure with the note where raw history that it needs was dropped; withheld where its window itself begins there.

    What only looks back before its window (what is new to a customer) keeps its value, by the history that there is.
    """
    first = reaches_back(measured.slug, measured.window, measured.options)
    if facts.raw_since is None or first is None or first >= facts.raw_since:
        return measured
    told = replace(measured, notes=(*measured.notes, DROPPED))
    return _withheld(told) if measured.window.first < facts.raw_since else told


def _withheld(measured: Measured) -> Measured:
    sheet, table = measured.sheet, measured.table
    return replace(
        measured,
        numerator=0,
        denominator=None if measured.denominator is None else 0,
        value=None,
        interval=None,
        sheet=None if sheet is None else replace(sheet, rows=()),
        table=None if table is None else Triangle(table.unit, table.horizon, (), ()),
    )


def _window(window: Window, _: Options) -> date:
    return window.first


def _day_before(window: Window, _: Options) -> date:
    return window.first - timedelta(days=1)


def _funnel(window: Window, options: Options) -> date | None:
    named = {str(options[step]) for step in STEPS} - {"", _ORDER}
    return window.first if named else None


def _retention(window: Window, options: Options) -> date | None:
    if options["start_where"] and options["starts"] == "first":
        return _ALWAYS
    if options["start_where"] or options["return_where"]:  # a cohort's period may begin before the window cuts into it
        return window.first - timedelta(days=_UNIT_DAYS[str(options["unit"])] - 1)
    return None


def _items(window: Window, options: Options) -> date | None:
    return window.first if options["level"] == "product" else None


def _items_ever(_: Window, options: Options) -> date | None:
    return _ALWAYS if options["level"] == "product" else None


_REACH: Mapping[str, Reach] = {
    "launch_at_visit_rate": _day_before,
    "nps": _window,
    "funnel": _funnel,
    "retention": _retention,
    "product_affinity": _items,
    "cross_sell_rate": _items_ever,
    "up_sell_rate": _items_ever,
}
