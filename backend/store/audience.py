"""The audience of a campaign, and what the gates decide about it: the one way of launch and dry run."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

import asyncpg
import polars as pl

from backend.store import shop, standing
from backend.store.pool import Connection
from backend.store.standing import Asked
from campaigns.audience import with_standing
from campaigns.campaign import Content, Devices, Draft
from campaigns.gates import Plan, SendingRules, Terms, decide
from campaigns.phases import Phases, decision_at, parted
from campaigns.templates import required_fields


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
    asked = Asked(
        language=any(len(content.texts()) > 1 for content in contents),
        zone=terms.own_zone and rules.quiet.start != rules.quiet.end,
        family_name="family_name" in needed,
        given_name="given_name" in needed,
    )
    known = await standing.read(connection, members["customer_id"], asked=asked, rules=rules, terms=terms, now=now)
    return await asyncio.to_thread(with_standing, members, known, contents)


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
