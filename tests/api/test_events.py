"""The protocol through HTTP: what is stored, what is refused, and how it is said."""

import asyncio
import gzip
from typing import Any

import msgspec

from backend.api.events import CALLS
from backend.services.event_volumes import EventVolumes
from backend.services.failed_events import FailedEvents
from tests.api.conftest import Intake, track


async def test_a_batch_is_stored_and_answered_with_exactly_200(intake: Intake) -> None:
    answer = await intake.send({"batch": [track("m1"), track("m2")]})
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert answer.headers["content-type"] == "application/json"
    assert await intake.count() == (2, 0)


async def test_one_poisoned_event_among_a_hundred_fails_alone(intake: Intake) -> None:
    batch: list[Any] = [track(f"m{n}") for n in range(100)]
    batch[42] = track("m42", event="Order Completed", properties={"order_id": "o1", "total": "a lot"})
    answer = await intake.send({"batch": batch})
    assert answer.status_code == 200
    assert await intake.count() == (99, 1)
    failed = FailedEvents(intake.services.pool)
    detail = await failed.get((await failed.list())[0].failed_id)
    assert (detail.code, detail.source) == ("bad_property", "phone")
    assert msgspec.json.decode(detail.raw) == batch[42]


POISONS = [
    b'{"type":"track","event":"x","userId":"u","n":NaN}',
    b'{"type":"track","event":"\\ud800","userId":"u"}',
    b'{"type":"track","event":"\xff","userId":"u"}',
    b'{"type":"track","event":"line\nbreak","userId":"u"}',
    b'{"type":"track","event":"x","userId":"u","n":1e400}',
    b'{"type":"track","event":"x","userId":"u","n":' + b"9" * 10_000 + b"}",
    b'{"type":"track","event":"x","userId":"u","n":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    b'{"type":"track","event":"x","userId":"u\\u0000"}',
    b'{"type":"track","event":"x","userId":"u","text":"' + b"x" * 32_768 + b'"}',
    b'{"type":"track","event":"x","event":5,"userId":"u"}',
    b"[1,2]",
    b'"text, with a comma"',
    b"null",
    b"{}",
]


async def test_poison_neither_sinks_its_neighbours_nor_is_lost(intake: Intake) -> None:
    for n, poison in enumerate(POISONS):
        neighbours = [msgspec.json.encode(track(f"{name}-{n}")) for name in ("before", "after")]
        body = b'{"batch": [' + neighbours[0] + b", " + poison + b", " + neighbours[1] + b'], "sentAt": null}'
        answer = await intake.send_bytes(body)
        assert (answer.status_code, await intake.count()) == (200, (2 * n + 2, n + 1)), poison[:80]
    kept = await intake.services.pool.fetch("SELECT raw FROM failed_events ORDER BY failed_id")
    assert [row["raw"] for row in kept] == POISONS


async def test_the_same_batch_sixteen_ways_at_once_is_stored_once(intake: Intake) -> None:
    batch = {"batch": [track(f"m{n}") for n in range(20)] + [track("bad", type="x")]}
    answers = await asyncio.gather(*(intake.send(batch) for _ in range(48)))
    assert {answer.status_code for answer in answers} == {200}
    assert await intake.count() == (20, 1)
    totals = await EventVolumes(intake.services.pool).totals()
    counted = {row.name: (row.stored, row.repeated, row.failed) for row in totals}
    assert counted == {"Store Visited": (20, 20 * 47, 0), "": (0, 47, 1)}


async def test_every_path_of_a_batch(intake: Intake) -> None:
    for n, path in enumerate(["/v1/batch", "/v1/b", "/v1/import", "/v1/batch/"]):
        assert (await intake.send({"batch": [track(f"m{n}")]}, path)).status_code == 200
        assert await intake.count() == (n + 1, 0)


async def test_a_single_call_takes_its_type_from_the_path(intake: Intake) -> None:
    for path in CALLS:
        body = {"userId": "u1", "event": "Own", "previousId": "a1", "messageId": path, "writeKey": intake.app.write_key}
        assert (await intake.client.post(f"/v1/{path}", json=body)).status_code == 200
        assert (await intake.client.post(f"/v1/{path}/", json=body)).status_code == 200
    rows = await intake.services.pool.fetch("SELECT message_id, type, payload FROM event_log")
    assert {row["message_id"]: row["type"] for row in rows} == CALLS
    assert not any("writeKey" in row["payload"] for row in rows)


async def test_a_single_call_that_is_no_event_is_kept_as_failed(intake: Intake) -> None:
    assert (await intake.send({"event": "nobody"}, "/v1/track")).status_code == 200
    assert (await intake.send_bytes(b'{"event": NaN}', "/v1/track")).status_code == 200
    assert await intake.count() == (0, 2)


async def test_telemetry_of_sdks_is_dropped(intake: Intake) -> None:
    assert (await intake.client.post("/v1/m", json={"series": []})).status_code == 200
    assert await intake.count() == (0, 0)


async def test_the_content_type_does_not_matter(intake: Intake) -> None:
    types = ["application/json", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "x", ""]
    for n, content_type in enumerate(types):
        body = msgspec.json.encode({"batch": [track(f"m{n}")]})
        answer = await intake.send_bytes(body, **{"content-type": content_type})
        assert (answer.status_code, await intake.count()) == (200, (n + 1, 0))


