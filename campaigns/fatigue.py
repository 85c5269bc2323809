"""How often people are written to, and who had enough: pushes a person and week, and yeses taken back after sends."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from campaigns.effect import FEWEST_CONVERSIONS, SMALLEST_ARM
from campaigns.experiment import ArmName
from campaigns.intervals import Interval, newcombe

MANY = 5
"""Pushes a week from which on people are counted together."""
AFTER = timedelta(days=7)
"""A yes taken back within this of a push counts as after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """Seven days.

    Attributes:
        last: the last of them.
        people: how many people got 0, 1, 2 … pushes; the last place holds those who got `MANY` or more.
        pushes: pushes to people, two devices of one counting once.
        opted_out: who took back the yes to marketing pushes.
        after_push: of those, who had got a push in the seven days before.
    """

    last: date
    people: tuple[int, ...]
    pushes: int
    opted_out: int
    after_push: int

    @property
    def reached(self) -> int:
        """Who got any push."""
        return sum(self.people[1:])

    @property
    def per_person(self) -> float | None:
        """Pushes by person who got any; None where nobody did."""
        return self.pushes / self.reached if self.reached else None


@dataclass(frozen=True, slots=True, kw_only=True)
class OptOuts:
    """Yeses taken back within seven days of a campaign, in both arms.

    Attributes:
        difference: of the shares; None without a control.
        interval: of it, 95 %; None likewise, while either arm is under 1,000 people, and while fewer than 10 of both took it back.
    """

    campaign_id: int
    name: str
    treated: int
    treated_out: int
    control: int
    control_out: int
    difference: float | None
    interval: Interval | None

    @property
    def rate(self) -> float | None:
        """Share of the treated; None of nobody."""
        return self.treated_out / self.treated if self.treated else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fatigue:
    """The view on frequency: weeks, the newest first, and campaigns, the newest first.

    Attributes:
        reachable: people who may get pushes now: those of 0 pushes are taken from it.
        cap_24h: the shop's limit; 0 for none.
        cap_7d: likewise.
    """

    weeks: tuple[Week, ...]
    campaigns: tuple[OptOuts, ...]
    reachable: int
    cap_24h: int
    cap_7d: int


def weeks_of(
    pushes: Iterable[tuple[int, int, int]],
    opted_out: Mapping[int, tuple[int, int]],
    *,
    reachable: int,
    last: date,
    weeks: int,
) -> tuple[Week, ...]:
    """The weeks, the newest first.

    Args:
        pushes: week (0 is the newest), pushes, people.
        opted_out: by week, who took it back and how many of those after a push.
        reachable: people who may get pushes.
        last: the last day of week 0.
        weeks: how many.
    """
    people = [[0] * (MANY + 1) for _ in range(weeks)]
    sent = [0] * weeks
    for week, number, many in pushes:
        people[week][min(number, MANY)] += many
        sent[week] += number * many
    for each in people:
        each[0] = max(0, reachable - sum(each[1:]))
    return tuple(
        Week(
            last=last - timedelta(weeks=week),
            people=tuple(people[week]),
            pushes=sent[week],
            opted_out=opted_out.get(week, (0, 0))[0],
            after_push=opted_out.get(week, (0, 0))[1],
        )
        for week in range(weeks)
    )


def opt_outs(rows: Sequence[tuple[int, str, str, int, int]]) -> tuple[OptOuts, ...]:
    """Of rows campaign, name, arm, people and who took back the yes, one value a campaign, in the order of the rows."""
    found: dict[int, dict[str, tuple[int, int]]] = {}
    names: dict[int, str] = {}
    for campaign_id, name, arm, people, out in rows:
        names[campaign_id] = name
        found.setdefault(campaign_id, {})[arm] = (people, out)
    return tuple(_opt_outs(campaign_id, names[campaign_id], arms) for campaign_id, arms in found.items())


def _opt_outs(campaign_id: int, name: str, arms: Mapping[str, tuple[int, int]]) -> OptOuts:
    treated, treated_out = arms.get(ArmName.TREATED, (0, 0))
    control, control_out = arms.get(ArmName.CONTROL, (0, 0))
    both = bool(treated and control)
    enough = both and min(treated, control) >= SMALLEST_ARM and treated_out + control_out >= FEWEST_CONVERSIONS
    return OptOuts(
        campaign_id=campaign_id,
        name=name,
        treated=treated,
        treated_out=treated_out,
        control=control,
        control_out=control_out,
        difference=treated_out / treated - control_out / control if both else None,
        interval=newcombe(treated_out, treated, control_out, control) if enough else None,
    )
