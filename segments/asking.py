"""One question to the figures of a shop: a KPI, over which window, whose, broken down by what, compared with what."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from segments.breakdown import By, Parting, by_name, groups_of
from segments.figures import EVERYONE, Audience, Figures
from segments.metrics.metric import Measured
from segments.metrics.result import AsOfRule, Breakdown, Comparison, Group, GroupFigure, GroupKind, KpiResult
from segments.periods import Compare, compared_window, named_window
from segments.windows import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked.

    Attributes:
        slug: a KPI of the catalogue.
        window: business days; None for the KPI's own default.
        period: a window by its name (`segments.periods.NAMED`), instead of ``window``.
        audience: whose figure.
        options: of the KPI.
        by: an attribute to break it down by (`segments.breakdown.BREAKDOWNS`).
        by_rule: the attribute's value when it mattered, or today's.
        compare: with the figure of which other window.
        against: with whose figure, instead of another window.
    """

    slug: str
    window: Window | None = None
    period: str | None = None
    audience: Audience = EVERYONE
    options: Mapping[str, object] = field(default_factory=dict)
    by: str | None = None
    by_rule: AsOfRule = "cohort"
    compare: Compare | None = None
    against: Audience | None = None


def ask(figures: Figures, question: Question) -> KpiResult:
    """The answer.

    Raises:
        UnknownMetric: the catalogue has no such KPI.
        BadOption: an option is unknown or out of range, no window is called so, or nothing can be broken down so.
    """
    window = question.window
    if question.period is not None:
        window = named_window(question.period, figures.facts.calendar, figures.facts.today)
    whole = figures.kpi(question.slug, window, audience=question.audience, options=question.options)
    asked = _Asked(figures, question, whole.measured.window)
    return replace(whole, compared=asked.compared(), breakdown=asked.breakdown())


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question with its window found."""

    figures: Figures
    question: Question
    window: Window

    def compared(self) -> Comparison | None:
        other = self._other()
        if other is None:
            return None
        window, audience = other
        measured = self.figures.measure(self.question.slug, window, audience, self.question.options)
        if self.question.against is not None:
            return Comparison(how="segment", measured=measured, segment=audience.segment)
        return Comparison(how=str(self.question.compare), measured=measured)

    def breakdown(self) -> Breakdown | None:
        question = self.question
        if question.by is None:
            return None
        by = by_name(question.by)
        part = self._parting(by, question.audience).part
        groups = groups_of(by, self.figures.frame, self.figures.facts.labelled(part, self.window))
        found = [self._group(each, by, groups) for each in groups]
        shown = tuple(each for each in found if each.group.kind is GroupKind.VALUE or _anything(each))
        return Breakdown(name=by.name, title={"ja": by.ja, "en": by.en}, rule=question.by_rule, groups=shown)

    def _other(self) -> tuple[Window, Audience] | None:
        question = self.question
        if question.against is not None:
            return self.window, question.against
        if question.compare is None:
            return None
        return compared_window(self.window, question.compare, self.figures.facts.calendar), question.audience

    def _group(self, group: Group, by: By, groups: list[Group]) -> GroupFigure:
        def figure(window: Window, audience: Audience) -> Measured:
            part = self._parting(by, audience).members(group, groups)
            return self.figures.measure(self.question.slug, window, audience, self.question.options, part=part)

        other = self._other()
        return GroupFigure(group, figure(self.window, self.question.audience), figure(*other) if other else None)

    def _parting(self, by: By, audience: Audience) -> Parting:
        figures, rule = self.figures, self.question.by_rule
        return Parting(
            key=(audience.key, "by", by.name, rule),
            by=by,
            whom=figures.members(audience),
            days=figures.facts.days,
            frame=figures.frame,
            rule=rule,
            day=figures.day,
            coupons=figures.facts.coupons,
            verified=figures.facts.verified_names(),
        )


def _anything(figure: GroupFigure) -> bool:
    return any(one is not None and bool(one.numerator or one.denominator) for one in (figure.measured, figure.compared))
