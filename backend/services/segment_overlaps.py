"""How segments overlap, on the customer frame as it stands."""

import asyncio
from collections.abc import Sequence

import asyncpg

from backend.errors import BadInput
from backend.store import shop
from backend.store.rules import resolve_rules
from segments.frame import Frame
from segments.membership import population
from segments.overlap import MOST, Overlap, overlap_of, overlapping
from segments.raw_members import known_since
from segments.rules.rule import Rule


class SegmentOverlaps:
    """Compares segments with one another."""

    def __init__(self, pool: asyncpg.Pool, frame: Frame) -> None:
        self._pool = pool
        self._frame = frame

    async def compare(self, asked: Sequence[tuple[int, Rule]]) -> Overlap:
        """Sizes and all intersections of a few segments, in one pass.

        Args:
            asked: segments by number, with their rules.

        Raises:
            BadInput: more segments than can be compared.
        """
        if len(asked) > MOST:
            raise BadInput(f"At most {MOST} segments can be compared at once.", code="too_many_segments")
        async with self._pool.acquire() as connection:
            settings = await shop.read_settings(connection)
            rules = await resolve_rules(connection, asked)
        view = await self._frame.read_for(rules)
        everyone = population(view.frame, exclude_test_accounts=settings.exclude_test_accounts)
        rows = await asyncio.to_thread(overlapping(everyone, rules).collect)
        since = next(filter(None, (known_since(rule, view.raw_since, day=view.day) for rule in rules)), None)
        return overlap_of(rows, rules=len(rules), as_of=view.as_of, known_since=since)
