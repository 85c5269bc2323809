"""The winner of a test: a part of the audience gets the variants, the rest waits for what came of it.

Only those drawn in the test phase compare variants. The decision is made once, at its declared moment, out of their counts: the leader
is called the winner where its interval against every other variant says so, and the rule says before what happens where it does not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec
import polars as pl

from campaigns.content import Variant
from campaigns.effect import FEWEST_CONVERSIONS, SMALLEST_ARM
from campaigns.errors import DraftIncomplete
from campaigns.experiment import bucketed, held_out_below, smallest_effect
from campaigns.intervals import Interval, newcombe
from campaigns.trigger import REPEATING, SET_BASED, Kind

SHORTEST_WAIT, LONGEST_WAIT = timedelta(minutes=30), timedelta(days=14)
SMALLEST_TEST, LARGEST_TEST = 1.0, 90.0
EVERYBODY = 100.0
"""The test share of a campaign that repeats: nobody waits, and what is launched after the decision sends the winner."""
LOWEST_LEVEL, HIGHEST_LEVEL = 80.0, 99.9


class Measure(StrEnum):
    """What the variants are compared by, of those whom the push service took a message for."""

    DIRECT = "direct_opens"
    """Who tapped the push."""
    OPENS = "opens"
    """Who tapped it, or launched the app within a day of it."""
    CONVERSIONS = "conversions"
    """Who did the conversion event, as far as its window has come."""


class Otherwise(StrEnum):
    """What the rest gets where the figures do not show a winner."""

    BEST = "best"
    """The variant that leads, evidence or not."""
    FIRST = "first"
    SPLIT = "split"
    """Each person the variant of the draw, as in the test."""


class WinnerRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """How a winner is found.

    Attributes:
        measure: what is compared.
        test_percent: share of the audience, control included, that the test is made with; 100 in a campaign that repeats.
        wait: from the last planned send of the test to the decision.
        level: of the interval that has to lie above zero, in percent.
        otherwise: what the rest gets where it does not.
    """

    measure: Measure = Measure.DIRECT
    test_percent: float = 20.0
    wait: timedelta = timedelta(hours=4)
    level: float = 95.0
    otherwise: Otherwise = Otherwise.FIRST


def check_winner(rule: WinnerRule, *, kind: Kind, variants: Sequence[Variant]) -> None:
    """Refuse a rule that cannot stand.

    Raises:
        DraftIncomplete: naming the field.
    """
    if kind not in SET_BASED:
        raise DraftIncomplete(
            "a winner is found where many are sent it at a moment: once, repeatedly or by date", field="winner"
        )
    if not variants:
        raise DraftIncomplete("a winner needs versions that are compared", field="winner")
    if kind in REPEATING and rule.test_percent != EVERYBODY:
        raise DraftIncomplete(
            "a campaign that repeats tests with everybody until the decision: 100 %", field="winner.test_percent"
        )
    if kind not in REPEATING and not SMALLEST_TEST <= rule.test_percent <= LARGEST_TEST:
        raise DraftIncomplete("the test is made with 1 to 90 % of the audience", field="winner.test_percent")
    if not SHORTEST_WAIT <= rule.wait <= LONGEST_WAIT:
        raise DraftIncomplete("the decision comes 30 minutes to 14 days after the test", field="winner.wait")
    if not LOWEST_LEVEL <= rule.level <= HIGHEST_LEVEL:
        raise DraftIncomplete("the level is between 80 and 99.9 %", field="winner.level")


def in_test(salt: str, *, test_percent: float) -> pl.Expr:
    """Whether a ``customer_id`` belongs to the test phase: a draw of its own, so that it says nothing about arm and variant."""
    return bucketed(f"{salt[:50]} test") < held_out_below(test_percent)


@dataclass(frozen=True, slots=True)
class Tried:
    """One variant in the test: for how many people the push service took it, and how many of them did what is measured."""

    name: str
    people: int
    successes: int

    @property
    def rate(self) -> float | None:
        """Share of them; None of nobody."""
        return self.successes / self.people if self.people else None


class Why(StrEnum):
    """Why the rest gets what it gets."""

    EVIDENCE = "evidence"
    """The leader's interval against every other variant lies above zero."""
    NO_DIFFERENCE = "no_difference"
    """It does not."""
    TOO_SMALL = "too_small"
    """A variant reached under 1,000 people, or would have under 10 successes at the common rate."""
    NO_FACTS = "no_facts"
    """What people did was not known, long after the declared moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What was decided, with all it was decided by.

    Attributes:
        variant: what the rest gets; None: the draw is kept.
        why: evidence, or why there was none.
        tried: the counts of the test phase, in the order of the variants.
        leader: the highest rate, the first one among equals; None where nobody was reached.
        against: the other variant that comes nearest to the leader; None likewise, and where nobody got any other.
        interval: of the leader's rate less that one's, at the declared level.
    """

    variant: str | None
    why: Why
    tried: tuple[Tried, ...]
    leader: str | None = None
    against: str | None = None
    interval: Interval | None = None

    @property
    def proven(self) -> bool:
        """Whether the figures say that the variant is the better one: only then it may be called the winner."""
        return self.why is Why.EVIDENCE


