"""Breakdowns add up, comparisons are the other question's figure, a past day is looked at as it was, and nothing is an error."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segments.asking import Question, ask
from segments.breakdown import BREAKDOWNS, MOST_GROUPS, by_name
from segments.customers import SCHEMA
from segments.errors import BadOption
from segments.figures import Audience, Figures
from segments.ids import SegmentId
from segments.metrics.catalog import CATALOG
from segments.metrics.facts import Facts
from segments.metrics.result import AsOfRule, KpiResult, SegmentName
from segments.periods import Compare
from segments.reduce.customers import REDUCED, reduce_customers
from segments.rules.parse import parse
from segments.windows import Window
from tests.segments.history import DAY_ZERO, EVERYTHING, Happening, days_of, frames, histories, moment

CUSTOMERS = 5
DAYS = 40
TODAY = DAY_ZERO + timedelta(days=DAYS)
GENDERS = {1: "female", 2: "male", 3: None, 4: "female", 5: "x"}
BIRTHS = {1: 1990, 2: 2010, 3: None, 4: 1955, 5: 1986}
EVENTS = (*EVERYTHING, "Survey Answered")
COUNTED = (
    "launch_rate",
    "launch_days",
    "dau",
    "mau",
    "stickiness",
    "coupon_view_rate",
    "coupon_use_rate",
    "repeat_purchase_rate",
    "f2_conversion",
    "fn_conversion",
    "average_order_value",
    "orders_per_customer",
    "retention",
)
"""KPIs whose numerators and denominators are counts and sums over people."""
HISTORIES = histories(names=EVENTS, days=DAYS, customers=CUSTOMERS, size=60)
WINDOW = Window(DAY_ZERO + timedelta(days=10), DAY_ZERO + timedelta(days=30))
SMALL: dict[str, dict[str, object]] = {
    "f2_conversion": {"days": 5},
    "fn_conversion": {"days": 5},
    "retention": {"unit": "day", "horizon": 4},
}


def figures(history: list[Happening], today: date = TODAY) -> Figures:
    """The shop of a history."""
    days, (events, lines) = days_of(history), frames(history)
    people = list(range(1, CUSTOMERS + 1))
    asked = pl.LazyFrame({"customer_id": people, "as_of": [today] * CUSTOMERS})
    own = pl.LazyFrame(
        {"customer_id": people, "gender": list(GENDERS.values()), "birth_year": list(BIRTHS.values())},
        schema_overrides={"birth_year": pl.Int32},
    )
    reduced = reduce_customers(days, asked, events=[], columns=REDUCED)
    others = [
        pl.lit(None, kind).alias(name) for name, kind in SCHEMA.items() if name not in {*REDUCED, *own.collect_schema()}
    ]
    frame = reduced.join(own, on="customer_id").with_columns(others)
    facts = Facts(days=days, events=events, lines=lines, today=today)
    return Figures(facts=facts, frame=frame, as_of=datetime(2026, 6, 1, tzinfo=UTC))


def segment(rule: dict[str, object], as_of: AsOfRule = "cohort", number: int = 1) -> Audience:
    return Audience(SegmentName(id=SegmentId(number), name=f"S{number}", version=1), parse(rule), as_of)


def numbers(result: KpiResult) -> tuple[float, int | None, float | None, bool]:
    measured = result.measured
    return (measured.numerator, measured.denominator, measured.value, measured.incomplete)


BUYERS = segment({"attribute": "orders", "op": ">=", "value": 1})


@settings(max_examples=6)
@given(
    history=HISTORIES,
    slug=st.sampled_from(COUNTED),
    by=st.sampled_from(["gender", "store", "rank", "age_band"]),
    rule=st.sampled_from(["cohort", "today"]),
    audience=st.sampled_from([Audience(), BUYERS]),
)
def test_the_groups_of_a_breakdown_add_up(
    history: list[Happening], slug: str, by: str, rule: AsOfRule, audience: Audience
) -> None:
    options = SMALL.get(slug, {})
    asked = Question(slug=slug, window=WINDOW, audience=audience, options=options, by=by, by_rule=rule)
    result = ask(figures(history), asked)
    assert result.breakdown is not None
    parts = [group.measured for group in result.breakdown.groups]
    assert sum(part.numerator for part in parts) == result.measured.numerator
    assert sum(part.denominator or 0 for part in parts) == (result.measured.denominator or 0)


@settings(max_examples=4)
@given(history=HISTORIES, slug=st.sampled_from(COUNTED))
def test_a_group_is_the_figure_of_its_people(history: list[Happening], slug: str) -> None:
    asked = Question(slug=slug, window=WINDOW, options=SMALL.get(slug, {}))
    result = ask(figures(history), replace(asked, by="gender"))
    assert result.breakdown is not None
    for each in result.breakdown.groups:
        mine = [row for row in history if GENDERS[row.customer] == each.group.label]
        alone = ask(figures(mine), asked).measured
        assert (each.measured.numerator, each.measured.denominator) == (alone.numerator, alone.denominator)


@settings(max_examples=6)
@given(history=HISTORIES, slug=st.sampled_from([*CATALOG]), day=st.integers(12, 35), by=st.sampled_from([None, "rank"]))
def test_a_past_day_is_looked_at_as_it_was(history: list[Happening], slug: str, day: int, by: str | None) -> None:
    then = DAY_ZERO + timedelta(days=day)
    alone = figures([row for row in history if row.day <= then], then + timedelta(days=1))
    asked = Question(slug=slug, window=WINDOW, options=SMALL.get(slug, {}), by=by)
    found, expected = ask(figures(history).at(then), asked), ask(alone, asked)
    assert numbers(found) == numbers(expected)
    assert found.measured.sheet == expected.measured.sheet
    assert found.measured.table == expected.measured.table
    assert "as_of_day" in found.measured.notes
    assert found.as_of_day == then


@settings(max_examples=6)
@given(
    history=HISTORIES,
    slug=st.sampled_from([*CATALOG]),
    delays=st.lists(st.integers(0, 20), min_size=60, max_size=60),
    day=st.integers(5, 39),
    rule=st.sampled_from([None, "cohort", "today"]),
)
def test_what_was_known_then_is_what_had_arrived(
    history: list[Happening], slug: str, delays: list[int], day: int, rule: AsOfRule | None
) -> None:
    then = moment(day)
    received = {row.seq: row.at + timedelta(days=delays[row.seq - 1]) for row in history}
    whole = figures(history)
    arrived = pl.LazyFrame(
        {"seq": list(received), "received_at": list(received.values())},
        schema={"seq": pl.Int64, "received_at": pl.Datetime("us", "UTC")},
    )
    events = whole.facts.events
    assert events is not None
    whole = replace(whole, facts=replace(whole.facts, events=events.drop("received_at").join(arrived, on="seq")))
    alone = figures([row for row in history if received[row.seq] <= then], DAY_ZERO + timedelta(days=day))
    audience = Audience() if rule is None else segment({"attribute": "orders", "op": ">=", "value": 1}, rule)
    asked = Question(slug=slug, window=WINDOW, options=SMALL.get(slug, {}), audience=audience)
    found, expected = ask(whole.knew(then), asked), ask(alone, asked)
    assert numbers(found) == numbers(expected)
    assert found.measured.sheet == expected.measured.sheet
    assert found.measured.table == expected.measured.table
    assert "known_at" in found.measured.notes
    assert found.as_of == then


def test_the_window_nobody_chose_ends_with_the_day_that_is_looked_at() -> None:
    past = figures([]).at(DAY_ZERO + timedelta(days=20))
    assert ask(past, Question(slug="launch_rate")).measured.window.last == DAY_ZERO + timedelta(days=20)
    assert past.as_of == datetime(2026, 3, 22, 15, tzinfo=UTC)
    assert figures([]).at(TODAY).day is None


def test_todays_members_of_a_past_day_are_those_of_that_day() -> None:
    history = [order(1, 1, 5), order(2, 2, 25), Happening(3, 2, "Application Opened", moment(12))]
    history += [Happening(4, 1, "Application Opened", moment(12))]
    buyers = segment({"attribute": "orders", "op": ">=", "value": 1}, "today")
    asked = Question(slug="launch_days", window=WINDOW, audience=buyers)
    assert ask(figures(history), asked).measured.denominator == 2
    assert ask(figures(history).at(DAY_ZERO + timedelta(days=20)), asked).measured.denominator == 1


def order(seq: int, who: int, day: int, store: str | None = None) -> Happening:
    return Happening(seq, who, "Order Completed", moment(day), order=seq, amount=100, store=store)


def test_a_group_goes_by_the_value_of_the_day_or_by_todays() -> None:
    history = [order(1, 1, 5, "S1"), order(2, 1, 20, "S1"), order(3, 1, 35, "S2")]
    asked = {"slug": "orders_per_customer", "window": WINDOW, "by": "store"}
    then = ask(figures(history), Question(**asked))  # type: ignore[arg-type]
    today = ask(figures(history), Question(**asked, by_rule="today"))  # type: ignore[arg-type]
    assert groups(then)["S1"] == (1, 1)
    assert groups(today)["S2"] == (1, 1)


def groups(result: KpiResult) -> dict[str, tuple[float, int | None]]:
    assert result.breakdown is not None
    return {g.group.name("en"): (g.measured.numerator, g.measured.denominator) for g in result.breakdown.groups}


def test_small_groups_stand_together_and_who_has_no_value_apart() -> None:
    history = [order(n, n, 15, f"S{n:02}") for n in range(1, 19)]
    history += [order(100 + n, n, 15, f"S{n:02}") for n in range(1, 3)]
    history += [Happening(200, 30, "Application Opened", moment(15))]
    days, people = days_of(history), [*range(1, 19), 30]
    asked = pl.LazyFrame({"customer_id": people, "as_of": [TODAY] * 19})
    frame = reduce_customers(days, asked, events=[], columns=["last_store"])
    shop = Figures(facts=Facts(days=days, today=TODAY), frame=frame, as_of=datetime(2026, 6, 1, tzinfo=UTC))
    result = ask(shop, Question(slug="launch_days", window=Window(DAY_ZERO, TODAY), by="store", by_rule="today"))
    assert list(groups(result)) == [f"S{n:02}" for n in range(1, MOST_GROUPS + 1)] + ["Unknown"]
    orders = ask(
        shop, Question(slug="orders_per_customer", window=Window(DAY_ZERO, TODAY), by="store", by_rule="today")
    )
    assert groups(orders)["Others"] == (6, 6)


def test_age_bands_are_of_the_day_that_is_asked_for() -> None:
    history = [Happening(n, n, "Application Opened", moment(15)) for n in range(1, 6)]
    found = groups(ask(figures(history), Question(slug="launch_days", window=WINDOW, by="age_band")))
    assert found == {"under 20": (1, 1), "30–39": (1, 1), "40–49": (1, 1), "70 and over": (1, 1), "Unknown": (1, 1)}


def test_comparisons_are_the_other_questions_figure() -> None:
    history = [order(1, 1, 12), order(2, 1, 14), order(3, 2, 3), order(4, 2, 12)]
    shop = figures(history)
    window = Window(DAY_ZERO + timedelta(days=10), DAY_ZERO + timedelta(days=18))
    before = ask(shop, Question(slug="orders_per_customer", window=window, compare=Compare.PREVIOUS, by="gender"))
    assert before.compared is not None
    assert (before.compared.how, before.compared.measured.window) == ("previous", window.previous())
    assert before.measured.value == 1.5
    assert before.compared.measured.value == 1
    assert before.change == 0.5
    assert before.breakdown is not None
    compared = {g.group.label: g.compared and g.compared.numerator for g in before.breakdown.groups}
    assert compared == {"female": 0, "male": 1, "x": 0}
    regulars = segment({"attribute": "orders", "op": ">=", "value": 2}, "today", 2)
    other = ask(shop, Question(slug="orders_per_customer", window=window, audience=BUYERS, against=regulars))
    assert other.compared is not None
    assert (other.compared.how, other.compared.segment) == ("segment", regulars.segment)
    assert (
        other.compared.measured
        == ask(shop, Question(slug="orders_per_customer", window=window, audience=regulars)).measured
    )


def test_a_named_window_is_of_the_day_that_is_looked_at() -> None:
    shop = figures([])
    assert ask(shop, Question(slug="dau", period="this_month")).measured.window == Window(date(2026, 4, 1), TODAY)
    past = shop.at(date(2026, 3, 31))
    assert ask(past, Question(slug="dau", period="last_month")).measured.window == Window(
        date(2026, 3, 1), date(2026, 3, 31)
    )


def test_an_unknown_attribute_names_the_nearest() -> None:
    with pytest.raises(BadOption, match="the nearest are age_band"):
        by_name("age_bnad")
    assert by_name("store").name == "last_store"
    assert not {"customer_id", "spend", "birth_year", "first_order"} & {*BREAKDOWNS}


SOME = [order(1, 1, 12), order(2, 1, 14), Happening(3, 2, "Application Opened", moment(15))]
NOBODY = segment({"attribute": "orders", "op": ">=", "value": 99})


FUTURE = Window(TODAY + timedelta(days=3), TODAY + timedelta(days=9))
NOTHING, LITTLE = figures([]), figures(SOME)
"""Kept for all KPIs: they share facts."""


@pytest.mark.parametrize("slug", CATALOG)
def test_there_is_an_answer_where_there_is_nothing(slug: str) -> None:
    empty = ask(NOTHING, Question(slug=slug, compare=Compare.PREVIOUS)).measured
    future = ask(LITTLE, Question(slug=slug, window=FUTURE)).measured
    nobody = ask(LITTLE, Question(slug=slug, window=WINDOW, audience=NOBODY)).measured
    for measured in (empty, future, nobody):
        assert measured.denominator or measured.value in {None, 0.0}
    assert "never_seen" in empty.notes
    assert "future" in future.notes
    assert (future.incomplete, future.value) == (True, None)
    if not nobody.numerator and not nobody.denominator:
        assert {"empty_segment", "never_seen"} & {*nobody.notes}


def test_a_return_event_that_was_never_seen_is_said() -> None:
    result = ask(figures(SOME), Question(slug="retention", window=WINDOW, options={"return": "Tea Tasted"}))
    assert (result.measured.numerator, result.measured.value) == (0, None if not result.measured.denominator else 0.0)
    assert "never_seen" in result.measured.notes
