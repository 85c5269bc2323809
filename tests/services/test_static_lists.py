"""Static lists: from numbers or from a segment; nothing is lost silently, merged and erased people are respected."""

from datetime import date, timedelta
from typing import Any

import asyncpg
import pytest

from backend.api.list_answers import list_answer
from backend.errors import BadInput, Conflict, NotFound
from backend.services.static_lists import StaticLists
from backend.store import audience, erasures
from backend.store.pool import Pool
from campaigns.terms import SendingRules, Terms
from segments.id_lists import GivenIds, given_ids
from segments.rules.parse import parse
from segments.static_list import StaticList, Taken
from tests.fixtures.shop_floor import audience_frame
from tests.services.keeping import NOW, Floor

GOLD = parse({"attribute": "rank", "op": "is", "value": "gold"})


def ids(*numbers: str) -> GivenIds:
    return given_ids(enumerate(numbers, start=1))


@pytest.fixture
async def floor(pool: asyncpg.Pool) -> Floor:
    """Three members, M-1 to M-3."""
    floor = Floor(pool)
    for number in (1, 2, 3):
        await known(floor, number)
    return floor


SINCE = date(2026, 3, 1)


async def short_history(floor: Floor) -> int:
    """The second segment: one of whose rule history was dropped."""
    segment = await floor.segment("short", GOLD)
    await floor.keep()
    assert segment == 2
    return segment


async def known(floor: Floor, number: int) -> None:
    await floor.person(number, f"M-{number}")
    await floor.pool.execute(
        "INSERT INTO identities (kind, value, customer_id, linked_at, proven) VALUES ('user', $1, $2, now(), true)",
        f"M-{number}",
        number,
    )


@pytest.fixture
def lists(floor: Floor) -> StaticLists:
    async def dropped(segment_id: int) -> date | None:
        return SINCE if segment_id == 2 else None

    return StaticLists(floor.pool, floor.clock, members_at=floor.ledger.members_at, known_since=dropped)


async def made(lists: StaticLists, *numbers: str, name: str = "Staff", exclusion: bool = False) -> Taken:
    return await lists.create(name, ids(*numbers), exclusion=exclusion, origin="file staff.csv", actor="aya")


async def on(lists: StaticLists, kept: StaticList) -> list[str | None]:
    return [one.user_id for one in await lists.members(kept.list_id)]


async def waiting_campaign(floor: Floor) -> None:
    segment = await floor.segment("for a campaign", GOLD)
    await floor.pool.execute(
        "INSERT INTO campaigns (name, state, segment_id, content, holdout_percent, salt, policy, conversion_event, conversion_days,"
        " expires_after, created_at, created_by, changed_at) VALUES ('Spring', 'scheduled', $1, '{}', 10, 's', 'once', 'Order Completed',"
        " 7, '1 day', now(), 't', now())",
        segment,
    )


async def test_every_number_is_accounted_for(lists: StaticLists, floor: Floor) -> None:
    taken = await made(lists, "M-1", "M-2", "M-1", "nobody", " ", "M-9")
    assert (taken.read, taken.changed, taken.already, taken.repeated) == (6, 2, 0, 1)
    assert (taken.unknown, [bad.line for bad in taken.bad]) == (("nobody", "M-9"), [5])
    assert (taken.kept.size, taken.kept.origin, taken.kept.exclusion) == (2, "file staff.csv", False)
    more = await lists.add(taken.kept.list_id, ids("M-2", "M-3"), actor="ken")
    assert (more.changed, more.already, more.kept.size) == (1, 1, 3)
    less = await lists.remove(taken.kept.list_id, ids("M-1", "nobody"), actor="ken")
    assert (less.changed, less.unknown, await on(lists, less.kept)) == (1, ("nobody",), ["M-2", "M-3"])
    told = await floor.pool.fetch("SELECT actor, action, detail FROM audit_log ORDER BY audit_id")
    assert [(row["actor"], row["action"], row["detail"]["changed"]) for row in told] == [
        ("aya", "list.create", 2),
        ("ken", "list.add", 1),
        ("ken", "list.remove", 1),
    ]


async def test_a_list_of_a_moment_of_a_segment(lists: StaticLists, floor: Floor) -> None:
    gold = await floor.segment("gold", GOLD)
    await floor.put(1, rank="gold")
    await floor.put(2)
    await floor.keep()
    before = floor.clock.now()
    floor.clock.advance(timedelta(hours=1))
    await floor.put(1)
    await floor.put(2, rank="gold")
    await floor.keep()
    now = await lists.create_from_segment("now", gold, exclusion=False, actor="aya")
    then = await lists.create_from_segment("then", gold, at=before, exclusion=False, actor="aya")
    assert (await on(lists, now), await on(lists, then)) == (["M-2"], ["M-1"])
    assert then.origin == f"segment {gold} at 2026-06-30T03:00:00Z"
    assert (now.known_since, list_answer(now).known_since) == (None, None)
    held: Pool = floor.pool
    async with held.acquire() as connection:
        with held.holding(connection):  # as a request with an Idempotency-Key does
            async with connection.transaction():
                keyed = await lists.create_from_segment("keyed", gold, at=before, exclusion=False, actor="aya")
    assert await on(lists, keyed) == ["M-1"]
    short = await lists.create_from_segment("short", await short_history(floor), exclusion=False, actor="aya")
    assert list_answer(await lists.get(short.list_id)).known_since == SINCE
    with pytest.raises(BadInput):
        await lists.create_from_segment("earlier", gold, at=NOW - timedelta(days=1), exclusion=False, actor="aya")
    with pytest.raises(NotFound):
        await lists.create_from_segment("none", 99, exclusion=False, actor="aya")


