"""Raw history of old days leaves a real lake; what was counted of it stays, and whoever would need it is told."""

import asyncio
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import polars as pl
import pytest

from backend.cli.doctor import examine
from backend.lake.compaction import Compaction, remove_unused
from backend.lake.older import coupon_facts
from backend.lake.schemas import RAW, Table
from backend.lake.tables import Lake
from backend.services.insights import Insights
from backend.services.refresh.dropping import OldHistory
from backend.services.refresh.loop import Refresh
from backend.settings import BadSettings, read
from backend.wiring.meetings import LakeFacts
from segments.calendar import months_before
from segments.errors import HistoryDropped
from segments.reduce.days import BUCKETS
from segments.windows import Window
from tests.services.refreshing import NOW, Shop, order, track
from tests.services.test_mending import removed, rows

MONTHS = 13
SINCE = date(2025, 3, 1)
"""The first day that stays, thirteen months before the shop's today."""
OLD = datetime(2025, 2, 10, 3, tzinfo=UTC)
TEA = {"product_id": "p1", "category": "tea", "quantity": 1, "price": 100}
DAY = timedelta(days=1)


async def a_long_life(shop: Shop) -> None:
    """Two people who buy, visit and hold a coupon over fourteen months."""
    for number, moment in enumerate((OLD, OLD + 10 * DAY, datetime(2025, 6, 1, 3, tzinfo=UTC), NOW - DAY)):
        await shop.send(
            "server",
            *(order(f"o{number}{user}", 100, user=user, products=[TEA]) for user in ("u1", "u2")),
            track("Store Visited", user="u1", store_id="S1"),
            track("Coupon Issued", user="u1", coupon_id=f"c{number}", valid_until="2025-12-31"),
            track("Survey Answered", user="u2", score=9),
            at=moment,
        )
    await shop.refresh.run_once()


def keeping(shop: Shop, **more: Any) -> Refresh:
    """Another process, which keeps thirteen months."""
    shop.lake = Lake(shop.lake.location)
    shop.refresh = Refresh(shop.pool, shop.clock, shop.lake, shop.frame, history_months=MONTHS, **more)
    return shop.refresh


async def entries(shop: Shop) -> list[dict[str, Any]]:
    """The audit log's entries of days that went."""
    found = await shop.pool.fetch("SELECT actor, detail FROM audit_log WHERE action = 'history.drop' ORDER BY at")
    return [dict(row) for row in found]


def oldest(lake: Lake) -> dict[Table, date]:
    return {table: lake.rows(table).select(pl.col("business_day").min()).collect().item() for table in RAW}


def left_of(shop: Shop, pattern: str) -> list[Path]:
    """Files of the lake, whether any table names them or not."""
    return sorted(Path(shop.lake.location).rglob(pattern))


def versions(lake: Lake) -> list[int]:
    return [lake.open(table).version() for table in RAW]


@pytest.fixture
async def shop(pool: asyncpg.Pool, tmp_path: Path) -> Shop:
    shop = Shop(pool, tmp_path)
    await a_long_life(shop)
    return shop


async def test_old_days_go_once_and_what_was_counted_stays(shop: Shop) -> None:
    days, frame = rows(shop.lake, Table.CUSTOMER_DAYS), shop.frame.read().frame.collect()
    assert shop.lake.raw_since() is None
    assert oldest(shop.lake) == dict.fromkeys(RAW, OLD.date())
    await keeping(shop).run_once()
    assert oldest(shop.lake) == dict.fromkeys(RAW, date(2025, 6, 1))
    assert shop.lake.raw_since() == SINCE
    assert rows(shop.lake, Table.CUSTOMER_DAYS) == days
    assert shop.frame.read().frame.collect().equals(frame)
    assert await entries(shop) == [{"actor": "joren", "detail": {"before": "2025-03-01", "months": MONTHS}}]
    stand = versions(shop.lake)
    await keeping(shop).run_once()
    assert (versions(shop.lake), len(await entries(shop))) == (stand, 1)
    assert remove_unused(shop.lake, Compaction(keep_hours=0)) > 0
    assert left_of(shop, "business_day=2025-02-*/*.parquet") == []


async def test_a_table_says_what_is_gone_when_its_log_is_cut(shop: Shop) -> None:
    await keeping(shop).run_once()
    for table in RAW:
        shop.lake.open(table).create_checkpoint()
    for entry in left_of(shop, "_delta_log/*.json"):
        if entry.parts[-3] in RAW:
            entry.unlink()
    shop.lake = Lake(shop.lake.location)
    assert shop.lake.raw_since() == SINCE
    assert oldest(shop.lake) == dict.fromkeys(RAW, date(2025, 6, 1))


async def test_what_comes_late_for_a_dropped_day_is_counted_and_goes_the_next_day(shop: Shop) -> None:
    await keeping(shop).run_once()
    await shop.send("server", order("late", 30, user="u1"), at=OLD)
    await shop.refresh.run_once()
    assert oldest(shop.lake)[Table.EVENTS] == OLD.date()
    assert (await shop.row("u1"))["orders"] == 5
    shop.pass_time(DAY)
    await shop.refresh.run_once()
    assert oldest(shop.lake)[Table.EVENTS] == date(2025, 6, 1)
    assert (await shop.row("u1"))["orders"] == 5
    assert [entry["detail"]["before"] for entry in await entries(shop)] == ["2025-03-01", "2025-03-02"]
    assert shop.lake.raw_since() == SINCE + DAY


