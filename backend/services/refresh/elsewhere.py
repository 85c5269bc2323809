"""History on a cluster, for a refresh that makes everybody's row: read and merged there once, asked a slice at a time."""

from collections.abc import Sequence
from datetime import date

import narwhals as nw
import polars as pl

from backend.lake.engine import Session
from backend.lake.schemas import Table
from backend.lake.tables import Lake
from segments.history import MERGES
from segments.reduce.anywhere import Rules, names_in, reduce_on
from segments.reduce.days import DAYS_SCHEMA, merge_customers
from segments.rules.behaviour import Behaviour
from segments.watched import events_needed, with_watched

AT_ONCE = 250_000
"""Customers of one slice: what comes back of them lies in this process's memory."""


class Elsewhere:
    """Everybody's customer_days where a session computes, merges applied.

    Attributes:
        occurring: events that occur in them.
        verified: those of them for which the word of a trusted source stands.
    """

    def __init__(self, session: Session, lake: Lake, merges: Sequence[tuple[int, int]]) -> None:
        self._session = session
        days = session.table(lake, Table.CUSTOMER_DAYS)
        if merges:
            days = merge_customers(days, session.put(pl.DataFrame(merges, schema=MERGES, orient="row")))
        self._days = session.keep(days)
        self.occurring, self.verified = names_in(session, self._days)

    def rows(
        self, customer_ids: Sequence[int], *, day: date, rules: Rules, watched: Sequence[Behaviour] = ()
    ) -> pl.DataFrame:
        """What history says of some customers as of a day; see `segments.reduce.anywhere.reduce_on` and `segments.watched`."""
        asked = pl.DataFrame({"customer_id": customer_ids}, schema={"customer_id": pl.Int64})
        own = self._days.join(self._session.put(asked), on="customer_id", how="inner")
        made = reduce_on(self._session, own, asked, day=day, rules=rules)
        if not watched:
            return made
        decide = own.filter(nw.col("event").is_in(events_needed(watched))).select(*DAYS_SCHEMA)
        days = self._session.collect(decide)
        return with_watched(made, days.lazy(), watched, day=day, verified=rules.verified)
