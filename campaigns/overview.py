"""What a marketer sees of campaigns: the values that the desk returns and pages, API and command line show."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from campaigns.campaign import Action, Content, Draft, Kind, State
from campaigns.effect import Effect
from campaigns.rehearsal import Fork, Rehearsal
from campaigns.report import People
from campaigns.results import Results, Slice
from campaigns.winner import Test, TestSize


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
class Label:
    """A word in both languages."""

    ja: str
    en: str


@dataclass(frozen=True, slots=True)
class Removed:
    """How many people one gate removes: the first gate that fires takes them, so the counts add up.

    Attributes:
        examples: a few of them by number, to look at; only a dry run knows any.
    """

    reason: str
    label: Label
    people: int
    examples: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Sample:
    """The message as one member of the segment would get it."""

    customer_id: int
    language: str
    title: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun:
    """What would happen if the campaign were launched now. Nothing is stored.

    segment_size = sum of ``removed`` + control + treated. Whom they are counted of: of a campaign that is launched, the people of its
    segment; of one that follows dates, those of them whose date it is at the next launch (``day``); of one that begins person by
    person, everybody for whom it would have begun in the last weeks (``rehearsal``), each once. Of a journey the gates are those of its
    first push; where it sends none, nobody is removed but by the global holdout.

    Attributes:
        as_of: how fresh the facts are that the segment was taken from.
        devices: live addresses of the treated.
        deferred_until: the last end of quiet hours that anybody would wait for, where now falls into them; None where nobody would.
        expires_at: after this nothing more goes out.
        smallest_effect: the smallest difference of conversion rates (a share, 0.012 = 1.2 points) that the arms
            can show with 80 % power at the ``base_rate``; None where an arm is empty.
        suggested_holdout: percent that makes a verdict possible, None where the segment is too small for any.
        base_rate: the share of the segment that did the conversion event in the last ``conversion_days``;
            None where that is not known (then 5 % is assumed).
        test: who of the treated would test the variants and who would wait for the winner; None without such a rule.
        known_since: see `segments.raw_members`: whether who is in the segment hangs on history that was dropped.
        day: the shop's day of the launch that it is for, of a campaign that follows dates; None too where none comes any more.
        rehearsal: only of what begins person by person.
        fork: how these people would part where a journey divides first; None where that cannot be asked now.
    """

    campaign_id: int
    revision: int
    as_of: datetime
    segment_size: int
    removed: tuple[Removed, ...]
    control: int
    treated: int
    devices: int
    deferred_until: datetime | None
    expires_at: datetime
    samples: tuple[Sample, ...]
    smallest_effect: float | None
    suggested_holdout: float | None
    base_rate: float | None
    test: TestSize | None = None
    known_since: date | None = None
    day: date | None = None
    rehearsal: Rehearsal | None = None
    fork: Fork | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opens:
    """Who opened: by tapping the push, or (apart from those) by launching the app within the window after it."""

    direct: int
    influenced: int
    window_hours: int
    of: int
    """People for whom the push service took the message: the denominator of both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What was expected of a campaign, beside what came (plan, do, check, act).

    Attributes:
        hypothesis: what was expected and why; empty where nobody said.
        event: what counts as success.
        days: its window.
        target: expected share of the treated who do it, in percent; None where nobody said.
        rate: their share so far; None before launch.
    """

    hypothesis: str
    event: str
    days: int
    target: float | None
    rate: float | None

    @property
    def reached(self) -> bool | None:
        """Whether the expected share has come; None where none was expected, or nothing is known yet."""
        if self.target is None or self.rate is None:
            return None
        return self.rate * 100 >= self.target


_NO_GOAL = Goal(hypothesis="", event="", days=0, target=None, rate=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignReport:
    """A launched campaign's figures.

    Attributes:
        as_of: how fresh the facts behind opens and effect are; the counts of people are of this moment.
        removed: ``people.left_out`` with labels, in the order of the gates.
        devices: deliveries by state; adds up by itself.
        received: people whose device said so itself (端末で受信); others may have got it unseen.
        opens: None before launch, and where ``dropped``.
        effect: likewise; of everyone drawn for a push, whatever the variant.
        results: likewise; arm by arm and variant by variant, with coupon use and sales.
        goal: what was expected.
        test: as in `CampaignDetail`.
        dropped: it was launched on a day whose events were dropped since (``JOREN_HISTORY_MONTHS``): nobody can count any more what
            followed, and ``received`` is 0.
    """

    summary: CampaignSummary
    as_of: datetime
    people: People
    removed: tuple[Removed, ...]
    devices: Mapping[str, int]
    received: int
    opens: Opens | None
    effect: Effect | None
    results: Results | None = None
    goal: Goal = _NO_GOAL
    test: Test | None = None
    dropped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignBreakdown:
    """A campaign's figures by a label of its people; people and devices add up in each slice and over all of them.

    Attributes:
        by: ``store``, ``language``, ``platform`` or ``segment``.
        basis: ``launch`` where the label is that of before the campaign, ``today`` where only the present one is known.
        slices: largest first, the people without a label last; empty where ``dropped``.
    """

    campaign_id: int
    by: str
    basis: str
    as_of: datetime
    slices: tuple[Slice, ...]
    dropped: bool = False


@dataclass(frozen=True, slots=True)
class TestOutcome:
    """What became of a test send to one device."""

    __test__ = False
    device_id: int
    outcome: str
    message_name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TestSend:
    """A test send: it skips quiet hours and cap, counts nowhere, and says so."""

    __test__ = False
    customer_id: int
    title: str
    body: str
    devices: tuple[TestOutcome, ...]
    note: Label
