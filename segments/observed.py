"""What the properties of an event look like in fact: paths, types, how often, an example. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from segments.failures import EventFailure
from segments.occurrence import parse_time
from segments.plan import DEEPEST_PATH, PlannedEvent, PlannedProperty, PropertyType, path_steps

MOST_PATHS = 200
_LONGEST_EXAMPLE = 60
_DATED = 10
"""Characters of a date: a shorter text is not taken for a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """One property as it came.

    Attributes:
        path: as a plan writes it.
        types: what it was, most frequent first.
        events: in how many of the sampled events it stood.
        share: those of the sampled events; None below a list, where it can stand more than once.
        example: the latest value, shortened.
    """

    path: str
    types: tuple[PropertyType, ...]
    events: int
    share: float | None
    example: str


def observe(samples: Sequence[Mapping[str, Any]]) -> tuple[Observed, ...]:
    """The properties of sampled events, newest first, in the order of their paths."""
    types: dict[str, Counter[PropertyType]] = {}
    events, examples = Counter[str](), dict[str, str]()
    for properties in samples:
        found = list(_walk(properties, "", 0))
        events.update({path for path, _ in found})
        for path, value in found:
            types.setdefault(path, Counter())[type_of(value)] += 1
            examples.setdefault(path, _example(value))
    return tuple(
        Observed(
            path=path,
            types=tuple(kind for kind, _ in types[path].most_common()),
            events=events[path],
            share=None if "[]" in path else events[path] / len(samples),
            example=examples[path],
        )
        for path in sorted(types)[:MOST_PATHS]
    )


def propose(name: str, observed: Sequence[Observed]) -> PlannedEvent:
    """A planned event from what came: the types that were always the same; required is what nobody lacked."""
    steady = [each for each in observed if len(each.types) == 1 or set(each.types) <= _NUMBERS]
    properties = [
        PlannedProperty(
            path=each.path,
            type=PropertyType.NUMBER if len(each.types) > 1 else each.types[0],
            required=each.share == 1.0,
        )
        for each in steady
    ]
    return PlannedEvent(name=name, properties=tuple(properties))


_NUMBERS = {PropertyType.INTEGER, PropertyType.NUMBER}


def type_of(value: Any) -> PropertyType:
    """The type of a JSON value that is not null."""
    if isinstance(value, bool):
        return PropertyType.BOOLEAN
    if isinstance(value, str):
        return PropertyType.TIME if _is_time(value) else PropertyType.STRING
    if isinstance(value, int | float):
        return PropertyType.INTEGER if isinstance(value, int) else PropertyType.NUMBER
    return PropertyType.OBJECT if isinstance(value, dict) else PropertyType.LIST


def _is_time(text: str) -> bool:
    try:
        parse_time(text)
    except EventFailure:
        return False
    return len(text) >= _DATED and "-" in text


def _walk(value: Any, path: str, depth: int) -> Iterator[tuple[str, Any]]:
    """Every value with its path; a name that no plan can hold is left out."""
    if path and value is not None:
        yield path, value
    if depth >= DEEPEST_PATH:
        return
    if isinstance(value, Mapping):
        for name, below in value.items():
            if path_steps(name) == (name,):
                yield from _walk(below, f"{path}.{name}" if path else name, depth + 1)
    elif isinstance(value, list):
        for item in value:
            yield from _walk(item, f"{path}[]", depth + 1)


def _example(value: Any) -> str:
    if isinstance(value, Mapping | list):
        return ""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= _LONGEST_EXAMPLE else f"{text[:_LONGEST_EXAMPLE]}…"
