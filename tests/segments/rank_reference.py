"""The slow, obvious way through the ranks: every day anew, every figure summed from the orders themselves."""

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from segments.rank_rules import RankRules, RankVersion


@dataclass(frozen=True, slots=True)
class Bought:
    """An order; ``back`` is what came back of it: day and amount, None for all of it. Without ``day`` no order is known.

    With ``points`` it is no order but points earned.
    """

    day: date | None
    amount: int
    back: tuple[tuple[date, int | None], ...] = ()
    points: int | None = None


def steps(
    orders: Sequence[Bought], versions: Sequence[RankVersion], *, start: date, as_of: date
) -> list[tuple[date, str]]:
    """Every day on which the rank changed, and to which."""
    found: list[tuple[date, str]] = []
    rank: str | None = None
    held: RankVersion | None = None
    falls: date | None = None
    day = start
    while day <= as_of:
        begun = [version for version in versions if version.valid_from <= day]
        version = max(begun, key=lambda one: one.version, default=None)
        if version is not None:
            rules = version.rules
            names = [one.name for one in rules.ranks]
            if version is not held:
                if rank not in names or not rules.demotion_dates:
                    falls = None
                if rank not in names:
                    rank = names[0] if day == start else earned(orders, rules, day, start, wait=0)
                held = version
            rank, falls = _one_day(orders, rules, rank or names[0], falls, day, start)
            if not found or found[-1][1] != rank:
                found.append((day, rank))
        day += timedelta(days=1)
    return found


def _one_day(  # noqa: PLR0917 - all that a day begins with
    orders: Sequence[Bought], rules: RankRules, rank: str, falls: date | None, day: date, start: date
) -> tuple[str, date | None]:
    names = [one.name for one in rules.ranks]
    keeps = names.index(earned(orders, rules, day, start, wait=0))
    place = names.index(rank)
    if named(rules.demotion_dates, day) and falls is None and place > keeps:
        falls = day + timedelta(days=rules.grace_days)
    if falls is not None and keeps >= place:
        falls = None
    if falls is not None and day >= falls:
        floor = names.index(rules.floor) if rules.floor else 0
        place, falls = max(keeps, min(place, floor)), None
    if rules.promotion != "dates" or named(rules.promotion_dates, day):
        wait = rules.return_days if rules.promotion == "after_return" else 0
        rises = min(keeps, names.index(earned(orders, rules, day, start, wait=wait))) if wait else keeps
        if rises > place:
            place, falls = rises, None
    return names[place], falls


def named(dates: Sequence[str], day: date) -> bool:
    """Whether a list of dates names a day."""
    longest = calendar.monthrange(day.year, day.month)[1]
    for text in dates:
        month, _, number = text.rpartition("-")
        if (not month or int(month) == day.month) and min(int(number), longest) == day.day:
            return True
    return False


def earned(orders: Sequence[Bought], rules: RankRules, day: date, start: date, *, wait: int) -> str:
    """The rank that the figures of a day earn: this period's, or those of the year before where it is a year."""
    figures = [figure(orders, rules, day, *window, wait=wait) for window in windows(rules, day, start)]
    return [one.name for one in rules.ranks if one.threshold <= max(0, *figures)][-1]


def windows(rules: RankRules, day: date, start: date) -> list[tuple[date, date]]:
    """The days whose orders count: now, and in the year before."""
    if rules.period == "joined":
        return [(start, day)]
    if rules.period == "rolling":
        return [(_year_ago(day) + timedelta(days=1), day)]
    month = 1 if rules.period == "calendar" else rules.year_starts
    begins = date(day.year if day.month >= month else day.year - 1, month, 1)
    before = begins.replace(year=begins.year - 1)
    return [(begins, day), (before, begins - timedelta(days=1))]


def _year_ago(day: date) -> date:
    try:
        return day.replace(year=day.year - 1)
    except ValueError:
        return date(day.year - 1, 2, 28)


def figure(orders: Sequence[Bought], rules: RankRules, day: date, first: date, last: date, *, wait: int) -> int:
    """What the orders of some days are worth, as it is known at the end of ``day``, of those old enough."""
    total = 0
    for order in orders:
        back = [
            (max(when, order.day or when), what) for when, what in order.back if max(when, order.day or when) <= day
        ]
        if order.day is None:
            if rules.criterion == "amount":
                total -= sum(
                    what or 0 for when, what in back if first <= when <= last and when + timedelta(days=wait) <= day
                )
            continue
        if not first <= order.day <= last or order.day + timedelta(days=wait) > day:
            continue
        total += _worth(order, rules, [what for _, what in back])
    return total


def _worth(order: Bought, rules: RankRules, back: list[int | None]) -> int:
    refunded = sum(what or 0 for what in back)
    if (rules.criterion == "points") != (order.points is not None):
        return 0
    if order.points is not None:
        return order.points
    if rules.criterion == "orders":
        return 0 if None in back or (back and refunded >= order.amount) else 1
    return 0 if None in back else order.amount - refunded
