"""Exports: what is in the files, who may have them for how long, and what becomes of them when a worker dies."""

import asyncio
import json
import stat
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import polars as pl
import pytest

from backend.errors import BadInput, Conflict, NotFound
from backend.lake.schemas import EVENTS_SCHEMA
from backend.services.exports import tables
from backend.services.exports.desk import KEPT
from backend.services.exports.lease import LEASE, Held, Lost, holding
from backend.services.exports.tables import Chunk
from backend.store import exports as store
from campaigns.campaign import State
from campaigns.figures import CampaignReport, Opens
from campaigns.overview import CampaignSummary
from campaigns.report import People
from segments.exports import CUSTOMER_COLUMNS, Encoding, FileFormat, What, Wish
from segments.metrics.catalog import CATALOG
from segments.metrics.metric import Cell, Cohort, Measured, Triangle
from segments.metrics.result import KpiResult
from segments.windows import Window
from tests.exports.reading import cells
from tests.exports.shop import NOW, Desk, fact
from tests.segments.rules.people import frame_of, person

ALL_EVENTS = Wish(what=What.EVENTS)
_ONE = UUID(int=1)


@pytest.fixture
def desk(pool: asyncpg.Pool, tmp_path: Path) -> Desk:
    return Desk(pool, tmp_path)


async def made(desk: Desk, wish: Wish) -> Path:
    """The file that a worker writes for a wish."""
    export = await desk.exports.order(wish, by="aya")
    assert await desk.exports.work() == 1
    done = await desk.exports.get(export.export_id)
    assert (done.state, done.error) == ("done", None)
    return (await desk.exports.fetch(export.export_id, by="ken")).path


async def test_events_come_as_they_were_and_can_be_imported_again(desk: Desk) -> None:
    await desk.event(1, properties={"total": -5, "note": "=1+1"}, context={"locale": "ja"})
    await desk.event(2, event="Store Visited", properties={"store_id": "渋谷"}, at=NOW - timedelta(days=3))
    first, second = cells(await made(desk, ALL_EVENTS))
    assert (first["messageId"], first["event"], first["userId"], first["source"]) == (
        "m1",
        "Order Completed",
        "u1",
        "joren",
    )
    assert json.loads(first["properties"]) == {"total": -5, "note": "=1+1"}
    assert (first["timestamp"], first["context"]) == ("2026-06-30T12:00:00+09:00", '{"locale":"ja"}')
    assert second["properties"] == '{"store_id":"渋谷"}'


async def test_events_are_chosen_by_business_day_name_and_source(desk: Desk) -> None:
    day = date(2026, 6, 29)
    await desk.event(1, at=datetime(2026, 6, 28, 14, 59, tzinfo=UTC))
    await desk.event(2, at=datetime(2026, 6, 28, 15, 0, tzinfo=UTC))
    await desk.event(3, at=datetime(2026, 6, 29, 14, 59, tzinfo=UTC), event="Store Visited")
    await desk.event(4, at=datetime(2026, 6, 29, 15, 0, tzinfo=UTC))
    window = {"what": What.EVENTS, "first": day, "last": day}
    assert [row["messageId"] for row in cells(await made(desk, Wish(**window)))] == ["m2", "m3"]
    chosen = Wish(**window, names=("Store Visited",), source="joren")
    assert [row["messageId"] for row in cells(await made(desk, chosen))] == ["m3"]
    assert cells(await made(desk, Wish(**window, source="till"))) == []


async def test_a_long_log_is_read_in_steps(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "STEP", 2)
    for number in range(5):
        await desk.event(number)
    assert [row["messageId"] for row in cells(await made(desk, ALL_EVENTS))] == [f"m{n}" for n in range(5)]


