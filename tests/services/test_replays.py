"""Failed events and the way back: read by today's rules, as they were received then."""

from datetime import timedelta
from typing import Any

import asyncpg
import msgspec
import pytest

from backend.errors import BadInput, NotFound
from backend.services import replays as module
from backend.services.replays import Wanted
from segments.failures import EventFailure
from segments.intake import Reception, fail_event
from segments.source_rules import SourceRules
from segments.tokens import Verdict
from tests.services.receiving import LOOSE, NOW, STRICT, Door, own


@pytest.fixture
async def door(pool: asyncpg.Pool) -> Door:
    door = await Door.open(pool)
    await door.plan(STRICT, on_violation="quarantine")
    return door


async def test_what_the_mended_plan_allows_is_recovered(door: Door) -> None:
    await door.send(own("m1"), own("m2", size="5"), own("m3", size=1))
    await door.plan(LOOSE, on_violation="quarantine")
    door.clock.advance(timedelta(days=40))
    tried = await door.replays.try_out(Wanted())
    assert (tried.total, tried.looked_at, tried.recovered, tried.failed) == (2, 2, 1, {"plan_violation": 1})
    done = await door.replay()
    assert (done.total, done.recovered, done.repeated, done.failed) == (2, 1, 0, 1)
    assert done.finished_at is not None
    assert await door.rows() == ["m3", "m1"]
    assert await door.rows("received_at") == [NOW, NOW]
    assert await door.rows("received_day") == [NOW.date(), (NOW + timedelta(days=40)).date()]
    (recovered,) = await door.failed.list(recovered=True)
    assert (recovered.recovered_by, recovered.recovered_as) == ("mika@joren.example", "stored")
    (left,) = await door.failed.list()
    assert left.tried_at == door.clock.now()
    assert left.violations == ("wrong_type:properties.size",)


async def test_the_counters_go_on_adding_up_to_what_was_sent(door: Door) -> None:
    await door.send(*(own(f"m{n}") for n in range(5)), own("m5", size=1))
    await door.plan(LOOSE)
    assert await door.counters() == (1, 0, 5)
    await door.send(own("m0"))
    assert await door.counters() == (2, 0, 5)
    done = await door.replay()
    assert (done.recovered, done.repeated) == (4, 1)
    assert await door.counters() == (6, 1, 0)


async def test_a_retry_after_the_recovery_is_recognised_and_one_before_it_too(door: Door) -> None:
    await door.send(own("before"), own("after"), own("never"))
    await door.plan(LOOSE)
    await door.send(own("before"))
    await door.replay()
    await door.send(own("after"), own("before"))
    assert sorted(await door.rows()) == ["after", "before", "never"]


async def test_a_derived_id_is_recognised_too(door: Door) -> None:
    nameless = {key: value for key, value in own("").items() if key != "messageId"}
    await door.send(nameless)
    await door.plan(LOOSE)
    await door.replay()
    await door.send(nameless)
    assert len(await door.rows()) == 1


async def test_replaying_twice_recovers_nothing_twice(door: Door) -> None:
    await door.send(own("m1"))
    await door.plan(LOOSE)
    await door.replay()
    with pytest.raises(BadInput, match="No failed event"):
        await door.replay()
    assert await door.rows() == ["m1"]


async def test_only_what_is_asked_for_is_replayed(door: Door) -> None:
    await door.send(own("m1"), own("m2"), b"{", {"type": "track", "userId": "u", "event": ""})
    await door.plan(LOOSE)
    groups = {(group.code, group.name): group.failed for group in await door.failed.groups()}
    assert groups == {("plan_violation", "Own"): 2, ("unreadable", ""): 1, ("missing_event", ""): 1}
    first = (await door.failed.list(Wanted(code="plan_violation")))[-1]
    assert (await door.replay(failed_id=first.failed_id)).recovered == 1
    assert (await door.replay(code="missing_event")).failed == 1
    assert await door.rows() == ["m1"]
    assert (await door.replay(code="plan_violation", name="Own", source_id=door.source_id)).recovered == 1
    assert [each.total for each in await door.replays.replays()] == [1, 1, 1]
    assert (await door.failed.recovered(), len(await door.failed.list())) == (2, 2)


async def test_what_the_request_said_is_remembered(door: Door) -> None:
    """The type stood in the path, the context in the batch."""
    call = {key: value for key, value in own("m1").items() if key != "type"}
    await door.send(call, shared={"device": {"id": "d1"}, "app": {"version": "2"}}, call="track")
    await door.plan(LOOSE)
    await door.replay()
    (payload,) = await door.rows("payload")
    assert payload["context"] == {"device": {"id": "d1"}, "app": {"version": "2"}}
    assert await door.rows("type") == ["track"]


