"""Sending: every gate again under lock, each outcome where it belongs, nobody twice, nobody lost."""

import asyncio
import itertools
from datetime import UTC, datetime, time, timedelta

import asyncpg
import polars as pl
import pytest

from backend.push.memory import accept
from backend.services.deliveries import Deliveries
from backend.services.deliveries.chunks import Chunk
from campaigns.campaign import Devices, Policy
from campaigns.delivery import Accepted, Outcome, Refusal, Refused, Unknown
from campaigns.message import PushMessage
from campaigns.pace import Pace
from campaigns.trigger import Recurring
from tests.fixtures.shop_floor import NOON, ShopFloor


@pytest.fixture
async def floor(pool: asyncpg.Pool) -> ShopFloor:
    floor = ShopFloor(pool)
    await floor.settings()
    return floor


async def test_everyone_gets_it_once_on_the_newest_device(floor: ShopFloor) -> None:
    ids = await floor.people(3, phones=2)
    await floor.pool.execute("UPDATE devices SET last_seen = last_seen + interval '1 hour' WHERE address LIKE '%-1'")
    await floor.pool.execute("UPDATE devices SET state = 'signed_out' WHERE address = $1", f"phone-{ids[0]}-1")
    campaign_id = await floor.launched()
    await floor.drain()
    newest = [f"phone-{ids[0]}-0", *(f"phone-{i}-1" for i in ids[1:])]
    assert sorted(m.address for m in floor.sender.sent) == newest
    assert {m.title for m in floor.sender.sent} == {"佐藤様へ"}
    assert await floor.states(campaign_id) == {"accepted": 3}
    assert await floor.state(campaign_id) == "sent"


async def test_all_devices_get_it_where_that_was_chosen_and_no_more_at_once_than_a_chunk(floor: ShopFloor) -> None:
    ids = await floor.people(3, phones=3)
    await floor.settings(cap_24h=1, cap_7d=1)
    campaign_id = await floor.launched(devices=Devices.ALL)
    worker = Deliveries(floor.pool, floor.clock, sender=floor.sender, chunk=2)
    sent = []
    while await worker.deliver():
        sent.append(len(floor.sender.sent))
    assert max(after - before for before, after in itertools.pairwise([0, *sent])) == 2
    assert sorted(m.address for m in floor.sender.sent) == sorted(f"phone-{i}-{n}" for i in ids for n in range(3))
    assert await floor.states(campaign_id) == {"accepted": 9}
    assert (await floor.desk.report(campaign_id)).people.accepted == 3


async def test_the_text_is_in_the_persons_language_with_saved_fields(floor: ShopFloor) -> None:
    await floor.people(1, language="en-GB", family_name="Sato")
    floor.audience.frame = floor.audience.frame.with_columns(favorite_category=pl.lit("Tea", dtype=pl.String))
    await floor.launched()
    await floor.drain()
    assert [(m.title, m.body) for m in floor.sender.sent] == [("Dear Sato", "Tea arrived")]


async def test_a_consent_withdrawn_after_launch_stops_the_push(floor: ShopFloor) -> None:
    first, second = await floor.people(2)
    campaign_id = await floor.launched()
    await floor.consent([first], granted=False)
    await floor.drain()
    assert [m.address for m in floor.sender.sent] == [f"phone-{second}-0"]
    report = await floor.desk.report(campaign_id)
    assert report.people.left_out == {"consent": 1}
    assert report.people.accepted == 1


async def test_an_address_that_moved_to_another_customer_is_not_used(floor: ShopFloor) -> None:
    first, second = await floor.people(2)
    await floor.launched()
    await floor.pool.execute("UPDATE devices SET customer_id = $2 WHERE customer_id = $1", first, second)
    await floor.drain()
    assert [m.address for m in floor.sender.sent] == [f"phone-{second}-0"]


async def test_a_name_that_vanished_leaves_the_person_out_instead_of_greeting_nobody(floor: ShopFloor) -> None:
    (person,) = await floor.people(1)
    campaign_id = await floor.launched()
    await floor.pool.execute("UPDATE customers SET traits = '{}' WHERE customer_id = $1", person)
    await floor.drain()
    assert floor.sender.sent == []
    assert (await floor.desk.report(campaign_id)).people.left_out == {"missing_field": 1}