async def test_merged_people_count_once_and_erased_ones_are_gone(lists: StaticLists, floor: Floor) -> None:
    kept = (await made(lists, "M-1", "M-2", "M-3")).kept
    await floor.person(2, into=1)
    assert ((await lists.get(kept.list_id)).size, await on(lists, kept)) == (2, ["M-1", "M-3"])
    again = await lists.add(kept.list_id, ids("M-1", "M-2"), actor="aya")
    assert (again.changed, again.already, again.repeated) == (0, 1, 1)
    gone = await lists.remove(kept.list_id, ids("M-2"), actor="aya")
    assert (gone.changed, await on(lists, gone.kept)) == (1, ["M-3"])
    async with floor.pool.acquire() as connection, connection.transaction():
        await erasures.blank(connection, customer_ids=[3], ids=["M-3"], forms=[b'"M-3"'], pattern=None, now=NOW)
    assert (await lists.get(kept.list_id)).size == 0
    assert (await lists.add(kept.list_id, ids("M-3"), actor="aya")).unknown == ("M-3",)


async def test_a_list_that_a_segment_asks_for_stays(lists: StaticLists, floor: Floor) -> None:
    kept = (await made(lists, "M-1")).kept
    segment = await floor.segment("staff only", parse({"all": [{"list": kept.list_id}, {"all": []}]}))
    assert (await lists.uses(kept.list_id)).segments == {segment: "staff only"}
    with pytest.raises(Conflict, match="staff only") as refused:
        await lists.archive(kept.list_id, actor="aya", confirm=True)
    assert refused.value.code == "list_in_use"
    await floor.pool.execute("UPDATE segments SET archived_at = now()")
    await lists.archive(kept.list_id, actor="aya")
    assert (await lists.list(), [one.name for one in await lists.list(archived=True)]) == ([], ["Staff"])
    with pytest.raises(Conflict):
        await lists.add(kept.list_id, ids("M-2"), actor="aya")
    assert (await lists.restore(kept.list_id, actor="aya")).archived_at is None


async def test_names_are_checked_and_changed(lists: StaticLists) -> None:
    kept = (await made(lists, "M-1")).kept
    await made(lists, name="Other")
    for name, fault in [("Other", Conflict), (" ", BadInput), ("a\nb", BadInput)]:
        with pytest.raises(fault):
            await lists.save(kept.list_id, name=name, exclusion=False, actor="aya")
    saved = await lists.save(kept.list_id, name="Staff 2026", exclusion=False, actor="aya")
    assert await lists.find("Staff 2026") == saved
    for wrong in (lists.get(99), lists.find("none"), lists.archive(99, actor="aya"), lists.members(99)):
        with pytest.raises(NotFound):
            await wrong


async def excluded(floor: Floor) -> dict[int, bool]:
    async with floor.pool.acquire() as connection:
        rows = await audience.read(
            connection, audience_frame([1, 2, 3]), contents=[], rules=SendingRules(), terms=Terms(), now=NOW
        )
    return dict(rows.select("customer_id", "excluded").iter_rows())


async def test_an_exclusion_list_keeps_its_people_out_of_campaigns(lists: StaticLists, floor: Floor) -> None:
    kept = (await made(lists, "M-2", exclusion=True)).kept
    await made(lists, "M-3", name="no exclusion")
    assert await excluded(floor) == {1: False, 2: True, 3: False}
    await floor.person(2, into=1)
    assert (await excluded(floor))[1], "the survivor of whom stands on it"
    await waiting_campaign(floor)
    assert list((await lists.uses(kept.list_id)).campaigns.values()) == ["Spring"]
    waits: list[Any] = [
        lists.archive(kept.list_id, actor="aya"),
        lists.save(kept.list_id, name="x", exclusion=False, actor="aya"),
    ]
    for change in waits:
        with pytest.raises(Conflict, match="Spring") as asked:
            await change
        assert asked.value.code == "campaigns_waiting"
    await lists.archive(kept.list_id, actor="aya", confirm=True)
    assert not any((await excluded(floor)).values())


async def test_a_list_that_changes_moves_the_segments_that_ask_for_it(lists: StaticLists, floor: Floor) -> None:
    kept = (await made(lists, "M-1")).kept
    revision = "SELECT revision FROM static_lists WHERE list_id = $1"
    first = await floor.pool.fetchval(revision, kept.list_id)
    await lists.add(kept.list_id, ids("M-2"), actor="aya")
    assert await floor.pool.fetchval(revision, kept.list_id) > first
