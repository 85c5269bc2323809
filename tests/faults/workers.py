"""Starts the worker processes of the fault tests and looks at what the push service knows."""

import asyncio
import contextlib
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import psutil

from backend.clock import SystemClock
from campaigns.campaign import Policy
from tests.faults.delivery_process import CHUNK
from tests.faults.figures import SCALE, Figures, note
from tests.fixtures import commands
from tests.fixtures.shop_floor import ShopFloor

PEOPLE = 60 * SCALE


@dataclass
class Story:
    """One campaign for `PEOPLE` people, the processes that work on it, and the push service's ledger."""

    floor: ShopFloor
    dsn: str
    ledger: Path
    campaign_id: int

    @contextlib.asynccontextmanager
    async def worker(self, fate: str, sabotage: str = "") -> AsyncIterator[commands.Running]:
        given = [self.dsn, str(self.ledger), str(self.campaign_id), fate, sabotage]
        with commands.started(commands.Command(given, {**os.environ}, "tests.faults.delivery_process")) as process:
            try:
                yield process
            finally:
                if process.status is None:
                    process.send_signal(signal.SIGCONT)
                    process.send_signal(signal.SIGKILL)
                    await asyncio.to_thread(process.wait, 60)
                sys.stderr.write(process.said()[1])

    async def run(self, fate: str, sabotage: str = "") -> int:
        """One worker until its end; gives its exit status."""
        async with self.worker(fate, sabotage) as process:
            return await asyncio.to_thread(process.wait, 60 * SCALE)

    def accepted(self) -> Counter[str]:
        """What the push service accepted, by address."""
        return Counter(self.ledger.read_text().split()) if self.ledger.exists() else Counter()

    def doubles(self) -> int:
        return sum(count - 1 for count in self.accepted().values())

    async def note(self, fault: str, *, faults: int = SCALE, recovery: float | None = None) -> None:
        """Write down what became of everybody."""
        unknown = (await self.floor.states(self.campaign_id)).get("unknown", 0)
        note(
            Figures(
                fault=fault,
                operations=PEOPLE,
                faults=faults,
                lost=max(0, PEOPLE - len(self.accepted()) - unknown),
                doubled=self.doubles(),
                unknown=unknown,
                recovery=recovery,
            )
        )


async def story(
    pool: asyncpg.Pool, dsn: str, folder: Path, *, launched: bool = True, policy: Policy = Policy.ONCE
) -> Story:
    """People with phones and a campaign for them that is sending, or due."""
    floor = ShopFloor(pool, clock=SystemClock())
    await floor.settings()
    await floor.people(PEOPLE)
    if launched:
        campaign_id = await floor.launched(policy=policy)
    else:
        made = (await floor.campaign()).summary
        campaign_id = made.campaign_id
        await floor.desk.send_now(campaign_id, revision=made.revision, by="test")
    return Story(floor, dsn, folder / "ledger", campaign_id)


async def until_stopped(process: commands.Running) -> None:
    """Wait until a process has stopped itself."""
    watched = psutil.Process(process.pid)
    async with asyncio.timeout(90):
        while watched.status() != psutil.STATUS_STOPPED:  # noqa: ASYNC110 - a stopped process tells nobody
            await asyncio.sleep(0.02)


__all__ = ["CHUNK", "PEOPLE", "SCALE", "Story", "story", "until_stopped"]
