"""Uploads: a worker's job takes them in, another one goes on, and nothing is kept for ever."""

import asyncio
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from backend.clock import FixedClock
from backend.errors import BadInput, Conflict, NotFound
from backend.jobs.tasks import work_on_jobs
from backend.services.imports import parts
from backend.services.imports import work as module
from backend.services.imports.desk import KEPT, ImportDesk
from backend.services.imports.runs import Imports
from backend.services.imports.values import Choices
from backend.services.imports.work import SILENT, ImportWork
from backend.store import events
from backend.store import import_uploads as store
from backend.store.import_shelf import Shelf
from backend.store.pool import Connection
from segments.import_fields import BadMapping
from tests.fixtures.shop_floor import ShopFloor

NOW = datetime(2026, 4, 2, 3, tzinfo=UTC)
STORES = "店番,店名\nS1,本店\n,x\n".encode("cp932")


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def desk(pool: asyncpg.Pool, clock: FixedClock, tmp_path: Path) -> ImportDesk:
    return ImportDesk(pool, clock, Imports(pool, clock, tmp_path), tmp_path)


def worker_of(desk: ImportDesk) -> ImportWork:
    """The worker of the same installation, by the same ledger."""
    return ImportWork(desk._pool, desk._clock, desk._imports, desk._shelf._folder.parent)


async def upload(desk: ImportDesk, content: bytes = STORES, name: str = "店舗.csv", kind: str = "stores") -> int:
    return await desk.accept(kind, name, io.BytesIO(content), actor="hanako")


async def test_a_job_takes_the_file_in(desk: ImportDesk, pool: asyncpg.Pool, dsn: str) -> None:
    number = await upload(desk)
    await desk.start(number, Choices(), actor="hanako")
    with pytest.raises(Conflict):
        await desk.start(number, Choices(), actor="hanako")
    with pytest.raises(Conflict):
        await desk.remove(number, actor="hanako")
    stop = asyncio.Event()
    working = asyncio.create_task(
        work_on_jobs(dsn, stop, launch=ShopFloor(pool).runs.launch, import_work=worker_of(desk))
    )
    async with asyncio.timeout(30):
        while (await desk.get(number)).state != "done":  # noqa: ASYNC110 - another process's table
            await asyncio.sleep(0.05)
    stop.set()
    await asyncio.wait_for(working, 20)
    report = (await desk.get(number)).report
    assert report is not None
    assert (report.file, report.stored, report.rejected) == ("店舗.csv", 1, {"no store_id": 1})
    [line] = await desk.list()
    assert (line.file_name, line.asked_by, line.state, line.stored, line.rejected) == (
        "店舗.csv",
        "hanako",
        "done",
        1,
        1,
    )


async def test_an_import_whose_worker_is_silent_is_taken_up_again(
    desk: ImportDesk, pool: asyncpg.Pool, clock: FixedClock
) -> None:
    number = await upload(desk)
    await desk.start(number, Choices(), actor="hanako")
    await pool.execute("DELETE FROM pgqueuer")
    assert await worker_of(desk).recover() == 0
    clock.advance(SILENT + timedelta(seconds=1))
    assert [await worker_of(desk).recover(), await worker_of(desk).recover()] == [1, 0]
    await pool.execute("UPDATE import_uploads SET state = 'running'")
    await worker_of(desk).take_in(number)
    assert (await desk.get(number)).state == "done"
    await worker_of(desk).take_in(number)
    assert await pool.fetchval("SELECT count(*) FROM imports") == 1


async def test_progress_is_told_while_it_runs(
    desk: ImportDesk, monkeypatch: pytest.MonkeyPatch, pool: asyncpg.Pool
) -> None:
    monkeypatch.setattr(module, "_TOLD_EVERY", 0.01)
    number, seen = await upload(desk), []
    await desk.start(number, Choices(), actor="hanako")
    real = desk._imports._store

    async def slow(*args: object) -> None:
        await asyncio.sleep(0.2)
        seen.append(await desk.get(number))
        await real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(desk._imports, "_store", slow)
    await worker_of(desk).take_in(number)
    assert seen[0].state == "running"


async def test_what_a_worker_cannot_take_is_said(desk: ImportDesk, pool: asyncpg.Pool) -> None:
    number = await upload(desk)
    with pytest.raises(BadMapping):
        await desk.start(number, Choices(guess=False), actor="hanako")
    await desk.start(number, Choices(), actor="hanako")
    await pool.execute("UPDATE import_uploads SET choices = jsonb_set(choices, '{encoding}', '\"utf-8\"')")
    await worker_of(desk).take_in(number)
    upload_ = await desk.get(number)
    assert (upload_.state, upload_.error_code) == ("failed", "not_the_encoding")
    assert "店舗.csv is not utf-8" in (upload_.error or "")
    await desk.start(number, Choices(), actor="hanako")
    assert (await desk.get(number)).error is None


