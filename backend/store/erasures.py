"""Erasure of persons: the list of erased ids, the requests, and every statement that removes or blanks something."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from backend.store import queries
from backend.store.pool import Connection

_SQL = queries.load("erasures")

_BY_NUMBERS = (
    "delete_timeline",
    "delete_consents",
    "delete_consent_words",
    "delete_identities",
    "blank_deliveries",
    "blank_merge_fields",
    "delete_test_sends",
    "delete_waiting_issues",
    "delete_memberships",
    "delete_inbox_reads",
    "delete_visits",
    "delete_list_members",
)
_BY_NUMBERS_AT = ("cancel_deliveries", "blank_devices", "blank_customers")
_BY_FORMS = ("delete_answers", "delete_messages")


async def read_key(connection: Connection) -> bytes | None:
    """The key of this installation's digests; None while nobody was erased."""
    key: bytes | None = await connection.fetchval(_SQL["read_key"])
    return key


async def the_key(connection: Connection) -> bytes:
    """The key, whether anybody was erased or not."""
    key: bytes = await connection.fetchval(_SQL["the_key"])
    return key


async def list_digests(connection: Connection) -> frozenset[bytes]:
    """Every erased id, as its digest."""
    return frozenset(row[0] for row in await connection.fetch(_SQL["list_digests"]))


async def match(connection: Connection, *, digests: Sequence[bytes]) -> frozenset[bytes]:
    """Which of these belong to erased persons."""
    return frozenset(row[0] for row in await connection.fetch(_SQL["match_digests"], digests))


async def survivor_of(connection: Connection, *, customer_id: int) -> int | None:
    """The end of the chain of merges; None for a number that nobody has."""
    survivor: int | None = await connection.fetchval(_SQL["survivor_of"], customer_id)
    return survivor


async def whole_person(connection: Connection, *, customer_id: int) -> list[int]:
    """Every number of a person, given the survivor's."""
    return sorted(row[0] for row in await connection.fetch(_SQL["whole_person"], customer_id))


async def ids_of(connection: Connection, *, customer_ids: Sequence[int]) -> list[str]:
    """Every member number and anonymous id of these numbers."""
    return sorted(row[0] for row in await connection.fetch(_SQL["ids_of"], customer_ids))


async def find_open(connection: Connection, *, customer_ids: Sequence[int]) -> int | None:
    """An erasure of the same person, if one was asked for."""
    found: int | None = await connection.fetchval(_SQL["open_for"], customer_ids)
    return found


async def list_going(connection: Connection, *, since: datetime) -> list[int]:
    """The numbers of people whose erasure is not finished, or was not at a moment."""
    return [row["customer_id"] for row in await connection.fetch(_SQL["list_going"], since)]


async def insert(
    connection: Connection,
    *,
    customer_ids: Sequence[int],
    digests: Sequence[bytes],
    by: str,
    reason: str,
    now: datetime,
) -> int:
    """Ask for an erasure; from its commit on the ids are known as erased, and nothing is sent to the person."""
    erasure_id: int = await connection.fetchval(_SQL["insert_erasure"], customer_ids, now, by, reason)
    await add_digests(connection, digests=digests, erasure_id=erasure_id)
    await connection.execute(_SQL["mark_customers"], customer_ids, now)
    await connection.execute(_SQL["cancel_deliveries"], customer_ids, now)
    await _forget_standing(connection, customer_ids)
    return erasure_id


async def _forget_standing(connection: Connection, customer_ids: Sequence[int]) -> None:
    await connection.executemany(_SQL["forget_standing"], [(number,) for number in customer_ids])


async def add_digests(connection: Connection, *, digests: Sequence[bytes], erasure_id: int) -> None:
    """Put ids on the list of erased ones; those on it stay as they are."""
    await connection.execute(_SQL["insert_digests"], digests, erasure_id)


async def list_all(connection: Connection, *, limit: int) -> list[asyncpg.Record]:
    """The latest first."""
    rows: list[asyncpg.Record] = await connection.fetch(_SQL["list_erasures"], limit)
    return rows


async def get(connection: Connection, *, erasure_id: int) -> asyncpg.Record | None:
    """One of them."""
    return await connection.fetchrow(_SQL["get_erasure"], erasure_id)


async def take_next(connection: Connection, *, asked_before: datetime) -> asyncpg.Record | None:
    """The oldest unfinished one, locked until the transaction ends."""
    return await connection.fetchrow(_SQL["next_erasure"], asked_before)


