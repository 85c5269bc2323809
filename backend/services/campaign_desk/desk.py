"""The desk itself: what a person can do with campaigns, checked, audited, one transaction each."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import asyncpg

from backend.clock import Clock
from backend.errors import BadInput, Conflict, NotFound
from backend.services.campaign_desk import dry_runs, reports, trials
from backend.services.campaign_desk.rows import detail_of, read, summary_of
from backend.store import access as access_store
from backend.store import campaigns as store
from backend.store import deliveries as delivery_store
from backend.store import jobs
from backend.store.pool import Connection
from campaigns.audience import Audiences
from campaigns.campaign import Action, Draft, State, check_draft, next_state
from campaigns.delivery import PushSender
from campaigns.errors import DraftIncomplete, TransitionRefused
from campaigns.overview import CampaignDetail, CampaignReport, CampaignSummary, DryRun, TestSend
from campaigns.templates import check_content

LAUNCH_JOB = "launch_campaign"


class CampaignDesk:
    """What a person can do with campaigns. Every change is audited under the name in ``by``.

    Raises throughout: NotFound for an unknown campaign, Conflict where its state or revision does not allow the
    action, BadInput (with ``field``) where a draft does not stand.
    """

    def __init__(
        self, pool: asyncpg.Pool, clock: Clock, *, audiences: Audiences, facts: reports.Facts, sender: PushSender
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._audiences = audiences
        self._facts = facts
        self._sender = sender

    async def list(self) -> tuple[CampaignSummary, ...]:
        """All campaigns, the last changed first."""
        async with self._pool.acquire() as connection:
            return tuple(summary_of(row) for row in await store.list_all(connection))

    async def get(self, campaign_id: int) -> CampaignDetail:
        """One campaign."""
        return detail_of(await self._row(campaign_id))

    async def create(self, draft: Draft, *, by: str) -> CampaignDetail:
        """Keep a new draft."""
        with _explained():
            check_draft(draft)
            check_content(draft.content)
        async with self._pool.acquire() as connection, connection.transaction():
            await _check_segment(connection, draft)
            with _unique_name(draft):
                number = await store.insert(connection, draft, salt=secrets.token_hex(16), now=self._clock.now(), by=by)
            await self._audit(connection, "create", number, by, {"name": draft.name})
        return await self.get(number)

    async def edit(self, campaign_id: int, draft: Draft, *, revision: int, by: str) -> CampaignDetail:
        """Replace the draft that ``revision`` names; a scheduled campaign becomes a draft again."""
        with _explained():
            check_draft(draft)
            check_content(draft.content)
        async with self._pool.acquire() as connection, connection.transaction():
            state = await _move(connection, campaign_id, Action.EDIT, revision=revision)
            await _check_segment(connection, draft)
            with _unique_name(draft):
                await store.update_draft(connection, draft, campaign_id=campaign_id, state=state, now=self._clock.now())
            await self._audit(connection, "edit", campaign_id, by, {"revision": revision})
        return await self.get(campaign_id)

    async def dry_run(self, campaign_id: int) -> DryRun:
        """What a launch now would do; nothing is stored."""
        row = await self._row(campaign_id)
        return await dry_runs.dry_run(self._pool, row, audiences=self._audiences, now=self._clock.now())

    async def schedule(self, campaign_id: int, *, at: datetime, revision: int, by: str) -> CampaignDetail:
        """Launch at ``at``, an aware moment; one that has passed means as soon as a worker is free."""
        if at.tzinfo is None:
            raise BadInput("The time needs a time zone, such as 2026-11-22T10:00+09:00.", field="scheduled_at")
        async with self._pool.acquire() as connection, connection.transaction():
            await _move(connection, campaign_id, Action.SCHEDULE, revision=revision)
            await store.set_schedule(connection, campaign_id=campaign_id, at=at, now=self._clock.now())
            if at <= self._clock.now():
                await jobs.enqueue(connection, LAUNCH_JOB, {"campaign_id": campaign_id}, once=str(campaign_id))
            await self._audit(connection, "schedule", campaign_id, by, {"at": at.isoformat()})
        return await self.get(campaign_id)

    async def send_now(self, campaign_id: int, *, revision: int, by: str) -> CampaignDetail:
        """Launch as soon as a worker is free."""
        return await self.schedule(campaign_id, at=self._clock.now(), revision=revision, by=by)

    async def pause(self, campaign_id: int, *, by: str) -> CampaignDetail:
        """Stop sending; what is on its way stays on its way."""
        return await self._change(campaign_id, Action.PAUSE, by=by, paused_reason="person")

    async def resume(self, campaign_id: int, *, by: str) -> CampaignDetail:
        """Go on sending."""
        return await self._change(campaign_id, Action.RESUME, by=by)

    async def cancel(self, campaign_id: int, *, by: str) -> CampaignDetail:
        """Stop for good; who has not been sent it never will be."""
        return await self._change(campaign_id, Action.CANCEL, by=by)

    async def test_send(self, campaign_id: int, *, customer_id: int, by: str) -> TestSend:
        """Send it now to one customer's live devices, past quiet hours and cap."""
        row, now = await self._row(campaign_id), self._clock.now()
        return await trials.test_send(self._pool, row, sender=self._sender, customer_id=customer_id, now=now, by=by)

    async def report(self, campaign_id: int) -> CampaignReport:
        """Its figures."""
        return await reports.report(self._pool, await self._row(campaign_id), facts=self._facts)

    async def _row(self, campaign_id: int) -> asyncpg.Record:
        async with self._pool.acquire() as connection:
            return await read(connection, campaign_id)

    async def _change(
        self, campaign_id: int, action: Action, *, by: str, paused_reason: str | None = None
    ) -> CampaignDetail:
        now = self._clock.now()
        async with self._pool.acquire() as connection, connection.transaction():
            state = await _move(connection, campaign_id, action)
            await store.set_state(
                connection, campaign_id=campaign_id, state=state, now=now, paused_reason=paused_reason
            )
            if action is Action.CANCEL:
                await delivery_store.cancel_rest(connection, campaign_id=campaign_id, now=now)
            await self._audit(connection, str(action), campaign_id, by, {})
        return await self.get(campaign_id)

    async def _audit(
        self, connection: Connection, action: str, campaign_id: int, by: str, detail: dict[str, Any]
    ) -> None:
        await access_store.write_audit(
            connection,
            at=self._clock.now(),
            actor=by,
            action=f"campaign.{action}",
            target=f"campaign {campaign_id}",
            detail=detail,
        )


