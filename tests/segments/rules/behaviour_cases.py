"""Conditions on behaviour, one history each: the table that every interpreter must answer alike.

The as-of day is day 40, a Saturday (11 April 2026); the moment is 12:00 of it.
"""

from typing import Any

from tests.segments.history import Happening, moment

ORDER = "Order Completed"
Case = tuple[dict[str, Any], list[Happening], bool]


def at(ago: int, minute: int = 600, /, event: str = "Store Visited", **more: Any) -> Happening:
    """Something that the first customer did so many days ago, at a minute of the day."""
    return Happening(seq=1000 - 10 * ago + minute // 200, customer=1, event=event, at=moment(40 - ago, minute), **more)


def order(ago: int, number: int, amount: int = 100, minute: int = 600, **more: Any) -> Happening:
    return at(ago, minute, ORDER, order=number, amount=amount, **more)


def asks(event: str = "Store Visited", times: int = 1, op: str = "at_least", **more: Any) -> dict[str, Any]:
    """At least once, unless said otherwise; ``first`` and ``last`` are the days of a window."""
    return {"event": event, "op": op, "times": times, **more}


def followed(within: dict[str, int], **more: Any) -> dict[str, Any]:
    return asks("Coupon Viewed", then={"event": "Store Visited", **within}, **more)


VISITS = [at(0), at(6), at(7), at(13), at(14)]
TEA = order(3, 1, lines=(("tea", 1, 60), ("milk", 1, 40)), products=("P1", "P2"), brands=("ito", None), store="S1")
PLAIN = order(5, 2, amount=30, store="S2")
BACK = at(1, 600, "Order Refunded", order=1, amount=40)
GONE = at(1, 600, "Order Cancelled", order=1)
SAW = at(2, 600, "Coupon Viewed", coupon="spring")
DAY = {"within_hours": 24}

CASES: list[Case] = [
    # windows
    (asks(times=2, weeks=1), VISITS, True),
    (asks(times=3, weeks=1), VISITS, False),
    (asks(times=4, weeks=2), VISITS, True),
    (asks(hours=2), [at(0, 601)], True),
    (asks(hours=2), [at(0, 600)], False),
    (asks(minutes=120), [at(0, 721)], False),
    (asks(hours=36), [at(1, 1)], True),
    (asks(op="exactly", times=2, **{"from": "2026-04-04", "to": "2026-04-05"}), VISITS, True),
    (asks(op="exactly", times=2, **{"from": "2026-04-04", "to": "2026-04-11"}), VISITS, False),
    (asks(op="exactly", times=3, **{"from": "2026-04-04"}), VISITS, True),
    (asks(op="at_most", times=2, to="2026-04-03"), VISITS, True),
    (asks(op="at_most", times=1, to="2026-03-29"), VISITS, False),
    (asks(op="at_most", times=0, to="2026-03-28"), VISITS, False),
    # filters
    (asks(ORDER, where={"store": "S1"}), [TEA, PLAIN], True),
    (asks(ORDER, times=2, where={"store": ["S1", "S2"]}), [TEA, PLAIN], True),
    (asks(ORDER, where={"store": {"not_in": ["S1"]}}), [TEA], False),
    (asks(ORDER, where={"store": {"not_in": ["S1"]}}), [order(1, 9)], False),
    (asks(ORDER, where={"category": "tea"}), [TEA, PLAIN], True),
    (asks(ORDER, times=2, where={"category": ["milk", "tea"]}), [TEA, PLAIN], False),
    (asks(ORDER, where={"category": {"not_in": ["tea"]}}), [TEA, PLAIN], False),
    (asks(ORDER, where={"category": {"not_in": ["juice"]}}), [TEA], True),
    (asks(ORDER, where={"product": "P2"}), [TEA], True),
    (asks(ORDER, where={"product": {"not_in": ["P2"]}}), [TEA], False),
    (asks(ORDER, where={"product": "P3"}), [TEA], False),
    (asks(ORDER, where={"brand": "ito"}), [TEA, PLAIN], True),
    (asks(ORDER, where={"brand": {"not_in": ["ito"]}}), [TEA, PLAIN], False),
    (asks(ORDER, where={"brand": {"not_in": ["uno"]}, "product": "P1"}), [TEA], True),
    (asks(ORDER, op="at_most", times=0, where={"brand": "uno"}), [TEA, PLAIN], True),
    (asks(ORDER, where={"amount": {">=": 100}}), [TEA, BACK], True),
    (asks(ORDER, where={"amount": {"between": [31, 99]}}), [TEA, PLAIN], False),
    (asks(ORDER, where={"store": "S1", "category": "tea", "amount": {"<=": 100}}), [TEA], True),
    (asks(ORDER, where={"store": "S1"}), [TEA, GONE], False),
    (asks(ORDER, where={"platform": "ios"}), [order(1, 9, platform="ios")], True),
    (asks(ORDER, where={"platform": {"not_in": ["ios"]}}), [order(1, 9)], False),
    (asks(ORDER, where={"property:gift": True}), [order(1, 9, own=(("gift", True),))], True),
    (asks(ORDER, where={"property:gift": {"is_set": False}}), [order(1, 9)], True),
    (asks(ORDER, where={"property:gift": {"is_set": False}}), [order(1, 9, own=(("gift", False),))], False),
    (asks(ORDER, where={"property:gift": {"not_in": ["x"]}}), [order(1, 9)], False),
    (asks("Spun", where={"property:tags": {"has_all": ["hot", "tea"]}}), [at(1, 1, "Spun", own=(("tags", ["tea", "hot"]),))], True),
    (asks("Spun", where={"property:tags": {"has_all": ["hot", "tea"]}}), [at(1, 1, "Spun", own=(("tags", "tea"),))], False),
    (asks("Spun", where={"property:tags": {"not_in": ["tea"]}}), [at(1, 1, "Spun", own=(("tags", ["tea", "hot"]),))], False),
    (asks("Spun", where={"property:tags": {"not_in": ["tea"]}}), [at(1, 1, "Spun", own=(("size", 1),))], False),
    (asks("Spun", where={"property:tag": "tea"}), [at(1, 1, "Spun", own=(("tags", "tea"),))], False),
    (asks("Spun", where={"property:size": 12.5}), [at(1, 1, "Spun", own=(("size", "12.50"),))], True),
    (asks("Spun", where={"property:size": {"<": 12.5}}), [at(1, 1, "Spun", own=(("size", "1.2.3"),))], False),
    (asks("Spun", where={"property:size": {"!=": 12}}), [at(1, 1, "Spun", own=(("size", [12, 13]),))], True),
    (asks("Spun", where={"property:size": "12"}), [at(1, 1, "Spun", own=(("size", 12.0),))], True),
    ({"event": "Spun", "sum": "property:size", "op": "between", "value": [7.3, 7.3]},
     [at(1, 1, "Spun", own=(("size", [0.1, 0.2]),)), at(2, 1, "Spun", own=(("size", 7),)), at(3, 1, "Spun")], True),
    ({"event": "Spun", "sum": "property:size", "op": "<=", "value": 0}, [at(1, 1, "Spun", own=(("size", "x"),))], True),
    ({"event": "Spun", "max": "property:size", "op": "<=", "value": 0}, [at(1, 1, "Spun", own=(("size", "x"),))], False),
    ({"event": ORDER, "sum": "property:bags", "op": ">=", "value": 3, "days": 5},
     [order(1, 1, own=(("bags", 2),)), order(2, 2, own=(("bags", 1),)), order(6, 3, own=(("bags", 9),))], True),
    ({"event": ORDER, "max": "property:bags", "op": ">=", "value": 2}, [order(3, 1, own=(("bags", 2),)), GONE], False),
    ({"event": "Survey Answered", "max": "score", "op": "<=", "value": 6}, [at(1, 600, "Survey Answered", score=6)], True),
    (asks("Product Viewed", where={"product": "P1", "brand": {"not_in": ["uno"]}}),
     [at(1, 1, "Product Viewed", own=(("product_id", "P1"), ("brand", "ito")))], True),
    (asks("Product Viewed", where={"brand": {"not_in": ["uno"]}}), [at(1, 1, "Product Viewed", category="ito")], False),
    (asks("Coupon Redeemed", where={"coupon": "spring", "store": "S1"}),
     [at(1, 600, "Coupon Redeemed", coupon="spring", store="S2")], False),
    (asks("Survey Answered", where={"score": {"<=": 6}}), [at(1, 600, "Survey Answered", score=6)], True),
    (asks("Survey Answered", where={"score": {"<=": 6}}), [at(1, 600, "Survey Answered")], False),
    (asks("Membership Rank Changed", where={"rank": ["gold"]}),
     [at(1, 600, "Membership Rank Changed", rank="gold")], True),
    (asks("Push Notification Tapped", where={"campaign": "7"}),
     [at(1, 600, "Push Notification Tapped", campaign=7)], True),
    (asks("Membership Joined", where={"store": "S1"}), [at(1, 600, "Membership Joined", store="S1")], True),
    # one thing after another
    (followed(DAY), [SAW, at(1, 600)], True),
    (followed(DAY), [SAW, at(1, 601)], False),
    (followed({"within_hours": 25}), [SAW, at(1, 601)], True),
    (followed({"within_days": 2}), [SAW, at(2, 599)], False),
    (followed(DAY, days=1), [SAW, at(1, 600)], False),
    (followed(DAY, days=2), [SAW, at(1, 600)], True),
    (asks("Store Visited", then={"event": "Store Visited", "within_days": 1}), [at(1)], False),
    (asks("Store Visited", then={"event": "Store Visited", "within_days": 1}), [at(1), at(0)], True),
    (asks("Coupon Viewed", where={"coupon": "tea"}, then={"event": "Store Visited", **DAY}), [SAW, at(1)], False),
    (asks("Coupon Viewed", then={"event": ORDER, "where": {"store": "S1"}, **DAY}), [at(4, 600, "Coupon Viewed"), TEA], True),
    (asks("Coupon Viewed", then={"event": ORDER, "where": {"store": "S2"}, **DAY}), [at(4, 600, "Coupon Viewed"), TEA], False),
    (asks("Coupon Viewed", then={"event": ORDER, **DAY}), [at(4, 600, "Coupon Viewed"), TEA, GONE], False),
    # amounts
    ({"event": ORDER, "sum": "amount", "op": ">=", "value": 90}, [TEA, PLAIN, BACK], True),
    ({"event": ORDER, "sum": "amount", "op": ">=", "value": 91}, [TEA, PLAIN, BACK], False),
    ({"event": ORDER, "sum": "amount", "op": "<=", "value": 0}, [], True),
    ({"event": ORDER, "sum": "amount", "op": "between", "value": [30, 30], "weeks": 1}, [PLAIN, TEA, GONE], True),
    ({"event": ORDER, "sum": "amount", "op": ">=", "value": 1, "days": 3}, [TEA], False),
    ({"event": ORDER, "sum": "amount", "op": ">=", "value": 1, "days": 4}, [TEA], True),
    ({"event": ORDER, "sum": "amount", "op": ">=", "value": 100, "where": {"category": "tea"}}, [TEA, PLAIN], True),
    ({"event": ORDER, "max": "amount", "op": "<=", "value": 100}, [TEA, PLAIN], True),
    ({"event": ORDER, "max": "amount", "op": "<=", "value": 100}, [], False),
    ({"event": "Points Earned", "sum": "amount", "op": ">=", "value": 8, "hours": 48},
     [at(1, 600, "Points Earned", amount=5), at(1, 600, "Points Earned", amount=3)], True),
    # first and last
    ({"event": "Store Visited", "when": "first", "op": "before_days", "value": 14}, VISITS, True),
    ({"event": "Store Visited", "when": "first", "op": "within_days", "value": 15}, VISITS, True),
    ({"event": "Store Visited", "when": "last", "op": "before_days", "value": 1}, VISITS, False),
    ({"event": ORDER, "when": "first", "op": "on_or_after", "value": "2026-04-06"}, [TEA, PLAIN], True),
    ({"event": ORDER, "when": "first", "op": "on_or_after", "value": "2026-04-07"}, [TEA, PLAIN], False),
    ({"event": ORDER, "when": "last", "op": "on_or_before", "value": "2026-04-08"}, [TEA, PLAIN], True),
    ({"event": ORDER, "when": "last", "op": "on_or_before", "value": "2026-04-08"}, [], False),
    # periods
    ({"event": "Store Visited", "in_periods": 3, "of_last": 3, "unit": "week"}, VISITS, True),
    ({"event": "Store Visited", "in_periods": 2, "of_last": 2, "unit": "day"}, VISITS, False),
    ({"event": "Store Visited", "in_periods": 2, "of_last": 2, "unit": "month"}, VISITS, True),
    ({"event": "Store Visited", "in_periods": 2, "of_last": 2, "unit": "month"}, VISITS[:3], False),
    ({"event": ORDER, "in_periods": 2, "of_last": 4, "unit": "day"}, [TEA, order(3, 4)], False),
    # stopped, came back
    ({"event": "Store Visited", "change": "stopped", "days": 3}, [at(3)], True),
    ({"event": "Store Visited", "change": "stopped", "days": 3}, [at(5)], True),
    ({"event": "Store Visited", "change": "stopped", "days": 3}, [at(6)], False),
    ({"event": "Store Visited", "change": "stopped", "days": 3}, [at(2), at(4)], False),
    ({"event": "Store Visited", "change": "came_back", "days": 3}, [at(2), at(6)], True),
    ({"event": "Store Visited", "change": "came_back", "days": 3}, [at(2), at(5), at(6)], False),
    ({"event": "Store Visited", "change": "came_back", "days": 3}, [at(2)], False),
    ({"event": ORDER, "change": "came_back", "days": 3}, [order(2, 1), order(2, 2), order(9, 3), order(20, 4)], True),
]  # fmt: skip
