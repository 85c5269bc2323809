"""The tracking plan of a source: which events are expected of it, with which properties. Pure.

A plan is a JSON document::

    {"closed": false,
     "events": [{"name": "Order Completed", "note": "…", "closed": false,
                 "properties": [{"path": "total", "type": "number", "required": true},
                                {"path": "products[].price", "type": "number"},
                                {"path": "gift", "type": "enum", "values": ["none", "paper"]}]}]}

A path leads from the properties to a value: ``.`` into an object, ``[]`` into each element of a list. A property whose
own name holds a dot or a bracket cannot be planned; it is kept unchecked, like everything that no plan names. What a
closed plan (event) does not name is a violation. `segments.violations` checks events against a plan.
"""

import re
from enum import StrEnum

import msgspec

from segments.errors import FactsError
from segments.events import LINE_PROPERTIES, VOCABULARY, EventType, Kind, Property

MOST_EVENTS = 2000
MOST_PROPERTIES = 500
DEEPEST_PATH = 8
"""Steps of a path."""
LONGEST_NAME = 200
LONGEST_NOTE = 500

_STEP = re.compile(r"([^.\[\]\x00]{1,200})((?:\[\])*)")


class PropertyType(StrEnum):
    """Types of planned properties, as they are written in JSON."""

    STRING = "string"
    NUMBER = "number"
    INTEGER = "integer"
    """A whole number; 5.0 is one."""
    BOOLEAN = "boolean"
    TIME = "time"
    """A text in the form 2026-04-01T09:30:00Z."""
    OBJECT = "object"
    LIST = "list"
    ENUM = "enum"
    """One of certain texts."""


