"""Who is on several lists of customers, a bit a customer: compact to keep, and compared many customers at a time.

Customer numbers are cut into blocks of `BLOCK`. A table of bits has a row for each list and each block, `WIDTH` bytes:
bit ``i`` of byte ``j`` (the lowest bit is 0) stands for the customer ``block * BLOCK + 8 * j + i``.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

BLOCK = 8192
"""Customers in a block: a row of 1 kB stays inside PostgreSQL's page, and a change of one customer rewrites no more than it."""

WIDTH = BLOCK // 8

Bytes: TypeAlias = npt.NDArray[np.uint8]
Numbers: TypeAlias = npt.NDArray[np.int64]
Truths: TypeAlias = npt.NDArray[np.bool_]

Row: TypeAlias = tuple[int, int, bytes]
"""Place of the list, number of the block, bits."""


@dataclass(frozen=True, slots=True)
class Table:
    """Bits of some lists in some blocks.

    Attributes:
        blocks: numbers of the blocks, ascending.
        bits: list × block × `WIDTH`.
    """

    blocks: Numbers
    bits: Bytes


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs between two tables of the same lists and blocks.

    Attributes:
        rows: rows that are others now, with their new bits; none at all where nobody is left.
        places: of each change the list's place.
        customers: of each change the customer.
        entered: of each change whether he entered, else he left. Changes are in the order of lists, then customers.
    """

    rows: Sequence[Row]
    places: Numbers
    customers: Numbers
    entered: Truths


def numbers(given: Iterable[int]) -> Numbers:
    """Customers or blocks as an array."""
    return np.fromiter(given, np.int64)


def blocks_of(customers: Numbers) -> Numbers:
    """The blocks that these customers are in, ascending, each once."""
    return np.unique(customers // BLOCK)


def table(rows: Sequence[Row], *, lists: int, blocks: Numbers) -> Table:
    """A table of rows that are kept; where there is none nobody is on the list."""
    bits = np.zeros((lists, len(blocks), WIDTH), np.uint8)
    if rows:
        places = np.array([row[0] for row in rows])
        columns = np.searchsorted(blocks, np.array([row[1] for row in rows]))
        bits[places, columns] = np.frombuffer(b"".join(row[2] for row in rows), np.uint8).reshape(-1, WIDTH)
    return Table(blocks, bits)


def changed(before: Table, customers: Numbers, holds: Truths) -> Table:
    """The table once these customers (each once, all in its blocks) are on the lists for which they hold, and on no others.

    Args:
        before: the table.
        customers: their numbers.
        holds: list × customer.
    """
    columns = np.searchsorted(before.blocks, customers // BLOCK)
    cells, bit = customers % BLOCK // 8, (customers % 8).astype(np.uint8)
    held = (before.bits[:, columns, cells] >> bit) & 1 == 1
    lists, who = np.nonzero(held != holds)
    after = before.bits.copy()
    # Two customers may share a byte, so each is turned on its own.
    np.bitwise_xor.at(after, (lists, columns[who], cells[who]), np.uint8(1) << bit[who])
    return Table(before.blocks, after)


def packed(customers: Numbers, holds: Iterable[Truths], *, lists: int, blocks: Numbers) -> Table:
    """A table of the lists for which customers hold.

    Args:
        customers: each once, all in ``blocks``; nobody else is on a list.
        holds: for one list after the other whether each of the customers is on it.
        lists: how many lists.
        blocks: ascending.
    """
    bits = np.zeros((lists, len(blocks), WIDTH), np.uint8)
    places = np.searchsorted(blocks, customers // BLOCK) * BLOCK + customers % BLOCK
    truths = np.zeros(len(blocks) * BLOCK, np.bool_)
    for row, held in zip(bits, holds, strict=True):
        truths[places] = held
        row[:] = np.packbits(truths, bitorder="little").reshape(len(blocks), WIDTH)
    return Table(blocks, bits)


def counts(of: Table, among: Bytes | None = None) -> Numbers:
    """How many are on each list, of all or of those whose bits (block × `WIDTH`) are set in ``among``."""
    words = of.bits.view(np.uint64) if among is None else of.bits.view(np.uint64) & among.view(np.uint64)
    found: Numbers = np.bitwise_count(words).sum(axis=(1, 2), dtype=np.int64)
    return found


def customers_in(of: Table, place: int = 0) -> Numbers:
    """The customers of a list, ascending."""
    columns, within = np.nonzero(np.unpackbits(of.bits[place], axis=1, bitorder="little"))
    found: Numbers = of.blocks[columns] * BLOCK + within
    return found


def difference(before: Table, after: Table, *, told: Truths) -> Difference:
    """What is another one in ``after``; changes of the lists only that are ``told``.

    Who is on a list for the first time is not told, and would be tens of millions of changes in memory.
    """
    turned = before.bits ^ after.bits
    lists, columns = np.nonzero(turned.view(np.uint64).any(axis=2))
    rows = [
        (int(at), int(before.blocks[column]), after.bits[at, column].tobytes())
        for at, column in zip(lists, columns, strict=True)
    ]
    lists, columns = lists[told[lists]], columns[told[lists]]
    changes, within = _set_bits(turned[lists, columns])
    places, columns = lists[changes].astype(np.int64), columns[changes]
    entered = (after.bits[places, columns, within // 8] >> (within % 8).astype(np.uint8)) & 1 == 1
    return Difference(rows, places, before.blocks[columns] * BLOCK + within, entered)


def _set_bits(rows: Bytes) -> tuple[Numbers, Numbers]:
    """Row and place of every bit that is set, in order. Few are: words without any are passed over before bits are told apart."""
    found, words = np.nonzero(rows.view(np.uint64))
    eight = rows.reshape(len(rows), WIDTH // 8, 8)[found, words]
    which, bit = np.nonzero(np.unpackbits(eight, axis=1, bitorder="little"))
    return found[which], words[which] * 64 + bit
