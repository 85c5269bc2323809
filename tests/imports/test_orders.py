"""Order rows: what fits, what does not and why, and what becomes of those that do."""

import json
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

from segments.import_checks import ROW, Checked
from segments.import_fields import BadMapping, Kind, read_mapping, split_pair
from segments.imports import OrderFile, check_rows
from segments.order_lines import orders_of

NOW = datetime(2026, 4, 2, 3, tzinfo=UTC)
PLAIN = {"order_id": "order_id", "customer_id": "customer_id", "ordered_at": "ordered_at"}


def file(*, currency: str = "JPY", named: bool = True, zone: str = "Asia/Tokyo", **columns: str) -> OrderFile:
    return OrderFile(
        columns=PLAIN | (columns or {"total": "total"}), currency=currency, named=named, zone=zone, now=NOW
    )


def rows(*given: dict[str, Any]) -> pl.DataFrame:
    base = {"order_id": "1", "customer_id": "c", "ordered_at": "2026-04-01T10:00:00", "total": "100"}
    return pl.DataFrame([{ROW: number, **base, **row} for number, row in enumerate(given, start=2)])


def made(checked: Checked, currency: str = "JPY") -> list[dict[str, Any]]:
    return [json.loads(payload) for payload in orders_of(checked.good, currency).events["payload"]]


def reasons(checked: Checked) -> list[tuple[int, str]]:
    return list(checked.rejected.select("row", "reason").iter_rows())


def test_columns_that_are_named_like_fields_need_no_mapping() -> None:
    found = read_mapping(Kind.ORDERS, [("inv", "order_id")], ["inv", "customer_id", "ordered_at", "total", "note"])
    assert found == {"order_id": "inv", "customer_id": "customer_id", "ordered_at": "ordered_at", "total": "total"}


@pytest.mark.parametrize(
    ("pairs", "columns", "sentence"),
    [
        (["inv"], ["inv"], "not column=field"),
        (["inv=number"], ["inv"], "no field number"),
        (["x=order_id"], ["inv"], "no column x"),
        (["a=order_id", "b=order_id"], ["a", "b"], "each field has one column"),
        ([], ["order_id", "customer_id", "total"], "No column stands for ordered_at"),
        ([], ["order_id", "customer_id", "ordered_at", "quantity"], "No column stands for the amount"),
    ],
)
def test_a_mapping_that_cannot_be_used_is_refused_with_what_would_be_right(
    pairs: list[str], columns: list[str], sentence: str
) -> None:
    with pytest.raises(BadMapping, match=sentence):
        read_mapping(Kind.ORDERS, map(split_pair, pairs), columns)


def test_lines_of_one_number_are_one_order() -> None:
    given = rows(
        {"order_id": "7", "total": "100", "product": "a"},
        {"order_id": "8", "total": "40", "product": "c"},
        {"order_id": "7", "total": "250", "product": "b", "ordered_at": "2026-04-01T09:59:00"},
    )
    [first, second] = made(check_rows(given, file(total="total", product="product")))
    assert first["event"] == "Order Completed"
    assert first["properties"]["total"] == 350
    assert first["timestamp"] == "2026-04-01T00:59:00.000000Z"
    assert [line["product_id"] for line in first["properties"]["products"]] == ["a", "b"]
    assert (second["messageId"], second["properties"]["total"]) == ("order-8", 40)


def test_quantity_times_unit_price_is_rounded_once_a_line() -> None:
    given = rows({"n": "3", "p": "0.335"}, {"n": "2", "p": "12.50"})
    [order] = made(check_rows(given, file(currency="GBP", quantity="n", unit_price="p")), "GBP")
    assert order["properties"] == {"order_id": "1", "total": 26.01, "currency": "GBP"}


def test_a_negative_order_is_money_given_back_for_no_order() -> None:
    [refund] = made(check_rows(rows({"order_id": "C1", "total": "-1280"}), file()))
    assert refund["event"] == "Order Refunded"
    assert refund["properties"] == {"order_id": "C1", "total": 1280, "currency": "JPY"}


def test_a_row_that_names_the_order_it_takes_back_refunds_or_cancels_it() -> None:
    given = rows(
        {"order_id": "C1", "total": "-100", "of": "1"},
        {"order_id": "C2", "total": "100", "of": "2"},
        {"order_id": "C3", "total": "", "of": "3"},
    )
    found = made(check_rows(given, file(total="total", cancelled_order_id="of")))
    assert [each["event"] for each in found] == ["Order Refunded", "Order Refunded", "Order Cancelled"]
    assert [each["properties"]["order_id"] for each in found] == ["1", "2", "3"]
    assert [each["properties"].get("total") for each in found] == [100, 100, None]


