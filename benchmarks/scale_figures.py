"""Three figures of a segment: by Joren from its customer frame, by DuckDB from raw events and from the same frame.

Weekly retention over 26 weeks, repeat purchase rate and F2 conversion of the members of today. For DuckDB on raw events the
segment is a table that is ready; what it would cost to find the members in raw events is left out.
"""

from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl

from backend.lake.frame import CustomerFrame
from backend.lake.schemas import Table
from segments.metrics.compute import compute
from segments.metrics.facts import Facts
from segments.rebuilt import members_today
from segments.reduce.bitmaps import WORD, week_offset, words_of
from segments.rules.compile import compile_rule
from segments.rules.parse import parse
from segments.windows import Window

if TYPE_CHECKING:
    from benchmarks.scale_tasks import Data

SQL = Path(__file__).parent / "sql"
THREADS = 2
"""Of DuckDB; Polars takes what it finds."""
WEEKS = 26
REGULARS = parse(
    {"all": [{"attribute": "launches", "op": ">=", "value": 10}, {"attribute": "visits", "op": ">=", "value": 2}]}
)
_LAUNCH, _ORDER = "Application Opened", "Order Completed"


def segment_members(data: "Data") -> pl.DataFrame:
    """Members of the segment, written for `figures_by_duckdb_of_events`; gives how many."""
    frame = _frame(data)
    members = frame.filter(compile_rule(REGULARS, frame.collect_schema().names())).select("customer_id").collect()
    members.write_parquet(data.folder / "segment.parquet")
    return members.select(members=pl.len())


def figures_by_joren(data: "Data") -> pl.DataFrame:
    """From the frame, as pages and `joren kpi` ask."""
    frame = _frame(data)
    facts = Facts(
        days=data.lake.customer_days(),
        today=data.today,
        verified=frozenset(),
        weighty=frozenset(),
        members=members_today(REGULARS, key="regulars", frame=frame),
        frame=frame,
    )
    window = weeks(data)
    retention = compute("retention", facts, window, options={"periods": WEEKS}).table
    cells = [
        (f"{cohort.start} {cell.period:02}", cell.numerator, cell.denominator)
        for cohort in (retention.cohorts if retention else ())
        for cell in cohort.cells
    ]
    for name, slug, options in (
        ("repeat purchase", "repeat_purchase_rate", {"n": 2, "basis": "days"}),
        ("second purchase", "f2_conversion", {"days": 60, "basis": "days"}),
    ):
        measured = compute(slug, facts, window, options=options)
        cells.append((name, int(measured.numerator), measured.denominator or 0))
    return pl.DataFrame(cells, schema=["cell", "came", "people"], orient="row")


def figures_by_duckdb_of_events(data: "Data") -> pl.DataFrame:
    """From the lake's raw events."""
    with data.database(Table.EVENTS) as database:
        database.execute(f"CREATE VIEW segment AS FROM read_parquet('{data.folder / 'segment.parquet'}')")
        *made, asked = database.extract_statements((SQL / "figures_of_events.sql").read_text())
        for statement in made:
            database.execute(statement, _given(data, statement))
        return _rows(database.sql(asked, params=_given(data, asked)))


def figures_by_duckdb_of_the_frame(data: "Data") -> pl.DataFrame:
    """From the frame's own columns, in memory."""
    frame, window = _frame(data), weeks(data)
    columns = frame.collect_schema().names()
    launches, bought = (words_of(columns, event, unit) for event, unit in ((_LAUNCH, "week"), (_ORDER, "day")))
    needed = ["launches", "visits", "first_order", "second_order", *launches.values(), *bought.values()]
    with duckdb.connect(config={"threads": THREADS}) as database:
        database.register("everyone", frame.select(needed).collect().to_arrow())
        return pl.concat(
            [
                _rows(database.sql(_retention(data, launches))),
                _rows(database.sql(_purchases(data, window, bought))),
            ],
            how="vertical_relaxed",
        )


