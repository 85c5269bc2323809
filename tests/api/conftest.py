"""An intake server in this process, on a real database, with one app and one server source."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from litestar import Litestar

from backend import asgi
from backend.api.description import LocalTimes
from backend.asgi import create_app
from backend.clock import FixedClock
from backend.services.sources import NewSource
from backend.settings import Settings
from backend.wiring import IntakeServices, Services, open_intake

NOW = datetime(2026, 4, 1, 3, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """The server as a client sees it, and what lies behind it."""

    client: httpx.AsyncClient
    services: IntakeServices
    app: NewSource
    till: NewSource

    async def send(self, body: Any, path: str = "/v1/batch", **options: Any) -> Any:
        """POST a JSON body with the app's key."""
        return await self.client.post(path, json=body, auth=options.pop("auth", (self.app.write_key, "")), **options)

    async def send_bytes(self, body: bytes, path: str = "/v1/batch", **headers: str) -> Any:
        """POST bytes with the app's key."""
        return await self.client.post(path, content=body, headers=headers, auth=(self.app.write_key, ""))

    async def count(self) -> tuple[int, int]:
        """Stored and failed events."""
        pool: asyncpg.Pool = self.services.pool
        stored = await pool.fetchval("SELECT count(*) FROM event_log")
        return stored, await pool.fetchval("SELECT count(*) FROM failed_events")


@pytest.fixture
def settings(dsn: str, tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, database_url=dsn, role="intake", allowed_origins=("https://shop.example",))


@pytest.fixture
async def intake(settings: Settings) -> AsyncIterator[Intake]:
    async with open_intake(settings, clock=FixedClock(NOW)) as services:
        app = await services.sources.create("phone", kind="app")
        till = await services.sources.create("till", kind="server")
        server = create_app(services, "intake")
        async with living(server), client_of(server) as client:
            yield Intake(client=client, services=services, app=app, till=till)


def server_api(services: Services) -> Litestar:
    """The server API alone: the pages, which have tests of their own, are most of what an application costs to make."""
    with pytest.MonkeyPatch.context() as without:
        without.setattr(asgi, "_plugins", lambda *_: [LocalTimes()])
        return create_app(services, "admin")


@contextlib.asynccontextmanager
async def living(server: Litestar) -> AsyncIterator[None]:
    """The server started and, afterwards, stopped; in one task, which its lifespan demands and fixtures do not give."""
    started, over = asyncio.Event(), asyncio.Event()

    async def live() -> None:
        async with server.lifespan():
            started.set()
            await over.wait()

    life = asyncio.create_task(live())
    waiting = asyncio.create_task(started.wait())
    await asyncio.wait([life, waiting], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    try:
        yield
    finally:
        over.set()
        await life


def client_of(server: Litestar) -> httpx.AsyncClient:
    """A client in the same event loop, as one from outside this machine; faults of the server reach the test as answers."""
    transport = httpx.ASGITransport(server, raise_app_exceptions=False, client=("192.0.2.7", 40000))
    return httpx.AsyncClient(transport=transport, base_url="http://joren.example")


def track(message_id: str, **changes: Any) -> dict[str, Any]:
    """A good event."""
    return {"type": "track", "event": "Store Visited", "userId": "u1", "messageId": message_id, **changes}
