"""Conditions on behaviour: of random histories Polars, explanations and the slow reference say the same."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segments.rules.compile import compile_rule
from segments.rules.describe import describe
from segments.rules.explain import explain
from segments.rules.parse import dump, parse
from tests.segments.history import Happening
from tests.segments.rules import behaviour_strategies, reference_behaviour
from tests.segments.rules.happened import AS_OF, CUSTOMERS, NOW, frame_for, histories

SEVERAL = st.lists(behaviour_strategies.conditions(), min_size=1, max_size=8)


def check(documents: list[dict[str, Any]], history: list[Happening]) -> None:
    rules = [parse(document) for document in documents]
    frame = frame_for(rules, history)
    compiled = frame.select(
        compile_rule(rule, frame.collect_schema()).alias(str(place)) for place, rule in enumerate(rules)
    )
    rows = frame.to_dicts()
    for place, (document, rule) in enumerate(zip(documents, rules, strict=True)):
        expected = [reference_behaviour.behaved(document, history, who, AS_OF, NOW) for who in CUSTOMERS]
        assert compiled.get_column(str(place)).to_list() == expected, document
        assert [explain(rule, row, "ja").holds for row in rows] == expected, document


@settings(max_examples=40)
@given(documents=SEVERAL, history=histories)
def test_all_interpreters_agree_on_what_happened(documents: list[dict[str, Any]], history: list[Happening]) -> None:
    check(documents, history)


@pytest.mark.prove
@settings(max_examples=2000)
@given(documents=SEVERAL, history=histories)
def test_all_interpreters_agree_on_very_many_histories(
    documents: list[dict[str, Any]], history: list[Happening]
) -> None:
    check(documents, history)


@given(document=behaviour_strategies.conditions())
def test_every_condition_is_written_back_and_told(document: dict[str, Any]) -> None:
    rule = parse(document)
    assert parse(dump(rule)) == rule
    hours = document.get("then", {}).get("within_hours", 1)
    assert dump(rule) == document or hours % 24 == 0
    for language in ("ja", "en"):
        sentence = describe(rule, language)
        assert sentence
        assert "{" not in sentence
