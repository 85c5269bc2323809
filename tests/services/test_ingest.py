"""Group commit: every request answered after its commit, none sunk by its neighbours, overload said in time."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import msgspec
import pytest

from backend.clock import FixedClock
from backend.errors import NotConfigured, Unavailable
from backend.services import ingest as module
from backend.services.ingest import Ingest, Limits
from segments.envelope import Event, FailedEvent
from segments.intake import Reception, read_event
from segments.replay import FailedOne, read_again
from segments.source_rules import OPEN
from segments.tokens import TokenCheck, TokenMode, Verdict

NOW = datetime(2026, 4, 1, 3, tzinfo=UTC)
RECEPTION = Reception(source_id=1, trusted=True, received_at=NOW)


def make_event(message_id: str, **changes: Any) -> Event:
    whole = {"type": "track", "event": "Own", "userId": "u1", "messageId": message_id}
    event = read_event(msgspec.json.encode(whole), RECEPTION)
    assert isinstance(event, Event)
    return msgspec.structs.replace(event, **changes)


@pytest.fixture
async def ingest(pool: asyncpg.Pool) -> AsyncIterator[Ingest]:
    ingest = Ingest(pool, FixedClock(NOW))
    await ingest.start()
    yield ingest
    await ingest.stop()


async def test_what_was_taken_is_committed(ingest: Ingest, pool: asyncpg.Pool) -> None:
    await ingest.take([make_event("m1"), make_event("m2")], received_at=NOW)
    assert await pool.fetchval("SELECT count(*) FROM event_log_20260401") == 2


async def test_requests_share_transactions(ingest: Ingest, pool: asyncpg.Pool) -> None:
    await asyncio.gather(*(ingest.take([make_event(f"m{n}")], received_at=NOW) for n in range(100)))
    assert await pool.fetchval("SELECT count(*) FROM event_log") == 100
    assert ingest.figures.groups < 50


async def test_an_event_the_database_refuses_fails_alone(ingest: Ingest, pool: asyncpg.Pool) -> None:
    poisoned = make_event("m-bad", user_id="nul \x00")
    requests = [[make_event("m1"), poisoned, make_event("m2")], [make_event("m3")], [make_event("m4")]]
    await asyncio.gather(*(ingest.take(events, received_at=NOW) for events in requests))
    stored = await pool.fetch("SELECT message_id FROM event_log ORDER BY 1")
    assert [row["message_id"] for row in stored] == ["m1", "m2", "m3", "m4"]
    failed = await pool.fetchrow("SELECT * FROM failed_events")
    assert failed is not None
    assert (failed["code"], failed["raw"]) == ("not_storable", bytes(poisoned.payload))


async def test_a_refused_event_keeps_all_that_a_replay_needs(ingest: Ingest, pool: asyncpg.Pool) -> None:
    """Read again, it is the event that it was: its time, its type, what its token proved."""
    said, skew = NOW - timedelta(hours=2), timedelta(minutes=7)
    whole = {"event": "Own", "userId": "u1", "messageId": "m1", "timestamp": said.isoformat()}
    whole["context"] = {"library": {"name": "analytics-swift"}}
    tokens = TokenCheck(mode=TokenMode.ENFORCE, read=lambda _: Verdict.VALID, shared="a token")
    reception = Reception(
        source_id=1,
        trusted=False,
        received_at=NOW,
        sent_at=NOW - timedelta(hours=1),
        call="track",
        device_skew=skew,
        tokens=tokens,
    )
    event = read_event(msgspec.json.encode(whole), reception)
    assert isinstance(event, Event)
    assert (event.occurred_at, event.token_verdict) == (said + skew, "valid")
    await ingest.take([msgspec.structs.replace(event, user_id="nul \x00")], received_at=NOW)
    kept = await pool.fetchrow("SELECT * FROM failed_events")
    assert kept is not None
    assert (kept["name"], kept["becomes"]) == ("Own", event.event_id)
    columns = {name: kept[name] for name in ("source_id", "received_at", "code", "raw", "envelope")}
    again = read_again(FailedOne(**columns, trusted=False, token_mode="enforce", rules=OPEN), most=1)
    assert again.results == (event,)


async def test_figures_add_up(ingest: Ingest) -> None:
    bad = read_event(b"[]", RECEPTION)
    assert isinstance(bad, FailedEvent)
    for _ in range(2):
        await ingest.take([make_event("m1")], [bad], received_at=NOW)
    figures = ingest.figures
    assert (figures.stored, figures.repeated, figures.failed) == (1, 2, 1)


async def test_a_stalled_database_is_answered_in_time_and_the_writer_recovers(pool: asyncpg.Pool) -> None:
    ingest = Ingest(pool, FixedClock(NOW), limits=Limits(patience=timedelta(milliseconds=300), writers=1))
    await ingest.start()
    async with pool.acquire() as blocker:
        transaction = blocker.transaction()
        await transaction.start()
        await blocker.execute("LOCK TABLE event_ids IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(Unavailable):
            await ingest.take([make_event("m1")], received_at=NOW)
        await transaction.rollback()
    await retry(ingest, make_event("m1"))
    await ingest.stop()
    assert await pool.fetchval("SELECT count(*) FROM event_log") == 1


async def retry(ingest: Ingest, event: Event) -> None:
    """As a client does: the same again until it is taken."""
    while True:
        try:
            return await ingest.take([event], received_at=NOW)
        except Unavailable:
            await asyncio.sleep(0.05)


async def test_too_much_waiting_is_sent_away_at_once(pool: asyncpg.Pool) -> None:
    ingest = Ingest(pool, FixedClock(NOW), limits=Limits(waiting=10))
    await ingest.start()
    async with pool.acquire() as blocker, blocker.transaction():
        await blocker.execute("LOCK TABLE event_ids IN ACCESS EXCLUSIVE MODE")
        waiting = [asyncio.create_task(ingest.take([make_event(f"m{n}")], received_at=NOW)) for n in range(11)]
        await asyncio.sleep(0)
        with pytest.raises(Unavailable) as caught:
            await ingest.take([make_event("m-late")], received_at=NOW)
        assert caught.value.code == "overloaded"
    await asyncio.gather(*waiting)
    await ingest.stop()
    assert await pool.fetchval("SELECT count(*) FROM event_log") == 11


async def test_a_client_that_left_leaves_no_trace_in_the_queue(pool: asyncpg.Pool) -> None:
    ingest = Ingest(pool, FixedClock(NOW), limits=Limits(waiting=2))
    await ingest.start()
    for n in range(10):
        task = asyncio.create_task(ingest.take([make_event(f"m{n}")], received_at=NOW))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await ingest.take([make_event("last")], received_at=NOW)
    await ingest.stop()


async def test_stopping_answers_what_waits_and_takes_nothing_more(pool: asyncpg.Pool) -> None:
    ingest = Ingest(pool, FixedClock(NOW))
    await ingest.start()
    waiting = asyncio.create_task(ingest.take([make_event("m1")], received_at=NOW))
    await asyncio.sleep(0)
    await ingest.stop()
    await waiting
    with pytest.raises(Unavailable):
        await ingest.take([make_event("m2")], received_at=NOW)


@pytest.mark.parametrize("name", ["fsync", "full_page_writes"])
async def test_a_server_that_may_lose_what_it_committed_is_refused(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    async def read(_: object) -> dict[str, str]:
        return {"fsync": "on", "full_page_writes": "on", name: "off"}

    monkeypatch.setattr(module.store, "read_durability", read)
    with pytest.raises(NotConfigured, match=name):
        await Ingest(pool, FixedClock(NOW)).start()


async def test_a_commit_waits_for_the_disk_whatever_the_session_prefers(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL synchronous_commit = off")
        await module.store.append(connection, [make_event("m1")], received_at=NOW)
        assert await connection.fetchval("SHOW synchronous_commit") == "on"