async def test_what_a_token_proved_at_the_door_still_stands(door: Door) -> None:
    await door.pool.execute("UPDATE sources SET token_mode = 'enforce'")
    await door.send(own("good"), verdict=Verdict.VALID)
    await door.plan(LOOSE)
    await door.send(own("bad"), verdict=Verdict.EXPIRED)
    done = await door.replay()
    assert (done.recovered, done.failed) == (1, 1)
    assert await door.rows("token_verdict") == ["valid"]
    (left,) = await door.failed.list()
    assert left.code == "unverified_expired"
    await door.pool.execute("UPDATE sources SET token_mode = 'report'")
    await door.replay()
    assert await door.rows("token_verdict") == ["valid", "expired"]


async def test_an_untrusted_event_stays_untrusted(door: Door) -> None:
    await door.send(own("m1"))
    await door.plan(LOOSE)
    await door.replay()
    assert await door.rows("trusted") == [False]


async def keep_behind(door: Door, *elements: dict[str, Any] | bytes) -> None:
    """Keep a list of events as one failed event, as the door does with what comes behind the end of a batch."""
    raw = b",".join(each if isinstance(each, bytes) else msgspec.json.encode(each) for each in elements)
    reception = Reception(source_id=door.source_id, trusted=False, received_at=NOW)
    failed = fail_event(b"[" + raw + b"]", reception, EventFailure("batch_too_long", "Too long."))
    async with door.pool.acquire() as connection, connection.transaction():
        await module.event_store.append(connection, [], [failed], received_at=NOW)


async def waiting(door: Door) -> list[asyncpg.Record]:
    return list(await door.pool.fetch("SELECT * FROM failed_events WHERE recovered_at IS NULL ORDER BY failed_id"))


async def test_events_behind_a_batch_that_was_too_long_come_back_one_by_one(door: Door) -> None:
    await keep_behind(door, own("m1", size=1), own("m2"), own("m3", size=2), b'{"broken": NaN}')
    await door.replay()
    assert await door.rows() == ["m1", "m3"]
    assert {each.code for each in await door.failed.list()} == {"plan_violation", "unreadable"}


async def test_an_event_behind_a_batch_that_failed_a_replay_is_replayed_again(door: Door) -> None:
    await keep_behind(door, own("m1"))
    assert (await door.replay()).failed == 1
    await door.plan(LOOSE)
    assert (await door.replay()).recovered == 1
    assert await door.rows() == ["m1"]
    assert await waiting(door) == []


async def test_what_parts_from_a_list_goes_on_to_have_come_when_it_came(door: Door) -> None:
    await keep_behind(door, own("m1"), own("m2"))
    door.clock.advance(timedelta(days=40))
    await door.replay()
    assert [(row["received_at"], row["becomes"] is not None) for row in await waiting(door)] == [(NOW, True)] * 2
    await door.plan(LOOSE)
    await door.replay()
    assert await door.rows("received_at") == [NOW, NOW]
    days = await door.pool.fetch("SELECT received_day, sum(failed)::int AS failed FROM event_counts GROUP BY 1")
    assert {row["received_day"]: row["failed"] for row in days}[NOW.date()] == 0
    assert await door.counters() == (2, 0, 0)


async def test_what_is_no_event_stays_together(door: Door) -> None:
    """A body of a million commas becomes no million rows, however often it is replayed."""
    rubbish = [b"1"] * 300 + [b'{"broken": NaN}', b"{}"]
    await keep_behind(door, *rubbish[:200], own("m1", size=1), *rubbish[200:])
    await door.replay()
    for _ in range(2):
        (row,) = await waiting(door)
        assert (row["code"], row["raw"]) == ("not_an_object", b"[" + b",".join(rubbish) + b"]")
        assert row["reason"].startswith("302 parts of a batch are no events.")
        assert (await door.replay()).failed == 1
    assert await door.rows() == ["m1"]
    assert await door.pool.fetchval("SELECT count(*) FROM failed_events") == 2


