"""One worker's keeping of everybody's standing in a process of its own, which kills itself at the chosen step. Arguments: database, step."""

import asyncio
import os
import signal
import sys

from backend.store.pool import open_pool
from tests.store.test_kept_standing import keeper


async def main(dsn: str, step: str) -> None:
    """Keep standing until our end."""

    def watch(name: str) -> None:
        if name == step:
            os.kill(os.getpid(), signal.SIGKILL)

    pool = await open_pool(dsn)
    await keeper(pool, watch=watch).work_until_current()
    await pool.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
