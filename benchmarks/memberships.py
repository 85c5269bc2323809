"""How dear is it to keep the members of many segments true? 500 segments over 1 M customers, after 10,000 were touched.

A frame of made-up customers is written as the refresh writes it, segments are drawn from a few dozen conditions as marketers
share them, and `Memberships` works on a PostgreSQL of its own. Told are seconds, CPU seconds (this process and the database)
and bytes of: the first count of everybody, a round for the touched, a new business day, the list of segments counted anew, as kept,
and by name alone; and the ratio to asking the same rules one by one. CPU seconds are what counts where others use the machine.

    python benchmarks/memberships.py [--customers 1000000] [--segments 500] [--touched 10000] [--buyers 0.2]
"""

import argparse
import asyncio
import contextlib
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import asyncpg
import numpy as np
import polars as pl
import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from backend.clock import FixedClock
from backend.embedded.postgres import EmbeddedPostgres
from backend.lake.frame import CustomerFrame
from backend.lake.frame_view import FrameView
from backend.services.memberships.keeping import Memberships
from backend.services.segment_runs import SegmentRuns
from backend.store.pool import open_pool
from backend.store.schema import migrate
from segments.customers import SCHEMA
from segments.frame import QuickFrame
from segments.keeping import holding
from segments.rules.parse import parse
from segments.rules.rule import Rule

NOW = datetime(2026, 4, 1, 3, tzinfo=UTC)
TODAY = date(2026, 4, 1)
LIMIT = 5.0
"""Seconds for a round for the touched, on a machine that does nothing else."""

EVENTS = ("Order Completed", "Application Opened", "Store Visited")
TABLES = ("segment_members", "customer_turns", "segment_states", "segment_days")

RANKS, PLACES = ["gold", "silver", "bronze"], ["東京都", "大阪府", "北海道", "福岡県", "愛知県"]


class Frames:
    """The frame in a folder; no rule of this benchmark needs more."""

    def __init__(self, folder: Path) -> None:
        self.frame = CustomerFrame(folder)

    def read(self) -> FrameView:
        """The newest state."""
        return self.frame.read()

    async def read_for(self, _: Sequence[Rule]) -> FrameView:
        """The same."""
        return self.frame.read()


def people(ids: np.ndarray[Any, np.dtype[np.int64]], dice: np.random.Generator) -> pl.DataFrame:
    """Rows of made-up customers."""
    count = len(ids)
    orders = dice.poisson(1.5, count)

    def days(most: int) -> pl.Series:
        lengths = dice.integers(0, most, count)
        ages = np.sort(dice.integers(0, 400, lengths.sum()))
        flat = pl.Series(np.datetime64(TODAY) - ages.astype("timedelta64[D]"), dtype=pl.Date)
        rows = pl.DataFrame({"row": np.repeat(np.arange(count), lengths), "day": flat})
        lists = rows.group_by("row").agg(pl.col("day").sort(descending=True))
        whole = pl.DataFrame({"row": np.arange(count)}).join(lists, on="row", how="left", maintain_order="left")
        return whole.get_column("day").fill_null([])

    def ago(most: int) -> pl.Series:
        return pl.Series(np.datetime64(TODAY) - dice.integers(0, most, count).astype("timedelta64[D]"), dtype=pl.Date)

    given: dict[str, Any] = {
        "customer_id": ids,
        "as_of": [TODAY] * count,
        "orders": orders,
        "spend": orders * dice.integers(500, 9000, count),
        "visits": dice.poisson(3, count),
        "launches": dice.poisson(9, count),
        "points": dice.integers(0, 5000, count),
        "coupons_held": dice.poisson(0.7, count),
        "last_order": ago(500),
        "last_visit": ago(300),
        "last_seen": ago(200),
        "joined": ago(2000),
        "rank": dice.choice(RANKS, count),
        "prefecture": dice.choice(PLACES, count),
        "gender": dice.choice(["female", "male"], count),
        "birth_month": dice.integers(1, 13, count),
        "consented": dice.random(count) < 0.6,
        "reachable": dice.random(count) < 0.4,
        "test_account": np.zeros(count, np.bool_),
    }
    known = pl.DataFrame(given, strict=False).cast({name: SCHEMA[name] for name in given})
    absent = [pl.lit(None, dtype=dtype).alias(name) for name, dtype in SCHEMA.items() if name not in given]
    lists = [days(6).alias(f"days:{event}") for event in EVENTS]
    return known.with_columns(absent).select(*SCHEMA).with_columns(lists)


