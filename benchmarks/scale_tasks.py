"""What `benchmarks/scale.py` measures: each question by Joren and by its peers, as functions from a folder to an answer.

Each runs in a process of its own. Those of one `Race` must give the same rows; the first is what the others are compared
with. A new race is one more entry of `RACES`: functions that take `Data` and give a frame.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, cast

import duckdb
import narwhals as nw
import polars as pl

from backend.demo.shop import ShopConfig, coupons
from backend.lake.by_customer import FOLDER, CustomerHistories
from backend.lake.compaction import Compaction
from backend.lake.frame import CustomerFrame
from backend.lake.schemas import Table
from backend.lake.tables import Lake
from backend.services.refresh.frame import AT_ONCE
from backend.services.refresh.history import Here, history_of
from benchmarks import scale_figures
from benchmarks.scale_figures import SQL, THREADS, WEEKS, weeks
from segments.customers import ATTRIBUTES
from segments.metrics import catalog
from segments.metrics.facts import Facts
from segments.metrics.options import read_options
from segments.metrics.retention import retention
from segments.reduce.activity import NOT_THEIR_ACT
from segments.reduce.anywhere import Rules
from segments.reduce.customers import reduce_customers
from segments.reduce.days import BUCKETS
from segments.reduce.trust import verified_events

TOUCHED = 10_000
CATEGORY = "パン"
IN_SQL = (
    "first_seen", "last_seen", "joined", "withdrawn", "rank", "rank_since", "points", "orders", "purchase_days", "spend",
    "first_order", "last_order", "favorite_category", "last_store", "launches", "last_launch", "visits", "last_visit",
    "coupons_held", "coupons_used", "next_coupon_expiry",
)  # fmt: skip
"""Columns of the customer frame that `sql/customers.sql` says: all that history decides but computed ranks and lists."""


@dataclass(frozen=True, slots=True)
class Data:
    """A history that `benchmarks/big_history.py` wrote."""

    folder: Path
    shop: ShopConfig

    @property
    def lake(self) -> Lake:
        """Its lake."""
        return Lake(self.folder / "lake")

    @property
    def histories(self) -> CustomerHistories:
        """What a refresh reads of it."""
        return CustomerHistories(self.lake, self.folder / "frame" / FOLDER)

    @property
    def today(self) -> date:
        """The day that is running."""
        return self.shop.today

    @property
    def coupons(self) -> pl.DataFrame:
        """Definitions, as reductions read them."""
        rows = [(each.coupon_id, each.audience, each.valid_until) for each in coupons(self.shop)]
        return pl.DataFrame(
            rows, schema={"coupon_id": pl.String, "audience": pl.String, "valid_until": pl.Date}, orient="row"
        )

    @property
    def customers(self) -> list[int]:
        """Everybody, as a rebuild takes them: neighbours of a bucket first."""
        return sorted(range(1, self.shop.members + 1), key=lambda number: (number % BUCKETS, number))

    def database(self, *tables: Table) -> duckdb.DuckDBPyConnection:
        """DuckDB over the Parquet files of these tables."""
        connection = duckdb.connect(config={"threads": THREADS})
        for table in tables:
            files = self.lake.open(table).file_uris()
            connection.execute(
                f"CREATE VIEW {table} AS SELECT * FROM read_parquet({files!r}, hive_partitioning = true)"
            )
        return connection


Task = Callable[[Data], pl.DataFrame]


@dataclass(frozen=True, slots=True)
class Race:
    """A question; ``same`` says whether the answers of all must be the same rows."""

    title: str
    tasks: Sequence[Task]
    same: bool = True


def customers_by_joren(data: Data) -> pl.DataFrame:
    """Everybody's row, a piece at a time as a rebuild makes them; only what SQL says, too."""
    trusted = verified(data)
    return pl.concat(
        reduce_customers(
            history_of(data.histories, piece, {}), _asked(data, piece), events=[], verified=trusted, columns=IN_SQL, coupons=data.coupons.lazy()
        ).collect()
        for piece in _pieces(data.customers)
    ).select("customer_id", *IN_SQL)  # fmt: skip


def customers_by_duckdb(data: Data) -> pl.DataFrame:
    """The same from the same files of customer_days."""
    with data.database(Table.CUSTOMER_DAYS) as database:
        database.execute("CREATE VIEW days AS FROM customer_days")
        return _customers_sql(data, database)


def customers_by_duckdb_of_events(data: Data) -> pl.DataFrame:
    """The same from raw events and order lines."""
    with data.database(Table.EVENTS, Table.ORDER_LINES) as database:
        database.execute((SQL / "days.sql").read_text())
        return _customers_sql(data, database)


def whole_frame(data: Data) -> pl.DataFrame:
    """Everybody's row with every column that history decides, written to a frame on disk; gives how many."""
    frame = CustomerFrame(data.folder / "frame")
    for piece in _pieces(data.customers):
        _write_rows(data, frame, piece)
    return pl.DataFrame({"customers": [frame.read().customers]})


def sorted_histories(data: Data) -> pl.DataFrame:
    """History by customer beside the frame, as refreshes make it bit by bit: what `touched` reads; gives how many rows."""
    rows, histories = 0, data.histories  # one for all turns: what one has begun the next goes on with
    while written := histories.keep_up(Compaction(), watch=lambda _: None):
        rows += written
    return pl.DataFrame({"rows": [rows]})


