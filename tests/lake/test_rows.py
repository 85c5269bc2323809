"""Rows of the log become rows of the lake: dated, typed, and lenient with what should not be there."""

import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from backend.lake.log import read_log
from backend.lake.payload import minor, read_traits, text, whole
from backend.lake.rows import LakeRows, make_rows
from segments.calendar import BusinessCalendar

NOW = datetime(2026, 4, 1, 3, tzinfo=UTC)


def made(*calls: dict[str, Any], kind: str = "server", **calendar: Any) -> LakeRows:
    rows = [
        {
            "seq": number,
            "received_day": NOW.date(),
            "received_at": NOW,
            "source_id": 7,
            "trusted": kind != "app",
            "token_verdict": None,
            "type": call.get("type", "track"),
            "event": call.get("event"),
            "user_id": "u1",
            "anonymous_id": "a1",
            "occurred_at": call.pop("at", NOW),
            "payload": json.dumps(call),
        }
        for number, call in enumerate(calls, start=1)
    ]
    customers = pl.Series([5] * len(rows), dtype=pl.Int64)
    return make_rows(read_log(rows, {7: kind}), customers, calendar=BusinessCalendar(**calendar), currency="JPY")


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "Europe/London", "America/New_York", "Australia/Lord_Howe"])
@pytest.mark.parametrize("day_starts", [0, 4])
def test_every_event_is_dated_as_the_business_calendar_dates_it(zone: str, day_starts: int) -> None:
    chance = random.Random(zone)
    moments = [NOW + timedelta(seconds=chance.randrange(-(10**8), 10**8)) for _ in range(200)]
    moments += [datetime(2026, 3, 29, 0, 59, 59, 999999, tzinfo=UTC) + timedelta(hours=hour) for hour in range(24)]
    rows = made(*({"event": "Store Visited", "at": moment} for moment in moments), zone=zone, day_starts=day_starts)
    calendar = BusinessCalendar(zone, day_starts)
    assert rows.events.get_column("occurred_at").to_list() == moments
    assert rows.events.get_column("business_day").to_list() == [calendar.business_day(moment) for moment in moments]


def test_an_order_has_its_lines_and_a_category_when_there_is_one_only() -> None:
    products = [
        {"product_id": "p1", "category": "弁当", "quantity": 2, "price": 500},
        {"product_id": "p2", "category": "弁当", "price": 80},
        "nonsense",
    ]
    other = [*products, {"product_id": "p3", "category": "飲料", "quantity": 1, "price": 100}]
    rows = made(
        {"event": "Order Completed", "properties": {"order_id": "o1", "total": 1080, "products": products}},
        {"event": "Order Completed", "properties": {"order_id": "o2", "total": 1180, "products": other}},
    )
    assert rows.events.get_column("category").to_list() == ["弁当", None]
    assert rows.order_lines.select("seq", "product", "quantity", "amount").rows()[:2] == [
        (1, "p1", 2, 1000),
        (1, "p2", 1, 80),
    ]
    assert rows.order_lines.height == 5
    assert rows.order_lines.get_column("business_day").null_count() == 0


def test_the_same_order_number_is_the_same_key_whatever_its_type() -> None:
    rows = made(
        {"event": "Order Completed", "properties": {"order_id": "12", "total": 1}},
        {"event": "Order Refunded", "properties": {"order_id": 12}},
    )
    first, second = rows.events.get_column("order_key").to_list()
    assert first == second is not None
    assert rows.events.get_column("amount").to_list() == [1, None]


@pytest.mark.parametrize(
    "payload", ["[]", "null", '{"context": 5}', '{"properties": {"total": 1e999}}', '{"context": {"device": "x"}}']
)
def test_whatever_is_stored_can_be_read(payload: str) -> None:
    row = {
        "seq": 1, "received_day": NOW.date(), "received_at": NOW, "source_id": 7, "trusted": False, "token_verdict": None,
        "type": "identify", "event": None, "user_id": "u1", "anonymous_id": "a1", "occurred_at": NOW, "payload": payload,
    }  # fmt: skip
    (event,) = read_log([row], {7: "app"}).at([0])
    assert read_traits(event.payload, event.sender.context) == {}
    assert event.sender.platform is None


def test_amounts_in_minor_units_round_halves_away_from_zero() -> None:
    assert [minor(value, "JPY") for value in (1280, 1280.5, -1280.5)] == [1280, 1281, -1281]
    assert [minor(value, "GBP") for value in (12.5, 0.29, 1.005, 3)] == [1250, 29, 101, 300]
    assert minor(1.2345, "KWD") == 1235
    assert [minor(value, "JPY") for value in (True, "12", None, float("inf"), 1e300)] == [None] * 5


def test_texts_and_whole_numbers_are_what_they_seem() -> None:
    assert [text(value) for value in ("x", 12, True, "", None, "y" * 300)] == ["x", "12", None, None, None, "y" * 255]
    assert [whole(value) for value in (5, "5", "-5", 5.0, 5.5, "5.5", True, 2**70, "9" * 30)] == [
        5, 5, -5, 5, None, None, None, None, None,
    ]  # fmt: skip


def test_an_app_names_its_device_by_id_else_by_installation_and_a_server_by_id_only() -> None:
    named = {"event": "Application Opened", "context": {"device": {"id": "d1"}}}
    unnamed = {"event": "Application Opened"}
    by_app = made(named, unnamed, kind="app").events.get_column("device_key").to_list()
    by_server = made(named, unnamed).events.get_column("device_key").to_list()
    assert len({*by_app}) == 2
    assert None not in by_app
    assert by_server == [by_app[0], None]