async def test_the_cap_holds_across_campaigns(floor: ShopFloor) -> None:
    await floor.settings(cap_24h=1, cap_7d=2)
    await floor.people(4)
    campaigns = [await floor.launched(f"Tea {n}") for n in range(3)]
    await floor.drain()
    assert len(floor.sender.sent) == 4
    assert [(await floor.desk.report(c)).people.left_out for c in campaigns[1:]] == [{"frequency_cap": 4}] * 2
    floor.clock.advance(timedelta(hours=24))
    await floor.launched("next day")
    await floor.drain()
    assert len(floor.sender.sent) == 8
    floor.clock.advance(timedelta(hours=24))
    await floor.launched("third day: two in seven days are enough")
    await floor.drain()
    assert len(floor.sender.sent) == 8


async def test_control_left_out_test_sends_and_sure_refusals_do_not_count_for_the_cap(floor: ShopFloor) -> None:
    await floor.settings(cap_24h=1, cap_7d=1)
    (person,) = await floor.people(1)
    draft = await floor.campaign("Trial")
    await floor.desk.test_send(draft.summary.campaign_id, customer_id=person, by="me")
    floor.sender.answer = lambda _: Refused(Refusal.INVALID_ARGUMENT)
    await floor.launched("Refused")
    await floor.drain()
    floor.sender.answer = accept
    campaign_id = await floor.launched("Arrives")
    await floor.drain()
    assert await floor.states(campaign_id) == {"accepted": 1}


async def test_two_campaigns_claimed_at_the_same_moment_respect_the_cap(floor: ShopFloor) -> None:
    await floor.settings(cap_24h=1, cap_7d=1)
    ids = await floor.people(20)
    for n in range(4):
        await floor.launched(f"Tea {n}")
    workers = [Deliveries(floor.pool, floor.clock, sender=floor.sender, chunk=3) for _ in range(4)]

    async def drain(worker: Deliveries) -> None:
        while await worker.deliver():
            pass

    await asyncio.gather(*(drain(worker) for worker in workers))
    assert len(floor.sender.sent) == len(ids)
    assert max(floor.sender.attempts().values()) == 1


async def test_quiet_hours_defer_to_their_end_and_expiry_ends_the_wait(floor: ShopFloor) -> None:
    await floor.people(1)
    campaign_id = await floor.launched()
    await floor.settings(quiet_from=time(11), quiet_until=time(20))
    await floor.drain()
    assert floor.sender.sent == []
    row = await floor.pool.fetchrow("SELECT state, reason, not_before FROM campaign_people")
    assert (row["state"], row["reason"]) == ("planned", "quiet_hours")
    assert row["not_before"] == datetime(2026, 6, 30, 11, tzinfo=UTC)
    floor.clock.advance(timedelta(hours=8))
    await floor.drain()
    assert await floor.states(campaign_id) == {"accepted": 1}


async def test_what_waited_too_long_expires_and_the_campaign_ends(floor: ShopFloor) -> None:
    await floor.people(1)
    campaign_id = await floor.launched(expires_after=timedelta(hours=1))
    floor.clock.advance(timedelta(hours=1))
    await floor.drain()
    await floor.drain()
    assert floor.sender.sent == []
    assert (await floor.desk.report(campaign_id)).people.expired == 1
    assert await floor.state(campaign_id) == "sent"


async def test_a_paused_campaign_whose_time_ran_out_ends_when_it_is_resumed(floor: ShopFloor) -> None:
    await floor.people(70)
    campaign_id = await floor.launched(expires_after=timedelta(hours=1))
    await floor.deliveries.deliver()
    await floor.desk.pause(campaign_id, by="me")
    floor.clock.advance(timedelta(hours=2))
    await floor.deliveries.recover()
    assert await floor.state(campaign_id) == "paused"
    assert await floor.states(campaign_id) == {"accepted": 50, "expired": 20}
    await floor.desk.resume(campaign_id, by="me")
    await floor.deliveries.recover()
    assert await floor.state(campaign_id) == "sent"
    assert await floor.deliveries.deliver() == 0
    assert await floor.states(campaign_id) == {"accepted": 50, "expired": 20}


