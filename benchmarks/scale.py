"""How do time and memory grow with history, next to DuckDB on the same files? At 1 and 10 million events, or as asked.

    python benchmarks/scale.py [--events 1 10 45] [--times 8] [--home FOLDER] [--only rebuild filtered] [--rounds 1]

Each competitor runs in a process of its own, DuckDB with two threads and Polars with as many as it takes. Medians of wall and
CPU seconds (libraries loaded, not counted) and the largest peak of memory (libraries counted) are printed with ratios to the
first of each race; CPU seconds travel between machines and loads, seconds do not. Those of one race have to give the same
rows, or the run fails. The history is written first where it is missing (`benchmarks/big_history.py`) and kept in ``--home``;
``--times`` has every customer so many times (`benchmarks/multiplied.py`).
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl
from polars.testing import assert_frame_equal

sys.path.insert(0, str(Path(__file__).parents[1]))

from backend.demo.shop import ShopConfig
from backend.lake.schemas import HISTORY, Table
from benchmarks.big_history import LAST, Plan, lake_in, write_history
from benchmarks.memory import peak
from benchmarks.multiplied import multiply_history
from benchmarks.scale_tasks import RACES, TASKS, Data, Race

DAYS = 190
MEMBERS_A_MILLION = 28_000
"""Members who do a million things within `DAYS` days."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds on the clock, CPU seconds of all threads, and the peak of memory in MiB."""

    wall: float
    cpu: float
    peak: float

    def __str__(self) -> str:
        return f"{self.wall:8.2f} s  {self.cpu:8.2f} CPU s  {self.peak:7,.0f} MiB"


def prepare(home: Path, millions: int, times: int, tables: tuple[Table, ...]) -> Data:
    """The history of so many million events, or of that many times over, written where it is missing."""
    plan = Plan(members=millions * MEMBERS_A_MILLION, days=DAYS, last=LAST, seed=ShopConfig(last=LAST).seed, writers=2)
    folder = home / f"{millions}m"
    write_history(folder, plan)
    if times == 1:
        return Data(folder, plan.shop)
    many = home / f"{millions}m-times-{times}"
    multiply_history(lake_in(folder), many / "lake", times=times, members=plan.members, tables=tables)
    return Data(many, replace(plan.shop, members=plan.members * times))


def measure(data: Data, task: str, rounds: int) -> tuple[Cost, pl.DataFrame]:
    """Run a task in processes of its own; gives medians, and what it answered."""
    answer = data.folder / f"answer-{task}.parquet"
    command = [
        sys.executable,
        __file__,
        "--task",
        task,
        "--members",
        str(data.shop.members),
        "--home",
        str(data.folder),
    ]
    told = [
        json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1])
        for _ in range(rounds)
    ]
    wall, cpu = (statistics.median(one[name] for one in told) for name in ("wall", "cpu"))
    rows = pl.read_parquet(answer)
    answer.unlink()
    return Cost(wall, cpu, max(one["peak"] for one in told)), rows


def run_race(data: Data, race: Race, rounds: int) -> None:
    print(f"  {race.title}")
    first: tuple[Cost, pl.DataFrame] | None = None
    for task in race.tasks:
        cost, answer = measure(data, task.__name__, rounds)
        first = first or (cost, answer)
        ratio = (
            f"{cost.cpu / first[0].cpu:5.2f} × CPU, {cost.wall / first[0].wall:5.2f} × time"
            if answer is not first[1]
            else ""
        )
        print(f"    {task.__name__:32} {cost}  {ratio}", flush=True)
        if race.same:
            _compare(first[1], answer)


def _compare(ours: pl.DataFrame, theirs: pl.DataFrame) -> None:
    columns = ours.columns
    assert_frame_equal(
        ours.sort(columns[:2]), theirs.select(columns).sort(columns[:2]), check_dtypes=False, check_row_order=True
    )


def run_task(data: Data, name: str) -> None:
    """The part of a process of its own: work, then tell."""
    began, cpu = time.perf_counter(), time.process_time()
    answer = TASKS[name](data)
    cost = {"wall": time.perf_counter() - began, "cpu": time.process_time() - cpu, "peak": peak()}
    answer.write_parquet(data.folder / f"answer-{name}.parquet")
    print(json.dumps(cost))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, nargs="+", default=[1, 10], metavar="MILLIONS")
    parser.add_argument("--times", type=int, default=1, help="every customer so many times")
    parser.add_argument(
        "--tables", nargs="+", type=Table, choices=list(HISTORY), default=list(HISTORY), help="of which"
    )
    parser.add_argument("--home", type=Path, default=Path("var/scale"), help="where histories are kept")
    parser.add_argument("--only", nargs="+", choices=RACES, default=list(RACES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--task", choices=TASKS, help=argparse.SUPPRESS)
    parser.add_argument("--members", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.task:
        run_task(Data(given.home, ShopConfig(last=LAST, members=given.members, days=DAYS)), given.task)
        return
    for millions in given.events:
        data = prepare(given.home, millions, given.times, tuple(given.tables))
        print(f"{millions * given.times} million events, {data.shop.members:,} customers", flush=True)
        for name in given.only:
            run_race(data, RACES[name], given.rounds)


if __name__ == "__main__":
    main()
