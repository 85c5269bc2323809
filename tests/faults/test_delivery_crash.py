"""Workers are killed with SIGKILL at the worst moments: policy once sends nobody twice, policy surely misses nobody, and each loses or doubles at most one chunk a death.

One death in the short form, `SCALE` in a row in the long one. Each story also runs with a saboteur, to show that the test would
see the fault.
"""

import time
from pathlib import Path

import asyncpg
import pytest

from campaigns.campaign import Policy
from tests.faults.workers import CHUNK, PEOPLE, SCALE, Story, story

pytestmark = pytest.mark.fault
KILLED = -9
RECOVERY = "(recovery: until everybody is reached)"


async def crash(tale: Story, fate: str, sabotage: str = "") -> tuple[dict[str, int], float]:
    """Workers meet their fate, another finishes; gives the ledger's states, and how long it took after the last death."""
    for _ in range(SCALE):
        assert await tale.run(fate, sabotage) == KILLED
    since = time.monotonic()
    assert await tale.run("", sabotage) == 0
    return await tale.floor.states(tale.campaign_id), time.monotonic() - since


async def test_killed_between_accept_and_commit_nobody_gets_it_twice(
    pool: asyncpg.Pool, dsn: str, tmp_path: Path
) -> None:
    tale = await story(pool, dsn, tmp_path)
    states, seconds = await crash(tale, "killed_after_accept")
    assert tale.doubles() == 0
    assert 0 < states["unknown"] <= CHUNK * SCALE
    assert states == {"unknown": states["unknown"], "accepted": PEOPLE - states["unknown"]}
    assert len(tale.accepted()) == PEOPLE
    await tale.note(f"F8 kill -9 between accept and commit, policy once {RECOVERY}", recovery=seconds)


async def test_under_surely_a_death_between_accept_and_commit_doubles_its_chunk_and_misses_nobody(
    pool: asyncpg.Pool, dsn: str, tmp_path: Path
) -> None:
    tale = await story(pool, dsn, tmp_path, policy=Policy.SURELY)
    states, seconds = await crash(tale, "killed_after_accept")
    assert states == {"accepted": PEOPLE}
    assert len(tale.accepted()) == PEOPLE
    assert max(tale.accepted().values()) == 2
    assert tale.doubles() <= CHUNK * SCALE
    await tale.note(f"F8 kill -9 between accept and commit, policy surely {RECOVERY}", recovery=seconds)


async def test_the_story_sees_a_missing_mark(pool: asyncpg.Pool, dsn: str, tmp_path: Path) -> None:
    tale = await story(pool, dsn, tmp_path)
    assert await tale.run("killed_after_accept", "unmarked") == KILLED
    assert await tale.run("") == 0
    assert tale.doubles() == CHUNK


async def test_killed_between_claim_and_commit_nobody_is_missed(pool: asyncpg.Pool, dsn: str, tmp_path: Path) -> None:
    tale = await story(pool, dsn, tmp_path)
    states, seconds = await crash(tale, "killed_before_commit")
    assert (states, tale.doubles()) == ({"accepted": PEOPLE}, 0)
    assert len(tale.accepted()) == PEOPLE
    await tale.note(f"F9 kill -9 before the mark {RECOVERY}", recovery=seconds)


async def test_killed_between_mark_and_call_loses_one_chunk_and_says_so(
    pool: asyncpg.Pool, dsn: str, tmp_path: Path
) -> None:
    tale = await story(pool, dsn, tmp_path)
    states, seconds = await crash(tale, "killed_before_call")
    unknown = states["unknown"]
    assert 0 < unknown <= CHUNK * SCALE
    assert (states, tale.doubles()) == ({"unknown": unknown, "accepted": PEOPLE - unknown}, 0)
    assert len(tale.accepted()) == PEOPLE - unknown
    await tale.note(f"F9 kill -9 between mark and call {RECOVERY}", recovery=seconds)
