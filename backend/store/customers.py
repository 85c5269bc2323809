"""Customers: births, merges, traits, and the columns of the frame that history does not know."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any, TypeAlias, cast

import asyncpg

from backend.store import queries
from backend.store.pool import Connection
from segments.sightings import Merge, Person

_SQL = queries.load("customers")


async def reserve_numbers(connection: Connection, *, count: int) -> list[int]:
    """Numbers that no customer has."""
    return [row[0] for row in await connection.fetch(_SQL["reserve_numbers"], count)]


async def add(connection: Connection, people: Sequence[Person]) -> None:
    """Keep customers who were born."""
    await connection.execute(
        _SQL["add_customers"],
        [person.customer_id for person in people],
        [person.user_id for person in people],
        [person.created_at for person in people],
        [person.born_source_id for person in people],
        [person.born_anonymous_id for person in people],
        [person.known_to_shop for person in people],
    )


async def change(connection: Connection, people: Sequence[Person]) -> None:
    """Keep who got a member number or was vouched for."""
    await connection.execute(
        _SQL["change_customers"],
        [person.customer_id for person in people],
        [person.user_id for person in people],
        [person.known_to_shop for person in people],
    )


async def merge(connection: Connection, merges: Sequence[Merge]) -> None:
    """Keep merges; each names the last survivor."""
    version = await connection.fetchval(_SQL["next_merge_version"])
    gone, survivors = [merge.gone for merge in merges], [merge.survivor for merge in merges]
    await connection.execute(_SQL["merge_customers"], gone, survivors, version)


@dataclass(slots=True)
class OwnTraits:
    """What was said under one number; ``merged_into`` is whose it is now, ``shown`` what was true of the person so far."""

    customer_id: int
    merged_into: int | None
    shown: dict[str, Any]
    traits: dict[str, Any]
    trait_times: dict[str, int]


async def read_own_traits(connection: Connection, *, customer_ids: Collection[int]) -> list[OwnTraits]:
    """Traits as they were said under each number, of these customers and of everyone merged into them.

    ``trait_times`` is, trait by trait, when it was said (microseconds since 1970).
    """
    return [OwnTraits(**row) for row in await connection.fetch(_SQL["read_own_traits"], list(customer_ids))]


TraitRow: TypeAlias = tuple[
    int, dict[str, Any], dict[str, int], dict[str, Any] | None, dict[str, int] | None, datetime | None
]
"""Customer, traits, their times, the number's own traits and times where those differ, moment of the newest word."""


async def write_traits(connection: Connection, rows: Sequence[TraitRow]) -> None:
    """Keep traits."""
    await connection.execute(_SQL["write_traits"], *([row[n] for row in rows] for n in range(6)))


async def read_survivors(connection: Connection, *, customer_ids: Collection[int]) -> dict[int, int]:
    """Who each customer is today."""
    rows = await connection.fetch(_SQL["read_survivors"], list(customer_ids))
    return {row["customer_id"]: row["survivor"] for row in rows}


async def read_absorbed(connection: Connection, *, survivors: Collection[int]) -> dict[int, int]:
    """Everyone who was merged into one of these, with the survivor."""
    rows = await connection.fetch(_SQL["read_absorbed"], list(survivors))
    return {row["customer_id"]: row["survivor"] for row in rows}


async def merge_version(connection: Connection) -> int:
    """Grows with every merge."""
    return cast("int", await connection.fetchval(_SQL["merge_version"]))


async def list_merges(connection: Connection, *, after: int = 0) -> list[tuple[int, int]]:
    """Merges later than a version, all of them for 0, as (customer, survivor): what reduce applies to history."""
    return [(row["customer_id"], row["survivor"]) for row in await connection.fetch(_SQL["list_merges"], after)]


async def read_private(
    connection: Connection, *, customer_ids: Collection[int], silence: bool, traits: Collection[str] = ()
) -> list[asyncpg.Record]:
    """Profile, consent, reach and some traits of customers; ``silence``: what counts where a person said nothing of consent."""
    rows: list[asyncpg.Record] = await connection.fetch(_SQL["read_private"], list(customer_ids), silence, list(traits))
    return rows


async def list_test_accounts(connection: Connection) -> list[int]:
    """Numbers of the customers who are test accounts."""
    return [row["customer_id"] for row in await connection.fetch(_SQL["list_test_accounts"])]


async def list_coupons(connection: Connection) -> list[asyncpg.Record]:
    """Coupon definitions: coupon_id, audience, valid_until."""
    rows: list[asyncpg.Record] = await connection.fetch(_SQL["list_coupons"])
    return rows


async def add_timeline(connection: Connection, lines: str) -> None:
    """Write down which events are whose: lines of CSV with customer_id, occurred_at, seq and received_day."""
    await connection.copy_to_table(
        "customer_timeline",
        columns=("customer_id", "occurred_at", "seq", "received_day"),
        source=BytesIO(lines.encode()),
        format="csv",
    )
