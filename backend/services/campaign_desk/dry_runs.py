"""The dry run: what a launch would decide, counted."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Protocol

import asyncpg
import polars as pl

from backend.services.campaign_desk.rows import draft_of, test_of
from backend.store import audience as audience_store
from backend.store import deliveries as delivery_store
from backend.store import erasures
from backend.store import shop as shop_store
from backend.store.audience import Counts
from campaigns.audience import Audiences, Members, merge_columns, needed_columns
from campaigns.campaign import Draft
from campaigns.dates import columns_of, whose_date
from campaigns.dry_run import DryRun, Sample
from campaigns.headcount import Headcount
from campaigns.journey import sends
from campaigns.phases import size_of, whole_days
from campaigns.preview import Person, base_rate, sample, summarise, unasked
from campaigns.rehearsal import Fork, Rehearsal
from campaigns.schedule import next_due
from campaigns.steps import Step
from campaigns.trigger import SET_BASED, OnDate
from campaigns.winner import Decision, TestSize
from segments.customers import latest_column

MOST_FORKED = 100_000
"""So many people are asked which way they would take; of more so many are drawn, for a look before a launch has to stay a look."""
_ERASED_LATELY = timedelta(hours=1)
"""Longer than any process reads a frame that was made before an erasure."""


class Rehearsals(Protocol):
    """Asks history; see `campaigns.rehearsal`."""

    async def begun(self, draft: Draft) -> tuple[Rehearsal, pl.Series]:
        """What would have begun in the last weeks, and for whom: the numbers of everybody, each once."""
        ...

    async def fork(self, steps: tuple[Step, ...], *, salt: str, customer_ids: Collection[int]) -> Fork | None:
        """How people would part where a journey divides first."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Whom:
    """Whom a dry run counts."""

    people: pl.DataFrame
    members: Members
    day: date | None = None
    rehearsal: Rehearsal | None = None


async def dry_run(
    pool: asyncpg.Pool, row: asyncpg.Record, *, audiences: Audiences, rehearsals: Rehearsals, now: datetime
) -> DryRun:
    """What a launch at ``now`` would do; see `campaigns.dry_run.DryRun` for whom it counts."""
    draft, salt = draft_of(row), row["salt"]
    whom = await _whom(pool, draft, audiences=audiences, rehearsals=rehearsals, now=now)
    asked, test = first_push(draft), test_of(row, draft)
    over = test is not None and test.decided_at is not None
    decision = test.decision if test and over else None
    counts = None
    if asked is None:
        async with pool.acquire() as connection:
            rules = (await shop_store.read_settings(connection)).sending
        counted = unasked(draft, whom.people, rules=rules, salt=salt, now=now)
    else:
        counts = await audience_store.count_phases(pool, asked, whom.people, salt=salt, now=now, decided=over)
        counted = counts.together(salt=salt)
    counted = await _without_erased(pool, counted, now=now)
    found = summarise(
        counted,
        campaign_id=row["campaign_id"],
        revision=row["revision"],
        as_of=whom.members.as_of,
        samples=[] if asked is None else await _samples(pool, draft, asked, counted, decision, audiences=audiences),
        rate=base_rate(whom.people, day=whom.members.day, event=draft.conversion_event, days=draft.conversion_days),
    )
    return replace(
        found,
        known_since=whom.members.known_since,
        test=_test(counts, draft, whom) if counts else None,
        day=whom.day,
        rehearsal=whom.rehearsal,
        fork=await _fork(rehearsals, draft, whom.people["customer_id"], salt=salt) if draft.steps else None,
        decision=decision,
    )


async def _fork(rehearsals: Rehearsals, draft: Draft, numbers: pl.Series, *, salt: str) -> Fork | None:
    """How people would part, asked of all, or of as many as a look may ask, drawn the same way each time."""
    if len(numbers) <= MOST_FORKED:
        return await rehearsals.fork(draft.steps, salt=salt, customer_ids=numbers.to_list())
    drawn = numbers.sample(MOST_FORKED, seed=0).to_list()
    fork = await rehearsals.fork(draft.steps, salt=salt, customer_ids=drawn)
    return fork.scaled(len(numbers)) if fork else None


