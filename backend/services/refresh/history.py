"""History of some customers in this process: what they did, under the numbers they have today."""

from collections.abc import Mapping, Sequence
from datetime import date

import narwhals as nw
import polars as pl

from backend.lake.by_customer import CustomerHistories
from segments.history import under_survivors
from segments.reduce.anywhere import Rules, reduce_here
from segments.reduce.customers import occurring_events
from segments.reduce.trust import verified_events
from segments.rules.behaviour import Behaviour
from segments.watched import with_watched


class Here:
    """What `backend.services.refresh.elsewhere.Elsewhere` is of everybody's history, of some customers'.

    Attributes:
        occurring: events that occur in it.
        verified: those of them for which the word of a trusted source stands.
    """

    def __init__(self, days: pl.LazyFrame) -> None:
        self._days = days
        self.occurring = occurring_events(days)
        found: pl.DataFrame = verified_events(nw.from_native(days)).to_native().collect()
        self.verified = found.get_column("event").to_list()

    def rows(
        self, customer_ids: Sequence[int], *, day: date, rules: Rules, watched: Sequence[Behaviour] = ()
    ) -> pl.DataFrame:
        """What history says of some customers as of a day; see `segments.reduce.anywhere.reduce_here` and `segments.watched`."""
        asked = pl.DataFrame({"customer_id": customer_ids}, schema={"customer_id": pl.Int64})
        made = reduce_here(self._days, asked, day=day, rules=rules)
        return with_watched(made, self._days, watched, day=day, verified=rules.verified)


def history_of(histories: CustomerHistories, customer_ids: Sequence[int], absorbed: Mapping[int, int]) -> pl.LazyFrame:
    """Everything these customers did, and those whom they absorbed (each with the survivor), in memory."""
    everyone = pl.Series("customer_id", [*customer_ids, *absorbed], dtype=pl.Int64)
    return under_survivors(histories.read(everyone).lazy(), absorbed).collect().lazy()
