"""The occurrences of a behaviour, from history: what rules read beside the plain lists that every frame has.

The same words mean the same as everywhere else: an order is a counted one, unverified facts step back
(`segments.reduce.trust`), an order's categories are those of its lines (`segments.metrics.property_filter`).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import narwhals as nw
import polars as pl

from segments.event_properties import is_own, own_name
from segments.events import EventName
from segments.reduce.days import ORDER_LINE
from segments.reduce.orders import ORDER_EVENTS, list_orders
from segments.reduce.trust import only_verified
from segments.rules.behaviour import Behaviour, Match, Property, Then, kept_as, source_of
from segments.rules.matching import holds, holds_of_order
from segments.rules.own_matching import own_numbers
from segments.rules.sequences import completed, repeated

WHO = ("customer_id",)

_ORDER = str(EventName.ORDER_COMPLETED)
_EVENT_COLUMNS = ("seq", "customer_id", "event", "business_day", "occurred_at", "trusted", "amount")


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What happened, merges applied.

    Attributes:
        days: customer_days.
        events: the lake's events.
        lines: the lake's order lines.
        verified: weighty events for which the word of a trusted source stands.
        now: the moment from which minutes count back; None where no behaviour is about minutes.
    """

    days: pl.LazyFrame
    events: pl.LazyFrame
    lines: pl.LazyFrame
    verified: Collection[str]
    now: datetime | None = None


def behaviour_rows(
    behaviour: Behaviour,
    *,
    days: pl.LazyFrame,
    events: pl.LazyFrame,
    lines: pl.LazyFrame,
    verified: Collection[str],
    now: datetime,
    day: date | None = None,
) -> pl.LazyFrame:
    """``customer_id``, ``business_day``, ``times``, ``amount`` of what a behaviour says; a day may take several rows.

    Args:
        behaviour: of source "days", "lines" or "events" (a plain one is answered too).
        days: customer_days, merges applied. Of each order all rows are needed, of other events those asked for.
        events: the lake's events, merges applied; only for source "events", and of these only as far back as `reaches`.
        lines: the lake's order lines; only where a product or brand is asked for.
        verified: weighty events for which the word of a trusted source stands.
        now: the moment from which minutes count back.
        day: nothing later is looked at; None: all there is.
    """
    upto = pl.lit(value=True) if day is None else pl.col("business_day") <= day
    history = History(days=days.filter(upto), events=events.filter(upto), lines=lines, verified=verified, now=now)
    return rows_of(behaviour, history, who=WHO)


def rows_of(behaviour: Behaviour, history: History, *, who: Sequence[str]) -> pl.LazyFrame:
    """`behaviour_rows` of a history in which ``who`` names the person, such as a customer as of a day."""
    if source_of(behaviour) == "ledger":
        raise ValueError(f"history does not know of {behaviour.event}")
    from_events = source_of(behaviour) == "events"
    first = "" if behaviour.then is not None else behaviour.measured
    rows = _happened(behaviour.event, behaviour.where, history, who=who, from_events=from_events, measured=first)
    if behaviour.then is not None:
        rows = _followed(rows, behaviour, behaviour.then, history, who=who)
    if behaviour.minutes is not None and history.now is not None:
        since = pl.lit(history.now) - pl.duration(minutes=behaviour.minutes)
        rows = rows.filter((pl.col("at") > since) & (pl.col("at") <= pl.lit(history.now)))
    if behaviour.until is not None:
        rows = rows.filter(pl.col("business_day") <= behaviour.until)
    return rows.select(*who, "business_day", "times", "amount")


def _followed(
    first: pl.LazyFrame, behaviour: Behaviour, then: Then, history: History, *, who: Sequence[str]
) -> pl.LazyFrame:
    within = timedelta(hours=then.within_hours)
    if (then.event, then.where) == (behaviour.event, behaviour.where) and not behaviour.measured:
        return repeated(first, within=within, who=who)
    second = _happened(then.event, then.where, history, who=who, from_events=True, measured=behaviour.measured)
    return completed(first, second, within=within, who=who)


def reaches(behaviour: Behaviour) -> timedelta | None:
    """How far back from now the events lie that decide a behaviour of source "events"; None: all of them."""
    if behaviour.minutes is None:
        return None
    before = behaviour.then.within_hours if behaviour.then is not None else 0
    return timedelta(minutes=behaviour.minutes, hours=before)


def events_of(behaviour: Behaviour) -> tuple[str, ...]:
    """Events whose rows in ``events`` decide a behaviour."""
    return (behaviour.event,) if behaviour.then is None else (behaviour.event, behaviour.then.event)


def deciding(behaviour: Behaviour) -> pl.Expr:
    """Whether a row of ``events`` can decide a behaviour; an order's always can: that it has other words says something, too."""
    asked = [(behaviour.event, behaviour.where)]
    asked += [] if behaviour.then is None else [(behaviour.then.event, behaviour.then.where)]
    each = [_decides(event, where) for event, where in asked]
    return pl.any_horizontal(each)


def _decides(event: str, where: Sequence[Match]) -> pl.Expr:
    named = pl.col("event") == event
    return (
        named if event == _ORDER else pl.all_horizontal(named, *(holds(match, event, in_days=False) for match in where))
    )


def event_columns(behaviour: Behaviour) -> tuple[str, ...]:
    """Columns of the lake's events that decide a behaviour of source "events": texts that nobody asks for are dear to read."""
    asked = [(behaviour.event, behaviour.where)]
    asked += [] if behaviour.then is None else [(behaviour.then.event, behaviour.then.where)]
    named = {name for event, where in asked for match in where for name in _columns_of(match, event)}
    if behaviour.measured:
        named |= {*_numbers(behaviour.measured).meta.root_names()}
    return (*_EVENT_COLUMNS, *sorted(named - {*_EVENT_COLUMNS}))


