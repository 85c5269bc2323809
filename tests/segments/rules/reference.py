"""What rules mean, written as slowly and plainly as possible. Shares nothing with the interpreters under test."""

import hashlib
from datetime import date, timedelta
from typing import Any


def holds(document: dict[str, Any], row: dict[str, Any]) -> bool:
    """Whether the rule of a JSON document is true of a frame row."""
    if "all" in document:
        return all(holds(part, row) for part in document["all"])
    if "any" in document:
        return any(holds(part, row) for part in document["any"])
    if "not" in document:
        return not holds(document["not"], row)
    return _condition_holds(document, row)


def _condition_holds(document: dict[str, Any], row: dict[str, Any]) -> bool:
    if "event" in document:
        return _behaved(document, row)
    if "list" in document:
        return bool(row[f"list:{document['list']}"])
    if "share" in document:
        spot = _spot(row["customer_id"], document["salt"]) / 100
        return bool(document["share"][0] <= spot < document["share"][1])
    return _is(document["op"], _value(document["attribute"], row), document.get("value"), row["as_of"])


def _spot(customer_id: int, salt: str) -> int:
    """A polynomial of the third degree, term by term."""
    prime = 2**31 - 1
    digest = hashlib.blake2b(salt.encode(), digest_size=32, person=b"share").digest()
    cubed, squared, single, alone = (int.from_bytes(digest[place : place + 8], "big") for place in (0, 8, 16, 24))
    mixed = (cubed * customer_id**3 + squared * customer_id**2 + single * customer_id + alone) % prime
    return mixed * 10_000 // prime


def _value(name: str, row: dict[str, Any]) -> Any:
    """Ages by counting birthdays one by one."""
    if name not in ("age", "age_band", "birthday_in"):
        return row[name]
    if None in (row["birth_year"], row["birth_month"], row["birth_day"]):
        return None
    as_of, born = row["as_of"], date(row["birth_year"], row["birth_month"], row["birth_day"])
    if name == "birthday_in":
        return next(days for days in range(367) if _is_birthday(as_of + timedelta(days=days), born))
    if born > as_of:
        return None
    age = sum(_is_birthday(born + timedelta(days=days), born) for days in range(1, (as_of - born).days + 1))
    if name == "age":
        return age
    return "-19" if age < 20 else "70-" if age >= 70 else f"{age // 10}0-{age // 10}9"


def _is_birthday(day: date, born: date) -> bool:
    leap = day.year % 4 == 0 and (day.year % 100 != 0 or day.year % 400 == 0)
    as_born = (day.month, day.day) == (born.month, born.day)
    return as_born or ((born.month, born.day) == (2, 29) and not leap and (day.month, day.day) == (2, 28))


def _behaved(document: dict[str, Any], row: dict[str, Any]) -> bool:
    occurred = row.get(f"days:{document['event']}") or []
    if document.get("days") is not None:
        period = {row["as_of"] - timedelta(days=age) for age in range(document["days"])}
        occurred = [day for day in occurred if day in period]
    if document["op"] == "at_least":
        return len(occurred) >= document["times"]
    if document["op"] == "at_most":
        return len(occurred) <= document["times"]
    return len(occurred) == document["times"]


def _is(op: str, found: Any, value: Any, as_of: date) -> bool:
    if found is None:
        return op in {"!=", "is_not", "not_in", "not_contains", "is_false", "is_not_set"}
    if op in {"within_days", "before_days"}:
        age = (as_of - found).days
        return age in range(value) if op == "within_days" else age >= value
    if op == "next_days":
        return (found - as_of).days in range(value)
    if op in {"on_or_after", "on_or_before"}:
        found = found.isoformat()
    answers = {
        "=": lambda: found == value,
        "is": lambda: found == value,
        "!=": lambda: found != value,
        "is_not": lambda: found != value,
        "<": lambda: found < value,
        "<=": lambda: found < value or found == value,
        ">": lambda: found > value,
        ">=": lambda: found > value or found == value,
        "between": lambda: found in range(value[0], value[1] + 1),
        "in": lambda: any(found == text for text in value),
        "not_in": lambda: all(found != text for text in value),
        "contains": lambda: found.find(value) >= 0,
        "not_contains": lambda: found.find(value) < 0,
        "starts_with": lambda: found[: len(value)] == value,
        "is_set": lambda: True,
        "is_not_set": lambda: False,
        "is_true": lambda: found is True,
        "is_false": lambda: found is False,
        "on_or_after": lambda: found >= value,
        "on_or_before": lambda: found <= value,
    }
    return answers[op]()