async def test_customers_are_who_they_are_and_what_is_true_of_them(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "STEP", 2)
    await desk.customers(3, family_name="佐藤", given_name="花子", email="h@example.jp", shoe=24.5)
    desk.held.rows = frame_of([person({}, orders=2, rank="gold") | {"customer_id": 2}])
    first, second, third = cells(await made(desk, Wish(what=What.CUSTOMERS)))
    assert list(first) == list(CUSTOMER_COLUMNS)
    assert (second["user_id"], second["name"], second["email"]) == ("M-2", "佐藤 花子", "h@example.jp")
    assert (second["rank"], second["orders"], first["rank"], third["orders"]) == ("gold", "2", "", "")
    assert json.loads(first["traits"])["shoe"] == 24.5


async def test_columns_are_chosen_and_persons_can_be_left_out(desk: Desk) -> None:
    await desk.customers(1, shoe=24.5, tags=["a"], note="-1")
    chosen = Wish(what=What.CUSTOMERS, columns=("traits.note", "traits.shoe", "traits.tags", "traits.none", "user_id"))
    row = cells(await made(desk, chosen))[0]
    assert row == {
        "traits.note": "-1",
        "traits.shoe": "24.5",
        "traits.tags": '["a"]',
        "traits.none": "",
        "user_id": "M-1",
    }
    without = Wish(what=What.CUSTOMERS, personal=False)
    assert set(cells(await made(desk, without))[0]) == set(CUSTOMER_COLUMNS) - {"user_id", "name", "email", "traits"}


async def test_members_of_a_segment_and_nobody_else(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "STEP", 2)
    await desk.customers(5)
    rows = [person({}, orders=orders) | {"customer_id": number} for number, orders in enumerate([1, 0, 1, 1, 1], 1)]
    desk.held.rows = frame_of(rows).reverse()
    wish = Wish(what=What.CUSTOMERS, segment_id=7, columns=("customer_id", "user_id", "orders"))
    found = cells(await made(desk, wish))
    assert [(row["customer_id"], row["user_id"]) for row in found] == [(str(n), f"M-{n}") for n in (1, 3, 4, 5)]
    assert "known_since" not in found[0]
    desk.held.since = date(2026, 5, 1)
    assert [row["known_since"] for row in cells(await made(desk, wish))] == ["2026-05-01"] * 4


async def test_history_names_nobody_and_follows_merges(desk: Desk, pool: asyncpg.Pool) -> None:
    await desk.customers(2)
    await pool.execute("UPDATE customers SET merged_into = 1 WHERE customer_id = 2")
    day, later = date(2026, 6, 1), date(2026, 6, 2)
    own = ["recipe_id=R1", 'said="a, b"']
    rows = [fact(1, 2, day, amount=-300, properties=own), fact(2, 1, later, event="Store Visited"), fact(3, 9, later)]
    desk.held.facts = pl.DataFrame(rows, schema=EVENTS_SCHEMA)
    path = await made(desk, Wish(what=What.HISTORY, format=FileFormat.PARQUET))
    read = pl.read_parquet(path)
    assert [value and json.loads(value) for value in read.get_column("properties")] == [own, None, None]
    assert read.select("customer_id", "event", "amount", "source").rows() == [
        (1, "Order Completed", -300, "joren"),
        (1, "Store Visited", None, "joren"),
        (9, "Order Completed", None, "joren"),
    ]
    chosen = Wish(what=What.HISTORY, first=later, last=later, names=("Store Visited",), source="joren")
    assert [row["event"] for row in cells(await made(desk, chosen))] == ["Store Visited"]
    desk.held.since = later  # the day before was dropped: no file says less than was asked for
    assert [row["event"] for row in cells(await made(desk, chosen))] == ["Store Visited"]
    for short in (Wish(what=What.HISTORY), Wish(what=What.HISTORY, first=day, last=later)):
        with pytest.raises(Conflict, match="before 2026-06-02 were dropped"):
            await desk.exports.write_to(short, desk.home / "short.csv", by="aya")


