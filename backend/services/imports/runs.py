"""Takes in files, each row once, however often a file comes and wherever a run stopped.

A file is known by its content and by how it is read. Its events get ids that a second reading gives again, and go
through the same door as events that come over the network; how far a run came is written in the transaction that
stored it. Rows that do not fit are written to a file beside the import, the rest is taken in.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, TypeVar

import asyncpg
import polars as pl

from backend.clock import Clock
from backend.services.imports.parts import STEPS, Part, Reader
from backend.services.imports.plan import Plan, make_plan
from backend.services.imports.preview import first_look, look_into
from backend.services.imports.values import Choices, FileLook, ImportReport, Preview, Progress
from backend.store import definitions, import_files, shop, sources
from backend.store import events as event_store
from backend.store import imports as store
from backend.store.import_rejects import RejectsFile
from segments.import_fields import Kind
from segments.intake import Reception

COMMAND_LINE = "command line"
"""Who asks, where nobody is signed in."""

_SAID_ONCE = frozenset({Kind.ORDERS, Kind.EVENTS})
_HOW_PARTS_ARE_MADE = f"2 {pl.__version__}"
"""Changes when the same file would be cut into other parts: a run that stopped before such a change begins anew."""

_DOING = {
    Kind.ORDERS: "Storing orders",
    Kind.CUSTOMERS: "Importing customers",
    Kind.EVENTS: "Importing events",
    Kind.PRODUCTS: "Importing products",
    Kind.STORES: "Importing stores",
}

T = TypeVar("T")


class TakenIn(NamedTuple):
    """A report, and the number of the ledger's record."""

    import_id: int
    report: ImportReport


