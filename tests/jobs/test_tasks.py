"""Jobs: part of the caller's transaction, worked on by whoever lives, lost with nobody."""

import asyncio
from contextlib import asynccontextmanager

import asyncpg
import pytest

from backend.jobs.loops import Loop
from backend.jobs.tasks import work_on_jobs
from backend.store import jobs
from tests.fixtures.shop_floor import ShopFloor

CONNECTED = "SELECT pid FROM pg_stat_activity WHERE application_name = 'joren jobs' AND datname = current_database()"


@pytest.fixture
async def floor(pool: asyncpg.Pool) -> ShopFloor:
    floor = ShopFloor(pool)
    await floor.settings()
    await floor.people(3)
    return floor


@asynccontextmanager
async def working(floor: ShopFloor, dsn: str):  # noqa: ANN201 - a fixture in all but name
    stop = asyncio.Event()
    task = asyncio.create_task(work_on_jobs(dsn, stop, launch=floor.runs.launch))
    try:
        yield task
    finally:
        stop.set()
        await asyncio.wait_for(task, 60)


async def until(pool: asyncpg.Pool, question: str, answer: object) -> None:
    async with asyncio.timeout(20):
        while await pool.fetchval(question) != answer:  # noqa: ASYNC110 - another process's table
            await asyncio.sleep(0.05)


async def test_a_job_vanishes_with_its_transaction(floor: ShopFloor) -> None:
    async with floor.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        assert await jobs.enqueue(connection, "launch_campaign", {"campaign_id": 1})
        await transaction.rollback()
    assert await floor.pool.fetchval("SELECT count(*) FROM pgqueuer") == 0


async def test_the_same_piece_of_work_waits_once(floor: ShopFloor) -> None:
    async with floor.pool.acquire() as connection:
        assert await jobs.enqueue(connection, "launch_campaign", {"campaign_id": 1}, once="1")
        assert not await jobs.enqueue(connection, "launch_campaign", {"campaign_id": 1}, once="1")
        assert await jobs.enqueue(connection, "launch_campaign", {"campaign_id": 2}, once="2")


async def test_sending_now_is_a_job_and_a_worker_does_it(floor: ShopFloor, dsn: str) -> None:
    made = await floor.campaign()
    await floor.desk.send_now(made.summary.campaign_id, revision=made.summary.revision, by="me")
    async with working(floor, dsn):
        await until(floor.pool, "SELECT state FROM campaigns", "sending")
        await until(floor.pool, "SELECT count(*) FROM pgqueuer", 0)
    assert await floor.pool.fetchval("SELECT count(*) FROM campaign_people") == 3


async def test_a_dead_workers_job_is_taken_over(floor: ShopFloor, dsn: str) -> None:
    made = await floor.campaign()
    await floor.desk.send_now(made.summary.campaign_id, revision=made.summary.revision, by="me")
    await floor.pool.execute(
        """UPDATE pgqueuer SET status = 'picked', queue_manager_id = gen_random_uuid(),
           heartbeat = now() - interval '31 seconds'"""
    )
    async with working(floor, dsn):
        await until(floor.pool, "SELECT state FROM campaigns", "sending")


async def test_a_lost_connection_is_told_and_the_loop_begins_anew(floor: ShopFloor, dsn: str) -> None:
    stop, ends = asyncio.Event(), list[Exception]()

    async def step() -> int:
        try:
            return await work_on_jobs(dsn, stop, launch=floor.runs.launch)
        except Exception as error:
            ends.append(error)
            raise

    task = asyncio.create_task(Loop("jobs", step, every=0.1).run(stop))
    try:
        await until(floor.pool, f"SELECT count(*) FROM ({CONNECTED}) AS one", 1)
        await floor.pool.execute(f"SELECT pg_terminate_backend(pid) FROM ({CONNECTED}) AS one")
        made = await floor.campaign()
        await floor.desk.send_now(made.summary.campaign_id, revision=made.summary.revision, by="me")
        await until(floor.pool, "SELECT state FROM campaigns", "sending")
    finally:
        stop.set()
        await asyncio.wait_for(task, 60)
    # What asyncpg raises depends on the moment: in the midst of a statement even its own "another operation".
    assert len(ends) == 1, "the loss is told once, and the next round works"
