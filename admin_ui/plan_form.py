"""One planned event as a form: a row for each property, and the way back."""

from collections.abc import Sequence
from dataclasses import dataclass

from admin_ui.forms import Errors, Form
from admin_ui.i18n import mark
from segments.plan import BadPlan, PlannedEvent, PlannedProperty, PropertyType, check_event

SPARE = 3
"""Empty rows below the filled ones."""

TYPES = {
    PropertyType.STRING: mark("Text"),
    PropertyType.NUMBER: mark("Number"),
    PropertyType.INTEGER: mark("Whole number"),
    PropertyType.BOOLEAN: mark("True or false"),
    PropertyType.TIME: mark("Date and time"),
    PropertyType.OBJECT: mark("Object"),
    PropertyType.LIST: mark("List"),
    PropertyType.ENUM: mark("One of these texts"),
}
"""How the types are called."""

PROBLEMS = {
    "not_a_plan": mark("This is not a tracking plan."),
    "too_many": mark("These are too many."),
    "bad_name": mark("A name has 1 to 200 characters."),
    "bad_note": mark("A note has at most 500 characters."),
    "twice": mark("This stands in the plan already."),
    "bad_path": mark("Write a path like total, address.city or products[].price."),
    "bad_value": mark("A value has 1 to 200 characters."),
    "bad_values": mark("Only “one of these texts” has values, and it needs some."),
    "required_element": mark("These are the elements of a list. Make the list itself required."),
    "bad_holder": mark("What this stands in must be of another type: a list before [], an object before a dot."),
}
"""What can be wrong with a plan."""


@dataclass(frozen=True, slots=True)
class Row:
    """One property as it was typed."""

    path: str = ""
    type: str = PropertyType.STRING.value
    required: bool = False
    values: str = ""


@dataclass(frozen=True, slots=True)
class EventForm:
    """One planned event as it was typed."""

    name: str = ""
    note: str = ""
    closed: bool = False
    rows: tuple[Row, ...] = ()

    def with_spare(self) -> "EventForm":
        """With empty rows to type into."""
        return EventForm(self.name, self.note, self.closed, (*self.rows, *[Row()] * SPARE))


def form_of(event: PlannedEvent) -> EventForm:
    """The form of a planned event."""
    rows = tuple(Row(item.path, item.type.value, item.required, ", ".join(item.values)) for item in event.properties)
    return EventForm(event.name, event.note, event.closed, rows)


def read_form(form: Form) -> EventForm:
    """What was typed; rows without a path are left out."""
    numbers = [name.removeprefix("path.") for name, value in form.fields if name.startswith("path.") and value.strip()]
    rows = tuple(
        Row(
            path=form.text(f"path.{number}"),
            type=form.text(f"type.{number}"),
            required=form.flag(f"required.{number}"),
            values=form.text(f"values.{number}"),
        )
        for number in numbers
    )
    return EventForm(form.text("name"), form.text("note"), form.flag("closed"), rows)


def planned(typed: EventForm) -> tuple[PlannedEvent | None, Errors]:
    """The planned event of a form; or the first fault, by field: ``name``, ``note`` or ``path.N`` of the N-th row."""
    event = PlannedEvent(
        name=typed.name, note=typed.note, closed=typed.closed, properties=tuple(map(_property, typed.rows))
    )
    try:
        check_event(event)
    except BadPlan as error:
        return None, {_field(error, typed.rows): PROBLEMS[error.code]}
    return event, {}


def _property(row: Row) -> PlannedProperty:
    kind = PropertyType(row.type) if row.type in list(PropertyType) else PropertyType.STRING
    values = tuple(part.strip() for part in row.values.replace("、", ",").split(",") if part.strip())
    return PlannedProperty(path=row.path, type=kind, required=row.required, values=values)


def _field(error: BadPlan, rows: Sequence[Row]) -> str:
    if len(error.place) > 1:
        numbers = [number for number, row in enumerate(rows) if row.path == error.place[1]]
        return f"path.{numbers[-1]}"
    return "note" if error.code == "bad_note" else "name"
