"""The coupon ledger: one row per (customer, coupon) pair, made of history, and numbers of a coupon that add up.

The same rules as for one person (`segments.coupons`), for everybody at once: a test holds the two against each other.
Every pair that was issued is used, open or expired. Uses by people to whom a coupon was never issued are in the ledger
too, with a flag, and stand beside those three.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import narwhals as nw
import polars as pl

from segments.coupons import CouponState, Flag
from segments.events import EventName
from segments.reduce.coupons import issued_pairs, with_ends

_ISSUED = str(EventName.COUPON_ISSUED)
_VIEWED = str(EventName.COUPON_VIEWED)
_PRESENTED = str(EventName.COUPON_PRESENTED)
_REDEEMED = str(EventName.COUPON_REDEEMED)
_EXPIRED = str(EventName.COUPON_EXPIRED)
COUPON_EVENTS = (_ISSUED, _VIEWED, _PRESENTED, _REDEEMED, _EXPIRED)
"""Events that the ledger is made of."""

_PAIR = ["customer_id", "key"]
_MOMENT = pl.Datetime("us", "UTC")

DEFINITIONS: dict[str, pl.DataType] = {
    "coupon_id": pl.String(),
    "audience": pl.String(),
    "valid_from": pl.Date(),
    "valid_until": pl.Date(),
    "stores": pl.List(pl.String()),
    "uses_per_person": pl.Int64(),
}
"""Columns of the definitions that the ledger asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreUses:
    """Uses of a coupon in one store; None where the till named none."""

    store_id: str | None
    uses: int
    people: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CouponNumbers:
    """What became of the pairs of one coupon. ``issued`` = ``used`` + ``open`` + ``expired``.

    Attributes:
        viewed: of the issued ones.
        presented: of the issued ones.
        uses: redemptions, also of those to whom it was never issued.
        not_issued: people who used it although it was never issued to them.
        flagged: pairs by what is odd about them.
        stores: uses by store, the busiest first.
    """

    coupon_id: str
    issued: int = 0
    used: int = 0
    open: int = 0
    expired: int = 0
    viewed: int = 0
    presented: int = 0
    uses: int = 0
    not_issued: int = 0
    flagged: dict[Flag, int]
    stores: tuple[StoreUses, ...] = ()


def ledger(facts: pl.LazyFrame, definitions: pl.LazyFrame, *, today: date) -> pl.LazyFrame:
    """One row per pair.

    Args:
        facts: rows of customer_days of `COUPON_EVENTS`, merges applied, unverified ones that stepped back left out.
        definitions: see `DEFINITIONS`; a coupon that nobody defined is valid everywhere and for ever.
        today: the business day; validity includes its last day.

    Returns:
        ``customer_id``, ``key`` (coupon), ``issued_at`` (null: never issued), ``issues``, ``viewed_at``, ``presented_at``,
        ``used_at`` (first redemption), ``uses``, ``stores`` (list), ``ends`` (last day), ``expired_at`` (as written
        down), ``state`` (see `CouponState`), ``flags`` (list of `Flag`).
    """
    issued = _issued(facts, definitions)
    defined = facts.join(definitions.rename({"coupon_id": "key"}), on="key", how="left")
    known = defined.join(issued.select(*_PAIR, "ends", "since"), on=_PAIR, how="left")
    rows = known.with_columns(pl.coalesce("ends", "valid_until").alias("ends"))
    pairs = rows.group_by(_PAIR).agg(pl.col("ends").first(), pl.col("since").first(), *_stages(), *_oddities())
    kept = pairs.filter(pl.col("since").is_not_null() | (pl.col("uses") > 0))
    return kept.with_columns(_state(today), _flags(), _issued_at()).select(
        *_PAIR, "issued_at", "issues", "viewed_at", "presented_at", "used_at", "uses", "stores", "ends", "expired_at",
        "state", "flags",
    )  # fmt: skip


def _issued(facts: pl.LazyFrame, definitions: pl.LazyFrame) -> pl.LazyFrame:
    """Pairs that were issued, with ``since`` (business day) and ``ends``."""
    rows, defined = nw.from_native(facts), nw.from_native(definitions)
    pairs = issued_pairs(rows, definitions=defined)
    ended: pl.LazyFrame = with_ends(pairs, rows, definitions=defined).to_native()
    return ended.rename({"issued": "since"})


def _stages() -> list[pl.Expr]:
    first = {"issue_at": _ISSUED, "viewed_at": _VIEWED, "presented_at": _PRESENTED, "used_at": _REDEEMED, "expired_at": _EXPIRED}  # fmt: skip
    used = pl.col("event") == _REDEEMED
    return [
        *(pl.col("first_at").filter(pl.col("event") == event).min().alias(name) for name, event in first.items()),
        pl.col("count").filter(pl.col("event") == _ISSUED).sum().alias("issues"),
        pl.col("count").filter(used).sum().alias("uses"),
        pl.col("detail").filter(used & (pl.col("detail") != "")).unique().sort().alias("stores"),
    ]


