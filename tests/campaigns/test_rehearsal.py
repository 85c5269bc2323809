"""What a campaign would have begun: who enters again and when, day by day, and how far back anybody knows."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from campaigns.campaign import Draft
from campaigns.content import Content, Text
from campaigns.rehearsal import CAUSES, Begun, Fork, Way, first_fork, rehearsed, window_before
from campaigns.steps import Awaited, Exit, GoTo, Part, Send, SplitRule, SplitShare, Step, Wait, WaitEvent
from campaigns.trigger import OnEvent, Reentry
from segments.windows import Window

TODAY = date(2026, 6, 30)
WINDOW = window_before(TODAY)
HELLO = Send(content=Content(ja=Text("a", "b")))


def causes(*given: tuple[int, float]) -> pl.DataFrame:
    """Causes of a customer so many days before today."""
    rows = []
    for customer_id, ago in given:
        at = datetime(2026, 6, 30, tzinfo=UTC) - timedelta(days=ago)
        rows.append((customer_id, at, at.date(), False))
    return pl.DataFrame(rows, schema=CAUSES, orient="row")


def draft(reentry: Reentry, *, delay: timedelta = timedelta(0), steps: tuple[Step, ...] = ()) -> Draft:
    trigger = OnEvent(event="Application Opened", delay=delay)
    return Draft(name="Tea", segment_id=None, trigger=trigger, reentry=reentry, steps=steps)


def test_the_window_is_of_full_days() -> None:
    assert Window(date(2026, 6, 2), date(2026, 6, 29)) == WINDOW


@pytest.mark.parametrize(
    ("reentry", "delay", "month", "week"),
    [
        (Reentry(), 0, Begun(6, 2), Begun(3, 2)),
        (Reentry(mode="never"), 0, Begun(2, 2), Begun(1, 1)),
        # Of customer 1 the days 20, 13 (12.5 is too soon after it) and 5; 2.9 of them is too soon as well.
        (Reentry(mode="after", days=7), 0, Begun(4, 2), Begun(2, 2)),
        (Reentry(), 1, Begun(5, 2), Begun(3, 2)),
        (Reentry(mode="after", days=7), 8, Begun(3, 2), Begun(2, 2)),
    ],
)
def test_who_entered_lately_does_not_enter_again(reentry: Reentry, delay: float, month: Begun, week: Begun) -> None:
    told, people = rehearsed(
        causes((1, 20), (1, 13), (1, 12.5), (1, 5), (1, 2.9), (2, 6), (3, 29.5)),
        draft=draft(reentry, delay=timedelta(days=delay)),
        window=WINDOW,
        known_from=None,
    )
    assert (told.month, told.week) == (month, week)
    assert people.to_list() == [1, 2], "the third was before the window"
    assert sum(day.times or 0 for day in told.days) == month.times
    assert [day.day for day in told.days] == [date(2026, 6, 2) + timedelta(days=n) for n in range(28)]


def test_of_days_that_nobody_knows_nothing_is_said() -> None:
    told, _ = rehearsed(causes((1, 20), (1, 5)), draft=draft(Reentry()), window=WINDOW, known_from=date(2026, 6, 20))
    assert [day.times for day in told.days if day.day < date(2026, 6, 20)] == [None] * 18
    assert (told.month, told.known_from) == (Begun(1, 1), date(2026, 6, 20))
    none, nobody = rehearsed(causes((1, 5)), draft=draft(Reentry()), window=WINDOW, known_from=TODAY)
    assert (none.month, {day.times for day in none.days}, nobody.len()) == (Begun(0, 0), {None}, 0)


def test_what_was_known_all_along_needs_no_word() -> None:
    told, _ = rehearsed(causes((1, 5)), draft=draft(Reentry()), window=WINDOW, known_from=date(2026, 6, 2))
    assert told.known_from is None
    assert not told.stay_unknown
    assert rehearsed(causes(), draft=draft(Reentry(), steps=(HELLO,)), window=WINDOW, known_from=None)[0].stay_unknown


SPLIT = SplitRule(rule={"segment": 1}, otherwise=None)
SHARE = SplitShare(parts=(Part(percent=50), Part(percent=50)))
WAIT = Wait(time=timedelta(days=1))


@pytest.mark.parametrize(
    ("steps", "place"),
    [
        ((HELLO, WAIT, SPLIT, HELLO), 2),
        ((SHARE, SPLIT), 0),
        ((HELLO, WAIT), None),
        ((WaitEvent(awaited=Awaited(event="Order Completed"), timeout=timedelta(days=1)), SPLIT), None),
        ((Exit(), SPLIT), None),
        ((GoTo(to="later"), SPLIT, Wait(label="later", time=timedelta(days=1)), SHARE), 3),
        ((Wait(label="round", time=timedelta(days=1)), GoTo(to="round"), SPLIT), None),
    ],
)
def test_the_first_fork_is_the_one_that_everybody_comes_to(steps: tuple[Step, ...], place: int | None) -> None:
    assert first_fork(steps) == place


@pytest.mark.parametrize(
    ("asked", "people", "expected"),
    [((1, 1, 1), 100, (33, 34, 33)), ((2, 0, 1), 10, (7, 0, 3)), ((5, 0), 7, (7, 0)), ((0, 0), 0, (0, 0))],
)
def test_an_estimate_adds_up_to_all(asked: tuple[int, ...], people: int, expected: tuple[int, ...]) -> None:
    fork = Fork(1, tuple(Way(str(number), count) for number, count in enumerate(asked))).scaled(people)
    assert tuple(way.people for way in fork.ways) == expected
    assert fork.asked == (sum(asked) or None)
