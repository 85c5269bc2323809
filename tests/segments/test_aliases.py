"""GA4's events under our names."""

import json
from datetime import UTC, datetime

import pytest

from segments.aliases import GA4, translate
from segments.envelope import Event, FailedEvent
from segments.events import BY_NAME
from segments.intake import Reception, read_event
from segments.source_rules import SourceRules

NOW = datetime(2026, 4, 1, 3, tzinfo=UTC)


def read(call: dict[str, object], *, ga4_names: bool = True) -> Event | FailedEvent:
    whole = {"type": "track", "userId": "u", **call}
    rules = SourceRules(ga4_names=ga4_names)
    return read_event(json.dumps(whole).encode(), Reception(source_id=1, trusted=True, received_at=NOW, rules=rules))


def test_a_purchase_becomes_an_order() -> None:
    items = [
        {"item_id": "p1", "item_name": "あんパン", "item_category": "菓子パン", "quantity": 2, "price": 180},
        "odd",
    ]
    given = {"transaction_id": "T1", "value": 360, "currency": "JPY", "coupon": "C", "items": items, "own": 1}
    assert translate("purchase", given) == (
        "Order Completed",
        {
            "order_id": "T1",
            "total": 360,
            "currency": "JPY",
            "coupon": "C",
            "own": 1,
            "products": [
                {"product_id": "p1", "name": "あんパン", "category": "菓子パン", "quantity": 2, "price": 180},
                "odd",
            ],
        },
    )
    assert given["items"] is items, "what was given stays as it is"


def test_a_property_that_has_our_name_already_is_left_alone() -> None:
    assert translate("purchase", {"order_id": "O", "transaction_id": "T"}) == (
        "Order Completed",
        {"order_id": "O", "transaction_id": "T"},
    )


def test_the_first_item_says_which_product_is_viewed() -> None:
    name, properties = translate(
        "view_item", {"items": [{"item_id": "p1", "item_category": "パン"}, {"item_id": "p2"}]}
    ) or ("", {})
    assert (name, properties["product_id"], properties["category"]) == ("Product Viewed", "p1", "パン")
    assert translate("view_item", {"items": "none"}) == ("Product Viewed", {"products": "none"})


def test_other_names_are_none_of_its_business() -> None:
    assert translate("Order Completed", {"value": 1}) is None


@pytest.mark.parametrize("name", sorted(GA4))
def test_what_the_vocabulary_demands_can_come_from_ga4(name: str) -> None:
    """Each needed property of a known event is the target of one of GA4's."""
    known = BY_NAME.get(str(GA4[name].name))
    needed = {item.name for item in known.properties if item.required} if known else set()
    assert needed <= {*GA4[name].properties.values()} | {*GA4[name].item.values()}


def test_the_door_takes_them_where_the_source_asks_for_it() -> None:
    call = {"event": "purchase", "messageId": "m", "properties": {"transaction_id": 7, "value": 360}}
    taken, plain = read(call), read(call, ga4_names=False)
    assert isinstance(taken, Event)
    assert isinstance(plain, Event)
    assert (taken.event, plain.event, taken.event_id) == ("Order Completed", "purchase", plain.event_id)
    assert json.loads(bytes(taken.payload))["properties"] == {"order_id": "7", "total": 360}


def test_what_a_ga4_event_lacks_is_said_in_our_words() -> None:
    failed = read({"event": "purchase", "messageId": "m", "properties": {"value": 360}})
    assert isinstance(failed, FailedEvent)
    assert (failed.code, failed.name) == ("missing_property", "Order Completed")
    assert b'"purchase"' in failed.raw, "the bytes stay as they came"


def test_an_id_that_is_derived_does_not_change_on_the_day_a_source_opts_in() -> None:
    call = {"event": "view_item", "properties": {"items": [{"item_id": "p1"}]}, "timestamp": "2026-04-01T00:00:00Z"}
    before, after = read(call, ga4_names=False), read(call)
    assert isinstance(before, Event)
    assert isinstance(after, Event)
    assert before.event_id == after.event_id
    assert before.event != after.event


@pytest.mark.parametrize("properties", [5, [], "x"])
def test_properties_that_are_no_object_fail_as_everyone_elses(properties: object) -> None:
    failed = read({"event": "purchase", "properties": properties})
    assert isinstance(failed, FailedEvent)
    assert failed.code == "bad_properties"
