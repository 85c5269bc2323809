"""Sixty customers of a small shop, what app and till say of them, and the figures by plain Python.

Every property of a customer follows from his number, so that each combination occurs and a failure can be retold.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

CUSTOMERS = 60
PERIOD = 30
"""Days of the figures' window, which ends today."""

Call = dict[str, Any]
"""Arguments of an SDK call; ``kind`` is its method."""


@dataclass(frozen=True)
class Customer:
    """One customer."""

    number: int

    @property
    def user_id(self) -> str:
        return f"M{self.number:03}"

    @property
    def anonymous_id(self) -> str:
        return f"phone-of-{self.user_id}"

    @property
    def has_app(self) -> bool:
        return self.number % 10 != 7

    @property
    def address(self) -> str | None:
        return f"address-of-{self.user_id}" if self.has_app and self.number % 7 != 6 else None

    @property
    def consented(self) -> bool | None:
        """What he said last; None: nothing."""
        return {4: False, 8: None}.get(self.number % 9, True)

    @property
    def launched_days_ago(self) -> list[int]:
        """A third launched long before the window only."""
        return ([] if self.number % 3 == 2 else [1]) + [45] if self.has_app else []

    @property
    def ordered_days_ago(self) -> list[int]:
        return [[3], [5, 12], [], [2, 2], [9], [4, 60], [20], [8]][self.number % 8]

    @property
    def coupon(self) -> tuple[bool, bool]:
        """Whether he was issued the coupon, and whether he used it."""
        return self.number % 2 == 0, self.number % 6 == 0

    @property
    def is_reachable(self) -> bool:
        return self.consented is True and self.address is not None

    @property
    def why_left_out(self) -> str | None:
        """The first gate that removes him, where one does."""
        if self.consented is not True:
            return "consent"
        return None if self.address else "address"


EVERYONE = [Customer(number) for number in range(CUSTOMERS)]


def from_the_app(customer: Customer) -> Iterator[Call]:
    """What his phone says: who he is, launches, consent, coupons shown."""
    if not customer.has_app:
        return
    context: dict[str, Any] = {"device": {"id": f"device-of-{customer.user_id}", "type": "android"}}
    if customer.address:
        context["device"] |= {"token": customer.address, "permission": "granted"}
    who = {"user_id": customer.user_id, "anonymous_id": customer.anonymous_id, "context": context}
    yield {"kind": "identify", **who, "traits": {"given_name": "花子"}, "timestamp": days_ago(50)}
    for days in customer.launched_days_ago:
        yield {"kind": "track", **who, "event": "Application Opened", "timestamp": days_ago(days)}
    if customer.consented is not None:
        said = {"purpose": "marketing", "channel": "push", "granted": customer.consented}
        yield {"kind": "track", **who, "event": "Consent Changed", "properties": said, "timestamp": days_ago(1)}
    if customer.coupon[1]:
        shown = {"coupon_id": "spring"}
        yield {"kind": "track", **who, "event": "Coupon Presented", "properties": shown, "timestamp": days_ago(2)}


def from_the_till(customer: Customer) -> Iterator[Call]:
    """What the shop's own server says: who he is and which phone is his, coupons issued and redeemed, orders."""
    who: Call = {"user_id": customer.user_id}
    signed_in = {"anonymous_id": customer.anonymous_id} if customer.has_app else {}
    traits = {"family_name": f"客{customer.number}"}
    yield {"kind": "identify", **who, **signed_in, "traits": traits, "timestamp": days_ago(50)}
    if not customer.has_app and customer.consented is not None:
        said = {"granted": customer.consented}
        yield {"kind": "track", **who, "event": "Consent Changed", "properties": said, "timestamp": days_ago(1)}
    issued, used = customer.coupon
    for event, happened, days in (("Coupon Issued", issued, 6), ("Coupon Redeemed", used, 2)):
        if happened:
            properties = {"coupon_id": "spring"}
            yield {"kind": "track", **who, "event": event, "properties": properties, "timestamp": days_ago(days)}
    for nth, days in enumerate(customer.ordered_days_ago):
        order = {"order_id": f"{customer.user_id}-{nth}", "total": 1280 + nth, "currency": "JPY", "store_id": "S01"}
        yield {"kind": "track", **who, "event": "Order Completed", "properties": order, "timestamp": days_ago(days)}


def days_ago(days: int) -> datetime:
    """That many days before now, by this machine's clock; the intake corrects it to the shop's."""
    return datetime.now(UTC) - timedelta(days=days)


def window(clock_shift: int) -> tuple[date, date]:
    """First and last business day of the figures, in the shop's time."""
    today = (datetime.now(ZoneInfo("Asia/Tokyo")) + timedelta(seconds=clock_shift)).date()
    return today - timedelta(days=PERIOD - 1), today


def reference() -> dict[str, tuple[int, int]]:
    """Numerator and denominator of each figure over the window."""
    bought = {each: {days for days in each.ordered_days_ago if days < PERIOD} for each in EVERYONE}
    launched = [each for each in EVERYONE if any(days < PERIOD for days in each.launched_days_ago)]
    return {
        "repeat_purchase_rate": (sum(len(days) >= 2 for days in bought.values()), sum(map(bool, bought.values()))),
        "launch_rate": (len(launched), sum(each.has_app for each in EVERYONE)),
        "coupon_use_rate": (sum(each.coupon[1] for each in EVERYONE), sum(each.coupon[0] for each in EVERYONE)),
    }


def bought_once() -> list[Customer]:
    """The segment: everyone with exactly one purchase."""
    return [each for each in EVERYONE if len(each.ordered_days_ago) == 1]
