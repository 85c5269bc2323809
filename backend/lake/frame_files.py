"""The Arrow files of the frame: written once, mapped into memory, never changed."""

import os
from collections.abc import Collection
from pathlib import Path
from typing import cast

import polars as pl
import pyarrow as pa


class FrameFiles:
    """The files of one folder, and what this process has mapped of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mapped: dict[str, pl.DataFrame] = {}

    def save(self, stem: str, frame: pl.DataFrame) -> str:
        """Write a file that is there as a whole or not at all, also after a crash of the machine; gives its name."""
        name = f"{stem}.arrow"
        path = self._folder / f"{name}.new"
        with path.open("wb") as file:
            frame.write_ipc(file, compression="uncompressed")
            file.flush()
            os.fsync(file.fileno())
        path.rename(self._folder / name)
        return name

    def map(self, name: str) -> pl.DataFrame:
        """What a file holds; pages of it that all processes share.

        Raises:
            FileNotFoundError: it has been replaced.
        """
        found = self._mapped.get(name)
        if found is None:
            with pa.memory_map(str(self._folder / name)) as source:
                table = pa.ipc.open_file(source).read_all()
            found = self._mapped[name] = cast("pl.DataFrame", pl.from_arrow(table))
        return found

    def keep_only(self, names: Collection[str]) -> None:
        """Let go of all other files. Reader and writer of a process may do so at the same moment."""
        self._mapped = {name: frame for name, frame in list(self._mapped.items()) if name in names}
