"""Columns that are worked out of everyone's history while whoever asked has an answer from a sample already."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

import structlog

HEAD_START = 0.2

MOST = 4
"""Wishes that wait; of more the oldest are given up: whoever made them has gone on to others."""

MOST_FAILED = 64
"""Columns of which it is remembered that they could not be worked out."""

_log = structlog.get_logger("counting")

Key = TypeVar("Key")
Moment = TypeVar("Moment")


class Counting(Generic[Key, Moment]):
    """One wish after the other, the newest first: two at once would take twice the memory, and no less time.

    Args:
        count: works out one column; a fault of it is told and remembered, until somebody has it begun again.
        head_start: seconds that whoever asked has both cores to himself.
    """

    def __init__(self, count: Callable[[Key, Moment], Awaitable[object]], *, head_start: float = HEAD_START) -> None:
        self._count = count
        self._head_start = head_start
        self._waiting: list[tuple[Sequence[Key], Moment]] = []
        self._now: Sequence[Key] = ()
        self._failed: dict[Key, None] = {}
        self._task: asyncio.Task[None] | None = None

    def begin(self, keys: Sequence[Key], moment: Moment) -> None:
        """Have these columns worked out as of a moment, if they are not on their way."""
        on_their_way = {*self._now, *(key for wish, _ in self._waiting for key in wish)}
        if {*keys} <= on_their_way:
            return
        for key in keys:
            self._failed.pop(key, None)
        self._waiting = [*self._waiting[1 - MOST :], (keys, moment)]
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())

    def has_failed(self, keys: Sequence[Key]) -> bool:
        """Whether one of these could not be worked out, and nobody has had it begun again since."""
        return any(key in self._failed for key in keys)

    async def _work(self) -> None:
        await asyncio.sleep(self._head_start)
        while self._waiting:
            self._now, moment = self._waiting.pop()
            try:
                for key in self._now:
                    await self._count(key, moment)
            except Exception as error:  # noqa: BLE001 - nobody waits for it, and nobody must be kept from the next one
                _log.warning("counting_failed", reason=repr(error))
                self._failed |= dict.fromkeys(self._now)
                self._failed = dict.fromkeys([*self._failed][-MOST_FAILED:])
            finally:
                self._now = ()