async def _without_erased(pool: asyncpg.Pool, counted: Headcount, *, now: datetime) -> Headcount:
    """Nobody is shown who asked to be erased, though a frame that was made before still counts him."""
    async with pool.acquire() as connection:
        going = set(await erasures.list_going(connection, since=now - _ERASED_LATELY))
    if not going:
        return counted
    examples = {reason: tuple(one for one in few if one not in going) for reason, few in counted.examples.items()}
    return replace(counted, examples=examples, first=tuple(one for one in counted.first if one not in going))


def _test(counts: Counts, draft: Draft, whom: _Whom) -> TestSize | None:
    rule = draft.winner
    if rule is None or counts.decides_at is None:
        return None
    rate = base_rate(whom.people, day=whom.members.day, event=draft.conversion_event, days=whole_days(rule.wait))
    return size_of(counts.first, counts.rest, decides_at=counts.decides_at, rule=rule, known_rate=rate)


def first_push(draft: Draft) -> Draft | None:
    """The campaign as its first push alone; None where a journey sends none."""
    if not draft.steps:
        return draft
    push = next((send for _, send in sends(draft.steps)), None)
    return replace(draft, steps=(), content=push.content, variants=push.variants) if push else None


async def _whom(
    pool: asyncpg.Pool, draft: Draft, *, audiences: Audiences, rehearsals: Rehearsals, now: datetime
) -> _Whom:
    trigger = draft.trigger
    own = columns_of(trigger) if isinstance(trigger, OnDate) else ()
    needed = needed_columns([content for _, content in draft.contents()])
    columns = tuple(dict.fromkeys((*needed, latest_column(draft.conversion_event, 1), *own)))
    if trigger.kind not in SET_BASED:
        rehearsal, numbers = await rehearsals.begun(draft)
        members = await audiences.members(None, columns=columns)
        people = pl.DataFrame({"customer_id": numbers}).join(members.frame, on="customer_id", how="left")
        return _Whom(people=people, members=members, rehearsal=rehearsal)
    members = await audiences.members(draft.segment_id, columns=columns)
    if not isinstance(trigger, OnDate):
        return _Whom(people=members.frame, members=members)
    async with pool.acquire() as connection:
        zone = (await shop_store.read_settings(connection)).zone
    due = next_due(draft, after=now, zone=zone)
    people = members.frame.clear() if due is None else whose_date(members.frame, trigger, day=due.day)
    return _Whom(people=people, members=members, day=due.day if due else None)


async def _samples(
    pool: asyncpg.Pool,
    draft: Draft,
    asked: Draft,
    counted: Headcount,
    decision: Decision | None,
    *,
    audiences: Audiences,
) -> list[Sample]:
    """Messages as the first of the treated would get them; only of these it is read what the texts say of a person."""
    best = decision.variant if decision else None
    content = asked.content_of(best) if best else next(content for _, content in asked.contents())
    async with pool.acquire() as connection:
        names = await delivery_store.read_names(connection, customer_ids=counted.first)
        currency = (await shop_store.read_settings(connection)).currency
    segment_id = draft.segment_id if draft.trigger.kind in SET_BASED else None
    members = await audiences.members(segment_id, columns=merge_columns([content]), among=counted.first)
    rows = {row["customer_id"]: row for row in members.frame.to_dicts()}
    people = {row["customer_id"]: Person(row["language"], row["family_name"], row["given_name"]) for row in names}
    known = [who for who in counted.first if who in people]
    found = [sample(rows.get(who, {"customer_id": who}), people[who], content, currency=currency) for who in known]
    return [one for one in found if one is not None]
