"""KPIs by counting on fingers: slow, obvious, from the list of what happened."""

from collections.abc import Callable
from datetime import date, timedelta
from functools import cache
from typing import Any

from tests.segments.history import Happening
from tests.segments.reference_customers import orders_of, verified_only

Pair = tuple[int, int | None]
Member = Callable[[int, date], bool]


class Shop:
    """One history looked at on one day."""

    def __init__(
        self, history: list[Happening], today: date, member: Member | None = None, *, closing_day: int = 31
    ) -> None:
        self.everything = history
        self.rows = [row for row in verified_only(history) if row.day <= today]
        self.today = today
        self.closing_day = closing_day
        self.member = member
        self.people = sorted({row.customer for row in history})

    def days(self, who: int, event: str, first: date, last: date) -> list[date]:
        return [row.day for row in self.rows if row.customer == who and row.event == event and first <= row.day <= last]

    def in_period(self, who: int, first: date) -> bool:
        """Whether a customer's figures are asked for, by the rule for period KPIs."""
        if self.member is None:
            return True
        not_theirs = ("Push Address Retired", "Coupon Issued", "Coupon Expired")
        acts = [row.day for row in self.everything if row.customer == who and row.event not in not_theirs]
        return self.member(who, max(first - timedelta(days=1), min(acts, default=date.min)))

    def launch_rate(self, first: date, last: date) -> Pair:
        people = [who for who in self.people if self.in_period(who, first)]
        launched = {who for who in people if self.days(who, "Application Opened", first, last)}
        installed = {who for who in people if self._installed(who, first, last)}
        return len(launched), len(launched | installed)

    def _installed(self, who: int, first: date, last: date) -> bool:
        mine = [row for row in self.rows if row.customer == who]
        ends = ("Application Uninstalled", "Push Address Retired")
        for device in {row.device for row in mine}:
            own = [row for row in mine if row.device == device]
            seen = [
                row
                for row in own
                if row.event not in ends and (row.device is not None or row.event == "Application Opened")
            ]
            if any(first <= row.day <= last for row in seen):
                return True
            before = [row.at for row in seen if first - timedelta(days=180) <= row.day < first]
            gone = [row.at for row in own if row.event in ends and row.day < first]
            if before and (not gone or max(gone) < max(before)):
                return True
        return False

    def launch_days(self, first: date, last: date) -> Pair:
        days = [set(self.days(who, "Application Opened", first, last)) for who in self.people]
        return sum(map(len, days)), sum(map(bool, days))

    def active_users(self, last: date, days: int) -> int:
        first = last - timedelta(days=days - 1)
        return sum(bool(self.days(who, "Application Opened", first, last)) for who in self.people)

    def coupon_pairs(
        self, first: date, last: date, public: set[str], ends: dict[str, date] | None = None
    ) -> list[set[str]]:
        """What happened to each pair issued in the window; "told" and "open" say what is known of its validity."""
        found = []
        for who in self.people:
            if not self.in_period(who, first):
                continue
            for coupon in {row.coupon for row in self.rows if row.customer == who and row.coupon}:
                rows = [row for row in self.rows if row.customer == who and row.coupon == coupon]
                issues = [
                    row.day
                    for row in rows
                    if row.event == "Coupon Issued" or (row.event == "Coupon Viewed" and coupon in public)
                ]
                if issues and first <= min(issues) <= last:
                    found.append({row.event for row in rows} | {coupon} | self._validity(rows, coupon, ends or {}))
        return found

    def _validity(self, rows: list[Happening], coupon: str, ends: dict[str, date]) -> set[str]:
        if any(row.event == "Coupon Expired" for row in rows):
            return {"told"}
        own = [row.until for row in rows if row.event == "Coupon Issued"]
        last = max(day for day in own if day) if own and None not in own else None
        known = [day for day in (last, ends.get(coupon)) if day]
        return set() if not known else {"told", "open"} if min(known) >= self.today else {"told"}

    def purchases(self, who: int, basis: str) -> list[tuple[date, int]]:
        """Day and net amount of each purchase, oldest first."""
        mine = [row for row in self.rows if row.customer == who]
        groups: dict[Any, list[Any]] = {}
        for number, order in orders_of(mine).items():
            if order["counted"]:
                key = {"days": order["day"], "receipts": number, "store_days": (order["day"], order["row"].store)}[
                    basis
                ]
                groups.setdefault(key, []).append((order["day"], order["net"]))
        return sorted((group[0][0], sum(net for _, net in group)) for group in groups.values())

    def purchases_in(self, first: date, last: date, basis: str) -> list[list[tuple[date, int]]]:
        """Per buyer of the window his purchases in it."""
        people = [who for who in self.people if self.in_period(who, first)]
        lists = [[one for one in self.purchases(who, basis) if first <= one[0] <= last] for who in people]
        return [one for one in lists if one]

    def fn_conversion(self, first: date, last: date, *, n: int, days: int, basis: str) -> Pair:
        base = again = 0
        for who in self.people:
            found = [day for day, _ in self.purchases(who, basis)]
            if len(found) < n or not first <= found[n - 1] <= last:
                continue
            nth = found[n - 1]
            if nth + timedelta(days=days) >= self.today or (self.member and not self.member(who, nth)):
                continue
            base += 1
            again += any(day - nth <= timedelta(days=days) for day in found[n:])
        return again, base

    def times(self, who: int, event: str) -> list[date]:
        """Days of an event, one entry per occurrence; orders are counted orders."""
        if event == "Order Completed":
            return [day for day, _ in self.purchases(who, "receipts")]
        return self.days(who, event, date.min, date.max)


