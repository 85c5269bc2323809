"""One import in a process of its own, which a test kills at a chosen moment.

Arguments: database, home, kind, file, fate, sabotage. Fate is the number of the part around which the process dies: ``3 before``
its commit, ``3 after``, or ``never``. Sabotage ``forget`` writes down how far it came in a transaction of its own, before the
part is stored.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from backend.clock import FixedClock
from backend.services.imports import parts, runs
from backend.services.imports.runs import Imports
from backend.store import imports as store
from backend.store.pool import open_pool
from segments.import_fields import Kind

NOW = datetime(2026, 4, 2, 3, tzinfo=UTC)
PART = 20


def die() -> None:
    """As by kill -9: nothing is tidied up."""
    os.kill(os.getpid(), signal.SIGKILL)


class Doomed(Imports):
    """Imports that die around a part."""

    fate: Sequence[str] = ("never",)
    sabotage = ""

    async def _store(self, plan: Any, part: Any, number: int, import_id: int) -> None:
        doomed = self.fate[0] == str(number)
        if self.sabotage == "forget":
            async with self._pool.acquire() as connection:
                await store.add_part(connection, import_id=import_id, part=number, stored=len(part.entries), repeated=0)
        if doomed and self.fate[1] == "before":
            real = runs.event_store.append

            async def append_and_die(*args: Any, **options: Any) -> Any:
                await real(*args, **options)
                die()

            runs.event_store.append = append_and_die
        await super()._store(plan, part, number, import_id)
        if doomed:
            die()


async def main(dsn: str, home: str, kind: str, *how: str) -> None:
    """Import a file until its end or ours."""
    file, fate, sabotage = how
    parts.PART = PART
    async with await open_pool(dsn) as pool:
        imports = Doomed(pool, FixedClock(NOW), Path(home))
        imports.fate, imports.sabotage = fate.split(), sabotage
        await imports.run(Kind(kind), Path(file))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
