"""What the shop decided for all campaigns and what one campaign decided: the gates read both."""

from dataclasses import dataclass, field
from enum import StrEnum

from campaigns.campaign import Draft, Priority, QuietPolicy
from campaigns.schedule import QuietHours


class ConsentRule(StrEnum):
    """What counts as consent to marketing pushes."""

    EXPLICIT = "explicit"
    """The person said yes."""
    PERMISSION = "permission"
    """The phone's permission is enough, unless the person said no."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendingRules:
    """What the shop decided for all campaigns.

    Attributes:
        cap_day: campaigns a person may get in any 24 hours; 0 switches the cap off.
        cap_week: in any 7 days; 0 switches it off.
        global_holdout_percent: share of all customers who get no campaign but service notices.
        global_holdout_salt: draws them.
    """

    quiet: QuietHours = field(default_factory=QuietHours)
    cap_day: int = 1
    cap_week: int = 3
    consent_rule: ConsentRule = ConsentRule.EXPLICIT
    global_holdout_percent: float = 0.0
    global_holdout_salt: str = "everyone"
    currency: str = "JPY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What one campaign decided about its gates, and how it draws.

    Attributes:
        priority: service notices pass the cap and the global holdout and ask for another consent; high ones are capped among
            themselves alone.
        quiet: whether those whom the moment finds in quiet hours wait or are left out.
        own_zone: quiet hours by the person's own clock, where it is known.
        salt: of the draw.
        holdout_percent: share of those who pass that is held out.
    """

    priority: Priority = Priority.NORMAL
    quiet: QuietPolicy = QuietPolicy.HOLD
    own_zone: bool = True
    salt: str = ""
    holdout_percent: float = 0.0

    @classmethod
    def of(cls, draft: Draft, *, salt: str) -> "Terms":
        """Those of a campaign."""
        return cls(
            priority=draft.priority,
            quiet=draft.quiet,
            own_zone=draft.own_zone,
            salt=salt,
            holdout_percent=draft.holdout_percent,
        )

    @property
    def counts_from(self) -> int:
        """Pushes of this class and above count for its cap; service notices, of class 0, for none."""
        return max(1, self.weight)

    @property
    def weight(self) -> int:
        """The class as the ledger keeps it."""
        weights: dict[Priority, int] = {Priority.SERVICE: 0, Priority.NORMAL: 1, Priority.HIGH: 2}
        return weights[self.priority]

    @property
    def capped(self) -> bool:
        """Whether cap and global holdout hold for it."""
        return self.priority is not Priority.SERVICE
