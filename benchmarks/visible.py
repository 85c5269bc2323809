"""How long until new events are in figures and in segments? From the intake's door to a KPI and to memberships.

    python benchmarks/visible.py [--home FOLDER [--times 8]] [--members 20000] [--events 10000] [--segments 20] [--rounds 3]

A shop with a history, its customers in PostgreSQL, saved segments that are counted. Then, every round, so many events of as
many customers come in as requests of 100 through the intake's own reading and group commit, and the real refresh, memberships
and figures do what workers do. Of each stage seconds and CPU seconds are printed, of this process and of PostgreSQL's; what a
refresh does after the frame is in force (compaction, sorted copies) stands apart: it makes the next batch wait, not this one.
What is asked afterwards has to be there: the day's active users, and the changes of memberships.

``--home`` names a history that `benchmarks/scale.py` wrote (``--only frame``); it stays as it is: files that
nothing changes are linked, others copied beside it. ``--times`` has every customer of it so many times (`benchmarks/multiplied.py`);
what that takes is kept beside it, history by customer too. Without a home a small history is made, and its frame by the refresh.
"""

import argparse
import asyncio
import contextlib
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from backend.clock import FixedClock
from backend.demo.shop import coupons
from backend.embedded.postgres import EmbeddedPostgres
from backend.lake.asked import AskedFrame
from backend.lake.frame import CustomerFrame
from backend.lake.schemas import Table
from backend.services.ingest import Ingest
from backend.services.insights import Insights
from backend.services.memberships.keeping import Memberships
from backend.services.refresh.frame_rules import FrameRules
from backend.services.refresh.loop import Refresh
from backend.services.rule_facts import RuleFacts
from backend.store import customers, rank_rules
from backend.store import shop as shop_store
from backend.store.pool import open_pool
from backend.store.schema import migrate
from backend.wiring.memory import rest_the_collector
from backend.worker import REFRESH_EVERY
from benchmarks.big_history import LAST, SOURCES, Plan, write_history
from benchmarks.load.server import cpu
from benchmarks.memberships import rules
from benchmarks.multiplied import multiply_frame, multiply_history
from benchmarks.scale_tasks import Data, sorted_histories, verified
from segments.envelope import Event
from segments.intake import Reception, read_event
from segments.windows import Window

REQUEST = 100
"""Events in one request."""

SMALL, LARGE = 5.0, 10.0
"""Seconds that it may take at a million customers and at ten million."""

NOW = datetime.combine(LAST + timedelta(days=1), datetime.min.time(), UTC) + timedelta(hours=3)
"""Noon in Tokyo on the day after the history."""

MEMBERSHIPS_EVERY = 0.5
"""Seconds after which a worker looks for touched customers."""


@dataclass(slots=True)
class Clockwork:
    """Seconds and CPU seconds of each stage, in the order in which they came."""

    postmaster: psutil.Process
    spent: dict[str, tuple[float, float]] = field(default_factory=dict)
    _since: tuple[float, float] = (0.0, 0.0)

    def start(self) -> None:
        """Count from now on."""
        self._since = self._now()

    def stop(self, stage: str) -> None:
        """What passed since the last call was this stage's."""
        now, before = self._now(), self.spent.get(stage, (0.0, 0.0))
        self.spent[stage] = (before[0] + now[0] - self._since[0], before[1] + now[1] - self._since[1])
        self._since = now

    def step(self, name: str) -> None:
        """The refresh is done with a step."""
        if name in STAGES:
            self.stop(STAGES[name])

    def _now(self) -> tuple[float, float]:
        return time.perf_counter(), cpu(psutil.Process()) + cpu(self.postmaster)


STORED, LAKE, FRAME, KPI, SEGMENTS, AFTER = (
    "stored by the intake",
    "refresh: who is whom, into the lake",
    "refresh: rows made, frame in force",
    "one KPI asked",
    "memberships written",
    "after it: what the refresh does besides",
)
STAGES = {"done": LAKE, "cleared": FRAME}
"""The refresh's steps that end a stage."""


