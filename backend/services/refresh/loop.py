"""Moves the intake log into PostgreSQL's projections, the lake and the frame, batch by batch, each event once.

A batch is a range of the log that is planned behind the fence and never changes. Its steps are each safe to repeat:
projections are written in one transaction that marks the batch, the lake knows the batch's number, frame rows are
made from all of a customer's history. So after a crash at any point the same batch is simply run again.
See docs/decisions/0004-fence-and-exactly-once.md.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import asyncpg
import structlog

from backend.clock import Clock
from backend.errors import Conflict, Unavailable
from backend.lake.by_customer import FOLDER, CustomerHistories
from backend.lake.compaction import Compaction, compact, remove_unused
from backend.lake.engine import Engine, PolarsEngine
from backend.lake.forgetting import forget
from backend.lake.frame import CustomerFrame
from backend.lake.rows import LakeRows
from backend.lake.schemas import Table
from backend.lake.tables import Lake
from backend.services.refresh.batches import APP_ID, Batches
from backend.services.refresh.dropping import OldHistory
from backend.services.refresh.frame import FrameMaker
from backend.services.refresh.lake_check import check_lake
from backend.services.refresh.mending import Again, Mended, mend
from backend.services.refresh.pictures import Pictures
from backend.services.refresh.sampling import Sampling
from backend.services.refresh.turn import Turn, locked
from backend.store import refresh, retention, shop
from backend.store.refresh import Batch

LARGEST_BATCH = 50_000
BETWEEN_FRAMES = timedelta(seconds=20)
"""While there is a backlog, the frame follows no more often than this."""

BETWEEN_COMPACTIONS = 12
"""Batches between two looks at the lake's files."""


@dataclass(frozen=True, slots=True)
class RefreshResult:
    """What one run did.

    Attributes:
        events: moved into the lake.
        customers: frame rows made.
        upto_seq: the last event that is in the lake.
        lag: the longest from the arrival of an event moved to the frame that holds it; zero where none was moved.
    """

    events: int
    customers: int
    upto_seq: int
    lag: timedelta


def _no_step(step: str) -> None:
    """Nobody watches."""