def _oddities() -> list[pl.Expr]:
    """Per pair, whether any use of it is odd; null counts as no."""
    used, day, named = pl.col("event") == _REDEEMED, pl.col("business_day"), pl.col("stores").list.len() > 0
    elsewhere = named & (pl.col("detail") != "") & ~pl.col("stores").list.contains(pl.col("detail"))
    odd = {
        Flag.LATE: day > pl.col("ends"),
        Flag.EARLY: day < pl.col("valid_from"),
        Flag.WRONG_STORE: elsewhere,
    }
    return [
        *((used & oddity.fill_null(value=False)).any().alias(flag) for flag, oddity in odd.items()),
        pl.col("uses_per_person").first(),
        (pl.col("audience").first() == "public").fill_null(value=False).alias("public"),
    ]


def _state(today: date) -> pl.Expr:
    over = (pl.col("ends") < today).fill_null(value=False) | pl.col("expired_at").is_not_null()
    state = pl.when(pl.col("uses") > 0).then(pl.lit(str(CouponState.USED)))
    return state.when(over).then(pl.lit(str(CouponState.EXPIRED))).otherwise(pl.lit(str(CouponState.HELD))).alias("state")  # fmt: skip


def _flags() -> pl.Expr:
    """In the order in which `Flag` declares them."""
    holds = {
        Flag.OVER_LIMIT: (pl.col("uses") > pl.col("uses_per_person")).fill_null(value=False),
        Flag.LATE: pl.col(Flag.LATE),
        Flag.EARLY: pl.col(Flag.EARLY),
        Flag.WRONG_STORE: pl.col(Flag.WRONG_STORE),
        Flag.NOT_ISSUED: (pl.col("uses") > 0) & pl.col("since").is_null(),
    }
    named = [pl.when(holds[flag]).then(pl.lit(str(flag))) for flag in Flag]
    return pl.concat_list(named).list.drop_nulls().alias("flags")


def _issued_at() -> pl.Expr:
    """When it was issued; a public coupon when it was first viewed, if that was earlier."""
    viewed = pl.when(pl.col("public")).then(pl.col("viewed_at"))
    return pl.min_horizontal("issue_at", viewed).cast(_MOMENT).alias("issued_at")


def numbers(pairs: pl.LazyFrame, facts: pl.LazyFrame, coupon_ids: Sequence[str]) -> tuple[CouponNumbers, ...]:
    """The numbers of some coupons, in their order; zeros for one that nobody has.

    Args:
        pairs: see `ledger`.
        facts: what they were made of.
        coupon_ids: the coupons.
    """
    issued = pl.col("issued_at").is_not_null()
    counted = pairs.group_by("key").agg(
        issued.sum().alias("issued"),
        *((issued & (pl.col("state") == state)).sum().alias(name) for name, state in _STATES.items()),
        (issued & pl.col("viewed_at").is_not_null()).sum().alias("viewed"),
        (issued & pl.col("presented_at").is_not_null()).sum().alias("presented"),
        pl.col("uses").sum(),
        (~issued).sum().alias("not_issued"),
        *(pl.col("flags").list.contains(str(flag)).sum().alias(f"flag {flag}") for flag in Flag),
    )
    rows = {row["key"]: row for row in counted.collect().to_dicts()}
    stores = _by_store(facts)
    return tuple(_numbers(coupon_id, rows.get(coupon_id, {}), stores.get(coupon_id, [])) for coupon_id in coupon_ids)


_STATES = {"used": str(CouponState.USED), "open": str(CouponState.HELD), "expired": str(CouponState.EXPIRED)}
_COUNTS = ("issued", "used", "open", "expired", "viewed", "presented", "uses", "not_issued")


def _numbers(coupon_id: str, row: dict[str, int], stores: Sequence[StoreUses]) -> CouponNumbers:
    flagged = {flag: row.get(f"flag {flag}", 0) for flag in Flag}
    return CouponNumbers(
        coupon_id=coupon_id,
        flagged={flag: count for flag, count in flagged.items() if count},
        stores=tuple(stores),
        **{name: row.get(name, 0) for name in _COUNTS},
    )


def _by_store(facts: pl.LazyFrame) -> dict[str, list[StoreUses]]:
    used = facts.filter(pl.col("event") == _REDEEMED)
    counted = used.group_by("key", "detail").agg(
        pl.col("count").sum(), pl.col("customer_id").n_unique().alias("people")
    )
    found: dict[str, list[StoreUses]] = {}
    for row in counted.sort("count", "detail", descending=[True, False]).collect().iter_rows(named=True):
        uses = StoreUses(store_id=row["detail"] or None, uses=row["count"], people=row["people"])
        found.setdefault(row["key"], []).append(uses)
    return found
