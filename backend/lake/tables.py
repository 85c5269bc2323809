"""The lake: Delta tables of history, and of what the frame was day by day, in a folder or an object store.

Exactly once: an append carries (app_id, version) into the commit. A version the table already has is not
written again. delta-rs does not refuse a repeated version by itself: a handle loaded *after* the first commit
may write it again. A handle loaded *before* cannot, because a commit that names an app_id conflicts with every
commit of that app_id since the handle was loaded. So the comparison and the commit use one handle, and the
handle is not brought up to date in between. See docs/decisions/0004-fence-and-exactly-once.md.
"""

import contextlib
import re
import threading
from collections.abc import Collection, Iterator, Mapping
from datetime import date
from pathlib import Path

import polars as pl
from deltalake import CommitProperties, DeltaTable, Transaction, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from backend.errors import Unavailable
from backend.lake.schemas import LAYOUTS, RAW, Layout, Table
from segments.windows import Window

_SETTINGS = {
    "delta.checkpointInterval": "20",
    "delta.logRetentionDuration": "interval 1 days",
    "delta.deletedFileRetentionDuration": "interval 1 hours",
}
RAW_SINCE = "joren-raw-since"
"""Under this name the raw tables know the first business day whose rows stay, as a number of days."""
ROWS_IN_GROUP = 2**17
"""Rows of one group in a file: a reader who wants some customers of a sorted file passes over the groups of others."""
_PART = {"file": pl.String(), "bytes": pl.Int64(), "rows": pl.Int64(), "upto": pl.Int64()}


def writer_of(table: Table) -> WriterProperties:
    """How every file of a table is written."""
    compression = LAYOUTS[table].compression
    level = 1 if compression == "ZSTD" else None
    return WriterProperties(compression=compression, compression_level=level, max_row_group_size=ROWS_IN_GROUP)


_STORES = {"AWS_": ("s3", "s3a"), "GOOGLE_": ("gs", "gcs"), "AZURE_": ("az", "azure", "adl", "abfs", "abfss")}
"""What the names of a store's options begin with, and the schemes of its addresses."""

_PAINT = re.compile(r"\x1b\[[0-9;]*m|↳")