class Refresh:
    """The refresh of one installation. Any number may exist; one at a time works.

    Args:
        pool: of the database.
        clock: tells now, and so the business day.
        lake: where history goes.
        frame: where customer rows go.
        engine: where everybody's rows are reduced when all are made anew.
        largest: events in one batch.
        compaction: when files of the lake are rewritten and removed.
        keep_pictures: days' pictures of the frame that stay in the lake; 0 takes none.
        history_months: months after which raw history is dropped; 0 keeps all of it.
        watch: called with the name of each step when it is done; tests stop the world in it.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        clock: Clock,
        lake: Lake,
        frame: CustomerFrame,
        *,
        engine: Engine | None = None,
        largest: int = LARGEST_BATCH,
        compaction: Compaction | None = None,
        keep_pictures: int = 0,
        history_months: int = 0,
        watch: Callable[[str], None] = _no_step,
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._lake = lake
        self._frame = frame
        self._engine = engine or PolarsEngine()
        self._histories = CustomerHistories(lake, frame.path / FOLDER)
        self._makers = FrameMaker(lake, self._histories, frame, self._engine, watch=watch)
        self._sampling = Sampling(lake, frame)
        self._pictures = Pictures(lake, frame, self._makers, keep=keep_pictures, watch=watch)
        self._old = OldHistory(lake, months=history_months, watch=watch)
        self._batches = Batches(clock, lake, largest=largest, watch=watch)
        self._compaction = compaction or Compaction()
        self._watch = watch
        self._since_compaction = 0

    async def run_once(self, *, patience: timedelta = timedelta(seconds=60)) -> RefreshResult:
        """Move one batch and bring the frame up to date; does nothing where there is nothing new.

        Args:
            patience: how long to wait for another refresh to finish its turn.

        Raises:
            Conflict: another refresh is at work (code ``busy``), or took over (``fenced``).
            NotConfigured: the lake belongs to another database, or lost what it held.
        """
        async with self._turn(patience) as turn:
            await self._move_next(turn)
            return await self._finish(turn)

    async def run_until_current(
        self, *, progress: Callable[[int], None] | None = None, patience: timedelta = timedelta(minutes=10)
    ) -> RefreshResult:
        """Move batches until nothing is new, then bring the frame up to date.

        Args:
            progress: called after each batch with the number of events moved so far.
            patience: as in `run_once`.

        Raises:
            Conflict, NotConfigured: as `run_once`.
        """
        async with self._turn(patience) as turn:
            framed = self._clock.now()
            while await self._move_next(turn):
                if progress is not None:
                    progress(turn.events)
                if self._clock.now() - framed > BETWEEN_FRAMES:
                    await self._bring_up_frame(turn)
                    framed = self._clock.now()
            return await self._finish(turn)

    async def run_forever(self, interval: timedelta, stop: asyncio.Event) -> None:
        """Refresh every ``interval`` until ``stop`` is set; faults are logged and tried again."""
        log = structlog.get_logger("refresh")
        while not stop.is_set():
            try:
                if await self._has_work():
                    result = await self.run_until_current(patience=interval)
                    log.info("refreshed", events=result.events, customers=result.customers, upto=result.upto_seq)
            except (Conflict, Unavailable, OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                log.warning("refresh_postponed", reason=str(error))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), interval.total_seconds())

    async def waiting(self) -> int:
        """How many stored events are not in the lake yet."""
        async with self._pool.acquire() as connection:
            return await refresh.count_waiting(connection)

    async def lag(self) -> timedelta:
        """How long the oldest event that is not in the lake yet has waited; zero when all are."""
        async with self._pool.acquire() as connection:
            oldest = await refresh.oldest_waiting(connection)
        return max(self._clock.now() - oldest, timedelta()) if oldest is not None else timedelta()

    async def rebuild(self) -> None:
        """Have the whole log moved again, into a lake that is empty; people are left as they are.

        Raises:
            Conflict: the lake still holds batches, or the log no longer holds what the lake would need.
        """
        async with locked(self._pool, timedelta(minutes=1), watch=self._watch) as turn:
            horizon = await retention.read_horizon(turn.connection)
            if horizon.upto_seq:
                raise Conflict(
                    f"The log begins after {horizon.day}: what came until then is in the lake only. Put the lake back from a backup.",
                    code="log_dropped",
                )
            if await asyncio.to_thread(self._lake.version, Table.EVENTS, APP_ID):
                raise Conflict(
                    f"The lake at {self._lake.location} still holds history: move that folder away first.",
                    code="lake_not_empty",
                )
            async with turn.connection.transaction():
                await refresh.hold_epoch(turn.connection, epoch=turn.epoch)
                await refresh.forget_done(turn.connection)
                await refresh.touch_all(turn.connection)

    async def mend(self) -> Mended:
        """Make damaged files whole from what is left; the next run makes the frame where that was thrown away.

        Raises:
            Conflict, NotConfigured: as `run_once`.
        """
        async with locked(self._pool, timedelta(minutes=1), watch=self._watch) as turn:

            async def read_again(first: int, last: int) -> Sequence[LakeRows]:
                batches = await refresh.done_batches(turn.connection, first=first, last=last)
                return [await self._batches.read_again(turn.connection, batch) for batch in batches]

            async def finish() -> None:
                await check_lake(turn.connection, self._lake)
                while (batch := await refresh.unfinished_batch(turn.connection)) is not None:
                    await self._move(turn, batch)

            async def picture_again(day: date) -> int:
                return await self._pictures.take_again(turn.connection, day, engine=self._engine)

            await self._sampling.remove()
            again = Again(read_again, picture_again)
            return await mend(self._lake, self._frame, app_id=APP_ID, finish=finish, again=again)

    async def forget(self, customer_ids: Sequence[int], *, patience: timedelta = timedelta(minutes=10)) -> int:
        """Take persons out of lake and frame for good; gives how many rows of history went.

        Their ids must be on the list of erased ones already, so that nothing of them comes after this.

        Raises:
            Conflict, NotConfigured: as `run_once`.
        """
        async with self._turn(patience) as turn:
            while await self._move_next(turn):
                pass
            gone = await asyncio.to_thread(forget, self._lake, customer_ids)
            await asyncio.to_thread(self._histories.let_go)
            await self._sampling.forget(customer_ids)
            await refresh.touch(turn.connection, customer_ids=set(customer_ids))
            await self._bring_up_frame(turn)
            await asyncio.to_thread(self._frame.purge, epoch=turn.epoch)
            return gone

    async def _has_work(self) -> bool:
        """Whether anything is new; where nothing is, the frame is noted to hold all there was when we asked."""
        asked_at, manifest = self._clock.now(), self._frame.manifest()
        async with self._pool.acquire() as connection:
            state = await refresh.read_state(connection)
            calendar = (await shop.read_settings(connection)).calendar
            new_day = manifest.day != calendar.business_day(asked_at)
            new = state.unfinished or state.touched or state.log_seq > state.done_seq or manifest.seq < state.done_seq
            filling = not (new or new_day) and await self._makers.is_filling(connection)
        if not (new or new_day or filling):
            await asyncio.to_thread(self._frame.confirm, manifest, at=asked_at)
        return new or new_day or filling or await asyncio.to_thread(self._sampling.is_lacking)

    @contextlib.asynccontextmanager
    async def _turn(self, patience: timedelta) -> AsyncIterator[Turn]:
        async with locked(self._pool, patience, watch=self._watch) as turn:
            await check_lake(turn.connection, self._lake)
            yield turn

    async def _move_next(self, turn: Turn) -> bool:
        """Move the batch that was left unfinished, else the next one; false when there is none."""
        batch = await refresh.unfinished_batch(turn.connection)
        batch = batch or await self._batches.plan(turn.connection, epoch=turn.epoch)
        if batch is None:
            return False
        await self._move(turn, batch)
        return True

    async def _move(self, turn: Turn, batch: Batch) -> None:
        moved = await self._batches.move(turn.connection, batch, epoch=turn.epoch)
        turn.events += moved.events
        turn.upto_seq = batch.upto_seq
        turn.oldest = turn.oldest or moved.oldest
        self._since_compaction += 1

    async def _bring_up_frame(self, turn: Turn) -> None:
        now = self._clock.now()
        turn.customers += await self._pictures.take_due(turn.connection, epoch=turn.epoch, now=now)
        progress = await self._makers.bring_up(turn.connection, epoch=turn.epoch, now=now)
        turn.customers += progress.customers
        turn.upto_seq = progress.seq
        if turn.oldest is not None:
            turn.lag, turn.oldest = max(turn.lag, self._clock.now() - turn.oldest), None

    async def _finish(self, turn: Turn) -> RefreshResult:
        await self._bring_up_frame(turn)
        await asyncio.to_thread(self._frame.fold, epoch=turn.epoch)
        self._watch("folded")
        await self._old.drop_due(turn.connection, epoch=turn.epoch, now=self._clock.now())
        if self._since_compaction >= BETWEEN_COMPACTIONS:
            self._since_compaction = 0
            await asyncio.to_thread(compact, self._lake, self._compaction, watch=self._watch)
            await asyncio.to_thread(remove_unused, self._lake, self._compaction, watch=self._watch)
        await asyncio.to_thread(self._histories.keep_up, self._compaction, watch=self._watch)
        await self._sampling.keep_up(turn.connection)
        return RefreshResult(turn.events, turn.customers, turn.upto_seq, turn.lag)
