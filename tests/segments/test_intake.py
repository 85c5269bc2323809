"""One event of the protocol: what is stored, what is mended, what fails and why."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segments.envelope import Event, FailedEvent
from segments.failures import FAILURES
from segments.intake import Reception, read_event

NOW = datetime(2026, 4, 1, 3, tzinfo=UTC)
RECEPTION = Reception(source_id=7, trusted=False, received_at=NOW)


def track(**changes: Any) -> dict[str, Any]:
    whole = {"type": "track", "event": "Store Visited", "userId": "u1", "messageId": "m1", **changes}
    return {key: value for key, value in whole.items() if value is not ...}


def read(event: object, reception: Reception = RECEPTION) -> Event | FailedEvent:
    return read_event(msgspec.json.encode(event), reception)


def stored(event: object, reception: Reception = RECEPTION) -> Event:
    result = read(event, reception)
    assert isinstance(result, Event), result
    return result


def payload_of(event: Event) -> Any:
    return msgspec.json.decode(event.payload)


def test_a_good_event_keeps_its_bytes() -> None:
    raw = b'{"type": "track", "event":"Own Event", "anonymousId":"a1", "messageId":"m1", "more":[1,{"x":null}]}'
    event = read_event(raw, RECEPTION)
    assert isinstance(event, Event)
    assert (bytes(event.payload), event.event, event.anonymous_id, event.user_id) == (raw, "Own Event", "a1", None)
    assert (event.source_id, event.trusted, event.type, event.name) == (7, False, "track", "Own Event")


@pytest.mark.parametrize(
    ("code", "event"),
    [
        ("not_an_object", []),
        ("missing_type", track(type=...)),
        ("unknown_type", track(type="trace")),
        ("unknown_type", track(type=["track"])),
        ("missing_id", track(userId=...)),
        ("missing_id", track(userId="", anonymousId=None)),
        ("missing_id", track(type="alias")),
        ("bad_id", track(userId={"id": 1})),
        ("bad_id", track(userId=True)),
        ("bad_id", track(anonymousId="x" * 256)),
        ("missing_event", track(event=...)),
        ("missing_event", track(event="")),
        ("bad_event", track(event=5)),
        ("bad_event", track(event="x" * 201)),
        ("bad_event", {"type": "screen", "userId": "u", "name": {}}),
        ("bad_message_id", track(messageId="x" * 101)),
        ("bad_message_id", track(messageId=[1])),
        ("bad_timestamp", track(timestamp="yesterday")),
        ("bad_timestamp", track(timestamp=1775012400)),
        ("bad_timestamp", track(timestamp="0001-01-01T00:00:00+09:00")),
        ("bad_timestamp", track(timestamp="1970-01-01T00:00:00Z")),
        ("bad_context", track(context="phone")),
        ("bad_context", track(context={"device": "phone"})),
        ("bad_context", track(context={"device": {"token": 5}})),
        ("bad_context", track(context={"device": {"token": "x" * 2001}})),
        ("bad_properties", track(properties=[1])),
        ("bad_properties", {"type": "identify", "userId": "u", "traits": "x"}),
        ("missing_property", track(event="Coupon Redeemed", properties={"store_id": "s"})),
        ("missing_property", track(event="Order Completed", properties={"order_id": "o", "total": None})),
        ("bad_property", track(event="Order Completed", properties={"order_id": "o", "total": "1280"})),
        ("bad_property", track(event="Order Completed", properties={"order_id": "o", "total": 1, "products": [5]})),
        (
            "bad_property",
            track(event="Order Completed", properties={"order_id": "o", "total": 1, "products": [{"quantity": "x"}]}),
        ),
        ("bad_property", track(event="Points Earned", properties={"points": 1.5})),
        ("bad_property", track(event="Points Earned", properties={"points": True})),
        ("bad_property", track(event="Survey Answered", properties={"score": 2**40})),
        ("bad_property", track(event="Consent Changed", properties={"granted": "yes"})),
        ("bad_property", track(event="Coupon Viewed", properties={"coupon_id": "x" * 256})),
        ("bad_property", track(event="Coupon Issued", properties={"coupon_id": "c", "valid_until": "soon"})),
        ("too_large", track(properties={"text": "x" * 32 * 1024})),
        ("bad_text", track(properties={"deep": [{"a": "x\x00y"}]})),
        ("bad_text", track(properties={"k\x00": 1})),
    ],
)
def test_a_bad_event_fails_with_its_reason_and_keeps_its_bytes(code: str, event: object) -> None:
    failed = read(event)
    assert isinstance(failed, FailedEvent), failed
    assert (failed.code, failed.raw) == (code, msgspec.json.encode(event))
    assert failed.reason
    assert code in FAILURES


@pytest.mark.parametrize(
    ("code", "raw"),
    [
        ("unreadable", b'{"type": NaN}'),
        ("unreadable", b'{"type":"track","event":"\\ud800 lone","userId":"u"}'),
        ("unreadable", b'{"type":"track","event":"\xff\xfe","userId":"u"}'),
        ("unreadable", b'{"type":"track","x":1e400}'),
        ("unreadable", b'{"type":"track","x":' + b"9" * 5000 + b"}"),
        ("unreadable", b""),
        ("too_deep", b'{"type":"track","x":' + b"[" * 5000 + b"]" * 5000 + b"}"),
        ("too_deep", b'{"type":"track","x":' + b"[" * 80 + b"]" * 80 + b"}"),
    ],
)
def test_what_is_no_json_fails_alone(code: str, raw: bytes) -> None:
    failed = read_event(raw, RECEPTION)
    assert isinstance(failed, FailedEvent)
    assert (failed.code, failed.raw) == (code, raw)


def test_a_tap_may_hand_on_the_texts_of_the_push() -> None:
    tapped = stored(track(event="Push Notification Tapped", properties={"campaign_id": "7", "delivery_id": "0012"}))
    assert payload_of(tapped)["properties"] == {"campaign_id": 7, "delivery_id": 12}


@pytest.mark.parametrize("named", ["", "7.0", "-7", "7 ", "七", "٧", str(2**53), "9" * 5000])
def test_a_text_that_is_no_number_of_a_delivery_fails(named: str) -> None:
    failed = read(track(event="Push Notification Tapped", properties={"delivery_id": named}))
    assert isinstance(failed, FailedEvent)
    assert failed.code == "bad_property"


def test_many_flat_objects_are_not_deep() -> None:
    lines = [{"product_id": str(n)} for n in range(200)]
    assert stored(track(event="Order Completed", properties={"order_id": "o", "total": 5, "products": lines}))


def test_null_is_absent() -> None:
    event = stored(track(anonymousId=None, context=None, properties=None, timestamp=None, traits=None))
    assert (event.anonymous_id, event.time_rule) == (None, "received")


def test_numbers_as_ids_become_texts_in_columns_and_payload() -> None:
    event = stored(track(userId=42, anonymousId=7.0, context={"device": {"id": 5}}))
    assert (event.user_id, event.anonymous_id) == ("42", "7")
    payload = payload_of(event)
    assert (payload["userId"], payload["context"]["device"]["id"]) == ("42", "5")


def test_properties_are_mended_where_the_meaning_is_certain() -> None:
    event = stored(
        track(
            event="Order Completed",
            properties={"order_id": 10, "total": 1280, "products": [{"product_id": 3, "quantity": 2.0}], "own": 1.5},
        )
    )
    assert payload_of(event)["properties"] == {
        "order_id": "10",
        "total": 1280,
        "products": [{"product_id": "3", "quantity": 2}],
        "own": 1.5,
    }


def test_keys_and_customer_tokens_are_not_stored() -> None:
    secret = {"writeKey": "k-secret", "context": {"userToken": "t-secret", "device": {"token": "push"}}}
    good, bad = read(track(**secret)), read(track(userId=..., **secret))
    assert isinstance(good, Event)
    assert isinstance(bad, FailedEvent)
    for kept in (bytes(good.payload), bad.raw):
        assert b"secret" not in kept
        assert b"push" in kept


def test_the_batch_context_fills_in_and_the_events_own_goes_first() -> None:
    reception = Reception(
        source_id=7,
        trusted=False,
        received_at=NOW,
        context={"locale": "ja-JP", "os": {"name": "iOS"}},
        integrations={"All": True},
    )
    payload = payload_of(stored(track(context={"locale": "en-GB"}), reception))
    assert payload["context"] == {"locale": "en-GB", "os": {"name": "iOS"}}
    assert payload["integrations"] == {"All": True}


def test_a_derived_message_id_knows_a_retry_and_nothing_else() -> None:
    first = stored(track(messageId=..., sentAt="2026-04-01T03:00:00Z"))
    retry = stored(track(messageId=..., sentAt="2026-04-01T03:05:00Z"))
    other = stored(track(messageId=..., properties={"store_id": "s2"}))
    assert first.event_id == retry.event_id != other.event_id


def test_a_retry_of_a_bad_event_has_the_same_id() -> None:
    first, retry, other = read(track(type="x")), read(track(type="y")), read(track(type="x", messageId="m2"))
    assert first.event_id == retry.event_id != other.event_id
    assert first.event_id != stored(track()).event_id


@pytest.mark.parametrize("given", ["m1", 12, "x" * 100])
def test_a_failed_event_knows_the_id_that_it_will_have(given: object) -> None:
    failed, good = read(track(event="", messageId=given)), stored(track(messageId=given))
    assert isinstance(failed, FailedEvent)
    assert failed.becomes == good.event_id


@pytest.mark.parametrize("given", [..., "", True, 1.5, 10**100, "x" * 101])
def test_an_id_that_does_not_fit_promises_nothing(given: object) -> None:
    failed = read(track(event="", messageId=given))
    assert isinstance(failed, FailedEvent)
    assert failed.becomes is None


def test_the_path_names_the_type_of_a_single_call() -> None:
    reception = Reception(source_id=7, trusted=True, received_at=NOW, call="identify")
    assert stored({"userId": "u1", "traits": {"rank": "gold"}}, reception).type == "identify"


AN_HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("said", "sent", "library", "occurred", "rule"),
    [
        (None, None, None, NOW, "received"),
        (NOW - AN_HOUR, None, None, NOW - AN_HOUR, "as_sent"),
        (NOW - AN_HOUR, NOW - timedelta(milliseconds=300), None, NOW - AN_HOUR, "as_sent"),
        (NOW - 3 * AN_HOUR, NOW - 2 * AN_HOUR, None, NOW - AN_HOUR, "skew"),
        (NOW + 3 * AN_HOUR, NOW + 4 * AN_HOUR, None, NOW - AN_HOUR, "skew"),
        (NOW - timedelta(days=3650), NOW - timedelta(days=3650), None, NOW, "skew"),
        (NOW - 3 * AN_HOUR, NOW - 2 * AN_HOUR, "analytics-swift", NOW - 3 * AN_HOUR, "device_clock"),
        (NOW + AN_HOUR, NOW + 2 * AN_HOUR, "analytics-kotlin", NOW - AN_HOUR, "skew"),
        (NOW + timedelta(hours=25), None, None, NOW, "clamped"),
        (NOW + timedelta(hours=23), None, None, NOW + timedelta(hours=23), "as_sent"),
        (datetime(9999, 12, 31, tzinfo=UTC), NOW - AN_HOUR, None, NOW, "clamped"),
    ],
)
def test_the_time_is_corrected_by_a_named_rule(
    said: datetime | None, sent: datetime | None, library: str | None, occurred: datetime, rule: str
) -> None:
    reception = Reception(source_id=7, trusted=False, received_at=NOW, sent_at=sent)
    context = {"library": {"name": library}} if library else None
    event = stored(track(timestamp=said and said.isoformat(), context=context), reception)
    assert (event.occurred_at, event.time_rule) == (occurred, rule)
    assert (event.original_at, event.sent_at) == (said, sent)


@pytest.mark.parametrize(
    "text",
    ["2026-04-01T12:00:00+09:00", "2026-04-01T03:00:00.000Z", "2026-04-01T03:00:00.000000000Z", "2026-04-01 03:00"],
)
def test_times_come_in_many_spellings(text: str) -> None:
    assert stored(track(originalTimestamp=text)).occurred_at == NOW


unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""How long a busy machine takes to draw an example says nothing about the code."""

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    ["type", "event", "userId", "anonymousId", "messageId", "timestamp", "sentAt", "context", "properties", "traits"]
)


