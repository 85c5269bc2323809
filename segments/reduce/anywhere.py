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
from segments.reduce.activity import since_when
from segments.reduce.bitmaps import ACTIVITIES, activity_words, numbered_days, slots_of, with_bitmaps
from segments.reduce.customers import NO_STANDING, REDUCED, reduce_customers, scalar_rows, with_lists
from segments.reduce.days import DERIVED, Frame
from segments.reduce.latest import latest_columns
from segments.reduce.lists import newest_only, occurrences
from segments.reduce.order_lists import order_rows, with_order_lists
from segments.reduce.orders import ORDER_EVENTS
from segments.reduce.parts import PARTS, WHO
from segments.reduce.rank_moves import rank_moves
from segments.reduce.rank_turns import rank_changes
from segments.reduce.ranks import STANDING, gather_rank_facts, standings
from segments.reduce.trust import only_verified, verified_events

_ONE = ("customer_id",)
"""Who a row is about where all are as of the same day."""


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
        week_starts: ISO weekday with which a week begins.
        begins: the day from which on there are bitmaps; None takes the first one that has a fact of anyone asked about.
    """

    events: Sequence[str] = ()
    verified: Collection[str] = ()
    coupons: pl.DataFrame | None = None
    ranks: Sequence[RankVersion] = ()
    week_starts: int = 1
    begins: date | None = None


def names_in(engine: Engine, days: Frame) -> tuple[list[str], list[str]]:
    """Events that occur, and those of them for which the word of a trusted source stands."""
    occurring = engine.collect(days.select("event").unique()).get_column("event").to_list()
    verified = engine.collect(verified_events(days)).get_column("event").to_list()
    return sorted(name for name in occurring if name not in DERIVED), sorted(verified)


def reduce_on(engine: Engine, days: Frame, asked: pl.DataFrame, *, day: date, rules: Rules) -> pl.DataFrame:
    """What `reduce_here` answers about everyone in ``asked`` as of one day.

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
    if rules.events:
        happened = engine.collect(newest_only(occurrences(facts, rules.events, who=WHO), who=WHO))
        whole = with_lists(whole, happened.lazy(), rules.events)
    return _with_the_rest(engine, known, facts, whole, day=day, rules=rules)


def reduce_here(days: pl.LazyFrame, asked: pl.DataFrame, *, day: date, rules: Rules) -> pl.DataFrame:
    """The frame's rows of everyone in ``asked`` as of one day, from history in this process.

    What `segments.reduce.customers.reduce_customers` answers, and beside it what only figures read (`ON_RECORD` and
    `ORDER_LISTS` of `segments.customers`, and `segments.reduce.bitmaps`) and what only rules do (`segments.reduce.latest`).

    Args:
        days: customer_days of everyone in ``asked``, merges applied.
        asked: ``customer_id`` of everyone who gets a row.
        day: facts up to here.
        rules: what the shop decided.
    """
    rows = reduce_customers(
        days,
        asked.lazy().with_columns(pl.lit(day).alias("as_of")),
        events=rules.events,
        verified=rules.verified,
        coupons=rules.coupons.lazy() if rules.coupons is not None else None,
        ranks=rules.ranks,
    )
    known = days.filter(pl.col("business_day") <= day)
    read = known.filter(pl.col("event").is_in([*ACTIVITIES, *ORDER_EVENTS]))
    facts = only_verified(nw.from_native(read), verified=rules.verified)
    return _with_the_rest(_Here(), nw.from_native(known), facts, rows, day=day, rules=rules)


class _Here:
    """This process as an engine, for what was written for any."""

    def put(self, frame: pl.DataFrame) -> Frame:
        return nw.from_native(frame.lazy())

    def collect(self, frame: Frame) -> pl.DataFrame:
        native: pl.LazyFrame = frame.to_native()
        return native.collect()


def _with_the_rest(
    engine: "Engine | _Here", known: Frame, facts: Frame, rows: pl.LazyFrame, *, day: date, rules: Rules
) -> pl.DataFrame:
    """The same rows with first days, counted orders, bitmaps and newest days, from everything that is known of those in them.

    ``facts`` are without the unverified ones that have stepped back.
    """
    since = engine.collect(since_when(known, who=_ONE))
    begins = rules.begins or engine.collect(facts.select(nw.col("business_day").min())).item()
    numbered = numbered_days(begins, day, week_starts=rules.week_starts)
    orders = engine.collect(order_rows(facts, who=_ONE))
    words = engine.collect(activity_words(facts, engine.put(numbered), who=_ONE))
    listed = with_order_lists(rows.join(since.lazy(), on=list(_ONE), how="left"), orders.lazy(), who=_ONE)
    whole = with_bitmaps(listed, words.lazy(), slots_of(numbered), who=_ONE)
    return whole.with_columns(latest_columns(rules.events)).collect()


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
    return standings(gather_rank_facts(moves, scalars, engine.collect(rank_changes(facts))), rules.ranks)