async def test_files_go_after_their_time_and_what_was_imported_stays(
    desk: ImportDesk, pool: asyncpg.Pool, clock: FixedClock, tmp_path: Path
) -> None:
    used, unused = await upload(desk), await upload(desk)
    await desk.start(used, Choices(), actor="hanako")
    await worker_of(desk).take_in(used)
    path, name = await desk.rejects(used, actor="hanako")
    assert (path.stat().st_mode & 0o777, name) == (0o600, "店舗.rejects.csv")
    assert await desk.keep_house() == 0
    clock.advance(KEPT + timedelta(seconds=1))
    assert await desk.keep_house() == 2
    assert list((tmp_path / "imports").iterdir()) == []
    with pytest.raises(NotFound):
        await desk.rejects(used, actor="hanako")
    with pytest.raises(NotFound):
        await desk.get(unused)
    assert not (await desk.get(used)).kept
    assert await pool.fetchval("SELECT count(*) FROM stores") == 1


@pytest.mark.parametrize("name", ["a.exe", "a", ".csv.", "a.csv/..", "\0.pdf", "x" * 300])
async def test_an_ending_that_is_not_ours_is_refused(desk: ImportDesk, tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match="ends in none of"):
        await upload(desk, name=name)
    assert not (tmp_path / "imports").exists()


def test_a_file_that_grows_too_large_leaves_nothing(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, largest=1000)
    with pytest.raises(BadInput, match="larger than"):
        shelf.lay_down(io.BytesIO(b"x" * 1001), suffix=".csv")
    assert list(tmp_path.iterdir()) == []
    name, size = shelf.lay_down(io.BytesIO(b"x" * 1000), suffix=".csv")
    assert (shelf.path(name).read_bytes(), size) == (b"x" * 1000, 1000)


@pytest.mark.parametrize("name", ["../x.csv", "x.csv", "/etc/passwd", "", "0" * 32 + ".csv/..", "0" * 32])
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "x.csv").write_text("x")
    shelf = Shelf(tmp_path / "imports")
    with pytest.raises(NotFound):
        shelf.path(name)
    shelf.remove(name)
    assert (tmp_path / "x.csv").exists()


def test_what_nobody_knows_is_swept(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    kept, _ = shelf.lay_down(io.BytesIO(b"x"), suffix=".csv")
    lost, _ = shelf.lay_down(io.BytesIO(b"x"), suffix=".csv")
    (tmp_path / f"{lost}.rejects.csv").write_text("x")
    (tmp_path / "spool-dead").mkdir()
    (tmp_path / "notes.txt").write_text("not ours")
    assert shelf.sweep({kept}, older_than=60) == 0
    assert shelf.sweep({kept}, older_than=-1) == 3
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted([kept, "notes.txt"])


async def test_all_files_are_removed_at_once_and_one_that_is_being_read_is_not_forgotten(
    desk: ImportDesk, tmp_path: Path
) -> None:
    waiting, done = await upload(desk), await upload(desk)
    await desk.start(waiting, Choices(), actor="hanako")
    await desk.start(done, Choices(), actor="hanako")
    await worker_of(desk).take_in(done)
    for _ in range(2):
        with pytest.raises(Conflict):
            await desk.remove_all(actor="erasure")
    assert (await desk.get(waiting)).kept
    assert len(list((tmp_path / "imports").iterdir())) == 1
    await worker_of(desk).take_in(waiting)
    assert await desk.remove_all(actor="erasure") == 1
    assert list((tmp_path / "imports").iterdir()) == []


async def test_a_fault_of_ours_ends_an_import_and_does_not_bar_the_way(
    desk: ImportDesk, pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It can be started again, goes on where it ended, and stores each row once."""
    monkeypatch.setattr(parts, "PART", 2)
    rows = [f"A{n},m{n},2026-04-01 10:00,{n}" for n in range(7)]
    content = "\n".join(["order_id,customer_id,ordered_at,total", *rows]).encode()
    number = await upload(desk, content, "orders.csv", "orders")
    choices = Choices(currency="JPY")
    await desk.start(number, choices, actor="hanako")
    append, parts_begun = events.append, []

    async def fails(*given: Any, **options: Any) -> Any:
        parts_begun.append(given)
        done = await append(*given, **options)
        return done if len(parts_begun) < 3 else 1 / 0

    with monkeypatch.context() as broken:
        broken.setattr(events, "append", fails)
        await worker_of(desk).take_in(number)
    found = await desk.get(number)
    assert (found.state, found.error_code) == ("failed", "internal")
    assert await pool.fetchval("SELECT count(*) FROM event_log") == 4
    await desk.start(number, choices, actor="hanako")
    await worker_of(desk).take_in(number)
    found = await desk.get(number)
    assert found.report is not None
    assert (found.state, found.error, found.report.stored, found.report.repeated) == ("done", None, 7, 0)
    assert await pool.fetchval("SELECT count(DISTINCT message_id) FROM event_log") == 7


async def test_housekeeping_lets_a_file_alone_that_is_started_meanwhile(
    desk: ImportDesk, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, expired = await upload(desk), store.list_expired

    async def started(connection: Connection, **given: datetime) -> list[asyncpg.Record]:
        rows = await expired(connection, **given)
        monkeypatch.undo()
        await desk.start(number, Choices(), actor="hanako")
        return rows

    clock.advance(KEPT + timedelta(seconds=1))
    monkeypatch.setattr(store, "list_expired", started)
    assert await desk.keep_house() == 0
    await worker_of(desk).take_in(number)
    assert (await desk.get(number)).state == "done"
