"""The quick way of reading an event agrees with the long way about every event that it does not leave to it."""

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segments.envelope import Event
from segments.intake import Reception, _read_any, _read_plain

NOW = datetime(2026, 4, 1, 3, tzinfo=UTC)
RECEPTION = Reception(source_id=7, trusted=False, received_at=NOW, sent_at=NOW - timedelta(seconds=90))

SCALAR = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.sampled_from(["", " ", "u1"])
)
JSON = st.recursive(
    SCALAR,
    lambda each: st.lists(each, max_size=2) | st.dictionaries(st.text(max_size=3), each, max_size=2),
    max_leaves=4,
)
TIMES = (
    st.sampled_from(["2026-04-01T02:00:00Z", "2026-04-01T11:00:00.5+09:00", "", "1999-01-01", "2031-01-01", "soon"])
    | SCALAR
)
IDS = st.sampled_from(["u1", "あ", " ", "", "x" * 255, "x" * 256, "nul \x00"]) | SCALAR
CONTEXTS = st.fixed_dictionaries(
    {},
    optional={
        "device": JSON | st.fixed_dictionaries({}, optional={"id": IDS, "token": IDS, "type": JSON, "own": JSON}),
        "library": JSON | st.fixed_dictionaries({"name": st.sampled_from(["analytics-swift", "x"]) | SCALAR}),
        "os": JSON,
        "locale": JSON,
        "userToken": SCALAR,
        "own": JSON,
    },
)
EVENTS = st.fixed_dictionaries(
    {"messageId": st.sampled_from(["m1", "x" * 100, "x" * 101]) | SCALAR},
    optional={
        "type": st.sampled_from(["track", "identify", "screen", "page", "group", "alias"]) | SCALAR,
        "event": st.sampled_from(["Own", "Order Completed", "Points Earned", "Coupon Viewed", "x" * 201]) | SCALAR,
        "name": st.sampled_from(["Home", "x" * 201]) | SCALAR,
        "userId": IDS,
        "anonymousId": IDS,
        "previousId": IDS,
        "timestamp": TIMES,
        "originalTimestamp": TIMES,
        "sentAt": TIMES,
        "properties": JSON
        | st.fixed_dictionaries(
            {},
            optional={
                "order_id": IDS,
                "total": SCALAR,
                "points": SCALAR,
                "coupon_id": IDS,
                "products": JSON,
                "own": JSON,
            },
        ),
        "traits": JSON,
        "context": CONTEXTS | JSON,
        "writeKey": SCALAR,
        "own": JSON,
    },
)
PLAIN: dict[str, Any] = {
    "type": "track",
    "event": "Coupon Viewed",
    "messageId": "m1",
    "userId": "u1",
    "timestamp": "2026-04-01T02:00:00Z",
    "properties": {"coupon_id": "c1", "own": [1, {"a": None}]},
    "context": {"device": {"id": "d1", "token": "t"}, "os": {"name": "iOS"}, "library": {"name": "analytics-swift"}},
}


@settings(max_examples=400, deadline=None)
@given(event=EVENTS, call=st.sampled_from([None, None, "track", "screen", "alias"]), ascii_only=st.booleans())
def test_both_ways_read_the_same_event(event: dict[str, Any], call: str | None, ascii_only: bool) -> None:
    raw = json.dumps(event, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    reception = dataclasses.replace(RECEPTION, call=call)
    quick = _read_plain(raw, reception)
    assert quick is None or quick == _read_any(raw, reception)


@settings(max_examples=200, deadline=None)
@given(key=st.sampled_from([*PLAIN, "own"]), value=JSON)
def test_both_ways_read_the_same_of_a_plain_event_with_one_thing_changed(key: str, value: Any) -> None:
    raw = json.dumps({**PLAIN, key: value}, ensure_ascii=False).encode("utf-8", "surrogatepass")
    quick = _read_plain(raw, RECEPTION)
    assert quick is None or quick == _read_any(raw, RECEPTION)


def test_a_plain_event_takes_the_quick_way() -> None:
    for changes in ({}, {"type": "identify", "traits": {"rank": "gold"}}, {"type": "screen", "name": "Home"}):
        assert isinstance(_read_plain(msgspec.json.encode({**PLAIN, **changes}), RECEPTION), Event)


@pytest.mark.parametrize(
    "hidden",
    ['"\\ud800"', "1e999", "9" * 400, "NaN", '"\udcff"', '"line\nbreak"', "[" * 65 + "]" * 65, '"\\u0000"', '{"a":1,}'],
)
def test_nothing_that_cannot_be_read_later_hides_in_a_plain_event(hidden: str) -> None:
    for place in ("properties", "context", "traits"):
        part = '{"os": %s}' if place == "context" else "%s"
        text = (
            '{"type":"identify","messageId":"m1","userId":"u1","'
            + place
            + '":'
            + part % ('{"own":' + hidden + "}")
            + "}"
        )
        raw = text.encode("utf-8", "surrogateescape")
        assert _read_plain(raw, RECEPTION) in (None, _read_any(raw, RECEPTION))
