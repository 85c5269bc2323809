"""Sequences against their definition, row by row: ties of moments, neighbours in number and time, several columns that name a person."""

from datetime import UTC, datetime, timedelta
from typing import TypeAlias

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from segments.rules.sequences import completed, repeated

START = datetime(2025, 6, 1, tzinfo=UTC)
WITHIN = timedelta(minutes=2)
Happened: TypeAlias = tuple[int, int, int]
"""Customer, minute, number of the event."""

FEW = st.lists(
    st.tuples(st.sampled_from([1, 2, 3, 2**31 - 1]), st.integers(0, 9), st.integers(1, 2**40)),
    max_size=12,
    unique_by=lambda each: each[2],
)


def rows_of(happened: list[Happened]) -> pl.LazyFrame:
    schema = {"customer_id": pl.Int64, "minute": pl.Int64, "seq": pl.Int64}
    at = (pl.lit(START) + pl.duration(minutes=pl.col("minute"))).alias("at")
    return pl.DataFrame(happened, schema=schema, orient="row").lazy().with_columns(at, other=pl.lit(0))


def numbers(found: pl.LazyFrame) -> list[int]:
    return sorted(found.collect().get_column("seq").to_list())


def told(first: list[Happened], second: list[Happened]) -> list[int]:
    """The definition: a first of the same person lies before it, by no more than two minutes."""
    return sorted(
        seq
        for who, minute, seq in second
        if any(who == one and (then, number) < (minute, seq) and minute - then <= 2 for one, then, number in first)
    )


@given(FEW, FEW)
def test_a_second_counts_where_a_first_of_the_same_person_lies_shortly_before(
    first: list[Happened], second: list[Happened]
) -> None:
    expected = told(first, second)
    for who in (["customer_id"], ["customer_id", "other"]):
        assert numbers(completed(rows_of(first), rows_of(second), within=WITHIN, who=who)) == expected


@given(FEW)
def test_what_follows_itself_is_the_same_as_of_two_things(happened: list[Happened]) -> None:
    expected = told(happened, happened)
    for who in (["customer_id"], ["customer_id", "other"]):
        assert numbers(repeated(rows_of(happened), within=WITHIN, who=who)) == expected
        assert numbers(completed(rows_of(happened), rows_of(happened), within=WITHIN, who=who)) == expected
