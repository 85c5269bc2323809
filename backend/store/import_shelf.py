"""Where uploaded files lie: under random names, for their owner only, and not for ever.

The name that a person gave a file is never a path: only its ending, which must be one we know, becomes part of ours.
"""

import contextlib
import os
import re
import secrets
import shutil
import time
from collections.abc import Collection
from pathlib import Path
from typing import BinaryIO

from backend.errors import BadInput, NotFound, Unavailable

LARGEST_UPLOAD = 1024**3
"""Bytes of an uploaded file. Larger ones go in by the command line, which reads them where they are."""

_ROOM = 1024**3
_PIECE = 1024 * 1024
_NAME = re.compile(r"[0-9a-f]{32}\.[a-z]{3,7}")
_OURS = re.compile(r"[0-9a-f]{32}\.[a-z]{3,7}(\.rejects\.(csv|ndjson))?")


class Shelf:
    """The folder of uploaded files.

    Args:
        folder: comes into being with the first file.
        largest: bytes of one file.
    """

    def __init__(self, folder: Path, *, largest: int = LARGEST_UPLOAD) -> None:
        self._folder = folder
        self._largest = largest

    def lay_down(self, source: BinaryIO, *, suffix: str) -> tuple[str, int]:
        """Copy a file here; gives its new name and its size.

        Args:
            source: read to its end.
            suffix: of the name, with its dot; the caller knows it.

        Raises:
            BadInput: it is empty or too large; nothing is left of it.
            Unavailable: the disk is almost full.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(self._folder).free < _ROOM:
            raise Unavailable("The disk has less than 1 GiB left: make room before uploading files.", code="disk_full")
        name = f"{secrets.token_hex(16)}{suffix.lower()}"
        path = self._folder / name
        try:
            size = self._copy(source, path)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return name, size

    def _copy(self, source: BinaryIO, path: Path) -> int:
        size = 0
        with open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            while piece := source.read(_PIECE):
                size += len(piece)
                if size > self._largest:
                    raise BadInput(
                        f"The file is larger than {self._largest >> 20:,} MiB: take it in with joren import.",
                        code="too_large",
                        field="file",
                    )
                file.write(piece)
        if not size:
            raise BadInput("The file is empty.", code="empty_file", field="file")
        return size

    def path(self, name: str) -> Path:
        """Where a file lies.

        Raises:
            NotFound: it was removed, or no file of ours has such a name.
        """
        path = self._folder / name
        if not _NAME.fullmatch(name) or not path.is_file():
            raise NotFound("The file was removed.", code="file_removed")
        return path

    def remove(self, name: str) -> None:
        """Remove a file and the rejects beside it."""
        if not _NAME.fullmatch(name):
            return
        for ending in ("", ".rejects.csv", ".rejects.ndjson"):
            (self._folder / f"{name}{ending}").unlink(missing_ok=True)

    def sweep(self, kept: Collection[str], *, older_than: float) -> int:
        """Remove what nobody knows any more: uploads that never got a record, folders of runs that died.

        Args:
            kept: names of files that have a record.
            older_than: seconds; younger ones may be at work.
        """
        removed = 0
        for entry in self._folder.iterdir() if self._folder.is_dir() else ():
            with contextlib.suppress(FileNotFoundError):
                old = time.time() - entry.stat().st_mtime > older_than
                if old and entry.is_dir() and entry.name.startswith("spool-"):
                    shutil.rmtree(entry, ignore_errors=True)
                    removed += 1
                elif old and _OURS.fullmatch(entry.name) and entry.name.partition(".rejects.")[0] not in kept:
                    entry.unlink()
                    removed += 1
        return removed
