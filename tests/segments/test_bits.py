"""Bits of lists against sets of numbers, on random lists and random changes."""

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from segments import bits

NUMBERS = st.sets(
    st.one_of(st.integers(1, 40), st.integers(bits.BLOCK - 8, bits.BLOCK + 8), st.integers(1, 10**7)), max_size=30
)
LISTS = st.lists(NUMBERS, min_size=1, max_size=4)


def array(numbers: set[int]) -> bits.Numbers:
    return np.array(sorted(numbers), np.int64)


def packed(lists: Sequence[set[int]], *more: set[int]) -> bits.Table:
    everyone = array(set().union(*lists, *more))
    holds = (np.isin(everyone, array(each)) for each in lists)
    return bits.packed(everyone, holds, lists=len(lists), blocks=bits.blocks_of(everyone))


def sets(table: bits.Table) -> list[set[int]]:
    return [set(bits.customers_in(table, place).tolist()) for place in range(len(table.bits))]


@given(LISTS)
def test_a_list_is_found_again_in_its_bits_and_in_its_rows(lists: list[set[int]]) -> None:
    table = packed(lists)
    assert sets(table) == lists
    assert bits.counts(table).tolist() == [len(each) for each in lists]
    nobody = bits.table([], lists=len(lists), blocks=table.blocks)
    everything = np.ones(len(lists), np.bool_)
    rows = bits.difference(nobody, table, told=everything).rows
    silent = bits.difference(nobody, table, told=~everything)
    assert (silent.rows, len(silent.customers)) == (rows, 0)
    assert sets(bits.table(rows, lists=len(lists), blocks=table.blocks)) == lists
    assert all(any(row) for _, _, row in rows), "blocks without anybody are no rows"


@given(LISTS, NUMBERS)
def test_some_are_counted_among_others(lists: list[set[int]], among: set[int]) -> None:
    table = packed(lists, among)
    others = packed([among], *lists)
    assert bits.counts(table, others.bits[0]).tolist() == [len(each & among) for each in lists]


@given(LISTS, NUMBERS.filter(bool), st.data())
def test_touched_customers_enter_and_leave_and_nobody_else(
    lists: list[set[int]], touched: set[int], data: st.DataObject
) -> None:
    holds = [data.draw(st.sets(st.sampled_from(sorted(touched)))) for _ in lists]
    customers = array(touched)
    before = packed(lists, touched)
    truths = np.array([np.isin(customers, array(each)) for each in holds])
    after = bits.changed(before, customers, truths)
    expected = [(old - touched) | new for old, new in zip(lists, holds, strict=True)]
    assert sets(after) == expected
    found = bits.difference(before, after, told=np.ones(len(lists), np.bool_))
    changes = list(zip(found.places.tolist(), found.customers.tolist(), found.entered.tolist(), strict=True))
    assert changes == [
        (place, who, who in expected[place]) for place, old in enumerate(lists) for who in sorted(old ^ expected[place])
    ]
