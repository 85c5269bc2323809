"""Loops outlive faults, rest when there is nothing to do, and stop when asked."""

import asyncio

from backend.jobs.loops import Loop


async def test_work_follows_work_at_once_and_a_stop_wakes_a_resting_loop() -> None:
    left, stop = [3], asyncio.Event()

    async def step() -> int:
        left[0] -= 1
        if left[0] == 0:
            asyncio.get_running_loop().call_later(0.01, stop.set)
        return left[0]

    loop = Loop("test", step, every=3600)
    await asyncio.wait_for(loop.run(stop), 60)
    assert loop.rounds == 3


async def test_a_fault_is_waited_out_longer_each_time(monkeypatch) -> None:  # noqa: ANN001 - pytest's
    rests: list[float] = []
    stop = asyncio.Event()

    async def no_rest(_: asyncio.Event, seconds: float) -> None:
        rests.append(seconds)
        if len(rests) == 9:
            stop.set()

    monkeypatch.setattr("backend.jobs.loops.rest", no_rest)
    outcomes = iter([OSError("away")] * 7 + [0, OSError("again")])

    async def step() -> int:
        outcome = next(outcomes)
        if isinstance(outcome, OSError):
            raise outcome
        return outcome

    loop = Loop("test", step, every=5)
    await loop.run(stop)
    assert rests == [1, 2, 4, 8, 16, 30, 30, 5, 1]
    assert loop.rounds == 1
