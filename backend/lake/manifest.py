"""What the frame's files mean at one moment, and how a file is replaced in one step."""

import os
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Retired(msgspec.Struct, frozen=True):
    """A file that is no longer in force, and since when."""

    file: str
    at: datetime


class Confirmed(msgspec.Struct, frozen=True):
    """At ``at`` there was nothing that the frame of this epoch and generation does not hold."""

    epoch: int
    generation: int
    at: datetime


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The files in force.

    Attributes:
        epoch: of the writer; a later one never yields to an earlier one.
        generation: grows with every write.
        seq, at, day: see `backend.lake.frame_view.FrameView`.
        bases: file of each bucket.
        overlays: oldest first; the newest row of a customer wins.
        folding: those overlays that are being folded into the base, bucket by bucket.
        folded: the buckets whose base file holds them already.
        folds: how often overlays went into the base part by part.
        base_rows: rows in the base files.
        customers: rows of the whole frame.
        marks: the writer's own words, kept for its next run.
        retired: files that may go when their time is up.
    """

    epoch: int = 0
    generation: int = 0
    seq: int = 0
    at: datetime = _EPOCH
    day: date = _EPOCH.date()
    bases: dict[int, str] = {}
    overlays: list[str] = []
    folding: list[str] = []
    folded: list[int] = []
    folds: int = 0
    base_rows: int = 0
    customers: int = 0
    marks: dict[str, list[str]] = {}
    retired: list[Retired] = []

    def files(self) -> set[str]:
        """Names of the files in force."""
        return {*self.bases.values(), *self.overlays}


def replace_file(path: Path, content: bytes) -> None:
    """Give ``path`` new content so that a crash, also of the machine, leaves either the old or the new."""
    new = path.with_name(f"{path.name}.new")
    with new.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
