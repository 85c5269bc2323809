"""Being there: first and last record, launches, store visits, the last store."""

from collections.abc import Sequence

import narwhals as nw

from segments.events import EventName
from segments.reduce.days import DERIVED, Frame
from segments.reduce.orders import WHO
from segments.reduce.select import keep_largest

_LAUNCH = str(EventName.APPLICATION_OPENED)
_VISIT = str(EventName.STORE_VISITED)
_ORDER = str(EventName.ORDER_COMPLETED)
NOT_THEIR_ACT = (
    *DERIVED,
    str(EventName.ADDRESS_RETIRED),
    str(EventName.COUPON_ISSUED),
    str(EventName.COUPON_EXPIRED),
)
"""Rows that say nothing about the person being there: derived ones, what FCM answered us, and what the shop did by itself."""


def summarise_presence(facts: Frame, *, who: Sequence[str] = WHO) -> Frame:
    """Per person: first_seen, last_seen."""
    acts = facts.filter(~nw.col("event").is_in(NOT_THEIR_ACT))
    return acts.group_by(*who).agg(
        nw.col("business_day").min().alias("first_seen"), nw.col("business_day").max().alias("last_seen")
    )


def since_when(days: Frame, *, who: Sequence[str] = WHO) -> Frame:
    """Per person: known_since, acted_since (null where there is no act); of every row, the unverified ones too."""
    known = days.group_by(*who).agg(nw.col("business_day").min().alias("known_since"))
    acts = days.filter(~nw.col("event").is_in(NOT_THEIR_ACT))
    acted = acts.group_by(*who).agg(nw.col("business_day").min().alias("acted_since"))
    return known.join(acted, on=[*who], how="left")


def summarise_launches(facts: Frame, *, who: Sequence[str] = WHO) -> Frame:
    """Per person: launches, last_launch."""
    return _count(facts, _LAUNCH, total="launches", last="last_launch", who=who)


def summarise_visits(facts: Frame, *, who: Sequence[str] = WHO) -> Frame:
    """Per person: visits, last_visit."""
    return _count(facts, _VISIT, total="visits", last="last_visit", who=who)


def last_stores(facts: Frame, *, who: Sequence[str] = WHO) -> Frame:
    """Per person the store (``last_store``) of the latest visit or order that names one; ties go to the name."""
    event = nw.col("event")
    at_store = facts.filter(event.is_in([_VISIT, _ORDER])).select(
        *who, "last_at", nw.when(event == _VISIT).then(nw.col("key")).otherwise(nw.col("detail")).alias("store")
    )
    latest = keep_largest(at_store.filter(nw.col("store") != ""), "last_at", who=who)
    return latest.group_by(*who).agg(nw.col("store").min().alias("last_store"))


def _count(facts: Frame, event: str, *, total: str, last: str, who: Sequence[str]) -> Frame:
    rows = facts.filter(nw.col("event") == event)
    return rows.group_by(*who).agg(
        nw.col("count").sum().alias(total),
        nw.col("business_day").max().alias(last),
    )
