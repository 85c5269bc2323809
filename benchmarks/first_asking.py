"""What conditions that no column holds cost when nobody asked for them before: the estimate from the sample, and everyone's count.

`--home` is a folder with ``lake`` and ``frame`` (`benchmarks/scale.py` makes them); the sample is drawn beside the frame, where there
is none, as the refresh draws it. Each condition is asked in a rule with one other, in a process that runs, with the HTML of the
answer, once and then five times more, of which the median is told; then it is counted of everyone, and the interval is compared
with the count. ``--estimates`` leaves the count out. ``--pushed 2`` sends twelve campaigns to every second customer before, on a
PostgreSQL of its own, whose CPU time is in the figures; 0 leaves out what asks the ledger. Beside each count stands the peak of
the process's own memory meanwhile (without pages of mapped files), which has a limit.

    python benchmarks/first_asking.py --home FOLDER [--estimates] [--only WORDS] [--pushed 2] [--scratch FOLDER]
"""

import argparse
import asyncio
import contextlib
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, cast

sys.path.insert(0, str(Path(__file__).parents[1]))

import asyncpg

import backend.cli  # noqa: F401 - first, as in every process of the command: it says how many threads a fit takes
from backend.clock import FixedClock
from backend.lake.asked import AskedFrame
from backend.lake.asked_sources import Sources
from backend.lake.counting import Counting
from backend.lake.frame import CustomerFrame
from backend.lake.frame_view import FrameView
from backend.lake.sample import FOLDER
from backend.lake.sample_making import SampleMaker
from backend.lake.sample_making import Standing as Drawn
from backend.lake.tables import Lake
from backend.services.rule_facts import RuleFacts
from backend.store.pool import open_pool
from benchmarks.memory import OwnMemory
from benchmarks.pushed import CAMPAIGNS, Nobody, database, send
from benchmarks.segments import page
from benchmarks.spending import server_cpu
from segments.calendar import BusinessCalendar
from segments.frame import Glance
from segments.overview import Person, Preview
from segments.preview import Count, Look, look, look_soon
from segments.reduce.bitmaps import read_as
from segments.rules.describe import describe
from segments.rules.parse import parse
from segments.rules.rule import Rule

AGAIN = 5
OWN = 400
"""MiB of its own that the process may take."""

ORDER = "Order Completed"
LAUNCHED: dict[str, Any] = {"attribute": "launches", "op": ">=", "value": 10}
CASES: dict[str, dict[str, Any]] = {
    "visits of two stores": {"event": "Store Visited", "where": {"store": ["S001", "S002"]}},
    "orders with a category": {"event": ORDER, "where": {"category": "コーヒー"}, "times": 2},
    "orders of an amount": {"event": ORDER, "where": {"amount": {">=": 1000}}, "days": 28},
    "orders in a store": {"event": ORDER, "where": {"store": "S001"}, "days": 90},
    "launches on iOS": {"event": "Application Opened", "where": {"platform": "ios"}, "times": 3, "days": 30},
    "views of a category": {"event": "Product Viewed", "where": {"category": "パン"}, "days": 60},
    "a coupon seen, then an order": {"event": "Coupon Viewed", "then": {"event": ORDER, "within_days": 3}},
    "a launch, then a launch": {"event": "Application Opened", "then": {"event": "Application Opened", "within_days": 3}},
}  # fmt: skip


CONDITIONS: dict[str, dict[str, Any]] = {
    **{name: {"op": "at_least", "times": 1, **case} for name, case in CASES.items()},
    "the life-cycle state": {"attribute": "life_cycle", "op": "is", "value": "at_risk"},
    "an RFM group": {"attribute": "rfm_group", "op": "is", "value": "champions"},
    "lifetime value": {"attribute": "ltv_12m", "op": ">=", "value": 5000},
    "the latest NPS answer": {"attribute": "nps_score", "op": ">=", "value": 9},
}
_ONE, _ALL = {"campaign": "1"}, {"campaign": [str(number) for number in range(1, CAMPAIGNS + 1)]}
LEDGER: dict[str, dict[str, Any]] = {
    "received one campaign": {"event": "Campaign Received", "where": _ONE, "op": "at_least", "times": 1},
    "received any of twelve": {"event": "Campaign Received", "where": _ALL, "op": "at_least", "times": 1},
    "opened any of twelve": {"event": "Campaign Opened", "where": _ALL, "op": "at_least", "times": 1},
    "converted in one": {"event": "Campaign Converted", "where": _ONE, "op": "at_least", "times": 1},
    "converted in any of twelve": {"event": "Campaign Converted", "where": _ALL, "op": "at_least", "times": 1},
    "days since the last push": {"attribute": "days_since_push", "op": "<=", "value": 10},
}


class MarkedFrame(CustomerFrame):
    """A frame that `benchmarks/scale.py` wrote, with the notes that a refresh makes: figures may rely on every row."""

    def read(self) -> FrameView:
        """The frame, said to be whole."""
        return replace(super().read(), figures=read_as(BusinessCalendar("Asia/Tokyo").week_starts))


