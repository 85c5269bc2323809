"""Masks: what was asked before is not worked out again, and what may have changed is."""

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from segments.rules import masks as module
from segments.rules.masks import Masks
from segments.rules.parse import parse
from segments.rules.rule import EVERYONE, Condition, InSegment, Rule
from tests.segments.rules.cases import did
from tests.segments.rules.people import frame_of, person

FRAME = frame_of([person({"Order Completed": [3, 40]}, orders=2) | {"customer_id": 1}, person() | {"customer_id": 2}])


def at_least(orders: int) -> dict[str, Any]:
    return {"attribute": "orders", "op": ">=", "value": orders}


@pytest.fixture
def worked_out(monkeypatch: pytest.MonkeyPatch) -> list[Condition]:
    """The conditions that were worked out."""
    found: list[Condition] = []
    compile_rule: Callable[..., pl.Expr] = module.compile_rule

    def noting(rule: Any, columns: Any) -> pl.Expr:
        found.append(rule)
        return compile_rule(rule, columns)

    monkeypatch.setattr(module, "compile_rule", noting)
    return found


def verdicts(masks: Masks, *rules: Rule, frame: pl.DataFrame = FRAME) -> list[list[bool]]:
    found, holds = masks.asked(frame.lazy(), rules, {"known": pl.col("customer_id") > 0})
    return [found.select(each & pl.col("known")).to_series().to_list() for each in holds]


def test_an_edited_rule_costs_its_edited_condition(worked_out: list[Condition]) -> None:
    masks = Masks()
    before = parse({"all": [at_least(1), did("at_least", 1, 30), {"not": at_least(5)}]})
    after = parse({"all": [at_least(1), did("at_least", 1, 2), {"not": at_least(5)}]})
    assert verdicts(masks, before) == [[True, False]]
    assert len(worked_out) == 3
    assert verdicts(masks, after, before) == [[False, False], [True, False]]
    assert worked_out[3:] == [parse(did("at_least", 1, 2))]


def test_a_segment_is_known_by_its_conditions(worked_out: list[Condition]) -> None:
    masks = Masks()
    assert verdicts(masks, parse(at_least(1))) == [[True, False]]
    assert verdicts(masks, InSegment(7, parse(at_least(1)))) == [[True, False]]
    assert len(worked_out) == 1


def test_columns_of_another_state_are_asked_again(worked_out: list[Condition]) -> None:
    rule, masks = parse({"list": 3}), Masks()
    on, off = (FRAME.with_columns(pl.lit(value=listed).alias("list:3")) for listed in (True, False))
    assert verdicts(masks.beside({rule: 1}), rule, frame=on) == [[True, True]]
    assert verdicts(masks.beside({rule: 2}), rule, frame=off) == [[False, False]]
    assert verdicts(masks.beside({rule: 1}), rule, frame=on) == [[True, True]]
    assert len(worked_out) == 2


def test_what_reads_no_column_is_said_of_each_row() -> None:
    masks = Masks()
    assert verdicts(masks, EVERYONE, parse({"event": "Absent", "op": "at_most", "times": 0})) == [[True, True]] * 2
    assert verdicts(masks, parse({"event": "Gone", "op": "at_least", "times": 1})) == [[False, False]]


def test_what_was_asked_longest_ago_goes_first(worked_out: list[Condition], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROOM", 2)  # bytes: two masks of two rows, one of which says who is known
    masks = Masks()
    for orders in (1, 2, 2, 1):
        verdicts(masks, parse(at_least(orders)))
    assert [one.value for one in worked_out if hasattr(one, "value")] == [1, 2, 1]
