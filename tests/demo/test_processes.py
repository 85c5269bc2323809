"""The supervised tree: healthy means healthy, a death is noticed, and leaving leaves nothing behind."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from backend.demo.preflight import only_one, require_ports, require_space
from backend.demo.processes import ProcessTree, Program
from backend.errors import Conflict, Unavailable
from tests.fixtures.ports import free_port

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]


def program(name: str, arguments: list[str], health: str | None = None) -> Program:
    return Program(name=name, arguments=arguments, health=health, environment=dict(os.environ))


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True)}


async def test_leaving_stops_every_child(tmp_path: Path) -> None:
    before = children()
    async with ProcessTree(tmp_path) as tree:
        await tree.start(program("one", SLEEPER))
        await tree.start(program("two", SLEEPER))
        assert len(children() - before) == 2
    assert children() - before == set()


async def test_waits_until_the_address_answers(tmp_path: Path) -> None:
    port = free_port()
    async with ProcessTree(tmp_path) as tree:
        arguments = [
            sys.executable,
            "-m",
            "http.server",
            str(port),
            "--bind",
            "127.0.0.1",
            "--directory",
            str(tmp_path),
        ]
        await tree.start(program("web", arguments, health=f"http://127.0.0.1:{port}/"))
        with socket.create_connection(("127.0.0.1", port), timeout=10):
            pass


async def test_program_that_ends_at_once_is_named_with_its_log(tmp_path: Path) -> None:
    async with ProcessTree(tmp_path) as tree:
        with pytest.raises(Unavailable, match=r"The broken did not start\. See .*broken\.log"):
            await tree.start(
                program("broken", [sys.executable, "-c", "raise SystemExit('why')"], health="http://127.0.0.1:9/")
            )
    assert "why" in (tmp_path / "broken.log").read_text()


async def test_another_programs_answer_is_not_taken_for_ours(tmp_path: Path) -> None:
    port = free_port()
    arguments = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", str(tmp_path)]
    async with ProcessTree(tmp_path) as tree:
        await tree.start(program("first", arguments, health=f"http://127.0.0.1:{port}/"))
        with pytest.raises(Unavailable, match="The second did not start"):
            await tree.start(
                program("second", [sys.executable, "-c", "raise SystemExit(1)"], health=f"http://127.0.0.1:{port}/")
            )


async def test_a_death_is_noticed(tmp_path: Path) -> None:
    async with ProcessTree(tmp_path) as tree:
        await tree.start(program("steady", SLEEPER))
        await tree.start(program("brief", [sys.executable, "-c", "import time; time.sleep(0.3)"]))
        assert (await asyncio.wait_for(tree.first_death(), 60)).startswith("The brief stopped by itself")


def test_killing_the_supervisor_takes_its_children_along(tmp_path: Path) -> None:
    script = f"""
import asyncio, os, sys
from pathlib import Path
from backend.demo.processes import ProcessTree, Program
async def go():
    async with ProcessTree(Path({str(tmp_path)!r})) as tree:
        await tree.start(Program(name="x", arguments={SLEEPER!r}, environment=dict(os.environ)))
        print("up", flush=True)
        await asyncio.sleep(600)
asyncio.run(go())
"""
    supervisor = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert supervisor.stdout is not None
    assert supervisor.stdout.readline() == "up\n"
    child = psutil.Process(supervisor.pid).children()[0]
    os.kill(supervisor.pid, signal.SIGKILL)
    supervisor.communicate()
    gone, _ = psutil.wait_procs([child], timeout=30)
    assert gone


def test_a_taken_port_names_the_option_that_changes_it() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(Conflict, match="--phone-port"):
            require_ports({"--phone-port": taken.getsockname()[1]})


def test_a_full_disk_is_said_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="JOREN_HOME"):
        require_space(tmp_path, needed=10**18)


def test_one_demo_a_folder(tmp_path: Path) -> None:
    with only_one(tmp_path), pytest.raises(Conflict, match="running"), only_one(tmp_path):
        pass
    with only_one(tmp_path):
        pass
