"""``Idempotency-Key``: asked twice is done once, whatever dies in between."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import pytest
from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.di import Provide

from backend.api.idempotency import Idempotent
from backend.api.problems import HANDLERS
from backend.api.segments import SegmentController
from backend.api.shop import ShopController
from backend.clock import FixedClock
from backend.errors import Conflict
from backend.services import idempotency
from backend.services.api_keys import ApiKeys
from backend.services.idempotency import Answer, Ask, Idempotency
from backend.services.segment_runs import SegmentRuns
from backend.services.shop import Shop
from backend.services.workers import Workers
from backend.store import idempotency as store
from backend.store.pool import Pool
from tests.api.conftest import NOW, client_of
from tests.services.frames import HeldFrame

ONCE = {"attribute": "orders", "op": "=", "value": 1}
SEGMENT = {"name": "一度だけ", "rule": ONCE}


@dataclass(frozen=True, slots=True)
class Services:
    """What the routes under test ask."""

    pool: Pool
    clock: FixedClock
    api_keys: ApiKeys
    idempotency: Idempotency
    workers: Workers


@pytest.fixture
def services(pool: Pool) -> Services:
    clock = FixedClock(NOW)
    return Services(pool, clock, ApiKeys(pool, clock), Idempotency(pool, clock), Workers(pool, clock))


@pytest.fixture
async def client(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    runs = SegmentRuns(services.pool, services.clock, HeldFrame([]))
    shop = Shop(services.pool, services.clock)
    app = Litestar(
        [Router("/api/v1", route_handlers=[SegmentController, ShopController], middleware=[Idempotent()])],
        dependencies={
            "segment_runs": Provide(lambda: runs, sync_to_thread=False),
            "shop": Provide(lambda: shop, sync_to_thread=False),
            "people": Provide(lambda: None, sync_to_thread=False),
        },
        exception_handlers=HANDLERS,
        state=State({"services": services}),
        logging_config=None,
    )
    async with client_of(app) as client:
        key = await services.api_keys.create("steering", scopes=["segments:write", "segments:read", "shop:write"])
        client.headers["Authorization"] = f"Bearer {key}"
        yield client


async def create(client: httpx.AsyncClient, key: str = "k1", **changes: Any) -> httpx.Response:
    return await client.post("/api/v1/segments", json=SEGMENT | changes, headers={"Idempotency-Key": key})


async def segments(services: Services) -> int:
    count: int = await services.pool.fetchval("SELECT count(*) FROM segments")
    return count


async def test_asked_twice_is_done_once_and_answered_alike(client: httpx.AsyncClient, services: Services) -> None:
    first, second = await create(client), await create(client)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    assert first.headers["content-type"] == second.headers["content-type"]
    assert ("idempotent-replayed" in first.headers, second.headers["idempotent-replayed"]) == (False, "true")
    assert await segments(services) == 1
    assert (await create(client, "k2", name="二度")).json()["id"] != first.json()["id"]


async def test_without_a_key_everything_is_done_each_time(client: httpx.AsyncClient, services: Services) -> None:
    for name in ("一", "二"):
        assert (await client.post("/api/v1/segments", json=SEGMENT | {"name": name})).status_code == 201
    assert await segments(services) == 2


async def test_a_key_is_for_one_request_only(client: httpx.AsyncClient, services: Services) -> None:
    await create(client)
    other_name = await create(client, name="二度")
    other_route = await client.put("/api/v1/shop", json=SEGMENT, headers={"Idempotency-Key": "k1"})
    for answer in (other_name, other_route):
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert await segments(services) == 1


async def test_many_at_once_with_one_key_are_done_once(client: httpx.AsyncClient, services: Services) -> None:
    answers = await asyncio.gather(*(create(client) for _ in range(8)))
    assert {each.status_code for each in answers} == {201}
    assert len({each.content for each in answers}) == 1
    assert await segments(services) == 1


async def test_a_refusal_for_good_is_kept_and_one_for_now_is_not(client: httpx.AsyncClient, services: Services) -> None:
    for _ in range(2):
        assert (await create(client, rule={"attribute": "own"})).status_code == 400
    assert (await create(client)).status_code == 422
    key = await services.api_keys.create("reader", scopes=["segments:read"])
    refused = {"Idempotency-Key": "k9", "Authorization": f"Bearer {key}"}
    assert (await client.post("/api/v1/segments", json=SEGMENT, headers=refused)).status_code == 403
    assert await services.pool.fetchval("SELECT count(*) FROM idempotency_keys WHERE key = 'k9'") == 0


async def test_a_revoked_key_is_not_even_told_what_it_was_told_before(
    client: httpx.AsyncClient, services: Services
) -> None:
    await create(client)
    await services.api_keys.revoke("steering")
    assert (await create(client)).status_code == 401


async def test_two_callers_may_choose_the_same_word(client: httpx.AsyncClient, services: Services) -> None:
    first = await create(client)
    client.headers["Authorization"] = f"Bearer {await services.api_keys.create('other', scopes=['*'])}"
    second = await create(client, name="二度")
    assert first.json()["id"] != second.json()["id"]


@pytest.mark.parametrize("key", ["", "x" * 256, "schlüssel", "a\tb"])
async def test_what_is_no_key_is_refused(client: httpx.AsyncClient, services: Services, key: str) -> None:
    headers = [(b"Idempotency-Key", key.encode())]
    answer = await client.post("/api/v1/segments", json=SEGMENT, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_idempotency_key")
    assert await segments(services) == 0


async def die(connection: Any, **_: Any) -> None:
    """What a kill -9 between the work and the kept answer looks like to the database: the connection breaks off."""
    await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")


async def interrupted(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The answers to a request that dies after its work, and to the same one again."""
    with monkeypatch.context() as broken:
        broken.setattr(store, "keep", die)
        died = await create(client)
    return [died.status_code, (await create(client)).status_code]


