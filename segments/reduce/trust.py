"""Facts that move money or reward: the unverified ones step back once verified ones of their name exist."""

from collections.abc import Collection

import narwhals as nw

from segments import events
from segments.reduce.days import Frame

WEIGHTY = tuple(sorted(str(event.name) for event in events.VOCABULARY if event.weighty))
"""Names of the events for which it matters who reported them."""


def verified_events(days: Frame) -> Frame:
    """Names (column ``event``) of the weighty events that a trusted source has reported at least once."""
    weighty = nw.col("event").is_in(WEIGHTY)
    return days.filter(weighty & nw.col("trusted")).select("event").unique()


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
