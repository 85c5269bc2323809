"""Takes in files of orders and events, each row once, however often the file comes and wherever a run stopped.

A file is known by its content and by how it is read. Its events get ids that a second reading gives again, and go
through the same door as events that come over the network; how far a run came is written in the transaction that
stored it. Rows that do not fit are written to a file beside the import, the rest is taken in.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias
from zoneinfo import available_timezones

import asyncpg
import polars as pl

from backend.clock import Clock
from backend.errors import BadInput
from backend.store import events as event_store
from backend.store import import_files, shop, sources
from backend.store import imports as store
from backend.store.import_files import Reject, RejectsFile
from campaigns.shop import ShopSettings
from segments.envelope import Event, FailedEvent
from segments.event_rows import NotAnEvent, event_of
from segments.imports import ROW, OrderFile, check_rows, read_mapping
from segments.intake import Reception, read_event
from segments.order_lines import orders_of

Progress: TypeAlias = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and of how much."""

PART = 5_000
"""Events stored in one transaction."""

LINES_AT_ONCE = 2_000_000
"""Order lines held in memory while they are summed to orders."""

_STEPS = 1000
_CURRENCY_LETTERS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What became of a file.

    Attributes:
        kind: "orders" or "events".
        read: rows of the file.
        events: events made from them; one order is one event.
        stored: new ones, by this run or by an earlier one that stopped; `repeated` were there before.
        rejected: rows that do not fit, by reason; `rejects_file` lists them.
        again: the file had been imported completely before.
        currency: of the amounts of an order file; `shop_currency` is the shop's.
    """

    kind: str
    file: str
    read: int
    events: int
    stored: int
    repeated: int
    rejected: dict[str, int]
    rejects_file: str | None
    again: bool = False
    currency: str | None = None
    shop_currency: str | None = None


@dataclass(slots=True, kw_only=True)
class _Run:
    """One run over one file: which parts the ledger has already, and what was counted so far."""

    kind: str
    path: Path
    import_id: int
    reception: Reception
    parts_done: int
    again: bool
    rejects: RejectsFile
    part: int = 0
    read: int = 0
    events: int = 0


class Imports:
    """Imports of files. Work is done where it is called: for commands, not for servers."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock, home: Path) -> None:
        self._pool = pool
        self._clock = clock
        self._scratch = home / "imports"

    async def import_orders(
        self,
        path: Path,
        *,
        mapping: Sequence[str] = (),
        currency: str | None = None,
        zone: str | None = None,
        encoding: str = "utf-8-sig",
        progress: Progress = lambda *_: None,
    ) -> ImportReport:
        """Take in a file of orders or order lines; lines of one order number are one order.

        Args:
            path: CSV, NDJSON or Parquet.
            mapping: ``column=field`` pairs, fields as in `segments.imports.FIELDS`; a column with a field's name needs none.
            currency: ISO 4217 code of all amounts; the shop's where it is not named.
            zone: of times that name none; the shop's where it is not named.
            encoding: of a CSV file.
            progress: told how far it is.

        Raises:
            BadInput: file, currency, zone or encoding cannot be used; nothing was stored.
            BadMapping: the mapping cannot be used, or amounts have fractions and no currency was named.
        """
        settings = await self._settings()
        file = OrderFile(
            columns=read_mapping(mapping, import_files.column_names(path, encoding=encoding)),
            currency=settings.currency if currency is None else _checked_currency(currency),
            named=currency is not None,
            zone=settings.zone if zone is None else _checked_zone(zone),
        )
        read_as = (
            file.currency,
            file.zone,
            encoding,
            *sorted(f"{name}={column}" for name, column in file.columns.items()),
        )
        self._scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="orders-", dir=self._scratch) as spool:
            run = await self._begin("orders", path, read_as)
            lines = _spool(run, file, encoding, Path(spool), progress)
            for part, done in _order_parts(run, Path(spool), lines, file.currency):
                await self._store(run, part)
                progress("Storing orders", done, _STEPS)
        return await self._finish(run, currency=file.currency, shop_currency=settings.currency)

    async def import_events(
        self, path: Path, *, encoding: str = "utf-8-sig", progress: Progress = lambda *_: None
    ) -> ImportReport:
        """Take in a file of events in the shape of the Segment protocol.

        Args:
            path: NDJSON with an event a line, or CSV or Parquet with columns as `segments.event_rows` reads them.
            encoding: of a CSV file.
            progress: told how far it is.

        Raises:
            BadInput: the file cannot be read.
        """
        kind = import_files.kind_of(path)
        run = await self._begin("events", path, (encoding,))
        parts = _event_lines(run) if kind == "ndjson" else _event_rows(run, encoding, text=kind == "csv")
        for part, done in parts:
            await self._store(run, part)
            progress("Importing events", done, _STEPS)
        return await self._finish(run)

    async def _settings(self) -> ShopSettings:
        async with self._pool.acquire() as connection:
            return await shop.read_settings(connection)

    async def _begin(self, kind: str, path: Path, read_as: Sequence[str]) -> _Run:
        digest, now = import_files.digest_of(path, *read_as), self._clock.now()
        async with self._pool.acquire() as connection, connection.transaction():
            record = await store.find(connection, kind=kind, digest=digest)
            source = await sources.find_by_name(connection, name="import")
            assert source is not None  # noqa: S101 - comes with the schema, and has no key that could be revoked
            import_id = (
                await store.begin(connection, kind=kind, file_name=path.name, digest=digest, now=now)
                if record is None
                else record["import_id"]
            )
        return _Run(
            kind=kind,
            path=path,
            import_id=import_id,
            reception=Reception(source_id=source["source_id"], trusted=True, received_at=now),
            parts_done=0 if record is None else record["parts_done"],
            again=record is not None and record["finished_at"] is not None,
            rejects=RejectsFile(path, self._scratch),
        )

    async def _store(self, run: _Run, part: Sequence[Event]) -> None:
        """Store one part, unless the ledger says that an earlier run did."""
        run.part += 1
        if run.part <= run.parts_done:
            return
        async with self._pool.acquire() as connection, connection.transaction():
            done = await event_store.append(connection, part, received_at=run.reception.received_at)
            await store.add_part(
                connection, import_id=run.import_id, part=run.part, stored=done.stored, repeated=done.repeated
            )

    async def _finish(
        self, run: _Run, *, currency: str | None = None, shop_currency: str | None = None
    ) -> ImportReport:
        rejects_file = run.rejects.close()
        async with self._pool.acquire() as connection, connection.transaction():
            stored, repeated = await store.finish(
                connection,
                import_id=run.import_id,
                now=self._clock.now(),
                read=run.read,
                rejected=run.rejects.counts.total(),
                rejects_file=rejects_file,
            )
        return ImportReport(
            kind=run.kind,
            file=str(run.path),
            read=run.read,
            events=run.events,
            stored=0 if run.again else stored,
            repeated=run.events if run.again else repeated,
            rejected=dict(run.rejects.counts.most_common()),
            rejects_file=rejects_file,
            again=run.again,
            currency=currency,
            shop_currency=shop_currency,
        )


