"""The examples of docs/how-to/server-api.md are run as they stand there."""

import json
import re
import shlex
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from backend.asgi import create_app
from backend.clock import FixedClock
from backend.settings import Settings
from backend.wiring import Services, open_services
from tests.api.conftest import NOW, client_of, living

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "server-api.md"
SCOPES = re.compile(r"--scope (\S+)")


def commands() -> list[list[str]]:
    """Every command of the page's blocks, lines that go on joined."""
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [shlex.split(line) for line in lines if line.strip()]


@pytest.fixture
async def services(settings: Settings, tmp_path: Path) -> AsyncIterator[Services]:
    whole = Settings(home=tmp_path, database_url=settings.database_url, lake=str(tmp_path / "lake"), role="admin")
    async with open_services(whole, clock=FixedClock(NOW)) as services:
        yield services


async def run(command: list[str], client: httpx.AsyncClient, key: str) -> httpx.Response:
    """What curl does with these arguments."""
    method, url, headers, body = "GET", "", {}, None
    asks, parts = "-G" in command, []
    words = iter(command[1:])
    for word in words:
        match word:
            case "-X":
                method = next(words)
            case "-H":
                name, _, value = next(words).partition(": ")
                headers[name] = value.replace("$KEY", key)
            case "-G":
                pass
            case "-d" | "--data-urlencode" if asks:
                parts.append(next(words).partition("=")[::2])
            case "-d":
                body = next(words)
                json.loads(body)
            case _:
                url = word
    assert url.startswith("http://127.0.0.1:8000/"), command
    path = httpx.URL(url.removeprefix("http://127.0.0.1:8000")).copy_merge_params(dict(parts))
    return await client.request(method, path, headers=headers, content=body)


async def test_the_pages_examples_do_what_it_says(services: Services) -> None:
    create, *calls = commands()
    assert create[:3] == ["joren", "api-key", "create"]
    key = await services.api_keys.create("shop server", scopes=SCOPES.findall(" ".join(create)))
    server = create_app(services, "admin")
    async with living(server), client_of(server) as client:
        told = [call for call in calls if "-X" in call]
        for call in told:
            answer = await run(call, client, key)
            assert answer.status_code in (200, 202), (call, answer.text)
        await services.refresh.run_until_current()
        for call in calls[len(told) :]:
            answer = await run(call, client, key)
            assert answer.status_code == 200, (call, answer.text)
        person = (await client.get("/api/v1/customers/1", headers={"Authorization": f"Bearer {key}"})).json()
    assert (person["name"], person["facts"]["orders"]) == ("佐藤 花子", 1)
    assert [device["state"] for device in person["devices"]] == ["signed_out"]
    assert [(one["granted"], one["origin"]) for one in person["consents"]] == [(True, "店頭申込書")]
