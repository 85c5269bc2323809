"""The map of ids: read for a batch at once, written back at once."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

import asyncpg

from backend.store import devices, queries
from backend.store.pool import Connection
from segments.sightings import Claim, Known, Link, Merge, Person

_SQL = queries.load("identities")


async def load_map(connection: Connection, *, users: Collection[str], anonymous: Collection[str]) -> Known:
    """Whose the ids of a batch are. Devices and people are to be added by `load_people`."""
    known = Known()
    known.users = {row["value"]: row["customer_id"] for row in await connection.fetch(_SQL["find_users"], list(users))}
    await _load_links(connection, known, anonymous)
    return known


async def load_people(
    connection: Connection, known: Known, *, addresses: Collection[str], moving: Collection[str]
) -> None:
    """Add the people of a map and their devices.

    Args:
        connection: inside a transaction.
        known: what `load_map` gave.
        addresses: push addresses that the batch names.
        moving: ids that may change hands in the batch: every address at which one was heard is needed. User ids are
            written as "u" and the customer's number, anonymous ids as "a" and the id.
    """
    numbers = {*known.users.values(), *(link.customer_id for link in known.anonymous.values())}
    known.devices = await devices.find(connection, addresses=addresses, customer_ids=numbers, heard=moving)
    await _load_heard(connection, known)
    heard = {number for address in known.devices for number in _numbers_at(known, address)} - numbers
    if heard:  # an address may go back to one of them: his other devices count then
        known.devices |= await devices.find(connection, addresses=(), customer_ids=heard, heard=())
        await _load_heard(connection, known)
    await _load_customers(connection, known)


async def _load_links(connection: Connection, known: Known, anonymous: Collection[str]) -> None:
    missing = list(set(anonymous) - known.anonymous.keys())
    if missing:
        rows = await connection.fetch(_SQL["find_anonymous"], missing)
        known.anonymous |= {row["value"]: _link(row) for row in rows}


async def _load_heard(connection: Connection, known: Known) -> None:
    heard = (each for device in known.devices.values() for each in device.heard)
    await _load_links(connection, known, {each.anonymous_id for each in heard if each.anonymous_id is not None})


def _numbers_at(known: Known, address: str) -> Iterable[int]:
    device = known.devices[address]
    yield device.customer_id
    for each in device.heard:
        if each.customer_id is not None:
            yield each.customer_id
        elif each.anonymous_id in known.anonymous:
            yield known.anonymous[each.anonymous_id].customer_id


async def _load_customers(connection: Connection, known: Known) -> None:
    numbers = set(known.users.values())
    for link in known.anonymous.values():
        numbers |= {link.customer_id, *link.proven_for}
    for device in known.devices.values():
        numbers |= {device.customer_id, *device.proven_for, *_numbers_at(known, device.address)}
    for row in await connection.fetch(_SQL["find_people"], list(numbers)):
        values = dict(row)
        number = values.pop("number")
        person = Person(**values)
        known.people.setdefault(person.customer_id, person)
        if number != person.customer_id:
            known.merged[number] = person.customer_id


def _link(row: asyncpg.Record) -> Link:
    claim = None
    if row["claim_user"] is not None:
        claim = Claim(
            vouched=row["claim_vouched"],
            at=row["claim_at"],
            user_id=row["claim_user"],
            verified=row["claim_verified"],
        )
    return Link(
        customer_id=row["customer_id"],
        node_id=row["node_id"],
        at=row["linked_at"],
        claim=claim,
        proven_for=set(row["proven_for"]),
    )


async def put_users(connection: Connection, named: Sequence[tuple[str, int, datetime]]) -> None:
    """Keep whose user ids are, each as (user id, customer, first seen)."""
    columns = ([row[column] for row in named] for column in range(3))
    await connection.execute(_SQL["put_users"], *columns)


async def put_links(connection: Connection, links: Sequence[tuple[str, Link, bool]]) -> None:
    """Keep whose anonymous ids are, each as (anonymous id, link, whether it is proven its owner's)."""
    await connection.execute(_SQL["put_anonymous"], [_row(*each) for each in links])


def _row(value: str, link: Link, proven: bool) -> dict[str, Any]:  # noqa: FBT001 - one of three parts of a link
    claim = link.claim
    return {
        "value": value,
        "customer_id": link.customer_id,
        "node_id": link.node_id,
        "proven": proven,
        "linked_at": link.at,
        "claim_user": None if claim is None else claim.user_id,
        "claim_at": None if claim is None else claim.at,
        "claim_vouched": False if claim is None else claim.vouched,
        "claim_verified": False if claim is None else claim.verified,
        "proven_for": sorted(link.proven_for),
    }


async def move(connection: Connection, merges: Sequence[Merge]) -> None:
    """Give the survivors the ids of customers who were merged into them."""
    gone, survivors = [merge.gone for merge in merges], [merge.survivor for merge in merges]
    await connection.execute(_SQL["move_identities"], gone, survivors)
