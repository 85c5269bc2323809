"""Takes events in: many requests share one transaction, and each is answered after that transaction is durable."""

import asyncio
import contextlib
import itertools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import asyncpg
import structlog

from backend.clock import Clock
from backend.errors import JorenError, NotConfigured, Unavailable
from backend.store import events as store
from backend.store.events import Appended
from backend.store.outages import OUTAGES, REFUSED_VALUES
from backend.store.pool import KeptConnections
from segments.envelope import Event, FailedEvent
from segments.failing import refuse_event

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How the intake groups and when it sheds.

    Attributes:
        writers: transactions at a time.
        gather: how long a group waits for company; it goes on, for `longest_gather` at most, while at least `crowd` rows
            come in that time or another group is being stored.
        company: rows that are company enough for a group of its own beside another.
        group: rows of one transaction, more or less: a request is never cut.
        waiting: rows that may wait, in bytes of memory some kilobytes each.
        patience: a request is answered within this time; clients give up after ten seconds.
        queue: while the oldest request has waited this long, new ones are sent away at once.
    """

    writers: int = 2
    gather: timedelta = timedelta(milliseconds=2)
    longest_gather: timedelta = timedelta(milliseconds=20)
    crowd: int = 4
    company: int = 1000
    group: int = 4000
    waiting: int = 40_000
    patience: timedelta = timedelta(seconds=8)
    queue: timedelta = timedelta(seconds=4)


@dataclass(slots=True, kw_only=True)
class Figures:
    """What this process took in since it started."""

    stored: int = 0
    repeated: int = 0
    failed: int = 0
    groups: int = 0
    shed: int = 0


@dataclass(slots=True, kw_only=True, eq=False)
class _Request:
    events: Sequence[Event]
    failed: Sequence[FailedEvent]
    received_at: datetime
    since: float
    answer: "asyncio.Future[None]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def __len__(self) -> int:
        return len(self.events) + len(self.failed)


Sift = Callable[[Sequence[Event], Sequence[FailedEvent]], Awaitable[tuple[Sequence[Event], Sequence[FailedEvent]]]]
"""Takes out what may not be stored at all, events of erased persons."""


class Ingest:
    """The group commit. `start` before the first `take`, `stop` after the last."""

    def __init__(
        self, pool: asyncpg.Pool, clock: Clock, *, limits: Limits | None = None, sift: Sift | None = None
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._sift = sift
        self._limits = limits or Limits()
        self._queue: asyncio.Queue[_Request] = asyncio.Queue()
        self._open: dict[_Request, None] = {}
        self._rows = 0
        self._queued = 0
        self._storing = 0
        self._tasks: list[asyncio.Task[None]] = []
        self._connections = KeptConnections(pool)
        self._stopping = False
        self.figures = Figures()

    async def start(self) -> None:
        """Check that the server keeps its promises, make the days to come, start the writers.

        Raises:
            NotConfigured: the server would acknowledge what it can lose.
        """
        async with self._pool.acquire() as connection:
            _require_durability(await store.read_durability(connection))
            await store.ensure_partitions(connection, first=self._clock.now().date())
        self._stopping = False
        self._tasks = [asyncio.create_task(self._write()) for _ in range(self._limits.writers)]
        self._tasks += [asyncio.create_task(self._tidy()), asyncio.create_task(self._watch())]

    async def stop(self) -> None:
        """Answer what is waiting, take nothing more."""
        self._stopping = True
        waiting = [request.answer for request in self._open]
        if waiting:
            await asyncio.wait(waiting, timeout=self._limits.patience.total_seconds())
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    async def take(self, events: Sequence[Event], failed: Sequence[FailedEvent] = (), *, received_at: datetime) -> None:
        """Store the events of one request. Returns when they are durable; repeated ones count as stored.

        Raises:
            Unavailable: the database is away, full or too slow, or too much is waiting. Nothing, or all of it, may
                have been stored: the same request again is right in both cases.
        """
        if self._sift is not None:
            events, failed = await self._sift(events, failed)
        if not events and not failed:
            return
        request = self._admit(events, failed, received_at)
        try:
            await request.answer
        finally:
            del self._open[request]
            self._rows -= len(request)

    def _admit(self, events: Sequence[Event], failed: Sequence[FailedEvent], received_at: datetime) -> _Request:
        now = asyncio.get_running_loop().time()
        if self._stopping or not self._tasks:
            raise Unavailable("This server is stopping. Send this again.", code="stopping")
        oldest = next(iter(self._open), None)
        late = oldest is not None and now - oldest.since > self._limits.queue.total_seconds()
        if late or self._rows > self._limits.waiting:
            self.figures.shed += 1
            raise _overloaded()
        request = _Request(events=events, failed=failed, received_at=received_at, since=now)
        self._open[request] = None
        self._rows += len(request)
        self._queued += len(request)
        self._queue.put_nowait(request)
        return request

    async def _write(self) -> None:
        try:
            while True:
                await self._write_group(await self._gather())
        finally:
            await self._connections.give_back()

    async def _write_group(self, group: list[_Request]) -> None:
        self._storing += 1
        try:
            await self._store(group)
        except Exception:  # noqa: BLE001 - whatever one group does, the writer serves the next
            _log.exception("intake_writer_failed", requests=len(group))
            _refuse(group, Unavailable("These events could not be stored. Send them again later."))
        finally:
            self._storing -= 1

    async def _gather(self) -> list[_Request]:
        """The next group: the first request that comes, and those that come while it waits for company.

        While many come, or another group is being stored, it waits on for a moment more: a transaction costs the same
        for one event and for a hundred.
        """
        limits, clock = self._limits, asyncio.get_running_loop().time
        group = [await self._queue.get()]
        end = clock() + limits.longest_gather.total_seconds()
        while self._queued < limits.group:
            before = self._queued
            await asyncio.sleep(limits.gather.total_seconds())
            alone = not self._storing and self._queued - before < limits.crowd
            if alone or self._queued > limits.company or clock() > end:
                break
        rows = len(group[0])
        while rows < limits.group and not self._queue.empty():
            group.append(self._queue.get_nowait())
            rows += len(group[-1])
        self._queued -= rows
        return [request for request in group if not request.answer.done()]

    async def _store(self, group: list[_Request]) -> None:
        """Store a group; where values of it are refused, each request for itself: one does not sink the others."""
        if not group:
            return
        try:
            appended = await self._append(
                [event for request in group for event in request.events],
                [event for request in group for event in request.failed],
                max(request.received_at for request in group),
            )
        except REFUSED_VALUES:
            _log.warning("intake_group_refused", requests=len(group), exc_info=True)
            for request in group:
                await self._store_apart(request)
            return
        except OUTAGES as error:
            _log.warning("intake_database_unavailable", requests=len(group), error=repr(error))
            _refuse(group, _away())
            return
        self._accept(group, appended)

    async def _store_apart(self, request: _Request) -> None:
        """Store one request; an event that the database refuses becomes a failed event."""
        try:
            good, refused = await self._try_each(request)
            appended = await self._append(good, [*request.failed, *refused], request.received_at)
        except (*OUTAGES, *REFUSED_VALUES) as error:
            _log.warning("intake_request_refused", error=repr(error))
            _refuse([request], _away())
            return
        self._accept([request], appended)

    async def _try_each(self, request: _Request) -> tuple[list[Event], list[FailedEvent]]:
        """Try each event on its own, without keeping it."""
        good: list[Event] = []
        refused: list[FailedEvent] = []
        for event in request.events:
            try:
                await self._append([event], [], request.received_at, keep=False)
                good.append(event)
            except REFUSED_VALUES as error:
                refused.append(refuse_event(event, received_at=request.received_at, error=error))
        return good, refused

    async def _append(
        self,
        events: Sequence[Event],
        failed: Sequence[FailedEvent],
        received_at: datetime,
        *,
        keep: bool = True,
    ) -> Appended:
        """One transaction. A server that stalls is cut off, so that this writer does not hang on it."""
        seconds = self._limits.patience.total_seconds()
        async with self._connections.use(seconds) as connection:
            work = asyncio.create_task(_transact(connection, events, failed, received_at, keep=keep))
            done, _ = await asyncio.wait([work], timeout=seconds)
            if not done:
                connection.terminate()
            return await work

    def _accept(self, group: list[_Request], appended: Appended) -> None:
        self.figures.groups += 1
        self.figures.stored += appended.stored
        self.figures.repeated += appended.repeated
        self.figures.failed += appended.failed
        for request in group:
            if not request.answer.done():
                request.answer.set_result(None)

    async def _watch(self) -> None:
        """Send away whoever has waited for as long as clients do. One watch for all is cheaper than a timer for each."""
        patience = self._limits.patience.total_seconds()
        while True:
            await asyncio.sleep(min(0.05, patience / 4))
            late = self._waiting_since(asyncio.get_running_loop().time() - patience)
            self.figures.shed += sum(not request.answer.done() for request in late)
            _refuse(late, _overloaded())

    def _waiting_since(self, moment: float) -> list[_Request]:
        """Requests that came before the moment; the oldest stand first."""
        return list(itertools.takewhile(lambda request: request.since < moment, self._open))

    async def _tidy(self) -> None:
        """Now and then: make the days to come, fold the counts."""
        while True:
            await asyncio.sleep(60)
            with contextlib.suppress(*OUTAGES):
                async with self._pool.acquire() as connection:
                    await store.ensure_partitions(connection, first=self._clock.now().date())
                    await store.fold_counts(connection)


class _Undone(Exception):
    """Takes a trial back; never leaves this module."""


async def _transact(
    connection: asyncpg.pool.PoolConnectionProxy,
    events: Sequence[Event],
    failed: Sequence[FailedEvent],
    received_at: datetime,
    *,
    keep: bool,
) -> Appended:
    appended = Appended(stored=0, repeated=0, failed=0)
    with contextlib.suppress(_Undone):
        async with connection.transaction():
            appended = await store.append(connection, events, failed, received_at=received_at)
            if not keep:
                raise _Undone
    return appended


def _refuse(group: list[_Request], error: JorenError) -> None:
    for request in group:
        if not request.answer.done():
            request.answer.set_exception(error)


def _require_durability(settings: dict[str, str]) -> None:
    """A 200 means durable. Whether a commit waits for the disk is asked for in each transaction; the rest is here."""
    for name in ("fsync", "full_page_writes"):
        if settings[name] != "on":
            raise NotConfigured(
                f"The database runs with {name} = {settings[name]} and could lose what was acknowledged: turn it on."
            )


def _overloaded() -> Unavailable:
    return Unavailable("Too much is waiting to be stored. Send this again later.", code="overloaded")


def _away() -> Unavailable:
    return Unavailable("The database cannot store this now. Send it again later.")
