"""The customer frame on disk: what rules, audiences and merge fields read, mapped into memory.

A folder of Arrow files, none of which is ever changed, and a manifest that names those in force. Base files hold
every customer in `BUCKETS` parts; overlay files hold newer rows of customers who were touched since, and the
newest row of a customer wins. A write makes new files, then replaces the manifest in one step, so a reader in
any process sees the frame before or after, never between. A file out of force stays for a while, and a reader who
comes too late reads the manifest again; what he has mapped stays his.

The frame is derived: should the folder be lost, a refresh makes it anew from the lake.
"""

import contextlib
import fcntl
import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
import polars as pl

from backend.errors import Conflict
from backend.lake.folding import folded, is_due, is_urgent, partly_folded
from backend.lake.frame_files import FrameFiles
from backend.lake.frame_parts import BUCKETS, GONE, newest_wins, overlay_of, same_columns, together
from backend.lake.frame_view import CURRENT, OF_ROWS, SUPERSEDED, FrameView
from backend.lake.manifest import Confirmed, Manifest, Retired, replace_file
from segments import customers
from segments.sampling import is_near, near_limit
from segments.shop_traits import column_shown
from segments.watched import is_watched

GRACE = timedelta(minutes=10)
"""How long a file out of force stays."""

MERGED_ROWS = 200_000
"""Overlays of more rows than these are not merged with others: that happens in memory, at some 2.5 kB a row."""


@dataclass(frozen=True, slots=True)
class _Stale:
    """Which rows of a base file were out of force in a generation, by these overlays, after so many folds."""

    generation: int
    folds: int
    overlays: frozenset[str]
    rows: pl.Series


