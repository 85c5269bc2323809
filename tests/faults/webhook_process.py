"""A worker process to be killed: sends what lies in the outbox until nothing waits, or until it meets its fate.

``python -m tests.faults.webhook_process DSN AUTHORITY PLACE FATE [SABOTAGE]``; PLACE is the receiver's host and port.
"""

import asyncio
import os
import secrets
import signal
import ssl
import sys
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from backend.clock import SystemClock
from backend.outbound.client import Answer, Caller
from backend.services.webhooks.sending import WebhookRuns
from backend.store import webhooks as store
from backend.store.pool import open_pool

LEASE = timedelta(seconds=1)


class Doomed:
    """Makes the calls, and kills its process before or after one."""

    def __init__(self, caller: Caller, fate: str, sabotage: str) -> None:
        self._caller = caller
        self._fate = fate
        self._sabotage = sabotage

    async def post(self, url: str, *, headers: Mapping[str, str], body: bytes) -> Answer:
        if self._fate == "killed_before_call":
            os.kill(os.getpid(), signal.SIGKILL)
        if self._sabotage == "new_ids":  # what was taken before a crash is not known again
            headers = {**headers, "webhook-id": f"msg_{secrets.token_hex(8)}"}
        answer = await self._caller.post(url, headers=headers, body=body)
        if self._fate == "killed_after_answer":
            os.kill(os.getpid(), signal.SIGKILL)
        return answer


def settle_early() -> None:
    """Saboteur: a message counts as delivered as soon as it is claimed."""
    broken: dict[str, Any] = dict(store._SQL)
    broken["claim"] = broken["claim"].replace("SET attempt_id = $1,", "SET state = 'delivered', attempt_id = $1,")
    store._SQL = broken  # type: ignore[assignment]  # what a saboteur does


async def main(dsn: str, authority: str, place: str, fate: str, sabotage: str) -> None:
    pool = await open_pool(dsn)
    if sabotage == "settled_early":
        settle_early()
    caller = Caller(allowed=[place], trust=ssl.create_default_context(cafile=authority))
    runs = WebhookRuns(pool, SystemClock(), caller=Doomed(caller, fate, sabotage), lease=LEASE)
    while await pool.fetchval("SELECT count(*) FROM webhook_deliveries WHERE state = 'waiting'"):
        if not await runs.deliver():
            await asyncio.sleep(0.05)
    await pool.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4], (sys.argv[5:] or [""])[0]))
