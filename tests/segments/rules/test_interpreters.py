"""Compile, explain and the slow reference say the same of every rule and every person."""

from datetime import date
from typing import Any

import polars as pl
import polars.selectors as cs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segments.customers import NEWEST
from segments.reduce.latest import is_latest
from segments.rules.compile import compile_rule
from segments.rules.computed import COMPUTED
from segments.rules.explain import Finding, explain
from segments.rules.masks import Masks
from segments.rules.parse import dump, parse
from segments.rules.references import resolve
from segments.rules.telling import Names
from tests.segments.rules import reference, strategies
from tests.segments.rules.cases import CASES, NOBODY, OFTEN, ONCE, ORDER, did
from tests.segments.rules.people import TODAY, ago, frame_of, person

IDS = [f"{place}-{case[0]}" for place, case in enumerate(CASES)]


def compiled(document: Any, frame: pl.DataFrame) -> list[bool]:
    rule = parse(document)
    verdicts = frame.with_columns(verdict=compile_rule(rule, frame.columns))["verdict"]
    assert verdicts.null_count() == 0
    lists = [name for name in frame.columns if not is_latest(name)]
    assert frame.with_columns(verdict=compile_rule(rule, lists))["verdict"].to_list() == verdicts.to_list()
    masks, (holds,) = Masks().asked(frame.lazy(), [rule], {"known": pl.col("customer_id").is_not_null()})
    assert masks.select(holds & pl.col("known")).to_series().to_list() == verdicts.to_list()
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


@settings(max_examples=60)
@given(document=strategies.rules, rows=st.lists(strategies.people(), min_size=1, max_size=3))
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
    frame = frame_of([ONCE]).select(~cs.contains(ORDER))
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


TRAITS: list[tuple[pl.DataType, Any, str, Any, bool]] = [
    (pl.String(), "red", "is", "red", True),
    (pl.String(), "red", "not_contains", "re", False),
    (pl.String(), "12", ">=", 12, True),
    (pl.String(), "twelve", "=", 12, False),
    (pl.String(), "2026-07-03T00:00:00Z", "next_days", 4, True),
    (pl.String(), "soon", "within_days", 4, False),
    (pl.String(), "TRUE", "is_true", None, True),
    (pl.Int64(), 12, "between", [10, 12], True),
    (pl.Int64(), 12, "is", "12", True),
    (pl.Float64(), 12.5, ">", 12, True),
    (pl.Boolean(), True, "is_true", None, True),
    (pl.Boolean(), False, "is_false", None, True),
    (pl.Boolean(), None, "is_false", None, True),
    (pl.Boolean(), True, "is", "true", True),
    (pl.Date(), ago(3), "within_days", 4, True),
    (pl.Date(), ago(3), "is", ago(3).isoformat(), True),
    (pl.List(pl.String()), ["tea", "coffee"], "has_any", ["tea", "milk"], True),
    (pl.List(pl.String()), ["tea", "coffee"], "has_all", ["tea", "milk"], False),
    (pl.List(pl.String()), ["tea", "coffee"], "has_all", ["tea", "coffee"], True),
    (pl.List(pl.String()), [], "has_none", ["tea"], True),
    (pl.List(pl.String()), None, "has_none", ["tea"], True),
    (pl.List(pl.String()), ["tea"], "is", "tea", False),
    (pl.String(), "tea", "has_any", ["tea"], False),
    (pl.String(), None, "is_set", None, False),
    (pl.String(), "red", "is_set", None, True),
    (pl.Int64(), 0, "is_not_set", None, False),
    (pl.List(pl.String()), ["tea"], "is_set", None, True),
]


@pytest.mark.parametrize(("dtype", "found", "op", "value", "expected"), TRAITS)
def test_a_trait_is_asked_as_the_kind_of_the_operator(
    dtype: pl.DataType, found: Any, op: str, value: Any, expected: bool
) -> None:
    document = {"attribute": "trait:it", "op": op} | ({} if value is None else {"value": value})
    frame = frame_of([NOBODY]).with_columns(pl.Series("trait:it", [found], dtype=dtype))
    rule = parse(document)
    assert frame.select(compile_rule(rule, frame.collect_schema())).item() is expected
    assert explain(rule, frame.row(0, named=True), "en").holds is expected
    assert dump(rule) == document


def test_a_trait_that_nobody_has_is_known_of_nobody() -> None:
    assert compiled({"attribute": "trait:it", "op": "is", "value": "red"}, frame_of([NOBODY])) == [False]
    assert compiled({"attribute": "trait:it", "op": "is_not", "value": "red"}, frame_of([NOBODY])) == [True]


def test_shares_of_one_draw_part_everyone_and_another_draw_parts_them_anew() -> None:
    people = pl.DataFrame({"customer_id": range(1, 20_001)}, schema={"customer_id": pl.Int64})
    quarters = [parse({"share": [first, first + 25], "salt": "a"}) for first in (0, 25, 50, 75)]
    other = parse({"share": [0, 25], "salt": "b"})
    marks = people.select(
        *(compile_rule(rule, people.columns).alias(str(place)) for place, rule in enumerate(quarters)),
        compile_rule(other, people.columns).alias("other"),
    )
    assert marks.select(pl.sum_horizontal("0", "1", "2", "3")).to_series().unique().to_list() == [1]
    sizes = marks.sum().row(0)
    assert all(abs(size - 5_000) < 250 for size in sizes)
    assert abs(marks.filter(pl.col("0") & pl.col("other")).height - 1_250) < 150


def test_another_segments_rule_is_asked_and_explained() -> None:
    rule = resolve(parse({"all": [{"segment": 7}, did("at_least", 1)]}), {7: parse(did("at_most", 0, 30))})
    frame = frame_of([ONCE, OFTEN, NOBODY])
    assert frame.select(compile_rule(rule, frame.columns)).to_series().to_list() == [True, False, False]
    finding = explain(rule, ONCE, "ja", names=Names(segments={7: "離反しそうな人"})).parts[0]
    assert (finding.kind, finding.holds, finding.sentence) == ("segment", True, "セグメント「離反しそうな人」に属する")
    assert finding.parts[0].sentence == "過去30日間に購入がない"
    assert dump(rule) == {"all": [{"segment": 7}, did("at_least", 1)]}


def test_a_segment_that_is_not_resolved_is_refused() -> None:
    with pytest.raises(ValueError, match="segment 7 is not resolved"):
        compile_rule(parse({"segment": 7}), ())
    with pytest.raises(ValueError, match="segment 7 is not resolved"):
        explain(parse({"segment": 7}), ONCE, "en")


def test_a_birthday_on_the_29th_of_february_is_the_28th_in_other_years() -> None:
    born = {"birth_year": 2000, "birth_month": 2, "birth_day": 29}
    on = [date(2026, 2, 27), date(2026, 2, 28), date(2026, 3, 1), date(2028, 2, 28), date(2028, 2, 29)]
    frame = frame_of([person(**born) | {"as_of": day} for day in on])
    asked = frame.select(COMPUTED["age"].expression.alias("age"), COMPUTED["birthday_in"].expression.alias("wait"))
    assert asked.rows() == [(25, 1), (26, 0), (26, 364), (27, 1), (28, 0)]
