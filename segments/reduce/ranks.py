"""Computed ranks of many people at once: where each stands, since when, what is missing to the next, and the way there.

The figures of a day are sums over moves and come from expressions; only people who may ever have risen are walked
through their days one by one (`segments.rank_walk`). Computed ranks stand beside those that the shop's own system
reports; neither changes the other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import narwhals as nw
import polars as pl

from segments.rank_rules import Period, Promotion, RankRules, RankVersion, next_day, spans
from segments.rank_walk import Move, Step, Walk, walk
from segments.reduce.days import Frame
from segments.reduce.membership import summarise_membership
from segments.reduce.rank_moves import rank_moves
from segments.reduce.rank_turns import TURNS, bounds, last_turns, rank_changes, reported_turns

WHO = ["customer_id", "as_of"]
STANDING: dict[str, pl.DataType] = {
    "computed_rank": pl.String(),
    "computed_rank_since": pl.Date(),
    "computed_rank_rose": pl.Date(),
    "computed_rank_fell": pl.Date(),
    "to_next_rank": pl.Int64(),
    "rank_review": pl.Date(),
    **TURNS,
}
"""Columns of the customer frame that rank rules give."""

HISTORY: dict[str, pl.DataType] = {
    "customer_id": pl.Int64(),
    "as_of": pl.Date(),
    "day": pl.Date(),
    "rank": pl.String(),
}
"""Columns of `histories`."""

_LISTS = ["day", "known", "value"]
_COMPUTED = [name for name in STANDING if name not in TURNS]


@dataclass(frozen=True, slots=True)
class RankFacts:
    """What ranks are computed from.

    Attributes:
        people: ``customer_id``, ``as_of``, ``start`` (since when the person is a member).
        moves: by criterion rows of ``customer_id``, ``as_of``, ``day``, ``known``, ``value``.
        changes: `segments.reduce.rank_turns.rank_changes`.
    """

    people: pl.DataFrame
    moves: Mapping[str, pl.DataFrame]
    changes: pl.DataFrame


def rank_facts(facts: Frame, asked: pl.LazyFrame, versions: Sequence[RankVersion]) -> RankFacts:
    """Collect what the ranks of some people follow from.

    A member is who joined and has not left; where nobody said when he joined, the day of his first order or points counts.

    Args:
        facts: rows of customer_days with a column ``as_of``, none later than it, unverified ones that stepped back left out.
        asked: ``customer_id`` and ``as_of``.
        versions: rank rules.
    """
    wanted = {version.rules.criterion for version in versions}
    lazy: dict[str, pl.LazyFrame] = {one: rank_moves(facts, one, who=WHO).to_native() for one in wanted}
    stays: pl.LazyFrame = summarise_membership(facts, who=WHO).to_native()
    told: pl.LazyFrame = rank_changes(facts).to_native()
    *found, changes, known = pl.collect_all([*lazy.values(), told, asked.join(stays, on=WHO, how="left")])
    return gather_rank_facts(dict(zip(lazy, found, strict=True)), known, changes)


def gather_rank_facts(moves: Mapping[str, pl.DataFrame], stays: pl.DataFrame, changes: pl.DataFrame) -> RankFacts:
    """`rank_facts` of what was collected already, by whatever engine.

    Args:
        moves: `rank_moves` by criterion.
        stays: ``customer_id``, ``as_of``, ``joined``, ``withdrawn`` of everyone asked about.
        changes: `segments.reduce.rank_turns.rank_changes`.
    """
    first = pl.concat([frame.select(*WHO, "day") for frame in moves.values()]).group_by(WHO).agg(pl.col("day").min())
    members = stays.filter(pl.col("withdrawn").is_null()).join(first, on=WHO, how="left")
    people = members.select(*WHO, pl.coalesce("joined", "day").alias("start")).drop_nulls()
    return RankFacts(people, moves, changes)


def standings(facts: RankFacts, versions: Sequence[RankVersion]) -> pl.DataFrame:
    """``customer_id``, ``as_of`` and `STANDING` of all of whom there is anything to say on a day when some version is in force.

    Members have a computed rank; of others there are only the turns of reported ones.

    ``to_next_rank`` is what the criterion lacks within the running period, in its unit; null in the highest rank.
    ``rank_review`` is the first day on which any of this can change although nothing happens.
    """
    ways, found = _Ways(facts, versions), []
    for begins, ends, version in bounds(versions):
        people = facts.people.filter(pl.col("as_of").is_between(begins, ends) & (pl.col("start") <= pl.col("as_of")))
        if people.height:
            found.append(_standings(people, facts.moves[version.rules.criterion], version.rules, ways))
    schema = {"customer_id": pl.Int64(), "as_of": pl.Date(), **{name: STANDING[name] for name in _COMPUTED}}
    computed = pl.concat([pl.DataFrame(schema=schema), *found])
    reported = reported_turns(facts.changes, versions)
    return computed.join(reported, on=WHO, how="full", coalesce=True).select(*WHO, *STANDING)


def histories(facts: RankFacts, versions: Sequence[RankVersion]) -> pl.DataFrame:
    """Every change of a rank up to the as-of day, see `HISTORY`; ``rank`` holds from ``day`` on."""
    ways, rows = _Ways(facts, versions), []
    for who, as_of, start in facts.people.iter_rows():
        if start <= as_of:
            rows += [(who, as_of, step.day, step.rank) for step in ways.of(who, as_of, start).steps]
    return pl.DataFrame(rows, schema=HISTORY, orient="row")


def ranks_of(
    days: pl.LazyFrame, asked: pl.LazyFrame, versions: Sequence[RankVersion]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`standings` and `histories` of some people, from facts (rows of customer_days) that are all to be counted."""
    rows = days.join(asked, on="customer_id").filter(pl.col("business_day") <= pl.col("as_of"))
    facts = rank_facts(nw.from_native(rows), asked, versions)
    return standings(facts, versions), histories(facts, versions)