def decide(rule: WinnerRule, tried: Sequence[Tried]) -> Decision:
    """What the rest gets. The same counts give the same decision.

    That the leader was not fixed before the test is covered by asking it against *every* other variant: it wrongly passes only where it
    passes against the one that is truly as good or better (R. L. Berger, "Multiparameter hypothesis testing and acceptance sampling",
    Technometrics 24, 1982; S. Gutmann and Z. Maymin, "Is the selected population the best?", Annals of Statistics 15, 1987).
    """
    reached = [one for one in tried if one.people]
    if not reached:
        return Decision(variant=_otherwise(rule, tried, None), why=Why.TOO_SMALL, tried=tuple(tried))
    leader = max(reached, key=lambda one: one.successes / one.people)
    nearest = min(
        ((_ahead(leader, other, rule), other) for other in reached if other is not leader),
        key=lambda pair: pair[0].low,
        default=None,
    )
    why = _why(tried, nearest[0] if nearest else None)
    return Decision(
        variant=leader.name if why is Why.EVIDENCE else _otherwise(rule, tried, leader),
        why=why,
        tried=tuple(tried),
        leader=leader.name,
        against=nearest[1].name if nearest else None,
        interval=nearest[0] if nearest else None,
    )


def without_facts(rule: WinnerRule, variants: Sequence[Variant]) -> Decision:
    """What the rest gets where nobody can say what came of the test."""
    nobody = tuple(Tried(variant.name, 0, 0) for variant in variants)
    return Decision(variant=_otherwise(rule, nobody, None), why=Why.NO_FACTS, tried=nobody)


def _ahead(leader: Tried, other: Tried, rule: WinnerRule) -> Interval:
    return newcombe(leader.successes, leader.people, other.successes, other.people, level=rule.level / 100)


def _why(tried: Sequence[Tried], nearest: Interval | None) -> Why:
    fewest, everyone = min(one.people for one in tried), sum(one.people for one in tried)
    common = sum(one.successes for one in tried) / everyone
    if nearest is None or fewest < SMALLEST_ARM or fewest * common < FEWEST_CONVERSIONS:
        return Why.TOO_SMALL
    return Why.EVIDENCE if nearest.low > 0 else Why.NO_DIFFERENCE


def _otherwise(rule: WinnerRule, tried: Sequence[Tried], leader: Tried | None) -> str | None:
    if rule.otherwise is Otherwise.SPLIT:
        return None
    if rule.otherwise is Otherwise.BEST and leader is not None:
        return leader.name
    return tried[0].name


def to_json(decision: Decision) -> dict[str, Any]:
    """The decision as it is kept; ``from_json(to_json(decision)) == decision``."""
    kept: dict[str, Any] = msgspec.to_builtins(decision)
    return kept


def from_json(kept: Mapping[str, Any]) -> Decision:
    """A decision that was kept."""
    return msgspec.convert(kept, Decision)


@dataclass(frozen=True, slots=True, kw_only=True)
class Test:
    """A campaign's test as it stands.

    Attributes:
        rule: how the winner is found.
        decides_at: the declared moment; None before the launch.
        decided_at: when it was decided; None as long as it is open.
        as_of: up to when what people did was known then.
        decision: None likewise.
    """

    __test__ = False
    rule: WinnerRule
    decides_at: datetime | None = None
    decided_at: datetime | None = None
    as_of: datetime | None = None
    decision: Decision | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TestSize:
    """How a dry run divides the people, and what the test can show.

    Attributes:
        people: who would get one of the variants in the test.
        rest: who would wait for the decision.
        by_variant: of ``people``, by variant.
        decides_at: when it would be decided.
        smallest_effect: the smallest difference between the two smallest variants (a share) that shows with 80 % power at the rule's
            level; None where none does, or no verdict is spoken.
        base_rate: share that is assumed to do what is measured anyway.
        known_rate: whether the segment's own history says so; otherwise it is an assumption.
    """

    __test__ = False
    people: int
    rest: int
    by_variant: Mapping[str, int]
    decides_at: datetime
    smallest_effect: float | None
    base_rate: float
    known_rate: bool


def detectable(sizes: Sequence[int], *, rate: float, level: float) -> float | None:
    """The smallest difference that the two smallest of several variants show, at a level in percent; None where no verdict is spoken."""
    smaller = sorted(sizes)[:2]
    if len(smaller) < 2 or smaller[0] < SMALLEST_ARM or smaller[0] * rate < FEWEST_CONVERSIONS:  # noqa: PLR2004 - two are compared
        return None
    return smallest_effect(rate, treated=smaller[1], control=smaller[0], level=level / 100)