def draw(home: Path) -> None:
    """The sample, in the turns in which the refresh draws it."""
    maker, frame = SampleMaker(Lake(home / "lake"), home / "frame" / FOLDER), CustomerFrame(home / "frame")
    customers = frame.manifest().customers
    turns = []
    while maker.is_lacking(customers):
        began = time.process_time()
        maker.go_on(Drawn(customers, customers, {}))
        turns.append(time.process_time() - began)
    size = sum(path.stat().st_size for path in (home / "frame" / FOLDER).iterdir()) / 2**20
    print(f"sample: {len(turns)} turns, {sum(turns):.1f} CPU s, longest {max(turns, default=0):.1f}, {size:.0f} MiB")


def html(found: Look, rule: Rule, at: datetime) -> str:
    """What the builder shows of it, names apart."""
    count = Count(size=found.size, total=found.total, reachable=found.reachable, as_of=at)
    people = tuple(Person(**row, user_id=None, name=None) for row in found.sample)
    sentences = {"sentence_ja": describe(rule, "ja"), "sentence_en": describe(rule, "en")}
    return page(Preview(count=count, by="rank", groups=found.groups, sample=people, about=found.about, **sentences))


async def ask(asked: AskedFrame, rule: Rule, *, soon: bool) -> Look:
    """The answer with its HTML."""
    glance = await asked.read_soon([rule]) if soon else Glance(await asked.read_for([rule]))
    look_at: Callable[[], Look] = lambda: look_soon(glance, rule, exclude_test_accounts=True)  # noqa: E731 - for a thread
    found = await asyncio.to_thread(look_at)
    html(found, rule, glance.view.as_of)
    return found


async def run(home: Path, given: argparse.Namespace, dsn: str | None) -> None:
    """Every case."""
    frame = MarkedFrame(home / "frame")
    now = _morning(frame.manifest().day)
    pool = None if dsn is None else await open_pool(dsn)
    cases = CONDITIONS if pool is None else {**CONDITIONS, **LEDGER}
    sources = cast("Sources", Nobody(now)) if pool is None else RuleFacts(pool, FixedClock(now))
    asked = AskedFrame(frame, Lake(home / "lake"), sources, scratch=given.scratch)
    look(asked.read(), parse(LAUNCHED), exclude_test_accounts=True)  # the process runs
    for name, case in cases.items():
        if not given.only or given.only in name:
            await one(asked, name, parse({"all": [LAUNCHED, case]}), pool, estimates=given.estimates)
    if pool is not None:
        await pool.close()


def _morning(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time(), UTC).replace(hour=3)


async def one(asked: AskedFrame, name: str, rule: Rule, pool: asyncpg.Pool | None, *, estimates: bool) -> None:
    """A condition that nobody has asked before."""
    asked._counting = Counting(asked._column, head_start=3600.0)  # noqa: SLF001 - nothing is counted meanwhile
    first = await _timed(asked, rule, pool, soon=True)
    again = [(await _timed(asked, rule, pool, soon=True))[1:] for _ in range(AGAIN)]
    wall, cpu = (statistics.median(figures) for figures in zip(*again, strict=True))
    about = first[0].about
    told = "" if about else ", counted at once"
    print(f"{name:30} first {first[1]:4.0f} ms ({first[2]:4.0f} CPU), again {wall:4.0f} ({cpu:4.0f}){told}", flush=True)
    if estimates or about is None:
        return
    with OwnMemory() as own:
        whole = await _timed(asked, rule, pool, soon=False)
    size = whole[0].size
    held = about.size.low <= size <= about.size.high
    same = [one["customer_id"] for one in first[0].sample] == [one["customer_id"] for one in whole[0].sample]
    print(
        f"    everyone {whole[1] / 1000:5.1f} s ({whole[2] / 1000:5.1f} CPU); {about.size.size:,}"
        f" ({about.size.low:,}–{about.size.high:,}), counted {size:,}, {'inside' if held else 'OUTSIDE'},"
        f" the same ten: {same}; own memory {own.peak:.0f} MiB at most, limit {OWN}",
        flush=True,
    )


async def _timed(asked: AskedFrame, rule: Rule, pool: asyncpg.Pool | None, *, soon: bool) -> tuple[Look, float, float]:
    """The answer, and its milliseconds on the clock and of CPU, PostgreSQL's with them."""
    servers = 0.0 if pool is None else await server_cpu(pool)
    began, worked = time.perf_counter(), time.process_time()
    found = await ask(asked, rule, soon=soon)
    ended, work = time.perf_counter() - began, time.process_time() - worked
    work += 0.0 if pool is None else await server_cpu(pool) - servers
    return found, ended * 1000, work * 1000


def main() -> None:
    """Draw, then ask."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, default=Path("var/scale/10m"))
    parser.add_argument("--estimates", action="store_true", help="Do not count everyone.")
    parser.add_argument("--only", default="", help="Conditions with these words in their names.")
    parser.add_argument(
        "--pushed", type=int, default=0, help="Of so many customers one was sent each of twelve campaigns."
    )
    parser.add_argument(
        "--scratch", type=Path, help="Where parts of history are laid; the system's own place by default."
    )
    given = parser.parse_args()
    draw(given.home)
    with database() if given.pushed else contextlib.nullcontext() as dsn:
        if dsn is not None:
            frame = CustomerFrame(given.home / "frame").manifest()
            send(dsn, customers=frame.customers, every=given.pushed, now=_morning(frame.day))
        asyncio.run(run(given.home, given, dsn))
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
