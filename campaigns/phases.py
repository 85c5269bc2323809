"""The two phases of a campaign with a winner rule: who is tested at the launch, and who waits for the decision.

The draw of the phase hangs on nothing but the customer, so both phases hold the same share of the control group: who waits for the
decision as control has a window that begins when the push would have come, and both arms stay comparable.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from campaigns.effect import ASSUMED_RATE
from campaigns.gates import Plan
from campaigns.headcount import Headcount
from campaigns.winner import Measure, TestSize, WinnerRule, detectable, in_test


@dataclass(frozen=True, slots=True, kw_only=True)
class Phases:
    """What the gates decided, phase by phase.

    Attributes:
        plan: who is sent something at the launch: everybody, or those of the test.
        rest: who waits for the decision; None where nobody does.
        decides_at: when it is decided; None without a rule, and where it was.
        settled: what is launched now is sent what came out best.
    """

    plan: Plan
    rest: Plan | None = None
    decides_at: datetime | None = None
    settled: bool = False

    @property
    def together(self) -> Plan:
        """Everybody, as one plan; moments are those of the launch, the expiry is the last one."""
        if self.rest is None:
            return self.plan
        return Plan(
            people=pl.concat([self.plan.people, self.rest.people]),
            planned_at=self.plan.planned_at,
            deferred_until=self.plan.deferred_until,
            expires_at=self.rest.expires_at,
        )


def parted(people: pl.DataFrame, *, salt: str, rule: WinnerRule) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The members who are tested, and the others."""
    tested = in_test(salt, test_percent=rule.test_percent)
    return people.filter(tested), people.filter(~tested)


def decision_at(test: Plan | Headcount, rule: WinnerRule) -> datetime:
    """The declared moment: the wait begins when the last of the test may be sent it, after quiet hours that hold."""
    return (test.deferred_until or test.planned_at) + rule.wait


def size_of(
    tested: Headcount, rest: Headcount | None, *, decides_at: datetime, rule: WinnerRule, known_rate: float | None
) -> TestSize:
    """How many people test what, and what that can show; ``known_rate`` of the conversion event, over the time of the wait."""
    known = known_rate if rule.measure is Measure.CONVERSIONS else None
    return TestSize(
        people=tested.treated,
        rest=rest.treated if rest else 0,
        by_variant=dict(tested.by_variant),
        decides_at=decides_at,
        smallest_effect=detectable([*tested.by_variant.values()], rate=known or ASSUMED_RATE, level=rule.level),
        base_rate=known or ASSUMED_RATE,
        known_rate=bool(known),
    )


def whole_days(wait: timedelta) -> int:
    """The wait in days, begun ones counted."""
    return -(-wait // timedelta(days=1))
