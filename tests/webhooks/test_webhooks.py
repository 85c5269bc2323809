"""Webhooks: written with the fact, sent at least once, tried for days, looked at and sent again by a person."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest

from backend.errors import BadInput, NotFound
from backend.outbound.client import Answer, Caller
from backend.outbound.signature import signature
from backend.services.webhooks.endpoints import OVERLAP, Webhooks
from backend.services.webhooks.sending import EACH, KEPT, LEASE, WebhookRuns
from backend.store import webhooks as store
from campaigns.notices import FAILING_FOR, JITTER, WAITS, Notice, NoticeType, next_attempt
from tests.fixtures.shop_floor import NOON, ShopFloor

URL = "https://hooks.example/joren"
EXPORTS = (NoticeType.EXPORT_FINISHED,)


@dataclass
class Endpoint:
    """The other side, in memory: answers as it is told."""

    answers: list[Answer] = field(default_factory=list)
    calls: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    otherwise: Answer = field(default_factory=lambda: Answer(status=204, milliseconds=3))

    async def post(self, url: str, *, headers: Mapping[str, str], body: bytes) -> Answer:
        self.calls.append((url, dict(headers), body))
        return self.answers.pop(0) if self.answers else self.otherwise

    @property
    def ids(self) -> list[str]:
        return [headers["webhook-id"] for _, headers, _ in self.calls]


@pytest.fixture
def floor(pool: asyncpg.Pool) -> ShopFloor:
    return ShopFloor(pool)


@pytest.fixture
def other() -> Endpoint:
    return Endpoint()


@pytest.fixture
def webhooks(floor: ShopFloor) -> Webhooks:
    return Webhooks(floor.pool, floor.clock, rules=Caller())


@pytest.fixture
def runs(floor: ShopFloor, other: Endpoint) -> WebhookRuns:
    return WebhookRuns(floor.pool, floor.clock, caller=other)


async def tell(floor: ShopFloor, kind: NoticeType = NoticeType.EXPORT_FINISHED, **data: Any) -> list[int]:
    async with floor.pool.acquire() as connection, connection.transaction():
        return await store.publish(connection, Notice(kind, floor.clock.now(), data))


async def add(webhooks: Webhooks, *types: NoticeType, url: str = URL) -> int:
    endpoint, _ = await webhooks.add(url, types=types or EXPORTS, by="aya")
    return endpoint.endpoint_id


async def test_a_notice_is_sent_signed_and_logged(
    floor: ShopFloor, webhooks: Webhooks, runs: WebhookRuns, other: Endpoint
) -> None:
    _, secret = await webhooks.add(URL, types=EXPORTS, by="aya")
    (number,) = await tell(floor, export_id=7)
    assert await runs.deliver() == 1
    assert await runs.deliver() == 0
    url, headers, body = other.calls[0]
    assert (url, msgspec.json.decode(body)) == (
        URL,
        {"type": "export.finished", "timestamp": "2026-06-30T03:00:00Z", "data": {"export_id": 7}},
    )
    timestamp = int(NOON.timestamp())
    assert headers["webhook-timestamp"] == str(timestamp)
    expected = signature(secret, message_id=headers["webhook-id"], timestamp=timestamp, body=body)
    assert headers["webhook-signature"] == expected
    detail = await webhooks.delivery(number)
    assert (detail.delivery.state, detail.delivery.status, detail.body.encode()) == ("delivered", 204, body)
    assert [(one.attempt, one.status, one.milliseconds) for one in detail.tries] == [(1, 204, 3)]


async def test_only_who_asked_is_told_and_nothing_is_kept_for_nobody(floor: ShopFloor, webhooks: Webhooks) -> None:
    assert await tell(floor) == []
    assert await floor.pool.fetchval("SELECT count(*) FROM webhook_messages") == 0
    await add(webhooks, NoticeType.CAMPAIGN_STATE)
    await add(webhooks)
    disabled = await add(webhooks)
    await webhooks.set_disabled(disabled, disabled=True, by="aya")
    assert len(await tell(floor)) == 1


async def test_a_message_vanishes_with_its_fact(floor: ShopFloor, webhooks: Webhooks) -> None:
    await add(webhooks)
    async with floor.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        assert await store.publish(connection, Notice(NoticeType.EXPORT_FINISHED, NOON, {}))
        await transaction.rollback()
    assert await webhooks.deliveries() == ()


async def test_every_change_of_a_campaign_is_told(floor: ShopFloor, webhooks: Webhooks) -> None:
    await floor.settings()
    await add(webhooks, NoticeType.CAMPAIGN_STATE)
    await floor.people(2)
    made = (await floor.campaign("=春")).summary
    later = await floor.desk.schedule(made.campaign_id, at=NOON + timedelta(days=1), revision=made.revision, by="t")
    draft = await floor.desk.edit(made.campaign_id, later.draft, revision=later.summary.revision, by="t")
    again = await floor.desk.edit(made.campaign_id, draft.draft, revision=draft.summary.revision, by="t")
    await floor.desk.send_now(made.campaign_id, revision=again.summary.revision, by="t")
    await floor.runs.launch(made.campaign_id)
    await floor.desk.pause(made.campaign_id, by="t")
    await floor.desk.resume(made.campaign_id, by="t")
    await floor.drain()
    rows = await floor.pool.fetch(
        "SELECT body FROM webhook_messages AS m JOIN webhook_deliveries USING (message_id) ORDER BY delivery_id"
    )
    told = [msgspec.json.decode(row["body"])["data"] for row in rows]
    assert [one["state"] for one in told] == ["scheduled", "draft", "scheduled", "sending", "paused", "sending", "sent"]
    assert told[4] == {"campaign_id": made.campaign_id, "name": "=春", "state": "paused", "paused_reason": "person"}


async def test_what_is_not_taken_comes_again_with_the_same_id_for_three_days(
    floor: ShopFloor, webhooks: Webhooks, runs: WebhookRuns, other: Endpoint
) -> None:
    await add(webhooks)
    (number,) = await tell(floor)
    other.otherwise = Answer(status=500, text="oops")
    for _ in range(1 + len(WAITS)):
        assert await runs.deliver() == 1
        assert await runs.deliver() == 0
        floor.clock.advance((await webhooks.delivery(number)).delivery.next_at - floor.clock.now())
    assert len(set(other.ids)) == 1
    found = await webhooks.delivery(number)
    assert (found.delivery.state, found.delivery.attempts, len(found.tries)) == ("dead", 11, 11)
    assert {(one.status, one.response) for one in found.tries} == {(500, "oops")}
    assert found.tries[0].at - found.tries[-1].at > timedelta(days=2.5)
    assert await runs.deliver() == 0


def test_waits_grow_and_are_spread() -> None:
    total = sum(WAITS, timedelta())
    assert timedelta(days=3) < total < timedelta(days=3.5)
    for number, wait in enumerate(WAITS, start=1):
        ends = [next_attempt(number, now=NOON, jitter=jitter) for jitter in (0.0, 0.5, 1.0)]
        assert ends == [NOON + wait * (1 - JITTER), NOON + wait, NOON + wait * (1 + JITTER)]
    assert next_attempt(len(WAITS) + 1, now=NOON, jitter=0.5) is None


async def test_a_person_sends_it_again(
    floor: ShopFloor, webhooks: Webhooks, runs: WebhookRuns, other: Endpoint
) -> None:
    await add(webhooks)
    (number,) = await tell(floor)
    other.answers = [Answer(status=410)]
    await runs.deliver()
    assert (await webhooks.list())[0].disabled_reason == "gone"
    await webhooks.set_disabled((await webhooks.list())[0].endpoint_id, disabled=False, by="aya")
    await webhooks.resend(number, by="aya")
    assert await runs.deliver() == 1
    await webhooks.resend(number, by="aya")
    assert await runs.deliver() == 1
    assert len(other.calls) == 3
    assert len(set(other.ids)) == 1
    assert [one.attempt for one in (await webhooks.delivery(number)).tries] == [3, 2, 1]


async def test_an_endpoint_that_takes_nothing_for_days_is_disabled_and_people_learn_of_it(
    floor: ShopFloor, webhooks: Webhooks, runs: WebhookRuns, other: Endpoint
) -> None:
    number = await add(webhooks)
    other.otherwise = Answer(error="timeout")
    await tell(floor)
    await runs.deliver()
    failing = await webhooks.get(number)
    assert (failing.state, failing.failing_since) == ("active", NOON)
    floor.clock.advance(FAILING_FOR)
    await runs.deliver()
    disabled = await webhooks.get(number)
    assert (disabled.state, disabled.disabled_reason, disabled.waiting) == ("disabled", "failing", 1)
    floor.clock.advance(timedelta(days=1))
    assert await runs.deliver() == 0
    entry = await floor.pool.fetchrow("SELECT actor, action, object FROM audit_log WHERE action = 'webhook.disable'")
    assert tuple(entry) == ("joren", "webhook.disable", f"webhook {number}")
    other.otherwise = Answer(status=200)
    await webhooks.set_disabled(number, disabled=False, by="aya")
    assert await runs.deliver() == 1
    assert (await webhooks.get(number)).failing_since is None


async def test_a_slow_endpoint_does_not_hold_up_the_others(
    floor: ShopFloor, webhooks: Webhooks, runs: WebhookRuns, other: Endpoint
) -> None:
    await add(webhooks, url="https://slow.example/")
    await add(webhooks, url="https://quick.example/")
    for _ in range(3 * EACH):
        await tell(floor)
    assert await runs.deliver() == 2 * EACH
    assert {url for url, _, _ in other.calls} == {"https://slow.example/", "https://quick.example/"}


async def test_two_workers_share_what_is_due(floor: ShopFloor, webhooks: Webhooks, other: Endpoint) -> None:
    await add(webhooks)
    for _ in range(EACH):
        await tell(floor)
    async with floor.pool.acquire() as one, floor.pool.acquire() as two:
        claims = []
        for connection in (one, two):
            await connection.execute("BEGIN")
            claims.append(
                await store.claim(
                    connection, attempt_id=UUID(int=len(claims)), now=NOON, leased_until=NOON + LEASE, each=EACH // 2
                )
            )
        await one.execute("COMMIT")
        await two.execute("COMMIT")
    numbers = [claimed.delivery_id for claim in claims for claimed in claim]
    assert len(numbers) == len(set(numbers)) == EACH


async def test_a_dead_workers_message_is_sent_again_and_its_late_word_counts_for_nothing(
    floor: ShopFloor, webhooks: Webhooks, runs: WebhookRuns, other: Endpoint
) -> None:
    await add(webhooks)
    (number,) = await tell(floor)
    async with floor.pool.acquire() as connection:
        await store.claim(connection, attempt_id=UUID(int=1), now=NOON, leased_until=NOON + LEASE, each=1)
        assert await runs.deliver() == 0
        floor.clock.advance(LEASE + timedelta(seconds=1))
        assert await runs.deliver() == 1
        late = await store.settle(
            connection, delivery_id=number, attempt_id=UUID(int=1), state="dead", next_at=None, now=floor.clock.now()
        )
    assert not late
    assert (await webhooks.delivery(number)).delivery.state == "delivered"


async def test_a_rotated_secret_signs_beside_the_new_one_until_the_overlap_ends(
    floor: ShopFloor, webhooks: Webhooks, runs: WebhookRuns, other: Endpoint
) -> None:
    endpoint, old = await webhooks.add(URL, types=EXPORTS, by="aya")
    new = await webhooks.rotate(endpoint.endpoint_id, by="aya")
    await tell(floor)
    await runs.deliver()
    _, headers, body = other.calls[0]
    given = {"message_id": headers["webhook-id"], "timestamp": int(NOON.timestamp()), "body": body}
    assert headers["webhook-signature"].split(" ") == [signature(new, **given), signature(old, **given)]
    floor.clock.advance(OVERLAP)
    await tell(floor)
    await runs.deliver()
    assert " " not in other.calls[1][1]["webhook-signature"]
    await runs.keep_house()
    assert await floor.pool.fetchval("SELECT previous_secret FROM webhook_endpoints") is None


async def test_a_ping_reaches_a_disabled_endpoint_too(
    floor: ShopFloor, webhooks: Webhooks, runs: WebhookRuns, other: Endpoint
) -> None:
    number = await add(webhooks)
    await webhooks.set_disabled(number, disabled=True, by="aya")
    await webhooks.ping(number, by="aya")
    assert await runs.deliver() == 1
    assert msgspec.json.decode(other.calls[0][2])["type"] == "webhook.ping"


async def test_what_waits_at_a_disabled_endpoint_bars_no_ping_and_ends(
    floor: ShopFloor, webhooks: Webhooks, runs: WebhookRuns, other: Endpoint
) -> None:
    number = await add(webhooks)
    for _ in range(EACH + 1):
        await tell(floor)
    await webhooks.set_disabled(number, disabled=True, by="aya")
    floor.clock.advance(timedelta(seconds=1))
    await webhooks.ping(number, by="aya")
    assert await runs.deliver() == 1
    assert msgspec.json.decode(other.calls[0][2])["type"] == "webhook.ping"
    floor.clock.advance(sum(WAITS, timedelta()))
    await runs.keep_house()
    assert [one.state for one in await webhooks.deliveries()] == ["delivered", *["dead"] * (EACH + 1)]


async def test_a_fact_outlives_an_endpoint_that_is_removed_meanwhile(floor: ShopFloor, webhooks: Webhooks) -> None:
    number = await add(webhooks)
    async with floor.pool.acquire() as removing:
        transaction = removing.transaction()
        await transaction.start()
        await store.remove(removing, endpoint_id=number)
        telling = asyncio.create_task(tell(floor))
        async with asyncio.timeout(20):
            while not await floor.pool.fetchval("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"):  # noqa: ASYNC110 - a server process waits
                await asyncio.sleep(0.01)
        await transaction.commit()
    assert await telling == []


async def test_failed_events_ring_once_an_hour(floor: ShopFloor, webhooks: Webhooks, runs: WebhookRuns) -> None:
    async def fail(count: int, code: str) -> None:
        await floor.pool.execute(
            """INSERT INTO failed_events (event_id, source_id, received_at, code, reason, raw)
               SELECT gen_random_uuid(), 1, now(), $1, 'r', 'x' FROM generate_series(1, $2)""",
            code,
            count,
        )

    await fail(3, "old")
    await add(webhooks, NoticeType.EVENTS_FAILED)
    assert await runs.ring() == 0
    await fail(2, "too_large")
    await fail(1, "bad_json")
    assert await runs.ring() == 3
    await fail(1, "bad_json")
    assert await runs.ring() == 0
    floor.clock.advance(timedelta(hours=1))
    assert await runs.ring() == 1
    bodies = await floor.pool.fetch("SELECT body FROM webhook_messages ORDER BY at")
    assert msgspec.json.decode(bodies[0]["body"])["data"] == {"failed": 3, "codes": {"bad_json": 1, "too_large": 2}}


async def test_the_log_is_kept_for_a_month_and_what_waits_longer(
    floor: ShopFloor, webhooks: Webhooks, runs: WebhookRuns, other: Endpoint
) -> None:
    number = await add(webhooks)
    await tell(floor)
    await runs.deliver()
    other.otherwise = Answer(status=500)
    await tell(floor)
    await runs.deliver()
    await webhooks.set_disabled(number, disabled=True, by="aya")
    await runs.keep_house()
    assert sorted(one.state for one in await webhooks.deliveries()) == ["delivered", "waiting"]
    floor.clock.advance(KEPT + timedelta(seconds=1))
    await runs.keep_house()
    assert await webhooks.deliveries() == ()
    assert await floor.pool.fetchval("SELECT count(*) FROM webhook_attempts") == 0


async def test_the_log_is_leafed_through(floor: ShopFloor, webhooks: Webhooks, runs: WebhookRuns) -> None:
    number = await add(webhooks)
    for _ in range(5):
        await tell(floor)
    page = await webhooks.deliveries(endpoint_id=number, limit=3)
    rest = await webhooks.deliveries(endpoint_id=number, before=page[-1].delivery_id, limit=3)
    assert (len(page), len(rest)) == (3, 2)
    assert await webhooks.deliveries(state="dead") == ()
    for wrong in ({"limit": 0}, {"state": "x"}):
        with pytest.raises(BadInput):
            await webhooks.deliveries(**wrong)  # type: ignore[arg-type]


async def test_endpoints_are_checked_changed_audited_and_removed(floor: ShopFloor, webhooks: Webhooks) -> None:
    for url, types, words, at_fault in (
        ("http://x.example/", EXPORTS, "", "url"),
        ("https://10.0.0.1/", EXPORTS, "", "url"),
        (URL, (), "", "types"),
        (URL, (NoticeType.PING,), "", "types"),
        (URL, ("nonsense",), "", "types"),
        (URL, EXPORTS, "a\nb", "description"),
    ):
        with pytest.raises(BadInput) as refusal:
            await webhooks.add(url, types=types, description=words, by="aya")  # type: ignore[arg-type]
        assert refusal.value.field == at_fault
    number = await add(webhooks)
    changed = await webhooks.change(
        number, url=f"{URL}/2", types=[NoticeType.EVENTS_FAILED], description=" 在庫 ", by="ken"
    )
    assert (changed.url, changed.event_types, changed.description) == (f"{URL}/2", ("events.failed",), "在庫")
    await webhooks.remove(number, by="ken")
    actions = [row["action"] for row in await floor.pool.fetch("SELECT action FROM audit_log ORDER BY audit_id")]
    assert actions == ["webhook.add", "webhook.change", "webhook.remove"]
    audit = await floor.pool.fetchval("SELECT string_agg(detail::text, '') FROM audit_log")
    assert "whsec_" not in audit
    for asked in (
        webhooks.get(99),
        webhooks.ping(99, by="a"),
        webhooks.rotate(99, by="a"),
        webhooks.remove(99, by="a"),
        webhooks.resend(99, by="a"),
        webhooks.delivery(99),
        webhooks.set_disabled(99, disabled=True, by="a"),
    ):
        with pytest.raises(NotFound):
            await asked
