"""The gates: the declared order, everyone in one place, the same for both arms before the draw."""

from datetime import UTC, datetime, time, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.experiment import ArmName
from campaigns.gates import AUDIENCE, Reason, SendingRules, Standing, decide, recheck
from campaigns.schedule import QuietHours

NOON = datetime(2026, 6, 30, 3, tzinfo=UTC)
LATER = NOON + timedelta(hours=24)
RULES = SendingRules(quiet=QuietHours(time(21), time(9)), cap_day=1, cap_week=3)
SOUND = {
    "gone": False,
    "consented": True,
    "excluded": False,
    "devices": 1,
    "sent_day": 0,
    "sent_week": 0,
    "missing_field": False,
}
PERSON = st.fixed_dictionaries(
    {
        "gone": st.booleans(),
        "consented": st.booleans(),
        "excluded": st.booleans(),
        "devices": st.integers(0, 2),
        "sent_day": st.integers(0, 2),
        "sent_week": st.integers(0, 4),
        "missing_field": st.booleans(),
    }
)


def audience(people: list[dict[str, object]]) -> pl.DataFrame:
    return pl.DataFrame([{"customer_id": n} | person for n, person in enumerate(people)], schema=AUDIENCE)


def plainly(person: dict[str, int]) -> Reason | None:
    """The order, read aloud."""
    if person["gone"]:
        return Reason.GONE
    if not person["consented"]:
        return Reason.CONSENT
    if person["excluded"]:
        return Reason.EXCLUSION_LIST
    if not person["devices"]:
        return Reason.ADDRESS
    if person["sent_day"] >= 1 or person["sent_week"] >= 3:
        return Reason.FREQUENCY_CAP
    return Reason.MISSING_FIELD if person["missing_field"] else None


@given(st.lists(PERSON, max_size=40), st.floats(0, 90))
def test_the_first_gate_that_fires_is_the_reason_and_everyone_is_somewhere(
    people: list[dict[str, int]], holdout: float
) -> None:
    plan = decide(audience(people), rules=RULES, salt="s", holdout_percent=holdout, now=NOON, expires_at=LATER)
    assert plan.people["left_out"].to_list() == [plainly(person) for person in people]
    treated, control = plan.arm(ArmName.TREATED).height, plan.arm(ArmName.CONTROL).height
    assert treated + control + sum(plan.removed().values()) == len(people)


@given(st.lists(PERSON, max_size=30), st.floats(0, 90))
def test_gates_do_not_move_the_draw(people: list[dict[str, int]], holdout: float) -> None:
    """Who would be control is control whatever happens to the others: both arms lose the same kind of people."""
    everyone = decide(
        audience([SOUND] * len(people)), rules=RULES, salt="s", holdout_percent=holdout, now=NOON, expires_at=LATER
    ).people
    some = decide(audience(people), rules=RULES, salt="s", holdout_percent=holdout, now=NOON, expires_at=LATER).people
    both = everyone.join(some, on="customer_id").filter(pl.col("arm_right").is_not_null())
    assert both["arm"].to_list() == both["arm_right"].to_list()


def test_quiet_hours_defer_both_arms_to_the_same_moment() -> None:
    night = datetime(2026, 6, 30, 14, tzinfo=UTC)
    plan = decide(audience([SOUND]), rules=RULES, salt="s", holdout_percent=0, now=night, expires_at=LATER)
    assert plan.deferred
    assert plan.planned_at == datetime(2026, 7, 1, 0, tzinfo=UTC)


def test_caps_of_zero_are_off() -> None:
    rules = SendingRules(cap_day=0, cap_week=0)
    busy = SOUND | {"sent_day": 99, "sent_week": 99}
    plan = decide(audience([busy]), rules=rules, salt="s", holdout_percent=0, now=NOON, expires_at=LATER)
    assert plan.arm(ArmName.TREATED).height == 1


@pytest.mark.parametrize(
    ("change", "now", "reason"),
    [
        ({}, NOON, None),
        ({"gone": True, "consented": False}, NOON, Reason.GONE),
        ({"consented": False, "excluded": True, "address_live": False}, NOON, Reason.CONSENT),
        ({"excluded": True, "address_live": False}, NOON, Reason.EXCLUSION_LIST),
        ({"address_live": False, "sent_day": 1}, NOON, Reason.ADDRESS),
        ({"sent_day": 1}, NOON, Reason.FREQUENCY_CAP),
        ({"sent_week": 3}, NOON, Reason.FREQUENCY_CAP),
        ({}, NOON + timedelta(hours=10), Reason.QUIET_HOURS),
        ({"sent_week": 3}, NOON + timedelta(hours=10), Reason.FREQUENCY_CAP),
        ({}, NOON + timedelta(hours=20), Reason.QUIET_HOURS),
        ({}, LATER, Reason.EXPIRY),
        ({}, LATER + timedelta(hours=10), Reason.EXPIRY),
    ],
)
def test_the_last_check_keeps_the_order(change: dict[str, object], now: datetime, reason: Reason | None) -> None:
    sound = {"gone": False, "consented": True, "excluded": False, "address_live": True, "sent_day": 0, "sent_week": 0}
    standing = Standing(**(sound | change))  # type: ignore[arg-type]  # values of many types
    assert recheck(standing, rules=RULES, now=now, expires_at=LATER) is reason


def test_a_night_longer_than_the_message_lives_ends_it() -> None:
    night = NOON + timedelta(hours=10)
    standing = Standing(gone=False, consented=True, excluded=False, address_live=True, sent_day=0, sent_week=0)
    assert recheck(standing, rules=RULES, now=night, expires_at=night + timedelta(hours=2)) is Reason.EXPIRY