def test_a_zero_amount_is_an_order() -> None:
    [order] = made(check_rows(rows({"total": "0"}), file()))
    assert (order["event"], order["properties"]["total"]) == ("Order Completed", 0)


def test_rows_that_do_not_fit_are_named_with_their_number_and_reason() -> None:
    given = rows(
        {"order_id": " "},
        {"customer_id": None},
        {"ordered_at": None},
        {"ordered_at": "yesterday"},
        {"ordered_at": "1999-12-31T10:00:00"},
        {"total": "much"},
        {"total": "12.5"},
        {"total": "1e20"},
        {"order_id": "x" * 256},
        {},
    )
    assert reasons(check_rows(given, file())) == [
        (2, "no order_id"),
        (3, "no customer_id"),
        (4, "no ordered_at"),
        (5, "ordered_at is not a time"),
        (6, "ordered_at is before the year 2000"),
        (7, "the amount is not a number"),
        (8, "more decimals than the currency has"),
        (9, "the amount is not a number"),
        (10, "an id has more than 255 characters"),
    ]


def test_a_fraction_without_a_named_currency_is_refused_with_the_fix() -> None:
    with pytest.raises(BadMapping, match=r"Row 3 has the amount 12.50, but JPY has no decimals.*--currency GBP"):
        check_rows(rows({}, {"total": "12.50"}), file(named=False))
    assert len(check_rows(rows({}, {"total": "12.50"}), file(currency="GBP", named=False)).good) == 2


@pytest.mark.parametrize(
    ("given", "moment"),
    [
        ("2026-04-01T10:00:00", "2026-04-01T01:00:00"),
        ("2026-04-01 10:00", "2026-04-01T01:00:00"),
        ("2026/4/1 10:00:30", "2026-04-01T01:00:30"),
        ("2026-04-01T10:00:00Z", "2026-04-01T10:00:00"),
        ("2026-04-01 10:00:00.5+02:00", "2026-04-01T08:00:00.500000"),
        ("2026-04-01", "2026-04-01T03:00:00"),
        ("2026/04/01", "2026-04-01T03:00:00"),
    ],
)
def test_times_as_shops_write_them(given: str, moment: str) -> None:
    checked = check_rows(rows({"ordered_at": given}), file())
    assert checked.good["ordered_at"].item().replace(tzinfo=None).isoformat() == moment


def test_a_time_that_the_clock_left_out_is_not_a_time() -> None:
    checked = check_rows(rows({"ordered_at": "2026-03-29T01:30:00"}), file(zone="Europe/London"))
    assert reasons(checked) == [(2, "ordered_at is not a time")]


def test_typed_columns_are_taken_as_they_are() -> None:
    given = pl.DataFrame({
        ROW: [1], "order_id": [17.0], "customer_id": [17850], "total": [1280],
        "ordered_at": pl.Series(["2026-04-01 10:00:00"]).str.to_datetime(),
    })  # fmt: skip
    [order] = made(check_rows(given, file()))
    assert (order["properties"]["order_id"], order["userId"], order["properties"]["total"]) == ("17", "17850", 1280)


def test_yen_signs_and_thousands_are_read() -> None:
    checked = check_rows(rows({"total": "¥1,280"}, {"total": "980円"}), file())
    assert checked.good["amount"].to_list() == [1280, 980]


def test_an_order_that_names_two_customers_is_rejected_whole() -> None:
    given = rows({"order_id": "1", "customer_id": "a"}, {"order_id": "1", "customer_id": "b"}, {"order_id": "2"})
    orders = orders_of(check_rows(given, file()).good, "JPY")
    assert orders.rejected["row"].to_list() == [2, 3]
    assert len(orders.events) == 1


def test_texts_are_escaped_and_long_order_numbers_keep_their_place() -> None:
    tricky = 'say "hi"\\\n店'
    given = rows({"order_id": tricky, "customer_id": tricky, "product": tricky}, {"order_id": "x" * 200})
    found = made(check_rows(given, file(total="total", product="product")))
    by_order = {each["properties"]["order_id"]: each for each in found}
    assert by_order[tricky]["userId"] == tricky
    assert by_order[tricky]["properties"]["products"][0]["product_id"] == tricky
    assert len(by_order["x" * 200]["messageId"]) <= 100
