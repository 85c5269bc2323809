"""What is said of a test of versions: how it is decided, and what was. Pure: values in, values out."""

from dataclasses import dataclass, replace

from admin_ui import filters
from admin_ui.i18n import Say, mark
from admin_ui.winner_form import MEASURES, OTHERWISE
from campaigns.winner import Decision, Test, Tried, Why

_WHYS = {
    Why.EVIDENCE: (mark("The figures show it"), "good"),
    Why.NO_DIFFERENCE: (mark("No difference shows"), "hollow"),
    Why.TOO_SMALL: (mark("Too small to tell"), "hollow"),
    Why.NO_FACTS: (mark("What people did was not known in time"), "care"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One version in the test; ``chosen``: the rest gets it."""

    name: str
    tried: Tried
    rate: str
    chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A test in words.

    Attributes:
        heading: what the rest gets; empty while it is open.
        word: whether the figures show it, with ``tone``.
        sentence: why.
        interval: of the leader against the version that comes nearest, with its level.
    """

    measure: str
    otherwise: str
    level: str
    heading: str = ""
    word: str = ""
    tone: str = ""
    sentence: str = ""
    interval: str = ""
    lines: tuple[Line, ...] = ()


def told(test: Test, say: Say) -> Told:
    """A test as it stands."""
    otherwise = say(OTHERWISE[test.rule.otherwise])
    still = Told(measure=say(MEASURES[test.rule.measure]), otherwise=otherwise, level=f"{test.rule.level:g}%")
    decision = test.decision
    if decision is None:
        return still
    word, tone = _WHYS[decision.why]
    return replace(
        still,
        heading=_heading(decision, say),
        word=say(word),
        tone=tone,
        sentence=_sentence(decision, otherwise, say),
        interval=_interval(decision, say),
        lines=tuple(
            Line(one.name, one, filters.percent(one.rate, say), one.name == decision.variant) for one in decision.tried
        ),
    )


def _heading(decision: Decision, say: Say) -> str:
    if decision.variant is None:
        return say("The rest keeps all versions by their shares")
    if decision.proven:
        return say("Version %(name)s is the winner, and the rest gets it", name=decision.variant)
    return say("The rest gets version %(name)s", name=decision.variant)


def _sentence(decision: Decision, otherwise: str, say: Say) -> str:
    if decision.proven:
        return say("Its interval against every other version lies above zero.")
    reasons = {
        Why.TOO_SMALL: mark("A winner needs 1,000 people and 10 expected successes in each version."),
        Why.NO_DIFFERENCE: mark("The interval of the leader holds zero, so nobody is called the winner."),
        Why.NO_FACTS: mark("Facts up to the moment of the decision did not come in time."),
    }
    declared = say("What was declared for that is done: %(what)s.", what=otherwise)
    return f"{say(reasons[decision.why])} {declared}"


def _interval(decision: Decision, say: Say) -> str:
    span = decision.interval
    if span is None or decision.leader is None or decision.against is None:
        return ""
    ends = f"[{filters.points(span.low, say)}, {filters.points(span.high, say)}]"
    return say(
        "%(leader)s − %(against)s: %(ends)s at %(level)s%%",
        leader=decision.leader,
        against=decision.against,
        ends=ends,
        level=f"{span.level * 100:g}",
    )