async def _move(connection: Connection, campaign_id: int, action: Action, *, revision: int | None = None) -> State:
    """Hold the campaign and give the state the action leads to."""
    held = await store.lock(connection, campaign_id=campaign_id)
    if held is None:
        raise NotFound(f"There is no campaign {campaign_id}.", code="campaign_not_found")
    if revision is not None and revision != held["revision"]:
        raise Conflict(
            "Somebody changed this campaign in the meantime: reload it and look before you go on.",
            code="campaign_changed",
        )
    with _explained():
        return next_state(State(held["state"]), action)


async def _check_segment(connection: Connection, draft: Draft) -> None:
    if draft.segment_id is not None and not await store.has_segment(connection, segment_id=draft.segment_id):
        raise BadInput("Choose a segment that is there.", code="segment_not_found", field="segment_id")


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except DraftIncomplete as error:
        raise BadInput(_sentence(error.message), code="draft_incomplete", field=error.field) from error
    except TransitionRefused as error:
        raise Conflict(_sentence(error.message), code="wrong_state") from error


@contextmanager
def _unique_name(draft: Draft) -> Iterator[None]:
    try:
        yield
    except asyncpg.UniqueViolationError as error:
        raise Conflict(
            f'There is already a campaign called "{draft.name}": choose another name.', code="name_taken", field="name"
        ) from error


def _sentence(message: str) -> str:
    return f"{message[0].upper()}{message[1:]}."