class _Ways:
    """The ways of people; those who can never have risen share theirs by the day on which they began."""

    def __init__(self, facts: RankFacts, versions: Sequence[RankVersion]) -> None:
        self._spans = spans(versions)
        self._moves = {one: _risen(frame, _lowest(one, versions)) for one, frame in facts.moves.items()}
        self._shared: dict[tuple[date, date], Walk] = {}

    def of(self, who: int, as_of: date, start: date) -> Walk:
        """The way of one person."""
        own = {one: rows[who, as_of] for one, rows in self._moves.items() if (who, as_of) in rows}
        if own:
            moves: dict[str, list[Move]] = {
                one: [Move(*row) for row in zip(*lists, strict=True)] for one, lists in own.items()
            }
            return walk(moves, self._spans, start=start, as_of=as_of)
        if (start, as_of) not in self._shared:
            self._shared[start, as_of] = walk({}, self._spans, start=start, as_of=as_of)
        return self._shared[start, as_of]

    def turns(self, way: Walk) -> tuple[date | None, date | None]:
        """The last days on which a rank rose and fell on this way."""
        return last_turns(way.steps, self._spans) if len(way.steps) > 1 else (None, None)


def _lowest(criterion: str, versions: Sequence[RankVersion]) -> int:
    """The least that any version asks for its second rank."""
    return min(one.rules.ranks[1].threshold for one in versions if one.rules.criterion == criterion)


def _risen(moves: pl.DataFrame, threshold: int) -> dict[tuple[int, date], tuple[Any, ...]]:
    """The moves of those who ever gathered so much, as lists by person."""
    gathered = pl.col("value").clip(lower_bound=0).sum().over(WHO) >= threshold
    lists = moves.filter(gathered).group_by(WHO).agg(_LISTS)
    return {(row[0], row[1]): row[2:] for row in lists.select(*WHO, *_LISTS).iter_rows()}


def _standings(people: pl.DataFrame, moves: pl.DataFrame, rules: RankRules, ways: _Ways) -> pl.DataFrame:
    rows = [
        (*row, *_standing(way := ways.of(*row), row[1], rules), *ways.turns(way))
        for row in people.select(*WHO, "start").iter_rows()
    ]
    schema = {"customer_id": pl.Int64, "as_of": pl.Date, "start": pl.Date, "place": pl.Int64, "computed_rank": pl.String,
              "computed_rank_since": pl.Date, "review": pl.Date, "rose": pl.Date, "fell": pl.Date}  # fmt: skip
    stands = pl.DataFrame(rows, schema=schema, orient="row")
    known = stands.join(_figures(people, moves, rules), on=WHO, how="left")
    above = pl.col("place").replace_strict(
        {place: rank.threshold for place, rank in enumerate(rules.ranks[1:])}, default=None, return_dtype=pl.Int64
    )
    missing = (above - pl.col("now").fill_null(0)).clip(lower_bound=0)
    return known.select(
        *WHO,
        "computed_rank",
        "computed_rank_since",
        pl.col("rose").alias("computed_rank_rose"),
        pl.col("fell").alias("computed_rank_fell"),
        missing.alias("to_next_rank"),
        pl.min_horizontal("review", "changes").alias("rank_review"),
    )


def _standing(way: Walk, as_of: date, rules: RankRules) -> tuple[int, str, date, date | None]:
    """Place, name, since when, and the next day of review that concerns this person."""
    last: Step = way.steps[-1]
    place = rules.names.index(last.rank)
    days = [way.falls, next_day(rules.demotion_dates, as_of) if place else None]
    if rules.promotion is Promotion.DATES:
        days.append(next_day(rules.promotion_dates, as_of))
    return place, last.rank, last.day, min((day for day in days if day is not None), default=None)


def _figures(people: pl.DataFrame, moves: pl.DataFrame, rules: RankRules) -> pl.DataFrame:
    """Per person ``now``, the figure of the running period, and ``changes``, the next day on which a figure changes by itself."""
    own = moves.join(people, on=WHO)
    if rules.period is Period.JOINED:
        own = own.filter(pl.col("day") >= pl.col("start"))
    ripe = pl.max_horizontal(pl.col("known"), pl.col("day") + pl.duration(days=rules.lag))
    dated = own.with_columns(ripe.alias("ripe"), _ends(pl.col("day"), rules).alias("end"))
    dated = dated.with_columns(_ends(pl.col("end"), rules).alias("over"))
    counts = (pl.col("end") > pl.col("as_of")).fill_null(value=True)
    coming = [pl.when(pl.col(name) > pl.col("as_of")).then(pl.col(name)) for name in ("ripe", "end", "over")]
    return dated.group_by(WHO).agg(
        pl.col("value").filter(counts).sum().alias("now"), pl.min_horizontal(coming).min().alias("changes")
    )


def _ends(day: pl.Expr, rules: RankRules) -> pl.Expr:
    """`RankRules.ends` of a column."""
    match rules.period:
        case Period.ROLLING:
            leap = (day.dt.month() == 2) & (day.dt.day() == 29)  # noqa: PLR2004 - the leap day
            return pl.when(leap).then(day.dt.offset_by("366d")).otherwise(day.dt.offset_by("1y"))
        case Period.CALENDAR:
            return pl.date(day.dt.year() + 1, 1, 1)
        case Period.FISCAL:
            later = (day.dt.month() >= rules.year_starts).cast(pl.Int32)
            return pl.date(day.dt.year() + later, rules.year_starts, 1)
        case Period.JOINED:
            return pl.lit(None, dtype=pl.Date)
