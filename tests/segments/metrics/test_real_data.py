"""Purchase and life-cycle KPIs of Online Retail equal what DuckDB computes from the file itself, and published figures.

One order per invoice that does not start with C, customers known, zero amounts kept, refunds ignored; purchases merged by
day; as of 2011-12-09.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import narwhals as nw
import polars as pl
import pytest

from segments.metrics.compute import compute
from segments.metrics.facts import Facts
from segments.metrics.lifecycle import derive_thresholds
from segments.metrics.lifetime_value import purchase_histories
from segments.metrics.metric import Measured
from segments.metrics.rfm import score_customers
from segments.reduce.days import customer_days
from segments.windows import Window
from tests.segments.history import EVENTS_SCHEMA, LINES_SCHEMA

RETAIL = Path(__file__).parents[2] / "data" / "online_retail.parquet"
LAST = date(2011, 12, 9)
AUTUMN = Window(date(2011, 9, 1), date(2011, 11, 30))
OCTOBER = Window(date(2011, 10, 1), date(2011, 10, 31))

VIEWS = f"""
CREATE TABLE lines AS
SELECT customer_id, invoice_no, (min(invoiced_at) OVER (PARTITION BY invoice_no))::date AS day, stock_code, quantity,
    round(abs(quantity * unit_price)::decimal(18, 4), 2) * sign(quantity) AS money
FROM '{RETAIL}'
WHERE customer_id IS NOT NULL AND NOT starts_with(invoice_no, 'C');
CREATE TABLE purchases AS
WITH days AS (SELECT customer_id, day, sum(money) AS net FROM lines GROUP BY ALL)
SELECT customer_id, day, net, row_number() OVER w AS number, lag(day) OVER w AS previous
FROM days WINDOW w AS (PARTITION BY customer_id ORDER BY day);
CREATE TABLE baskets AS
SELECT DISTINCT customer_id, day, number, stock_code FROM lines JOIN purchases USING (customer_id, day) WHERE quantity > 0;
"""

Ask = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def ask() -> Ask:
    """DuckDB's answers on the file."""
    connection = duckdb.connect()
    connection.execute(VIEWS)
    return lambda query: connection.execute(query).fetchall()


@pytest.fixture(scope="module")
def facts() -> Facts:
    """The file as the lake would hold it."""
    rows = pl.scan_parquet(RETAIL).filter(
        pl.col("customer_id").is_not_null() & ~pl.col("invoice_no").str.starts_with("C")
    )
    at = pl.col("invoiced_at").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    money = (pl.col("quantity") * pl.col("unit_price") * 100).round().cast(pl.Int64)
    lines = rows.with_columns(at=at, money=money, seq=pl.col("invoice_no").rank("dense").cast(pl.Int64)).collect()
    first = lines.group_by("seq").agg(pl.col("customer_id", "at").min(), pl.col("money").sum())
    events = first.select(
        "seq",
        pl.col("customer_id").cast(pl.Int64),
        pl.lit("Order Completed").alias("event"),
        pl.col("at").dt.date().alias("business_day"),
        pl.col("at").alias("occurred_at"),
        pl.lit(value=True).alias("trusted"),
        pl.col("seq").alias("order_key"),
        pl.col("money").alias("amount"),
    )
    held = lines.select(
        "seq",
        pl.col("customer_id").cast(pl.Int64),
        pl.col("at").dt.date().alias("business_day"),
        pl.col("seq").alias("order_key"),
        pl.col("stock_code").cast(pl.String).alias("product"),
        pl.col("quantity").cast(pl.Int64),
        pl.col("money").alias("amount"),
    )
    whole = {
        name: pl.concat([pl.DataFrame(schema=schema), frame], how="diagonal").lazy()
        for name, schema, frame in (("events", EVENTS_SCHEMA, events), ("lines", LINES_SCHEMA, held))
    }
    days = customer_days(nw.from_native(whole["events"]), nw.from_native(whole["lines"])).to_native()
    return Facts(days=days.collect().lazy(), lines=whole["lines"], today=LAST + timedelta(days=1))


def counts(measured: Measured) -> tuple[float, int | None]:
    return measured.numerator, measured.denominator


def rows_of(measured: Measured) -> list[tuple[Any, ...]]:
    assert measured.sheet is not None
    return [*measured.sheet.rows]


def test_purchases_are_those_of_the_file(facts: Facts, ask: Ask) -> None:
    assert ask("SELECT count(*), count(DISTINCT customer_id) FROM purchases") == [(16_766, 4_339)]
    assert counts(compute("orders_per_customer", facts, Window(date(2010, 12, 1), LAST))) == (16_766, 4_339)


