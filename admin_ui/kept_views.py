"""What is kept of a segment's figures, beside everyone's, as the segment's page shows it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from admin_ui import filters
from admin_ui.i18n import Say
from admin_ui.kpi_words import CHOICES
from admin_ui.viewmodels import Change, change_of, written
from segments.metrics import catalog
from segments.metrics.metric import Measured, Metric
from segments.metrics.result import difference
from segments.snapshots import Kept


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRow:
    """One KPI of the segment: its newest kept value, everyone's of the same day, and the line that led there.

    Attributes:
        options: those that are not the default, in words; empty where there are none.
        href: the KPI's page, of this segment and with these options.
        spark: a value a kept day, oldest first.
    """

    title: str
    options: str
    href: str
    value: str
    everyone: str
    change: Change | None
    incomplete: bool
    spark: tuple[float | None, ...]
    spark_label: str


def kept_row(kept: Kept, segment_id: int, currency: str, say: Say) -> KeptRow:
    """A line of the table."""
    newest = kept.points[-1].snapshot
    metric = catalog.get(kept.choice.slug)
    given = kept.choice.key.partition("?")[2]
    address = "&".join(part for part in (given, urlencode({"segment": segment_id})) if part)
    other = kept.everyone.measured if kept.everyone else None
    title = say.pick(metric.title)
    return KeptRow(
        title=title,
        options=", ".join(_in_words(metric, name, value, say) for name, value in parse_qsl(given)),
        href=f"/analysis/{metric.slug}?{address}",
        value=written(newest.measured, metric.unit, currency, say),
        everyone=written(other, metric.unit, currency, say) if other else filters.NOTHING,
        change=change_of(_beside(newest.measured, other), metric.unit, currency, "", say),
        incomplete=newest.incomplete,
        spark=tuple(point.snapshot.value for point in kept.points),
        spark_label=say("%(kpi)s, the last %(n)s kept days", kpi=title, n=len(kept.points)),
    )


def _in_words(metric: Metric, name: str, value: str, say: Say) -> str:
    label = next((say.pick(option) for option in metric.options if option.name == name), name)
    return f"{label} {say(CHOICES[value]) if value in CHOICES else value}"


def _beside(own: Measured, everyone: Measured | None) -> float | None:
    """How far the segment is from everyone; None for counts, which are smaller because it is."""
    return None if own.denominator is None else difference(own, everyone)


def last_day(kept: Sequence[Kept], say: Say) -> str:
    """The newest day of all lines; empty where nothing is kept."""
    days = [each.points[-1].snapshot.business_day for each in kept]
    return filters.day(max(days), say) if days else ""
