"""What do figures cost, next to each other and next to a database? In CPU seconds, medians of three, and as ratios.

The simulated shop is turned into the rows of customer_days and held in memory as the server holds them; the full size
is the small shop several times under other customer numbers. Every answer is cold (nothing kept from another), unless
it says warm. Ratios travel between machines, seconds do not:

- the dashboard of a segment ÷ the dashboard of everyone,
- a KPI from the rows in memory ÷ the same KPI asked of DuckDB, which holds the same rows; both must give the same figure.

    python benchmarks/insights.py [members of the full shop, default 20000]
"""

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import narwhals as nw
import polars as pl

sys.path.insert(0, str(Path(__file__).parents[1]))

from backend.demo.generator import blocks
from backend.demo.shop import ShopConfig, coupons
from backend.demo.wire import APP
from backend.lake.log import read_log
from backend.lake.rows import make_rows
from segments.calendar import BusinessCalendar
from segments.customers import ATTRIBUTES
from segments.figures import EVERYONE, Audience, Figures
from segments.ids import SegmentId
from segments.metrics.facts import Facts
from segments.metrics.result import SegmentName
from segments.reduce.customers import reduce_customers
from segments.reduce.trust import verified_events
from segments.rules.parse import parse
from segments.windows import Window

SMALL = 2_000
TODAY = date(2026, 4, 1)
ROUNDS = 3
TIME = 60.0
"""Seconds after which no further size or segment is begun."""
LIMIT_SEGMENT, LIMIT_DATABASE = 4.0, 6.0
"""A segment's dashboard may cost so many times everyone's, and a KPI so many times DuckDB's."""

RULES: dict[str, dict[str, object]] = {
    "an attribute (rank)": {"attribute": "rank", "op": "in", "value": ["ゴールド", "プラチナ"]},
    "one order, long ago": {
        "all": [
            {"attribute": "orders", "op": "=", "value": 1},
            {"attribute": "last_order", "op": "before_days", "value": 30},
            {"attribute": "reachable", "op": "is_true"},
        ]
    },
    "behaviour": {
        "all": [
            {"event": "Application Opened", "op": "at_least", "times": 2, "days": 30},
            {"event": "Order Completed", "op": "at_most", "times": 0, "days": 30},
        ]
    },
    "all of history (favourite)": {"attribute": "favorite_category", "op": "is_set"},
}

_REPEAT = """
WITH first AS (
    SELECT customer_id, key, min(first_seq) AS first_seq FROM days WHERE event = 'Order Completed' GROUP BY ALL
), back AS (
    SELECT customer_id, key, sum(amount) AS refunded, bool_or(event = 'Order Cancelled' OR detail = 'whole') AS whole
    FROM days WHERE event IN ('Order Refunded', 'Order Cancelled') GROUP BY ALL
), times AS (
    SELECT customer_id, count(DISTINCT business_day) AS n
    FROM days JOIN first USING (customer_id, key, first_seq) LEFT JOIN back USING (customer_id, key)
    WHERE event = 'Order Completed' AND business_day BETWEEN $1 AND $2
        AND NOT coalesce(whole, false) AND (refunded IS NULL OR refunded < amount)
    GROUP BY customer_id
)
SELECT count(*) FILTER (n >= 2), count(*) FROM times
"""
_LAUNCH_DAYS = """
SELECT count(*), count(DISTINCT customer_id) FROM (
    SELECT DISTINCT customer_id, business_day FROM days
    WHERE event = 'Application Opened' AND business_day BETWEEN $1 AND $2
)
"""
QUERIES = {"repeat_purchase_rate": _REPEAT, "launch_days": _LAUNCH_DAYS}


@dataclass(frozen=True, slots=True)
class Shop:
    """A shop in memory."""

    days: pl.DataFrame
    frame: pl.LazyFrame
    coupons: pl.LazyFrame
    verified: frozenset[str]

    def figures(self) -> Figures:
        """Figures that have kept nothing yet."""
        facts = Facts(days=self.days.lazy(), today=TODAY, coupons=self.coupons, verified=self.verified)
        return Figures(facts=facts, frame=self.frame, as_of=datetime(2026, 4, 1, tzinfo=UTC))


def small_days(config: ShopConfig) -> pl.DataFrame:
    """customer_days of the simulated shop, by way of its events."""
    found = []
    for block in blocks(config):
        rows = block.unique("message_id", keep="first", maintain_order=True).with_row_index("seq", offset=1)
        day = pl.col("occurred_at").dt.date().alias("received_day")
        logged = rows.with_columns(
            day,
            pl.col("occurred_at").alias("received_at"),
            pl.when(pl.col("source") == APP).then(1).otherwise(2).alias("source_id"),
            (pl.col("source") != APP).alias("trusted"),
            pl.lit(None).alias("token_verdict"),
        )
        log = read_log(logged.to_dicts(), {1: "app", 2: "server"})
        made = make_rows(log, rows.get_column("member").cast(pl.Int64), calendar=BusinessCalendar(), currency="JPY")
        found.append(made.customer_days)
    return pl.concat(found)


