"""The table ``customers``: a picture of the customer frame at the end of each business day, for those who ask the lake itself.

A day's picture is one commit that carries (`APP_ID`, the day): the table has all of it or nothing, and once. The pieces are
read and written one after the other, so that no more than some of them are in memory. See docs/decisions/0004.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import polars as pl
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError

from backend.lake.frame_view import FrameView
from backend.lake.schemas import CUSTOMERS_SCHEMA, LAYOUTS, Table
from backend.lake.tables import Lake, writer_of
from segments.customers import ORDER_LISTS
from segments.membership import population

APP_ID = "joren-customers"
"""Under this name the table knows the last day of which it has a picture."""

_PIECE = 2**17
_AT_ONCE = 2**16
"""Customers in memory, and rows handed over, at a time; both about."""

_RENAMED = {name: name.replace(":", "_") for name in ORDER_LISTS}


def is_taken(lake: Lake, day: date) -> bool:
    """Whether the table has, or had, a picture of that day or of a later one."""
    return lake.has(Table.CUSTOMERS) and lake.version(Table.CUSTOMERS, APP_ID) >= day.toordinal()


def pieces_of(view: FrameView, *, exclude_test_accounts: bool) -> Iterator[pl.DataFrame]:
    """The frame piece by piece, in the table's columns: everyone of whom anything is on record by its day.

    Who is known since a later day has a row of nothing in it already.
    """
    frame = population(view.frame, exclude_test_accounts=exclude_test_accounts)
    frame = frame.filter(pl.col("known_since").is_not_null())
    parts = max(-(-view.customers // _PIECE), 1)
    for part in range(parts):
        yield as_picture(frame.filter(pl.col("customer_id") % parts == part).collect(), view.day)


def as_picture(rows: pl.DataFrame, day: date) -> pl.DataFrame:
    """Rows of the frame, or of one rebuilt as of a day, as the table has them."""
    told = rows.with_columns(pl.lit(day).alias("as_of")).rename(_RENAMED)
    return told.select(pl.col(name).cast(dtype) for name, dtype in CUSTOMERS_SCHEMA.items()).sort("customer_id")


def take(lake: Lake, pieces: Iterable[pl.DataFrame], day: date, *, watch: Callable[[str], None]) -> bool:
    """Write the picture of a day; false where the table has it already.

    Raises:
        CommitFailedError: another commit came between and it was not this day's; try again.
    """
    watch("picturing")
    handle = lake.open(Table.CUSTOMERS)
    if (handle.transaction_version(APP_ID) or 0) >= day.toordinal():
        return False
    stream = _Stream(pieces, watch)
    try:
        _write(handle, stream, mode="append", transactions=[Transaction(APP_ID, day.toordinal())])
    except CommitFailedError:
        if is_taken(lake, day):
            return False
        raise
    watch("pictured")
    return True


def take_again(lake: Lake, pieces: Iterable[pl.DataFrame], day: date) -> int:
    """Put these rows in the place of all rows of a day's picture; gives how many there are."""
    stream = _Stream(pieces, lambda _: None)
    _write(lake.open(Table.CUSTOMERS), stream, mode="overwrite", predicate=f"as_of = '{day.isoformat()}'")
    return stream.rows


def drop_before(lake: Lake, day: date) -> int:
    """Drop the pictures of earlier days, whole partitions; gives how many files went out of use."""
    if not lake.has(Table.CUSTOMERS):
        return 0
    done = lake.open(Table.CUSTOMERS).delete(f"as_of < '{day.isoformat()}'")
    return int(done.get("num_removed_files") or 0)


class _Stream:
    """Pieces on their way into the table's files; what stopped them is kept, since the writer makes a text of it."""

    def __init__(self, pieces: Iterable[pl.DataFrame], watch: Callable[[str], None]) -> None:
        self._pieces = pieces
        self._watch = watch
        self.rows = 0
        self.stopped: BaseException | None = None

    def reader(self) -> pa.RecordBatchReader:
        return pa.RecordBatchReader.from_batches(_arrow(pl.DataFrame(schema=CUSTOMERS_SCHEMA)).schema, self._batches())

    def _batches(self) -> Iterator[pa.RecordBatch]:
        """Each piece is made in a thread of its own kind: the writer calls from one in which the lake cannot be read."""
        pieces = iter(self._pieces)
        try:
            with ThreadPoolExecutor(1) as maker:
                while (piece := maker.submit(next, pieces, None).result()) is not None:
                    yield from _arrow(piece).to_batches(max_chunksize=_AT_ONCE)
                    self.rows += piece.height
                    self._watch("piece")
        except BaseException as error:
            self.stopped = error
            raise


def _arrow(frame: pl.DataFrame) -> pa.Table:
    return frame.to_arrow(compat_level=pl.CompatLevel.oldest())


def _write(
    handle: DeltaTable,
    stream: _Stream,
    *,
    mode: str,
    predicate: str | None = None,
    transactions: Iterable[Transaction] = (),
) -> None:
    known = {field.name for field in handle.schema().fields}
    try:
        write_deltalake(  # type: ignore[call-overload]  # its overloads know no mode that is a variable
            handle,
            stream.reader(),
            mode=mode,
            predicate=predicate,
            schema_mode=None if known >= {*LAYOUTS[Table.CUSTOMERS].schema} else "merge",
            writer_properties=writer_of(Table.CUSTOMERS),
            commit_properties=CommitProperties(app_transactions=[*transactions]),
        )
    except Exception:
        if stream.stopped is not None:
            raise stream.stopped from None
        raise
