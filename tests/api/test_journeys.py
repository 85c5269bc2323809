"""Journeys for a server program and at the command line: people on each step, single ways, a second chance."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import asyncpg
import httpx
import pytest
from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide

from backend.api.journeys import JourneyController
from backend.api.problems import HANDLERS
from backend.services.api_keys import ApiKeys
from backend.services.journeys.looking import JourneyDesk
from campaigns.steps import Awaited, Exit, Send, WaitEvent
from tests.api.conftest import client_of
from tests.fixtures.commands import joren
from tests.fixtures.journey_stage import HELLO, Stage

STEPS = (
    Send(content=HELLO),
    WaitEvent(awaited=Awaited(event="Order Completed"), timeout=timedelta(days=3), late="no"),
    Exit(reason="bought"),
    Exit(label="no"),
)


@pytest.fixture
async def stage(pool: asyncpg.Pool) -> Stage:
    made = Stage(pool)
    people = await made.people("a", "b", "c")
    await made.begin()
    await made.campaign(steps=STEPS)
    made.poisoned = {people[2]}
    for name in ("a", "b", "c"):
        await made.happened(name, "Application Opened")
    await made.settle()
    for _ in range(5):
        await made.later(hours=1)
    await made.happened("a", "Order Completed", order_id="1", total=1, currency="JPY")
    await made.settle()
    return made


@pytest.fixture
async def client(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    desk, keys = JourneyDesk(stage.pool, stage.clock), ApiKeys(stage.pool, stage.clock)
    app = Litestar(
        [JourneyController],
        dependencies={"journey_desk": Provide(lambda: desk, sync_to_thread=False)},
        exception_handlers=HANDLERS,
        state=State({"services": SimpleNamespace(api_keys=keys)}),
    )
    async with client_of(app) as client:
        client.headers["Authorization"] = f"Bearer {await keys.create('steering', scopes=['*'])}"
        yield client


async def test_who_stands_where_and_why_she_left(client: httpx.AsyncClient, stage: Stage) -> None:
    found = (await client.get("/campaigns/1/journey")).json()
    assert (found["version"], found["versions"], found["entered"], found["left"]) == (1, [1], 3, {"bought": 1})
    first, second = found["steps"][:2]
    assert (first["kind"], first["ja"], first["en"]) == ("send", "1. 「ようこそ」を送る", '1. Send "ようこそ"')
    assert (first["passed"], first["aside"], first["outcomes"]) == ({"": 2}, 1, {"treated": 2})
    assert (second["here"], second["passed"]) == (1, {"happened": 1})
    lines = (await client.get("/campaigns/1/entries")).json()
    assert [(line["user_id"], line["state"], line["reason"]) for line in lines] == [
        ("c", "aside", "ValueError: nothing can be sent to [3]"),
        ("b", "waiting", None),
        ("a", "left", "bought"),
    ]
    assert lines[1]["waiting_for"] == "Order Completed"
    assert [line["user_id"] for line in (await client.get("/campaigns/1/entries?state=aside")).json()] == ["c"]
    assert [line["user_id"] for line in (await client.get("/campaigns/1/entries?user_id=b&step=1")).json()] == ["b"]
    way = (await client.get(f"/campaigns/1/entries/{lines[2]['entry_id']}")).json()
    assert [(visit["step"], visit["way"], visit["outcome"]) for visit in way["visits"]] == [
        (0, "", "treated"), (1, "happened", ""), (2, "", ""),
    ]  # fmt: skip
    picture = await JourneyDesk(stage.pool, stage.clock).picture(1, language="ja")
    assert {node.place: node.here for node in picture.nodes if node.here} == {1: 1, 4: 1}
    stage.poisoned.clear()
    assert (await client.post("/campaigns/1/entries/retry")).json() == {"entries": 1}
    await stage.settle()
    assert len(await stage.sent()) == 3


async def test_refusals(client: httpx.AsyncClient) -> None:
    for path, code in (
        ("/campaigns/9/journey", "campaign_not_found"),
        ("/campaigns/1/journey?version=7", "version_not_found"),
        ("/campaigns/1/entries/99", "entry_not_found"),
    ):
        answer = await client.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, code)
    del client.headers["Authorization"]
    assert (await client.get("/campaigns/1/entries")).status_code == 401


async def test_the_command_line_tells_the_same(stage: Stage, dsn: str, tmp_path: Path) -> None:
    def call(*arguments: str) -> str:
        done = joren("campaign", *arguments, home=tmp_path, DATABASE_URL=dsn)
        assert done.returncode == 0, done.stderr
        return done.stdout

    lines = call("journey", "Onboarding", "--language", "ja").splitlines()
    assert lines[0] == "Version 1: 3 entered."
    assert lines[1] == "1. 「ようこそ」を送る: 0 here, 2 passed, 1 put aside"
    assert "Left (bought): 1" in lines
    assert "b  entered 2026-06-30 03:00 UTC, at step 2, waits for Order Completed until" in call(
        "entries", "1", "--user", "b"
    )
    assert call("entries", "1", "--entry", "1").splitlines()[1].endswith("step 2  happened")
    assert call("retry-entries", "1") == "1 go on.\n"
