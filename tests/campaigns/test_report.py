"""People add up, intervals match the textbooks, and a verdict is spoken once, late, and only when it may be."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.effect import Arm, Verdict, judge, welch
from campaigns.intervals import Interval, IntervalKind, newcombe, student, wilson
from campaigns.report import PeopleGroup, add_up
from campaigns.retry import DeliveryState

ENDS = datetime(2026, 7, 7, 3, tzinfo=UTC)
STATES = st.frozensets(st.sampled_from([str(state) for state in DeliveryState]), max_size=3)
GROUPS = st.lists(
    st.builds(
        PeopleGroup,
        arm=st.sampled_from(["treated", "control", None]),
        left_out=st.sampled_from(["consent", "address", None]),
        state=st.sampled_from(["planned", "handed", "left_out", "expired", "cancelled", None]),
        reason=st.sampled_from(["consent", "expiry", None]),
        states=STATES,
        reasons=st.frozensets(st.sampled_from(["consent", "frequency_cap"]), max_size=2),
        people=st.integers(0, 10_000),
    ),
    max_size=12,
)


@given(GROUPS)
def test_targeted_is_the_sum_of_its_parts(groups: list[PeopleGroup]) -> None:
    people = add_up(groups)
    parts = (people.control, people.waiting, people.in_flight, people.accepted, people.failed)
    rest = (people.unknown, people.cancelled, people.expired, people.left_out_total)
    assert people.targeted == sum(parts) + sum(rest) == sum(group.people for group in groups)


@pytest.mark.parametrize(
    ("states", "place"),
    [
        ({"rejected", "accepted"}, "accepted"),
        ({"planned", "rejected"}, "waiting"),
        ({"sending", "planned"}, "in_flight"),
        ({"unknown", "rejected"}, "unknown"),
        ({"rejected", "left_out"}, "failed"),
        ({"expired", "cancelled"}, "expired"),
    ],
)
def test_a_person_counts_once_by_the_best_that_happened(states: set[str], place: str) -> None:
    people = add_up([PeopleGroup("treated", None, "handed", None, frozenset(states), frozenset(), 3)])
    assert getattr(people, place) == 3


def test_who_was_stopped_at_the_last_check_is_left_out_with_that_reason() -> None:
    groups = [
        PeopleGroup("treated", None, "handed", None, frozenset({"left_out"}), frozenset({"frequency_cap"}), 2),
        PeopleGroup("treated", None, "left_out", "address", frozenset(), frozenset(), 1),
        PeopleGroup(None, "consent", None, None, frozenset(), frozenset(), 4),
    ]
    assert add_up(groups).left_out == {"address": 1, "consent": 4, "frequency_cap": 2}


@pytest.mark.parametrize(
    ("state", "place"), [("planned", "waiting"), ("expired", "expired"), ("cancelled", "cancelled")]
)
def test_who_was_not_handed_over_counts_by_what_became_of_him(state: str, place: str) -> None:
    people = add_up([PeopleGroup("treated", None, state, None, frozenset(), frozenset(), 3)])
    assert getattr(people, place) == 3


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [((81, 263), 0.2553, 0.3662), ((15, 148), 0.0624, 0.1605), ((0, 20), 0, 0.1611), ((1, 29), 0.0061, 0.1718)],
)
def test_wilson_matches_newcombes_table_of_single_proportions(counts: tuple[int, int], low: float, high: float) -> None:
    found = wilson(*counts)
    assert (found.low, found.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((6, 7, 2, 7), 0.0582, 0.8062),
        ((5, 56, 0, 29), -0.0381, 0.1926),
        ((0, 10, 0, 20), -0.1611, 0.2775),
        ((10, 10, 0, 20), 0.6791, 1.0),
    ],
)
def test_newcombe_matches_his_table_ii_method_10(counts: tuple[int, int, int, int], low: float, high: float) -> None:
    found = newcombe(*counts)
    assert (found.low, found.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


@given(st.integers(1, 5_000), st.integers(1, 5_000), st.data())
def test_the_interval_holds_the_difference_and_turns_with_the_arms(n1: int, n2: int, data: st.DataObject) -> None:
    x1, x2 = data.draw(st.integers(0, n1)), data.draw(st.integers(0, n2))
    there, back = newcombe(x1, n1, x2, n2), newcombe(x2, n2, x1, n1)
    assert -1 - 1e-9 <= there.low <= x1 / n1 - x2 / n2 <= there.high <= 1 + 1e-9
    assert there.low == pytest.approx(-back.high)


@pytest.mark.parametrize(("freedom", "quantile"), [(5, 2.5706), (10, 2.2281), (30, 2.0423), (1e9, 1.95996)])
def test_students_quantile(freedom: float, quantile: float) -> None:
    assert student(0.975, freedom) == pytest.approx(quantile, rel=2e-3)


def arm_of(amounts: list[int], conversions: int = 0) -> Arm:
    return Arm(len(amounts), conversions, *(sum(one**power for one in amounts) for power in (1, 2, 3)))


def test_welch_covers_the_truth_about_as_often_as_it_says() -> None:
    random.seed(11)
    held = 0
    for _ in range(400):
        treated = arm_of([round(random.gauss(1_000, 300)) for _ in range(40)])
        control = arm_of([round(random.gauss(1_000, 900)) for _ in range(15)])
        interval = welch(treated, control)
        assert interval is not None
        held += interval.low <= 0 <= interval.high
    assert 0.92 < held / 400 < 0.98


def test_welch_of_equal_amounts_is_a_point_and_of_one_customer_nothing() -> None:
    assert welch(arm_of([5, 5]), arm_of([3, 3])) == Interval(2, 2)
    assert welch(arm_of([5]), arm_of([3, 3])) is None


@pytest.mark.parametrize(
    ("treated", "control", "verdict"),
    [
        (Arm(9_000, 900), Arm(1_000, 50), Verdict.RAISED),
        (Arm(9_000, 450), Arm(1_000, 100), Verdict.LOWERED),
        (Arm(9_000, 450), Arm(1_000, 50), Verdict.NO_DIFFERENCE),
        (Arm(9_000, 900), Arm(999, 10), Verdict.TOO_SMALL),
        (Arm(999, 500), Arm(9_000, 100), Verdict.TOO_SMALL),
        (Arm(9_000, 9), Arm(1_000, 0), Verdict.TOO_SMALL),
        (Arm(9_000, 900), Arm(0, 0), Verdict.NO_CONTROL),
    ],
)
def test_the_verdict_at_the_declared_end(treated: Arm, control: Arm, verdict: Verdict) -> None:
    assert judge(treated, control, ends_at=ENDS, as_of=ENDS).verdict is verdict


@given(st.integers(0, 9_000), st.integers(0, 1_000), st.integers(1, 10**6))
def test_before_the_end_nothing_is_said_that_looking_spoils(x1: int, x2: int, seconds: int) -> None:
    early = judge(Arm(9_000, x1), Arm(1_000, x2), ends_at=ENDS, as_of=ENDS - timedelta(seconds=seconds))
    assert early.verdict in {Verdict.COLLECTING, Verdict.TOO_SMALL}
    assert early.interval_kind is IntervalKind.ALWAYS_VALID
    assert early.amount_interval is early.amount_difference is None


@pytest.mark.parametrize(
    ("treated", "control", "verdict"),
    [
        (Arm(9_000, 900), Arm(1_000, 50), Verdict.COLLECTING),
        (Arm(9_000, 9), Arm(1_000, 0), Verdict.TOO_SMALL),
        (Arm(9_000, 900), Arm(999, 50), Verdict.TOO_SMALL),
        (Arm(3, 1), Arm(2, 0), Verdict.TOO_SMALL),
        (Arm(9_000, 900), Arm(0, 0), Verdict.NO_CONTROL),
    ],
)
def test_a_report_minutes_after_sending(treated: Arm, control: Arm, verdict: Verdict) -> None:
    early = judge(treated, control, ends_at=ENDS, as_of=ENDS - timedelta(days=6))
    assert early.verdict is verdict
    assert (early.interval is None) == (early.difference is None) == (verdict is Verdict.NO_CONTROL)


def test_the_interval_at_the_declared_end_is_newcombes() -> None:
    effect = judge(Arm(9_000, 900), Arm(1_000, 50), ends_at=ENDS, as_of=ENDS)
    assert (effect.interval, effect.interval_kind) == (newcombe(900, 9_000, 50, 1_000), IntervalKind.NEWCOMBE)


def test_a_small_campaign_shows_its_interval_without_a_verdict() -> None:
    effect = judge(Arm(70, 56), Arm(80, 48), ends_at=ENDS, as_of=ENDS)
    assert effect.verdict is Verdict.TOO_SMALL
    assert effect.interval is not None
    assert effect.interval.low > 0
