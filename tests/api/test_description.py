"""The OpenAPI description is true: whatever fits it, or nearly does, is answered as it says, and never by a fault of ours.

Schemathesis draws the requests and judges the answers; they go to the whole application in this process, on a real
database that holds something to find.
"""

import asyncio
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from backend.clock import FixedClock
from backend.settings import Settings
from backend.wiring import Services, open_services
from tests.api.conftest import NOW, client_of, living, server_api

HOST = "http://joren.example"
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
STEERING = "/api/v1/"


@dataclass(frozen=True, slots=True)
class Server:
    """The application in a loop that runs while something is asked."""

    runner: asyncio.Runner
    client: httpx.AsyncClient
    key: str

    def ask(self, case: schemathesis.Case, *, key: str | None) -> httpx.Response:
        """The answer to a request that Schemathesis drew."""
        wanted = case.as_transport_kwargs(base_url=HOST)
        names = ("method", "url", "headers", "params", "data", "json", "files", "cookies")
        request = requests.Request(**{name: wanted[name] for name in names if name in wanted}).prepare()
        headers = {name: value for name, value in request.headers.items() if name.lower() != "authorization"}
        if key is not None:
            headers["Authorization"] = f"Bearer {key}"
        body = request.body.encode() if isinstance(request.body, str) else request.body
        return self.runner.run(self.client.request(request.method, request.url, headers=headers, content=body))

    def operations(self) -> list[Any]:
        """Every operation of /api/v1."""
        document = self.runner.run(self.client.get("/api/v1/schema/openapi.json")).json()
        for operation in (each for path in document["paths"].values() for each in path.values()):
            operation.pop("security", None)  # keys have a test of their own
        schema = schemathesis.openapi.from_dict(document)
        found = [result.ok() for result in schema.get_all_operations()]
        return [operation for operation in found if operation.path.startswith(STEERING)]


@pytest.fixture
def server(dsn: str, tmp_path: Path) -> Iterator[Server]:
    configured = Settings(home=tmp_path, database_url=dsn, lake=str(tmp_path / "lake"), api_limit=0)
    with asyncio.Runner() as runner:
        services_of = open_services(configured, clock=FixedClock(NOW))
        services = runner.run(services_of.__aenter__())
        app = server_api(services)
        life = living(app)
        runner.run(life.__aenter__())
        key = runner.run(services.api_keys.create("fuzz", scopes=["*"]))
        client = client_of(app)
        runner.run(_fill(client, services, key))
        yield Server(runner, client, key)
        runner.run(client.aclose())
        runner.run(life.__aexit__(None, None, None))
        runner.run(services_of.__aexit__(None, None, None))


async def _fill(client: httpx.AsyncClient, services: Services, key: str) -> None:
    """Something to find under the first number of each kind."""
    headers = {"Authorization": f"Bearer {key}"}
    rule = {"attribute": "orders", "op": ">=", "value": 0}
    content = {"ja": {"title": "題", "body": "本文"}}
    for path, body in (
        ("customers", {"user_id": "M-1", "anonymous_id": "a1", "traits": {"family_name": "佐藤"}}),
        ("devices", {"user_id": "M-1", "address": "t1"}),
        ("consents", {"user_id": "M-1", "granted": True}),
        ("segments", {"name": "全員", "rule": rule}),
        ("campaigns", {"name": "便り", "segment_id": 1, "content": content}),
    ):
        answer = await client.post(f"{STEERING}{path}", json=body, headers=headers)
        assert answer.status_code in (201, 202), (path, answer.text)
    await services.refresh.run_until_current()


def explore(server: Server, mode: GenerationMode, *, examples: int, random: bool) -> None:
    """Ask every operation in ways that fit the description, or do not."""
    faults: dict[str, str] = {}
    asked = 0
    for operation in server.operations():
        try:
            _hold(server, operation, mode, examples=examples, random=random)
        except Unsatisfiable:  # nothing is sent to it, so nothing can be wrong
            assert mode is GenerationMode.NEGATIVE
            asked -= 1
        except (Exception, FailureGroup) as failure:  # noqa: BLE001 - every operation is asked, whatever the others do
            faults[operation.label] = "".join(traceback.format_exception_only(failure))
        asked += 1
    assert asked > 20
    assert not faults, "\n".join(f"{label}\n{fault}" for label, fault in faults.items())


def _hold(server: Server, operation: Any, mode: GenerationMode, *, examples: int, random: bool) -> None:
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=not random,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(mode), known=st.booleans())
    def hold(case: schemathesis.Case, known: bool) -> None:
        if known and mode is GenerationMode.POSITIVE:
            case.path_parameters = dict.fromkeys(case.path_parameters or {}, 1)
        case.validate_response(server.ask(case, key=server.key), checks=CHECKS)

    hold()


def test_every_operation_answers_as_it_is_described(server: Server) -> None:
    explore(server, GenerationMode.POSITIVE, examples=1, random=False)
    explore(server, GenerationMode.NEGATIVE, examples=1, random=False)


def test_no_operation_answers_without_a_key(server: Server) -> None:
    operations = server.operations()
    assert len(operations) > 40
    for operation in operations:
        parameters = dict.fromkeys((each.name for each in operation.path_parameters), 1)
        case = operation.Case(path_parameters=parameters)
        for key in (None, "joren_api_" + "0" * 32):
            answer = server.ask(case, key=key)
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized"), operation.label


@pytest.mark.prove
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_every_operation_answers_as_it_is_described_at_length(server: Server, mode: GenerationMode) -> None:
    explore(server, mode, examples=200, random=True)
