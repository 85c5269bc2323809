"""What memberships are kept by: every live segment's rule, and what was known of each the last time."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

import asyncpg
import structlog

from backend.store import memberships as store
from backend.store import shop
from backend.store.memberships import State
from backend.store.pool import Connection
from segments.calendar import BusinessCalendar
from segments.errors import RuleError
from segments.keeping import REACHABLE, Cause, Moves, moment, moves
from segments.rules.parse import parse
from segments.rules.references import lists, resolve
from segments.rules.rule import Rule

REACH = 0
"""The number under which those who can be reached by push are kept."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One segment whose members are kept.

    Attributes:
        rule: resolved: it asks for no other segment.
        basis: a digest of all that decides beside history and time; who is in it has to be worked out anew when it changes.
    """

    segment_id: int
    version: int
    rule: Rule
    basis: str
    moves: Moves


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """Everything that is kept, reach first, and what was kept the last time."""

    kept: Sequence[Kept]
    states: Mapping[int, State]
    everyone: int
    exclude_test_accounts: bool
    calendar: BusinessCalendar

    def unknown(self, day: date, now: datetime) -> list[Kept]:
        """Segments of whose members nothing can be said; reach by itself and first, since the others' sizes go by it."""
        found = [one for one in self.kept if self.why(one, day, now) not in (None, Cause.TIME)]
        return found[:1] if found and found[0].segment_id == REACH else found

    def behind(self, day: date, now: datetime) -> list[Kept]:
        """Segments whose time has moved on."""
        return [one for one in self.kept if self.why(one, day, now) is Cause.TIME]

    def resting(self) -> list[int]:
        """Segments that are kept no more, and miss what happens now: everybody is looked at should they come back."""
        kept = {one.segment_id for one in self.kept}
        return [number for number, state in self.states.items() if number not in kept and state.basis]

    def why(self, one: Kept, day: date, now: datetime) -> Cause | None:
        """Why everybody has to be looked at; None where that is not so."""
        state = self.states.get(one.segment_id)
        if state is None or state.basis != one.basis:
            return Cause.RULE
        if state.everyone != self.everyone:
            return Cause.FACTS
        return None if state.moment == moment(one.moves, day=day, now=now) else Cause.TIME


@dataclass(slots=True)
class Books:
    """Reads the book; rules are read again only where one of them, a setting or a list has changed."""

    _known: tuple[tuple[object, ...], Sequence[Kept]] | None = field(default=None, init=False)

    async def read(self, connection: Connection, writer: store.Writer) -> Book:
        """The book as it is in this transaction."""
        settings = await shop.read_settings(connection)
        revisions = await store.list_revisions(connection)
        excluded = settings.exclude_test_accounts
        mark = (await store.rules_mark(connection), excluded, tuple(sorted(revisions.items())))
        if self._known is None or self._known[0] != mark:
            rows = await store.list_rules(connection)
            self._known = (mark, _kept(rows, revisions, excluded=excluded))
        return Book(
            kept=self._known[1],
            states=await store.list_states(connection),
            everyone=writer.everyone,
            exclude_test_accounts=excluded,
            calendar=settings.calendar,
        )


def _kept(rows: Sequence[asyncpg.Record], revisions: Mapping[int, int], *, excluded: bool) -> Sequence[Kept]:
    rules = {row["segment_id"]: parsed for row in rows if (parsed := _parsed(row)) is not None}
    resolved = {REACH: REACHABLE, **_resolved(rows, rules)}
    versions = {row["segment_id"]: row["version"] for row in rows}
    found = []
    for segment_id, rule in resolved.items():
        asked = {number: revisions.get(number, 0) for number in sorted(lists(rule))}
        # The tree as it is written by Python: a release that reads rules otherwise has other words, and looks at everybody.
        basis = hashlib.blake2b(repr((rule, excluded, asked)).encode(), digest_size=16).hexdigest()
        kept = Kept(
            segment_id=segment_id, version=versions.get(segment_id, 0), rule=rule, basis=basis, moves=moves(rule)
        )
        found.append(kept)
    return found


def _parsed(row: asyncpg.Record) -> Rule | None:
    try:
        return parse(row["rule"])
    except RuleError as error:  # a later release wrote it
        log.warning("segment_not_kept", segment_id=row["segment_id"], error=error.message)
        return None


def _resolved(rows: Sequence[asyncpg.Record], rules: Mapping[int, Rule]) -> dict[int, Rule]:
    found: dict[int, Rule] = {}
    for number in [row["segment_id"] for row in rows if row["live"] and row["segment_id"] in rules]:
        try:
            found[number] = resolve(rules[number], rules, segment_id=number)
        except RuleError as error:
            log.warning("segment_not_kept", segment_id=number, error=error.message)
    return found