class CustomerFrame:
    """The frame of one folder. One writer at a time; any number of readers in any process."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._files = FrameFiles(self.path)
        self._stale: dict[str, _Stale] = {}
        self._near: dict[tuple[str, int], pl.Series] = {}
        self._view: tuple[tuple[int, int], FrameView] | None = None

    def manifest(self) -> Manifest:
        """What is in force; an empty manifest where nothing was ever written."""
        try:
            return msgspec.json.decode((self.path / "manifest.json").read_bytes(), type=Manifest)
        except FileNotFoundError:
            return Manifest()

    def read(self) -> FrameView:
        """The newest state, mapped rather than loaded. An empty frame of the epoch day where there is none."""
        for _ in range(20):
            manifest = self.manifest()
            state = (manifest.epoch, manifest.generation)
            if self._view is not None and self._view[0] == state:
                return replace(self._view[1], as_of=self._confirmed(manifest))
            with contextlib.suppress(FileNotFoundError):  # replaced since: the manifest is newer too
                view = self._open(manifest)
                self._view = (state, view)
                return replace(view, as_of=self._confirmed(manifest))
        raise Conflict(f"The frame in {self.path} changes faster than it can be opened; try again.")

    def confirm(self, manifest: Manifest, *, at: datetime) -> None:
        """Note that at ``at`` there was nothing that the frame of ``manifest`` does not hold.

        A note about a frame that was replaced since counts for nothing; so does one that a crash lost.
        """
        note = Confirmed(epoch=manifest.epoch, generation=manifest.generation, at=at)
        new = self.path / f"confirmed.{os.getpid()}.part"
        new.write_bytes(msgspec.json.encode(note))
        new.rename(self.path / "confirmed.json")

    def _confirmed(self, manifest: Manifest) -> datetime:
        with contextlib.suppress(FileNotFoundError, msgspec.DecodeError):
            note = msgspec.json.decode((self.path / "confirmed.json").read_bytes(), type=Confirmed)
            if (note.epoch, note.generation) == (manifest.epoch, manifest.generation):
                return max(note.at, manifest.at)
        return manifest.at

    def write(
        self,
        rows: pl.DataFrame,
        *,
        removed: Collection[int] = (),
        day: date,
        at: datetime,
        seq: int,
        epoch: int,
        marks: dict[str, list[str]] | None = None,
    ) -> Manifest:
        """Put new rows in force for their customers, and take ``removed`` customers out.

        Args:
            rows: complete rows; a customer who has one already gets this one instead.
            removed: customers who have no row any more, because they were merged into others.
            day: the business day that every row's ``as_of`` shall say from now on.
            at: the moment up to which events are in it.
            seq: the last event of the log that is in it.
            epoch: the writer's; a writer whose epoch was passed is refused.
            marks: words the writer wants to find again in the manifest; None keeps those that are there.

        Raises:
            Conflict: a later writer has been here.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with self._alone():
            old = self._still_ours(epoch)
            new = msgspec.structs.replace(
                old,
                epoch=epoch,
                generation=old.generation + 1,
                seq=seq,
                at=at,
                day=day,
                marks=old.marks if marks is None else marks,
            )
            new = self._with_overlay(new, overlay_of(rows, removed))
            return self._put_in_force(old, new)

    def fold(self, *, epoch: int) -> None:
        """Fold overlays into the base where they grew to a share of it: a part, the next call goes on.

        Until the last part is done the overlays stay in force beside it; they say of its rows what it says.

        Raises:
            Conflict: a later writer has been here.
        """
        if not self.path.exists():
            return
        with self._alone():
            old = self._still_ours(epoch)
            if is_due(self._files, old):
                new = msgspec.structs.replace(old, epoch=epoch, generation=old.generation + 1)
                self._put_in_force(old, self._counted(partly_folded(self._files, new)))

    def purge(self, *, epoch: int) -> None:
        """Have the rows of removed customers in no file any more: fold every overlay and remove what is out of force at once.

        Raises:
            Conflict: a later writer has been here.
        """
        if not self.path.exists():
            return
        with self._alone():
            old = self._still_ours(epoch)
            new = msgspec.structs.replace(old, epoch=epoch, generation=old.generation + 1, retired=[])
            if old.overlays:
                new = folded(self._files, new, [self._files.map(name) for name in reversed(old.overlays)])
            replace_file(self.path / "manifest.json", msgspec.json.format(msgspec.json.encode(new)))
            self._sweep(new)

    def _still_ours(self, epoch: int) -> Manifest:
        """What is in force, if no later writer put it there."""
        found = self.manifest()
        if found.epoch > epoch:
            raise Conflict("A later writer moves the frame; this one stops.", code="fenced")
        return found

    def _with_overlay(self, manifest: Manifest, newest: pl.DataFrame) -> Manifest:
        """Add the newest rows, merged with older overlays of no more than twice their size: few files, little work."""
        if newest.is_empty():
            return manifest
        kept = list(manifest.overlays)
        while kept and kept[-1] not in manifest.folding and self._is_mergeable(kept[-1], newest):
            newest = newest_wins([newest, self._files.map(kept.pop())])
        fewer = msgspec.structs.replace(manifest, overlays=kept)
        if is_urgent(self._files, fewer, more=newest.height):
            return folded(self._files, manifest, [newest, *(self._files.map(name) for name in reversed(kept))])
        name = self._files.save(f"overlay-{manifest.generation}", newest)
        return self._counted(msgspec.structs.replace(fewer, overlays=[*kept, name]))

    def _is_mergeable(self, name: str, newest: pl.DataFrame) -> bool:
        return self._files.map(name).height <= min(2 * newest.height, MERGED_ROWS - newest.height)

    def _counted(self, manifest: Manifest) -> Manifest:
        count = sum(int((~part.get_column(SUPERSEDED)).sum()) for _, part in self._rows(manifest))
        return msgspec.structs.replace(manifest, customers=count)

    def _put_in_force(self, old: Manifest, new: Manifest) -> Manifest:
        now = datetime.now(UTC)
        dropped = [Retired(file=name, at=now) for name in sorted(old.files() - new.files())]
        waiting = [one for one in old.retired if now - one.at < GRACE]
        new = msgspec.structs.replace(new, retired=[*waiting, *dropped])
        replace_file(self.path / "manifest.json", msgspec.json.format(msgspec.json.encode(new)))
        self._sweep(new)
        return new

    def _sweep(self, manifest: Manifest) -> None:
        """Remove what is neither in force nor waiting, leftovers of a writer that died among it."""
        keep = manifest.files() | {one.file for one in manifest.retired}
        for path in self.path.iterdir():
            if path.suffix in (".arrow", ".new") and path.name not in keep:
                path.unlink(missing_ok=True)
        self._forget_all_but(manifest.files())

    def _forget_all_but(self, names: set[str]) -> None:
        """Let go of files that are out of force. Reader and writer of a process may do so at the same moment."""
        self._files.keep_only(names)
        self._stale = {name: stale for name, stale in list(self._stale.items()) if name in names}
        self._near = {key: near for key, near in list(self._near.items()) if key[0] in names}

    def _open(self, manifest: Manifest) -> FrameView:
        limit = near_limit(manifest.customers)
        files = [part.with_columns(self._near_of(name, part, limit)) for name, part in self._rows(manifest)]
        stored = list(same_columns([part.lazy() for part in together(files)]))
        parts = list(same_columns([part.lazy() for part in files]))
        rows = (
            pl.concat(stored)
            if stored
            else pl.LazyFrame(schema={**customers.SCHEMA, **dict.fromkeys(OF_ROWS, pl.Boolean())})
        )
        # Filtered part by part: so a filter on few columns reads few of each file.
        current = [part.filter(CURRENT).drop(OF_ROWS) for part in parts]
        frame = pl.concat(current) if parts else pl.LazyFrame(schema=customers.SCHEMA)
        whole = manifest.marks.get("watched", ())
        partly = [name for name in frame.collect_schema() if is_watched(name) and name not in whole]
        shown = {name: column for name in frame.collect_schema() if name in whole and (column := column_shown(name))}
        rows, day = (each.drop(partly).rename(shown) for each in (rows, frame))
        rows = rows.with_columns(pl.lit(manifest.day).alias("as_of"))
        day = day.with_columns(pl.lit(manifest.day).alias("as_of"))
        self._forget_all_but(manifest.files())
        return FrameView(
            frame=day,
            rows=rows,
            as_of=manifest.at,
            made_at=manifest.at,
            seq=manifest.seq,
            customers=manifest.customers,
            day=manifest.day,
            figures=next(iter(manifest.marks.get("figures", ())), ""),
            weighty=frozenset(manifest.marks.get("weighty", ())),
            verified=frozenset(manifest.marks.get("verified", ())),
        )

    def _near_of(self, name: str, rows: pl.DataFrame, limit: int) -> pl.Series:
        """The column `NEAR` of a file, which is drawn once."""
        found = self._near.get((name, limit))
        if found is None:
            found = self._near[name, limit] = is_near(rows.get_column("customer_id"), limit)
        return found

    def _rows(self, manifest: Manifest) -> Iterator[tuple[str, pl.DataFrame]]:
        """The files in force, each with whether a row is out of force: another file holds a newer one, or the customer is gone."""
        overlays = [self._files.map(name) for name in reversed(manifest.overlays)]
        place = 0
        if overlays:
            newest = pl.concat([part.get_column("customer_id") for part in overlays]).is_first_distinct()
        for name, part in zip(reversed(manifest.overlays), overlays, strict=True):
            stale = ~newest.slice(place, part.height) | part.get_column(GONE)
            yield name, part.drop(GONE).with_columns(stale.alias(SUPERSEDED))
            place += part.height
        for bucket, name in sorted(manifest.bases.items()):
            stale = self._overlaid(bucket, name, manifest)
            yield name, self._files.map(name).drop(GONE).with_columns(stale.alias(SUPERSEDED))

    def _overlaid(self, bucket: int, base: str, manifest: Manifest) -> pl.Series:
        """Of which rows of a base file an overlay says something newer.

        What earlier overlays said stands as long as the base does and nothing is folded, because they only go into newer
        ones: those that came since are looked up.
        """
        ids = self._files.map(base).get_column("customer_id")
        known = self._stale.get(base)
        if known is None or known.generation > manifest.generation or known.folds != manifest.folds:
            known = _Stale(0, manifest.folds, frozenset(), pl.repeat(value=False, n=len(ids), eager=True))
        new = [
            self._files.map(name).get_column("customer_id") for name in manifest.overlays if name not in known.overlays
        ]
        rows = known.rows
        if new and len(ids):
            theirs = pl.concat(new)
            theirs = theirs.filter(theirs % BUCKETS == bucket)
            places = ids.search_sorted(theirs).clip(0, len(ids) - 1)
            rows = rows.clone().scatter(places.filter(ids.gather(places) == theirs), values=True)
        self._stale[base] = _Stale(manifest.generation, manifest.folds, frozenset(manifest.overlays), rows)
        return rows

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        with (self.path / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
