"""Health and figures."""

from datetime import timedelta

from backend.clock import FixedClock
from backend.store import workers
from tests.api.conftest import NOW, Intake, track


async def test_a_live_process_says_so_without_the_database(intake: Intake) -> None:
    await intake.services.pool.close()
    assert (await intake.client.get("/health/live")).json() == {"status": "ok"}
    answer = await intake.client.get("/health/ready")
    assert (answer.status_code, answer.json()["concerns"]) == (503, ["database_unavailable"])


async def beat(intake: Intake) -> None:
    now = intake.services.clock.now()
    async with intake.services.pool.acquire() as connection:
        await workers.beat(connection, worker="w1", started_at=now, now=now, detail={})


async def test_readiness_waits_for_a_worker_and_says_so(intake: Intake) -> None:
    assert isinstance(intake.services.clock, FixedClock)
    without = await intake.client.get("/health/ready")
    assert (without.status_code, without.json()["ready"], without.json()["workers"]) == (503, False, 0)
    assert without.json()["concerns"] == ["worker_missing"]
    assert "joren worker" in without.json()["reasons"][0]
    assert (await intake.client.get("/health/live")).status_code == 200
    await beat(intake)
    intake.services.clock.advance(timedelta(seconds=30))
    assert (await intake.client.get("/health/ready")).json()["workers"] == 1
    intake.services.clock.advance(timedelta(seconds=1))
    silent = await intake.client.get("/health/ready")
    assert (silent.status_code, silent.json()["concerns"]) == (503, ["worker_silent"])
    assert silent.json()["worker_seen_at"] == (NOW.isoformat())
    await beat(intake)
    assert (await intake.client.get("/health/ready")).status_code == 200
    async with intake.services.pool.acquire() as connection:
        await workers.forget(connection, worker="w1")
    assert (await intake.client.get("/health/ready")).json()["concerns"] == ["worker_missing"]


async def test_readiness_says_that_a_restored_database_sends_nothing(intake: Intake) -> None:
    now = intake.services.clock.now()
    async with intake.services.pool.acquire() as connection:
        await workers.beat(connection, worker="w1", started_at=now, now=now, detail={"held": "restored"})
    answer = await intake.client.get("/health/ready")
    assert (answer.status_code, answer.json()["concerns"]) == (200, ["sending_held"])
    assert "joren arm" in answer.json()["reasons"][0]


async def test_readiness_tells_how_far_the_facts_are_behind(intake: Intake) -> None:
    await beat(intake)
    idle = (await intake.client.get("/health/ready")).json()
    assert (idle["ready"], idle["refresh_lag_rows"], idle["refresh_lag_seconds"]) == (True, 0, 0)
    await intake.send({"batch": [track("m1"), track("m2")]})
    assert isinstance(intake.services.clock, FixedClock)
    intake.services.clock.advance(timedelta(seconds=90))
    await beat(intake)
    answer = await intake.client.get("/health/ready")
    late = answer.json()
    assert (answer.status_code, late["refresh_lag_rows"], late["refresh_lag_seconds"]) == (200, 2, 90)
    assert late["concerns"] == ["refresh_late"]
    await intake.services.pool.execute(
        """INSERT INTO refresh_batches (batch, after_seq, upto_seq, planned_at, done_at)
        VALUES (1, 0, (SELECT max(seq) FROM event_log), now(), now())"""
    )
    assert (await intake.client.get("/health/ready")).json()["refresh_lag_rows"] == 0


async def test_metrics_count_what_came_and_name_no_key(intake: Intake) -> None:
    await beat(intake)
    key = await intake.services.api_keys.create("prometheus", scopes=["metrics:read"])
    await intake.send({"batch": [track("m1"), track("m1"), track("bad", type="x")]}, headers={"X-Retry-Count": "1"})
    await intake.send_bytes(b"{")
    await intake.client.get(f"/v1/projects/{intake.app.write_key}/settings")
    text = (await intake.client.get("/metrics", headers={"Authorization": f"Bearer {key}"})).text
    lines = set(text.splitlines())
    assert {
        'joren_requests_total{route="/v1/batch",status="200"} 1.0',
        'joren_requests_total{route="/v1/batch",status="400"} 1.0',
        'joren_intake_events_total{source_kind="app"} 3.0',
        "joren_intake_retries_total 1.0",
        'joren_events{outcome="stored"} 1.0',
        'joren_events{outcome="repeated"} 1.0',
        'joren_events{outcome="failed"} 1.0',
        "joren_refresh_lag_rows 1.0",
        "joren_ready 1.0",
        "joren_workers 1.0",
    } <= lines
    assert intake.app.write_key not in text
