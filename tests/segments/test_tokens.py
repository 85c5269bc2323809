"""What a customer token proves of an event, and that nothing of it is kept."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segments.context import blot_secrets
from segments.envelope import Event, FailedEvent
from segments.failures import FAILURES
from segments.intake import Reception, fail_event, read_event
from segments.kept import read_kept
from segments.tokens import (
    LATE,
    LEEWAY,
    REASONS,
    UNVERIFIED,
    Claims,
    TokenCheck,
    TokenMode,
    Verdict,
    judge_claims,
    may_state,
)

NOW = datetime(2026, 4, 1, 3, tzinfo=UTC)
HOUR = timedelta(hours=1)
GOOD = Claims(subject="u1", begins=NOW - HOUR, ends=NOW + HOUR)


def reception(mode: TokenMode = TokenMode.ENFORCE, *, shared: object = None, **tokens: Claims | Verdict) -> Reception:
    """What comes over a public key of a source that knows these tokens."""
    check = TokenCheck(mode=mode, read=lambda token: tokens.get(token, Verdict.SIGNATURE), shared=shared)
    return Reception(source_id=7, trusted=False, received_at=NOW, tokens=check)


def read(given_reception: Reception, **event: Any) -> Event | FailedEvent:
    token = event.pop("token", None)
    whole = {"type": "track", "event": "Store Visited", "userId": "u1", "messageId": "m1", **event}
    if token is not None:
        whole["context"] = {"userToken": token}
    return read_event(msgspec.json.encode(whole), given_reception)


def test_a_good_token_makes_the_event_its_customers_own() -> None:
    event = read(reception(good=GOOD), token="good")
    assert isinstance(event, Event)
    assert (event.token_verdict, event.trusted) == ("valid", True)
    assert "userToken" not in msgspec.json.decode(event.payload)["context"]


@pytest.mark.parametrize("name", ["Order Completed", "Membership Rank Changed", "Points Earned", "Coupon Redeemed"])
def test_a_token_proves_who_and_not_that_money_moved(name: str) -> None:
    properties = {"order_id": "o1", "total": 100, "rank": "gold", "points": 5, "coupon_id": "c"}
    event = read(reception(good=GOOD), token="good", event=name, properties=properties)
    assert isinstance(event, Event)
    assert (event.token_verdict, event.trusted) == ("valid", False)


def test_no_customer_states_what_joren_itself_finds_out() -> None:
    assert not may_state("Push Address Retired")
    assert may_state("Consent Changed")
    assert may_state("Some Event Of The Shop's Own")


@pytest.mark.parametrize("verdict", sorted(set(Verdict) - {Verdict.VALID}))
def test_every_verdict_is_a_failure_with_words(verdict: Verdict) -> None:
    assert UNVERIFIED + verdict in FAILURES
    assert REASONS[verdict]


@pytest.mark.parametrize("kind", ["track", "identify", "screen", "page", "group", "alias"])
def test_enforcing_refuses_whatever_names_a_customer_without_a_token(kind: str) -> None:
    failed = read(reception(), type=kind, previousId="x")
    assert isinstance(failed, FailedEvent)
    assert failed.code == "unverified_missing"


def test_enforcing_lets_visitors_in_but_no_visitors_money() -> None:
    visit = read(reception(), userId=None, anonymousId="a1")
    assert isinstance(visit, Event)
    assert (visit.token_verdict, visit.trusted) == (None, False)
    order = {"event": "Order Completed", "properties": {"order_id": "o1", "total": 100}}
    failed = read(reception(), userId=None, anonymousId="a1", **order)
    assert isinstance(failed, FailedEvent)
    assert failed.code == "unverified_missing"


def test_reporting_takes_everything_and_says_what_would_fail() -> None:
    event = read(reception(TokenMode.REPORT), token="forged")
    assert isinstance(event, Event)
    assert (event.token_verdict, event.trusted) == ("signature", False)


@pytest.mark.parametrize("token", [5, ["x"], {"a": 1}, True, "x" * 4097])
def test_a_token_of_another_shape_proves_nothing(token: Any) -> None:
    failed = read(reception(), token=token)
    assert isinstance(failed, FailedEvent)
    assert failed.code == "unverified_unreadable"


def test_an_events_own_token_goes_before_the_requests() -> None:
    other = replace(GOOD, subject="u2")
    shared = reception(shared="hers", his=GOOD, hers=other)
    assert isinstance(read(shared, token="his"), Event)
    assert isinstance(read(shared, userId="u2"), Event)
    failed = read(shared)
    assert isinstance(failed, FailedEvent)
    assert failed.code == "unverified_person"


def test_a_number_as_user_id_is_compared_as_the_text_it_becomes() -> None:
    assert isinstance(read(reception(good=replace(GOOD, subject="42")), userId=42, token="good"), Event)


def test_without_a_mode_a_token_is_not_looked_at_and_not_kept() -> None:
    event = read(Reception(source_id=7, trusted=False, received_at=NOW), token="secret")
    assert isinstance(event, Event)
    assert (event.token_verdict, b"secret" in bytes(event.payload)) == (None, False)


@pytest.mark.parametrize(
    ("occurred", "received", "verdict"),
    [
        (NOW, NOW, Verdict.VALID),
        (NOW - timedelta(days=5), NOW, Verdict.VALID),  # told with a fresh token
        (GOOD.ends + LEEWAY, GOOD.ends + LEEWAY, Verdict.VALID),
        (GOOD.ends + LEEWAY * 2, GOOD.ends + LEEWAY * 2, Verdict.EXPIRED),
        (GOOD.ends, GOOD.ends + LATE, Verdict.VALID),  # offline for seven days
        (GOOD.ends, GOOD.ends + LATE + LEEWAY * 2, Verdict.EXPIRED),
        (NOW + timedelta(hours=20), NOW, Verdict.VALID),  # a clock that is ahead
        (NOW, GOOD.begins - LEEWAY, Verdict.VALID),
        (NOW, GOOD.begins - LEEWAY * 2, Verdict.NOT_YET),
    ],
)
def test_a_tokens_time_is_held_against_the_events(occurred: datetime, received: datetime, verdict: Verdict) -> None:
    assert judge_claims(GOOD, user_id="u1", occurred_at=occurred, received_at=received) is verdict


TIMES = st.integers(-20 * 86_400, 20 * 86_400).map(lambda seconds: NOW + timedelta(seconds=seconds))


@given(TIMES, st.integers(0, 86_400), TIMES, TIMES, st.sampled_from(["u1", "u2", ""]))
def test_no_token_proves_another_person_or_another_week(
    begins: datetime, life: int, occurred: datetime, received: datetime, user: str
) -> None:
    claims = Claims(subject="u1", begins=begins, ends=begins + timedelta(seconds=life))
    verdict = judge_claims(claims, user_id=user, occurred_at=occurred, received_at=received)
    fits = user == "u1" and begins - LEEWAY <= received <= claims.ends + LATE + LEEWAY
    fits = fits and (occurred <= claims.ends + LEEWAY or received <= claims.ends + LEEWAY)
    assert (verdict is Verdict.VALID) == fits


def test_a_failed_event_keeps_what_its_token_proved_and_not_the_token() -> None:
    failed = read(reception(good=GOOD), token="good", event="Order Completed", properties={})
    assert isinstance(failed, FailedEvent)
    assert failed.code == "missing_property"
    assert read_kept(failed.envelope).verdict == "valid"
    assert b"good" not in failed.raw
    forged = read(reception(), token="forged", event="Order Completed", properties={})
    assert isinstance(forged, FailedEvent)
    assert read_kept(forged.envelope).verdict == "signature"


SECRET = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ1MSJ9.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    "raw",
    [
        f'{{"context":{{"userToken":"{SECRET}"}}',
        f'{{"context":{{"userToken" : "{SECRET}',
        f'{{"user\\u0054oken":"{SECRET}","x":"\\u0000"}}',
        f'{{"writeKey":"{SECRET}\\"more","x":',
        f'["{SECRET}"]',
        f"{SECRET}",
        f'{{"x":"{"y" * 33_000}","context":{{"userToken":"{SECRET}"}}}}',
    ],
)
def test_bytes_that_cannot_be_read_are_kept_without_their_tokens(raw: str) -> None:
    failed = read_event(raw.encode(), reception())
    assert isinstance(failed, FailedEvent)
    assert SECRET.encode() not in failed.raw
    assert SECRET.split(".")[1].encode() not in failed.raw


@pytest.mark.parametrize(
    "context",
    [
        '"context":{"userToken":"SECRET","userToken":null}',
        '"context":{"userToken":"SECRET"},"context":{"a":1}',
        '"context":{"user\\u0054oken":"SECRET"}',
        '"userToken":"SECRET"',
        '"context":{"writeKey":"SECRET"}',
    ],
)
@pytest.mark.parametrize("timestamp", ["2026-04-01T00:00:00Z", "yesterday"])
def test_a_token_that_was_put_elsewhere_or_twice_is_not_kept(context: str, timestamp: str) -> None:
    raw = f'{{"type":"track","event":"X","anonymousId":"a","messageId":"m","timestamp":"{timestamp}",{context}}}'
    for tokens in (None, reception().tokens):
        read_as = Reception(source_id=7, trusted=False, received_at=NOW, tokens=tokens)
        kept = read_event(raw.encode(), read_as)
        assert b"SECRET" not in bytes(kept.payload if isinstance(kept, Event) else kept.raw)


def test_blotting_changes_nothing_else() -> None:
    plain = b'{"type":"track","context":{"device":{"token":"dGVzdA:APA91b-x_y"}},"x":"eyJ is no token","n":1.5.6'
    assert blot_secrets(plain) == plain


@given(st.binary(max_size=300))
def test_any_bytes_can_be_blotted(raw: bytes) -> None:
    assert b'"userToken":"(removed)"' in blot_secrets(raw + b'"userToken":"x"')


def test_retries_with_a_fresh_token_are_one_failed_event() -> None:
    kept = [
        fail_event(b'{"userToken":"%s"' % token, reception(), _unreadable()).event_id for token in (b"first", b"second")
    ]
    assert kept[0] == kept[1]


def _unreadable() -> Any:
    from segments.failures import EventFailure

    return EventFailure("unreadable", "It breaks off.")
