"""A segment: a named rule. Each change of the rule is a new version; campaigns name the version they used."""

from dataclasses import dataclass

from segments.ids import SegmentId
from segments.rules.rule import Rule


@dataclass(frozen=True, slots=True)
class Segment:
    """One version of a segment."""

    id: SegmentId
    name: str
    version: int
    rule: Rule
