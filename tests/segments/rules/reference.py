"""What rules mean, written as slowly and plainly as possible. Shares nothing with the interpreters under test."""

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
    if "event" in document:
        return _behaved(document, row)
    return _is(document["op"], row[document["attribute"]], document.get("value"), row["as_of"])


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
        return op in {"!=", "is_not", "not_in", "is_false", "is_not_set"}
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
        "starts_with": lambda: found[: len(value)] == value,
        "is_set": lambda: True,
        "is_not_set": lambda: False,
        "is_true": lambda: found is True,
        "is_false": lambda: found is False,
        "on_or_after": lambda: found >= value,
        "on_or_before": lambda: found <= value,
    }
    return answers[op]()
