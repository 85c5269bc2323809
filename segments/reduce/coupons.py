"""Coupons in people's hands: (customer, coupon) pairs issued, used, expired, and until when they can be used."""

from collections.abc import Sequence

import narwhals as nw

from segments.events import EventName
from segments.reduce.days import Frame
from segments.reduce.orders import WHO
from segments.reduce.select import once

_ISSUED = str(EventName.COUPON_ISSUED)
_VIEWED = str(EventName.COUPON_VIEWED)
_REDEEMED = str(EventName.COUPON_REDEEMED)
_GONE = [_REDEEMED, str(EventName.COUPON_EXPIRED)]
_DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"


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


def own_ends(facts: Frame, *, who: Sequence[str] = WHO) -> Frame:
    """Pairs whose every issue names a last day: ``own_end`` is the latest of them; a pair that is not here has none.

    The day stands in ``detail`` of the issue. Releases before wrote a store there, which is passed over.
    """
    issues = once(facts.filter(nw.col("event") == _ISSUED).select(*who, "key", "detail"))
    dated = nw.col("detail").str.contains(_DAY)
    endless = issues.filter(~dated).select(*who, "key").unique(subset=[*who, "key"])
    last = issues.filter(dated).group_by(*who, "key").agg(nw.col("detail").max())
    own = last.join(endless, on=[*who, "key"], how="anti")
    return own.select(*who, "key", nw.col("detail").str.to_date(format="%Y-%m-%d").alias("own_end"))


def with_ends(pairs: Frame, facts: Frame, *, definitions: Frame | None, who: Sequence[str] = WHO) -> Frame:
    """``pairs`` with ``ends``, the last business day of validity: the earlier of the issue's own and the definition's.

    Null where neither names one.
    """
    known = pairs.join(own_ends(facts, who=who), on=[*who, "key"], how="left")
    if definitions is None:
        return known.select(*pairs.collect_schema().names(), nw.col("own_end").alias("ends"))
    until = definitions.select(nw.col("coupon_id").alias("key"), "valid_until")
    known = known.join(until, on="key", how="left")
    own, shop = nw.col("own_end"), nw.col("valid_until")
    earlier = nw.when(shop < own).then(shop).otherwise(nw.coalesce("own_end", "valid_until"))
    return known.select(*pairs.collect_schema().names(), earlier.alias("ends"))


def summarise_coupons(facts: Frame, *, definitions: Frame | None, who: Sequence[str] = WHO) -> Frame:
    """Per person: coupons_used, coupons_held and next_coupon_expiry, the first day on which a held one ends.

    Used are distinct coupons redeemed, held are those issued and neither used nor expired. Validity ends by a
    ``Coupon Expired`` event or, where ``who`` holds an ``as_of`` day, when the pair's last day (`with_ends`) lies
    before it.
    """
    gone = facts.filter(nw.col("event").is_in(_GONE)).select(*who, "key").unique(subset=[*who, "key"])
    held = issued_pairs(facts, definitions=definitions, who=who).join(gone, on=[*who, "key"], how="anti")
    held = with_ends(held, facts, definitions=definitions, who=who)
    if "as_of" in who:
        held = held.filter(nw.col("ends").is_null() | (nw.col("ends") >= nw.col("as_of")))
    used = facts.filter(nw.col("event") == _REDEEMED).select(*who, "key").unique(subset=[*who, "key"])
    one, none = nw.lit(1, nw.Int64), nw.lit(0, nw.Int64)
    never = nw.lit(None, nw.Date)
    both = nw.concat(
        [
            held.select(*who, one.alias("coupons_held"), none.alias("coupons_used"), "ends"),
            used.select(*who, none.alias("coupons_held"), one.alias("coupons_used"), never.alias("ends")),
        ],
        how="vertical",
    )
    return both.group_by(*who).agg(
        nw.col("coupons_held").sum(),
        nw.col("coupons_used").sum(),
        nw.col("ends").min().alias("next_coupon_expiry"),
    )
