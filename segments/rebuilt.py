"""Membership of a segment at the end of a past day: the rule asked of the frame as it was then.

Profile and reach are known as of now only; a rule about them is asked of today's values.

What history decides changes only on the days of a customer's own facts. So of all days asked for, one row is rebuilt
for each of a customer's *states*: as of his last fact that the rule looks at. Many days share one.
"""

from collections.abc import Callable, Collection, Hashable

import polars as pl

from segments.customers import BY_NAME
from segments.events import EventName
from segments.membership import members
from segments.metrics.facts import Members
from segments.reduce.customers import REDUCED, events_needed, reduce_customers
from segments.rules.rule import Attribute, Did, Not, Rule

_IN_HAND = [str(EventName.COUPON_ISSUED), str(EventName.COUPON_VIEWED)]


def attributes_of(rule: Rule) -> frozenset[str]:
    """Columns of the customer frame that the rule compares."""
    if isinstance(rule, Attribute):
        return frozenset({rule.name})
    if isinstance(rule, Did):
        return frozenset()
    return frozenset().union(*map(attributes_of, _parts(rule)))


def behaviour_of(rule: Rule) -> dict[str, int | None]:
    """Events that the rule counts, each with the days it looks back; None for ever."""
    if isinstance(rule, Attribute):
        return {}
    if isinstance(rule, Did):
        return {rule.event: rule.days}
    found: dict[str, int | None] = {}
    for part in _parts(rule):
        for event, days in behaviour_of(part).items():
            before = found.get(event, 0)
            found[event] = None if days is None or before is None else max(days, before)
    return found


def history_for(rule: Rule, days: pl.LazyFrame) -> pl.LazyFrame:
    """The rows of customer_days that decide the rule on any day."""
    needed = events_needed(sorted(attributes_of(rule)), sorted(behaviour_of(rule)))
    return days if needed is None else days.filter(pl.col("event").is_in(needed))


def members_then(
    rule: Rule,
    *,
    key: Hashable,
    days: pl.LazyFrame,
    frame: pl.LazyFrame,
    verified: Collection[str],
    coupons: pl.LazyFrame | None,
) -> Members:
    """Who belonged at the end of each day asked for.

    Args:
        rule: the segment's rule.
        key: names the rule; answers are kept under it.
        days: customer_days of everyone, merges applied; `history_for` the rule is enough.
        frame: today's customer frame, for the columns that history does not hold.
        verified: see `reduce_customers`.
        coupons: see `reduce_customers`.
    """
    names, looks_back = attributes_of(rule), behaviour_of(rule)
    recent = {event: span for event, span in looks_back.items() if span is not None}
    columns = sorted(names & {*REDUCED})
    private = sorted(name for name in names if BY_NAME[name].private)

    def rebuilt(states: pl.LazyFrame) -> pl.LazyFrame:
        return reduce_customers(
            days,
            states,
            events=sorted(looks_back),
            verified=verified,
            coupons=coupons,
            columns=columns,
            recent=recent,
        )

    turns = _turns(days, coupons if "coupons_held" in columns else None)

    def belongs(asked: pl.LazyFrame) -> pl.LazyFrame:
        past = _as_of_states(asked, turns, rebuilt) if columns or looks_back else asked
        known = past.join(frame.select("customer_id", *private), on="customer_id")
        return members(known, rule).select("customer_id", "as_of")

    return Members((key, "then"), belongs)


def members_today(rule: Rule, *, key: Hashable, frame: pl.LazyFrame) -> Members:
    """Who belongs today, whatever day is asked for."""
    now = members(frame, rule).select("customer_id")
    return Members((key, "today"), lambda asked: asked.join(now, on="customer_id", how="semi"))


def _turns(days: pl.LazyFrame, coupons: pl.LazyFrame | None) -> pl.LazyFrame:
    """(``customer_id``, ``turn``): every day from which on a customer's row may be another one, in order."""
    found = [days.select("customer_id", pl.col("business_day").alias("turn"))]
    if coupons is not None:
        ends = coupons.select(pl.col("coupon_id").alias("key"), pl.col("valid_until").cast(pl.Date)).drop_nulls()
        in_hand = days.filter(pl.col("event").is_in(_IN_HAND)).select("customer_id", "key").unique()
        after = pl.col("valid_until") + pl.duration(days=1)
        found.append(in_hand.join(ends, on="key").select("customer_id", after.alias("turn")))
    return pl.concat(found).unique().sort("turn")


def _as_of_states(
    asked: pl.LazyFrame, turns: pl.LazyFrame, rebuilt: Callable[[pl.LazyFrame], pl.LazyFrame]
) -> pl.LazyFrame:
    """The rows of ``asked``, each with what ``rebuilt`` gives for the state that its customer was in."""
    wanted = asked.select(pl.col("customer_id").cast(pl.Int64), pl.col("as_of").cast(pl.Date)).unique().sort("as_of")
    dated = wanted.join_asof(
        turns, left_on="as_of", right_on="turn", by="customer_id", strategy="backward", check_sortedness=False
    )
    # Before his first fact any day is as good as another, so long as it is not a later one.
    placed = dated.with_columns(pl.coalesce("turn", pl.col("as_of").min()).alias("state")).drop("turn").collect()
    states = placed.lazy().select("customer_id", pl.col("state").alias("as_of")).unique()
    made = rebuilt(states).rename({"as_of": "state"})
    return placed.lazy().join(made, on=["customer_id", "state"]).drop("state")


def _parts(rule: Rule) -> tuple[Rule, ...]:
    if isinstance(rule, Attribute | Did):
        return ()
    return (rule.rule,) if isinstance(rule, Not) else rule.rules