def weeks(data: "Data") -> Window:
    """The last 26 whole weeks, Monday to Sunday."""
    last = data.today - timedelta(days=data.today.isoweekday())
    return Window(last - timedelta(days=7 * WEEKS - 1), last)


_SEGMENT = "launches >= 10 AND visits >= 2"


def _retention(data: "Data", words: dict[int, str]) -> str:
    """Bits from each customer's own first week on, counted cohort by cohort."""
    window = weeks(data)
    low, high = (_week(day) for day in (window.first, window.last))
    first = " ".join(
        f"""WHEN "{name}" <> 0 THEN {number * WORD} + log2("{name}" & -"{name}")::bigint"""
        for number, name in sorted(words.items())
    )

    def word(number: str) -> str:
        cases = " ".join(f"""WHEN {known} THEN "{name}" """ for known, name in words.items())
        return f"(CASE {number} {cases} ELSE 0 END)::ubigint"

    place = f"(week % {WORD})"
    bits = f"""({word(f"week // {WORD}")} >> {place})
        | (({word(f"week // {WORD} + 1")} & ((1::ubigint << {place}) - 1)) << ({WORD} - {place}))"""
    counts = ", ".join(f"sum((bits >> {period}) & 1)::bigint" for period in range(WEEKS + 1))
    return f"""
        WITH started AS (SELECT *, CASE {first} END AS week FROM everyone WHERE {_SEGMENT}),
        cohorts AS (
            SELECT week, count(*) AS people, [{counts}] AS came
            FROM (SELECT week, {bits} AS bits FROM started WHERE week BETWEEN {low} AND {high}) GROUP BY week
        ), cells AS (
            SELECT DATE '1970-01-01' + (week * 7 - {week_offset(1)})::integer AS cohort, people,
                   unnest(came) AS came, unnest(range({WEEKS + 1})) AS period
            FROM cohorts
        )
        SELECT strftime(cohort, '%Y-%m-%d') || ' ' || lpad(period::varchar, 2, '0') AS cell, came, people
        FROM cells WHERE cohort + 7 * period::integer <= DATE '{data.today}'"""


def _purchases(data: "Data", window: Window, words: dict[int, str]) -> str:
    first, last = ((day - date(1970, 1, 1)).days for day in (window.first, window.last))
    days = " + ".join(
        f"""bit_count("{name}" & {_mask(first - number * WORD, last - number * WORD)})"""
        for number, name in words.items()
        if first // WORD <= number <= last // WORD
    )
    return f"""
        SELECT 'repeat purchase' AS cell, count(*) FILTER (days >= 2) AS came, count(*) FILTER (days >= 1) AS people
        FROM (SELECT {days} AS days FROM everyone WHERE {_SEGMENT})
        UNION ALL
        SELECT 'second purchase', count(*) FILTER (second_order <= first_order + 60), count(*) FROM everyone
        WHERE {_SEGMENT} AND first_order BETWEEN DATE '{window.first}' AND DATE '{window.last}'
              AND first_order + 60 < DATE '{data.today}'"""


def _mask(first: int, last: int) -> int:
    return (1 << min(last, WORD - 1) + 1) - (1 << max(first, 0))


def _week(day: date) -> int:
    return ((day - date(1970, 1, 1)).days + week_offset(1)) // 7


def _rows(asked: duckdb.DuckDBPyRelation) -> pl.DataFrame:
    return pl.DataFrame(asked.to_arrow_table()).cast({"came": pl.Int64, "people": pl.Int64})


def _frame(data: "Data") -> pl.LazyFrame:
    return CustomerFrame(data.folder / "frame").read().frame


def _given(data: "Data", statement: duckdb.Statement) -> dict[str, Any]:
    window = weeks(data)
    given = {"first": window.first, "last": window.last, "today": data.today, "weeks": WEEKS}
    return {name: given[name] for name in statement.named_parameters}
