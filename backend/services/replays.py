"""Replays of failed events, once their cause is mended: each is recovered exactly once.

A replay is a row of its own. Each step takes the next failed events, reads them with today's rules, writes those that
can be read now to the log, and marks them, all in one transaction: a process that dies leaves the step undone, and
whoever goes on begins where the last finished step ended. Two replays that meet wait for each other at the rows. An
event that the app has meanwhile sent again with success is known by its id and is not written twice.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import asyncpg

from backend.clock import Clock
from backend.errors import BadInput, NotFound
from backend.store import access
from backend.store import events as event_store
from backend.store import failed_events as store
from backend.store.failed_events import Wanted
from backend.store.outages import REFUSED_VALUES
from backend.store.pool import Connection
from segments.envelope import Event, FailedEvent
from segments.replay import FailedOne, read_again
from segments.source_rules import SourceRules

__all__ = ["DryRun", "Replay", "Replays", "Wanted"]

STEP = 200
"""Failed events of one transaction."""
LOOKED_AT = 20_000
"""Failed events that a trial reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun:
    """What a replay would do now.

    Attributes:
        total: failed events that are asked for; ``looked_at`` of them were read.
        recovered: would be stored; ``repeated`` are there already.
        failed: would fail again, per code.
    """

    total: int
    looked_at: int = 0
    recovered: int = 0
    repeated: int = 0
    failed: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """A replay and how far it has come; ``source_id``, ``code``, ``name`` and ``failed_id`` say of which ones."""

    replay_id: int
    source_id: int | None
    source: str | None
    code: str | None
    name: str | None
    failed_id: int | None
    total: int
    recovered: int
    repeated: int
    failed: int
    asked_at: datetime
    asked_by: str
    finished_at: datetime | None

    @property
    def done(self) -> int:
        """Failed events that were looked at."""
        return self.recovered + self.repeated + self.failed


Forget = Callable[[Connection, Sequence[asyncpg.Record]], Awaitable[int]]


@dataclass(slots=True)
class _Step:
    """What one step found out."""

    events: dict[UUID, Event] = field(default_factory=dict)
    came: dict[UUID, datetime] = field(default_factory=dict)
    failed: list[FailedEvent] = field(default_factory=list)
    recovered: list[tuple[asyncpg.Record, str]] = field(default_factory=list)
    again: list[tuple[int, str, str, tuple[str, ...] | None]] = field(default_factory=list)


