"""What every `PushSender` promises, held against the one in memory, the one through firebase-admin and the fast one."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Protocol

import pytest

from backend.push.emulator.answers import Fault
from backend.push.emulator.emulator import Emulator
from backend.push.emulator.faults import EmulatorSettings, FaultRule
from backend.push.emulator.server import running
from backend.push.fast import FastSender
from backend.push.firebase import FirebaseSender
from backend.push.memory import MemorySender, accept
from backend.push.routes import emulator_route
from campaigns.delivery import Accepted, Outcome, PushSender, Refusal, Refused, Unknown
from campaigns.message import AddressKind, Press, PushMessage, data_of
from tests.fixtures.phones import push

TIMEOUT = 2.0
"""Seconds: forty connections begin at once on a machine that has other things to do."""


class World(Protocol):
    """A sender, and the other side of it."""

    sender: PushSender

    def install(self, *addresses: str) -> None: ...

    def trouble(self, address: str, fault: Fault, expected: Outcome) -> None: ...

    def attempts(self, address: str) -> int: ...

    def received(self, address: str) -> int: ...

    def shown(self, address: str) -> tuple[object, ...]: ...


class MemoryWorld:
    """The sender in memory; faults are what it is told to answer."""

    def __init__(self) -> None:
        self.sender = MemorySender(self._answer)
        self._installed: set[str] = set()
        self._troubles: dict[str, Outcome] = {}

    def _answer(self, message: PushMessage) -> Outcome:
        if message.address in self._troubles:
            return self._troubles[message.address]
        if message.address not in self._installed:
            return Refused(Refusal.UNREGISTERED)
        return accept(message)

    def install(self, *addresses: str) -> None:
        self._installed.update(addresses)

    def trouble(self, address: str, fault: Fault, expected: Outcome) -> None:
        self._troubles[address] = expected

    def attempts(self, address: str) -> int:
        return self.sender.attempts()[address]

    def received(self, address: str) -> int:
        return sum(message.address == address for message in self.sender.accepted)

    def shown(self, address: str) -> tuple[object, ...]:
        [message] = [message for message in self.sender.accepted if message.address == address]
        return message.title, message.image, message.sound, message.badge, data_of(message)


class EmulatorWorld:
    """firebase-admin as it is (HTTP/2), or the fast sender (HTTP/1.1), against the emulator over TLS."""

    def __init__(self, sender: PushSender, emulator: Emulator) -> None:
        self.sender = sender
        self._emulator = emulator

    def install(self, *addresses: str) -> None:
        self._emulator.register(addresses)

    def trouble(self, address: str, fault: Fault, expected: Outcome) -> None:
        wait = getattr(expected, "retry_after", None)
        rule = FaultRule(fault, addresses=(address,), retry_after=int(wait.total_seconds()) if wait else None)
        self._emulator.settings = EmulatorSettings(faults=(*self._emulator.settings.faults, rule))

    def attempts(self, address: str) -> int:
        device = self._emulator.device(address)
        return device.attempts if device else 0

    def received(self, address: str) -> int:
        device = self._emulator.device(address)
        return device.accepted if device else 0

    def shown(self, address: str) -> tuple[object, ...]:
        device = self._emulator.device(address)
        assert device is not None
        [message] = device.messages
        return message.title, message.image, message.sound, message.badge, message.data


@pytest.fixture(params=["memory", "firebase", "fast"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    if request.param == "memory":
        yield MemoryWorld()
        return
    async with running(tmp_path / "emulator") as other_side:
        route = emulator_route(other_side.url, other_side.ca_file, timeout=TIMEOUT)
        sender = FirebaseSender(route, lanes=1) if request.param == "firebase" else FastSender(route, connections=40)
        yield EmulatorWorld(sender, other_side.emulator)
        await sender.aclose()


MINUTE = timedelta(minutes=1)

TROUBLES: list[tuple[Fault, Outcome]] = [
    (Fault.UNREGISTERED, Refused(Refusal.UNREGISTERED)),
    (Fault.NOT_FOUND, Refused(Refusal.OTHER)),
    (Fault.INVALID_ARGUMENT, Refused(Refusal.INVALID_ARGUMENT)),
    (Fault.SENDER_ID_MISMATCH, Refused(Refusal.SENDER_MISMATCH)),
    (Fault.QUOTA_EXCEEDED, Refused(Refusal.QUOTA, retry_after=MINUTE)),
    (Fault.QUOTA_EXCEEDED, Refused(Refusal.QUOTA)),
    (Fault.THIRD_PARTY_AUTH_ERROR, Refused(Refusal.AUTH)),
    (Fault.UNAUTHENTICATED, Refused(Refusal.AUTH)),
    (Fault.UNAVAILABLE, Unknown("http_503", retry_after=MINUTE)),
    (Fault.UNAVAILABLE, Unknown("http_503")),
    (Fault.INTERNAL, Unknown("http_500")),
    (Fault.DEADLINE_EXCEEDED, Unknown("http_504")),
    (Fault.UNREADABLE, Unknown("bad_body")),
    (Fault.DROP, Unknown("connection_lost")),
    (Fault.TRUNCATED, Unknown("connection_lost")),
    (Fault.HANG, Unknown("timeout")),
]


@pytest.mark.parametrize(
    ("fault", "expected"), TROUBLES, ids=lambda value: value.name if isinstance(value, Fault) else ""
)
async def test_each_trouble_has_its_outcome_after_exactly_one_request(
    world: World, fault: Fault, expected: Outcome
) -> None:
    world.install("phone-in-trouble")
    world.trouble("phone-in-trouble", fault, expected)

    [outcome] = await world.sender.send([push("phone-in-trouble")])

    assert meaning(outcome) == meaning(expected)
    assert world.attempts("phone-in-trouble") == 1
    assert world.received("phone-in-trouble") == 0


async def test_outcomes_come_in_the_order_of_the_messages_and_each_is_tried_once(world: World) -> None:
    addresses = [f"phone-{number:04}" for number in range(130)]
    gone = set(addresses[::7])
    world.install(*(address for address in addresses if address not in gone))

    outcomes = await world.sender.send([push(address, delivery_id=n) for n, address in enumerate(addresses)])

    assert [isinstance(outcome, Accepted) for outcome in outcomes] == [address not in gone for address in addresses]
    assert {world.attempts(address) for address in addresses} == {1}
    assert len({outcome.name for outcome in outcomes if isinstance(outcome, Accepted)}) == len(addresses) - len(gone)


@pytest.mark.parametrize("fault", [Fault.UNREADABLE, Fault.INTERNAL, Fault.QUOTA_EXCEEDED, Fault.HANG])
async def test_a_neighbours_trouble_is_not_ones_own(world: World, fault: Fault) -> None:
    world.install("phone-left", "phone-troubled", "phone-right")
    expected = dict(TROUBLES)[fault]
    world.trouble("phone-troubled", fault, expected)

    left, troubled, right = await world.sender.send([push("phone-left"), push("phone-troubled"), push("phone-right")])

    assert isinstance(left, Accepted)
    assert isinstance(right, Accepted)
    assert not isinstance(troubled, Accepted)
    assert world.received("phone-left") == world.received("phone-right") == 1


@pytest.mark.parametrize("fault", [Fault.DROP, Fault.HANG, Fault.UNREADABLE, Fault.TRUNCATED])
async def test_the_next_call_works_after_a_trouble(world: World, fault: Fault) -> None:
    world.install("phone-troubled", "phone-sound")
    world.trouble("phone-troubled", fault, Unknown("any"))

    for _ in range(3):
        await world.sender.send([push("phone-troubled")])

    assert [type(outcome) for outcome in await world.sender.send([push("phone-sound")] * 4)] == [Accepted] * 4


async def test_tokens_and_installation_ids_both_reach_the_phone(world: World) -> None:
    world.install("phone-by-token", "phone-by-fid")

    outcomes = await world.sender.send(
        [push("phone-by-token", address_kind=AddressKind.TOKEN), push("phone-by-fid", address_kind=AddressKind.FID)]
    )

    assert all(isinstance(outcome, Accepted) for outcome in outcomes)


async def test_everything_that_a_message_says_arrives(world: World) -> None:
    world.install("phone-with-picture")
    buttons = (Press("book", "予約する", "https://shop.example/book"), Press("later", "あとで"))
    message = push(
        "phone-with-picture",
        image="https://shop.example/tea.png",
        buttons=buttons,
        sound="chime.wav",
        badge=3,
        link="app://tea",
    )

    assert isinstance((await world.sender.send([message]))[0], Accepted)

    assert world.shown("phone-with-picture") == (
        message.title,
        "https://shop.example/tea.png",
        "chime.wav",
        3,
        {
            "campaign_id": "7",
            "delivery_id": "1",
            "link": "app://tea",
            "buttons": '[{"id":"book","label":"予約する","link":"https://shop.example/book"},'
            '{"id":"later","label":"あとで","link":"app://tea"}]',
        },
    )


async def test_nothing_to_send_is_no_trouble(world: World) -> None:
    assert await world.sender.send([]) == []


def meaning(outcome: Outcome) -> tuple[object, ...]:
    """What decisions rest on: everything but the service's own words."""
    match outcome:
        case Accepted():
            return ("accepted",)
        case Refused(kind=kind, retry_after=wait):
            return ("refused", kind, wait)
        case Unknown(detail=detail, retry_after=wait):
            return ("unknown", detail, wait)
