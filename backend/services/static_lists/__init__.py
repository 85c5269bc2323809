"""Static lists: made from member numbers or from a moment of a segment, changed by people only, and written down who did.

A list has no versions; the audit log tells who put how many on it and took how many off. Whoever was merged since counts as
his survivor, whoever was erased is on no list any more.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime
from typing import Any, Protocol

import asyncpg
import numpy as np
import numpy.typing as npt

from backend.clock import Clock
from backend.errors import Conflict, NotFound
from backend.services.static_lists.rows import (
    ask_about_campaigns,
    check_count,
    checked_name,
    figures_of,
    lock,
    name_taken,
    read_list,
    segments_of,
)
from backend.store import access
from backend.store import static_lists as store
from backend.store.pool import Connection
from segments.id_lists import GivenIds
from segments.ledger import Member
from segments.static_list import StaticList, Taken, Uses

MembersAt = Callable[[int, datetime | None], Awaitable[npt.NDArray[np.int64]]]
"""Members of a segment at a moment, or now."""

KnownSince = Callable[[int], Awaitable[date | None]]
"""Whether who is in a segment hangs on history that was dropped: see `segments.raw_members`."""


class _Change(Protocol):
    """Puts customers on a list or takes them off; gives how many it changed."""

    async def __call__(self, connection: Connection, *, list_id: int, customer_ids: Sequence[int]) -> int: ...


class StaticLists:
    """Lists of people.

    Args:
        pool: the database.
        clock: tells when a list was changed.
        members_at: who was in a segment.
        known_since: what is to be said of them.
    """

    def __init__(self, pool: asyncpg.Pool, clock: Clock, *, members_at: MembersAt, known_since: KnownSince) -> None:
        self._pool = pool
        self._clock = clock
        self._members_at = members_at
        self._known_since = known_since

    async def list(self, *, archived: bool = False) -> list[StaticList]:
        """All lists with their sizes, by name."""
        async with self._pool.acquire() as connection:
            return [StaticList(**row) for row in await store.list_lists(connection, archived=archived)]

    async def get(self, list_id: int) -> StaticList:
        """One list.

        Raises:
            NotFound: no such list.
        """
        async with self._pool.acquire() as connection:
            return await read_list(connection, list_id)

    async def find(self, name: str) -> StaticList:
        """The list of a name.

        Raises:
            NotFound: no list has that name.
        """
        async with self._pool.acquire() as connection:
            list_id = await store.find_list(connection, name=name.strip())
            if list_id is None:
                raise NotFound(f'No list is called "{name}".', code="list_not_found")
            return await read_list(connection, list_id)

    async def members(self, list_id: int, *, after: int = 0, limit: int = 1000) -> Sequence[Member]:
        """People on a list by Joren's number, those after one.

        Raises:
            NotFound: no such list.
        """
        async with self._pool.acquire() as connection:
            await read_list(connection, list_id)
            rows = await store.list_members(connection, list_id=list_id, after=after, limit=limit)
        return [Member(customer_id=row["customer_id"], user_id=row["user_id"], entered_at=None) for row in rows]

    async def create(self, name: str, given: GivenIds, *, exclusion: bool, origin: str, actor: str) -> Taken:
        """A new list of people by their member numbers.

        Raises:
            BadInput: a name that cannot be taken, or too many numbers.
            Conflict: the name is taken.
        """
        check_count(given)
        async with self._pool.acquire() as connection, connection.transaction():
            list_id = await self._insert(connection, name, exclusion=exclusion, origin=origin, actor=actor)
            taken = await self._take(connection, list_id, given, store.add_members)
            detail = {"name": taken.kept.name, "exclusion": exclusion, "origin": origin, **figures_of(taken)}
            await self._audit(connection, "list.create", list_id, actor, detail)
            return taken

    async def create_from_segment(
        self, name: str, segment_id: int, *, at: datetime | None = None, exclusion: bool, actor: str
    ) -> StaticList:
        """A new list of those who are in a segment now, or were at a moment.

        Raises:
            BadInput: a name that cannot be taken, or a moment of which members are not known.
            NotFound: no such segment.
            Conflict: the name is taken.
        """
        members, since = await self._members_at(segment_id, at), await self._known_since(segment_id)
        moment = at or self._clock.now()
        origin = f"segment {segment_id} at {moment:%Y-%m-%dT%H:%M:%SZ}"
        async with self._pool.acquire() as connection, connection.transaction():
            list_id = await self._insert(
                connection, name, exclusion=exclusion, origin=origin, actor=actor, known_since=since
            )
            added = await store.add_members(connection, list_id=list_id, customer_ids=members)
            kept = await read_list(connection, list_id)
            detail = {"name": kept.name, "exclusion": exclusion, "origin": origin, "changed": added}
            await self._audit(connection, "list.create", list_id, actor, detail)
            return kept

    async def add(self, list_id: int, given: GivenIds, *, actor: str) -> Taken:
        """Put people on a list.

        Raises:
            NotFound: no such list.
            BadInput: too many numbers.
            Conflict: it is archived.
        """
        return await self._change(list_id, given, store.add_members, "list.add", actor)

    async def remove(self, list_id: int, given: GivenIds, *, actor: str) -> Taken:
        """Take people off a list.

        Raises:
            NotFound, BadInput, Conflict: as `add`.
        """
        return await self._change(list_id, given, store.remove_members, "list.remove", actor)

    async def save(self, list_id: int, *, name: str, exclusion: bool, actor: str, confirm: bool = False) -> StaticList:
        """Give a list another name, or have it keep people out of campaigns or not.

        Raises:
            NotFound: no such list.
            BadInput: a name that cannot be taken.
            Conflict: it is archived; the name is taken; campaigns wait that would go to others then (code
                ``campaigns_waiting``, unless ``confirm``).
        """
        name = checked_name(name)
        async with self._pool.acquire() as connection, connection.transaction():
            before = await lock(connection, list_id)
            if before["exclusion"] != exclusion and not confirm:
                await ask_about_campaigns(connection)
            try:
                await store.set_list(connection, list_id=list_id, name=name, exclusion=exclusion, now=self._clock.now())
            except asyncpg.UniqueViolationError as error:
                raise name_taken(name) from error
            await self._audit(connection, "list.save", list_id, actor, {"name": name, "exclusion": exclusion})
            return await read_list(connection, list_id)

    async def uses(self, list_id: int) -> Uses:
        """What goes by a list.

        Raises:
            NotFound: no such list.
        """
        async with self._pool.acquire() as connection:
            kept = await read_list(connection, list_id)
            waiting = await store.list_waiting_campaigns(connection) if kept.exclusion else {}
            return Uses(await segments_of(connection, list_id), waiting)

    async def archive(self, list_id: int, *, actor: str, confirm: bool = False) -> None:
        """Put a list away.

        Raises:
            NotFound: no such list.
            Conflict: a live segment asks for it (code ``list_in_use``), or it keeps people out of campaigns that wait (code
                ``campaigns_waiting``, unless ``confirm``).
        """
        async with self._pool.acquire() as connection, connection.transaction():
            row = await lock(connection, list_id)
            if used := await segments_of(connection, list_id):
                names = ", ".join(f'"{name}"' for name in used.values())
                raise Conflict(
                    f"Segments ask for this list: {names}. Change or archive them first.", code="list_in_use"
                )
            if row["exclusion"] and not confirm:
                await ask_about_campaigns(connection)
            now = self._clock.now()
            await store.set_archived(connection, list_id=list_id, at=now, now=now)
            await self._audit(connection, "list.archive", list_id, actor, {})

    async def restore(self, list_id: int, *, actor: str) -> StaticList:
        """Take an archived list back; an exclusion list keeps people out of campaigns again.

        Raises:
            NotFound: no such list.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            await lock(connection, list_id, archived=True)
            await store.set_archived(connection, list_id=list_id, at=None, now=self._clock.now())
            await self._audit(connection, "list.restore", list_id, actor, {})
            return await read_list(connection, list_id)

    async def _insert(
        self,
        connection: Connection,
        name: str,
        *,
        exclusion: bool,
        origin: str,
        actor: str,
        known_since: date | None = None,
    ) -> int:
        name = checked_name(name)
        try:
            return await store.insert_list(
                connection,
                name=name,
                exclusion=exclusion,
                origin=origin,
                known_since=known_since,
                now=self._clock.now(),
                actor=actor,
            )
        except asyncpg.UniqueViolationError as error:
            raise name_taken(name) from error

    async def _change(self, list_id: int, given: GivenIds, how: _Change, action: str, actor: str) -> Taken:
        check_count(given)
        async with self._pool.acquire() as connection, connection.transaction():
            await lock(connection, list_id)
            taken = await self._take(connection, list_id, given, how)
            await self._audit(connection, action, list_id, actor, figures_of(taken))
            return taken

    async def _take(self, connection: Connection, list_id: int, given: GivenIds, how: _Change) -> Taken:
        known = await store.survivors_of_ids(connection, user_ids=given.ids)
        people = [*{*known.values()}]
        changed = await how(connection, list_id=list_id, customer_ids=people)
        await store.note_change(connection, list_id=list_id, now=self._clock.now())
        return Taken(
            kept=await read_list(connection, list_id),
            read=given.read,
            changed=changed,
            already=len(people) - changed,
            repeated=given.repeated + len(known) - len(people),
            unknown=tuple(number for number in given.ids if number not in known),
            bad=given.bad,
        )

    async def _audit(
        self, connection: Connection, action: str, list_id: int, actor: str, detail: dict[str, Any]
    ) -> None:
        now = self._clock.now()
        await access.write_audit(
            connection, at=now, actor=actor, action=action, target=f"list {list_id}", detail=detail
        )
