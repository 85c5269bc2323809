"""The builder's form: a tree of fields, its edits, its errors, and the rule it makes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from admin_ui import rule_form
from admin_ui.forms import Form
from admin_ui.rule_tree import Node, put_back
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
        {
            "event": "Order Completed",
            "where": {"store": ["S01", "S02"], "category": {"not_in": ["茶, 水"]}},
            "op": "exactly",
            "times": 2,
            "weeks": 3,
        },
        {"event": "Order Completed", "where": {"amount": {">=": 123400}}, "op": "at_least", "times": 1, "hours": 12},
        {
            "event": "Store Visited",
            "then": {"event": "Order Completed", "where": {"amount": {"between": [100, 900]}}, "within_days": 3},
            "op": "at_least",
            "times": 1,
        },
        {
            "event": "Store Visited",
            "then": {"event": "Order Completed", "within_hours": 5},
            "op": "at_least",
            "times": 1,
            "from": "2026-01-01",
            "to": "2026-02-01",
        },
        {"event": "Order Completed", "sum": "amount", "op": "between", "value": [1000, 500000], "days": 90},
        {"event": "Points Earned", "max": "amount", "op": "<=", "value": 7, "from": "2026-01-01"},
        {"event": "Coupon Redeemed", "when": "first", "op": "before_days", "value": 10},
        {"event": "Coupon Redeemed", "when": "last", "op": "on_or_after", "value": "2026-03-04"},
        {"event": "Order Completed", "in_periods": 3, "of_last": 4, "unit": "month"},
        {"event": "Application Opened", "change": "stopped", "days": 30},
        {"event": "Application Opened", "where": {"platform": ["ios"]}, "change": "came_back", "days": 7},
        {"event": "Campaign Opened", "where": {"campaign": ["12"]}, "op": "at_least", "times": 1, "days": 7},
        {
            "event": "Recipe Viewed",
            "where": {
                "platform": ["ios"],
                "property:recipe_id": ["R1", "R2"],
                "property:minutes": {"<": 20.5},
                "property:tags": {"has_all": ["茶", "温"]},
                "property:gift": True,
                "property:saved": {"is_set": False},
            },
            "op": "at_least",
            "times": 2,
            "days": 30,
        },
        {
            "event": "Order Completed",
            "where": {
                "property:wrap": False,
                "property:bags": {"between": [1, 3]},
                "property:title": {"contains": "a, b"},
            },
            "then": {"event": "Quiz Finished", "where": {"property:points": 12.5}, "within_days": 3},
            "sum": "property:points",
            "op": ">=",
            "value": 100.25,
        },
        {"event": "Recipe Viewed", "max": "property:minutes", "op": "between", "value": [10, 20.5], "weeks": 2},
        {"event": "Survey Answered", "max": "score", "op": "<=", "value": 6},
        {
            "event": "Store Visited",
            "then": {"event": "Order Completed", "within_days": 3},
            "sum": "amount",
            "op": ">=",
            "value": 1200,
        },
        {"segment": 12},
        {"list": 3},
        {"share": [0, 12.5], "salt": "秋"},
        {"attribute": "age_band", "op": "in", "value": ["20s"]},
        {"attribute": "rank", "op": "not_contains", "value": "ゴ"},
        {"attribute": "trait:好きな茶", "op": "is", "value": "煎茶"},
        {"attribute": "trait:好きな茶", "op": ">=", "value": 3},
        {"attribute": "trait:好きな茶", "op": "has_any", "value": ["煎茶", "番茶"]},
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


@settings(max_examples=60, deadline=None)
@given(
    document=st.lists(groups, max_size=3).map(lambda parts: {"all": parts}), currency=st.sampled_from(["JPY", "GBP"])
)
def test_a_rule_survives_the_form(document: dict[str, object], currency: str) -> None:
    rule = parse(document)
    tree = rule_form.from_document(dump(rule), currency)
    read = rule_form.read(Form(rule_form.fields_of(tree)))
    assert rule_form.to_rule(read, currency) == rule


def test_a_new_tree_stands() -> None:
    rule = rule_form.to_rule(rule_form.blank(), "JPY")
    assert rule is not None
    assert dump(rule) == {"all": [ONE_ORDER]}


def test_an_empty_form_is_everyone() -> None:
    assert rule_form.to_rule(rule_form.read(Form()), "JPY") == EVERYONE


def pressed(tree: Node, *actions: str) -> Node:
    for action in actions:
        tree = rule_form.edit(tree, action).tree
    return tree


def shape(node: Node) -> object:
    """The tree in short: a group as its mode with its parts, a condition as its subject's name."""
    return [node.mode, *(shape(part) for part in node.parts)] if node.mode else node.name


def three() -> Node:
    """orders, (spend or visits), points."""
    return pressed(rule_form.blank(), "group:r:attribute:spend", "add:r-1:attribute:visits", "add:r:attribute:points")