def _columns_of(match: Match, event: str) -> list[str]:
    if event == _ORDER and match.name != Property.PLATFORM and kept_as(match.name, event) is None:
        return []
    return holds(match, event, in_days=False).meta.root_names()


def days_needed(behaviour: Behaviour) -> tuple[str, ...]:
    """Events whose rows in customer_days decide a behaviour."""
    names = {*events_of(behaviour)}
    if source_of(behaviour) == "events":
        names &= {_ORDER}
    return tuple(sorted(names | {*ORDER_EVENTS, ORDER_LINE} if _ORDER in names else names))


def _happened(
    event: str, where: Sequence[Match], history: History, *, who: Sequence[str], from_events: bool, measured: str
) -> pl.LazyFrame:
    """``who``, ``business_day``, ``times``, ``amount``, and ``at``, ``seq`` where each occurrence stands for itself."""
    if event == _ORDER:
        return _orders(where, history, who=who, measured=measured)
    if from_events:
        return _events(event, where, history, who=who, measured=measured)
    rows = _verified(history.days.filter(pl.col("event") == event), history)
    kept = rows.filter(pl.lit(value=True), *(holds(match, event, in_days=True) for match in where))
    return kept.select(*who, "business_day", pl.col("count").alias("times"), "amount")


def _events(event: str, where: Sequence[Match], history: History, *, who: Sequence[str], measured: str) -> pl.LazyFrame:
    rows = _verified(history.events.filter(pl.col("event") == event), history)
    kept = rows.filter(pl.lit(value=True), *(holds(match, event, in_days=False) for match in where))
    one = pl.lit(1, pl.Int64).alias("times")
    amount = _numbers(measured) if measured else pl.col("amount").fill_null(0)
    listed = kept.select(*who, "business_day", one, amount, pl.col("occurred_at").alias("at"), "seq")
    return _each(listed) if measured else listed


def _numbers(measured: str) -> pl.Expr:
    """The numbers of what is measured, a list an event."""
    numbers = own_numbers(own_name(measured)) if is_own(measured) else pl.concat_list(pl.col(measured).cast(pl.Int64))
    return numbers.alias("amount")


def _each(rows: pl.LazyFrame) -> pl.LazyFrame:
    """A row for each number of an event; none where it has none."""
    return rows.explode("amount").drop_nulls("amount")


def _orders(where: Sequence[Match], history: History, *, who: Sequence[str], measured: str) -> pl.LazyFrame:
    """Counted orders, net; the moment and the number are those of the report that counts."""
    facts = _verified(history.days.filter(pl.col("event").is_in(ORDER_EVENTS)), history)
    listed: pl.LazyFrame = list_orders(nw.from_native(facts.cache()), who=who).to_native()
    orders = listed.filter("counted")
    for match in where:
        orders = _keep_orders(orders, match, history, who=who)
    net = pl.col("net").alias("amount")
    if measured:
        told = history.events.filter(pl.col("event") == _ORDER)
        # Rebuilt history holds an event once for each of its customer's days: the number alone would meet all of them.
        numbers = told.select(*who, pl.col("seq").alias("first_seq"), _numbers(measured))
        orders, net = _each(orders.drop("amount").join(numbers, on=[*who, "first_seq"])), pl.col("amount")
    one = pl.lit(1, pl.Int64).alias("times")
    return orders.select(
        *who,
        "business_day",
        one,
        net,
        pl.col("first_at").alias("at"),
        pl.col("first_seq").alias("seq"),
    )


def _keep_orders(orders: pl.LazyFrame, match: Match, history: History, *, who: Sequence[str]) -> pl.LazyFrame:
    if kept_as(match.name, _ORDER) is not None:
        told = history.events.filter(pl.col("event") == _ORDER).filter(holds(match, _ORDER, in_days=False))
        return orders.join(told.select(pl.col("seq").alias("first_seq")), on="first_seq", how="semi")
    match match.name:
        case Property.CATEGORY:
            lines = _verified(history.days.filter(pl.col("event") == ORDER_LINE), history)
            named = lines.filter(pl.col("detail") != "").select(*who, "first_seq", pl.col("detail").alias("word"))
            return _holding(orders, named, match, on=[*who, "first_seq"])
        case Property.PRODUCT | Property.BRAND:
            named = history.lines.select(pl.col("seq").alias("first_seq"), pl.col(match.name).alias("word"))
            return _holding(orders, named.drop_nulls(), match, on=["first_seq"])
        case Property.PLATFORM:
            told = history.events.filter(pl.col("event") == _ORDER)
            named = told.select(pl.col("seq").alias("first_seq"), pl.col("platform").alias("word"))
            return _holding(orders, named.drop_nulls(), match, on=["first_seq"])
        case _:
            return orders.filter(holds_of_order(match))


def _holding(orders: pl.LazyFrame, named: pl.LazyFrame, match: Match, *, on: list[str]) -> pl.LazyFrame:
    """Orders one of whose words is asked for; or with words, none of which is one of these."""
    equal = named.filter(pl.col("word").is_in(list(match.value) if isinstance(match.value, tuple) else []))
    if match.op == "in":
        return orders.join(equal, on=on, how="semi")
    return orders.join(named, on=on, how="semi").join(equal, on=on, how="anti")


def _verified(rows: pl.LazyFrame, history: History) -> pl.LazyFrame:
    kept: pl.LazyFrame = only_verified(nw.from_native(rows), verified=history.verified).to_native()
    return kept
