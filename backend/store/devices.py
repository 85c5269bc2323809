"""Push addresses and whose they are."""

from collections.abc import Collection, Sequence
from dataclasses import fields
from typing import Any

import asyncpg
import msgspec

from backend.store import queries
from backend.store.pool import Connection
from segments.sightings import Device, DeviceState, Heard

_SQL = queries.load("devices")


async def find(
    connection: Connection, *, addresses: Collection[str], customer_ids: Collection[int], heard: Collection[str]
) -> dict[str, Device]:
    """Devices by address: those named, all of the customers named, and those where one of the ids was heard."""
    rows = await connection.fetch(_SQL["find_devices"], list(addresses), list(customer_ids), list(heard))
    return {row["address"]: _device(row) for row in rows}


def _device(row: asyncpg.Record) -> Device:
    values: dict[str, Any] = dict(row)
    values["kind"] = values.pop("address_kind")
    values["state"] = DeviceState(values["state"])
    values["proven_for"] = set(values["proven_for"])
    values["heard"] = msgspec.convert(values["heard"], list[Heard])
    return Device(**values)


async def put(connection: Connection, devices: Sequence[Device]) -> None:
    """Keep devices that are new or changed."""
    await connection.execute(_SQL["put_devices"], [_row(device) for device in devices])


def _row(device: Device) -> dict[str, Any]:
    row = {each.name: getattr(device, each.name) for each in fields(device)}
    return row | {"heard_ids": sorted({heard_id(each) for each in device.mentions()})}


def heard_id(each: int | str) -> str:
    """A number or an anonymous id as the index of those heard at an address has it."""
    return f"u{each}" if isinstance(each, int) else f"a{each}"
