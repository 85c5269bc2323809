"""Membership of a segment at the end of a past day: the rule asked of the frame as it was then.

Profile, traits, reach, static lists, the ledger of messages and the last minutes are known as of now only; a rule about them
is asked of today's values.

What history decides changes only on the days of a customer's own facts. So of all days asked for, one row is rebuilt
for each of a customer's *states*: as of his last fact that the rule looks at. Many days share one.
"""

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import Literal

import narwhals as nw
import polars as pl

from segments.customers import NEWEST, days_column
from segments.events import EventName
from segments.membership import members
from segments.metrics.facts import EVENTS
from segments.metrics.members import Members
from segments.rank_rules import RankVersion
from segments.rebuilt_behaviour import Behaved, is_of_now
from segments.reduce.activity import NOT_THEIR_ACT
from segments.reduce.customers import REDUCED, events_needed, reduce_customers
from segments.reduce.ranks import STANDING
from segments.reduce.trust import only_verified
from segments.rules.behaviour import Behaviour, amounts_column, column_of, source_of
from segments.rules.compile import compile_rule
from segments.rules.computed import COMPUTED
from segments.rules.occurrences import History, days_needed
from segments.rules.references import every_behaviour, list_column, lists
from segments.rules.rule import BEHAVIOURAL, Attribute, Behavioural, Changed, Did, Rule, Within, conditions_of

_ORDER = str(EventName.ORDER_COMPLETED)
LINES: dict[str, pl.DataType] = {
    "seq": pl.Int64(),
    "customer_id": pl.Int64(),
    "product": pl.String(),
    "brand": pl.String(),
}
"""What is read of the lake's order lines."""

_PRESENCE = ("first_seen", "last_seen")
_IN_HAND = [str(EventName.COUPON_ISSUED), str(EventName.COUPON_VIEWED)]
_VALIDITY = {"coupons_held", "next_coupon_expiry"}
"""Columns that change with the end of a coupon's validity, though nothing happens."""


def attributes_of(rule: Rule) -> frozenset[str]:
    """Columns of the customer frame that the rule compares; of what is computed, those that it is computed from."""
    names = {one.name for one in conditions_of(rule) if isinstance(one, Attribute)}
    computed = names & {*COMPUTED}
    return frozenset(names - computed).union(*(COMPUTED[name].needs for name in computed))


def behaviour_of(rule: Rule) -> dict[str, int | None]:
    """Events of which the rule reads the plain list column, each with the days it looks back; None for ever."""
    found: dict[str, int | None] = {}
    for one in conditions_of(rule):
        if isinstance(one, BEHAVIOURAL) and _is_plain(one.behaviour):
            event, days = one.behaviour.event, _looks_back(one)
            before = found.get(event, 0)
            found[event] = None if days is None or before is None else max(days, before)
    return found


def _is_plain(behaviour: Behaviour) -> bool:
    """Whether it is read from one of the frame's plain list columns."""
    return behaviour == Behaviour(behaviour.event) and source_of(behaviour) == "frame"


def _looks_back(condition: Behavioural) -> int | None:
    """How many days of a plain list decide; None for all."""
    match condition:
        case Did(_, _, _, Within() as window):
            return window.days
        case Changed(_, _, days):
            return 2 * days
        case _:
            return None


def lists_of(rule: Rule) -> frozenset[Behaviour]:
    """Behaviours of the rule that are not read from a plain list column, and of which history knows.

    Of every order with its day and its amount there is one pair of lists, whichever of the two is asked.
    """
    asked = [one for one in every_behaviour(rule) if not _is_plain(one) and not is_of_now(one)]
    return frozenset(replace(one, keeps="amounts") if source_of(one) == "frame" else one for one in asked)


def of_now(rule: Rule) -> frozenset[str]:
    """Columns that the rule reads and of which only today is known, beside profile and reach."""
    asked = [one for one in every_behaviour(rule) if is_of_now(one)]
    behaved = {column for one in asked for column in (column_of(one), amounts_column(one))}
    return frozenset(behaved | {list_column(one) for one in lists(rule)})


def history_for(rule: Rule, days: pl.LazyFrame) -> pl.LazyFrame:
    """The rows of customer_days that decide the rule on any day."""
    needed = events_needed(sorted(attributes_of(rule)), sorted(behaviour_of(rule)))
    if needed is not None:
        needed = sorted({*needed}.union(*map(days_needed, lists_of(rule))))
    return days if needed is None else days.filter(pl.col("event").is_in(needed))


