"""What is due comes when it is due, the earliest first, with one timer for all."""

import asyncio
import time

from backend.push.emulator.schedule import Schedule


async def test_items_come_in_the_order_of_their_moments_and_never_early() -> None:
    began, came = time.monotonic(), list[tuple[str, float]]()
    schedule = Schedule[str](lambda items: came.extend((item, time.monotonic() - began) for item in items))
    waits = {"late": 0.09, "soon": 0.03, "as soon": 0.03, "now": 0.0}
    for item, seconds in waits.items():
        schedule.put(item, seconds=seconds)
    await asyncio.sleep(0.2)
    assert [item for item, _ in came] == ["now", "soon", "as soon", "late"]
    assert all(after >= waits[item] for item, after in came)


async def test_what_is_put_in_while_things_come_comes_too() -> None:
    came = list[list[int]]()

    def due(items: list[int]) -> None:
        came.append(items)
        if items[-1] < 3:
            schedule.put(items[-1] + 1, seconds=0)

    schedule = Schedule[int](due)
    schedule.put(0, seconds=0)
    schedule.put(1, seconds=0)
    await asyncio.sleep(0.05)
    assert came == [[0, 1], [2], [3]]


async def test_nothing_comes_after_it_was_cancelled() -> None:
    came = list[list[int]]()
    schedule = Schedule[int](came.append)
    schedule.put(1, seconds=0.01)
    schedule.cancel()
    await asyncio.sleep(0.05)
    assert came == []
