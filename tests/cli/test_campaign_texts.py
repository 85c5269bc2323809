"""A report in the terminal says what its interval may be used for."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import cast

import pytest

from backend.cli.campaign_texts import tell_decision, tell_report
from campaigns.effect import Arm, judge
from campaigns.figures import CampaignReport, Goal
from campaigns.report import People
from campaigns.report_table import table
from campaigns.results import ArmResult, Results, judged
from campaigns.winner import Otherwise, Test, Tried, WinnerRule, decide

ENDS = datetime(2026, 7, 7, 3, tzinfo=UTC)
SUMMARY = SimpleNamespace(
    campaign_id=1,
    name="Tea",
    state="sent",
    paused_reason=None,
    failed_reason=None,
    segment_id=1,
    segment_name="Once",
    targeted=0,
    control=0,
    accepted=0,
    tags=(),
    waiting=0,
)


@pytest.mark.parametrize(("as_of", "so_far"), [(ENDS - timedelta(days=6), True), (ENDS, False)])
def test_the_interval_before_and_after_the_end(as_of: datetime, so_far: bool) -> None:
    effect = judge(Arm(90, 9), Arm(10, 1), ends_at=ENDS, as_of=as_of)
    report = SimpleNamespace(
        summary=SUMMARY,
        people=People(),
        removed=(),
        devices={},
        opens=None,
        effect=effect,
        results=None,
        goal=Goal(hypothesis="", event="", days=7, target=None, rate=None),
        dropped=False,
        test=None,
    )
    told = tell_report(cast("CampaignReport", report))
    assert "too small for a verdict" in told
    assert "Difference +0.0 points, 95 % interval [" in told
    assert told.endswith("(so far; valid whenever you look)") is so_far


def test_each_arm_and_the_goal_are_told() -> None:
    a = ArmResult(name="A", arm=Arm(100, 9, 54_000), buyers=9, orders=10, redeemed=4, by_till=True)
    b = ArmResult(name="B", arm=Arm(100, 5, 30_000), buyers=5, orders=5)
    control = ArmResult(name="control", arm=Arm(50, 1, 4_000), buyers=1, orders=1)
    results = Results(treated=a, variants=(a, b), control=control)
    report = SimpleNamespace(
        summary=SUMMARY,
        people=People(),
        removed=(),
        devices={},
        opens=None,
        effect=None,
        results=judged(results, ends_at=ENDS, as_of=ENDS),
        goal=Goal(hypothesis="More come back", event="Order Completed", days=7, target=6.0, rate=0.07),
        dropped=False,
        test=None,
    )
    told = tell_report(cast("CampaignReport", report))
    assert "A            9 bought, sales per person 540 (minor units), coupon used by 4" in told
    assert "B against control: Difference +3.0 points" in told
    assert told.endswith("Goal: 6 % Order Completed within 7 days; so far 7.0%, reached")
    report.as_of, report.received = ENDS, 0
    rows = {(row["section"], row["item"]): row for row in table(cast("CampaignReport", report)).to_dicts()}
    assert rows["variant A", "sales_per_person"]["value"] == 540
    assert rows["variant B", "verdict"]["text"] == "too_small"
    assert rows["variant B", "difference"]["text"] == "against control"
    assert rows["control", "buyers"]["value"] == 1


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        (
            ((5_000, 250), (5_000, 500)),
            "B is sent to the rest, the figures show it to be the best; B − A [4.0, 6.0] at 95.0%",
        ),
        (((5_000, 250), (5_000, 260)), "A is sent to the rest, though no difference shows; B − A [-0.7, 1.1] at 95.0%"),
        (((50, 1), (50, 2)), "A is sent to the rest, though the test was too small to tell"),
    ],
)
def test_a_decision_is_told_with_its_figures(counts: tuple[tuple[int, int], ...], said: str) -> None:
    tried = [Tried(name, *each) for name, each in zip("AB", counts, strict=True)]
    test = Test(rule=WinnerRule(), decides_at=ENDS, decided_at=ENDS, as_of=ENDS, decision=decide(WinnerRule(), tried))
    (line,) = tell_decision(test)
    assert said in line
    assert "decided after the launch" in tell_decision(Test(rule=WinnerRule()))[0]
    shares = WinnerRule(otherwise=Otherwise.SPLIT)
    (line,) = tell_decision(replace(test, rule=shares, decision=decide(shares, tried)))
    assert ("by their shares" in line) == ("though" in said), "they need not be even"
    arms = [ArmResult(name=name, arm=Arm(10, 1)) for name in ("A", "B", "rest", "control of the test", "control")]
    a, b, rest, tested, control = arms
    results = Results(treated=a, variants=(a, b), control=control, rest=rest, tested_control=tested)
    report = SimpleNamespace(
        summary=SUMMARY,
        as_of=ENDS,
        people=People(),
        removed=(),
        devices={},
        opens=None,
        received=0,
        effect=None,
        results=results,
        goal=Goal(hypothesis="", event="", days=7, target=None, rate=None),
        dropped=False,
        test=test,
    )
    arms_told = [
        text.split(" bought")[0].split()[0]
        for text in tell_report(cast("CampaignReport", report)).splitlines()
        if " bought" in text
    ]
    assert arms_told == ["A", "B", "rest", "control", "control"], (
        "the variants are compared with the control of the test"
    )
    rows = {(row["section"], row["item"]): row for row in table(cast("CampaignReport", report)).to_dicts()}
    assert rows["test B", "successes"]["value"] == counts[1][1]
    assert test.decision is not None
    assert rows["test", "variant"]["text"] == test.decision.variant
    assert rows["rest", "customers"]["value"] == rows["control of the test", "customers"]["value"] == 10
