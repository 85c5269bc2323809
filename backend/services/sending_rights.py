"""The right to send: a restored database sends nothing until a person arms it.

What a backup holds as planned may have gone out after the backup was taken; sending it again would be the duplicate that
nobody can take back. So sending is tied to one database. Two things tell that it is another one, or an older state of it:

- its identity (cluster, timeline, number of the database), kept in the database itself: a dump read in elsewhere, a base
  backup and a promoted standby have another;
- a mark outside of it, in each worker's `JOREN_HOME`: how far the log of the database had come when it was last seen. Files
  put back from a copy have the same identity and an older log.

The first worker of an installation arms it. A folder `JOREN_HOME` that is put back together with the database in it looks as
it looked then; only who put it back can know (docs/how-to/operate.md).
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import msgspec
import structlog

from backend.clock import Clock
from backend.store import access as access_store
from backend.store import sending_rights as store
from backend.store.pool import Connection
from backend.store.sending_rights import Identity, Right

MARK_FILE = "sending.mark"
LOOK_AGAIN = timedelta(seconds=2)
"""How long what was found is believed."""

log = structlog.get_logger()


class Held(StrEnum):
    """Why nothing may be sent."""

    RESTORED = "restored"
    """This database was restored or copied from the one that had the right, or is a standby that took over."""
    ROLLED_BACK = "rolled_back"
    """This database was put back to an earlier state."""


class Mark(msgspec.Struct, frozen=True):
    """What a worker has seen of the database, kept outside of it."""

    right_id: UUID
    armed_at: datetime
    position: int


@dataclass(frozen=True, slots=True)
class Armed:
    """What arming did to campaigns that may have been sent in the meantime: names by number."""

    paused: dict[int, str]
    unscheduled: dict[int, str]


def judge(right: Right, identity: Identity, position: int, mark: Mark | None) -> Held | None:
    """Whether ``right`` lets this database send; None lets it.

    Args:
        right: the right as the database has it.
        identity: of the database.
        position: how far its log has come.
        mark: what was seen of it before; None on a machine that has not seen it.
    """
    if right.holder != identity:
        return Held.RESTORED
    if mark is None:
        return None
    if mark.right_id == right.right_id:
        return Held.ROLLED_BACK if position < mark.position else None
    return None if right.armed_at > mark.armed_at else Held.ROLLED_BACK


class SendingRights:
    """Tells whether this installation may send, and arms it."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock, *, home: Path) -> None:
        self._pool = pool
        self._clock = clock
        self._mark = home / MARK_FILE
        self._looked_at: datetime | None = None
        self._found: Held | None = None

    async def held(self) -> Held | None:
        """Why nothing may be sent; None when it may. The first one ever asked arms the installation."""
        now = self._clock.now()
        if self._looked_at is not None and timedelta() <= now - self._looked_at < LOOK_AGAIN:
            return self._found
        mark = await asyncio.to_thread(read_mark, self._mark)
        async with self._pool.acquire() as connection, connection.transaction():
            right, identity, position = await self._look(connection, now, mark)
        found = Held.ROLLED_BACK if right is None else judge(right, identity, position, mark)
        if found is None and right is not None:
            seen = Mark(right.right_id, right.armed_at, position)
            await asyncio.to_thread(write_mark, self._mark, seen)
        elif found is not self._found:
            log.error("sending_held", why=str(found), remedy="joren arm")
        self._looked_at, self._found = now, found
        return found

    async def _look(
        self, connection: Connection, now: datetime, mark: Mark | None
    ) -> tuple[Right | None, Identity, int]:
        """Without a right where a backup from before the first arming was put back: one was seen here, and there are campaigns."""
        identity, position = await store.read_identity(connection)
        right = await store.read_right(connection)
        if right is None and (mark is None or not await store.has_campaigns(connection)):
            await store.hold_first_grant(connection)
            right = await store.read_right(connection)
            if right is None:
                right = Right(uuid4(), identity, now)
                await store.grant(connection, right, by="first start")
        return right, identity, position

    async def arm(self, *, by: str) -> Armed:
        """Let this database send from now on.

        Campaigns that were being sent are paused, those whose moment has passed become drafts: the installation that the
        backup comes from may have sent them since.
        """
        now, mark = self._clock.now(), await asyncio.to_thread(read_mark, self._mark)
        async with self._pool.acquire() as connection, connection.transaction():
            identity, position = await store.read_identity(connection)
            right = Right(uuid4(), identity, _after(now, await store.read_right(connection), mark))
            await store.grant(connection, right, by=by)
            paused = {row["campaign_id"]: row["name"] for row in await store.pause_running(connection, now=now)}
            drafts = {row["campaign_id"]: row["name"] for row in await store.unschedule_due(connection, now=now)}
            detail = {"paused": sorted(paused), "unscheduled": sorted(drafts)}
            await access_store.write_audit(
                connection, at=now, actor=by, action="sending.arm", target="sending", detail=detail
            )
        await asyncio.to_thread(write_mark, self._mark, Mark(right.right_id, right.armed_at, position))
        self._looked_at = None
        return Armed(paused, drafts)

    def guard(self, step: Callable[[], Awaitable[int]]) -> Callable[[], Awaitable[int]]:
        """The step, which does nothing while nothing may be sent."""

        async def guarded() -> int:
            return 0 if await self.held() is not None else await step()

        return guarded

    def guard_job(self, job: Callable[[int], Awaitable[bool]]) -> Callable[[int], Awaitable[bool]]:
        """The job on one number, which is passed over while nothing may be sent; arming decides anew on what was due."""

        async def guarded(number: int) -> bool:
            return False if await self.held() is not None else await job(number)

        return guarded


def _after(now: datetime, *before: Right | Mark | None) -> datetime:
    """Now, or just after what was armed before by a clock that was ahead: the newest is the one that holds."""
    return max([now, *(one.armed_at + timedelta(microseconds=1) for one in before if one is not None)])


def read_mark(path: Path) -> Mark | None:
    """The mark; None where there is none, or none that can be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Mark)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def write_mark(path: Path, mark: Mark) -> None:
    """Replace the mark whole; one that stands higher already, written by another worker of this machine, stays."""
    there = read_mark(path)
    if there is not None and there.right_id == mark.right_id and there.position >= mark.position:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}-{uuid4().hex}")
    fresh.write_bytes(msgspec.json.encode(mark))
    fresh.replace(path)
