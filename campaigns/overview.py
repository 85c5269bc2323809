"""What a marketer sees of campaigns: the values that the desk returns and pages, API and command line show."""

from dataclasses import dataclass
from datetime import datetime

from campaigns.campaign import Action, Content, Draft, Kind, State
from campaigns.reasons import Label
from campaigns.winner import Test


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignSummary:
    """One line of the list.

    Attributes:
        planned_at: the planned send time, from launch on: end of the quiet hours it fell into, or the launch itself.
        targeted: people of the segment at launch; 0 before it.
        accepted: people with at least one device for which the push service took the message.
        paused_reason: ``person``, ``unknown_outcomes``, ``refused_messages``, ``dead_addresses`` or ``credentials``; None unless paused.
        failed_reason: why it could never be launched, see `campaigns.campaign.FAILURES`; None unless it failed.
        segment_id: None where an event begins it for whomever it happens to; then ``segment_name`` is empty.
        next_at: the next launch of one that repeats.
        version: the published one; 0 before the first launch.
        archived: taken off the list.
        waiting: launches of one that repeats which wait for a second person.
    """

    campaign_id: int
    name: str
    state: State
    segment_id: int | None
    segment_name: str
    holdout_percent: float
    scheduled_at: datetime | None
    planned_at: datetime | None
    finished_at: datetime | None
    paused_reason: str | None
    targeted: int
    control: int
    accepted: int
    changed_at: datetime
    revision: int
    kind: Kind = Kind.ONCE
    tags: tuple[str, ...] = ()
    failed_reason: str | None = None
    next_at: datetime | None = None
    version: int = 0
    archived: bool = False
    waiting: int = 0

    def fits(self, *, words: str = "", state: str = "", kind: str = "", tag: str = "") -> bool:
        """Whether a list shows it that is narrowed to these; ``words`` may stand in name, segment or tags. Empty ones narrow nothing."""
        said = " ".join((self.name, self.segment_name, *self.tags)).casefold()
        chosen = (not state or self.state == state) and (not kind or self.kind == kind)
        return chosen and (not tag or tag in self.tags) and words.casefold() in said


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """Where a campaign stands with the second person.

    Attributes:
        audience: people counted when it was submitted.
        edited_by: who wrote the words that stand.
        by: who approved or rejected; None until somebody did.
        comment: why it was rejected, or what was said to an approval.
        proposal: a new version of a running campaign that waits for approval.
    """

    audience: int | None = None
    edited_by: str | None = None
    submitted_by: str | None = None
    by: str | None = None
    at: datetime | None = None
    comment: str | None = None
    proposal: Draft | None = None
    proposed_by: str | None = None


_NO_REVIEW = Review()


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignVersion:
    """One published version: what whoever entered it is sent."""

    version: int
    draft: Draft
    created_at: datetime
    created_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingLaunch:
    """A launch of a campaign that repeats which waits for a second person.

    Attributes:
        occurrence: its number.
        people: whom it is for, as they were counted when it was due.
        approved_for: people that the campaign was approved for; None where nobody ever had to.
        expires_at: after this it is passed over.
    """

    occurrence: int
    planned_at: datetime
    people: int
    approved_for: int | None
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignDetail:
    """One campaign with everything that was decided about it.

    Attributes:
        revision: goes up with every change; an edit names the one it was made from.
        actions: what a person can do now, for buttons.
        test: how the winner of its variants is found, and what was decided; None without such a rule.
    """

    summary: CampaignSummary
    draft: Draft
    segment_version: int | None
    actions: tuple[Action, ...]
    created_at: datetime
    created_by: str
    review: Review = _NO_REVIEW
    waiting: tuple[WaitingLaunch, ...] = ()
    test: Test | None = None

    @property
    def content(self) -> Content:
        """What it says."""
        return self.draft.content


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """One launch of a campaign that repeats: whom it was planned for, the control group among them."""

    planned_at: datetime
    version: int
    targeted: int
    control: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a campaign that repeats has come.

    Attributes:
        launches: how often it was launched.
        people_today: planned for by launches since the shop's midnight, the control group apart.
        last: the last launches, the newest first.
    """

    launches: int
    people_today: int
    last: tuple[Launch, ...]


@dataclass(frozen=True, slots=True)
class TestOutcome:
    """What became of a test send to one device; ``detail``: why not, in the words of the push service or of its settings."""

    __test__ = False
    device_id: int
    outcome: str
    message_name: str | None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TestSend:
    """A test send: it skips quiet hours and cap, counts nowhere, and says so."""

    __test__ = False
    customer_id: int
    title: str
    body: str
    devices: tuple[TestOutcome, ...]
    note: Label

    @property
    def accepted(self) -> bool:
        """Whether the push service took it for any of the devices."""
        return any(device.outcome == "accepted" for device in self.devices)