async def test_unregistered_retires_the_address_and_writes_the_fact(floor: ShopFloor) -> None:
    (person,) = await floor.people(1)
    floor.sender.answer = lambda _: Refused(Refusal.UNREGISTERED)
    campaign_id = await floor.launched()
    await floor.drain()
    device = await floor.pool.fetchrow("SELECT state, retired_reason FROM devices")
    assert tuple(device) == ("retired", "unregistered")
    assert await floor.pool.fetchval("SELECT customer_id FROM touched_customers") == person
    fact = await floor.pool.fetchrow("SELECT event, trusted, user_id, payload FROM event_log")
    assert (fact["event"], fact["trusted"]) == ("Push Address Retired", True)
    assert fact["payload"]["properties"]["campaign_id"] == campaign_id
    assert (await floor.desk.report(campaign_id)).people.failed == 1


async def test_an_address_registered_anew_meanwhile_is_not_retired(floor: ShopFloor) -> None:
    (person,) = await floor.people(1)

    async def renew() -> None:
        await floor.pool.execute("UPDATE devices SET address = 'new' WHERE customer_id = $1", person)

    class Renewing:
        async def send(self, messages: list[PushMessage]) -> list[Outcome]:
            await renew()
            return [Refused(Refusal.UNREGISTERED) for _ in messages]

    await floor.launched()
    await Deliveries(floor.pool, floor.clock, sender=Renewing()).deliver()
    assert await floor.pool.fetchval("SELECT state FROM devices") == "live"


async def test_a_429_stops_every_send_of_the_project_until_it_is_over(floor: ShopFloor) -> None:
    await floor.people(2)
    floor.sender.answer = lambda _: Refused(Refusal.QUOTA, timedelta(seconds=90))
    first = await floor.launched("First")
    await floor.drain()
    tried = len(floor.sender.sent)
    floor.sender.answer = accept
    second = await floor.launched("Second")
    await floor.drain()
    assert len(floor.sender.sent) == tried
    floor.clock.advance(timedelta(seconds=91))
    await floor.drain()
    assert await floor.states(first) == await floor.states(second) == {"accepted": 2}


async def test_once_never_repeats_an_unknown_outcome_and_surely_does_with_the_same_tag(floor: ShopFloor) -> None:
    await floor.people(1)
    answers = iter([Unknown("timeout"), Unknown("http_503"), Accepted("late")])
    floor.sender.answer = lambda _: next(answers)
    once = await floor.launched("Once")
    await floor.drain()
    floor.clock.advance(timedelta(hours=1))
    await floor.drain()
    assert await floor.states(once) == {"unknown": 1}
    surely = await floor.launched("Surely", policy=Policy.SURELY)
    for _ in range(2):
        await floor.drain()
        floor.clock.advance(timedelta(minutes=5))
    assert await floor.states(surely) == {"accepted": 1}
    assert len({m.tag for m in floor.sender.sent[1:]}) == 1
    assert len(floor.sender.sent) == 3


async def test_a_jump_of_unknown_outcomes_pauses_the_campaign_before_it_burns_its_audience(floor: ShopFloor) -> None:
    await floor.people(300)
    floor.sender.answer = lambda _: Unknown("timeout")
    campaign_id = await floor.launched()
    await floor.drain()
    detail = await floor.desk.get(campaign_id)
    assert (detail.summary.state, detail.summary.paused_reason) == ("paused", "unknown_outcomes")
    assert len(floor.sender.sent) == 50
    floor.sender.answer = accept
    await floor.desk.resume(campaign_id, by="me")
    await floor.drain()
    assert await floor.states(campaign_id) == {"accepted": 250, "unknown": 50}


@pytest.mark.parametrize(
    ("kind", "reason"),
    [(Refusal.UNREGISTERED, "dead_addresses"), (Refusal.INVALID_ARGUMENT, "refused_messages")],
)
async def test_a_jump_of_refusals_pauses_and_says_why(floor: ShopFloor, kind: Refusal, reason: str) -> None:
    await floor.people(120)
    floor.sender.answer = lambda _: Refused(kind)
    campaign_id = await floor.launched()
    await floor.drain()
    detail = await floor.desk.get(campaign_id)
    assert (detail.summary.state, detail.summary.paused_reason) == ("paused", reason)
    assert await floor.states(campaign_id) == {"planned": 70, "rejected": 50}


