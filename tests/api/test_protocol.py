"""The protocol's contract, rule by rule: what each kind of client does, and what it must be told."""

import asyncio
import base64
import gzip
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from backend.api.events import BATCHES, CALLS
from backend.services.ingest import Limits
from segments.salvage import split_elements
from tests.api.conftest import Intake, track
from tests.fixtures.phone_uploads import KOTLIN, SWIFT, kotlin_event, swift_event


def basic(user: str) -> str:
    return "Basic " + base64.b64encode(user.encode()).decode()


def body_of(*events: object, **envelope: Any) -> bytes:
    return json.dumps({"batch": list(events), **envelope}).encode()


@dataclass(frozen=True, slots=True)
class Rule:
    """One request and what must become of it.

    Attributes:
        name: rule and case.
        answer: status, and the code of a refusal.
        kept: events stored, events kept as failed.
        key: how the key is given; None sends none.
    """

    name: str
    answer: int | tuple[int, str]
    kept: tuple[int, int]
    body: bytes = field(default_factory=lambda: body_of(track("m1")))
    path: str = "/v1/batch"
    key: str | None = "basic"
    headers: dict[str, str] = field(default_factory=dict)


def keyed(key: str, body: bytes) -> bytes:
    return body[:-1] + f', "writeKey": "{key}"}}'.encode()


ONE = body_of(track("m1"))
RULES = [
    *(Rule(f"0 path /v1/{name}", 200, (1, 0), path=f"/v1/{name}") for name in BATCHES),
    *(Rule(f"0 path /v1/{name}/", 200, (1, 0), path=f"/v1/{name}/") for name in BATCHES),
    *(
        Rule(
            f"0 path /v1/{name}{end}",
            200,
            (1, 0),
            path=f"/v1/{name}{end}",
            body=json.dumps(track("m", previousId="a")).encode(),
        )
        for name in CALLS
        for end in ("", "/")
    ),
    Rule("0 telemetry is dropped", 200, (0, 0), path="/v1/m", key=None),
    Rule("1 key as Basic user with colon", 200, (1, 0), key="basic"),
    Rule("1 key as Basic user without colon", 200, (1, 0), key="basic without colon"),
    Rule("1 key as Basic user, a password is ignored", 200, (1, 0), key="basic with password"),
    Rule("1 key in the body", 200, (1, 0), key="body"),
    Rule("1 key in the body beside Bearer", 200, (1, 0), key="bearer and body"),
    Rule("1 key in header and body, the same", 200, (1, 0), key="both"),
    Rule("1 keys of header and body differ", (401, "unauthorized"), (0, 0), key="two"),
    Rule("1 key in the query string is none", (401, "unauthorized"), (0, 0), key="query"),
    Rule("1 Bearer alone is none", (401, "unauthorized"), (0, 0), key="bearer"),
    Rule("1 no key", (401, "unauthorized"), (0, 0), key=None),
    Rule("1 unknown key", (401, "unauthorized"), (0, 0), key="unknown"),
    Rule("2 gzip by header", 200, (1, 0), body=gzip.compress(ONE), headers={"content-encoding": "gzip"}),
    Rule("2 gzip by its first bytes", 200, (1, 0), body=gzip.compress(ONE)),
    Rule(
        "2 gzip by header with another case", 200, (1, 0), body=gzip.compress(ONE), headers={"content-encoding": "GZIP"}
    ),
    Rule("2 gzip twice", 200, (1, 0), body=gzip.compress(gzip.compress(ONE)), headers={"content-encoding": "gzip"}),
    Rule("2 JSON as text/plain", 200, (1, 0), headers={"content-type": "text/plain"}),
    Rule("2 JSON as a form", 200, (1, 0), headers={"content-type": "application/x-www-form-urlencoded"}),
    Rule("2 JSON with a byte order mark", 200, (1, 0), body=b"\xef\xbb\xbf" + ONE),
    Rule("2 NUL in one event", 200, (1, 1), body=body_of(track("m1"), track("m2", event="a\x00"))),
    Rule("2 lone surrogate in one event", 200, (1, 1), body=body_of(track("m1"), track("m2", event="\ud800"))),
    Rule(
        "2 bytes that are not UTF-8 in one event",
        200,
        (1, 1),
        body=ONE[:-2] + b', {"type": "track", "event": "\xff"}]}',
    ),
    Rule("3 no events", 200, (0, 0), body=body_of()),
    Rule("3 2,500 events", 200, (2500, 0), body=body_of(*(track(f"m{n}") for n in range(2500)))),
    Rule("3 what is too much of a batch", 200, (2500, 1), body=body_of(*(track(f"m{n}") for n in range(2503)))),
    Rule("3 unknown fields are kept", 200, (1, 0), body=body_of(track("m1", own={"a": [1]}), more=1, sentAt=None)),
    Rule("3 an element without type", 200, (1, 1), body=body_of(track("m1"), {"userId": "u"})),
    Rule("4 no id", 200, (1, 1), body=body_of(track("m1"), track("m2", userId=None))),
    Rule("4 no event name", 200, (1, 1), body=body_of(track("m1"), track("m2", event=None))),
    Rule("4 more than 32 KiB", 200, (1, 1), body=body_of(track("m1"), track("m2", x="x" * 32_768))),
    Rule("4 a time that is none", 200, (1, 1), body=body_of(track("m1"), track("m2", timestamp="noon"))),
    Rule("4 a message id of 100 characters", 200, (1, 0), body=body_of(track("m" * 100))),
    Rule("4 a message id of 101 characters", 200, (1, 1), body=body_of(track("m1"), track("m" * 101))),
    Rule("4 null is absent", 200, (1, 0), body=body_of(track("m1", anonymousId=None, context=None, timestamp=None))),
    Rule("4 numbers as ids", 200, (1, 0), body=body_of(track("m1", userId=42, anonymousId=7))),
    Rule("5 no message id", 200, (1, 0), body=body_of(track("m1", messageId=None), track("m1", messageId=None))),
    Rule("6 the same event twice", 200, (1, 0), body=body_of(track("m1"), track("m1"))),
    Rule("7 no JSON", (400, "bad_json"), (0, 0), body=b"batch=1"),
    Rule("7 no object", (400, "bad_json"), (0, 0), body=b"[]"),
    Rule("7 no list of events", (400, "bad_batch"), (0, 0), body=b'{"batch": "x"}'),
    Rule("7 broken gzip", (400, "bad_gzip"), (0, 0), body=gzip.compress(ONE)[:-9]),
    Rule("7 no gzip although it says so", (400, "bad_gzip"), (0, 0), headers={"content-encoding": "gzip"}),
    Rule("7 too large", (413, "too_large"), (0, 0), body=body_of(track("m1"), x="x" * 1_048_576)),
    Rule("7 too large when unpacked", (413, "too_large"), (0, 0), body=gzip.compress(b" " * 2_000_000)),
    Rule(
        "7 too large when unpacked twice",
        (413, "too_large"),
        (0, 0),
        body=gzip.compress(gzip.compress(b" " * 2_000_000)),
    ),
]


