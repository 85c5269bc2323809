"""F17: poison messages. None crashes or stalls anything, each is a row or a failed event, its neighbours are stored.

Everything runs to the end: the door, the failed events' page, the refresh with its figures.
"""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from admin_ui.failure_words import readable
from backend.api import envelope
from backend.asgi import create_app
from backend.clock import FixedClock
from backend.errors import BadInput
from backend.services.failed_events import FailedEvents
from backend.settings import Settings
from backend.wiring import open_intake
from tests.api.conftest import NOW, Intake, client_of, living
from tests.services.refreshing import Shop

pytestmark = pytest.mark.fault


def call(properties: bytes = b"{}", *, event: bytes = b'"Own"', user: bytes = b'"u"', more: bytes = b"") -> bytes:
    """A call as bytes, so that no writer of JSON mends it."""
    head = b'{"type":"track","messageId":"poison","event":' + event + b',"userId":' + user
    return head + more + b',"properties":' + properties + b"}"


def filled(size: int) -> bytes:
    """A call of so many bytes."""
    return call(b'{"p":"' + b"x" * (size - len(call(b'{"p":""}'))) + b'"}')


DEEP = b"[" * 10_000 + b"]" * 10_000
ORDER = b'"Order Completed"'
POISONS: dict[str, tuple[bytes, str | None]] = {
    "U+0000 in a value": (call(rb'{"p":"a\u0000b"}'), "bad_text"),
    "U+0000 in a name": (call(rb'{"a\u0000b":1}'), "bad_text"),
    "U+0000 in the event": (call(event=rb'"O\u0000wn"'), "bad_text"),
    "U+0000 in an id": (call(user=rb'"u\u0000"'), "bad_text"),
    "a NUL byte": (call(b'{"p":"a\x00b"}'), "unreadable"),
    "a lone surrogate": (call(rb'{"p":"\ud800"}'), "unreadable"),
    "half a pair": (call(rb'{"p":"\ude00\ud83d"}'), "unreadable"),
    "a surrogate's bytes": (call(b'{"p":"\xed\xa0\x80"}'), "unreadable"),
    "1e400": (call(b'{"p":1e400}'), "unreadable"),
    "1e400 as an amount": (call(b'{"order_id":"o","total":1e400}', event=ORDER), "unreadable"),
    "the largest float": (call(b'{"p":1.7976931348623157e308}'), None),
    "the largest float as an amount": (
        call(b'{"order_id":"o","total":1.7976931348623157e308}', event=ORDER),
        "bad_property",
    ),
    "deep nesting": (call(b'{"p":' + DEEP + b"}"), "too_deep"),
    "deep nesting without an end": (call(b'{"p":' + b"[" * 10_000), "unreadable"),
    "deep nesting of objects": (call(b'{"a":' * 5_000 + b"1" + b"}" * 5_000), "too_deep"),
    "10,000 properties": (call(json.dumps({f"p{n}": n for n in range(10_000)}).encode()), "too_large"),
    "2,000 properties": (call(json.dumps({f"p{n}": n for n in range(2_000)}).encode()), None),
    "a name twice": (call(b'{"p":1,"p":2}'), None),
    "an id twice": (call(more=b',"userId":"w"'), None),
    "more than 64 bits": (call(b'{"p":18446744073709551616,"q":-18446744073709551616}'), None),
    "more than 64 bits as points": (call(b'{"points":18446744073709551616}', event=b'"Points Earned"'), "bad_property"),
    "more than 64 bits as an id": (call(user=b"18446744073709551616"), None),
    "NaN": (call(b'{"p":NaN}'), "unreadable"),
    "Infinity": (call(b'{"p":-Infinity}'), "unreadable"),
    "32 KiB": (filled(32 * 1024), None),
    "32 KiB and a byte": (filled(32 * 1024 + 1), "too_large"),
    "100,000 digits": (call(b'{"p":' + b"7" * 100_000 + b"}"), "too_large"),
    "30,000 digits": (call(b'{"p":' + b"7" * 30_000 + b"}"), "unreadable"),
    "30,000 decimals": (call(b'{"p":0.' + b"7" * 30_000 + b"}"), None),
    "no UTF-8": (call(b'{"p":"\xff\xfe"}'), "unreadable"),
    "a year that is none": (call(more=b',"timestamp":"99999-01-01T00:00:00Z"'), "bad_timestamp"),
    "the last year": (call(more=b',"timestamp":"9999-12-31T23:59:59Z"'), None),
    "no event at all": (b"null", "not_an_object"),
    "half an event": (call()[:-1], "unreadable"),
}
"""The bytes, and the code of the failed event; None where it can be stored."""


