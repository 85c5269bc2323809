"""The gates: the declared order, everyone in one place, by columns as by rows, the same for both arms before the draw."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.campaign import Priority, QuietPolicy
from campaigns.experiment import ArmName, bucket
from campaigns.gates import AUDIENCE, GATES, Standing, decide, pass_gates, recheck
from campaigns.reasons import Reason
from campaigns.schedule import QuietHours
from campaigns.terms import SendingRules, Terms

NOON = datetime(2026, 6, 30, 3, tzinfo=UTC)
LATER = NOON + timedelta(hours=24)
RULES = SendingRules(quiet=QuietHours(time(21), time(8)), cap_day=1, cap_week=3)
TERMS = Terms(salt="s")
SOUND: dict[str, Any] = {
    "gone": False,
    "consented": True,
    "excluded": False,
    "devices": 1,
    "sent_day": 0,
    "sent_week": 0,
    "missing_field": False,
    "zone": None,
}
ZONES = [None, "Asia/Tokyo", "America/New_York", "Europe/London", "Pacific/Apia", "Mars/Olympus", ""]
PERSON = st.fixed_dictionaries(
    {
        "gone": st.booleans(),
        "consented": st.booleans(),
        "excluded": st.booleans(),
        "devices": st.integers(0, 2),
        "sent_day": st.integers(0, 2),
        "sent_week": st.integers(0, 4),
        "missing_field": st.booleans(),
        "zone": st.sampled_from(ZONES),
    }
)
GIVEN_RULES = st.builds(
    SendingRules,
    quiet=st.sampled_from(
        [QuietHours(time(21), time(8)), QuietHours(time(0), time(0)), QuietHours(time(11), time(14))]
    ),
    cap_day=st.integers(0, 2),
    cap_week=st.integers(0, 3),
    global_holdout_percent=st.sampled_from([0.0, 30.0]),
)
GIVEN_TERMS = st.builds(
    Terms,
    priority=st.sampled_from(Priority),
    quiet=st.sampled_from(QuietPolicy),
    own_zone=st.booleans(),
    salt=st.just("s"),
    holdout_percent=st.floats(0, 90),
)
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


def audience(people: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame([{"customer_id": n} | person for n, person in enumerate(people)], schema=AUDIENCE)


def standing(number: int, person: dict[str, Any]) -> Standing:
    facts = {name: value for name, value in person.items() if name != "devices"}
    return Standing(customer_id=number, address_live=person["devices"] > 0, **facts)


@given(st.lists(PERSON, min_size=1, max_size=20), GIVEN_RULES, GIVEN_TERMS, MOMENTS, st.integers(1, 40))
def test_rows_and_columns_say_the_same(
    people: list[dict[str, Any]], rules: SendingRules, terms: Terms, now: datetime, hours: int
) -> None:
    ends = now + timedelta(hours=hours)
    frame = pass_gates(audience(people), rules=rules, terms=terms, now=now, expires_at=ends)
    for number, person in enumerate(people):
        said = recheck(standing(number, person), rules=rules, terms=terms, now=now, expires_at=ends)
        row = frame.row(number, named=True)
        assert (row["left_out"], row["not_before"]) == (said.reason, said.not_before)


@given(st.lists(PERSON, max_size=40), GIVEN_RULES, GIVEN_TERMS)
def test_everyone_is_somewhere_once(people: list[dict[str, Any]], rules: SendingRules, terms: Terms) -> None:
    plan = decide(audience(people), rules=rules, terms=terms, now=NOON, expires_at=LATER)
    treated, control = plan.arm(ArmName.TREATED).height, plan.arm(ArmName.CONTROL).height
    assert treated + control + sum(plan.removed().values()) == len(people)


@given(st.lists(PERSON, max_size=30), GIVEN_TERMS)
def test_gates_do_not_move_the_draw(people: list[dict[str, Any]], terms: Terms) -> None:
    """Who would be control is control whatever happens to the others: both arms lose the same kind of people."""
    everyone = decide(audience([SOUND] * len(people)), rules=RULES, terms=terms, now=NOON, expires_at=LATER).people
    some = decide(audience(people), rules=RULES, terms=terms, now=NOON, expires_at=LATER).people
    both = everyone.join(some, on="customer_id").filter(pl.col("arm_right").is_not_null())
    assert both["arm"].to_list() == both["arm_right"].to_list()


def test_the_declared_order() -> None:
    """Consent, exclusion list, (global) holdout, frequency cap, quiet hours, live address, expiry; who is gone comes first."""
    assert [str(gate.reason) for gate in GATES] == [
        "gone",
        "consent",
        "exclusion_list",
        "global_holdout",
        "frequency_cap",
        "quiet_hours",
        "address",
        "missing_field",
        "expiry",
    ]


def test_each_persons_own_night_counts_and_both_arms_wait_alike() -> None:
    night = datetime(2026, 6, 30, 14, tzinfo=UTC)  # 23:00 in Tokyo, 10:00 in New York
    people = audience([SOUND, SOUND | {"zone": "America/New_York"}, SOUND | {"zone": "Mars/Olympus"}])
    plan = decide(people, rules=RULES, terms=TERMS, now=night, expires_at=LATER + timedelta(days=1))
    morning = datetime(2026, 6, 30, 23, tzinfo=UTC)
    assert plan.people["not_before"].to_list() == [morning, night, morning]
    assert (plan.planned_at, plan.deferred_until) == (night, morning)
    shops = decide(people, rules=RULES, terms=Terms(own_zone=False), now=night, expires_at=LATER)
    assert shops.people["not_before"].to_list() == [morning] * 3


@pytest.mark.parametrize(
    ("moment", "hours"),
    [
        (
            datetime(2026, 3, 8, 3, 30, tzinfo=UTC),
            8.5,
        ),  # New York, 22:30 the night clocks go forward: 8:00 comes an hour early
        (datetime(2026, 11, 1, 2, 30, tzinfo=UTC), 10.5),  # 22:30 the night clocks go back
        (datetime(2028, 2, 29, 3, 30, tzinfo=UTC), 9.5),  # the night before a leap day
    ],
)
def test_a_night_is_as_long_as_the_clock_says(moment: datetime, hours: float) -> None:
    people = audience([SOUND | {"zone": "America/New_York"}])
    plan = decide(people, rules=RULES, terms=TERMS, now=moment, expires_at=moment + timedelta(days=1))
    assert plan.people["not_before"].item() - moment == timedelta(hours=hours)


def test_quiet_hours_that_drop_leave_people_out() -> None:
    night = datetime(2026, 6, 30, 14, tzinfo=UTC)
    people = audience([SOUND, SOUND | {"zone": "America/New_York"}])
    plan = decide(people, rules=RULES, terms=Terms(quiet=QuietPolicy.DROP), now=night, expires_at=LATER)
    assert plan.people["left_out"].to_list() == ["quiet_hours", None]


def test_a_night_longer_than_the_message_lives_ends_it_for_both_arms() -> None:
    night = NOON + timedelta(hours=10)
    plan = decide(audience([SOUND]), rules=RULES, terms=TERMS, now=night, expires_at=night + timedelta(hours=2))
    assert plan.removed() == {Reason.EXPIRY: 1}


def test_caps_of_zero_are_off_and_service_notices_pass_cap_and_global_holdout() -> None:
    busy = SOUND | {"sent_day": 99, "sent_week": 99}
    off = SendingRules(cap_day=0, cap_week=0)
    assert decide(audience([busy]), rules=off, terms=TERMS, now=NOON, expires_at=LATER).removed() == {}
    strict = SendingRules(cap_day=1, cap_week=1, global_holdout_percent=50)
    notice = Terms(priority=Priority.SERVICE)
    assert decide(audience([busy] * 50), rules=strict, terms=notice, now=NOON, expires_at=LATER).removed() == {}


def test_the_global_holdout_is_the_same_people_for_every_campaign() -> None:
    rules = SendingRules(global_holdout_percent=20)
    out = [
        decide(audience([SOUND] * 200), rules=rules, terms=Terms(salt=salt), now=NOON, expires_at=LATER)
        .people.filter(pl.col("left_out") == "global_holdout")["customer_id"]
        .to_list()
        for salt in "ab"
    ]
    assert out[0] == out[1] == [n for n in range(200) if bucket("everyone", n) < 2000]


@pytest.mark.parametrize(
    ("change", "now", "reason"),
    [
        ({}, NOON, None),
        ({"gone": True, "consented": False}, NOON, Reason.GONE),
        ({"consented": False, "excluded": True, "devices": 0}, NOON, Reason.CONSENT),
        ({"excluded": True, "devices": 0}, NOON, Reason.EXCLUSION_LIST),
        ({"devices": 0, "sent_day": 1}, NOON, Reason.FREQUENCY_CAP),
        ({"sent_week": 3}, NOON, Reason.FREQUENCY_CAP),
        ({"devices": 0}, NOON + timedelta(hours=10), Reason.ADDRESS),
        ({"sent_week": 3}, NOON + timedelta(hours=10), Reason.FREQUENCY_CAP),
        ({}, NOON + timedelta(hours=10), None),
        ({}, LATER, Reason.EXPIRY),
        ({}, LATER + timedelta(hours=10), Reason.EXPIRY),
    ],
)
def test_the_last_check_keeps_the_order(change: dict[str, Any], now: datetime, reason: Reason | None) -> None:
    said = recheck(standing(1, SOUND | change), rules=RULES, terms=TERMS, now=now, expires_at=LATER)
    assert said.reason is reason


def test_who_was_drawn_stays_in_her_arm_when_the_global_holdout_grows() -> None:
    rules = SendingRules(global_holdout_percent=50)
    held = next(n for n in range(99) if bucket("everyone", n) < 5000)
    who = standing(held, SOUND)
    assert recheck(who, rules=rules, terms=TERMS, now=NOON, expires_at=LATER).reason is Reason.GLOBAL_HOLDOUT
    assert recheck(who, rules=rules, terms=TERMS, now=NOON, expires_at=LATER, again=True).reason is None
