"""What PostgreSQL keeps of segments, as values: rules with their sentences, people who are shown, and names that can be taken."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import asyncpg

from backend.errors import BadInput, Conflict, NotFound
from backend.store import segment_uses, segment_values, shop
from backend.store import segments as store
from backend.store.pool import Connection
from segments.ids import SegmentId
from segments.overview import Person, StoredSegment
from segments.rules.describe import describe
from segments.rules.parse import parse
from segments.rules.telling import Names
from segments.segment import Segment

LONGEST_NAME = 100

_NAMED = 1_000
"""Stores and coupons that sentences call by name; others by their code."""


async def read_stored(connection: Connection, segment_id: int, version: int | None) -> StoredSegment:
    """A segment with one version of its rule, the present one by default.

    Raises:
        NotFound: no such segment or version.
    """
    row = await store.get_segment(connection, segment_id=segment_id, version=version)
    if row is None:
        which = f"segment {segment_id}" if version is None else f"version {version} of segment {segment_id}"
        raise NotFound(f"There is no {which}.", code="segment_not_found")
    return stored_of(row, (await shop.read_settings(connection)).currency, await read_names(connection))


async def read_all(connection: Connection, *, archived: bool) -> list[StoredSegment]:
    """All segments in their present version, by name; archived ones, last, only on request."""
    rows = await store.list_segments(connection, archived=archived)
    currency, names = (await shop.read_settings(connection)).currency, await read_names(connection)
    return [stored_of(row, currency, names) for row in rows]


async def read_names(connection: Connection) -> dict[str, Names]:
    """What sentences call segments, lists, stores and coupons, by language."""
    known = await segment_uses.read_names(connection)
    labels = {
        "store": await segment_values.list_values(connection, noun="stores", most=_NAMED),
        "coupon": await segment_values.list_values(connection, noun="coupons", most=_NAMED),
    }
    return {
        language: replace(
            known,
            values={
                name: {row["value"]: row["label"].get(language) or row["value"] for row in rows}
                for name, rows in labels.items()
            },
        )
        for language in ("ja", "en")
    }


async def lock(connection: Connection, segment_id: int) -> asyncpg.Record:
    """Hold a segment until the transaction ends.

    Raises:
        NotFound: no such segment.
    """
    row = await store.lock_segment(connection, segment_id=segment_id)
    if row is None:
        raise NotFound(f"There is no segment {segment_id}.", code="segment_not_found")
    return row


def stored_of(row: asyncpg.Record, currency: str, names: Mapping[str, Names]) -> StoredSegment:
    """A row of a segment with its rule, which sentences tell in both languages."""
    rule = parse(row["rule"])
    return StoredSegment(
        segment=Segment(SegmentId(row["segment_id"]), row["name"], row["version"], rule),
        sentence_ja=describe(rule, "ja", currency=currency, names=names["ja"]),
        sentence_en=describe(rule, "en", currency=currency, names=names["en"]),
        changed_at=row["changed_at"],
        changed_by=row["created_by"],
        archived_at=row["archived_at"],
    )


def person_of(row: dict[str, Any], known: asyncpg.Record) -> Person:
    """Someone who is shown: a row of the frame, and what PostgreSQL knows of the name."""
    return Person(
        **{**row, "orders": row["orders"] or 0, "reachable": bool(row["reachable"])},
        user_id=known["user_id"],
        name=known["display_name"],
    )


def checked_name(name: str) -> str:
    """A name without blanks around it.

    Raises:
        BadInput: it cannot be one.
    """
    stripped = name.strip()
    if not 1 <= len(stripped) <= LONGEST_NAME or not stripped.isprintable():
        raise BadInput(
            f"A segment's name is one line of 1 to {LONGEST_NAME} characters.", code="bad_name", field="name"
        )
    return stripped


def name_taken(name: str) -> Conflict:
    """Nothing was kept, because another segment has the name."""
    return Conflict(
        f'There is already a segment called "{name}", perhaps an archived one: choose another name.',
        code="name_taken",
        field="name",
    )
