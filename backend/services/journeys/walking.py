"""Leads people on: takes who is due, walks them by `campaigns.journey`, does what their steps say, and writes where they stand.

A chunk is one transaction: what steps do, that they were passed, and where people stand are one commit. Any number of workers
may walk at once; whom one holds the others pass over. A chunk that fails is walked one by one, so that a person whose
step always fails is put aside, with the reason, and holds up nobody.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

import asyncpg
import structlog

from backend.clock import Clock
from backend.errors import Unavailable
from backend.services.journeys.acting import Acts, Doing, GiveCoupons, PlanSends
from backend.services.journeys.entering import OLDEST
from backend.services.journeys.programmes import Programme, Programmes, by_version
from backend.services.journeys.walkers import (
    Walker,
    is_held_out,
    left_by,
    look_back,
    passed_by,
    standing_of,
    walker_of,
)
from backend.store import campaigns as campaign_store
from backend.store import events, shop
from backend.store import journeys as store
from backend.store import triggers as feeds
from backend.store.pool import Connection
from campaigns.campaign import Action, State, next_state
from campaigns.journey import Ask, advance
from campaigns.shop import ShopSettings
from campaigns.steps import Acting, CallWebhook, GiveCoupon, Send, SetTrait, SplitRule
from campaigns.trigger import SET_BASED, until_of
from segments.errors import FactsError
from segments.rules.rule import Rule

AT_ONCE = 200
"""People who are led on in one transaction."""
MOST_ATTEMPTS = 5
"""So often a step may fail before the person is put aside."""
CLOSED_AT_ONCE = 10_000
"""Entries of campaigns that ended which are closed in one statement."""
FIRST_PAUSE, LATER = timedelta(seconds=30), timedelta(minutes=1)
"""After a failure, doubled with each; and where what a rule asks cannot be read now."""
_LONGEST_REASON = 200

log = structlog.get_logger()


class Holds(Protocol):
    """Says of whom a rule holds; see `backend.wiring.meetings`."""

    async def __call__(self, rule: Rule, customer_ids: Collection[int]) -> frozenset[int]:
        """Of some people those of whom a rule holds as of now."""
        ...


class JourneyRuns:
    """The runner of journeys, one step of its loop at a time.

    Args:
        pool: the database.
        clock: tells now.
        plan: puts pushes into the ledger.
        give: makes the events by which people get a coupon.
        holds: answers rules.
        at_once: people of a chunk.
        watch: told before every step; for tests.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        clock: Clock,
        *,
        plan: PlanSends,
        give: GiveCoupons,
        holds: Holds,
        at_once: int = AT_ONCE,
        watch: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._plan = plan
        self._give = give
        self._holds = holds
        self._at_once = at_once
        self._watch = watch
        self._programmes = Programmes()

    async def work(self) -> int:
        """Lead on a chunk of each campaign with somebody due; gives how many people."""
        async with self._pool.acquire() as connection:
            running = await store.list_running(connection, now=self._clock.now())
        return sum([await self._lead_on(campaign_id) for campaign_id in running])

    async def keep_house(self) -> int:
        """End who is under way in campaigns that were cancelled, and campaigns that nobody can enter any more and nobody is in.

        Gives how many entries ended.
        """
        now = self._clock.now()
        async with self._pool.acquire() as connection:
            closed = await store.close_ended(connection, limit=CLOSED_AT_ONCE, now=now)
            over = [one for one in await self._programmes.read(connection) if _is_over(one, now)]
        for programme in over:
            await self._finish(programme.campaign_id, now)
        return closed

    async def _finish(self, campaign_id: int, now: datetime) -> None:
        async with self._pool.acquire() as connection, connection.transaction():
            held = await campaign_store.lock(connection, campaign_id=campaign_id)
            sending = held is not None and held["state"] == State.SENDING
            if sending and await store.is_empty(connection, campaign_id=campaign_id):
                state = next_state(State.SENDING, Action.FINISH)
                await campaign_store.set_state(connection, campaign_id=campaign_id, state=state, now=now)

    async def _lead_on(self, campaign_id: int) -> int:
        taken: list[int] = []
        if not await self._try(campaign_id, taken) and len(taken) > 1:
            for entry_id in taken:
                await self._try(campaign_id, [], only=[entry_id])
        return len(taken)

    async def _try(self, campaign_id: int, taken: list[int], *, only: Sequence[int] | None = None) -> bool:
        """Walk a chunk; of one that fails whose fault it is shows when each is walked alone."""
        try:
            await self._chunk(campaign_id, taken, only=only)
        except (asyncpg.PostgresConnectionError, asyncpg.InterfaceError, OSError):
            raise
        except Exception as error:
            log.warning("journey_step_failed", campaign_id=campaign_id, entries=len(taken), exc_info=True)
            if len(taken) == 1:
                await self._note_failure(taken[0], error)
            return False
        return True

    async def _note_failure(self, entry_id: int, error: Exception) -> None:
        now = self._clock.now()
        async with self._pool.acquire() as connection:
            if isinstance(error, FactsError | Unavailable):  # not her fault: what is asked cannot be read now
                await store.postpone(connection, entry_ids=[entry_id], until=now + LATER, now=now)
                return
            attempts = await store.count_attempts(connection, entry_id=entry_id)
            reason = f"{type(error).__name__}: {error}"[:_LONGEST_REASON].replace("\0", "")
            await store.note_failure(
                connection,
                entry_id=entry_id,
                reason=reason,
                again_at=now + FIRST_PAUSE * 2**attempts,
                most=MOST_ATTEMPTS,
                now=now,
            )

    async def _chunk(self, campaign_id: int, taken: list[int], *, only: Sequence[int] | None = None) -> None:
        async with self._pool.acquire() as connection, connection.transaction():
            now = self._clock.now()
            if not await feeds.hold_campaigns(connection, campaign_ids=[campaign_id]):
                return
            rows = await store.claim(connection, campaign_id=campaign_id, now=now, limit=self._at_once, only=only)
            taken.extend(row["entry_id"] for row in rows)
            self._watch("claimed")
            if rows:
                await self._walk(connection, campaign_id, rows, now=now)
            self._watch("written")
        self._watch("committed")

    async def _walk(
        self, connection: Connection, campaign_id: int, rows: Sequence[asyncpg.Record], *, now: datetime
    ) -> None:
        programmes = by_version(await self._programmes.read(connection))
        settings = await shop.read_settings(connection)
        ended = await _ended(connection, campaign_id, rows)
        walkers = [
            walker_of(row, programmes[campaign_id, row["version"]], settings)
            for row in rows
            if row["entry_id"] not in ended
        ]
        await look_back(connection, walkers)
        await self._advance(walkers, now)
        outcomes = await self._act(connection, campaign_id, walkers, settings, now)
        passed = [passed_by(walker, visit, outcomes) for walker in walkers for visit in walker.moved.visits]
        await store.add_visits(connection, passed, campaign_id=campaign_id, now=now)
        gone = [left_by(row, ended[row["entry_id"]], now) for row in rows if row["entry_id"] in ended]
        await store.stand(connection, [*gone, *(standing_of(walker, now) for walker in walkers)], now=now)

    async def _advance(self, walkers: Sequence[Walker], now: datetime) -> None:
        """As far as everybody comes; where ways fork by a rule, it is asked for all who stand there together."""
        going = list(walkers)
        while going:
            asking: dict[tuple[int, int], list[Walker]] = defaultdict(list)
            for walker in going:
                decision = advance(walker.programme.steps, walker.stand, walker.known, now=now)
                if isinstance(decision, Ask):
                    asking[walker.programme.version, decision.step].append(walker)
                else:
                    walker.came = decision
            for (_, step), group in asking.items():
                split = group[0].programme.steps[step]
                assert isinstance(split, SplitRule)  # noqa: S101 - only these ask
                holding = await self._holds(split.parsed, {walker.customer_id for walker in group})
                for walker in group:
                    answers = {**walker.known.rules, step: walker.customer_id in holding}
                    walker.known = replace(walker.known, rules=answers)
            going = [walker for group in asking.values() for walker in group]

    async def _act(
        self,
        connection: Connection,
        campaign_id: int,
        walkers: Sequence[Walker],
        settings: ShopSettings,
        now: datetime,
    ) -> Mapping[str, str]:
        """Everything that steps do on the way, step by step for all; the log of events last, its readers wait for the end."""
        doing: dict[tuple[int, int], list[Doing]] = defaultdict(list)
        for walker in walkers:
            control = is_held_out(walker, settings)
            for visit in walker.moved.visits:
                if isinstance(walker.programme.steps[visit.step], Send | SetTrait | GiveCoupon | CallWebhook):
                    one = Doing(
                        entry_id=walker.entry_id, lap=visit.lap, step=visit.step, version=walker.programme.version,
                        customer_id=walker.customer_id, control=control,
                    )  # fmt: skip
                    doing[one.version, one.step].append(one)
        acts = Acts(connection, campaign_id, now, self._plan, self._give, [])
        steps = {walker.programme.version: walker.programme.steps for walker in walkers}
        outcomes: dict[str, str] = {}
        for (version, place), people in doing.items():
            step = steps[version][place]
            assert isinstance(step, Acting)  # noqa: S101 - only these were collected
            outcomes |= await acts.do(step, people)
        self._watch("acted")
        if acts.events:
            await events.append(connection, acts.events, received_at=now)
        return outcomes


def _is_over(programme: Programme, now: datetime) -> bool:
    """Whether nobody can enter any more: what happened before its end may still be read for a while."""
    trigger = programme.draft.trigger
    if not programme.open:
        return False
    if trigger.kind in SET_BASED:
        return programme.next_at is None
    until = until_of(trigger)
    return until is not None and until + OLDEST < now


async def _ended(connection: Connection, campaign_id: int, rows: Sequence[asyncpg.Record]) -> Mapping[int, str]:
    """Who is under way no longer, with why: erased, or inside by an older entry since two became one."""
    twice = await store.inside_besides(
        connection, campaign_id=campaign_id, entries=[(row["entry_id"], row["customer_id"]) for row in rows]
    )
    return {row["entry_id"]: "erased" for row in rows if row["gone"]} | dict.fromkeys(twice, "merged")