@unhurried
@given(st.dictionaries(FIELDS, JSON | st.sampled_from(["track", "Order Completed", {"order_id": 1, "total": 2}])))
def test_any_object_is_an_event_or_a_failed_event(event: dict[str, Any]) -> None:
    raw = msgspec.json.encode(event)
    result = read_event(raw, RECEPTION)
    assert result == read_event(raw, RECEPTION)
    if isinstance(result, FailedEvent):
        assert result.code in FAILURES
    else:
        assert isinstance(msgspec.json.decode(result.payload), dict)


@unhurried
@given(st.binary(max_size=60))
def test_any_bytes_are_an_event_or_a_failed_event(raw: bytes) -> None:
    assert isinstance(read_event(raw, RECEPTION), Event | FailedEvent)


@pytest.mark.parametrize(
    ("properties", "where"),
    [
        ({"total": 1}, "missing_required:properties.order_id"),
        ({"order_id": "o", "total": "1"}, "wrong_type:properties.total"),
        ({"order_id": "o", "total": 1, "products": [{}, {"price": "x"}]}, "wrong_type:properties.products[1].price"),
    ],
)
def test_a_failed_event_says_where_it_fails(properties: dict[str, object], where: str) -> None:
    failed = read({"type": "track", "event": "Order Completed", "userId": "u", "properties": properties})
    assert isinstance(failed, FailedEvent)
    assert failed.violations == (where,)