def members_then(
    rule: Rule,
    *,
    key: Hashable,
    days: pl.LazyFrame,
    frame: pl.LazyFrame,
    verified: Collection[str],
    coupons: pl.LazyFrame | None,
    ranks: Sequence[RankVersion] = (),
    events: pl.LazyFrame | None = None,
    lines: pl.LazyFrame | None = None,
) -> Members:
    """Who belonged at the end of each day asked for. What is asked again and again is kept as long as the answer.

    Args:
        rule: the segment's rule.
        key: names the rule; answers are kept under it.
        days: customer_days of everyone, merges applied; `history_for` the rule is enough.
        frame: today's customer frame with what the rule needs beside the stored columns, for what history does not hold.
        verified: see `reduce_customers`.
        coupons: see `reduce_customers`.
        ranks: see `reduce_customers`.
        events: the lake's events, merges applied; without them behaviours that need them never occurred.
        lines: the lake's order lines, merges applied; likewise.
    """
    nothing = pl.LazyFrame(schema=EVENTS), pl.LazyFrame(schema=LINES)
    history = History(
        days=days,
        events=nothing[0] if events is None else events,
        lines=nothing[1] if lines is None else lines,
        verified=verified,
    )
    known = values_then(
        attributes_of(rule) | of_now(rule),
        behaviour_of(rule),
        behaved=[Behaved(one, history) for one in sorted(lists_of(rule), key=column_of)],
        days=days,
        frame=frame,
        verified=verified,
        coupons=coupons,
        ranks=ranks,
    )
    return Members((key, "then"), lambda asked: members(known(asked), rule).select("customer_id", "as_of"))


def values_then(
    names: Collection[str],
    looks_back: Mapping[str, int | None],
    *,
    days: pl.LazyFrame,
    frame: pl.LazyFrame,
    verified: Collection[str],
    coupons: pl.LazyFrame | None,
    ranks: Sequence[RankVersion] = (),
    behaved: Sequence[Behaved] = (),
    how: Literal["inner", "left"] = "inner",
) -> Callable[[pl.LazyFrame], pl.LazyFrame]:
    """From pairs (``customer_id``, ``as_of``) to the same with what was true at the end of that day.

    Args:
        names: columns of the customer frame.
        looks_back: events whose list columns are wanted, each with the days it looks back; None for ever.
        days: see `members_then`.
        frame: see `members_then`.
        verified: see `reduce_customers`.
        coupons: see `reduce_customers`.
        ranks: see `reduce_customers`.
        behaved: behaviours whose columns are wanted.
        how: "inner" keeps only who is in today's frame, "left" everyone.
    """
    wanted = {*names}
    columns = sorted((wanted & {*REDUCED}) - {*_PRESENCE})
    # What a rule asks may be known of nobody, such as a trait that the shop no longer uses.
    private = sorted(name for name in frame.collect_schema() if name in wanted and name not in REDUCED)
    looking = {event: looks_back[event] for event in looks_back if event == _ORDER}
    reduced = _Reduced(days, columns, looking, tuple(ranks))
    others: list[_Seen | _Listed | Behaved] = [_Seen(days, verified)] if wanted & {*_PRESENCE} else []
    others += [_Listed(days, event, verified) for event in looks_back if event != _ORDER]
    others += behaved

    def known(asked: pl.LazyFrame) -> pl.LazyFrame:
        past = asked.select(pl.col("customer_id").cast(pl.Int64), pl.col("as_of").cast(pl.Date)).unique().sort("as_of")
        past = reduced.add_to(past, verified=verified, coupons=coupons)
        for one in others:
            past = one.add_to(past)
        return past.join(frame.select("customer_id", *private), on="customer_id", how=how)

    return known


def members_on(day: date, then: Members) -> Members:
    """Who belongs at the end of one day, whatever day is asked for; ``then`` knows who belonged when."""

    def belongs(asked: pl.LazyFrame) -> pl.LazyFrame:
        people = asked.select("customer_id").unique()
        found = then.belongs(people.with_columns(pl.lit(day).alias("as_of"))).select("customer_id")
        return asked.join(found, on="customer_id", how="semi")

    return Members((then.key, "on", day), belongs)


def members_today(rule: Rule, *, key: Hashable, frame: pl.LazyFrame) -> Members:
    """Who belongs today, whatever day is asked for."""
    today = compile_rule(rule, frame.collect_schema())
    now = frame.filter(today).select("customer_id")
    return Members((key, "today"), lambda asked: asked.join(now, on="customer_id", how="semi"), today=today)


