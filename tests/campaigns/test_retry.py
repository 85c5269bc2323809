"""What each outcome leads to: once repeats only what surely was not accepted, surely gives up in time."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.campaign import Policy
from campaigns.delivery import PASSING, Accepted, Outcome, Refusal, Refused, Unknown
from campaigns.retry import (
    FIRST_WAIT,
    MOST_ATTEMPTS,
    DeliveryState,
    Resolution,
    jump,
    resolve,
)

NOW = datetime(2026, 6, 30, 3, tzinfo=UTC)
END = NOW + timedelta(hours=24)
WAITS = st.none() | st.timedeltas(timedelta(0), timedelta(hours=2))
OUTCOMES = st.one_of(
    st.builds(Accepted, st.just("projects/x/messages/1")),
    st.builds(Refused, st.sampled_from(Refusal), WAITS),
    st.builds(Unknown, st.just("timeout"), WAITS),
)


@given(OUTCOMES, st.sampled_from(Policy), st.integers(1, 20), st.floats(0, 1, exclude_max=True))
def test_no_try_is_planned_that_the_policy_forbids(
    outcome: Outcome, policy: Policy, attempts: int, jitter: float
) -> None:
    found = resolve(outcome, policy=policy, attempts=attempts, jitter=jitter, now=NOW, expires_at=END)
    again = found.state is DeliveryState.PLANNED
    if policy is Policy.ONCE and again:
        assert isinstance(outcome, Refused)
    if again:
        assert found.not_before is not None
        assert NOW <= found.not_before < END
    assert found.maybe_sent == isinstance(outcome, Accepted | Unknown)
    assert found.retire_address == (outcome == Refused(Refusal.UNREGISTERED, getattr(outcome, "retry_after", None)))


@given(st.integers(1, MOST_ATTEMPTS - 1), st.floats(0, 1, exclude_max=True))
def test_waits_grow_from_ten_seconds_with_jitter(attempts: int, jitter: float) -> None:
    found = resolve(
        Unknown("http_503"), policy=Policy.SURELY, attempts=attempts, jitter=jitter, now=NOW, expires_at=END
    )
    assert found.not_before is not None
    assert found.not_before - NOW >= FIRST_WAIT * min(2 ** (attempts - 1), 60)


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (Accepted("n"), DeliveryState.ACCEPTED),
        (Unknown("timeout"), DeliveryState.UNKNOWN),
        (Refused(Refusal.INVALID_ARGUMENT), DeliveryState.REJECTED),
        (Refused(Refusal.SENDER_MISMATCH), DeliveryState.REJECTED),
        (Refused(Refusal.UNREGISTERED), DeliveryState.REJECTED),
        (Refused(Refusal.NOT_SENT), DeliveryState.PLANNED),
        (Refused(Refusal.QUOTA), DeliveryState.PLANNED),
        (Refused(Refusal.AUTH), DeliveryState.PLANNED),
    ],
)
def test_once(outcome: Outcome, state: DeliveryState) -> None:
    found = resolve(outcome, policy=Policy.ONCE, attempts=1, jitter=0, now=NOW, expires_at=END)
    assert found.state is state
    assert (found.pause is not None) == (outcome == Refused(Refusal.AUTH))


def test_quota_holds_every_send_a_minute_or_as_long_as_asked() -> None:
    plain = resolve(Refused(Refusal.QUOTA), policy=Policy.ONCE, attempts=1, jitter=0, now=NOW, expires_at=END)
    assert plain.hold_all_until == NOW + timedelta(seconds=60)
    asked = Refused(Refusal.QUOTA, timedelta(seconds=300))
    told = resolve(asked, policy=Policy.ONCE, attempts=1, jitter=0.9, now=NOW, expires_at=END)
    assert told.hold_all_until == NOW + timedelta(seconds=300)


@pytest.mark.parametrize("kind", sorted(PASSING))
def test_what_cannot_go_out_in_time_expires_and_surely_ends_unknown(kind: Refusal) -> None:
    late = NOW + timedelta(seconds=5)
    assert (
        resolve(Refused(kind), policy=Policy.ONCE, attempts=1, jitter=0, now=NOW, expires_at=late).state
        is DeliveryState.EXPIRED
    )
    worn_out = resolve(Unknown("x"), policy=Policy.SURELY, attempts=MOST_ATTEMPTS, jitter=0, now=NOW, expires_at=END)
    assert worn_out.state is DeliveryState.UNKNOWN


GOOD = Resolution(state=DeliveryState.ACCEPTED)
UNKNOWN = Resolution(state=DeliveryState.UNKNOWN)
DEAD = Resolution(state=DeliveryState.REJECTED, error_code="unregistered", retire_address=True)
MALFORMED = Resolution(state=DeliveryState.REJECTED, error_code="invalid_argument")


@pytest.mark.parametrize(
    ("bad", "found", "sent", "reason"),
    [
        (UNKNOWN, 19, 19, None),
        (UNKNOWN, 20, 20, "unknown_outcomes"),
        (UNKNOWN, 39, 200, None),
        (UNKNOWN, 40, 200, "unknown_outcomes"),
        (MALFORMED, 40, 200, "refused_messages"),
        (DEAD, 60, 200, None),
        (DEAD, 100, 200, "dead_addresses"),
    ],
)
def test_a_jump_of_one_kind_is_seen(bad: Resolution, found: int, sent: int, reason: str | None) -> None:
    assert jump([bad] * found + [GOOD] * (sent - found)) == reason
