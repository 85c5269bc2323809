"""What is counted behind an answer: one wish after the other, and a fault is told until somebody has it begun again."""

import asyncio

from backend.lake.counting import MOST_FAILED, Counting


async def finished(counting: Counting[str, int]) -> None:
    assert counting._task is not None
    await asyncio.wait_for(counting._task, 10)


async def test_what_failed_is_told_until_it_is_begun_again() -> None:
    counted: list[tuple[str, int]] = []
    broken = True

    async def count(key: str, moment: int) -> None:
        if broken and key == "bad":
            raise OSError("the lake is gone")
        counted.append((key, moment))

    counting = Counting(count, head_start=0)
    counting.begin(["good", "bad"], 1)
    assert not counting.has_failed(["bad"])
    await finished(counting)
    assert counting.has_failed(["other", "bad"])
    assert not counting.has_failed(["other"])
    broken = False
    counting.begin(["good", "bad"], 2)
    assert not counting.has_failed(["good", "bad"])  # it is on its way
    await finished(counting)
    assert not counting.has_failed(["bad"])
    assert counted == [("good", 1), ("good", 2), ("bad", 2)]


async def test_only_so_many_faults_are_remembered() -> None:
    async def count(_: str, __: int) -> None:
        raise OSError

    counting = Counting(count, head_start=0)
    for number in range(MOST_FAILED + 1):
        counting.begin([str(number)], 1)
        await finished(counting)
    assert not counting.has_failed(["0"])
    assert counting.has_failed(["1"])
