"""What of later events a campaign may claim, and by whom they may be reported. Counted by `campaigns.outcomes`."""

from datetime import datetime, timedelta

from segments.events import BY_NAME, EventName

TEST_DELIVERY = 0
"""The delivery number of test sends: what follows them counts nowhere."""

INFLUENCE = timedelta(hours=24)
"""A launch within this of the planned send time, without a tap, counts as an influenced open."""


def window_end(planned_at: datetime, conversion_days: int) -> datetime:
    """The declared end: the same moment for both arms, counted from the planned send time."""
    return planned_at + timedelta(days=conversion_days)


def followed_events(conversion_event: str, *, coupons: bool = False) -> frozenset[str]:
    """Events after a campaign that its report counts, beside taps and launches.

    Args:
        conversion_event: what counts as success.
        coupons: whether the use of coupons is counted too.
    """
    read = {conversion_event, str(EventName.ORDER_COMPLETED), str(EventName.ORDER_REFUNDED)}
    if coupons:
        read |= {str(EventName.COUPON_PRESENTED), str(EventName.COUPON_REDEEMED)}
    return frozenset(read)


def weighty_events(conversion_event: str, *, coupons: bool = False) -> tuple[str, ...]:
    """Those of `followed_events` that move money or reward: of these, trusted facts alone count once there are any."""
    read = followed_events(conversion_event, coupons=coupons)
    return tuple(sorted(name for name in read if name in BY_NAME and BY_NAME[name].weighty))
