"""The audience of a campaign, and what the gates decide about it: of everybody for a launch, and counted for a dry run."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg
import polars as pl

from backend.store import kept_standing, shop, standing
from backend.store.pool import Connection, snapshot
from backend.store.standing import Asked
from campaigns.audience import with_standing
from campaigns.campaign import Content, Devices, Draft
from campaigns.crowd import Ways
from campaigns.experiment import Draw
from campaigns.gates import Plan, decide
from campaigns.headcount import Headcount, count
from campaigns.phases import Phases, decision_at, parted
from campaigns.templates import required_fields
from campaigns.terms import SendingRules, Terms


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
    members, ways = await ways_of(connection, members, contents=contents, rules=rules, terms=terms, now=now)
    return await asyncio.to_thread(lambda: with_standing(members, ways.spread(), contents))


async def ways_of(
    connection: Connection,
    members: pl.DataFrame,
    *,
    contents: Sequence[Content],
    rules: SendingRules,
    terms: Terms,
    now: datetime,
) -> tuple[pl.DataFrame, Ways]:
    """The members whom the database knows, and how each stands: as it is kept, and else as it is read; see `read`."""
    asked = _asked(contents, rules, terms)
    held = (
        connection.is_in_transaction()
    )  # what is kept holds of one moment only, which another's transaction may not see
    async with snapshot(connection):
        last = await standing.last_customer(connection)
        known = await asyncio.to_thread(_given, members, last)
        numbers = known["customer_id"]
        ways = None
        if not held:
            ways = await kept_standing.read(connection, numbers, asked=asked, rules=rules, terms=terms, now=now)
        if ways is None:
            found = await standing.read(connection, numbers, asked=asked, rules=rules, terms=terms, now=now)
            ways = Ways.one_each(found)
    return known, ways


def _given(members: pl.DataFrame, last: int) -> pl.DataFrame:
    """Members with a number that somebody has."""
    highest = members["customer_id"].max()
    return members if highest is None or highest <= last else members.filter(pl.col("customer_id") <= last)  # type: ignore[operator]


def _asked(contents: Sequence[Content], rules: SendingRules, terms: Terms) -> Asked:
    needed = {name for content in contents for names in required_fields(content).values() for name in names}
    return Asked(
        language=any(len(content.texts()) > 1 for content in contents),
        zone=terms.own_zone and rules.quiet.start != rules.quiet.end,
        family_name="family_name" in needed,
        given_name="given_name" in needed,
    )


async def plan(pool: asyncpg.Pool, draft: Draft, members: pl.DataFrame, *, salt: str, now: datetime) -> Plan:
    """What a launch at ``now`` decides about the members of a segment."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many a launch would be for, phase by phase; see `campaigns.phases.Phases`."""

    first: Headcount
    rest: Headcount | None = None
    decides_at: datetime | None = None

    def together(self, *, salt: str) -> Headcount:
        """Everybody."""
        return self.first.with_rest(self.rest, Draw.of(salt))


async def count_phases(
    pool: asyncpg.Pool, draft: Draft, members: pl.DataFrame, *, salt: str, now: datetime, decided: bool = False
) -> Counts:
    """What `plan_phases` would decide, counted: ten million people take a second and no row each."""
    rule = draft.winner
    if rule is None or decided:
        return Counts(first=await _count(pool, draft, members, salt=salt, now=now))
    tested, others = parted(members, salt=salt, rule=rule)
    first = await _count(pool, draft, tested, salt=salt, now=now, tested=True)
    decides_at = decision_at(first, rule)
    rest = await _count(pool, draft, others, salt=salt, now=decides_at) if others.height else None
    return Counts(first=first, rest=rest, decides_at=decides_at)


async def _count(
    pool: asyncpg.Pool, draft: Draft, members: pl.DataFrame, *, salt: str, now: datetime, tested: bool = False
) -> Headcount:
    terms, contents = Terms.of(draft, salt=salt), [content for _, content in draft.contents()]
    async with pool.acquire() as connection:
        rules = (await shop.read_settings(connection)).sending
        known, ways = await ways_of(connection, members, contents=contents, rules=rules, terms=terms, now=now)
    if draft.devices is Devices.NEWEST:
        ways = Ways(ways.table.with_columns(pl.col("devices").clip(upper_bound=1)), ways.of)
    return await asyncio.to_thread(
        count,
        known,
        ways,
        contents=contents,
        rules=rules,
        terms=terms,
        now=now,
        expires_at=now + draft.expires_after,
        variants=draft.variants if tested else (),
    )