def grown(days: pl.DataFrame, *, members: int) -> pl.DataFrame:
    """The small shop as often as it takes, each time under other customer numbers."""
    number = pl.col("customer_id")
    return pl.concat([days.with_columns(number + copy * SMALL) for copy in range(members // SMALL)])


def shop_of(days: pl.DataFrame, config: ShopConfig) -> Shop:
    """The shop with its frame of today; profile is made up, reach by customer number."""
    defined = pl.LazyFrame(
        [(each.coupon_id, each.audience, each.valid_until) for each in coupons(config)],
        schema={"coupon_id": pl.String, "audience": pl.String, "valid_until": pl.Date},
        orient="row",
    )
    names: pl.DataFrame = verified_events(nw.from_native(days.lazy())).to_native().collect()
    verified = frozenset(names["event"].to_list())
    asked = days.lazy().select("customer_id").unique().with_columns(pl.lit(TODAY).alias("as_of"))
    events = ["Application Opened", "Order Completed"]
    rows = reduce_customers(days.lazy(), asked, events=events, verified=verified, coupons=defined)
    private = {one.name: pl.lit(None, dtype=one.dtype) for one in ATTRIBUTES if one.private}
    private |= {"reachable": pl.col("customer_id") % 3 > 0, "test_account": pl.lit(value=False)}
    return Shop(days, rows.with_columns(**private).collect().lazy(), defined, verified)


def cost(what: Callable[[], Any]) -> float:
    """Median CPU seconds of all threads."""
    taken = []
    for _ in range(ROUNDS):
        began = time.process_time()
        what()
        taken.append(time.process_time() - began)
    return statistics.median(taken)


def measure_dashboards(shop: Shop, ends: float) -> bool:
    everyone = cost(lambda: shop.figures().dashboard(audience=EVERYONE, failed_events=0))
    print(f"  dashboard of everyone                       {everyone:7.3f} s")
    good = True
    for name, rule in RULES.items():
        if time.monotonic() > ends:
            print(f"  no time left for {name}")
            continue
        audience = Audience(SegmentName(id=SegmentId(1), name=name, version=1), parse(rule), "cohort")
        taken = cost(lambda audience=audience: shop.figures().dashboard(audience=audience, failed_events=0))
        kept = shop.figures()
        kept.dashboard(audience=audience, failed_events=0)
        warm = cost(lambda kept=kept, audience=audience: kept.dashboard(audience=audience, failed_events=0))
        good &= taken / everyone <= LIMIT_SEGMENT
        print(
            f"    of a segment: {name:27} {taken:8.3f} s, {taken / everyone:4.1f} × everyone, warm {warm * 1000:.0f} ms"
        )
    return good


def measure_kpis(shop: Shop) -> bool:
    window = Window(TODAY - timedelta(days=90), TODAY - timedelta(days=1))
    good = True
    with duckdb.connect() as database:
        database.register("given", shop.days.to_arrow())
        database.execute("CREATE TABLE days AS SELECT * FROM given")
        for slug, query in QUERIES.items():
            expected = database.execute(query, [window.first, window.last]).fetchone()
            measured = shop.figures().kpi(slug, window).measured
            if (measured.numerator, measured.denominator) != expected:
                sys.exit(f"{slug}: {measured.numerator} / {measured.denominator} here, {expected} by DuckDB")
            ours = cost(lambda slug=slug: shop.figures().kpi(slug, window))
            theirs = cost(lambda query=query: database.execute(query, [window.first, window.last]).fetchall())
            good &= ours / theirs <= LIMIT_DATABASE
            print(f"  {slug:22} {ours:7.3f} s, {ours / theirs:4.1f} × DuckDB ({theirs:.3f} s); both {expected}")
    return good


def main() -> None:
    members = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    ends, good = time.monotonic() + TIME, True
    config = ShopConfig(last=TODAY - timedelta(days=1), members=SMALL)
    days = small_days(config)
    for size in (SMALL, members):
        if time.monotonic() > ends:
            print(f"no time left for {size:,} members")
            continue
        shop = shop_of(days if size == SMALL else grown(days, members=size), config)
        print(f"{size:,} members, {shop.days.height:,} rows of customer_days")
        good &= measure_kpis(shop)
        # At the small size fixed costs decide; only the full size is held to its limit.
        good &= measure_dashboards(shop, ends) or size == SMALL
    if not good:
        sys.exit("dearer than its limit")


if __name__ == "__main__":
    main()
