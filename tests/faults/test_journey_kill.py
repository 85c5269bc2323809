"""Who lets people into journeys and leads them on is killed with kill -9, and again: each is led on once, and gets each thing once.

Every step in turn is in `tests/services/test_triggers.py` and `test_journeys.py`; here processes really die, and several run.
"""

import asyncio
import signal
from collections.abc import Sequence

import asyncpg
import pytest

from campaigns.steps import CallWebhook, GiveCoupon, Send, SetTrait
from tests.faults.figures import SCALE, Figures, note
from tests.fixtures import commands
from tests.fixtures.journey_stage import HELLO, NOON, Died, Stage
from tests.services.test_journeys import effects, with_coupon_and_endpoint

pytestmark = pytest.mark.fault

NEVER = 1000
PEOPLE = 30 * SCALE
STEPS = (Send(content=HELLO), GiveCoupon(coupon_id="WELCOME"), SetTrait(trait="x", value=1), CallWebhook(name="crm"))
DONE = {"push": PEOPLE, "Coupon Issued": PEOPLE, "identify": PEOPLE, "webhook": PEOPLE}


async def run(dsn: str, step: int) -> int:
    return await asyncio.to_thread(commands.module, "tests.faults.journey_process", dsn, str(step))


async def many_who_opened_the_app(pool: asyncpg.Pool) -> Stage:
    stage = Stage(pool)
    names = [f"c{number}" for number in range(PEOPLE)]
    await stage.people(*names)
    await with_coupon_and_endpoint(stage)
    await stage.begin()
    await stage.campaign(steps=STEPS)
    for name in names:
        await stage.happened(name, "Application Opened")
    return stage


async def killed_at(stage: Stage, dsn: str, steps: Sequence[int], *, deaths: int = 0) -> None:
    """Die at each of the steps (or: having died so often), come to the end, and look."""
    for step in steps:
        assert await run(dsn, step) == -signal.SIGKILL
    assert await run(dsn, NEVER) == 0
    done = await effects(stage)
    note(
        Figures(
            fault="F9 kill -9 in the midst of journeys",
            operations=sum(DONE.values()),
            faults=deaths or len(steps),
            lost=sum(max(0, wanted - done.get(what, 0)) for what, wanted in DONE.items()),
            doubled=sum(max(0, done.get(what, 0) - wanted) for what, wanted in DONE.items()),
        )
    )
    assert done == DONE


async def test_killed_with_everything_written_and_run_again(pool: asyncpg.Pool, dsn: str) -> None:
    """At the end of the feed's transaction, and in the runner's after all that steps do."""
    await killed_at(await many_who_opened_the_app(pool), dsn, [4, 7])


@pytest.mark.prove
@pytest.mark.timeout(900)  # a dozen processes, two at a time
async def test_two_workers_are_killed_at_every_step(pool: asyncpg.Pool, dsn: str) -> None:
    stage = await many_who_opened_the_app(pool)
    ends = [await asyncio.gather(run(dsn, step), run(dsn, step + 1)) for step in range(1, 10)]
    await killed_at(stage, dsn, [], deaths=sum(status != 0 for pair in ends for status in pair))


async def test_the_saboteur_who_acts_outside_the_transaction_is_found_out(pool: asyncpg.Pool) -> None:
    """What a step does is part of the transaction: done beside it, a death between the two does it twice."""
    counts = []
    for honest in (True, False):
        stage = Stage(pool)
        await stage.pool.execute("DROP TABLE IF EXISTS done; CREATE TABLE done (customer_id bigint)")
        await stage.pool.execute("TRUNCATE journey_entries, journey_visits, campaign_versions, campaigns CASCADE")
        who = f"honest {honest}"
        await stage.people(who)
        await stage.begin()

        async def plan(connection: asyncpg.Connection, *, people: Sequence[tuple[int, int]], **_: object) -> list[str]:
            beside = connection if honest else pool  # noqa: B023 - used within this round
            await beside.executemany("INSERT INTO done VALUES ($1)", [(customer,) for customer, _ in people])
            return ["treated"] * len(people)

        stage.plan = plan
        await stage.campaign(who)
        await stage.happened(who, "Application Opened", at=NOON)
        await stage.feeds.work()
        stage.stop_at = "acted"
        with pytest.raises(Died):
            await stage.runs.work()
        stage.stop_at = None
        await stage.settle()
        counts.append(await pool.fetchval("SELECT count(*) FROM done"))
    assert counts == [1, 2]
