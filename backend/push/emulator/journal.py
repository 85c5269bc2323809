"""The emulator's memory on disk: JSON lines, appended as things happen and rewritten when it starts.

Each line reaches the operating system before the answer goes out, so a kill loses nothing; a line cut short by a
kill is left out on reading.
"""

import fcntl
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Self

import msgspec

from backend.errors import Conflict
from backend.push.emulator.devices import Change, Device

_CHANGES: msgspec.json.Decoder[Change] = msgspec.json.Decoder(Change)
_ENCODER = msgspec.json.Encoder()


class Journal:
    """An append-only file of changes, held by one process at a time."""

    def __init__(self, path: Path) -> None:
        """Open, or create, the journal.

        Raises:
            Conflict: when another emulator holds it.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._lock = (path.parent / "lock").open("wb")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            raise Conflict(f"Another emulator runs on {path.parent}: stop it, or choose another JOREN_HOME.") from None
        self._file = path.open("ab", buffering=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self) -> Iterator[Change]:
        """All changes, oldest first.

        Raises:
            Conflict: when a line in the midst is damaged, as a full disk leaves it.
        """
        with self._path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if line.endswith(b"\n"):
                    yield self._decoded(line, number)

    def _decoded(self, line: bytes, number: int) -> Change:
        try:
            return _CHANGES.decode(line)
        except msgspec.MsgspecError:
            folder = self._path.parent
            raise Conflict(f"{self._path} is damaged in line {number}: remove {folder} to begin anew.") from None

    def append(self, *changes: Change) -> None:
        """Keep changes, in one write."""
        if changes:
            self._file.write(_ENCODER.encode_lines(changes))

    def rewrite(self, devices: Iterable[Device]) -> None:
        """Replace all changes by the devices they led to."""
        fresh = self._path.with_suffix(".new")
        with fresh.open("wb") as file:
            file.writelines(msgspec.json.encode(device) + b"\n" for device in devices)
            file.flush()
            os.fsync(file.fileno())
        self._file.close()
        fresh.replace(self._path)
        self._file = self._path.open("ab", buffering=0)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
        self._lock.close()
