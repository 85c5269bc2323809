"""Conditions on behaviour: of random histories Polars, explanations and the slow reference say the same."""

from dataclasses import replace
from functools import cache
from random import Random
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segments.customers import DAYS_PREFIX
from segments.reduce.latest import latest_columns
from segments.rules.compile import compile_rule
from segments.rules.describe import describe
from segments.rules.explain import explain
from segments.rules.parse import dump, parse
from tests.segments.history import Happening
from tests.segments.rules import reference_behaviour
from tests.segments.rules.behaviour_cases import CASES, ORDER, asks, at, order
from tests.segments.rules.behaviour_documents import draw_condition
from tests.segments.rules.happened import AS_OF, CUSTOMERS, EVENTS, NOW, draw_history, frame_for

seeds = st.integers(0, 2**32)
"""A history is drawn from a seed: Hypothesis's own lists are too short for conditions to be met often."""


def check(documents: list[dict[str, Any]], history: list[Happening]) -> list[bool]:
    """Every verdict, all the same by every interpreter."""
    rules = [parse(document) for document in documents]
    frame = frame_for(rules, history)
    whole = with_latest(frame)
    compiled, plainly = (
        of.select(compile_rule(rule, of.collect_schema()).alias(str(place)) for place, rule in enumerate(rules))
        for of in (frame, whole)
    )
    assert compiled.equals(plainly)
    rows, found = frame.to_dicts(), []
    for place, (document, rule) in enumerate(zip(documents, rules, strict=True)):
        expected = [reference_behaviour.behaved(document, history, who, AS_OF, NOW) for who in CUSTOMERS]
        assert compiled.get_column(str(place)).to_list() == expected, document
        assert [explain(rule, row, "ja").holds for row in rows] == expected, document
        found += expected
    return found


def with_latest(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with the plain columns beside its plain lists, as the refresh writes it."""
    lists = [name.removeprefix(DAYS_PREFIX) for name in frame.columns if name.startswith(DAYS_PREFIX)]
    return frame.with_columns(latest_columns(name for name in lists if "|" not in name))


@cache
def table() -> tuple[list[Happening], pl.DataFrame]:
    """One shop in which every case of the table is the history of a customer of its own: what they did, and the frame."""
    history = [
        replace(row, customer=place, seq=1000 * place + row.seq)
        for place, (_, rows, _) in enumerate(CASES, 1)
        for row in rows
    ]
    rules = [parse(document) for document, _, _ in CASES]
    return history, frame_for(rules, history, customers=range(1, 1 + len(CASES)))


@pytest.mark.parametrize("place", range(1, 1 + len(CASES)), ids=lambda place: f"{place}-{CASES[place - 1][0]}")
def test_the_table_holds_for_every_interpreter(place: int) -> None:
    document, _, expected = CASES[place - 1]
    history, frame = table()
    rule, own = parse(document), frame.filter(pl.col("customer_id") == place)
    assert reference_behaviour.behaved(document, history, place, AS_OF, NOW) is expected
    assert own.select(compile_rule(rule, frame.collect_schema())).item() is expected
    whole = with_latest(own)
    assert whole.select(compile_rule(rule, whole.collect_schema())).item() is expected
    assert explain(rule, own.row(0, named=True), "en").holds is expected


def draw_world(seed: int, *, conditions: int) -> tuple[list[dict[str, Any]], list[Happening]]:
    draw = Random(seed)
    events = draw.sample(EVENTS, k=2)
    return [draw_condition(draw, events) for _ in range(conditions)], draw_history(draw, events)


@settings(max_examples=20)
@given(seed=seeds)
def test_all_interpreters_agree_on_what_happened(seed: int) -> None:
    check(*draw_world(seed, conditions=10))


@pytest.mark.prove
@settings(max_examples=2000)
@given(seed=seeds)
def test_all_interpreters_agree_on_very_many_histories(seed: int) -> None:
    check(*draw_world(seed, conditions=10))


@given(seed=seeds)
def test_every_condition_is_written_back_and_told(seed: int) -> None:
    draw = Random(seed)
    document = draw_condition(draw, EVENTS)
    rule = parse(document)
    assert parse(dump(rule)) == rule
    assert dump(rule) == document
    for language in ("ja", "en"):
        sentence = describe(rule, language)
        assert sentence
        assert "{" not in sentence


FOUND: list[tuple[dict[str, Any], list[Happening], str, str]] = [
    (asks(where={"store": "S1"}), [], "一度もない", "never"),
    (
        asks(times=3, days=7, where={"store": "S1"}),
        [at(0, store="S1"), at(9, store="S1"), at(1, store="S2")],
        "1回（最後は2026年4月11日）",
        "1 time (last on 11 April 2026)",
    ),
    (
        {"event": ORDER, "sum": "amount", "op": ">=", "value": 1, "days": 5},
        [order(1, 1, 300), order(4, 2, 700), order(5, 3, 9)],
        "1,000円",
        "¥1,000",
    ),
    ({"event": ORDER, "max": "amount", "op": ">=", "value": 1}, [], "一度もない", "never"),
    ({"event": ORDER, "sum": "amount", "op": ">=", "value": 1}, [], "0円", "¥0"),
    (
        {"event": "Points Earned", "sum": "amount", "op": ">=", "value": 1},
        [at(1, 600, "Points Earned", amount=1)],
        "1ポイント",
        "1 point",
    ),
    (
        {"event": ORDER, "when": "first", "op": "within_days", "value": 3},
        [order(1, 1), order(9, 2)],
        "2026年4月2日",
        "2 April 2026",
    ),
    ({"event": ORDER, "when": "last", "op": "within_days", "value": 3}, [], "一度もない", "never"),
    (
        {"event": ORDER, "in_periods": 2, "of_last": 3, "unit": "month"},
        [order(1, 1), order(9, 2)],
        "3か月のうち1か月",
        "in 1 of 3 months",
    ),
    (
        {"event": "Store Visited", "change": "came_back", "days": 3},
        [at(1), at(5), at(9), at(12)],
        "最後は2026年4月10日、2026年4月6日、2026年4月2日",
        "last on 10 April 2026, 6 April 2026, 2 April 2026",
    ),
]


@pytest.mark.parametrize(("document", "history", "ja", "en"), FOUND, ids=range(len(FOUND)))
def test_explanations_tell_what_was_found(document: dict[str, Any], history: list[Happening], ja: str, en: str) -> None:
    rule = parse(document)
    row = frame_for([rule], history).row(0, named=True)
    assert [explain(rule, row, language).found for language in ("ja", "en")] == [ja, en]
