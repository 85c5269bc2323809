"""The fast sender's connections against a server that does as it is told, over TLS."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest
import uvloop

from backend.push import connections
from backend.push.connections import Answer, Connections, Fate, Lost, NotSent
from backend.push.emulator import certificate

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Side:
    """The other side; ``behaviour`` is what it does with each request."""

    trust: ssl.SSLContext
    behaviour: Behaviour
    port: int = 0
    opened: int = 0
    requests: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while not writer.is_closing():
                self.requests.append(await reader.readuntil(b"\r\n\r\n"))
                await self.behaviour(reader, writer)

    def connections(self, *, most: int = 4, seconds: float = 5) -> Connections:
        return Connections("127.0.0.1", self.port, self.trust, most=most, seconds=seconds)


async def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(OK)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> certificate.Certificate:
    return certificate.ensure(tmp_path_factory.mktemp("certificate"))


@contextlib.asynccontextmanager
async def standing(files: certificate.Certificate) -> AsyncIterator[Side]:
    own = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    own.load_cert_chain(files.server)
    side = Side(ssl.create_default_context(cafile=str(files.authority)), accept)
    server = await asyncio.start_server(side.serve, "127.0.0.1", 0, ssl=own)
    side.port = server.sockets[0].getsockname()[1]
    yield side
    server.close()


@pytest.fixture
async def side(files: certificate.Certificate) -> AsyncIterator[Side]:
    async with standing(files) as side:
        yield side


async def answered(asked: Connections) -> Answer:
    """The answer to one request."""
    fate = await fate_of(asked)
    assert isinstance(fate, Answer)
    return fate


async def fate_of(asked: Connections) -> Fate:
    [fate] = await asked.ask([request()])
    return fate


def request(number: int = 0) -> bytes:
    return b"POST /%d HTTP/1.1\r\nHost: here\r\nContent-Length: 0\r\n\r\n" % number


async def test_a_connection_is_used_again_and_no_more_than_allowed_are_opened(side: Side) -> None:
    asked = side.connections(most=3)
    halves = [[request(number) for number in numbers] for numbers in (range(15), range(15, 20))]
    answers = [fate for half in await asyncio.gather(*map(asked.ask, halves)) for fate in half]
    assert [answer.body for answer in answers if isinstance(answer, Answer)] == [b"{}"] * 20
    assert (side.opened, len(side.requests)) == (3, 20)
    await asked.aclose()


def test_a_server_process_with_a_loop_of_its_own_kind_sends_as_well(files: certificate.Certificate) -> None:
    async def ask() -> Answer:
        async with standing(files) as side:
            asked = side.connections()
            answer = await answered(asked)
            await asked.aclose()
            return answer

    assert uvloop.run(ask()).body == b"{}"


async def test_an_answer_in_pieces_is_one(side: Side) -> None:
    async def drop_by_drop(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for byte in (
            b"HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n"
        ):
            writer.write(bytes([byte]))
            await writer.drain()

    side.behaviour = drop_by_drop
    asked = side.connections()
    answer = await answered(asked)
    assert (answer.status, answer.headers["retry-after"], answer.body) == (429, "7", b"abcd")
    await asked.aclose()


async def test_an_announcement_is_not_the_answer(side: Side) -> None:
    async def announce(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n" + OK)

    side.behaviour = announce
    asked = side.connections()
    assert (await answered(asked)).status == 200
    await asked.aclose()


@pytest.mark.parametrize(
    ("said", "seen"),
    [
        (b"", "connection_lost"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", "connection_lost"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "bad_answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n" + b"x" * 70_000, "bad_answer"),
    ],
)
async def test_a_request_without_a_readable_answer_is_lost_and_its_connection_not_used_again(
    side: Side, said: bytes, seen: str
) -> None:
    async def break_off(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        writer.close()

    side.behaviour = break_off
    asked = side.connections()
    assert await fate_of(asked) == Lost(seen)
    side.behaviour = accept
    assert (await answered(asked)).status == 200
    assert side.opened == len(side.requests) == 2
    await asked.aclose()


async def test_one_that_stays_silent_is_given_up(side: Side) -> None:
    async def stay_silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    side.behaviour = stay_silent
    asked = side.connections(seconds=0.1)
    assert await fate_of(asked) == Lost("timeout")
    await asked.aclose()


async def test_a_connection_that_the_other_side_means_to_close_is_not_used_again(side: Side) -> None:
    async def once(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}")

    side.behaviour = once
    asked = side.connections()
    for _ in range(3):
        assert (await answered(asked)).status == 200
    assert side.opened == 3
    await asked.aclose()


@pytest.mark.parametrize("later", [True, False])
@pytest.mark.parametrize(
    "more", [b'HTTP/1.1 200 OK\r\nX: y\r\nContent-Length: 15\r\n\r\n{"name": "not"}', b"HTTP/1.1 2", b"what?"]
)
async def test_what_nobody_asked_for_ends_the_connection(side: Side, more: bytes, later: bool) -> None:
    async def say_more(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if later:
            writer.write(OK)
            await writer.drain()
            await asyncio.sleep(0.05)
            writer.write(more)
        else:
            writer.write(OK + more)

    side.behaviour = say_more
    asked = side.connections()
    answer = await answered(asked)
    assert (answer.body, list(answer.headers)) == (b"{}", ["content-length"])
    await asyncio.sleep(0.2)
    side.behaviour = accept
    assert (await answered(asked)).body == b"{}"
    assert side.opened == 2
    await asked.aclose()


async def test_an_old_connection_is_not_trusted(side: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "IDLE", 0.0)
    asked = side.connections()
    for _ in range(2):
        await answered(asked)
    assert side.opened == 2
    await asked.aclose()


async def test_where_no_connection_comes_about_nothing_was_sent(side: Side, unused_tcp_port: int) -> None:
    nobody = Connections("127.0.0.1", unused_tcp_port, side.trust, most=1, seconds=1)
    no_name = Connections("no..name", side.port, side.trust, most=1, seconds=1)
    stranger = Connections("127.0.0.1", side.port, ssl.create_default_context(), most=1, seconds=1)
    for asked in (nobody, stranger, no_name):
        assert isinstance(await fate_of(asked), NotSent)
        await asked.aclose()
    assert side.requests == []


async def test_one_who_stops_waiting_leaves_no_answer_to_the_next(side: Side) -> None:
    asked_for, late = asyncio.Event(), asyncio.Event()

    async def answer_late(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked_for.set()
        await late.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate")

    side.behaviour = answer_late
    asked = side.connections(most=1)
    waiting = asyncio.create_task(asked.ask([request(1)]))
    await asked_for.wait()
    waiting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await waiting
    late.set()
    side.behaviour = accept
    assert (await answered(asked)).body == b"{}"
    await asked.aclose()
