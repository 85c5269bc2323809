"""Pushes a person and week, and yeses taken back, against plain counting."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.fatigue import MANY, opt_outs, weeks_of
from campaigns.intervals import newcombe

LAST = date(2026, 6, 30)


@given(st.dictionaries(st.tuples(st.integers(0, 3), st.integers(1, 9)), st.integers(1, 50), max_size=20))
def test_everyone_is_in_one_place_of_a_week(counts: dict[tuple[int, int], int]) -> None:
    rows = [(week, pushes, people) for (week, pushes), people in counts.items()]
    found = weeks_of(rows, {1: (7, 3)}, reachable=1_000, last=LAST, weeks=4)
    assert [week.last for week in found] == [LAST - timedelta(weeks=number) for number in range(4)]
    for number, week in enumerate(found):
        mine = {pushes: people for (each, pushes), people in counts.items() if each == number}
        assert week.reached == sum(mine.values())
        assert week.pushes == sum(pushes * people for pushes, people in mine.items())
        assert week.people[MANY] == sum(people for pushes, people in mine.items() if pushes >= MANY)
        assert sum(week.people) == max(1_000, week.reached)
        assert week.per_person == (pytest.approx(week.pushes / week.reached) if mine else None)
    assert [(week.opted_out, week.after_push) for week in found] == [(0, 0), (7, 3), (0, 0), (0, 0)]


def test_opt_outs_are_compared_with_those_who_got_no_push() -> None:
    rows = [
        (9, "Tea", "control", 1_000, 2),
        (9, "Tea", "treated", 9_000, 90),
        (8, "Cups", "treated", 500, 1),
        (7, "Few", "treated", 400, 20),
        (7, "Few", "control", 100, 5),
    ]
    tea, cups, few = opt_outs(rows)
    assert (tea.rate, tea.difference) == (0.01, pytest.approx(0.008))
    assert tea.interval == newcombe(90, 9_000, 2, 1_000)
    assert (cups.rate, cups.difference, cups.interval) == (0.002, None, None)
    assert (few.difference, few.interval) == (pytest.approx(0.0), None)
