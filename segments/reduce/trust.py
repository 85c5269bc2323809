"""Facts that move money or reward: the unverified ones step back once verified ones of their kind exist."""

from collections.abc import Collection

import narwhals as nw

from segments import events
from segments.reduce.days import Frame

WEIGHTY = tuple(sorted(str(event.name) for event in events.VOCABULARY if event.weighty))
"""Names of the events for which it matters who reported them."""


TAKEN_BACK = {
    str(events.EventName.ORDER_REFUNDED): str(events.EventName.ORDER_COMPLETED),
    str(events.EventName.ORDER_CANCELLED): str(events.EventName.ORDER_COMPLETED),
    str(events.EventName.POINTS_SPENT): str(events.EventName.POINTS_EARNED),
    str(events.EventName.POINTS_EXPIRED): str(events.EventName.POINTS_EARNED),
}
"""Events that undo others: who may not report an order or points may not take them away either."""


def verified_events(days: Frame) -> Frame:
    """Names (column ``event``) of the weighty events for which the word of a trusted source stands.

    Those it has reported at least once, and those that take back what it has reported.
    """
    weighty = nw.col("event").is_in(WEIGHTY)
    told = days.filter(weighty & nw.col("trusted")).select("event").unique()
    undone = [
        told.filter(nw.col("event") == event).with_columns(nw.lit(undo).alias("event"))
        for undo, event in TAKEN_BACK.items()
    ]
    return nw.concat([told, *undone], how="vertical").unique()


def only_verified(days: Frame, *, verified: Collection[str] | None = None) -> Frame:
    """Without the unverified rows of events for which verified ones exist.

    Args:
        days: rows of customer_days.
        verified: names for which verified facts exist anywhere in the shop; None looks in ``days``, which
            is right only where ``days`` holds everyone. Names that are not weighty are passed over.
    """
    if verified is not None:
        stepped_back = sorted({*verified} & {*WEIGHTY})
        return days.filter(nw.col("trusted") | ~nw.col("event").is_in(stepped_back))
    names = verified_events(days).with_columns(nw.lit(1).alias("_verified"))
    return (
        days.join(names, on="event", how="left")
        .filter(nw.col("trusted") | nw.col("_verified").is_null())
        .drop("_verified")
    )
