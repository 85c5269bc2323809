"""One table of cases that every interpreter of rules must answer alike: a rule, a person, the verdict."""

from typing import Any

from tests.segments.rules.people import ago, person

ORDER = "Order Completed"
OPENED = "Application Opened"

NOBODY = person()
ONCE = person({ORDER: [30]}, orders=1, first_order=ago(30), last_order=ago(30), spend=1280, rank="gold", reachable=True)
OFTEN = person({ORDER: [0, 0, 6, 7, 400]}, orders=5, last_order=ago(0), spend=98000, rank="silver", reachable=False)


def attribute(name: str, op: str, *value: Any) -> dict[str, Any]:
    return {"attribute": name, "op": op, **({"value": value[0]} if value else {})}


def did(op: str, times: int, days: int | None = None, event: str = ORDER) -> dict[str, Any]:
    return {"event": event, "op": op, "times": times, **({"days": days} if days else {})}


CASES: list[tuple[dict[str, Any], dict[str, Any], bool]] = [
    # numbers
    (attribute("orders", "=", 1), ONCE, True),
    (attribute("orders", "=", 1), OFTEN, False),
    (attribute("orders", "!=", 1), ONCE, False),
    (attribute("birth_year", "!=", 1990), NOBODY, True),
    (attribute("birth_year", "=", 1990), NOBODY, False),
    (attribute("birth_year", "<", 1990), NOBODY, False),
    (attribute("birth_month", "<=", 3), person(birth_month=3), True),
    (attribute("birth_month", "<", 3), person(birth_month=3), False),
    (attribute("birth_month", "=", 1000), person(birth_month=3), False),
    (attribute("birth_month", "!=", -(10**15)), person(birth_month=3), True),
    (attribute("spend", ">", 1280), ONCE, False),
    (attribute("spend", ">=", 1280), ONCE, True),
    (attribute("spend", "between", [1280, 1280]), ONCE, True),
    (attribute("spend", "between", [0, 1279]), ONCE, False),
    # texts
    (attribute("rank", "is", "gold"), ONCE, True),
    (attribute("rank", "is", "Gold"), ONCE, False),
    (attribute("rank", "is", "gold"), NOBODY, False),
    (attribute("rank", "is_not", "gold"), NOBODY, True),
    (attribute("rank", "in", ["gold", "silver"]), OFTEN, True),
    (attribute("rank", "in", ["gold", "silver"]), NOBODY, False),
    (attribute("rank", "not_in", ["gold", "bronze"]), OFTEN, True),
    (attribute("rank", "not_in", ["gold"]), NOBODY, True),
    (attribute("rank", "contains", "ol"), ONCE, True),
    (attribute("rank", "contains", "o."), ONCE, False),
    (attribute("prefecture", "starts_with", "東"), person(prefecture="東京都"), True),
    (attribute("prefecture", "starts_with", "京"), person(prefecture="東京都"), False),
    (attribute("rank", "is_set"), ONCE, True),
    (attribute("rank", "is_not_set"), NOBODY, True),
    # yes and no: unknown counts as no
    (attribute("reachable", "is_true"), ONCE, True),
    (attribute("reachable", "is_true"), NOBODY, False),
    (attribute("reachable", "is_false"), OFTEN, True),
    (attribute("reachable", "is_false"), NOBODY, True),
    # days: the last 30 days end with the as-of day, so day 30 is outside them
    (attribute("last_order", "within_days", 30), ONCE, False),
    (attribute("last_order", "within_days", 31), ONCE, True),
    (attribute("last_order", "before_days", 30), ONCE, True),
    (attribute("last_order", "before_days", 31), ONCE, False),
    (attribute("last_order", "within_days", 1), OFTEN, True),
    (attribute("last_order", "before_days", 30), NOBODY, False),
    (attribute("last_order", "on_or_after", "2026-05-31"), ONCE, True),
    (attribute("last_order", "on_or_after", "2026-06-01"), ONCE, False),
    (attribute("last_order", "on_or_before", "2026-05-31"), ONCE, True),
    (attribute("last_order", "on_or_before", "2026-05-30"), ONCE, False),
    (attribute("last_order", "is_set"), ONCE, True),
    (attribute("last_order", "is_not_set"), NOBODY, True),
    # behaviour
    (did("at_least", 1), ONCE, True),
    (did("at_least", 1), NOBODY, False),
    (did("at_least", 1, 30), ONCE, False),
    (did("at_least", 1, 31), ONCE, True),
    (did("at_least", 2, 1), OFTEN, True),
    (did("at_least", 3, 1), OFTEN, False),
    (did("at_least", 4, 7), OFTEN, False),
    (did("at_least", 4, 8), OFTEN, True),
    (did("at_most", 0, 30), ONCE, True),
    (did("at_most", 0, 31), ONCE, False),
    (did("at_most", 0), NOBODY, True),
    (did("at_most", 4, 365), OFTEN, True),
    (did("exactly", 5), OFTEN, True),
    (did("exactly", 4, 365), OFTEN, True),
    (did("exactly", 3, 365), OFTEN, False),
    (did("exactly", 0, 365, OPENED), OFTEN, True),
    (did("at_least", 1, None, "Never Heard Of"), OFTEN, False),
    (did("at_most", 99, 5, "Never Heard Of"), OFTEN, True),
    # groups
    ({"all": []}, NOBODY, True),
    ({"all": [attribute("orders", "=", 1), did("at_most", 0, 30)]}, ONCE, True),
    ({"all": [attribute("orders", "=", 1), did("at_least", 1, 30)]}, ONCE, False),
    ({"any": [attribute("orders", ">", 3), attribute("rank", "is", "gold")]}, ONCE, True),
    ({"any": [attribute("orders", ">", 3), attribute("rank", "is", "gold")]}, NOBODY, False),
    ({"not": {"all": []}}, NOBODY, False),
    ({"not": attribute("birth_year", "<", 1990)}, NOBODY, True),
    ({"all": [{"any": [{"not": did("at_least", 1)}, attribute("orders", "=", 5)]}, {"all": []}]}, OFTEN, True),
]
