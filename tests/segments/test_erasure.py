"""Ids of persons in bytes: as the intake reads them, also where they came as numbers or nothing else can be read."""

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segments.context import mend_ids
from segments.erasure import ids_in, ids_in_bytes, stated_as_numbers, without_gone
from segments.failures import EventFailure


@given(
    value=st.one_of(
        st.integers(-(2**63), 2**64 - 1),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=20),
        st.booleans(),
    )
)
def test_an_id_is_the_text_that_the_intake_makes_of_it(value: object) -> None:
    event = {"userId": value}
    try:
        mend_ids(event)
    except EventFailure:
        return
    assert set(ids_in({"userId": value})) >= {event["userId"]} - {None}
    assert ids_in_bytes(msgspec.json.encode({"batch": [{"userId": value}]})) >= {event["userId"]} - {None}


@pytest.mark.parametrize(
    ("raw", "ids"),
    [
        (b'{"userId": 7731, "event": NaN}', {"7731"}),
        (b'{"userId": "m-1", "anonymousId": "p-', {"m-1"}),
        (b'[{"previousId" : "m \\"1\\"", 7', {'m "1"'}),
        (b'{"total": 7731, \xff', set()),
        (b'{"userId": true, x', set()),
    ],
)
def test_what_cannot_be_read_names_whom_it_states(raw: bytes, ids: set[str]) -> None:
    assert ids_in_bytes(raw) == ids


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (b'{"userId":7731}', True),
        (b'{"anonymousId" :\n7731.0, "x": 1}', True),
        (b'{"userId":7731', True),
        (b'{"userId":77310}', False),
        (b'{"userId":7731.5}', False),
        (b'{"userId":37731}', False),
        (b'{"userId":7731e3}', False),
        (b'{"total":7731}', False),
    ],
)
def test_a_number_is_an_id_only_where_ids_are_stated(raw: bytes, found: bool) -> None:
    pattern = stated_as_numbers(["m-1", "7731", "0042"])
    assert pattern is not None
    assert bool(re.search(pattern.encode(), raw)) is found
    assert stated_as_numbers(["m-1", "0042"]) is None


def test_of_many_calls_those_of_others_stay() -> None:
    def is_gone(raw: bytes) -> bool:
        return "7" in ids_in_bytes(raw)

    calls = b'[{"userId":7}, {"userId":8}, {"userId":9}]'
    assert without_gone(calls, is_gone=is_gone) == b'[{"userId":8},{"userId":9}]'
    assert without_gone(b'[{"userId":8}]', is_gone=is_gone) == b'[{"userId":8}]'
    assert without_gone(b'[{"userId":7}]', is_gone=is_gone) is None
    assert without_gone(b'{"userId":7}', is_gone=is_gone) is None
    assert without_gone(b'{"userId":8}', is_gone=is_gone) == b'{"userId":8}'
