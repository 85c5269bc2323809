"""What people did after a campaign, and every figure made of it, against a slow reading of the definitions."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.attribution import INFLUENCE
from campaigns.outcomes import ENTRIES, OUTCOMES, Asked, last_moment, outcomes
from campaigns.results import ArmResult, Results, judged, tally, tally_by, tried
from campaigns.winner import Measure
from segments.history import MERGES
from tests.fixtures.shop_floor import fact_frame

START = datetime(2026, 6, 30, 3, tzinfo=UTC)
DAYS = 7
CAMPAIGN = 7
COUPON = "SPRING"
TAPPED, SHOWN, OPENED = "Push Notification Tapped", "Push Notification Received", "Application Opened"
BOUGHT, RETURNED = "Order Completed", "Order Refunded"
PRESENTED, REDEEMED = "Coupon Presented", "Coupon Redeemed"
Fact = dict[str, Any]
Entry = tuple[Any, ...]
"""Customer, arm, variant, moment, accepted and, where it is said, whether it is for the rest after a test."""

FACT = st.fixed_dictionaries(
    {
        "customer_id": st.integers(1, 8),
        "event": st.sampled_from([TAPPED, SHOWN, OPENED, BOUGHT, RETURNED, PRESENTED, REDEEMED]),
        "occurred_at": st.integers(-30, 24 * 12).map(lambda hours: START + timedelta(hours=hours)),
        "trusted": st.booleans(),
        "campaign_id": st.sampled_from([CAMPAIGN, CAMPAIGN, 8, None]),
        "delivery_id": st.sampled_from([0, 5, None]),
        "amount": st.integers(0, 5_000),
        "order_key": st.integers(1, 4),
        "coupon_id": st.sampled_from([COUPON, "OTHER", None]),
    }
)
ENTRY = st.tuples(
    st.integers(1, 8),
    st.sampled_from([("treated", "A"), ("treated", "B"), ("control", None)]),
    st.integers(0, 4).map(lambda days: START + timedelta(days=days)),
    st.booleans(),
    st.booleans(),
).map(lambda one: (one[0], *one[1], one[2], one[3], one[4]))
MERGED = st.dictionaries(st.integers(5, 8), st.integers(1, 4), max_size=2)


def found(
    entries: Iterable[Entry],
    facts: Iterable[Fact],
    merged: dict[int, int] | None = None,
    *,
    proven: Iterable[str] = (),
    event: str = BOUGHT,
) -> pl.LazyFrame:
    asked = Asked(
        campaign_id=CAMPAIGN,
        conversion_event=event,
        conversion_days=DAYS,
        coupons=(COUPON,),
        proven=frozenset(proven),
    )
    return outcomes(
        pl.LazyFrame([(*entry, False)[:6] for entry in entries], schema=ENTRIES, orient="row"),
        fact_frame(facts).lazy(),
        survivors=pl.LazyFrame(list((merged or {}).items()), schema=MERGES, orient="row"),
        asked=asked,
    )


class Slow:
    """The same, person by person and fact by fact."""

    def __init__(self, entries: list[Entry], facts: list[Fact], merged: dict[int, int], proven: set[str]) -> None:
        self.entries: dict[int, list[Entry]] = {}
        for entry in entries:
            self.entries.setdefault(merged.get(entry[0], entry[0]), []).append(entry)
        self.facts = [
            fact | {"who": merged.get(fact["customer_id"], fact["customer_id"])}
            for fact in facts
            if fact["trusted"] or fact["event"] not in proven
        ]

    def row(self, person: int) -> dict[str, Any]:
        mine = [fact for fact in self.facts if fact["who"] == person]
        entered = self.entries[person]
        starts = min(entry[3] for entry in entered)
        window = [fact for fact in mine if starts <= fact["occurred_at"] < starts + timedelta(days=DAYS)]
        rest = all(entry[5] for entry in entered)
        drawn = [entry for entry in entered if rest or not entry[5]]
        arms, variants = {entry[1] for entry in entered}, {entry[2] for entry in drawn}
        sign = {BOUGHT: 1, RETURNED: -1}
        bought = [fact for fact in window if fact["event"] == BOUGHT]
        about = {fact["event"] for fact in window if fact["coupon_id"] == COUPON}
        return {
            "customer_id": person,
            "arm": arms.pop() if len(arms) == 1 else None,
            "variant": variants.pop() if len(variants) == 1 else None,
            "accepted": any(entry[4] for entry in entered),
            "received": self.touched(mine, entered, SHOWN),
            "tapped": self.touched(mine, entered, TAPPED),
            "launched": any(
                fact["event"] == OPENED and self.since(fact, entered) is not None and self.within(fact, entered)
                for fact in mine
            ),
            "converted": bool(bought),
            "orders": len({fact["order_key"] for fact in bought}),
            "spent": sum(sign.get(fact["event"], 0) * fact["amount"] for fact in window),
            "presented": PRESENTED in about,
            "redeemed": REDEEMED in about,
            "rest": rest,
        }

    def since(self, fact: Fact, entered: list[Entry]) -> timedelta | None:
        before = [entry[3] for entry in entered if entry[3] <= fact["occurred_at"]]
        return fact["occurred_at"] - max(before) if before else None

    def within(self, fact: Fact, entered: list[Entry]) -> bool:
        return (self.since(fact, entered) or timedelta(0)) < INFLUENCE

    def touched(self, facts: list[Fact], entered: list[Entry], event: str) -> bool:
        return any(
            fact["event"] == event
            and fact["campaign_id"] == CAMPAIGN
            and fact["delivery_id"] != 0
            and (since := self.since(fact, entered)) is not None
            and since < timedelta(days=DAYS)
            for fact in facts
        )

    def rows(self) -> list[dict[str, Any]]:
        return [self.row(person) for person in sorted(self.entries)]


@settings(max_examples=40, deadline=None)
@given(st.lists(ENTRY, max_size=10), st.lists(FACT, max_size=25), MERGED, st.sets(st.sampled_from([BOUGHT, REDEEMED])))
def test_it_equals_a_slow_reading(
    entries: list[Entry], facts: list[Fact], merged: dict[int, int], proven: set[str]
) -> None:
    slow = Slow(entries, facts, merged, proven)
    frame = found(entries, facts, merged, proven=proven).sort("customer_id").collect()
    assert frame.schema == OUTCOMES
    assert frame.to_dicts() == slow.rows()
    labels = {person: "odd" if person % 2 else "even" for person in slow.entries}
    by_label = frame.lazy().with_columns(pl.col("customer_id").replace_strict(labels).alias("label"))
    if labels:
        parts = tally_by(by_label, variants=("A", "B"))
        for label, results in parts.items():
            _equals(results, [row for row in slow.rows() if labels[row["customer_id"]] == label])
        _adds_up(tally(frame.lazy(), variants=("A", "B")), list(parts.values()))


def _equals(results: Results, rows: list[dict[str, Any]]) -> None:
    one_arm = {"treated": results.treated, "control": results.control}
    for arm, found_arm in one_arm.items():
        _is_of(found_arm, [row for row in rows if row["arm"] == arm])
    tested = [row for row in rows if not row["rest"]]
    for variant in results.variants:
        _is_of(variant, [row for row in tested if row["arm"] == "treated" and row["variant"] == variant.name])
    assert (results.rest is not None) == (results.tested_control is not None) == (len(tested) < len(rows))
    if results.rest is not None:
        _is_of(results.rest, [row for row in rows if row["arm"] == "treated" and row["rest"]])
    _is_of(results.baseline, [row for row in tested if row["arm"] == "control"])
    assert results.left_out_merged == sum(row["arm"] is None for row in rows)


def _is_of(result: ArmResult, rows: list[dict[str, Any]]) -> None:
    spent = [row["spent"] for row in rows]
    assert (result.arm.customers, result.arm.conversions) == (len(rows), sum(row["converted"] for row in rows))
    assert (result.arm.amount, result.arm.amount_squares) == (sum(spent), sum(each**2 for each in spent))
    assert result.arm.amount_cubes == sum(each**3 for each in spent)
    assert result.direct == sum(row["tapped"] for row in rows)
    reached = [row for row in rows if (row["accepted"] or row["received"]) and not row["tapped"]]
    assert result.influenced == sum(row["launched"] for row in reached)
    assert (result.buyers, result.orders) == (sum(row["orders"] > 0 for row in rows), sum(r["orders"] for r in rows))
    assert (result.presented, result.redeemed) == (sum(r["presented"] for r in rows), sum(r["redeemed"] for r in rows))
    assert (result.accepted, result.received) == (sum(r["accepted"] for r in rows), sum(r["received"] for r in rows))
    assert result.sales_per_person == (sum(spent) / len(rows) if rows else None)


def _adds_up(whole: Results, parts: list[Results]) -> None:
    figures: list[Callable[[Results], int]] = [
        lambda each: each.treated.arm.customers,
        lambda each: each.control.arm.customers,
        lambda each: each.treated.arm.conversions,
        lambda each: each.treated.arm.amount,
        lambda each: each.treated.direct + each.treated.influenced,
        lambda each: each.treated.redeemed,
        lambda each: each.left_out_merged,
    ]
    for figure in figures:
        assert figure(whole) == sum(figure(part) for part in parts)


def moment(person: int, event: str, at: datetime, **more: Any) -> Fact:
    said = {"campaign_id": CAMPAIGN, "delivery_id": 5, "amount": 100, "order_key": 1, "coupon_id": COUPON}
    return {"customer_id": person, "event": event, "occurred_at": at} | said | more


def test_both_arms_convert_in_windows_of_one_length_from_their_own_entry() -> None:
    late = START + timedelta(days=3)
    entries: list[Entry] = [(1, "treated", None, START, True), (2, "control", None, late, False)]
    ends = {1: START + timedelta(days=DAYS), 2: late + timedelta(days=DAYS)}
    last = [moment(person, BOUGHT, end - timedelta(seconds=1)) for person, end in ends.items()]
    gone = [moment(person, BOUGHT, end) for person, end in ends.items()]
    assert tally(found(entries, last)).treated.arm.conversions == 1
    assert tally(found(entries, last)).control.arm.conversions == 1
    assert tally(found(entries, gone)).treated.arm.conversions == 0
    assert tally(found(entries, gone)).control.arm.conversions == 0


def test_a_second_push_opens_no_second_window_but_its_taps_count() -> None:
    again = START + timedelta(days=20)
    entries: list[Entry] = [(1, "treated", None, START, True), (1, "treated", None, again, True)]
    later = again + timedelta(hours=1)
    results = tally(found(entries, [moment(1, BOUGHT, later), moment(1, TAPPED, later), moment(1, OPENED, later)]))
    assert (results.treated.arm.customers, results.treated.arm.conversions, results.treated.direct) == (1, 0, 1)


def test_a_failed_send_stays_in_its_arm_and_a_refund_in_sales() -> None:
    entries: list[Entry] = [(1, "treated", None, START, False), (2, "treated", None, START, True)]
    facts = [moment(1, BOUGHT, START, amount=700), moment(1, RETURNED, START, amount=200)]
    results = tally(found(entries, facts))
    assert (results.treated.arm.customers, results.treated.accepted) == (2, 1)
    assert (results.treated.arm.amount, results.treated.sales_per_person) == (500, 250)


def test_where_no_till_reports_presenting_the_coupon_is_its_use() -> None:
    entries: list[Entry] = [(person, "treated", None, START, True) for person in (1, 2, 3)]
    shown = [moment(person, PRESENTED, START) for person in (1, 2)]
    assert tally(found(entries, shown)).treated.coupon_users == 2
    till = tally(found(entries, [*shown, moment(1, REDEEMED, START), moment(3, REDEEMED, START, coupon_id="OTHER")]))
    assert (till.treated.coupon_users, till.treated.coupon_rate) == (1, pytest.approx(1 / 3))


def test_where_a_till_reports_use_no_arm_counts_by_presenting() -> None:
    entries: list[Entry] = [(1, "treated", "A", START, True), (2, "treated", "B", START, True)]
    entries += [(3, "control", None, START, False)]
    facts = [moment(1, REDEEMED, START), moment(2, PRESENTED, START), moment(3, PRESENTED, START)]
    results = tally(found(entries, facts), variants=("A", "B"))
    assert [each.coupon_users for each in (*results.variants, results.control)] == [1, 0, 0]
    labelled = found(entries, facts).with_columns(pl.col("customer_id").cast(pl.String).alias("label"))
    parts = tally_by(labelled, variants=("A", "B")).values()
    assert [each.treated.coupon_users + each.control.coupon_users for each in parts] == [1, 0, 0]


def test_variants_are_told_by_the_test_alone_and_compared_with_its_own_control() -> None:
    later = START + timedelta(days=1)
    entries: list[Entry] = [
        (1, "treated", "A", START, True),
        (1, "treated", "B", later, True, True),
        (2, "treated", "B", START, True),
        (3, "treated", "B", later, True, True),
        (4, "control", None, START, False),
        (5, "control", None, later, False, True),
    ]
    bought = [moment(person, BOUGHT, later) for person in (1, 3, 5)]
    taps = [moment(person, TAPPED, later) for person in (2, 3)]
    frame = found(entries, [*bought, *taps, moment(1, OPENED, START)])
    results = tally(frame, variants=("A", "B"))
    assert [(each.arm.customers, each.arm.conversions) for each in results.variants] == [(1, 1), (1, 0)]
    assert (results.treated.arm.customers, results.control.arm.customers) == (3, 2)
    assert results.rest is not None
    assert (results.rest.arm.conversions, results.baseline.arm.conversions) == (1, 0)
    compared = judged(results, ends_at=START, as_of=START).comparisons
    assert [(each.name, each.effect.control.customers) for each in compared] == [("A", 1), ("B", 1)]
    told = {
        measure: [(one.people, one.successes) for one in tried(frame, measure=measure, variants="AB")]
        for measure in Measure
    }
    assert told == {
        Measure.DIRECT: [(1, 0), (1, 1)],
        Measure.OPENS: [(1, 1), (1, 1)],
        Measure.CONVERSIONS: [(1, 1), (1, 0)],
    }


def test_slices_are_judged_together() -> None:
    entries: list[Entry] = [(1, "treated", None, START, True), (2, "control", None, START, False)]
    ends = last_moment(START, DAYS)
    alone = judged(tally(found(entries, [])), ends_at=ends, as_of=ends)
    of_ten = judged(tally(found(entries, [])), ends_at=ends, as_of=ends, among=10)
    levels = [each.comparisons[0].effect.interval for each in (alone, of_ten)]
    assert [interval and interval.level for interval in levels] == [pytest.approx(0.95), pytest.approx(0.995)]
    assert tally(found([], [])).comparisons == ()
