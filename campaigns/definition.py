"""A campaign as JSON: what the API and the command line take, and what every published version is kept as.

Reading is strict: a key that is not known and a value of another kind are refused with their place. What a draft must
have beside that is asked by `campaigns.campaign.check_draft`.
"""

import re
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec

from campaigns.campaign import Content, Devices, Draft, Policy, Priority, QuietPolicy, Variant
from campaigns.errors import DraftIncomplete
from campaigns.message import LONGEST_LIFE
from campaigns.steps import Awaited, Step
from campaigns.trigger import Once, OnDate, OnEvent, OnSegment, Recurring, Reentry
from campaigns.winner import WinnerRule

LONGEST_EXPIRY_HOURS = LONGEST_LIFE / timedelta(hours=1)

_PLACE = re.compile(r"(?P<reason>.*) - at `\$\.?(?P<place>.*)`", re.DOTALL)


class Definition(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What a campaign says, to whom, when, why, and how its effect is measured.

    ``holdout_percent`` of the people who pass the gates are kept without the push, for comparison. ``trigger`` says what
    makes it begin. ``variants``, whose shares add up to 100 percent, take the place of ``content``; with ``winner`` a part is tested and
    the rest gets what came out best. See `campaigns.campaign.Draft`.
    """

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    segment_id: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)] | None = None
    content: Content = Content()
    holdout_percent: Annotated[float, msgspec.Meta(ge=0, le=90)] = 5.0
    policy: Policy = Policy.ONCE
    conversion_event: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] = "Order Completed"
    conversion_days: Annotated[int, msgspec.Meta(ge=1, le=90)] = 7
    scheduled_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    expires_after_hours: Annotated[float, msgspec.Meta(gt=0, le=LONGEST_EXPIRY_HOURS)] = 24.0
    trigger: Once | Recurring | OnEvent | OnSegment | OnDate = Once()
    reentry: Reentry = Reentry()
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

    def draft(self) -> Draft:
        """As the desk takes it."""
        values = {name: getattr(self, name) for name in _SAME}
        return Draft(expires_after=timedelta(hours=self.expires_after_hours), **values)


_SAME = tuple(name for name in Definition.__struct_fields__ if name != "expires_after_hours")
"""Fields that a draft has under the same name."""
_USUAL = {field.name: field.default for field in msgspec.structs.fields(Definition)}


def definition_of(draft: Draft) -> Definition:
    """A draft as it is written."""
    said = {name: getattr(draft, name) for name in _SAME}
    said["expires_after_hours"] = draft.expires_after / timedelta(hours=1)
    return Definition(**{name: value for name, value in said.items() if name == "name" or value != _USUAL[name]})


def to_json(draft: Draft) -> dict[str, Any]:
    """The draft as a JSON document; ``from_json(to_json(draft)) == draft``. Fields that are as usual are left out."""
    written: dict[str, Any] = msgspec.to_builtins(definition_of(draft))
    return written


def from_json(document: object) -> Draft:
    """The draft that a decoded JSON document states.

    Raises:
        DraftIncomplete: where it is none; ``field`` is the place, such as ``trigger.delay``, empty for the whole.
    """
    try:
        return msgspec.convert(document, Definition).draft()
    except msgspec.ValidationError as error:
        raise refusal(error) from error


def refusal(error: msgspec.ValidationError) -> DraftIncomplete:
    """What could not be read, with its place."""
    found = _PLACE.fullmatch(str(error))
    reason, place = (found["reason"], found["place"]) if found else (str(error), "")
    return DraftIncomplete(f"{reason[0].lower()}{reason[1:]}", field=place)
