"""The report of the global holdout in words. Pure: values in, values out."""

from dataclasses import dataclass
from datetime import date, timedelta

from admin_ui import filters
from admin_ui.i18n import Say, mark
from campaigns.effect import Verdict
from campaigns.intervals import Interval
from campaigns.programme import RATES, Comparison, Measure, Programme

MEASURES = {
    Measure.BUYERS: mark("Bought in the period"),
    Measure.SALES: mark("Net sales per person"),
    Measure.ORDERS: mark("Orders per person"),
    Measure.LAUNCHES: mark("Opened the app in the period"),
    Measure.OPT_OUTS: mark("Took back the yes"),
}
_VERDICTS = {
    Verdict.RAISED: (mark("The campaigns raise it"), "good"),
    Verdict.LOWERED: (mark("The campaigns lower it"), "danger"),
    Verdict.NO_DIFFERENCE: (mark("No difference can be told"), "hollow"),
    Verdict.TOO_SMALL: (mark("Too small for a verdict"), "hollow"),
    Verdict.NO_CONTROL: (mark("No comparison"), "hollow"),
}
_SPAN = 12


@dataclass(frozen=True, slots=True)
class Line:
    """One measure of both groups."""

    name: str
    treated: str
    held_out: str
    difference: str
    interval: str
    chief: bool


@dataclass(frozen=True, slots=True)
class Verdicted:
    """The one verdict: of the share that bought."""

    heading: str
    tone: str


@dataclass(frozen=True, slots=True)
class Period:
    """A month or quarter to choose, as it is asked for."""

    key: str
    label: str


def lines(told: Programme, currency: str, say: Say) -> tuple[Line, ...]:
    """Every measure, the one with the verdict first."""
    return tuple(_line(one, currency, say) for one in told.comparisons)


def verdict(told: Programme, say: Say) -> Verdicted | None:
    """The verdict in words; None where there is none to speak of."""
    if told.verdict is None or told.verdict not in _VERDICTS:
        return None
    heading, tone = _VERDICTS[told.verdict]
    return Verdicted(say(heading), tone)


def periods(today: date, say: Say) -> tuple[Period, ...]:
    """The last twelve months and the quarters that hold them, the newest first, the running ones among them."""
    months, day = [], today.replace(day=1)
    for _ in range(_SPAN):
        months.append(day)
        day = (day - timedelta(days=1)).replace(day=1)
    quarters = dict.fromkeys((each.year, (each.month + 2) // 3) for each in months)
    return (
        *(
            Period(f"{year}-Q{quarter}", say("%(year)s, quarter %(n)s", year=year, n=quarter))
            for year, quarter in quarters
        ),
        *(Period(f"{each:%Y-%m}", f"{each:%Y-%m}") for each in months),
    )


def _line(one: Comparison, currency: str, say: Say) -> Line:
    span = one.interval
    return Line(
        name=say(MEASURES[one.measure]),
        treated=_value(one.measure, one.treated, currency, say),
        held_out=_value(one.measure, one.held_out, currency, say),
        difference=_change(one.measure, one.difference, currency, say),
        interval="" if span is None else _ends(one.measure, span, currency, say),
        chief=one.measure is Measure.BUYERS,
    )


def _value(measure: Measure, value: float, currency: str, say: Say) -> str:
    if measure in RATES:
        return filters.percent(value, say, digits=2)
    return (
        filters.money(round(value), currency, say) if measure is Measure.SALES else filters.number(value, say, digits=3)
    )


def _change(measure: Measure, value: float, currency: str, say: Say) -> str:
    if measure in RATES:
        return filters.points(value, say)
    if measure is Measure.SALES:
        return filters.signed(round(value), filters.money(abs(round(value)), currency, say))
    return filters.signed(value, filters.number(abs(value), say, digits=3))


def _ends(measure: Measure, span: Interval, currency: str, say: Say) -> str:
    return f"[{_change(measure, span.low, currency, say)}, {_change(measure, span.high, currency, say)}]"