def test_thresholds(facts: Facts, ask: Ask) -> None:
    made = derive_thresholds(facts, since=LAST + timedelta(days=1))
    [(p75, p90)] = ask(
        "SELECT ceil(quantile_cont(day - previous, 0.75)), ceil(quantile_cont(day - previous, 0.9)) FROM purchases"
    )
    assert (made.t1, made.t2, made.t3, made.provisional) == (p75, p90, 2 * p90, False) == (58, 110, 220, False)


def test_states(facts: Facts, ask: Ask) -> None:
    stored = replace(derive_thresholds(facts, since=LAST + timedelta(days=1)), since=LAST, version=1)
    [reference] = ask(f"""
        WITH people AS (
            SELECT date '{LAST}' - max(day) AS recency, count(*) AS times,
                bool_or(day - previous > 110 AND day >= date '{LAST}' - 58) AS back
            FROM purchases GROUP BY customer_id
        )
        SELECT count(*) FILTER (recency <= 58 AND times = 1), count(*) FILTER (recency <= 58 AND times > 1 AND back),
            count(*) FILTER (recency <= 58 AND times > 1 AND NOT coalesce(back, false)),
            count(*) FILTER (recency BETWEEN 59 AND 110), count(*) FILTER (recency BETWEEN 111 AND 220),
            count(*) FILTER (recency > 220)
        FROM people
    """)
    measured = compute("life_cycle_states", replace(facts, thresholds=(stored,)), Window(LAST, LAST))
    found = {row[0]: row[1] for row in rows_of(measured)}
    states = ("new", "returned", "active", "at_risk", "dormant", "churned")
    assert tuple(found[state] for state in states) == reference
    assert (found["new"], found["active"] + found["returned"]) == (450, 1_906)
    assert (found["at_risk"], found["dormant"], found["churned"], found["none"]) == (701, 654, 628, 0)


def test_churn(facts: Facts, ask: Ask) -> None:
    used = derive_thresholds(facts, since=AUTUMN.first)
    [reference] = ask(f"""
        WITH base AS (
            SELECT customer_id, max(day) FILTER (day <= '{AUTUMN.last}') AS last FROM purchases GROUP BY customer_id
            HAVING date '{AUTUMN.first}' - 1 - max(day) FILTER (day < '{AUTUMN.first}') <= {used.t3}
        )
        SELECT count(*) FILTER (date '{AUTUMN.last}' - last > {used.t3}), count(*) FROM base
    """)
    assert counts(compute("churn_rate", facts, AUTUMN)) == reference
    assert reference[0] > 0


def test_repeat_rates_and_intervals(facts: Facts, ask: Ask) -> None:
    inside = f"day BETWEEN '{AUTUMN.first}' AND '{AUTUMN.last}'"
    [(repeaters, ever, new, again, gaps, median, p90)] = ask(f"""
        SELECT count(DISTINCT customer_id) FILTER (number > 1 AND {inside}),
            count(*) FILTER (number = 1 AND day <= '{AUTUMN.last}'), count(*) FILTER (number = 1 AND {inside}),
            count(*) FILTER (number = 2 AND {inside} AND previous >= '{AUTUMN.first}'),
            count(*) FILTER (number > 1 AND {inside}),
            quantile_cont(day - previous, 0.5) FILTER ({inside}), quantile_cont(day - previous, 0.9) FILTER ({inside})
        FROM purchases
    """)
    assert counts(compute("repeat_rate_cumulative", facts, AUTUMN)) == (repeaters, ever)
    assert counts(compute("repeat_rate_same_period", facts, AUTUMN)) == (repeaters, new)
    assert counts(compute("repeat_rate_of_new", facts, AUTUMN)) == (again, new)
    [row] = rows_of(compute("purchase_interval", facts, AUTUMN))
    assert row == (pytest.approx(median, rel=1e-9), pytest.approx(p90, rel=1e-9), gaps)


def test_cross_sell_by_product(facts: Facts, ask: Ask) -> None:
    [reference] = ask(f"""
        WITH base AS (
            SELECT customer_id, number FROM purchases
            WHERE day BETWEEN '{AUTUMN.first}' AND '{AUTUMN.last}' AND day - previous <= 30
        ), news AS (SELECT customer_id, min(number) AS number FROM baskets GROUP BY customer_id, stock_code)
        SELECT count(DISTINCT customer_id) FILTER ((customer_id, number) IN (SELECT (customer_id, number) FROM news)),
            count(DISTINCT customer_id)
        FROM base
    """)
    measured = compute("cross_sell_rate", facts, AUTUMN, options={"gap": 30, "level": "product"})
    assert counts(measured) == reference
    assert 0 < reference[0] < reference[1]


