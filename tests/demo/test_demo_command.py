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
from tests.fixtures.demo import RunningDemo, start_demo
from tests.fixtures.installation import ROOT, eventually, free_port

pytestmark = [pytest.mark.timeout(300)]

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
    _, alive = psutil.wait_procs(tree, timeout=10)
    assert alive == []


def joren(*arguments: str, home: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "backend.cli", *arguments],
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], "HOME": str(home), "JOREN_HOME": str(home)},
        cwd=ROOT,
        timeout=60,
        check=False,
    )


def test_a_second_run_goes_on_and_reset_starts_over(tmp_path: Path) -> None:
    home = tmp_path / "home"
    first = start_demo(home, members=SMALL)
    assert httpx.get(f"{first.url}/health/ready", timeout=10).status_code == 200
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


def test_a_first_run_that_was_killed_is_taken_up_again(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    killed = subprocess.Popen(
        [sys.executable, "-m", "backend.cli", "demo", "--members", str(SMALL), *free_ports()],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], "HOME": str(home), "JOREN_HOME": str(home)},
        cwd=ROOT,
        start_new_session=True,
    )
    eventually(lambda: (home / "demo").exists() and stored(home), seconds=120, what="the first events are stored")
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()

    running = start_demo(home, members=SMALL)
    stop(running)
    assert stored(home) > 1000


def free_ports() -> list[str]:
    return ["--port", str(free_port()), "--emulator-port", str(free_port()), "--phone-port", str(free_port())]
