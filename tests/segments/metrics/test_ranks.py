"""Ranks held, moves between them and their rates equal counting on fingers."""

from collections import Counter
from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from segments.events import EventName
from segments.metrics.compute import compute
from segments.metrics.facts import Facts
from segments.windows import Window
from tests.segments.history import Happening, days_of, histories, moment
from tests.segments.metrics.members import MEMBERS, after, belongs
from tests.segments.metrics.reference import Shop

NAMES = (EventName.MEMBERSHIP_RANK_CHANGED, EventName.MEMBERSHIP_RANK_CHANGED, EventName.APPLICATION_OPENED)
ORDER = ("silver", "gold")


def rank_on(shop: Shop, who: int, day: date) -> str | None:
    """The latest report up to the end of a day; of two at once the first by name."""
    told = [row for row in shop.rows if row.customer == who and row.rank and row.day <= day]
    newest = max((row.at for row in told), default=None)
    return min((row.rank for row in told if row.at == newest and row.rank), default=None)


@settings(max_examples=40, deadline=None)
@given(
    history=histories(names=NAMES, size=30),
    first=st.integers(0, 20),
    length=st.integers(0, 20),
    today=st.integers(5, 60),
    segment=st.booleans(),
)
def test_ranks_equal_the_reference(
    history: list[Happening], first: int, length: int, today: int, *, segment: bool
) -> None:
    window = Window(after(first), after(first + length))
    shop = Shop(history, after(today), belongs if segment else None)
    facts = Facts(days=days_of(history), today=after(today), members=MEMBERS if segment else None, ranks=ORDER)
    people = [who for who in shop.people if shop.in_period(who, window.first)]
    moves = Counter(
        (rank_on(shop, who, window.first - timedelta(days=1)), end)
        for who in people
        if (end := rank_on(shop, who, window.last))
    )
    held: Counter[str] = Counter()
    for (_, end), number in moves.items():
        held[end] += number
    began = {move: number for move, number in moves.items() if move[0]}
    total = sum(began.values())

    distribution = compute("rank_distribution", facts, window)
    assert (distribution.numerator, distribution.denominator) == (sum(held.values()), None)
    assert distribution.sheet is not None
    assert [(row[0], row[1]) for row in distribution.sheet.rows] == [(rank, held[rank]) for rank in ORDER if held[rank]]

    matrix = compute("rank_transitions", facts, window)
    changed = sum(number for (start, end), number in began.items() if start != end)
    assert (matrix.numerator, matrix.denominator) == (changed, total)
    assert matrix.sheet is not None
    assert {(row[0], row[1]): row[2] for row in matrix.sheet.rows} == {
        (start or "", end): number for (start, end), number in moves.items()
    }
    up = sum(number for (start, end), number in began.items() if (start, end) == ("silver", "gold"))
    for slug, number in (("rank_up_rate", up), ("rank_down_rate", changed - up)):
        rate = compute(slug, facts, window)
        assert (rate.numerator, rate.denominator) == (number, total), slug


def test_without_an_order_nobody_can_say_what_is_up() -> None:
    history = [
        Happening(1, 1, "Membership Rank Changed", moment(0), rank="silver"),
        Happening(2, 1, "Membership Rank Changed", moment(5), rank="gold"),
    ]
    facts = Facts(days=days_of(history), today=after(30))
    measured = compute("rank_up_rate", facts, Window(after(3), after(9)))
    assert (measured.numerator, measured.denominator, measured.value) == (0, 1, None)
    assert measured.notes == ("rank_order_unknown",)
