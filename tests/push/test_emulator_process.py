"""`joren emulator` as a process: killed and started again it goes on; asked to stop it stops, phones connected or not."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from backend.push.firebase import open_emulator
from campaigns.delivery import Accepted
from campaigns.message import PushMessage
from tests.fixtures.installation import Installation
from tests.fixtures.phones import push


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Installation]:
    """An installation of which only the emulator runs: it needs no database."""
    installation = Installation(tmp_path)
    installation.start_emulator()
    try:
        yield installation
    finally:
        installation.close()


def send(machine: Installation, *messages: PushMessage) -> list[type]:
    async def once() -> list[type]:
        url = f"https://127.0.0.1:{machine.emulator}"
        sender = open_emulator(url, machine.home / "emulator" / "ca.pem", lanes=1)
        outcomes = await sender.send(messages)
        await sender.aclose()
        return [type(outcome) for outcome in outcomes]

    return asyncio.run(once())


def test_a_killed_emulator_goes_on_and_an_asked_one_stops(machine: Installation) -> None:
    address = httpx.post(f"{machine.phone_url}/emulator/phones").json()["address"]
    assert send(machine, push(address)) == [Accepted]

    machine.kill("emulator")
    machine.start_emulator()

    assert send(machine, push(address)) == [Accepted]
    device = httpx.get(f"{machine.phone_url}/emulator/addresses/{address}").json()
    assert (device["attempts"], device["accepted"], len(device["messages"])) == (2, 2, 2)

    connected = threading.Event()
    reader = threading.Thread(
        target=_listen, args=(f"{machine.phone_url}/emulator/addresses/{address}/stream", connected)
    )
    reader.start()
    assert connected.wait(20)
    assert machine.stop("emulator") == 0
    reader.join(20)
    assert not reader.is_alive()


def _listen(address: str, connected: threading.Event) -> None:
    try:
        with httpx.stream("GET", address, timeout=60) as stream:
            for _ in stream.iter_lines():
                connected.set()
    except httpx.HTTPError:
        return


def test_a_taken_port_and_a_foreign_host_end_with_one_sentence(machine: Installation) -> None:
    for arguments, sentence in (
        (("--port", str(machine.emulator), "--phone-port", "0"), "Another emulator"),
        (("--host", "0.0.0.0"), "this machine only"),  # noqa: S104 - what must be refused
    ):
        with pytest.raises(AssertionError, match=sentence):
            machine.joren("emulator", *arguments)
