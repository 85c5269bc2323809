"""Every reduction of history, once: what is asked of an engine and of Polars, row by row."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from types import ModuleType

import narwhals as nw
import polars as pl

import segments.reduce
from backend.lake.engine import PolarsEngine, Session
from backend.lake.schemas import HISTORY
from backend.lake.tables import Lake
from segments.rank_rules import Criterion
from segments.reduce import (
    activity,
    bitmaps,
    coupons,
    days,
    lists,
    membership,
    order_lists,
    orders,
    rank_moves,
    rank_turns,
    select,
    trust,
)
from segments.reduce.days import Frame
from segments.reduce.parts import PARTS
from tests.segments.history import DAY_ZERO, EVERYTHING, Happening, frames

WHO = ("customer_id", "as_of")
CUSTOMERS = 12
NAMES = sorted({str(name) for name in EVERYTHING})
MERGES = pl.DataFrame({"customer_id": [1, 2, 99], "survivor": [3, 3, 4]})
COUPONS = pl.DataFrame(
    {
        "coupon_id": ["spring", "late", "never"],
        "audience": ["public", "issued", "public"],
        "valid_until": [DAY_ZERO + timedelta(days=5), None, DAY_ZERO],
    }
)

NUMBERED = bitmaps.numbered_days(DAY_ZERO, DAY_ZERO + timedelta(days=20), week_starts=7)


@dataclass(frozen=True, slots=True)
class Facts:
    """What reductions read, on one engine."""

    session: Session
    events: Frame
    order_lines: Frame
    days: Frame

    @property
    def as_of(self) -> Frame:
        """Facts of every customer as of several days."""
        asked = [(who, DAY_ZERO + timedelta(days=day)) for who in range(1, CUSTOMERS) for day in (-1, 7, 20)]
        schema = {"customer_id": pl.Int64, "as_of": pl.Date}
        known = self.days.join(self.put(pl.DataFrame(asked, schema=schema, orient="row")), on="customer_id")
        return trust.only_verified(
            known.filter(nw.col("business_day") <= nw.col("as_of")), verified=["Order Completed"]
        )

    @property
    def definitions(self) -> Frame:
        """Coupon definitions."""
        return self.put(COUPONS)

    def put(self, frame: pl.DataFrame) -> Frame:
        """A frame of the test's on this engine."""
        return self.session.put(frame)


REDUCTIONS: dict[str, Callable[[Facts], Frame]] = {
    "days.customer_days": lambda has: days.customer_days(has.events, has.order_lines),
    "days.aggregate_days": lambda has: days.aggregate_days(has.days),
    "days.merge_customers": lambda has: days.merge_customers(has.days, has.put(MERGES)),
    "orders.list_orders": lambda has: orders.list_orders(has.days),
    "orders.summarise_orders": lambda has: orders.summarise_orders(has.days),
    "orders.favorite_categories": lambda has: orders.favorite_categories(has.days),
    "activity.summarise_presence": lambda has: activity.summarise_presence(has.days),
    "activity.since_when": lambda has: activity.since_when(has.days),
    "activity.summarise_launches": lambda has: activity.summarise_launches(has.days),
    "activity.summarise_visits": lambda has: activity.summarise_visits(has.days),
    "activity.last_stores": lambda has: activity.last_stores(has.days),
    "coupons.issued_pairs": lambda has: coupons.issued_pairs(has.days, definitions=None),
    "coupons.issued_pairs public": lambda has: coupons.issued_pairs(has.days, definitions=has.definitions),
    "coupons.own_ends": lambda has: coupons.own_ends(has.days),
    "coupons.with_ends": lambda has: _ends(has, None),
    "coupons.with_ends defined": lambda has: _ends(has, has.definitions),
    "coupons.summarise_coupons": lambda has: coupons.summarise_coupons(has.days, definitions=None),
    "coupons.summarise_coupons defined": lambda has: coupons.summarise_coupons(has.days, definitions=has.definitions),
    "membership.summarise_membership": lambda has: membership.summarise_membership(has.days),
    "membership.summarise_rank": lambda has: membership.summarise_rank(has.days),
    "membership.summarise_points": lambda has: membership.summarise_points(has.days),
    "trust.verified_events": lambda has: trust.verified_events(has.days),
    "trust.only_verified": lambda has: trust.only_verified(has.days),
    "trust.only_verified told": lambda has: trust.only_verified(has.days, verified=["Points Earned", "Points Spent"]),
    "select.once": lambda has: select.once(has.days),
    "select.keep_largest": lambda has: select.keep_largest(has.days, "last_at", who=["customer_id", "event"]),
    "lists.occurrences": lambda has: lists.occurrences(has.as_of, NAMES, who=WHO),
    "lists.newest_only": lambda has: lists.newest_only(lists.occurrences(has.as_of, NAMES, who=WHO), who=WHO),
    "order_lists.order_rows": lambda has: order_lists.order_rows(has.days, who=["customer_id"]),
    "bitmaps.activity_words": lambda has: bitmaps.activity_words(has.as_of, has.put(NUMBERED), who=WHO),
    **{f"rank_moves.rank_moves {one}": lambda has, one=one: rank_moves.rank_moves(has.days, one) for one in Criterion},
    "rank_turns.rank_changes": lambda has: rank_turns.rank_changes(has.as_of),
}
"""By ``module.function``, and a word where a function is asked more than once."""

