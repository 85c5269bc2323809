"""Rows that a process worked out, laid into files without a name: pages that the system may drop, no memory of the process's own."""

import mmap
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import cast

import polars as pl
import pyarrow as pa

SMALL = 2**16
"""Bytes up to which rows stay in memory: a file would not be worth it."""


class Shelf:
    """Files of one folder; the place of each is given back when its rows are let go, or the process dies."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def lay(self, parts: Iterable[pl.DataFrame]) -> pl.DataFrame:
        """The same rows, part after part, mapped from files; one part at least, of which no two are held at once."""
        laid = [self._mapped(part) for part in parts]
        return pl.concat([part for part in laid if part.height] or laid[:1], rechunk=False)

    def _mapped(self, part: pl.DataFrame) -> pl.DataFrame:
        if part.estimated_size() <= SMALL:
            return part
        self._folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=self._folder) as file:
            part.write_ipc(file, compression="uncompressed")
            file.flush()
            pages = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
        table = pa.ipc.open_file(pa.py_buffer(pages)).read_all()
        return cast("pl.DataFrame", pl.from_arrow(table))


def parts_of(rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Rows as they were laid, part by part; nothing is copied."""
    place = 0
    for length in rows.get_column(rows.columns[0]).chunk_lengths():
        yield rows.slice(place, length)
        place += length
