"""What does it cost to keep a shop's own properties of events, and to ask them?

In one run: a batch of a shop's events becomes rows of the lake with and without what is kept of their properties (CPU of this process
an event), the rows are appended and compacted both ways (bytes an event on disk), and rules ask them of everyone (CPU a question).

    python benchmarks/own_properties.py [events, default 400000]
"""

import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import polars as pl

sys.path.insert(0, str(Path(__file__).parents[1]))

from backend.lake import rows as lake_rows
from backend.lake.compaction import compact
from backend.lake.log import Log, read_log
from backend.lake.rows import make_rows
from backend.lake.schemas import Table
from backend.lake.tables import Lake
from segments.calendar import BusinessCalendar
from segments.rules.occurrences import behaviour_rows
from segments.rules.parse import parse
from segments.rules.rule import BEHAVIOURAL, conditions_of

NOW = datetime(2026, 4, 1, 3, tzinfo=UTC)
DAYS = 30
TURNS = 3
RECIPE = {"event": "Recipe Viewed", "op": "at_least", "times": 2, "days": 28}
RULES: dict[str, dict[str, Any]] = {
    "one recipe, twice": {**RECIPE, "where": {"property:recipe_id": "R7"}},
    "a tag, under 20 minutes": {**RECIPE, "where": {"property:tags": "t3", "property:minutes": {"<": 20}}},
    "minutes, summed": {"event": "Recipe Viewed", "sum": "property:minutes", "op": ">=", "value": 90, "days": 28},
    "a product viewed": {"event": "Product Viewed", "op": "at_least", "times": 1, "where": {"product": "P12"}},
    "any recipe, twice (no filter, events)": {**RECIPE, "where": {"platform": "ios"}},
}


def happened(count: int) -> Iterator[dict[str, Any]]:
    """Events of an app: of ten, six openings, two products and two recipes looked at."""
    chance = random.Random(7)
    context = {
        "device": {"id": "d", "type": "ios"},
        "os": {"name": "iOS"},
        "app": {"version": "5.2.0"},
        "locale": "ja-JP",
    }
    for seq in range(1, count + 1):
        kind, properties = chance.choices(("open", "product", "recipe"), (6, 2, 2))[0], {}
        if kind == "open":
            event, properties = "Application Opened", {"version": "5.2.0", "from_background": chance.random() < 0.5}
        elif kind == "product":
            number = int(chance.paretovariate(0.7)) % 2000
            event = "Product Viewed"
            properties = {
                "product_id": f"P{number}",
                "category": f"C{number % 20}",
                "brand": f"B{number % 60}",
                "price": 80 + number,
            }
        else:
            number = int(chance.paretovariate(0.7)) % 800
            tags = [f"t{number % 30}", f"t{(number * 7) % 30}"]
            event = "Recipe Viewed"
            properties = {
                "recipe_id": f"R{number}",
                "tags": tags,
                "minutes": 5 + number % 60,
                "saved": chance.random() < 0.1,
            }
        yield {
            "seq": seq,
            "received_day": NOW.date(),
            "received_at": NOW,
            "source_id": 1,
            "trusted": False,
            "token_verdict": None,
            "type": "track",
            "event": event,
            "user_id": None,
            "anonymous_id": f"a{chance.randrange(count // 20)}",
            "occurred_at": NOW - timedelta(seconds=chance.randrange(DAYS * 86_400)),
            "payload": json.dumps({"properties": properties, "context": context}, ensure_ascii=False),
        }


def cpu(act: Callable[[], object]) -> float:
    began = time.process_time()
    act()
    return time.process_time() - began


def make(log: Log, customers: pl.Series, *, keep: bool) -> Any:
    kept = lake_rows.kept_properties
    lake_rows.kept_properties = kept if keep else lambda *_: None
    try:
        return make_rows(log, customers, calendar=BusinessCalendar(), currency="JPY")
    finally:
        lake_rows.kept_properties = kept


def size(made: Any, folder: Path) -> tuple[Lake, int]:
    """A lake of these rows, and the bytes of its events once compacted."""
    lake = Lake(folder)
    for part in made.events.iter_slices(50_000):
        lake.add(Table.EVENTS, part)
    compact(lake)
    return lake, int(lake.parts(Table.EVENTS).get_column("bytes").sum())


def ask(lake: Lake, document: dict[str, Any]) -> float:
    (behaviour,) = [one.behaviour for one in conditions_of(parse(document)) if isinstance(one, BEHAVIOURAL)]
    nothing = lake.rows_in(Table.CUSTOMER_DAYS, ())

    def answer() -> object:
        lines = lake.rows_in(Table.ORDER_LINES, ())
        rows = behaviour_rows(behaviour, days=nothing, events=lake.events(), lines=lines, verified=(), now=NOW)
        return rows.collect(engine="streaming")

    return median(cpu(answer) for _ in range(TURNS))


def main(count: int) -> None:
    rows = list(happened(count))
    log = read_log(rows, {1: "app"})
    customers = pl.Series([int(row["anonymous_id"][1:]) for row in rows], dtype=pl.Int64)
    make(log, customers, keep=True)  # what is worked out once a process is not counted
    turns = [[cpu(lambda keep=keep: make(log, customers, keep=keep)) for keep in (False, True)] for _ in range(TURNS)]
    without, with_them = (median(turn[place] for turn in turns) * 1e6 / count for place in (0, 1))
    read = median(cpu(lambda: read_log(rows, {1: "app"})) for _ in range(TURNS)) * 1e6 / count
    print(f"{count:,} events, {DAYS} days; CPU of this process, medians of {TURNS} turns")
    print(f"read from the log          {read:6.2f} us an event")
    print(f"rows without properties    {without:6.2f} us an event")
    print(f"rows with properties       {with_them:6.2f} us an event")
    with tempfile.TemporaryDirectory() as folder:
        made = {keep: make(log, customers, keep=keep) for keep in (False, True)}
        having = made[True].events.get_column("properties").drop_nulls().len()
        _, plain = size(made[False], Path(folder, "plain"))
        lake, whole = size(made[True], Path(folder, "whole"))
        print(f"bytes without properties   {plain / count:6.2f} an event")
        print(
            f"bytes with properties      {whole / count:6.2f} an event, {(whole - plain) / having:.2f} more for one that has any"
        )
        for name, document in RULES.items():
            print(f"{name:40s} {ask(lake, document):6.3f} CPU s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 400_000)
