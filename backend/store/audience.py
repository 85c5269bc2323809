"""Reads what the gates need of a segment's members, in one statement, however many they are."""

import asyncio
import io
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg
import polars as pl

from backend.store import queries, shop
from backend.store.deliveries import consent_without_word, purpose
from backend.store.pool import Connection
from campaigns.audience import join_standing
from campaigns.campaign import Content, Devices, Draft
from campaigns.gates import Plan, SendingRules, Terms, decide
from campaigns.phases import Phases, decision_at, parted
from campaigns.templates import required_fields

_SQL = queries.load("deliveries")

_STANDING: dict[str, Any] = {
    "customer_id": pl.Int64(),
    "gone": pl.Int8(),
    "consented": pl.Int8(),
    "excluded": pl.Int8(),
    "devices": pl.Int64(),
    "sent_day": pl.Int64(),
    "sent_week": pl.Int64(),
    "language": pl.String(),
    "has_family_name": pl.Int8(),
    "has_given_name": pl.Int8(),
    "zone": pl.String(),
}
_FLAGS = tuple(name for name, kind in _STANDING.items() if kind == pl.Int8())


async def read(
    connection: Connection,
    members: pl.DataFrame,
    *,
    contents: Sequence[Content],
    rules: SendingRules,
    terms: Terms,
    now: datetime,
) -> pl.DataFrame:
    """The audience of a campaign: members of the frame with consent, addresses, recent sends and missing fields.

    Args:
        connection: any; nothing is written.
        members: ``customer_id`` and the merge columns.
        contents: say which fields a person needs: who lacks one that any of them needs is left out of all, so that variants
            have the same audience.
        rules: say what counts as consent.
        terms: say to what, and which pushes count for the cap.
        now: the end of the windows of the frequency cap.
    """
    needed = {name for content in contents for names in required_fields(content).values() for name in names}
    standing = await _standing(
        connection,
        members["customer_id"].to_list(),
        now,
        purpose(terms),
        consent_without_word(rules, terms),
        terms.counts_from,
        any(len(content.texts()) > 1 for content in contents),
        "family_name" in needed,
        "given_name" in needed,
    )
    return join_standing(members, standing, contents)


async def plan(pool: asyncpg.Pool, draft: Draft, members: pl.DataFrame, *, salt: str, now: datetime) -> Plan:
    """What a launch at ``now`` decides about the members of a segment: the one way of launch and dry run."""
    terms, contents = Terms.of(draft, salt=salt), [content for _, content in draft.contents()]
    async with pool.acquire() as connection:
        rules = (await shop.read_settings(connection)).sending
        audience = await read(connection, members, contents=contents, rules=rules, terms=terms, now=now)
    if draft.devices is Devices.NEWEST:
        audience = audience.with_columns(pl.col("devices").clip(upper_bound=1))
    return await asyncio.to_thread(
        decide, audience, rules=rules, terms=terms, now=now, expires_at=now + draft.expires_after
    )


async def plan_phases(
    pool: asyncpg.Pool, draft: Draft, members: pl.DataFrame, *, salt: str, now: datetime, decided: bool = False
) -> Phases:
    """The same with a winner rule in two phases: those who wait pass the gates as of the moment of the decision.

    ``decided``: of a campaign that repeats, its test is over, and everybody gets what came out best.
    """
    rule = draft.winner
    if rule is None or decided:
        return Phases(plan=await plan(pool, draft, members, salt=salt, now=now), settled=decided)
    tested, others = parted(members, salt=salt, rule=rule)
    first = await plan(pool, draft, tested, salt=salt, now=now)
    decides_at = decision_at(first, rule)
    rest = await plan(pool, draft, others, salt=salt, now=decides_at) if others.height else None
    return Phases(plan=first, rest=rest, decides_at=decides_at)


async def _standing(connection: Connection, *given: Any) -> pl.DataFrame:
    """As text, which the server writes and Polars reads far faster than rows become objects."""
    written = io.BytesIO()

    async def keep(data: bytes) -> None:
        written.write(data)

    async with connection.transaction():
        await connection.execute(_SQL["settle_in"])
        await connection.copy_from_query(_SQL["read_audience"], *given, output=keep, format="csv")
    written.seek(0)
    rows = (
        pl.read_csv(written, has_header=False, schema=_STANDING)
        if written.getbuffer().nbytes
        else pl.DataFrame(schema=_STANDING)
    )
    return rows.with_columns(pl.col(_FLAGS).cast(pl.Boolean()))