class Imports:
    """Imports of files. Work is done where it is called: in commands and workers, never in a server."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock, home: Path) -> None:
        self._pool = pool
        self._clock = clock
        self._scratch = home / "imports"

    async def run(
        self,
        kind: Kind,
        path: Path,
        choices: Choices | None = None,
        *,
        actor: str = COMMAND_LINE,
        progress: Progress = lambda *_: None,
    ) -> ImportReport:
        """Take in a file.

        Args:
            kind: what its rows are. Lines of one order number are one order.
            path: CSV, Excel, NDJSON or Parquet.
            choices: how to read it.
            actor: who asks for it.
            progress: told how far it is, also from another thread.

        Raises:
            BadInput: file, currency, zone, encoding or sheet cannot be used; nothing was stored.
            BadMapping: the mapping cannot be used, or amounts have fractions and no currency was named.
        """
        return (await self.take_in(kind, path, choices, actor=actor, progress=progress)).report

    async def take_in(
        self,
        kind: Kind,
        path: Path,
        choices: Choices | None = None,
        *,
        actor: str,
        name: str | None = None,
        progress: Progress = lambda *_: None,
    ) -> TakenIn:
        """`run`, for files that are called otherwise than where they lie: ``name`` goes into the ledger."""
        plan = await self._plan(kind, path, choices or Choices())
        record = await self._begin(plan, actor, name or path.name)
        plan = replace(plan, now=record["started_at"])
        reader = await self._reader(plan, record)
        again = record["finished_at"] is not None
        self._scratch.mkdir(parents=True, exist_ok=True)
        number = 0
        with tempfile.TemporaryDirectory(prefix="spool-", dir=self._scratch) as spool:
            async for part in _in_thread(reader.parts(Path(spool), progress)):
                number += 1
                if number > record["parts_done"]:
                    await self._store(plan, part, number, record["import_id"])
                progress(_DOING[kind], part.done, STEPS)
        return TakenIn(record["import_id"], await self._finish(plan, reader, record["import_id"], again=again))

    async def look(self, kind: Kind, path: Path, choices: Choices | None = None) -> FileLook:
        """What the file holds and which column is likely which field; the mapping of ``choices`` is left aside.

        Raises:
            BadInput: it cannot be read so.
        """
        return await asyncio.to_thread(first_look, kind, path, choices or Choices())

    async def preview(self, kind: Kind, path: Path, choices: Choices | None = None) -> Preview:
        """What `run` would read, from the beginning of the file; nothing is stored.

        Raises:
            BadInput, BadMapping: as `run`.
        """
        plan = await self._plan(kind, path, choices or Choices())
        return await asyncio.to_thread(look_into, plan)

    async def _plan(self, kind: Kind, path: Path, choices: Choices) -> Plan:
        async with self._pool.acquire() as connection:
            settings = await shop.read_settings(connection)
        return await asyncio.to_thread(make_plan, kind, path, choices, settings, self._clock.now())

    async def _begin(self, plan: Plan, actor: str, name: str) -> asyncpg.Record:
        """The ledger's record of this file: of the run that stopped, or of one that was done where rows are said once."""
        digest = await asyncio.to_thread(import_files.digest_of, plan.path, _HOW_PARTS_ARE_MADE, *plan.signature)
        async with self._pool.acquire() as connection, connection.transaction():
            record = await store.find(connection, kind=plan.kind, digest=digest)
            if record is not None and (record["finished_at"] is None or plan.kind in _SAID_ONCE):
                return record
            return await store.begin(
                connection, kind=plan.kind, file_name=name, digest=digest, now=plan.now, actor=actor
            )

    async def _reader(self, plan: Plan, record: asyncpg.Record) -> Reader:
        async with self._pool.acquire() as connection:
            source = await sources.find_by_name(connection, name="import")
        assert source is not None  # noqa: S101 - comes with the schema, and has no key that could be revoked
        reading = plan.look.reading
        return Reader(
            plan=plan,
            reception=Reception(source_id=source["source_id"], trusted=True, received_at=self._clock.now()),
            prefix=f"import-{record['import_id']}",
            rejects=RejectsFile(
                plan.path, self._scratch, columns=plan.look.columns, as_json=reading.format == "ndjson"
            ),
        )

    async def _store(self, plan: Plan, part: Part, number: int, import_id: int) -> None:
        async with self._pool.acquire() as connection, connection.transaction():
            if part.definitions:
                put = definitions.define_products if plan.kind is Kind.PRODUCTS else definitions.define_stores
                changed = await put(connection, part.definitions)
                stored, given = changed, len(part.definitions)
            else:
                new = await store.claim_rows(connection, [(entry.key, entry.content) for entry in part.entries])
                events = [entry.event for entry, is_new in zip(part.entries, new, strict=True) if is_new]
                done = await event_store.append(connection, events, received_at=self._clock.now())
                stored, given = done.stored, len(part.entries)
            await store.add_part(connection, import_id=import_id, part=number, stored=stored, repeated=given - stored)

    async def _finish(self, plan: Plan, reader: Reader, import_id: int, *, again: bool) -> ImportReport:
        rejects_file, rejects = reader.rejects.close(), reader.rejects.counts
        async with self._pool.acquire() as connection, connection.transaction():
            stored, repeated = await store.finish(
                connection,
                import_id=import_id,
                now=self._clock.now(),
                read=reader.read,
                rejected=dict(rejects),
                rejects_file=rejects_file,
            )
        return ImportReport(
            kind=plan.kind,
            file=str(plan.path),
            read=reader.read,
            events=reader.made,
            stored=0 if again else stored,
            repeated=reader.made if again else repeated,
            rejected=dict(rejects.most_common()),
            rejects_file=rejects_file,
            again=again,
            currency=plan.currency if plan.kind in (Kind.ORDERS, Kind.PRODUCTS) else None,
            shop_currency=plan.shop_currency,
            mapping=plan.columns,
        )


async def _in_thread(parts: Iterator[T]) -> AsyncIterator[T]:
    """The parts, each made in a thread: reading takes long, and a worker has other things to do meanwhile."""
    while (part := await asyncio.to_thread(next, parts, None)) is not None:
        yield part
