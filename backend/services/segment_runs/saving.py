"""Changes of segments, each inside the caller's transaction: what may not be is refused, what was done is written down."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from backend.errors import Conflict
from backend.services.segment_runs.rows import checked_name, lock, name_taken, read_stored
from backend.store import access
from backend.store import segments as store
from backend.store.pool import Connection
from backend.store.segment_uses import check_rule, hold_references, read_uses
from segments.rules.parse import dump
from segments.rules.rule import Rule
from segments.uses import SegmentUses


class SegmentUsed(Conflict):
    """A rule that others go by was about to change, and nobody has confirmed that it shall.

    Attributes:
        uses: who goes by it.
    """

    code = "segment_used"

    def __init__(self, uses: SegmentUses) -> None:
        campaigns = [f'the campaign "{name}"' for name in uses.campaigns.values()]
        segments = [f'the segment "{name}"' for name in uses.segments.values()]
        super().__init__(
            f"This rule decides for {', '.join([*campaigns, *segments])}. Confirm to change it all the same."
        )
        self.uses = uses


@dataclass(frozen=True, slots=True)
class Change:
    """Where a change is written, who makes it, and when."""

    connection: Connection
    actor: str
    now: datetime

    async def create(self, name: str, rule: Rule) -> int:
        """A new segment; its number. See `SegmentRuns.create`."""
        name = checked_name(name)
        await check_rule(self.connection, rule)
        try:
            segment_id = await store.insert_segment(self.connection, name=name, now=self.now)
        except asyncpg.UniqueViolationError as error:
            raise name_taken(name) from error
        await self._add_version(segment_id, 1, rule)
        await self._audit("segment.create", segment_id, {"name": name})
        return segment_id

    async def save(
        self, segment_id: int, *, name: str, rule: Rule, expected_version: int | None, confirm: bool
    ) -> None:
        """Another name or rule. See `SegmentRuns.save`."""
        name = checked_name(name)
        held = await lock(self.connection, segment_id)
        if held["archived_at"] is not None:
            raise Conflict("The segment is archived; restore it first.", code="segment_archived")
        if expected_version not in (None, held["version"]):
            raise Conflict(
                "Somebody else changed the segment meanwhile; reload it and look at the change.", code="segment_changed"
            )
        version = await self._version_of(segment_id, rule, confirm=confirm)
        try:
            await store.set_name_and_version(self.connection, segment_id=segment_id, name=name, version=version)
        except asyncpg.UniqueViolationError as error:
            raise name_taken(name) from error
        await self._audit("segment.save", segment_id, {"name": name, "version": version})

    async def archive(self, segment_id: int) -> None:
        """Put away. See `SegmentRuns.archive`."""
        await lock(self.connection, segment_id)
        await hold_references(self.connection)
        uses = await read_uses(self.connection, segment_id=segment_id)
        if uses.segments:
            names = ", ".join(f'"{name}"' for name in uses.segments.values())
            raise Conflict(
                f"Segments ask for this one: {names}. Change or archive them first.", code="segment_asked_for"
            )
        for campaign in uses.campaigns.values():
            raise Conflict(f'The campaign "{campaign}" still needs this segment.', code="segment_in_use")
        await store.set_archived(self.connection, segment_id=segment_id, at=self.now)
        await self._audit("segment.archive", segment_id, {})

    async def restore(self, segment_id: int) -> None:
        """Taken back. See `SegmentRuns.restore`."""
        await lock(self.connection, segment_id)
        stored = await read_stored(self.connection, segment_id, None)
        await check_rule(self.connection, stored.segment.rule, segment_id=segment_id)
        await store.set_archived(self.connection, segment_id=segment_id, at=None)
        await self._audit("segment.restore", segment_id, {})

    async def _version_of(self, segment_id: int, rule: Rule, *, confirm: bool) -> int:
        """The version that holds a rule: the present one where nothing changed, else a new one."""
        before = (await read_stored(self.connection, segment_id, None)).segment
        if before.rule == rule:
            return before.version
        await check_rule(self.connection, rule, segment_id=segment_id)
        uses = await read_uses(self.connection, segment_id=segment_id)
        if uses.names and not confirm:
            raise SegmentUsed(uses)
        await self._add_version(segment_id, before.version + 1, rule)
        return before.version + 1

    async def _add_version(self, segment_id: int, version: int, rule: Rule) -> None:
        await store.insert_version(
            self.connection, segment_id=segment_id, version=version, rule=dump(rule), now=self.now, actor=self.actor
        )

    async def _audit(self, action: str, segment_id: int, detail: dict[str, Any]) -> None:
        target = f"segment {segment_id}"
        await access.write_audit(
            self.connection, at=self.now, actor=self.actor, action=action, target=target, detail=detail
        )
