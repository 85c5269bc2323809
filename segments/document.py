"""The event vocabulary as a page: ``docs/events.md`` is this text, and a test holds the two equal."""

from collections.abc import Mapping

from segments.aliases import GA4, LINE, Alias
from segments.events import BY_NAME, LINE_PROPERTIES, VOCABULARY, EventType, Kind, Property

_HEAD = """# Events

Written by `segments/document.py`; change the vocabulary (`segments/events.py`), not this page.

Send these as `track` calls of the Segment protocol. Other names are allowed and kept: custom events can stand in segment
rules and on timelines. An event that lacks a needed property, or has one of the wrong type, is kept apart as a failed
event with its reason; further properties are kept. **Weighty** events move money or reward: from a public key they are marked unverified and step back in KPIs once a
trusted source reports that event; refunds and cancellations together with the orders, spent and expired points with earned ones.
"""

_KINDS = {
    Kind.TEXT: "text",
    Kind.INTEGER: "whole number",
    Kind.MONEY: "decimal amount in the currency's major unit",
    Kind.BOOLEAN: "true or false",
    Kind.TIME: "ISO 8601 time",
    Kind.LINES: f"list of lines: {', '.join(each.name for each in LINE_PROPERTIES)}",
    Kind.MAPPING: "object",
}


_GA4 = """## Google Analytics 4

A source whose app already speaks GA4 can keep its names: `joren plan set SOURCE --ga4-names`, or the check box on the page of
its tracking plan. Its events are then taken as below; a property that is there under our name already is left alone, and what the
table does not name stays as it came.

| GA4 | here | properties |
| --- | --- | --- |
"""


def render() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *(_section(event) for event in VOCABULARY), _ga4()])


def _ga4() -> str:
    items = ", ".join(_renaming(LINE))
    rows = "\n".join(f"| `{name}` | {_ours(alias)} | {_renamings(alias)} |" for name, alias in GA4.items())
    return f"{_GA4}{rows}\n\nIn each of the `items`: {items}. Events that are not of the list above are kept as custom events.\n"


def _ours(alias: Alias) -> str:
    return f"{alias.name}" if alias.name in BY_NAME else f"{alias.name} (custom)"


def _renamings(alias: Alias) -> str:
    first = [f"{text} of the first item" for text in _renaming(alias.item)]
    return ", ".join([*_renaming(alias.properties), *first]) or "as they are"


def _renaming(names: Mapping[str, str]) -> list[str]:
    return [f"`{theirs}` → `{ours}`" for theirs, ours in names.items() if theirs != ours]


def _section(event: EventType) -> str:
    weight = " **Weighty.**" if event.weighty else ""
    lines = [f"## {event.name}\n", f"{event.ja} / {event.en}.{weight}\n"]
    if event.properties:
        lines += ["| property | | type |", "| --- | --- | --- |", *map(_row, event.properties), ""]
    return "\n".join(lines)


def _row(prop: Property) -> str:
    needed = ", needed" if prop.required else ""
    return f"| `{prop.name}` | {prop.ja} / {prop.en} | {_KINDS[prop.kind]}{needed} |"