async def test_a_campaigns_report_is_a_table(desk: Desk) -> None:
    summary = CampaignSummary(
        campaign_id=3,
        name="=春",
        state=State.SENT,
        segment_id=1,
        segment_name="s",
        holdout_percent=5.0,
        scheduled_at=None,
        planned_at=NOW,
        finished_at=NOW,
        paused_reason=None,
        targeted=10,
        control=1,
        accepted=8,
        changed_at=NOW,
        revision=1,
    )
    desk.held.reports[3] = CampaignReport(
        summary=summary,
        as_of=NOW,
        people=People(targeted=10, left_out={"consent": 1}, control=1, accepted=8),
        removed=(),
        devices={"accepted": 9},
        received=7,
        opens=Opens(direct=2, influenced=1, window_hours=24, of=8),
        effect=None,
    )
    rows = cells(await made(desk, Wish(what=What.CAMPAIGN, campaign_id=3)))
    found = {(row["section"], row["item"]): row["value"] or row["text"] for row in rows}
    assert found["campaign", "state"] == "sent"
    assert (found["people", "targeted"], found["people", "left_out"], found["opens", "direct"]) == (
        "10.0",
        "1.0",
        "2.0",
    )
    assert {row["campaign"] for row in rows} == {"=春"}


async def test_kpis_are_a_table_with_their_cohorts(desk: Desk) -> None:
    window = Window(date(2026, 6, 1), date(2026, 6, 7))
    table = Triangle("week", 1, (Cohort(date(2026, 6, 1), 4, (Cell(0, 4, 4), Cell(1, 1, 4, incomplete=True))),), ())
    measured = Measured(
        slug="retention", numerator=1, denominator=4, value=0.25, window=window, incomplete=False, table=table
    )
    desk.held.figures = [
        KpiResult(metric=CATALOG["retention"], measured=measured, as_of=NOW, today=date(2026, 6, 30), currency="JPY")
    ]
    rows = cells(await made(desk, Wish(what=What.KPI, kpis=("retention",), first=window.first, last=window.last)))
    assert [(row["cohort"], row["period"], row["value"]) for row in rows] == [
        ("", "", "0.25"),
        ("2026-06-01", "0", "1.0"),
        ("2026-06-01", "1", "0.25"),
    ]


async def test_figures_are_asked_as_the_wish_says(desk: Desk) -> None:
    """With their options, broken down, compared and as of a past day: as joren kpi asks them."""
    window = Window(date(2026, 6, 1), date(2026, 6, 7))
    measured = Measured(
        slug="repeat_purchase_rate", numerator=1, denominator=4, value=0.25, window=window, incomplete=False
    )
    metric = CATALOG["repeat_purchase_rate"]
    desk.held.figures = [
        KpiResult(metric=metric, measured=measured, as_of=NOW, today=date(2026, 6, 30), currency="JPY")
    ]
    question = {"by": "rank", "compare": "segment:常連", "as_of": date(2026, 6, 10), "members": "today"}
    await made(desk, Wish(what=What.KPI, kpis=("repeat_purchase_rate?n=3",), segment_ids=(4,), **question))
    (slug, everyone), (_, segment) = desk.held.asked
    assert (slug, everyone["options"]["n"], everyone["segment_id"], segment["segment_id"]) == (
        "repeat_purchase_rate",
        3,
        None,
        4,
    )
    told = {"by": "rank", "compare": "segment:常連", "as_of": date(2026, 6, 10), "as_of_rule": "today", "window": None}
    assert everyone.items() >= told.items()


async def test_only_the_owner_can_read_the_file_and_nobody_can_guess_its_name(desk: Desk) -> None:
    path = await made(desk, ALL_EVENTS)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert len(path.stem) == 32
    for kind in (FileFormat.XLSX, FileFormat.PARQUET):
        assert stat.S_IMODE((await made(desk, Wish(what=What.EVENTS, format=kind))).stat().st_mode) == 0o600


