"""Membership of a segment at the end of a past day: the rule asked of the frame as it was then.

Profile and reach are known as of now only; a rule about them is asked of today's values.
"""

from collections.abc import Collection, Hashable

import polars as pl

from segments.customers import BY_NAME
from segments.membership import members
from segments.metrics.facts import Members
from segments.reduce.customers import REDUCED, events_needed, reduce_customers
from segments.rules.rule import Attribute, Did, Not, Rule


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

    def belongs(asked: pl.LazyFrame) -> pl.LazyFrame:
        past = asked
        if columns or looks_back:
            past = reduce_customers(
                days,
                asked,
                events=sorted(looks_back),
                verified=verified,
                coupons=coupons,
                columns=columns,
                recent=recent,
            )
        known = past.join(frame.select("customer_id", *private), on="customer_id")
        return members(known, rule).select("customer_id", "as_of")

    return Members((key, "then"), belongs)


def members_today(rule: Rule, *, key: Hashable, frame: pl.LazyFrame) -> Members:
    """Who belongs today, whatever day is asked for."""
    now = members(frame, rule).select("customer_id")
    return Members((key, "today"), lambda asked: asked.join(now, on="customer_id", how="semi"))


def _parts(rule: Rule) -> tuple[Rule, ...]:
    if isinstance(rule, Attribute | Did):
        return ()
    return (rule.rule,) if isinstance(rule, Not) else rule.rules
