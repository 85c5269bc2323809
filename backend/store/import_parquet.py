"""Reads Parquet, a batch of rows at a time. What it would inflate to is read from its footer before anything is inflated."""

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from backend.errors import BadInput
from backend.store.import_tables import Look, Reading, Table, check_columns

MOST_ROWS = 200_000_000
LARGEST_GROUP = 2 * 1024**3
"""Bytes that one row group may inflate to."""


def look(path: Path) -> Look:
    """Its columns and how many rows it has.

    Raises:
        BadInput: it is no Parquet file, or inflates to too much.
    """
    file = _open(path)
    metadata = file.metadata
    columns = check_columns(path.name, file.schema_arrow.names)
    groups = [metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups)]
    if metadata.num_rows > MOST_ROWS or max(groups, default=0) > LARGEST_GROUP:
        raise BadInput(
            f"{path.name} is too large: at most {MOST_ROWS:,} rows, and 2 GiB in one row group.",
            code="inflates_too_much",
            field="file",
        )
    return Look(reading=Reading(format="parquet"), columns=columns, rows=metadata.num_rows)


def _open(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise BadInput(
            f"{path.name} is no Parquet file: {str(error).splitlines()[0]}", code="not_the_format", field="file"
        ) from None


def tables(path: Path, chunk: int) -> Iterator[Table]:
    """Its rows."""
    file = _open(path)
    total, done = max(file.metadata.num_rows, 1), 0
    try:
        for batch in file.iter_batches(batch_size=chunk):
            frame = cast("pl.DataFrame", pl.from_arrow(batch))
            numbers = range(done + 1, done + 1 + len(frame))
            done += len(frame)
            yield Table(numbers, dict(zip(frame.columns, frame.get_columns(), strict=True)), (), done / total)
    except (pa.ArrowException, OSError) as error:
        raise BadInput(
            f"{path.name} cannot be read after row {done}: {str(error).splitlines()[0]}",
            code="not_the_format",
            field="file",
        ) from None