async def test_killed_between_work_and_answer_nothing_was_done_and_it_can_be_asked_again(
    client: httpx.AsyncClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await interrupted(client, monkeypatch) == [503, 201]
    assert await segments(services) == 1
    assert (await create(client)).headers["idempotent-replayed"] == "true"


async def test_sabotage_work_in_a_transaction_of_its_own_outlives_its_answer(
    client: httpx.AsyncClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pool, "holding", lambda *_: nullcontext())
    assert await interrupted(client, monkeypatch) == [503, 409]
    assert await segments(services) == 1


async def test_killed_after_the_work_was_kept_the_answer_is_there(
    client: httpx.AsyncClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def vanish(*_: Any) -> None:
        raise RuntimeError("the process is gone")

    with monkeypatch.context() as broken:
        broken.setattr("backend.api.idempotency._send", vanish)
        assert (await create(client)).status_code == 503
    again = await create(client)
    assert (again.status_code, again.headers["idempotent-replayed"]) == (201, "true")
    assert await segments(services) == 1


async def test_a_fault_of_ours_undoes_everything_and_is_not_kept(
    client: httpx.AsyncClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("backend.api.segments.segment_answer", lambda _: 1 / 0)
        assert (await create(client)).status_code == 503
    assert await segments(services) == 0
    assert (await create(client)).status_code == 201


async def test_keys_are_kept_for_a_day_at_least_and_not_for_ever(client: httpx.AsyncClient, services: Services) -> None:
    await create(client)
    for hours, kept in ((24, 1), (25, 0)):
        services.clock.advance(timedelta(hours=hours))
        await services.workers.keep_house()
        assert await services.pool.fetchval("SELECT count(*) FROM idempotency_keys") == kept


ASK = Ask(api_key_id=1, key="k", fingerprint=b"f")
DONE = Answer(status=200, headers={"content-type": "text/plain"}, body=b"sent")


@pytest.fixture
def kept(pool: Pool) -> Idempotency:
    return Idempotency(pool, FixedClock(NOW))


async def test_a_request_that_does_not_end_is_waited_for_only_so_long(
    kept: Idempotency, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "PATIENCE", 50)
    async with kept.together(ASK) as turn:
        with pytest.raises(Conflict) as refused:
            await asyncio.create_task(_ask(kept))
        assert refused.value.code == "idempotency_in_progress"
        turn.answered(DONE)
    async with kept.together(ASK) as turn:
        assert turn.kept == DONE


async def _ask(kept: Idempotency) -> None:
    async with kept.together(ASK):
        pass


async def test_work_that_cannot_be_undone_is_never_begun_twice(kept: Idempotency) -> None:
    with pytest.raises(RuntimeError):
        async with kept.apart(ASK):
            raise RuntimeError("killed while the push was on its way")
    for way in (kept.apart, kept.together):
        with pytest.raises(Conflict) as refused:
            async with way(ASK):
                pass
        assert refused.value.code == "idempotency_outcome_unknown"


async def test_work_that_is_the_same_done_twice_is_done_again_after_a_crash(kept: Idempotency) -> None:
    with pytest.raises(RuntimeError):
        async with kept.apart(ASK, repeatable=True):
            raise RuntimeError("killed after the events were stored")
    for before in (None, DONE):
        async with kept.apart(ASK, repeatable=True) as turn:
            assert turn.kept == before
            if before is None:
                turn.answered(DONE)


async def test_events_that_could_not_be_stored_can_be_sent_again_under_their_key(kept: Idempotency) -> None:
    away = Answer(status=503, headers={}, body=b"not now")
    for answer, before in ((away, None), (DONE, None), (away, DONE)):
        async with kept.apart(ASK, repeatable=True) as turn:
            assert turn.kept == before
            if turn.kept is None:
                turn.answered(answer)


async def test_work_apart_is_answered_alike_and_a_refusal_for_now_gives_the_key_back(kept: Idempotency) -> None:
    refusal = Answer(status=409, headers={}, body=b"not now")
    for answer, before in ((refusal, None), (DONE, None), (refusal, DONE)):
        async with kept.apart(ASK) as turn:
            assert turn.kept == before
            if turn.kept is None:
                turn.answered(answer)


async def test_only_the_task_that_holds_a_connection_works_on_it(pool: Pool) -> None:
    async def backend() -> int:
        async with pool.acquire() as connection:
            found: int = await connection.fetchval("SELECT pg_backend_pid()")
            return found

    async with pool.acquire() as connection, connection.transaction():
        own = await connection.fetchval("SELECT pg_backend_pid()")
        with pool.holding(connection):
            assert await backend() == own
            assert await asyncio.create_task(backend()) != own
        assert await backend() != own


async def test_a_failed_statement_spoils_nothing_but_its_own_block(pool: Pool) -> None:
    async with pool.acquire() as connection, connection.transaction():
        with pool.holding(connection):
            async with pool.acquire() as borrowed:
                with pytest.raises(asyncpg.DivisionByZeroError):
                    await borrowed.execute("SELECT 1 / 0")
            assert await pool.fetchval("SELECT 1") == 1
