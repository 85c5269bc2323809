"""A campaign's figures as the page shows them. Pure: values in, values out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from admin_ui import filters
from admin_ui.i18n import Say, mark
from campaigns.dry_run import DryRun, Removed
from campaigns.effect import Effect, Verdict
from campaigns.figures import CampaignReport
from campaigns.intervals import IntervalKind
from campaigns.reasons import LABELS, Label, Reason

STATES = {
    "draft": (mark("Draft"), "hollow"),
    "awaiting_approval": (mark("Awaiting approval"), "care"),
    "scheduled": (mark("Scheduled"), "busy"),
    "sending": (mark("Sending"), "busy"),
    "paused": (mark("On hold"), "care"),
    "sent": (mark("Sent"), "good"),
    "cancelled": (mark("Stopped"), "hollow"),
    "failed": (mark("Could not be sent"), "care"),
}
"""How a state is called and drawn."""

DEVICE_STATES = {
    "planned": mark("Waiting"),
    "sending": mark("Being sent"),
    "accepted": mark("Accepted by the push service"),
    "rejected": mark("Refused"),
    "unknown": mark("Outcome unknown"),
    "cancelled": mark("Cancelled"),
    "expired": mark("Expired"),
    "left_out": mark("Left out at sending"),
}

PAUSE_REASONS = {
    "person": mark("Somebody paused it."),
    "unknown_outcomes": mark(
        "Of too many sends nobody knows whether they arrived, so it stopped by itself before more are lost. Nobody gets it twice. Look at the connection to the push service, then resume."
    ),
    "refused_messages": mark(
        "The push service refused too many messages as malformed or not ours, so it stopped by itself. Look at the texts and the project, then copy it or resume."
    ),
    "dead_addresses": mark(
        "Too many addresses were dead, so it stopped by itself. Look whether it is sent to the right project, then resume."
    ),
    "credentials": mark("The push service refused our credentials. Mend them, then resume."),
}

_VERDICTS = {
    Verdict.COLLECTING: (
        mark("Still being counted"),
        mark("No verdict yet: there is one verdict, when the window has ended."),
    ),
    Verdict.NO_CONTROL: (
        mark("No comparison"),
        mark("Nobody was held out, so nothing can be said about the effect. Keep a holdout next time."),
    ),
    Verdict.TOO_SMALL: (
        mark("Too small for a verdict"),
        mark("The groups are too small: a verdict needs 1,000 people and 10 expected conversions in each."),
    ),
    Verdict.NO_DIFFERENCE: (
        mark("No difference can be told"),
        mark("The interval holds zero: the push may have helped, harmed, or done nothing."),
    ),
    Verdict.RAISED: (mark("The push raised it"), mark("The whole interval lies above zero.")),
    Verdict.LOWERED: (mark("The push lowered it"), mark("The whole interval lies below zero.")),
}


_INTERVALS = {
    IntervalKind.ALWAYS_VALID: mark("95%% interval so far; valid whenever you look"),
    IntervalKind.NEWCOMBE: mark("95%% interval at the end of the window"),
}


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the people that add up: ``kind`` total, minus or result; ``examples`` are numbers and names of a few of them."""

    label: str
    people: int
    share: float
    kind: str
    fill: str = "fill-6"
    examples: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Drawing:
    """An interval on a line from ``low`` to ``high`` (labels), places in percent of its width."""

    zero: float
    start: float
    end: float
    point: float
    low: str
    high: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """The verdict in words, and its figures; ``kind`` says what the interval may be used for."""

    heading: str
    sentence: str
    tone: str
    difference: str
    interval: str
    kind: str
    drawing: Drawing | None


def whom_named(run: DryRun) -> list[int]:
    """Everybody whom the page of a dry run names."""
    return [*(one for removed in run.removed for one in removed.examples), *(each.customer_id for each in run.samples)]


