"""Write keys and API keys at the door."""

import base64
from datetime import timedelta
from typing import Any

from backend.clock import FixedClock
from tests.api.conftest import Intake, track


def basic(text: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


async def send(intake: Intake, body: dict[str, Any], headers: dict[str, str]) -> int:
    answer = await intake.client.post("/v1/batch", json={"batch": [track("m1")], **body}, headers=headers)
    if answer.status_code == 401:
        assert answer.json()["code"] == "unauthorized"
    return int(answer.status_code)


async def test_the_key_comes_as_basic_user_or_in_the_body(intake: Intake) -> None:
    key = intake.app.write_key
    assert await send(intake, {}, basic(f"{key}:")) == 200
    assert await send(intake, {}, basic(key)) == 200
    assert await send(intake, {}, basic(f"{key}:password")) == 200
    assert await send(intake, {"writeKey": key}, {}) == 200
    assert await send(intake, {"writeKey": key}, basic(f"{key}:")) == 200
    assert await send(intake, {"writeKey": key}, {"Authorization": "Bearer of-something-else"}) == 200
    assert await intake.count() == (1, 0)


async def test_no_key_a_wrong_one_or_two_that_differ_are_refused(intake: Intake) -> None:
    key, other = intake.app.write_key, intake.till.write_key
    assert await send(intake, {}, {}) == 401
    assert await send(intake, {"writeKey": ""}, {}) == 401
    assert await send(intake, {"writeKey": 5}, {}) == 401
    assert await send(intake, {"writeKey": key + "x"}, {}) == 401
    assert await send(intake, {"writeKey": other}, basic(f"{key}:")) == 401
    assert await send(intake, {}, {"Authorization": "Basic ???"}) == 401
    answer = await intake.client.post(f"/v1/batch?writeKey={key}", json={"batch": []})
    assert answer.status_code == 401
    assert await intake.count() == (0, 0)


async def test_a_revoked_key_is_refused_within_seconds(intake: Intake) -> None:
    await intake.services.sources.revoke("phone")
    assert isinstance(intake.services.clock, FixedClock)
    intake.services.clock.advance(timedelta(seconds=3))
    assert (await intake.send({"batch": [track("m1")]})).status_code == 401


async def test_the_settings_document_is_what_the_mobile_sdks_decode(intake: Intake) -> None:
    answer = await intake.client.get(f"/v1/projects/{intake.app.write_key}/settings")
    assert answer.status_code == 200
    document = answer.json()
    segment = document["integrations"]["Segment.io"]
    assert (segment["apiKey"], segment["apiHost"]) == (intake.app.write_key, "joren.example/v1")
    assert document["plan"] == document["edgeFunction"] == document["consentSettings"] == {}
    assert document["middlewareSettings"] == {"routingRules": []}
    assert document["metrics"]["sampleRate"] == 0
    assert segment["httpConfig"]["rateLimitConfig"]["enabled"] is True
    assert segment["httpConfig"]["backoffConfig"]["default4xxBehavior"] == "drop"


async def test_unknown_keys_and_secret_ones_have_no_settings(intake: Intake) -> None:
    for key in ("unknown", intake.till.write_key):
        answer = await intake.client.get(f"/v1/projects/{key}/settings")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_a_host_that_is_none_is_not_reflected(intake: Intake) -> None:
    path = f"/v1/projects/{intake.app.write_key}/settings"
    for host in ("evil.example/x?", 'evil.example"', "a b"):
        answer = await intake.client.get(path, headers={"Host": host})
        assert answer.status_code in (400, 404)
        assert "integrations" not in answer.json()


async def test_metrics_are_for_this_machine_or_an_api_key(intake: Intake) -> None:
    key = await intake.services.api_keys.create("prometheus", scopes=["metrics:read"])
    assert (await intake.client.get("/metrics")).status_code == 403
    bearer = {"Authorization": f"Bearer {key}"}
    assert (await intake.client.get("/metrics", headers=bearer)).status_code == 200
    await intake.services.api_keys.revoke("prometheus")
    assert (await intake.client.get("/metrics", headers=bearer)).status_code == 403
    write_key = {"Authorization": f"Bearer {intake.app.write_key}"}
    assert (await intake.client.get("/metrics", headers=write_key)).status_code == 403


async def test_rudderstacks_phones_ask_elsewhere_for_their_settings(intake: Intake) -> None:
    answer = await intake.client.get("/sourceConfig?p=android&v=1.5.0", auth=(intake.app.write_key, ""))
    assert (answer.status_code, answer.json()["source"]["writeKey"]) == (200, intake.app.write_key)
    assert "max-age" in answer.headers["cache-control"]
    for key in ("unknown", intake.till.write_key):
        refused = await intake.client.get("/sourceConfig", auth=(key, ""))
        assert (refused.status_code, set(refused.json())) == (401, {"code", "message"})
