"""Which figures are kept every day, by which words they were made, and the line that they draw. Pure."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import parse_qsl, urlencode

import msgspec

from segments.metrics import catalog
from segments.metrics.answer import WindowAnswer
from segments.metrics.metric import Measured, Options
from segments.metrics.options import read_options
from segments.windows import Window

EVERYONE = 0
"""Number of the segment that everyone is in."""

DEFAULT_CHOICES = (
    "launch_rate",
    "mau",
    "coupon_use_rate",
    "repeat_purchase_rate",
    "f2_conversion",
    "average_order_value",
    "orders_per_customer",
    "retention",
)
"""What a shop keeps that has chosen nothing else."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A KPI with all its options."""

    slug: str
    options: Options

    @property
    def key(self) -> str:
        """Names it: the slug, and as in an address the options that are not the default; the same choice has the same key.

        An option that a later release adds changes no key.
        """
        defaults = {option.name: option.default for option in catalog.get(self.slug).options}
        chosen = {name: str(value) for name, value in self.options.items() if value != defaults[name]}
        given = urlencode(sorted(chosen.items()))
        return f"{self.slug}?{given}" if given else self.slug

    @property
    def definition(self) -> str:
        """A short digest of the words by which the figure is made: another one marks another definition.

        Of the options only those that are not the default count, as in `key`: an option that a later release adds counts
        as before until somebody chooses it. Who changes a default changes the words of the definition with it.
        """
        metric = catalog.get(self.slug)
        words = (
            self.key,
            metric.unit,
            metric.numerator["en"],
            metric.denominator["en"],
            metric.definition["en"],
        )
        return hashlib.sha256("\0".join(words).encode()).hexdigest()[:12]


def choose(slug: str, options: Mapping[str, object] | None = None) -> Choice:
    """A KPI with its options completed.

    Raises:
        UnknownMetric: the catalogue has no such KPI.
        BadOption: an option is unknown or out of range.
    """
    return Choice(slug, read_options(catalog.get(slug), options or {}))


def read_choice(text: str) -> Choice:
    """A choice as people write it: ``repeat_purchase_rate``, or ``repeat_purchase_rate?n=3``.

    Raises:
        UnknownMetric: the catalogue has no such KPI.
        BadOption: an option is unknown or out of range.
    """
    slug, _, given = text.strip().partition("?")
    return choose(slug, dict(parse_qsl(given, keep_blank_values=True)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One figure as it stood at the end of a business day.

    Attributes:
        segment_version: of the segment's rule; None for everyone.
        definition: see `Choice.definition`.
    """

    choice: str
    segment_id: int
    business_day: date
    segment_version: int | None
    definition: str
    window: Window
    numerator: float
    denominator: int | None
    value: float | None
    incomplete: bool
    notes: tuple[str, ...]
    taken_at: datetime

    @property
    def measured(self) -> Measured:
        """The figure as it was measured, as far as it is kept."""
        whole = self.numerator.is_integer()
        return Measured(
            slug=self.choice.partition("?")[0],
            numerator=int(self.numerator) if whole else self.numerator,
            denominator=self.denominator,
            value=self.value,
            window=self.window,
            incomplete=self.incomplete,
            notes=self.notes,
        )


def snapshot(
    choice: Choice, measured: Measured, *, day: date, segment_id: int, version: int | None, now: datetime
) -> Snapshot:
    """A figure as it is kept."""
    return Snapshot(
        choice=choice.key,
        segment_id=segment_id,
        business_day=day,
        segment_version=version,
        definition=choice.definition,
        window=measured.window,
        numerator=measured.numerator,
        denominator=measured.denominator,
        value=measured.value,
        incomplete=measured.incomplete,
        notes=measured.notes,
        taken_at=now,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendPoint:
    """One day of a trend; ``changed``: from here on it is made by other words (a segment's new version, a new definition)."""

    snapshot: Snapshot
    changed: bool


def trend(snapshots: Sequence[Snapshot]) -> tuple[TrendPoint, ...]:
    """The line of one choice and one segment, oldest first, with marks where its definition changed."""
    ordered = sorted(snapshots, key=lambda each: each.business_day)
    words = [(each.segment_version, each.definition) for each in ordered]
    return tuple(
        TrendPoint(snapshot=each, changed=place > 0 and words[place] != words[place - 1])
        for place, each in enumerate(ordered)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What is kept of one choice: the line of a segment, and everyone's figure of its last day (None where it is missing)."""

    choice: Choice
    points: tuple[TrendPoint, ...]
    everyone: Snapshot | None


def beside_everyone(choices: Sequence[Choice], snapshots: Sequence[Snapshot]) -> tuple[Kept, ...]:
    """The lines of a segment in the order of ``choices``, beside everyone's figures; without those that have none yet.

    Args:
        choices: what the shop keeps.
        snapshots: of the segment and of everyone.
    """
    everyone = {(each.choice, each.business_day): each for each in snapshots if each.segment_id == EVERYONE}
    lines = ((choice, _of(choice, snapshots)) for choice in choices)
    return tuple(
        Kept(choice=choice, points=points, everyone=everyone.get((choice.key, points[-1].snapshot.business_day)))
        for choice, points in lines
        if points
    )


def _of(choice: Choice, snapshots: Sequence[Snapshot]) -> tuple[TrendPoint, ...]:
    return trend([each for each in snapshots if each.choice == choice.key and each.segment_id != EVERYONE])


class TrendAnswer(msgspec.Struct, frozen=True):
    """One kept figure; ``changed``: from here on it is made by other words (the segment's rule, the KPI's definition)."""

    business_day: date
    value: float | None
    numerator: float
    denominator: int | None
    window: WindowAnswer
    incomplete: bool
    segment_version: int | None
    definition: str
    changed: bool
    taken_at: datetime


def trend_answer(point: TrendPoint) -> TrendAnswer:
    """One kept figure as API and command line tell it."""
    kept = point.snapshot
    return TrendAnswer(
        business_day=kept.business_day,
        value=kept.value,
        numerator=kept.numerator,
        denominator=kept.denominator,
        window=WindowAnswer(kept.window.first, kept.window.last),
        incomplete=kept.incomplete,
        segment_version=kept.segment_version,
        definition=kept.definition,
        changed=point.changed,
        taken_at=kept.taken_at,
    )
