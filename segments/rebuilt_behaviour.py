"""The columns of a behaviour at the end of past days, for `segments.rebuilt`.

What a behaviour lists changes only on the days of a customer's own facts: of all days asked for, it is worked out once for
each of them.
"""

from dataclasses import dataclass
from functools import cached_property

import polars as pl

from segments.rules.behaviour import Behaviour, source_of
from segments.rules.occurrences import History, days_needed, events_of, rows_of
from segments.rules.packing import pack_occurrences

_THEN = ("customer_id", "as_of")


def is_of_now(behaviour: Behaviour) -> bool:
    """Whether only today is known of it: the last minutes, and what the ledger of messages answers."""
    return behaviour.minutes is not None or source_of(behaviour) == "ledger"


@dataclass
class Behaved:
    """The list columns of one behaviour."""

    behaviour: Behaviour
    history: History

    def add_to(self, asked: pl.LazyFrame) -> pl.LazyFrame:
        """``asked``, sorted by ``as_of``, with the columns, null where nothing happened; every row stays, in order."""
        placed = asked.join_asof(
            self.turns.lazy(), left_on="as_of", right_on="turn", by="customer_id", check_sortedness=False
        ).collect()
        states = placed.lazy().select("customer_id", pl.col("turn").alias("as_of")).drop_nulls().unique()
        until = History(
            days=_up_to(self.history.days, states),
            events=_up_to(self.history.events, states),
            lines=self.history.lines,
            verified=self.history.verified,
        )
        packed = pack_occurrences(rows_of(self.behaviour, until, who=_THEN), self.behaviour, who=_THEN)
        made = packed.rename({"as_of": "turn"})
        return placed.lazy().join(made, on=["customer_id", "turn"], how="left", maintain_order="left").drop("turn")

    @cached_property
    def turns(self) -> pl.DataFrame:
        """``customer_id``, ``turn``: every day on which the behaviour may have become another one, in order."""
        days = self.history.days.filter(pl.col("event").is_in(days_needed(self.behaviour)))
        found = [days.select("customer_id", pl.col("business_day").alias("turn"))]
        if source_of(self.behaviour) == "events":
            events = self.history.events.filter(pl.col("event").is_in(events_of(self.behaviour)))
            found.append(events.select("customer_id", pl.col("business_day").alias("turn")))
        return pl.concat(found).unique().sort("turn").collect()


def _up_to(rows: pl.LazyFrame, states: pl.LazyFrame) -> pl.LazyFrame:
    """Every row once for each of the customer's states that is not before it."""
    return rows.join(states, on="customer_id").filter(pl.col("business_day") <= pl.col("as_of"))