def _spool(run: _Run, file: OrderFile, encoding: str, folder: Path, progress: Progress) -> int:
    """Check all rows before anything is stored, and lay the good ones down; gives how many there are."""
    kept = 0
    for number, table in enumerate(import_files.tables(run.path, encoding=encoding)):
        rows = table.frame(ROW)
        missing = [column for column in file.columns.values() if column not in rows.columns]
        checked = check_rows(rows.with_columns(pl.lit(None, pl.String).alias(name) for name in missing), file)
        checked.lines.write_parquet(folder / f"{number:06}.parquet", compression="lz4")
        kept += len(checked.lines)
        run.read += len(rows) + len(table.unread)
        run.rejects.write(table.unread)
        run.rejects.write(Reject(*row) for row in checked.rejected.iter_rows())
        progress("Reading rows", round(table.share * _STEPS), _STEPS)
    return kept


def _order_parts(run: _Run, folder: Path, lines: int, currency: str) -> Iterator[tuple[list[Event], int]]:
    """Events of the orders, a part at a time, and the thousandths done. Lines of one order meet in one bucket."""
    buckets = max(1, -(-lines // LINES_AT_ONCE))
    spooled = pl.scan_parquet(folder / "*.parquet")
    for bucket in range(buckets):
        chosen = spooled if buckets == 1 else spooled.filter(pl.col("order_id").hash(seed=1) % buckets == bucket)
        orders = orders_of(chosen.collect(), currency)
        run.rejects.write(Reject(*row) for row in orders.rejected.iter_rows())
        for first in range(0, len(orders.events), PART):
            rows = orders.events[first : first + PART]
            read = ((number, payload.encode()) for number, payload in rows.select("row", "payload").iter_rows())
            done = (bucket + (first + len(rows)) / len(orders.events)) / buckets
            yield _events(run, read), round(done * _STEPS)


def _event_lines(run: _Run) -> Iterator[tuple[list[Event], int]]:
    for batch, share in import_files.lines(run.path, chunk=PART):
        run.read += len(batch)
        yield _events(run, batch), round(share * _STEPS)


def _event_rows(run: _Run, encoding: str, *, text: bool) -> Iterator[tuple[list[Event], int]]:
    for table in import_files.tables(run.path, encoding=encoding, chunk=PART):
        rows = table.frame(ROW)
        run.read += len(rows) + len(table.unread)
        run.rejects.write(table.unread)
        yield _events(run, _written(run, rows, text=text)), round(table.share * _STEPS)


def _written(run: _Run, rows: pl.DataFrame, *, text: bool) -> Iterator[tuple[int, bytes]]:
    for row in rows.iter_rows(named=True):
        number = row.pop(ROW)
        try:
            yield number, event_of(row, text=text)
        except NotAnEvent as error:
            run.rejects.write([Reject(number, str(error), "")])


def _events(run: _Run, raw: Iterator[tuple[int, bytes]] | Sequence[tuple[int, bytes]]) -> list[Event]:
    """The events that can be stored; the others are rejected with the words that intake has for them."""
    good: list[Event] = []
    for number, line in raw:
        event = read_event(line, run.reception)
        if isinstance(event, FailedEvent):
            run.rejects.write([Reject(number, event.code.replace("_", " "), event.reason)])
        else:
            good.append(event)
    run.events += len(good)
    return good


def _checked_currency(currency: str) -> str:
    code = currency.strip().upper()
    if len(code) != _CURRENCY_LETTERS or not code.isascii() or not code.isalpha():
        raise BadInput(
            f"{currency} is not a currency: use the three letters, such as JPY, GBP or USD.", field="currency"
        )
    return code


def _checked_zone(zone: str) -> str:
    if zone not in available_timezones():
        raise BadInput(f"{zone} is not a time zone: use a name such as Asia/Tokyo or Europe/London.", field="time-zone")
    return zone
