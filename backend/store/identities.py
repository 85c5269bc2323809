"""The map of ids: read for a batch at once, written back at once."""

from collections.abc import Collection, Sequence

from backend.store import devices, queries
from backend.store.pool import Connection
from segments.sightings import Known, Link, Merge, Person

_SQL = queries.load("identities")


async def load_known(
    connection: Connection, *, users: Collection[str], anonymous: Collection[str], addresses: Collection[str]
) -> Known:
    """Everything that is known about the ids and addresses of a batch, in three statements."""
    known = Known()
    for row in await connection.fetch(_SQL["find_identities"], list(users), list(anonymous)):
        if row["kind"] == "user":
            known.users[row["value"]] = row["customer_id"]
        else:
            known.anonymous[row["value"]] = Link(row["customer_id"], row["proven"], row["linked_at"])
    numbers = {*known.users.values(), *(link.customer_id for link in known.anonymous.values())}
    known.people = {
        row["customer_id"]: Person(**row) for row in await connection.fetch(_SQL["find_people"], list(numbers))
    }
    known.devices = await devices.find(connection, addresses=addresses, customer_ids=numbers)
    return known


async def put(connection: Connection, identities: Sequence[tuple[str, str, Link]]) -> None:
    """Keep whose ids are, each as (kind, value, link)."""
    await connection.execute(
        _SQL["put_identities"],
        [kind for kind, _, _ in identities],
        [value for _, value, _ in identities],
        [link.customer_id for _, _, link in identities],
        [link.proven for _, _, link in identities],
        [link.at for _, _, link in identities],
    )


async def move(connection: Connection, merges: Sequence[Merge]) -> None:
    """Give the survivors the ids of those who were merged into them."""
    await connection.execute(
        _SQL["move_identities"],
        [merge.gone for merge in merges],
        [merge.survivor for merge in merges],
        [merge.vouched for merge in merges],
    )
