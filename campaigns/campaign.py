"""A campaign as a value: what it says, to whom, when; its states and the moves between them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from campaigns.errors import DraftIncomplete, TransitionRefused
from campaigns.message import LONGEST_LIFE

LANGUAGES = ("ja", "en")
"""Languages a text can be written in, the first one first."""

LARGEST_HOLDOUT = 90.0
LONGEST_CONVERSION = 90
LONGEST_NAME = 100


class State(StrEnum):
    """Where a campaign stands."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    SENDING = "sending"
    PAUSED = "paused"
    SENT = "sent"
    CANCELLED = "cancelled"


class Action(StrEnum):
    """What can be done to a campaign."""

    EDIT = "edit"
    SCHEDULE = "schedule"
    LAUNCH = "launch"
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    FINISH = "finish"


TRANSITIONS: Mapping[tuple[State, Action], State] = MappingProxyType(
    {
        (State.DRAFT, Action.EDIT): State.DRAFT,
        (State.SCHEDULED, Action.EDIT): State.DRAFT,
        (State.DRAFT, Action.SCHEDULE): State.SCHEDULED,
        (State.SCHEDULED, Action.SCHEDULE): State.SCHEDULED,
        (State.SCHEDULED, Action.LAUNCH): State.SENDING,
        (State.SENDING, Action.PAUSE): State.PAUSED,
        (State.PAUSED, Action.RESUME): State.SENDING,
        (State.DRAFT, Action.CANCEL): State.CANCELLED,
        (State.SCHEDULED, Action.CANCEL): State.CANCELLED,
        (State.SENDING, Action.CANCEL): State.CANCELLED,
        (State.PAUSED, Action.CANCEL): State.CANCELLED,
        (State.SENDING, Action.FINISH): State.SENT,
    }
)
"""Every move there is; what is not here is refused. An edit takes a scheduled campaign back to draft."""


def next_state(state: State, action: Action) -> State:
    """The state after ``action``.

    Raises:
        TransitionRefused: when the state does not allow it.
    """
    try:
        return TRANSITIONS[state, action]
    except KeyError:
        raise TransitionRefused(f"a campaign that is {state} cannot {action}") from None


def allowed_actions(state: State) -> tuple[Action, ...]:
    """What a person can do in ``state``, for buttons; launch and finish happen by themselves."""
    automatic = (Action.LAUNCH, Action.FINISH)
    return tuple(action for action in Action if (state, action) in TRANSITIONS and action not in automatic)


class Policy(StrEnum):
    """What an unknown outcome leads to."""

    ONCE = "once"
    """Never repeat what may have been accepted: nobody gets it twice, a few may not get it."""
    SURELY = "surely"
    """Repeat it with the same tag: everybody gets it, a few see it replaced by itself."""


@dataclass(frozen=True, slots=True)
class Text:
    """Title and body in one language, as templates (see `campaigns.templates`)."""

    title: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a push says. At least one language is there; a person without hers gets the first there is."""

    ja: Text | None = None
    en: Text | None = None
    link: str | None = None
    coupon_id: str | None = None

    def texts(self) -> dict[str, Text]:
        """The texts there are, by language, the first language first."""
        both = {"ja": self.ja, "en": self.en}
        return {language: text for language, text in both.items() if text is not None}

    def language_for(self, wanted: str | None) -> str:
        """The language a person who speaks ``wanted`` (``en-GB``, None …) gets."""
        there = self.texts()
        short = (wanted or "").lower().replace("_", "-").split("-")[0]
        return short if short in there else next(iter(there))


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Everything a marketer decides.

    Attributes:
        holdout_percent: share kept without the push for comparison, 0 to 90.
        conversion_event: the event that counts as success, any name.
        conversion_days: its window in days, from the planned send time, for both arms.
        scheduled_at: when to launch; None until it is scheduled.
        expires_after: how long after launch a message may still go out.
    """

    name: str
    segment_id: int
    content: Content
    holdout_percent: float = 5.0
    policy: Policy = Policy.ONCE
    conversion_event: str = "Order Completed"
    conversion_days: int = 7
    scheduled_at: datetime | None = None
    expires_after: timedelta = timedelta(hours=24)


def check_draft(draft: Draft) -> None:
    """Refuse a draft that cannot stand. Texts are checked by `campaigns.templates.check_content`.

    Raises:
        DraftIncomplete: naming the field.
    """
    if not 1 <= len(draft.name.strip()) <= LONGEST_NAME:
        raise DraftIncomplete(f"a campaign needs a name of 1 to {LONGEST_NAME} characters", field="name")
    if not draft.content.texts():
        raise DraftIncomplete("write a title and a body in at least one language", field="content")
    if not 0 <= draft.holdout_percent <= LARGEST_HOLDOUT:
        raise DraftIncomplete("the holdout is between 0 and 90 %", field="holdout_percent")
    if not draft.conversion_event.strip():
        raise DraftIncomplete("choose the event that counts as success", field="conversion_event")
    if not 1 <= draft.conversion_days <= LONGEST_CONVERSION:
        raise DraftIncomplete("the window of the success event is 1 to 90 days", field="conversion_days")
    if not timedelta(minutes=1) <= draft.expires_after <= LONGEST_LIFE:
        raise DraftIncomplete("a message may live from one minute to 28 days", field="expires_after")
    if draft.scheduled_at is not None and draft.scheduled_at.tzinfo is None:
        raise DraftIncomplete("the time needs a time zone", field="scheduled_at")
    _check_link(draft.content.link)


def _check_link(link: str | None) -> None:
    if link is None:
        return
    scheme, separator, _ = link.partition("://")
    refused = scheme.lower() in ("http", "javascript", "data", "file", "vbscript")
    if not separator or not scheme or refused or any(c.isspace() for c in link):
        raise DraftIncomplete(
            "a link begins with https:// or the app's own scheme, such as myshop://", field="content.link"
        )
