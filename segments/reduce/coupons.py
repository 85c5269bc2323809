"""Coupons in people's hands: (customer, coupon) pairs issued, used, expired."""

from collections.abc import Sequence

import narwhals as nw

from segments.events import EventName
from segments.reduce.days import Frame
from segments.reduce.orders import WHO

_ISSUED = str(EventName.COUPON_ISSUED)
_VIEWED = str(EventName.COUPON_VIEWED)
_REDEEMED = str(EventName.COUPON_REDEEMED)
_GONE = [_REDEEMED, str(EventName.COUPON_EXPIRED)]


def issued_pairs(facts: Frame, *, definitions: Frame | None, who: Sequence[str] = WHO) -> Frame:
    """One row per person and coupon (``key``) with ``issued``, the business day of its issue.

    A coupon that is public by ``definitions`` (columns coupon_id, audience) is issued when first viewed.
    """
    rows = facts.filter(nw.col("event") == _ISSUED).select(*who, "key", "business_day")
    if definitions is not None:
        public = definitions.filter(nw.col("audience") == "public").select(nw.col("coupon_id").alias("key"))
        viewed = facts.filter(nw.col("event") == _VIEWED).join(public, on="key", how="inner")
        rows = nw.concat([rows, viewed.select(*who, "key", "business_day")], how="vertical")
    return rows.group_by(*who, "key").agg(nw.col("business_day").min().alias("issued"))


def summarise_coupons(facts: Frame, *, definitions: Frame | None, who: Sequence[str] = WHO) -> Frame:
    """Per person: coupons_used (distinct coupons redeemed) and coupons_held (issued, neither used nor expired).

    Validity ends by a ``Coupon Expired`` event or, where ``definitions`` are given and ``who`` holds an
    ``as_of`` day, when ``valid_until`` lies before it.
    """
    gone = facts.filter(nw.col("event").is_in(_GONE)).select(*who, "key").unique(subset=[*who, "key"])
    held = issued_pairs(facts, definitions=definitions, who=who).join(gone, on=[*who, "key"], how="anti")
    if definitions is not None and "as_of" in who:
        ends = definitions.select(nw.col("coupon_id").alias("key"), "valid_until")
        held = held.join(ends, on="key", how="left").filter(
            nw.col("valid_until").is_null() | (nw.col("valid_until") >= nw.col("as_of"))
        )
    used = facts.filter(nw.col("event") == _REDEEMED).select(*who, "key").unique(subset=[*who, "key"])
    one, none = nw.lit(1, nw.Int64), nw.lit(0, nw.Int64)
    both = nw.concat(
        [
            held.select(*who, one.alias("coupons_held"), none.alias("coupons_used")),
            used.select(*who, none.alias("coupons_held"), one.alias("coupons_used")),
        ],
        how="vertical",
    )
    return both.group_by(*who).agg(nw.col("coupons_held").sum(), nw.col("coupons_used").sum())
