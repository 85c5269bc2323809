"""A worker process to be killed: delivers (and launches) until the campaign has ended, or until it meets its fate.

``python -m tests.faults.delivery_process DSN LEDGER CAMPAIGN FATE [SABOTAGE]``. LEDGER is what the push service
knows: one line for each message it accepted, on disk before the worker learns of it.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import polars as pl

from backend.clock import SystemClock
from backend.services.campaign_runs import CampaignRuns
from backend.services.deliveries import Deliveries
from backend.store import campaigns
from backend.store import deliveries as store
from backend.store.pool import open_pool
from campaigns.audience import Members
from campaigns.campaign import State
from campaigns.delivery import Accepted, Outcome
from campaigns.message import PushMessage
from tests.fixtures.shop_floor import audience_frame

CHUNK = 20
LEASE = timedelta(seconds=1)


class FileService:
    """A push service whose memory is a file."""

    def __init__(self, ledger: Path, fate: str) -> None:
        self._ledger = ledger
        self._fate = fate

    async def send(self, messages: Sequence[PushMessage]) -> list[Outcome]:
        if self._fate == "killed_before_call":
            os.kill(os.getpid(), signal.SIGKILL)
        with self._ledger.open("a") as file:
            file.writelines(f"{message.address}\n" for message in messages)
        if self._fate == "killed_after_accept":
            os.kill(os.getpid(), signal.SIGKILL)
        await asyncio.sleep(0.01)
        return [Accepted(f"file/{message.delivery_id}") for message in messages]


class Worker(Deliveries):
    """A worker that can be stopped between claim and commit, and between commit and call."""

    fate = ""

    async def _mark(self, *given: Any, **named: Any) -> Any:
        chunk = await super()._mark(*given, **named)
        if self.fate == "killed_before_commit":
            os.kill(os.getpid(), signal.SIGKILL)
        return chunk

    async def _call(self, chunk: Any) -> list[tuple[PushMessage, Outcome]]:
        if self.fate == "stopped_before_call":
            os.kill(os.getpid(), signal.SIGSTOP)
            self.fate = ""
        return await super()._call(chunk)


class Unmarked(Worker):
    """Saboteur: calls before anything is committed."""

    async def _mark(self, *given: Any, **named: Any) -> Any:
        chunk = await super()._mark(*given, **named)
        await self._call(chunk)
        return chunk


class Unfenced(Worker):
    """Saboteur: does not look at its lease before the call."""

    async def _call(self, chunk: Any) -> list[tuple[PushMessage, Outcome]]:
        return await super()._call(replace(chunk, leased_until=datetime.max.replace(tzinfo=UTC)))


def ignore_states() -> None:
    """Saboteur: claims ask nobody whether the campaign still sends."""
    share = campaigns.share

    async def always_sending(*given: Any, **named: Any) -> Any:
        return dict(await share(*given, **named)) | {"state": State.SENDING}

    campaigns.share = always_sending


def unlock() -> None:
    """Saboteur: claims take people whom another worker holds."""
    broken = dict(store._SQL)
    broken["claim_people"] = broken["claim_people"].replace("FOR UPDATE SKIP LOCKED", "")
    store._SQL = broken  # type: ignore[assignment]  # what a saboteur does


SABOTEURS = {"unmarked": Unmarked, "unfenced": Unfenced}


class Everyone:
    """Members of every segment: all customers."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def members(
        self, segment_id: int | None, *, columns: tuple[str, ...], among: Collection[int] | None = None
    ) -> Members:
        ids = [row[0] for row in await self._pool.fetch("SELECT customer_id FROM customers")]
        frame: pl.DataFrame = audience_frame(ids)
        known = [name for name in columns if name in frame.columns]
        return Members(frame=frame.select("customer_id", *known), as_of=SystemClock().now(), version=1)


async def main(dsn: str, ledger: str, campaign_id: int, fate: str, sabotage: str) -> None:
    pool, clock = await open_pool(dsn), SystemClock()
    worker = SABOTEURS.get(sabotage, Worker)(
        pool, clock, sender=FileService(Path(ledger), fate), chunk=CHUNK, lease=LEASE
    )
    worker.fate = fate
    runs = CampaignRuns(pool, clock, audiences=Everyone(pool))
    while await pool.fetchval("SELECT state FROM campaigns WHERE campaign_id = $1", campaign_id) != "sent":
        await runs.launch_due()
        if not await worker.deliver():
            await worker.recover()
            await asyncio.sleep(0.05)
    await pool.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], (sys.argv[5:] or [""])[0]))