class Installation:
    """What a worker and a server are made of, on one database and one folder."""

    def __init__(
        self, pool: asyncpg.Pool, folder: Path, data: Data, clock: FixedClock, *, watch: Callable[[str], None]
    ) -> None:
        self.pool, self.data, self.clock = pool, data, clock
        self.frame, lake = CustomerFrame(folder / "frame"), data.lake
        asked = AskedFrame(self.frame, lake, RuleFacts(pool, clock))
        self.refresh = Refresh(pool, clock, lake, self.frame, watch=watch)
        self.memberships = Memberships(pool, clock, asked)
        self.insights = Insights(pool, clock, lake, asked)
        self.ingest = Ingest(pool, clock)
        self.sources: dict[str, int] = {}
        self.launched: set[int] = set()

    async def fill(self, segments: int) -> None:
        """Everybody as PostgreSQL knows them, the shop's coupons, sources and segments."""
        now, people = self.clock.now(), self.data.shop.members
        for kind in SOURCES:
            statement = "INSERT INTO sources (name, kind) VALUES ($1, $1) RETURNING source_id"
            self.sources[kind] = await self.pool.fetchval(statement, kind)
        await self.pool.execute(CUSTOMERS, people, now, self.sources["server"], timeout=3600)
        await self.pool.execute(IDENTITIES, people, now, timeout=3600)
        for each in coupons(self.data.shop):
            await self.pool.execute(COUPON, each.coupon_id, {"ja": each.ja}, each.valid_until, each.audience)
        for number, rule in enumerate(rules(segments, random.Random(7)), start=1):
            await self.pool.execute("INSERT INTO segments (name, created_at) VALUES ($1, $2)", f"s{number}", now)
            await self.pool.execute("INSERT INTO segment_versions VALUES ($1, 1, $2, $3, 'b')", number, rule, now)
        await self.pool.execute("ANALYZE")

    async def adopt(self) -> None:
        """Note in a frame that `benchmarks/scale.py` wrote what a refresh would have noted: by which rules its rows are made."""
        manifest = self.frame.manifest()
        if manifest.marks or manifest.customers != self.data.shop.members or manifest.day != self.data.today:
            return
        async with self.pool.acquire() as connection:
            shop = await shop_store.read_settings(connection)
            known = await customers.list_coupons(connection)
            made_by = FrameRules(
                shop.consent_rule,
                self.data.today,
                known,
                await rank_rules.list_versions(connection),
                shop.calendar.week_starts,
            )
        marks = {**made_by.marks, "figures": [made_by.figures], "verified": verified(self.data)}
        nobody = self.frame.read().frame.head(0).collect()
        self.frame.write(nobody, day=manifest.day, at=manifest.at, seq=manifest.seq, epoch=manifest.epoch, marks=marks)

    async def take(self, count: int, round_number: int) -> None:
        """So many events of as many customers, of all buckets, as requests that come together."""
        drawn = random.Random(round_number)  # an even step would meet few of the buckets: 1,008 meets one
        numbers = drawn.sample(range(1, self.data.shop.members + 1), count)
        calls = [numbers[start : start + REQUEST] for start in range(0, count, REQUEST)]
        self.launched.update(number for at, call in enumerate(calls) if at % 5 > 1 for number in call)
        await asyncio.gather(*(self._request(call, round_number, at) for at, call in enumerate(calls)))

    async def _request(self, numbers: Sequence[int], round_number: int, at: int) -> None:
        """A fifth of the requests are orders that the shop's own system tells, a fifth store visits, the others launches."""
        now, kind = self.clock.now(), "server" if at % 5 < 2 else "app"
        reception = Reception(source_id=self.sources[kind], trusted=kind == "server", received_at=now)
        told = [msgspec.json.encode(self._call(number, round_number, at)) for number in numbers]
        events = [read_event(each, reception) for each in told]
        good = [event for event in events if isinstance(event, Event)]
        assert len(good) == len(numbers), events  # noqa: S101 - a benchmark of refusals says nothing
        await self.ingest.take(good, received_at=now)

    def _call(self, number: int, round_number: int, at: int) -> dict[str, Any]:
        name = {0: "Order Completed", 1: "Store Visited"}.get(at % 5, "Application Opened")
        key = f"{round_number}-{number}"
        properties: dict[str, Any] = {}
        if name == "Order Completed":
            line = {"product_id": "p1", "category": "パン", "price": 400, "quantity": 2}
            properties = {"order_id": key, "total": 800, "store_id": "s1", "products": [line]}
        elif name == "Store Visited":
            properties = {"store_id": "s1"}
        return {
            "type": "track",
            "event": name,
            "messageId": key,
            "userId": f"m{number}",
            "timestamp": self.clock.now().isoformat(),
            "properties": properties,
        }

    async def active(self) -> int:
        """Who was active on the day that runs."""
        day = self.data.today
        return int((await self.insights.kpi("dau", window=Window(day, day))).measured.numerator)


