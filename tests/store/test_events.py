"""The log through its one door: each id once, failed events kept once, counts that add up, and the fence."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import asyncpg
import msgspec
import pytest

from backend.services.event_volumes import EventVolumes
from backend.store import customer_tokens, events, failed_events
from backend.store.events import Appended
from backend.store.failed_events import Wanted
from segments.envelope import Event, FailedEvent, event_id_of

if TYPE_CHECKING:
    from backend.store.pool import Connection

NOW = datetime(2026, 4, 1, 3, tzinfo=UTC)


def make_event(message_id: str, *, source_id: int = 1, event: str = "Store Visited") -> Event:
    return Event(
        event_id=event_id_of(source_id, message_id),
        source_id=source_id,
        trusted=True,
        message_id=message_id,
        type="track",
        event=event,
        user_id="u1",
        occurred_at=NOW - timedelta(hours=1),
        time_rule="as_sent",
        payload=msgspec.Raw(b'{"type":"track","properties":{"store_id":"s1"}}'),
    )


def make_failed(message_id: str) -> FailedEvent:
    return FailedEvent(
        event_id=event_id_of(1, message_id), source_id=1, name="track", code="missing_id", reason="x", raw=b"{}"
    )


async def append(pool: asyncpg.Pool, rows: list[Event], failed: list[FailedEvent] | None = None) -> Appended:
    async with pool.acquire() as connection, connection.transaction():
        return await events.append(connection, rows, failed or [], received_at=NOW)


async def test_an_event_is_stored_as_it_came(pool: asyncpg.Pool) -> None:
    assert await append(pool, [make_event("m1")]) == Appended(stored=1, repeated=0, failed=0)
    row = await pool.fetchrow("SELECT * FROM event_log")
    assert row is not None
    assert (row["message_id"], row["event"], row["user_id"], row["received_at"]) == ("m1", "Store Visited", "u1", NOW)
    assert row["payload"] == {"type": "track", "properties": {"store_id": "s1"}}


async def test_an_id_is_stored_once_within_a_call_and_across_calls(pool: asyncpg.Pool) -> None:
    assert await append(pool, [make_event("m1"), make_event("m1")]) == Appended(stored=1, repeated=1, failed=0)
    assert await append(pool, [make_event("m1"), make_event("m2")]) == Appended(stored=1, repeated=1, failed=0)
    assert await pool.fetchval("SELECT count(*) FROM event_log") == 2


async def test_a_source_cannot_suppress_the_id_of_another(pool: asyncpg.Pool) -> None:
    await append(pool, [make_event("m1", source_id=1)])
    assert (await append(pool, [make_event("m1", source_id=2)])).stored == 1


async def test_a_failed_event_is_kept_once_and_does_not_bar_its_mended_form(pool: asyncpg.Pool) -> None:
    assert await append(pool, [], [make_failed("m1")]) == Appended(stored=0, repeated=0, failed=1)
    assert await append(pool, [], [make_failed("m1")]) == Appended(stored=0, repeated=1, failed=0)
    assert (await append(pool, [make_event("m1")])).stored == 1


async def test_counts_add_up_before_and_after_they_are_folded(pool: asyncpg.Pool) -> None:
    await append(pool, [make_event("m1"), make_event("m2", event="Own")], [make_failed("m3")])
    await append(pool, [make_event("m1"), make_event("m4")], [make_failed("m3")])
    expected = [("Store Visited", 2, 1, 0), ("Own", 1, 0, 0), ("track", 0, 1, 1)]
    async with pool.acquire() as connection:
        for _ in range(2):
            counted = await EventVolumes(pool).totals()
            assert [(each.name, each.stored, each.repeated, each.failed) for each in counted] == expected
            await events.fold_counts(connection)
    assert await pool.fetchval("SELECT count(*) FROM event_counts") == 3


async def test_counts_that_are_one_row_already_are_not_written_anew(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection:
        for day, verdicts in (
            (NOW.date(), ("valid", "valid", "missing")),
            (NOW.date() - timedelta(days=1), ("valid",)),
        ):
            for verdict in verdicts:
                await customer_tokens.add_counts(connection, counts={(1, verdict): 2}, day=day)
        before = await where_counts_lie(pool)
        await events.fold_counts(connection)
    after = await where_counts_lie(pool)
    assert [(verdict, number) for _, verdict, number in after] == [("valid", 2), ("missing", 2), ("valid", 4)]
    assert set(after[:2]) <= set(before)


async def where_counts_lie(pool: asyncpg.Pool) -> list[tuple[str, str, int]]:
    rows = await pool.fetch(
        "SELECT ctid::text AS place, verdict, events FROM token_counts ORDER BY received_day, verdict = 'valid'"
    )
    return [(row["place"], row["verdict"], row["events"]) for row in rows]


async def test_parallel_writers_of_the_same_ids_neither_deadlock_nor_double(pool: asyncpg.Pool) -> None:
    rows = [make_event(f"m{n}") for n in range(50)]
    results = await asyncio.gather(*(append(pool, rows if n % 2 else rows[::-1]) for n in range(8)))
    assert sum(result.stored for result in results) == 50
    assert await pool.fetchval("SELECT count(*) FROM event_log") == 50


async def test_a_smaller_seq_that_commits_late_is_not_passed_over(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as slow, pool.acquire() as reader:
        transaction = slow.transaction()
        await transaction.start()
        await events.append(slow, [make_event("late")], received_at=NOW)
        await append(pool, [make_event("early")])
        visible = await pool.fetchval("SELECT max(seq) FROM event_log")
        with pytest.raises(asyncpg.LockNotAvailableError):
            await read_upto(reader)
        await transaction.commit()
        upto = await read_upto(reader)
    assert upto == visible
    assert await pool.fetchval("SELECT count(*) FROM event_log WHERE seq <= $1", upto) == 2


async def read_upto(connection: "Connection") -> int:
    async with connection.transaction():
        return await events.committed_upto(connection, patience=timedelta(milliseconds=50))


async def test_the_fence_sees_what_committed_while_it_waited(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as slow, pool.acquire() as reader, reader.transaction():
        transaction = slow.transaction()
        await transaction.start()
        await events.append(slow, [make_event("m1")], received_at=NOW)
        waiting = asyncio.create_task(events.committed_upto(reader, patience=timedelta(seconds=20)))
        await blocked(pool)
        await transaction.commit()
        assert await waiting == 1


async def test_a_writer_that_waits_at_the_fence_holds_no_id_that_another_waits_for(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as reader:
        async with reader.transaction():
            await events.committed_upto(reader)
            waiting = asyncio.create_task(append(pool, [make_event("m1")]))
            await blocked(pool)
            claim = "INSERT INTO event_ids SELECT $1, 1, '2026-04-01' ON CONFLICT DO NOTHING"
            await reader.execute("SET LOCAL lock_timeout = '2s'")
            await reader.execute(claim, make_event("m1").event_id)
        assert await waiting == Appended(stored=0, repeated=1, failed=0)


async def blocked(pool: asyncpg.Pool) -> None:
    """Return when a session of this database waits for the fence."""
    waiting = """SELECT count(*) FROM pg_locks JOIN pg_database ON oid = database
        WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()"""
    while not await pool.fetchval(waiting):  # noqa: ASYNC110 - the event happens in the server
        await asyncio.sleep(0.01)


async def test_partitions_are_made_once_and_hold_their_day(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection:
        made = await events.ensure_partitions(connection, first=NOW.date(), days=2)
        again = await events.ensure_partitions(connection, first=NOW.date(), days=2)
    await append(pool, [make_event("m1")])
    assert (made, again) == ([date(2026, 4, 1), date(2026, 4, 2)], [])
    assert await pool.fetchval("SELECT count(*) FROM event_log_20260401") == 1


async def test_servers_that_start_at_once_make_each_partition_once(pool: asyncpg.Pool) -> None:
    async def make() -> list[date]:
        async with pool.acquire() as connection:
            return await events.ensure_partitions(connection, first=NOW.date())

    made = await asyncio.gather(*(make() for _ in range(6)))
    assert sorted(day for days in made for day in days) == [NOW.date() + timedelta(days=n) for n in range(8)]


async def test_a_day_that_lies_in_the_default_partition_stays_there(pool: asyncpg.Pool) -> None:
    await append(pool, [make_event("m1")])
    async with pool.acquire() as connection:
        assert await events.ensure_partitions(connection, first=NOW.date(), days=1) == []
    assert (await append(pool, [make_event("m2")])).stored == 1


async def test_failed_events_are_listed_newest_first_and_paged(pool: asyncpg.Pool) -> None:
    await append(pool, [], [make_failed(f"m{n}") for n in range(5)])
    async with pool.acquire() as connection:
        first = await failed_events.list_failed(connection, Wanted(), recovered=False, before=None, limit=2)
        last = first[-1]["failed_id"]
        rest = await failed_events.list_failed(connection, Wanted(), recovered=False, before=last, limit=9)
        detail = await failed_events.get_failed(connection, failed_id=first[0]["failed_id"])
    ids = [record["failed_id"] for record in [*first, *rest]]
    assert ids == sorted(ids, reverse=True)
    assert len(ids) == 5
    assert detail is not None
    assert (detail["raw"], detail["source"]) == (b"{}", "joren")
