"""What a marketer sees after a launch: people, devices, opens, effect, and the same by a label of the people."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from campaigns.dry_run import Removed
from campaigns.effect import Effect
from campaigns.overview import CampaignSummary
from campaigns.report import People
from campaigns.results import Results, Slice
from campaigns.winner import Test


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
