"""What was worked out is kept within its room, and worked out by one of those who ask at once."""

import asyncio
from collections.abc import Awaitable, Callable

import polars as pl
import pytest

from backend.lake.kept_columns import Held, KeptColumns, Made

ROWS = pl.DataFrame({"customer_id": list(range(1000))})
SIZE = int(ROWS.estimated_size())


def making(calls: list[str], name: str) -> Callable[[Held | None], Awaitable[Made]]:
    async def make(_: Held | None) -> Made:
        calls.append(name)
        await asyncio.sleep(0)
        return ROWS.clone(), None

    return make


async def test_one_works_it_out_and_the_others_wait() -> None:
    kept, calls = KeptColumns(), []
    await asyncio.gather(*(kept.get("a", 1, making(calls, "a")) for _ in range(5)))
    await kept.get("a", 1, making(calls, "a"))
    assert calls == ["a"]
    await kept.get("a", 2, making(calls, "a again"))
    assert calls == ["a", "a again"]


async def test_the_least_recently_used_goes_first() -> None:
    kept, calls = KeptColumns(room=2 * SIZE), []
    for name in ("a", "b", "a", "c", "a"):
        await kept.get(name, 1, making(calls, name))
    assert kept.size <= 2 * SIZE
    assert calls == ["a", "b", "c"]


async def test_what_took_long_stays_longer() -> None:
    kept, calls = KeptColumns(room=2 * SIZE), []
    await kept.get("dear", 1, making(calls, "dear"))
    dear = kept._held["dear"]
    kept._held["dear"] = Held(dear.rows, dear.stamp, None, dear.made, 20.0)
    for name in ("a", "b", "dear"):
        await kept.get(name, 1, making(calls, name))
    assert calls == ["dear", "a", "b"]


async def test_who_gives_up_does_not_stop_it_and_a_fault_is_not_kept() -> None:
    kept, calls = KeptColumns(), []
    begun = asyncio.Event()

    async def slow(_: Held | None) -> Made:
        begun.set()
        await asyncio.sleep(0.01)
        calls.append("slow")
        return ROWS, None

    asking = asyncio.create_task(kept.get("a", 1, slow))
    await begun.wait()
    asking.cancel()
    assert (await kept.get("a", 1, slow)).height == ROWS.height
    assert calls == ["slow"]

    async def failing(_: Held | None) -> Made:
        raise OSError("away")

    with pytest.raises(OSError, match="away"):
        await kept.get("b", 1, failing)
    await kept.get("b", 1, making(calls, "b"))
    assert calls == ["slow", "b"]
