"""A source's rules at the door: its plan, what becomes of a violation, GA4's names."""

from datetime import timedelta

from backend.clock import FixedClock
from segments.plan import read_plan
from tests.api.conftest import Intake, track
from tests.services.receiving import STRICT


async def put(intake: Intake, *, on_violation: str = "keep", ga4_names: bool = False) -> None:
    plans, source_id = intake.services.plans, intake.app.source_id
    await plans.save(source_id, read_plan(STRICT), actor="test", based_on=None)
    await plans.decide(source_id, on_violation=on_violation, ga4_names=ga4_names, actor="test")


async def test_a_running_server_takes_up_a_plan(intake: Intake) -> None:
    own = track("m1", event="Own", properties={"size": "5"})
    assert (await intake.send({"batch": [own]})).status_code == 200
    await put(intake)
    await intake.send({"batch": [own | {"messageId": "m2"}]})
    assert isinstance(intake.services.clock, FixedClock)
    intake.services.clock.advance(timedelta(seconds=2))
    await intake.send(own | {"messageId": "m3"}, path="/v1/track")
    rows = await intake.services.pool.fetch("SELECT message_id, violations FROM event_log ORDER BY seq")
    assert [row["violations"] for row in rows][0::2] == [None, ["wrong_type:properties.size"]]


async def test_a_violation_is_kept_apart_and_its_neighbours_are_stored(intake: Intake) -> None:
    await put(intake, on_violation="quarantine")
    batch = [track("m1"), track("m2", event="Own"), track("m3", event="Own", properties={"size": 1})]
    answer = await intake.send({"batch": batch})
    assert (answer.status_code, await intake.count()) == (200, (2, 1))


async def test_plans_are_each_sources_own(intake: Intake) -> None:
    await put(intake, on_violation="quarantine")
    own = track("m1", event="Own")
    await intake.send({"batch": [own]}, auth=(intake.till.write_key, ""))
    assert await intake.count() == (1, 0)


async def test_ga4_names_are_taken_where_the_source_sends_them(intake: Intake) -> None:
    await put(intake, ga4_names=True)
    purchase = track("m1", event="purchase", properties={"transaction_id": "T1", "value": 360})
    await intake.send({"batch": [purchase]})
    row = await intake.services.pool.fetchrow("SELECT event, payload FROM event_log")
    assert row is not None
    assert (row["event"], row["payload"]["properties"]) == ("Order Completed", {"order_id": "T1", "total": 360})