@pytest.fixture
async def intake(dsn: str, tmp_path: Path) -> AsyncIterator[Intake]:
    configured = Settings(home=tmp_path, database_url=dsn, role="intake")
    async with open_intake(configured, clock=FixedClock(NOW)) as services:
        app = await services.sources.create("phone")
        till = await services.sources.create("till", kind="server")
        server = create_app(services, "intake")
        async with living(server), client_of(server) as client:
            yield Intake(client=client, services=services, app=app, till=till)


async def send(intake: Intake, poison: bytes, name: str = "x") -> int:
    """A batch with the poison between two neighbours, its id that name; gives the status."""
    neighbours = [
        json.dumps({"type": "track", "event": "Store Visited", "userId": "n", "messageId": f"{name} {place}"}).encode()
        for place in ("before", "after")
    ]
    named = poison.replace(b'"poison"', json.dumps(name).encode())
    body = b'{"batch":[' + neighbours[0] + b"," + named + b"," + neighbours[1] + b"]}"
    answer = await intake.send_bytes(body)
    return int(answer.status_code)


async def stored(pool: asyncpg.Pool) -> set[str]:
    return {row[0] for row in await pool.fetch("SELECT message_id FROM event_log")}


async def outcome(intake: Intake, name: str) -> tuple[int, set[str], list[str]]:
    """What sending a poison adds: the status, the rows, the codes of failed events."""
    pool = intake.services.pool
    rows, failed = await stored(pool), {each.failed_id for each in await FailedEvents(pool).list(limit=1000)}
    status = await send(intake, POISONS[name][0], name)
    codes = [each.code for each in await FailedEvents(pool).list(limit=1000) if each.failed_id not in failed]
    return status, {row.removeprefix(name).strip() for row in await stored(pool) - rows}, codes


def expected(name: str) -> tuple[int, set[str], list[str]]:
    """What it should add."""
    if name in UNSPLITTABLE:
        return 400, set(), []
    code = POISONS[name][1]
    return (200, {"before", "after"}, [code]) if code else (200, {"before", "after", ""}, [])


async def test_each_poison_is_kept_and_its_neighbours_are_stored(intake: Intake) -> None:
    found = {name: await outcome(intake, name) for name in POISONS}
    assert {name: found[name] for name in POISONS if found[name] != expected(name)} == {}
    again = {name: await outcome(intake, name) for name in POISONS}
    assert {name: each[1:] for name, each in again.items() if each[1:] != (set(), [])} == {}, "a retry adds nothing"


UNSPLITTABLE = {"deep nesting without an end", "half an event"}
"""Brackets that do not close: nothing says where the neighbours begin, so the whole body is refused."""


async def test_after_all_poisons_the_refresh_gets_through(intake: Intake, tmp_path: Path) -> None:
    pool = intake.services.pool
    for number, (name, (poison, _)) in enumerate(POISONS.items()):
        body = poison.replace(b'"poison"', f'"p{number}"'.encode())
        answer = await intake.send_bytes(body, "/v1/track")
        assert answer.status_code in (200, 400), name
    shop = Shop(pool, tmp_path)
    await shop.refresh.run_until_current()
    assert shop.lake_seqs() == await shop.log_seqs() != []
    assert await pool.fetchval("SELECT count(*) FROM touched_customers") == 0


async def test_every_poison_can_be_looked_at(intake: Intake) -> None:
    pool = intake.services.pool
    for name, (poison, code) in POISONS.items():
        if code and name not in UNSPLITTABLE:
            await send(intake, poison, name)
    failed = FailedEvents(pool)
    listed = await failed.list(limit=100)
    assert len(listed) == sum(code is not None and name not in UNSPLITTABLE for name, (_, code) in POISONS.items())
    for each in listed:
        text = readable((await failed.get(each.failed_id)).raw)
        assert all(letter.isprintable() or letter in "\n\t" for letter in text)
        text.encode()


async def test_saboteur_a_door_that_reads_batches_only_whole_loses_the_neighbours(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(body: bytes) -> Any:
        raise BadInput("The body is not JSON.")

    monkeypatch.setattr(envelope, "_salvage", refuse)
    assert await send(intake, POISONS["NaN"][0]) == 400
    assert await stored(intake.services.pool) == set()
