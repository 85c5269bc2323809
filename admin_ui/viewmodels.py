"""Figures as pages show them: value, comparison, and everything that must stand beside it. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from admin_ui import filters
from admin_ui.i18n import Say
from segments.metrics.metric import Cell, Measured, Triangle, Unit
from segments.metrics.result import KpiResult, Tile
from segments.windows import Window

HEAT_STEPS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One KPI: its value in words and what opens when it is asked for.

    Attributes:
        denominator: None for a count, which divides by nothing.
        rule: when membership of the segment was looked at; empty for everyone.
        interval: 95 % interval in words; empty where there is none.
        as_of_day: the business day as of which it was asked; empty for now.
    """

    slug: str
    title: str
    value: str
    incomplete: bool
    numerator_name: str
    numerator: str
    denominator_name: str
    denominator: str | None
    window: str
    as_of: datetime
    definition: str
    remarks: tuple[str, ...]
    whose: str
    rule: str
    recomputed: bool
    interval: str = ""
    as_of_day: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A difference in words, with a sign that does not need colour."""

    text: str
    direction: str
    against: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TileView:
    """One tile of the home page."""

    figure: Figure
    change: Change | None
    spark: tuple[float | None, ...]
    spark_label: str


@dataclass(frozen=True, slots=True)
class HeatCell:
    """One cell of the heat map; ``shade`` is a class of the style sheet, empty where there is no cell."""

    text: str = ""
    shade: str = ""
    tip: str = ""


@dataclass(frozen=True, slots=True)
class HeatRow:
    """One cohort."""

    label: str
    size: str
    cells: tuple[HeatCell, ...]


@dataclass(frozen=True, slots=True)
class Heat:
    """A retention triangle as a table of cells."""

    heads: tuple[str, ...]
    rows: tuple[HeatRow, ...]
    pooled: HeatRow | None


def figure(result: KpiResult, say: Say) -> Figure:
    """One KPI for a page."""
    metric, measured = result.metric, result.measured
    rules = {"cohort": say("members when it mattered"), "today": say("today's members")}
    return Figure(
        slug=metric.slug,
        title=say.pick(metric.title),
        value=written(measured, metric.unit, result.currency, say),
        incomplete=measured.incomplete,
        numerator_name=say.pick(metric.numerator),
        numerator=amount(measured.numerator, metric.unit, result.currency, say),
        denominator_name=say.pick(metric.denominator),
        denominator=None if measured.denominator is None else filters.count(measured.denominator, say),
        window=window(measured.window, say),
        as_of=result.as_of,
        definition=say.pick(metric.definition),
        remarks=result.remarks(say.language),
        whose=result.segment.name if result.segment else say("Everyone"),
        rule=rules[result.rule] if result.rule else "",
        recomputed=result.recomputed,
        interval=_interval(result, say),
        as_of_day=filters.day(result.as_of_day, say) if result.as_of_day else "",
    )


def tile(shown: Tile, say: Say, *, days: int, everyone: Tile | None = None) -> TileView:
    """One tile; compared with the window before it or, where ``everyone`` is given, with everyone."""
    result = shown.result
    made = figure(result, say)
    if everyone is None:
        against = say("against the %(n)s days before", n=days)
        change = change_of(shown.change, result.metric.unit, result.currency, against, say)
    else:
        ours, theirs = result.measured.value, everyone.result.measured.value
        difference = None if ours is None or theirs is None else ours - theirs
        change = change_of(difference, result.metric.unit, result.currency, say("against everyone"), say)
    values = tuple(point.value for point in shown.spark)
    label = say("%(title)s, the last %(n)s windows", title=made.title, n=len(values))
    return TileView(figure=made, change=change, spark=values, spark_label=label)


def written(measured: Measured, unit: Unit, currency: str, say: Say) -> str:
    """The value in its unit; a dash where there is none."""
    value = measured.value
    return filters.NOTHING if value is None else _WRITERS.get(unit, _plainly)(value, currency, say)


def _plainly(value: float, _: str, say: Say) -> str:
    return filters.number(value, say, digits=2)


def plain_number(value: float, say: Say) -> str:
    """Whole numbers as such; what is small, as parameters of models are, with digits that tell something."""
    digits = 0 if value == round(value) else 2 if abs(value) >= 1 else 6
    return filters.number(value, say, digits=digits)


def _score(value: float, _: str, say: Say) -> str:
    return filters.signed(value, filters.number(abs(value), say, digits=1))


_WRITERS: dict[Unit, Callable[[float, str, Say], str]] = {
    Unit.RATE: lambda value, _, say: filters.percent(value, say),
    Unit.PEOPLE: lambda value, _, say: filters.people(round(value), say),
    Unit.MONEY: lambda value, currency, say: filters.money(round(value), currency, say),
    Unit.NUMBER: lambda value, _, say: plain_number(value, say),
    Unit.DAYS: lambda value, _, say: say("%(n)s days", n=filters.number(value, say, digits=1)),
    Unit.MULTIPLE: lambda value, _, say: f"{filters.number(value, say, digits=2)}×",
    Unit.SCORE: _score,
}


def _interval(result: KpiResult, say: Say) -> str:
    measured, unit = result.measured, result.metric.unit
    if measured.interval is None:
        return ""
    low, high = (written(replace(measured, value=bound), unit, result.currency, say) for bound in measured.interval)
    return f"{low} – {high}"


def window(shown: Window, say: Say) -> str:
    """A run of business days with its length."""
    first, last = filters.day(shown.first, say), filters.day(shown.last, say)
    return say("%(first)s – %(last)s (%(n)s days)", first=first, last=last, n=shown.days)


def heat(triangle: Triangle, say: Say) -> Heat:
    """The triangle with shades: the darkest is the best cell after period 0."""
    shares = [
        cell.value for cohort in triangle.cohorts for cell in cohort.cells if cell.period and cell.value is not None
    ]
    best = max(shares, default=1.0) or 1.0
    last = max((cell.period for cohort in triangle.cohorts for cell in cohort.cells), default=0)
    rows = tuple(
        HeatRow(
            filters.short_day(cohort.start, say),
            filters.count(cohort.size, say),
            _cells(
                cohort.cells, filters.short_day(cohort.start, say), last=last, best=best, unit=triangle.unit, say=say
            ),
        )
        for cohort in triangle.cohorts
    )
    return Heat(
        heads=tuple(period(number, triangle.unit, say) for number in range(last + 1)),
        rows=rows,
        pooled=_pooled(triangle, last, best, say),
    )


def period(number: int, unit: str, say: Say) -> str:
    """How the columns of the triangle are called."""
    words = {"day": say("Day %(n)s", n=number), "week": say("Wk %(n)s", n=number), "month": say("Mo %(n)s", n=number)}
    return words[unit]


def _pooled(triangle: Triangle, last: int, best: float, say: Say) -> HeatRow | None:
    known = [cell for cell in triangle.pooled if cell.denominator]
    if not known:
        return None
    name = say("All complete")
    return HeatRow(
        name,
        filters.count(known[0].denominator, say),
        _cells(known, name, last=last, best=best, unit=triangle.unit, say=say),
    )


def _cells(cells: Sequence[Cell], cohort: str, *, last: int, best: float, unit: str, say: Say) -> tuple[HeatCell, ...]:
    by_period = {cell.period: cell for cell in cells}
    return tuple(
        _cell(by_period[number], best, cohort, period(number, unit, say), say) if number in by_period else HeatCell()
        for number in range(last + 1)
    )


def _cell(cell: Cell, best: float, cohort: str, when: str, say: Say) -> HeatCell:
    fraction = f"{filters.count(cell.numerator, say)} ÷ {filters.count(cell.denominator, say)}"
    tip = f"{cohort} · {when}\n{filters.percent(cell.value, say)} = {fraction}"
    if cell.incomplete:
        return HeatCell(
            filters.percent(cell.value, say, digits=0), "incomplete", f"{tip}\n{say('Still being counted')}"
        )
    share = (cell.value or 0.0) / best
    step = min(HEAT_STEPS - 1, int(share * (HEAT_STEPS - 0.01)))
    return HeatCell(filters.percent(cell.value, say, digits=0), f"heat-{step}", tip)


def change_of(difference: float | None, unit: Unit, currency: str, against: str, say: Say) -> Change | None:
    """A difference of two figures in words; None where there is none."""
    if difference is None:
        return None
    flat = abs(difference) < 0.0005  # noqa: PLR2004 - rounds to 0.0 points
    direction = "flat" if flat else "up" if difference > 0 else "down"
    return Change(text=_difference(difference, unit, currency, say), direction=direction, against=against)


def _difference(difference: float, unit: Unit, currency: str, say: Say) -> str:
    size = abs(difference)
    if unit is Unit.RATE:
        return filters.points(difference, say)
    if unit is Unit.PEOPLE:
        return filters.signed(difference, filters.people(round(size), say))
    if unit is Unit.MONEY:
        return filters.signed(difference, filters.money(round(size), currency, say))
    return filters.signed(difference, filters.number(size, say, digits=2))


def amount(value: float, unit: Unit, currency: str, say: Say) -> str:
    """A numerator in words: money for money, else a count."""
    if unit is Unit.MONEY:
        return filters.money(round(value), currency, say)
    return filters.count(value, say) if isinstance(value, int) else filters.number(value, say, digits=1)