async def test_a_long_list_goes_step_by_step(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EVENTS", 4)
    sizes, append = [], module.event_store.append

    async def count(connection: asyncpg.Connection, rows: list[object], *args: Any, **options: Any) -> object:
        sizes.append(len(rows))
        return await append(connection, rows, *args, **options)  # type: ignore[arg-type]

    await door.plan(LOOSE)
    await keep_behind(door, *(each for n in range(10) for each in (b"null", own(f"m{n}"))))
    await keep_behind(door, own("m10"), own("m11"))
    monkeypatch.setattr(module.event_store, "append", count)
    tried = await door.replays.try_out(Wanted())
    assert (tried.looked_at, tried.recovered, sizes) == (2, 2, [])
    asked = await door.replays.ask(Wanted(), actor="x")
    progress = []
    while await door.replays.work(asked.replay_id):
        seen = await door.replays.replay(asked.replay_id)
        progress.append((seen.done, seen.finished_at is not None))
    assert progress == [(0, False), (0, False), (2, True)]
    assert sorted(await door.rows()) == sorted(f"m{n}" for n in range(12))
    assert max(sizes) <= 4
    assert {row["raw"] for row in await waiting(door)} == {b"[null,null,null,null]", b"[null,null]"}


async def test_a_step_reads_no_more_bytes_than_it_has_room_for(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    large = len(msgspec.json.encode(own("m0", note="x" * 1000)))
    monkeypatch.setattr(module, "ROOM", 2 * large)
    for n in range(6):
        await door.send(own(f"m{n}", note="x" * (5000 if n == 4 else 1000)))
    await door.plan(LOOSE)
    asked = await door.replays.ask(Wanted(), actor="x")
    steps = []
    while done := await door.replays.work(asked.replay_id):
        steps.append(done)
    assert steps == [2, 2, 1, 1]
    assert len(await door.rows()) == 6


async def test_what_the_database_refuses_does_not_stop_the_others(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    await door.send(own("m1"), own("m2"), own("m3"))
    await door.plan(LOOSE)
    refuse(monkeypatch, "m2")
    done = await door.replay()
    assert (done.recovered, done.failed) == (2, 1)
    assert await door.rows() == ["m1", "m3"]
    (left,) = await door.failed.list()
    assert left.code == "not_storable"


async def test_of_a_list_the_database_refuses_one_event_alone(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    await door.plan(LOOSE)
    await keep_behind(door, own("m1"), own("m2"), own("m3"))
    with monkeypatch.context() as patch:
        refuse(patch, "m2")
        await door.replay()
    assert await door.rows() == ["m1", "m3"]
    (left,) = await waiting(door)
    assert (left["code"], left["name"], msgspec.json.decode(left["raw"])) == ("not_storable", "Own", own("m2"))
    assert (await door.replay()).recovered == 1
    assert await door.rows() == ["m1", "m3", "m2"]


def refuse(patch: pytest.MonkeyPatch, message_id: str) -> None:
    """Have the database refuse one event."""
    append = module.event_store.append

    async def appended(connection: asyncpg.Connection, rows: list[object], *args: Any, **options: Any) -> object:
        if any(getattr(row, "message_id", "") == message_id for row in rows):
            await connection.execute("SELECT 'x'::int")
        return await append(connection, rows, *args, **options)  # type: ignore[arg-type]

    patch.setattr(module.event_store, "append", appended)


async def test_what_the_app_sent_again_by_itself_waits_no_longer(door: Door) -> None:
    await door.send(own("m1"), own("m2"))
    await door.plan(LOOSE)
    await door.send(own("m1"))
    assert await door.replays.settle() == 1
    assert await door.replays.settle() == 0
    assert await door.counters() == (1, 1, 1)
    (settled,) = await door.failed.list(recovered=True)
    assert (settled.recovered_by, settled.recovered_as) == ("app", "repeated")


async def test_long_replays_go_step_by_step(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STEP", 4)
    await door.send(*(own(f"m{n}") for n in range(10)))
    await door.plan(LOOSE)
    assert (await door.replays.try_out(Wanted())).recovered == 10
    asked = await door.replays.ask(Wanted(), actor="x")
    progress = []
    while await door.replays.work():
        seen = await door.replays.replay(asked.replay_id)
        progress.append((seen.done, seen.finished_at is not None))
    assert progress == [(4, False), (8, False), (10, True)]
    assert len(await door.rows()) == 10


async def test_a_source_is_asked_for_its_rules_once_a_step(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STEP", 4)
    await door.send(*(own(f"m{n}") for n in range(10)))
    await door.plan(LOOSE)
    asked, rules_of = [], door.replays._rules_of

    async def count(source_id: int) -> SourceRules:
        asked.append(source_id)
        return await rules_of(source_id)

    monkeypatch.setattr(door.replays, "_rules_of", count)
    assert (await door.replay()).recovered == 10
    assert asked == [door.source_id] * 3


async def test_what_fails_while_a_replay_runs_is_none_of_its_business(door: Door) -> None:
    await door.send(own("m1"))
    asked = await door.replays.ask(Wanted(), actor="x")
    await door.send(own("m2"))
    await door.plan(LOOSE)
    while await door.replays.work():
        pass
    assert (await door.replays.replay(asked.replay_id)).recovered == 1
    assert await door.rows() == ["m1"]


async def test_there_is_nothing_of_that_number(door: Door) -> None:
    for work in (door.failed.get(9), door.replays.replay(9)):
        with pytest.raises(NotFound):
            await work


async def test_one_failed_event_with_its_bytes(door: Door) -> None:
    await door.send(b"\xff\xfe not JSON")
    (listed,) = await door.failed.list()
    found = await door.failed.get(listed.failed_id)
    assert (found.raw, found.code, found.source) == (b"\xff\xfe not JSON", "unreadable", "app")