def authorized(rule: Rule, key: str) -> tuple[str, bytes, dict[str, str]]:
    """Path, body and headers that carry the key in the rule's way."""
    body, headers = rule.body, dict(rule.headers)
    header = {
        "basic": basic(f"{key}:"),
        "basic without colon": basic(key),
        "basic with password": basic(f"{key}:secret"),
        "both": basic(f"{key}:"),
        "two": basic(f"{key}:"),
        "unknown": basic("joren_app_unknown:"),
        "bearer": f"Bearer {key}",
        "bearer and body": "Bearer something-else",
    }.get(rule.key or "")
    if header:
        headers["authorization"] = header
    if rule.key in ("body", "both", "bearer and body"):
        body = keyed(key, body)
    if rule.key == "two":
        body = keyed("another", body)
    return rule.path + (f"?writeKey={key}" if rule.key == "query" else ""), body, headers


async def outcome(intake: Intake, rule: Rule) -> tuple[int | tuple[int, str], tuple[int, int]]:
    """What became of a rule's request, sent with a source of its own."""
    source = await intake.services.sources.create(rule.name)
    path, body, headers = authorized(rule, source.write_key)
    answer = await intake.client.post(path, content=body, headers=headers)
    said = answer.json()
    assert answer.headers["content-type"] == "application/json"
    assert said == {"success": True} if answer.status_code == 200 else isinstance(said["message"], str)
    kept = [
        await intake.services.pool.fetchval(f"SELECT count(*) FROM {table} WHERE source_id = $1", source.source_id)
        for table in ("event_log", "failed_events")
    ]
    return answer.status_code if answer.status_code == 200 else (answer.status_code, said["code"]), (kept[0], kept[1])


async def test_every_rule_of_the_protocol(intake: Intake) -> None:
    wanted = {rule.name: (rule.answer, rule.kept) for rule in RULES}
    assert len(wanted) == len(RULES)
    assert {rule.name: await outcome(intake, rule) for rule in RULES} == wanted


