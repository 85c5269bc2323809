"""One person of a chunk on her way: where she stood, what is known of her, how far she comes, and what is written of it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import asyncpg

from backend.services.journeys.acting import key_of
from backend.services.journeys.feeding import first_of
from backend.services.journeys.happenings import Happenings, understand
from backend.services.journeys.programmes import Programme
from backend.store import triggers as feeds
from backend.store.journeys import Passed, Standing
from backend.store.pool import Connection
from campaigns.campaign import Priority
from campaigns.experiment import ArmName, arm
from campaigns.journey import Gone, Known, Moved, Stand, Visit
from campaigns.shop import ShopSettings
from campaigns.steps import Awaited, WaitEvent


@dataclass(slots=True)
class Walker:
    """One person of a chunk: where she stood, what is known, and how far she has come."""

    row: asyncpg.Record
    programme: Programme
    stand: Stand
    known: Known
    came: Moved | None = None

    @property
    def entry_id(self) -> int:
        """Her entry."""
        return int(self.row["entry_id"])

    @property
    def customer_id(self) -> int:
        """Her number of today."""
        return int(self.row["customer_id"])

    @property
    def moved(self) -> Moved:
        """How far she has come, once she was walked."""
        assert self.came is not None  # noqa: S101 - everybody is walked before anything is written
        return self.came

    @property
    def awaited(self) -> Awaited | None:
        """What she waits for."""
        return self.programme.awaited_at(self.stand.step) if self.stand.waits else None


def walker_of(row: asyncpg.Record, programme: Programme, settings: ShopSettings) -> Walker:
    """A claimed entry as a value."""
    stand = Stand(
        step=row["step"],
        lap=row["lap"],
        waits=row["waits"],
        since=row["since"],
        due_at=row["until_at"] or row["due_at"],
    )
    zone = row["time_zone"] if programme.draft.own_zone and _is_zone(row["time_zone"]) else settings.zone
    known = Known(customer_id=row["customer_id"], salt=programme.salt, zone=zone, happened=row["happened_at"])
    return Walker(row, programme, stand, known)


def _is_zone(name: str | None) -> bool:
    try:
        return bool(name) and ZoneInfo(str(name)) is not None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False


async def look_back(connection: Connection, walkers: Sequence[Walker]) -> None:
    """Whether the goal is reached, or what is waited for came: also what happened just when she began to wait."""
    people: dict[int, datetime] = {}
    names: set[str] = set()
    for walker in walkers:
        sought = [(walker.programme.draft.exits_on, walker.row["entered_at"]), (walker.awaited, walker.stand.since)]
        for what, since in sought:
            if what is not None and since is not None:
                names.add(what.event)
                people[walker.customer_id] = min(since, people.get(walker.customer_id, since))
    if not people:
        return
    rows = await feeds.read_events_of(connection, people=list(people.items()), names=names)
    if rows:
        happened = await understand(connection, rows)
        await asyncio.to_thread(_learn, walkers, happened)


def _learn(walkers: Sequence[Walker], happened: Happenings) -> None:
    for walker in walkers:
        _learn_of(walker, happened)


def _learn_of(walker: Walker, happened: Happenings) -> None:
    own = [one for one in happened.events if one.customer_id == walker.customer_id]
    goal, awaited = walker.programme.draft.exits_on, walker.awaited
    if goal is not None and first_of(own, happened, goal, after=walker.row["entered_at"]) is not None:
        walker.known = replace(walker.known, goal=True)
    if awaited is not None and walker.stand.since is not None and walker.known.happened is None:
        found = first_of(own, happened, awaited, after=walker.stand.since, upto=walker.row["until_at"])
        walker.known = replace(walker.known, happened=None if found is None else found.at)


def is_held_out(walker: Walker, settings: ShopSettings) -> bool:
    """As the ledger draws: by the campaign's salt, and by that of all campaigns together where it is no notice."""
    draft, who = walker.programme.draft, walker.customer_id
    own = arm(walker.programme.salt, who, holdout_percent=draft.holdout_percent)
    percent = 0.0 if draft.priority is Priority.SERVICE else settings.global_holdout_percent
    of_all = arm(settings.global_holdout_salt, who, holdout_percent=percent)
    return ArmName.CONTROL in (own, of_all)


def passed_by(walker: Walker, visit: Visit, outcomes: Mapping[str, str]) -> Passed:
    """What is kept of a step that she passed."""
    return Passed(
        entry_id=walker.entry_id,
        lap=visit.lap,
        step=visit.step,
        version=walker.programme.version,
        way=visit.way,
        outcome=outcomes.get(key_of(walker.entry_id, visit.lap, visit.step), ""),
    )


def standing_of(walker: Walker, now: datetime) -> Standing:
    """What is written of where she stands now."""
    to = walker.moved.to
    if isinstance(to, Gone):
        return Standing(entry_id=walker.entry_id, step=to.step, lap=to.lap, due_at=now, state="left", reason=to.reason)
    step = walker.programme.steps[to.step] if to.step < len(walker.programme.steps) else None
    if not isinstance(step, WaitEvent):
        return Standing(
            entry_id=walker.entry_id, step=to.step, lap=to.lap, waits=to.waits, since=to.since, due_at=to.due_at
        )
    # Looked at once more as soon as this is committed: what came between reading and committing was read by nobody.
    begins = (to.step, to.lap, to.waits) != (walker.stand.step, walker.stand.lap, walker.stand.waits)
    return Standing(
        entry_id=walker.entry_id,
        step=to.step,
        lap=to.lap,
        waits=to.waits,
        since=to.since,
        due_at=now if begins else to.due_at,
        until_at=to.due_at,
        waiting_for=step.awaited.event,
    )


def left_by(row: asyncpg.Record, reason: str, now: datetime) -> Standing:
    """What is written of somebody who was not walked."""
    return Standing(entry_id=row["entry_id"], step=row["step"], lap=row["lap"], due_at=now, state="left", reason=reason)