def touched(data: Data) -> pl.DataFrame:
    """Rows of `TOUCHED` customers, evenly spread, made anew and put into the frame of `whole_frame`; PostgreSQL apart."""
    wanted = _spread(data.shop.members)
    _write_rows(data, CustomerFrame(data.folder / "frame"), wanted)
    return pl.DataFrame({"customers": [len(wanted)]})


def retention_by_joren(data: Data) -> pl.DataFrame:
    """Weekly retention among those who looked at bread, by looking at bread again: the frame does not hold it."""
    lake, where = data.lake, f"category={CATEGORY}"
    asked = {"start": "Product Viewed", "start_where": where, "return": "Product Viewed", "return_where": where,
             "unit": "week", "periods": str(WEEKS)}  # fmt: skip
    facts = Facts(
        days=lake.customer_days(),
        events=lake.events(),
        lines=lake.order_lines(),
        today=data.today,
        verified=frozenset(),
    )
    options = read_options(catalog.get("retention"), asked)
    return retention(facts, weeks(data), options).select("cohort", "period", "numerator", "denominator").collect()


def retention_by_duckdb(data: Data) -> pl.DataFrame:
    """The same in SQL."""
    with data.database(Table.EVENTS) as database:
        window, query = weeks(data), (SQL / "filtered_retention.sql").read_text()
        given = {"first": window.first, "last": window.last, "today": data.today, "category": CATEGORY, "weeks": WEEKS}
        return _answer(database, query, given)


def scan_of_days(data: Data) -> pl.DataFrame:
    """Reading every column of customer_days and nothing else: no rebuild can be quicker."""
    return _scan(data.lake.customer_days())


def scan_of_events(data: Data) -> pl.DataFrame:
    """Reading the four columns of events that filtered retention needs."""
    return _scan(data.lake.events().select("customer_id", "event", "category", "business_day"))


RACES: dict[str, Race] = {
    "rebuild": Race("customer frame, columns that SQL says", (customers_by_joren, customers_by_duckdb, customers_by_duckdb_of_events)),
    "frame": Race("customer frame, all columns, on disk; scan", (whole_frame, scan_of_days), same=False),
    "histories": Race("history by customer, on disk", (sorted_histories,)),
    "touched": Race(f"rows of {TOUCHED:,} touched customers", (touched,)),
    "segment": Race("members of a segment", (scale_figures.segment_members,), same=False),
    "figures": Race("26-week retention, repeat purchase and F2 of the segment, from the frame", (
        scale_figures.figures_by_joren, scale_figures.figures_by_duckdb_of_the_frame, scale_figures.figures_by_duckdb_of_events,
    )),
    "filtered": Race("retention with a property filter", (retention_by_joren, retention_by_duckdb)),
    "scan": Race("the scan that it needs", (scan_of_events,)),
}  # fmt: skip
"""Every race by its name, in order: `touched`, `segment` and `figures` need the frame that `frame` writes, and `touched` is slower without `histories`."""

TASKS: dict[str, Task] = {task.__name__: task for race in RACES.values() for task in race.tasks}


def _pieces(customers: list[int]) -> list[list[int]]:
    return [customers[first : first + AT_ONCE] for first in range(0, len(customers), AT_ONCE)]


def _spread(members: int) -> list[int]:
    """`TOUCHED` customers in all buckets, neighbours of a bucket first."""
    each = TOUCHED // BUCKETS
    buckets = (range(bucket or BUCKETS, members + 1, BUCKETS) for bucket in range(BUCKETS))
    return [number for bucket in buckets for number in bucket[:: max(len(bucket) // each, 1)][:each]]


def _asked(data: Data, customers: list[int]) -> pl.LazyFrame:
    rows = pl.LazyFrame({"customer_id": customers}, schema={"customer_id": pl.Int64})
    return rows.with_columns(pl.lit(data.today).alias("as_of"))


def verified(data: Data) -> list[str]:
    found: pl.DataFrame = (
        verified_events(nw.from_native(data.lake.customer_days())).to_native().collect(engine="streaming")
    )
    return found.get_column("event").to_list()


def _write_rows(data: Data, frame: CustomerFrame, customers: list[int]) -> None:
    history = Here(history_of(data.histories, customers, {}))
    rules = Rules(history.occurring, history.verified, data.coupons)
    rows = history.rows(customers, day=data.today, rules=rules)
    private = [pl.lit(None, dtype=one.dtype).alias(one.name) for one in ATTRIBUTES if one.private]
    at = datetime.combine(data.today, datetime.min.time(), UTC)
    frame.write(rows.with_columns(private), day=data.today, at=at, seq=1, epoch=1)


def _customers_sql(data: Data, database: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    database.register("given", data.coupons.to_arrow())
    database.execute("CREATE TABLE coupons AS FROM given")
    database.execute("CREATE TABLE verified (event VARCHAR)")
    database.executemany("INSERT INTO verified VALUES (?)", [[name] for name in verified(data)])
    query = (SQL / "customers.sql").read_text()
    return _answer(database, query, {"day": data.today, "not_their_act": list(NOT_THEIR_ACT)})


def _answer(database: duckdb.DuckDBPyConnection, query: str, given: dict[str, Any]) -> pl.DataFrame:
    return cast("pl.DataFrame", pl.from_arrow(database.sql(query, params=given).to_arrow_table()))


def _scan(rows: pl.LazyFrame) -> pl.DataFrame:
    counted: Any = rows.select(pl.all().null_count()).collect(engine="streaming")
    return pl.DataFrame({"columns": [counted.width]})