class Replays:
    """Replays.

    Args:
        rules_of: how a source's events are read at this moment; a replay comes right after the rule was mended.
        forget: removes what must not come back from failed events; gives how many had such.
        watch: called with each step's name, for tests that stop the world there.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        clock: Clock,
        *,
        rules_of: Callable[[int], Awaitable[SourceRules]],
        forget: Forget | None = None,
        watch: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._rules_of = rules_of
        self._forget = forget
        self._watch = watch

    async def try_out(self, wanted: Wanted) -> DryRun:
        """What a replay would do now; nothing is written. At most `LOOKED_AT` failed events are read."""
        recovered, failed, looked_at, after = Counter[str](), Counter[str](), 0, 0
        async with self._pool.acquire() as connection:
            upto, total = await store.measure(connection, wanted)
            while looked_at < LOOKED_AT:
                rows = await store.take_failed(connection, wanted, after=after, upto=upto, limit=STEP, hold=False)
                if not rows:
                    break
                step = await self._read(connection, rows)
                recovered.update(outcome for _, outcome in step.recovered)
                failed.update(code for _, code, *_ in step.again)
                looked_at, after = looked_at + len(rows), rows[-1]["failed_id"]
        return DryRun(
            total=total,
            looked_at=looked_at,
            recovered=recovered["stored"],
            repeated=recovered["repeated"],
            failed=dict(failed.most_common()),
        )

    async def ask(self, wanted: Wanted, *, actor: str) -> Replay:
        """Ask for a replay of what waits now. A worker carries it out, or whoever calls `work` first.

        Raises:
            BadInput: nothing waits of what is asked for.
        """
        now = self._clock.now()
        async with self._pool.acquire() as connection, connection.transaction():
            replay_id = await store.open_replay(connection, wanted, now=now, actor=actor)
            record = await store.get_replay(connection, replay_id=replay_id)
            assert record is not None  # noqa: S101 - written a moment ago
            if not record["total"]:
                raise BadInput("No failed event of these waits.", code="nothing_waits")
            detail = {key: record[key] for key in ("source_id", "code", "name", "failed_id", "total")}
            await access.write_audit(
                connection, at=now, actor=actor, action="events.replay", target=f"replay {replay_id}", detail=detail
            )
        return _replay(record)

    async def replay(self, replay_id: int) -> Replay:
        """One replay.

        Raises:
            NotFound: there is none of that number.
        """
        async with self._pool.acquire() as connection:
            record = await store.get_replay(connection, replay_id=replay_id)
        if record is None:
            raise NotFound(f"There is no replay {replay_id}.")
        return _replay(record)

    async def replays(self, *, limit: int = 20) -> tuple[Replay, ...]:
        """The latest replays, newest first."""
        async with self._pool.acquire() as connection:
            return tuple(_replay(record) for record in await store.list_replays(connection, limit=limit))

    async def work(self, replay_id: int | None = None) -> int:
        """One step of a replay, of the oldest open one without a number. Gives 0 where there is nothing to do.

        Any number of processes may call this at once.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            run = await store.lock_replay(connection, replay_id=replay_id)
            if run is None:
                return 0
            self._watch("locked")
            wanted = Wanted(source_id=run["source_id"], code=run["code"], name=run["name"], failed_id=run["failed_id"])
            rows = await self._take(connection, wanted, after=run["reached"], upto=run["upto"])
            self._watch("taken")
            step = await self._recover(connection, rows)
            await self._mark(connection, step, actor=run["asked_by"])
            await self._advance(connection, run, rows, step)
            self._watch("advanced")
        self._watch("committed")
        return max(1, len(rows))

    async def settle(self) -> int:
        """Take out of the waiting ones what the app has sent again by itself; gives how many."""
        async with self._pool.acquire() as connection, connection.transaction():
            return await store.settle_failed(connection, now=self._clock.now())

    async def _take(self, connection: Connection, wanted: Wanted, *, after: int, upto: int) -> Sequence[asyncpg.Record]:
        """The next failed events, once nothing is in them that must not come back."""
        while True:
            rows = await store.take_failed(connection, wanted, after=after, upto=upto, limit=STEP, hold=True)
            if self._forget is None or not await self._forget(connection, rows):
                return rows

    async def _recover(self, connection: Connection, rows: Sequence[asyncpg.Record]) -> _Step:
        """Read and write; where the database refuses a value, each event for itself."""
        step = await self._read(connection, rows)
        try:
            await self._append(connection, step)
        except REFUSED_VALUES:
            step = await self._recover_apart(connection, rows)
        self._watch("appended")
        return step

    async def _recover_apart(self, connection: Connection, rows: Sequence[asyncpg.Record]) -> _Step:
        whole = _Step()
        for row in rows:
            step = await self._read(connection, [row])
            try:
                await self._append(connection, step)
            except REFUSED_VALUES as error:
                whole.again.append(
                    (row["failed_id"], "not_storable", f"The database refused the event: {error}.", None)
                )
                continue
            whole.recovered += step.recovered
            whole.again += step.again
        return whole

    async def _append(self, connection: Connection, step: _Step) -> None:
        if step.events or step.failed:
            async with connection.transaction():
                await event_store.append(
                    connection,
                    list(step.events.values()),
                    step.failed,
                    received_at=self._clock.now(),
                    came=step.came,
                )

    async def _read(self, connection: Connection, rows: Sequence[asyncpg.Record]) -> _Step:
        step = _Step()
        rules = {source_id: await self._rules_of(source_id) for source_id in {row["source_id"] for row in rows}}
        read = [(row, read_again(_failed_one(row, rules[row["source_id"]]))) for row in rows]
        ids = [result.event_id for _, results in read for result in results if isinstance(result, Event)]
        known = await store.known_ids(connection, ids)
        for row, results in read:
            _sort(step, row, results, known)
        return step

    async def _mark(self, connection: Connection, step: _Step, *, actor: str) -> None:
        now = self._clock.now()
        outcomes = [(row["failed_id"], outcome) for row, outcome in step.recovered]
        await store.mark_recovered(connection, outcomes, now=now, actor=actor)
        await store.mark_failed(connection, step.again, now=now)
        counted = [(row["received_at"], row["source_id"], row["name"]) for row, _ in step.recovered]
        await store.take_back_counts(connection, counted)
        self._watch("marked")

    async def _advance(
        self, connection: Connection, run: asyncpg.Record, rows: Sequence[asyncpg.Record], step: _Step
    ) -> None:
        outcomes = [outcome for _, outcome in step.recovered]
        await store.advance_replay(
            connection,
            replay_id=run["replay_id"],
            reached=rows[-1]["failed_id"] if rows else run["upto"],
            recovered=outcomes.count("stored"),
            repeated=outcomes.count("repeated"),
            failed=len(step.again),
            finished_at=self._clock.now() if len(rows) < STEP else None,
        )


def _failed_one(row: asyncpg.Record, rules: SourceRules) -> FailedOne:
    names = ("source_id", "trusted", "received_at", "code", "raw", "envelope", "token_mode")
    return FailedOne(**{name: row[name] for name in names}, rules=rules)


def _sort(step: _Step, row: asyncpg.Record, results: Sequence[Event | FailedEvent], known: set[UUID]) -> None:
    """Put what became of one failed event where it belongs."""
    if len(results) == 1 and isinstance(results[0], FailedEvent):
        failed = results[0]
        step.again.append((row["failed_id"], failed.code, failed.reason, failed.violations))
        return
    events = [result for result in results if isinstance(result, Event)]
    fresh = [event for event in events if event.event_id not in known and event.event_id not in step.events]
    step.events |= {event.event_id: event for event in events}
    step.came |= {event.event_id: row["received_at"] for event in events}
    step.failed += [result for result in results if isinstance(result, FailedEvent)]
    step.recovered.append((row, "stored" if fresh or not events else "repeated"))


def _replay(record: asyncpg.Record) -> Replay:
    values = dict(record)
    del values["upto"], values["reached"]
    return Replay(**values)
