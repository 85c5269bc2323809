"""`joren demo` a second time: the same data, the same sign-in; and the way to start over."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import asyncpg
import httpx
import psutil
import pytest

from backend.embedded.postgres import EmbeddedPostgres
from tests.fixtures.commands import joren
from tests.fixtures.demo import RunningDemo, start_demo
from tests.fixtures.installation import ROOT, eventually
from tests.fixtures.ports import free_port

pytestmark = [pytest.mark.timeout(900)]

SMALL = 200


def stored(home: Path) -> int:
    """Events in the log."""

    async def count(dsn: str) -> int:
        connection = await asyncpg.connect(dsn)
        try:
            return int(await connection.fetchval("SELECT count(*) FROM event_log"))
        finally:
            await connection.close()

    with EmbeddedPostgres(home).hold() as dsn:
        return asyncio.run(count(dsn))


def stop(running: RunningDemo) -> None:
    tree = psutil.Process(running.process.pid).children(recursive=True)
    assert running.stop() == 0
    _, alive = psutil.wait_procs(tree, timeout=60)
    assert alive == []


@pytest.mark.parametrize("killed", [False, pytest.param(True, marks=pytest.mark.prove)])
def test_a_first_run_stops_a_second_goes_on_and_reset_starts_over(tmp_path: Path, *, killed: bool) -> None:
    """In the long form the first run takes up what a killed one left; of the loader alone the short form asks that too."""
    home = tmp_path / "home"
    if killed:
        kill_while_it_loads(home)

    first = start_demo(home, members=SMALL)
    assert httpx.get(f"{first.url}/health/ready", timeout=60).status_code == 200
    commands = "\n".join(first.said.partition("another terminal:\n")[2].splitlines()[:2])
    beside = subprocess.run(["sh", "-ec", commands], capture_output=True, text=True, timeout=60, check=False)
    assert (beside.returncode, bool(beside.stdout)) == (0, True), (commands, beside.stderr)
    again = joren("demo", home=home)
    assert again.returncode == 1
    assert "running in" in again.stderr
    stop(first)
    before = stored(home)
    assert before > 1000

    second = start_demo(home, members=SMALL)
    assert second.sign_in == first.sign_in
    stop(second)
    assert stored(home) == before

    assert joren("demo", "--reset", home=home).returncode == 0
    assert not home.exists()


def kill_while_it_loads(home: Path) -> None:
    """SIGKILL a first run once it has stored something."""
    home.mkdir()
    killed = subprocess.Popen(
        [sys.executable, "-m", "backend.cli", "demo", "--members", str(SMALL), *free_ports()],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], "HOME": str(home), "JOREN_HOME": str(home)},
        cwd=ROOT,
        start_new_session=True,
    )
    try:
        eventually(lambda: (home / "demo").exists() and stored(home), seconds=240, what="the first events are stored")
    finally:
        os.kill(killed.pid, signal.SIGKILL)
        killed.wait()


def free_ports() -> list[str]:
    return ["--port", str(free_port()), "--emulator-port", str(free_port()), "--phone-port", str(free_port())]
