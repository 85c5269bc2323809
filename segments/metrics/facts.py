"""What KPIs are computed from: history, definitions, calendar, and who is asked about."""

from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

import narwhals as nw
import polars as pl

from segments.calendar import BusinessCalendar
from segments.errors import HistoryDropped
from segments.metrics.margin_rates import MarginRates
from segments.metrics.members import Members, Part
from segments.metrics.thresholds import Thresholds
from segments.rank_rules import RankVersion
from segments.reduce.activity import NOT_THEIR_ACT
from segments.reduce.days import DAYS_SCHEMA, customer_days
from segments.reduce.trust import WEIGHTY, only_verified, verified_events
from segments.windows import Window

EVENTS: dict[str, pl.DataType] = {
    "seq": pl.Int64(),
    "customer_id": pl.Int64(),
    "event": pl.String(),
    "business_day": pl.Date(),
    "occurred_at": pl.Datetime("us", "UTC"),
    "trusted": pl.Boolean(),
    "platform": pl.String(),
    "order_key": pl.Int64(),
    "amount": pl.Int64(),
    "coupon_id": pl.String(),
    "store": pl.String(),
    "rank": pl.String(),
    "category": pl.String(),
    "score": pl.Int32(),
    "campaign_id": pl.Int32(),
}
"""What figures read of the lake's ``events``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The facts of one shop at one moment.

    What several figures are made of (purchases, launches, members of a window) is worked out once and kept in
    ``kept``; `dataclasses.replace` with other members keeps sharing it.

    Attributes:
        days: customer_days, merges applied, aggregated or not, without the customers who are to be left out.
        today: the business day that is running; it has not ended.
        coupons: definitions with ``coupon_id``, ``audience`` and ``valid_until``; None where there are none.
        events: the lake's events, merges applied, without those customers; read where days are not enough (times of a day,
            properties, scores). None where there are none.
        lines: the lake's order lines, likewise.
        reachable: ``customer_id`` of those whom push reaches as of now: live address, permission and consent.
        ranks: the shop's ranks, the lowest first; empty where it has told no order.
        rank_versions: rank rules, for ranks that are computed.
        thresholds: versions of the life-cycle thresholds that are stored, in any order.
        margins: versions of the margin rates, in any order.
        verified: weighty events for which a trusted source reported; None looks in ``days``.
        weighty: weighty events that anybody has reported; None looks in ``days``.
        members: whose figures are asked for; None for everyone.
        frame: the customer frame as of ``today``, without the customers who are to be left out: what it holds is not worked
            out of history again. None where there is none of that day.
        raw_since: the first business day of which ``events`` and ``lines`` are all there; None where none were ever dropped.
            ``days`` and ``frame`` know the days before it all the same.
        history_imported: purchases from before the first event are in ``days``, so first orders are first orders.
        lay: puts together rows of everyone that were worked out part by part, where memory may be short.
    """

    days: pl.LazyFrame
    today: date
    calendar: BusinessCalendar = field(default_factory=BusinessCalendar)
    coupons: pl.LazyFrame | None = None
    events: pl.LazyFrame | None = None
    lines: pl.LazyFrame | None = None
    reachable: pl.LazyFrame | None = None
    ranks: tuple[str, ...] = ()
    rank_versions: tuple[RankVersion, ...] = ()
    thresholds: tuple[Thresholds, ...] = ()
    margins: tuple[MarginRates, ...] = ()
    verified: Collection[str] | None = None
    weighty: Collection[str] | None = None
    members: Members | None = None
    frame: pl.LazyFrame | None = None
    raw_since: date | None = None
    history_imported: bool = False
    lay: Callable[[Iterable[pl.DataFrame]], pl.DataFrame] = pl.concat
    kept: dict[Hashable, pl.DataFrame] = field(default_factory=dict, compare=False, repr=False)

    def of(self, events: Sequence[str]) -> pl.LazyFrame:
        """Rows of these events up to today, without the unverified ones that have stepped back."""
        named = pl.col("event") == events[0] if len(events) == 1 else pl.col("event").is_in(list(events))
        rows = self.days.filter(named & (pl.col("business_day") <= self.today))
        return self._without_stepped_back(rows, events)

    def happened(self, events: Sequence[str], *, own: bool = False) -> pl.LazyFrame:
        """The same as `of`, event by event: rows of the lake's ``events`` with time, properties and score.

        ``own``: with ``properties``, those without a column of their own; they are dear to read.
        """
        columns = {**EVENTS, "properties": pl.List(pl.String())} if own else EVENTS
        if self.events is None:
            return pl.LazyFrame(schema=columns)
        rows = self.events.filter(pl.col("event").is_in(list(events)) & (pl.col("business_day") <= self.today))
        return self._without_stepped_back(rows.select(*columns), events)

    def _without_stepped_back(self, rows: pl.LazyFrame, events: Sequence[str]) -> pl.LazyFrame:
        verified = self.verified_names() & {*events}
        if not verified:
            return rows
        kept: pl.LazyFrame = only_verified(nw.from_native(rows), verified=verified).to_native()
        return kept

    def verified_names(self) -> frozenset[str]:
        """Weighty events for which a trusted source reported."""
        if self.verified is not None:
            return frozenset(self.verified)

        def names() -> pl.LazyFrame:
            found: pl.LazyFrame = verified_events(nw.from_native(self.days)).to_native()
            return found

        return frozenset(self.once("verified", names).collect().get_column("event").to_list())

    def once(self, key: Hashable, make: Callable[[], pl.LazyFrame]) -> pl.LazyFrame:
        """What ``make`` gives, read once under this name."""
        found = self.kept.get(key)
        if found is None:
            found = self.kept[key] = make().collect()
        return found.lazy()

    def until(self, day: date) -> "Facts":
        """The facts up to the end of a business day, which is then over; nothing worked out before is kept."""
        happened = pl.col("business_day") <= day
        return replace(
            self,
            days=self.days.filter(happened),
            events=None if self.events is None else self.events.filter(happened),
            lines=None if self.lines is None else self.lines.filter(happened),
            today=day + timedelta(days=1),
            verified=None,
            weighty=None,
            frame=None,
            kept={},
        )

    def knew(self, moment: datetime) -> "Facts":
        """The facts that had been received by a moment: nothing that arrived later is in them.

        Of days whose events were dropped all that is counted is in them: nothing tells any more when it was received.

        Raises:
            ValueError: ``events`` or ``lines`` are not given: nothing else tells when a fact was received.
            HistoryDropped: the moment lies before the first day whose events are there.
        """
        if self.events is None or self.lines is None:
            raise ValueError("facts without events and lines do not know when they were received")
        if self.raw_since is not None and moment < self.calendar.start_of(self.raw_since):
            raise HistoryDropped(
                f"What was known before {self.raw_since} cannot be told any more: raw history of earlier days was dropped, as "
                "JOREN_HISTORY_MONTHS asks. Ask for a later moment."
            )
        told = self.events.filter(pl.col("received_at") <= moment).collect().lazy()
        lines = self.lines.join(told.select("seq"), on="seq", how="semi")
        counted: pl.LazyFrame = customer_days(nw.from_native(told), nw.from_native(lines)).to_native()
        days = counted if self.raw_since is None else self._with_dropped_days(counted, self.raw_since)
        return replace(
            self,
            days=days.collect().lazy(),
            events=told,
            lines=lines,
            today=self.calendar.business_day(moment),
            verified=None,
            weighty=None,
            frame=None,
            kept={},
        )

    def _with_dropped_days(self, counted: pl.LazyFrame, since: date) -> pl.LazyFrame:
        """The days before ``since`` as they stand, the others as counted."""
        day, columns = pl.col("business_day"), [*DAYS_SCHEMA]
        stand, new = self.days.filter(day < since), counted.filter(day >= since)
        return pl.concat([stand.select(columns), new.select(columns)])

    def seen(self) -> frozenset[str]:
        """Names of the events that were ever recorded."""
        found = self.once("event names", lambda: self.days.select(pl.col("event").unique())).collect()
        return frozenset(found.get_column("event").to_list())

    def anyone(self, window: Window) -> bool:
        """Whether there is anyone whose figures are asked for, by the rule for period KPIs."""
        if self.members is None:
            return not self.once("first_seen", self._first_seen).collect().is_empty()
        self.look_ahead([window])
        return not self.kept[self._window_key(window)].is_empty()

    def begins(self) -> date | None:
        """The first business day of the history; None where there is none."""
        rows = self.days.select("business_day") if self.frame is None else self.frame.select(business_day="known_since")
        found = self.once("begins", lambda: rows.select(pl.col("business_day").min())).collect()
        day: date | None = found.item()
        return day

    def unverified(self) -> frozenset[str]:
        """Weighty events that only untrusted sources have reported so far."""
        return self._weighty() - self.verified_names()

    def _weighty(self) -> frozenset[str]:
        if self.weighty is not None:
            return frozenset(self.weighty)
        told = pl.col("event").is_in(list(WEIGHTY))
        found = self.once("weighty", lambda: self.days.filter(told).select(pl.col("event").unique())).collect()
        return frozenset(found.get_column("event").to_list())

    def ended(self, day: pl.Expr) -> pl.Expr:
        """Whether a business day is over."""
        return day < self.today

    def stands_on(self, window: Window) -> date:
        """The day at whose end a figure of the window stands: its last one, or today while it runs."""
        return min(window.last, self.today)

    def known_by(self, day: date) -> pl.LazyFrame:
        """``customer_id`` of everyone of whom anything is on record by the end of a day."""
        return self.once("first_seen", self._first_seen).filter(pl.col("known") <= day).select("customer_id")

    def keep_members(self, rows: pl.LazyFrame, window: Window) -> pl.LazyFrame:
        """Rows (with ``customer_id``) of the segment's members by the rule for period KPIs."""
        if self.members is None:
            return rows
        found = self.kept.get(self._window_key(window))
        if found is None and self.members.part is not None:
            found = self.labelled(self.members.part, window).filter(self.members.part.holds).collect()
        elif found is None:  # nobody looked ahead: ask about those in the rows only
            rows = rows.collect().lazy()
            people = rows.select("customer_id").unique()
            asked = self._asked_about(window).join(people, on="customer_id", how="semi")
            found = self.members.belongs(asked).select("customer_id").collect()
        return rows.join(found.lazy(), on="customer_id", how="semi")

    def look_ahead(self, windows: Sequence[Window]) -> None:
        """Find the members of several windows by asking once; `keep_members` answers from it."""
        new = [window for window in windows if self._window_key(window) not in self.kept]
        if self.members is None or not new:
            return
        asked = {window: self._asked_about(window).collect() for window in new}
        found = self.members.belongs(pl.concat(asked.values()).unique().lazy()).collect()
        for window, pairs in asked.items():
            mine = pairs.join(found, on=["customer_id", "as_of"], how="semi").select("customer_id")
            self.kept[self._window_key(window)] = mine

    def labelled(self, part: Part, window: Window) -> pl.LazyFrame:
        """``customer_id``, ``as_of``, ``label``: which group each bears by the rule for period KPIs."""
        return self._labelled(part, ("window", window), lambda: self._asked_about(window, later=part.everyone))

    def keep_cohort(self, rows: pl.LazyFrame, *, name: Hashable) -> pl.LazyFrame:
        """Rows (with ``customer_id`` and ``as_of``) whose customer was a member at the end of that day.

        ``name`` is what these rows are called; rows of one name are asked about once.
        """
        members = self.members
        if members is None:
            return rows
        asked = rows.select("customer_id", "as_of").unique()
        found = self.once((members.key, name), lambda: self._belonging(members, asked, name))
        return rows.join(found, on=["customer_id", "as_of"], how="semi")

    def keep_rows(self, rows: pl.LazyFrame, kept: Callable[[pl.LazyFrame], pl.LazyFrame]) -> pl.LazyFrame:
        """Rows of the customer frame, with all of its columns, that are the members'; ``kept`` where today's say nothing."""
        if self.members is None:
            return rows
        return kept(rows) if self.members.today is None else rows.filter(self.members.today)

    def _belonging(self, members: Members, asked: pl.LazyFrame, name: Hashable) -> pl.LazyFrame:
        part = members.part
        if part is None:
            return members.belongs(asked)
        return self._labelled(part, name, lambda: asked).filter(part.holds).drop("label")

    def _labelled(self, part: Part, name: Hashable, asked: Callable[[], pl.LazyFrame]) -> pl.LazyFrame:
        return self.once((part.key, "labelled", name), lambda: part.label(asked()))

    def _window_key(self, window: Window) -> Hashable:
        return (self.members and self.members.key, "members", window)

    def _asked_about(self, window: Window, *, later: bool = False) -> pl.LazyFrame:
        """Everyone known by the end of the window, as of its start or of the end of a first day in it.

        With ``later`` also those who are first seen after it, as of its start.
        """
        before = pl.lit(window.first - timedelta(days=1))
        by_its_end = pl.col("first_seen") <= window.last
        everyone = self.once("first_seen", self._first_seen)
        known = everyone if later else everyone.filter(pl.col("first_seen").is_null() | by_its_end)
        seen = pl.when(by_its_end).then(pl.col("first_seen"))
        return known.select("customer_id", pl.max_horizontal(seen, before).alias("as_of"))

    def _first_seen(self) -> pl.LazyFrame:
        if self.frame is not None:
            return self.frame.select("customer_id", first_seen="acted_since", known="known_since")
        act = ~pl.col("event").is_in(list(NOT_THEIR_ACT)) & (pl.col("business_day") <= self.today)
        day = pl.col("business_day")
        acted = self.days.select("customer_id", pl.when(act).then(day).alias("first_seen"), day.alias("known"))
        return acted.group_by("customer_id").agg(pl.col("first_seen").min(), pl.col("known").min())


def within(window: Window) -> pl.Expr:
    """Whether ``business_day`` lies in the window."""
    return pl.col("business_day").is_between(window.first, window.last)