@dataclass
class _Reduced:
    """Columns and the list of orders, by reducing the history of each state once."""

    days: pl.LazyFrame
    columns: list[str]
    looks_back: dict[str, int | None]
    ranks: tuple[RankVersion, ...] = ()

    def add_to(self, asked: pl.LazyFrame, *, verified: Collection[str], coupons: pl.LazyFrame | None) -> pl.LazyFrame:
        """``asked``, sorted by ``as_of``, with the columns; every row stays, in order."""
        if not self.columns and not self.looks_back:
            return asked
        placed = self._placed(asked, coupons)
        made = reduce_customers(
            self.history,
            placed.lazy().select("customer_id", pl.col("state").alias("as_of")).unique(),
            events=sorted(self.looks_back),
            verified=verified,
            coupons=coupons,
            ranks=self.ranks,
            columns=self.columns,
            recent={event: span for event, span in self.looks_back.items() if span is not None},
        )
        states = made.rename({"as_of": "state"})
        return placed.lazy().join(states, on=["customer_id", "state"], maintain_order="left").drop("state")

    @cached_property
    def history(self) -> pl.LazyFrame:
        """The rows that decide."""
        needed = events_needed(self.columns, [*self.looks_back])
        return self.days if needed is None else self.days.filter(pl.col("event").is_in(needed)).collect().lazy()

    def _placed(self, asked: pl.LazyFrame, coupons: pl.LazyFrame | None) -> pl.DataFrame:
        """``asked`` with ``state``, the day since when the customer's row has been as it was."""
        if not {*STANDING}.isdisjoint(self.columns):  # ranks change on days of their own
            return asked.with_columns(pl.col("as_of").alias("state")).collect()
        dated = asked.join_asof(
            self._turns(coupons), left_on="as_of", right_on="turn", by="customer_id", check_sortedness=False
        )
        # Before his first fact any day is as good as another, so long as it is not a later one.
        return dated.with_columns(pl.coalesce("turn", pl.col("as_of").min()).alias("state")).drop("turn").collect()

    def _turns(self, coupons: pl.LazyFrame | None) -> pl.LazyFrame:
        """(``customer_id``, ``turn``): every day from which on a customer's row may be another one, in order."""
        found = [self.history.select("customer_id", pl.col("business_day").alias("turn"))]
        if _VALIDITY.isdisjoint(self.columns):
            return pl.concat(found).unique().sort("turn")
        named = pl.col("detail").str.to_date("%Y-%m-%d", strict=False) + pl.duration(days=1)
        issues = self.history.filter(pl.col("event") == _IN_HAND[0])
        found.append(issues.select("customer_id", named.alias("turn")).drop_nulls())
        if coupons is not None:
            ends = coupons.select(pl.col("coupon_id").alias("key"), pl.col("valid_until").cast(pl.Date)).drop_nulls()
            in_hand = self.history.filter(pl.col("event").is_in(_IN_HAND)).select("customer_id", "key").unique()
            after = pl.col("valid_until") + pl.duration(days=1)
            found.append(in_hand.join(ends, on="key").select("customer_id", after.alias("turn")))
        return pl.concat(found).unique().sort("turn")


@dataclass
class _Seen:
    """Columns first_seen and last_seen: the first and the last day of any act up to the as-of day."""

    days: pl.LazyFrame
    verified: Collection[str]

    def add_to(self, asked: pl.LazyFrame) -> pl.LazyFrame:
        """``asked``, sorted by ``as_of``, with the columns; every row stays, in order."""
        return asked.join_asof(
            self.acts.lazy(), left_on="as_of", right_on="last_seen", by="customer_id", check_sortedness=False
        )

    @cached_property
    def acts(self) -> pl.DataFrame:
        """``customer_id``, ``last_seen``: each day with an act; ``first_seen``: the first of them; sorted by day."""
        counted: pl.LazyFrame = only_verified(nw.from_native(self.days), verified=self.verified).to_native()
        acts = counted.filter(~pl.col("event").is_in(list(NOT_THEIR_ACT)))
        per_day = acts.select("customer_id", pl.col("business_day").alias("last_seen")).unique().collect().lazy()
        first = per_day.group_by("customer_id").agg(pl.col("last_seen").min().alias("first_seen"))
        return per_day.join(first, on="customer_id").sort("last_seen").collect()


@dataclass
class _Listed:
    """The list column of an event that nothing takes back: the customer's whole list, cut at the as-of day."""

    days: pl.LazyFrame
    event: str
    verified: Collection[str]

    def add_to(self, asked: pl.LazyFrame) -> pl.LazyFrame:
        """``asked``, sorted by ``as_of``, with the list column, newest day first; every row stays, in order."""
        column = days_column(self.event)
        reached = asked.join_asof(
            self.counts.lazy(), left_on="as_of", right_on="business_day", by="customer_id", check_sortedness=False
        )
        later = pl.col("list").list.len() - pl.col("so_far").fill_null(0)
        cut = pl.col("list").list.slice(later, NEWEST).fill_null(pl.lit([], dtype=pl.List(pl.Date)))
        whole = reached.join(self.lists.lazy(), on="customer_id", how="left", maintain_order="left")
        return whole.with_columns(cut.alias(column)).select(*asked.collect_schema().names(), column)

    @cached_property
    def counts(self) -> pl.DataFrame:
        """``customer_id``, ``business_day``, ``so_far``: occurrences up to the end of that day; sorted by day."""
        rows = only_verified(nw.from_native(self.days), verified=self.verified).filter(nw.col("event") == self.event)
        mine: pl.LazyFrame = rows.to_native()
        times = pl.col("count").clip(0, NEWEST).sum().alias("times")
        per_day = mine.group_by("customer_id", "business_day").agg(times).sort("business_day")
        return per_day.with_columns(pl.col("times").cum_sum().over("customer_id").alias("so_far")).collect()

    @cached_property
    def lists(self) -> pl.DataFrame:
        """``customer_id``, ``list``: the day of every occurrence ever, newest first."""
        newest_first = self.counts.lazy().reverse().select("customer_id", pl.col("business_day").repeat_by("times"))
        flat = pl.col("business_day").explode().alias("list")
        return newest_first.group_by("customer_id", maintain_order=True).agg(flat).collect()
