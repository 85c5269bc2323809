"""Real retail data goes in by the import and comes out as KPIs equal to DuckDB's, and to the figures of the literature.

The services here are those of a real installation: database, lake and frame. DuckDB reads the source files themselves.
"""

import asyncio
import secrets
import shutil
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import duckdb
import pytest

from backend.clock import FixedClock
from backend.demo import complete_journey
from backend.services.imports.values import Choices, ImportReport
from backend.settings import Settings
from backend.wiring import Services, open_services
from segments.import_fields import Kind
from segments.metrics.metric import Measured
from segments.windows import Window
from tests.fixtures.database import EMBEDDED, clone

DATA = Path(__file__).parents[1] / "data"
RETAIL = DATA / "online_retail.parquet"
CHOICES = Choices(
    mapping=(("invoice_no", "order_id"), ("invoiced_at", "ordered_at"), ("stock_code", "product")), currency="GBP"
)
WHOLE = Window(date(2010, 12, 1), date(2011, 12, 9))
WEEKS = Window(date(2010, 11, 29), date(2011, 12, 4))

ORDERS = f"""
CREATE VIEW orders AS
SELECT customer_id, invoice_no, min(invoiced_at)::date AS day,
    sum(round(abs(quantity * unit_price)::decimal(18, 4), 2) * sign(quantity)) AS total
FROM '{RETAIL}'
WHERE customer_id IS NOT NULL AND NOT starts_with(invoice_no, 'C')
GROUP BY ALL;
CREATE VIEW purchases AS SELECT DISTINCT customer_id, day FROM orders;
CREATE VIEW numbered AS
SELECT customer_id, day, row_number() OVER w AS number, lead(day) OVER w AS following
FROM purchases WINDOW w AS (PARTITION BY customer_id ORDER BY day);
"""


@dataclass(frozen=True)
class Retail:
    """What was seen on Online Retail: the report, and figures by what was asked."""

    report: ImportReport
    again: ImportReport
    rejects: list[str]
    figures: dict[str, Measured]


@pytest.fixture(scope="module")
def database(servers: Callable[[str], str]) -> Iterator[Callable[[], str]]:
    """Makes databases that live as long as this module: a whole file is taken in once and then asked."""
    server, made = servers(EMBEDDED), []

    def make() -> str:
        made.append(f"joren_test_{secrets.token_hex(6)}")
        return asyncio.run(_connected(server, partial(clone, name=made[-1], of=server)))

    yield make
    for name in made:
        drop = f"DROP DATABASE {name} WITH (FORCE)"
        asyncio.run(_connected(server, lambda connection, drop=drop: connection.execute(drop)))


async def _connected(dsn: str, work: Callable[[asyncpg.Connection], Awaitable[str]]) -> str:
    connection = await asyncpg.connect(dsn)
    try:
        return await work(connection)
    finally:
        await connection.close()


