"""What campaigns are: their drafts, their published versions, and the second person's word on them."""

from datetime import datetime, timedelta
from typing import Any, cast

import asyncpg

from backend.store import campaigns, queries
from backend.store.pool import Connection
from campaigns.campaign import Draft, State
from campaigns.definition import from_json, to_json
from campaigns.overview import CampaignVersion

_SQL = queries.load("campaign_drafts")

_COLUMNS = (
    "name", "segment_id", "content", "holdout_percent", "policy", "conversion_event", "conversion_days", "scheduled_at",
    "priority", "devices", "quiet", "own_zone", "rate_per_minute",
)  # fmt: skip
"""Columns of campaigns that a definition has under the same name; the rest of it is in ``more``."""
_ELSEWHERE = frozenset({*_COLUMNS, "expires_after_hours"})


def read_draft(row: asyncpg.Record) -> Draft:
    """What a row of `campaigns.list_all` says, as the draft it was kept from."""
    said = {name: row[name] for name in _COLUMNS if row[name] is not None}
    return from_json({**said, "expires_after_hours": row["expires_after"] / timedelta(hours=1), **row["more"]})


async def insert(connection: Connection, draft: Draft, *, salt: str, now: datetime, by: str) -> int:
    """Keep a new draft; gives its number.

    Raises:
        asyncpg.UniqueViolationError: another campaign has the name.
    """
    return cast("int", await connection.fetchval(_SQL["insert_campaign"], *_values(draft), salt, now, by))


async def update(
    connection: Connection, draft: Draft, *, campaign_id: int, state: State, now: datetime, by: str
) -> None:
    """Replace what a campaign's draft says, and forget what was said of the one before.

    Raises:
        asyncpg.UniqueViolationError: another campaign has the name.
    """
    before = await connection.fetchval(_SQL["update_draft"], *_values(draft), campaign_id, str(state), now, by)
    if before != str(state):
        await campaigns.tell(connection, campaign_id, draft.name.strip(), state=state, now=now)


async def update_running(connection: Connection, draft: Draft, *, campaign_id: int, now: datetime, by: str) -> None:
    """Replace what a running campaign says from now on; see `publish`.

    Raises:
        asyncpg.UniqueViolationError: another campaign has the name.
    """
    await connection.execute(_SQL["update_running"], *_values(draft), campaign_id, now, by)


async def publish(connection: Connection, draft: Draft, *, campaign_id: int, now: datetime, by: str) -> int:
    """Keep a draft as the next version of its campaign, and make that the published one; gives its number."""
    return cast("int", await connection.fetchval(_SQL["add_version"], campaign_id, to_json(draft), now, by))


async def read_version(connection: Connection, *, campaign_id: int, version: int) -> Draft:
    """A published version: what whoever entered it is sent.

    Raises:
        LookupError: there is none of that number.
    """
    found = await connection.fetchval(_SQL["read_version"], campaign_id, version)
    if found is None:
        raise LookupError(f"campaign {campaign_id} has no version {version}")
    return from_json(found)


async def list_versions(connection: Connection, *, campaign_id: int) -> list[CampaignVersion]:
    """All published versions, the first one first."""
    rows = await connection.fetch(_SQL["list_versions"], campaign_id)
    return [
        CampaignVersion(
            version=row["version"],
            draft=from_json(row["definition"]),
            created_at=row["created_at"],
            created_by=row["created_by"],
        )
        for row in rows
    ]


async def submit(
    connection: Connection, *, campaign_id: int, at: datetime, by: str, audience: int, now: datetime
) -> None:
    """Have a campaign wait for a second person."""
    name = await connection.fetchval(_SQL["submit"], campaign_id, at, by, audience, now)
    await campaigns.tell(connection, campaign_id, name, state=State.AWAITING_APPROVAL, now=now)


async def review(
    connection: Connection, *, campaign_id: int, before: State, state: State, by: str, comment: str, now: datetime
) -> None:
    """Keep the second person's word, and move the campaign from ``before`` to ``state``."""
    name = await connection.fetchval(_SQL["review"], campaign_id, str(state), by, comment or None, now)
    if before is not state:
        await campaigns.tell(connection, campaign_id, name, state=state, now=now)


async def propose(connection: Connection, draft: Draft, *, campaign_id: int, by: str, now: datetime) -> None:
    """Keep a new version of a running campaign until a second person says what becomes of it."""
    await connection.execute(_SQL["propose"], campaign_id, to_json(draft), by, now)


async def set_archived(connection: Connection, *, campaign_id: int, at: datetime | None, now: datetime) -> None:
    """Take a campaign off the list, or (None) put it there again."""
    await connection.execute(_SQL["set_archived"], campaign_id, at, now)


async def fail(connection: Connection, *, campaign_id: int, reason: str, now: datetime) -> None:
    """End a campaign whose launch can never succeed, with why."""
    name = await connection.fetchval(_SQL["fail"], campaign_id, reason, now)
    await campaigns.tell(connection, campaign_id, name, state=State.FAILED, now=now)


async def list_names(connection: Connection, *, beginning: str) -> set[str]:
    """Names of campaigns that begin so."""
    return {row["name"] for row in await connection.fetch(_SQL["list_names"], beginning)}


async def count_everyone(connection: Connection, *, most: int) -> int:
    """How many customers there are, counted up to ``most``."""
    return cast("int", await connection.fetchval(_SQL["count_everyone"], most))


def _values(draft: Draft) -> tuple[Any, ...]:
    """The columns of a draft in the order of the statements."""
    document = to_json(draft)
    return (
        draft.name.strip(),
        str(draft.kind),
        draft.segment_id,
        document.get("content", {}),
        draft.holdout_percent,
        str(draft.policy),
        draft.conversion_event,
        draft.conversion_days,
        draft.expires_after,
        draft.scheduled_at,
        str(draft.priority),
        str(draft.devices),
        str(draft.quiet),
        draft.own_zone,
        draft.rate_per_minute,
        {name: value for name, value in document.items() if name not in _ELSEWHERE},
    )
