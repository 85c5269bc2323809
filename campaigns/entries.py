"""People who enter a campaign one by one, by an event, a change or a step: the values that pass between triggers and the ledger."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from campaigns.experiment import ArmName
from campaigns.reasons import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One person's turn.

    Attributes:
        customer_id: who.
        occurrence: what for: nobody gets the same step twice for the same.
        planned_at: when it is meant to go out, aware.
        values: merge fields by name, where the caller knows any; names of people are never among them.
    """

    customer_id: int
    occurrence: int
    planned_at: datetime
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Planned:
    """What was decided about an entry: now, or when it was planned the first time.

    Attributes:
        arm: None for those left out.
        left_out: why; None for those in an arm.
        not_before: when it may go out.
    """

    entry: Entry
    arm: ArmName | None
    left_out: Reason | str | None
    variant: str | None
    not_before: datetime
