"""What is told of rank rules: versions, what a draft would do, where a person stands."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from segments.rank_rules import RankRules, RankVersion, in_force
from segments.rank_walk import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Mover:
    """Somebody whose rank would be another one; None for no rank."""

    customer_id: int
    name: str | None
    before: str | None
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RankCount:
    """People of one rank: by the rules in force, on the draft's first day, and after its next review."""

    rank: str
    before: int
    first_day: int
    reviewed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RankPreview:
    """What a draft would do.

    Attributes:
        first_day: when it would hold.
        reviewed: the day by which everybody has fallen who has not earned what he holds, if nothing else happens; the
            first day where nobody ever falls.
        people: who were looked at; every ``one_in``-th of all.
        ranks: of the draft, the lowest first; then those that only the rules in force have.
        rise: people who stand higher on that reviewed day than by the rules in force, in the draft's order.
        fall: lower.
        newly: who had no rank, or one that the draft does not have.
    """

    first_day: date
    reviewed: date
    people: int
    one_in: int
    ranks: tuple[RankCount, ...]
    rise: int
    fall: int
    newly: int
    rising: tuple[Mover, ...] = ()
    falling: tuple[Mover, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalRank:
    """Where a person stands by the rules, and what the shop's own system says.

    Attributes:
        to_next: what the criterion lacks to `next_rank`; None in the highest one.
        until: the last day of the running year, where a year is counted.
        steps: every change by the rules, the first one first.
        reported: the rank that the shop's own system reported.
    """

    rank: str | None = None
    since: date | None = None
    next_rank: str | None = None
    to_next: int | None = None
    criterion: str | None = None
    until: date | None = None
    steps: tuple[Step, ...] = ()
    reported: str | None = None
    reported_since: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedRules:
    """A version as programs read it."""

    version: int
    valid_from: date
    in_force: bool
    rules: RankRules
    note: str
    saved_at: datetime | None
    saved_by: str


def told(versions: Sequence[RankVersion], today: date) -> list[SavedRules]:
    """Versions, the latest first; the one in force marked."""
    current = in_force(versions, today)
    return [
        SavedRules(
            version=each.version,
            valid_from=each.valid_from,
            in_force=each is current,
            rules=each.rules,
            note=each.note,
            saved_at=each.saved_at,
            saved_by=each.saved_by,
        )
        for each in reversed(versions)
    ]
