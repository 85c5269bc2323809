"""Joining, leaving, rank and points."""

from collections.abc import Sequence

import narwhals as nw

from segments.events import EventName
from segments.reduce.days import Frame
from segments.reduce.orders import WHO
from segments.reduce.select import keep_largest, once

_JOINED = str(EventName.MEMBERSHIP_JOINED)
_WITHDRAWN = str(EventName.MEMBERSHIP_WITHDRAWN)
_RANK = str(EventName.MEMBERSHIP_RANK_CHANGED)
_EARNED = str(EventName.POINTS_EARNED)
_POINTS = [_EARNED, str(EventName.POINTS_SPENT), str(EventName.POINTS_EXPIRED)]


def summarise_membership(facts: Frame, *, who: Sequence[str] = WHO) -> Frame:
    """Per person: joined (the first joining since the last leaving) and withdrawn (null once joined again)."""
    joins = once(facts.filter(nw.col("event") == _JOINED))
    leaves = facts.filter(nw.col("event") == _WITHDRAWN)
    left = once(
        leaves.group_by(*who).agg(
            nw.col("last_at").max().alias("left_at"), nw.col("business_day").max().alias("left_on")
        )
    )
    again = (
        joins.join(left, on=[*who], how="inner")
        .filter(nw.col("last_at") > nw.col("left_at"))
        .group_by(*who)
        .agg(nw.col("business_day").min().alias("again"))
    )
    first = once(joins.group_by(*who).agg(nw.col("business_day").min().alias("first")))
    people = nw.concat([first.select(*who), left.select(*who)], how="vertical").unique(subset=[*who])
    known = people.join(first, on=[*who], how="left").join(left, on=[*who], how="left")
    gone = nw.when(nw.col("again").is_null()).then(nw.col("left_on"))
    return known.join(again, on=[*who], how="left").select(
        *who, nw.coalesce("again", "first").alias("joined"), gone.alias("withdrawn")
    )


def summarise_rank(facts: Frame, *, who: Sequence[str] = WHO) -> Frame:
    """Per person: rank (latest by time) and rank_since (first day of it after the last other rank)."""
    changes = once(facts.filter((nw.col("event") == _RANK) & (nw.col("key") != "")))
    now = keep_largest(changes, "last_at", who=who).group_by(*who).agg(nw.col("key").min().alias("rank"))
    told = once(changes.join(now, on=[*who], how="inner"))
    other = (
        told.filter(nw.col("key") != nw.col("rank")).group_by(*who).agg(nw.col("last_at").max().alias("other_until"))
    )
    held = told.filter(nw.col("key") == nw.col("rank")).join(other, on=[*who], how="left")
    # At the very moment of another rank the name decided, so that the equal moment belongs to this rank.
    current = held.filter(nw.col("other_until").is_null() | (nw.col("last_at") >= nw.col("other_until")))
    return current.group_by(*who, "rank").agg(nw.col("business_day").min().alias("rank_since"))


def summarise_points(facts: Frame, *, who: Sequence[str] = WHO) -> Frame:
    """Per person: points earned less points spent and expired."""
    moves = facts.filter(nw.col("event").is_in(_POINTS))
    minus = nw.lit(0, nw.Int64) - nw.col("amount")
    signed = nw.when(nw.col("event") == _EARNED).then(nw.col("amount")).otherwise(minus)
    return moves.with_columns(signed.alias("points")).group_by(*who).agg(nw.col("points").sum())
