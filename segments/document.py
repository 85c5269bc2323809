"""The event vocabulary as a page: ``docs/events.md`` is this text, and a test holds the two equal."""

from segments.events import VOCABULARY, EventType, Kind, Property

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
    Kind.LINES: "list of lines: product_id, name, category, quantity, price",
    Kind.MAPPING: "object",
}


def render() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *(_section(event) for event in VOCABULARY)])


def _section(event: EventType) -> str:
    weight = " **Weighty.**" if event.weighty else ""
    lines = [f"## {event.name}\n", f"{event.ja} / {event.en}.{weight}\n"]
    if event.properties:
        lines += ["| property | | type |", "| --- | --- | --- |", *map(_row, event.properties), ""]
    return "\n".join(lines)


def _row(prop: Property) -> str:
    needed = ", needed" if prop.required else ""
    return f"| `{prop.name}` | {prop.ja} / {prop.en} | {_KINDS[prop.kind]}{needed} |"
