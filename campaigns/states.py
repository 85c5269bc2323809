"""The states of a campaign and every move between them, as one table."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from campaigns.errors import TransitionRefused


class State(StrEnum):
    """Where a campaign stands. One that repeats or waits for people is ``sending`` as long as it runs."""

    DRAFT = "draft"
    AWAITING_APPROVAL = "awaiting_approval"
    SCHEDULED = "scheduled"
    SENDING = "sending"
    PAUSED = "paused"
    SENT = "sent"
    CANCELLED = "cancelled"
    FAILED = "failed"


class Action(StrEnum):
    """What can be done to a campaign."""

    EDIT = "edit"
    SUBMIT = "submit"
    APPROVE = "approve"
    REJECT = "reject"
    SCHEDULE = "schedule"
    LAUNCH = "launch"
    PUBLISH = "publish"
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    FINISH = "finish"
    FAIL = "fail"


ENDED = frozenset({State.SENT, State.CANCELLED, State.FAILED})
"""States that nothing leads out of; a copy begins anew."""

BEFORE_LAUNCH = frozenset({State.DRAFT, State.AWAITING_APPROVAL, State.SCHEDULED})

TRANSITIONS: Mapping[tuple[State, Action], State] = MappingProxyType(
    {
        (State.DRAFT, Action.EDIT): State.DRAFT,
        (State.AWAITING_APPROVAL, Action.EDIT): State.DRAFT,
        (State.SCHEDULED, Action.EDIT): State.DRAFT,
        (State.DRAFT, Action.SUBMIT): State.AWAITING_APPROVAL,
        (State.SCHEDULED, Action.SUBMIT): State.AWAITING_APPROVAL,
        (State.AWAITING_APPROVAL, Action.APPROVE): State.SCHEDULED,
        (State.AWAITING_APPROVAL, Action.REJECT): State.DRAFT,
        (State.DRAFT, Action.SCHEDULE): State.SCHEDULED,
        (State.SCHEDULED, Action.SCHEDULE): State.SCHEDULED,
        (State.SCHEDULED, Action.LAUNCH): State.SENDING,
        (State.SENDING, Action.PUBLISH): State.SENDING,
        (State.PAUSED, Action.PUBLISH): State.PAUSED,
        (State.SENDING, Action.PAUSE): State.PAUSED,
        (State.PAUSED, Action.RESUME): State.SENDING,
        (State.DRAFT, Action.CANCEL): State.CANCELLED,
        (State.AWAITING_APPROVAL, Action.CANCEL): State.CANCELLED,
        (State.SCHEDULED, Action.CANCEL): State.CANCELLED,
        (State.SENDING, Action.CANCEL): State.CANCELLED,
        (State.PAUSED, Action.CANCEL): State.CANCELLED,
        (State.SENDING, Action.FINISH): State.SENT,
        (State.SCHEDULED, Action.FAIL): State.FAILED,
        (State.SENDING, Action.FAIL): State.FAILED,
    }
)
"""Every move there is; what is not here is refused. An edit takes a campaign that waits or is scheduled back to draft, and
with it away whatever was approved."""

GROWN = 2
"""An approval holds for up to so many times the people it was given for."""

_AUTOMATIC = frozenset({Action.SUBMIT, Action.LAUNCH, Action.FINISH, Action.FAIL})


def outgrew(people: int, *, above: int, approved_for: int | None) -> bool:
    """Whether a launch is for more people than were decided about.

    Args:
        people: whom it is for now.
        above: more than so many need a second person; 0 where nobody does.
        approved_for: of a campaign that a second person approved, how many people it was for then; None of others.
    """
    return bool(above) and people > max(above, GROWN * (approved_for or 0))


def next_state(state: State, action: Action) -> State:
    """The state after ``action``.

    Raises:
        TransitionRefused: when the state does not allow it.
    """
    try:
        return TRANSITIONS[state, action]
    except KeyError:
        raise TransitionRefused(f"a campaign that is {state} cannot {action}") from None


def allowed_actions(state: State, *, runs_on: bool = False) -> tuple[Action, ...]:
    """What a person can do in ``state``, for buttons; launch, finish and failure happen by themselves.

    Who schedules a campaign submits it where its audience needs a second person's approval: that is one button.

    Args:
        state: where the campaign stands.
        runs_on: it repeats or waits for people (`campaigns.campaign.Draft.runs_on`), so that a new version can be published.
    """
    refused = _AUTOMATIC if runs_on else _AUTOMATIC | {Action.PUBLISH}
    return tuple(action for action in Action if (state, action) in TRANSITIONS and action not in refused)
