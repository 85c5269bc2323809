"""Winners of tests: rules that stand, decisions against a slow reading of the rule, and how often a wrong winner is called."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from math import sqrt
from statistics import NormalDist

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.campaign import Draft, check_draft, check_new_version
from campaigns.content import Content, Text, Variant
from campaigns.crowd import Ways
from campaigns.errors import DraftIncomplete
from campaigns.experiment import ArmName
from campaigns.gates import decide as pass_and_draw
from campaigns.headcount import count
from campaigns.phases import Phases, decision_at, parted, size_of, whole_days
from campaigns.schedule import QuietHours
from campaigns.terms import SendingRules, Terms
from campaigns.trigger import Kind, OnEvent, Recurring
from campaigns.winner import (
    Decision,
    Otherwise,
    Tried,
    Why,
    WinnerRule,
    check_winner,
    decide,
    detectable,
    from_json,
    in_test,
    to_json,
    without_facts,
)

NOON = datetime(2026, 6, 30, 3, tzinfo=UTC)
TEA = Content(ja=Text("お茶", "入荷しました"))
TWO = (Variant(name="A", share=50, content=TEA), Variant(name="B", share=50, content=TEA))
DAILY = Recurring(rrule="FREQ=DAILY", starts_at=NOON)
TRIED = st.lists(
    st.integers(0, 4_000).flatmap(lambda people: st.tuples(st.just(people), st.integers(0, people))),
    min_size=2,
    max_size=5,
).map(lambda counts: [Tried("ABCDE"[place], *one) for place, one in enumerate(counts)])
RULES = st.builds(WinnerRule, level=st.sampled_from([80.0, 90.0, 95.0, 99.0]), otherwise=st.sampled_from(Otherwise))


def wilson_ends(successes: int, people: int, z: float) -> tuple[float, float]:
    """Where the score test just does not refuse a rate: the roots of (x − n·p)² = z²·n·p·(1 − p)."""
    a, b, c = people + z * z, -(2 * successes + z * z), successes * successes / people
    root = sqrt(max(0.0, b * b - 4 * a * c))
    return (-b - root) / (2 * a), (-b + root) / (2 * a)


def slowly(rule: WinnerRule, tried: Sequence[Tried]) -> tuple[str | None, Why]:
    """The rule, word by word."""
    z = NormalDist().inv_cdf(0.5 + rule.level / 200)
    leader = None
    for one in tried:
        if one.people and (leader is None or one.successes * leader.people > leader.successes * one.people):
            leader = one
    fallback = {Otherwise.SPLIT: None, Otherwise.FIRST: "A", Otherwise.BEST: leader.name if leader else "A"}[
        rule.otherwise
    ]
    everyone, did = sum(one.people for one in tried), sum(one.successes for one in tried)
    if leader is None or any(one.people < 1_000 or one.people * did / everyone < 10 for one in tried):
        return fallback, Why.TOO_SMALL
    rate, (low, _) = leader.successes / leader.people, wilson_ends(leader.successes, leader.people, z)
    for other in tried:
        if other is not leader:
            theirs, (_, high) = other.successes / other.people, wilson_ends(other.successes, other.people, z)
            if rate - theirs - sqrt((rate - low) ** 2 + (high - theirs) ** 2) <= 0:
                return fallback, Why.NO_DIFFERENCE
    return leader.name, Why.EVIDENCE


@settings(max_examples=60, deadline=None)
@given(RULES, TRIED)
def test_it_decides_as_the_rule_says_word_by_word(rule: WinnerRule, tried: list[Tried]) -> None:
    decision = decide(rule, tried)
    assert (decision.variant, decision.why) == slowly(rule, tried)
    assert decision.proven == (decision.why is Why.EVIDENCE)
    assert from_json(to_json(decision)) == decision
    if decision.interval is not None and decision.proven:
        assert decision.interval.low > 0
        assert decision.interval.level == rule.level / 100


def test_what_the_rest_gets_without_evidence_was_said_before() -> None:
    alike = [Tried("A", 2_000, 200), Tried("B", 2_000, 210), Tried("C", 2_000, 190)]
    told = {way: decide(WinnerRule(otherwise=way), alike) for way in Otherwise}
    assert {way: one.variant for way, one in told.items()} == {
        Otherwise.BEST: "B", Otherwise.FIRST: "A", Otherwise.SPLIT: None,
    }  # fmt: skip
    assert {one.why for one in told.values()} == {Why.NO_DIFFERENCE}
    assert (told[Otherwise.BEST].leader, told[Otherwise.BEST].against) == ("B", "A")
    assert without_facts(WinnerRule(otherwise=Otherwise.BEST), TWO) == Decision(
        variant="A", why=Why.NO_FACTS, tried=(Tried("A", 0, 0), Tried("B", 0, 0))
    )


@pytest.mark.parametrize("sizes", [(1_500, 1_500), (1_500, 1_500, 1_500), (6_000, 1_200, 1_200), (1_200,) * 5])
def test_among_equals_a_winner_is_called_in_one_test_of_twenty_at_most(sizes: tuple[int, ...]) -> None:
    """Four kinds of test without any difference, 1,500 of each; chance alone moves the share by 0.006."""
    dice, rule, rounds = random.Random(11), WinnerRule(level=95.0), 1_500
    spread = NormalDist()

    def successes(people: int) -> int:
        return max(0, round(people * 0.1 + spread.inv_cdf(dice.random()) * sqrt(people * 0.1 * 0.9)))

    called = sum(
        decide(rule, [Tried("ABCDE"[place], people, successes(people)) for place, people in enumerate(sizes)]).proven
        for _ in range(rounds)
    )
    assert called / rounds <= 0.05 + 3 * 0.006


def test_a_rule_stands_only_where_many_are_sent_it_at_a_moment() -> None:
    rule = WinnerRule()
    refused = [
        ("winner", rule, Kind.EVENT, TWO),
        ("winner", rule, Kind.SEGMENT, TWO),
        ("winner", rule, Kind.JOURNEY, TWO),
        ("winner", rule, Kind.ONCE, ()),
        ("winner.test_percent", rule, Kind.RECURRING, TWO),
        ("winner.test_percent", rule, Kind.DATE, TWO),
        ("winner.test_percent", WinnerRule(test_percent=95), Kind.ONCE, TWO),
        ("winner.wait", WinnerRule(wait=timedelta(minutes=29)), Kind.ONCE, TWO),
        ("winner.wait", WinnerRule(wait=timedelta(days=15)), Kind.ONCE, TWO),
        ("winner.level", WinnerRule(level=50), Kind.ONCE, TWO),
    ]
    for field, wrong, kind, variants in refused:
        with pytest.raises(DraftIncomplete) as told:
            check_winner(wrong, kind=kind, variants=variants)
        assert told.value.field == field
    check_winner(rule, kind=Kind.ONCE, variants=TWO)
    check_winner(WinnerRule(test_percent=100), kind=Kind.DATE, variants=TWO)
    with pytest.raises(DraftIncomplete, match="at a moment"):
        check_draft(Draft(name="x", segment_id=1, variants=TWO, trigger=OnEvent(event="Order Completed"), winner=rule))


def test_a_running_campaign_keeps_its_rule() -> None:
    before = Draft(name="x", segment_id=1, variants=TWO, trigger=DAILY, winner=WinnerRule(test_percent=100))
    after = Draft(name="x", segment_id=1, variants=TWO, trigger=DAILY)
    with pytest.raises(DraftIncomplete) as told:
        check_new_version(before, after)
    assert told.value.field == "winner"


def audience(people: int) -> pl.DataFrame:
    said = {"gone": False, "consented": True, "excluded": False, "devices": 1, "sent_day": 0, "sent_week": 0}
    frame = pl.DataFrame({"customer_id": list(range(1, people + 1))})
    return frame.with_columns(
        *(pl.lit(value).alias(name) for name, value in said.items()),
        pl.lit(value=False).alias("missing_field"),
        pl.lit(None, pl.String()).alias("zone"),
    )


def test_both_phases_hold_the_same_share_of_the_control_group() -> None:
    rule, everyone = WinnerRule(test_percent=30), audience(20_000)
    tested, others = parted(everyone, salt="s", rule=rule)
    assert sorted([*tested["customer_id"], *others["customer_id"]]) == everyone["customer_id"].to_list()
    assert set(tested["customer_id"]) < set(
        parted(everyone, salt="s", rule=WinnerRule(test_percent=60))[0]["customer_id"]
    )
    assert tested.height / 20_000 == pytest.approx(0.3, abs=0.015)
    assert everyone.select(in_test("s", test_percent=100).all()).item()
    terms = Terms(salt="s", holdout_percent=10)
    given = {"rules": SendingRules(quiet=QuietHours(NOON.time(), NOON.time())), "terms": terms}
    plans = [pass_and_draw(part, now=NOON, expires_at=NOON + timedelta(days=1), **given) for part in (tested, others)]
    for plan, part in zip(plans, (tested, others), strict=True):
        assert plan.arm(ArmName.CONTROL).height / part.height == pytest.approx(0.1, abs=0.01)
    phases = Phases(plan=plans[0], rest=plans[1], decides_at=NOON)
    assert phases.together.people.height == 20_000
    counts = [
        count(
            part, Ways.one_each(part), contents=[], now=NOON, expires_at=NOON + timedelta(days=1), variants=TWO, **given
        )
        for part in (tested, others)
    ]
    size = size_of(*counts, decides_at=decision_at(counts[0], rule), rule=rule, known_rate=0.2)
    assert (size.people, size.rest) == (plans[0].arm(ArmName.TREATED).height, plans[1].arm(ArmName.TREATED).height)
    assert sum(size.by_variant.values()) == size.people
    assert (size.base_rate, size.known_rate) == (0.05, False)
    assert size.smallest_effect == detectable([*size.by_variant.values()], rate=0.05, level=95)
    assert size.decides_at == decision_at(plans[0], rule) == NOON + rule.wait


def test_a_small_test_shows_nothing_and_a_day_that_began_counts() -> None:
    assert detectable([900, 5_000], rate=0.05, level=95) is None
    assert detectable([1_500, 5_000, 5_000], rate=0.001, level=95) is None
    wide, narrow = detectable([1_500, 1_500], rate=0.05, level=95), detectable([9_000, 9_000], rate=0.05, level=95)
    assert wide is not None
    assert narrow is not None
    assert 0 < narrow < wide
    assert [whole_days(timedelta(hours=hours)) for hours in (1, 24, 25)] == [1, 1, 2]
