"""One worker's keeping of memberships in a process of its own, which kills itself at the chosen step. Arguments: database, step."""

import asyncio
import os
import signal
import sys

from backend.store.pool import open_pool
from tests.services.keeping import Floor
from tests.services.test_memberships import after_the_day


async def main(dsn: str, step: int) -> None:
    """Keep memberships until our end, on the frame of the day after."""
    seen: list[str] = []

    def watch(name: str) -> None:
        seen.append(name)
        if len(seen) == step:
            os.kill(os.getpid(), signal.SIGKILL)

    pool = await open_pool(dsn)
    floor = Floor(pool)
    after_the_day(floor)
    await floor.keeper(watch).work_until_current()
    await pool.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
