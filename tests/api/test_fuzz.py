"""Any bytes at the door: never a fault of ours, and everything acknowledged is kept."""

import asyncio
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.api.events import BATCHES, CALLS
from backend.asgi import create_app
from backend.clock import FixedClock
from backend.settings import Settings
from backend.wiring import open_intake
from tests.api.conftest import NOW, Intake, client_of, living, track

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
EVENTS = JSON | st.fixed_dictionaries(
    {"type": st.sampled_from(["track", "identify", "x"]) | JSON, "userId": st.text() | JSON},
    optional={
        "event": st.sampled_from(["Own", "Order Completed", "Points Earned"]) | JSON,
        "messageId": st.text(max_size=120) | JSON,
        "timestamp": st.datetimes().map(str) | JSON,
        "properties": st.dictionaries(st.sampled_from(["points", "order_id", "total", "products"]), JSON) | JSON,
        "context": JSON,
        "traits": JSON,
    },
)
ENVELOPES = st.fixed_dictionaries(
    {"batch": st.lists(EVENTS, max_size=4)}, optional={"context": JSON, "sentAt": JSON, "integrations": JSON}
)


def encode(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def spoil(body: bytes, cuts: list[tuple[int, bytes]]) -> bytes:
    """A body with some of its bytes replaced or taken out."""
    for place, piece in cuts:
        start = place % (len(body) + 1)
        body = body[:start] + piece + body[start + max(1, len(piece)) :]
    return body


WHOLE = ENVELOPES.map(encode)
PACKED = WHOLE.map(gzip.compress)
CUTS = st.lists(st.tuples(st.integers(0, 10_000), st.binary(max_size=3)), min_size=1, max_size=3)
BODIES = (
    st.binary(max_size=200)
    | WHOLE
    | PACKED
    | PACKED.map(gzip.compress)
    | st.builds(spoil, WHOLE, CUTS)
    | st.builds(spoil, PACKED, CUTS)
    | st.builds(spoil, PACKED.map(gzip.compress), CUTS)
    | st.builds(lambda body, cuts: gzip.compress(spoil(body, cuts)), WHOLE, CUTS)
)
SINGLES = st.fixed_dictionaries({}, optional={"type": JSON, "userId": JSON, "event": JSON, "previousId": JSON})
CALLED = st.sampled_from([f"/v1/{name}{end}" for name in (*BATCHES, *CALLS) for end in ("", "/")])
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "content-type": st.sampled_from(["application/json", "text/plain", "multipart/form-data; boundary=x", "x"]),
        "accept": st.sampled_from(["*/*", "text/html", "application/xml"]),
        "origin": st.just("https://stranger.example"),
        "x-retry-count": st.sampled_from(["1", "", "many"]),
        "x-user-token": st.text("ey.J", max_size=9),
        "expect": st.just("100-continue"),
    },
)


class Door:
    """A running intake for examples, which are not coroutines: its loop runs while one is asked."""

    def __init__(self, runner: asyncio.Runner, intake: Intake) -> None:
        self.runner = runner
        self.intake = intake

    def send(self, body: bytes, path: str, headers: dict[str, str] | None = None) -> tuple[httpx.Response, int]:
        """The answer, and how many rows, failed events and repetitions it added."""

        async def ask() -> tuple[httpx.Response, int]:
            before = self._kept()
            answer = await self.intake.send_bytes(body, path, **(headers or {}))
            return answer, self._kept() - before

        return self.runner.run(ask())

    def _kept(self) -> int:
        figures = self.intake.services.ingest.figures
        return figures.stored + figures.failed + figures.repeated


@pytest.fixture
def door(dsn: str, tmp_path: Path) -> Iterator[Door]:
    configured = Settings(home=tmp_path, database_url=dsn, role="intake")
    with asyncio.Runner() as runner:
        services_of = open_intake(configured, clock=FixedClock(NOW))
        services = runner.run(services_of.__aenter__())
        app = runner.run(services.sources.create("phone"))
        till = runner.run(services.sources.create("till", kind="server"))
        server = create_app(services, "intake")
        life = living(server)
        runner.run(life.__aenter__())
        client = client_of(server)
        yield Door(runner, Intake(client=client, services=services, app=app, till=till))
        runner.run(client.aclose())
        runner.run(life.__aexit__(None, None, None))
        runner.run(services_of.__aexit__(None, None, None))


unhurried = settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@unhurried
@given(body=BODIES, path=CALLED, headers=HEADERS)
def test_any_body_is_kept_or_refused_for_good(door: Door, body: bytes, path: str, headers: dict[str, str]) -> None:
    answer, kept = door.send(body, path, headers)
    assert answer.status_code in (200, 400, 401, 413), answer.text
    assert {"code", "message"} <= set(answer.json()) or answer.status_code == 200
    assert answer.status_code == 200 or kept == 0


@unhurried
@given(envelope=ENVELOPES)
def test_every_event_of_a_batch_is_kept(door: Door, envelope: dict[str, Any]) -> None:
    answer, kept = door.send(encode(envelope), "/v1/batch")
    assert (answer.status_code, kept) == (200, len(envelope["batch"]))


@unhurried
@given(event=EVENTS.filter(lambda value: isinstance(value, dict)))
def test_every_single_call_is_kept(door: Door, event: dict[str, Any]) -> None:
    answer, kept = door.send(encode({"writeKey": door.intake.app.write_key, **event}), "/v1/track")
    assert (answer.status_code, kept) == (200, 1)


@unhurried
@given(batch=ENVELOPES, single=SINGLES, path=CALLED, headers=HEADERS)
def test_a_well_formed_call_is_answered_200_and_nothing_else(
    door: Door, batch: dict[str, Any], single: dict[str, Any], path: str, headers: dict[str, str]
) -> None:
    """201, 202 and 204 mean "again" to one SDK; 3xx means "delivered" to another; 404, 405, 501 and 505 mean "drop"."""
    called = path.rstrip("/").rpartition("/")[2]
    body = encode(batch if called in BATCHES else single)
    for sent in (body, gzip.compress(body)):
        answer, kept = door.send(sent, path, headers)
        assert (answer.status_code, answer.json()) == (200, {"success": True})
        assert kept == (len(batch["batch"]) if called in BATCHES else 1)


def test_a_good_event_passes_the_same_way(door: Door) -> None:
    assert door.send(encode({"batch": [track("m1")]}), "/v1/batch")[1] == 1
