"""What conditions on behaviour mean, event by event, as slowly and plainly as possible."""

import operator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.segments.history import Happening
from tests.segments.reference_customers import orders_of, verified_only

Found = list[tuple[Happening, Any]]
"""Occurrences, each with its amount."""

OWN = "property:"
KEPT_AS = {("Product Viewed", "product"): "product_id", ("Product Viewed", "brand"): "brand"}


def behaved(document: dict[str, Any], history: list[Happening], who: int, as_of: date, now: datetime) -> bool:
    """Whether a condition with ``event`` is true of one customer of a shop's history."""
    rows = [row for row in verified_only(history) if row.customer == who and row.day <= as_of]
    found = _occurrences(document, rows)
    if "then" in document:
        found = _followed(document, found, rows)
    if "times" in document:
        count = len(_inside(document, found, as_of, now))
        return {"at_least": count >= document["times"], "at_most": count <= document["times"]}.get(
            document["op"], count == document["times"]
        )
    if "sum" in document or "max" in document:
        inside = _inside(document, found, as_of, now)
        of = document.get("sum") or document["max"]
        if of == "amount":
            return _measured(document, [amount for _, amount in inside])
        own = [[row.score] if of == "score" else own_numbers(row, of.removeprefix(OWN)) for row, _ in inside]
        return _measured(document, [number for numbers in own for number in numbers if number is not None])
    days = [row.day for row, _ in found]
    if "when" in document:
        return bool(days) and _at(document, min(days) if document["when"] == "first" else max(days), as_of)
    if "in_periods" in document:
        did = [period for period in _periods(document, as_of) if any(period(day) for day in days)]
        return len(did) >= document["in_periods"]
    return _changed(document, [(as_of - day).days for day in days])


def _occurrences(document: dict[str, Any], rows: list[Happening]) -> Found:
    event = document["event"]
    if event == "Order Completed":
        found = [(order["row"], order["net"]) for order in orders_of(rows).values() if order["counted"]]
    else:
        found = [(row, row.amount or 0) for row in rows if row.event == event]
    where = document.get("where", {}).items()
    return [(row, amount) for row, amount in found if all(_matches(row, name, value) for name, value in where)]


def own_values(row: Happening, name: str) -> list[Any]:
    """Texts, numbers, true and false; what is kept of a property."""
    value = dict(row.own).get(name)
    values = value if isinstance(value, list) else [value]
    plain = [one for one in values if isinstance(one, str | int | float)]
    return [one for one in plain if isinstance(one, str) or abs(one) <= 10**12]


def own_words(row: Happening, name: str) -> list[str]:
    written = {True: "true", False: "false"}
    values = own_values(row, name)
    return [written[one] if isinstance(one, bool) else one if isinstance(one, str) else f"{one:g}" for one in values]


def own_numbers(row: Happening, name: str) -> list[Decimal]:
    """To four places."""
    return [round(Decimal(str(value)), 4) for value in own_values(row, name) if _is_number(value)]


def _is_number(value: Any) -> bool:
    return not isinstance(value, bool) and (not isinstance(value, str) or value.replace(".", "", 1).isdecimal())


SIZES = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "!=": operator.ne}
DENIED = {"not_in": "in", "not_contains": "contains"}


def _own_matches(row: Happening, name: str, asked: Any) -> bool:
    if isinstance(asked, bool):
        asked = str(asked).lower()
    if isinstance(asked, int | float):
        return asked in own_numbers(row, name)
    if not isinstance(asked, dict):
        asked = {"in": asked if isinstance(asked, list) else [asked]}
    ((op, value),) = asked.items()
    if op == "is_set":
        return bool(own_words(row, name)) is value
    if op in DENIED:
        return bool(own_words(row, name)) and not _one_is(row, name, DENIED[op], value)
    return _one_is(row, name, op, value)


def _one_is(row: Happening, name: str, op: str, value: Any) -> bool:
    words, numbers = own_words(row, name), own_numbers(row, name)
    if op in SIZES:
        return any(SIZES[op](number, value) for number in numbers)
    return {
        "in": lambda: any(word in value for word in words),
        "has_all": lambda: all(one in words for one in value),
        "contains": lambda: any(value in word for word in words),
        "starts_with": lambda: any(word.startswith(value) for word in words),
        "between": lambda: any(value[0] <= number <= value[1] for number in numbers),
    }[op]()


