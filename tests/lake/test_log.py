"""A batch read as columns is what its events are one by one: who sent them, from which device, and their rows in the lake."""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from backend.lake.log import read_log
from backend.lake.payload import read_traits
from backend.lake.rows import make_rows
from backend.lake.schemas import EVENTS_SCHEMA, ORDER_LINES_SCHEMA
from segments.calendar import BusinessCalendar
from tests.lake import rows_reference as reference

NOW = datetime(2026, 4, 1, 3, tzinfo=UTC)
KINDS = {1: "app", 2: "server", 3: "system"}
EVENTS = [
    "Order Completed", "Order Completed", "Order Refunded", "Coupon Issued", "Coupon Redeemed", "Points Earned", "Application Opened",
    "Consent Changed", "Order Line", "Feedback Given", "Push Notification Tapped", "", None,
]  # fmt: skip
NUMBERS = [1, True, 1.0, 2, "1", 2**70, -3, 0.5, 1e300, None, [], {"x": 1}]
"""Some that Python holds to be equal though they mean different things here."""


def _context(chance: random.Random) -> Any:
    device = {
        "id": chance.choice(["d1", "d2", *NUMBERS]),
        "type": chance.choice(["iOS", "android", 5, None]),
        "token": "t1",
    }
    whole = {
        "device": device,
        "os": {"name": chance.choice(["Android", "x"])},
        "screen": chance.random(),
        "traits": {"a": 1},
    }
    return chance.choice([whole, whole, whole, {"locale": "ja"}, {}, None, 5, {"device": "x"}, {"traits": 3}])


def _properties(chance: random.Random) -> Any:
    products = [
        {"product_id": chance.choice(["p1", 5, None]), "category": chance.choice(["tea", "milk", None]), "brand": chance.choice(["ito", 3, None]), "quantity": chance.choice(NUMBERS), "price": chance.choice(NUMBERS)}
        for _ in range(chance.randrange(4))
    ]  # fmt: skip
    names = ("total", "points", "score", "rating", "delivery_id", "campaign_id", "coupon_id", "device_key", "rank")
    number = {
        "order_id": chance.choice(["o1", "o2", 5, None]),
        "valid_until": chance.choice(["2026-04-30", "2026-05-01T00:00:00Z", 7, None]),
    }
    known = {name: chance.choice(NUMBERS) for name in names if chance.random() < 0.5}
    return chance.choice(
        [
            {
                **known,
                **number,
                "products": chance.choice([products, products, "x"]),
                "currency": chance.choice(["GBP", None]),
            }
        ]
        * 4
        + [{}, None, 7]
    )


def _rows(chance: random.Random, count: int) -> Iterator[dict[str, Any]]:
    for seq in range(1, count + 1):
        call = {"context": _context(chance), "properties": _properties(chance), "traits": {"b": seq}}
        left_out = {name for name in call if chance.random() < 0.15}
        yield {
            "seq": seq,
            "received_day": (NOW - timedelta(days=chance.randrange(3))).date(),
            "received_at": NOW + timedelta(microseconds=chance.randrange(10**9)),
            "source_id": chance.choice([1, 2, 3, 4]),
            "trusted": chance.random() < 0.5,
            "token_verdict": chance.choice(["valid", "missing", None]),
            "type": chance.choice(["track", "track", "track", "identify", "screen"]),
            "event": chance.choice(EVENTS),
            "user_id": chance.choice(["u1", "u2", None]),
            "anonymous_id": chance.choice(["a1", "a2"]),
            "occurred_at": NOW + timedelta(seconds=chance.randrange(-(10**7), 10**4)),
            "payload": json.dumps({name: value for name, value in call.items() if name not in left_out}),
        }


def _customer(row: Any) -> int:
    return 10 * len(row["user_id"] or "") + int(row["anonymous_id"][1])


@pytest.mark.parametrize("seed", range(8))
def test_a_batch_makes_the_rows_that_its_events_make_one_by_one(seed: int) -> None:
    rows = list(_rows(random.Random(seed), 300))
    calendar = BusinessCalendar("Australia/Lord_Howe", 4)
    customers = pl.Series([_customer(row) for row in rows], dtype=pl.Int64)
    made = make_rows(read_log(rows, KINDS), customers, calendar=calendar, currency="JPY")
    events, lines = reference.lake_rows(rows, KINDS, _customer, calendar, "JPY")
    assert_frame_equal(made.events, pl.DataFrame(events, EVENTS_SCHEMA, infer_schema_length=None))
    assert_frame_equal(made.order_lines, pl.DataFrame(lines, ORDER_LINES_SCHEMA, infer_schema_length=None))
    assert made.events.get_column("amount").count() > 0 < made.order_lines.height


@pytest.mark.parametrize("seed", range(4))
def test_every_event_has_its_own_words_and_sender(seed: int) -> None:
    rows = list(_rows(random.Random(seed), 150))
    log = read_log(rows, KINDS)
    assert len(log.senders) < len(log) == 150
    for row, event in zip(rows, log.at(range(len(log))), strict=True):
        payload, context = reference.read(row)
        sender = event.sender
        assert (event.seq, event.type, event.name) == (row["seq"], row["type"], reference.name_of(row))
        assert event.said_at == min(row["occurred_at"], row["received_at"])
        assert (sender.user_id, sender.anonymous_id, sender.source_id) == (
            row["user_id"],
            row["anonymous_id"],
            row["source_id"],
        )
        assert (sender.trusted, sender.verified) == (row["trusted"], row["token_verdict"] == "valid")
        assert msgspec.json.encode(sender.context) == msgspec.json.encode(context)
        assert read_traits(event.payload, sender.context) == read_traits(payload, context)
        assert event.payload.properties == payload.properties


def test_an_empty_batch_has_columns_all_the_same() -> None:
    log = read_log([], KINDS)
    made = make_rows(log, pl.Series([], dtype=pl.Int64), calendar=BusinessCalendar(), currency="JPY")
    assert len(log) == 0
    assert (made.events.schema, made.events.height, made.order_lines.height) == (EVENTS_SCHEMA, 0, 0)


def test_contexts_that_differ_in_nothing_we_read_are_one_sender() -> None:
    contexts = [{"locale": "ja", "screen": {"width": width}} for width in range(5)] + [{"network": 1, "locale": "ja"}]
    rows = [
        {**row, "source_id": 1, "trusted": False, "token_verdict": None, "user_id": "u", "anonymous_id": "a",
         "payload": json.dumps({"context": context})}
        for row, context in zip(_rows(random.Random(1), 6), contexts, strict=True)
    ]  # fmt: skip
    assert len(read_log(rows, KINDS).senders) == 1
