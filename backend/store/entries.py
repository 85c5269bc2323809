"""People who enter a campaign one by one: what the gates need of them, and the rows of the ledger that they get."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import asyncpg

from backend.store import queries
from backend.store.deliveries import consent_without_word, purpose
from backend.store.pool import Connection
from campaigns.terms import SendingRules, Terms

_SQL = queries.load("entries")


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryRow:
    """The row of a person who enters."""

    customer_id: int
    occurrence: int
    arm: str | None
    variant: str | None
    left_out: str | None
    state: str | None
    planned_at: datetime
    expires_at: datetime
    merge_fields: Mapping[str, Any]


async def read_entering(
    connection: Connection,
    *,
    customer_ids: Sequence[int],
    campaign_id: int,
    rules: SendingRules,
    terms: Terms,
    now: datetime,
) -> dict[int, asyncpg.Record]:
    """What the gates need of people who enter, by customer: the columns of `STANDING`, ``address_live``, and ``arm`` they have in the campaign."""
    rows = await connection.fetch(
        _SQL["read_entering"],
        customer_ids,
        now,
        purpose(terms),
        consent_without_word(rules, terms),
        terms.counts_from,
        campaign_id,
    )
    return {row["customer_id"]: row for row in rows}


async def add_entries(
    connection: Connection, rows: Sequence[EntryRow], *, campaign_id: int, step: int, version: int, now: datetime
) -> set[tuple[int, int]]:
    """Write rows of people who enter; gives customer and occurrence of those that were not there."""
    columns = [[getattr(row, field.name) for row in rows] for field in fields(EntryRow)]
    added = await connection.fetch(_SQL["add_entries"], *columns, campaign_id, step, version, now)
    return {(row["customer_id"], row["occurrence"]) for row in added}


async def read_entries(
    connection: Connection, keys: Sequence[tuple[int, int]], *, campaign_id: int, step: int
) -> dict[tuple[int, int], asyncpg.Record]:
    """What was decided about entries, by customer and occurrence."""
    given = [[key[place] for key in keys] for place in range(2)]
    rows = await connection.fetch(_SQL["read_entries"], *given, campaign_id, step)
    return {(row["customer_id"], row["occurrence"]): row for row in rows}
