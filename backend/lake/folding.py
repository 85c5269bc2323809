"""Overlays of the frame are folded into its base files: a bucket at a time, so that what is held in memory is one of them.

That takes long where there are many customers, and what is new must not wait for it. So it is done part by part between two
batches: the overlays on their way stay in force until the last bucket holds them, and until then say of its rows what it says.
"""

from collections.abc import Mapping, Sequence

import msgspec
import polars as pl

from backend.lake.frame_files import FrameFiles
from backend.lake.frame_parts import GONE, bucket_of, buckets_of, newest_wins
from backend.lake.manifest import Manifest

FOLD_ROWS = 2_000
FOLD_SHARE = 0.1
"""Overlays of more rows than these, absolute and as a share of the base, are folded into the base."""

HEAVY_SHARE = 0.2
"""Overlays of a larger share are folded at once, before there are more: everybody's rows are being made anew."""

FOLD_AT_ONCE = 200_000
"""Rows of base files after which the next part waits."""


def is_due(files: FrameFiles, manifest: Manifest) -> bool:
    """Whether overlays are being folded, or have grown so that they should be."""
    return bool(manifest.folding) or _is_beyond(files, manifest, FOLD_SHARE)


def is_urgent(files: FrameFiles, manifest: Manifest, *, more: int) -> bool:
    """Whether nothing is to be written beside the base before all is folded; ``more`` rows are about to come."""
    return not manifest.bases or _is_beyond(files, manifest, HEAVY_SHARE, more=more)


def _is_beyond(files: FrameFiles, manifest: Manifest, share: float, *, more: int = 0) -> bool:
    total = more + sum(files.map(name).height for name in manifest.overlays)
    return total > max(FOLD_ROWS, manifest.base_rows * share)


def folded(files: FrameFiles, manifest: Manifest, overlays: Sequence[pl.DataFrame]) -> Manifest:
    """The base with these overlays in it, newest first, and none beside it. A bucket that nothing touches keeps its file."""
    bases = dict(manifest.bases)
    for bucket in sorted(_touched(overlays)):
        bases[bucket] = _base(files, manifest, bucket, overlays)
    rows = _rows(files, bases)
    return msgspec.structs.replace(
        manifest, bases=bases, overlays=[], folding=[], folded=[], base_rows=rows, customers=rows
    )


def partly_folded(files: FrameFiles, manifest: Manifest) -> Manifest:
    """Some buckets with the overlays in them that are being folded, or all that there are; after the last one these are gone."""
    folding, done, bases = manifest.folding or manifest.overlays, list(manifest.folded), dict(manifest.bases)
    overlays, written = [files.map(name) for name in reversed(folding)], 0
    waiting = sorted(_touched(overlays) - {*done})
    while waiting and written < FOLD_AT_ONCE:
        bucket = waiting.pop(0)
        bases[bucket] = _base(files, manifest, bucket, overlays)
        written += files.map(bases[bucket]).height
        done.append(bucket)
    new = msgspec.structs.replace(manifest, bases=bases, base_rows=_rows(files, bases))
    if waiting:
        return msgspec.structs.replace(new, folding=list(folding), folded=done)
    kept = [name for name in manifest.overlays if name not in folding]
    return msgspec.structs.replace(new, overlays=kept, folding=[], folded=[], folds=manifest.folds + 1)


def _touched(overlays: Sequence[pl.DataFrame]) -> set[int]:
    return {bucket for overlay in overlays for bucket in buckets_of(overlay)}


def _base(files: FrameFiles, manifest: Manifest, bucket: int, overlays: Sequence[pl.DataFrame]) -> str:
    """A bucket's base file anew."""
    parts = [part for part in (overlay.filter(bucket_of() == bucket) for overlay in overlays) if part.height]
    old = [files.map(manifest.bases[bucket])] if bucket in manifest.bases else []
    whole = newest_wins([*parts, *old]).filter(~pl.col(GONE)).sort("customer_id")
    return files.save(f"base-{bucket:02}-{manifest.generation}", whole)


def _rows(files: FrameFiles, bases: Mapping[int, str]) -> int:
    return sum(files.map(name).height for name in bases.values())
