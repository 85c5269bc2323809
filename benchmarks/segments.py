"""What a rule of eight mixed conditions costs: size, reach, picture and sample with its HTML, and the memory of who asks.

`--home` is a folder with ``lake`` and ``frame`` (`benchmarks/scale.py` makes them). The rule is asked of the mapped frame as
the builder asks it; DuckDB, with as many threads, is asked the same of the columns of that frame (and, as Joren is, only to
count), and how many there are of raw events. All of them must count the same members.

    python benchmarks/segments.py --home FOLDER
"""

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import duckdb

from admin_ui.environment import make_environment
from admin_ui.i18n import Say
from admin_ui.segment_builder import PICTURE_NAMES
from admin_ui.segment_views import sentence_of
from backend.lake.frame import CustomerFrame
from backend.lake.frame_view import FrameView
from backend.lake.schemas import Table
from backend.lake.tables import Lake
from benchmarks.memory import OwnMemory, memory
from campaigns.shop import ShopSettings
from segments.overview import Person, Preview
from segments.preview import SHOWN, Count, look, sizes
from segments.rules.compile import compile_rule
from segments.rules.describe import describe
from segments.rules.masks import Masks
from segments.rules.parse import parse
from segments.rules.rule import Rule

SQL = Path(__file__).parent / "sql"
THREADS = 2
DOCUMENT: dict[str, Any] = {
    "all": [
        {"attribute": "launches", "op": ">=", "value": 10},
        {"attribute": "visits", "op": ">=", "value": 2},
        {"attribute": "points", "op": ">=", "value": 50},
        {"any": [
            {"event": "Coupon Viewed", "op": "at_least", "times": 1, "days": 60},
            {"event": "Coupon Redeemed", "op": "at_least", "times": 1, "days": 90},
        ]},
        {"event": "Application Opened", "op": "at_least", "times": 2, "days": 30},
        {"event": "Order Cancelled", "op": "at_most", "times": 0},
        {"attribute": "last_visit", "op": "within_days", "value": 30},
    ]
}  # fmt: skip
RULE = parse(DOCUMENT)
"""Eight conditions: columns, lists of days, a last day, an alternative and a denial; events alone can answer them too."""

MOST = parse({"attribute": "launches", "op": ">=", "value": 2})
"""A rule as one begins with, which holds of nearly everyone."""


def preview(view: FrameView, rule: Rule = RULE) -> Preview:
    """What the builder shows of the rule, names of people apart, which PostgreSQL tells of ten."""
    found = look(view, rule, exclude_test_accounts=True)
    return Preview(
        count=Count(size=found.size, total=found.total, reachable=found.reachable, as_of=view.as_of),
        by="rank",
        groups=found.groups,
        sample=tuple(Person(**row, user_id=None, name=None) for row in found.sample),
        sentence_ja=describe(rule, "ja"),
        sentence_en=describe(rule, "en"),
    )


def page(preview: Preview) -> str:
    """Its HTML."""
    say = Say("ja")
    return ENVIRONMENT.get_template("admin/segments/_people.html").render(
        preview=preview, names={}, pick_picture=True, pictures=PICTURE_NAMES, sentence=lambda told: sentence_of(say, told), say=say, language="ja",
        shop=ShopSettings(), now=preview.count.as_of,
    )  # fmt: skip


ENVIRONMENT = make_environment()


def by_joren(home: Path) -> dict[str, Any]:
    """Asked again and again by a process that runs: of a frame of which nothing is kept, and with one condition edited each time."""
    frame = CustomerFrame(home / "frame")
    opened = _timed(frame.read, 1)
    first = preview(frame.read())
    html = page(first)
    asked = _timed(lambda: page(preview(replace(frame.read(), masks=Masks()))), 15)
    counting = _timed(lambda: sizes(replace(frame.read(), masks=Masks()), [RULE], exclude_test_accounts=True), 15)
    edits = itertools.count(1)
    edited = _timed(lambda: page(preview(frame.read(), _edited(next(edits)))), 15)
    with OwnMemory() as own:
        most = _timed(lambda: page(preview(replace(frame.read(), masks=Masks()), MOST)), 15)
    return {
        "size": first.count.size,
        "total": first.count.total,
        "html": len(html),
        "opened": opened,
        **asked,
        "counting": counting,
        "edited": edited,
        "most": {"size": preview(frame.read(), MOST).count.size, **most, "own_mib_at_most": round(own.peak)},
        "own_mib": round(memory("RssAnon")),
        "mapped_mib": round(memory("RssFile")),
    }


