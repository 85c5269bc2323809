"""Which events of a report only a trusted source may tell."""

import pytest

from campaigns.attribution import weighty_events


@pytest.mark.parametrize(
    ("event", "coupons", "names"),
    [
        ("Store Visited", False, ("Order Completed", "Order Refunded")),
        ("Store Visited", True, ("Coupon Redeemed", "Order Completed", "Order Refunded")),
        ("Coupon Redeemed", False, ("Coupon Redeemed", "Order Completed", "Order Refunded")),
        ("anything else", False, ("Order Completed", "Order Refunded")),
    ],
)
def test_weighty_events(event: str, coupons: bool, names: tuple[str, ...]) -> None:
    assert weighty_events(event, coupons=coupons) == names