CUSTOMERS = """INSERT INTO customers (customer_id, user_id, created_at, born_source_id, known_to_shop)
    OVERRIDING SYSTEM VALUE SELECT n, 'm' || n, $2, $3, true FROM generate_series(1, $1::bigint) AS n"""
IDENTITIES = """INSERT INTO identities (kind, value, customer_id, proven, linked_at)
    SELECT 'user', 'm' || n, n, true, $2 FROM generate_series(1, $1::bigint) AS n"""
COUPON = "INSERT INTO coupons (coupon_id, title, valid_until, audience) VALUES ($1, $2, $3, $4)"


@contextlib.contextmanager
def copied(home: Path) -> Iterator[Path]:
    """The history beside itself: files of rows, which nothing ever changes, as links, all else as copies."""

    def copy(source: str, target: str) -> None:
        if source.endswith((".parquet", ".arrow")):
            os.link(source, target)
        else:
            shutil.copy2(source, target)

    with tempfile.TemporaryDirectory(dir=home.resolve().parent) as place:
        for name in ("lake", "frame"):
            if (home / name).exists():
                shutil.copytree(home / name, Path(place) / name, copy_function=copy)
        yield Path(place)


@contextlib.contextmanager
def history(given: argparse.Namespace) -> Iterator[tuple[Path, Plan]]:
    """A folder that may be changed, and what it holds."""
    if given.home is not None:
        plan = msgspec.json.decode((given.home / "plan.json").read_bytes(), type=Plan)
        home = given.home.resolve()
        if given.times > 1:
            home, plan = multiplied(home, plan, given.times)
        with copied(home) as folder:
            yield folder, plan
        return
    plan = Plan(members=given.members, days=190, last=LAST, seed=20251, writers=2)
    with tempfile.TemporaryDirectory() as place:
        write_history(Path(place), plan)
        yield Path(place), plan


def multiplied(home: Path, plan: Plan, times: int) -> tuple[Path, Plan]:
    """The history with every customer so many times, sorted by customer."""
    many = home.with_name(f"{home.name}-times-{times}")
    of_one = Data(home, plan.shop)
    multiply_history(of_one.lake, many / "lake", times=times, members=plan.members, tables=(Table.CUSTOMER_DAYS,))
    frames = (CustomerFrame(each / "frame") for each in (home, many))
    multiply_frame(*frames, times=times, members=plan.members)
    data = Data(many, replace(plan.shop, members=plan.members * times))
    sorted_histories(data)
    return many, msgspec.structs.replace(plan, members=plan.members * times)


async def run(given: argparse.Namespace, folder: Path, plan: Plan, dsn: str, postmaster: psutil.Process) -> bool:
    """Prepare, do the rounds, print; gives whether they stayed below the limit."""
    await migrate(dsn)
    data, timer = Data(folder, plan.shop), Clockwork(postmaster)
    pool = await open_pool(dsn)
    shop = Installation(pool, folder, data, FixedClock(NOW), watch=timer.step)
    timer.start()
    await shop.fill(given.segments)
    await shop.adopt()
    await shop.ingest.start()
    await shop.refresh.run_until_current()
    await asyncio.to_thread(sorted_histories, data)  # what a refresh does bit by bit
    await shop.memberships.work_until_current()
    rest_the_collector()
    timer.stop("prepared")
    print(f"{plan.members:,} customers, prepared in {timer.spent['prepared'][0]:.0f} s", flush=True)
    rounds = [await one_round(shop, timer, given.events, number) for number in range(given.rounds)]
    await shop.ingest.stop()
    await pool.close()
    return report(rounds, LARGE if plan.members > 5_000_000 else SMALL)


