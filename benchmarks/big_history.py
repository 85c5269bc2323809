"""Writes the history of a demo shop of any size straight into a lake: no JSON, no log, no database.

    python benchmarks/big_history.py --members 10000000 --days 1100 --to FOLDER        # a billion events

What members do comes from the demo shop's own simulation, a part of the members at a time, and goes through the lake's own
writer and compaction; memory does not grow with the size. Interrupted, the same command goes on where it was: each table
knows which parts it holds, as it knows a refresh's batches. A folder with anything else in it is refused.
"""

import argparse
import contextlib
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import msgspec
import polars as pl

sys.path.insert(0, str(Path(__file__).parents[1]))

from backend.demo.facts import count_blocks, lake_block
from backend.demo.shop import ShopConfig
from backend.demo.wire import APP, SERVER
from backend.lake.compaction import Compaction, compact, remove_unused
from backend.lake.rows import LakeRows
from backend.lake.schemas import HISTORY
from backend.lake.tables import Lake

LAST = date(2026, 3, 31)
SOURCES = {APP: 1, SERVER: 2}
BLOCKS_AT_ONCE = 2
"""Blocks of members (20,000 each) that are appended together: a writer holds them in memory, some 1.3 GiB."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Which history a folder holds.

    Attributes:
        writers: processes that write; each has parts of its own, so that it stays the same when the writing goes on.
        complete: all of it is there, compacted.
    """

    members: int
    days: int
    last: date
    seed: int
    writers: int
    complete: bool = False

    @property
    def shop(self) -> ShopConfig:
        """The shop."""
        return ShopConfig(last=self.last, members=self.members, days=self.days, seed=self.seed)

    @property
    def parts(self) -> int:
        """How many parts it is written in."""
        return -(-count_blocks(self.shop) // BLOCKS_AT_ONCE)

    def blocks(self, part: int) -> range:
        """The blocks of a part."""
        first = part * BLOCKS_AT_ONCE
        return range(first, min(first + BLOCKS_AT_ONCE, count_blocks(self.shop)))


@dataclass(frozen=True, slots=True)
class Writer:
    """One of the processes; ``number`` is its place among them."""

    folder: Path
    plan: Plan
    number: int

    def write(self) -> Iterator[int]:
        """Append its parts; gives the events of each that was not there."""
        lake, name = lake_in(self.folder), f"big history, writer {self.number}"
        for version, part in enumerate(range(self.number, self.plan.parts, self.plan.writers), start=1):
            missing = [table for table in HISTORY if lake.version(table, name) < version]
            if missing:
                rows = _together(
                    [lake_block(self.plan.shop, block, sources=SOURCES) for block in self.plan.blocks(part)]
                )
                for table in missing:
                    lake.append(table, getattr(rows, table), app_id=name, version=version)
                yield rows.events.height
            else:
                yield 0


def _together(blocks: list[LakeRows]) -> LakeRows:
    return LakeRows(
        pl.concat([rows.events for rows in blocks]),
        pl.concat([rows.order_lines for rows in blocks]),
        pl.concat([rows.customer_days for rows in blocks]),
    )


def lake_in(folder: Path) -> Lake:
    """The lake of a folder that this script wrote."""
    return Lake(folder / "lake")


def write_history(folder: Path, wanted: Plan) -> None:
    """Write a history, or what is missing of it; does nothing where it is complete.

    Raises:
        SystemExit: the folder holds something else.
    """
    plan = _agreed(folder, wanted)
    if plan.complete:
        return
    for table in HISTORY:
        lake_in(folder).open(table)
    _write_parts(folder, plan)
    lake, rules, partitions = lake_in(folder), Compaction(keep_hours=0), 0
    while compact(lake, rules):
        remove_unused(lake, rules)  # at once: a big history has no room for another of its size
        partitions += rules.at_once
        print(f"compacting, {partitions} partitions a table ", end="\r", file=sys.stderr, flush=True)
    _note(folder, msgspec.structs.replace(plan, complete=True))


def _agreed(folder: Path, wanted: Plan) -> Plan:
    """The plan of the folder, which has to be the one that is wanted."""
    file = folder / "plan.json"
    if not file.exists():
        if folder.exists() and any(folder.iterdir()):
            sys.exit(f"{folder} is not empty, and no history of this script's: name another folder.")
        folder.mkdir(parents=True, exist_ok=True)
        _note(folder, wanted)
        return wanted
    found = msgspec.json.decode(file.read_bytes(), type=Plan)
    if msgspec.structs.replace(found, complete=False, writers=wanted.writers) != wanted:
        state = "all" if found.complete else "a part"
        sys.exit(
            f"{folder} holds {state} of another history: {found.members:,} members, {found.days} days up to {found.last}, "
            f"seed {found.seed}. Ask for that one to go on with it, or name another folder."
        )
    return found


def _note(folder: Path, plan: Plan) -> None:
    new = folder / "plan.new"
    new.write_bytes(msgspec.json.encode(plan))
    new.rename(folder / "plan.json")


def _write_parts(folder: Path, plan: Plan) -> None:
    began, done, events = time.perf_counter(), 0, 0
    context = multiprocessing.get_context("spawn")
    queue: multiprocessing.Queue[int | str] = context.Queue()
    processes = [
        context.Process(target=_work, args=(Writer(folder, plan, number), queue)) for number in range(plan.writers)
    ]
    with _one_thread_each():
        for process in processes:
            process.start()
    while done < plan.parts:
        said = queue.get()
        if isinstance(said, str):
            sys.exit(f"A writer failed: {said}. The same command goes on where it was.")
        done, events = done + 1, events + said
        _show(done / plan.parts, events, time.perf_counter() - began)
    for process in processes:
        process.join()


@contextlib.contextmanager
def _one_thread_each() -> Iterator[None]:
    """Processes started meanwhile load a Polars of one thread: there are as many of them as cores."""
    kept = os.environ.get("POLARS_MAX_THREADS")
    os.environ["POLARS_MAX_THREADS"] = "1"
    try:
        yield
    finally:
        del os.environ["POLARS_MAX_THREADS"]
        if kept is not None:
            os.environ["POLARS_MAX_THREADS"] = kept


def _work(writer: Writer, queue: "multiprocessing.Queue[int | str]") -> None:
    try:
        for events in writer.write():
            queue.put(events)
    except Exception as error:
        queue.put(f"{type(error).__name__}: {error}")
        raise


def _show(share: float, events: int, seconds: float) -> None:
    bar = "#" * round(share * 40)
    end = "\n" if share >= 1 else "\r"
    print(
        f"[{bar:40}] {share:4.0%}  {events:,} events, {events / seconds:,.0f}/s ", end=end, file=sys.stderr, flush=True
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, required=True)
    parser.add_argument("--to", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--days", type=int, default=300)
    parser.add_argument("--seed", type=int, default=ShopConfig(last=LAST).seed)
    parser.add_argument("--writers", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    began = time.perf_counter()
    write_history(
        given.to, Plan(members=given.members, days=given.days, last=LAST, seed=given.seed, writers=given.writers)
    )
    size = sum(path.stat().st_size for path in given.to.rglob("*.parquet"))
    count = int(lake_in(given.to).events().select("seq").collect().height)
    print(f"{count:,} events, {size / count * 1e6 / 2**20:.1f} MiB a million, in {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
