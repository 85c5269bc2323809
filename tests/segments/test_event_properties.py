"""Which properties of events history keeps: what marketers ask, and nothing that says who somebody is."""

import math
from typing import Any

import pytest

from segments.event_properties import MOST_KEPT, kept_properties, may_be_kept


@pytest.mark.parametrize(
    ("properties", "kept"),
    [
        ({"recipe_id": "R1", "tags": ["vegan", "quick"], "minutes": 25}, ["recipe_id=R1", "tags=vegan", "tags=quick", "minutes=25"]),
        ({"gift": True, "card_type": "x", "again": False}, ["gift=true", "again=false"]),
        ({"price": 12.5, "weight": 5.0, "tiny": 1e-7, "huge": 1e13, "none": None, "nan": math.nan}, ["price=12.5", "weight=5", "tiny=0.000000"]),
        ({"one": 1, "yes": True, "text": "1", "float": 1.0}, ["one=1", "yes=true", "float=1"]),
        ({"place": {"city": "x"}, "rows": [{"a": 1}, "b", None], "empty": []}, ["rows=b"]),
        ({"note": "call me", "title": "x" * 101, "blank": " ", "": "y", "a=b": "z"}, None),
        ({"title": "a\nb", "label": "a=b"}, ["label=a=b"]),
        ({}, None),
    ],
)  # fmt: skip
def test_values_are_kept_as_texts(properties: dict[str, Any], kept: list[str] | None) -> None:
    assert kept_properties("Recipe Viewed", properties) == kept


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("contact", "taro@example.com"), ("contact", "mail taro@example.com now"), ("contact", "090-1234-5678"),
        ("contact", "+81 90 1234 5678"), ("place", "東京都千代田区丸の内1"), ("tags", ["ok@example.com"]),
    ],
)  # fmt: skip
def test_a_value_that_looks_like_a_person_is_not_kept(name: str, value: Any) -> None:
    assert kept_properties("Recipe Viewed", {name: value}) is None


def test_a_code_may_be_a_long_number() -> None:
    assert kept_properties("Recipe Viewed", {"jan": "049000000443", "product_id": "0123456789"}) == [
        "jan=049000000443",
        "product_id=0123456789",
    ]
    assert kept_properties("Recipe Viewed", {"called": "0123456789"}) is None


@pytest.mark.parametrize(
    "name",
    [
        "email", "mailAddress", "user_id", "userId", "memberNo", "customer_id", "name", "staff_name", "firstName", "氏名", "電話番号",
        "phone", "token", "device_token", "device_id", "session_id", "sessionId", "ip", "latitude", "birthday", "birth_month",
        "card_number", "comment", "review_text", "query", "search_term", "url", "page_url", "referrer", "x" * 61, " a", "a=b", "a\tb",
    ],
)  # fmt: skip
def test_names_of_persons_and_of_what_they_type_are_never_kept(name: str) -> None:
    assert not may_be_kept(name)
    assert kept_properties("Recipe Viewed", {name: "R1"}) is None


@pytest.mark.parametrize(
    "name",
    ["recipe_name", "productName", "member_rank", "review_score", "標的", "調理時間", "id", "tag", "search_category"],
)
def test_names_of_things_are_kept(name: str) -> None:
    assert may_be_kept(name)
    assert kept_properties("Recipe Viewed", {name: "R1"}) == [f"{name}=R1"]


def test_what_has_a_column_of_its_own_is_not_kept_twice() -> None:
    order = {
        "order_id": "o1",
        "total": 100,
        "products": [{"brand": "x"}],
        "store_id": "S1",
        "gift": True,
        "category": "tea",
    }
    assert kept_properties("Order Completed", order) == ["gift=true", "category=tea"]
    viewed = {"product_id": "P1", "category": "tea", "brand": "ito", "name": "緑茶", "price": 180}
    assert kept_properties("Product Viewed", viewed) == ["product_id=P1", "brand=ito", "name=緑茶", "price=180"]
    assert kept_properties("Application Opened", {"version": "1", "build": "2", "from_background": True}) is None
    assert kept_properties("Recipe Viewed", {"total": 5, "version": 2}) == ["total=5", "version=2"]


def test_of_very_many_values_the_first_are_kept() -> None:
    kept = kept_properties("Recipe Viewed", {"first": 1, "tags": [f"t{n}" for n in range(100)], "last": 1})
    assert kept is not None
    assert (len(kept), kept[:2]) == (MOST_KEPT, ["first=1", "tags=t0"])
