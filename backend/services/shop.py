"""What the shop decided about itself: read, checked, kept, and written down who changed what."""

import asyncpg

from backend.clock import Clock
from backend.errors import BadInput, Conflict
from backend.store import access
from backend.store import shop as store
from backend.store.pool import Connection
from campaigns.shop import FIXED_BY_HISTORY, ShopSettings, problems

__all__ = ["Shop", "ShopSettings"]


class Shop:
    """The shop's settings."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    async def get(self) -> ShopSettings:
        """The settings as they stand; defaults where nothing was chosen."""
        async with self._pool.acquire() as connection:
            return await store.read_settings(connection)

    async def save(self, settings: ShopSettings, *, actor: str) -> ShopSettings:
        """Keep the settings that differ from those that stand.

        Raises:
            BadInput: a value that cannot be taken; ``field`` names the first one. `campaigns.shop.problems` has all.
            Conflict: a setting that stored history is written in, once there is history.
        """
        for field, sentence in problems(settings).items():
            raise BadInput(sentence, code="bad_setting", field=field)
        async with self._pool.acquire() as connection, connection.transaction():
            await store.lock_settings(connection)
            before = store.written(await store.read_settings(connection))
            after = store.written(settings)
            changed = {key: value for key, value in after.items() if value != before[key]}
            if changed:
                await _refuse_rewriting_history(connection, changed)
                await self._keep(connection, changed, before, actor)
        return settings

    async def _keep(
        self, connection: Connection, changed: dict[str, object], before: dict[str, object], actor: str
    ) -> None:
        now = self._clock.now()
        await store.put_settings(connection, changed, now=now, actor=actor)
        if "consent_rule" in changed:
            await store.touch_everyone(connection, now=now)
        detail = {key: {"from": before[key], "to": value} for key, value in changed.items()}
        await access.write_audit(connection, at=now, actor=actor, action="shop.save", target="shop", detail=detail)


async def _refuse_rewriting_history(connection: Connection, changed: dict[str, object]) -> None:
    fixed = [key for key in FIXED_BY_HISTORY if key in changed]
    if fixed and await store.has_history(connection):
        raise Conflict(
            "Stored events are already dated and counted by this setting, so it cannot change any more: "
            "start a new installation with the right one and import the events there.",
            code="fixed_by_history",
            field=fixed[0],
        )
