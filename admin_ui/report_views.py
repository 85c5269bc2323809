"""What came of a campaign as the pages show it: arms, goal, parts of its people, calendar, frequency. Pure: values in, values out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from admin_ui import filters
from admin_ui.campaign_views import outcome
from admin_ui.i18n import Say, mark
from admin_ui.member_views import PLATFORMS
from backend.services.campaign_desk.breakdowns import INSIDE, OTHERS, OUTSIDE
from campaigns.agenda import Agenda, AgendaItem, Mark
from campaigns.arms import Comparison
from campaigns.effect import Arm
from campaigns.experiment import ArmName
from campaigns.fatigue import Fatigue, OptOuts, Week
from campaigns.figures import CampaignBreakdown, Goal
from campaigns.results import REST, TESTED_CONTROL, ArmResult, Results, Slice

BREAKDOWNS = {
    "store": mark("Store"),
    "language": mark("Language"),
    "platform": mark("Kind of phone"),
    "segment": mark("Segment"),
}
_LANGUAGES = {"ja": "日本語", "en": "English"}
_LABELS = {INSIDE: mark("In the segment"), OUTSIDE: mark("Outside it"), OTHERS: mark("All others")}
MARKS = {Mark.SENT: mark("sent"), Mark.PLANNED: mark("planned"), Mark.WAITING: mark("waits for approval")}


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmLine:
    """One arm in words; ``tone`` and ``verdict`` are empty for what is only compared with."""

    name: str
    arm: Arm
    verdict: str
    tone: str
    difference: str
    interval: str
    buyers: int
    orders: int
    sales: str
    per_person: str
    coupon_users: int
    coupon_rate: str
    by_presenting: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """The difference in money per person, at the declared end."""

    name: str
    difference: str
    interval: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The people of one label: its line, and its arms."""

    label: str
    slice: Slice
    arms: tuple[ArmLine, ...]


def arms(results: Results, currency: str, say: Say) -> tuple[ArmLine, ...]:
    """Every variant, then the control where anybody was held out."""
    comparisons = {one.name: one for one in results.comparisons}
    phases = (results.rest, results.tested_control, results.control)
    shown = [*results.variants, *(one for one in phases if one is not None and one.arm.customers)]
    return tuple(_line(one, comparisons.get(one.name), currency, say) for one in shown)


def arm_name(name: str, say: Say) -> str:
    """What an arm is called."""
    known = {
        ArmName.TREATED: say("Push group"),
        ArmName.CONTROL: say("Control"),
        REST: say("The rest, after the decision"),
        TESTED_CONTROL: say("Control of the test"),
    }
    return known[name] if name in known else say("Version %(name)s", name=name)


def _line(result: ArmResult, comparison: Comparison | None, currency: str, say: Say) -> ArmLine:
    told = outcome(comparison.effect, say) if comparison else None
    per_person = result.sales_per_person
    return ArmLine(
        name=arm_name(result.name, say),
        arm=result.arm,
        verdict=told.heading if told else "",
        tone=told.tone if told else "",
        difference=told.difference if told else "",
        interval=told.interval if told else "",
        buyers=result.buyers,
        orders=result.orders,
        sales=filters.money(result.arm.amount, currency, say),
        per_person=filters.money(None if per_person is None else round(per_person), currency, say),
        coupon_users=result.coupon_users,
        coupon_rate=filters.percent(result.coupon_rate, say),
        by_presenting=bool(result.presented) and not result.by_till,
    )


def money(results: Results, currency: str, say: Say) -> tuple[Money, ...]:
    """What each arm spent more than the one it is compared with; nothing before the end."""
    return tuple(
        Money(
            name=arm_name(one.name, say),
            difference=_signed(one.effect.amount_difference, currency, say),
            interval=f"[{_signed(interval.low, currency, say)}, {_signed(interval.high, currency, say)}]",
        )
        for one in results.comparisons
        if one.effect.amount_difference is not None and (interval := one.effect.amount_interval) is not None
    )


def _signed(minor: float, currency: str, say: Say) -> str:
    return filters.signed(round(minor), filters.money(abs(round(minor)), currency, say))