class Lake:
    """The tables at one location. Calls block; each may be made from any thread or process.

    Args:
        location: a local folder or an object-store address (``s3://bucket/lake``).
        options: credentials and the like for an object store, by the names delta-rs gives them.
    """

    def __init__(self, location: str | Path, options: Mapping[str, str] | None = None) -> None:
        self.location = str(location).rstrip("/")
        self._options = _own(self.location, options or {})
        self._handles: dict[Table, DeltaTable] = {}
        self._lock = threading.RLock()

    def append(self, table: Table, frame: pl.DataFrame, *, app_id: str, version: int) -> bool:
        """Append rows exactly once; false when the table already holds this version or a later one.

        An empty frame is not written and records no version: doing so twice changes nothing either.

        Raises:
            CommitFailedError: another commit came between and it was not this version; try again.
        """
        if frame.is_empty():
            return False
        with self._lock:
            handle = self._fresh(table)
            if (handle.transaction_version(app_id) or 0) >= version:
                return False
            try:
                self.commit(handle, table, frame, Transaction(app_id, version))
            except CommitFailedError:
                if (self._fresh(table).transaction_version(app_id) or 0) >= version:
                    return False
                raise
            return True

    def commit(self, handle: DeltaTable, table: Table, frame: pl.DataFrame, *transactions: Transaction) -> None:
        """Write ``frame`` with a handle as it is: the handle's age decides what conflicts."""
        layout = LAYOUTS[table]
        known = {field.name for field in handle.schema().fields}
        with self._answering():
            write_deltalake(
                handle,
                frame.select(*layout.schema).sort(layout.order),
                mode="append",
                schema_mode=None if known >= {*layout.schema} else "merge",  # a table of an older release
                writer_properties=writer_of(table),
                commit_properties=CommitProperties(app_transactions=[*transactions]),
            )

    def version(self, table: Table, app_id: str) -> int:
        """The last version of ``app_id`` that the table holds; 0 for none."""
        with self._lock:
            return self._fresh(table).transaction_version(app_id) or 0

    def events(self, window: Window | None = None) -> pl.LazyFrame:
        """Events, of the business days of ``window`` only where one is given."""
        return self._of_days(Table.EVENTS, window)

    def order_lines(self, window: Window | None = None) -> pl.LazyFrame:
        """Order lines, of the business days of ``window`` only where one is given."""
        return self._of_days(Table.ORDER_LINES, window)

    def raw_since(self) -> date | None:
        """The first business day of which events and order lines are all there; None where no day was ever dropped.

        Whoever reads them too asks for the rows first: of a day that is dropped in between, the note is too many, not missing.
        """
        days = [self.version(table, RAW_SINCE) for table in RAW if self.has(table)]
        return date.fromordinal(max(days)) if any(days) else None

    def rows(self, table: Table) -> pl.LazyFrame:
        """Every row of a table."""
        return self._scan(table, None)

    def files(self, table: Table) -> frozenset[str]:
        """The files of a table's newest version: what is added to it later is in others."""
        return frozenset(self._files(table, None))

    def state(self, table: Table) -> int:
        """Another number as soon as anything was written; -1 where the table was never made."""
        with self._lock:
            return self._fresh(table).version() if table in self._handles or self.has(table) else -1

    def parts(self, table: Table) -> pl.DataFrame:
        """The files of a table's newest version: ``file`` (as `files` names it), ``value`` (of its partition), ``bytes``, ``rows``, ``upto``.

        ``upto`` is the highest ``seq`` in it; null where nobody noted that, or rows have none.
        """
        partition = LAYOUTS[table].partition
        with self._lock:
            known = table in self._handles or self.has(table)
            found = pl.DataFrame(self._fresh(table).get_add_actions(flatten=True)) if known else pl.DataFrame()
        if found.is_empty():
            return pl.DataFrame(schema={**_PART, "value": LAYOUTS[table].schema[partition]})
        return found.select(
            pl.format("{}/{}", pl.lit(self.address(table)), "path").alias("file"),
            pl.col("size_bytes").cast(pl.Int64).alias("bytes"),
            pl.col("num_records").cast(pl.Int64).alias("rows"),
            (pl.col("max.seq").cast(pl.Int64) if "max.seq" in found.columns else pl.lit(None, pl.Int64)).alias("upto"),
            pl.col(f"partition.{partition}").alias("value"),
        )

    def rows_in(self, table: Table, files: Collection[str]) -> pl.LazyFrame:
        """The rows of some files of a table.

        Raises:
            FileNotFoundError: when it is read: the file was compacted away since.
        """
        layout = LAYOUTS[table]
        if not files:
            return pl.LazyFrame(schema=layout.schema)
        return self._scan_files(sorted(files), layout).select(*layout.schema)

    def customer_days(self, buckets: Collection[int] | None = None) -> pl.LazyFrame:
        """Rows of customer_days as they were appended: not aggregated, merges not applied.

        Args:
            buckets: only customers whose ``customer_id % BUCKETS`` is one of these; None reads all.
        """
        if buckets is None:
            return self._scan(Table.CUSTOMER_DAYS, None)
        return self._scan(Table.CUSTOMER_DAYS, [("bucket", "in", sorted(buckets))])

    def open(self, table: Table) -> DeltaTable:
        """A handle of one's own, at the newest version; makes the table where it is missing.

        Raises:
            Unavailable: the object store does not answer, or refuses.
        """
        with self._answering():
            try:
                return DeltaTable(self.address(table), storage_options=self._options)
            except TableNotFoundError:
                return self._create(table)

    def has(self, table: Table) -> bool:
        """Whether the table was ever made; its log may still be damaged.

        Raises:
            Unavailable: as `open`.
        """
        with self._answering():
            return DeltaTable.is_deltatable(self.address(table), self._options)

    def forget_handle(self, table: Table) -> None:
        """The next question opens the table anew."""
        with self._lock:
            self._handles.pop(table, None)

    def add(self, table: Table, frame: pl.DataFrame) -> None:
        """Put rows back that a damaged file held: no batch, so that no version is noted."""
        with self._lock:
            self.commit(self._fresh(table), table, frame)

    def mark(self, table: Table, transaction: Transaction) -> None:
        """Note in a table without rows that it holds batches up to a version."""
        with self._lock:
            self.commit(self._fresh(table), table, pl.DataFrame(schema=LAYOUTS[table].schema), transaction)

    def replace_bucket(self, bucket: int, frame: pl.DataFrame) -> None:
        """Put these rows of customer_days in the place of all rows of a bucket."""
        with self._lock:
            layout = LAYOUTS[Table.CUSTOMER_DAYS]
            write_deltalake(
                self._fresh(Table.CUSTOMER_DAYS),
                frame.select(*layout.schema).sort(layout.order),
                mode="overwrite",
                predicate=f"bucket = {int(bucket)}",
                writer_properties=writer_of(Table.CUSTOMER_DAYS),
            )

    def _create(self, table: Table) -> DeltaTable:
        layout = LAYOUTS[table]
        try:
            return DeltaTable.create(
                self.address(table),
                pl.DataFrame(schema=layout.schema).to_arrow().schema,
                mode="error",
                partition_by=[layout.partition],
                configuration=_SETTINGS,
                storage_options=self._options,
                commit_properties=CommitProperties(max_commit_retries=0),
            )
        except DeltaError:  # another process made it at the same moment
            return DeltaTable(self.address(table), storage_options=self._options)

    def _fresh(self, table: Table) -> DeltaTable:
        handle = self._handles.get(table)
        if handle is None:
            handle = self._handles[table] = self.open(table)
        else:
            with self._answering():
                handle.update_incremental()
        return handle

    @contextlib.contextmanager
    def _answering(self) -> Iterator[None]:
        """An object store that is away is no fault of ours; a local folder's errors say themselves what is wrong."""
        try:
            yield
        except OSError as error:
            if "://" not in self.location:
                raise
            raise Unavailable(f"{self.location} does not answer: {_plain(str(error))}", code="lake") from error

    def address(self, table: Table) -> str:
        """Where a table is; a local folder is made where it is missing."""
        if "://" not in self.location:
            Path(self.location, table).mkdir(parents=True, exist_ok=True)
        return f"{self.location}/{table}"

    def _of_days(self, table: Table, window: Window | None) -> pl.LazyFrame:
        if window is None:
            return self._scan(table, None)
        first, last = window.first.isoformat(), window.last.isoformat()
        return self._scan(table, [("business_day", ">=", first), ("business_day", "<=", last)])

    def _scan(self, table: Table, only: list[tuple[str, str, object]] | None) -> pl.LazyFrame:
        layout = LAYOUTS[table]
        files = self._files(table, only)
        if not files:
            return pl.LazyFrame(schema=layout.schema)
        return self._scan_files(files, layout).select(*layout.schema)

    def _files(self, table: Table, only: list[tuple[str, str, object]] | None) -> list[str]:
        """Files of the newest version; a reader never makes a table."""
        with self._lock:
            if table not in self._handles and not self.has(table):
                return []
            return self._fresh(table).file_uris(file_pruning_predicate=only)

    def _scan_files(self, files: list[str], layout: Layout) -> pl.LazyFrame:
        return pl.scan_parquet(
            files,
            glob=False,
            schema=layout.file_schema,
            hive_partitioning=True,
            hive_schema={layout.partition: layout.schema[layout.partition]},
            missing_columns="insert",
            storage_options=self._options or None,
            credential_provider=None,  # the options alone: Polars' own search refuses some that delta-rs takes
        )


def _plain(message: str) -> str:
    """One line without colours of what delta-rs says in many."""
    return " ".join(_PAINT.sub("", message).split())[:500]


def _own(location: str, options: Mapping[str, str]) -> dict[str, str]:
    """The options without those of other stores: a machine that has an account at each sets variables of each."""
    scheme = location.partition("://")[0]
    others = tuple(prefix for prefix, schemes in _STORES.items() if scheme not in schemes)
    return {name: value for name, value in options.items() if not name.startswith(others)}
