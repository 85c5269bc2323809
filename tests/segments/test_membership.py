"""Members keep their rows; a change names who entered and who left."""

from segments.ids import CustomerId
from segments.membership import Change, diff, members
from segments.rules.parse import parse
from segments.rules.rule import EVERYONE
from tests.segments.rules.people import frame_of, person


def test_members_are_the_rows_that_meet_the_rule() -> None:
    frame = frame_of([person(orders=orders) | {"customer_id": orders} for orders in (0, 1, 2)]).lazy()
    rule = parse({"attribute": "orders", "op": ">=", "value": 1})
    assert members(frame, rule).collect()["customer_id"].to_list() == [1, 2]
    assert members(frame, EVERYONE).collect().height == 3


def test_diff_names_who_entered_and_left() -> None:
    one, two, three = CustomerId(1), CustomerId(2), CustomerId(3)
    assert diff({one, two}, {two, three}) == Change(entered=frozenset({three}), left=frozenset({one}))
