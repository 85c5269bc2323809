"""One request of the intake dies at each call of the database in turn: its batch is there whole or not at all.

F2 of the fault catalogue. Each call is met twice: it dies before the database hears of it, and after it was done but before
we hear of that. Nothing is acknowledged that is not stored, and the same request again makes it whole.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Never

import asyncpg
import pytest
from asyncpg.connection import Connection

from backend.clock import FixedClock
from backend.services.ingest import Ingest
from segments.failures import EventFailure
from segments.intake import fail_event
from tests.faults.figures import Figures, note
from tests.fixtures.sessions import quiet
from tests.services.test_ingest import NOW, RECEPTION, make_event

pytestmark = pytest.mark.fault

EVENTS = 5
CALLS = ("execute", "_execute", "_copy_in")
"""What everything that asyncpg sends goes through."""


class Dead(BaseException):
    """Stands for a process that is gone: no handler of ours may see it and go on."""


class Death:
    """Comes at the n-th step of the connections of one pool; steps are counted from 1, two a call."""

    def __init__(self, step: int) -> None:
        self._left = step
        self.came = asyncio.Event()

    def meet(self, connection: Connection) -> None:
        """One step nearer."""
        self._left -= 1
        if self._left == 0:
            self._come(connection)

    def _come(self, connection: Connection) -> Never:
        connection.terminate()
        self.came.set()
        raise Dead


def haunt(monkeypatch: pytest.MonkeyPatch, death: Death) -> None:
    for name in CALLS:
        monkeypatch.setattr(Connection, name, _haunted(getattr(Connection, name), death))


def _haunted(call: Callable[..., Awaitable[Any]], death: Death) -> Callable[..., Awaitable[Any]]:
    async def haunted(self: Connection, *args: Any, **options: Any) -> Any:
        death.meet(self)
        result = await call(self, *args, **options)
        death.meet(self)
        return result

    return haunted


async def take_once(pool: asyncpg.Pool, death: Death | None, monkeypatch: pytest.MonkeyPatch) -> bool:
    """One request of five events and a failed one; whether it was acknowledged before death came."""
    events = [make_event(f"m{number}") for number in range(EVENTS)]
    failed = fail_event(b"{}", RECEPTION, EventFailure("missing_id", "No id."))
    ingest = Ingest(pool, FixedClock(NOW))
    await ingest.start()
    with monkeypatch.context() as haunting:
        if death is not None:
            haunt(haunting, death)
        taking = asyncio.create_task(ingest.take(events, [failed], received_at=NOW))
        dying = asyncio.create_task(death.came.wait() if death else asyncio.Event().wait())
        await asyncio.wait([taking, dying], return_when=asyncio.FIRST_COMPLETED)
        acknowledged = taking.done() and taking.exception() is None
        for task in (taking, dying, *ingest._tasks):
            task.cancel()
        await asyncio.gather(taking, dying, *ingest._tasks, return_exceptions=True)
    return acknowledged


async def stored(pool: asyncpg.Pool) -> tuple[int, int]:
    await quiet(pool)
    return (
        await pool.fetchval("SELECT count(*) FROM event_log"),
        await pool.fetchval("SELECT count(*) FROM failed_events"),
    )


async def forget(pool: asyncpg.Pool) -> None:
    await pool.execute("TRUNCATE event_log, event_ids, failed_events, event_counts")


async def die_at_each_step(pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch) -> tuple[int, int]:
    """Until a request gets through: how many deaths there were, and how many broke the promise."""
    broken = 0
    for step in range(1, 200):
        death = Death(step)
        acknowledged = await take_once(pool, death, monkeypatch)
        if not death.came.is_set():
            assert acknowledged
            return step - 1, broken
        found = await stored(pool)
        broken += found not in ((0, 0), (EVENTS, 1)) or (acknowledged and found == (0, 0))
        assert await take_once(pool, None, monkeypatch)
        broken += await stored(pool) != (EVENTS, 1)
        await forget(pool)
    raise AssertionError("the request never got through")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_a_request_that_dies_at_any_step_is_there_whole_or_not_at_all(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    deaths, broken = await die_at_each_step(pool, monkeypatch)
    note(
        Figures(
            fault="F2 death at every step of a request",
            operations=EVENTS * deaths,
            faults=deaths,
            lost=broken,
            doubled=0,
        )
    )
    assert deaths >= 6
    assert broken == 0


async def test_the_steps_see_a_batch_without_a_transaction(pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Connection.execute

    async def refuse_to_begin(self: Connection, query: str, *args: Any, **options: Any) -> Any:
        ends = query.rstrip("; ").upper().startswith(("BEGIN", "COMMIT", "ROLLBACK"))
        return "" if ends else await real(self, query, *args, **options)

    monkeypatch.setattr(Connection, "execute", refuse_to_begin)
    _, broken = await die_at_each_step(pool, monkeypatch)
    assert broken > 0
