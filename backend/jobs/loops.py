"""A loop that outlives what goes wrong in it: an outage of the database, a fault in one round."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog

LONGEST_BACKOFF = 30.0

log = structlog.get_logger()


@dataclass(slots=True)
class Loop:
    """One thing a worker does again and again.

    Attributes:
        step: one round; gives how much it did. While it does something, the next round follows at once.
        every: seconds between rounds that found nothing to do.
        rounds: rounds that ended well, for the heartbeat.
    """

    name: str
    step: Callable[[], Awaitable[int]]
    every: float
    rounds: int = 0
    _backoff: float = field(default=0.0, init=False)

    async def run(self, stop: asyncio.Event) -> None:
        """Go on until ``stop`` is set; a round that has begun is ended."""
        while not stop.is_set():
            pause = await self._round()
            if pause:
                await rest(stop, pause)

    async def _round(self) -> float:
        """One round; gives the seconds to rest after it. A fault waits longer each time it comes back."""
        try:
            done = await self.step()
        except Exception as error:
            self._backoff = min(LONGEST_BACKOFF, max(1.0, self._backoff * 2))
            log.warning("loop_failed", loop=self.name, error=repr(error), again_in=self._backoff, exc_info=True)
            return self._backoff
        self._backoff = 0.0
        self.rounds += 1
        return 0.0 if done else self.every


async def rest(stop: asyncio.Event, seconds: float) -> None:
    """Sleep, but wake up at once when asked to stop."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
