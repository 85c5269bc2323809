"""What a rule needs beside the columns of every frame, and other segments put in their places."""

from typing import Any

import pytest

from segments.errors import RuleError
from segments.rules.behaviour import Behaviour, amounts_column, column_of, source_of
from segments.rules.parse import parse
from segments.rules.references import behaviours, list_column, lists, references, resolve
from segments.rules.rule import All, InSegment, Rule, conditions_of

OPENED = {"event": "Application Opened", "op": "at_least", "times": 1}
ORDERED = {"event": "Order Completed", "op": "at_least", "times": 1}


def rules(**documents: Any) -> dict[int, Rule]:
    return {int(name.removeprefix("s")): parse(document) for name, document in documents.items()}


def test_plain_lists_need_nothing_joined() -> None:
    rule = parse({"all": [OPENED, {"not": ORDERED | {"weeks": 2}}, ORDERED | {"days": 3}]})
    assert behaviours(rule) == frozenset()
    assert column_of(Behaviour("Order Completed")) == "days:Order Completed"


@pytest.mark.parametrize(
    ("document", "source"),
    [
        (ORDERED | {"where": {"store": "S1", "category": "tea", "amount": {">=": 1}}}, "days"),
        (ORDERED | {"where": {"category": "tea", "product": "P1"}}, "lines"),
        (ORDERED | {"where": {"platform": "ios"}}, "events"),
        (ORDERED | {"to": "2026-01-31"}, "days"),
        (ORDERED | {"hours": 3}, "events"),
        (OPENED | {"then": {"event": "Order Completed", "within_days": 1}}, "events"),
        ({"event": "Order Completed", "sum": "amount", "op": ">=", "value": 1}, "frame"),
        ({"event": "Order Completed", "sum": "amount", "op": ">=", "value": 1, "where": {"store": "S1"}}, "days"),
        ({"event": "Points Earned", "sum": "amount", "op": ">=", "value": 1}, "events"),
        ({"event": "Order Completed", "when": "first", "op": "within_days", "value": 1}, "frame"),
        ({"event": "Store Visited", "when": "first", "op": "within_days", "value": 1}, "days"),
        ({"event": "Store Visited", "when": "last", "op": "within_days", "value": 1}, "frame"),
        ({"event": "Store Visited", "change": "stopped", "days": 3}, "frame"),
        ({"event": "Store Visited", "change": "came_back", "days": 3}, "days"),
        ({"event": "Membership Joined", "op": "at_least", "times": 1, "where": {"store": "S1"}}, "events"),
        ({"event": "Order Line", "op": "at_least", "times": 1}, "events"),
        ({"event": "Device Seen", "in_periods": 1, "of_last": 1, "unit": "day"}, "events"),
        ({"event": "Campaign Opened", "op": "at_least", "times": 1}, "ledger"),
    ],
)
def test_each_behaviour_is_answered_by_the_cheapest_place(document: dict[str, Any], source: str) -> None:
    rule = parse(document)
    found = {source_of(one) for one in behaviours(rule)} or {"frame"}
    assert found == {source}


def test_columns_of_different_behaviours_have_different_names() -> None:
    documents = [ORDERED | {"where": {"store": store}} for store in ("S1", "S2")]
    documents += [ORDERED | {"to": "2026-01-31"}, ORDERED | {"to": "2026-02-01"}, ORDERED | {"hours": 1}]
    asked = [*behaviours(parse({"all": documents}))]
    assert len({column_of(one) for one in asked}) == len(documents)
    assert all(column_of(one).startswith("days:Order Completed|") for one in asked)
    sums = parse({"event": "Points Earned", "sum": "amount", "op": ">=", "value": 1})
    assert [amounts_column(one)[:21] for one in behaviours(sums)] == ["amounts:Points Earned"]


def test_lists_and_segments_that_a_rule_names() -> None:
    rule = parse({"any": [{"segment": 3}, {"not": {"list": 4}}, {"all": [{"segment": 5}, {"list": 6}]}]})
    assert references(rule) == {3, 5}
    assert lists(rule) == {4, 6}
    assert list_column(4) == "list:4"


def test_segments_are_put_in_their_places_to_any_depth() -> None:
    known = rules(s1={"all": [{"segment": 2}, {"segment": 3}]}, s2={"not": {"segment": 3}}, s3={"list": 9})
    resolved = resolve(parse({"segment": 1}), known)
    assert lists(resolved) == {9}
    assert references(resolved) == {1}
    assert [type(one) for one in conditions_of(resolved)].count(InSegment) == 4


def test_a_circle_is_refused_with_its_path() -> None:
    known = rules(s1={"all": [OPENED, {"segment": 2}]}, s2={"not": {"segment": 1}})
    with pytest.raises(RuleError, match="in a circle: Best → Lapsed → Best") as refusal:
        resolve(known[1], known, segment_id=1, names={1: "Best", 2: "Lapsed"})
    assert refusal.value.path == ("all", 1, "segment")
    with pytest.raises(RuleError, match="in a circle: 1 → 1"):
        resolve(parse({"segment": 1}), known, segment_id=1)


def test_a_segment_that_there_is_not_is_refused_at_its_place() -> None:
    with pytest.raises(RuleError, match="there is no segment 8") as refusal:
        resolve(parse({"any": [OPENED, {"not": {"segment": 8}}]}), {})
    assert refusal.value.path == ("any", 1, "not", "segment")
    with pytest.raises(RuleError, match="there is no segment 8") as refusal:
        resolve(parse({"all": [{"segment": 1}]}), rules(s1={"segment": 8}))
    assert refusal.value.path == ("all", 0, "segment")


def test_a_rule_that_grows_too_large_is_refused_before_it_does() -> None:
    known: dict[int, Rule] = {1: All((parse(OPENED),) * 200)}
    known |= {place: All((InSegment(place - 1),) * 20) for place in range(2, 10)}
    with pytest.raises(RuleError, match="more than 2000 conditions"):
        resolve(InSegment(9), known)


def test_too_many_segments_in_a_row_are_refused() -> None:
    known = {place: parse({"segment": place + 1}) for place in range(1, 12)} | {12: parse(OPENED)}
    with pytest.raises(RuleError, match="more than 10 segments ask for each other in a row"):
        resolve(parse({"segment": 1}), known)
    assert resolve(parse({"segment": 3}), known)
