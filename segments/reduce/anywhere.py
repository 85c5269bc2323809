"""The customer frame of everyone, computed where history is: on a cluster as well as here.

Only filter, select, with_columns, join, unique, concat and group_by with min, max, sum, count and n_unique are asked of the
engine, and one running sum. What comes back are a row a customer, a row a day that a list keeps, and the moves that ranks are
earned by; lists are packed and the ways of those who rose are walked here.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

import narwhals as nw
import polars as pl

from segments.rank_rules import RankVersion
from segments.reduce.customers import NO_STANDING, REDUCED, scalar_rows, with_lists
from segments.reduce.days import DERIVED, Frame
from segments.reduce.lists import newest_only, occurrences
from segments.reduce.parts import PARTS, WHO
from segments.reduce.rank_moves import rank_moves
from segments.reduce.ranks import STANDING, gather_rank_facts, standings
from segments.reduce.trust import only_verified, verified_events


class Engine(Protocol):
    """What computes."""

    def keep(self, frame: Frame) -> Frame:
        """The same rows, of which several questions are going to be asked."""
        ...

    def put(self, frame: pl.DataFrame) -> Frame:
        """A frame of ours, where it computes."""
        ...

    def collect(self, frame: Frame) -> pl.DataFrame:
        """The answer."""
        ...


@dataclass(frozen=True, slots=True)
class Rules:
    """What rows follow from beside history; see `segments.reduce.customers.reduce_customers`.

    Attributes:
        events: events that get a list column.
        verified: weighty events that a trusted source reported anywhere in the shop.
        coupons: definitions.
        ranks: rank rules.
    """

    events: Sequence[str] = ()
    verified: Collection[str] = ()
    coupons: pl.DataFrame | None = None
    ranks: Sequence[RankVersion] = ()


def names_in(engine: Engine, days: Frame) -> tuple[list[str], list[str]]:
    """Events that occur, and those of them for which the word of a trusted source stands."""
    occurring = engine.collect(days.select("event").unique()).get_column("event").to_list()
    verified = engine.collect(verified_events(days)).get_column("event").to_list()
    return sorted(name for name in occurring if name not in DERIVED), sorted(verified)


def reduce_on(engine: Engine, days: Frame, asked: pl.DataFrame, *, day: date, rules: Rules) -> pl.DataFrame:
    """What `reduce_customers` answers about everyone in ``asked`` as of one day.

    Args:
        engine: where ``days`` are.
        days: customer_days of everyone in ``asked``, merges applied; who is not in ``asked`` has no row in the answer.
        asked: ``customer_id`` of everyone who gets a row.
        day: facts up to here.
        rules: what the shop decided.
    """
    known = days.filter(nw.col("business_day") <= day).with_columns(nw.lit(day).alias("as_of"))
    facts = engine.keep(only_verified(known, verified=rules.verified))
    people = asked.lazy().select(pl.col("customer_id").cast(pl.Int64), pl.lit(day).alias("as_of")).unique()
    scalars = _scalars(engine, facts, people, rules)
    standing = _standing(engine, facts, scalars, rules)
    whole = scalars.lazy().join(standing.lazy(), on=list(WHO), how="left").select(REDUCED)
    if not rules.events:
        return whole.collect()
    happened = engine.collect(newest_only(occurrences(facts, rules.events, who=WHO), who=WHO))
    return with_lists(whole, happened.lazy(), rules.events).collect()


def _scalars(engine: Engine, facts: Frame, people: pl.LazyFrame, rules: Rules) -> pl.DataFrame:
    """Part by part: each has a row a customer at most, which joins here in less time than an engine plans a join of all."""
    definitions = None if rules.coupons is None else engine.put(rules.coupons)
    made = [nw.from_native(engine.collect(part.make(facts, definitions)).lazy()) for part in PARTS]
    return scalar_rows(nw.from_native(people), made, [name for name in REDUCED if name not in STANDING]).collect()


def _standing(engine: Engine, facts: Frame, scalars: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    if not rules.ranks:
        return NO_STANDING
    criteria = {version.rules.criterion for version in rules.ranks}
    moves = {str(one): engine.collect(rank_moves(facts, one, who=WHO)) for one in criteria}
    return standings(gather_rank_facts(moves, scalars), rules.ranks)
