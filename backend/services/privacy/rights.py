"""Disclosure and erasure of one person (APPI articles 33 to 35, GDPR articles 15 to 17).

Erasure is asked for, then done by a worker. First the person's ids go on the list of erased ones, as keyed digests, and
nothing is sent to him any more. When every intake process has learned of it, his rows leave lake and frame, the files
that may hold him are removed, and one transaction takes him out of every table. Each step may be done again, so a worker that
dies leaves nothing half done for ever. What stays: numbers in sums, and the row of a number without a person.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import msgspec
import structlog

from backend.clock import Clock
from backend.errors import Conflict, JorenError, NotFound
from backend.services.privacy.failed import keep_left
from backend.store import access as audit
from backend.store import erasures as store
from backend.store import webhooks
from backend.store.pool import Connection
from campaigns.notices import Notice, NoticeType
from segments.customer_rows import keys_about
from segments.erasure import digest_of, ids_in_bytes, mentions, quoted, stated_as_numbers, without_gone

SETTLED = timedelta(minutes=1)
"""After this every intake process knows of an erasure (`sieve.REMEMBERED`), and what it took before is stored: it gives a
request up after eight seconds, and the database a statement after eight more, or each of a refused group's."""

MOST_EVENTS = 1_000_000
"""Events in one disclosure."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """One erasure; ``removed`` counts rows and files by kind once it is finished."""

    erasure_id: int
    asked_at: datetime
    asked_by: str
    reason: str
    finished_at: datetime | None
    removed: dict[str, int]
    error: str | None


class Rights:
    """Shows and removes everything that is kept of a person.

    Args:
        pool: of the database.
        clock: tells now.
        history: takes customers out of lake and frame; gives rows.
        history_of: what the lake holds of customers, as plain rows.
        files: each removes files that may hold anybody; gives how many.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        clock: Clock,
        *,
        history: Callable[[Sequence[int]], Awaitable[int]],
        history_of: Callable[[Sequence[int]], Awaitable[list[dict[str, Any]]]],
        files: Sequence[Callable[[str], Awaitable[int]]] = (),
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._history = history
        self._history_of = history_of
        self._files = files

    async def disclose(self, customer_id: int, *, by: str) -> bytes:
        """Everything that is kept of a person, as a JSON document.

        Raises:
            NotFound: there is no such customer, or he was erased.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            survivor, numbers, _ = await self._person(connection, customer_id)
            found = await store.disclose(connection, customer_ids=numbers, survivor=survivor, limit=MOST_EVENTS)
            await self._audit(connection, by, "disclose", survivor, {})
        history = await self._history_of(numbers)
        document = {"disclosed_at": self._clock.now(), **found, "history": history}
        return await asyncio.to_thread(lambda: msgspec.json.format(msgspec.json.encode(document)))

    async def erase(self, customer_id: int, *, by: str, reason: str = "") -> int:
        """Ask for a person's erasure; gives its number. Asking again for the same person gives the same one.

        Raises:
            NotFound: there is no such customer, or he was erased.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            survivor, numbers, ids = await self._person(connection, customer_id)
            key = await store.the_key(connection)
            erasure_id = await store.insert(
                connection,
                customer_ids=numbers,
                digests=[digest_of(key, value) for value in ids],
                by=by,
                reason=reason.strip()[:500],
                now=self._clock.now(),
            )
            await self._audit(connection, by, "erase", survivor, {"erasure": erasure_id})
        return erasure_id

    async def list(self, *, limit: int = 200) -> tuple[Erasure, ...]:
        """The latest first."""
        async with self._pool.acquire() as connection:
            return tuple(_erasure(row) for row in await store.list_all(connection, limit=limit))

    async def get(self, erasure_id: int) -> Erasure:
        """One erasure.

        Raises:
            NotFound: there is none of that number.
        """
        async with self._pool.acquire() as connection:
            row = await store.get(connection, erasure_id=erasure_id)
        if row is None:
            raise NotFound(f"There is no erasure {erasure_id}.", code="erasure_not_found")
        return _erasure(row)

    async def work(self) -> int:
        """Carry out the oldest erasure that is ripe; gives how many. Safe in any number of workers and after any crash."""
        done = await self._work()
        if done:
            for discard in self._files:  # once more: files that were asked for while he was still there
                with contextlib.suppress(
                    Conflict
                ):  # a file that came after him is being read: he is not taken in again
                    await discard("erasure")
        return done

    async def _work(self) -> int:
        async with self._pool.acquire() as connection, connection.transaction():
            row = await store.take_next(connection, asked_before=self._clock.now() - SETTLED)
            if row is None:
                return 0
            try:
                removed = await self._carry_out(connection, row["erasure_id"], row["customer_ids"])
            except (JorenError, OSError) as error:
                _log.warning("erasure_postponed", erasure=row["erasure_id"], error=repr(error))
                await store.note_trouble(connection, erasure_id=row["erasure_id"], error=str(error))
                return 0
            now = self._clock.now()
            await store.finish(connection, erasure_id=row["erasure_id"], removed=removed, now=now)
            for number in row["customer_ids"]:
                erased = Notice(NoticeType.CUSTOMER_ERASED, now, {"customer_id": number})
                await webhooks.publish(connection, erased)
        return 1

    async def _carry_out(self, connection: Connection, erasure_id: int, numbers: Sequence[int]) -> dict[str, int]:
        """History and files first: while the identities stand, a run that dies can be done again from the beginning."""
        removed = {"history": await self._history(numbers), "files": 0}
        for discard in self._files:
            removed["files"] += await discard("erasure")
        ids = await store.ids_of(connection, customer_ids=numbers)
        key = await store.the_key(connection)
        await store.add_digests(connection, digests=[digest_of(key, value) for value in ids], erasure_id=erasure_id)
        forms, pattern = quoted(ids), stated_as_numbers(ids)
        removed["failed_events"] = await _forget_failed(connection, ids, forms, pattern)
        keys = [key for value in ids for key in keys_about(value)]
        removed["imported"] = await store.delete_imported(connection, keys=keys)
        blanked = await store.blank(
            connection, customer_ids=numbers, ids=ids, forms=forms, pattern=pattern, now=self._clock.now()
        )
        return removed | blanked

    async def _person(self, connection: Connection, customer_id: int) -> tuple[int, Sequence[int], Sequence[str]]:
        survivor = await store.survivor_of(connection, customer_id=customer_id)
        numbers = await store.whole_person(connection, customer_id=survivor) if survivor is not None else []
        ids = await store.ids_of(connection, customer_ids=numbers) if numbers else []
        if survivor is None or not ids or await store.find_open(connection, customer_ids=numbers):
            raise NotFound(f"There is no customer {customer_id}.", code="customer_not_found")
        return survivor, numbers, ids

    async def _audit(
        self, connection: Connection, by: str, action: str, customer_id: int, detail: dict[str, Any]
    ) -> None:
        await audit.write_audit(
            connection, at=self._clock.now(), actor=by, action=action, target=f"customer:{customer_id}", detail=detail
        )


async def _forget_failed(
    connection: Connection, ids: Sequence[str], forms: Sequence[bytes], pattern: str | None
) -> int:
    """Remove failed events that name one of the ids; one that names nobody and holds an id in quotes does."""

    def is_gone(raw: bytes) -> bool:
        found = ids_in_bytes(raw)
        return not found.isdisjoint(ids) or (not found and mentions(raw, forms))

    changed = 0
    for row in await store.list_suspects(connection, forms=forms, pattern=pattern):
        left = without_gone(row["raw"], is_gone=is_gone)
        changed += await keep_left(connection, row, left)
    return changed


def _erasure(row: asyncpg.Record) -> Erasure:
    fields = dict(row)
    return Erasure(**{**fields, "removed": msgspec.json.decode(fields["removed"])})