def acted(frames: Frames, touched: np.ndarray[Any, np.dtype[np.int64]], *, buyers: float) -> pl.DataFrame:
    """Rows of customers who did something today: this share of them bought, as many visited a store, all opened the app."""
    wanted = pl.col("customer_id").is_in(pl.Series(touched).implode())
    place = pl.int_range(pl.len()) / pl.len()
    bought, visited = place < buyers, place.is_between(buyers, 2 * buyers)

    def when(event: str, whom: pl.Expr) -> pl.Expr:
        column = pl.col(f"days:{event}")
        return pl.when(whom).then(pl.concat_list(pl.lit([TODAY], dtype=pl.List(pl.Date)), column)).otherwise(column)

    today = pl.lit(TODAY)
    return (
        frames.read()
        .frame.filter(wanted)
        .with_columns(
            pl.col("orders") + bought.cast(pl.Int64),
            pl.col("spend") + bought.cast(pl.Int64) * 2_500,
            pl.col("launches") + 1,
            pl.when(bought).then(today).otherwise("last_order").alias("last_order"),
            pl.when(visited).then(today).otherwise("last_visit").alias("last_visit"),
            today.alias("last_seen"),
            when("Order Completed", bought).alias("days:Order Completed"),
            when("Store Visited", visited).alias("days:Store Visited"),
            when("Application Opened", pl.lit(value=True)).alias("days:Application Opened"),
        )
        .collect()
    )


def rules(count: int, dice: random.Random) -> list[dict[str, Any]]:
    """Segments of two to six conditions out of a few dozen, nested now and then."""
    usual: list[dict[str, Any]] = [
        *({"attribute": "orders", "op": ">=", "value": n} for n in (1, 2, 3, 5)),
        *({"attribute": "spend", "op": ">=", "value": n} for n in (3000, 10_000, 30_000)),
        *({"attribute": "rank", "op": "is", "value": rank} for rank in RANKS),
        *({"attribute": "prefecture", "op": "in", "value": [place]} for place in PLACES),
        *({"attribute": "last_order", "op": "within_days", "value": n} for n in (7, 30, 90, 180)),
        *({"attribute": "last_visit", "op": "before_days", "value": n} for n in (30, 60, 90)),
        *({"attribute": "birth_month", "op": "=", "value": n} for n in range(1, 13)),
        *({"event": event, "op": "at_least", "times": n, "days": 90} for event in EVENTS for n in (1, 2, 3)),
        *({"event": event, "op": "at_most", "times": 0, "days": 30} for event in EVENTS),
        {"attribute": "reachable", "op": "is_true"},
        {"attribute": "consented", "op": "is_true"},
        {"attribute": "gender", "op": "is", "value": "female"},
        {"attribute": "coupons_held", "op": ">=", "value": 1},
    ]
    made: list[dict[str, Any]] = []
    for _ in range(count):
        drawn = dice.sample(usual, dice.randint(2, 6))
        half = len(drawn) // 2
        made.append(
            {"all": [{"any": drawn[: half + 1]}, *drawn[half + 1 :]]} if dice.random() < 0.5 else {"all": drawn[:3]}
        )
    return made


@contextlib.contextmanager
def told(what: str, times: dict[str, tuple[float, float]]) -> Iterator[None]:
    """Note wall and CPU seconds of this process and of the database."""
    before, began = cpu(), time.perf_counter()
    yield
    times[what] = (time.perf_counter() - began, cpu() - before)
    print(f"{what:<44} {times[what][0]:8.2f} s {times[what][1]:8.2f} CPU s", flush=True)


def cpu() -> float:
    """CPU seconds of this process and all that it started."""
    own = psutil.Process()
    total = 0.0
    for process in (own, *own.children(recursive=True), *_servers()):
        with contextlib.suppress(psutil.NoSuchProcess):
            spent = process.cpu_times()
            total += spent.user + spent.system
    return total


def _servers() -> list[psutil.Process]:
    """The database's processes, which are nobody's children; those that ended before are lost, so connections are kept."""
    return [process for process in psutil.process_iter(["name"]) if process.pid in _KNOWN]


_KNOWN: set[int] = set()


async def fill(pool: asyncpg.Pool, given: argparse.Namespace) -> list[Rule]:
    """Keep the segments."""
    made = rules(given.segments, random.Random(7))
    for number, rule in enumerate(made, start=1):
        await pool.execute("INSERT INTO segments (name, created_at) VALUES ($1, $2)", f"s{number}", NOW)
        await pool.execute("INSERT INTO segment_versions VALUES ($1, 1, $2, $3, 'b')", number, rule, NOW)
    return [parse(rule) for rule in made]


