"""A figure with all that must stand beside it, and the first page made of such figures."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Literal, TypeAlias

from segments.ids import SegmentId
from segments.metrics.metric import Measured, Metric, Words
from segments.metrics.notes import NOTES
from segments.windows import Window

AsOfRule: TypeAlias = Literal["cohort", "today"]
"""``cohort``: membership when it mattered, as KPI by KPI defined; ``today``: today's members."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentName:
    """Which version of which segment a figure is about."""

    id: SegmentId
    name: str
    version: int


class GroupKind(StrEnum):
    """What a group of a breakdown is."""

    VALUE = "value"
    """Customers with one value of the attribute."""
    OTHERS = "others"
    """Customers with any value that has no group of its own."""
    UNKNOWN = "unknown"
    """Customers without a value."""


@dataclass(frozen=True, slots=True)
class Group:
    """One group of a breakdown; ``words`` where its label is a code or it has none."""

    label: str | None
    kind: GroupKind
    words: Words | None = None

    def name(self, language: str) -> str:
        """What it is called in ``ja`` or ``en``."""
        return self.words[language] if self.words else self.label or ""


@dataclass(frozen=True, slots=True)
class GroupFigure:
    """The figure of one group, and what it is compared with."""

    group: Group
    measured: Measured
    compared: Measured | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakdown:
    """A figure by an attribute of the customer; ``rule``: by its value when it mattered, or by today's."""

    name: str
    title: Words
    rule: AsOfRule
    groups: tuple[GroupFigure, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The figure that one is compared with; ``how`` is a `segments.periods.Compare`, or ``segment``."""

    how: str
    measured: Measured
    segment: SegmentName | None = None


def difference(now: Measured, before: Measured | None) -> float | None:
    """This value less the other; None where either is missing, or the other is still being counted."""
    if before is None or now.value is None or before.value is None or before.incomplete:
        return None
    return now.value - before.value


@dataclass(frozen=True, slots=True, kw_only=True)
class KpiResult:
    """One figure and what it means.

    Attributes:
        as_of: up to when facts are in it.
        today: the business day that was running.
        currency: of money figures (minor units).
        segment: whose figure it is; None for everyone.
        rule: when membership was looked at; None for everyone.
        recomputed: membership was evaluated on data rebuilt as of the day (再計算).
        as_of_day: the business day up to which things happened; None for all that is known.
        compared: what it was asked to be compared with.
        breakdown: by the attribute that was asked for.
    """

    metric: Metric
    measured: Measured
    as_of: datetime
    today: date
    currency: str
    segment: SegmentName | None = None
    rule: AsOfRule | None = None
    recomputed: bool = False
    as_of_day: date | None = None
    compared: Comparison | None = None
    breakdown: Breakdown | None = None

    @property
    def change(self) -> float | None:
        """This value less the one it is compared with; None where either is missing or the other still counting."""
        return difference(self.measured, self.compared.measured if self.compared else None)

    def remarks(self, language: str) -> tuple[str, ...]:
        """The notes in ``ja`` or ``en``."""
        return tuple(NOTES[code][language] for code in self.measured.notes)


@dataclass(frozen=True, slots=True)
class SparkPoint:
    """One point of a spark line; no value where the history does not reach back so far."""

    window: Window
    value: float | None
    incomplete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One figure of the dashboard, the one before it, and the line that leads here, oldest first."""

    result: KpiResult
    previous: Measured
    spark: tuple[SparkPoint, ...]

    @property
    def change(self) -> float | None:
        """This value less the one before; None where either is missing or incomplete."""
        return difference(self.result.measured, self.previous)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """The first page.

    Attributes:
        days: length of the tiles' windows.
        tiles: launch_rate, coupon_use_rate, repeat_purchase_rate, f2_conversion, in this order.
        retention: weekly cohorts of the last twelve full weeks by first launch.
        members: customers of the shop, or of the segment, now.
        reachable: of those, who can be reached by push.
        failed_events: events that could not be taken in, ever.
    """

    days: int
    tiles: tuple[Tile, ...]
    retention: KpiResult
    members: int
    reachable: int
    failed_events: int
    as_of: datetime
    today: date
    segment: SegmentName | None = None
    rule: AsOfRule | None = None
