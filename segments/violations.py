"""Checks events against a tracking plan: which rules does this event break, and where exactly? Pure and quick.

A plan is compiled once. Checking one event is then a walk over the properties that its plan names, without a look at
the others; an event without planned properties costs one look-up.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from segments.failures import EventFailure
from segments.occurrence import parse_time
from segments.plan import Plan, PlannedEvent, PropertyType, path_steps

MOST_VIOLATIONS = 20
"""Violations that are kept of one event; what has more is wrong altogether."""
LONGEST_PATH = 200
"""Characters of a path; the rest of a longer one is cut off."""


class Code(StrEnum):
    """Rules of a plan that an event can break."""

    UNKNOWN_EVENT = "unknown_event"
    MISSING_REQUIRED = "missing_required"
    WRONG_TYPE = "wrong_type"
    NOT_A_VALUE = "not_a_value"
    UNKNOWN_PROPERTY = "unknown_property"


WORDS = MappingProxyType(
    {
        Code.UNKNOWN_EVENT: ("計画にないイベントです", "The plan does not know the event"),
        Code.MISSING_REQUIRED: ("必須のプロパティがありません", "A required property is missing"),
        Code.WRONG_TYPE: ("プロパティの型が計画と違います", "A property is not of the planned type"),
        Code.NOT_A_VALUE: ("計画にない値です", "Not one of the planned values"),
        Code.UNKNOWN_PROPERTY: ("計画にないプロパティです", "The plan does not know the property"),
    }
)
"""Every code with its words: (Japanese, English)."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One rule that an event breaks. ``path`` leads to the value: ``properties.products[2].price``."""

    code: Code
    path: str

    def __str__(self) -> str:
        """As it is stored: code and path with a colon between."""
        return f"{self.code}:{self.path}"

    @property
    def pattern(self) -> str:
        """The path without the places in lists: ``properties.products[].price``."""
        return re.sub(r"\[\d+\]", "[]", self.path)


def read_violation(text: str) -> Violation:
    """A violation from how it is stored.

    Raises:
        ValueError: a text that is none.
    """
    code, _, path = text.partition(":")
    return Violation(Code(code), path)


@dataclass(slots=True)
class _Node:
    """One place of a planned event: what may stand there, and what stands below it."""

    kind: PropertyType
    required: bool = False
    values: frozenset[str] = frozenset()
    below: dict[str, "_Node"] = field(default_factory=dict)
    element: "_Node | None" = None


_Place = tuple[Any, str | int] | None
"""The way to a value, last step first; written out only where something is wrong."""
_Deeper = Callable[[Any, _Place, list[Violation]], None]
_Rule = tuple[str, str, bool, frozenset[type], _Deeper | None]
"""Name, its step in a path, required, the types that JSON gives for it, and what else must be looked at."""

_EXACT: dict[PropertyType, frozenset[type]] = {
    PropertyType.STRING: frozenset({str}),
    PropertyType.NUMBER: frozenset({int, float}),
    PropertyType.INTEGER: frozenset({int}),
    PropertyType.BOOLEAN: frozenset({bool}),
    PropertyType.TIME: frozenset({str}),
    PropertyType.OBJECT: frozenset({dict}),
    PropertyType.LIST: frozenset({list}),
    PropertyType.ENUM: frozenset({str}),
}


class CompiledPlan:
    """A plan, ready to check events. Immutable: it can be shared."""

    __slots__ = ("_closed", "_events")

    def __init__(self, plan: Plan) -> None:
        self._closed = plan.closed
        self._events = {event.name: _compile_event(event) for event in plan.events}

    def check(self, name: str, properties: dict[str, Any]) -> list[Violation]:
        """What the event breaks, at most `MOST_VIOLATIONS`; nothing where the plan has nothing to say."""
        event = self._events.get(name)
        if event is None:
            return [Violation(Code.UNKNOWN_EVENT, "event")] if self._closed else []
        found: list[Violation] = []
        rules, names = event
        if rules:
            _check_object(rules, properties, None, found)
        if names is not None:
            unknown = sorted(properties.keys() - names)[:MOST_VIOLATIONS]
            found += [_broken(Code.UNKNOWN_PROPERTY, (None, _step(name))) for name in unknown]
        return found[:MOST_VIOLATIONS]


