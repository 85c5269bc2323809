"""What the shop decided about itself: read, checked, kept, and written down who changed what."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import time
from typing import Any, get_type_hints

import asyncpg
import msgspec

from backend.clock import Clock
from backend.errors import BadInput, Conflict
from backend.store import access
from backend.store import shop as store
from backend.store.pool import Connection
from campaigns.shop import FIXED_BY_HISTORY, ShopSettings, problems
from segments.shop_traits import observed, read_trait, refused_values, written_trait

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
        _check(settings)
        async with self._pool.acquire() as connection, connection.transaction():
            await store.lock_settings(connection)
            return await self._save(connection, await store.read_settings(connection), settings, actor)

    async def change(self, given: Mapping[str, object], *, actor: str) -> ShopSettings:
        """Change some settings and leave the others; gives all as they stand then.

        Args:
            given: values by name of the setting, as JSON or as the texts of a command line.
            actor: who asks for it.

        Raises:
            BadInput: no such setting, or a value that cannot be taken; ``field`` names it.
            Conflict: a setting that stored history is written in, once there is history.
        """
        values = {field: _read(field, value) for field, value in given.items()}
        async with self._pool.acquire() as connection, connection.transaction():
            await store.lock_settings(connection)
            before = await store.read_settings(connection)
            settings = replace(before, **values)
            _check(settings)
            return await self._save(connection, before, settings, actor)

    async def _save(
        self, connection: Connection, stands: ShopSettings, settings: ShopSettings, actor: str
    ) -> ShopSettings:
        before, after = store.written(stands), store.written(settings)
        changed = {key: value for key, value in after.items() if value != before[key]}
        if "segment_traits" in changed:
            settings = replace(settings, segment_traits=await _looked_at(connection, settings.segment_traits))
            changed["segment_traits"] = list(settings.segment_traits)
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


def _check(settings: ShopSettings) -> None:
    for field, sentence in problems(settings).items():
        raise BadInput(sentence, code="bad_setting", field=field)


def _read(field: str, value: object) -> Any:
    """A setting's value from JSON or text; times also without seconds, as people write them."""
    kind = _KINDS.get(field)
    if kind is None:
        raise BadInput(f"There is no setting {field}; there are {', '.join(_KINDS)}.", code="bad_setting", field=field)
    try:
        if kind is time and isinstance(value, str):
            return time.fromisoformat(value)
        if kind == tuple[str, ...] and isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return msgspec.convert(value, kind, strict=not isinstance(value, str))
    except (ValueError, msgspec.ValidationError) as error:
        raise BadInput(f"{field}: {value!r} cannot be taken: {error}.", code="bad_setting", field=field) from error


_KINDS = get_type_hints(ShopSettings)


async def _looked_at(connection: Connection, traits: Sequence[str]) -> tuple[str, ...]:
    """The traits as people have them: one value, or several texts.

    Raises:
        BadInput: what they have says who they are, or how to reach them.
    """
    found = []
    for trait in map(read_trait, traits):
        values = await store.sample_trait(connection, name=trait.name)
        if (sentence := refused_values(trait.name, values)) is not None:
            raise BadInput(sentence, code="bad_setting", field="segment_traits")
        found.append(written_trait(observed(trait.name, values) if values else trait))
    return tuple(found)


async def _refuse_rewriting_history(connection: Connection, changed: dict[str, object]) -> None:
    fixed = [key for key in FIXED_BY_HISTORY if key in changed]
    if fixed and await store.has_history(connection):
        raise Conflict(
            "Stored events are already dated and counted by this setting, so it cannot change any more: "
            "start a new installation with the right one and import the events there.",
            code="fixed_by_history",
            field=fixed[0],
        )
