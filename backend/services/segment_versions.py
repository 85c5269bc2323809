"""Who changed what in a segment, and drafts: a rule that is being written while the live one stays in force."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Protocol, TypeAlias

import asyncpg

from backend.clock import Clock
from backend.errors import Conflict, NotFound
from backend.store import access, segment_drafts, shop
from backend.store import segments as store
from backend.store.pool import Connection, Pool
from backend.store.segment_uses import check_rule, read_names
from segments.overview import StoredSegment
from segments.rule_changes import rule_change
from segments.rules.describe import describe
from segments.rules.parse import dump, parse
from segments.rules.rule import Rule
from segments.segment_versions import Draft, SegmentVersion, Words

_Say: TypeAlias = Callable[[Rule], Words]


class Save(Protocol):
    """Gives a segment a rule, as `SegmentRuns.save` does."""

    def __call__(
        self, segment_id: int, *, name: str, rule: Rule, actor: str, expected_version: int | None, confirm: bool
    ) -> Awaitable[StoredSegment]:
        """A changed rule is a new version."""
        ...


class SegmentVersions:
    """Versions and drafts of segments.

    Args:
        pool: the database.
        clock: tells when a draft was saved.
        save: puts a rule in force.
    """

    def __init__(self, pool: Pool, clock: Clock, *, save: Save) -> None:
        self._pool = pool
        self._clock = clock
        self._save = save

    async def list(self, segment_id: int) -> Sequence[SegmentVersion]:
        """Every version, the present one first, with what changed from the one before.

        Raises:
            NotFound: no such segment.
        """
        async with self._pool.acquire() as connection:
            rows = await store.list_versions(connection, segment_id=segment_id)
            say = await _teller(connection)
        if not rows:
            raise NotFound(f"There is no segment {segment_id}.", code="segment_not_found")
        rules = [parse(row["rule"]) for row in rows]
        befores: list[Rule | None] = [*rules[1:], None]
        return [_version(row, rule, before, say) for row, rule, before in zip(rows, rules, befores, strict=True)]

    async def draft(self, segment_id: int) -> Draft | None:
        """The draft of a segment with what it would change; None where there is none.

        Raises:
            NotFound: no such segment.
        """
        async with self._pool.acquire() as connection:
            return await self._draft(connection, segment_id)

    async def save_draft(self, segment_id: int, rule: Rule, *, actor: str, expected: datetime | None = None) -> Draft:
        """Keep a draft; the live segment stays as it is.

        Args:
            segment_id: the segment.
            rule: what it is to say some day.
            actor: who writes it.
            expected: when the draft that the editor began with was saved; None does not check.

        Raises:
            NotFound: no such segment.
            BadInput: the rule asks for what is not there, or for itself.
            Conflict: the segment is archived, or somebody else saved the draft meanwhile.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            live = await _live(connection, segment_id)
            before = await segment_drafts.read_draft(connection, segment_id=segment_id)
            if expected is not None and (before is None or before["saved_at"] != expected):
                raise Conflict(
                    "Somebody else changed the draft meanwhile; reload it and look at the change.", code="draft_changed"
                )
            await check_rule(connection, rule, segment_id=segment_id)
            await segment_drafts.put_draft(
                connection,
                segment_id=segment_id,
                rule=dump(rule),
                base_version=live["version"] if before is None else before["base_version"],
                now=self._clock.now(),
                actor=actor,
            )
            await self._audit(connection, "segment.draft", segment_id, actor)
            draft = await self._draft(connection, segment_id)
        assert draft is not None  # noqa: S101 - it was written above
        return draft

    async def discard_draft(self, segment_id: int, *, actor: str) -> None:
        """Forget a draft.

        Raises:
            NotFound: no such segment, or it has no draft.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            if not await segment_drafts.delete_draft(connection, segment_id=segment_id):
                raise _no_draft(segment_id)
            await self._audit(connection, "segment.discard", segment_id, actor)

    async def publish_draft(self, segment_id: int, *, actor: str, confirm: bool = False) -> StoredSegment:
        """Put a draft in force as the new version, and forget it as a draft.

        Raises:
            NotFound: no such segment, or it has no draft.
            BadInput: it asks for what is not there any more.
            Conflict: somebody gave the segment another version since the draft was begun; or something goes by the segment
                (code ``segment_used``, unless ``confirm``).
        """
        async with self._pool.acquire() as connection, connection.transaction():
            live = await _live(connection, segment_id)
            row = await segment_drafts.read_draft(connection, segment_id=segment_id)
            if row is None:
                raise _no_draft(segment_id)
            with self._pool.holding(connection):
                saved = await self._save(
                    segment_id,
                    name=live["name"],
                    rule=parse(row["rule"]),
                    actor=actor,
                    expected_version=row["base_version"],
                    confirm=confirm,
                )
            await segment_drafts.delete_draft(connection, segment_id=segment_id)
            await self._audit(connection, "segment.publish", segment_id, actor)
            return saved

    async def _draft(self, connection: Connection, segment_id: int) -> Draft | None:
        live = await store.get_segment(connection, segment_id=segment_id)
        if live is None:
            raise NotFound(f"There is no segment {segment_id}.", code="segment_not_found")
        row = await segment_drafts.read_draft(connection, segment_id=segment_id)
        if row is None:
            return None
        say, rule = await _teller(connection), parse(row["rule"])
        removed, added = _change(parse(live["rule"]), rule, say)
        return Draft(
            segment_id=segment_id,
            rule=rule,
            sentence=say(rule),
            base_version=row["base_version"],
            outdated=row["base_version"] != live["version"],
            saved_at=row["saved_at"],
            saved_by=row["saved_by"],
            removed=removed,
            added=added,
        )

    async def _audit(self, connection: Connection, action: str, segment_id: int, actor: str) -> None:
        target = f"segment {segment_id}"
        await access.write_audit(connection, at=self._clock.now(), actor=actor, action=action, target=target, detail={})


async def _live(connection: Connection, segment_id: int) -> asyncpg.Record:
    row = await store.lock_segment(connection, segment_id=segment_id)
    if row is None:
        raise NotFound(f"There is no segment {segment_id}.", code="segment_not_found")
    if row["archived_at"] is not None:
        raise Conflict("The segment is archived; restore it first.", code="segment_archived")
    return row


def _no_draft(segment_id: int) -> NotFound:
    return NotFound(f"Segment {segment_id} has no draft.", code="draft_not_found")


def _version(row: asyncpg.Record, rule: Rule, before: Rule | None, say: _Say) -> SegmentVersion:
    removed, added = ((), ()) if before is None else _change(before, rule, say)
    return SegmentVersion(
        version=row["version"],
        rule=rule,
        sentence=say(rule),
        changed_at=row["changed_at"],
        changed_by=row["created_by"],
        removed=removed,
        added=added,
    )


def _change(before: Rule, after: Rule, say: _Say) -> tuple[tuple[Words, ...], tuple[Words, ...]]:
    change = rule_change(before, after)
    return tuple(map(say, change.removed)), tuple(map(say, change.added))


async def _teller(connection: Connection) -> _Say:
    """Says rules in both languages, with today's names of segments and lists."""
    currency, names = (await shop.read_settings(connection)).currency, await read_names(connection)

    def say(rule: Rule) -> Words:
        ja, en = (describe(rule, language, currency=currency, names=names) for language in ("ja", "en"))
        return Words(ja, en)

    return say
