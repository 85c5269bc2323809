"""The shop's settings in the database: one row a key, defaults where there is none."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

import msgspec

from backend.store import queries
from backend.store.pool import Connection
from campaigns.shop import ShopSettings

_SQL = queries.load("shop")
_KEYS = {field.name for field in fields(ShopSettings)}


async def read_settings(connection: Connection) -> ShopSettings:
    """The shop's settings; keys that another release wrote are passed over."""
    stored = {row["key"]: row["value"] for row in await connection.fetch(_SQL["list_settings"])}
    return msgspec.convert({key: stored[key] for key in _KEYS & stored.keys()}, ShopSettings)


async def put_settings(connection: Connection, values: Mapping[str, Any], *, now: datetime, actor: str) -> None:
    """Keep some settings; values are what `written` gives for them."""
    rows = [(key, value, now, actor) for key, value in values.items()]
    await connection.executemany(_SQL["put_setting"], rows)


def written(settings: ShopSettings) -> dict[str, Any]:
    """The settings as JSON values by key."""
    values: dict[str, Any] = msgspec.to_builtins(settings)
    return values


async def sample_trait(connection: Connection, *, name: str) -> list[Any]:
    """What some customers have under the name of a trait."""
    return [row["value"] for row in await connection.fetch(_SQL["sample_trait"], name)]


async def lock_settings(connection: Connection) -> None:
    """Hold off everyone else who saves settings, until the transaction ends."""
    await connection.execute(_SQL["lock_settings"])


async def has_history(connection: Connection) -> bool:
    """Whether anything was ever taken in."""
    return bool(await connection.fetchval(_SQL["has_history"]))


async def touch_everyone(connection: Connection, *, now: datetime) -> None:
    """Have the frame row of every customer made anew."""
    await connection.execute(_SQL["touch_everyone"], now)