def begins(day: date, unit: str, closing_day: int) -> bool:
    """Whether a period begins on ``day``: weeks on Monday, months after the closing day or the last of a shorter month."""
    if unit == "month":
        before = day - timedelta(days=1)
        return before.day == closing_day or (day.day == 1 and before.day < closing_day)
    return unit == "day" or day.weekday() == 0


@cache
def period_start(day: date, unit: str, closing_day: int) -> date:
    """First day of the period that holds ``day``."""
    while not begins(day, unit, closing_day):
        day -= timedelta(days=1)
    return day


@cache
def later(start: date, periods: int, unit: str, closing_day: int) -> date:
    """First day of the period ``periods`` after the one that begins on ``start``."""
    for _ in range(periods):
        start += timedelta(days=1)
        while not begins(start, unit, closing_day):
            start += timedelta(days=1)
    return start


def active(shop: Shop, who: int, start: date, m: int, options: dict[str, Any]) -> bool:
    """``active(c, m)`` of KPI.md for a cohort that begins on ``start``."""
    first, after = (later(start, n, options["unit"], shop.closing_day) for n in (m, m + 1))
    days = [day for day in shop.times(who, options["return"]) if first <= day < after]
    return len(set(days) if options["count_by"] == "days" else days) >= options["k"]


def retention(shop: Shop, first: date, last: date, options: dict[str, Any]) -> dict[tuple[date, int], Any]:
    """Cell by (cohort, period): numerator, denominator, incomplete, complete for H."""
    unit, closes = options["unit"], shop.closing_day
    cohorts: dict[date, set[int]] = {}
    for who in shop.people:
        days = sorted(shop.times(who, options["start"]))
        for day in days[:1] if options["starts"] == "first" else days:
            start = period_start(day, unit, closes)
            end = min(later(start, 1, unit, closes) - timedelta(days=1), shop.today)
            if first <= day <= last and (shop.member is None or shop.member(who, end)):
                cohorts.setdefault(start, set()).add(who)
    cells = {}
    for start, people in cohorts.items():
        for shown, wanted, needs in _columns(options):
            came = sum(any(active(shop, who, start, m, options) for m in wanted) for who in people)
            horizon = options["b"] if options["type"] == "range" else options["horizon"]
            if later(start, shown, unit, closes) <= shop.today:
                over = later(start, needs + 1, unit, closes) <= shop.today
                cells[start, shown] = (
                    came,
                    len(people),
                    not over,
                    later(start, horizon + 1, unit, closes) <= shop.today,
                )
    return cells


def _columns(options: dict[str, Any]) -> list[tuple[int, list[int], int]]:
    horizon = options["horizon"]
    if options["type"] == "range":
        return [(options["a"], list(range(options["a"], options["b"] + 1)), options["b"])]
    if options["type"] == "rolling":
        return [(n, list(range(n, horizon + 1)), horizon) for n in range(horizon + 1)]
    return [(n, [n], n) for n in range(max(options["periods"], horizon) + 1)]
