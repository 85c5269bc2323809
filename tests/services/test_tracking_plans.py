"""Plans in versions, and what the door makes of them."""

from datetime import timedelta

import asyncpg
import pytest

from backend.clock import FixedClock
from backend.errors import BadInput, Conflict, NotFound
from backend.services.tracking_plans import OnViolation, TrackingPlans
from segments.plan import Plan, PlannedEvent, PlannedProperty, PropertyType, read_plan
from tests.services.receiving import LOOSE, NOW, STRICT, Door, own


@pytest.fixture
async def door(pool: asyncpg.Pool) -> Door:
    return await Door.open(pool)


async def test_a_violation_is_stored_and_flagged(door: Door) -> None:
    await door.plan(STRICT)
    done = await door.send(own("m1", size=5), own("m2", size="5"), own("m3"), own("m4", size=1, further=True))
    assert (done.stored, done.failed) == (4, 0)
    assert await door.rows("violations") == [
        None,
        ["wrong_type:properties.size"],
        ["missing_required:properties.size"],
        None,
    ]
    assert await door.pool.fetchval("SELECT sum(violated)::int FROM event_counts") == 2


async def test_a_violation_is_kept_apart_where_the_source_says_so(door: Door) -> None:
    await door.plan(STRICT, on_violation="quarantine")
    done = await door.send(own("m1", size=5), own("m2", size="5"))
    assert (done.stored, done.failed) == (1, 1)
    (kept,) = await door.failed.list()
    assert (kept.code, kept.name, kept.violations) == ("plan_violation", "Own", ("wrong_type:properties.size",))


async def test_without_a_plan_nothing_is_checked(door: Door) -> None:
    await door.send(own("m1", size="5"))
    assert await door.rows("violations") == [None]


async def test_a_repeated_event_counts_its_violation_once(door: Door) -> None:
    await door.plan(STRICT)
    await door.send(own("m1"))
    await door.send(own("m1"))
    assert await door.pool.fetchval("SELECT sum(violated)::int FROM event_counts") == 1
    assert await door.counters() == (1, 1, 0)


async def test_plans_stay_in_versions(door: Door) -> None:
    first, second = await door.plan(STRICT), await door.plan(LOOSE)
    assert (first, second) == (1, 2)
    stands = await door.plans.get(door.source_id)
    assert (stands.version, stands.plan, stands.saved_by) == (2, read_plan(LOOSE), "test")
    assert [each.version for each in await door.plans.versions(door.source_id)] == [2, 1]
    assert await door.plans.version(door.source_id, 1) == read_plan(STRICT)
    await door.plans.drop(door.source_id, actor="test")
    assert (await door.plans.named("app")).plan is None
    assert await door.plans.save(door.source_id, Plan(), actor="test", based_on=None) == 3
    actions = [row[0] for row in await door.pool.fetch("SELECT action FROM audit_log ORDER BY audit_id")]
    assert actions[-6:] == ["plan.decide", "plan.save", "plan.decide", "plan.save", "plan.drop", "plan.save"]


async def test_two_who_save_at_once_do_not_overwrite_each_other(door: Door) -> None:
    await door.plan(STRICT)
    with pytest.raises(Conflict):
        await door.plans.save(door.source_id, Plan(), actor="test", based_on=None)
    assert (await door.plans.get(door.source_id)).version == 1


async def test_what_cannot_be_saved(door: Door) -> None:
    twice = PlannedProperty(path="p", type=PropertyType.STRING)
    bad = Plan(events=(PlannedEvent(name="Own", properties=(twice, twice)),))
    with pytest.raises(BadInput, match="twice"):
        await door.plans.save(door.source_id, bad, actor="test", based_on=None)
    with pytest.raises(BadInput):
        await door.plans.decide(door.source_id, on_violation="drop", ga4_names=False, actor="test")
    for work in (
        door.plans.get(999),
        door.plans.named("nobody"),
        door.plans.version(door.source_id, 9),
        door.plans.drop(999, actor="test"),
        door.plans.save(999, Plan(), actor="test", based_on=None),
    ):
        with pytest.raises(NotFound):
            await work


async def test_other_processes_follow_within_seconds(door: Door) -> None:
    clock = FixedClock(NOW)
    other = TrackingPlans(door.pool, clock, remember=timedelta(seconds=2))
    assert (await other.rules_of(door.source_id)).plan is None
    await door.plan(STRICT, on_violation="quarantine", ga4_names=True)
    assert (await other.rules_of(door.source_id)).plan is None
    clock.advance(timedelta(seconds=2))
    rules = await other.rules_of(door.source_id)
    assert rules.plan is not None
    assert (rules.quarantine, rules.ga4_names) == (True, True)
    clock.advance(timedelta(seconds=2))
    assert (await other.rules_of(door.source_id)).plan is rules.plan, "compiled once a version"
    await door.plan(LOOSE)
    clock.advance(timedelta(seconds=2))
    assert (await other.rules_of(door.source_id)).plan is not rules.plan
    await door.plans.drop(door.source_id, actor="test")
    clock.advance(timedelta(seconds=2))
    assert (await other.rules_of(door.source_id)).plan is None


async def test_the_list_names_every_source(door: Door) -> None:
    await door.plan(STRICT)
    listed = {each.name: each for each in await door.plans.list()}
    assert listed.keys() >= {"app", "import", "joren"}
    assert listed["app"].on_violation is OnViolation.KEEP
    assert listed["import"].plan is None
