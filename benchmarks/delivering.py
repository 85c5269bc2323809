"""How long from a segment to accepted pushes, ledger included? Planning, then worker processes sending over TLS.

    python benchmarks/delivering.py [--people 20000] [--workers 2] [--lanes 2] [--chunk 100] [--latency 50]

A PostgreSQL of its own holds the people; Joren's emulator, which knows their phones and answers after ``--latency``
milliseconds, stands for FCM. Planning is everything between members and ledger rows: gates, draw, COPY. Workers claim, check
once more, mark, send and record as they always do, under the pace of the project. CPU time is told for each of the three: they
run on the same cores, and what a message costs PostgreSQL and a worker says how far more cores lead.
"""

import argparse
import asyncio
import contextlib
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import asyncpg
import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from backend.clock import SystemClock
from backend.embedded.postgres import EmbeddedPostgres
from backend.jobs.timetable import LANES
from backend.push.emulator.faults import EmulatorSettings
from backend.push.emulator.server import running
from backend.push.fast import FastSender
from backend.push.routes import emulator_route
from backend.services.deliveries import CHUNK, Deliveries
from backend.store.pool import open_pool
from backend.store.schema import migrate
from benchmarks.memory import peak
from campaigns.pace import Pace
from tests.fixtures.shop_floor import ShopFloor

AIM = 3_000
"""Messages a second of two workers on two cores that also carry PostgreSQL and the other side."""
AIM_CPU = 0.4
"""CPU milliseconds of a worker a message."""
AIM_PLANNED = 12.0
"""Seconds for a million people from segment to ledger."""


_PACE = Pace(per_minute=100_000_000, ramp=timedelta(seconds=1))
"""So quick that nothing waits: the buckets are asked as they always are."""


async def work(dsn: str, url: str, authority: Path, *, lanes: int, chunk: int) -> dict[str, float]:
    """One worker, until nothing is left: messages, seconds and CPU seconds."""
    sender = FastSender(emulator_route(url, authority))
    async with await open_pool(dsn) as pool:
        deliveries = Deliveries(pool, SystemClock(), sender=sender, chunk=chunk, pace=_PACE)

        async def lane() -> int:
            tried = 0
            while done := await deliveries.deliver():
                tried += done
            return tried

        began, cpu = time.perf_counter(), time.process_time()
        tried = sum(await asyncio.gather(*(lane() for _ in range(lanes))))
        told = {"tried": tried, "wall": time.perf_counter() - began, "cpu": time.process_time() - cpu}
    await sender.aclose()
    return told


async def planned(dsn: str, people: int) -> tuple[float, float]:
    """A campaign for so many people, launched; seconds and CPU seconds of the launch."""
    async with await open_pool(dsn) as pool:
        floor = ShopFloor(pool, clock=SystemClock())
        await floor.settings(cap_24h=1, cap_7d=3, approval_above=0)
        await floor.people(people)
        made = (await floor.campaign()).summary
        await floor.desk.send_now(made.campaign_id, revision=made.revision, by="benchmark")
        await pool.execute("ANALYZE")
        began, cpu = time.perf_counter(), time.process_time()
        await floor.runs.launch(made.campaign_id)
        return time.perf_counter() - began, time.process_time() - cpu


async def emulate(port: int, latency: float, folder: Path, people: int) -> None:
    """The other side, until it is ended."""
    async with running(folder, port=port) as emulator:
        emulator.emulator.settings = EmulatorSettings(latency_ms=latency)
        emulator.emulator.register([f"phone-{number}-0" for number in range(1, people + 1)], kind="token")
        await asyncio.Event().wait()


@contextlib.contextmanager
def other_side(given: argparse.Namespace, folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    """Run `emulate` in a process of its own; gives its address and the process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, __file__, "--emulate", str(port), str(folder)]
    command += ["--latency", str(given.latency), "--people", str(given.people)]
    with subprocess.Popen(command) as process:
        try:
            while process.poll() is None:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                time.sleep(0.1)
            yield f"https://127.0.0.1:{port}", psutil.Process(process.pid)
        finally:
            process.terminate()


def spent(process: psutil.Process) -> float:
    """CPU seconds of a process and of its children, those that have ended included."""
    own = process.cpu_times()
    living = sum(sum(child.cpu_times()[:2]) for child in process.children())
    return float(own.user + own.system + own.children_user + own.children_system + living)


async def accepted(dsn: str) -> tuple[int, psutil.Process]:
    """Messages that the ledger calls accepted, and the process of the database."""
    connection = await asyncpg.connect(dsn)
    try:
        pid = await connection.fetchval("SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'")
        count: int = await connection.fetchval("SELECT count(*) FROM deliveries WHERE state = 'accepted'")
    finally:
        await connection.close()
    parent = psutil.Process(pid).parent()
    assert parent is not None  # noqa: S101 - a server process has its postmaster
    return count, parent


def run(given: argparse.Namespace, dsn: str, place: Path) -> None:
    seconds, cpu = asyncio.run(planned(dsn, given.people))
    print(f"planned {given.people:,} people in {seconds:.1f} s ({cpu:.1f} CPU s of ours): "
          f"{seconds / given.people * 1e6:.1f} s a million, aim {AIM_PLANNED:.0f}")  # fmt: skip
    if not given.workers:
        return
    with other_side(given, place / "emulator") as (url, emulator):
        command = [
            sys.executable,
            __file__,
            "--work",
            dsn,
            url,
            str(place / "emulator" / "ca.pem"),
            "--lanes",
            str(given.lanes),
            "--chunk",
            str(given.chunk),
        ]
        _, server = asyncio.run(accepted(dsn))
        others = {"PostgreSQL": server, "the emulator": emulator}
        before = {name: spent(process) for name, process in others.items()}
        began = time.perf_counter()
        workers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(given.workers)]
        told = [json.loads(worker.communicate()[0].splitlines()[-1]) for worker in workers]
        wall = max(one["wall"] for one in told)
        costs = {name: spent(process) - before[name] for name, process in others.items()}
    tried, cpu = (sum(one[what] for one in told) for what in ("tried", "cpu"))
    count, _ = asyncio.run(accepted(dsn))
    if count != given.people:
        sys.exit(f"{count:,} of {given.people:,} messages were accepted")
    beside = ", ".join(f"{cost / tried * 1000:.3f} of {name}" for name, cost in costs.items())
    print(f"sent {tried:,.0f} messages in {wall:.1f} s: {tried / wall:,.0f}/s (aim {AIM:,}), "
          f"{cpu / tried * 1000:.3f} CPU ms a message (aim {AIM_CPU}), beside it {beside}; "
          f"at most {max(one['peak'] for one in told):,.0f} MiB; "
          f"started within {time.perf_counter() - began - wall:.1f} s")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--lanes", type=int, default=LANES)
    parser.add_argument("--chunk", type=int, default=CHUNK)
    parser.add_argument("--latency", type=float, default=50, metavar="MS")
    parser.add_argument("--work", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--emulate", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.emulate:
        port, folder = given.emulate
        asyncio.run(emulate(int(port), given.latency, Path(folder), given.people))
        return
    if given.work:
        dsn, url, authority = given.work
        told = asyncio.run(work(dsn, url, Path(authority), lanes=given.lanes, chunk=given.chunk))
        print(json.dumps({**told, "peak": peak()}))
        return
    with tempfile.TemporaryDirectory() as place, EmbeddedPostgres(Path(place) / "home").hold() as dsn:
        asyncio.run(migrate(dsn))
        run(given, dsn, Path(place))


if __name__ == "__main__":
    main()
