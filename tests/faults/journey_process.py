"""One worker's triggers and journeys in a process of its own, which kills itself at the chosen step. Arguments: database, step."""

import asyncio
import os
import signal
import sys

from backend.store.pool import open_pool
from tests.fixtures.journey_stage import Stage


async def main(dsn: str, step: int) -> None:
    """Read and lead on until there is nothing to do, or until our end."""
    seen: list[str] = []

    def watch(name: str) -> None:
        seen.append(name)
        if len(seen) == step:
            os.kill(os.getpid(), signal.SIGKILL)

    pool = await open_pool(dsn)
    stage = Stage(pool)
    stage.watch = watch
    await stage.settle()
    await pool.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
