"""Charts as data: what to draw. Colours and drawing are the script's, from the same tokens as everything else."""

from collections.abc import Sequence
from typing import Any

import msgspec
from babel.numbers import get_currency_precision

from admin_ui import filters
from admin_ui.i18n import Say
from admin_ui.viewmodels import period
from segments.metrics.metric import Cell, Unit
from segments.metrics.result import SparkPoint


def series(name: str, values: Sequence[float | None], notes: Sequence[str], *, colour: int) -> dict[str, Any]:
    """One line or set of bars; ``notes`` say for each value what it was made of."""
    return {"name": name, "values": list(values), "notes": list(notes), "colour": colour}


def chart(
    kind: str,
    labels: Sequence[str],
    lines: Sequence[dict[str, Any]],
    *,
    unit: str = "",
    horizontal: bool = False,
    marks: Sequence[tuple[int, str]] = (),
) -> str:
    """A chart for ``data-chart``: ``line``, ``bar`` or ``heat`` (a series is a row of it).

    Args:
        kind: of drawing.
        labels: along its axis.
        lines: what `series` makes.
        unit: what stands behind its numbers.
        horizontal: bars lie, so that long labels can be read.
        marks: upright lines, by the place of their label, with what they say.
    """
    drawn: dict[str, Any] = {"kind": kind, "days": list(labels), "unit": unit, "series": list(lines)}
    if horizontal:
        drawn["horizontal"] = True
    if marks:
        drawn["marks"] = [{"at": at, "text": text} for at, text in marks]
    return msgspec.json.encode(drawn).decode()


def unit_text(unit: Unit, currency: str, say: Say) -> str:
    """What stands behind the numbers of an axis."""
    money = "円" if (currency, say.language) == ("JPY", "ja") else f" {currency}"
    return {Unit.RATE: "%", Unit.MULTIPLE: "×", Unit.MONEY: money}.get(unit, "")


def scaled(value: float, unit: Unit, currency: str) -> float:
    """A value as an axis shows it: shares in percent, money in its main unit."""
    if unit is Unit.RATE:
        return value * 100
    if unit is Unit.MONEY:
        return value / float(10 ** get_currency_precision(currency))
    return value


def retention_series(name: str, cells: Sequence[Cell], say: Say, *, colour: int = 1) -> dict[str, Any]:
    """Retention of the complete cohorts as one line."""
    notes = [f"{filters.count(cell.numerator, say)} ÷ {filters.count(cell.denominator, say)}" for cell in cells]
    values = [None if cell.value is None else round(cell.value * 100, 1) for cell in cells]
    return series(name, values, notes, colour=colour)


def retention(lines: Sequence[tuple[str, Sequence[Cell]]], unit: str, say: Say) -> str | None:
    """Retention curves, one a group of people; None where nothing is complete yet."""
    known = [(name, cells) for name, cells in lines if any(cell.denominator for cell in cells)]
    if not known:
        return None
    last = max(cell.period for _, cells in known for cell in cells)
    labels = [period(number, unit, say) for number in range(last + 1)]
    drawn = [retention_series(name, cells, say, colour=number + 1) for number, (name, cells) in enumerate(known)]
    return chart("line", labels, drawn, unit="%")


def trend(name: str, points: Sequence[SparkPoint], unit: Unit, say: Say) -> str:
    """How a figure went, window after window."""
    rate = unit is Unit.RATE
    values = [None if p.value is None else round(p.value * (100 if rate else 1), 2) for p in points]
    notes = [say("still being counted") if p.incomplete else "" for p in points]
    labels = [filters.short_day(p.window.last, say) for p in points]
    return chart("line", labels, [series(name, values, notes, colour=1)], unit="%" if rate else "")