def test_affinity(facts: Facts, ask: Ask) -> None:
    reference = ask(f"""
        WITH held AS (SELECT * FROM baskets WHERE day BETWEEN '{OCTOBER.first}' AND '{OCTOBER.last}'),
        total AS (SELECT count(DISTINCT (customer_id, number)) AS n FROM held),
        own AS (SELECT stock_code, count(*) AS own FROM held GROUP BY ALL),
        pairs AS (
            SELECT one.stock_code AS a, other.stock_code AS b, count(*) AS held_both
            FROM held AS one JOIN held AS other USING (customer_id, number)
            WHERE one.stock_code < other.stock_code GROUP BY ALL
        )
        SELECT a, b, held_both, held_both / n, held_both / x.own, held_both / y.own, held_both * n / (x.own * y.own)
        FROM pairs, total, own AS x, own AS y
        WHERE x.stock_code = a AND y.stock_code = b AND held_both >= n * 0.02
        ORDER BY 7 DESC, held_both DESC, a, b
    """)
    options = {"level": "product", "min_support": 200, "rows": 1000}
    measured = compute("product_affinity", facts, OCTOBER, options=options)
    assert measured.numerator == len(reference) > 20
    for row, expected in zip(rows_of(measured), reference, strict=True):
        assert row[:3] == expected[:3]
        assert row[3:] == pytest.approx(expected[3:], rel=1e-9)


SCORES = f"""
WITH people AS (
    SELECT customer_id, date '{LAST}' - max(day) AS recency, count(*) AS times, sum(net) AS spend
    FROM purchases WHERE day > date '{LAST}' - 365 GROUP BY customer_id
)
SELECT customer_id, ceil(5 * rank() OVER (ORDER BY recency DESC) / (SELECT count(*) FROM people))::bigint,
    ceil(5 * rank() OVER (ORDER BY times) / (SELECT count(*) FROM people))::bigint,
    ceil(5 * rank() OVER (ORDER BY spend) / (SELECT count(*) FROM people))::bigint
FROM people ORDER BY customer_id
"""


def test_rfm_scores_customer_by_customer(facts: Facts, ask: Ask) -> None:
    measured = compute("rfm", facts, Window(LAST, LAST))
    scored = score_customers(facts, LAST, measured.options).sort("customer_id").collect()
    reference = ask(SCORES)
    assert scored.select("customer_id", "r", "f", "m").rows() == [(int(who), *scores) for who, *scores in reference]
    assert sum(row[1] for row in rows_of(measured)) == len(reference) == measured.denominator


def test_lifetime_value(facts: Facts, ask: Ask) -> None:
    measured = compute("ltv_12m", facts, Window(LAST, LAST))
    values = dict(rows_of(measured))
    table = f"""
        SELECT customer_id, count(*) - 1 AS x, max(day) - min(day) AS tx, date '{LAST}' - min(day) AS t,
            coalesce(100 * avg(net) FILTER (number > 1), 0) AS z
        FROM purchases GROUP BY customer_id
    """
    reference = ask(f"SELECT * FROM ({table}) ORDER BY customer_id")
    mine = purchase_histories(facts, LAST).sort("customer_id").collect().rows()
    assert [row[:4] for row in mine] == [(int(row[0]), *row[1:4]) for row in reference]
    assert [row[4] or 0.0 for row in mine] == pytest.approx([row[4] for row in reference], rel=1e-9)
    r, alpha, a, b, p, q, v = (f"{values[name]!r}::double" for name in ("r", "alpha", "a", "b", "p", "q", "v"))
    [(visits, money)] = ask(f"""
        SELECT sum(lgamma({r} + x) - lgamma({r}) + {r} * ln({alpha})
            + lgamma({a} + {b}) + lgamma({b} + x) - lgamma({b}) - lgamma({a} + {b} + x)
            - ({r} + x) * ln({alpha} + t)
            + ln(1 + CASE WHEN x > 0 THEN {a} / ({b} + x - 1) * (({alpha} + t) / ({alpha} + tx)) ** ({r} + x) ELSE 0 END)),
            sum(lgamma({p} * x + {q}) - lgamma({p} * x) - lgamma({q}) + {q} * ln({v}) + ({p} * x - 1) * ln(z)
                + {p} * x * ln(x) - ({p} * x + {q}) * ln(x * z + {v})) FILTER (x > 0 AND z > 0)
        FROM ({table})
    """)
    assert values["log_likelihood"] == pytest.approx(visits, rel=1e-9)
    assert values["log_likelihood_money"] == pytest.approx(money, rel=1e-9)
    assert measured.denominator == 4_339
    assert measured.value is not None
