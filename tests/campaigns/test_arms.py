"""Several arms: the intervals hold together, Holm decides, and one arm is judged as ever."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.arms import Comparison, compare, holm
from campaigns.effect import Arm, Verdict, judge
from campaigns.intervals import newcombe, newcombe_p

ENDS = datetime(2026, 7, 7, 3, tzinfo=UTC)
CONTROL = Arm(1_000, 50)
ARMS = st.integers(1, 20_000).flatmap(lambda n: st.builds(Arm, st.just(n), st.integers(0, n)))


def at_the_end(variants: Mapping[str, Arm], control: Arm = CONTROL) -> tuple[Comparison, ...]:
    return compare(variants, control, ends_at=ENDS, as_of=ENDS)


@given(ARMS, ARMS, st.integers(0, 3))
def test_one_arm_is_judged_as_ever(treated: Arm, control: Arm, days: int) -> None:
    as_of = ENDS - timedelta(days=days)
    (found,) = compare({"treated": treated}, control, ends_at=ENDS, as_of=as_of)
    assert found.against == "control"
    assert found.effect == judge(treated, control, ends_at=ENDS, as_of=as_of)


@given(ARMS, ARMS)
def test_the_surprise_is_where_the_interval_touches_zero(one: Arm, other: Arm) -> None:
    counts = (one.conversions, one.customers, other.conversions, other.customers)
    surprise = newcombe_p(*counts)
    for level in (0.5, 0.9, 0.95, 0.99, 0.999):
        interval = newcombe(*counts, level=level)
        if abs(1 - level - surprise) > 1e-6 and one.rate != other.rate:
            assert (interval.low <= 0 <= interval.high) == (surprise > 1 - level)


def slow_holm(surprises: list[float], miss: float) -> set[int]:
    """Holm's own words: as long as the smallest of those left is small enough, refuse it and go on."""
    left, refused = dict(enumerate(surprises)), set[int]()
    while left:
        place = min(left, key=lambda one: (left[one], one))
        if left[place] > miss / len(left):
            break
        refused.add(place)
        del left[place]
    return refused


@given(st.lists(st.sampled_from([0.0, 0.001, 0.01, 0.0166, 0.017, 0.025, 0.026, 0.05, 0.051, 1.0]), max_size=6))
def test_holm_equals_his_words(surprises: list[float]) -> None:
    assert {place for place, refused in enumerate(holm(surprises)) if refused} == slow_holm(surprises, 0.05)


@given(st.lists(st.floats(0, 1), max_size=6))
def test_holm_refuses_whatever_bonferroni_refuses(surprises: list[float]) -> None:
    for surprise, refused in zip(surprises, holm(surprises), strict=True):
        assert refused or surprise > 0.05 / len(surprises)


def test_holm_finds_what_bonferroni_misses() -> None:
    near = Arm(9_000, 615)  # alone it would be shown, after Bonferroni it would not
    clear = Arm(9_000, 900)
    found = {one.name: one.effect for one in at_the_end({"A": clear, "B": near})}
    interval = found["B"].interval
    assert interval is not None
    assert interval.level == pytest.approx(0.975)
    assert interval.low < 0 < newcombe(615, 9_000, 50, 1_000).low
    assert (found["A"].verdict, found["B"].verdict) == (Verdict.RAISED, Verdict.RAISED)
    third = {one.name: one.effect.verdict for one in at_the_end({"A": Arm(9_000, 455), "B": near})}
    assert third == {"A": Verdict.NO_DIFFERENCE, "B": Verdict.NO_DIFFERENCE}


def test_without_a_control_variants_are_compared_with_the_first() -> None:
    found = at_the_end({"A": Arm(9_000, 450), "B": Arm(9_000, 900), "C": Arm(9_000, 200)}, Arm(0, 0))
    assert [(one.name, one.against, one.effect.verdict) for one in found] == [
        ("B", "A", Verdict.RAISED),
        ("C", "A", Verdict.LOWERED),
    ]


def test_small_arms_get_no_verdict_and_take_no_part_in_the_family() -> None:
    small = Arm(500, 400)
    found = {one.name: one.effect.verdict for one in at_the_end({"A": small, "B": Arm(9_000, 900)})}
    assert found == {"A": Verdict.TOO_SMALL, "B": Verdict.RAISED}


def test_before_the_end_nobody_wins() -> None:
    early = compare({"A": Arm(9_000, 900), "B": Arm(9_000, 90)}, CONTROL, ends_at=ENDS, as_of=ENDS - timedelta(1))
    assert {one.effect.verdict for one in early} == {Verdict.COLLECTING}
    assert all(one.effect.interval and one.effect.interval.level == pytest.approx(0.975) for one in early)


def test_while_people_come_in_no_interval_is_shown() -> None:
    early = judge(Arm(9_000, 900), CONTROL, ends_at=ENDS, as_of=ENDS - timedelta(1), growing=True)
    assert (early.verdict, early.interval, early.interval_kind) == (Verdict.COLLECTING, None, None)
    assert early.difference == pytest.approx(0.05)
    last = judge(Arm(9_000, 900), CONTROL, ends_at=ENDS, as_of=ENDS, growing=True)
    assert last == judge(Arm(9_000, 900), CONTROL, ends_at=ENDS, as_of=ENDS)
