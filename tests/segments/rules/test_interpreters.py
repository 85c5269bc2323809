"""Compile, explain and the slow reference say the same of every rule and every person."""

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segments.customers import NEWEST, days_column
from segments.rules.compile import compile_rule
from segments.rules.explain import Finding, explain
from segments.rules.parse import dump, parse
from tests.segments.rules import reference, strategies
from tests.segments.rules.cases import CASES, NOBODY, ONCE, ORDER, did
from tests.segments.rules.people import TODAY, ago, frame_of, person

IDS = [f"{place}-{case[0]}" for place, case in enumerate(CASES)]


def compiled(document: Any, frame: pl.DataFrame) -> list[bool]:
    verdicts = frame.with_columns(verdict=compile_rule(parse(document), frame.columns))["verdict"]
    assert verdicts.null_count() == 0
    return verdicts.to_list()


@pytest.mark.parametrize(("document", "row", "expected"), CASES, ids=IDS)
def test_compiled_rule_gives_the_verdict(document: Any, row: dict[str, Any], expected: bool) -> None:
    assert compiled(document, frame_of([row, NOBODY, row]))[::2] == [expected, expected]


@pytest.mark.parametrize(("document", "row", "expected"), CASES, ids=IDS)
def test_explanation_gives_the_verdict(document: Any, row: dict[str, Any], expected: bool) -> None:
    assert explain(parse(document), row, "en").holds is expected


@pytest.mark.parametrize(("document", "row", "expected"), CASES, ids=IDS)
def test_reference_gives_the_verdict(document: Any, row: dict[str, Any], expected: bool) -> None:
    assert reference.holds(document, row) is expected


@given(document=strategies.rules, rows=st.lists(strategies.people(), min_size=1, max_size=4))
def test_all_interpreters_agree(document: Any, rows: list[dict[str, Any]]) -> None:
    expected = [reference.holds(document, row) for row in rows]
    assert compiled(document, frame_of(rows)) == expected
    assert [explain(parse(document), row, "ja").holds for row in rows] == expected


@given(document=strategies.rules)
def test_dump_gives_back_what_was_parsed(document: Any) -> None:
    assert dump(parse(document)) == document
    assert parse(dump(parse(document))) == parse(document)


def test_each_row_counts_back_from_its_own_as_of_day() -> None:
    earlier = person({ORDER: [5]}) | {"as_of": ago(4)}
    later = person({ORDER: [5]}) | {"as_of": TODAY}
    assert compiled(did("at_least", 1, 2), frame_of([earlier, later])) == [True, False]


def test_the_largest_number_of_times_fits_the_list() -> None:
    full = person({ORDER: [1] * NEWEST})
    assert compiled(did("at_least", NEWEST), frame_of([full, ONCE])) == [True, False]
    assert compiled(did("at_most", NEWEST - 1), frame_of([full, ONCE])) == [False, True]


def test_an_event_without_a_column_never_happened() -> None:
    frame = frame_of([ONCE]).drop(days_column(ORDER))
    assert compiled(did("at_least", 1), frame) == [False]
    assert compiled(did("at_most", 0), frame) == [True]


def test_explanation_shows_the_persons_own_values() -> None:
    rule = parse({"all": [{"attribute": "orders", "op": "=", "value": 2}, did("at_most", 0, 30)]})
    row = person({ORDER: [3, 40]}, orders=2)
    assert explain(rule, row, "ja").parts == (
        Finding("attribute", holds=True, sentence="購入回数がちょうど2回", found="2回"),
        Finding("event", holds=False, sentence="過去30日間に購入がない", found="1回（最後は2026年6月27日）"),
    )
    assert [part.found for part in explain(rule, row, "en").parts] == ["2 orders", "1 time (last on 27 June 2026)"]


@pytest.mark.parametrize(
    ("name", "value", "ja", "en"),
    [
        ("rank", None, "記録なし", "not known"),
        ("rank", "gold", "「gold」", '"gold"'),
        ("reachable", True, "はい", "yes"),
        ("reachable", False, "いいえ", "no"),
        ("spend", 1280, "1,280円", "¥1,280"),
        ("last_order", ago(0), "2026年6月30日", "30 June 2026"),
    ],
)
def test_explanation_tells_any_value(name: str, value: Any, ja: str, en: str) -> None:
    ops = {"rank": "is_set", "reachable": "is_true", "last_order": "is_set"}
    rule = parse({"attribute": name, "op": ops[name]} if name in ops else {"attribute": name, "op": "=", "value": 1})
    assert explain(rule, person(**{name: value}), "ja").found == ja
    assert explain(rule, person(**{name: value}), "en").found == en


def test_explanation_says_never_and_that_the_list_was_cut() -> None:
    rule = parse(did("at_least", 1))
    assert explain(rule, NOBODY, "ja").found == "一度もない"
    assert explain(rule, NOBODY, "en").found == "never"
    full = person({ORDER: [1] * NEWEST})
    assert explain(rule, full, "ja").found == "100回以上（最後は2026年6月29日）"
    assert explain(rule, full, "en").found == "100+ times (last on 29 June 2026)"
