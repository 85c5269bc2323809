"""Calls to other people's servers, over real TLS on this machine and with resolvers that lie."""

import ipaddress
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from backend.outbound import client
from backend.outbound.addresses import Address
from backend.outbound.client import Answer, Caller
from tests.outbound.receiver import OK, Receiver, answer, receiving

LOOPBACK = ipaddress.ip_address("127.0.0.1")


@pytest.fixture
async def receiver(tmp_path: Path) -> AsyncIterator[Receiver]:
    async with receiving(tmp_path) as found:
        yield found


class Resolver:
    """Gives one answer after the other, the last one for ever; counts the questions."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> list[Address]:
        self.asked.append((host, port))
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [ipaddress.ip_address(one) for one in found.split()]


async def post(receiver: Receiver, **options: object) -> Answer:
    caller = Caller(**{"allowed": [receiver.place], "trust": receiver.trust, **options})  # type: ignore[arg-type]
    return await caller.post(receiver.url, headers={"webhook-id": "msg_1"}, body=b'{"a":1}')


async def test_a_body_arrives_with_its_headers(receiver: Receiver) -> None:
    found = await post(receiver)
    assert (found.status, found.error, found.text) == (200, None, "ok")
    got = receiver.received[0]
    assert (got.path, got.body, got.headers["webhook-id"]) == ("/hook", b'{"a":1}', "msg_1")
    assert (got.headers["host"], got.headers["content-type"]) == (receiver.place, "application/json")


async def test_without_the_allowance_this_machine_is_not_called(receiver: Receiver) -> None:
    found = await post(receiver, allowed=[])
    assert (found.status, found.error) == (None, "bad_url")
    resolver = Resolver("127.0.0.1")
    caller = Caller(trust=receiver.trust, resolve=resolver)
    inside = await caller.post("https://shop.example/hook", headers={}, body=b"")
    assert (inside.error, resolver.asked) == ("refused_address", [("shop.example", 443)])
    assert receiver.received == []


@pytest.mark.parametrize("addresses", ["169.254.169.254", "8.8.8.8 10.0.0.1", "::ffff:127.0.0.1", "fd00::1"])
async def test_a_name_that_leads_inside_is_refused(receiver: Receiver, addresses: str) -> None:
    caller = Caller(trust=receiver.trust, resolve=Resolver(addresses))
    assert (await caller.post("https://shop.example/", headers={}, body=b"")).error == "refused_address"


class Nowhere:
    """A network in which nobody answers; remembers who was asked for."""

    connected: ClassVar[list[tuple[str, int]]] = []

    async def connect_tcp(self, host: str, port: int, **_: object) -> object:
        self.connected.append((host, port))
        raise OSError("no network here")


class ByName(client.PinnedBackend):
    """Saboteur: checks an address, then connects to the name, which is resolved again."""

    async def connect_tcp(self, host: str, port: int, **options: Any) -> Any:
        try:
            await super().connect_tcp(host, port, **options)
        except OSError:
            second = next(iter(await self._resolve(host, port)))
            return await self._backend.connect_tcp(str(second), port)


@pytest.mark.parametrize("pinned", [True, False], ids=["pinned", "saboteur"])
async def test_a_name_that_changes_its_mind_is_asked_once(monkeypatch: pytest.MonkeyPatch, *, pinned: bool) -> None:
    """DNS rebinding: public when it is checked, this machine when it is connected to."""
    resolver = Resolver("8.8.8.8", "127.0.0.1")
    monkeypatch.setattr(Nowhere, "connected", [])
    monkeypatch.setattr(client.httpcore, "AnyIOBackend", Nowhere)
    monkeypatch.setattr(client, "PinnedBackend", client.PinnedBackend if pinned else ByName)
    assert (await Caller(resolve=resolver).post("https://shop.example/", headers={}, body=b"")).status is None
    inside = [("8.8.8.8", 443), ("127.0.0.1", 443)]
    assert (len(resolver.asked), Nowhere.connected) == ((1, inside[:1]) if pinned else (2, inside))


async def test_the_certificate_must_be_the_names_although_an_address_is_called(receiver: Receiver) -> None:
    resolver = Resolver("127.0.0.1")
    place = f"shop.example:{receiver.port}"
    caller = Caller(allowed=[place], trust=receiver.trust, resolve=resolver)
    found = await caller.post(f"https://{place}/", headers={}, body=b"")
    assert (found.status, found.error) == (None, "bad_certificate")
    assert receiver.received == []


async def test_a_certificate_nobody_vouches_for_is_refused(receiver: Receiver) -> None:
    assert (await post(receiver, trust=ssl.create_default_context())).error == "bad_certificate"


async def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    receiver.answers = [answer("307 Temporary Redirect", Location="https://localhost/inside")]
    assert (await post(receiver)).status == 307
    assert len(receiver.received) == 1


async def test_a_long_answer_is_cut_and_an_endless_one_is_left(receiver: Receiver) -> None:
    receiver.answers = [answer("500 Oops", b"x\0" * 1000), answer("200 OK", b"x" * (client.LARGEST_ANSWER + 70_000))]
    found = await post(receiver)
    assert (found.status, found.error, len(found.text), found.text[:2]) == (500, None, 1024, "x�")
    endless = await post(receiver)
    assert (endless.status, endless.error) == (200, "too_large")


async def test_what_goes_wrong_is_named(receiver: Receiver) -> None:
    receiver.answers = [None, b"nonsense\r\n\r\n", b"", OK]
    assert (await post(receiver)).error == "broken"
    assert (await post(receiver)).error == "broken"
    assert (await post(receiver, seconds=0.5)).error == "timeout"
    assert (await post(receiver)).error is None

    async def nowhere(host: str, port: int) -> list[Address]:
        return []

    assert (await post(receiver, resolve=nowhere)).error == "unknown_host"
    assert (await post(receiver, resolve=client.resolve)).error is None


async def test_nobody_listens(receiver: Receiver, tmp_path: Path) -> None:
    async with receiving(tmp_path) as gone:
        pass
    gone.trust = receiver.trust
    assert (await post(gone)).error == "no_connection"


async def test_the_machines_resolver() -> None:
    assert all(one.is_loopback for one in await client.resolve("localhost", 443))
    assert await client.resolve("2130706433", 443) == [LOOPBACK]
    with pytest.raises(client.UnknownHost):
        await client.resolve("no-such-name.invalid", 443)