class PlannedProperty(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One property that is expected.

    Attributes:
        path: where it stands; see the module.
        required: missing or null is a violation, where what holds the property is there itself.
        values: of an enum.
    """

    path: str
    type: PropertyType
    required: bool = False
    values: tuple[str, ...] = ()


class PlannedEvent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One event that is expected.

    Attributes:
        note: when the app sends it, for those who read the plan.
        closed: further properties are violations; only those of the event itself, not of objects in it.
    """

    name: str
    note: str = ""
    closed: bool = False
    properties: tuple[PlannedProperty, ...] = ()


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A whole plan; closed: further events are violations."""

    closed: bool = False
    events: tuple[PlannedEvent, ...] = ()

    def event(self, name: str) -> PlannedEvent | None:
        """The planned event of a name."""
        return next((event for event in self.events if event.name == name), None)


class BadPlan(FactsError):
    """A plan that cannot be taken.

    Attributes:
        code: stable word for machines: not_a_plan, too_many, bad_name, bad_note, twice, bad_path, bad_value, bad_values,
            required_element or bad_holder.
        place: where the fault is: an event's name, or an event's name and a path.
    """

    def __init__(self, message: str, *, code: str, place: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.place = place


def read_plan(document: bytes | object) -> Plan:
    """A plan from JSON bytes, or from what they decode to.

    Raises:
        BadPlan: saying what is wrong and where.
    """
    try:
        if isinstance(document, bytes):
            plan = msgspec.json.decode(document.removeprefix(b"\xef\xbb\xbf"), type=Plan)
        else:
            plan = msgspec.convert(document, Plan)
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadPlan(f"This is not a tracking plan: {error}.", code="not_a_plan") from None
    check_plan(plan)
    return plan


def write_plan(plan: Plan) -> bytes:
    """The plan as JSON, indented for people and for diffs."""
    return msgspec.json.format(msgspec.json.encode(plan), indent=2) + b"\n"


def check_plan(plan: Plan) -> None:
    """Make sure that a plan says one thing about each name and path.

    Raises:
        BadPlan: saying what is wrong and where.
    """
    if len(plan.events) > MOST_EVENTS:
        raise BadPlan(f"A plan holds at most {MOST_EVENTS} events.", code="too_many")
    seen: set[str] = set()
    for event in plan.events:
        if event.name in seen:
            raise BadPlan(f"The event {event.name} stands twice in the plan.", code="twice", place=(event.name,))
        seen.add(event.name)
        check_event(event)


def check_event(event: PlannedEvent) -> None:
    """Make sure that one planned event stands.

    Raises:
        BadPlan: saying what is wrong and where.
    """
    if not 0 < len(event.name) <= LONGEST_NAME or event.name != event.name.strip() or "\x00" in event.name:
        raise BadPlan(
            f"An event's name has 1 to {LONGEST_NAME} characters, no blanks around it.",
            code="bad_name",
            place=(event.name,),
        )
    if len(event.note) > LONGEST_NOTE or "\x00" in event.note:
        raise BadPlan(
            f"The note on {event.name} has more than {LONGEST_NOTE} characters.", code="bad_note", place=(event.name,)
        )
    if len(event.properties) > MOST_PROPERTIES:
        raise BadPlan(f"{event.name} has more than {MOST_PROPERTIES} properties.", code="too_many", place=(event.name,))
    types: dict[tuple[str, ...], PropertyType] = {(): PropertyType.OBJECT}
    for item in event.properties:
        _check_property(event.name, item)
        steps = path_steps(item.path)
        if types.setdefault(steps, item.type) is not item.type or _count(event, item.path) > 1:
            raise BadPlan(
                f"{event.name}: {item.path} stands twice in the plan.", code="twice", place=(event.name, item.path)
            )
    for item in event.properties:
        _check_holders(event.name, item, types)


def _count(event: PlannedEvent, path: str) -> int:
    return sum(item.path == path for item in event.properties)


def _check_property(name: str, item: PlannedProperty) -> None:
    place = (name, item.path)
    steps = path_steps(item.path)
    if not steps or len(steps) > DEEPEST_PATH:
        raise BadPlan(
            f"{name}: {item.path!r} is not a path like total, address.city or products[].price.",
            code="bad_path",
            place=place,
        )
    if any(not 0 < len(value) <= LONGEST_NAME or "\x00" in value for value in item.values):
        raise BadPlan(
            f"{name}: a value of {item.path} has 1 to {LONGEST_NAME} characters.", code="bad_value", place=place
        )
    if (item.type is PropertyType.ENUM) != bool(item.values):
        raise BadPlan(
            f"{name}: {item.path} needs values if it is an enum, and only then.", code="bad_values", place=place
        )
    if item.required and steps[-1] == "[]":
        raise BadPlan(
            f"{name}: {item.path} are the elements of a list; require the list itself.",
            code="required_element",
            place=place,
        )


def _check_holders(name: str, item: PlannedProperty, types: dict[tuple[str, ...], PropertyType]) -> None:
    """What a path leads through is an object before a name, a list before ``[]``."""
    steps = path_steps(item.path)
    for length in range(1, len(steps)):
        needed = PropertyType.LIST if steps[length] == "[]" else PropertyType.OBJECT
        if types.setdefault(steps[:length], needed) is not needed:
            holder = _join(steps[:length])
            raise BadPlan(
                f"{name}: {item.path} stands in {holder}, which must be of type {needed}.",
                code="bad_holder",
                place=(name, item.path),
            )


def path_steps(path: str) -> tuple[str, ...]:
    """The steps of a path: names, and ``[]`` for "each element"; nothing for a text that is no path."""
    steps: list[str] = []
    for part in path.split("."):
        found = _STEP.fullmatch(part)
        if found is None or found[1] != found[1].strip():
            return ()
        steps += [found[1], *["[]"] * (len(found[2]) // 2)]
    return tuple(steps)


def _join(steps: tuple[str, ...]) -> str:
    return ".".join(steps).replace(".[]", "[]")


_TYPES = {
    Kind.TEXT: PropertyType.STRING,
    Kind.INTEGER: PropertyType.INTEGER,
    Kind.MONEY: PropertyType.NUMBER,
    Kind.BOOLEAN: PropertyType.BOOLEAN,
    Kind.TIME: PropertyType.TIME,
    Kind.LINES: PropertyType.LIST,
    Kind.MAPPING: PropertyType.OBJECT,
}


def built_in() -> Plan:
    """Where a plan begins: the events that Joren understands, open for others."""
    return Plan(events=tuple(_planned(event) for event in VOCABULARY))


def _planned(event: EventType) -> PlannedEvent:
    properties = tuple(item for known in event.properties for item in _properties(known))
    return PlannedEvent(name=str(event.name), note=f"{event.ja} / {event.en}", properties=properties)


def _properties(known: Property) -> list[PlannedProperty]:
    own = PlannedProperty(path=known.name, type=_TYPES[known.kind], required=known.required)
    lines = LINE_PROPERTIES if known.kind is Kind.LINES else ()
    return [own, *(PlannedProperty(path=f"{known.name}[].{each.name}", type=_TYPES[each.kind]) for each in lines)]