async def test_refused_credentials_pause_and_lose_nobody(floor: ShopFloor) -> None:
    await floor.people(5)
    floor.sender.answer = lambda _: Refused(Refusal.AUTH)
    campaign_id = await floor.launched()
    await floor.drain()
    assert (await floor.desk.get(campaign_id)).summary.paused_reason == "credentials"
    floor.sender.answer = accept
    await floor.desk.resume(campaign_id, by="me")
    other = await floor.launched("Other")
    await floor.drain()
    assert len(floor.sender.sent) == 5, "no campaign tries the credentials for a minute"
    floor.clock.advance(timedelta(minutes=1))
    await floor.drain()
    assert await floor.states(other) == {"accepted": 5}
    assert await floor.states(campaign_id) == {"accepted": 5}


async def test_a_mark_without_outcome_is_unknown_once_its_lease_is_over(floor: ShopFloor) -> None:
    await floor.people(4)
    campaign_id = await floor.launched()

    class Lost(Deliveries):
        async def _call(self, chunk: object) -> list[tuple[PushMessage, Outcome]]:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await Lost(floor.pool, floor.clock, sender=floor.sender, chunk=2).deliver()
    await floor.deliveries.recover()
    assert await floor.states(campaign_id) == {"planned": 2, "sending": 2}
    await floor.pass_lease()
    assert await floor.deliveries.recover() == 2
    assert await floor.states(campaign_id) == {"planned": 2, "unknown": 2}
    await floor.drain()
    assert await floor.states(campaign_id) == {"accepted": 2, "unknown": 2}


async def test_nothing_goes_out_whose_lease_ran_out_before_the_call(floor: ShopFloor) -> None:
    await floor.people(3)
    campaign_id = await floor.launched()

    class Late(Deliveries):
        async def _call(self, chunk: Chunk) -> list[tuple[PushMessage, Outcome]]:
            await floor.pass_lease()
            return await super()._call(chunk)

    await Late(floor.pool, floor.clock, sender=floor.sender).deliver()
    assert floor.sender.sent == []
    assert await floor.states(campaign_id) == {"planned": 3}
    floor.clock.advance(timedelta(minutes=1))
    await floor.drain()
    assert await floor.states(campaign_id) == {"accepted": 3}


async def test_an_answer_that_comes_after_recovery_mends_the_unknown(floor: ShopFloor) -> None:
    await floor.people(1)
    campaign_id = await floor.launched()

    class Slow:
        async def send(self, messages: list[PushMessage]) -> list[Outcome]:
            await floor.pass_lease()
            await floor.deliveries.recover()
            assert await floor.states(campaign_id) == {"unknown": 1}
            return [Accepted("late") for _ in messages]

    await Deliveries(floor.pool, floor.clock, sender=Slow()).deliver()
    assert await floor.states(campaign_id) == {"accepted": 1}


async def test_outcomes_survive_an_outage_of_the_database(floor: ShopFloor, monkeypatch: pytest.MonkeyPatch) -> None:
    await floor.people(1)
    campaign_id = await floor.launched()
    record, failures = floor.deliveries._outcomes._record, iter([OSError("gone"), OSError("gone")])

    async def flaky(*arguments: object) -> None:
        for failure in failures:
            raise failure
        await record(*arguments)

    monkeypatch.setattr(floor.deliveries._outcomes, "_record", flaky)
    await floor.deliveries.deliver()
    assert await floor.states(campaign_id) == {"accepted": 1}


async def test_pausing_holds_and_cancelling_ends_what_is_not_on_its_way(floor: ShopFloor) -> None:
    await floor.people(120)
    campaign_id = await floor.launched()
    await floor.deliveries.deliver()
    await floor.desk.pause(campaign_id, by="me")
    assert await floor.deliveries.deliver() == 0
    await floor.desk.cancel(campaign_id, by="me")
    await floor.drain()
    assert await floor.states(campaign_id) == {"accepted": 50, "cancelled": 70}
    people = (await floor.desk.report(campaign_id)).people
    assert (people.accepted, people.cancelled, people.targeted) == (50, 70, 120)


async def test_a_campaign_keeps_its_own_rate_and_leaves_the_rest_to_others(floor: ShopFloor) -> None:
    await floor.people(40)
    slow = await floor.launched("Slow", rate_per_minute=120)
    quick = await floor.launched("Quick")
    for second in range(1, 4):
        await floor.deliveries.deliver()
        assert (await floor.states(slow)).get("accepted", 0) == 2 * second
        floor.clock.advance(timedelta(seconds=1))
    assert await floor.states(quick) == {"accepted": 40}


