"""A worker process to be killed: gives coupons out and writes expiries down until nothing is left, or until its fate.

``python -m tests.faults.coupon_process DSN HOME NOW FATE [SABOTAGE]``; NOW is an ISO time, FATE names the work and the moment:
``issue-uncommitted``, ``issue-committed``, ``expire-uncommitted``, ``expire-committed``, or none.
"""

import asyncio
import os
import secrets
import signal
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from backend.clock import FixedClock
from backend.lake.frame import CustomerFrame
from backend.lake.tables import Lake
from backend.services.coupons import expiry as expiring
from backend.services.coupons import issuing
from backend.services.coupons.expiry import CouponExpiry
from backend.services.coupons.issuing import CouponIssues
from backend.services.coupons.ledger import CouponLedger
from backend.store.pool import Pool, open_pool
from tests.services.test_coupons import Everyone

AT_ONCE = 4
DEADLY = 2
"""Which step of the work is the last."""


async def _until_done(work: Callable[[], Awaitable[int]], *, deadly: bool) -> None:
    steps = 0
    while await work():
        steps += 1
        if deadly and steps == DEADLY:
            os.kill(os.getpid(), signal.SIGKILL)


def _die_uncommitted(module: Any) -> None:
    """After the events of the deadly step were written, and before they are committed."""
    append, steps = module.events.append, 0

    async def dying(*args: Any, **kwargs: Any) -> Any:
        nonlocal steps
        steps += 1
        done = await append(*args, **kwargs)
        if steps == DEADLY:
            os.kill(os.getpid(), signal.SIGKILL)
        return done

    module.events.append = dying


def _take_apart(pool: Pool) -> None:
    """Saboteur: who is taken is taken for good before his event is written."""
    store: Any = issuing.store  # type: ignore[attr-defined]  # the module as the worker sees it
    take = store.take_people

    async def apart(_: Any, **wanted: Any) -> Any:
        async with pool.acquire() as connection:
            return await take(connection, **wanted)

    store.take_people = apart


async def main(dsn: str, home: str, now: str, fate: str, sabotage: str) -> None:
    pool, clock = await open_pool(dsn), FixedClock(datetime.fromisoformat(now))
    issuing.AT_ONCE = expiring.AT_ONCE = AT_ONCE
    if sabotage == "taken_apart":
        _take_apart(pool)
    if sabotage == "new_ids":
        expiring._message_id = lambda *_: secrets.token_hex(16)
    what, _, moment = fate.partition("-")
    if moment == "uncommitted":
        _die_uncommitted(issuing if what == "issue" else expiring)
    ledger = CouponLedger(pool, clock, Lake(Path(home) / "lake"), CustomerFrame(Path(home) / "frame"))
    issues = CouponIssues(pool, clock, audiences=Everyone(pool))
    await _until_done(issues.work, deadly=fate == "issue-committed")
    await _until_done(CouponExpiry(pool, clock, ledger).work, deadly=fate == "expire-committed")
    await pool.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4], (sys.argv[5:] or [""])[0]))