DATED: dict[str, Callable[[Facts], Frame]] = {
    **{f"part {one.columns[0]}": lambda has, one=one: one.make(has.as_of, has.definitions) for one in PARTS},
}
"""The parts of the customer frame, of every customer as of several days."""


def declared() -> set[str]:
    """Every public function of `segments.reduce` that gives a frame of any engine."""
    folder = Path(str(segments.reduce.__path__[0]))
    modules = [import_module(f"segments.reduce.{path.stem}") for path in folder.glob("[a-z]*.py")]
    return {f"{_stem(module)}.{name}" for module in modules for name in _frames_of(module)}


def on_lake(session: Session, lake: Lake) -> Facts:
    """The facts of a lake's tables."""
    return Facts(session, *(session.table(lake, table) for table in HISTORY))


def written(history: Iterable[Happening], folder: Path) -> Lake:
    """A lake that holds a history, appended in pieces as the refresh does."""
    rows, lake = list(history), Lake(folder)
    half = len(rows) // 2
    for version, piece in enumerate((rows[:half], rows[half:]), start=1):
        events, order_lines = frames(piece)
        made = days.customer_days(nw.from_native(events), nw.from_native(order_lines)).to_native().collect()
        for table, frame in zip(HISTORY, (events.collect(), order_lines.collect(), made), strict=True):
            lake.append(table, frame, app_id="test", version=version)
    return lake


def different(
    session: Session, lake: Lake, reductions: Mapping[str, Callable[[Facts], Frame]] = REDUCTIONS
) -> dict[str, str]:
    """Reductions whose answer there is not Polars's: the rows that only one of them gives."""
    found: dict[str, str] = {}
    with PolarsEngine().session() as here:
        ours, theirs = on_lake(here, lake), on_lake(session, lake)
        for name, reduce in reductions.items():
            want, got = here.collect(reduce(ours)), session.collect(reduce(theirs))
            found |= {name: told} if (told := difference(want, got)) else {}
    return found


def difference(want: pl.DataFrame, got: pl.DataFrame) -> str:
    """Empty where two frames hold the same rows in the same columns, in whatever order."""
    if want.schema != got.schema:
        return f"columns {got.schema} for {want.schema}"
    wanted, given = sorted(map(repr, want.rows())), sorted(map(repr, got.rows()))
    if wanted == given:
        return ""
    return f"only there {[row for row in given if row not in wanted][:3]}, only here {[row for row in wanted if row not in given][:3]}"


def _ends(has: Facts, definitions: Frame | None) -> Frame:
    pairs = coupons.issued_pairs(has.days, definitions=definitions)
    return coupons.with_ends(pairs, has.days, definitions=definitions)


def _frames_of(module: ModuleType) -> list[str]:
    functions = inspect.getmembers(module, inspect.isfunction)
    return [
        name
        for name, function in functions
        if function.__module__ == module.__name__
        and not name.startswith("_")
        and inspect.signature(function).return_annotation == Frame
    ]


def _stem(module: ModuleType) -> str:
    return module.__name__.rpartition(".")[2]
