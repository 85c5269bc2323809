"""The short way past the framework and the long way through it take the same and refuse the same."""

from typing import Any

import httpx
import pytest

from backend.api.events import ClientLeft
from backend.api.front_door import read_body
from backend.api.inflate import TooLarge
from tests.api.conftest import Intake, track
from tests.api.test_events import REFUSED

LONG_WAY = {"origin": "https://stranger.example"}
"""A request of a web page goes through the framework."""


async def test_both_ways_refuse_the_same(intake: Intake) -> None:
    for _, _, body in [*REFUSED, (401, "", b'{"batch": [], "writeKey": "another"}')]:
        short, long = await intake.send_bytes(body), await intake.send_bytes(body, **LONG_WAY)
        assert (short.status_code, short.json()["code"]) == (long.status_code, long.json()["code"]), body[:80]
        assert names(short) == names(long)


def names(answer: httpx.Response) -> set[str]:
    """Headers of an answer but those for web pages."""
    return {name for name in answer.headers if name != "vary" and not name.startswith("access-control-")}


async def test_both_ways_take_the_same_and_are_counted_alike(intake: Intake) -> None:
    for n, headers in enumerate(({}, LONG_WAY)):
        answer = await intake.send({"batch": [track(f"m{n}")]}, headers=headers)
        assert (answer.status_code, answer.content, names(answer)) == (
            200,
            b'{"success": true}',
            {"content-type", "content-length"},
        )
    key = await intake.services.api_keys.create("prometheus", scopes=["metrics:read"])
    figures = (await intake.client.get("/metrics", headers={"Authorization": f"Bearer {key}"})).text
    assert 'joren_requests_total{route="/v1/batch",status="200"} 2.0' in figures


async def test_a_body_in_pieces_is_read_whole_and_no_further_than_the_limit() -> None:
    assert await read_body({}, pieces(b"ab", b"cd"), limit=4) == b"abcd"
    with pytest.raises(TooLarge):
        await read_body({}, pieces(b"ab", b"cde", b"never asked for"), limit=4)
    with pytest.raises(TooLarge):
        await read_body({"content-length": "5"}, pieces(), limit=4)


async def test_a_client_that_leaves_in_the_middle_stores_nothing() -> None:
    with pytest.raises(ClientLeft):
        await read_body({}, pieces(b"ab", None), limit=4)


def pieces(*parts: bytes | None) -> Any:
    """What a server hands on: parts of a body, None for a client that hung up."""
    waiting = list(parts)

    async def receive() -> dict[str, Any]:
        part = waiting.pop(0)
        if part is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": part, "more_body": bool(waiting)}

    return receive
