"""The proxy of the fault tests does what its plan says: a fault that did not happen would prove nothing."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.fixtures.fault_proxy import (
    Answer,
    Delay,
    Drip,
    DropReply,
    FaultProxy,
    HalfOpen,
    Reset,
    Truncate,
    read_message,
)

REPLY = b'HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{"success": true}'


class Origin:
    """A server that remembers what reached it and says yes to all."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        message = await read_message(reader)
        assert message is not None
        self.bodies.append(message.body)
        writer.write(REPLY)
        writer.close()


@pytest.fixture
async def origin() -> AsyncIterator[Origin]:
    origin = Origin()
    async with await asyncio.start_server(origin.serve, "127.0.0.1", 0) as server:
        origin.port = server.sockets[0].getsockname()[1]
        yield origin


@pytest.fixture
async def proxy(origin: Origin) -> AsyncIterator[FaultProxy]:
    async with FaultProxy(origin.port) as proxy:
        yield proxy


async def send(proxy: FaultProxy, body: bytes = b"x", *, patience: float = 5) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False, timeout=patience) as client:
        return await client.post(proxy.url, content=body)


async def test_without_a_plan_bytes_pass(proxy: FaultProxy, origin: Origin) -> None:
    assert (await send(proxy, b"a" * 200_000)).json() == {"success": True}
    assert origin.bodies == [b"a" * 200_000]


async def test_chunks_pass_as_they_are(proxy: FaultProxy, origin: Origin) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"one"
        yield b"two"

    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.post(proxy.url, content=pieces())).status_code == 200
    assert origin.bodies == [b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"]


async def test_a_planned_answer_never_reaches_the_server(proxy: FaultProxy, origin: Origin) -> None:
    proxy.plan(Answer(429, headers=(("Retry-After", "1"),)))
    answer = await send(proxy)
    assert (answer.status_code, answer.headers["retry-after"], origin.bodies) == (429, "1", [])
    assert (await send(proxy)).status_code == 200


@pytest.mark.parametrize(("fault", "reached"), [(Reset(), 0), (DropReply(), 1)])
async def test_resets_before_and_after_the_work(
    proxy: FaultProxy, origin: Origin, fault: Reset | DropReply, reached: int
) -> None:
    proxy.plan(fault)
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        await send(proxy)
    assert len(origin.bodies) == reached


async def test_a_half_open_connection_stays_silent(proxy: FaultProxy, origin: Origin) -> None:
    proxy.plan(HalfOpen())
    with pytest.raises(httpx.ReadTimeout):
        await send(proxy, patience=0.1)
    assert len(origin.bodies) == 1


async def test_a_truncated_answer_breaks_off(proxy: FaultProxy, origin: Origin) -> None:
    proxy.plan(Truncate(len(REPLY) - 3))
    with pytest.raises(httpx.RemoteProtocolError):
        await send(proxy)
    assert len(origin.bodies) == 1


async def test_delayed_and_dripping_answers_arrive_whole(proxy: FaultProxy) -> None:
    proxy.plan(Delay(0.01), Drip(size=9, pause=0))
    assert [(await send(proxy)).json() for _ in range(2)] == [{"success": True}] * 2
    assert [type(fault) for _, fault in proxy.requests] == [Delay, Drip]
