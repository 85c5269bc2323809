"""Computed ranks equal the slow day-by-day way, for any history, rules and versions; what is missing, and reviews."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any

import narwhals as nw
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segments.rank_rules import (
    Criterion,
    Period,
    Promotion,
    Rank,
    RankRules,
    RankVersion,
    days_of,
    in_force,
    problems,
    spans,
)
from segments.rank_walk import Move, walk
from segments.reduce.rank_moves import rank_moves
from segments.reduce.ranks import ranks_of
from tests.segments import rank_reference
from tests.segments.history import Happening
from tests.segments.history import days_of as days_table
from tests.segments.rank_reference import Bought
from tests.segments.reference_customers import orders_of

FIRST = date(2023, 11, 20)
"""Early enough for a leap day, several turns of the year, and windows of a year."""
SPAN = 500
LADDERS = (("base", "silver", "gold"), ("base", "silver"), ("base", "bronze", "gold", "top"))


def on(offset: int) -> date:
    return FIRST + timedelta(days=offset)


_LEAP = (date(2024, 2, 29) - FIRST).days
_OFFSETS = st.integers(0, SPAN) | st.sampled_from(
    [_LEAP - 1, _LEAP, _LEAP + 1, _LEAP + 365, _LEAP + 366, 41, 42, 132, 133]
)


@st.composite
def _rules(draw: st.DrawFn) -> RankRules:
    names = draw(st.sampled_from(LADDERS))
    asked = sorted(draw(st.sets(st.integers(1, 6), min_size=len(names) - 1, max_size=len(names) - 1)))
    promotion = draw(st.sampled_from(list(Promotion)))
    dates = st.lists(st.sampled_from(["01", "15", "31", "02-29", "04-01", "01-01", "12-31"]), min_size=1, max_size=3)
    return RankRules(
        ranks=tuple(Rank(*pair) for pair in zip(names, [0, *asked], strict=True)),
        criterion=draw(st.sampled_from(list(Criterion))),
        period=draw(st.sampled_from(list(Period))),
        year_starts=draw(st.sampled_from([1, 3, 4])),
        promotion=promotion,
        return_days=draw(st.integers(1, 40)) if promotion is Promotion.AFTER_RETURN else 0,
        promotion_dates=tuple(draw(dates)) if promotion is Promotion.DATES else (),
        demotion_dates=tuple(draw(dates)) if draw(st.booleans()) else (),
        grace_days=draw(st.sampled_from([0, 0, 1, 20, 90])),
        floor=draw(st.none() | st.sampled_from(names)),
    )


@st.composite
def _versions(draw: st.DrawFn) -> list[RankVersion]:
    count = draw(st.integers(1, 3))
    return [
        RankVersion(version=number + 1, valid_from=on(draw(st.integers(-100, SPAN))), rules=draw(_rules()))
        for number in range(count)
    ]


@st.composite
def _history(draw: st.DrawFn) -> list[Happening]:
    """Orders, returns and points of one person; a return may be dated before its order, or name no order."""
    names = (
        "Order Completed",
        "Order Completed",
        "Order Completed",
        "Order Refunded",
        "Order Cancelled",
        "Points Earned",
    )
    rows = draw(
        st.lists(st.tuples(st.sampled_from(names), _OFFSETS, st.integers(0, 4), st.integers(0, 4)), max_size=14)
    )
    return [
        Happening(
            seq=seq + 1,
            customer=1,
            event=name,
            at=datetime.combine(on(offset), time(12), UTC),
            order=None if name == "Points Earned" else number,
            amount=None if name == "Order Refunded" and amount == 4 else amount,
        )
        for seq, (name, offset, number, amount) in enumerate(rows)
    ]


def bought(history: Sequence[Happening], as_of: date) -> list[Bought]:
    rows = [row for row in history if row.day <= as_of]
    orders = orders_of(rows)
    returns = [row for row in rows if row.event in ("Order Refunded", "Order Cancelled")]

    def back(mine: Sequence[Happening]) -> tuple[tuple[date, int | None], ...]:
        return tuple((row.day, None if row.event == "Order Cancelled" else row.amount) for row in mine)

    known = [
        Bought(order["day"], order["amount"], back([row for row in returns if row.order == number]))
        for number, order in orders.items()
    ]
    strangers = [Bought(None, 0, ((row.day, row.amount),)) for row in returns if row.order not in orders]
    points = [Bought(row.day, 0, points=row.amount or 0) for row in rows if row.event == "Points Earned"]
    return [*known, *strangers, *points]


def asked(*days: date) -> pl.LazyFrame:
    return pl.LazyFrame([(1, day) for day in days], schema={"customer_id": pl.Int64, "as_of": pl.Date}, orient="row")


def joined(offset: int) -> Happening:
    return Happening(0, 1, "Membership Joined", datetime.combine(on(offset), time(1), UTC))


def moves_of(events: Sequence[Bought]) -> dict[str, list[Move]]:
    """What the events are by each criterion, found by asking what an order was worth on each day."""
    found: dict[str, list[Move]] = {}
    for criterion in Criterion:
        rules = RankRules(ranks=(Rank("a"), Rank("b", 1)), criterion=criterion)
        for one in events:
            days = sorted({day for day in (one.day, *(max(when, one.day or when) for when, _ in one.back)) if day})
            worth = 0
            for day in days:
                about = one.day or day
                now = rank_reference.figure([one], rules, day, about, about, wait=0)
                if one.day is None:
                    found.setdefault(criterion, []).append(Move(about, day, now))
                    continue
                found.setdefault(criterion, []).append(Move(about, day, now - worth))
                worth = now
    return found


@settings(max_examples=100, deadline=None)
@given(history=_history(), versions=_versions(), joins=st.integers(0, 300), last=st.integers(300, SPAN + 40))
def test_ranks_equal_the_day_by_day_way(
    history: list[Happening], versions: list[RankVersion], joins: int, last: int
) -> None:
    events = bought(history, on(last))
    found = walk(moves_of(events), spans(versions), start=on(joins), as_of=on(last))
    expected = rank_reference.steps(events, versions, start=on(joins), as_of=on(last))
    assert [(step.day, step.rank) for step in found.steps] == expected


@settings(max_examples=25, deadline=None)
@given(history=_history(), offsets=st.lists(_OFFSETS, min_size=3, max_size=6))
def test_moves_sum_to_the_figures_of_any_day(history: list[Happening], offsets: list[int]) -> None:
    """As of the last day, and as it was known on days before."""
    as_of = on(SPAN)
    table = days_table(history).with_columns(pl.lit(as_of).alias("as_of"))
    events = bought(history, as_of)
    for criterion in Criterion:
        rules = RankRules(ranks=(Rank("a"), Rank("b", 1)), criterion=criterion)
        moves = rank_moves(nw.from_native(table), criterion).to_native().collect()
        for day in map(on, offsets):
            known = moves.filter((pl.col("known") <= day) & (pl.col("day") > day - timedelta(days=200)))
            first = day - timedelta(days=199)
            assert known["value"].sum() == rank_reference.figure(events, rules, day, first, day, wait=0)


@settings(max_examples=15, deadline=None)
@given(history=_history(), versions=_versions(), joins=st.integers(0, 300), last=st.integers(300, SPAN + 40))
def test_the_frame_of_many_holds_everybodys_own_way(
    history: list[Happening], versions: list[RankVersion], joins: int, last: int
) -> None:
    as_of = on(last)
    stands, ways = ranks_of(days_table([joined(joins), *history]), asked(as_of), versions)
    expected = rank_reference.steps(bought(history, as_of), versions, start=on(joins), as_of=as_of)
    assert list(zip(ways["day"], ways["rank"], strict=True)) == expected
    if expected:
        assert (stands.item(0, "computed_rank"), stands.item(0, "computed_rank_since")) == _since(expected)
        turned = stands.item(0, "computed_rank_rose"), stands.item(0, "computed_rank_fell")
        assert turned == _turned(expected, versions)
    else:
        assert stands.is_empty()


def _turned(steps: list[tuple[date, str]], versions: list[RankVersion]) -> tuple[date | None, date | None]:
    """When the rank last rose and fell: told by the thresholds of the rules of that day."""
    rose = fell = None
    for (_, before), (day, after) in pairwise(steps):
        version = in_force(versions, day)
        assert version is not None
        rules = version.rules
        asked = {rank.name: rank.threshold for rank in rules.ranks}
        if before in asked and after in asked:
            rose, fell = (day, fell) if asked[after] > asked[before] else (rose, day)
    return rose, fell


def _since(steps: list[tuple[date, str]]) -> tuple[str, date]:
    return steps[-1][1], steps[-1][0]


@settings(max_examples=15, deadline=None)
@given(history=_history(), versions=_versions(), joins=st.integers(0, 300), last=st.integers(300, SPAN))
def test_nothing_changes_by_itself_before_the_day_of_review(
    history: list[Happening], versions: list[RankVersion], joins: int, last: int
) -> None:
    """The frame makes a row anew on that day, so before it nothing may differ; versions that begin touch everybody."""
    known = [joined(joins), *(row for row in history if row.day <= on(last))]
    begins = [day for day, _ in spans(versions) if day > on(last)]
    days = [on(last + more) for more in range(0, 60, 3) if not begins or on(last + more) < min(begins)]
    stands, _ = ranks_of(days_table(known), asked(*days), versions)
    rows = {row["as_of"]: row for row in stands.to_dicts()}
    first = rows.get(on(last))
    if first is None:
        return
    for day in days:
        if first["rank_review"] is None or day < first["rank_review"]:
            assert {**rows[day], "as_of": None} == {**first, "as_of": None}


def test_what_is_missing_counts_in_the_running_period() -> None:
    rules = RankRules(ranks=(Rank("base"), Rank("silver", 100), Rank("gold", 300)), period=Period.CALENDAR)
    version = RankVersion(version=1, valid_from=date(2024, 1, 1), rules=rules)
    rows = [
        Happening(1, 1, "Order Completed", datetime(2024, 5, 1, tzinfo=UTC), order=1, amount=150),
        Happening(2, 1, "Order Completed", datetime(2025, 2, 1, tzinfo=UTC), order=2, amount=40),
        Happening(3, 1, "Order Refunded", datetime(2025, 2, 3, tzinfo=UTC), order=2, amount=10),
    ]
    stands, _ = ranks_of(days_table(rows), asked(date(2024, 12, 31), date(2025, 2, 2), date(2025, 2, 3)), [version])
    told = stands.sort("as_of").select("computed_rank", "to_next_rank", "rank_review").rows()
    assert told == [
        ("silver", 150, date(2025, 1, 1)),
        ("silver", 260, date(2026, 1, 1)),
        ("silver", 270, date(2026, 1, 1)),
    ]
    assert rules.counted_until(date(2025, 2, 2)) == date(2025, 12, 31)


def test_who_left_has_no_rank_and_who_is_highest_lacks_nothing() -> None:
    version = RankVersion(version=1, valid_from=FIRST, rules=RankRules(ranks=(Rank("base"), Rank("gold", 1))))
    top = Happening(1, 1, "Order Completed", datetime.combine(on(3), time(1), UTC), order=1, amount=5)
    gone = Happening(2, 1, "Membership Withdrawn", datetime.combine(on(9), time(1), UTC))
    stands, _ = ranks_of(days_table([joined(0), top, gone]), asked(on(8), on(9)), [version])
    assert stands.select("as_of", "computed_rank", "computed_rank_since", "to_next_rank").rows() == [
        (on(8), "gold", on(3), None)
    ]


LADDER = RankVersion(
    version=1, valid_from=FIRST, rules=RankRules(ranks=(Rank("base"), Rank("silver", 1), Rank("gold", 2)))
)


def reported(rank: str, day: int, minute: int = 0, seq: int = 1) -> Happening:
    at = datetime.combine(on(day), time(1, minute), UTC)
    return Happening(seq + day * 10, 1, "Membership Rank Changed", at, rank=rank)


@pytest.mark.parametrize(
    ("changes", "rose", "fell"),
    [
        ([], None, None),
        ([reported("silver", 3)], None, None),
        ([reported("silver", 3), reported("gold", 5)], 5, None),
        ([reported("gold", 3), reported("gold", 5)], None, None),
        ([reported("base", 3), reported("gold", 5), reported("silver", 9)], 5, 9),
        ([reported("gold", 3), reported("base", 5), reported("silver", 9), reported("gold", 12)], 12, 5),
        ([reported("base", 3), reported("gold", 3, 20, 2)], 3, None),
        ([reported("base", 3), reported("gold", 99)], None, None),
        ([reported("base", 3), reported("friend", 5), reported("gold", 9)], None, None),
    ],
)
def test_reported_ranks_rise_and_fall_by_the_order_of_the_rules(
    changes: list[Happening], rose: int | None, fell: int | None
) -> None:
    stands, _ = ranks_of(days_table([joined(0), *changes]), asked(on(20)), [LADDER])
    days = [None if day is None else on(day) for day in (rose, fell)]
    assert stands.select("rank_rose", "rank_fell").row(0) == tuple(days)


def test_whose_ranks_were_reported_needs_no_membership_to_rise() -> None:
    stands, _ = ranks_of(days_table([reported("base", 3), reported("gold", 4)]), asked(on(20)), [LADDER])
    assert stands.select("computed_rank", "rank_rose").rows() == [(None, on(4))]


@settings(max_examples=75, deadline=None)
@given(
    told=st.lists(
        st.tuples(st.sampled_from(["base", "silver", "gold", "friend"]), st.integers(1, 30)),
        max_size=8,
        unique_by=lambda each: each[1],
    )
)
def test_turns_of_reported_ranks_follow_each_other(told: list[tuple[str, int]]) -> None:
    stands, _ = ranks_of(days_table([joined(0), *(reported(*each) for each in told)]), asked(on(40)), [LADDER])
    names, turns = ["base", "silver", "gold"], {"rose": None, "fell": None}
    for (before, _), (after, day) in pairwise(sorted(told, key=lambda each: each[1])):
        if before in names and after in names and before != after:
            turns["rose" if names.index(after) > names.index(before) else "fell"] = on(day)
    assert stands.select("rank_rose", "rank_fell").row(0) == tuple(turns.values())


def test_a_later_version_leaves_the_ranks_of_the_past() -> None:
    order = Happening(1, 1, "Order Completed", datetime.combine(on(5), time(1), UTC), order=1, amount=10)
    old = RankVersion(version=1, valid_from=on(0), rules=RankRules(ranks=(Rank("base"), Rank("gold", 5))))
    new = RankVersion(version=2, valid_from=on(20), rules=RankRules(ranks=(Rank("base"), Rank("star", 20))))
    _, before = ranks_of(days_table([joined(0), order]), asked(on(30)), [old])
    _, after = ranks_of(days_table([joined(0), order]), asked(on(30)), [old, new])
    assert before.select("day", "rank").rows() == [(on(0), "base"), (on(5), "gold")]
    assert after.select("day", "rank").rows() == [(on(0), "base"), (on(5), "gold"), (on(20), "base")]


@pytest.mark.parametrize(
    ("rules", "way"),
    [
        ({}, [(on(0), "base"), (on(5), "gold"), (date(2025, 2, 3), "base")]),
        ({"grace_days": 0}, [(on(0), "base"), (on(5), "gold"), (date(2025, 2, 3), "base")]),
        ({"ranks": (Rank("base"), Rank("gold", 1), Rank("top", 9))}, [(on(0), "base"), (on(5), "gold")]),
        ({"demotion_dates": ()}, [(on(0), "base"), (on(5), "gold")]),
    ],
)
def test_a_fall_that_is_coming_outlives_a_new_version(rules: dict[str, Any], way: list[tuple[date, str]]) -> None:
    """Who was told on 4 January that he falls in 30 days falls then, whatever else of the rules was changed meanwhile."""
    old = RankRules(
        ranks=(Rank("base"), Rank("gold", 10)), period=Period.CALENDAR, demotion_dates=("01-04",), grace_days=30
    )
    versions = [
        RankVersion(version=1, valid_from=on(0), rules=old),
        RankVersion(version=2, valid_from=date(2025, 1, 20), rules=replace(old, **rules)),
    ]
    events, last = [Bought(on(5), 10), Bought(date(2025, 1, 10), 1)], date(2025, 3, 1)
    found = walk(moves_of(events), spans(versions), start=on(0), as_of=last)
    assert [(step.day, step.rank) for step in found.steps] == way
    assert rank_reference.steps(events, versions, start=on(0), as_of=last) == way


def test_the_version_saved_last_of_those_that_have_begun_holds() -> None:
    rules = RankRules(ranks=(Rank("base"), Rank("gold", 1)))
    one, two, three = (RankVersion(version=n, valid_from=on(day), rules=rules) for n, day in [(1, 0), (2, 30), (3, 10)])
    versions = [one, two, three]
    assert [in_force(versions, on(day)) for day in (-1, 0, 9, 10, 40)] == [None, one, one, three, three]
    assert spans(versions) == [(on(0), one), (on(10), three)]


def test_dates_name_days_of_months_and_of_years() -> None:
    found = list(days_of(["31", "02-29", "04-01"], date(2023, 2, 1), date(2023, 4, 30)))
    assert found == [date(2023, 2, 28), date(2023, 3, 31), date(2023, 4, 1), date(2023, 4, 30)]
    assert list(days_of([], date(2023, 2, 1), date(2030, 1, 1))) == []


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("ranks", {"ranks": (Rank("only"),)}),
        ("ranks", {"ranks": (Rank("a", 5), Rank("b", 10))}),
        ("ranks", {"ranks": (Rank("a"), Rank("b", 10), Rank("c", 10))}),
        ("ranks", {"ranks": (Rank("a"), Rank("a", 10))}),
        ("ranks", {"ranks": (Rank("a"), Rank(" b", 10))}),
        ("return_days", {"promotion": Promotion.AFTER_RETURN}),
        ("promotion_dates", {"promotion": Promotion.DATES}),
        ("demotion_dates", {"demotion_dates": ("4-1",)}),
        ("demotion_dates", {"demotion_dates": ("32",)}),
        ("demotion_dates", {"demotion_dates": ("02-30",)}),
        ("demotion_dates", {"demotion_dates": ("00",)}),
        ("grace_days", {"grace_days": -1}),
        ("floor", {"floor": "c"}),
        ("year_starts", {"year_starts": 13}),
    ],
)
def test_rules_that_cannot_be_name_their_field(field: str, wrong: dict[str, Any]) -> None:
    sound = RankRules(ranks=(Rank("a"), Rank("b", 10)))
    assert problems(sound) == {}
    assert set(problems(replace(sound, **wrong))) == {field}
