"""A campaign as a value: what it says, to whom, when and why. Its states are in `campaigns.states`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from campaigns.content import (
    LANGUAGES,
    Button,
    Content,
    Override,
    Text,
    Variant,
    check_shape,
    check_variants,
    content_of,
    shares,
)
from campaigns.errors import DraftIncomplete
from campaigns.journey import sends
from campaigns.journey_checks import check_awaited, check_steps
from campaigns.message import LONGEST_LIFE
from campaigns.recurrence import next_occurrence, read_rule
from campaigns.states import TRANSITIONS, Action, State, allowed_actions, next_state
from campaigns.steps import Awaited, Step
from campaigns.trigger import (
    SET_BASED,
    Kind,
    Once,
    OnSegment,
    Recurring,
    Reentry,
    Trigger,
    check_reentry,
    check_trigger,
)
from campaigns.winner import WinnerRule, check_winner

__all__ = [
    "LANGUAGES",
    "TRANSITIONS",
    "Action",
    "Button",
    "Content",
    "Devices",
    "Draft",
    "Kind",
    "Override",
    "Policy",
    "Priority",
    "QuietPolicy",
    "State",
    "Text",
    "Variant",
    "allowed_actions",
    "check_draft",
    "check_new_version",
    "complaints",
    "next_state",
]

LARGEST_HOLDOUT = 90.0
LONGEST_CONVERSION = 90
LONGEST_NAME = 100
LONGEST_HYPOTHESIS = 1000
MOST_TAGS = 10
LONGEST_TAG = 30
FASTEST = 600_000
"""Messages a minute; what FCM takes from a project at most."""


FAILURES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "segment_archived": ("対象のセグメントがアーカイブされた", "Its segment was archived"),
        "segment_broken": ("対象のセグメントの条件が成り立たない", "The rule of its segment does not hold any more"),
        "content": ("本文が使えない", "Its texts cannot be used"),
    }
)
"""Why a launch can never succeed, in both languages."""

_NOTHING, _ONCE, _ALWAYS = Content(), Once(), Reentry()


class Policy(StrEnum):
    """What an unknown outcome leads to."""

    ONCE = "once"
    """Never repeat what may have been accepted: nobody gets it twice, a few may not get it."""
    SURELY = "surely"
    """Repeat it with the same tag: everybody gets it, a few see it replaced by itself."""


class Priority(StrEnum):
    """How it stands against other campaigns for the same person."""

    SERVICE = "service"
    """A notice a customer needs: outside the frequency cap, and for everyone who has not refused notices."""
    HIGH = "high"
    NORMAL = "normal"


class Devices(StrEnum):
    """Which of a person's phones get it."""

    NEWEST = "newest"
    """The live one that was seen last."""
    ALL = "all"