async def test_nothing_goes_while_customer_days_are_behind(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Path(shop.lake.location, "customer_days")
    shutil.copytree(counted, counted.with_name("as_of_a_backup"))
    await shop.send("server", order("one more", 30, user="u1"), at=OLD)
    await shop.refresh.run_once()
    shutil.rmtree(counted)
    counted.with_name("as_of_a_backup").rename(counted)  # an operator put an older copy back
    events = rows(shop.lake, Table.EVENTS)
    await keeping(shop).run_once()
    assert rows(shop.lake, Table.EVENTS) == events
    assert await entries(shop) == []

    async def trusting(*_: object) -> bool:
        return True

    monkeypatch.setattr(OldHistory, "_is_counted", trusting)  # the saboteur loses the order for good
    await keeping(shop).run_once()
    for table in (Table.EVENTS, Table.CUSTOMER_DAYS):
        assert (
            shop.lake.rows(table)
            .filter((pl.col("business_day") < SINCE) & (pl.col("amount") == 30))
            .collect()
            .is_empty()
        )


async def files_of(shop: Shop, user: str) -> list[Path]:
    """The files of customer_days that hold a person's bucket, those of few rows first."""
    bucket = (await shop.row(user))["customer_id"] % BUCKETS
    files = shop.lake.open(Table.CUSTOMER_DAYS).file_uris(file_pruning_predicate=[("bucket", "=", str(bucket))])
    return sorted(map(Path, files), key=lambda path: path.stat().st_size)


async def test_damaged_customer_days_keep_the_days_that_cannot_be_counted_again(shop: Shop) -> None:
    await keeping(shop).run_once()
    await shop.send("server", order("new", 55, user="u1"))
    await shop.refresh.run_once()
    days = rows(shop.lake, Table.CUSTOMER_DAYS)
    new, _ = await files_of(shop, "u1")
    removed(new)
    assert (await keeping(shop).mend()).lost == []
    assert rows(shop.lake, Table.CUSTOMER_DAYS) == days  # the new ones are counted again, the old ones stay
    (everything,) = await files_of(shop, "u1")
    removed(everything)
    (lost,) = (await keeping(shop).mend()).lost
    assert f"of days before {SINCE}: their events were dropped" in lost
    assert "backup" in lost
    gone = {*days} - {*rows(shop.lake, Table.CUSTOMER_DAYS)}
    assert gone
    assert all("datetime.date(2025, 2, " in row for row in gone)


async def test_customer_days_that_are_gone_altogether_are_said_to_be_lost_before_the_day(shop: Shop) -> None:
    await keeping(shop).run_once()
    for entry in left_of(shop, "customer_days/_delta_log/*.json"):
        entry.write_text("{")
    done = await keeping(shop).mend()
    assert f"Every row of customer_days of days before {SINCE}" in done.lost[0]
    first = shop.lake.customer_days().select(pl.col("business_day").min()).collect().item()
    assert first == date(2025, 6, 1)


async def test_figures_say_so_and_moments_before_are_refused(shop: Shop) -> None:
    await keeping(shop).run_once()
    insights = Insights(shop.pool, shop.clock, shop.lake, shop.asked)
    old = Window(date(2025, 2, 1), date(2025, 2, 28))
    orders = await insights.kpi("orders_per_customer", window=old)
    assert (orders.measured.numerator, orders.measured.denominator) == (4, 2)
    nps = await insights.kpi("nps", window=old)
    assert (nps.measured.value, nps.measured.notes) == (None, ("raw_dropped",))
    assert "履歴不足" in nps.remarks("ja")[0]
    with pytest.raises(HistoryDropped, match="2025-03-01"):
        await insights.kpi("nps", known_at=OLD)
    known = await insights.kpi("orders_per_customer", window=old, known_at=NOW - DAY)
    assert {"known_at", "known_late"} <= {*known.measured.notes}


async def test_a_person_s_coupons_and_disclosure_are_whole(shop: Shop) -> None:
    who = (await shop.row("u1"))["customer_id"]
    before = await coupon_facts(shop.lake, customer_ids=[who], upto_seq=10**9)
    counted = (
        shop.lake.customer_days().filter((pl.col("customer_id") == who) & (pl.col("business_day") < SINCE)).collect()
    )
    await keeping(shop).run_once()
    assert await coupon_facts(shop.lake, customer_ids=[who], upto_seq=10**9) == before
    assert len(before) == 4
    told = await LakeFacts(shop.lake, shop.frame).rows_of([who])
    assert sum(row["business_day"] < SINCE for row in told) == counted.height > 0
    assert {row["business_day"] for row in told if "seq" in row} == {date(2025, 6, 1), date(2026, 3, 31)}


async def test_doctor_names_the_day(shop: Shop, dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"JOREN_HOME": str(tmp_path), "DATABASE_URL": dsn, "JOREN_HISTORY_MONTHS": "13"}
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    assert "kept for 13 months (JOREN_HISTORY_MONTHS); none were dropped." in await findings()
    await keeping(shop).run_once()
    assert "kept for 13 months (JOREN_HISTORY_MONTHS); those of business days before 2025-03-01 were dropped" in (
        await findings()
    )


async def findings() -> str:
    return "\n".join(str(each) for each in await asyncio.to_thread(lambda: [*examine()]))


@pytest.mark.parametrize("text", ["12", "1", "-13", "many", "601", "²"])
def test_fewer_than_thirteen_months_are_refused(text: str) -> None:
    with pytest.raises(BadSettings, match="JOREN_HISTORY_MONTHS"):
        read({"JOREN_HISTORY_MONTHS": text})
    assert [read({"JOREN_HISTORY_MONTHS": each}).history_months for each in ("", "0", "13")] == [0, 0, 13]


def test_months_before_a_day() -> None:
    assert months_before(date(2026, 3, 31), 13) == date(2025, 2, 28)
    assert months_before(date(2028, 2, 29), 24) == date(2026, 2, 28)
    assert months_before(date(2026, 1, 15), 13) == date(2024, 12, 15)
