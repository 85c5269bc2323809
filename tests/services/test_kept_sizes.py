"""The list of segments shows the sizes that memberships were kept with, and counts only what was not kept."""

from datetime import timedelta
from typing import cast

import asyncpg
import pytest

from backend.services.segment_runs import SegmentRuns
from segments.frame import QuickFrame
from segments.rules.parse import parse
from tests.services.keeping import NOW, Floor
from tests.services.test_memberships import BOUGHT, GOLD, first_customers

ON_IOS = parse({"event": "Order Completed", "where": {"platform": "ios"}, "op": "at_most", "times": 0})


@pytest.fixture
async def floor(pool: asyncpg.Pool) -> Floor:
    floor = Floor(pool)
    await first_customers(floor)
    return floor


async def sizes(floor: Floor, *, kept: bool) -> dict[str, tuple[int, int, int]]:
    """Of each segment size, reach and everyone; in ``floor.asked`` how many rules were counted."""
    runs = SegmentRuns(floor.pool, floor.clock, cast("QuickFrame", floor))
    floor.asked.clear()
    listed = await runs.list(kept=kept)
    return {each.stored.segment.name: (each.count.size, each.count.reachable, each.count.total) for each in listed}


async def test_what_was_kept_is_not_counted_again(floor: Floor) -> None:
    bought = await floor.segment("bought", BOUGHT)
    await floor.segment("gold", GOLD)
    await floor.keep()
    floor.clock.advance(timedelta(minutes=5))
    await floor.put(3, orders=1, reachable=True)
    assert await sizes(floor, kept=True) == {"bought": (2, 1, 4), "gold": (2, 1, 4)}
    assert floor.asked == [0]
    runs = SegmentRuns(floor.pool, floor.clock, cast("QuickFrame", floor))
    assert {each.count.as_of for each in await runs.list(kept=True)} == {NOW}
    assert await sizes(floor, kept=False) == {"bought": (3, 2, 4), "gold": (2, 1, 4)}
    await floor.version(bought, 2, GOLD)
    await floor.segment("new", BOUGHT)
    assert await sizes(floor, kept=True) == {"bought": (2, 1, 4), "gold": (2, 1, 4), "new": (3, 2, 4)}
    assert floor.asked == [2]


async def test_what_asks_for_raw_history_is_counted(floor: Floor) -> None:
    await floor.segment("no order on iOS", ON_IOS)
    await floor.keep()
    assert await sizes(floor, kept=True) == {"no order on iOS": (3, 2, 3)}
    assert floor.asked == [1]