async def note_trouble(connection: Connection, *, erasure_id: int, error: str) -> None:
    """Why the last try did not end."""
    await connection.execute(_SQL["note_trouble"], erasure_id, error)


async def finish(connection: Connection, *, erasure_id: int, removed: dict[str, int], now: datetime) -> None:
    """It is done; ``removed`` in counts."""
    await connection.execute(_SQL["finish_erasure"], erasure_id, now, removed)


async def delete_events(connection: Connection, *, seqs: Sequence[int]) -> None:
    """Take rows out of the log."""
    await connection.execute(_SQL["delete_events"], seqs)


async def list_suspects(connection: Connection, *, forms: Sequence[bytes], pattern: str | None) -> list[asyncpg.Record]:
    """Failed events (failed_id, raw) whose bytes hold one of the forms or fit the pattern."""
    rows: list[asyncpg.Record] = await connection.fetch(_SQL["suspects_failed"], forms, pattern)
    return rows


async def delete_failed(connection: Connection, *, failed_ids: Sequence[int]) -> int:
    """Gives how many."""
    return _count(await connection.execute(_SQL["delete_failed"], failed_ids))


async def delete_imported(connection: Connection, *, keys: Sequence[UUID]) -> int:
    """Forget that files said something under these keys; gives how many."""
    return _count(await connection.execute(_SQL["delete_imported"], keys))


async def blank(
    connection: Connection,
    *,
    customer_ids: Sequence[int],
    ids: Sequence[str],
    forms: Sequence[bytes],
    pattern: str | None,
    now: datetime,
) -> dict[str, int]:
    """Remove a person from every table, in the caller's transaction; gives rows by statement.

    Args:
        connection: where the transaction is open.
        customer_ids: the person's numbers.
        ids: the person's ids.
        forms: how the ids stand in JSON text, see `segments.erasure.quoted`.
        pattern: how they stand in what apps sent, see `segments.erasure.stated_as_numbers`.
        now: when.
    """
    done = {"log": _count(await connection.execute(_SQL["delete_logged"], customer_ids, ids))}
    await connection.execute(_SQL["forget_heard"], customer_ids, ids)
    await connection.execute(_SQL["forget_proofs"], customer_ids)
    done["delete_refused"] = _count(await connection.execute(_SQL["delete_refused"], forms, pattern))
    for name in _BY_FORMS:
        done[name] = _count(await connection.execute(_SQL[name], forms))
    done["blank_audit"] = _count(await connection.execute(_SQL["blank_audit"], ids, forms))
    for name in _BY_NUMBERS:
        done[name] = _count(await connection.execute(_SQL[name], customer_ids))
    for name in _BY_NUMBERS_AT:
        arguments = (customer_ids, now)
        done[name] = _count(await connection.execute(_SQL[name], *arguments))
    await _forget_standing(connection, customer_ids)
    return done


async def disclose(connection: Connection, *, customer_ids: Sequence[int], survivor: int, limit: int) -> dict[str, Any]:
    """Everything that is kept about a person, table by table, as plain values."""
    person = await connection.fetchrow(_SQL["read_person"], survivor)
    return {
        "person": _plain(person) if person is not None else None,
        "ids": [_plain(row) for row in await connection.fetch(_SQL["list_person_ids"], customer_ids)],
        "devices": [_plain(row) for row in await connection.fetch(_SQL["list_person_devices"], customer_ids)],
        "consents": [_plain(row) for row in await connection.fetch(_SQL["list_person_words"], customer_ids)],
        "messages": [_plain(row) for row in await connection.fetch(_SQL["list_messages"], customer_ids)],
        "segments": [_plain(row) for row in await connection.fetch(_SQL["list_person_changes"], customer_ids)],
        "journeys": [_plain(row) for row in await connection.fetch(_SQL["list_person_journeys"], customer_ids)],
        "lists": [_plain(row) for row in await connection.fetch(_SQL["list_person_lists"], customer_ids)],
        "events": [_plain(row) for row in await connection.fetch(_SQL["list_logged"], customer_ids, limit)],
    }


_JSON = frozenset({"traits", "payload", "merge_fields"})


def _plain(row: asyncpg.Record) -> dict[str, Any]:
    return {
        key: msgspec.Raw(value.encode()) if key in _JSON and value is not None else value for key, value in row.items()
    }


def _count(status: str) -> int:
    return int(status.rpartition(" ")[2])
