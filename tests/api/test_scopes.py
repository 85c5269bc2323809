"""Promise C-1: every route of /api/v1 asks for a scope, and a key without it is refused. A new route is in it by itself."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler

from backend.api.guards import requires, scope_of
from backend.api.idempotency import Idempotent
from backend.clock import FixedClock
from backend.errors import BadInput
from backend.services.api_keys import SCOPES
from backend.settings import Settings
from backend.wiring import Services, open_services
from tests.api.conftest import NOW, client_of, server_api

OPEN = ("/api/v1/schema",)
"""The description of the API, which tells nothing about the shop."""


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    path: str
    handler: HTTPRouteHandler

    @property
    def address(self) -> str:
        """The path with a number or a word for each of its parameters."""
        parts = self.path.split("/")
        return "/".join(_given(part) if part.startswith("{") else part for part in parts)


def _given(part: str) -> str:
    return "2147483647" if part.endswith((":int}", ":str}", "}")) else part


def routes_of(app: Litestar) -> list[Route]:
    """Every route of the server API."""
    return [
        Route(method, route.path, handler)
        for route in app.routes
        if route.path.startswith("/api/v1") and not route.path.startswith(OPEN)
        for handler in getattr(route, "route_handlers", [])
        for method in sorted(handler.http_methods - {"OPTIONS", "HEAD"})
    ]


@pytest.fixture
async def services(settings: Settings, tmp_path: Path) -> AsyncIterator[Services]:
    whole = Settings(home=tmp_path, database_url=settings.database_url, lake=str(tmp_path / "lake"))
    async with open_services(whole, clock=FixedClock(NOW)) as services:
        yield services


@pytest.fixture
def app(services: Services) -> Litestar:
    return server_api(services)


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_every_route_asks_for_a_scope_that_exists(app: Litestar) -> None:
    routes = routes_of(app)
    assert len(routes) > 15
    assert {f"{each.method} {each.path}" for each in routes if scope_of(each.handler) not in SCOPES} == set()


def test_what_changes_something_never_asks_for_reading_only(app: Litestar) -> None:
    looks = {f"/api/v1/{noun}/preview" for noun in ("segments", "ranks", "campaigns")}
    changing = [each for each in routes_of(app) if each.method != "GET" and each.path not in looks]
    assert len(changing) > 5
    assert looks <= {each.path for each in routes_of(app)}
    assert {each.path for each in changing if str(scope_of(each.handler)).endswith(":read")} == set()


async def test_every_route_with_and_without_its_scope(app: Litestar, services: Services) -> None:
    wrong: list[str] = []
    async with client_of(app) as client:
        for scope in sorted({scope_of(each.handler) or "" for each in routes_of(app)}):
            having = await services.api_keys.create(f"only {scope}", scopes=[scope])
            lacking = await services.api_keys.create(f"all but {scope}", scopes=set(SCOPES) - {scope})
            for route in (each for each in routes_of(app) if scope_of(each.handler) == scope):
                wrong += await wrongly_answered(client, route, having, lacking)
    assert wrong == []


async def wrongly_answered(client: httpx.AsyncClient, route: Route, having: str, lacking: str) -> list[str]:
    async def ask(headers: dict[str, str]) -> httpx.Response:
        return await client.request(route.method, route.address, headers=headers)

    without, other, right = await ask({}), await ask(bearer(lacking)), await ask(bearer(having))
    fits = without.status_code == 401 and right.status_code not in (401, 403)
    told = (other.status_code, other.json().get("code")) == (403, "scope_missing")
    return [] if fits and told else [f"{route.method} {route.path} {without} {other} {right}"]


async def test_a_key_for_everything_may_use_every_route(app: Litestar, services: Services) -> None:
    key = await services.api_keys.create("owner", scopes=["*"])
    async with client_of(app) as client:
        for route in routes_of(app):
            answer = await client.request(route.method, route.address, headers=bearer(key))
            assert answer.status_code not in (401, 403), route


async def test_an_expired_key_is_refused_from_that_moment(app: Litestar, services: Services) -> None:
    key = await services.api_keys.create("visitor", scopes=["shop:read"], expires_at=NOW + timedelta(hours=1))
    assert isinstance(services.clock, FixedClock)
    async with client_of(app) as client:
        for passed, status in ((timedelta(minutes=59), 200), (timedelta(minutes=1), 401)):
            services.clock.advance(passed)
            assert (await client.get("/api/v1/shop", headers=bearer(key))).status_code == status


async def test_keys_are_kept_as_hashes_with_their_end_shown_and_their_use_noted(services: Services) -> None:
    key = await services.api_keys.create("warehouse", scopes=["exports:read", "customers:read"], actor="a@shop.example")
    dumped = str([tuple(row.values()) for row in await services.pool.fetch("SELECT * FROM api_keys")])
    assert key not in dumped
    assert await services.api_keys.admit(key) is not None
    assert await services.api_keys.admit(key[:-1] + "x") is None
    (shown,) = await services.api_keys.list()
    assert (shown.hint, shown.scopes) == (key[-4:], ("customers:read", "exports:read"))
    assert (shown.last_used, shown.created_by) == (NOW, "a@shop.example")
    await services.api_keys.revoke("warehouse", actor="a@shop.example")
    written = await services.pool.fetch("SELECT actor, action, object FROM audit_log ORDER BY audit_id")
    assert [tuple(row.values()) for row in written] == [
        ("a@shop.example", "api_key.create", "warehouse"),
        ("a@shop.example", "api_key.revoke", "warehouse"),
    ]


async def test_a_key_needs_a_scope_that_exists_and_an_end_to_come(services: Services) -> None:
    for scopes in ([], ["customers:delete"], ["customers"]):
        with pytest.raises(BadInput, match=r"customers:read"):
            await services.api_keys.create("x", scopes=scopes)
    with pytest.raises(BadInput, match="expired"):
        await services.api_keys.create("x", scopes=["*"], expires_at=NOW)


def test_a_route_cannot_ask_for_a_scope_that_does_not_exist() -> None:
    with pytest.raises(ValueError, match="customers:own"):
        requires("customers:own")


async def test_an_api_key_makes_so_many_requests_a_minute(app: Litestar, services: Services) -> None:
    key = await services.api_keys.create("eager", scopes=["shop:read"])
    await services.api_keys.set_limit("eager", request_limit=20)
    async with client_of(app) as client:
        answers = [await client.get("/api/v1/shop", headers=bearer(key)) for _ in range(30)]
        assert [each.status_code for each in answers].count(200) in (20, 21, 22)
        refused = answers[-1]
        assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
        assert 1 <= int(refused.headers["retry-after"]) <= 300
        other = await services.api_keys.create("calm", scopes=["shop:read"])
        assert (await client.get("/api/v1/shop", headers=bearer(other))).status_code == 200


def test_every_route_that_changes_something_takes_an_idempotency_key(app: Litestar) -> None:
    routes = [each for each in routes_of(app) if each.method != "GET"]
    assert len(routes) > 5
    for each in routes:
        assert any(isinstance(middleware, Idempotent) for middleware in each.handler.resolve_middleware()), each


async def test_the_description_names_scope_refusals_and_the_header(app: Litestar) -> None:
    async with client_of(app) as client:
        document = (await client.get("/api/v1/schema/openapi.json")).json()
    operations = {
        (method, path): operation
        for path, item in document["paths"].items()
        if path.startswith("/api/v1/")
        for method, operation in item.items()
    }
    assert len(operations) > 15
    for (method, path), operation in operations.items():
        names = [each["name"] for each in operation.get("parameters", [])]
        assert ("Idempotency-Key" in names) == (method != "get"), (path, method)
        assert {"401", "403", "429", "503"} <= operation["responses"].keys(), (path, method)
        ((scope,),) = [each["api_key"] for each in operation["security"]]
        assert scope in SCOPES


async def test_a_body_with_an_idempotency_key_is_no_larger_than_any_other(app: Litestar, services: Services) -> None:
    key = await services.api_keys.create("large", scopes=["shop:write"])
    body = b'{"name_ja": "' + b"x" * 2 * services.settings.largest_body + b'"}'
    async with client_of(app) as client:
        answer = await client.put("/api/v1/shop", content=body, headers={**bearer(key), "Idempotency-Key": "k"})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