async def run(given: argparse.Namespace, dsn: str, home: Path) -> bool:
    """Everything; gives whether the touched round stayed below the limit."""
    await migrate(dsn)
    frames, clock, dice = Frames(home / "frame"), FixedClock(NOW), np.random.default_rng(7)
    times: dict[str, tuple[float, float]] = {}
    for start in range(0, given.customers, 250_000):
        rows = people(np.arange(start + 1, min(start + 250_000, given.customers) + 1), dice)
        frames.frame.write(rows, day=TODAY, at=NOW, seq=1, epoch=1, marks={"figures": ["whole"]})
    pool = await open_pool(dsn, smallest=1, largest=1)
    async with pool:
        _KNOWN.add(await pool.fetchval("SELECT pg_backend_pid()"))
        asked, memberships = await fill(pool, given), Memberships(pool, clock, frames)
        with told(f"first count of {given.segments} segments", times):
            await memberships.work_until_current()
        touched = np.sort(dice.choice(np.arange(1, given.customers + 1), given.touched, replace=False))
        frames.frame.write(acted(frames, touched, buyers=given.buyers), day=TODAY, at=NOW, seq=2, epoch=1)
        await pool.execute("INSERT INTO membership_queue SELECT unnest($1::bigint[]), now()", touched.tolist())
        with told(f"{given.touched} touched, all in one pass", times):
            await memberships.work_until_current()
        print(f"{await pool.fetchval('SELECT count(*) FROM segment_changes'):,} changes of the touched")
        await listed(SegmentRuns(pool, clock, cast("QuickFrame", frames)), times)
        view = frames.read()
        one_by_one(view, asked, touched, times)
        frames.frame.write(
            acted(frames, touched[:10], buyers=given.buyers), day=TODAY + timedelta(days=1), at=NOW, seq=3, epoch=1
        )
        clock.advance(timedelta(days=1))
        with told("the next business day", times):
            await memberships.work_until_current()
        changes = await pool.fetchval("SELECT count(*) FROM segment_changes")
        members = await pool.fetchval("SELECT sum(size) FROM segment_states WHERE segment_id > 0")
        print(f"{members:,} memberships, {changes:,} changes")
        for table in TABLES:
            size = await pool.fetchval("SELECT pg_total_relation_size($1::regclass)", table)
            print(f"{table:<20} {size / 2**20:8.1f} MiB")
    return times[f"{given.touched} touched, all in one pass"][1] < LIMIT


async def listed(runs: SegmentRuns, times: dict[str, tuple[float, float]]) -> None:
    """What a view of the list costs."""
    with told("the list of segments, counted", times):
        await runs.list()
    with told("the list of segments, as kept", times):
        await runs.list(kept=True)
    with told("the segments by name", times):
        await runs.stored()


def one_by_one(
    view: FrameView,
    asked: Sequence[Rule],
    touched: np.ndarray[Any, np.dtype[np.int64]],
    times: dict[str, tuple[float, float]],
) -> None:
    """The same rules without sharing anything: of the touched, and a tenth of the rules of everybody."""
    wanted = pl.col("customer_id").is_in(pl.Series(touched).implode())
    rows = view.frame.filter(wanted).collect().lazy()
    with told("rules of the touched, together", times):
        holding(rows, asked).collect()
    with told("rules of the touched, one by one", times):
        for rule in asked:
            holding(rows, [rule]).collect()
    some = asked[: max(1, len(asked) // 10)]
    with told(f"{len(some)} rules of everybody, together", times):
        holding(view.frame, some).collect()
    with told(f"{len(some)} rules of everybody, one by one", times):
        for rule in some:
            holding(view.frame, [rule]).collect()
    for who in ("rules of the touched", f"{len(some)} rules of everybody"):
        ratio = times[f"{who}, one by one"][1] / times[f"{who}, together"][1]
        print(f"{who}: {ratio:.1f} × the CPU one by one")


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--segments", type=int, default=500)
    parser.add_argument("--touched", type=int, default=10_000)
    parser.add_argument(
        "--buyers", type=float, default=0.2, help="Share of the touched who bought; as many visit a store."
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place, EmbeddedPostgres(Path(place) / "home").hold() as dsn:
        fast = asyncio.run(run(given, dsn, Path(place)))
    print(f"within {LIMIT} CPU s: {fast} ({os.cpu_count()} cores)")
    return 0 if fast else 1


if __name__ == "__main__":
    sys.exit(main())