def goal(told: Goal, say: Say) -> dict[str, str]:
    """The goal beside the result: whether it was reached, in a word and a tone."""
    if told.reached is None:
        return {"word": say("Still being counted") if told.target is not None else "", "tone": "hollow"}
    return {
        "word": say("Goal reached") if told.reached else say("Below the goal"),
        "tone": "good" if told.reached else "care",
    }


def parts(breakdown: CampaignBreakdown, currency: str, say: Say, *, stores: Mapping[str, str]) -> tuple[Part, ...]:
    """The parts of a campaign's people; ``stores`` are names by code."""
    return tuple(
        Part(
            label=_label(breakdown.by, each.label, say, stores),
            slice=each,
            arms=arms(each.results, currency, say),
        )
        for each in breakdown.slices
    )


def _label(by: str, label: str | None, say: Say, stores: Mapping[str, str]) -> str:
    if label is None:
        return say("Not known")
    if label in _LABELS:
        return say(_LABELS[label])
    return {"platform": PLATFORMS, "language": _LANGUAGES, "store": stores}.get(by, stores).get(label, label)


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One day of the calendar; ``outside`` of the month that is looked at."""

    day: date
    outside: bool
    today: bool
    items: tuple[AgendaItem, ...]


def month_span(first: date, *, week_starts: int) -> tuple[date, date]:
    """Whole weeks that hold the month of its first day."""
    begin = first - timedelta(days=(first.isoweekday() - week_starts) % 7)
    last = next_month(first) - timedelta(days=1)
    return begin, last + timedelta(days=6 - (last.isoweekday() - week_starts) % 7)


def next_month(first: date) -> date:
    """The first day of the month after that of ``first``."""
    return (first.replace(day=28) + timedelta(days=4)).replace(day=1)


def month_before(first: date) -> date:
    """The first day of the month before."""
    return (first - timedelta(days=1)).replace(day=1)


def weeks(agenda: Agenda, *, month: date, today: date) -> list[list[Day]]:
    """The calendar week by week."""
    span = (agenda.last - agenda.first).days + 1
    days = [
        Day(day=one, outside=one.month != month.month, today=one == today, items=agenda.of(one))
        for one in (agenda.first + timedelta(days=number) for number in range(span))
    ]
    return [days[start : start + 7] for start in range(0, len(days), 7)]


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekLine:
    """One week: how many people got how many pushes, with shares of those who can be reached."""

    week: Week
    cells: tuple[tuple[int, float], ...]
    per_person: str
    many: float


def frequency(seen: Fatigue) -> tuple[WeekLine, ...]:
    """The weeks, the newest first; ``many`` is the share of those reached who got more than the weekly limit, or five."""
    return tuple(_week(week, seen.cap_7d) for week in seen.weeks)


def _week(week: Week, cap: int) -> WeekLine:
    whole = sum(week.people) or 1
    above = min(cap + 1 if cap else len(week.people) - 1, len(week.people) - 1)
    return WeekLine(
        week=week,
        cells=tuple((people, people / whole) for people in week.people),
        per_person="" if week.per_person is None else f"{week.per_person:.1f}",
        many=sum(week.people[above:]) / week.reached if week.reached else 0.0,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class OptOutLine:
    """One campaign: how many took back the yes after it, beside those who got no push."""

    seen: OptOuts
    rate: str
    control_rate: str
    difference: str
    interval: str
    tone: str


def opt_outs(seen: Iterable[OptOuts], say: Say) -> tuple[OptOutLine, ...]:
    """The campaigns, the newest first; red where the interval says that the push drove people away."""
    return tuple(_opt_out(one, say) for one in seen)


def _opt_out(one: OptOuts, say: Say) -> OptOutLine:
    interval = one.interval
    worse = interval is not None and interval.low > 0
    return OptOutLine(
        seen=one,
        rate=filters.percent(one.rate, say, digits=2),
        control_rate=filters.percent(one.control_out / one.control if one.control else None, say, digits=2),
        difference=filters.points(one.difference, say),
        interval=""
        if interval is None
        else f"[{filters.points(interval.low, say)}, {filters.points(interval.high, say)}]",
        tone="danger" if worse else "",
    )
