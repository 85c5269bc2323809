"""The standing of everybody as it is kept: by customer number, so that ten million people are read in a fraction of a second.

It is exact as of the snapshot that reads it: whoever changed since a block was written has a row in ``standing_changes``, which the database
writes in the transaction of the change, and is read anew from the tables, as is everyone of whom the kept cannot say. See docs/decisions/0030.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from math import floor
from typing import Any

import asyncpg
import numpy as np
import numpy.typing as npt
import polars as pl

from backend.store import queries, standing
from backend.store.deliveries import consent_without_word
from backend.store.pool import Connection
from backend.store.standing import DAY, FEW, WEEK, Asked, Reader
from campaigns.crowd import Places, Ways, as_short_as, looked_up
from campaigns.terms import SendingRules, Terms

_SQL = queries.load("kept_standing")

BLOCK = 65_536
"""Customers a row."""

ANEW = 0
"""The kind of whoever is read anew."""

KINDS: dict[str, Any] = {
    "kind": pl.UInt16(),
    "gone": pl.Int8(),
    "marketing": pl.Int8(),
    "service": pl.Int8(),
    "devices": pl.Int64(),
    "language": pl.String(),
    "zone": pl.String(),
    "has_family_name": pl.Int8(),
    "has_given_name": pl.Int8(),
}
"""Different ways to stand, as `standing_kinds` has them; truth values as 0 and 1."""

Kinds = npt.NDArray[np.uint16]
Seconds = npt.NDArray[np.uint32]

_IN_DAY, _IN_WEEK, _EXCLUDED, _FLAGS = 1, 2, 4, 8


async def read_kinds(connection: Connection) -> pl.DataFrame:
    """`KINDS`, each number once."""
    rows = await connection.fetch(_SQL["read_kinds"])
    return pl.DataFrame([tuple(row) for row in rows], schema=KINDS, orient="row")


async def read(
    connection: Connection, customer_ids: pl.Series, *, asked: Asked, rules: SendingRules, terms: Terms, now: datetime
) -> Ways | None:
    """How each stands, of one snapshot; as `standing.read` would say it, but that of pushes it is only told whether a cap is reached.

    Args:
        connection: in a transaction that sees one state of the database (repeatable read).
        customer_ids: numbers that somebody has.
        asked: what else is wanted; the rest is null, and names are not there.
        rules: say what counts as consent, and the caps.
        terms: say to what, and which pushes count.
        now: the end of the windows of the caps.

    Returns:
        None where too many would have to be read anew: `standing.read` is the shorter way.
    """
    last = int(customer_ids.max() or 0)  # type: ignore[arg-type]  # a column of numbers has a number
    counts = terms.counts_from if terms.capped and (rules.cap_day or rules.cap_week) else 0
    changed = [row[0] for row in await connection.fetch(_SQL["read_changes"], counts > 0, _MOST_CHANGED + 1)]
    if len(changed) > _MOST_CHANGED:
        return None
    asked_for = (counts, rules.cap_day, rules.cap_week, now - WEEK)
    kinds = await read_kinds(connection)
    kept = _nobody(last, kinds)
    await _blocks(connection, kept, asked_for, counts=counts > 0, now=now)
    excluded = await Reader(connection, None, last).rows("read_excluded", schema=standing.ID, everybody=True)
    _set_apart(kept, last, changed=changed, excluded=excluded["customer_id"])
    numbers = customer_ids.to_numpy()
    of = await asyncio.to_thread(looked_up, kept, numbers)
    del kept
    anew = np.flatnonzero(of < _FLAGS)
    if len(anew) * FEW > len(numbers) and len(anew) > _WORTH:
        return None
    ways = Ways(await asyncio.to_thread(_table, kinds, asked, rules, terms), of)
    if len(anew):
        some = customer_ids.gather(anew)
        fresh = await standing.read(connection, some, asked=asked, rules=rules, terms=terms, now=now)
        ways = ways.otherwise(anew, fresh)
    return await asyncio.to_thread(ways.packed)


_WORTH = 2_000
"""So few people are read anew whatever their share: where everybody is few, nothing has to be kept."""


_MOST_CHANGED = 200_000
"""More changes mean that nobody has kept up with them."""


_AT_ONCE = 16
"""Blocks that are on their way while as many before them are laid: the server unpacks the next ones meanwhile."""


def _nobody(last: int, kinds: pl.DataFrame) -> Places:
    """Room for kind and flags of every number up to the last, as one number; below `_FLAGS` who is read anew."""
    return np.zeros((last // BLOCK + 1) * BLOCK, dtype=as_short_as(_height(kinds)))


def _height(kinds: pl.DataFrame) -> int:
    """Kinds, that of whom nothing is kept among them, with all their flags."""
    return (int(kinds["kind"].max() or ANEW) + 1) * _FLAGS  # type: ignore[arg-type]  # numbers


async def _blocks(
    connection: Connection, found: Places, asked_for: tuple[int, int, int, datetime], *, counts: bool, now: datetime
) -> None:
    """Put there what is kept of everybody."""
    cursor = await connection.cursor(_SQL["read_blocks"], *asked_for)
    blocks = await cursor.fetch(_AT_ONCE)
    while blocks:
        laid = asyncio.to_thread(_lay, found, blocks, counts=counts, now=now)
        blocks, _ = await asyncio.gather(cursor.fetch(_AT_ONCE), laid)


def _lay(found: Places, blocks: Sequence[asyncpg.Record], *, counts: bool, now: datetime) -> None:
    """Put blocks where their customers stand; in two arrays for all of them, since making and letting go of them costs more than the sums."""
    capped, flags = np.empty(BLOCK, dtype=np.bool_), np.empty(BLOCK, dtype=found.dtype)
    for row in blocks:
        here = found[row["block"] * BLOCK : (row["block"] + 1) * BLOCK]
        if not len(here) or (counts and not row["counted"]):
            continue
        np.multiply(np.frombuffer(row["kinds"], dtype="<u2"), _FLAGS, out=here, dtype=here.dtype)
        unsure = []
        for column, window, flag in (("day", DAY, _IN_DAY), ("week", WEEK, _IN_WEEK)):
            if row[column] is None:
                continue
            moments, begins = np.frombuffer(row[column], dtype="<u4"), np.uint32(floor((now - window).timestamp()))
            np.multiply(np.greater(moments, begins, out=capped), flags.dtype.type(flag), out=flags)
            np.add(here, flags, out=here)
            unsure.append(np.flatnonzero(np.equal(moments, begins, out=capped)))
        for places in unsure:  # it hangs on a part of a second
            here[places] = ANEW


def _set_apart(found: Places, last: int, *, changed: Sequence[int], excluded: pl.Series) -> None:
    """Mark who is on the exclusion list, and have those read anew who changed."""
    within = excluded.filter(excluded <= last).to_numpy()
    found[within] |= _EXCLUDED
    known = np.fromiter(changed, dtype=np.int64, count=len(changed))
    found[known[known <= last]] = ANEW


def _table(kinds: pl.DataFrame, asked: Asked, rules: SendingRules, terms: Terms) -> pl.DataFrame:
    """How they stand of whom each number speaks."""
    each = pl.DataFrame({"way": np.arange(_height(kinds), dtype=np.uint32)})
    each = each.select(
        (pl.col("way") // _FLAGS).cast(KINDS["kind"]).alias("kind"), (pl.col("way") % _FLAGS).alias("flags")
    )
    told = each.join(kinds, on="kind", how="left", maintain_order="left")
    return told.with_columns(pl.col("devices").fill_null(0)).select(*_standing(asked, rules, terms))


def _standing(asked: Asked, rules: SendingRules, terms: Terms) -> list[pl.Expr]:
    """The columns of `standing.read` but ``customer_id``."""
    word, silence = ("marketing" if terms.capped else "service"), consent_without_word(rules, terms)
    nothing = pl.lit(None, dtype=pl.String)

    def has(flag: int) -> pl.Expr:
        return (pl.col("flags") & flag) > 0

    return [
        (pl.col("gone") > 0).alias("gone"),
        pl.col(word).cast(pl.Boolean).fill_null(silence).alias("consented"),
        has(_EXCLUDED).alias("excluded"),
        pl.col("devices"),
        (has(_IN_DAY) * rules.cap_day).cast(pl.Int64).alias("sent_day"),
        (has(_IN_WEEK) * rules.cap_week).cast(pl.Int64).alias("sent_week"),
        (pl.col("language") if asked.language else nothing).alias("language"),
        ((pl.col("has_family_name") > 0) & asked.family_name).alias("has_family_name"),
        ((pl.col("has_given_name") > 0) & asked.given_name).alias("has_given_name"),
        (pl.col("zone") if asked.zone else nothing).alias("zone"),
    ]
