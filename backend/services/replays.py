"""Replays of failed events, once their cause is mended: each is recovered exactly once.

A replay is a row of its own. Each step takes the next failed events, reads them with today's rules, writes those that
can be read now to the log, and marks them, all in one transaction: a process that dies leaves the step undone, and
whoever goes on begins where the last finished step ended. Two replays that meet wait for each other at the rows. An
event that the app has meanwhile sent again with success is known by its id and is not written twice.
"""

import itertools
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from operator import itemgetter
from uuid import UUID

import asyncpg

from backend.clock import Clock
from backend.errors import BadInput, NotFound
from backend.store import access
from backend.store import events as event_store
from backend.store import failed_events as store
from backend.store.failed_events import Taken, Wanted
from backend.store.outages import REFUSED_VALUES
from backend.store.pool import Connection
from segments.envelope import Event, FailedEvent
from segments.replay import FailedOne, ReadAgain, read_again
from segments.source_rules import SourceRules

__all__ = ["DryRun", "Replay", "Replays", "Wanted"]

STEP = 200
"""Failed events of one transaction."""
EVENTS = 2500
"""Events of one transaction: what is kept of a batch that was too long is one failed event with many events."""
ROOM = 16 * 1024 * 1024
"""Bytes of the failed events of one transaction, beside one that is larger."""
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


_Read = tuple[asyncpg.Record, ReadAgain]
"""A failed event and what becomes of it."""


