"""Everybody's rows from history: by Polars in this process, and by a Spark Connect server on the same machine.

One machine says nothing of a cluster's speed. It says what going there costs, and that both give the same rows.
"""

import argparse
import os
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).parents[1]))

from backend.lake.engine import Engine, engine_at
from backend.lake.schemas import Table
from backend.lake.tables import Lake
from backend.services.refresh.history import Here
from segments.reduce.anywhere import Rules, names_in, reduce_on
from segments.reduce.days import BUCKETS, DAYS_SCHEMA
from tests.fixtures.cluster import served
from tests.fixtures.ports import free_port

TODAY = date(2026, 4, 1)
EVENTS = ("Application Opened", "Store Visited", "Order Completed", "Coupon Issued", "Coupon Redeemed", "Points Earned")


def history(customers: int, rows: int) -> pl.DataFrame:
    """Rows of customer_days, as if each had been told apart."""
    draw = np.random.default_rng(1)
    names = pl.Series("event", np.array(EVENTS)[draw.integers(0, len(EVENTS), rows)])
    frame = pl.DataFrame(
        {
            "customer_id": draw.integers(1, customers + 1, rows),
            "business_day": pl.Series(draw.integers(0, 700, rows)).cast(pl.Int32),
            "event": names,
            "key": pl.Series(draw.integers(0, rows, rows)).cast(pl.String),
            "detail": "",
            "count": 1,
            "amount": draw.integers(100, 9000, rows),
            "first_seq": np.arange(rows),
            "trusted": True,
        }
    )
    first = pl.lit(TODAY - timedelta(days=700))
    moment = pl.col("business_day").cast(pl.Datetime("us", "UTC"))
    dated = frame.with_columns((first + pl.duration(days="business_day")).cast(pl.Date).alias("business_day"))
    bucket = (pl.col("customer_id") % BUCKETS).cast(pl.Int32).alias("bucket")
    return dated.with_columns(bucket, moment.alias("first_at"), moment.alias("last_at")).select(
        pl.col(name).cast(dtype) for name, dtype in DAYS_SCHEMA.items()
    )


def rebuild(engine: Engine, lake: Lake, customers: int) -> tuple[float, pl.DataFrame]:
    """As the refresh does it: by one lazy query here, part by part there."""
    asked = pl.DataFrame({"customer_id": range(1, customers + 1)})
    with engine.session() as session:
        began = time.perf_counter()
        days = session.table(lake, Table.CUSTOMER_DAYS)
        occurring, verified = names_in(session, days)
        rules = Rules(occurring, verified)
        if engine.distributed:
            made = reduce_on(session, days, asked, day=TODAY, rules=rules)
        else:
            made = Here(lake.customer_days().collect().lazy()).rows(
                asked["customer_id"].to_list(), day=TODAY, rules=rules
            )
        return time.perf_counter() - began, made.sort("customer_id")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=50_000)
    parser.add_argument("--rows", type=int, default=1_000_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        lake, port = Lake(Path(folder) / "lake"), free_port()
        lake.append(Table.CUSTOMER_DAYS, history(given.customers, given.rows), app_id="benchmark", version=1)
        command = [sys.executable, "-m", "pysail", "spark", "server", "--ip", "127.0.0.1", "--port", str(port)]
        here, ours = rebuild(engine_at("polars"), lake, given.customers)
        with served(command, port, log=Path(folder) / "log", env={**os.environ, "RUST_LOG": "warn"}):
            there, theirs = rebuild(engine_at(f"spark://127.0.0.1:{port}"), lake, given.customers)
    same = ours.equals(theirs)
    print(f"{given.customers:,} customers, {given.rows:,} rows of customer_days, {os.cpu_count()} cores")
    print(f"Polars, in the process {here:8.2f} s")
    print(f"Spark Connect (Sail)   {there:8.2f} s   {there / here:.1f} x; the same rows: {same}")
    sys.exit(0 if same else 1)


if __name__ == "__main__":
    main()
