"""The builder's form: a tree of fields, its edits, its errors, and the rule it makes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from admin_ui import rule_form
from admin_ui.forms import Form
from admin_ui.rule_form import Node
from segments.rules.parse import dump, parse
from segments.rules.rule import EVERYONE

ONE_ORDER = {"attribute": "orders", "op": "=", "value": 1}

conditions = st.sampled_from(
    [
        ONE_ORDER,
        {"attribute": "orders", "op": "between", "value": [1, 3]},
        {"attribute": "spend", "op": ">=", "value": 123456},
        {"attribute": "rank", "op": "in", "value": ["ゴールド", "シルバー"]},
        {"attribute": "last_order", "op": "before_days", "value": 30},
        {"attribute": "joined", "op": "on_or_after", "value": "2026-01-31"},
        {"attribute": "reachable", "op": "is_true"},
        {"event": "Order Completed", "op": "at_least", "times": 2, "days": 30},
        {"event": "My Own Event", "op": "at_most", "times": 0},
    ]
)
groups = st.recursive(
    conditions,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"all": parts}),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"any": parts}),
        inner.filter(lambda part: "any" not in part or len(part["any"]) > 1).map(lambda part: {"not": part}),
    ),
    max_leaves=6,
)


def fields_of(node: Node) -> list[tuple[str, str]]:
    """The fields that the template writes for a tree."""
    if node.mode:
        own = [(f"mode.{node.place}", node.mode)]
        return own + [field for part in node.parts for field in fields_of(part)]
    names = ("subject", "op", "value", "value_to", "times", "days")
    return [(f"{name}.{node.place}", getattr(node, name)) for name in names]


@settings(max_examples=60, deadline=None)
@given(
    document=st.lists(groups, max_size=3).map(lambda parts: {"all": parts}), currency=st.sampled_from(["JPY", "GBP"])
)
def test_a_rule_survives_the_form(document: dict[str, object], currency: str) -> None:
    rule = parse(document)
    tree = rule_form.from_document(dump(rule), currency)
    read = rule_form.read(Form(fields_of(tree)))
    assert rule_form.to_rule(read, currency) == rule


def test_a_new_tree_stands() -> None:
    rule = rule_form.to_rule(rule_form.blank(), "JPY")
    assert rule is not None
    assert dump(rule) == {"all": [ONE_ORDER]}


def test_an_empty_form_is_everyone() -> None:
    assert rule_form.to_rule(rule_form.read(Form()), "JPY") == EVERYONE


def test_buttons_edit_the_tree() -> None:
    tree = rule_form.blank()
    tree = rule_form.edit(tree, "add:r")
    tree = rule_form.edit(tree, "group:r")
    tree = rule_form.edit(tree, "add:r-2")
    assert [part.mode for part in tree.parts] == ["", "", "any"]
    assert [part.place for part in tree.parts[2].parts] == ["r-2-0", "r-2-1"]
    tree = rule_form.edit(tree, "remove:r-0")
    assert [part.place for part in tree.parts] == ["r-0", "r-1"]
    assert rule_form.edit(tree, "remove:r-9-9").parts == tree.parts
    assert rule_form.edit(tree, "nonsense").parts == tree.parts


@pytest.mark.parametrize(
    ("condition", "error"),
    [
        (Node(op="=", value="abc"), "Enter a whole number."),
        (Node(op="between", value="3", value_to="1"), "Enter two whole numbers, the lower one first."),
        (Node(subject="attribute:rank", op="is"), "Enter a text of up to 200 characters."),
        (Node(subject="attribute:last_order", op="before_days", value="-1"), "Enter a number of days from 1 to 3,650."),
        (Node(subject="attribute:joined", op="on_or_after", value="x"), "Enter a day."),
        (Node(subject="event:Order Completed", op="at_least", times="0"), None),
    ],
)
def test_an_error_belongs_to_its_condition(condition: Node, error: str | None) -> None:
    tree = Node(mode="all", parts=[Node(op="=", value="1"), condition])
    assert rule_form.to_rule(tree, "JPY") is None
    assert tree.parts[0].error == ""
    assert condition.error == error or (error is None and "how many times" in condition.error)


def test_an_empty_inner_group_is_an_error() -> None:
    tree = Node(mode="all", parts=[Node(mode="any")])
    assert rule_form.to_rule(tree, "JPY") is None
    assert tree.parts[0].error


def test_another_subject_brings_its_own_operator() -> None:
    form = Form([("mode.r", "all"), ("subject.r-0", "attribute:rank"), ("op.r-0", "between"), ("value.r-0", "x")])
    assert rule_form.read(form).parts[0].op == "is"


def test_money_is_typed_in_major_units() -> None:
    form = Form([("mode.r", "all"), ("subject.r-0", "attribute:spend"), ("op.r-0", ">="), ("value.r-0", "12.5")])
    rule = rule_form.to_rule(rule_form.read(form), "GBP")
    assert rule is not None
    assert dump(rule) == {"all": [{"attribute": "spend", "op": ">=", "value": 1250}]}
    assert rule_form.to_rule(rule_form.read(form), "JPY") is None
