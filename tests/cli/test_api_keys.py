"""`joren api-key`: a key that was made opens the API, a revoked one does not."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from backend.settings import Settings
from backend.wiring import open_services
from tests.api.conftest import client_of, server_api
from tests.fixtures import commands

Joren = Callable[..., str]


@pytest.fixture
def joren(dsn: str, tmp_path: Path) -> Joren:
    """Runs a command on this test's database; gives what it printed."""

    def run(*arguments: str) -> str:
        done = commands.joren(*arguments, home=tmp_path, DATABASE_URL=dsn)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


async def test_a_key_opens_the_api_until_it_is_revoked(joren: Joren, dsn: str, tmp_path: Path) -> None:
    key = json.loads(joren("api-key", "create", "warehouse", "--scope", "segments:read", "--json"))["key"]
    settings = Settings(home=tmp_path, database_url=dsn, lake=str(tmp_path / "lake"))
    async with open_services(settings) as services, client_of(server_api(services)) as client:

        async def status(key: str) -> int:
            answer = await client.get("/api/v1/segments", headers={"Authorization": f"Bearer {key}"})
            return answer.status_code

        assert await status(key) == 200
        assert await status("guessed") == 401
        assert [each["name"] for each in json.loads(joren("api-key", "list", "--json"))] == ["warehouse"]
        joren("api-key", "revoke", "warehouse")
        assert await status(key) == 401


def test_a_key_has_scopes_an_end_and_a_limit(joren: Joren) -> None:
    joren("api-key", "create", "warehouse", "--scope", "exports:read", "--expires", "90d")
    joren("api-key", "limit", "warehouse", "600")
    (key,) = json.loads(joren("api-key", "list", "--json"))
    assert (key["scopes"], key["request_limit"], key["expires_at"] > key["created_at"]) == (["exports:read"], 600, True)
