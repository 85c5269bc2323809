"""Whom of a frame conditions hold of, kept from one question to the next, a bit a row.

A marketer changes one condition of eight: that one is worked out, and the others are known. What is kept belongs to one state
of the frame; whoever has another state has other masks.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from segments.rules.compile import combine, compile_rule
from segments.rules.rule import Condition, InSegment, Rule, conditions_of

ROOM = 32_000_000
"""Bytes of masks that are kept; those of the present question stay, however large they are."""


class _Kept:
    """Masks by what they answer, the least recently used first."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._held: OrderedDict[Hashable, pl.Series] = OrderedDict()
        self._working = threading.Lock()

    def of(self, rows: pl.LazyFrame, asked: Mapping[Hashable, Callable[[], pl.Expr]]) -> list[pl.Series]:
        with self._working:
            absent = [key for key in asked if key not in self._held]
            if absent:
                made = rows.select(_of_each_row(asked[key]()).alias(str(n)) for n, key in enumerate(absent)).collect()
                self._held |= dict(zip(absent, made.iter_columns(), strict=True))
            for key in asked:
                self._held.move_to_end(key)
            found = [self._held[key] for key in asked]
            self._make_room(len(asked))
            return found

    def _make_room(self, needed: int) -> None:
        over = sum(int(mask.estimated_size()) for mask in self._held.values()) - self._room
        while over > 0 and len(self._held) > needed:
            over -= int(self._held.popitem(last=False)[1].estimated_size())


@dataclass(frozen=True, slots=True)
class Masks:
    """The masks of one state of the frame.

    Attributes:
        stamps: of conditions that ask for columns beside the stored ones: which state of those they are asked of.
    """

    stamps: Mapping[Condition, Hashable] = field(default_factory=dict)
    _kept: _Kept = field(default_factory=lambda: _Kept(ROOM))

    def beside(self, stamps: Mapping[Condition, Hashable]) -> "Masks":
        """The same masks for whoever has columns of these states beside the stored ones."""
        return Masks(stamps, self._kept)

    def asked(
        self, rows: pl.LazyFrame, rules: Sequence[Rule], others: Mapping[str, pl.Expr]
    ) -> tuple[pl.DataFrame, list[pl.Expr]]:
        """A row of masks for each of ``rows``, and over them an expression for each rule that says whether it holds.

        Args:
            rows: of that state, with every column that the rules need.
            rules: resolved ones.
            others: true or false of every row; they are columns of the masks by these names, which always say the same.
        """
        columns = rows.collect_schema()
        conditions = dict.fromkeys(condition for rule in rules for condition in conditions_of(rule))
        names: dict[Condition, str] = {
            one: f"condition {place}" for place, one in enumerate(conditions) if not isinstance(one, InSegment)
        }
        keys: dict[Hashable, Callable[[], pl.Expr]] = {name: _given(what) for name, what in others.items()}
        keys |= {(one, self.stamps.get(one)): _compiled(one, columns) for one in names}
        labels = [*others, *names.values()]
        masks = [mask.alias(label) for mask, label in zip(self._kept.of(rows, keys), labels, strict=True)]
        return pl.DataFrame(masks), [combine(rule, lambda one: pl.col(names[one])) for rule in rules]


def _given(expression: pl.Expr) -> Callable[[], pl.Expr]:
    return lambda: expression


def _compiled(condition: Condition, columns: pl.Schema) -> Callable[[], pl.Expr]:
    return lambda: compile_rule(condition, columns)


def _of_each_row(expression: pl.Expr) -> pl.Expr:
    """What reads no column is one answer for all: it is given to each."""
    return expression if expression.meta.root_names() else expression & pl.col("customer_id").is_not_null()
