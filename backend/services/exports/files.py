"""Files of exports on disk: private, whole under their own name, removed when their time is over."""

from collections.abc import Collection
from datetime import datetime, timedelta
from pathlib import Path

_LEFTOVER = timedelta(days=1)
"""A file that is no export's is removed when nobody has touched it for so long: a worker died over it."""


def put_in_place(part: Path, path: Path) -> int:
    """Give a whole file its own name; gives its size in bytes."""
    part.rename(path)
    return path.stat().st_size


def private_folder(folder: Path) -> None:
    """Have a folder that only its owner can look into."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)


def sweep(folder: Path, expired: Collection[str], kept: Collection[str], now: datetime) -> int:
    """Remove expired files, and files that are no export's and were not touched for a day."""
    if not folder.is_dir():
        return 0
    old = (now - _LEFTOVER).timestamp()
    gone = [
        path
        for path in folder.iterdir()
        if path.name in expired or (path.name not in kept and path.stat().st_mtime < old)
    ]
    for path in gone:
        path.unlink(missing_ok=True)
    return len(gone)


def remove(folder: Path, names: Collection[str]) -> None:
    """Remove some files; one that is gone already is no fault."""
    for name in names:
        (folder / name).unlink(missing_ok=True)
