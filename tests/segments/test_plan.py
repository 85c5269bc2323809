"""Tracking plans: what can be a plan, and what an event breaks, held against a slow reference."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segments.events import VOCABULARY
from segments.failures import EventFailure
from segments.occurrence import parse_time
from segments.plan import BadPlan, Plan, PlannedEvent, PlannedProperty, PropertyType, built_in, read_plan, write_plan
from segments.plan import path_steps as steps_of
from segments.violations import MOST_VIOLATIONS, WORDS, Code, CompiledPlan, Violation, read_violation

NAMES = ("a", "b", "c")
SCALARS = [kind for kind in PropertyType if kind not in (PropertyType.OBJECT, PropertyType.LIST)]


def check(properties: dict[str, Any], *planned: PlannedProperty, closed: bool = False) -> list[str]:
    """What an event with these properties breaks."""
    plan = Plan(events=(PlannedEvent(name="Own", closed=closed, properties=planned),))
    return [str(found) for found in CompiledPlan(plan).check("Own", properties)]


def prop(path: str, kind: str, *, required: bool = False, values: tuple[str, ...] = ()) -> PlannedProperty:
    return PlannedProperty(path=path, type=PropertyType(kind), required=required, values=values)


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("string", ["", "x", "5"], [5, True, [], {}]),
        ("number", [0, -1.5, 2**70], ["5", True, [], {}]),
        ("integer", [0, 5.0, 2**70], [5.5, "5", False]),
        ("boolean", [True, False], [0, 1, "true"]),
        ("time", ["2026-04-01T09:30:00Z", "2026-04-01"], ["yesterday", 1775000000, True]),
        ("object", [{}, {"x": 1}], [[], "x"]),
        ("list", [[], [1, "x"]], [{}, "x"]),
        ("enum", ["none", "paper"], ["None", "", 5, ["none"]]),
    ],
)
def test_types(kind: str, good: list[Any], bad: list[Any]) -> None:
    planned = prop("p", kind, values=("none", "paper") if kind == "enum" else ())
    assert [check({"p": value}, planned) for value in good] == [[] for _ in good]
    found = [check({"p": value}, planned) for value in bad]
    assert all(each in (["wrong_type:properties.p"], ["not_a_value:properties.p"]) for each in found)
    assert check({"p": None}, planned) == []


def test_paths_lead_to_the_very_value() -> None:
    planned = (prop("lines", "list"), prop("lines[].price", "number", required=True), prop("to.city", "string"))
    lines = [{"price": 1}, {"price": "1"}, {}, 5, {"price": None}]
    assert check({"lines": lines, "to": {"city": 1}}, *planned) == [
        "wrong_type:properties.lines[1].price",
        "missing_required:properties.lines[2].price",
        "wrong_type:properties.lines[3]",
        "missing_required:properties.lines[4].price",
        "wrong_type:properties.to.city",
    ]
    assert check({"lines": "x", "to": []}, *planned) == ["wrong_type:properties.lines", "wrong_type:properties.to"]
    assert check({}, *planned) == []


def test_lists_of_lists_and_of_plain_values() -> None:
    planned = (prop("tags[]", "string"), prop("grid[][]", "integer"))
    assert check({"tags": ["x", 5], "grid": [[1, 2], [3, "x"], 4]}, *planned) == [
        "wrong_type:properties.tags[1]",
        "wrong_type:properties.grid[1][1]",
        "wrong_type:properties.grid[2]",
    ]


def test_what_a_closed_plan_does_not_name() -> None:
    plan = CompiledPlan(Plan(closed=True, events=(PlannedEvent(name="Own"),)))
    assert [str(found) for found in plan.check("Other", {"x": 1})] == ["unknown_event:event"]
    assert plan.check("Own", {"x": 1}) == []
    assert check({"a": 1, "x y": 1, "a.b": 1, 'q"': 1}, prop("a", "integer"), closed=True) == [
        'unknown_property:properties["a.b"]',
        'unknown_property:properties.q"',
        "unknown_property:properties.x y",
    ]
    assert (
        check({"to": {"city": "x"}, "list": [1]}, prop("to.zip", "string"), prop("list[]", "integer"), closed=True)
        == []
    )


def test_only_so_many_violations_of_one_event() -> None:
    assert len(check({"p": [5] * 10_000}, prop("p[]", "string"))) == MOST_VIOLATIONS
    assert len(check({f"p{n}": 1 for n in range(10_000)}, closed=True)) == MOST_VIOLATIONS


def test_names_that_would_break_a_line_are_written_as_json() -> None:
    assert check({"a\nb": 1, "[0]": 1}, closed=True) == [
        'unknown_property:properties["[0]"]',
        'unknown_property:properties["a\\nb"]',
    ]
    assert max(map(len, check({"x" * 30_000: 1}, closed=True))) < 300


def test_violations_are_read_as_they_are_written() -> None:
    found = Violation(Code.WRONG_TYPE, "properties.lines[12].to:price")
    assert read_violation(str(found)) == found
    assert found.pattern == "properties.lines[].to:price"
    assert set(WORDS) == set(Code)
    assert all(ja and en for ja, en in WORDS.values())


def test_the_built_in_plan_accepts_what_the_vocabulary_accepts() -> None:
    plan = read_plan(write_plan(built_in()))
    assert plan == built_in()
    assert [event.name for event in plan.events] == [str(event.name) for event in VOCABULARY]
    line = {"product_id": "p", "quantity": 1, "price": 12.5}
    order = {"order_id": "o", "total": 1280, "products": [line, {"price": "1"}], "further": 1}
    assert [str(found) for found in CompiledPlan(plan).check("Order Completed", order)] == [
        "wrong_type:properties.products[1].price"
    ]


def event(*properties: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"events": [{"name": "Own", "properties": list(properties), **fields}]}


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (b"{", "not a tracking plan"),
        (b"\xff", "not a tracking plan"),
        (b"[]", "not a tracking plan"),
        (b'{"events":' + b"[" * 10_000, "not a tracking plan"),
        ({"event": []}, "unknown field"),
        ({"events": [{"name": ""}]}, "1 to 200"),
        ({"events": [{"name": " x"}]}, "no blanks"),
        ({"events": [{"name": "x\x00"}]}, "1 to 200"),
        ({"events": [{"name": "Own"}, {"name": "Own"}]}, "stands twice"),
        (event({"path": "p", "type": "text"}), "Invalid enum value 'text'"),
        (event({"path": "p", "type": "string"}, {"path": "p", "type": "string"}), "stands twice"),
        (event({"path": "a..b", "type": "string"}), "not a path"),
        (event({"path": "", "type": "string"}), "not a path"),
        (event({"path": "[]", "type": "string"}), "not a path"),
        (event({"path": ".".join("abcdefghi"), "type": "string"}), "not a path"),
        (event({"path": "p", "type": "enum"}), "needs values"),
        (event({"path": "p", "type": "string", "values": ["x"]}), "needs values"),
        (event({"path": "p", "type": "enum", "values": ["x\x00"]}), "a value of"),
        (event({"path": "p[]", "type": "string", "required": True}), "require the list itself"),
        (event({"path": "p", "type": "string"}, {"path": "p.x", "type": "string"}), "must be of type object"),
        (event({"path": "p.x", "type": "string"}, {"path": "p[]", "type": "string"}), "must be of type"),
        (event({"path": "p[].x", "type": "string"}, {"path": "p", "type": "object"}), "must be of type list"),
    ],
)
def test_what_is_no_plan(document: Any, says: str) -> None:
    with pytest.raises(BadPlan, match=says):
        read_plan(document)


PATHS = st.lists(st.sampled_from([*NAMES, "[]"]), min_size=1, max_size=3).map(
    lambda steps: ".".join([steps[0].replace("[]", "a"), *steps[1:]]).replace(".[]", "[]")
)
PLANNED = st.builds(
    lambda path, kind, required: prop(
        path, kind, required=required and not path.endswith("[]"), values=("a", "b") if kind == "enum" else ()
    ),
    PATHS,
    st.sampled_from([str(kind) for kind in PropertyType]),
    st.booleans(),
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.5, 2.0, "a", "x", "2026-04-01"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=8,
)


Places = list[tuple[str, Any]]


def reference(planned: tuple[PlannedProperty, ...], properties: dict[str, Any]) -> set[str]:
    """Each path for itself: walk to every place it leads to; what it leads through must be an object or a list."""
    found: set[str] = set()
    for item in planned:
        steps = steps_of(item.path)
        places: Places = [("properties", properties)]
        for step in steps:
            present = [(path, value) for path, value in places if not _absent(path, value)]
            places = [reached for path, holder in present for reached in _walk(path, holder, step, found)]
        for path, value in places:
            found |= _judge(item, path, value, element=steps[-1] == "[]")
    return found


def _walk(path: str, holder: Any, step: str, found: set[str]) -> Places:
    """One step from one place."""
    if step == "[]" and isinstance(holder, list):
        return [(f"{path}[{n}]", value) for n, value in enumerate(holder)]
    if step != "[]" and isinstance(holder, dict):
        return [(f"{path}.{step}", holder.get(step))]
    found.add(f"wrong_type:{path}")
    return []


def _absent(path: str, value: Any) -> bool:
    """A holder that is not there at all breaks nothing below it; an element that is null is one of a wrong type."""
    return value is None and not path.endswith("]")


def _judge(item: PlannedProperty, path: str, value: Any, *, element: bool) -> set[str]:
    if value is None and not element:
        return {f"missing_required:{path}"} if item.required else set()
    fits = {
        "string": isinstance(value, str),
        "number": isinstance(value, int | float) and not isinstance(value, bool),
        "integer": not isinstance(value, bool)
        and (isinstance(value, int) or (isinstance(value, float) and value == int(value))),
        "boolean": isinstance(value, bool),
        "time": isinstance(value, str) and _is_time(value),
        "object": isinstance(value, dict),
        "list": isinstance(value, list),
        "enum": isinstance(value, str),
    }
    if not fits[item.type]:
        return {f"wrong_type:{path}"}
    return {f"not_a_value:{path}"} if item.type is PropertyType.ENUM and value not in item.values else set()


def _is_time(text: str) -> bool:
    try:
        parse_time(text)
    except EventFailure:
        return False
    return True


@given(planned=st.lists(PLANNED, max_size=4).map(tuple), properties=st.dictionaries(st.sampled_from(NAMES), VALUES))
def test_the_quick_check_finds_what_the_slow_one_finds(
    planned: tuple[PlannedProperty, ...], properties: dict[str, Any]
) -> None:
    plan = {"events": [{"name": "Own", "properties": [msgspec.to_builtins(item) for item in planned]}]}
    try:
        compiled = CompiledPlan(read_plan(plan))
    except BadPlan:
        return
    found = [str(each) for each in compiled.check("Own", properties)]
    if len(found) < MOST_VIOLATIONS:
        assert sorted(found) == sorted(reference(planned, properties))