def test_buttons_edit_the_tree() -> None:
    tree = pressed(rule_form.blank(), "add:r", "group:r", "add:r-2")
    assert [part.mode for part in tree.parts] == ["", "", "any"]
    assert [part.place for part in tree.parts[2].parts] == ["r-2-0", "r-2-1"]
    tree = pressed(tree, "remove:r-0")
    assert [part.place for part in tree.parts] == ["r-0", "r-1"]
    before = shape(tree)
    assert (
        shape(pressed(tree, "remove:r-9-9", "nonsense", "add:r-0", "remove:r", "up:r", "copy:x", "up:r-0x")) == before
    )


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("up:r-1", ["all", ["any", "spend", "visits"], "orders", "points"]),
        ("down:r-0", ["all", ["any", "spend", "visits"], "orders", "points"]),
        ("up:r-0", ["all", "orders", ["any", "spend", "visits"], "points"]),
        ("up:r-1-0", ["all", "orders", "spend", ["any", "visits"], "points"]),
        ("down:r-1-1", ["all", "orders", ["any", "spend"], "visits", "points"]),
        ("out:r-1-0", ["all", "orders", ["any", "visits"], "spend", "points"]),
        ("in:r-0", ["all", ["any", "orders", "spend", "visits"], "points"]),
        ("in:r-2", ["all", "orders", ["any", "spend", "visits", "points"]]),
        ("wrap:r-0", ["all", ["any", "orders"], ["any", "spend", "visits"], "points"]),
        ("wrap:r-1-0", ["all", "orders", ["any", ["all", "spend"], "visits"], "points"]),
        ("copy:r-1", ["all", "orders", ["any", "spend", "visits"], ["any", "spend", "visits"], "points"]),
        ("subject:r-0:attribute:rank", ["all", "rank", ["any", "spend", "visits"], "points"]),
    ],
)
def test_conditions_and_groups_move(action: str, expected: object) -> None:
    assert shape(pressed(three(), action)) == expected


def test_a_group_that_nothing_is_left_in_goes() -> None:
    assert shape(pressed(three(), "out:r-1-0", "out:r-1-0")) == ["all", "orders", "visits", "spend", "points"]


def test_the_focus_follows_what_was_moved() -> None:
    done = rule_form.edit(three(), "down:r-0")
    assert done.focus is not None
    assert (done.focus.name, done.focus.place) == ("orders", "r-1")
    copied = rule_form.edit(three(), "copy:r-0")
    assert copied.focus is not None
    assert copied.focus.place == "r-1"


@pytest.mark.parametrize("place", ["r-0", "r-1", "r-1-1", "r-2"])
def test_what_was_removed_comes_back_as_it_was(place: str) -> None:
    done = rule_form.edit(three(), f"remove:{place}")
    assert done.removed is not None
    restored = rule_form.removed_before(rule_form.kept([done.removed]))
    assert shape(put_back(done.tree, restored[0]).tree) == shape(three())


def test_what_was_removed_comes_back_where_its_group_is_gone() -> None:
    first = rule_form.edit(three(), "remove:r-1-1")
    second = rule_form.edit(first.tree, "remove:r-1")
    assert first.removed is not None
    assert shape(put_back(second.tree, first.removed).tree) == ["all", "orders", "points", "visits"]


@pytest.mark.parametrize("told", ["", "x", "[1]", '[{"place": "q", "fields": []}]', '[{"place": "r-0"}]', "[" * 3000])
def test_nonsense_about_what_was_removed_is_nothing(told: str) -> None:
    assert rule_form.removed_before(told) == []


def condition(subject: str, **typed: str) -> Node:
    return Node(subject=subject, typed=typed)


@pytest.mark.parametrize(
    ("node", "error"),
    [
        (condition("attribute:orders", op="=", value="abc"), "Enter a whole number."),
        (
            condition("attribute:orders", op="between", value="3", value_to="1"),
            "Enter two whole numbers, the lower one first.",
        ),
        (condition("attribute:rank", op="is"), "Enter a text of up to 200 characters."),
        (condition("attribute:rank", op="in"), "Tick or enter one value or more, separated by commas."),
        (condition("attribute:last_order", op="before_days", value="-1"), "Enter a number of days from 1 to 3,650."),
        (condition("attribute:joined", op="on_or_after", value="x"), "Enter a day."),
    ],
)
def test_an_error_belongs_to_its_condition(node: Node, error: str) -> None:
    tree = Node(mode="all", parts=[condition("attribute:orders", op="=", value="1"), node])
    assert rule_form.to_rule(tree, "JPY") is None
    assert (tree.parts[0].error, node.error) == ("", error)


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"measure": "times", "op": "at_least", "value": "0", "window": "ever"}, "value"),
        ({"measure": "times", "op": "at_least", "value": "1", "window": "days", "span": "soon"}, "span"),
    ],
)
def test_an_error_of_a_behaviour_belongs_to_its_field(typed: dict[str, str], field: str) -> None:
    node = Node(subject="event:Order Completed", typed=typed)
    assert rule_form.to_rule(Node(mode="all", parts=[node]), "JPY") is None
    assert node.error
    assert node.wrong_field == field


def test_an_empty_inner_group_is_an_error() -> None:
    tree = Node(mode="all", parts=[Node(mode="any")])
    assert rule_form.to_rule(tree, "JPY") is None
    assert tree.parts[0].error


def test_another_subject_brings_its_own_operator() -> None:
    form = Form([("mode.r", "all"), ("subject.r-0", "attribute:rank"), ("op.r-0", "between"), ("value.r-0", "x")])
    assert rule_form.read(form).parts[0].get("op") == "is"


def test_money_is_typed_in_major_units() -> None:
    form = Form([("mode.r", "all"), ("subject.r-0", "attribute:spend"), ("op.r-0", ">="), ("value.r-0", "12.5")])
    rule = rule_form.to_rule(rule_form.read(form), "GBP")
    assert rule is not None
    assert dump(rule) == {"all": [{"attribute": "spend", "op": ">=", "value": 1250}]}
    assert rule_form.to_rule(rule_form.read(form), "JPY") is None