def plan_steps(run: DryRun, say: Say, called: Mapping[int, str | None]) -> list[Step]:
    """What a launch now would do with everyone of the segment; ``called``: the member numbers of whom it names."""
    whole = run.segment_size
    return [
        Step(say(_whom(run)), whole, 1.0 if whole else 0.0, "total"),
        *_removed(_all_gates(run.removed), whole, say, called),
        Step(say("Kept without the push (control)"), run.control, _share(run.control, whole), "minus", "fill-2"),
        Step(say("Would get the push"), run.treated, _share(run.treated, whole), "result", "fill-1"),
    ]


def _whom(run: DryRun) -> str:
    if run.rehearsal is not None:
        return mark("For whom it would have begun, each once")
    return mark("Members of the segment whose date it is") if run.day is not None else mark("The segment")


def report_steps(report: CampaignReport, say: Say) -> list[Step]:
    """Where everyone who was targeted stands; the parts add up."""
    people, whole = report.people, report.people.targeted
    parts = [
        (say("Kept without the push (control)"), people.control, "minus", "fill-2"),
        (say("Waiting for their time"), people.waiting, "minus", "fill-4"),
        (say("Being sent"), people.in_flight, "minus", "fill-4"),
        (say("Refused on every device"), people.failed, "minus", "fill-6"),
        (say("Outcome unknown"), people.unknown, "minus", "fill-5"),
        (say("Cancelled"), people.cancelled, "minus", "fill-6"),
        (say("Expired"), people.expired, "minus", "fill-6"),
    ]
    return [
        Step(say("Targeted"), whole, 1.0 if whole else 0.0, "total"),
        *_removed(report.removed, whole, say),
        *(Step(label, number, _share(number, whole), kind, fill) for label, number, kind, fill in parts if number),
        Step(say("Accepted by the push service"), people.accepted, _share(people.accepted, whole), "result", "fill-1"),
    ]


def outcome(effect: Effect, say: Say) -> Outcome:
    """What may be said about the effect."""
    heading, sentence = _VERDICTS[effect.verdict]
    tone = {Verdict.RAISED: "good", Verdict.LOWERED: "danger"}.get(effect.verdict, "hollow")
    interval = kind = ""
    if effect.interval is not None and effect.interval_kind is not None:
        low, high = filters.points(effect.interval.low, say), filters.points(effect.interval.high, say)
        interval, kind = f"[{low}, {high}]", say(_INTERVALS[effect.interval_kind])
    return Outcome(
        heading=say(heading),
        sentence=say(sentence),
        tone=tone,
        difference=filters.points(effect.difference, say),
        interval=interval,
        kind=kind,
        drawing=_drawing(effect, say),
    )


def _drawing(effect: Effect, say: Say) -> Drawing | None:
    if effect.interval is None or effect.difference is None:
        return None
    reach = min(max(abs(effect.interval.low), abs(effect.interval.high), 0.001) * 1.25, 1.0)

    def place(value: float) -> float:
        return round(50 + value / reach * 50, 2)

    return Drawing(
        zero=50.0,
        start=place(effect.interval.low),
        end=place(effect.interval.high),
        point=place(effect.difference),
        low=filters.points(-reach, say),
        high=filters.points(reach, say),
    )


def _all_gates(removed: Sequence[Removed]) -> list[Removed]:
    """The gates in their order, with nobody where nobody was stopped of those that every campaign passes: a check shows what was checked."""
    always = (Reason.CONSENT, Reason.FREQUENCY_CAP, Reason.ADDRESS)
    shown = {str(reason): Removed(reason, Label(*LABELS[reason]), 0) for reason in always}
    shown |= {each.reason: each for each in removed}
    order = [str(reason) for reason in Reason]
    return sorted(shown.values(), key=lambda each: order.index(each.reason) if each.reason in order else len(order))


def _removed(
    removed: Sequence[Removed], whole: int, say: Say, called: Mapping[int, str | None] | None = None
) -> list[Step]:
    named = called or {}
    return [
        Step(
            say("Left out: %(reason)s", reason=say.pick(each.label)),
            each.people,
            _share(each.people, whole),
            "minus",
            examples=tuple((one, named[one] or f"#{one}") for one in each.examples if one in named),
        )
        for each in removed
        if each.people or called is not None
    ]


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
