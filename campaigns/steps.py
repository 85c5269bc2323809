"""The steps of a journey as values: what happens to a person after she entered, one after the other.

A step leads to the one after it in the list; branches and jumps name another by its ``label``. Past the last step the
journey ends. `campaigns.journey` checks a list of steps and walks it.
"""

from collections.abc import Mapping
from datetime import time, timedelta
from typing import Any, TypeAlias

import msgspec

from campaigns.content import Content, Variant, content_of
from campaigns.trigger import filters_of
from segments.rules.behaviour import Match
from segments.rules.parse import parse
from segments.rules.rule import Rule

TraitValue: TypeAlias = str | int | float | bool | None


class _Step(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True, tag_field="kind"
):
    """What all steps have in common.

    Attributes:
        label: a name by which other steps lead here; empty where none does.
    """

    label: str = ""


class Send(_Step, frozen=True, tag="send"):
    """Sends a push, through every gate; who is left out or held out goes on all the same."""

    content: Content = Content()
    variants: tuple[Variant, ...] = ()

    def content_of(self, variant: str | None) -> Content:
        """What a person of ``variant`` gets; without variants the content itself."""
        return content_of(variant, self.variants, self.content)


class Wait(_Step, frozen=True, tag="wait"):
    """Waits for a length of time."""

    time: timedelta


class WaitUntil(_Step, frozen=True, tag="wait_until"):
    """Waits until a time of day on the person's own clock.

    Attributes:
        at: hours and minutes, like 10:00. The next such moment; where clocks skip it, the first moment after the gap.
        days: so many more days.
    """

    at: str
    days: int = 0

    @property
    def local_time(self) -> time:
        """`at` as a time of day."""
        return time.fromisoformat(self.at)


class Awaited(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """An event of the person that is waited for.

    Attributes:
        event: its name.
        where: all of these have to match; as the ``where`` of a segment rule's event.
    """

    event: str
    where: Mapping[str, Any] = {}

    @property
    def filters(self) -> tuple[Match, ...]:
        """What has to match.

        Raises:
            RuleError: where `where` is no filter; a checked journey has none such.
        """
        return filters_of(self.event, self.where)


class WaitEvent(_Step, frozen=True, tag="wait_event"):
    """Waits for an event of the person and goes on as soon as it is there.

    Attributes:
        awaited: the event.
        timeout: how long.
        late: the label where it leads when the time is over; None: to the next step as well.
    """

    awaited: Awaited
    timeout: timedelta
    late: str | None = None


class SplitRule(_Step, frozen=True, tag="split_rule"):
    """Goes on for whom a segment rule holds as of now, and elsewhere for the others.

    Attributes:
        rule: a segment rule in JSON, such as ``{"segment": 3}``.
        otherwise: the label where the others go; None ends it for them.
    """

    rule: Mapping[str, Any]
    otherwise: str | None = None

    @property
    def parsed(self) -> Rule:
        """The rule.

        Raises:
            RuleError: where it is none; a checked journey has none such.
        """
        return parse(dict(self.rule))


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """One way out of a split by share.

    Attributes:
        percent: how many take it, at most two decimals.
        to: the label where it leads; None: the next step.
    """

    percent: float
    to: str | None = None


class SplitShare(_Step, frozen=True, tag="split_share"):
    """Divides people at random; the same person always takes the same way out of the same step."""

    parts: tuple[Part, ...]


class GoTo(_Step, frozen=True, tag="go_to"):
    """Leads to another step."""

    to: str


class SetTrait(_Step, frozen=True, tag="set_trait"):
    """Sets a trait of the person, as an identify call of the shop would; null removes it."""

    trait: str
    value: TraitValue = None


class GiveCoupon(_Step, frozen=True, tag="give_coupon"):
    """Issues a coupon to the person, once for each time she comes by here."""

    coupon_id: str


class CallWebhook(_Step, frozen=True, tag="call_webhook"):
    """Tells the shop's webhooks that somebody came by: the notice ``journey.step_reached``.

    Attributes:
        name: tells the receiver which step it is.
    """

    name: str


class Exit(_Step, frozen=True, tag="exit"):
    """Ends the journey for the person."""

    reason: str = ""


Step: TypeAlias = (
    Send | Wait | WaitUntil | WaitEvent | SplitRule | SplitShare | GoTo | SetTrait | GiveCoupon | CallWebhook | Exit
)
WAITS = (Wait, WaitUntil, WaitEvent)
"""Steps at which time passes."""
Acting: TypeAlias = Send | SetTrait | GiveCoupon | CallWebhook
"""Steps that do something to the world outside."""
