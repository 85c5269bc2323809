"""Compaction dies at every step: the rows stay the same, nobody who reads is disturbed, the next one succeeds and cleans up.

The steps inside of it are the storage library's own, so the process is killed by the kernel when a file grows beyond a limit:
a small one is met while data is written, a larger one by the entry of the table's log, when all data is written.
"""

import shutil
import signal
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest

from backend.lake.compaction import Compaction, compact, remove_unused
from backend.lake.schemas import Table
from backend.lake.tables import Lake
from tests.fixtures import commands
from tests.lake.rows import day_rows, event_rows

pytestmark = pytest.mark.fault

RULES = Compaction(many=3, keep_hours=0)
VERSIONS = 48
IN_DATA, IN_THE_LOG = 2_000, 8_000
"""Bytes: less than a file of data, and more than that but less than the entry that names all files."""

IN_THE_MIDST = "in the midst of removing"
ATTEMPTS = 10

SCRIPT = textwrap.dedent(
    """
    import os, resource, signal, sys, threading
    from pathlib import Path
    from backend.lake.compaction import Compaction, compact, remove_unused
    from backend.lake.tables import Lake
    where, step, limit = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    def die(name):
        if name == step:
            os.kill(os.getpid(), signal.SIGKILL)
    looking = threading.Event()
    def die_when_files_go(paths):
        looking.set()
        while all(map(os.path.exists, paths)):
            pass
        os.kill(os.getpid(), signal.SIGKILL)
    lake, rules = Lake(where), Compaction(many=3, keep_hours=0)
    if limit:
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    compact(lake, rules, watch=die)
    if step == "in the midst of removing":
        threading.Thread(target=die_when_files_go, args=[[*where.rglob("*.parquet")]], daemon=True).start()
        looking.wait()
    remove_unused(lake, rules, watch=die)
    """
)


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with a file for each of many batches."""
    place = tmp_path_factory.mktemp("crowd")
    lake = Lake(place)
    for version in range(1, VERSIONS + 1):
        lake.append(Table.EVENTS, event_rows(version), app_id="joren", version=version)
    lake.append(Table.CUSTOMER_DAYS, day_rows(*range(9)), app_id="joren", version=VERSIONS)
    return place


@pytest.fixture
def lake(crowd: Path, tmp_path: Path) -> Lake:
    return Lake(shutil.copytree(crowd, tmp_path / "lake"))


def killed(lake: Lake, step: str, limit: int = 0) -> None:
    """Compaction in a process of its own, which dies at the step.

    Removing takes a moment only: who comes too late for it tries again, with the lake as it was.
    """
    kept = shutil.copytree(lake.location, Path(lake.location).with_name(f"kept before {step} {limit}"))
    for _ in range(ATTEMPTS):
        status = commands.script(SCRIPT, lake.location, step, str(limit))
        if status or step != IN_THE_MIDST:
            break
        shutil.rmtree(lake.location)
        shutil.copytree(kept, lake.location)
    assert status == -(signal.SIGXFSZ if limit else signal.SIGKILL)


def rows(lake: Lake) -> tuple[pl.DataFrame, pl.DataFrame]:
    return lake.events().collect().sort("seq"), lake.customer_days().collect().sort("customer_id")


def strays(lake: Lake) -> list[str]:
    """Files of data that the newest version does not name, and halves of files."""
    named = {Path(file).name for table in Table for file in Lake(lake.location).open(table).file_uris()}
    data = [path for path in Path(lake.location).rglob("*.parquet*") if "_delta_log" not in path.parts]
    halves = [path.name for path in Path(lake.location).rglob("*#*")]
    return sorted({path.name for path in data if path.name not in named} | {*halves})


@pytest.fixture
def reading(lake: Lake) -> Iterator[Callable[[], None]]:
    """Somebody reads all the time, with a lake of his own; called, it tells whether he was ever disturbed."""
    over, faults, counts = threading.Event(), list[Exception](), set[int]()

    def read() -> None:
        own = Lake(lake.location)
        while not over.is_set():
            try:
                counts.add(own.events().collect().height)
            except (OSError, pl.exceptions.PolarsError) as error:
                faults.append(error)

    reader = threading.Thread(target=read)
    reader.start()

    def undisturbed() -> None:
        over.set()
        reader.join()
        assert (faults, counts) == ([], {VERSIONS})

    yield undisturbed
    over.set()
    reader.join()


DEATHS = [
    (IN_THE_MIDST, 0),
    *(
        pytest.param(step, limit, marks=pytest.mark.prove)
        for step, limit in (
            ("compacting", 0),
            ("while data is written", IN_DATA),
            ("before the commit", IN_THE_LOG),
            ("compacted", 0),
            ("removing", 0),
            ("removed", 0),
        )
    ),
]


@pytest.mark.parametrize(("step", "limit"), DEATHS)
def test_killed_at_every_step_and_run_again(lake: Lake, step: str, limit: int) -> None:
    before = rows(lake)
    killed(lake, step, limit)
    after = rows(Lake(lake.location))
    assert all(one.equals(other) for one, other in zip(before, after, strict=True))
    again = Lake(lake.location)
    compact(again, RULES)
    remove_unused(again, RULES)
    assert strays(again) == []
    assert len(again.open(Table.EVENTS).file_uris()) == 1
    assert all(one.equals(other) for one, other in zip(before, rows(again), strict=True))
    assert not again.append(Table.EVENTS, event_rows(VERSIONS), app_id="joren", version=VERSIONS)


def test_all_deaths_leave_what_is_promised_and_the_last_run_cleans_up(lake: Lake, reading: Callable[[], None]) -> None:
    """One after the other, while somebody reads; files that were in use stay for him for an hour."""
    killed(lake, "while data is written", IN_DATA)
    killed(lake, "before the commit", IN_THE_LOG)
    half = [name for name in strays(lake) if "#" in name]
    assert len(half) >= 2
    assert len(strays(lake)) > len(half)
    kept = strays(lake)
    remove_unused(lake, Compaction(keep_hours=1))
    assert strays(lake) == kept, "they may be somebody's work"
    compact(lake, RULES)
    remove_unused(lake, Compaction(keep_hours=1))
    reading()
    remove_unused(lake, RULES)
    assert strays(lake) == []


def test_saboteur_who_removes_only_what_the_log_names_leaves_files_for_ever(lake: Lake) -> None:
    """As it was: the Delta vacuum in its short form, and nothing for halves."""
    killed(lake, "before the commit", IN_THE_LOG)
    compact(lake, RULES)
    for table in Table:
        lake.open(table).vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
    assert {"#" in name for name in strays(lake)} == {True, False}


def test_saboteur_who_keeps_nothing_for_readers_disturbs_them(lake: Lake) -> None:
    reader = lake.events()
    compact(lake, RULES)
    remove_unused(lake, RULES)
    with pytest.raises((OSError, pl.exceptions.PolarsError)):
        reader.collect()
    assert lake.events().collect().height == VERSIONS
