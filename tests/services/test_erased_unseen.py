"""From the moment an erasure is asked for nobody is shown the person, though frames that were made before still hold him."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
import numpy as np
import numpy.typing as npt
import pytest

from backend.clock import FixedClock
from backend.errors import NotFound
from backend.services.journeys.looking import JourneyDesk
from backend.services.memberships import looking
from backend.services.memberships.looking import MembershipLedger
from backend.services.people import People
from backend.services.privacy.rights import SETTLED, Rights
from backend.services.segment_runs import SegmentRuns
from backend.store import exports
from segments.rules.rule import EVERYONE
from tests.segments.rules.people import ago, person
from tests.services.frames import AS_OF, HeldFrame
from tests.services.keeping import turned

ALL, GONE = range(1, 6), 3
STAY = {1, 2, 4, 5}


@dataclass
class Seen:
    """A shop of five whose frame never learns of an erasure."""

    pool: asyncpg.Pool
    clock: FixedClock
    frame: HeldFrame

    def __post_init__(self) -> None:
        self.runs = SegmentRuns(self.pool, self.clock, self.frame)
        self.people = People(self.pool, self.clock, self.frame)
        self.rights = Rights(self.pool, self.clock, history=forgotten, history_of=nothing)

    async def numbers(self, segment_id: int) -> dict[str, set[int]]:
        """Who is shown, by place."""
        listed = await self.people.list(segment_id=segment_id)
        first = await self.people.walk(size=2)
        second = await self.people.walk(size=2, cursor=first.next)
        third = await self.people.walk(size=2, cursor=second.next) if second.next else second
        async with self.pool.acquire() as connection:
            members = await exports.list_these_customers(connection, customer_ids=ALL)
            exported = await exports.list_customers(connection, after=0, limit=10)
        found = {
            "preview": (await self.runs.preview(EVERYONE, soon=True)).sample,
            "list": listed.people,
            "walk": (*first.people, *second.people, *third.people),
            "search": (await self.people.list(query="佐藤")).people,
        }
        numbers = {place: {one.customer_id for one in shown} for place, shown in found.items()}
        rows = {"members": members, "exported": exported}
        assert listed.total == len(numbers["list"])
        return numbers | {place: {row["customer_id"] for row in rows} for place, rows in rows.items()}


async def forgotten(_: Sequence[int]) -> int:
    return 0


async def nothing(_: Sequence[int]) -> list[dict[str, Any]]:
    return []


@pytest.fixture
async def seen(pool: asyncpg.Pool) -> Seen:
    for number in ALL:
        await pool.execute(
            """INSERT INTO customers (customer_id, user_id, created_at, born_source_id, traits) OVERRIDING SYSTEM VALUE
               VALUES ($1, $2, $3, 1, '{"family_name": "佐藤"}')""",
            number,
            f"M-{number}",
            AS_OF,
        )
        await pool.execute("INSERT INTO identities VALUES ('user', $1, $2, true, $3)", f"M-{number}", number, AS_OF)
    rows = [person(orders=number, last_seen=ago(number)) | {"customer_id": number} for number in ALL]
    return Seen(pool, FixedClock(AS_OF), HeldFrame(rows))


async def test_nobody_is_shown_who_asked_to_be_erased_nor_after_it_was_done(seen: Seen) -> None:
    segment = (await seen.runs.create("Everybody", EVERYONE, actor="test")).segment.id
    assert all(shown == {*ALL} for shown in (await seen.numbers(segment)).values())
    await seen.rights.erase(GONE, by="owner")
    for done in (False, True):
        if done:
            seen.clock.advance(SETTLED)
            assert await seen.rights.work() == 1
        assert all(shown == STAY for shown in (await seen.numbers(segment)).values())
        for asked in (
            seen.people.detail(GONE),
            seen.people.timeline(GONE),
            seen.people.find("M-3"),
            seen.runs.explain(segment, customer_id=GONE),
        ):
            with pytest.raises(NotFound):
                await asked


async def test_members_of_a_segment_are_told_without_him(seen: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    async def kept(*_: object) -> npt.NDArray[np.int64]:
        return np.array([*ALL])

    monkeypatch.setattr(looking, "_customers", kept)
    segment = (await seen.runs.create("Everybody", EVERYONE, actor="test")).segment.id
    ledger = MembershipLedger(seen.pool, seen.clock, raw_since=lambda: None)
    await seen.rights.erase(GONE, by="owner")
    assert [[one.customer_id for one in await ledger.members(segment, after=after, limit=2)] for after in (0, 2)] == [
        [1, 2],
        [4, 5],
    ]


async def test_changes_and_ways_through_journeys_are_told_without_him(seen: Seen) -> None:
    segment = int((await seen.runs.create("Everybody", EVERYONE, actor="test")).segment.id)
    campaign = await a_journey(seen.pool)
    for number in ALL:
        await turned(seen.pool, segment, number, at=AS_OF)
        await seen.pool.execute(
            """INSERT INTO journey_entries (campaign_id, version, customer_id, occurrence, step, state, due_at, entered_at, changed_at)
               VALUES ($1, 1, $2, $2, 0, 'waiting', $3, $3, $3)""",
            campaign,
            number,
            AS_OF,
        )
    ledger, desk = MembershipLedger(seen.pool, seen.clock, raw_since=lambda: None), JourneyDesk(seen.pool, seen.clock)

    async def told() -> list[set[int]]:
        entries = await desk.entries(campaign)
        ways = [*await ledger.feed(after=0), *await ledger.changes(segment)]
        return [{one.customer_id for one in entries}, {one.customer_id for one in ways}]

    (way,) = [one.entry_id for one in await desk.entries(campaign) if one.customer_id == GONE]
    assert await told() == [{*ALL}, {*ALL}]
    await seen.rights.erase(GONE, by="owner")
    assert await told() == [STAY, STAY]
    with pytest.raises(NotFound):
        await desk.entry(campaign, way)


async def a_journey(pool: asyncpg.Pool) -> int:
    number: int = await pool.fetchval(
        """INSERT INTO campaigns (name, state, kind, content, salt, conversion_event, conversion_days, created_at, created_by, changed_at)
           VALUES ('Onboarding', 'sending', 'event', '{}', 's', 'Order Completed', 7, $1, 'test', $1) RETURNING campaign_id""",
        AS_OF,
    )
    return number