async def test_rule_2_a_body_may_come_in_chunks(intake: Intake) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(ONE), 7):
            yield ONE[start : start + 7]

    answer = await intake.client.post("/v1/batch", content=pieces(), auth=(intake.app.write_key, ""))
    assert (answer.status_code, await intake.count()) == (200, (1, 0))


async def test_rule_7_the_first_refused_bodies_are_kept_for_repair(intake: Intake) -> None:
    broken = b'{"writeKey": "secret", "batch": [}'
    await intake.send_bytes(b"x" * 2_000_000)
    for _ in range(30):
        await intake.send_bytes(broken)
    await intake.services.refusals.write()
    *kept, unread = await intake.services.refusals.newest(limit=100)
    assert (unread.status, unread.code, unread.size) == (413, "too_large", 0)
    assert [(row.status, row.code, row.size) for row in kept] == [(400, "bad_json", len(broken))] * 20
    first = await intake.services.refusals.detail(kept[-1].refused_id)
    assert (first.path, first.body) == ("/v1/batch", b'{"writeKey":"(removed)", "batch": [}')
    concerns = (await intake.client.get("/health/ready")).json()["concerns"]
    assert "requests_refused" in concerns


async def test_rule_8_for_now_means_whole_seconds(intake: Intake) -> None:
    await intake.services.ingest.stop()
    answer = await intake.send({"batch": [track("m1")]})
    assert (answer.status_code, answer.json()["code"]) == (503, "stopping")
    assert 1 <= int(answer.headers["retry-after"]) <= 300


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_rule_11_nothing_is_redirected(intake: Intake, method: str) -> None:
    paths = [
        "/v1/batch",
        "/v1/batch/",
        "/v1/track/",
        "/v1",
        "/v1/",
        "/v1//batch",
        f"/v1/projects/{intake.app.write_key}/settings/",
    ]
    answers = [await intake.client.request(method, path, content=ONE) for path in paths]
    assert not [answer.status_code for answer in answers if 300 <= answer.status_code < 400]


async def test_the_same_batch_a_thousand_times_sixteen_ways_is_stored_once(intake: Intake) -> None:
    batch = {"batch": [track(f"m{n}") for n in range(20)] + [track("bad", type="x")]}
    turns = iter(range(1000))  # shared: each turn is taken once

    async def send() -> set[int]:
        return {(await intake.send(batch)).status_code for _ in turns}

    answers = await asyncio.gather(*(send() for _ in range(16)))
    assert set.union(*answers) == {200}
    assert await intake.count() == (20, 1)


async def test_files_of_phones_are_read_as_they_are(intake: Intake) -> None:
    moment = "2026-04-01T03:00:00.000Z"
    for sdk, event in ((SWIFT, swift_event), (KOTLIN, kotlin_event)):
        file = sdk.file([event(1, moment), event(2, moment)], intake.app.write_key, moment)
        assert len(split_elements(file[file.index(b"[") : file.rindex(b"]") + 1]) or []) == 2
        assert (await intake.client.post(sdk.path, content=file)).status_code == 200
    rows = await intake.services.pool.fetch("SELECT payload FROM event_log")
    assert {row["payload"]["context"]["library"]["name"] for row in rows} == {"analytics-swift", "analytics-kotlin"}
    assert {row["payload"]["context"]["device"]["token"] for row in rows} == {"fcm-token-of-this-phone"}


@pytest.mark.parametrize("table", ["sources", "source_token_keys", "tracking_plans", "device_clocks", "event_ids"])
async def test_rule_9_whatever_stalls_a_request_is_answered_for_now(
    intake: Intake, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock stands for a database that does not answer: each question of a request has an end."""
    await intake.services.pool.execute("UPDATE sources SET token_mode = 'report'")
    file = SWIFT.file([swift_event(1, "2026-04-01T02:00:00Z")], intake.app.write_key, "2026-04-01T02:00:00Z")
    async with intake.services.pool.acquire() as other:
        lock = other.transaction()
        await lock.start()
        await other.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        with monkeypatch.context() as hurried:
            hurried.setattr("backend.store.pool.BRIEF", timedelta(milliseconds=200))
            hurried.setattr(intake.services.ingest, "_limits", Limits(patience=timedelta(milliseconds=200)))
            refused = await intake.client.post("/v1/b", content=file)
        await lock.rollback()
    assert (refused.status_code, int(refused.headers["retry-after"]) > 0) == (503, True)
    assert (await intake.client.post("/v1/b", content=file)).status_code == 200
    assert await intake.count() == (1, 0)
