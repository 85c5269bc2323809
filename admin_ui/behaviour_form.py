"""The builder's fields of a condition on behaviour: what happened, with which properties, how often, when, and what followed."""

from collections.abc import Mapping, Sequence

from babel.numbers import get_currency_precision

from admin_ui import own_filter_form, typed_values
from admin_ui.i18n import mark
from admin_ui.rule_tree import Node, filters_of
from segments.event_properties import is_own
from segments.events import VOCABULARY
from segments.rules.behaviour import NUMBERS, has_amount, has_score, is_money, properties_of
from segments.rules.conditions import CONDITIONS, PropertyChoice
from segments.rules.operators import EVENT_OPERATORS, OPERATORS, Kind, Operand, Operator

MEASURES: Mapping[str, str] = {
    "times": mark("how often"),
    "sum": mark("the sum"),
    "max": mark("the largest"),
    "first": mark("the first time"),
    "last": mark("the last time"),
    "in_periods": mark("regularly"),
    "stopped": mark("stopped"),
    "came_back": mark("came back"),
}
"""What a condition can ask of a behaviour."""

WINDOWS: Mapping[str, str] = {
    "ever": mark("ever"),
    "days": mark("in the last … days"),
    "weeks": mark("in the last … weeks"),
    "hours": mark("in the last … hours"),
    "minutes": mark("in the last … minutes"),
    "dates": mark("between two days"),
}
PERIODS: Mapping[str, str] = {"day": mark("days"), "week": mark("weeks"), "month": mark("months")}
SPANS: Mapping[str, str] = {"hours": mark("hours"), "days": mark("days")}
TEXT_FILTERS: Mapping[str, str] = {"in": mark("is one of"), "not_in": mark("is none of")}
NUMBER_FILTERS: Mapping[str, str] = {">=": mark("is at least"), "<=": mark("is at most"), "between": mark("is between")}

_AMOUNTS = tuple(
    Operator(each.op, each.operand, each.ja, each.en) for each in OPERATORS[Kind.NUMBER] if each.op in NUMBER_FILTERS
)
_MOMENTS = tuple(
    each for each in OPERATORS[Kind.DATE] if each.op in ("within_days", "before_days", "on_or_after", "on_or_before")
)
_DEFAULTS = {
    "times": "1",
    "sum": "1000",
    "max": "1000",
    "first": "30",
    "last": "30",
    "stopped": "30",
    "came_back": "30",
}
_WINDOWED = ("times", "sum", "max")

MOST_FILTERS = 10
own = own_filter_form
"""Fields of filters on a shop's own properties."""

FOLLOWERS = VOCABULARY
"""Events that can be what followed."""

_ERRORS: Mapping[str, str] = {
    "times": mark("Enter how many times, from 1 to 100 (0 to 99 for at most and exactly)."),
    "value": mark("Enter a whole number, or two with the lower one first."),
    "own_value": mark("Enter a number with at most four decimals, or two with the lower one first."),
    "measured": mark("Enter the name of a property that holds numbers and says nothing about a person."),
    "moment": mark("Enter a number of days from 1 to 3,650, or a day."),
    "window": mark("Enter how long, for example 30 days (up to ten years; 7 days in hours or minutes)."),
    "dates": mark("Enter a first or a last day, the first one before the last."),
    "where": mark("Complete the filter, use each property once, or take it away."),
    "then": mark("Enter within how long it has to follow: up to a year."),
    "periods": mark("Enter in how many of how many periods, for example 3 of 4."),
    "days": mark("Enter a number of days."),
}


_EVENTS = {event.name: event for event in CONDITIONS.events}
_ANY_PROPERTY = {each.name: each for event in CONDITIONS.events for each in event.properties}


def properties(event: str) -> list[PropertyChoice]:
    """What occurrences of an event can be filtered by, a custom event's too."""
    if event in _EVENTS:
        return [*_EVENTS[event].properties]
    return [_ANY_PROPERTY[str(each)] for each in properties_of(event)]


def may_filter(node: Node, prefix: str, event: str) -> bool:
    """Whether there is room for one more filter."""
    most = MOST_FILTERS if own.may_have(event) else len(properties(event))
    return len(filters_of(node, prefix)) < most


def other_followers(node: Node, own_events: Sequence[str]) -> list[str]:
    """Events of the shop's own that can be what followed, the one that does among them."""
    known = {str(each.name) for each in FOLLOWERS}
    return sorted({*own_events, node.get("then")} - known - {""})


def counted(node: Node) -> str:
    """The event that is counted: of a sequence the second."""
    return node.get("then") or node.name


def measures(node: Node) -> dict[str, str]:
    """What can be asked of this event, by name."""
    sized = own.may_have(counted(node)) or has_amount(node.name)
    return {name: label for name, label in MEASURES.items() if sized or name not in ("sum", "max")}


def amounts(node: Node) -> dict[str, str]:
    """What can be summed without being a shop's own property."""
    event = counted(node)
    found = {"amount": mark("the amount")} if has_amount(event) else {}
    return found | ({"score": mark("the score")} if has_score(event) else {})


def measured(node: Node) -> str:
    """What is summed: ``amount``, ``score`` or an own property."""
    return node.get("measured", "amount")


