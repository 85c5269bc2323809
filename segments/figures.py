"""Figures on one state of the shop: KPIs and the dashboard, each worked out once.

The shell loads a state and keeps it; everything here is a pure function of that state.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

import polars as pl

from segments.membership import members, population
from segments.metrics import catalog
from segments.metrics.compute import compute, never_seen
from segments.metrics.facts import Facts
from segments.metrics.members import Members
from segments.metrics.metric import AsOf, Measured
from segments.metrics.options import read_options
from segments.metrics.raw import DROPPED
from segments.metrics.result import AsOfRule, Dashboard, KpiResult, SegmentName, SparkPoint, Tile
from segments.raw_members import NOTE, looks_behind
from segments.rebuilt import history_for, members_on, members_then, members_today, of_now
from segments.rules.rule import Rule
from segments.windows import Window

DEFAULT_DAYS = 28
"""Length of a window that nobody chose: four weeks, so that weekdays are equal."""

PAST_DAYS = 3
"""Past days of which figures are kept."""

SPARK_POINTS = 8
HEATMAP_WEEKS = 12
TILES = ("launch_rate", "coupon_use_rate", "repeat_purchase_rate", "f2_conversion")
_HEATMAP = {"unit": "week", "periods": HEATMAP_WEEKS - 1, "n": 1, "horizon": 4}


@dataclass(frozen=True, slots=True)
class Audience:
    """Whose figures are asked for, and by which rule of time; without a segment everyone's."""

    segment: SegmentName | None = None
    rule: Rule | None = None
    as_of: AsOfRule | None = None

    @property
    def key(self) -> Hashable:
        """Names it, so that answers can be kept."""
        return (self.segment, self.as_of)


