"""A worker is killed with SIGKILL at the worst moments: policy once sends nobody twice and loses at most one chunk.

Each story also runs with a saboteur, to show that the test would see the fault.
"""

from pathlib import Path

import asyncpg
import pytest

from tests.faults.figures import Figures, note
from tests.faults.workers import CHUNK, PEOPLE, Story, story

pytestmark = pytest.mark.fault
KILLED = -9


async def crash(tale: Story, fate: str, sabotage: str = "") -> tuple[dict[str, int], int]:
    """One worker meets its fate, another finishes; gives the ledger's states and the doubles."""
    assert await tale.run(fate, sabotage) == KILLED
    assert await tale.run("", sabotage) == 0
    return await tale.floor.states(tale.campaign_id), tale.doubles()


async def test_killed_between_accept_and_commit_nobody_gets_it_twice(
    pool: asyncpg.Pool, dsn: str, tmp_path: Path
) -> None:
    tale = await story(pool, dsn, tmp_path)
    states, doubles = await crash(tale, "killed_after_accept")
    assert doubles == 0
    assert states == {"unknown": CHUNK, "accepted": PEOPLE - CHUNK}
    assert len(tale.accepted()) == PEOPLE
    note(Figures(fault="F8 kill -9 between accept and commit", operations=PEOPLE, faults=1, lost=0, doubled=doubles))


async def test_the_story_sees_a_missing_mark(pool: asyncpg.Pool, dsn: str, tmp_path: Path) -> None:
    tale = await story(pool, dsn, tmp_path)
    assert await tale.run("killed_after_accept", "unmarked") == KILLED
    assert await tale.run("") == 0
    assert tale.doubles() == CHUNK


async def test_killed_between_claim_and_commit_nobody_is_missed(pool: asyncpg.Pool, dsn: str, tmp_path: Path) -> None:
    tale = await story(pool, dsn, tmp_path)
    states, doubles = await crash(tale, "killed_before_commit")
    assert (states, doubles) == ({"accepted": PEOPLE}, 0)
    assert len(tale.accepted()) == PEOPLE
    note(Figures(fault="F9 kill -9 before the mark", operations=PEOPLE, faults=1, lost=0, doubled=doubles))


async def test_killed_between_mark_and_call_loses_one_chunk_and_says_so(
    pool: asyncpg.Pool, dsn: str, tmp_path: Path
) -> None:
    tale = await story(pool, dsn, tmp_path)
    states, doubles = await crash(tale, "killed_before_call")
    assert (states, doubles) == ({"unknown": CHUNK, "accepted": PEOPLE - CHUNK}, 0)
    assert len(tale.accepted()) == PEOPLE - CHUNK
    note(Figures(fault="F9 kill -9 between mark and call", operations=PEOPLE, faults=1, lost=0, doubled=doubles))
