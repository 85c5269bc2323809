"""A file's rows as parts, each of which is stored in one transaction. The same file gives the same parts every time."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import polars as pl

from backend.services.imports.plan import Plan
from backend.services.imports.values import Progress
from backend.store import import_files, import_json
from backend.store.import_rejects import RejectsFile
from backend.store.import_tables import CHUNK, Reject
from segments.customer_rows import calls_of, key_of
from segments.envelope import Event, FailedEvent
from segments.event_rows import archived
from segments.import_checks import ROW
from segments.import_fields import Kind
from segments.intake import Reception, read_event
from segments.order_lines import orders_of

PART = 5_000
"""Events stored in one transaction."""

LINES_AT_ONCE = 1_000_000
"""Order lines held in memory while they are summed to orders."""

STEPS = 1000
"""Progress is told in thousandths."""


class Entry(NamedTuple):
    """An event of a file.

    Attributes:
        key: what it is about.
        content: digest of what it says; None where it can be said once only.
    """

    event: Event
    key: UUID
    content: bytes | None


@dataclass(frozen=True, slots=True)
class Part:
    """What is stored in one transaction: events, or rows of a definition table; and the thousandths then done."""

    entries: list[Entry]
    definitions: list[tuple[Any, ...]]
    done: int


@dataclass(slots=True, kw_only=True)
class Reader:
    """Reads one file to parts and counts what it meets.

    Attributes:
        prefix: begins the ids of calls about customers; each run over a file that is not done has the same.
        read: rows met; ``made``: events or definitions made of them.
    """

    plan: Plan
    reception: Reception
    prefix: str
    rejects: RejectsFile
    read: int = 0
    made: int = 0
    _late: list[pl.DataFrame] = field(default_factory=list)

    def parts(self, folder: Path, progress: Progress) -> Iterator[Part]:
        """The parts, in order; ``folder`` is for what does not fit into memory.

        Raises:
            BadInput, BadMapping: the file as a whole cannot be taken; for orders before the first part.
        """
        if self.plan.by_line:
            yield from self._lines()
        elif self.plan.kind is Kind.ORDERS:
            lines = self._spool(folder, progress)
            yield from self._orders(folder, lines)
            self._add_late()
        else:
            yield from self._rows()

    def _lines(self) -> Iterator[Part]:
        for batch, share in import_json.lines(self.plan.path, chunk=PART):
            self.read += len(batch)
            entries, failed = self._entries((number, archived(line)) for number, line in batch)
            originals = dict(batch)
            self.rejects.add_unread(
                Reject(*each, line=originals[each[0]].decode(errors="replace")) for each in failed
            )  # fmt: skip
            yield Part(entries, [], round(share * STEPS))

    def _rows(self) -> Iterator[Part]:
        for table in self.plan.tables(chunk=PART):
            rows = self.plan.frame(table)
            self.read += table.read
            self.rejects.add_unread(table.unread)
            checked = self.plan.check(rows)
            self.rejects.add(checked.rejected, rows)
            done = round(table.share * STEPS)
            if self.plan.kind in (Kind.PRODUCTS, Kind.STORES):
                self.made += len(checked.good)
                yield Part([], checked.good.drop("row").rows(), done)
                continue
            if self.plan.kind is Kind.CUSTOMERS:
                entries, failed = self._calls(checked.good)
            else:
                entries, failed = self._entries((n, text.encode()) for n, text in checked.good.select("row", "payload").iter_rows())  # fmt: skip
            self.rejects.add(_failed_frame(failed), rows)
            yield Part(entries, [], done)

    def _calls(self, good: pl.DataFrame) -> tuple[list[Entry], list[tuple[int, str, str]]]:
        entries: list[Entry] = []
        failed: list[tuple[int, str, str]] = []
        for call in calls_of(good, at=self.plan.now, prefix=self.prefix):
            event = read_event(call.payload, self.reception)
            if isinstance(event, FailedEvent):
                failed.append(_reason(call.row, event))
            else:
                entries.append(Entry(event, key_of(call.about), call.content))
        self.made += len(entries)
        return entries, failed

    def _entries(self, raw: Iterable[tuple[int, bytes]]) -> tuple[list[Entry], list[tuple[int, str, str]]]:
        """The events that can be stored; the others with the words that intake has for them."""
        entries: list[Entry] = []
        failed: list[tuple[int, str, str]] = []
        for number, line in raw:
            event = read_event(line, self.reception)
            if isinstance(event, FailedEvent):
                failed.append(_reason(number, event))
            else:
                entries.append(Entry(event, event.event_id, None))
        self.made += len(entries)
        return entries, failed

    def _spool(self, folder: Path, progress: Progress) -> int:
        """Check all rows before anything is stored, and lay the good ones down; gives how many there are."""
        kept = 0
        for number, table in enumerate(self.plan.tables(chunk=CHUNK)):
            rows = self.plan.frame(table)
            checked = self.plan.check(rows)
            checked.good.write_parquet(folder / f"{number:06}.parquet", compression="lz4")
            kept += len(checked.good)
            self.read += table.read
            self.rejects.add_unread(table.unread)
            self.rejects.add(checked.rejected, rows)
            progress("Reading rows", round(table.share * STEPS), STEPS)
        return kept

    def _orders(self, folder: Path, lines: int) -> Iterator[Part]:
        """Events of the orders. Lines of one order meet in one bucket."""
        buckets = max(1, -(-lines // LINES_AT_ONCE))
        if not lines:
            return
        spooled = pl.scan_parquet(folder / "*.parquet")
        for bucket in range(buckets):
            chosen = spooled if buckets == 1 else spooled.filter(pl.col("order_id").hash(seed=1) % buckets == bucket)
            orders = orders_of(chosen.collect(), self.plan.currency)
            self._late.append(orders.rejected)
            for first in range(0, len(orders.events), PART):
                rows = orders.events[first : first + PART]
                read = ((number, payload.encode()) for number, payload in rows.select("row", "payload").iter_rows())
                entries, failed = self._entries(read)
                self._late.append(_failed_frame(failed))
                share = (bucket + (first + len(rows)) / len(orders.events)) / buckets
                yield Part(entries, [], round(share * STEPS))

    def _add_late(self) -> None:
        """List rows whose order turned out to be wrong; they are looked up in the file once more."""
        late = pl.concat(self._late) if self._late else _failed_frame([])
        if late.is_empty():
            return
        for rows in import_files.rows_at(self.plan.path, self.plan.look.reading, late["row"].to_list()):
            self.rejects.add(late.join(rows, left_on="row", right_on=ROW, how="semi"), rows)


def _failed_frame(failed: list[tuple[int, str, str]]) -> pl.DataFrame:
    return pl.DataFrame(failed, {"row": pl.Int64, "reason": pl.String, "value": pl.String}, orient="row")


def _reason(number: int, event: FailedEvent) -> tuple[int, str, str]:
    return number, event.code.replace("_", " "), event.reason
