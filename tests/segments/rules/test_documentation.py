"""The page about rules tells the truth: its examples parse, its tables are complete."""

import json
import re
from pathlib import Path

import pytest

from segments.rules.describe import describe
from segments.rules.operators import EVENT_OPERATORS, OPERATORS
from segments.rules.parse import dump, parse

PAGE = (Path(__file__).parents[3] / "docs/how-to/segment-rules.md").read_text(encoding="utf-8")
EXAMPLES = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]


@pytest.mark.parametrize("document", EXAMPLES)
def test_every_example_is_a_rule(document: object) -> None:
    assert dump(parse(document)) == document


def test_the_first_example_reads_as_the_page_says() -> None:
    for language in ("ja", "en"):
        assert f"> {describe(parse(EXAMPLES[0]), language)}\n" in PAGE


def test_every_operator_is_explained() -> None:
    named = {operator.op for operators in (*OPERATORS.values(), EVENT_OPERATORS) for operator in operators}
    assert {op for op in named if f"`{op}`" not in PAGE} == set()
