"""The pure parts of the door: inflating and splitting."""

import contextlib
import gzip
import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.api.inflate import TooLarge, inflate, legible
from backend.errors import BadInput
from segments.salvage import split_elements, split_members

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@unhurried
@given(st.lists(JSON, max_size=5))
def test_elements_are_found_whatever_they_hold(values: list[Any]) -> None:
    pieces = split_elements(json.dumps(values, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    assert pieces is not None
    expected = [json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass") for value in values]
    assert pieces == expected


@unhurried
@given(st.dictionaries(st.from_regex(r"[a-zA-Z]{1,8}", fullmatch=True), JSON, max_size=5))
def test_members_are_found_whatever_they_hold(values: dict[str, Any]) -> None:
    members = split_members(json.dumps(values, indent=1).encode())
    assert members is not None
    assert {name: json.dumps(json.loads(raw)) for name, raw in members.items()} == {
        name: json.dumps(value) for name, value in values.items()
    }


@unhurried
@given(st.binary(max_size=80))
def test_bytes_that_are_no_list_are_none(text: bytes) -> None:
    pieces = split_elements(text)
    assert pieces is None or text.strip().startswith(b"[")


@pytest.mark.parametrize("text", [b"", b"[", b"]", b"[1] 2", b"[1]]", b"[{]}", b'["]', b"{}", b"[1,2"])
def test_brackets_that_do_not_close_are_no_list(text: bytes) -> None:
    assert split_elements(text) is None


def test_a_body_of_exactly_the_limit_passes_and_one_byte_more_does_not() -> None:
    for body in (b"x" * 100, gzip.compress(b"x" * 100)):
        assert inflate(body, encoding="", limit=100) == b"x" * 100
        with pytest.raises(TooLarge):
            inflate(body, encoding="", limit=99)


def test_members_of_a_gzip_stream_are_joined() -> None:
    assert inflate(gzip.compress(b"a") + gzip.compress(b"b"), encoding="gzip", limit=100) == b"ab"


@unhurried
@given(st.binary(max_size=60))
def test_any_gzip_is_read_or_refused(tail: bytes) -> None:
    with contextlib.suppress(BadInput):
        assert len(inflate(b"\x1f\x8b" + tail, encoding="", limit=1000)) <= 1000


@pytest.mark.parametrize("layers", [1, 2])
def test_a_bomb_of_200_megabytes_costs_hardly_more_than_what_is_allowed(layers: int) -> None:
    bomb = gzip.compress(b" " * 200_000_000, 1)
    for _ in range(layers - 1):
        bomb = gzip.compress(bomb)
    limit = 1024 * 1024
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            inflate(bomb, encoding="gzip", limit=limit)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak <= (layers + 1) * limit


def test_what_can_be_read_of_a_broken_gzip_is_kept_legible() -> None:
    whole = "".join(f'{{"userId": "M-{number}"}}' for number in range(20_000)).encode()
    packed = gzip.compress(whole)
    assert legible(packed[: len(packed) // 2], 10_000_000).startswith(b'{"userId": "M-0"}')
    assert legible(packed[:-9] + b"rubbish", 10_000_000)[:400_000] == whole[:400_000]
    assert legible(packed, 1000) == whole[:1000]
    assert legible(b"\x1f\x8brubbish", 1000) == b"\x1f\x8brubbish"
    assert legible(whole, 1000) == whole
