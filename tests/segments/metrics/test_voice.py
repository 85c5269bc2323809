"""NPS equals counting on fingers; its interval holds its level and stays on the scale."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segments.events import EventName
from segments.metrics.compute import compute
from segments.metrics.facts import Facts
from segments.metrics.metric import Measured
from segments.windows import Window
from tests.segments.history import Happening, days_of, frames, histories, moment
from tests.segments.metrics.members import MEMBERS, after, belongs
from tests.segments.metrics.reference import Shop

NAMES = (EventName.SURVEY_ANSWERED, EventName.SURVEY_ANSWERED, EventName.APPLICATION_OPENED)
WINDOW = Window(after(0), after(20))


def facts_of(history: list[Happening], *, today: int = 60, segment: bool = False) -> Facts:
    return Facts(
        days=days_of(history), events=frames(history)[0], today=after(today), members=MEMBERS if segment else None
    )


def answered(scores: list[int]) -> Measured:
    """The score of one answer each."""
    history = [
        Happening(number, number, str(EventName.SURVEY_ANSWERED), moment(1), score=score)
        for number, score in enumerate(scores, start=1)
    ]
    return compute("nps", facts_of(history), WINDOW)


@settings(max_examples=40, deadline=None)
@given(
    history=histories(names=NAMES, size=30),
    first=st.integers(0, 20),
    length=st.integers(0, 20),
    today=st.integers(5, 60),
    segment=st.booleans(),
)
def test_nps_equals_the_reference(
    history: list[Happening], first: int, length: int, today: int, *, segment: bool
) -> None:
    window = Window(after(first), after(first + length))
    shop = Shop(history, after(today), belongs if segment else None)
    latest = {}
    for row in sorted(shop.rows, key=lambda row: (row.at, row.seq)):
        if row.event == "Survey Answered" and window.first <= row.day <= window.last:
            latest[row.customer] = row.score
    scores = [score for who, score in latest.items() if shop.in_period(who, window.first) and score is not None]
    good, bad = sum(score >= 9 for score in scores), sum(score <= 6 for score in scores)
    measured = compute("nps", facts_of(history, today=today, segment=segment), window)
    assert (measured.numerator, measured.denominator) == (good - bad, len(scores))
    if scores:
        assert measured.value == pytest.approx(100 * (good - bad) / len(scores), abs=1e-9)
    else:
        assert measured.value is None
    assert measured.sheet is not None
    counts = {row[0]: row[1] for row in measured.sheet.rows}
    assert counts == {"promoters": good, "passives": len(scores) - good - bad, "detractors": bad}


def test_the_interval_is_the_adjusted_wald_of_the_answers() -> None:
    measured = answered([10] * 40 + [8] * 40 + [3] * 20)
    p, d, n = 40.75 / 103, 20.75 / 103, 103
    half = 1.959963984540054 * math.sqrt((p + d - (p - d) ** 2) / n)
    assert measured.interval == pytest.approx((100 * (p - d - half), 100 * (p - d + half)))
    assert measured.value == 20
    assert measured.notes == ()


def test_few_answers_are_for_reference_and_very_few_have_no_interval() -> None:
    assert answered([10] * 49).notes == ("reference_only",)
    assert answered([10] * 50).notes == ()
    assert answered([10] * 4).interval is None
    assert answered([10] * 5).interval is not None


def test_the_interval_stays_on_the_scale() -> None:
    assert answered([10] * 5).interval == (pytest.approx(answered([10] * 5).interval[0]), 100)  # type: ignore[index]
    low, high = answered([0] * 6).interval or (0, 0)
    assert low == -100 < high < 0


def test_a_score_off_the_scale_is_no_answer() -> None:
    assert answered([11, -1, 9]).denominator == 1


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    dice, hits, rounds = random.Random(7), 0, 100
    for _ in range(rounds):
        scores = dice.choices([10, 8, 2], weights=[5, 3, 2], k=60)
        low, high = answered(scores).interval or (0, 0)
        hits += low <= 30 <= high
    assert 0.9 <= hits / rounds <= 0.99
