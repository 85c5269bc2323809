"""The server under load: `joren serve --role intake` as an operator runs it, and what it and PostgreSQL cost."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import httpx
import psutil

from tests.fixtures.installation import ROOT, free_port

CLIENT = Path(__file__).parent / "client.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What a measurement saw: requests a second, waits in seconds, CPU in microseconds an event (a request for size 0)."""

    rate: float
    p50: float
    p99: float
    server: float
    database: float
    client: float


class Server:
    """The server's processes, for as long as the block runs."""

    def __init__(self, folder: Path, dsn: str, *, workers: int) -> None:
        self.port = free_port()
        self.peak = 0
        self._folder = folder
        self._postmaster = int((folder / "home" / "postgres" / "postmaster.pid").read_text().split("\n", 1)[0])
        self._command = [sys.executable, "-m", "backend.cli", "serve", "--role", "intake"]
        self._command += ["--port", str(self.port), "--workers", str(workers)]
        self._environment = {"PATH": os.environ["PATH"], "JOREN_HOME": str(folder / "home"), "DATABASE_URL": dsn}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with (self._folder / "server.log").open("ab") as output:
            self._process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        limit = time.monotonic() + 60
        while time.monotonic() < limit and self._process.poll() is None:
            try:
                if httpx.get(f"http://127.0.0.1:{self.port}/health/live", trust_env=False).status_code == 200:
                    return self
            except httpx.HTTPError:
                time.sleep(0.1)
        raise SystemExit((self._folder / "server.log").read_text()[-4000:])

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def spent(self) -> tuple[float, float]:
        """CPU seconds so far: the server's processes, PostgreSQL's; notes the largest of the server's in memory."""
        if self._process is None:
            return 0.0, 0.0
        ours, theirs = psutil.Process(self._process.pid), psutil.Process(self._postmaster)
        family = [ours, *ours.children(recursive=True)]
        self.peak = max(self.peak, *(one.memory_info().rss >> 20 for one in family))
        return cpu(ours), cpu(theirs)


def cpu(root: psutil.Process) -> float:
    """CPU seconds of a process, its living children and those that ended."""
    times = [one.cpu_times() for one in [root, *root.children(recursive=True)]]
    own = root.cpu_times()
    return sum(each.user + each.system for each in times) + float(own.children_user + own.children_system)


async def ask(server: Server, *, key: str, size: int, seconds: float, clients: int, pace: float) -> Answered:
    """Let a client process send; whoever answers anything but 200 ends the benchmark."""
    arguments = [str(server.port), key, str(size), str(seconds), str(clients), str(pace)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(CLIENT), *arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None and process.stdin is not None  # noqa: PT018, S101 - both are pipes
    await process.stdout.readline()
    before = server.spent()
    process.stdin.write(b"go\n")
    line = json.loads(await process.stdout.readline())
    after = server.spent()
    await process.wait()
    if set(line["statuses"]) != {"200"}:
        raise SystemExit(f"not every answer was 200: {line['statuses']}")
    events = line["answers"] * max(size, 1)
    return Answered(
        rate=line["answers"] / line["seconds"],
        p50=line["p50"],
        p99=line["p99"],
        server=(after[0] - before[0]) / events * 1e6,
        database=(after[1] - before[1]) / events * 1e6,
        client=line["cpu"] / events * 1e6,
    )
