"""No text runs as a formula, and none is changed by being written and read again."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segments.cells import PROTECTED, STARTS, TO_PROTECT, protect, unprotect

DANGEROUS = st.text(st.sampled_from("'=+-@\t\r\n\0＝＋－＠−a1\"あ"), max_size=6)


@pytest.mark.parametrize("start", STARTS)
def test_what_a_formula_begins_with_gets_a_quote(start: str) -> None:
    assert protect(f"{start}1+1") == f"'{start}1+1"
    assert protect(f"'{start}1") == f"''{start}1"


@pytest.mark.parametrize("text", ["", "会員", "1-1", "'tis", "a=1", " =1", "''"])
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert protect(text) == unprotect(text) == text


@given(DANGEROUS | st.text(max_size=8))
def test_reading_is_the_inverse_of_writing(text: str) -> None:
    written = protect(text)
    assert unprotect(written) == text
    assert not written.startswith(tuple(STARTS))


@given(st.lists(DANGEROUS, min_size=1, max_size=20))
def test_a_whole_column_is_written_by_the_same_rule(texts: list[str]) -> None:
    column = pl.Series(texts, dtype=pl.String)
    assert column.str.contains(TO_PROTECT).to_list() == [protect(text) != text for text in texts]


@given(st.lists(DANGEROUS, min_size=1, max_size=20))
def test_a_whole_column_is_read_by_the_same_rule(texts: list[str]) -> None:
    written = pl.Series([protect(text) for text in texts], dtype=pl.String)
    assert written.str.replace(PROTECTED, "$1").to_list() == texts
