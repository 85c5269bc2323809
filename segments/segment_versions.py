"""Versions and drafts of a segment's rule, as values."""

from dataclasses import dataclass
from datetime import datetime

from segments.rules.rule import Rule


@dataclass(frozen=True, slots=True)
class Words:
    """A rule, or a part of one, in both languages."""

    ja: str
    en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentVersion:
    """A version and who made it when.

    Attributes:
        removed: conditions of the version before that are not in it.
        added: conditions that the version before did not have; both empty for the first one, and where only the order of
            conditions is another.
    """

    version: int
    rule: Rule
    sentence: Words
    changed_at: datetime
    changed_by: str
    removed: tuple[Words, ...]
    added: tuple[Words, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A rule that is being written.

    Attributes:
        base_version: the version in force when it was begun.
        outdated: that is not the one in force any more: it cannot be published, only looked at and begun anew.
        removed: conditions of the live rule that it does not have.
        added: conditions that the live rule does not have.
    """

    segment_id: int
    rule: Rule
    sentence: Words
    base_version: int
    outdated: bool
    saved_at: datetime
    saved_by: str
    removed: tuple[Words, ...]
    added: tuple[Words, ...]
