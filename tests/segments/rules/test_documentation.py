"""The page about rules tells the truth: its examples parse, its tables are complete."""

import json
import re
from pathlib import Path

import pytest

from segments.events import VOCABULARY
from segments.rules.behaviour import LEDGER_EVENTS, properties_of
from segments.rules.describe import describe
from segments.rules.operators import EVENT_OPERATORS, OPERATORS, WHEN_OPERATORS
from segments.rules.parse import dump, parse
from segments.rules.rule import Changed, Did, InList, InPeriods, InSegment, Measure, Share, When, conditions_of

PAGE = (Path(__file__).parents[3] / "docs/how-to/segment-rules.md").read_text(encoding="utf-8")
EXAMPLES = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]


@pytest.mark.parametrize("document", EXAMPLES)
def test_every_example_is_a_rule(document: object) -> None:
    assert dump(parse(document)) == document


def test_the_first_example_reads_as_the_page_says() -> None:
    for language in ("ja", "en"):
        assert f"> {describe(parse(EXAMPLES[0]), language)}\n" in PAGE


def test_every_operator_is_explained() -> None:
    named = {
        operator.op for operators in (*OPERATORS.values(), EVENT_OPERATORS, WHEN_OPERATORS) for operator in operators
    }
    assert {op for op in named if f"`{op}`" not in PAGE} == set()


def test_every_kind_of_condition_has_an_example() -> None:
    shown = {type(condition) for document in EXAMPLES for condition in conditions_of(parse(document))}
    assert {Did, Measure, When, InPeriods, Changed, InSegment, InList, Share} <= shown
    assert all(event in json.dumps(EXAMPLES) for event in LEDGER_EVENTS)


def test_the_table_of_properties_is_that_of_the_code() -> None:
    table = PAGE[PAGE.index("| event | properties |") :].split("\n\n")[0]
    told = {}
    for line in table.splitlines()[2:-1]:
        events, properties = line.strip("| ").split(" | ")
        told |= {event: set(re.findall(r"`(\w+)`", properties)) for event in events.split(", ")}
    assert {str(e.name): told.get(str(e.name), set()) | {"platform"} for e in VOCABULARY} == {
        str(event.name): {*properties_of(event.name)} for event in VOCABULARY
    }
