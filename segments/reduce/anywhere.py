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
from segments.reduce.bitmaps import ACTIVITIES, activity_words, bits_of, numbered_days, pack_words, slots_of
from segments.reduce.customers import NO_STANDING, REDUCED, scalar_rows
from segments.reduce.days import DERIVED, Frame
from segments.reduce.latest import latest_columns
from segments.reduce.lists import newest_only, occurrences, pack_days
from segments.reduce.order_lists import order_rows, with_order_lists
from segments.reduce.parts import PARTS, WHO
from segments.reduce.rank_moves import rank_moves
from segments.reduce.rank_turns import rank_changes
from segments.reduce.ranks import STANDING, gather_rank_facts, standings
from segments.reduce.trust import only_verified, verified_events

_ONE = ("customer_id",)
"""Who a row is about where all are as of the same day."""


class Engine(Protocol):
    """What computes."""

    @property
    def distributed(self) -> bool:
        """Whether it computes elsewhere, so that what comes back should grow with customers, not with history."""
        ...

    def keep(self, frame: Frame) -> Frame:
        """The same rows, of which several questions are going to be asked."""
        ...

    def put(self, frame: pl.DataFrame) -> Frame:
        """A frame of ours, where it computes."""
        ...

    def collect(self, frame: Frame) -> pl.DataFrame:
        """The answer."""
        ...

    def collect_all(self, frames: Sequence[Frame]) -> list[pl.DataFrame]:
        """The answers to several questions."""
        ...


class Here:
    """This process as an engine: Polars."""

    distributed = False

    def keep(self, frame: Frame) -> Frame:
        """The rows in memory."""
        return nw.from_native(self.collect(frame).lazy())

    def put(self, frame: pl.DataFrame) -> Frame:
        """The frame as it is."""
        return nw.from_native(frame.lazy())

    def collect(self, frame: Frame) -> pl.DataFrame:
        """The answer."""
        native: pl.LazyFrame = frame.to_native()
        return native.collect()

    def collect_all(self, frames: Sequence[Frame]) -> list[pl.DataFrame]:
        """The answers, worked out side by side."""
        return pl.collect_all([frame.to_native() for frame in frames])


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
    """The frame's rows of everyone in ``asked`` as of one day.

    What `segments.reduce.customers.reduce_customers` answers, and beside it what only figures read (`ON_RECORD` and
    `ORDER_LISTS` of `segments.customers`, and `segments.reduce.bitmaps`) and what only rules do (`segments.reduce.latest`).

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
    since, orders, happened = engine.collect_all(
        [since_when(known, who=_ONE), order_rows(facts, who=_ONE), _happened(engine, facts, rules)]
    )
    numbered, words = _words(engine, facts, happened, day=day, rules=rules)
    whole = scalars.lazy().join(standing.lazy(), on=list(WHO), how="left").select(REDUCED)
    beside = whole.join(since.lazy(), on=list(_ONE), how="left")
    rows = with_order_lists(beside, orders.lazy(), who=_ONE).collect()
    lists = pack_days(happened, rows.select(_ONE), rules.events)
    bitmaps = pack_words(words, rows.select(_ONE), slots_of(numbered))
    return rows.hstack([*lists, *bitmaps]).with_columns(latest_columns(rules.events))


def reduce_here(days: pl.LazyFrame, asked: pl.DataFrame, *, day: date, rules: Rules) -> pl.DataFrame:
    """`reduce_on` of history in this process."""
    return reduce_on(Here(), nw.from_native(days), asked, day=day, rules=rules)


def _happened(engine: Engine, facts: Frame, rules: Rules) -> Frame:
    """What lists are made of, and here bitmaps too."""
    if engine.distributed:
        return newest_only(occurrences(facts, rules.events, who=_ONE), who=_ONE)
    return occurrences(facts, sorted({*rules.events, *ACTIVITIES}), who=_ONE)


def _words(
    engine: Engine, facts: Frame, happened: pl.DataFrame, *, day: date, rules: Rules
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`numbered_days`, and the words of everyone's bitmaps: of all that happened, where lists hold the newest only."""
    begins = rules.begins or engine.collect(facts.select(nw.col("business_day").min())).item()
    numbered = numbered_days(begins, day, week_starts=rules.week_starts)
    if engine.distributed:
        return numbered, engine.collect(activity_words(facts, engine.put(numbered), who=_ONE))
    return numbered, bits_of(happened, numbered)


def _scalars(engine: Engine, facts: Frame, people: pl.LazyFrame, rules: Rules) -> pl.DataFrame:
    """Part by part: each has a row a customer at most, which joins here in less time than an engine plans a join of all."""
    definitions = None if rules.coupons is None else engine.put(rules.coupons)
    answers = engine.collect_all([part.make(facts, definitions) for part in PARTS])
    made = [nw.from_native(answer.lazy()) for answer in answers]
    return scalar_rows(nw.from_native(people), made, [name for name in REDUCED if name not in STANDING]).collect()


def _standing(engine: Engine, facts: Frame, scalars: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    if not rules.ranks:
        return NO_STANDING
    criteria = sorted({version.rules.criterion for version in rules.ranks})
    *found, changes = engine.collect_all([*(rank_moves(facts, one, who=WHO) for one in criteria), rank_changes(facts)])
    moves = {str(one): answer for one, answer in zip(criteria, found, strict=True)}
    return standings(gather_rank_facts(moves, scalars, changes), rules.ranks)