class QuietPolicy(StrEnum):
    """What becomes of a push whose moment falls into quiet hours."""

    HOLD = "hold"
    """It waits for their end."""
    DROP = "drop"
    """The person is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Everything a marketer decides.

    Attributes:
        segment_id: who it is for. None only where an event or a change of membership begins it: then everyone.
        content: what it says, where it has neither variants nor steps.
        holdout_percent: share kept without the push for comparison, 0 to 90.
        conversion_event: the event that counts as success, any name.
        conversion_days: its window in days, from the planned send time, for both arms.
        scheduled_at: when to launch, or from when a campaign that runs on listens; None until it is scheduled.
        expires_after: how long after launch a message may still go out.
        trigger: what makes it begin.
        reentry: whether it can reach the same person again.
        variants: contents that are compared; empty: `content` alone.
        own_zone: quiet hours by the person's own clock, where it is known, not the shop's.
        rate_per_minute: messages it sends a minute at most; None: as fast as the project may.
        hypothesis: what is expected of it and why: shown again beside the result.
        goal_target: expected share of the treated who do the conversion event, in percent.
        tags: words to find it by.
        names_on_lock_screen: a text may show the family name. A locked phone shows it to whoever looks.
        steps: of a journey, see `campaigns.journey`; empty: the campaign is one push. With steps, `content` and `variants` say nothing.
        exits_on: an event after which nobody stays in the journey; None: everybody goes on to its end.
        winner: a part gets the variants, the rest what came out best; None: everybody gets the variants by their shares.
    """

    name: str
    segment_id: int | None
    content: Content = _NOTHING
    holdout_percent: float = 5.0
    policy: Policy = Policy.ONCE
    conversion_event: str = "Order Completed"
    conversion_days: int = 7
    scheduled_at: datetime | None = None
    expires_after: timedelta = timedelta(hours=24)
    trigger: Trigger = _ONCE
    reentry: Reentry = _ALWAYS
    variants: tuple[Variant, ...] = ()
    priority: Priority = Priority.NORMAL
    devices: Devices = Devices.NEWEST
    quiet: QuietPolicy = QuietPolicy.HOLD
    own_zone: bool = True
    rate_per_minute: int | None = None
    hypothesis: str = ""
    goal_target: float | None = None
    tags: tuple[str, ...] = ()
    names_on_lock_screen: bool = False
    steps: tuple[Step, ...] = ()
    exits_on: Awaited | None = None
    winner: WinnerRule | None = None

    @property
    def kind(self) -> Kind:
        """What kind of campaign it is."""
        return Kind.JOURNEY if self.steps else self.trigger.kind

    @property
    def runs_on(self) -> bool:
        """Whether it goes on after its first launch: everything but a single launch of a single push."""
        return bool(self.steps) or not isinstance(self.trigger, Once)

    def contents(self) -> Iterator[tuple[str, Content]]:
        """Everything it may say, each with where it stands in the draft."""
        for step, send in sends(self.steps):
            yield from ((f"steps[{step}].{where}", content) for where, content in _said(send.content, send.variants))
        if not self.steps:
            yield from _said(self.content, self.variants)

    def content_at(self, step: int, variant: str | None) -> Content:
        """What a person of ``variant`` gets by a step of the journey; of a campaign without steps by its one push.

        Raises:
            LookupError: the step sends nothing.
        """
        if not self.steps:
            return self.content_of(variant)
        return dict(sends(self.steps))[step].content_of(variant)

    def content_of(self, variant: str | None) -> Content:
        """What a person of ``variant`` gets; without variants, and for a name there is not, the content itself."""
        return content_of(variant, self.variants, self.content)


def _said(content: Content, variants: Sequence[Variant]) -> Iterator[tuple[str, Content]]:
    if not variants:
        yield "content", content
    for place, variant in enumerate(variants):
        yield f"variants[{place}].content", variant.content


def check_draft(draft: Draft) -> None:
    """Refuse a draft that cannot stand. Texts are checked by `campaigns.wording.check_words`.

    Raises:
        DraftIncomplete: naming the field.
    """
    for check in _CHECKS:
        check(draft)


def complaints(draft: Draft) -> Iterator[DraftIncomplete]:
    """What `check_draft` refuses of a draft, of each part of it that can be looked at by itself the first thing; without order."""
    for check in _CHECKS:
        try:
            check(draft)
        except DraftIncomplete as error:
            yield error
    for field, content in draft.contents():
        try:
            check_shape(content, field=field)
        except DraftIncomplete as error:
            yield error


def _check_name(draft: Draft) -> None:
    if not 1 <= len(draft.name.strip()) <= LONGEST_NAME:
        raise DraftIncomplete(f"a campaign needs a name of 1 to {LONGEST_NAME} characters", field="name")


def _check_beginning(draft: Draft) -> None:
    check_trigger(draft.trigger)
    if isinstance(draft.trigger, Recurring):
        _check_recurring(draft.trigger)


def _check_said(draft: Draft) -> None:
    if draft.exits_on is not None:
        check_awaited(draft.exits_on.event, draft.exits_on.where, "exits_on")
    if draft.steps:
        check_steps(draft.steps)
    elif draft.variants:
        check_variants(draft.variants)
    else:
        check_shape(draft.content)
    if draft.winner is not None:
        check_winner(draft.winner, kind=draft.kind, variants=draft.variants)