def _matches(row: Happening, name: str, asked: Any) -> bool:
    if name.startswith(OWN):
        return _own_matches(row, name.removeprefix(OWN), asked)
    return _known_matches(row, name, asked)


def _known_matches(row: Happening, name: str, asked: Any) -> bool:
    words, numbers = _values(row, name)
    match asked:
        case {"not_in": texts}:
            return bool(words) and not words & {*texts}
        case {"between": [low, high]}:
            return any(low <= number <= high for number in numbers)
        case {">=": low}:
            return any(number >= low for number in numbers)
        case {"<=": high}:
            return any(number <= high for number in numbers)
        case list():
            return bool(words & {*asked})
    return asked in words


def _values(row: Happening, name: str) -> tuple[set[str], list[int]]:
    ordered = row.event == "Order Completed"
    if name == "category":
        words = {category for category, _, _ in row.lines} if ordered else {row.category}
    elif (row.event, name) in KEPT_AS:
        words = {*own_words(row, KEPT_AS[row.event, name])}
    elif name == "product":
        words = {*row.products[: len(row.lines)]}
    elif name == "brand":
        words = {*row.brands[: len(row.lines)]}
    elif name == "campaign":
        words = {str(row.campaign) if row.campaign is not None else None}
    elif name in ("amount", "score"):
        number = (row.amount or 0) if ordered else getattr(row, name)
        return set(), [] if number is None else [number]
    else:
        words = {getattr(row, name)}
    return {word for word in words if word}, []


def _followed(document: dict[str, Any], firsts: Found, rows: list[Happening]) -> Found:
    then = document["then"]
    within = timedelta(hours=then.get("within_hours", 0), days=then.get("within_days", 0))
    return [
        (second, amount)
        for second, amount in _occurrences(then, rows)
        if any(
            (first.at, first.seq) < (second.at, second.seq) and second.at - first.at <= within for first, _ in firsts
        )
    ]


def _inside(document: dict[str, Any], found: Found, as_of: date, now: datetime) -> Found:
    if document.get("hours") or document.get("minutes"):
        span = timedelta(hours=document.get("hours", 0), minutes=document.get("minutes", 0))
        return [(row, amount) for row, amount in found if now - span < row.at <= now]
    first = date.fromisoformat(document["from"]) if document.get("from") else date.min
    last = date.fromisoformat(document["to"]) if document.get("to") else date.max
    if days := document.get("days") or 7 * document.get("weeks", 0):
        first = as_of - timedelta(days=days - 1)
    return [(row, amount) for row, amount in found if first <= row.day <= last]


def _measured(document: dict[str, Any], amounts: list[Any]) -> bool:
    if "max" in document and not amounts:
        return False
    size = sum(amounts) if "sum" in document else max(amounts)
    if document["op"] == "between":
        low, high = (Decimal(str(end)) for end in document["value"])
        return bool(low <= size <= high)
    value = Decimal(str(document["value"]))
    return bool(size >= value if document["op"] == ">=" else size <= value)


def _at(document: dict[str, Any], day: date, as_of: date) -> bool:
    op, value = document["op"], document["value"]
    if op == "within_days":
        return (as_of - day).days in range(value)
    if op == "before_days":
        return (as_of - day).days >= value
    return day.isoformat() >= value if op == "on_or_after" else day.isoformat() <= value


def _periods(document: dict[str, Any], as_of: date) -> list[Any]:
    """For each period whether a day is in it."""
    found = []
    month = as_of.replace(day=1)
    for ago in range(document["of_last"]):
        if document["unit"] == "month":
            found.append(lambda day, of=month: (day.year, day.month) == (of.year, of.month))
            month = (month - timedelta(days=1)).replace(day=1)
        else:
            span = 7 if document["unit"] == "week" else 1
            last = as_of - timedelta(days=span * ago)
            found.append(lambda day, last=last, span=span: last - timedelta(days=span) < day <= last)
    return found


def _changed(document: dict[str, Any], ages: list[int]) -> bool:
    span = document["days"]
    recent = any(age < span for age in ages)
    before = any(span <= age < 2 * span for age in ages)
    if document["change"] == "stopped":
        return before and not recent
    return recent and not before and any(age >= 2 * span for age in ages)
