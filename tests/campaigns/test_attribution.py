"""What followed a campaign, against a slow reading of the definitions; and the arms as they were drawn."""

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.attribution import INFLUENCE, follow, weighty_events, window_end
from tests.fixtures.shop_floor import fact_frame

START = datetime(2026, 6, 30, 3, tzinfo=UTC)
CAMPAIGN = 7
NAMES = [
    "Push Notification Tapped",
    "Push Notification Received",
    "Application Opened",
    "Order Completed",
    "Order Refunded",
]
FACT = st.fixed_dictionaries(
    {
        "customer_id": st.integers(1, 8),
        "event": st.sampled_from(NAMES),
        "occurred_at": st.integers(-30, 24 * 8).map(lambda hours: START + timedelta(hours=hours)),
        "trusted": st.booleans(),
        "campaign_id": st.sampled_from([CAMPAIGN, 8, None]),
        "delivery_id": st.sampled_from([0, 5, None]),
        "amount": st.integers(0, 5_000),
    }
)
PERSON = st.tuples(st.sampled_from(["treated", "control"]), st.booleans())


def people_frame(people: dict[int, tuple[str, bool]]) -> pl.LazyFrame:
    rows = [(customer, arm, accepted) for customer, (arm, accepted) in people.items()]
    schema = {"customer_id": pl.Int64(), "arm": pl.String(), "accepted": pl.Boolean()}
    return pl.LazyFrame(rows, schema=schema, orient="row")


def survivors_frame(merged: dict[int, int]) -> pl.LazyFrame:
    return pl.LazyFrame(list(merged.items()), schema={"customer_id": pl.Int64(), "survivor": pl.Int64()}, orient="row")


def followed(
    people: dict[int, tuple[str, bool]], facts: list[dict[str, Any]], merged: dict[int, int], proven: Any
) -> Any:
    return follow(
        people_frame(people),
        fact_frame(facts).lazy(),
        survivors=survivors_frame(merged),
        campaign_id=CAMPAIGN,
        conversion_event="Order Completed",
        planned_at=START,
        conversion_days=7,
        proven=frozenset(proven),
    )


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(st.integers(1, 8), PERSON, max_size=8),
    st.lists(FACT, max_size=25),
    st.dictionaries(st.integers(5, 8), st.integers(1, 4), max_size=2),
    st.sets(st.just("Order Completed")),
)
def test_it_equals_a_slow_reading(
    people: dict[int, tuple[str, bool]], facts: list[dict[str, Any]], merged: dict[int, int], proven: set[str]
) -> None:
    found = followed(people, facts, merged, proven)
    persons: dict[int, set[str]] = {}
    accepted: set[int] = set()
    for customer, (arm, took) in people.items():
        one = merged.get(customer, customer)
        persons.setdefault(one, set()).add(arm)
        accepted |= {one} if took else set()
    seen = [
        fact | {"who": merged.get(fact["customer_id"], fact["customer_id"])}
        for fact in facts
        if START <= fact["occurred_at"] < START + timedelta(days=7) and (fact["trusted"] or fact["event"] not in proven)
    ]
    for arm, measured in (("treated", found.treated), ("control", found.control)):
        members = {one for one, arms in persons.items() if arms == {arm}}
        spent = dict.fromkeys(members, 0)
        for fact in seen:
            if fact["who"] in members:
                sign = {"Order Completed": 1, "Order Refunded": -1}.get(fact["event"], 0)
                spent[fact["who"]] += sign * fact["amount"]
        buyers = {fact["who"] for fact in seen if fact["event"] == "Order Completed"} & members
        assert (measured.customers, measured.conversions) == (len(members), len(buyers))
        assert measured.amount == sum(spent.values())
        assert measured.amount_squares == sum(one * one for one in spent.values())
        assert measured.amount_cubes == sum(one**3 for one in spent.values())
    treated = {one for one, arms in persons.items() if arms == {"treated"}}
    ours = [fact for fact in seen if fact["campaign_id"] == CAMPAIGN and fact["delivery_id"] != 0]
    tapped = {fact["who"] for fact in ours if fact["event"] == NAMES[0]} & treated
    received = {fact["who"] for fact in ours if fact["event"] == NAMES[1]} & treated
    soon = {f["who"] for f in seen if f["event"] == NAMES[2] and f["occurred_at"] < START + INFLUENCE} & treated
    assert found.direct == len(tapped)
    assert found.received == len(received)
    assert found.influenced == len((soon & (accepted | received)) - tapped)
    assert found.left_out_merged == sum(len(arms) == 2 for arms in persons.values())


def test_control_converts_in_the_same_window_as_treated() -> None:
    end = window_end(START, 7)
    facts = [
        {"customer_id": customer, "event": "Order Completed", "occurred_at": moment, "amount": 100}
        for customer, moment in (
            (1, START),
            (2, end - timedelta(seconds=1)),
            (3, end),
            (4, START - timedelta(seconds=1)),
        )
    ]
    people = {1: ("treated", True), 2: ("control", False), 3: ("control", False), 4: ("treated", False)}
    found = followed(people, facts, {}, ())
    assert (found.treated.conversions, found.control.conversions) == (1, 1)


def test_a_failed_send_stays_in_its_arm() -> None:
    found = followed({1: ("treated", False), 2: ("treated", True)}, [], {}, ())
    assert found.treated.customers == 2


@pytest.mark.parametrize(
    ("event", "names"),
    [
        ("Store Visited", ("Order Completed", "Order Refunded")),
        ("Coupon Redeemed", ("Coupon Redeemed", "Order Completed", "Order Refunded")),
        ("anything else", ("Order Completed", "Order Refunded")),
    ],
)
def test_weighty_events(event: str, names: tuple[str, ...]) -> None:
    assert weighty_events(event) == names
