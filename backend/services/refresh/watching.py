"""Which behaviours and traits rows of the frame are made with, and for which of them every row has been.

A behaviour is watched when a saved segment asks for it and customer_days answers it. Rows that are made from then on hold
it; the others are made again some at a time, when nothing else is to be done, and only when the last has been is its column
shown to anyone. Until then whoever asks has it worked out of history (`backend.lake.asked`).

In the frame's marks: ``watched`` are the columns that every row has; ``filled`` says for which columns, and up to which
customer, rows were made again; ``remade`` for which columns everybody's rows are being made for another reason.
"""

import hashlib
from dataclasses import dataclass, field
from typing import TypeAlias

import msgspec
import polars as pl

from backend.lake.frame_parts import BUCKETS
from backend.store import memberships
from backend.store.pool import Connection
from backend.store.rules import live_rules
from segments.rules.behaviour import Behaviour
from segments.watched import watchable

FILLED_AT_ONCE = 5_000
"""Customers whose rows are made again in one piece: a second or two, for which what is new may have to wait."""

Marks: TypeAlias = dict[str, list[str]]


@dataclass(slots=True)
class Wanted:
    """The behaviours that saved segments ask for; rules are read again only where one of them changed."""

    _known: tuple[str, tuple[Behaviour, ...]] | None = field(default=None, init=False)

    async def read(self, connection: Connection) -> tuple[Behaviour, ...]:
        """What is wanted now."""
        mark = await memberships.rules_mark(connection)
        if self._known is None or self._known[0] != mark:
            self._known = (mark, watchable(await live_rules(connection)))
        return self._known[1]


def is_whole(marks: Marks, wanted: list[str]) -> bool:
    """Whether every row has what is wanted."""
    return {*wanted} <= {*marks.get("watched", ())}


def marks_of_rows(before: Marks, columns: list[str]) -> Marks:
    """The marks beside rows that are made with ``columns``: of others nothing may be said any more."""
    filled = before.get("filled", [])
    return {
        "watched": sorted({*before.get("watched", ())} & {*columns}),
        "filled": filled if filled[:1] == [_digest(columns)] else [],
    }


def marks_of_everybody(before: Marks, columns: list[str], *, begun: bool, done: bool) -> Marks:
    """The marks while everybody's rows are made anew: once all are, every row has what they were made with.

    Args:
        before: the marks that stand.
        columns: what rows are made with.
        begun: everybody was put in the queue by this run.
        done: the queue is empty.
    """
    remade = begun or before.get("remade") == [_digest(columns)]
    if remade and done:
        return {"watched": columns, "remade": []}
    return {"remade": [_digest(columns)] if remade else []}


def next_to_fill(frame: pl.LazyFrame, marks: Marks, columns: list[str]) -> list[int]:
    """The customers whose rows are to be made again next, base file by base file."""
    found = marks.get("filled", [])
    after = (int(found[1]), int(found[2])) if found[:1] == [_digest(columns)] else (-1, 0)
    number, bucket = pl.col("customer_id"), pl.col("customer_id") % BUCKETS
    behind = (bucket > after[0]) | ((bucket == after[0]) & (number > after[1]))
    rest = frame.select("customer_id").filter(behind).bottom_k(FILLED_AT_ONCE, by=[bucket, number])
    return rest.collect().get_column("customer_id").to_list()


def marks_of_piece(before: Marks, columns: list[str], filled: list[int]) -> Marks:
    """The marks after a piece of `next_to_fill`."""
    if len(filled) < FILLED_AT_ONCE:
        return {"watched": columns, "filled": []}
    bucket, number = max((number % BUCKETS, number) for number in filled)
    return {**marks_of_rows(before, columns), "filled": [_digest(columns), str(bucket), str(number)]}


def _digest(columns: list[str]) -> str:
    return hashlib.blake2b(msgspec.json.encode(columns), digest_size=8).hexdigest()
