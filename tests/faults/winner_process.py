"""A worker of a campaign with a test, which kills itself at a step: before or after a commit, before or after a call.

``python -m tests.faults.winner_process DSN FOLDER CAMPAIGN FATE [SABOTAGE]``. FATE is the number of a step, or the name of one that comes
after the test's moment; without any it works until the campaign has ended. The folder holds what outlives a process: the world's time, and
what the push service took.
"""

import asyncio
import os
import re
import signal
import sys
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from asyncpg.transaction import Transaction

from backend.services.campaign_desk import moves
from backend.services.campaign_desk.winners import CampaignTests
from backend.services.campaign_runs import CampaignRuns
from backend.services.deliveries import LEASE, Deliveries
from backend.store import campaign_tests, campaigns
from backend.store.pool import open_pool
from campaigns import winner
from campaigns.delivery import Accepted, Outcome
from campaigns.message import PushMessage
from segments.windows import Window
from tests.faults.delivery_process import Everyone
from tests.fixtures.shop_floor import NOON, fact_frame

WAIT = timedelta(minutes=30)
CHUNK = 8
ROUND = timedelta(minutes=10)
"""How far the time goes on where nothing is to be done."""


class World:
    """Time that stands still while somebody works, and that a process finds where the one before left it."""

    def __init__(self, folder: Path, campaign_id: int) -> None:
        self._file = folder / f"moment-{campaign_id}"

    def now(self) -> datetime:
        return datetime.fromisoformat(self._file.read_text()) if self._file.exists() else NOON

    def advance(self, by: timedelta) -> None:
        self._file.write_text((self.now() + by).isoformat())


class Steps:
    """What a process has done so far; the chosen one is its last."""

    def __init__(self, fate: str, world: World) -> None:
        self._fate = fate
        self._world = world
        self._seen = 0

    def __call__(self, name: str) -> None:
        self._seen += 1
        ends = self._fate == name and self._world.now() >= NOON + WAIT
        if ends or self._fate == str(self._seen):
            os.kill(os.getpid(), signal.SIGKILL)

    def at_commits(self) -> None:
        """Every transaction of the process is two steps, named after the function that it stands in."""
        leave = Transaction.__aexit__

        async def aexit(transaction: Any, *raised: Any) -> None:
            name = sys._getframe(1).f_code.co_name
            self(f"{name} commits")
            await leave(transaction, *raised)
            self(f"{name} committed")

        Transaction.__aexit__ = aexit


class Service:
    """A push service whose memory is a file: customer, title and moment of what it took."""

    def __init__(self, ledger: Path, world: World, step: Steps) -> None:
        self._file = ledger
        self._world = world
        self._step = step

    async def send(self, messages: Sequence[PushMessage]) -> list[Outcome]:
        self._step("calls")
        at = self._world.now().isoformat()
        with self._file.open("a") as file:
            file.writelines(f"{one.address.split('-')[1]} {one.title} {at}\n" for one in messages)
        self._step("called")
        return [Accepted(f"file/{message.delivery_id}") for message in messages]


class Facts:
    """Everybody taps B and nobody A; all of it is known at once."""

    def __init__(self, ledger: Path, world: World, campaign_id: int) -> None:
        self._file = ledger
        self._world = world
        self._campaign_id = campaign_id

    def events(self, window: Window | None = None) -> pl.LazyFrame:
        took = [line.split() for line in self._file.read_text().splitlines()]
        tap = {"event": "Push Notification Tapped", "campaign_id": self._campaign_id, "delivery_id": 5}
        return fact_frame(
            tap | {"customer_id": int(who), "occurred_at": datetime.fromisoformat(at)}
            for who, title, at in took
            if title == "B"
        ).lazy()

    def customer_days(self) -> pl.LazyFrame:
        return self.events()

    def raw_since(self) -> None:
        return None

    def as_of(self) -> datetime:
        return self._world.now()


def beside(pool: Any) -> None:
    """Saboteur: the audit of a decision is written outside its transaction."""
    audit = moves.audit

    async def elsewhere(_: Any, *given: Any, **named: Any) -> None:
        async with pool.acquire() as connection:
            await audit(connection, *given, **named)

    moves.audit = elsewhere  # type: ignore[assignment]  # what a saboteur does


def forgetful(_: Any) -> None:
    """Saboteur: what was decided before is decided once more."""
    asked = {name: re.sub(r"(t\.)?decided_at IS NULL", "true", text) for name, text in campaign_tests._SQL.items()}
    campaign_tests._SQL = asked


def hasty(_: Any) -> None:
    """Saboteur: who waits for the decision is claimed without it."""
    share, listed = campaigns.share, campaigns.list_active

    async def decided(*given: Any, **named: Any) -> Any:
        return {**await share(*given, **named), "decided": True}

    async def due(*given: Any, **named: Any) -> Any:
        return [{**row, "due": True} for row in await listed(*given, **named)]

    campaigns.share, campaigns.list_active = decided, due


def honest(_: Any) -> None:
    """Nobody: the product as it is."""


SABOTEURS: dict[str, Callable[[Any], None]] = {"beside": beside, "forgetful": forgetful, "hasty": hasty, "": honest}


async def main(dsn: str, folder: Path, campaign_id: int, fate: str, sabotage: str) -> None:
    vars(winner).update(SMALLEST_ARM=1, FEWEST_CONVERSIONS=0)  # tens of people stand for thousands
    pool, world = await open_pool(dsn), World(folder, campaign_id)
    ledger = folder / f"ledger-{campaign_id}"
    world.advance(LEASE)  # whoever was killed before holds nothing any more
    step = Steps(fate, world)
    step.at_commits()
    SABOTEURS[sabotage](pool)
    runs = CampaignRuns(pool, world, audiences=Everyone(pool))
    worker = Deliveries(pool, world, sender=Service(ledger, world, step), chunk=CHUNK)
    tests = CampaignTests(pool, world, facts=Facts(ledger, world, campaign_id))
    while await pool.fetchval("SELECT state FROM campaigns WHERE campaign_id = $1", campaign_id) != "sent":
        if not (await runs.launch_due() + await worker.deliver() + await tests.decide_due()):
            await worker.recover()
            world.advance(ROUND)
    await pool.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4], (sys.argv[5:] or [""])[0]))
