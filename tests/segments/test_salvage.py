"""Lists are split the same, however they are cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segments import salvage
from segments.salvage import first_elements, split_elements

ELEMENTS = [b"1", b"null", b'"a, [b"', b"[1, [2]]", b'{"a": [1, {"b": "}"}]}', b"{}", b'{"n": NaN}']


def in_pieces(text: bytes, most: int) -> list[bytes]:
    """All elements, taken a few at a time."""
    found: list[bytes] = []
    left: bytes | None = text
    while left is not None:
        taken = first_elements(left, most=most)
        assert taken is not None
        elements, left = taken
        assert sum(each.startswith(b"{") for each in elements) <= most
        found += elements
    return found


@given(elements=st.lists(st.sampled_from(ELEMENTS)), most=st.integers(1, 4))
def test_pieces_of_a_list_are_the_whole_list(elements: list[bytes], most: int) -> None:
    text = b" [" + b", ".join(elements) + b"] "
    assert in_pieces(text, most) == split_elements(text) == elements


def test_what_costs_little_is_taken_piece_by_piece_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(salvage, "PIECE", 100)
    text = b"[" + b",".join([b"1"] * 1000) + b"]"
    first = first_elements(text, most=1)
    assert first is not None
    assert len(first[0]) < 60
    assert in_pieces(text, 1) == [b"1"] * 1000


@pytest.mark.parametrize("text", [b"", b"{}", b"[", b"[1,2", b"[1]]", b"[1}", b"text", b'["]'])
def test_what_is_no_list_is_none(text: bytes) -> None:
    assert first_elements(text, most=10) is None
