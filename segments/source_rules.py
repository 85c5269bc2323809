"""What a source's owner decided about how its events are read."""

from dataclasses import dataclass

from segments.violations import CompiledPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRules:
    """How a source's events are read.

    Attributes:
        plan: what they are checked against; None where the source has no tracking plan.
        quarantine: an event that breaks the plan is kept as a failed event, not stored and flagged.
        ga4_names: the source sends the names of Google Analytics 4, see `segments.aliases`.
    """

    plan: CompiledPlan | None = None
    quarantine: bool = False
    ga4_names: bool = False


OPEN = SourceRules()
"""Nothing was decided."""