async def test_who_asked_and_who_fetched_is_written_down(desk: Desk, pool: asyncpg.Pool) -> None:
    await desk.customers(2)
    await made(desk, Wish(what=What.CUSTOMERS))
    entries = await pool.fetch("SELECT actor, action, object, detail FROM audit_log ORDER BY audit_id")
    assert [(one["actor"], one["action"], one["object"]) for one in entries] == [
        ("aya", "export.order", "export 1"),
        ("ken", "export.download", "export 1"),
    ]
    assert entries[0]["detail"]["what"] == "customers"
    assert entries[1]["detail"] == {"what": "customers", "rows": 2}
    assert (await desk.exports.list())[0].downloads == 1


async def test_files_go_away_when_their_time_is_over(desk: Desk) -> None:
    path = await made(desk, ALL_EVENTS)
    await desk.exports.keep_house()
    assert path.exists()
    desk.clock.advance(KEPT)
    assert await desk.exports.keep_house() == 1
    assert not path.exists()
    assert (await desk.exports.get(1)).state == "gone"
    with pytest.raises(Conflict):
        await desk.exports.fetch(1, by="ken")


async def test_an_erasure_takes_every_file_about_persons_along(desk: Desk) -> None:
    await desk.customers(1)
    with_persons = await made(desk, Wish(what=What.CUSTOMERS))
    waiting = (await desk.exports.order(ALL_EVENTS, by="aya")).export_id
    assert await desk.exports.withdraw(actor="privacy") == 1
    assert not with_persons.exists()
    assert {one.state for one in await desk.exports.list()} == {"gone"}
    assert (await desk.exports.get(waiting)).state == "gone"
    assert await desk.exports.work() == 0