def check_new_version(before: Draft, after: Draft) -> None:
    """Refuse a new version of a running campaign that its figures could not be counted over.

    Raises:
        DraftIncomplete: naming the field that has to stay.
    """
    if not before.runs_on:
        raise DraftIncomplete("a campaign with a single launch has one version: copy it", field="trigger")
    if (before.kind, before.trigger.kind) != (after.kind, after.trigger.kind):
        raise DraftIncomplete("what begins it stays what it is: copy the campaign instead", field="trigger")
    for name in ("holdout_percent", "conversion_event", "conversion_days"):
        if getattr(before, name) != getattr(after, name):
            raise DraftIncomplete("its figures are counted by this, so it stays: copy the campaign", field=name)
    if before.winner != after.winner:
        raise DraftIncomplete("how the winner is found was declared before: copy the campaign instead", field="winner")
    if shares(before.variants) != shares(after.variants):
        raise DraftIncomplete("variants keep their names and shares: copy the campaign instead", field="variants")


def _check_recurring(trigger: Recurring) -> None:
    read_rule(trigger.rrule)
    before = trigger.starts_at - timedelta(seconds=1)
    if next_occurrence(trigger.rrule, starts_at=trigger.starts_at, after=before, zone="UTC") is None:
        raise DraftIncomplete("no day of this rule comes after its start", field="trigger.rrule")
    if trigger.until is not None and trigger.until < trigger.starts_at:
        raise DraftIncomplete("it ends before it begins", field="trigger.until")


def _check_audience(draft: Draft) -> None:
    if draft.segment_id is None and draft.trigger.kind in SET_BASED:
        raise DraftIncomplete("choose the segment it is for", field="segment_id")
    if isinstance(draft.trigger, OnSegment) and draft.trigger.segment_id == draft.segment_id:
        raise DraftIncomplete("the segment that begins it need not be asked again", field="segment_id")
    if not 0 <= draft.holdout_percent <= LARGEST_HOLDOUT:
        raise DraftIncomplete("the holdout is between 0 and 90 %", field="holdout_percent")


def _check_measure(draft: Draft) -> None:
    if not draft.conversion_event.strip():
        raise DraftIncomplete("choose the event that counts as success", field="conversion_event")
    if not 1 <= draft.conversion_days <= LONGEST_CONVERSION:
        raise DraftIncomplete("the window of the success event is 1 to 90 days", field="conversion_days")
    if draft.goal_target is not None and not 0 < draft.goal_target <= 100:  # noqa: PLR2004 - percent
        raise DraftIncomplete("the goal is above 0 and at most 100 %", field="goal_target")


def _check_sending(draft: Draft) -> None:
    if not timedelta(minutes=1) <= draft.expires_after <= LONGEST_LIFE:
        raise DraftIncomplete("a message may live from one minute to 28 days", field="expires_after")
    if draft.scheduled_at is not None and draft.scheduled_at.tzinfo is None:
        raise DraftIncomplete("the time needs a time zone", field="scheduled_at")
    if draft.rate_per_minute is not None and not 1 <= draft.rate_per_minute <= FASTEST:
        raise DraftIncomplete(f"between 1 and {FASTEST:,} messages a minute", field="rate_per_minute")


def _check_words(draft: Draft) -> None:
    if len(draft.hypothesis) > LONGEST_HYPOTHESIS:
        raise DraftIncomplete(f"at most {LONGEST_HYPOTHESIS:,} characters", field="hypothesis")
    _check_tags(draft.tags)


def _check_tags(tags: Sequence[str]) -> None:
    if len(tags) > MOST_TAGS or len({*tags}) < len(tags):
        raise DraftIncomplete(f"at most {MOST_TAGS} tags, each once", field="tags")
    for place, tag in enumerate(tags):
        if not 1 <= len(tag) <= LONGEST_TAG or tag != tag.strip() or "," in tag:
            raise DraftIncomplete(f"a tag has 1 to {LONGEST_TAG} characters and no comma", field=f"tags[{place}]")


_CHECKS: tuple[Callable[[Draft], None], ...] = (
    _check_name,
    _check_beginning,
    lambda draft: check_reentry(draft.reentry),
    _check_audience,
    _check_said,
    _check_measure,
    _check_sending,
    _check_words,
)
"""What is asked of a draft, in the order in which a refusal names it."""
