"""customer_days → the customer frame: one row per customer, as of a business day.

Scalar columns come from the Narwhals reductions beside this file; the list columns ``days:<event>`` are
packed from long rows (`segments.reduce.lists`).
"""

from collections.abc import Collection, Mapping, Sequence

import narwhals as nw
import polars as pl

from segments import customers
from segments.events import EventName
from segments.rank_rules import RankVersion
from segments.reduce.days import DERIVED, Frame
from segments.reduce.lists import cut_to_recent, occurrences, pack_days
from segments.reduce.orders import ORDER_EVENTS
from segments.reduce.parts import PARTS, WHO, Part
from segments.reduce.rank_moves import MOVING
from segments.reduce.ranks import STANDING, rank_facts, standings
from segments.reduce.trust import only_verified, verified_events

_ORDER = str(EventName.ORDER_COMPLETED)
_ZERO = ("points", "orders", "purchase_days", "spend", "launches", "visits", "coupons_held", "coupons_used")
"""Columns that are 0, not null, for one who did nothing."""

RANKING = (
    *MOVING,
    str(EventName.MEMBERSHIP_JOINED),
    str(EventName.MEMBERSHIP_WITHDRAWN),
    str(EventName.MEMBERSHIP_RANK_CHANGED),
)
"""Events that computed ranks, and the turns of reported ones, follow from."""

NO_STANDING = pl.DataFrame(schema={"customer_id": pl.Int64, "as_of": pl.Date, **STANDING})
"""Computed ranks where there are no rules."""

REDUCED: tuple[str, ...] = tuple(one.name for one in customers.ATTRIBUTES if not one.private)
"""Scalar columns that history alone decides."""


def reduce_customers(
    days: pl.LazyFrame,
    as_of: pl.LazyFrame,
    *,
    events: Sequence[str] | None = None,
    verified: Collection[str] | None = None,
    coupons: pl.LazyFrame | None = None,
    ranks: Sequence[RankVersion] = (),
    columns: Collection[str] = REDUCED,
    recent: Mapping[str, int] | None = None,
) -> pl.LazyFrame:
    """One row per row of ``as_of``, from the facts with ``business_day <= as_of``.

    Args:
        days: customer_days of at least the customers asked for, merges applied (`merge_customers`);
            aggregated or not.
        as_of: columns ``customer_id`` and ``as_of``. A customer may be asked about as of several days.
        events: events that get a list column; None takes those that occur in ``days`` (and collects to know).
        verified: weighty events that a trusted source reported anywhere in the shop; None looks in
            ``days``, which is right only where ``days`` holds everyone.
        coupons: definitions (coupon_id, audience, valid_until); without them a coupon is held until a
            ``Coupon Redeemed`` or ``Coupon Expired`` says otherwise, and public ones are held by nobody.
        ranks: rank rules; without them nobody has a computed rank. With them, and with ``events``, history is read at once,
            not when collected.
        columns: which of `REDUCED` are asked for, ``customer_id`` and ``as_of`` always; only history that
            these and ``events`` need is read.
        recent: events whose list need hold only the last so many business days, the as-of day being the last.

    Returns:
        The ``columns`` in the order of `segments.customers.SCHEMA`, then the list columns, newest day
        first, empty for one who never did it. ``days:Order Completed`` holds counted orders only.
    """
    names = list(events) if events is not None else occurring_events(days)
    asked = as_of.select(pl.col("customer_id").cast(pl.Int64), pl.col("as_of").cast(pl.Date)).unique()
    if verified is None:
        verified = _verified_names(days)
    needed = events_needed(columns, names)
    own = days if needed is None else days.filter(pl.col("event").is_in(needed))
    rows = own.join(asked, on="customer_id").filter(pl.col("business_day") <= pl.col("as_of"))
    # Every part filters these rows; without the cache each would join its own.
    facts = only_verified(nw.from_native(rows.cache()), verified=verified)
    made = [part.make(facts, None if coupons is None else nw.from_native(coupons)) for part in _parts_for(columns)]
    wanted = [name for name in REDUCED if name in {*columns, *WHO}]
    scalars = scalar_rows(nw.from_native(asked), made, [name for name in wanted if name not in STANDING])
    if not {*STANDING}.isdisjoint(wanted):
        standing = standings(rank_facts(facts, asked, ranks), ranks) if ranks else NO_STANDING
        scalars = scalars.join(standing.lazy(), on=list(WHO), how="left").select(wanted)
    if not names:
        return scalars
    happened: pl.LazyFrame = occurrences(facts, names, who=WHO).to_native()
    return with_lists(scalars, cut_to_recent(happened, recent or {}), names)


def occurring_events(days: pl.LazyFrame) -> list[str]:
    """Names of the events in ``days``, sorted, without the derived ones."""
    names = days.select(pl.col("event").unique()).collect().get_column("event")
    return sorted(name for name in names.to_list() if name not in DERIVED)


def _verified_names(days: pl.LazyFrame) -> list[str]:
    names: pl.DataFrame = verified_events(nw.from_native(days)).to_native().collect()
    return names.get_column("event").to_list()


def events_needed(columns: Collection[str], events: Collection[str]) -> list[str] | None:
    """Events whose rows decide these columns and lists; None where all do."""
    parts = _parts_for(columns)
    if any(part.events is None for part in parts):
        return None
    needed = {name for part in parts for name in part.events or ()} | {*events}
    if not {*STANDING}.isdisjoint(columns):
        needed |= {*RANKING}
    return sorted(needed | {*ORDER_EVENTS} if _ORDER in needed else needed)


def _parts_for(columns: Collection[str]) -> list[Part]:
    return [part for part in PARTS if not {*part.columns}.isdisjoint(columns)]


def scalar_rows(asked: Frame, made: Sequence[Frame], columns: Sequence[str]) -> pl.LazyFrame:
    """The scalar columns of everyone in ``asked`` (`WHO`), from parts that were made: 0 for who did nothing."""
    joined = asked
    for part in made:
        joined = joined.join(part, on=list(WHO), how="left")
    filled = joined.with_columns(
        nw.coalesce(name, nw.lit(0, nw.Int64)).alias(name) for name in _ZERO if name in columns
    )
    native: pl.LazyFrame = filled.select(*columns).to_native()
    return native


def with_lists(scalars: pl.LazyFrame, happened: pl.LazyFrame, names: Sequence[str]) -> pl.LazyFrame:
    """The list columns beside the scalar ones, from `segments.reduce.lists.occurrences`; both are read at once."""
    rows, days = pl.collect_all([scalars, happened])
    return rows.hstack(pack_days(days, rows.select(WHO), names)).lazy()
