"""Member numbers from files: every line is a number, a repeated one or told as bad."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segments.id_lists import BadLine, given_ids, read_ids


@pytest.mark.parametrize(
    ("content", "ids"),
    [
        (b"M-1\nM-2\n", ("M-1", "M-2")),
        (b"\xef\xbb\xbfM-1\r\n\r\n  M-2  \r\n", ("M-1", "M-2")),
        (b"user_id,name\nM-1,a\nM-2,b\n", ("M-1", "M-2")),
        (b"name,User_ID\na,M-1\n", ("M-1",)),
        ("氏名,会員番号\n佐藤,A1\n".encode("cp932"), ("A1",)),
        (b'"M,1",x\n', ("M,1",)),
        (b"", ()),
    ],
)
def test_files_of_many_kinds(content: bytes, ids: tuple[str, ...]) -> None:
    assert read_ids(content).ids == ids


def test_what_cannot_be_a_number_is_told_with_its_line() -> None:
    found = read_ids(b"name,user_id\na,M-1\nb\nc,%s\nd,M-1\n" % (b"x" * 300))
    assert (found.ids, found.repeated) == (("M-1",), 1)
    assert found.bad == (BadLine(3, "unreadable"), BadLine(4, "too_long"))
    assert found.read == 4
    with pytest.raises(UnicodeDecodeError):
        read_ids(b"\xff\xff\x81")
    with pytest.raises(ValueError, match="unexpected end"):
        read_ids(b'"M-1')


@given(st.lists(st.text(max_size=3)))
def test_no_line_is_lost(cells: list[str]) -> None:
    found = given_ids(enumerate(cells, start=1))
    assert found.read == len(cells)
    assert len(set(found.ids)) == len(found.ids)
    assert set(found.ids) == {cell.strip() for cell in cells if cell.strip() and "\x00" not in cell.strip()}
