"""`joren emulator` as a process: killed and started again it goes on; asked to stop it stops, phones connected or not."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from backend.push.firebase import FirebaseSender
from backend.push.routes import emulator_route
from campaigns.delivery import Accepted
from campaigns.message import PushMessage
from tests.fixtures.installation import Installation
from tests.fixtures.phones import push


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Installation]:
    """An installation of which only the emulator runs: it needs no database."""
    installation = Installation(tmp_path)
    try:
        installation.start_emulator()
        yield installation
    finally:
        installation.close()


def send(machine: Installation, *messages: PushMessage) -> list[type]:
    async def once() -> list[type]:
        url = f"https://127.0.0.1:{machine.emulator}"
        sender = FirebaseSender(emulator_route(url, machine.home / "emulator" / "ca.pem"), lanes=1)
        outcomes = await sender.send(messages)
        await sender.aclose()
        return [type(outcome) for outcome in outcomes]

    return asyncio.run(once())


def test_a_second_one_is_refused_a_killed_one_goes_on_and_an_asked_one_stops(machine: Installation) -> None:
    with pytest.raises(AssertionError, match="joren: Another emulator"):
        machine.joren("emulator", "--port", "0", "--phone-port", "0")
    address = httpx.post(f"{machine.phone_url}/emulator/phones", timeout=60).json()["address"]
    assert send(machine, push(address)) == [Accepted]

    machine.kill("emulator")
    machine.start_emulator()

    assert send(machine, push(address)) == [Accepted]
    device = httpx.get(f"{machine.phone_url}/emulator/addresses/{address}", timeout=60).json()
    assert (device["attempts"], device["accepted"], len(device["messages"])) == (2, 2, 2)

    connected = threading.Event()
    reader = threading.Thread(
        target=_listen, args=(f"{machine.phone_url}/emulator/addresses/{address}/stream", connected)
    )
    reader.start()
    assert connected.wait(60)
    assert machine.stop("emulator") == 0
    reader.join(60)
    assert not reader.is_alive()


def _listen(address: str, connected: threading.Event) -> None:
    try:
        with httpx.stream("GET", address, timeout=60) as stream:
            for _ in stream.iter_lines():
                connected.set()
    except httpx.HTTPError:
        return