@dataclass(slots=True)
class _Step:
    """What one step found out; ``failed`` are failed events that parted from others, each with when it came."""

    events: dict[UUID, Event] = field(default_factory=dict)
    came: dict[UUID, datetime] = field(default_factory=dict)
    failed: list[tuple[datetime, FailedEvent]] = field(default_factory=list)
    shortened: list[tuple[int, bytes]] = field(default_factory=list)
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
        """What a replay would do now; nothing is written. At most `LOOKED_AT` failed events are read.

        Of a list of events that is too long for one step, its first events speak for all.
        """
        recovered, failed, looked_at, after = Counter[str](), Counter[str](), 0, 0
        async with self._pool.acquire() as connection:
            upto, total = await store.measure(connection, wanted)
            for _ in range(LOOKED_AT // STEP):
                taken = await store.take_failed(
                    connection, wanted, after=after, upto=upto, limit=STEP, room=ROOM, hold=False
                )
                if not taken.rows:
                    break
                read = await self._read(taken.rows)
                step = await _sorted(connection, [(row, replace(again, rest=None)) for row, again in read])
                recovered.update(outcome for _, outcome in step.recovered)
                failed.update(code for _, code, *_ in step.again)
                looked_at, after = looked_at + len(read), read[-1][0]["failed_id"]
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
            taken = await self._take(connection, wanted, after=run["reached"], upto=run["upto"])
            self._watch("taken")
            read = await self._read(taken.rows)
            step = await self._recover(connection, read)
            await self._mark(connection, step, actor=run["asked_by"])
            await self._advance(connection, run, _end(taken, read), step)
            self._watch("advanced")
        self._watch("committed")
        return max(1, len(read))

    async def settle(self) -> int:
        """Take out of the waiting ones what the app has sent again by itself; gives how many."""
        async with self._pool.acquire() as connection, connection.transaction():
            return await store.settle_failed(connection, now=self._clock.now())

    async def _take(self, connection: Connection, wanted: Wanted, *, after: int, upto: int) -> Taken:
        """The next failed events, once nothing is in them that must not come back."""
        while True:
            taken = await store.take_failed(
                connection, wanted, after=after, upto=upto, limit=STEP, room=ROOM, hold=True
            )
            if self._forget is None or not await self._forget(connection, taken.rows):
                return taken

    async def _read(self, rows: Sequence[asyncpg.Record]) -> list[_Read]:
        """Read failed events until they have been `EVENTS` events; the last one may not be read to its end."""
        rules = {source_id: await self._rules_of(source_id) for source_id in {row["source_id"] for row in rows}}
        read: list[_Read] = []
        room = EVENTS
        for row in rows:
            again = read_again(_failed_one(row, rules[row["source_id"]]), most=room)
            read.append((row, again))
            room -= max(1, len(again.results))
            if room <= 0 or again.rest is not None:
                break
        return read

    async def _recover(self, connection: Connection, read: Sequence[_Read]) -> _Step:
        """Write what was read; where the database refuses a value, its event alone fails again."""
        step = await _sorted(connection, read)
        try:
            await self._append(connection, step)
        except REFUSED_VALUES:
            refused = {
                event.event_id: error for event in step.events.values() if (error := await self._try(connection, event))
            }
            left = [(row, again.without(refused, received_at=row["received_at"])) for row, again in read]
            step = await _sorted(connection, left)
            await self._append(connection, step)
        self._watch("appended")
        return step

    async def _try(self, connection: Connection, event: Event) -> Exception | None:
        """Why the database refuses an event; nothing is kept of the trial."""
        trial = connection.transaction()
        await trial.start()
        try:
            await event_store.append(connection, [event], received_at=self._clock.now())
        except REFUSED_VALUES as error:
            return error
        finally:
            await trial.rollback()
        return None

    async def _append(self, connection: Connection, step: _Step) -> None:
        """Write events and failed events; a failed event goes on to have come when it came."""
        async with connection.transaction():
            if step.events:
                now, events = self._clock.now(), list(step.events.values())
                await event_store.append(connection, events, received_at=now, came=step.came)
            for moment, failed in itertools.groupby(step.failed, key=itemgetter(0)):
                await event_store.append(connection, [], [each for _, each in failed], received_at=moment)

    async def _mark(self, connection: Connection, step: _Step, *, actor: str) -> None:
        now = self._clock.now()
        outcomes = [(row["failed_id"], outcome) for row, outcome in step.recovered]
        await store.mark_recovered(connection, outcomes, now=now, actor=actor)
        await store.mark_failed(connection, step.again, now=now)
        for failed_id, rest in step.shortened:
            await store.shorten_failed(connection, failed_id=failed_id, raw=rest)
        counted = [(row["received_at"], row["source_id"], row["name"]) for row, _ in step.recovered]
        await store.take_back_counts(connection, counted)
        self._watch("marked")

    async def _advance(self, connection: Connection, run: asyncpg.Record, end: int | None, step: _Step) -> None:
        """Write down how far the replay has come: to the failed event ``end``, or to its own end."""
        outcomes = [outcome for _, outcome in step.recovered]
        await store.advance_replay(
            connection,
            replay_id=run["replay_id"],
            reached=run["upto"] if end is None else end,
            recovered=outcomes.count("stored"),
            repeated=outcomes.count("repeated"),
            failed=len(step.again),
            finished_at=self._clock.now() if end is None else None,
        )


def _end(taken: Taken, read: Sequence[_Read]) -> int | None:
    """Number of the last failed event that was read to its end; None where there is nothing more to read."""
    if not read:
        return None
    row, again = read[-1]
    if again.rest is not None:
        return int(row["failed_id"]) - 1
    return row["failed_id"] if taken.more or len(read) < len(taken.rows) else None


def _failed_one(row: asyncpg.Record, rules: SourceRules) -> FailedOne:
    names = ("source_id", "trusted", "received_at", "code", "raw", "envelope", "token_mode")
    return FailedOne(**{name: row[name] for name in names}, rules=rules)


async def _sorted(connection: Connection, read: Sequence[_Read]) -> _Step:
    step = _Step()
    ids = [each.event_id for _, again in read for each in again.results if isinstance(each, Event)]
    known = await store.known_ids(connection, ids)
    for row, again in read:
        _sort(step, row, again, known)
    return step


def _sort(step: _Step, row: asyncpg.Record, again: ReadAgain, known: set[UUID]) -> None:
    """Put what became of one failed event where it belongs."""
    if failed := again.fails:
        step.again.append((row["failed_id"], failed.code, failed.reason, failed.violations))
        return
    events = [each for each in again.results if isinstance(each, Event)]
    fresh = [event for event in events if event.event_id not in known and event.event_id not in step.events]
    step.events |= {event.event_id: event for event in events}
    step.came |= {event.event_id: row["received_at"] for event in events}
    parted = [each for each in (*again.results, again.rubbish) if isinstance(each, FailedEvent)]
    step.failed += [(row["received_at"], each) for each in parted]
    if again.rest is None:
        step.recovered.append((row, "stored" if fresh or not events else "repeated"))
    else:
        step.shortened.append((row["failed_id"], again.rest))


def _replay(record: asyncpg.Record) -> Replay:
    values = dict(record)
    del values["upto"], values["reached"]
    return Replay(**values)