EVERYONE = Audience()


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One state of the shop.

    Attributes:
        facts: history of everyone who counts.
        frame: today's customer frame.
        as_of: up to when facts are in them.
        currency: of money.
        exclude_test_accounts: test accounts are left out of ``facts`` already; leave them out of counts too.
        day: the business day at whose end the shop is looked at, see `at`; None for now.
        known_at: the moment up to which facts had been received, see `knew`; None for all that have.
    """

    facts: Facts
    frame: pl.LazyFrame
    as_of: datetime
    currency: str = "JPY"
    exclude_test_accounts: bool = True
    day: date | None = None
    known_at: datetime | None = None
    kept: dict[Hashable, Measured] = field(default_factory=dict, compare=False, repr=False)
    known: dict[Hashable, Members] = field(default_factory=dict, compare=False, repr=False)
    past: dict[date | datetime, "Figures"] = field(default_factory=dict, compare=False, repr=False)

    def kpi(
        self,
        slug: str,
        window: Window | None = None,
        *,
        audience: Audience = EVERYONE,
        options: Mapping[str, object] | None = None,
    ) -> KpiResult:
        """One figure; without a window over the `default_window`. `asking.ask` breaks it down and compares it.

        Raises:
            UnknownMetric: the catalogue has no such KPI.
            BadOption: an option is unknown or out of range.
        """
        given = options or {}
        chosen = window or default_window(slug, self.facts, given)
        return KpiResult(
            metric=catalog.get(slug),
            measured=self.measure(slug, chosen, audience, given),
            as_of=self.as_of,
            today=self.facts.today,
            currency=self.currency,
            segment=audience.segment,
            rule=audience.as_of,
            recomputed=audience.as_of == "cohort",
            as_of_day=self.day,
        )

    def at(self, day: date) -> "Figures":
        """The figures as they were at the end of a business day: of what happened up to it, late arrivals included.

        A day that has not ended yet is as good as now.
        """
        if day >= self.facts.today:
            return self
        if day not in self.past:
            facts = self.facts.until(day)
            end = facts.calendar.start_of(facts.today).astimezone(UTC)
            self._remember(
                day, replace(self, facts=facts, as_of=min(self.as_of, end), day=day, kept={}, known={}, past={})
            )
        return replace(self.past[day], frame=self.frame)

    def with_frame(self, frame: pl.LazyFrame) -> "Figures":
        """The same with a frame that has more columns, for whoever asks about members by a rule that reads them."""
        today = population(frame, exclude_test_accounts=self.exclude_test_accounts)
        return replace(self, frame=frame, facts=replace(self.facts, frame=None if self.facts.frame is None else today))

    def knew(self, moment: datetime) -> "Figures":
        """The figures as they were known at a moment: of what had been received by then.

        Who is whom, definitions, profile and reach are today's; who was erased since was never there. A moment that has not
        come is as good as now.
        """
        if moment >= self.as_of:
            return self
        moment = moment.astimezone(UTC)  # as the lake keeps moments: it compares with no other zone
        if moment not in self.past:
            facts = self.facts.knew(moment)
            self._remember(
                moment, replace(self, facts=facts, as_of=moment, known_at=moment, kept={}, known={}, past={})
            )
        return replace(self.past[moment], frame=self.frame)

    def _remember(self, when: date | datetime, found: "Figures") -> None:
        for old in [*self.past][: len(self.past) - PAST_DAYS + 1]:
            self.past.pop(old, None)
        self.past[when] = found

    def dashboard(self, *, days: int = DEFAULT_DAYS, audience: Audience = EVERYONE, failed_events: int) -> Dashboard:
        """The first page, with tiles over windows of ``days`` days."""
        everyone = population(self.frame, exclude_test_accounts=self.exclude_test_accounts)
        chosen = everyone if audience.rule is None else members(everyone, audience.rule)
        self._look_ahead(days, audience)
        counts = chosen.select(pl.len(), pl.col("reachable").fill_null(value=False).sum()).collect().row(0)
        return Dashboard(
            days=days,
            tiles=tuple(self._tile(slug, days, audience) for slug in TILES),
            retention=self.kpi("retention", audience=audience, options=_HEATMAP),
            members=int(counts[0]),
            reachable=int(counts[1]),
            failed_events=failed_events,
            as_of=self.as_of,
            today=self.facts.today,
            segment=audience.segment,
            rule=audience.as_of,
        )

    def _look_ahead(self, days: int, audience: Audience) -> None:
        """Ask once who belonged in any window of the tiles."""
        by_period = [slug for slug in TILES if catalog.get(slug).as_of is AsOf.PERIOD]
        windows = {window: None for slug in by_period for window in self._windows(slug, days)}
        replace(self.facts, members=self.members(audience)).look_ahead([*windows])

    def _windows(self, slug: str, days: int) -> list[Window]:
        """The windows of a tile's line, newest first."""
        windows = [default_window(slug, self.facts, {}, days=days)]
        while len(windows) < SPARK_POINTS:
            windows.append(windows[-1].previous())
        return windows

    def _tile(self, slug: str, days: int, audience: Audience) -> Tile:
        windows = self._windows(slug, days)
        return Tile(
            result=self.kpi(slug, windows[0], audience=audience),
            previous=self.measure(slug, windows[1], audience, {}),
            spark=tuple(self._point(slug, window, audience) for window in reversed(windows)),
        )

    def _point(self, slug: str, window: Window, audience: Audience) -> SparkPoint:
        begins = self.facts.begins()
        if begins is None or window.first < begins:
            return SparkPoint(window, None, incomplete=False)
        measured = self.measure(slug, window, audience, {})
        return SparkPoint(window, measured.value, measured.incomplete)

    def measure(
        self,
        slug: str,
        window: Window,
        audience: Audience,
        options: Mapping[str, object],
        *,
        part: Members | None = None,
    ) -> Measured:
        """A figure of an audience, or of a part of it; what was measured once is kept."""
        chosen = read_options(catalog.get(slug), options)
        key = (part.key if part else audience.key, slug, window, tuple(chosen.items()))
        if key not in self.kept:
            facts = replace(self.facts, members=part or self.members(audience))
            measured = compute(slug, facts, window, options=chosen)
            whose = (*_segment_notes(slug, audience), *self._dropped_notes(window, audience))
            notes = (*measured.notes, *whose, *self._state_notes(measured, audience))
            begun = measured.window.first <= self.facts.today
            self.kept[key] = replace(measured, notes=notes, value=measured.value if begun else None)
        return self.kept[key]

    def _dropped_notes(self, window: Window, audience: Audience) -> tuple[str, ...]:
        """Whether raw history that the segment's rule asks for was dropped."""
        if audience.rule is None:
            return ()
        first = self.facts.today if audience.as_of == "today" else window.first - timedelta(days=1)
        return (NOTE,) if looks_behind(audience.rule, self.facts.raw_since, day=first) else ()

    def _state_notes(self, measured: Measured, audience: Audience) -> tuple[str, ...]:
        """Why there is nothing, where there is nothing; and as of which day it was asked."""
        known = ("known_at",) if self.facts.raw_since is None else ("known_at", "known_late")
        as_of = (*(known if self.known_at else ()), *(("as_of_day",) if self.day else ()))
        if measured.window.first > self.facts.today:
            return (*as_of, "future")
        if measured.numerator or measured.denominator or DROPPED in measured.notes:
            return as_of
        return (*as_of, self._why_nothing(measured, audience))

    def _why_nothing(self, measured: Measured, audience: Audience) -> str:
        if never_seen(self.facts, catalog.get(measured.slug), measured.options):
            return "never_seen"
        members = self.members(audience)
        if members is not None and not replace(self.facts, members=members).anyone(measured.window):
            return "empty_segment"
        return "nobody"

    def members(self, audience: Audience) -> Members | None:
        """Who belongs to an audience; None for everyone."""
        if audience.rule is None:
            return None
        if audience.key not in self.known:
            self.known[audience.key] = self._members_by(audience.rule, audience)
        return self.known[audience.key]

    def _members_by(self, rule: Rule, audience: Audience) -> Members:
        if audience.as_of == "today" and self.day is None and self.known_at is None:
            return members_today(rule, key=audience.key, frame=self.frame)
        then = members_then(
            rule,
            key=audience.key,
            days=self.facts.once((audience.key, "history"), lambda: history_for(rule, self.facts.days)),
            frame=self.frame,
            verified=self.facts.verified_names(),
            coupons=self.facts.coupons,
            ranks=self.facts.rank_versions,
            events=self.facts.events,
            lines=self.facts.lines,
        )
        return then if audience.as_of == "cohort" else members_on(self.day or self.facts.today, then)


def default_window(slug: str, facts: Facts, options: Mapping[str, object], *, days: int = DEFAULT_DAYS) -> Window:
    """The last full window of a KPI that can be complete: conversions end D days ago, retention is by full weeks."""
    if slug == "retention":
        week = facts.calendar.week_of(facts.today)
        return Window(week - timedelta(weeks=HEATMAP_WEEKS), week - timedelta(days=1))
    chosen = read_options(catalog.get(slug), options)
    elapsed = int(chosen["days"]) if "days" in chosen else 0
    last = facts.today - timedelta(days=elapsed + 1)
    return Window(last - timedelta(days=days - 1), last)


def _segment_notes(slug: str, audience: Audience) -> tuple[str, ...]:
    if audience.segment is None:
        return ()
    if audience.as_of == "today":
        return ("members_today",)
    known = ("known_now",) if audience.rule is not None and of_now(audience.rule) else ()
    return ("members_cohort" if catalog.get(slug).as_of is AsOf.COHORT else "members_period", "recomputed", *known)
