"""Files of exports on disk: private, whole under their own name, removed when their time is over."""

import re
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

_LEFTOVER = timedelta(days=1)
"""A file that is no export's is removed when nobody has touched it for so long: a worker died over it."""

_PART = re.compile(r"attempt-([0-9a-f]{32})\..*")


def part_of(folder: Path, attempt_id: UUID, file_format: str) -> Path:
    """Where an attempt writes; what lies beside it begins with the same name."""
    return folder / f"attempt-{attempt_id.hex}.{file_format}.part"


def parts_in(folder: Path) -> dict[Path, str]:
    """What attempts wrote, with their numbers in hexadecimal. To be asked before who is at work, which others begin."""
    found = [(path, _PART.fullmatch(path.name)) for path in folder.iterdir()] if folder.is_dir() else []
    return {path: part[1] for path, part in found if part is not None}


def remove_parts(parts: Mapping[Path, str], attempts: Collection[UUID]) -> int:
    """Remove what was written by attempts that are over, dead ones among them; gives how many files."""
    alive = {attempt.hex for attempt in attempts}
    gone = [path for path, attempt in parts.items() if attempt not in alive]
    for path in gone:
        path.unlink(missing_ok=True)
    return len(gone)


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


def remove(folder: Path, names: Collection[str]) -> int:
    """Remove some files, gives how many there were; one that is gone already is no fault."""
    gone = [folder / name for name in names if (folder / name).is_file()]
    for path in gone:
        path.unlink(missing_ok=True)
    return len(gone)
