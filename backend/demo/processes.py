"""A small supervised process tree: start, wait until healthy, notice a death, stop all in order.

Every child gets a session of its own, so that Ctrl-C reaches the supervisor alone, and asks the kernel to be ended
when the supervisor dies, so that even kill -9 leaves nothing behind. Only processes started here are ever stopped.
"""

import asyncio
import contextlib
import ctypes
import signal
import ssl
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import httpx

from backend.errors import Unavailable

_PR_SET_PDEATHSIG = 1
_GRACE_SECONDS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One process of the tree.

    Attributes:
        name: how people call it; its output goes to ``<name>.log``.
        arguments: the command line.
        health: address that answers 200 once it is ready; None when being alive is enough.
        authority: certificate file to trust for an https `health` address.
    """

    name: str
    arguments: Sequence[str]
    health: str | None = None
    authority: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


class ProcessTree:
    """Runs programs until it is left; leaving stops them, last started first."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._running: list[tuple[Program, asyncio.subprocess.Process]] = []

    async def __aenter__(self) -> Self:
        self._logs.mkdir(parents=True, exist_ok=True)
        return self

    async def __aexit__(self, *exception: object) -> None:
        for _, process in reversed(self._running):
            await _stop(process)

    async def start(self, program: Program, *, seconds: float = 60) -> None:
        """Start a program and wait until it is healthy.

        Raises:
            Unavailable: when it ends or is not healthy in time; the sentence names its log.
        """
        with self._log(program).open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *program.arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=dict(program.environment),
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        self._running.append((program, process))
        await self._wait_until_healthy(program, process, seconds)

    async def first_death(self) -> str:
        """Wait until any program ends by itself; gives a sentence about it."""
        waiting = {asyncio.create_task(process.wait()): program for program, process in self._running}
        done, pending = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        program = waiting[done.pop()]
        return f"The {program.name} stopped by itself. See {self._log(program)}."

    def _log(self, program: Program) -> Path:
        return self._logs / f"{program.name}.log"

    async def _wait_until_healthy(self, program: Program, process: asyncio.subprocess.Process, seconds: float) -> None:
        limit = time.monotonic() + seconds
        async with httpx.AsyncClient(verify=_trust(program.authority), trust_env=False, timeout=5) as client:
            while time.monotonic() < limit:
                if process.returncode is not None:
                    raise Unavailable(f"The {program.name} did not start. See {self._log(program)}.")
                if program.health is None:
                    return
                # An answer may be another program's that took the port first: ours must be alive after it.
                if await _answers(client, program.health) and not await _ended_within(process, 0.3):
                    return
                await asyncio.sleep(0.1)
        raise Unavailable(f"The {program.name} was not ready within {seconds:.0f} seconds. See {self._log(program)}.")


async def until_signal(work: Callable[[], Awaitable[str]]) -> str | None:
    """Wait for ``work`` or for SIGINT or SIGTERM, whichever comes first; None means a signal."""
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked.set)
    running = asyncio.ensure_future(work())
    stopping = asyncio.create_task(asked.wait())
    await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if running.done():
        return running.result()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    return None


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), _GRACE_SECONDS)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _ended_within(process: asyncio.subprocess.Process, seconds: float) -> bool:
    try:
        await asyncio.wait_for(process.wait(), seconds)
    except TimeoutError:
        return False
    return True


async def _answers(client: httpx.AsyncClient, address: str) -> bool:
    try:
        return (await client.get(address)).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def _trust(authority: Path | None) -> ssl.SSLContext | bool:
    if authority is None:
        return True
    return ssl.create_default_context(cafile=str(authority))


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
