"""Push addresses and whose they are."""

from collections.abc import Collection, Sequence

from backend.store import queries
from backend.store.pool import Connection
from segments.sightings import Device, DeviceState

_SQL = queries.load("devices")


async def find(
    connection: Connection, *, addresses: Collection[str], customer_ids: Collection[int]
) -> dict[str, Device]:
    """Devices by address: those named, and all of the customers named."""
    rows = await connection.fetch(_SQL["find_devices"], list(addresses), list(customer_ids))
    found = {}
    for row in rows:
        values = dict(row)
        values |= {
            "kind": values.pop("address_kind"),
            "state": DeviceState(row["state"]),
            "proven_for": set(row["proven_for"]),
        }
        found[row["address"]] = Device(**values)
    return found


async def put(connection: Connection, devices: Sequence[Device]) -> None:
    """Keep devices that are new or changed."""
    await connection.execute(_SQL["put_devices"], list(devices))
