"""What the intake has learned of phones' clocks, for every process of it."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from backend.store import queries
from backend.store.pool import Connection
from segments.device_clock import DeviceClock

_SQL = queries.load("device_clocks")


async def read(connection: Connection, *, device_key: UUID) -> DeviceClock | None:
    """What is remembered of one device."""
    record = await connection.fetchrow(_SQL["read_clock"], device_key)
    return None if record is None else DeviceClock(skew=record["skew"], doubt=record["doubt"])


async def remember(connection: Connection, clocks: Mapping[UUID, DeviceClock], *, now: datetime) -> None:
    """Write down what was learned of many devices."""
    skews = [clock.skew for clock in clocks.values()]
    doubts = [clock.doubt for clock in clocks.values()]
    await connection.execute(_SQL["remember_clocks"], list(clocks), skews, doubts, now)


async def forget_before(connection: Connection, *, learned_at: datetime) -> None:
    """Forget phones of which nothing was learned since."""
    await connection.execute(_SQL["forget_clocks"], learned_at)


async def forget(connection: Connection, *, device_keys: list[UUID]) -> None:
    """Forget these devices."""
    await connection.execute(_SQL["forget_devices"], device_keys)