async def one_round(shop: Installation, timer: Clockwork, count: int, number: int) -> dict[str, tuple[float, float]]:
    """New events, until they are everywhere; the answers have to be right."""
    changes = await shop.pool.fetchval(CHANGES)
    await shop.active()  # as in a server that runs: of the state before
    shop.clock.advance(timedelta(minutes=1))
    await asyncio.sleep(STALE)
    timer.spent.clear()
    timer.start()
    await shop.take(count, number)
    timer.stop(STORED)
    moved = await shop.refresh.run_until_current()
    timer.stop(AFTER)
    assert (moved.events, moved.customers) == (count, count), moved  # noqa: S101 - else the figures say nothing
    timer.start()
    after = await shop.active()
    timer.stop(KPI)
    await shop.memberships.work_until_current()
    timer.stop(SEGMENTS)
    assert after == len(shop.launched), (after, len(shop.launched))  # noqa: S101 - likewise
    entered = await shop.pool.fetchval(CHANGES) - changes
    assert entered > 0, "nobody entered or left a segment"  # noqa: S101 - likewise
    seconds = ", ".join(f"{stage.partition(':')[0]} {clock:.2f}" for stage, (clock, _) in timer.spent.items())
    print(f"round {number + 1}: {after:,} active today; {entered:,} entered or left; {seconds}", flush=True)
    return dict(timer.spent)


CHANGES = "SELECT count(*) FROM segment_changes"
STALE = 5.5
"""Seconds after which figures that took long to load are not answered from memory any more."""


def report(rounds: list[dict[str, tuple[float, float]]], limit: float) -> bool:
    """Medians of each stage; the sum is what somebody waits who asks when the events were sent."""
    print(f"{'median of ' + str(len(rounds)):44} {'clock':>8} {'CPU':>8}")
    for stage in (STORED, LAKE, FRAME, KPI, SEGMENTS, AFTER):
        clock, spent = (statistics.median(one[stage][place] for one in rounds) for place in (0, 1))
        print(f"{stage:44} {clock:6.2f} s {spent:6.2f} s")
    seen = (STORED, LAKE, FRAME, KPI, SEGMENTS)
    clock, spent = (statistics.median(sum(one[stage][place] for stage in seen) for one in rounds) for place in (0, 1))
    print(f"{'visible in the KPI and in all segments':44} {clock:6.2f} s {spent:6.2f} s   limit {limit:.0f} s")
    looks = REFRESH_EVERY.total_seconds() + MEMBERSHIPS_EVERY
    print(
        f"a worker looks for news every {REFRESH_EVERY.total_seconds():.1f} and {MEMBERSHIPS_EVERY} s: up to {looks:.1f} s more"
    )
    print(f"load {', '.join(f'{one:.1f}' for one in os.getloadavg())} on {os.cpu_count()} cores")
    return clock < limit


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, help="a history that benchmarks/scale.py wrote, with its frame")
    parser.add_argument("--times", type=int, default=1, help="every customer of --home so many times")
    parser.add_argument(
        "--members", type=int, default=20_000, help="customers of the history that is made without --home"
    )
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--segments", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    os.environ.pop("DATABASE_URL", None)
    with history(given) as (folder, plan), EmbeddedPostgres(folder / "home").hold() as dsn:
        postmaster = int((folder / "home" / "postgres" / "postmaster.pid").read_text().split("\n", 1)[0])
        fast = asyncio.run(run(given, folder, plan, dsn, psutil.Process(postmaster)))
    print(f"within the limit: {fast}")
    return 0 if fast else 1


if __name__ == "__main__":
    sys.exit(main())
