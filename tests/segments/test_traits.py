"""Traits: one name each, the later word, whatever the order of arrival."""

from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from typing import Any

from segments.traits import birthday, merge, normalise

MOMENT = datetime(2026, 4, 1, tzinfo=UTC)


def test_other_names_lead_to_the_known_one() -> None:
    assert normalise({"lastName": "佐藤", "first_name": "花子", "address": {"state": "東京都", "zip": "1"}}) == {
        "prefecture": "東京都",
        "family_name": "佐藤",
        "given_name": "花子",
    }


def test_the_known_name_goes_before_its_other_names() -> None:
    assert normalise({"family_name": "佐藤", "lastName": "Sato"})["family_name"] == "佐藤"


def test_structures_are_left_out_and_long_texts_cut() -> None:
    assert normalise({"a": [1], "b": {"c": 1}, "d": "x" * 5000}) == {"d": "x" * 1000}


def test_the_later_word_stands_in_any_order_of_arrival() -> None:
    words = [({"rank": n, f"only{n}": n}, MOMENT + timedelta(days=n)) for n in range(4)]
    ends = []
    for order in permutations(words):
        traits: dict[str, Any] = {}
        times: dict[str, int] = {}
        for said, at in order:
            traits, times = merge(traits, times, said, at)
        ends.append((traits, times))
    assert all(end == ends[0] for end in ends)
    assert ends[0][0] == {"rank": 3, "only0": 0, "only1": 1, "only2": 2, "only3": 3}


def test_nothing_means_forget_it_and_an_older_word_does_not_bring_it_back() -> None:
    traits, times = merge({}, {}, {"email": "a@example.jp"}, MOMENT)
    traits, times = merge(traits, times, {"email": None}, MOMENT + timedelta(days=2))
    traits, times = merge(traits, times, {"email": "old@example.jp"}, MOMENT + timedelta(days=1))
    assert traits == {}


def test_a_birthday_may_carry_a_time_and_may_be_nonsense() -> None:
    assert birthday("1990-02-03T00:00:00Z") == date(1990, 2, 3)
    assert birthday("yesterday") is None