async def test_gzip_is_known_by_header_or_by_its_first_bytes(intake: Intake) -> None:
    for n, headers in enumerate([{"content-encoding": "gzip"}, {}]):
        body = gzip.compress(msgspec.json.encode({"batch": [track(f"m{n}")]}))
        assert (await intake.send_bytes(body, **headers)).status_code == 200
        assert await intake.count() == (n + 1, 0)


REFUSED = [
    (400, "bad_json", b""),
    (400, "bad_json", b"{"),
    (400, "bad_json", b"[]"),
    (400, "bad_json", b"batch=1"),
    (400, "bad_json", b'{"batch": []} and more'),
    (400, "bad_json", b'{"batch": [}]'),
    (400, "bad_batch", b"{}"),
    (400, "bad_batch", b'{"batch": {}}'),
    (400, "bad_batch", b'{"batch": null}'),
    (400, "bad_gzip", b"\x1f\x8bbroken"),
    (400, "bad_gzip", gzip.compress(b'{"batch": []}')[:-9]),
    (413, "too_large", b'{"batch": ["' + b"x" * 1024 * 1024 + b'"]}'),
]


async def test_what_can_never_succeed_is_refused_with_code_and_message(intake: Intake) -> None:
    bomb = gzip.compress(b'{"batch": ["' + b"x" * 200_000_000 + b'"]}', 1)
    for status, code, body in [*REFUSED, (413, "too_large", bomb)]:
        answer = await intake.send_bytes(body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), body[:80]
        assert isinstance(answer.json()["message"], str)
    assert await intake.count() == (0, 0)


async def test_many_gzip_members_do_not_add_up_beyond_the_limit(intake: Intake) -> None:
    answer = await intake.send_bytes(gzip.compress(b" " * 600_000) * 2)
    assert answer.status_code == 413


async def test_what_goes_beyond_the_longest_batch_is_kept_as_one(intake: Intake) -> None:
    answer = await intake.send({"batch": [track(f"m{n}") for n in range(2503)]})
    assert (answer.status_code, await intake.count()) == (200, (2500, 1))
    failed = FailedEvents(intake.services.pool)
    (kept,) = await failed.list()
    detail = await failed.get(kept.failed_id)
    assert [event["messageId"] for event in msgspec.json.decode(detail.raw)] == ["m2500", "m2501", "m2502"]


async def test_the_context_of_the_batch_reaches_each_event(intake: Intake) -> None:
    shared = {"os": {"name": "iOS"}, "userToken": "secret"}
    await intake.send({"batch": [track("m1")], "context": shared, "sentAt": "2026-04-01T03:00:00Z"})
    row = await intake.services.pool.fetchrow("SELECT payload, sent_at FROM event_log")
    assert row is not None
    assert row["payload"]["context"] == {"os": {"name": "iOS"}}
    assert row["sent_at"] is not None


async def test_a_key_in_the_context_of_the_batch_is_kept_nowhere(intake: Intake) -> None:
    shared = {"writeKey": intake.app.write_key, "app": {"version": "2"}}
    await intake.send({"batch": [track("m1"), track("m2", event="")], "context": shared})
    assert await intake.count() == (1, 1)
    stored = await intake.services.pool.fetchrow("SELECT payload FROM event_log")
    failed = await intake.services.pool.fetchrow("SELECT raw, envelope FROM failed_events")
    assert stored is not None
    assert failed is not None
    assert stored["payload"]["context"] == {"app": {"version": "2"}}
    assert intake.app.write_key.encode() not in failed["raw"] + failed["envelope"]


async def test_an_impossible_context_of_the_batch_loses_no_event(intake: Intake) -> None:
    for n, context in enumerate(["text", {"text": "x" * 9000}, {"text": "\x00"}]):
        answer = await intake.send({"batch": [track(f"m{n}"), track(f"n{n}")], "context": context})
        assert (answer.status_code, await intake.count()) == (200, (0, 2 * n + 2))


async def test_an_empty_batch_is_fine(intake: Intake) -> None:
    assert (await intake.send({"batch": []})).status_code == 200


async def test_server_sources_are_trusted_and_apps_are_not(intake: Intake) -> None:
    await intake.send({"batch": [track("m1")]})
    await intake.send({"batch": [track("m2")]}, auth=(intake.till.write_key, ""))
    rows = await intake.services.pool.fetch("SELECT message_id, trusted FROM event_log")
    assert {row["message_id"]: row["trusted"] for row in rows} == {"m1": False, "m2": True}


async def test_no_other_path_or_method_redirects_or_hides_a_fault(intake: Intake) -> None:
    for answer in (await intake.client.get("/v1/batch"), await intake.client.post("/v1/nothing", json={})):
        assert answer.status_code in (404, 405)
        assert set(answer.json()) == {"code", "message"}


async def test_pages_of_configured_origins_may_send(intake: Intake) -> None:
    asked = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
    preflight = await intake.client.options("/v1/batch", headers=asked)
    assert preflight.headers["access-control-allow-origin"] == "https://shop.example"
    answer = await intake.send({"batch": []}, headers={"Origin": "https://shop.example"})
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    stranger = await intake.send({"batch": []}, headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in stranger.headers
    assert "access-control-allow-credentials" not in answer.headers
