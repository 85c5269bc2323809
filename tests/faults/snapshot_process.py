"""One worker's run of snapshots in a process of its own, which kills itself at the chosen step. Arguments: database, step."""

import asyncio
import os
import signal
import sys

from backend.clock import FixedClock
from backend.services.snapshots import LEASE, Snapshots
from backend.store.pool import open_pool
from tests.services.test_snapshots import NOW, Figures, until_current


async def main(dsn: str, step: int) -> None:
    """Keep every day until our end; the clock stands ``step`` leases later, so that who died before has lost his day."""
    seen: list[str] = []

    def watch(name: str) -> None:
        seen.append(name)
        if len(seen) == step:
            os.kill(os.getpid(), signal.SIGKILL)

    pool, figures, clock = await open_pool(dsn), Figures(), FixedClock(NOW + step * LEASE)
    snapshots = Snapshots(pool, clock, measure=figures.measure, known_until=figures.known_until, watch=watch)
    await until_current(snapshots)
    await pool.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
