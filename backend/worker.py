"""The worker process: refresh, campaign launches, deliveries, jobs, each a loop that outlives an outage.

SIGTERM or SIGINT asks it to end: loops finish their round, what is on its way to the push service is recorded;
after `GRACE` seconds it leaves anyway, and recovery (by lease and heartbeat) does the rest.
"""

import asyncio
import os
import platform
import secrets
import signal
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta

import structlog

from backend.jobs.loops import Loop, rest
from backend.jobs.tasks import work_on_jobs
from backend.jobs.timetable import timetable
from backend.wiring import Services
from backend.wiring.memory import rest_the_collector

GRACE = 10.0
"""Seconds that loops get to end their round."""
BEAT = 5.0
REFRESH_EVERY = timedelta(seconds=1)

log = structlog.get_logger()


async def run(opening: AbstractAsyncContextManager[Services]) -> None:
    """Open the services and work until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with opening as services:
        rest_the_collector()
        await work(services, stop)


async def work(services: Services, stop: asyncio.Event) -> None:
    """All loops of one worker, until ``stop`` is set."""
    name = f"{platform.node()}-{os.getpid()}-{secrets.token_hex(3)}"
    started_at = services.clock.now()
    loops = _loops(services, stop)
    log.info("worker_started", worker=name, loops=[one.name for one in loops])
    tasks = [asyncio.create_task(one.run(stop), name=one.name) for one in loops]
    tasks.append(asyncio.create_task(_beat(services, name, started_at, loops, stop), name="beat"))
    await stop.wait()
    _, late = await asyncio.wait(tasks, timeout=GRACE)
    for task in late:
        log.warning("loop_left_behind", loop=task.get_name())
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await services.workers.leave(name)
    log.info("worker_stopped", worker=name)


def _loops(services: Services, stop: asyncio.Event) -> list[Loop]:
    dsn = services.settings.database_url
    assert dsn is not None  # noqa: S101 - services stand on a database
    jobs = Loop("jobs", lambda: _work_on_jobs(services, dsn, stop), 1.0)
    steady = timetable(
        campaign_runs=services.campaign_runs,
        campaign_tests=services.campaign_tests,
        deliveries=services.deliveries,
        trigger_feeds=services.trigger_feeds,
        journey_runs=services.journey_runs,
        replays=services.replays,
        workers=services.workers,
        retention=services.retention,
        exports=services.exports,
        webhook_runs=services.webhook_runs,
        import_desk=services.import_desk,
        import_work=services.import_work,
        rights=services.rights,
        snapshots=services.snapshots,
        life_cycle=services.life_cycle,
        coupon_issues=services.coupon_issues,
        coupon_expiry=services.coupon_expiry,
        memberships=services.memberships,
        standing_keeper=services.standing_keeper,
        sending_rights=services.sending_rights,
    )
    refresh = Loop("refresh", lambda: _refresh(services, stop), 1.0)
    return [*steady, jobs, refresh]


async def _work_on_jobs(services: Services, dsn: str, stop: asyncio.Event) -> int:
    launch = services.sending_rights.guard_job(services.campaign_runs.launch)
    return await work_on_jobs(dsn, stop, launch=launch, import_work=services.import_work)


async def _refresh(services: Services, stop: asyncio.Event) -> int:
    """The refresh keeps its own time; it comes back only to stop, or with a fault that a person must mend."""
    await services.refresh.run_forever(REFRESH_EVERY, stop)
    return 0


async def _beat(services: Services, name: str, started_at: datetime, loops: list[Loop], stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            held = await services.sending_rights.held()
            await services.workers.beat(
                name, started_at=started_at, loops={one.name: one.rounds for one in loops}, held=held
            )
        except Exception as error:  # noqa: BLE001 - a heart that missed a beat goes on
            log.warning("heartbeat_failed", error=repr(error))
        await rest(stop, BEAT)
