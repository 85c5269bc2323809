"""Segments that go by other segments: whom a change reaches."""

from collections.abc import Mapping
from dataclasses import dataclass

from segments.rules.references import references
from segments.rules.rule import Rule


@dataclass(frozen=True, slots=True)
class SegmentUses:
    """What goes by a segment, by number with its name.

    Attributes:
        segments: live segments that ask for it, directly or through others.
        drafts: live segments whose draft asks for it.
        campaigns: scheduled, sending and paused campaigns to it or to one of these segments.
    """

    segments: Mapping[int, str]
    drafts: Mapping[int, str]
    campaigns: Mapping[int, str]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of campaigns, then of segments: of all that a change of the rule reaches."""
        return (*self.campaigns.values(), *self.segments.values())


def dependants(segment_id: int, rules: Mapping[int, Rule]) -> frozenset[int]:
    """The segments that ask for a segment, directly or through others."""
    asked = {number: references(rule) for number, rule in rules.items()}
    found: set[int] = set()
    reached = {segment_id}
    while reached:
        reached = {number for number, wanted in asked.items() if wanted & reached} - found - {segment_id}
        found |= reached
    return frozenset(found)