async def test_an_erasure_takes_along_what_a_run_that_died_left(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    await desk.customers(1)
    with_persons = await made(desk, Wish(what=What.CUSTOMERS))
    folder = with_persons.parent
    dead = [folder / f"attempt-{_ONE.hex}.csv.part", folder / f"attempt-{_ONE.hex}.parquet.part.rows"]
    for path in dead:
        path.touch()
    with monkeypatch.context() as dying:
        dying.setattr("backend.services.exports.files.remove", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            await desk.exports.withdraw(actor="privacy")
    assert await desk.exports.withdraw(actor="privacy") == 1
    assert list(folder.iterdir()) == []


async def test_housekeeping_leaves_what_is_being_written_alone(desk: Desk, pool: asyncpg.Pool) -> None:
    await desk.exports.order(ALL_EVENTS, by="aya")
    async with pool.acquire() as connection:
        await store.claim(connection, attempt_id=_ONE, now=NOW, leased_until=NOW + LEASE)
    folder = desk.home / "exports"
    folder.mkdir(parents=True)
    alive, dead = (folder / f"attempt-{number.hex}.csv.part" for number in (_ONE, UUID(int=2)))
    for path in (alive, dead):
        path.touch()
    assert await desk.exports.keep_house() == 1
    assert list(folder.iterdir()) == [alive]


async def test_what_cannot_be_is_said_at_once(desk: Desk) -> None:
    for wish, field in (
        (Wish(what=What.EVENTS, first=NOW.date()), "last"),
        (Wish(what=What.EVENTS, first=date(2026, 2, 2), last=date(2026, 2, 1)), "last"),
        (Wish(what=What.EVENTS, first=date(1, 1, 1), last=date(2026, 2, 1)), "first"),
        (Wish(what=What.EVENTS, names=("a\0",)), "names"),
        (Wish(what=What.CUSTOMERS, columns=("password",)), "columns"),
        (Wish(what=What.CUSTOMERS, columns=("rank", "rank")), "columns"),
        (Wish(what=What.CAMPAIGN), "campaign_id"),
        (Wish(what=What.KPI, kpis=("happiness",)), "kpis"),
        (Wish(what=What.KPI, kpis=("repeat_purchase_rate?n=many",)), "kpis"),
        (Wish(what=What.KPI, by="rnk"), "by"),
        (Wish(what=What.KPI, compare="previos"), "compare"),
        (Wish(what=What.KPI, as_of=date(1, 1, 1)), "as_of"),
    ):
        with pytest.raises(BadInput) as refusal:
            await desk.exports.order(wish, by="aya")
        assert refusal.value.field == field
    with pytest.raises(NotFound):
        await desk.exports.fetch(99, by="aya")


async def test_what_is_not_there_fails_with_a_sentence(desk: Desk) -> None:
    async def nobody(segment_id: int) -> pl.LazyFrame:
        raise NotFound(f"There is no segment {segment_id}.")

    desk.held.members = nobody  # type: ignore[method-assign]
    await desk.exports.order(Wish(what=What.CUSTOMERS, segment_id=4), by="aya")
    assert await desk.exports.work() == 1
    failed = await desk.exports.get(1)
    assert (failed.state, failed.error) == ("failed", "There is no segment 4.")
    assert list((desk.home / "exports").iterdir()) == []


async def test_the_next_worker_takes_over_from_a_dead_one(desk: Desk, pool: asyncpg.Pool) -> None:
    await desk.event(1)
    await desk.exports.order(ALL_EVENTS, by="aya")
    async with pool.acquire() as connection:
        dead = await store.claim(connection, attempt_id=_ONE, now=NOW, leased_until=NOW + LEASE)
    assert dead is not None
    assert await desk.exports.work() == 0
    desk.clock.advance(LEASE + timedelta(seconds=1))
    assert await desk.exports.work() == 1
    assert (await desk.exports.get(1)).state == "done"


async def test_an_export_that_kills_its_workers_is_given_up(desk: Desk, pool: asyncpg.Pool) -> None:
    await desk.exports.order(ALL_EVENTS, by="aya")
    await pool.execute("UPDATE exports SET attempts = 5")
    assert await desk.exports.work() == 1
    assert (await desk.exports.get(1)).state == "failed"


async def test_who_has_lost_the_export_stops_and_leaves_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that was away for longer than its lease: another has ended the work; its own file goes away."""
    desk.renew_every = 0.01
    exports = desk.exports

    async def slow(*_: Any) -> AsyncIterator[Chunk]:
        yield Chunk(pl.DataFrame(schema=dict(tables.EVENT_COLUMNS)), 0.5)
        await exports.withdraw(actor="privacy")
        await asyncio.sleep(0.3)
        yield Chunk(pl.DataFrame(schema=dict(tables.EVENT_COLUMNS)), 1.0)
        raise AssertionError("it went on")

    monkeypatch.setattr(tables, "_events", slow)
    await exports.order(ALL_EVENTS, by="aya")
    assert await exports.work() == 1
    assert (await exports.get(1)).state == "gone"
    assert list((desk.home / "exports").iterdir()) == []


async def test_a_lease_is_renewed_with_the_progress(desk: Desk, pool: asyncpg.Pool) -> None:
    await desk.exports.order(ALL_EVENTS, by="aya")
    async with pool.acquire() as connection:
        await store.claim(connection, attempt_id=_ONE, now=NOW, leased_until=NOW)
    held = Held(1, _ONE)
    async with holding(pool, desk.clock, held, every=0.01):
        held.progress(40, 0.5)
        async with asyncio.timeout(10):
            while not await pool.fetchval("SELECT leased_until > $1 FROM exports", NOW):  # noqa: ASYNC110 - a task's doing
                await asyncio.sleep(0.01)
    assert ((await desk.exports.get(1)).rows_done, (await desk.exports.get(1)).share) == (40, 0.5)
    held.lost = True
    with pytest.raises(Lost):
        held.progress(41, 0.6)


async def test_a_command_writes_where_it_is_told_and_over_nothing(desk: Desk, tmp_path: Path) -> None:
    await desk.event(1)
    path = tmp_path / "e.csv"
    written = await desk.exports.write_to(Wish(what=What.EVENTS, encoding=Encoding.UTF8_BOM), path, by="CLI")
    assert (written.rows, path.read_bytes()[:3]) == (1, b"\xef\xbb\xbf")
    with pytest.raises(BadInput):
        await desk.exports.write_to(ALL_EVENTS, path, by="CLI")
