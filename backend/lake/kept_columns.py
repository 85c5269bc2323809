"""Columns that were worked out once, kept for whoever asks next: so many bytes, the least recently used go first."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import TypeAlias

import polars as pl

ROOM = 200_000_000
"""Bytes that are kept. What is just being asked for stays, however large it is."""

DEAR = 0.5
"""Seconds of work from which on something is kept rather than what took less."""


@dataclass(frozen=True, slots=True)
class Held:
    """Rows as they were worked out last.

    Attributes:
        stamp: what they were worked out of.
        notes: what whoever made them wants to know when they are to be made again.
        made: when (seconds, monotonic).
        took: seconds.
    """

    rows: pl.DataFrame
    stamp: Hashable
    notes: Hashable
    made: float
    took: float


Made: TypeAlias = tuple[pl.DataFrame, Hashable]
"""Rows, and notes for the next time."""


class KeptColumns:
    """Rows by what they answer. Who asks while they are being worked out waits for the one who does it."""

    def __init__(self, room: int = ROOM) -> None:
        self._room = room
        self._held: OrderedDict[Hashable, Held] = OrderedDict()
        self._making: dict[Hashable, asyncio.Task[pl.DataFrame]] = {}

    @property
    def size(self) -> int:
        """Bytes that are held."""
        return sum(int(held.rows.estimated_size()) for held in self._held.values())

    def held(self, key: Hashable) -> Held | None:
        """What was worked out last for a key, if it is still there."""
        return self._held.get(key)

    def has(self, key: Hashable, stamp: Hashable) -> bool:
        """Whether `get` would give the rows at once."""
        held = self._held.get(key)
        return held is not None and held.stamp == stamp

    async def get(self, key: Hashable, stamp: Hashable, make: Callable[[Held | None], Awaitable[Made]]) -> pl.DataFrame:
        """The rows of ``key``, worked out by ``make`` unless those that are held bear the same stamp.

        ``make`` is given what is held. Whoever stops waiting does not stop it.
        """
        held = self._held.get(key)
        if held is not None and held.stamp == stamp:
            self._held.move_to_end(key)
            return held.rows
        task = self._making.get((key, stamp))
        if task is None:
            task = self._making[key, stamp] = asyncio.create_task(self._make(key, stamp, make, held))
            task.add_done_callback(lambda done: self._made(key, stamp, done))
        return await asyncio.shield(task)

    async def _make(
        self, key: Hashable, stamp: Hashable, make: Callable[[Held | None], Awaitable[Made]], held: Held | None
    ) -> pl.DataFrame:
        started = time.monotonic()
        rows, notes = await make(held)
        ended = time.monotonic()
        if held is not None and rows is held.rows:
            started, ended = held.made - held.took, held.made
        self._held[key] = Held(rows, stamp, notes, ended, ended - started)
        self._held.move_to_end(key)
        self._make_room(key)
        return rows

    def _make_room(self, for_key: Hashable) -> None:
        """Let go of what was used longest ago: first of what was made in no time, then of what took long."""
        over = self.size - self._room
        others = [(key, held) for key, held in self._held.items() if key != for_key]
        for key, held in sorted(others, key=lambda other: other[1].took >= DEAR):
            if over <= 0:
                break
            over -= int(held.rows.estimated_size())
            del self._held[key]

    def _made(self, key: Hashable, stamp: Hashable, task: "asyncio.Task[pl.DataFrame]") -> None:
        self._making.pop((key, stamp), None)
        if not task.cancelled():
            task.exception()  # whoever waited has it; where nobody did any more, it is nobody's