async def test_a_launch_keeps_out_of_the_minutes_around_the_mark_and_an_entry_does_not_wait(floor: ShopFloor) -> None:
    pace = Pace(per_minute=6000, ramp=timedelta(seconds=1))
    worker = Deliveries(floor.pool, floor.clock, sender=floor.sender, pace=pace)
    await floor.people(300)
    campaign_id = await floor.launched()  # at noon sharp
    sent = []
    for _ in range(70):
        await worker.deliver()
        sent.append(len(floor.sender.sent))
        floor.clock.advance(timedelta(seconds=1))
    assert sent[59] <= 121, "a trickle of 2 %"
    assert sent[63] >= 250, "a minute later at full speed"
    floor.clock.advance(timedelta(minutes=13, seconds=55))  # a quarter past
    await floor.pool.execute("UPDATE campaigns SET kind = 'event', state = 'sending'")
    await floor.pool.execute("UPDATE campaign_people SET state = 'planned', occurrence = 2")
    for _ in range(5):
        await worker.deliver()
        floor.clock.advance(timedelta(seconds=1))
    assert len(floor.sender.sent) >= 300 + 200
    assert campaign_id


async def test_all_workers_together_keep_the_projects_pace_and_lose_nothing(floor: ShopFloor) -> None:
    floor.clock.advance(timedelta(minutes=5))  # away from the mark
    pace = Pace(per_minute=600, ramp=timedelta(seconds=10))  # ten a second, one at once at first
    workers = [Deliveries(floor.pool, floor.clock, sender=floor.sender, chunk=4, pace=pace) for _ in range(3)]
    await floor.people(60)
    campaign_id = await floor.launched()
    sent = []
    for _ in range(30):
        await asyncio.gather(*(worker.deliver() for worker in workers for _ in range(3)))
        sent.append(len(floor.sender.sent))
        floor.clock.advance(timedelta(seconds=1))
        if sent[-1] == 60:
            break
    steps = [after - before for before, after in itertools.pairwise([0, *sent])]
    assert steps[0] == 1
    assert max(steps) <= 11  # the rate, and a fraction that was given back
    assert all(count <= second + 2 for second, count in enumerate(steps[:10]))
    assert await floor.states(campaign_id) == {"accepted": 60}


async def test_waiting_for_something_to_send_is_no_sending(floor: ShopFloor) -> None:
    floor.clock.advance(timedelta(minutes=5))  # away from the mark
    pace = Pace(per_minute=600, ramp=timedelta(seconds=10))
    worker = Deliveries(floor.pool, floor.clock, sender=floor.sender, chunk=10, pace=pace)
    await floor.people(9, consent=False)
    await floor.launched()
    for _ in range(12):
        floor.clock.advance(timedelta(seconds=1))
        assert await worker.deliver() == 0
    await floor.people(9)
    await floor.launched("Coffee")
    await worker.deliver()
    assert len(floor.sender.sent) == 1


async def test_a_campaign_that_has_nothing_due_draws_nothing(floor: ShopFloor) -> None:
    """What runs for months is asked by every lane, twice a second."""
    await floor.people(1)
    campaign_id = await floor.launched(trigger=Recurring(rrule="FREQ=DAILY", starts_at=NOON + timedelta(days=1)))
    worker = Deliveries(floor.pool, floor.clock, sender=floor.sender, pace=Pace())
    assert await worker.deliver() == 0
    assert await floor.state(campaign_id) == "sending"
    assert await floor.pool.fetchval("SELECT count(*) FROM rate_buckets") == 0


async def test_what_was_drawn_and_not_used_is_given_back(floor: ShopFloor) -> None:
    floor.clock.advance(timedelta(minutes=5))  # away from the mark
    pace = Pace(600, ramp=timedelta(milliseconds=1))  # one, and then ten at once
    worker = Deliveries(floor.pool, floor.clock, sender=floor.sender, chunk=10, pace=pace)
    await floor.people(3)
    await floor.launched()
    await worker.deliver()
    floor.clock.advance(timedelta(seconds=1))
    await worker.deliver()
    assert len(floor.sender.sent) == 3
    await floor.people(9)
    await floor.launched("Coffee")
    await worker.deliver()
    assert len(floor.sender.sent) == 11
