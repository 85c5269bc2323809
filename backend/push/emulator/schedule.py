"""Things that are due at moments: one timer for all of them, and all that are due come together."""

import asyncio
import heapq
import itertools
import math
from collections.abc import Callable
from typing import Generic, TypeVar

_TICK = 1 / 512
"""Seconds. Moments are rounded up to it, so that many that are near each other cost one turn of the loop."""

Item = TypeVar("Item")


class Schedule(Generic[Item]):
    """Hands items over when they are due, the earliest first, those of one moment in the order in which they were put in."""

    def __init__(self, due: Callable[[list[Item]], None]) -> None:
        self._due = due
        self._waiting: list[tuple[float, int, Item]] = []
        self._numbers = itertools.count()
        self._timer: asyncio.TimerHandle | None = None

    def put(self, item: Item, *, seconds: float) -> None:
        """Have ``item`` come after so many seconds at the earliest; for 0 in the loop's next turn."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        at = math.ceil((now + seconds) / _TICK) * _TICK if seconds > 0 else now
        heapq.heappush(self._waiting, (at, next(self._numbers), item))
        if self._timer is None or at < self._timer.when():
            self._set()

    def cancel(self) -> None:
        """Nothing comes any more."""
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(self._waiting[0][0], self._come)

    def _come(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        items = []
        while self._waiting and self._waiting[0][0] <= now:
            items.append(heapq.heappop(self._waiting)[2])
        if self._waiting:
            self._set()
        if items:
            self._due(items)