def _edited(times: int) -> Rule:
    """The rule with another number in one of its conditions."""
    edited = [{**each, "days": each["days"] + times} if each.get("times") == 2 else each for each in DOCUMENT["all"]]
    return parse({"all": edited})


def by_duckdb_of_the_frame(home: Path) -> dict[str, Any]:
    """The same columns as a table in memory."""
    view = CustomerFrame(home / "frame").read()
    read = compile_rule(RULE, view.frame.collect_schema().names()).meta.root_names()
    people = view.frame.select(*dict.fromkeys([*SHOWN, *read])).collect().to_arrow()  # noqa: F841 - DuckDB finds it by its name
    database = duckdb.connect(config={"threads": THREADS})
    database.execute("CREATE TABLE frame AS FROM people")
    counted, seen = (
        (SQL / f"{name}.sql").read_text() for name in ("segment_of_the_frame", "segment_seen_in_the_frame")
    )
    size = database.sql(counted).fetchall()[0][0]
    counting = _timed(lambda: database.sql(counted).fetchall(), 15)
    return {"size": size, "counting": counting, **_timed(lambda: database.sql(seen).fetchall(), 15)}


def by_duckdb_of_events(home: Path) -> dict[str, Any]:
    """The lake's raw events."""
    view, files = CustomerFrame(home / "frame").read(), sorted(Lake(home / "lake").files(Table.EVENTS))
    database = duckdb.connect(config={"threads": THREADS})
    database.execute(f"CREATE VIEW events AS SELECT * FROM read_parquet({files!r}, hive_partitioning = true)")
    asked = (SQL / "segment_of_events.sql").read_text()

    def ask() -> int:
        return int(database.execute(asked, {"today": view.day}).fetchall()[0][0])

    return {"size": ask(), **_timed(ask, 3)}


COMPETITORS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "joren": by_joren,
    "duckdb of the frame": by_duckdb_of_the_frame,
    "duckdb of events": by_duckdb_of_events,
}


def _timed(ask: Callable[[], object], times: int) -> dict[str, Any]:
    """Milliseconds on the clock and of CPU, medians; the fastest on the clock."""
    clock, cpu = [], []
    for _ in range(times):
        began, worked = time.perf_counter(), time.process_time()
        ask()
        clock.append((time.perf_counter() - began) * 1000)
        cpu.append((time.process_time() - worked) * 1000)
    return {"clock_ms": statistics.median(clock), "fastest_ms": min(clock), "cpu_ms": statistics.median(cpu)}


def main() -> None:
    """Each competitor in a process of its own; prints what they took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, default=Path("var/scale/10m"))
    parser.add_argument("--only", choices=[*COMPETITORS])
    given = parser.parse_args()
    if given.only:
        sys.stdout.write(json.dumps(COMPETITORS[given.only](given.home)))
        return
    answers: dict[str, dict[str, Any]] = {}
    asked = [*COMPETITORS]
    if not Lake(given.home / "lake").files(Table.EVENTS):
        asked.remove("duckdb of events")
    for name in asked:
        command = [sys.executable, "-m", "benchmarks.segments", "--home", str(given.home), "--only", name]
        answers[name] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        sys.stdout.write(f"{name}: {answers[name]}\n")
    sizes = {answer["size"] for answer in answers.values()}
    if len(sizes) > 1:
        raise SystemExit(f"they do not agree: {sizes}")
    for name in asked[1:]:
        ratio = answers[name]["cpu_ms"] / answers["joren"]["cpu_ms"]
        sys.stdout.write(f"{name}: {ratio:.1f} times the CPU of Joren, load {os.getloadavg()[0]:.1f}\n")


if __name__ == "__main__":
    main()
