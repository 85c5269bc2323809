"""The README's "Use it for real", command by command, on a machine that has never seen Joren."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.fixtures.installation import ROOT, Installation, eventually

pytestmark = pytest.mark.timeout(600)

LONG_RUNNING = ("serve", "worker")


class FreshMachine(Installation):
    """Nothing is set but what the README sets."""

    def _environment(self) -> dict[str, str]:
        kept = ("PATH", "HOME", "PYTHONWARNINGS", "JOREN_HOME")
        return {name: value for name, value in super()._environment().items() if name in kept}


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[FreshMachine]:
    machine = FreshMachine(tmp_path / "joren")
    machine.home.mkdir()
    try:
        yield machine
    finally:
        machine.close()


def commands() -> list[list[str]]:
    """Arguments of the README's commands, in its order."""
    block = re.search(r"## Use it for real\n+```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert block is not None
    lines = [shlex.split(line, comments=True) for line in block[1].splitlines()]
    assert lines[0][0] == "export"
    assert all(words[0] == "joren" for words in lines[1:])
    return [words[1:] for words in lines[1:]]


def test_the_commands_lead_to_a_running_installation(machine: FreshMachine) -> None:
    said: dict[str, str] = {}
    for arguments in commands():
        run(machine, arguments, said)
    assert list(said) == ["migrate", "admin", "source", "serve", "worker", "doctor"]
    assert re.search(r"Password \(shown once\): \S{12,}", said["admin"])
    assert all(line.startswith(("ok", "care", " ")) for line in said["doctor"].splitlines()), said["doctor"]
    assert httpx.get(f"{machine.url}/sign-in", trust_env=False, timeout=60).status_code == httpx.codes.OK
    event = {"type": "track", "event": "Application Opened", "userId": "M1", "messageId": "1"}
    key = json.loads(said["source"])["write_key"]
    answer = httpx.post(f"{machine.url}/v1/batch", json={"batch": [event]}, auth=(key, ""), trust_env=False, timeout=60)
    assert answer.status_code == httpx.codes.OK
    eventually(lambda: ready(machine), seconds=120, what="the worker reports to the server")
    assert machine.ask("events", "count")["stored"] == 1


def run(machine: FreshMachine, arguments: list[str], said: dict[str, str]) -> None:
    command = arguments[0]
    if command == "serve":
        port = arguments.index("--port") + 1
        arguments[port] = str(machine.http)
    if command in LONG_RUNNING:
        machine.start(command, *arguments, healthy=f"{machine.url}/health/live" if command == "serve" else None)
        said[command] = ""
    else:
        said[command] = machine.joren(*arguments)


def ready(machine: FreshMachine) -> bool:
    answer = httpx.get(f"{machine.url}/health/ready", trust_env=False, timeout=60)
    return answer.status_code == httpx.codes.OK