def is_amount(node: Node) -> bool:
    """Whether an amount is summed, in money or points."""
    return measured(node) == "amount"


def measure(node: Node) -> str:
    """What is asked."""
    asked = node.get("measure", "times")
    return asked if asked in measures(node) else "times"


def windowed(node: Node) -> bool:
    """Whether a period belongs to what is asked."""
    return measure(node) in _WINDOWED


def operators(node: Node) -> tuple[Operator, ...]:
    """What the measure can be compared with."""
    match measure(node):
        case "times":
            return EVENT_OPERATORS
        case "sum" | "max":
            return _AMOUNTS
        case "first" | "last":
            return _MOMENTS
        case _:
            return ()


def operand(node: Node) -> Operand:
    """What stands beside the chosen operator."""
    return next((each.operand for each in operators(node) if each.op == node.get("op")), Operand.NOTHING)


def money(node: Node) -> bool:
    """Whether the amounts that are asked are money."""
    return is_amount(node) and is_money(counted(node))


def settle(node: Node) -> None:
    """Give every field that the measure needs a value to begin with, and an operator that fits."""
    asked = measure(node)
    node.typed["measure"] = asked
    fitting = [each.op for each in operators(node)]
    if fitting and node.get("op") not in fitting:
        node.typed["op"] = ">=" if ">=" in fitting else fitting[0]
    node.typed.setdefault("value", _DEFAULTS.get(asked, ""))
    if node.get("window") not in WINDOWS:
        node.typed["window"] = "days" if node.get("span") or node.get("days") else "ever"
    if asked in ("sum", "max"):
        _settle_measured(node)
    if asked == "in_periods":
        node.typed = {"least": "3", "of_last": "4", "unit": "month", **node.typed}
    for prefix, event in (("f", node.name), ("t", node.get("then"))):
        _settle_filters(node, prefix, event)


def _settle_measured(node: Node) -> None:
    own.take_name(node, "measured", "measured-own")
    known = [*amounts(node)]
    if node.get("measured") not in known and not is_own(node.get("measured")):
        node.typed["measured"] = known[0] if known else own.ANOTHER


def _settle_filters(node: Node, prefix: str, event: str) -> None:
    known = [str(each) for each in properties_of(event)]
    taken = [node.get(f"{each}-name") for each in filters_of(node, prefix)]
    for each in filters_of(node, prefix):
        if node.get(f"{each}-of") not in ("", node.get(f"{each}-name")):  # a store is no category
            node.typed[f"{each}-value"] = ""
            node.ticked.pop(f"{each}-has", None)
        if not (own.is_of_own(node, each) and own.may_have(event)) and node.get(f"{each}-name") not in known:
            node.typed[f"{each}-name"] = _first_choice(event, [name for name in known if name not in taken])
        if own.is_of_own(node, each):
            own.settle(node, each)
        node.typed[f"{each}-of"] = node.get(f"{each}-name")
        if own.is_of_own(node, each):
            if own.operand(node, each) is Operand.TEXTS:
                tick(node, f"{each}-value", f"{each}-has")
            continue
        allowed = NUMBER_FILTERS if is_number(node, each) else TEXT_FILTERS
        if node.get(f"{each}-op") not in allowed:
            node.typed[f"{each}-op"] = next(iter(allowed))
        if not is_number(node, each):
            tick(node, f"{each}-value", f"{each}-has")


def _first_choice(event: str, left: list[str]) -> str:
    """What a new filter is about: of a shop's own event one of its own properties."""
    if not left or (event not in _EVENTS and own.may_have(event)):
        return own.ANOTHER if own.may_have(event) else str(properties_of(event)[0])
    return left[0]


def tick(node: Node, typed: str, boxes: str) -> None:
    """Make boxes of values that were typed with commas between them."""
    if values := typed_values.texts(node.boxes(boxes), node.get(typed)):
        node.ticked[boxes] = tuple(values)
        node.typed[typed] = ""


def is_number(node: Node, which: str) -> bool:
    """Whether a filter compares by size."""
    return node.get(f"{which}-name") in NUMBERS


def scale_of(event: str, currency: str) -> int:
    """Decimals that people type of an event's amounts."""
    return get_currency_precision(currency) if is_money(event) else 0


def problem(node: Node, path: tuple[str | int, ...]) -> tuple[str, str]:
    """What to say of a refusal at ``path`` of the condition's JSON, and of which field."""
    at = str(path[0]) if path else ""
    asked = measure(node)
    if at in ("where", "then"):
        return (_ERRORS["where"], "f0-value") if "where" in path else (_ERRORS["then"], "then-span")
    if at in ("sum", "max"):
        return _ERRORS["measured"], "measured-own"
    if at == "value" and asked in ("sum", "max") and is_own(measured(node)):
        return _ERRORS["own_value"], "value"
    if at in ("from", "to"):
        return _ERRORS["dates"], at
    if at in ("days", "weeks", "hours", "minutes") and asked in _WINDOWED:
        return _ERRORS["window"], "span"
    named = {
        "times": "times",
        "sum": "value",
        "max": "value",
        "first": "moment",
        "last": "moment",
        "in_periods": "periods",
    }
    return _ERRORS[named.get(asked, "days")], "least" if asked == "in_periods" else "value"
