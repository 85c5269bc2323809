"""Who decides a test and sends the rest what came out of it is killed with kill -9, and again: decided once, sent once, both phases whole.

What else may happen to a test is in `tests/services/test_winners.py`; here processes really die.
"""

import asyncio
import signal
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import polars as pl
import pytest

from campaigns.campaign import Content, Text, Variant
from campaigns.winner import WinnerRule, in_test
from tests.faults.figures import SCALE, Figures, note
from tests.faults.winner_process import CHUNK, WAIT
from tests.fixtures import commands
from tests.fixtures.shop_floor import ShopFloor

pytestmark = pytest.mark.fault

PEOPLE = 40 * SCALE
TWO = tuple(Variant(name=name, share=50, content=Content(ja=Text(name, "どうぞ"))) for name in "AB")
RULE = WinnerRule(test_percent=50, wait=WAIT)
AT_THE_DECISION = ("_keep commits", "_keep committed")
AT_THE_REST = ("_claim commits", "_claim committed", "called")
EVERY_STEP = range(1, 150)


@dataclass
class Stage:
    """A campaign with a test, due, and the folder that outlives the processes."""

    floor: ShopFloor
    dsn: str
    folder: Path
    campaign_id: int
    killed: int = 0

    async def run(self, fate: str = "", sabotage: str = "") -> bool:
        """One process; gives whether it lived to the end."""
        given = (self.dsn, str(self.folder), str(self.campaign_id), fate, sabotage)
        status = await asyncio.to_thread(commands.module, "tests.faults.winner_process", *given)
        assert status in (0, -signal.SIGKILL)
        self.killed += status != 0
        return status == 0

    def took(self) -> list[tuple[int, str]]:
        """Customer and title of what the push service took."""
        lines = (self.folder / f"ledger-{self.campaign_id}").read_text().splitlines()
        return [(int(who), title) for who, title, _ in map(str.split, lines)]


@pytest.fixture
async def floor(pool: asyncpg.Pool) -> ShopFloor:
    floor = ShopFloor(pool)
    await floor.settings()
    await floor.people(PEOPLE)
    await pool.execute(
        """INSERT INTO webhook_endpoints (url, event_types, secret, created_at, created_by)
           VALUES ('https://shop.example', '{campaign.winner_decided}', 's', now(), 'test')"""
    )
    return floor


async def staged(floor: ShopFloor, dsn: str, folder: Path, name: str = "Tea") -> Stage:
    made = (await floor.campaign(name, variants=TWO, winner=RULE, holdout_percent=20.0)).summary
    await floor.desk.send_now(made.campaign_id, revision=made.revision, by="test")
    return Stage(floor, dsn, folder, made.campaign_id)


@pytest.fixture
async def stage(floor: ShopFloor, dsn: str, tmp_path: Path) -> Stage:
    return await staged(floor, dsn, tmp_path)


async def assert_whole(stage: Stage, *, killed_in_flight: int = 0) -> None:
    """Decided once and told once, each person in one phase and of one mind, nobody sent twice, at most a chunk lost a death."""
    pool, number = stage.floor.pool, stage.campaign_id
    told = await pool.fetchval(
        "SELECT count(*) FROM audit_log WHERE action = 'campaign.winner' AND object = $1", f"campaign {number}"
    )
    notices = await pool.fetchval(
        "SELECT count(*) FROM webhook_messages WHERE (body::jsonb #>> '{data,campaign_id}')::int = $1", number
    )
    assert (told, notices) == (1, 1)
    test = await pool.fetchrow("SELECT * FROM campaign_tests WHERE campaign_id = $1", number)
    assert (test["variant"], test["decision"]["why"]) == ("B", "evidence")
    salt = await pool.fetchval("SELECT salt FROM campaigns WHERE campaign_id = $1", number)
    rows = await pool.fetch("SELECT * FROM campaign_people WHERE campaign_id = $1 ORDER BY customer_id", number)
    people = pl.DataFrame({"customer_id": [row["customer_id"] for row in rows]})
    assert people.height == PEOPLE
    assert [not row["rest"] for row in rows] == people.select(in_test(salt, test_percent=50)).to_series().to_list()
    mine = {row["customer_id"]: row for row in rows if row["arm"] == "treated"}
    assert {row["variant"] for row in mine.values() if row["rest"]} == {"B"}
    assert {row["variant"] for row in mine.values() if not row["rest"]} == {"A", "B"}
    took = stage.took()
    assert max(Counter(who for who, _ in took).values()) == 1
    assert all(title == mine[who]["variant"] for who, title in took)
    states = await stage.floor.states(number)
    assert sum(row["arm"] == "control" for row in rows) == PEOPLE - len(mine)
    assert states.get("accepted", 0) + states.get("unknown", 0) == len(mine)
    assert len(took) >= len(mine) - killed_in_flight * CHUNK
    note(
        Figures(
            fault="F9 kill -9 about a winner's decision",
            operations=len(mine),
            faults=stage.killed,
            lost=max(0, len(mine) - len(took) - states.get("unknown", 0)),
            doubled=len(took) - len({who for who, _ in took}),
            unknown=states.get("unknown", 0),
        )
    )


async def test_killed_about_the_decision_and_in_the_rest(stage: Stage) -> None:
    for step in (*AT_THE_DECISION, *AT_THE_REST):
        assert not await stage.run(step)
    assert await stage.run()
    await assert_whole(stage, killed_in_flight=1)  # between claim and call; after the call they have it


@pytest.mark.prove
@pytest.mark.timeout(1800)  # two processes a step
async def test_killed_at_every_step_in_turn(floor: ShopFloor, dsn: str, tmp_path: Path) -> None:
    for step in EVERY_STEP:
        stage = await staged(floor, dsn, tmp_path, str(step))
        if await stage.run(str(step)):
            break
        assert await stage.run()
        await assert_whole(stage, killed_in_flight=1)
    assert len(AT_THE_DECISION + AT_THE_REST) < step < EVERY_STEP[-1]


@pytest.mark.parametrize(
    ("saboteur", "fates", "seen"),
    [
        ("beside", ["_keep commits"], r"\(2, 1\) == \(1, 1\)"),
        ("forgetful", ["_keep committed"] * 2, r"\(2, 2\) == \(1, 1\)"),
        ("hasty", [], "{'[AB]', '[AB]'} == {'B'}"),
    ],
    ids=["beside", "forgetful", "hasty"],
)
async def test_the_saboteur_is_found_out(stage: Stage, saboteur: str, fates: list[str], seen: str) -> None:
    """Who writes the audit beside the decision, who decides what is decided, and who does not wait for it."""
    for fate in fates:
        assert not await stage.run(fate, saboteur)
    assert await stage.run(sabotage="" if fates else saboteur)
    with pytest.raises(AssertionError, match=seen):
        await assert_whole(stage)