def _compile_event(event: PlannedEvent) -> tuple[tuple[_Rule, ...], frozenset[str] | None]:
    root = _Node(PropertyType.OBJECT)
    for item in sorted(event.properties, key=lambda item: len(path_steps(item.path))):
        steps = path_steps(item.path)
        place = root
        for step, following in zip(steps, (*steps[1:], ""), strict=True):
            holder = PropertyType.LIST if following == "[]" else PropertyType.OBJECT
            place = _step_into(place, step, item.type if following == "" else holder)
        place.kind, place.required, place.values = item.type, item.required, frozenset(item.values)
    return _rules(root), frozenset(root.below) if event.closed else None


def _step_into(place: _Node, step: str, kind: PropertyType) -> _Node:
    if step != "[]":
        return place.below.setdefault(step, _Node(kind))
    if place.element is None:
        place.element = _Node(kind)
    return place.element


def _rules(node: _Node) -> tuple[_Rule, ...]:
    return tuple(
        (name, _step(name), below.required, _EXACT[below.kind], _deeper(below)) for name, below in node.below.items()
    )


def _check_object(rules: tuple[_Rule, ...], values: dict[str, Any], place: _Place, found: list[Violation]) -> None:
    for name, step, required, types, deeper in rules:
        value = values.get(name)
        if value is None:
            if required:
                found.append(_broken(Code.MISSING_REQUIRED, (place, step)))
        elif type(value) not in types:
            if not _is_whole(types, value):
                found.append(_broken(Code.WRONG_TYPE, (place, step)))
        elif deeper is not None:
            deeper(value, (place, step), found)


def _broken(code: Code, place: _Place) -> Violation:
    """A violation with its path written out."""
    steps: list[str] = []
    while place is not None:
        place, step = place
        steps.append(step if isinstance(step, str) else f"[{step}]")
    return Violation(code, f"properties{''.join(reversed(steps))}"[:LONGEST_PATH])


def _is_whole(types: frozenset[type], value: Any) -> bool:
    """JSON does not tell 5.0 from 5."""
    return types is _EXACT[PropertyType.INTEGER] and isinstance(value, float) and value.is_integer()


def _deeper(node: _Node) -> _Deeper | None:
    if node.kind is PropertyType.TIME:
        return _check_time
    if node.kind is PropertyType.ENUM:
        return _enum_check(node.values)
    if node.kind is PropertyType.OBJECT and node.below:
        rules = _rules(node)
        return lambda value, place, found: _check_object(rules, value, place, found)
    if node.kind is PropertyType.LIST and node.element is not None:
        return _list_check(node.element)
    return None


def _check_time(value: str, place: _Place, found: list[Violation]) -> None:
    try:
        parse_time(value)
    except EventFailure:
        found.append(_broken(Code.WRONG_TYPE, place))


def _enum_check(values: frozenset[str]) -> _Deeper:
    def check(value: str, place: _Place, found: list[Violation]) -> None:
        if value not in values:
            found.append(_broken(Code.NOT_A_VALUE, place))

    return check


def _list_check(element: _Node) -> _Deeper:
    types, deeper = _EXACT[element.kind], _deeper(element)

    def check(items: list[Any], place: _Place, found: list[Violation]) -> None:
        for number, item in enumerate(items):
            if len(found) >= MOST_VIOLATIONS:
                return
            if type(item) not in types:
                if not _is_whole(types, item):
                    found.append(_broken(Code.WRONG_TYPE, (place, number)))
            elif deeper is not None:
                deeper(item, (place, number), found)

    return check


def _step(name: str) -> str:
    """A name as a step of a path; one that would be taken for a path is written as a JSON text."""
    plain = path_steps(name) == (name,) and name.isprintable()
    return f".{name}" if plain else f"[{json.dumps(name)}]"
