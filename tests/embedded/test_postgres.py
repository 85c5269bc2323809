"""Several commands share one JOREN_HOME: the first starts the server, the last live one stops it."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import asyncpg
import psutil
import pytest

from backend.embedded.postgres import EmbeddedPostgres, cache_of
from backend.errors import Conflict, Unavailable

HOLDER = """
import sys, time
from pathlib import Path
from backend.embedded.postgres import EmbeddedPostgres
with EmbeddedPostgres(Path(sys.argv[1])).hold() as dsn:
    print(dsn, flush=True)
    sys.stdin.read()
"""


def start_holder(home: Path) -> "subprocess.Popen[str]":
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline().startswith("postgresql://")
    return holder


def server_pid(home: Path) -> int | None:
    file = home / "postgres" / "postmaster.pid"
    if not file.exists():
        return None
    pid = int(file.read_text().split("\n", 1)[0])
    return pid if psutil.pid_exists(pid) else None


def ask(dsn: str, question: str) -> object:
    async def go() -> object:
        connection = await asyncpg.connect(dsn)
        try:
            return await connection.fetchval(question)
        finally:
            await connection.close()

    return asyncio.run(go())


def test_last_holder_stops_the_server_and_a_killed_one_does_not_count(tmp_path: Path) -> None:
    killed = start_holder(tmp_path)
    pid = server_pid(tmp_path)
    with EmbeddedPostgres(tmp_path).hold() as dsn:
        assert server_pid(tmp_path) == pid
        os.kill(killed.pid, signal.SIGKILL)
        killed.communicate()
        assert ask(dsn, "SELECT 41 + 1") == 42
    assert server_pid(tmp_path) is None


def test_data_survives_a_server_killed_with_its_holder(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path).hold() as dsn:
        ask(dsn, "CREATE TABLE kept AS SELECT 7 AS number")
        pid = server_pid(tmp_path)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(psutil.NoSuchProcess):
            psutil.Process(pid).wait(60)
    with EmbeddedPostgres(tmp_path).hold() as dsn:
        assert ask(dsn, "SELECT number FROM kept") == 7


def test_folder_in_use_is_not_given_up(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path).hold(), pytest.raises(Conflict, match="stop it first"):
        EmbeddedPostgres(tmp_path).stop_or_refuse()


def test_a_deep_home_still_gets_a_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("deep" * 20) / "home"
    with EmbeddedPostgres(deep).hold() as dsn:
        assert ask(dsn, "SELECT 1") == 1


def test_a_stranger_on_the_machine_needs_the_password(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path).hold() as dsn:
        password = (tmp_path / "postgres.password").read_text()
        with pytest.raises(asyncpg.InvalidPasswordError):
            ask(dsn.replace(password, "guessed"), "SELECT 1")
    assert (tmp_path / "postgres.password").stat().st_mode & 0o077 == 0


def test_damaged_data_folder_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("18\n")
    with pytest.raises(Unavailable, match=r"postgres\.log"), EmbeddedPostgres(tmp_path).hold():
        pass
    assert not list((tmp_path / "holders").iterdir())


def test_it_stops_although_a_folder_above_was_closed_meanwhile(tmp_path: Path) -> None:
    """A second pytest run does that to the folder that all runs of a user share."""
    home = tmp_path / "shared" / "home"
    with EmbeddedPostgres(home).hold():
        assert server_pid(home) is not None
        home.parent.chmod(0o700)

    assert server_pid(home) is None


@pytest.mark.parametrize(("gigabytes", "cache"), [(0.5, 128), (2, 256), (6, 768), (8, 1024), (64, 1024)])
def test_the_cache_is_an_eighth_of_the_memory_within_limits(gigabytes: float, cache: int) -> None:
    assert cache_of(int(gigabytes * 2**30)) == cache


def test_the_server_has_the_cache_that_it_was_given(tmp_path: Path) -> None:
    async def ask(dsn: str) -> object:
        connection = await asyncpg.connect(dsn)
        try:
            return await connection.fetchval("SHOW shared_buffers")
        finally:
            await connection.close()

    with EmbeddedPostgres(tmp_path / "home", cache=144).hold() as dsn:
        assert asyncio.run(ask(dsn)) == "144MB"
