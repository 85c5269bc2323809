"""Sizes as the keeper of memberships left them: what a list of many segments shows without counting each anew."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from backend.store import memberships as store
from backend.store.pool import Connection
from segments.overview import StoredSegment
from segments.preview import Count
from segments.raw_members import asks_raw
from segments.rules.rule import Rule


@dataclass(frozen=True, slots=True)
class KeptSize:
    """How large a segment was when it was last looked at, and up to when that holds."""

    size: int
    reachable: int
    as_of: datetime

    def count(self, total: int) -> Count:
        """Beside ``total``, all customers that count."""
        return Count(size=self.size, total=total, reachable=self.reachable, as_of=self.as_of)


async def read_kept(
    connection: Connection, stored: Sequence[StoredSegment], rules: Sequence[Rule]
) -> dict[int, KeptSize]:
    """By segment; those that have to be counted are absent.

    Those are: not yet looked at by their present version, or asking for raw history, of which days may have been dropped since.

    Args:
        connection: of the database.
        stored: segments.
        rules: theirs, resolved.
    """
    as_of = (await store.read_writer(connection)).as_of
    states = await store.list_states(connection)
    if as_of is None:
        return {}
    found: dict[int, KeptSize] = {}
    for each, rule in zip(stored, rules, strict=True):
        state = states.get(each.segment.id)
        current = state is not None and state.version == each.segment.version and state.basis
        if state is not None and current and each.archived_at is None and not asks_raw(rule):
            found[each.segment.id] = KeptSize(state.size, state.reachable, as_of)
    return found
