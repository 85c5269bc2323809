"""One person's way through the ranks: from day to day, but only over days on which something can change.

A day's figures are sums of moves, and each move counts from a day to a day. So they are sums of what began less what
ended, and between those days nothing changes but on days of review.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache

from segments.rank_rules import Period, Promotion, RankRules, RankVersion, days_of

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Move:
    """Something that raises or lowers a figure.

    Attributes:
        day: the business day it counts for: of an order, also for what came back of it.
        known: the business day since when it is so: of a refund its own.
        value: in the criterion's unit.
    """

    day: date
    known: date
    value: int


@dataclass(frozen=True, slots=True)
class Step:
    """Since ``day`` the rank is this one."""

    day: date
    rank: str


@dataclass(slots=True)
class Walk:
    """A person's steps; ``falls`` is the day of a fall that is coming unless he earns his rank again."""

    steps: list[Step] = field(default_factory=list)
    falls: date | None = None


def walk(
    moves: Mapping[str, Sequence[Move]], spans: Sequence[tuple[date, RankVersion]], *, start: date, as_of: date
) -> Walk:
    """The ranks of one person from ``start`` to ``as_of``.

    Args:
        moves: by criterion, in any order, known by ``as_of``.
        spans: see `segments.rank_rules.spans`.
        start: since when he is a member.
        as_of: the last day.
    """
    found = Walk()
    name: str | None = None
    for number, (begins, version) in enumerate(spans):
        ends = spans[number + 1][0] - _DAY if number + 1 < len(spans) else as_of
        first, last = max(begins, start), min(ends, as_of)
        if last < first:
            continue
        own = moves.get(version.rules.criterion, ())
        name, found.falls = _through(found, own, version.rules, name, first=first, last=last, start=start)
    return found


def _through(
    found: Walk, moves: Sequence[Move], rules: RankRules, name: str | None, *, first: date, last: date, start: date
) -> tuple[str, date | None]:
    """Walk through one version's days; ``name`` is the rank that he brings along. Gives the last one and a coming fall.

    A fall that was coming under the version before comes on its day under this one, which may be kinder: he may have earned
    the rank by its thresholds, it may have no such rank, or no falls.
    """
    names, asked = rules.names, [rank.threshold for rank in rules.ranks[1:]]
    changes = _changes(moves, rules, start)
    reviews, rises = _named(rules.demotion_dates, first, last), _named(rules.promotion_dates, first, last)
    daily, grace = rules.promotion is not Promotion.DATES, timedelta(days=rules.grace_days)
    floor = names.index(rules.floor) if rules.floor is not None else 0
    now = before = ripe = ripe_before = keeps = gains = 0
    place, falls = -1, found.falls if name in names and rules.demotion_dates else None
    looks = {*changes, *reviews, *rises, *(review + grace for review in reviews), falls or first, first}
    for day in sorted(each for each in looks if each <= last):
        if day in changes:
            one, two, three, four = changes[day]
            now, before, ripe, ripe_before = now + one, before + two, ripe + three, ripe_before + four
            keeps = bisect_right(asked, max(now, before))
            gains = keeps if not rules.lag else min(keeps, bisect_right(asked, max(ripe, ripe_before)))
        if day < first:
            continue
        place = place if place >= 0 else _placed(names, name, newcomer=first == start, keeps=keeps)
        if keeps >= place:
            falls = None
        elif falls is None and day in reviews:
            falls = day + grace
        if falls is not None and day >= falls:
            place, falls = max(keeps, min(place, floor)), None
        if gains > place and (daily or day in rises):
            place, falls = gains, None
        if names[place] != name:
            name = names[place]
            found.steps.append(Step(day, name))
    return names[place], falls


def _placed(names: Sequence[str], name: str | None, *, newcomer: bool, keeps: int) -> int:
    """Where somebody stands on the first day of a version: where he stood if that rank still exists, else what he has earned."""
    if name in names:
        return names.index(name)
    return 0 if newcomer else keeps


@lru_cache(maxsize=256)
def _all_named(dates: tuple[str, ...], first: date, last: date) -> tuple[date, ...]:
    return tuple(days_of(dates, first, last))


def _named(dates: tuple[str, ...], first: date, last: date) -> frozenset[date]:
    """The days of a review from ``first`` to ``last``; people who began in one year share the look at the calendar."""
    if not dates:
        return frozenset()
    named = _all_named(dates, date(first.year, 1, 1), last)
    return frozenset(named[bisect_left(named, first) :])


def _changes(moves: Sequence[Move], rules: RankRules, start: date) -> dict[date, list[int]]:
    """What each day adds to four sums: what counts now and what counted last year, as it is, and of what is old enough.

    Without a return period the latter two are left at nothing.
    """
    found: dict[date, list[int]] = {}
    lag, rolling = rules.lag, rules.period is Period.ROLLING
    waits = ((0, 0), (2, lag)) if lag else ((0, 0),)
    for move in moves:
        if rules.period is Period.JOINED and move.day < start:
            continue
        end = rules.ends(move.day)
        over = None if end is None or rolling else rules.ends(end)
        for place, wait in waits:
            since = max(move.known, move.day + timedelta(days=wait)) if wait else move.known
            _count(found, place, move.value, since, end)
            if end is not None and over is not None:
                _count(found, place + 1, move.value, max(since, end), over)
    return found


def _count(found: dict[date, list[int]], place: int, value: int, since: date, end: date | None) -> None:
    """Let a value count from a day until another."""
    if end is not None and since >= end:
        return
    found.setdefault(since, [0, 0, 0, 0])[place] += value
    if end is not None:
        found.setdefault(end, [0, 0, 0, 0])[place] -= value
