"""Claim: an export takes the same memory however long the table is, and speed is the writer's, not ours.

History of two lengths (1:4) lies in a lake; a process of its own exports each to every format, and its peak of
resident memory is compared. The peer is one `polars.write_csv` of the same rows held in memory.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import polars.selectors as cs

from backend.lake.schemas import EVENTS_SCHEMA, Table
from backend.lake.tables import Lake
from backend.services.exports import tables
from backend.services.exports.tables import _day_by_day, _facts
from backend.store.export_files import open_writer
from benchmarks.memory import peak
from segments.exports import Encoding, FileFormat, What, Wish

PART = 100_000
SHORT, LONG = 3 * PART, 12 * PART
SLOWER = 10
"""Excel's format is so much more work; it gets fewer rows."""
DAY = date(2026, 1, 1)
FORMS = (
    ("csv", FileFormat.CSV, Encoding.UTF8),
    ("cp932", FileFormat.CSV, Encoding.CP932),
    ("parquet", FileFormat.PARQUET, Encoding.UTF8),
    ("xlsx", FileFormat.XLSX, Encoding.UTF8),
)
MOST_GROWTH = 1.25
"""Peak of the long export ÷ peak of the short one, at most."""


def fill(folder: Path, rows: int) -> None:
    lake = Lake(folder)
    for part in range(rows // PART):
        number = pl.int_range(part * PART, (part + 1) * PART, eager=True)
        known = {
            "seq": number,
            "customer_id": number % 100_000,
            "event": pl.Series(["Order Completed", "来店"] * (PART // 2)),
            "business_day": pl.Series([DAY + timedelta(days=part)] * PART),
            "occurred_at": pl.Series([datetime(2026, 1, 1, tzinfo=UTC)] * PART),
            "source_id": pl.Series([1] * PART),
            "trusted": pl.Series([True] * PART),
            "amount": number * 7 % 10_000,
            "coupon_id": pl.Series(["=春の割引"] * PART),
            "store": pl.Series(["渋谷"] * PART),
        }
        frame = pl.DataFrame(
            [pl.Series(name, known.get(name, [None] * PART), dtype) for name, dtype in EVENTS_SCHEMA.items()]
        )
        lake.append(Table.EVENTS, frame, app_id="benchmark", version=part + 1)


async def export(folder: Path, form: str) -> dict[str, float]:
    _, file_format, encoding = next(one for one in FORMS if one[0] == form)
    wish = Wish(what=What.HISTORY, format=file_format, encoding=encoding)
    lake = Lake(folder)
    frame = _facts(lake.events(), wish, [(1, 2)], {1: "till"})
    if file_format is FileFormat.XLSX:
        frame = frame.head((LONG if folder.name == "long" else SHORT) // SLOWER)
    path = folder / "export"
    started = time.perf_counter()
    writer = open_writer(path, tables.HISTORY_COLUMNS, file_format=file_format, encoding=encoding, zone="Asia/Tokyo")
    async for chunk in _day_by_day(frame, folder / "spill"):
        writer.write(chunk.rows)
    written = writer.close()
    took = time.perf_counter() - started
    path.unlink()
    return {"rows": written.rows, "seconds": took, "peak_mib": peak()}


def peer(folder: Path) -> dict[str, float]:
    frame = Lake(folder).events().select(~cs.list()).collect()  # which CSV cannot hold
    started = time.perf_counter()
    frame.write_csv(folder / "peer.csv")
    took = time.perf_counter() - started
    return {"rows": frame.height, "seconds": took, "peak_mib": peak()}


def apart(folder: Path, what: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.exports", str(folder), what]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def main() -> None:
    if len(sys.argv) > 1:
        folder, what = Path(sys.argv[1]), sys.argv[2]
        print(json.dumps(peer(folder) if what == "peer" else asyncio.run(export(folder, what))))
        return
    failed = False
    with tempfile.TemporaryDirectory() as scratch:
        short, long = Path(scratch) / "short", Path(scratch) / "long"
        fill(short, SHORT)
        fill(long, LONG)
        held = apart(long, "peer")
        print(f"peer, all rows held: {held['rows'] / held['seconds']:>9,.0f} rows/s, peak {held['peak_mib']:,.0f} MiB")
        for form, _, _ in FORMS:
            small, large = apart(short, form), apart(long, form)
            growth = large["peak_mib"] / small["peak_mib"]
            failed |= growth > MOST_GROWTH
            print(
                f"{form:>8}: {large['rows'] / large['seconds']:>9,.0f} rows/s, peak {small['peak_mib']:,.0f} MiB for"
                f" {small['rows']:,.0f} rows, {large['peak_mib']:,.0f} MiB for {large['rows']:,.0f} (× {growth:.2f}, at most {MOST_GROWTH})"
            )
    sys.exit(failed)


if __name__ == "__main__":
    main()
