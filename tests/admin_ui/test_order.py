"""Order of lists: read from the address, turned by a click, kept with the filters."""

import pytest

from admin_ui.order import Order, ordered, read_order, reordered

DEFAULT = Order("when", descending=True)


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("", DEFAULT),
        ("name", Order("name", descending=False)),
        ("-name", Order("name", descending=True)),
        ("password", DEFAULT),
        ("--name", DEFAULT),
    ],
)
def test_the_address_names_a_column_that_exists(text: str, order: Order) -> None:
    assert read_order(text, ("name", "when"), DEFAULT) == order


def test_a_click_turns_the_column_and_begins_another_its_usual_way() -> None:
    assert DEFAULT.turned("when", largest_first=True) == Order("when", descending=False)
    assert DEFAULT.turned("size", largest_first=True) == Order("size", descending=True)
    assert DEFAULT.turned("name", largest_first=False) == Order("name", descending=False)


@pytest.mark.parametrize("descending", [False, True])
def test_rows_without_a_value_come_last_either_way(descending: bool) -> None:
    rows = [None, 2, 1, None, 3]
    found = ordered(rows, Order("itself", descending=descending), {"itself": lambda row: row})
    assert found == ([3, 2, 1] if descending else [1, 2, 3]) + [None, None]


def test_another_order_keeps_the_filters_and_begins_at_the_first_page() -> None:
    query = {"q": "佐藤 & 子", "page": "7", "sort": "name", "notice": "saved", "rank": ""}
    assert reordered("/members", query, Order("spend", descending=True)) == (
        "/members?q=%E4%BD%90%E8%97%A4+%26+%E5%AD%90&sort=-spend"
    )
