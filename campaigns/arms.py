"""Several arms against one: the variants of a campaign, each compared with who was left without the push.

Intervals are adjusted after Bonferroni, so that all of them together hold the truth in 95 % of campaigns at least; which
differences are real is decided after Holm, which refuses no more than Bonferroni and finds more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from campaigns.effect import ASSUMED_RATE, Arm, Effect, Verdict, judge
from campaigns.experiment import ArmName
from campaigns.intervals import newcombe_p

MISS = 0.05
"""Share of campaigns in which anything wrong may be said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One arm against another.

    Attributes:
        name: of the arm: a variant's name, or ``treated`` where there are none.
        against: the arm it is compared with: ``control``, or the first variant where nobody was held out.
        effect: what may be said, interval at the adjusted level.
    """

    name: str
    against: str
    effect: Effect


def compare(
    variants: Mapping[str, Arm],
    control: Arm,
    *,
    ends_at: datetime | None,
    as_of: datetime,
    expected_rate: float = ASSUMED_RATE,
    growing: bool = False,
    among: int = 1,
) -> tuple[Comparison, ...]:
    """Every variant against the control, in the order given; without a control each against the first variant.

    Args:
        variants: arms that got a push, by name.
        control: who was left without; may be empty.
        ends_at: the declared end.
        as_of: up to when the facts are complete.
        expected_rate: as in `campaigns.effect.judge`.
        growing: likewise.
        among: so many groups of people are looked at side by side: intervals are adjusted for all of them, and a difference
            has to be surprising among all of them.
    """
    against, baseline, others = _baseline(variants, control)
    miss = MISS / among
    level = 1 - miss / max(1, len(others))
    judged = {
        name: judge(
            arm, baseline, ends_at=ends_at, as_of=as_of, expected_rate=expected_rate, level=level, growing=growing
        )
        for name, arm in others.items()
    }
    decided = _decide(judged, miss) if ends_at is not None and as_of >= ends_at else judged
    return tuple(Comparison(name=name, against=against, effect=effect) for name, effect in decided.items())


def _baseline(variants: Mapping[str, Arm], control: Arm) -> tuple[str, Arm, dict[str, Arm]]:
    if control.customers or len(variants) < 2:  # noqa: PLR2004 - one arm has no other to be compared with
        return str(ArmName.CONTROL), control, dict(variants)
    (first, arm), *others = variants.items()
    return first, arm, dict(others)


def _decide(judged: Mapping[str, Effect], miss: float) -> dict[str, Effect]:
    """The verdicts after Holm; an effect that is too small for a verdict, or has no other arm, keeps its word."""
    asked = {
        name: effect
        for name, effect in judged.items()
        if effect.verdict in {Verdict.NO_DIFFERENCE, Verdict.RAISED, Verdict.LOWERED}
    }
    shown = dict(zip(asked, holm([_surprise(effect) for effect in asked.values()], miss=miss), strict=True))
    return {name: _told(effect, real=shown[name]) if name in shown else effect for name, effect in judged.items()}


def _surprise(effect: Effect) -> float:
    first, second = effect.treated, effect.control
    return newcombe_p(first.conversions, first.customers, second.conversions, second.customers)


def _told(effect: Effect, *, real: bool) -> Effect:
    if not real:
        return replace(effect, verdict=Verdict.NO_DIFFERENCE)
    return replace(effect, verdict=Verdict.RAISED if (effect.difference or 0) > 0 else Verdict.LOWERED)


def holm(surprises: Sequence[float], *, miss: float = MISS) -> list[bool]:
    """Which of several hypotheses are refused, so that a true one is refused in ``miss`` of all families at most.

    S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6 (1979).
    """
    order = sorted(range(len(surprises)), key=surprises.__getitem__)
    refused = [False] * len(surprises)
    for step, place in enumerate(order):
        if surprises[place] > miss / (len(order) - step):
            break
        refused[place] = True
    return refused