def with_services(dsn: str, home: Path, now: datetime, work: Callable[[Services], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        settings = Settings(home=home, database_url=dsn, lake=str(home / "lake"))
        async with open_services(settings, clock=FixedClock(now)) as services:
            return await work(services)

    return asyncio.run(run())


@pytest.fixture(scope="module")
def retail(database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Retail:
    home = tmp_path_factory.mktemp("retail")
    file = home / RETAIL.name
    shutil.copy(RETAIL, file)

    async def work(services: Services) -> Retail:
        await services.shop.save(replace(await services.shop.get(), currency="GBP"), actor="test")
        report = await services.imports.run(Kind.ORDERS, file, CHOICES)
        await services.refresh.run_until_current()
        again = await services.imports.run(Kind.ORDERS, file, CHOICES)
        assert (await services.refresh.run_until_current()).events == 0
        assert report.rejects_file is not None
        rejects = await asyncio.to_thread(Path(report.rejects_file).read_text, "utf-8-sig")
        return Retail(report, again, rejects.splitlines(), await retail_figures(services))

    return with_services(database(), home, datetime(2011, 12, 10, 3, tzinfo=UTC), work)  # type: ignore[no-any-return]


async def retail_figures(services: Services) -> dict[str, Measured]:
    first_half = Window(date(2010, 12, 1), date(2011, 6, 5))
    weekly = {"start": "Order Completed", "return": "Order Completed", "unit": "week", "periods": "52"}
    asked: dict[str, tuple[str, Window, dict[str, str]]] = {
        "twice": ("repeat_purchase_rate", WHOLE, {"n": "2"}),
        "thrice": ("repeat_purchase_rate", WHOLE, {"n": "3"}),
        "receipts": ("repeat_purchase_rate", WHOLE, {"n": "2", "basis": "receipts"}),
        "average": ("average_order_value", WHOLE, {"basis": "receipts"}),
        "weekly": ("retention", WEEKS, weekly),
        **{f"f2 {days}": ("f2_conversion", first_half, {"days": str(days)}) for days in (30, 60, 90)},
    }
    return {
        name: (await services.insights.kpi(slug, window=window, options=options)).measured
        for name, (slug, window, options) in asked.items()
    }


def ask(query: str) -> list[tuple[Any, ...]]:
    """DuckDB's answer on the views above."""
    with duckdb.connect() as connection:
        return connection.execute(ORDERS).execute(query).fetchall()


def counts(measured: Measured) -> tuple[int, int | None]:
    return measured.numerator, measured.denominator


def test_the_whole_file_goes_in_and_the_report_says_what_did_not_fit(retail: Retail) -> None:
    assert (retail.report.read, retail.report.stored) == (541_909, 22_190)
    assert retail.report.rejected == {"no customer_id": 135_080}
    assert retail.rejects[0].startswith("joren_row,joren_reason,joren_reason_ja,joren_value,invoice_no,")
    assert retail.rejects[1].startswith("623,no customer_id,会員番号がありません,536414,536414,")
    assert len(retail.rejects) == 135_081


def test_a_second_run_stores_nothing(retail: Retail) -> None:
    assert retail.again.again
    assert (retail.again.stored, retail.again.repeated) == (0, 22_190)
    assert retail.again.rejected == retail.report.rejected


@pytest.mark.parametrize(
    ("figure", "published", "source", "times"),
    [("twice", 2_790, "purchases", 2), ("thrice", 1_916, "purchases", 3), ("receipts", 2_845, "orders", 2)],
)
def test_repeat_purchase_rate(retail: Retail, figure: str, published: int, source: str, times: int) -> None:
    reference = ask(
        f"SELECT count(*) FILTER (n >= {times}), count(*) FROM (SELECT count(*) AS n FROM {source} GROUP BY customer_id)"
    )
    assert [counts(retail.figures[figure])] == reference == [(published, 4_339)]


@pytest.mark.parametrize(("days", "published"), [(30, 539), (60, 995), (90, 1_280)])
def test_f2_conversion(retail: Retail, days: int, published: int) -> None:
    reference = ask(
        f"SELECT count(*) FILTER (following - day <= {days}), count(*) FROM numbered WHERE number = 1 AND day <= '2011-06-05'"
    )
    assert [counts(retail.figures[f"f2 {days}"])] == reference == [(published, 2_754)]


def test_weekly_retention_cell_by_cell(retail: Retail) -> None:
    rows = ask(f"""
        WITH starts AS (
            SELECT customer_id, date_trunc('week', min(day))::date AS cohort FROM purchases GROUP BY customer_id
            HAVING min(day) BETWEEN '{WEEKS.first}' AND '{WEEKS.last}'
        ), sizes AS (SELECT cohort, count(*) AS size FROM starts GROUP BY cohort
        ), came AS (
            SELECT DISTINCT customer_id, cohort, (date_trunc('week', day)::date - cohort) // 7 AS period
            FROM starts JOIN purchases USING (customer_id)
        )
        SELECT cohort, size, period, count(*) FROM came JOIN sizes USING (cohort) GROUP BY ALL
    """)
    reference = {(cohort, period): (came, size) for cohort, size, period, came in rows}
    table = retail.figures["weekly"].table
    assert table is not None
    assert {cohort.start for cohort in table.cohorts} == {cohort for cohort, _ in reference}
    ended = 0
    for cohort in table.cohorts:
        for cell in cohort.cells:
            if not cell.incomplete:
                assert (cell.numerator, cell.denominator) == reference.get(
                    (cohort.start, cell.period), (0, cohort.size)
                )
                ended += 1
    assert ended > 1_000


def test_average_order_value(retail: Retail) -> None:
    [(pence, orders)] = ask("SELECT round(sum(total) * 100)::bigint, count(*) FROM orders")
    assert counts(retail.figures["average"]) == (pence, orders)


@pytest.fixture(scope="module")
def journey(database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Measured]:
    """Coupon KPIs of the Complete Journey, by slug and first day of the window."""
    home = tmp_path_factory.mktemp("journey")
    complete_journey.convert(DATA, home)

    async def work(services: Services) -> dict[tuple[str, str], Measured]:
        assert await services.definitions.import_coupons(home / "coupons.csv") > 100
        report = await services.imports.run(Kind.EVENTS, home / "events.ndjson")
        assert (report.stored, report.repeated, report.rejected) == (report.read, 0, {})
        await services.refresh.run_until_current()
        return {
            (slug, str(window.first)): (await services.insights.kpi(slug, window=window)).measured
            for slug in ("coupon_use_rate", "coupon_view_rate")
            for window in JOURNEY
        }

    return with_services(database(), home, datetime(2018, 4, 1, 3, tzinfo=UTC), work)  # type: ignore[no-any-return]


JOURNEY = (Window(date(2016, 11, 1), date(2017, 12, 31)), Window(date(2017, 9, 1), date(2017, 11, 30)))


@pytest.mark.parametrize("window", JOURNEY, ids=lambda window: str(window.first))
def test_coupon_kpis_of_the_complete_journey(journey: dict[tuple[str, str], Measured], window: Window) -> None:
    [reference] = ask(f"""
        WITH issued AS (
            SELECT DISTINCT household_id, campaign_id, coupon_upc
            FROM '{DATA}/complete_journey_campaigns.parquet'
            JOIN '{DATA}/complete_journey_coupons.parquet' USING (campaign_id)
            JOIN '{DATA}/complete_journey_campaign_descriptions.parquet' USING (campaign_id)
            WHERE campaign_type <> 'Type A' AND start_date BETWEEN '{window.first}' AND '{window.last}'
        )
        SELECT count(*) FILTER (EXISTS (
            FROM '{DATA}/complete_journey_coupon_redemptions.parquet' AS used
            WHERE (used.household_id, used.campaign_id, used.coupon_upc)
                = (issued.household_id, issued.campaign_id, issued.coupon_upc)
        )), count(*) FROM issued
    """)
    measured = journey["coupon_use_rate", str(window.first)]
    assert counts(measured) == reference
    assert measured.numerator > 100
    assert not measured.incomplete
    assert counts(journey["coupon_view_rate", str(window.first)]) == (0, measured.denominator)
